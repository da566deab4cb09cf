/* The dense layer in all directions against plain loops over rows and columns, whatever becomes the lanes and however the
 * work is cut: the same bits in every instruction set. Wide and narrow layers, more inputs than are summed or converted at
 * once, rows that end inside a tile; padding is NaN and must not show. */
#include <math.h>
#include <stdio.h>

#include "kernel/kernel.h"
#include "matrix_samples.h"
#include "nn/layers.h"
#include "parallel/reduce.h"
#include "support.h"

struct shape {
    size_t D, H1, H2, rows;                     /* features, two hidden layers; the second is looked at too */
};

static const struct shape shapes[] = {
    {1, 1, 1, 1}, {5, 10, 3, 7}, {19, 20, 33, 31}, {32, 32, 32, 32}, {33, 31, 40, 33}, {70, 100, 17, 64}, {256, 20, 10, 100},
    {257, 10, 65, 300}, {300, 16, 15, 257}, {784, 128, 10, 57}, {784, 20, 7, 256}, {100, 500, 64, 29},
    {16, 64, 20, 530}, {30, 10, 7, 1030},       /* more rows than a panel of W is used for at once */
    {2500, 48, 1, 61}, {2100, 17, 2, 40},       /* more inputs than are summed at once: the chain goes on from what was stored */
    {40, 2100, 5, 15}, {9, 33, 2060, 40},       /* the same for the second layer, forwards and backwards */
};

struct fixture {
    const struct shape *shape;
    weft_settings *settings;
    struct network net;
    float *byte_shift, *byte_scale;
    bool is_uniform;                            /* one shift and one scale for all */
    uint8_t *byte;                              /* rows x D */
    const uint8_t **row;                        /* in another order */
    float *value;                               /* the same numbers as floats, */
    const uint8_t **value_row;                  /* in that order */
    float *x[2], *dy[2];                        /* of each layer, row by row */
};

static void fixture_open(struct fixture *f, const struct shape *shape, bool is_raw)
{
    struct random random = {shape->D * 1009 + shape->rows};
    char text[96];
    snprintf(text, sizeof text, "network.hidden=%zu, %zu; network.input_dropout=%s", shape->H1, shape->H2,
             is_raw ? "0" : "0.5");
    f->shape = shape;
    f->settings = settings_of(text);
    assert_int_equal(network_create(&f->net, f->settings, shape->D, RAW_U8, 3), WEFT_OK);
    for (size_t l = 0; l < f->net.layers; l++) {
        const struct layer *layer = &f->net.layer[l];
        random_floats(&random, layer->fan_in * layer->fan_out, -1, 1, f->net.parameter + layer->weight);
        random_floats(&random, layer->fan_out, -1, 1, f->net.parameter + layer->bias);
    }
    f->byte_shift = fenced_floats(&random, shape->D, 0, 255);
    f->byte_scale = fenced_floats(&random, shape->D, 0, 0.01);
    f->is_uniform = shape->D % 2 == 0;
    for (size_t j = 1; j < shape->D && f->is_uniform; j++) {
        f->byte_shift[j] = f->byte_shift[0];
        f->byte_scale[j] = f->byte_scale[0];
    }
    f->byte = fenced_new(shape->rows * shape->D, 1);
    f->row = fenced_new(shape->rows, sizeof *f->row);
    f->value = fenced_new(shape->rows * shape->D, sizeof *f->value);
    f->value_row = fenced_new(shape->rows, sizeof *f->value_row);
    for (size_t i = 0; i < shape->rows * shape->D; i++)
        f->value[i] = f->byte[i] = (uint8_t)random_bits(&random);
    f->x[0] = guarded_new(shape->rows * shape->D, sizeof **f->x);
    for (size_t n = 0; n < shape->rows; n++) {
        f->row[n] = f->byte + (shape->rows - 1 - n) * shape->D;
        f->value_row[n] = (const uint8_t *)(f->value + (shape->rows - 1 - n) * shape->D);
        for (size_t j = 0; j < shape->D; j++)
            f->x[0][n * shape->D + j] = ((float)f->row[n][j] - f->byte_shift[j]) * f->byte_scale[j];
    }
    f->x[1] = guarded_floats(&random, shape->rows * shape->H1, -1, 1);
    f->dy[0] = guarded_floats(&random, shape->rows * shape->H1, -1, 1);
    f->dy[1] = guarded_floats(&random, shape->rows * shape->H2, -1, 1);
}

