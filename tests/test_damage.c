/* A checkpoint of a real run, damaged in every way that a disk, a cable or a hand does it: refused with a reason, never half
 * loaded; and the run goes on from the checkpoint before, or says that there is none. */
#include "run_samples.h"

#include <fcntl.h>

#include "store/checkpoint.h"
#include "store/file.h"
#include "store/h5.h"
#include "store/h5_snapshot.h"
#include "store/seal.h"
#include "support.h"
#include "train/trainer.h"

enum { BLOCK_BYTES = 512, SECTOR_BYTES = 4096, EDGE_BYTES = 4096 };

static size_t damages;                  /* tried in all */

/* The checkpoint of step 14 of a run that is over, and its file, which is damaged and mended again. */
static struct {
    unsigned char *bytes;
    size_t size_bytes;
    char path[PATH_MAX];
    int descriptor;
} whole;

static void whole_open(void)
{
    train_undisturbed("run", "network.hidden=2; checkpoint.keep=5; checkpoint.every=3 steps");
    strcpy(whole.path, in_scratch("run/step-14.h5"));
    whole.bytes = get_file(whole.path, &whole.size_bytes);
    whole.descriptor = open(whole.path, O_RDWR);
    assert_true(whole.descriptor >= 0);
    assert_true(whole.size_bytes > 4 * EDGE_BYTES);
}

static void whole_close(void)
{
    close(whole.descriptor);
    free(whole.bytes);
}

static void put_at(size_t offset, const void *bytes, size_t size_bytes)
{
    assert_int_equal(pwrite(whole.descriptor, bytes, size_bytes, (off_t)offset), size_bytes);
}

__attribute__((format(printf, 1, 2))) static void assert_refused(const char *format, ...)
{
    char damage[200];
    struct snapshot *const untouched = (struct snapshot *)&whole, *loaded = untouched;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(damage, sizeof damage, format, arguments);
    va_end(arguments);
    weft_status st = checkpoint_load(whole.path, false, &loaded);
    if (st != WEFT_EDAMAGED || loaded != untouched || strstr(weft_last_error(), "step-14.h5: ") == NULL)
        fail_msg("%s: status %d, %s", damage, (int)st, st == WEFT_OK ? "loaded" : weft_last_error());
    damages++;
}

static void assert_mended(void)
{
    struct snapshot *loaded;
    assert_ok(checkpoint_load(whole.path, false, &loaded));
    snapshot_destroy(loaded);
}

/* ---- one file ---- */

static void flip(size_t byte, unsigned bit)
{
    unsigned char damaged = whole.bytes[byte] ^ (unsigned char)(1u << bit);
    put_at(byte, &damaged, 1);
    assert_refused("bit %u of byte %zu flipped", bit, byte);
    put_at(byte, &whole.bytes[byte], 1);
}

static void every_bit_of_the_head_and_the_seal(void **state)
{
    (void)state;
    whole_open();
    for (size_t byte = 0; byte < EDGE_BYTES; byte++)
        for (unsigned bit = 0; bit < 8; bit++)
            flip(byte, bit);
    for (size_t byte = whole.size_bytes - SEAL_SIZE_BYTES; byte < whole.size_bytes; byte++)
        for (unsigned bit = 0; bit < 8; bit++)
            flip(byte, bit);
    assert_mended();
    whole_close();
}

static void one_bit_in_every_64_bytes(void **state)
{
    (void)state;
    struct random random = {1};
    whole_open();
    for (size_t byte = EDGE_BYTES; byte + 64 <= whole.size_bytes - SEAL_SIZE_BYTES; byte += 64)
        flip(byte + random_below(&random, 64), (unsigned)random_below(&random, 8));
    assert_mended();
    whole_close();
}

static void cut(size_t size_bytes)
{
    assert_int_equal(ftruncate(whole.descriptor, (off_t)size_bytes), 0);
    assert_refused("cut off after %zu bytes", size_bytes);
}

/* From the end to the front; each cut is of what the one before has left. */
static void every_length(void **state)
{
    (void)state;
    whole_open();
    for (size_t size = whole.size_bytes - 1; size > whole.size_bytes - EDGE_BYTES; size--)
        cut(size);
    for (size_t size = (whole.size_bytes - EDGE_BYTES) / BLOCK_BYTES * BLOCK_BYTES; size > EDGE_BYTES; size -= BLOCK_BYTES)
        cut(size);
    for (size_t size = EDGE_BYTES; size > 0; size--)
        cut(size);
    cut(0);
    put_at(0, whole.bytes, whole.size_bytes);
    assert_mended();
    put_at(whole.size_bytes, "", 1);
    assert_refused("one byte more");
    put_at(whole.size_bytes, whole.bytes + whole.size_bytes - SEAL_SIZE_BYTES, SEAL_SIZE_BYTES);
    assert_refused("a second seal behind the first");
    whole_close();
}

