/* The contract's first promise: the trained bits are a function of settings, seed and data. Each line of
 * tests/golden_digests.txt is a run and the digest that it has always had; it is trained here for several team sizes, every
 * instruction set of this processor and both ways to the gradients, and must come out the same each time. The data are 1,100
 * built-in digits.
 *
 * WEFT_GOLDEN_WRITE=FILE appends the settings in FILE (see golden_cover.py) and their digests to tests/golden_digests.txt. To change
 * a line that is there breaks a promise made to users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "kernel/kernel.h"
#include "train/digest.h"
#include "train/training.h"

static const char GOLDEN_FILE[] = "tests/golden_digests.txt";
enum { LINE_SIZE = 2048 };

static const struct { enum isa isa; size_t threads; const char *gradient; } variants[] = {
    {ISA_PORTABLE, 3, "auto"}, {ISA_AVX2, 2, "local"}, {ISA_AVX2, 7, "owned"}, {ISA_AVX512, 1, "auto"},
    {ISA_AVX512, 2, "owned"}, {ISA_AVX512, 3, "local"}, {ISA_AVX512, 4, "auto"}, {ISA_AVX512, 7, "local"},
    {ISA_AVX512, 16, "owned"}, {ISA_PORTABLE, 1, "local"},
};

static void set(weft_settings *settings, const char *name, const char *value)
{
    if (weft_settings_set(settings, name, value) != WEFT_OK)
        fail_msg("%s", weft_last_error());
}

/* "name=value; name=value"; "input=float" is no setting but says that the pixels are to be floats. */
static weft_settings *settings_of(const char *line)
{
    char text[LINE_SIZE], *rest = text;
    snprintf(text, sizeof text, "%s", line);
    weft_settings *settings = weft_settings_create();
    assert_non_null(settings);
    set(settings, "data.source", "digits:?train=1100&test=1");
    set(settings, "data.validation_fraction", "0");
    for (char *part; (part = strsep(&rest, ";\n")) != NULL;) {
        char *equals = strchr(part, '=');
        if (equals == NULL)
            continue;
        *equals = '\0';
        if (strcmp(part + strspn(part, " "), "input") != 0)
            set(settings, part + strspn(part, " "), equals + 1);
    }
    return settings;
}

static void train(const weft_settings *settings, const struct dataset *dataset, size_t threads, char digest[DIGEST_SIZE])
{
    struct training t;
    if (training_create(&t, settings, dataset, threads) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    network_initialize(&t.net, settings);
    t.step_loss = memory_new((size_t)t.total_steps, sizeof *t.step_loss);
    assert_non_null(t.step_loss);
    while (t.step < t.total_steps) {
        uint64_t end_of_epoch = (t.step / t.sampler.steps_per_epoch + 1) * t.sampler.steps_per_epoch;
        if (training_run_steps(&t, end_of_epoch < t.total_steps ? end_of_epoch : t.total_steps) != WEFT_OK)
            fail_msg("%s", weft_last_error());
    }
    assert_int_equal(weights_digest(&t.net, &t.optimizer, digest), WEFT_OK);
    training_destroy(&t);
}

static void open_dataset(const weft_settings *settings, const char *line, struct dataset *dataset)
{
    weft_status st = dataset_open(settings, NULL, dataset);
    if (st == WEFT_OK && strstr(line, "input=float") != NULL) {
        struct table train = dataset->train;
        dataset->train = (struct table){0};
        dataset_close(dataset);
        st = table_make_floats(&train);
        if (st == WEFT_OK)
            st = dataset_from_table(settings, "digits as floats", &train, dataset);
    }
    if (st != WEFT_OK)
        fail_msg("%s", weft_last_error());
}

static void every_variant_gives_the_golden_digest(void **state)
{
    (void)state;
    FILE *file = fopen(GOLDEN_FILE, "r");
    assert_non_null(file);
    char line[LINE_SIZE];
    size_t runs = 0, wrong = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        assert_true(strlen(line) > DIGEST_SIZE);
        weft_settings *settings = settings_of(line + DIGEST_SIZE);
        struct dataset dataset;
        open_dataset(settings, line, &dataset);
        for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
            char digest[DIGEST_SIZE];
            if (!kernel_use(variants[v].isa))
                continue;
            set(settings, "run.gradient", variants[v].gradient);
            train(settings, &dataset, variants[v].threads, digest);
            runs++;
            if (memcmp(digest, line, DIGEST_SIZE - 1) == 0)
                continue;
            wrong++;
            print_error("%s kernels, %zu threads, run.gradient=%s: %s, wanted %s", isa_name(variants[v].isa),
                        variants[v].threads, variants[v].gradient, digest, line);
        }
        dataset_close(&dataset);
        weft_settings_destroy(settings);
    }
    fclose(file);
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        if (!kernel_use(isa))
            print_message("not run: %s kernels, which this processor lacks\n", isa_name(isa));
    print_message("%zu runs\n", runs);
    assert_true(runs >= 60 * 2);
    assert_int_equal(wrong, 0);
}

static int write_golden(const char *cover_path)
{
    FILE *cover = fopen(cover_path, "r"), *golden = fopen(GOLDEN_FILE, "a");
    char line[LINE_SIZE], digest[DIGEST_SIZE];
    if (cover == NULL || golden == NULL || !kernel_use(ISA_PORTABLE))
        return EXIT_FAILURE;
    while (fgets(line, sizeof line, cover) != NULL) {
        weft_settings *settings = settings_of(line);
        struct dataset dataset;
        open_dataset(settings, line, &dataset);
        train(settings, &dataset, 1, digest);
        dataset_close(&dataset);
        fprintf(golden, "%s %s", digest, line);
        weft_settings_destroy(settings);
    }
    fclose(cover);
    return fclose(golden) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(void)
{
    const char *cover = getenv("WEFT_GOLDEN_WRITE");
    if (cover != NULL)
        return write_golden(cover);
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_variant_gives_the_golden_digest)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
