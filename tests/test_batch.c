/* Bytes become inputs: (raw - shift) * scale, rounded as two float operations, for rows in any order, on every instruction
 * set the same bits. */
#include "support.h"

#include <string.h>

#include "data/batch.h"
#include "kernel/kernel.h"

enum { ROWS = 23, CLASSES = 5 };

/* What the definition says; volatile, so that each operation is rounded to a float by itself. */
static float input_of(uint8_t raw, float shift, float scale)
{
    volatile float difference = (float)raw - shift;
    volatile float product = difference * scale;
    return product;
}

static void check_gather(const struct dataset *dataset, size_t count, const uint32_t *row)
{
    size_t D = dataset->features;
    float *x = guarded_new(count * D, sizeof *x), *want = guarded_new(count * D, sizeof *want);
    int32_t *label = guarded_new(count, sizeof *label);
    batch_gather(dataset, &dataset->train, count, row, x, label);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(label[n], dataset->train.label[row[n]]);
        for (size_t j = 0; j < D; j++)
            want[n * D + j] = input_of(dataset->train.pixel[row[n] * D + j], dataset->shift[j], dataset->scale[j]);
    }
    assert_same_bits(x, want, count * D, "%zu rows of %zu features, %s kernels", count, D, kernel->name);
    guarded_free(x);
    guarded_free(want);
    guarded_free(label);
}

static void rows_become_inputs(void **state)
{
    (void)state;
    static const size_t features[] = {1, 3, 15, 16, 17, 33, 784};
    for (size_t f = 0; f < COUNT(features); f++) {
        struct dataset dataset;
        struct random random = {40 + f};
        uint32_t row[2 * ROWS];
        sample_dataset(&dataset, f, ROWS, features[f], CLASSES);
        random_floats(&random, features[f], -3, 300, dataset.shift);
        random_floats(&random, features[f], -2, 2, dataset.scale);
        dataset.scale[0] = 0;                                   /* a constant feature */
        for (size_t n = 0; n < COUNT(row); n++)
            row[n] = n < ROWS ? (uint32_t)(ROWS - 1 - n) : (uint32_t)random_below(&random, ROWS);
        for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
            if (kernel_use(isa))
                for (size_t count = 0; count <= COUNT(row); count += count < 3 ? 1 : 17)
                    check_gather(&dataset, count, row);
        sample_dataset_free(&dataset);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_inputs),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