static void swap(size_t a, size_t b, size_t size_bytes)
{
    if (memcmp(whole.bytes + a, whole.bytes + b, size_bytes) == 0)
        return;
    put_at(a, whole.bytes + b, size_bytes);
    put_at(b, whole.bytes + a, size_bytes);
    assert_refused("%zu bytes at %zu and %zu swapped", size_bytes, a, b);
    put_at(a, whole.bytes + a, size_bytes);
    put_at(b, whole.bytes + b, size_bytes);
}

/* What a disk does that writes to the wrong place, or not at all. */
static void swapped_lost_and_repeated_blocks(void **state)
{
    (void)state;
    static const size_t sizes[] = {BLOCK_BYTES, SECTOR_BYTES};
    static const unsigned char zeros[SECTOR_BYTES];
    struct random random = {2};
    whole_open();
    for (size_t s = 0; s < COUNT(sizes); s++) {
        size_t size = sizes[s], blocks = whole.size_bytes / size;
        for (size_t i = 0; i < blocks; i++)
            swap(i * size, random_below(&random, blocks) * size, size);
        for (size_t i = 0; i < blocks; i++) {
            size_t other = random_below(&random, blocks);
            if (memcmp(whole.bytes + i * size, zeros, size) != 0) {
                put_at(i * size, zeros, size);
                assert_refused("%zu bytes at %zu lost", size, i * size);
            }
            if (memcmp(whole.bytes + i * size, whole.bytes + other * size, size) != 0) {
                put_at(i * size, whole.bytes + other * size, size);
                assert_refused("%zu bytes at %zu those of %zu", size, i * size, other * size);
            }
            put_at(i * size, whole.bytes + i * size, size);
        }
    }
    assert_mended();
    whole_close();
}

/* Written by a Weft that is to come: the seal is right, and the rest means something else. */
static void write_future_version(const char *path)
{
    const int64_t version = CHECKPOINT_FORMAT_VERSION + 1;
    unsigned char seal[SEAL_SIZE_BYTES];
    size_t size_bytes;
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), attribute = H5Aopen(file, "format_version", H5P_DEFAULT);
    assert_true(H5Awrite(attribute, H5T_NATIVE_INT64, &version) >= 0);
    assert_true(H5Aclose(attribute) >= 0 && H5Fclose(file) >= 0);
    unsigned char *bytes = get_file(path, &size_bytes);
    const struct file_part content = {bytes, seal_is_present(bytes, size_bytes) ? size_bytes - SEAL_SIZE_BYTES : size_bytes};
    seal_make(&content, 1, seal);
    assert_ok(file_replace_parts(path, (struct file_part[]){content, {seal, sizeof seal}}, 2));
    free(bytes);
}

static void a_future_version(void **state)
{
    (void)state;
    struct watch watch = {0};
    whole_open();
    write_future_version(whole.path);
    assert_refused("of the next format");
    assert_non_null(strstr(weft_last_error(), "format_version is 2"));
    assert_ok(reopen("run", (weft_resume_options){0}, &watch));         /* from the one before, which is of this format */
    assert_int_equal(watch.told[0].event.kind, WEFT_EVENT_NOTE);
    assert_non_null(strstr(watch.told[0].text, "format_version is 2"));
    destroy(&watch);
    whole_close();
}

/* ---- a run ---- */

/* No save that is due is put off because the one before is still under way. */
static void wait_and_stop_at(struct watch *watch, const weft_event *event)
{
    (void)writer_wait(watch->trainer->writer);
    stop_at(watch, event);
}

/* With the checkpoints of steps 0, 3, 6 and 9. */
static void stop_after_9_steps(const char *name, const char *more)
{
    struct watch watch = {.hook = wait_and_stop_at, .stop_kind = WEFT_EVENT_EVALUATED, .stop_step = 9};
    assert_int_equal(train(name, more, &watch), WEFT_ESTOPPED);
}

static void copy(const char *from, const char *to)
{
    size_t size_bytes;
    char target[PATH_MAX];
    strcpy(target, in_scratch(to));
    unsigned char *bytes = get_file(in_scratch(from), &size_bytes);
    put_file(target, bytes, size_bytes);
    free(bytes);
}

