/* See support.h. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memory.h"

uint64_t random_bits(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

double random_real(struct random *random, double low, double high)
{
    return low + (high - low) * ((double)(random_bits(random) >> 11) * 0x1p-53);
}

size_t random_below(struct random *random, size_t bound)
{
    return (size_t)(random_bits(random) % bound);
}

void random_floats(struct random *random, size_t count, double low, double high, float *x)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)random_real(random, low, high);
}

/* A head, guard bytes, the array, and guard bytes or the fence. What is before the array keeps the alignment that malloc
 * gives, if the array is not fenced. */
enum { GUARD_BYTES = 192, GUARD = 0xa5 };
struct head {
    size_t bytes;                               /* of the array */
    void *mapping;                              /* with the fence; NULL: from malloc */
    size_t mapping_bytes;
};

/* The array of a block that begins GUARD_BYTES before it. */
static void *zeroed_array(unsigned char *block, struct head head)
{
    memset(block, GUARD, GUARD_BYTES);
    memcpy(block, &head, sizeof head);
    return memset(block + GUARD_BYTES, 0, head.bytes);
}

void *guarded_new(size_t count, size_t size_bytes)
{
    size_t bytes = count * size_bytes;
    unsigned char *block = malloc(2 * GUARD_BYTES + bytes);
    assert_non_null(block);
    memset(block + GUARD_BYTES + bytes, GUARD, GUARD_BYTES);
    return zeroed_array(block, (struct head){bytes, NULL, 0});
}

void *fenced_new(size_t count, size_t size_bytes)
{
    size_t bytes = count * size_bytes, page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    size_t before_fence = (GUARD_BYTES + bytes + page_bytes - 1) / page_bytes * page_bytes;
    unsigned char *mapping = mmap(NULL, before_fence + page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(mapping != MAP_FAILED);
    assert_int_equal(mprotect(mapping + before_fence, page_bytes, PROT_NONE), 0);
    return zeroed_array(mapping + before_fence - bytes - GUARD_BYTES,
                        (struct head){bytes, mapping, before_fence + page_bytes});
}

void guarded_free(void *array)
{
    if (array == NULL)
        return;
    unsigned char *block = (unsigned char *)array - GUARD_BYTES;
    struct head head;
    memcpy(&head, block, sizeof head);
    for (size_t i = sizeof head; i < GUARD_BYTES; i++)
        if (block[i] != GUARD)
            fail_msg("a byte was written %zu bytes before an array of %zu bytes", GUARD_BYTES - i, head.bytes);
    if (head.mapping != NULL) {
        assert_int_equal(munmap(head.mapping, head.mapping_bytes), 0);
        return;
    }
    for (size_t i = 0; i < GUARD_BYTES; i++)
        if (block[GUARD_BYTES + head.bytes + i] != GUARD)
            fail_msg("a byte was written %zu bytes after the end of an array of %zu bytes", i, head.bytes);
    free(block);
}

float *guarded_floats(struct random *random, size_t count, double low, double high)
{
    float *x = guarded_new(count, sizeof *x);
    random_floats(random, count, low, high, x);
    return x;
}

float *fenced_floats(struct random *random, size_t count, double low, double high)
{
    float *x = fenced_new(count, sizeof *x);
    random_floats(random, count, low, high, x);
    return x;
}

float *guarded_copy(const float *x, size_t count)
{
    float *copy = guarded_new(count, sizeof *copy);
    if (count > 0)
        memcpy(copy, x, count * sizeof *copy);
    return copy;
}

enum { CASE_SIZE = 512 };

void assert_same_bits(const float *got, const float *want, size_t count, const char *format, ...)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&got[i], &want[i], sizeof *got) == 0 || (isnan(got[i]) && isnan(want[i])))
            continue;
        char which[CASE_SIZE];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(which, sizeof which, format, arguments);
        va_end(arguments);
        fail_msg("%s: element %zu of %zu is %a, wanted %a", which, i, count, (double)got[i], (double)want[i]);
    }
}

void assert_same_doubles(const double *got, const double *want, size_t count, const char *format, ...)
{
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&got[i], &want[i], sizeof *got) == 0 || (isnan(got[i]) && isnan(want[i])))
            continue;
        char which[CASE_SIZE];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(which, sizeof which, format, arguments);
        va_end(arguments);
        fail_msg("%s: element %zu of %zu is %a, wanted %a", which, i, count, got[i], want[i]);
    }
}

