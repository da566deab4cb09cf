/* See fuzz.h. Files are real ones, since readers take paths: TMPDIR should be in memory. */
#include "fuzz.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "base/memory.h"

/* ---- Inputs ---- */

unsigned fuzz_choice(struct fuzz_input *input, unsigned choices)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++ % choices;
}

struct fuzz_input fuzz_part(struct fuzz_input *input)
{
    size_t low = fuzz_choice(input, 256), length = low + 256 * (size_t)fuzz_choice(input, 256);
    struct fuzz_input part = {input->at, length < input->left ? length : input->left};
    input->at += part.left;
    input->left -= part.left;
    return part;
}

/* ---- Files ---- */

static char directory[PATH_MAX / 2];

const char *fuzz_directory(void)
{
    if (directory[0] == '\0') {
        const char *parent = getenv("TMPDIR");
        int length = snprintf(directory, sizeof directory, "%s/fuzz-XXXXXX", parent != NULL ? parent : "/dev/shm");
        FUZZ_HOLDS(length > 0 && (size_t)length < sizeof directory && mkdtemp(directory) != NULL);
    }
    return directory;
}

static const char *path_of(const char *name)
{
    static char buffer[4][PATH_MAX];
    static unsigned next;
    char *path = buffer[next++ % COUNT(buffer)];
    int length = snprintf(path, PATH_MAX, "%s/%s", fuzz_directory(), name);
    FUZZ_HOLDS(length > 0 && length < PATH_MAX);
    return path;
}

void fuzz_remove(const char *name)
{
    (void)unlink(path_of(name));
}

/* As one stored block a piece: it costs little, and mutations stay where they were made. */
static struct fuzz_input pack(struct fuzz_input bytes, uint8_t *packed, size_t capacity)
{
    z_stream stream = {.next_in = (z_const Bytef *)(uintptr_t)bytes.at, .avail_in = (uInt)bytes.left, .next_out = packed,
                       .avail_out = (uInt)capacity};
    FUZZ_HOLDS(deflateInit2(&stream, Z_NO_COMPRESSION, Z_DEFLATED, 9 + 16, 1, Z_DEFAULT_STRATEGY) == Z_OK);
    FUZZ_HOLDS(deflate(&stream, Z_FINISH) == Z_STREAM_END && deflateEnd(&stream) == Z_OK);
    return (struct fuzz_input){packed, capacity - stream.avail_out};
}

const char *fuzz_put(const char *name, struct fuzz_input bytes, bool is_packed)
{
    static uint8_t packed[1 << 20];
    const char *path = path_of(name);
    FUZZ_HOLDS(bytes.left < sizeof packed / 2);
    if (is_packed)
        bytes = pack(bytes, packed, sizeof packed);
    int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_HOLDS(file >= 0 && write(file, bytes.at, bytes.left) == (ssize_t)bytes.left && close(file) == 0);
    return path;
}

/* ---- Memory: the linker leads the library's calls here (--wrap) ---- */

static struct { size_t arrays, bytes, most_bytes; } held = {.most_bytes = SIZE_MAX};

void *__real_memory_new(size_t count, size_t size_bytes);
void *__real_memory_reserve(size_t count, size_t size_bytes);
void *__real_memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes);
char *__real_memory_string(const char *text);
void __real_memory_free(void *p);
void *__wrap_memory_new(size_t count, size_t size_bytes);
void *__wrap_memory_reserve(size_t count, size_t size_bytes);
void *__wrap_memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes);
char *__wrap_memory_string(const char *text);
void __wrap_memory_free(void *p);

static void ask(size_t count, size_t size_bytes)
{
    FUZZ_HOLDS(size_bytes == 0 || (held.bytes <= held.most_bytes && count <= (held.most_bytes - held.bytes) / size_bytes));
}

static void *count_new(void *p)
{
    if (p != NULL) {
        held.arrays++;
        held.bytes += malloc_usable_size(p);
    }
    return p;
}

static void count_freed(size_t bytes)
{
    held.arrays--;
    held.bytes -= bytes;
}

