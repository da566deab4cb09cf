/* CIFAR-10 and CIFAR-100: files made here byte by byte, every kind of bad one, and the real CIFAR-10 if it is there. */
#include "source_samples.h"

#include "base/fault.h"
#include "peak_samples.h"

enum { FEATURES = 3072, RECORD_10 = 1 + FEATURES, RECORD_100 = 2 + FEATURES };

/* Pixels tell which file, record and place they are of. */
static uint8_t pixel_of(unsigned seed, size_t record, size_t i)
{
    return (uint8_t)(seed * 50 + record * 7 + i / 256 + (i % 256 == 0) * 100);
}

/* labels: text of digits, one a record; of CIFAR-100, coarse and fine in turn. */
static size_t records_make(unsigned seed, const char *labels, size_t label_bytes, uint8_t *byte)
{
    size_t count = strlen(labels) / label_bytes;
    for (size_t n = 0; n < count; n++) {
        for (size_t k = 0; k < label_bytes; k++)
            *byte++ = (uint8_t)(labels[n * label_bytes + k] - '0');
        for (size_t i = 0; i < FEATURES; i++)
            *byte++ = pixel_of(seed, n, i);
    }
    return count * (label_bytes + FEATURES);
}

static void records_put(const char *name, unsigned seed, const char *labels, size_t label_bytes)
{
    uint8_t *byte = malloc(strlen(labels) * RECORD_100);
    file_put(name, byte, records_make(seed, labels, label_bytes, byte));
    free(byte);
}

static void records_put_packed(const char *name, unsigned seed, const char *labels, size_t label_bytes)
{
    size_t capacity = strlen(labels) * RECORD_100 + 100;
    uint8_t *byte = malloc(capacity), *packed = malloc(capacity);
    file_put(name, packed, pack(byte, records_make(seed, labels, label_bytes, byte), packed, capacity));
    free(byte);
    free(packed);
}

/* Rows [first, ...) of a table are those of a file. */
static void assert_rows(const struct table *table, size_t first, unsigned seed, const char *labels)
{
    assert_true(table->count >= first + strlen(labels));
    for (size_t n = 0; n < strlen(labels); n++) {
        assert_int_equal(table->label[first + n], labels[n] - '0');
        for (size_t i = 0; i < FEATURES; i++)
            assert_int_equal(table->pixel[(first + n) * FEATURES + i], pixel_of(seed, n, i));
    }
}

static weft_status read10(const char *options, enum target_kind target, struct source *source)
{
    return read_from(cifar10_read, directory, options, target, source);
}

static weft_status read100(const char *options, enum target_kind target, struct source *source)
{
    return read_from(cifar100_read, directory, options, target, source);
}

/* ---- CIFAR-10 ---- */

static void batches_are_read_in_order(void **state)
{
    (void)state;
    struct source source;
    records_put_packed("data_batch_3.bin.gz", 3, "90", 1);
    records_put("data_batch_1.bin", 1, "312", 1);
    records_put_packed("test_batch.bin", 6, "7", 1);            /* packed, though its name does not say so */
    assert_ok(read10("", TARGET_CLASS, &source));
    assert_int_equal(source.train.count, 5);
    assert_rows(&source.train, 0, 1, "312");
    assert_rows(&source.train, 3, 3, "90");
    assert_int_equal(source.test.count, 1);
    assert_rows(&source.test, 0, 6, "7");
    assert_int_equal(source.train.features, FEATURES);
    assert_int_equal(source.train.height, 32);
    assert_int_equal(source.train.width, 32);
    assert_int_equal(source.train.channels, 3);
    assert_null(source.train.value);
    assert_null(source.train.target);
    assert_int_equal(source.classes.count, 10);
    assert_string_equal(source.classes.name[0], "airplane");
    assert_string_equal(source.classes.name[9], "truck");
    source_free(&source);

    assert_ok(read10("batches=3,1", TARGET_SCORES, &source));   /* in the order of the numbers */
    assert_int_equal(source.train.count, 5);
    assert_rows(&source.train, 0, 1, "312");
    source_free(&source);
    assert_ok(read10("batches=3", TARGET_VALUES, &source));
    assert_int_equal(source.train.count, 2);
    assert_rows(&source.train, 0, 3, "90");
    source_free(&source);
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    struct source source;
    static const char *const bad[] = {"batches=0", "batches=6", "batches=1,1", "batches=1,", "batches=,1", "batches=12",
                                      "batches=1;2", "batches=one", "batches=1,2,3,4,5,1"};
    records_put("data_batch_1.bin", 1, "312", 1);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_refused(read10(bad[i], TARGET_CLASS, &source), WEFT_ESETTINGS, "different numbers from 1 to 5");
    assert_refused(read10("batches=", TARGET_CLASS, &source), WEFT_ESETTINGS, "batches");
    assert_refused(read10("labels=fine", TARGET_CLASS, &source), WEFT_ESETTINGS, "known: batches");
    assert_refused(read10("batches=1,2", TARGET_CLASS, &source), WEFT_ENOINPUT, "no data_batch_2.bin (nor with .gz)");
    assert_refused(read10("batches=2", TARGET_NOTHING, &source), WEFT_ENOINPUT, "no data_batch_2.bin");
    assert_refused(read100("labels=both", TARGET_CLASS, &source), WEFT_ESETTINGS, "\"both\", wanted fine or coarse");
    assert_refused(read100("batches=1", TARGET_CLASS, &source), WEFT_ESETTINGS, "known: labels");
}

