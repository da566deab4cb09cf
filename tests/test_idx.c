/* IDX files: what is read from good ones, and what is said of every kind of bad one. The parser works on memory, so most
 * cases need no file. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <zlib.h>

#include "base/fault.h"
#include "base/memory.h"
#include "data/idx.h"
#include "data/readers.h"
#include "peak_samples.h"
#include "weft/error.h"

/* The reader, with its two tables apart. */
static weft_status read_idx(const char *where, const char *options, struct table *train, struct table *test)
{
    struct source source = {0};
    weft_status st = idx_read(&(struct read_request){.where = where, .options = options}, &source);
    *train = source.train;
    *test = source.test;
    return st;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { ROWS = 5, SIDE = 4, IMAGE_BYTES = 16 + ROWS * SIDE * SIDE, LABEL_BYTES = 8 + ROWS };

static char directory[] = "/tmp/weft_test_idx_XXXXXX";

/* ---- Building files ---- */

/* A whole image file: header, then bytes that repeat enough to be packed and differ enough to be told apart. */
static void image_file(uint8_t byte[IMAGE_BYTES])
{
    const size_t dim[] = {ROWS, SIDE, SIDE};
    size_t header = idx_header(3, dim, byte);
    assert_int_equal(header, 16);
    for (size_t i = header; i < IMAGE_BYTES; i++)
        byte[i] = (uint8_t)(i * i / 3);
}

static void label_file(uint8_t byte[LABEL_BYTES])
{
    const size_t dim[] = {ROWS};
    size_t header = idx_header(1, dim, byte);
    assert_int_equal(header, 8);
    for (size_t i = 0; i < ROWS; i++)
        byte[header + i] = (uint8_t)(i % 3);
}

static size_t pack(const void *bytes, size_t size_bytes, uint8_t *packed, size_t capacity)
{
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)bytes;
    stream.avail_in = (uInt)size_bytes;
    stream.next_out = packed;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(deflateEnd(&stream), Z_OK);
    return capacity - stream.avail_out;
}

static void file_put(const char *name, const void *bytes, size_t size_bytes)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size_bytes, file), size_bytes);
    assert_int_equal(fclose(file), 0);
}