static const char KEEP[] = "checkpoint.keep=9; checkpoint.every=3 steps; ";

static void another_runs_checkpoint_is_refused(void **state)
{
    (void)state;
    static const struct { const char *settings, *setting; } other[] = {
        {"train.seed=2", "train.seed"}, {"optimizer.learning_rate=0.01", "optimizer.learning_rate"},
        {"regularization.l2=0.5", "regularization.l2"}};
    char more[200];
    stop_after_9_steps("run", KEEP);
    train_undisturbed("whole", KEEP);
    for (size_t i = 0; i < COUNT(other); i++) {
        struct watch watch = {0};
        snprintf(more, sizeof more, "%s%s", KEEP, other[i].settings);
        train_undisturbed(other[i].setting, more);
        snprintf(more, sizeof more, "%s/step-14.h5", other[i].setting);
        copy(more, "run/step-14.h5");
        assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDAMAGED);
        assert_non_null(strstr(weft_last_error(), "step-14.h5 and step-9.h5 are of different runs"));
        assert_non_null(strstr(weft_last_error(), other[i].setting));
        assert_int_equal(unlink(in_scratch("run/step-14.h5")), 0);
    }
    struct watch watch = {0};
    assert_ok(resume("run", 1, &watch));
    assert_same_run("whole", "run");
}

static void a_renamed_checkpoint_is_passed_over(void **state)
{
    (void)state;
    struct watch watch = {0};
    stop_after_9_steps("run", KEEP);
    train_undisturbed("whole", KEEP);
    copy("run/step-6.h5", "run/step-12.h5");
    assert_ok(resume("run", 1, &watch));
    assert_int_equal(watch.told[0].event.kind, WEFT_EVENT_NOTE);
    assert_non_null(strstr(watch.told[0].text, "step-12.h5: it holds step 6"));
    assert_same_run("whole", "run");
}

static void damage_one_byte(const char *name, size_t where)
{
    char path[100];
    struct stat info;
    snprintf(path, sizeof path, "run/%s", name);
    int file = open(in_scratch(path), O_RDWR);
    assert_true(file >= 0);
    assert_int_equal(fstat(file, &info), 0);
    unsigned char byte;
    off_t at = (off_t)(where % (size_t)info.st_size);
    assert_int_equal(pread(file, &byte, 1, at), 1);
    byte ^= 0x10;
    assert_int_equal(pwrite(file, &byte, 1, at), 1);
    close(file);
}

/* The newest one, two, three are damaged: the run goes on from the one before them. If none is whole, it says so, and nothing
 * in the directory is touched. */
static void a_run_goes_on_from_the_newest_that_is_whole(void **state)
{
    (void)state;
    static const char *const newest_first[] = {"step-9.h5", "step-6.h5", "step-3.h5", "step-0.h5"};
    struct random random = {3};
    train_undisturbed("whole", KEEP);
    for (size_t damaged = 1; damaged <= COUNT(newest_first); damaged++) {
        struct watch watch = {0};
        stop_after_9_steps("run", KEEP);
        for (size_t i = 0; i < damaged; i++)
            damage_one_byte(newest_first[i], random_bits(&random) >> 1);
        if (damaged < COUNT(newest_first)) {
            assert_ok(resume("run", 1, &watch));
            assert_same_run("whole", "run");
        } else {
            size_t entries = count_entries(in_scratch("run"));
            assert_int_equal(reopen("run", (weft_resume_options){0}, &watch), WEFT_EDAMAGED);
            assert_non_null(strstr(weft_last_error(), "none of its 4 checkpoints is whole"));
            assert_int_equal(create("run", KEEP, &watch), WEFT_ECREATE);        /* nor is it taken for an empty one */
            assert_int_equal(count_entries(in_scratch("run")), entries);
        }
        assert_int_equal(nftw(in_scratch("run"), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
        (void)rmdir(in_scratch("run"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_bit_of_the_head_and_the_seal),
        TEST(one_bit_in_every_64_bytes),
        TEST(every_length),
        TEST(swapped_lost_and_repeated_blocks),
        TEST(a_future_version),
        TEST(another_runs_checkpoint_is_refused),
        TEST(a_renamed_checkpoint_is_passed_over),
        TEST(a_run_goes_on_from_the_newest_that_is_whole),
    };
    int failed = cmocka_run_group_tests(tests, run_scratch_make, scratch_remove);
    printf("%zu damaged files, each refused\n", damages);
    return failed;
}