static void names_of_classes(void **state)
{
    (void)state;
    struct source source;
    records_put("data_batch_1.bin", 1, "312", 1);
    text_put("batches.meta.txt", "a\r\nb\nc\n\nd\ne\nf g\nh\ni\nj\nk");
    assert_ok(read10("", TARGET_CLASS, &source));
    assert_int_equal(source.classes.count, 10);
    assert_string_equal(source.classes.name[0], "a");
    assert_string_equal(source.classes.name[5], "f g");
    assert_string_equal(source.classes.name[9], "k");
    source_free(&source);
    text_put("batches.meta.txt", "a\nb\nc\n");
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, "batches.meta.txt: 3 names of classes, wanted 10");
}

static void missing_files_are_told(void **state)
{
    (void)state;
    struct source source;
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "no data_batch_1.bin to data_batch_5.bin (nor with .gz)");
    assert_refused(read10("", TARGET_NOTHING, &source), WEFT_ENOINPUT, "data_batch_5.bin and no test_batch.bin (nor");
    assert_refused(read100("", TARGET_CLASS, &source), WEFT_ENOINPUT, "no train.bin (nor with .gz)");
    text_put("data_batch_1", "pickled");
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "data_batch_1 is of the version for Python");
    records_put("test_batch.bin", 6, "7", 1);
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "data_batch_1");
    assert_refused(read_from(cifar10_read, "/nowhere/at/all", "", TARGET_CLASS, &source), WEFT_ENOINPUT, "/nowhere/at/all");
    assert_refused(read_from(cifar10_read, path_of("data_batch_1"), "", TARGET_CLASS, &source), WEFT_ENOINPUT, "Not a directory");
    assert_int_equal(mkdir(path_of("data_batch_2.bin"), 0700), 0);
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "it is a directory");
}

static void labels_that_are_not_needed(void **state)
{
    (void)state;
    struct source source;
    records_put("test_batch.bin", 6, "7~", 1);                  /* '~' is far beyond 9 */
    assert_ok(read10("", TARGET_NOTHING, &source));
    assert_int_equal(source.train.count, 0);
    assert_int_equal(source.test.count, 2);
    assert_null(source.test.label);
    assert_int_equal(source.test.pixel[FEATURES + 300], pixel_of(6, 1, 300));
    source_free(&source);
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "no data_batch_1.bin");
    records_put("data_batch_4.bin", 4, "1", 1);
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, "test_batch.bin: the label of record 1 is 78, wanted 0 to 9");
    assert_ok(read10("batches=4", TARGET_NOTHING, &source));
    assert_int_equal(source.train.count, 1);
    assert_null(source.train.label);
    source_free(&source);
}

/* ---- CIFAR-100 ---- */