static int directory_make(void **state)
{
    (void)state;
    strcpy(directory + strlen(directory) - 6, "XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int directory_remove(void **state)
{
    (void)state;
    static const char *const set[] = {"train", "t10k"}, *const part[] = {"images", "labels"},
        *const tail[] = {"-idx3-ubyte", "-idx1-ubyte", ".idx3-ubyte", ".idx1-ubyte"}, *const end[] = {"", ".gz"};
    char path[PATH_MAX];
    for (size_t i = 0; i < 32; i++) {
        snprintf(path, sizeof path, "%s/%s-%s%s%s", directory, set[i & 1], part[i >> 1 & 1], tail[i >> 2 & 3], end[i >> 4]);
        unlink(path);
    }
    return rmdir(directory);
}

/* The same again after a call: it has left no file open. */
static int lowest_free_descriptor(void)
{
    int descriptor = open("/dev/null", O_RDONLY);
    assert_true(descriptor >= 0);
    close(descriptor);
    return descriptor;
}

#define assert_refused(call, status, words) assert_refused_at(call, status, words, __FILE__, __LINE__)
static void assert_refused_at(weft_status found, weft_status wanted, const char *words, const char *file, int line)
{
    _assert_int_equal((uintmax_t)found, (uintmax_t)wanted, file, line);
    if (strstr(weft_last_error(), words) == NULL) {
        print_error("\"%s\" does not say \"%s\"\n", weft_last_error(), words);
        _fail(file, line);
    }
}

/* ---- One array ---- */

static void plain_and_packed_give_the_same(void **state)
{
    (void)state;
    uint8_t byte[IMAGE_BYTES], packed[2 * IMAGE_BYTES], members[4 * IMAGE_BYTES];
    image_file(byte);
    size_t packed_bytes = pack(byte, sizeof byte, packed, sizeof packed);
    size_t members_bytes = pack(byte, 21, members, sizeof members);             /* two gzip members, cut inside a row */
    members_bytes += pack(byte + 21, sizeof byte - 21, members + members_bytes, sizeof members - members_bytes);
    const struct { const void *bytes; size_t size_bytes; } file[] = {
        {byte, sizeof byte}, {packed, packed_bytes}, {members, members_bytes}};
    for (size_t i = 0; i < COUNT(file); i++) {
        struct idx_array array;
        assert_int_equal(idx_decode("f", file[i].bytes, file[i].size_bytes, 2, 3, &array), WEFT_OK);
        assert_int_equal(array.rank, 3);
        assert_int_equal(array.dim[0], ROWS);
        assert_int_equal(array.dim[1], SIDE);
        assert_int_equal(array.dim[2], SIDE);
        assert_int_equal(array.size_bytes, ROWS * SIDE * SIDE);
        assert_memory_equal(array.value, byte + 16, array.size_bytes);
        memory_free(array.value);
    }
}

/* Zeros pack about 1,000 : 1, so the first piece of memory must grow several times. */
static void well_packed_data_grows(void **state)
{
    (void)state;
    const size_t dim[] = {700, 1000};
    size_t size_bytes = 12 + 700 * 1000;
    uint8_t *byte = memory_new(size_bytes, 1), packed[4096];
    assert_non_null(byte);
    idx_header(2, dim, byte);
    byte[size_bytes - 1] = 77;
    size_t packed_bytes = pack(byte, size_bytes, packed, sizeof packed);
    struct idx_array array;
    assert_int_equal(idx_decode("f", packed, packed_bytes, 2, 3, &array), WEFT_OK);
    assert_int_equal(array.rank, 2);
    assert_memory_equal(array.value, byte + 12, array.size_bytes);
    memory_free(array.value);
    memory_free(byte);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    uint8_t byte[IMAGE_BYTES], packed[2 * IMAGE_BYTES];
    struct idx_array array;
    image_file(byte);
    size_t packed_bytes = pack(byte, sizeof byte, packed, sizeof packed);
    for (size_t n = 0; n < sizeof byte; n++) {
        void *copy = memory_new(n, 1);                  /* its own block, so that a sanitizer sees a read behind it */
        memcpy(copy, byte, n);
        assert_refused(idx_decode("name", copy, n, 2, 3, &array), WEFT_EDATA, "name");
        assert_null(array.value);
        memory_free(copy);
    }
    for (size_t n = 0; n < packed_bytes; n++)
        assert_refused(idx_decode("name", packed, n, 2, 3, &array), WEFT_EDATA, "name");
    assert_refused(idx_decode("name", packed, packed_bytes - 1, 2, 3, &array), WEFT_EDATA, "cut off");
    assert_refused(idx_decode("name", byte, sizeof byte - 3, 2, 3, &array), WEFT_EDATA, "ends after 77 of the 80 bytes");
    assert_refused(idx_decode("name", byte, 10, 2, 3, &array), WEFT_EDATA, "header ends at byte 10 of 16");
}

/* Wrong bits are noticed, but for those that mean nothing: bytes 3 to 9, flags, time and system in the gzip header, and up
 * to 7 bits that fill the last byte of the packed data. */
static void every_flipped_bit_of_packed_data_is_refused(void **state)
{
    (void)state;
    uint8_t byte[IMAGE_BYTES], packed[2 * IMAGE_BYTES];
    image_file(byte);
    size_t packed_bytes = pack(byte, sizeof byte, packed, sizeof packed), unnoticed = 0;
    struct idx_array array;
    for (size_t bit = 0; bit < 8 * packed_bytes; bit++) {
        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        weft_status st = idx_decode("f", packed, packed_bytes, 2, 3, &array);
        if (st == WEFT_OK)
            assert_memory_equal(array.value, byte + 16, IMAGE_BYTES - 16);
        else
            assert_int_equal(st, WEFT_EDATA);
        unnoticed += st == WEFT_OK && (bit / 8 < 3 || bit / 8 > 9);
        memory_free(array.value);
        packed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(unnoticed <= 7);
    packed[packed_bytes - 8] ^= 1;
    assert_refused(idx_decode("f", packed, packed_bytes, 2, 3, &array), WEFT_EDATA, "incorrect data check");
}

static void lying_headers_are_refused(void **state)
{
    (void)state;
    static const struct { uint8_t byte[16]; size_t rank_min, rank_max; const char *words; } lie[] = {
        {{0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 2, 3, "beyond any memory"},
        {{0, 0, 8, 3, 128, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 4}, 2, 3, "beyond any memory"},      /* 2^64: wraps to 0 */
        {{0, 0, 8, 3, 0, 255, 255, 255, 0, 255, 255, 255, 0, 0, 0, 1}, 2, 3, "ends after 0 of the 281474943156225 bytes"},
        {{0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 4}, 2, 3, "dimension 1 at byte 4 is 0"},
        {{0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 0}, 2, 3, "dimension 3 at byte 12 is 0"},
        {{0, 0, 8, 1, 0, 0, 0, 8, 0}, 2, 3, "begins with 00 00 08 01, wanted 00 00 08 02 to 03"},
        {{0, 0, 8, 4, 0, 0, 0, 1}, 2, 3, "begins with 00 00 08 04"},
        {{0, 0, 8, 3, 0, 0, 0, 1}, 1, 1, "begins with 00 00 08 03, wanted 00 00 08 01 (unsigned bytes, rank 1)"},
        {{0, 0, 13, 3, 0, 0, 0, 1}, 2, 3, "begins with 00 00 0d 03"},
        {{3, 8, 0, 0, 1}, 2, 3, "begins with 03 08 00 00"},
        {{0, 0, 8, 1, 0, 0, 0, 7}, 1, 1, "goes on behind byte 15"},
    };
    for (size_t i = 0; i < COUNT(lie); i++) {
        struct idx_array array;
        uint8_t packed[64];
        assert_refused(idx_decode("f", lie[i].byte, 16, lie[i].rank_min, lie[i].rank_max, &array), WEFT_EDATA, lie[i].words);
        size_t packed_bytes = pack(lie[i].byte, 16, packed, sizeof packed);
        assert_refused(idx_decode("f", packed, packed_bytes, lie[i].rank_min, lie[i].rank_max, &array), WEFT_EDATA,
                       lie[i].words);
    }
}

static void trailing_bytes_are_refused(void **state)
{
    (void)state;
    uint8_t byte[IMAGE_BYTES + 1] = {0}, packed[2 * IMAGE_BYTES];
    struct idx_array array;
    image_file(byte);
    assert_refused(idx_decode("f", byte, sizeof byte, 2, 3, &array), WEFT_EDATA, "goes on behind byte 96");
    size_t packed_bytes = pack(byte, sizeof byte, packed, sizeof packed);
    assert_refused(idx_decode("f", packed, packed_bytes, 2, 3, &array), WEFT_EDATA, "goes on behind byte 96");
    packed_bytes = pack(byte, IMAGE_BYTES, packed, sizeof packed);
    packed[packed_bytes] = 'x';                                 /* behind the gzip data, no second member */
    assert_refused(idx_decode("f", packed, packed_bytes + 1, 2, 3, &array), WEFT_EDATA, "unpack f");
}

/* Random damage to a header and data: any answer but a crash, a leak or an answer that contradicts its own sizes. */
static void random_bytes_are_survived(void **state)
{
    (void)state;
    uint32_t random = 1;
    for (size_t round = 0; round < 20000; round++) {
        uint8_t byte[IMAGE_BYTES], packed[2 * IMAGE_BYTES];
        struct idx_array array;
        image_file(byte);
        for (size_t k = 0; k < 1 + round % 3; k++) {
            random = random * 1664525 + 1013904223;
            byte[(random >> 8) % 20] = (uint8_t)(random >> 24);
        }
        size_t size_bytes = IMAGE_BYTES - (random >> 4) % 3, rank_min = 1 + random % 2;
        size_t packed_bytes = round % 4 == 0 ? pack(byte, size_bytes, packed, sizeof packed) : 0;
        weft_status st = packed_bytes != 0 ? idx_decode("f", packed, packed_bytes, rank_min, 3, &array)
                                           : idx_decode("f", byte, size_bytes, rank_min, 3, &array);
        assert_true(st == WEFT_OK || st == WEFT_EDATA);
        if (st == WEFT_OK)
            assert_int_equal(array.size_bytes + 4 + 4 * array.rank, size_bytes);
        memory_free(array.value);
    }
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    const size_t dim[] = {700, 1000};
    uint8_t *byte = memory_new(12 + 700 * 1000, 1), packed[4096];
    idx_header(2, dim, byte);
    size_t packed_bytes = pack(byte, 12 + 700 * 1000, packed, sizeof packed), n = 0;
    memory_free(byte);
    struct idx_array array;
    weft_status st;
    do {
        memory_fail_from(++n);
        st = idx_decode("f", packed, packed_bytes, 2, 3, &array);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && array.value == NULL));
    } while (st != WEFT_OK);
    assert_true(n > 5);
    memory_free(array.value);
}

/* ---- A directory ---- */

static void directory_with_all_names(void **state)
{
    (void)state;
    uint8_t image[IMAGE_BYTES], label[LABEL_BYTES], packed[2 * IMAGE_BYTES];
    struct table train, test;
    image_file(image);
    label_file(label);
    size_t packed_bytes = pack(image, sizeof image, packed, sizeof packed);
    file_put("train-images-idx3-ubyte", packed, packed_bytes);          /* packed, though its name does not say so */
    file_put("train-labels-idx1-ubyte.gz", label, sizeof label);        /* plain, though its name says packed */
    assert_int_equal(read_idx(directory, "", &train, &test), WEFT_OK);
    assert_int_equal(train.count, ROWS);
    assert_int_equal(train.features, SIDE * SIDE);
    assert_int_equal(train.height, SIDE);
    assert_int_equal(train.width, SIDE);
    assert_int_equal(train.channels, 1);
    assert_memory_equal(train.pixel, image + 16, ROWS * SIDE * SIDE);
    for (size_t i = 0; i < ROWS; i++)
        assert_int_equal(train.label[i], label[8 + i]);
    assert_int_equal(test.count, 0);
    table_free(&train);

    file_put("t10k-images.idx3-ubyte.gz", packed, packed_bytes);
    file_put("t10k-labels.idx1-ubyte", label, sizeof label);
    assert_int_equal(read_idx(directory, "", &train, &test), WEFT_OK);
    assert_int_equal(test.count, ROWS);
    assert_memory_equal(test.pixel, image + 16, ROWS * SIDE * SIDE);
    table_free(&train);
    table_free(&test);
    assert_null(train.pixel);
}

static void rank_2_images_are_no_pictures(void **state)
{
    (void)state;
    uint8_t image[12 + ROWS * 7] = {0}, label[LABEL_BYTES];
    const size_t dim[] = {ROWS, 7};
    struct table train, test;
    idx_header(2, dim, image);
    label_file(label);
    file_put("train-images-idx3-ubyte", image, sizeof image);
    file_put("train-labels-idx1-ubyte", label, sizeof label);
    assert_int_equal(read_idx(directory, "", &train, &test), WEFT_OK);
    assert_int_equal(train.features, 7);
    assert_int_equal(train.height + train.width + train.channels, 0);
    table_free(&train);
}

static void bad_directories_are_refused(void **state)
{
    (void)state;
    uint8_t image[IMAGE_BYTES], label[LABEL_BYTES + 1] = {0};
    struct table train, test;
    image_file(image);
    label_file(label);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_ENOINPUT, "no train-images-idx3-ubyte and");
    file_put("train-labels-idx1-ubyte", label, LABEL_BYTES);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_ENOINPUT, "no train-images-idx3-ubyte (nor");
    file_put("train-images-idx3-ubyte", image, IMAGE_BYTES);
    assert_refused(read_idx(directory, "rows=1", &train, &test), WEFT_ESETTINGS, "unknown option \"rows\"; it takes none");
    label[7] = ROWS + 1;
    file_put("train-labels-idx1-ubyte", label, LABEL_BYTES + 1);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_EDATA, "train-labels-idx1-ubyte: 6 rows, but ");
    label[7] = ROWS;
    file_put("train-labels-idx1-ubyte", label, LABEL_BYTES);
    file_put("t10k-images-idx3-ubyte", image, IMAGE_BYTES);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_ENOINPUT, "no t10k-labels-idx1-ubyte (nor");
    assert_null(train.pixel);
    label[7] = 0;
    file_put("t10k-labels-idx1-ubyte", label, 8);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_EDATA, "t10k-labels-idx1-ubyte: dimension 1 at byte 4 is 0");
    assert_refused(read_idx("/nowhere/at/all", "", &train, &test), WEFT_ENOINPUT, "/nowhere/at/all");
    char *path = memory_new(PATH_MAX + 9, 1);
    memset(path, 'd', PATH_MAX + 8);
    assert_refused(read_idx(path, "", &train, &test), WEFT_ENOINPUT, "longer than");
    memory_free(path);
    char link_path[PATH_MAX];                   /* a link to itself: something is there that cannot be looked at */
    snprintf(link_path, sizeof link_path, "%s/t10k-labels-idx1-ubyte", directory);
    assert_int_equal(unlink(link_path), 0);
    assert_int_equal(symlink("t10k-labels-idx1-ubyte", link_path), 0);
    assert_refused(read_idx(directory, "", &train, &test), WEFT_ENOINPUT, "t10k-labels-idx1-ubyte: Too many levels");
}

