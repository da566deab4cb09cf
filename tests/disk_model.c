/* What a cut leaves: it decides which operations of a recording have reached the disk, and the directory is made from these. */
#include "disk_model.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_recording.h"
#include "support.h"

enum { SECTOR_BYTES = 512 };

struct entry { size_t directory, inode; const char *name; };

/* Which operations have reached the disk. */
struct survivors {
    const struct disk *disk;
    size_t end;                         /* the first operation that has not begun */
    size_t torn_bytes;                  /* of operation `end`, a write, this much has been written */
    size_t *safe_before;                /* by inode: operations on it before this one are safe */
    struct random random;
    struct entry *entry;                /* the names that there are */
    size_t entries, entry_capacity;
};

static bool is_safe(const struct survivors *s, const struct operation *o)
{
    size_t inode = o->kind == NAME ? o->directory : o->inode;
    return (size_t)(o - s->disk->operation) < s->safe_before[inode];
}

static void set_entry(struct survivors *s, const struct operation *o)
{
    size_t i = 0;
    while (i < s->entries && (s->entry[i].directory != o->directory || strcmp(s->entry[i].name, o->name) != 0))
        i++;
    if (o->inode == NOTHING && i < s->entries) {
        s->entry[i] = s->entry[--s->entries];
    } else if (o->inode != NOTHING) {
        s->entry = grown(s->entry, s->entries, &s->entry_capacity, sizeof *s->entry);
        s->entry[i] = (struct entry){o->directory, o->inode, o->name};
        s->entries += i == s->entries;
    }
}

/* A journal has all changes up to one of them, and at least what is safe; a rename is one change there. */
static void choose_names_in_order(struct survivors *s)
{
    size_t least = 0;
    const struct operation *o = s->disk->operation;
    for (size_t i = 0; i < s->end; i++)
        if (o[i].kind == NAME && is_safe(s, &o[i]))
            least = i + 1;
    size_t until = least + random_below(&s->random, s->end - least + 1);
    if (until < s->disk->operations && o[until].kind == NAME && o[until].is_second)
        until++;
    for (size_t i = 0; i < until; i++)
        if (o[i].kind == NAME)
            set_entry(s, &o[i]);
}

static void choose_names_freely(struct survivors *s)
{
    double share = (double)random_below(&s->random, 5) / 4;             /* of what is not safe */
    for (size_t i = 0; i < s->end; i++) {
        const struct operation *o = &s->disk->operation[i];
        if (o->kind == NAME && (is_safe(s, o) || random_real(&s->random, 0, 1) < share))
            set_entry(s, o);
    }
}

struct content { unsigned char *bytes; size_t size_bytes, capacity; };

static void content_extend(struct content *content, size_t size_bytes)
{
    if (size_bytes > content->capacity) {
        content->capacity = 2 * size_bytes;
        content->bytes = realloc(content->bytes, content->capacity);
        if (content->bytes == NULL)
            give_up("out of memory");
    }
    if (size_bytes > content->size_bytes) {
        memset(content->bytes + content->size_bytes, 0, size_bytes - content->size_bytes);
        content->size_bytes = size_bytes;
    }
}

static void content_put(struct content *content, size_t at, const unsigned char *bytes, size_t size_bytes)
{
    content_extend(content, at + size_bytes);
    if (size_bytes > 0)
        memcpy(content->bytes + at, bytes, size_bytes);
}

/* What has become of a file's bytes that are not safe. */
enum fate { KEPT, DROPPED, EMPTY_ROOM, CUT_SHORT, SCRAMBLED, FATES };

/* Each sector by itself: as it was written, noise, or (as the room has been taken already) zeros. */
static void scramble(struct survivors *s, struct content *content, const struct operation *o, size_t size_bytes)
{
    content_extend(content, o->at + size_bytes);
    for (size_t done = 0, n; done < size_bytes; done += n) {
        unsigned char *sector = content->bytes + o->at + done;
        n = SECTOR_BYTES - (o->at + done) % SECTOR_BYTES;
        n = n < size_bytes - done ? n : size_bytes - done;
        size_t choice = random_below(&s->random, 4);
        if (choice < 2)
            memcpy(sector, o->bytes + done, n);
        for (size_t i = 0; choice == 2 && i < n; i++)
            sector[i] = (unsigned char)random_bits(&s->random);
    }
}