static void fine_and_coarse_labels(void **state)
{
    (void)state;
    struct source source;
    records_put_packed("train.bin", 1, "1c2D3e", 2);
    records_put("test.bin.gz", 2, "0A", 2);
    assert_ok(read100("", TARGET_CLASS, &source));
    assert_int_equal(source.train.count, 3);
    assert_rows(&source.train, 0, 1, "cDe");
    assert_rows(&source.test, 0, 2, "A");
    assert_int_equal(source.classes.count, 0);
    source_free(&source);
    char names[400] = "";
    for (size_t i = 0; i < 20; i++)
        snprintf(names + strlen(names), 20, "group %zu\n", i);
    text_put("coarse_label_names.txt", names);
    assert_ok(read100("labels=coarse", TARGET_CLASS, &source));
    assert_rows(&source.train, 0, 1, "123");
    assert_int_equal(source.classes.count, 20);
    assert_string_equal(source.classes.name[19], "group 19");
    source_free(&source);
    text_put("fine_label_names.txt", names);
    assert_refused(read100("labels=fine", TARGET_CLASS, &source), WEFT_EDATA, "20 names of classes, wanted 100");
    assert_ok(read100("labels=coarse", TARGET_NOTHING, &source));
    source_free(&source);
    static const char most_fine[] = {'3', (char)('0' + 99), '\0'}, wrong_fine[] = {'3', (char)('0' + 100), '\0'};
    records_put("test.bin.gz", 2, most_fine, 2);
    assert_ok(read100("labels=coarse", TARGET_CLASS, &source));
    source_free(&source);
    records_put("test.bin.gz", 2, wrong_fine, 2);
    assert_refused(read100("labels=coarse", TARGET_CLASS, &source), WEFT_EDATA, "the fine label of record 0 is 100, wanted 0");
    records_put("train.bin", 1, "1cD23e", 2);                   /* D is 20 beyond 0 */
    assert_refused(read100("labels=coarse", TARGET_CLASS, &source), WEFT_EDATA,
                   "train.bin: the coarse label of record 1 is 20, wanted 0 to 19");
}

/* ---- Damage ---- */

static void lengths_that_are_no_records(void **state)
{
    (void)state;
    struct source source;
    uint8_t byte[3 * RECORD_10 + 1] = {0}, packed[3 * RECORD_10];
    size_t size_bytes = records_make(1, "312", 1, byte);
    static const size_t cut[] = {0, 1, 2, 3072, 3074, 2 * RECORD_10 - 1, 2 * RECORD_10 + 1, 3 * RECORD_10 - 1, 3 * RECORD_10 + 1};
    for (size_t i = 0; i < COUNT(cut); i++) {
        char words[80];
        snprintf(words, sizeof words, "data_batch_5.bin: it has %zu bytes, wanted records of 3073 bytes", cut[i]);
        file_put("data_batch_5.bin", byte, cut[i]);
        assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, words);
        snprintf(words, sizeof words, "it has %zu bytes unpacked, wanted records of 3073 bytes", cut[i]);
        file_put("data_batch_5.bin", packed, pack(byte, cut[i], packed, sizeof packed));
        assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, words);
    }
    size_t packed_bytes = pack(byte, size_bytes, packed, sizeof packed);
    for (size_t n = 0; n < packed_bytes; n++) {
        file_put("data_batch_5.bin", packed, n);
        assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, "data_batch_5.bin");
    }
    packed[packed_bytes - 6] ^= 1;
    file_put("data_batch_5.bin", packed, packed_bytes);
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA, "incorrect data check");
}

static void random_damage_is_survived(void **state)
{
    (void)state;
    records_put_packed("data_batch_1.bin", 1, "312", 1);
    damage_check(cifar10_read, directory, "data_batch_1.bin", SIZE_MAX, 2000, TARGET_CLASS);
    records_put("train.bin", 1, "1c2D3e", 2);
    damage_check(cifar100_read, directory, "train.bin", 2, 300, TARGET_CLASS);
}

