/* Rows in any order are gathered as they are, bytes or floats, and become inputs: (raw - shift) * scale, rounded as two float
 * operations, on every instruction set the same bits. */
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
    batch_gather(table, count, row, &(struct gathered){bytes, stride, label, NULL});
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
    batch_gather(&dataset->train, count, row, &(struct gathered){bytes, D, label, NULL});
    for (size_t n = 0; n < count; n++)
        raw[n] = bytes + n * D;
    struct raw_rows from = batch_scaling(dataset);
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

/* Floats as they are; targets, and as label the first largest of them; or neither. */
static void floats_and_targets_are_gathered(void **state)
{
    (void)state;
    enum { FEATURES = 5, GAP = 12, STRIDE = FEATURES * sizeof(float) + GAP };
    static const unsigned kinds[] = {OF_FLOATS, OF_FLOATS | OF_SHARES, OF_LABELS, OF_FLOATS | OF_VALUES};
    for (size_t k = 0; k < COUNT(kinds); k++) {
        struct dataset dataset;
        uint32_t row[2 * ROWS];
        sample_dataset_of(&dataset, 9, ROWS, FEATURES, CLASSES, kinds[k]);
        struct table *table = &dataset.train;
        size_t count = COUNT(row), row_bytes = FEATURES * (table->value != NULL ? sizeof(float) : 1);
        for (size_t n = 0; n < count; n++)
            row[n] = (uint32_t)(n * 7 % ROWS);
        if (table->target != NULL)
            table->target[3 * CLASSES + 1] = table->target[3 * CLASSES + 4] = 5;        /* a tie */
        uint8_t *bytes = guarded_new(count * STRIDE, 1);
        int32_t *label = guarded_new(count, sizeof *label);
        float *wanted = table->target != NULL ? guarded_new(count * CLASSES, sizeof *wanted) : NULL;
        memset(bytes, 0x5a, count * STRIDE);
        batch_gather(table, count, row, &(struct gathered){bytes, STRIDE, label, wanted});
        for (size_t n = 0; n < count; n++) {
            const uint8_t *raw = table->value != NULL ? (const uint8_t *)table->value : table->pixel;
            assert_memory_equal(bytes + n * STRIDE, raw + row[n] * row_bytes, row_bytes);
            for (size_t j = row_bytes; j < STRIDE; j++)
                assert_int_equal(bytes[n * STRIDE + j], 0x5a);
            int32_t best = 0;
            for (int32_t c = 1; c < CLASSES && wanted != NULL; c++)
                best = table->target[row[n] * CLASSES + (size_t)c] > table->target[row[n] * CLASSES + (size_t)best] ? c : best;
            assert_int_equal(label[n], wanted != NULL ? best : table->label[row[n]]);
            if (wanted != NULL)
                assert_same_bits(wanted + n * CLASSES, table->target + row[n] * CLASSES, CLASSES, "targets of row %zu", n);
        }
        guarded_free(bytes);
        guarded_free(label);
        guarded_free(wanted);
        sample_dataset_free(&dataset);
    }
}

static void unlabelled_rows_are_gathered(void **state)
{
    (void)state;
    static float value[] = {1, 2, 3, 4};
    const struct table table = {.count = 2, .features = 2, .value = value};
    static const uint32_t row[] = {1, 0};
    float *x = guarded_new(4, sizeof *x);
    int32_t label[] = {-1, -1};
    batch_gather(&table, 2, row, &(struct gathered){(uint8_t *)x, 2 * sizeof *x, label, NULL});
    assert_true(x[0] == 3 && x[1] == 4 && x[2] == 1 && x[3] == 2);
    assert_true(label[0] == 0 && label[1] == 0);
    guarded_free(x);
}

/* Floats as inputs, panel by panel. */
static void float_rows_become_inputs(void **state)
{
    (void)state;
    for (enum isa isa = ISA_PORTABLE; isa < ISA_COUNT; isa++)
        for (size_t features = 1; features <= 70 && kernel_use(isa); features += 23) {
            struct dataset dataset;
            sample_dataset_of(&dataset, features, ROWS, features, CLASSES, OF_FLOATS);
            struct raw_rows from = batch_scaling(&dataset);
            assert_int_equal(from.type, RAW_F32);
            assert_int_equal(from.is_uniform, features == 1);
            const uint8_t *raw[ROWS];
            for (size_t n = 0; n < ROWS; n++)
                raw[n] = (const uint8_t *)(dataset.train.value + n * features);
            from.row = raw;
            for (size_t first = 0; first < features; first += PANEL) {
                size_t columns = features - first < PANEL ? features - first : PANEL;
                float *x = guarded_new(ROWS * PANEL, sizeof *x);
                kernel->convert(ROWS, first, columns, &from, x);
                for (size_t n = 0; n < ROWS; n++)
                    for (size_t j = 0; j < columns; j++) {
                        float want = sample_input(&dataset, n, first + j);
                        assert_same_bits(&x[n * PANEL + j], &want, 1, "row %zu, feature %zu, %s kernels", n, first + j, kernel->name);
                    }
                guarded_free(x);
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
        cmocka_unit_test(floats_and_targets_are_gathered),
        cmocka_unit_test(unlabelled_rows_are_gathered),
        cmocka_unit_test(float_rows_become_inputs),
        cmocka_unit_test(uniform_scaling_is_noticed),
    };
    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