void *__wrap_memory_new(size_t count, size_t size_bytes)
{
    ask(count, size_bytes);
    return count_new(__real_memory_new(count, size_bytes));
}

void *__wrap_memory_reserve(size_t count, size_t size_bytes)
{
    ask(count, size_bytes);
    return count_new(__real_memory_reserve(count, size_bytes));
}

void *__wrap_memory_grow(void *old, size_t old_count, size_t new_count, size_t size_bytes)
{
    ask(new_count, size_bytes);
    size_t old_bytes = old != NULL ? malloc_usable_size(old) : 0;
    void *grown = __real_memory_grow(old, old_count, new_count, size_bytes);
    if (grown != NULL && old != NULL)
        count_freed(old_bytes);
    return count_new(grown);
}

char *__wrap_memory_string(const char *text)
{
    return count_new(__real_memory_string(text));
}

void __wrap_memory_free(void *p)
{
    if (p != NULL)
        count_freed(malloc_usable_size(p));
    __real_memory_free(p);
}

void fuzz_memory_begin(size_t most_bytes)
{
    held.arrays = held.bytes = 0;
    held.most_bytes = most_bytes;
}

void fuzz_memory_end(void)
{
    FUZZ_HOLDS(held.arrays == 0 && held.bytes == 0);
    held.most_bytes = SIZE_MAX;                 /* libFuzzer's own time has no limit */
}

/* ---- What a reader delivers ---- */

/* As table.h says. Every byte is looked at, so that AddressSanitizer sees whether it is there. */
static void table_check(const struct table *table, enum target_kind target)
{
    size_t size = table->count * table->features, sum = 0;
    FUZZ_HOLDS(table->count <= UINT32_MAX && table->features >= 1);
    FUZZ_HOLDS((table->pixel != NULL) != (table->value != NULL));
    FUZZ_HOLDS(table->height == 0 || table->height * table->width * table->channels == table->features);
    for (size_t i = 0; i < size && table->pixel != NULL; i++)
        sum += table->pixel[i];
    for (size_t i = 0; i < size && table->value != NULL; i++)
        FUZZ_HOLDS(!isinf(table->value[i]));
    FUZZ_HOLDS(sum <= UINT8_MAX * size);
    FUZZ_HOLDS((table->label != NULL) + (table->target != NULL) == (target != TARGET_NOTHING));
    FUZZ_HOLDS((table->target != NULL) == (table->targets != 0));
    for (size_t n = 0; n < table->count && table->label != NULL; n++)
        FUZZ_HOLDS(table->label[n] >= 0);
    for (size_t i = 0; i < table->count * table->targets; i++)
        FUZZ_HOLDS(isfinite(table->target[i]));
}

static void names_check(const struct names *names)
{
    size_t length = 0;
    for (size_t i = 0; i < names->count; i++)
        length += strlen(names->name[i]) + 1;
    FUZZ_HOLDS(length >= names->count);
}

size_t fuzz_unpacked_most(size_t size_bytes)
{
    return 3 * 1032 * size_bytes;
}

void fuzz_read(fuzz_reader *read, const struct read_request *request, size_t most_bytes)
{
    struct source source;
    memset(&source, 0, sizeof source);          /* bytes between the members, too */
    fuzz_memory_begin(most_bytes);
    weft_status st = read(request, &source);
    if (st == WEFT_OK) {
        bool may_lack_training = request->target == TARGET_NOTHING && source.test.count != 0;
        FUZZ_HOLDS(source.train.count != 0 || may_lack_training);
        if (source.train.count != 0)
            table_check(&source.train, request->target);
        if (source.test.count != 0)
            table_check(&source.test, request->target);
        names_check(&source.classes);
        source_free(&source);
    }
    fuzz_memory_end();
    static const struct source nothing;
    FUZZ_HOLDS(memcmp(&source, &nothing, sizeof source) == 0);
    FUZZ_HOLDS(st == WEFT_OK || st == WEFT_EDATA || st == WEFT_ENOINPUT || st == WEFT_ENOMEM || st == WEFT_ESETTINGS);
    FUZZ_HOLDS(st == WEFT_OK || weft_last_error()[0] != '\0');
}
