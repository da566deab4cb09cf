/* Rows in any order are gathered as bytes, and bytes become inputs: (raw - shift) * scale, rounded as two float operations, on
 * every instruction set the same bits. */
#include "support.h"

#include <math.h>
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

/* The bytes and labels of the rows, in their order; nothing between the end of a row and the next one. */
static void check_gather(const struct table *table, size_t count, const uint32_t *row, size_t gap)
{
    size_t D = table->features, stride = D + gap;
    uint8_t *bytes = guarded_new(count * stride, 1);
    int32_t *label = guarded_new(count, sizeof *label);
    memset(bytes, 0x5a, count * stride);
    batch_gather(table, count, row, bytes, stride, label);
    for (size_t n = 0; n < count; n++) {
        assert_int_equal(label[n], table->label[row[n]]);
        assert_memory_equal(bytes + n * stride, table->pixel + row[n] * D, D);
        for (size_t j = D; j < stride; j++)
            assert_int_equal(bytes[n * stride + j], 0x5a);
    }
    guarded_free(bytes);
    guarded_free(label);
}

/* Those bytes as inputs, panel by panel, with the kernels in use. */
static void check_inputs(const struct dataset *dataset, size_t count, const uint32_t *row)
{
    size_t D = dataset->features;
    uint8_t *bytes = guarded_new(count * D, 1);
    const uint8_t **raw = guarded_new(count, sizeof *raw);
    int32_t *label = guarded_new(count, sizeof *label);
    batch_gather(&dataset->train, count, row, bytes, D, label);
    for (size_t n = 0; n < count; n++)
        raw[n] = bytes + n * D;
    struct byte_rows from = batch_scaling(dataset);
    assert_ptr_equal(from.shift, dataset->shift);
    assert_ptr_equal(from.scale, dataset->scale);
    from.row = raw;
    for (size_t first = 0; first < D; first += PANEL) {
        size_t columns = D - first < PANEL ? D - first : PANEL;
        float *x = guarded_new(count * PANEL, sizeof *x), *want = guarded_new(count * PANEL, sizeof *want);
        kernel->convert(count, first, columns, &from, x);
        for (size_t n = 0; n < count; n++)
            for (size_t j = 0; j < columns; j++)
                want[n * PANEL + j] = input_of(dataset->train.pixel[row[n] * D + first + j], dataset->shift[first + j],
                                               dataset->scale[first + j]);
        assert_same_bits(x, want, count * PANEL, "%zu rows of %zu features from %zu on, %s kernels", count, D, first,
                         kernel->name);
        guarded_free(x);
        guarded_free(want);
    }
    guarded_free(bytes);
    guarded_free(raw);
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
        if (f % 3 == 2)                                         /* or all alike */
            for (size_t j = 0; j < features[f]; j++) {
                dataset.shift[j] = dataset.shift[0];
                dataset.scale[j] = 1.0f / 3;
            }
        for (size_t n = 0; n < COUNT(row); n++)
            row[n] = n < ROWS ? (uint32_t)(ROWS - 1 - n) : (uint32_t)random_below(&random, ROWS);
        for (size_t count = 0; count <= COUNT(row); count += count < 3 ? 1 : 17) {
            for (size_t gap = 0; gap < 3; gap++)
                check_gather(&dataset.train, count, row, gap * 13);
            for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
                if (kernel_use(isa))
                    check_inputs(&dataset, count, row);
        }
        sample_dataset_free(&dataset);
    }
}

/* One shift and one scale for all features, or one feature that is unlike the others, wherever it is. */
static void uniform_scaling_is_noticed(void **state)
{
    (void)state;
    enum { FEATURES = 40 };
    struct dataset dataset;
    sample_dataset(&dataset, 1, ROWS, FEATURES, CLASSES);
    assert_true(batch_scaling(&dataset).is_uniform);
    for (size_t j = 0; j < FEATURES; j++)
        for (int of_scale = 0; of_scale < 2; of_scale++) {
            float *of = of_scale ? dataset.scale : dataset.shift, kept = of[j];
            of[j] = nextafterf(kept, 1000);
            assert_false(batch_scaling(&dataset).is_uniform);
            of[j] = kept;
        }
    dataset.features = 1;
    assert_true(batch_scaling(&dataset).is_uniform);
    sample_dataset_free(&dataset);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_become_inputs),
        cmocka_unit_test(uniform_scaling_is_noticed),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