static void failing_memory_is_reported(void **state)
{
    (void)state;
    char labels[601];
    memset(labels, '5', 600);
    labels[600] = '\0';
    records_put_packed("data_batch_1.bin", 0, labels, 1);
    records_put("test_batch.bin", 2, "12", 1);
    text_put("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    failing_memory_check(cifar10_read, directory, TARGET_CLASS, 20);
    assert_int_equal(unlink(path_of("batches.meta.txt")), 0);   /* the usual names then */
    failing_memory_check(cifar10_read, directory, TARGET_CLASS, 20);
}

/* Packed so well that what is asked for at first is too little. */
static void well_packed_data_grows(void **state)
{
    (void)state;
    enum { ROWS = 3000 };
    struct source source;
    uint8_t *byte = calloc(ROWS, RECORD_10), *packed = malloc(1 << 20);
    for (size_t n = 0; n < ROWS; n++) {
        byte[n * RECORD_10] = (uint8_t)(n % 10);
        byte[n * RECORD_10 + 1 + n] = 200;
    }
    file_put("data_batch_2.bin", packed, pack(byte, ROWS * RECORD_10, packed, 1 << 20));
    assert_ok(read10("", TARGET_CLASS, &source));
    assert_int_equal(source.train.count, ROWS);
    for (size_t n = 0; n < ROWS; n++) {
        assert_int_equal(source.train.label[n], n % 10);
        assert_memory_equal(source.train.pixel + n * FEATURES, byte + n * RECORD_10 + 1, FEATURES);
    }
    source_free(&source);
    free(byte);
    free(packed);
}

static void a_file_is_in_memory_once(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    file_put("data_batch_1.bin", "", 0);
    assert_int_equal(truncate(path_of("data_batch_1.bin"), ROWS * RECORD_10), 0);   /* zeros that take no place on the disk */
    file_put("data_batch_2.bin", "", 0);
    assert_int_equal(truncate(path_of("data_batch_2.bin"), ROWS * RECORD_10), 0);
    peak_check(cifar10_read, directory, 2 * ROWS, 2 * ROWS * (size_t)RECORD_10 / 8 * 9);
}

/* What the hook does at the call_wanted-th call. */
static int calls, call_wanted;

static int fail_one(const char *call)
{
    (void)call;
    return ++calls == call_wanted ? EIO : 0;
}

static void each_failing_call_is_told(void **state)
{
    (void)state;
    struct source source;
    records_put_packed("data_batch_1.bin", 1, "312", 1);
    records_put("data_batch_2.bin", 2, "312", 1);
    text_put("batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
    file_set_fault(fail_one);
    for (call_wanted = 1; ; call_wanted++) {
        calls = 0;
        weft_status st = read10("", TARGET_CLASS, &source);
        if (calls < call_wanted) {
            assert_int_equal(st, WEFT_OK);
            break;
        }
        assert_true(st == WEFT_EIO || st == WEFT_ENOINPUT);
        assert_non_null(strstr(weft_last_error(), "Input/output error"));
    }
    file_set_fault(NULL);
    assert_true(call_wanted > 10);
    source_free(&source);
}

static void turn_in_circles(const char *name)
{
    (void)unlink(path_of(name));
    assert_int_equal(symlink(name, path_of(name)), 0);
}

static int turn_the_second(const char *call)
{
    if (strcmp(call, "read") == 0)
        turn_in_circles("data_batch_2.bin");
    return 0;
}

/* A link that leads to itself stands for whatever is there and cannot be looked at. */
static void what_cannot_be_looked_at_is_told(void **state)
{
    (void)state;
    struct source source;
    static char path[PATH_MAX + 9];
    memset(path, 'd', PATH_MAX + 8);
    assert_refused(read_from(cifar10_read, path, "", TARGET_CLASS, &source), WEFT_ENOINPUT, "find data_batch_1.bin: its path");
    turn_in_circles("data_batch_1");            /* of the version for Python */
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "data_batch_1: Too many levels of symbolic links");
    records_put("data_batch_1.bin", 1, "312", 1);
    turn_in_circles("batches.meta.txt");
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_ENOINPUT, "batches.meta.txt: Too many levels of symbolic links");
    assert_int_equal(unlink(path_of("batches.meta.txt")), 0);
    records_put("data_batch_2.bin", 2, "312", 1);
    file_set_fault(turn_the_second);            /* while the first is read */
    weft_status st = read10("", TARGET_CLASS, &source);
    file_set_fault(NULL);
    assert_refused(st, WEFT_ENOINPUT, "data_batch_2.bin: Too many levels of symbolic links");
}