static void fixture_close(struct fixture *f)
{
    void *const all[] = {f->byte_shift, f->byte_scale, f->byte, f->row, f->value, f->value_row, f->x[0], f->x[1], f->dy[0], f->dy[1]};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
    network_destroy(&f->net);
    weft_settings_destroy(f->settings);
}

static void expect(const struct fixture *f, struct matrix got, const float *want, size_t columns, const char *what, size_t l)
{
    float *x = rows_of(got, f->shape->rows, columns);
    assert_same_bits(x, want, f->shape->rows * columns, "%s of layer %zu, %s, %zu rows, %zu -> %zu -> %zu", what, l,
                     kernel->name, f->shape->rows, f->shape->D, f->shape->H1, f->shape->H2);
    guarded_free(x);
    guarded_free(got.data);
}

static void with_each_isa(struct fixture *f, size_t l, const float *want,
                          void (*check)(struct fixture *f, size_t l, const float *want))
{
    for (int isa = 0; isa < ISA_COUNT; isa++)
        if (kernel_use((enum isa)isa)) {
            network_pack(&f->net);              /* not all sets want the same of it */
            check(f, l, want);
        }
}

static void each_layer(void (*check)(struct fixture *f, size_t l))
{
    for (size_t s = 0; s < 2 * COUNT(shapes); s++) {
        struct fixture f;
        fixture_open(&f, &shapes[s / 2], s % 2);
        for (size_t l = 0; l < 2; l++)
            if (l == 0 || s % 2)                /* the upper layer does not see what the first one takes */
                check(&f, l);
        fixture_close(&f);
    }
}

/* ---- y = x W + b ---- */

static void compare_forward(struct fixture *f, size_t l, const float *want)
{
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in, H = f->net.layer[l].fan_out;
    if (l > 0 || !f->net.input_is_raw) {
        struct matrix x = matrix_of(rows, D, f->x[l]), y = matrix_new(rows, H);
        dense_forward(&f->net, l, rows, x, y);
        expect(f, y, want, H, "y", l);
        guarded_free(x.data);
    }
    if (l > 0)
        return;
    for (enum raw_type type = RAW_U8; type <= RAW_F32; type++) {        /* in training, or in evaluation of any network */
        struct matrix y = matrix_new(rows, H);
        size_t scratch_size = dense_scratch_size(&f->net);
        float *scratch = guarded_new(scratch_size, sizeof *scratch);
        for (size_t i = 0; i < scratch_size; i++)
            scratch[i] = NAN;
        const struct raw_rows raw = {type == RAW_U8 ? f->row : f->value_row, f->byte_shift, f->byte_scale, f->is_uniform, type};
        dense_forward_bytes(&f->net, rows, &raw, scratch, y);
        expect(f, y, want, H, type == RAW_U8 ? "y from bytes" : "y from floats", l);
        guarded_free(scratch);
    }
}

static void check_forward(struct fixture *f, size_t l)
{
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in, H = f->net.layer[l].fan_out;
    const float *W = f->net.parameter + f->net.layer[l].weight, *b = f->net.parameter + f->net.layer[l].bias;
    float *want = guarded_new(rows * H, sizeof *want);
    for (size_t n = 0; n < rows; n++)
        for (size_t o = 0; o < H; o++) {
            float sum = 0;
            for (size_t i = 0; i < D; i++)
                sum = fmaf(f->x[l][n * D + i], W[i * H + o], sum);
            want[n * H + o] = sum + b[o];
        }
    with_each_isa(f, l, want, compare_forward);
    guarded_free(want);
}

static void forward_is_x_W_plus_b(void **state)
{
    (void)state;
    each_layer(check_forward);
}

/* ---- dx = dy W^T ---- */

static void compare_backward(struct fixture *f, size_t l, const float *want)
{
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in;
    struct matrix dy = matrix_of(rows, f->net.layer[l].fan_out, f->dy[l]), dx = matrix_new(rows, D);
    dense_backward(&f->net, l, rows, dy, dx);
    expect(f, dx, want, D, "dx", l);
    guarded_free(dy.data);
}