/* Rows are wanted, labels are not: labels alone are nothing. */
static void labels_alone_are_no_rows(void **state)
{
    (void)state;
    uint8_t label[LABEL_BYTES];
    struct source source = {0};
    const struct read_request request = {.where = directory, .options = "", .target = TARGET_NOTHING};
    label_file(label);
    file_put("train-labels-idx1-ubyte", label, LABEL_BYTES);
    assert_refused(idx_read(&request, &source), WEFT_ENOINPUT, "no train-images-idx3-ubyte and no t10k-images-idx3-ubyte");
    assert_null(source.train.pixel);
}

static void failing_memory_in_a_directory(void **state)
{
    (void)state;
    uint8_t image[IMAGE_BYTES], label[LABEL_BYTES], packed[2 * IMAGE_BYTES];
    struct table train, test;
    image_file(image);
    label_file(label);
    file_put("train-images-idx3-ubyte", packed, pack(image, sizeof image, packed, sizeof packed));
    file_put("train-labels-idx1-ubyte", label, sizeof label);
    file_put("t10k-images-idx3-ubyte", image, sizeof image);
    file_put("t10k-labels-idx1-ubyte", label, sizeof label);
    weft_status st;
    size_t n = 0;
    int descriptor = lowest_free_descriptor();
    do {
        memory_fail_from(++n);
        st = read_idx(directory, "", &train, &test);
        memory_fail_from(0);
        assert_int_equal(lowest_free_descriptor(), descriptor);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && train.pixel == NULL && test.pixel == NULL));
    } while (st != WEFT_OK);
    table_free(&train);
    table_free(&test);
}