static size_t written_bytes(const struct survivors *s, size_t i)
{
    return i < s->end ? s->disk->operation[i].size_bytes : s->torn_bytes;
}

/* Of the bytes that are not safe, so many from the first have come through. */
static size_t bytes_left(struct survivors *s, size_t inode, size_t end)
{
    size_t open_bytes = 0;
    for (size_t i = 0; i < end; i++) {
        const struct operation *o = &s->disk->operation[i];
        if (o->kind == WRITE && o->inode == inode && !is_safe(s, o))
            open_bytes += written_bytes(s, i);
    }
    return random_below(&s->random, open_bytes + 1);
}

static struct content content_after(struct survivors *s, size_t inode, enum fate fate)
{
    struct content content = {calloc(1, 1), 0, 1};
    size_t end = s->end + (s->torn_bytes > 0), left = fate == CUT_SHORT ? bytes_left(s, inode, end) : 0;
    for (size_t i = 0; i < end; i++) {
        const struct operation *o = &s->disk->operation[i];
        size_t n = written_bytes(s, i);
        if (o->kind != WRITE || o->inode != inode)
            continue;
        if (fate == KEPT || is_safe(s, o)) {
            content_put(&content, o->at, o->bytes, n);
        } else if (left > 0) {
            n = n < left ? n : left;
            content_put(&content, o->at, o->bytes, n);
            left -= n;
        } else if (fate == EMPTY_ROOM) {
            content_extend(&content, o->at + n);
        } else if (fate == SCRAMBLED) {
            scramble(s, &content, o, n);
        }
    }
    return content;
}

static void make_file(struct survivors *s, size_t inode, const char *path)
{
    struct content content = content_after(s, inode, random_below(&s->random, FATES));
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(content.bytes, 1, content.size_bytes, file) != content.size_bytes || fclose(file) != 0)
        give_up("cannot make %s", path);
    free(content.bytes);
}

/* made: by inode, its path once it has one. */
static void make_directory(struct survivors *s, size_t directory, const char *directory_path, char **made)
{
    if (mkdir(directory_path, 0777) < 0)
        give_up("cannot make %s: %s", directory_path, strerror(errno));
    for (size_t i = 0; i < s->entries; i++) {
        const struct entry *e = &s->entry[i];
        const struct inode *inode = &s->disk->inode[e->inode];
        char path[PATH_MAX];
        int rc = 0;
        if (e->directory != directory)
            continue;
        path_of(path, directory_path, e->name);
        if (made[e->inode] != NULL)
            rc = link(made[e->inode], path);
        else if (inode->kind == A_FILE)
            make_file(s, e->inode, path);
        else if (inode->kind == A_LINK)
            rc = symlink(inode->target, path);
        else
            make_directory(s, e->inode, path, made);
        if (rc < 0)
            give_up("cannot make %s: %s", path, strerror(errno));
        if (made[e->inode] == NULL)
            made[e->inode] = copy_of(path, strlen(path) + 1);       /* a second name is a link to it */
    }
}

static void find_what_is_safe(struct survivors *s, size_t lies_from)
{
    s->safe_before = calloc(s->disk->inodes, sizeof *s->safe_before);
    if (s->safe_before == NULL)
        give_up("out of memory");
    for (size_t i = 0; i < s->end && (i < s->disk->first || i - s->disk->first < lies_from); i++)
        if (s->disk->operation[i].kind == SYNC)
            s->safe_before[s->disk->operation[i].inode] = i;
}