static void a_file_beyond_the_limit_is_refused(void **state)
{
    (void)state;
    struct source source;
    records_put("data_batch_1.bin", 1, "312", 1);
    if (truncate(path_of("data_batch_1.bin"), ((off_t)1 << 36) + RECORD_10) != 0) {     /* zeros that take no place on the disk */
        print_message("no such file here: skipped\n");
        skip();
    }
    assert_refused(read10("", TARGET_CLASS, &source), WEFT_EDATA,
                   "data_batch_1.bin: 68719479809 bytes or more, at most 68719476736 wanted");
}

/* ---- The real files ---- */

/* CRC-32 of labels and of pixels, computed by Python from the unpacked files. */
static void real_data_is_read_right(void **state)
{
    (void)state;
    static const uint8_t first_train[10] = {6, 9, 9, 4, 1, 1, 2, 7, 8, 3}, first_test[10] = {3, 8, 8, 0, 6, 6, 1, 6, 3, 1};
    static const unsigned long label_sum[] = {0x01064e4a, 0xbada58c9}, pixel_sum[] = {0xaaeccc9a, 0xfa63999d};
    const char *data = getenv("WEFT_DATA") != NULL ? getenv("WEFT_DATA") : "../shared/data";
    char path[PATH_MAX];
    struct stat status;
    struct source source;
    snprintf(path, sizeof path, "%s/cifar-10", data);
    if (stat(path, &status) != 0) {
        print_message("%s is not there (set WEFT_DATA): skipped\n", path);
        skip();
    }
    assert_ok(read_from(cifar10_read, path, "batches=1,2", TARGET_CLASS, &source));
    const struct table *table[] = {&source.train, &source.test};
    for (size_t t = 0; t < 2; t++) {
        size_t of_class[10] = {0}, count = table[t]->count;
        uint8_t *label = malloc(count);
        assert_int_equal(count, t == 0 ? 20000 : 10000);
        for (size_t i = 0; i < count; i++) {
            assert_in_range(table[t]->label[i], 0, 9);
            label[i] = (uint8_t)table[t]->label[i];
            of_class[label[i]]++;
        }
        assert_memory_equal(label, t == 0 ? first_train : first_test, 10);
        for (size_t c = 0; c < 10 && t == 1; c++)
            assert_int_equal(of_class[c], 1000);
        unsigned long labels = crc32_z(0, label, count), pixels = crc32_z(0, table[t]->pixel, count * FEATURES);
        assert_int_equal(labels, label_sum[t]);
        assert_int_equal(pixels, pixel_sum[t]);
        free(label);
    }
    assert_int_equal(source.classes.count, 10);
    assert_string_equal(source.classes.name[6], "frog");
    source_free(&source);
}

int main(void)
{
#define IN_DIRECTORY(test) cmocka_unit_test_setup_teardown(test, directory_make, directory_remove)
    const struct CMUnitTest tests[] = {
        IN_DIRECTORY(batches_are_read_in_order),
        IN_DIRECTORY(bad_options_are_refused),
        IN_DIRECTORY(names_of_classes),
        IN_DIRECTORY(missing_files_are_told),
        IN_DIRECTORY(labels_that_are_not_needed),
        IN_DIRECTORY(fine_and_coarse_labels),
        IN_DIRECTORY(lengths_that_are_no_records),
        IN_DIRECTORY(random_damage_is_survived),
        IN_DIRECTORY(failing_memory_is_reported),
        IN_DIRECTORY(well_packed_data_grows),
        IN_DIRECTORY(a_file_is_in_memory_once),
        IN_DIRECTORY(each_failing_call_is_told),
        IN_DIRECTORY(what_cannot_be_looked_at_is_told),
        IN_DIRECTORY(a_file_beyond_the_limit_is_refused),
        cmocka_unit_test(real_data_is_read_right),
    };
    return cmocka_run_group_tests_name("cifar", tests, NULL, NULL);
}
