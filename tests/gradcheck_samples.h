/* What the checks of the gradient are tried on: files of data in a directory of their own, and small nets. */
#ifndef TESTS_GRADCHECK_SAMPLES_H
#define TESTS_GRADCHECK_SAMPLES_H

#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"
#include "weft/weft.h"

static char scratch[64];

static inline const char *in_scratch(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", scratch, name);
    return path;
}

static inline int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info; (void)kind; (void)walk;
    return remove(path);
}

static inline int remove_scratch(void **state)
{
    (void)state;
    return nftw(scratch, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

enum { ROWS = 70, FEATURES = 6, CLASSES = 3 };

static inline void write_bytes(const char *name, const unsigned char *head, size_t head_bytes, struct random *random,
                               size_t count, size_t below)
{
    FILE *file = fopen(in_scratch(name), "wb");
    assert_non_null(file);
    fwrite(head, 1, head_bytes, file);
    for (size_t i = 0; i < count; i++)
        fputc((int)(i < below ? i : random_below(random, below)), file);
    assert_int_equal(fclose(file), 0);
}

/* Floats of very different sizes, and behind them what they are to give. */
static inline void write_table(const char *name, struct random *random, const char *kind)
{
    FILE *file = fopen(in_scratch(name), "w");
    assert_non_null(file);
    for (size_t n = 0; n < ROWS; n++) {
        double x[FEATURES], share = random_real(random, 0.1, 0.8);
        for (size_t j = 0; j < FEATURES; j++)
            fprintf(file, "%.9g,", x[j] = random_real(random, -1, 2) * pow(10, (double)j - 2));
        if (strcmp(kind, "classes") == 0)
            fprintf(file, "class %zu\n", n < CLASSES ? n : random_below(random, CLASSES));
        else if (strcmp(kind, "shares") == 0)
            fprintf(file, "%.9g,%.9g,%.9g\n", share, (1 - share) / 4, 3 * (1 - share) / 4);
        else if (strcmp(kind, "labels") == 0)
            fprintf(file, "%zu,%.9g\n", random_below(random, 2), share);
        else
            fprintf(file, "%.9g,%.9g\n", x[0] - x[2] / 10, 100 * share);
    }
    assert_int_equal(fclose(file), 0);
}

static inline int write_data(void **state)
{
    (void)state;
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, ROWS, 0, 0, 0, 2, 0, 0, 0, FEATURES / 2};
    static const unsigned char classes[] = {0, 0, 8, 1, 0, 0, 0, ROWS};
    struct random random = {11};
    strcpy(scratch, "/tmp/weft-test-XXXXXX");
    if (mkdtemp(scratch) == NULL)
        return -1;
    write_bytes("train-images-idx3-ubyte", images, sizeof images, &random, ROWS * FEATURES, 256);
    write_bytes("train-labels-idx1-ubyte", classes, sizeof classes, &random, ROWS, CLASSES);
    write_table("classes.csv", &random, "classes");
    write_table("shares.csv", &random, "shares");
    write_table("labels.csv", &random, "labels");
    write_table("values.csv", &random, "values");
    return 0;
}

/* Of a net 6-5-4-outputs, on one thread unless they say otherwise. */
static inline weft_settings *settings_with(const char *assignments)
{
    char all[2048];
    snprintf(all, sizeof all, "data.validation_fraction=0; network.hidden=5, 4; run.threads=1; %s", assignments);
    return settings_of(all);
}

static inline void check(const char *assignments, const weft_gradcheck_options *options, weft_gradcheck_result *result)
{
    weft_settings *settings = settings_with(assignments);
    if (weft_gradcheck(settings, options, result) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    weft_settings_destroy(settings);
}

static inline void fail_with_report(const char *assignments, const weft_gradcheck_result *result)
{
    weft_report_gradcheck(result, stderr);
    fail_msg("%s", assignments);
}

#endif