void assert_within(double got, double want, double bound, const char *format, ...)
{
    if (fabs(got - want) <= bound)
        return;
    char which[CASE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(which, sizeof which, format, arguments);
    va_end(arguments);
    fail_msg("%s: %.17g, wanted %.17g within %.3g, is off by %.3g", which, got, want, bound, fabs(got - want));
}

weft_settings *settings_of(const char *assignments)
{
    weft_settings *settings = weft_settings_create();
    assert_non_null(settings);
    char *text = strdup(assignments), *rest = text;
    assert_non_null(text);
    for (char *part; (part = strsep(&rest, ";")) != NULL;)
        if (part[strspn(part, " ")] != '\0' && weft_settings_assign(settings, part + strspn(part, " ")) != WEFT_OK)
            fail_msg("%s", weft_last_error());
    free(text);
    return settings;
}

void sample_dataset(struct dataset *dataset, uint64_t seed, size_t rows, size_t features, size_t classes)
{
    struct random random = {seed};
    *dataset = (struct dataset){.features = features, .outputs = classes, .type = RAW_U8, .task = TASK_CLASSES};
    struct table *table = &dataset->train;
    *table = (struct table){.count = rows, .features = features};
    table->pixel = fenced_new(rows * features, 1);
    table->label = guarded_new(rows, sizeof *table->label);
    for (size_t i = 0; i < rows * features; i++)
        table->pixel[i] = (uint8_t)random_below(&random, 256);
    for (size_t n = 0; n < rows; n++)
        table->label[n] = (int32_t)(n < classes ? n : random_below(&random, classes));
    struct split *split = &dataset->split[SPLIT_TRAIN];
    *split = (struct split){table, guarded_new(rows, sizeof *split->row), rows};
    for (size_t n = 0; n < rows; n++)
        split->row[n] = (uint32_t)n;
    dataset->shift = guarded_new(features, sizeof *dataset->shift);
    dataset->scale = guarded_new(features, sizeof *dataset->scale);
    for (size_t j = 0; j < features; j++) {
        dataset->shift[j] = 128;
        dataset->scale[j] = 1.0f / 256;
    }
}

void sample_floats(struct dataset *dataset, uint64_t seed)
{
    struct random random = {seed};
    struct table *table = &dataset->train;
    guarded_free(table->pixel);
    table->pixel = NULL;
    table->value = fenced_floats(&random, table->count * table->features, -1, 1);
    random_floats(&random, dataset->features, -0.5, 0.5, dataset->shift);
    random_floats(&random, dataset->features, 0.5, 2, dataset->scale);
    dataset->type = RAW_F32;
}

void sample_targets(struct dataset *dataset, uint64_t seed, enum task task)
{
    struct random random = {seed};
    struct table *table = &dataset->train;
    size_t K = dataset->outputs;
    guarded_free(table->label);
    table->label = NULL;
    table->targets = K;
    table->target = fenced_floats(&random, table->count * K, task == TASK_REGRESSION ? -2 : 0, task == TASK_REGRESSION ? 2 : 1);
    for (size_t n = 0; n < table->count && task == TASK_CLASSES; n++) {
        double sum = 0;
        for (size_t k = 0; k < K; k++)
            sum += (double)table->target[n * K + k];
        for (size_t k = 0; k < K; k++)
            table->target[n * K + k] = (float)((double)table->target[n * K + k] / sum);
    }
    for (size_t i = 0; i < table->count * K && task == TASK_LABELS; i++)
        if (i % 3 != 0)                                 /* most labels are there or not */
            table->target[i] = table->target[i] < 0.5f ? 0 : 1;
    dataset->task = task;
}

void sample_class_weights(struct dataset *dataset, uint64_t seed)
{
    struct random random = {seed};
    dataset->class_weight = fenced_floats(&random, dataset->outputs, 0.25, 2);
}

void sample_dataset_of(struct dataset *dataset, uint64_t seed, size_t rows, size_t features, size_t outputs, unsigned kind)
{
    sample_dataset(dataset, seed, rows, features, outputs);
    if (kind & OF_FLOATS)
        sample_floats(dataset, seed + 1);
    if (kind & (OF_SHARES | OF_LABELS | OF_VALUES))
        sample_targets(dataset, seed + 2, kind & OF_SHARES ? TASK_CLASSES : kind & OF_LABELS ? TASK_LABELS : TASK_REGRESSION);
    if (kind & OF_WEIGHTS)
        sample_class_weights(dataset, seed + 3);
}

float sample_input(const struct dataset *dataset, size_t row, size_t j)
{
    const struct table *table = &dataset->train;
    float raw = table->pixel != NULL ? table->pixel[row * table->features + j] : table->value[row * table->features + j];
    volatile float difference = raw - dataset->shift[j];        /* so that each operation is rounded by itself */
    return difference * dataset->scale[j];
}

void sample_dataset_free(struct dataset *dataset)
{
    guarded_free(dataset->train.pixel);
    guarded_free(dataset->train.value);
    guarded_free(dataset->train.label);
    guarded_free(dataset->train.target);
    guarded_free(dataset->class_weight);
    guarded_free(dataset->split[SPLIT_TRAIN].row);
    guarded_free(dataset->shift);
    guarded_free(dataset->scale);
}