/* ---- Files larger than what is in memory of them at a time ---- */

enum {
    PIECE = 1 << 18,                            /* of unpack.c */
    LARGE_ROWS = 900, LARGE_FEATURES = 1000, LARGE_BYTES = 12 + LARGE_ROWS * LARGE_FEATURES, LARGE_ROOM = 2 * LARGE_BYTES
};

static uint8_t large_image[LARGE_BYTES], large_label[8 + LARGE_ROWS], large_packed[LARGE_ROOM];

/* Bytes that hardly pack, so that the packed file takes several pieces too. */
static void large_fill(void)
{
    uint32_t random = 7;
    idx_header(2, (const size_t[]){LARGE_ROWS, LARGE_FEATURES}, large_image);
    idx_header(1, (const size_t[]){LARGE_ROWS}, large_label);
    for (size_t i = 12; i < LARGE_BYTES; i++) {
        random = random * 1664525 + 1013904223;
        large_image[i] = (uint8_t)(random >> 24);
    }
}

static void assert_large_is_read(const char *which)
{
    struct table train, test;
    if (read_idx(directory, "", &train, &test) != WEFT_OK)
        fail_msg("%s: %s", which, weft_last_error());
    assert_int_equal(train.count, LARGE_ROWS);
    assert_int_equal(train.features, LARGE_FEATURES);
    if (memcmp(train.pixel, large_image + 12, LARGE_BYTES - 12) != 0)
        fail_msg("%s: other bytes", which);
    table_free(&train);
}