void disk_after(const struct disk *disk, const struct disk_cut *cut, const char *directory)
{
    struct survivors s = {.disk = disk, .end = disk->first + cut->point, .random = {cut->seed}};
    const struct operation *next = s.end < disk->operations ? &disk->operation[s.end] : NULL;
    if (next != NULL && next->kind == NAME && next->is_second && cut->is_ordered)
        s.end++;
    else if (next != NULL && next->kind == WRITE && random_below(&s.random, 2) == 1)
        s.torn_bytes = random_below(&s.random, next->size_bytes + 1);
    find_what_is_safe(&s, cut->lies_from);
    if (cut->is_ordered)
        choose_names_in_order(&s);
    else
        choose_names_freely(&s);
    char **made = calloc(disk->inodes, sizeof *made);
    if (made == NULL)
        give_up("out of memory");
    make_directory(&s, ROOT, directory, made);
    for (size_t i = 0; i < disk->inodes; i++)
        free(made[i]);
    free(made);
    free(s.entry);
    free(s.safe_before);
}

/* ---- the recording itself ---- */

/* The bytes of an inode before an operation. */
static struct content content_before(const struct disk *disk, size_t inode, size_t operation)
{
    struct survivors s = {.disk = disk, .end = operation};
    return content_after(&s, inode, KEPT);
}

int64_t disk_version_bytes(const struct disk *disk, const char *name, const void *bytes, size_t size_bytes)
{
    int64_t largest = -1;
    for (size_t i = 0; i < disk->operations; i++) {
        const struct operation *o = &disk->operation[i];
        if (o->kind != NAME || o->inode == NOTHING || strcmp(o->name, name) != 0 || disk->inode[o->inode].kind != A_FILE)
            continue;
        struct content version = content_before(disk, o->inode, i);
        if (version.size_bytes <= size_bytes && memcmp(version.bytes, bytes, version.size_bytes) == 0
            && (int64_t)version.size_bytes > largest)
            largest = (int64_t)version.size_bytes;
        free(version.bytes);
    }
    return largest;
}

static void compare_one(const struct disk *disk, size_t inode, const char *path)
{
    char target[PATH_MAX] = "";
    struct stat info;
    if (lstat(path, &info) < 0)
        give_up("%s should be there", path);
    if (disk->inode[inode].kind == A_LINK) {
        if (readlink(path, target, sizeof target - 1) < 0 || strcmp(target, disk->inode[inode].target) != 0)
            give_up("%s should be a link to %s", path, disk->inode[inode].target);
    } else if (disk->inode[inode].kind == A_FILE) {
        struct content content = content_before(disk, inode, disk->operations);
        unsigned char *bytes = bytes_of(path, (size_t)info.st_size);
        if (content.size_bytes != (size_t)info.st_size || memcmp(content.bytes, bytes, content.size_bytes) != 0)
            give_up("%s holds other bytes than were written", path);
        free(bytes);
        free(content.bytes);
    }
}

/* The names that are really there are those of the recording, and stand for the same. */
static void compare(const struct survivors *s, size_t directory, const char *directory_path)
{
    size_t names = 0, wanted = 0;
    DIR *stream = opendir(directory_path);
    if (stream == NULL)
        give_up("cannot list %s", directory_path);
    while (readdir(stream) != NULL)
        names++;
    closedir(stream);
    for (size_t i = 0; i < s->entries; i++) {
        char path[PATH_MAX];
        if (s->entry[i].directory != directory)
            continue;
        wanted++;
        path_of(path, directory_path, s->entry[i].name);
        compare_one(s->disk, s->entry[i].inode, path);
        if (s->disk->inode[s->entry[i].inode].kind == A_DIRECTORY)
            compare(s, s->entry[i].inode, path);
    }
    if (names != wanted + 2)                                            /* . and .. */
        give_up("%s holds %zu names, recorded are %zu", directory_path, names - 2, wanted);
}

void disk_compare(const struct disk *disk)
{
    struct survivors s = {.disk = disk, .end = disk->operations};
    for (size_t i = 0; i < disk->operations; i++)
        if (disk->operation[i].kind == NAME)
            set_entry(&s, &disk->operation[i]);
    compare(&s, ROOT, disk->root);
    free(s.entry);
}