static void check_backward(struct fixture *f, size_t l)
{
    if (l == 0)
        return;                                 /* nothing goes back to the input */
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in, H = f->net.layer[l].fan_out;
    const float *W = f->net.parameter + f->net.layer[l].weight;
    float *want = guarded_new(rows * D, sizeof *want);
    for (size_t n = 0; n < rows; n++)
        for (size_t i = 0; i < D; i++)
            for (size_t o = 0; o < H; o++)
                want[n * D + i] = fmaf(f->dy[l][n * H + o], W[i * H + o], want[n * D + i]);
    with_each_isa(f, l, want, compare_backward);
    guarded_free(want);
}

static void backward_is_dy_W_transposed(void **state)
{
    (void)state;
    each_layer(check_backward);
}

/* ---- dW = x^T dy and db, shards as a tree ---- */

/* A chain over the rows of each shard of the products of two columns (of ones: b NULL), the shards added up as a tree. */
static float sum_over_rows(size_t rows, const float *a, size_t a_row, const float *b, size_t b_row)
{
    size_t shards = (rows + 31) / 32 < 16 ? (rows + 31) / 32 : 16;
    float part[16];
    for (size_t s = 0; s < shards; s++) {
        part[s] = 0;
        for (size_t n = s * rows / shards; n < (s + 1) * rows / shards; n++)
            part[s] = b != NULL ? fmaf(a[n * a_row], b[n * b_row], part[s]) : part[s] + a[n * a_row];
    }
    for (size_t d = 1; d < shards; d *= 2)
        for (size_t i = 0; i + d < shards; i += 2 * d)
            part[i] += part[i + d];
    return part[0];
}

static struct row_sum all_rows(size_t rows)
{
    size_t shards = shard_count(rows);
    return row_sum_make(rows, shards, (struct range){0, shards});
}

static void compare_gradient(struct fixture *f, size_t l, const float *want)
{
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in, H = f->net.layer[l].fan_out;
    struct matrix x = matrix_of(rows, D, f->x[l]), dy = matrix_of(rows, H, f->dy[l]);
    struct row_sum sum = all_rows(rows);
    float *part = guarded_new(sum.parts_most * PANEL * PANEL, sizeof *part);
    for (size_t i = 0; i < D; i += PANEL) {
        size_t inputs = D - i < PANEL ? D - i : PANEL;
        float *gradient = guarded_new(inputs * H, sizeof *gradient);
        dense_gradient(&f->net, l, i / PANEL, &sum, x.data + i / PANEL * x.panel, dy, part, gradient);
        assert_same_bits(gradient, want + i * H, inputs * H, "dW of layer %zu from input %zu, %s, %zu rows, %zu x %zu", l, i,
                         kernel->name, rows, D, H);
        guarded_free(gradient);
    }
    guarded_free(part);
    guarded_free(x.data);
    guarded_free(dy.data);
}

static void compare_bias_gradient(struct fixture *f, size_t l, const float *want)
{
    size_t rows = f->shape->rows, H = f->net.layer[l].fan_out;
    struct matrix dy = matrix_of(rows, H, f->dy[l]);
    struct row_sum sum = all_rows(rows);
    float *gradient = guarded_new(H, sizeof *gradient);
    dense_bias_gradient(&f->net, l, &sum, dy, gradient);
    assert_same_bits(gradient, want, H, "db of layer %zu, %s, %zu rows, %zu outputs", l, kernel->name, rows, H);
    guarded_free(gradient);
    guarded_free(dy.data);
}

static void check_gradient(struct fixture *f, size_t l)
{
    size_t rows = f->shape->rows, D = f->net.layer[l].fan_in, H = f->net.layer[l].fan_out;
    float *dW = guarded_new(D * H, sizeof *dW), *db = guarded_new(H, sizeof *db);
    for (size_t o = 0; o < H; o++) {
        db[o] = sum_over_rows(rows, &f->dy[l][o], H, NULL, 0);
        for (size_t i = 0; i < D; i++)
            dW[i * H + o] = sum_over_rows(rows, &f->x[l][i], D, &f->dy[l][o], H);
    }
    with_each_isa(f, l, dW, compare_gradient);
    with_each_isa(f, l, db, compare_bias_gradient);
    guarded_free(dW);
    guarded_free(db);
}

static void gradients_are_sums_over_rows(void **state)
{
    (void)state;
    each_layer(check_gradient);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_x_W_plus_b),
        cmocka_unit_test(backward_is_dy_W_transposed),
        cmocka_unit_test(gradients_are_sums_over_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