/* Two gzip members, the first of exactly `first_bytes` bytes: its header has a comment that fills it up. */
static size_t pack_in_two(size_t first_bytes)
{
    enum { CUT = 100000 };
    size_t bare = pack(large_image, CUT, large_packed, LARGE_ROOM);
    assert_true(bare + 1 < first_bytes);
    char *comment = memory_new(first_bytes - bare, 1);
    memset(comment, 'c', first_bytes - bare - 1);
    z_stream stream = {0};
    gz_header header = {.comment = (Bytef *)comment, .os = 3};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflateSetHeader(&stream, &header), Z_OK);
    stream.next_in = large_image;
    stream.avail_in = CUT;
    stream.next_out = large_packed;
    stream.avail_out = LARGE_ROOM;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t written = LARGE_ROOM - stream.avail_out;
    assert_int_equal(deflateEnd(&stream), Z_OK);
    memory_free(comment);
    assert_int_equal(written, first_bytes);
    return written + pack(large_image + CUT, LARGE_BYTES - CUT, large_packed + written, LARGE_ROOM - written);
}

static void large_files_are_read_in_pieces(void **state)
{
    (void)state;
    large_fill();
    file_put("train-labels-idx1-ubyte", large_label, sizeof large_label);
    file_put("train-images-idx3-ubyte", large_image, LARGE_BYTES);
    assert_large_is_read("plain");
    size_t packed_bytes = pack(large_image, LARGE_BYTES, large_packed, LARGE_ROOM);
    assert_true(packed_bytes > 2 * PIECE);
    file_put("train-images-idx3-ubyte", large_packed, packed_bytes);
    assert_large_is_read("packed");
    for (size_t first_bytes = PIECE - 1; first_bytes <= PIECE + 1; first_bytes++) {     /* the second begins in or after a piece */
        file_put("train-images-idx3-ubyte", large_packed, pack_in_two(first_bytes));
        assert_large_is_read("two members");
        struct table train, test;
        file_put("train-images-idx3-ubyte", large_packed, first_bytes);
        assert_refused(read_idx(directory, "", &train, &test), WEFT_EDATA, "ends after 99988 of the 900000 bytes");
    }
}

/* What a reader gets of a pipe is what the other side has just written: here 777 bytes, or fewer. */
static void read_through_a_pipe(const char *which, const uint8_t *bytes, size_t size_bytes)
{
    char path[PATH_MAX];
    int status;
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", directory);
    (void)unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        int descriptor = open(path, O_WRONLY);
        for (size_t done = 0, n; done < size_bytes; done += n) {
            n = size_bytes - done < 777 ? size_bytes - done : 777;
            if (write(descriptor, bytes + done, n) != (ssize_t)n)
                _exit(1);
        }
        _exit(0);
    }
    assert_large_is_read(which);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void pipes_are_read_as_they_come(void **state)
{
    (void)state;
    large_fill();
    file_put("train-labels-idx1-ubyte", large_label, sizeof large_label);
    read_through_a_pipe("plain pipe", large_image, LARGE_BYTES);
    read_through_a_pipe("packed pipe", large_packed, pack(large_image, LARGE_BYTES, large_packed, LARGE_ROOM));
    memset(large_image + 12, 0, LARGE_BYTES - 12);      /* packs to a few hundred bytes: memory must grow all the same */
    read_through_a_pipe("zeros", large_packed, pack(large_image, LARGE_BYTES, large_packed, LARGE_ROOM));
}

/* Not twice. */
static void a_file_is_in_memory_once(void **state)
{
    (void)state;
    enum { ROWS_HERE = 48000, FILE_BYTES = 12 + ROWS_HERE * LARGE_FEATURES };
    uint8_t header[12], *label = memory_new(8 + ROWS_HERE, 1);
    char path[PATH_MAX];
    file_put("train-images-idx3-ubyte", header, idx_header(2, (const size_t[]){ROWS_HERE, LARGE_FEATURES}, header));
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", directory);
    assert_int_equal(truncate(path, FILE_BYTES), 0);                /* zeros that take no place on the disk */
    idx_header(1, (const size_t[]){ROWS_HERE}, label);
    file_put("train-labels-idx1-ubyte", label, 8 + ROWS_HERE);
    memory_free(label);
    peak_check(idx_read, directory, ROWS_HERE, FILE_BYTES / 8 * 9);
}

/* What the hook does at the call_wanted-th call: fail it, or change the file that is being read. */
static int calls, call_wanted, error_wanted;
static const void *bytes_to_append;
static size_t bytes_to_append_count;

static int fail_one(const char *call)
{
    (void)call;
    return ++calls == call_wanted ? error_wanted : 0;
}

static int change_before_read(const char *call)
{
    if (strcmp(call, "read") != 0 || ++calls != call_wanted)
        return 0;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/train-images-idx3-ubyte", directory);
    if (bytes_to_append == NULL)
        assert_int_equal(truncate(path, 300000), 0);
    else {
        FILE *file = fopen(path, "ab");
        assert_int_equal(fwrite(bytes_to_append, 1, bytes_to_append_count, file), bytes_to_append_count);
        assert_int_equal(fclose(file), 0);
    }
    return 0;
}

static void each_failing_call_is_told(void **state)
{
    (void)state;
    struct table train, test;
    large_fill();
    int descriptor = lowest_free_descriptor();
    size_t packed_bytes = pack(large_image, LARGE_BYTES, large_packed, LARGE_ROOM);
    file_put("train-labels-idx1-ubyte", large_label, sizeof large_label);
    for (int packed = 0; packed < 2; packed++) {
        file_put("train-images-idx3-ubyte", packed ? large_packed : large_image, packed ? packed_bytes : LARGE_BYTES);
        file_set_fault(fail_one);
        calls = call_wanted = 0;
        assert_int_equal(read_idx(directory, "", &train, &test), WEFT_OK);
        table_free(&train);
        int total = calls;
        assert_true(total >= 10);               /* open, stat, and at least three reads, of two files */
        for (call_wanted = 1; call_wanted <= total; call_wanted++) {
            calls = 0;
            error_wanted = EIO;
            weft_status st = read_idx(directory, "", &train, &test);
            assert_true(st == WEFT_EIO || st == WEFT_ENOINPUT);
            assert_non_null(strstr(weft_last_error(), "Input/output error"));
            assert_non_null(strstr(weft_last_error(), "idx"));
            assert_null(train.pixel);
            assert_int_equal(lowest_free_descriptor(), descriptor);
            calls = 0;
            error_wanted = EINTR;
            st = read_idx(directory, "", &train, &test);
            assert_int_equal(st, calls > total ? WEFT_OK : WEFT_ENOINPUT);      /* made again; fstat knows no EINTR */
            table_free(&train);
        }
        file_set_fault(NULL);
    }
}

static void a_file_that_changes_while_it_is_read_is_refused(void **state)
{
    (void)state;
    struct table train, test;
    uint8_t member[64];
    large_fill();
    size_t packed_bytes = pack(large_image, LARGE_BYTES, large_packed, LARGE_ROOM);
    size_t member_bytes = pack("x", 1, member, sizeof member);
    file_put("train-labels-idx1-ubyte", large_label, sizeof large_label);
    const struct { bool packed; const void *more; size_t more_bytes; const char *words; } change[] = {
        {false, "x", 1, "goes on behind byte 900012"},
        {false, NULL, 0, "ends after 299988 of the 900000 bytes"},
        {true, member, member_bytes, "goes on behind byte 900012"},
        {true, "x", 1, "unpack"},
        {true, NULL, 0, "cut off, it ends at byte 300000"},
    };
    for (size_t i = 0; i < COUNT(change); i++) {
        bool cuts = change[i].more == NULL;
        file_put("train-images-idx3-ubyte", change[i].packed ? large_packed : large_image,
                 change[i].packed ? packed_bytes : LARGE_BYTES);
        bytes_to_append = change[i].more;
        bytes_to_append_count = change[i].more_bytes;
        calls = 0;
        call_wanted = cuts ? 2 : 3;             /* with the first piece read; with some or all of the file read */
        file_set_fault(change_before_read);
        weft_status st = read_idx(directory, "", &train, &test);
        file_set_fault(NULL);
        assert_refused(st, WEFT_EDATA, change[i].words);
        assert_null(train.pixel);
    }
}

/* ---- The real files ---- */

/* CRC-32 of what stands behind the header, computed by Python from unpacked files whose md5 is the published one. */
static void real_data_is_read_right(void **state)
{
    (void)state;
    static const struct { const char *name; unsigned long train_pixel, train_label, test_pixel, test_label; } real[] = {
        {"mnist", 0xf3639b56, 0xba07e8ef, 0xe4ca5f57, 0xee8604d9},
        {"fashion-mnist", 0xae65dccd, 0x2ed6e46a, 0x12728439, 0x242bc73f},
    };
    const char *data = getenv("WEFT_DATA") != NULL ? getenv("WEFT_DATA") : "../shared/data";
    for (size_t r = 0; r < COUNT(real); r++) {
        char path[PATH_MAX];
        struct table table[2];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", data, real[r].name);
        if (stat(path, &status) != 0) {
            print_message("%s is not there (set WEFT_DATA): skipped\n", path);
            skip();
        }
        assert_int_equal(read_idx(path, "", &table[0], &table[1]), WEFT_OK);
        assert_int_equal(table[0].count, 60000);
        assert_int_equal(table[1].count, 10000);
        for (size_t t = 0; t < 2; t++) {
            uint8_t *label = memory_new(table[t].count, 1);
            size_t of_class[10] = {0};
            for (size_t i = 0; i < table[t].count; i++) {
                assert_in_range(table[t].label[i], 0, 9);
                label[i] = (uint8_t)table[t].label[i];
                of_class[label[i]]++;
            }
            unsigned long pixel_sum = crc32_z(0, table[t].pixel, table[t].count * 784);
            unsigned long label_sum = crc32_z(0, label, table[t].count);
            assert_int_equal(pixel_sum, t == 0 ? real[r].train_pixel : real[r].test_pixel);
            assert_int_equal(label_sum, t == 0 ? real[r].train_label : real[r].test_label);
            if (r == 1)
                assert_int_equal(of_class[0], t == 0 ? 6000 : 1000);
            else
                assert_int_equal(of_class[0], t == 0 ? 5923 : 980);
            memory_free(label);
            table_free(&table[t]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_and_packed_give_the_same),
        cmocka_unit_test(well_packed_data_grows),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(every_flipped_bit_of_packed_data_is_refused),
        cmocka_unit_test(lying_headers_are_refused),
        cmocka_unit_test(trailing_bytes_are_refused),
        cmocka_unit_test(random_bytes_are_survived),
        cmocka_unit_test(failing_memory_is_reported),
        cmocka_unit_test_setup_teardown(directory_with_all_names, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(rank_2_images_are_no_pictures, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(bad_directories_are_refused, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(labels_alone_are_no_rows, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(failing_memory_in_a_directory, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(large_files_are_read_in_pieces, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(pipes_are_read_as_they_come, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(a_file_is_in_memory_once, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(each_failing_call_is_told, directory_make, directory_remove),
        cmocka_unit_test_setup_teardown(a_file_that_changes_while_it_is_read_is_refused, directory_make, directory_remove),
        cmocka_unit_test(real_data_is_read_right),
    };
    return cmocka_run_group_tests_name("idx", tests, NULL, NULL);
}
