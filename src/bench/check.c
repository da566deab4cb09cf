/* See check.h. An entry and its definition get operands of their own with the same numbers, and each hands in what it was
 * asked for; what else it may write (padding, scratch) is not compared. */
#include "bench/check.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/memory.h"
#include "bench/workload.h"
#include "kernel/kernel.h"
#include "kernel/reference.h"
#include "parallel/reduce.h"

enum {
    ROWS_MOST = 1024,                           /* of a batch, where the rows are summed over */
    PRODUCT_ROWS_MOST = 45,                     /* three tiles and a rest: more would repeat them */
    DEPTH_MOST = 1024, COLUMNS_DEPTH_MOST = 256,/* of the summed index, as dense.c cuts it */
    COLUMNS_STEP_MOST = 128,                    /* only narrow layers are computed so */
    ELEMENTS_MOST = SUM_BLOCK,
    FLOATS = 4, RESULTS_MOST = 4,
    RAW_TYPES = RAW_F32 + 1, LOSS_FUNCTIONS = LOSS_OF_LINEAR_MSE + 1, OUTPUT_FUNCTIONS = OUTPUT_OF_LINEAR + 1,
};

struct sizes {                                  /* of one shape */
    size_t rows, product_rows, fan_in, fan_out, elements, floats;
    struct row_sum sum;
};

enum value_kind { VALUE_FLOAT, VALUE_DOUBLE, VALUE_INT32, VALUE_BYTE };
static const size_t VALUE_SIZE[] = {sizeof(float), sizeof(double), sizeof(int32_t), 1};

struct result {                                 /* rows x columns of a larger array, or of one as wide */
    enum value_kind kind;
    const void *data;
    size_t rows, columns, stride;
};

struct side {                                   /* of the entry, or of the definition */
    const struct kernel *k;
    const struct sizes *sizes;
    float *f[FLOATS];                           /* random in [-1, 1), each as long as any entry needs */
    float *positive;                            /* in [0.5, 1.5) */
    double *d[2];
    int32_t *label, *best;
    uint32_t *row_number;
    uint8_t *keep, *bytes;
    const uint8_t **raw[RAW_TYPES];
    size_t variant;                             /* of the entry, see struct entry */
    size_t results;
    struct result result[RESULTS_MOST];
};

static size_t at_most(size_t n, size_t most)
{
    return n < most ? n : most;
}

/* Columns of the last panel. */
static size_t last_width(size_t n)
{
    return (n - 1) % PANEL + 1;
}

static void hand_in_matrix(struct side *s, enum value_kind kind, const void *data, size_t rows, size_t columns, size_t stride)
{
    s->result[s->results++] = (struct result){kind, data, rows, columns, stride};
}

static void hand_in(struct side *s, enum value_kind kind, const void *data, size_t count)
{
    hand_in_matrix(s, kind, data, 1, count, count);
}

/* ---- one function for each entry ---- */

static void run_product(struct side *s)
{
    const struct sizes *z = s->sizes;
    size_t M = z->product_rows, forward_depth = at_most(z->fan_in, DEPTH_MOST), backward_depth = at_most(z->fan_out, DEPTH_MOST);
    size_t widest = at_most(z->fan_out, PANEL), last = last_width(z->fan_out), inputs = last_width(z->fan_in);
    float *C = s->f[2], *C_last = C + M * PANEL, *C_back = C_last + M * PANEL;
    s->k->product(M, widest, forward_depth, s->f[0], M * PANEL, s->f[1], false, NULL, C);
    s->k->product(M, last, forward_depth, s->f[0], M * PANEL, s->f[1], true, s->f[3], C_last);
    s->k->product(M, inputs, backward_depth, s->f[0], M * PANEL, s->f[1], false, NULL, C_back);
    hand_in_matrix(s, VALUE_FLOAT, C, M, widest, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, C_last, M, last, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, C_back, M, inputs, PANEL);
}

static void run_product_columns(struct side *s)
{
    const struct sizes *z = s->sizes;
    size_t M = last_width(z->fan_out), N = at_most(z->product_rows, PANEL), K = at_most(z->fan_in, COLUMNS_DEPTH_MOST);
    float *C = s->f[2], *resumed = C + PANEL * PANEL;
    size_t step = at_most(z->fan_out, COLUMNS_STEP_MOST);
    s->k->product_columns(M, N, K, s->f[0], step, s->f[1], false, C);
    s->k->product_columns(M, N, K, s->f[0], step, s->f[1], true, resumed);
    hand_in_matrix(s, VALUE_FLOAT, C, M, N, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, resumed, M, N, PANEL);
}

static void run_gradient(struct side *s)
{
    size_t M = last_width(s->sizes->fan_in), N = at_most(s->sizes->fan_out, PANEL);
    float *part = s->f[2], *C = s->f[3], *turned = C + M * N;
    s->k->gradient(M, N, &s->sizes->sum, s->f[0], s->f[1], part, C, N);
    s->k->gradient(N, M, &s->sizes->sum, s->f[1], s->f[0], part, turned, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, C, M, N, N);
    hand_in_matrix(s, VALUE_FLOAT, turned, N, M, PANEL);
}

static struct raw_rows raw_rows_of(const struct side *s)
{
    enum raw_type type = (enum raw_type)s->variant;
    return (struct raw_rows){.row = s->raw[type], .shift = s->f[0], .scale = s->positive, .type = type};
}

static void run_convert(struct side *s)
{
    struct raw_rows from = raw_rows_of(s);
    size_t D = s->sizes->fan_in, rows = s->sizes->product_rows, last = last_width(D);
    float *x = s->f[2], *x_last = x + rows * PANEL;
    s->k->convert(rows, 0, at_most(D, PANEL), &from, x);
    s->k->convert(rows, D - last, last, &from, x_last);
    hand_in_matrix(s, VALUE_FLOAT, x, rows, PANEL, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, x_last, rows, PANEL, PANEL);
}

static void run_convert_transposed(struct side *s)
{
    struct raw_rows from = raw_rows_of(s);
    size_t D = s->sizes->fan_in, rows = at_most(s->sizes->product_rows, PANEL), columns = at_most(D, COLUMNS_DEPTH_MOST);
    float *x = s->f[2], *uniform = s->f[3];
    s->k->convert_transposed(rows, D - columns, columns, &from, x);
    for (size_t j = 0; j < D; j++)
        s->f[0][j] = 7, s->positive[j] = 0.25f;
    from.is_uniform = true;
    s->k->convert_transposed(rows, D - columns, columns, &from, uniform);
    hand_in_matrix(s, VALUE_FLOAT, x, columns, rows, PANEL);
    hand_in_matrix(s, VALUE_FLOAT, uniform, columns, rows, PANEL);
}

static void run_transpose(struct side *s)
{
    size_t rows = at_most(s->sizes->product_rows, PANEL), columns = last_width(s->sizes->fan_out), to_row = rows + 3;
    s->k->transpose(rows, columns, s->f[0], PANEL, s->f[2], to_row);
    hand_in_matrix(s, VALUE_FLOAT, s->f[2], columns, rows, to_row);
}

/* What a loss has made of the logits in f[0]. */
static void hand_in_logits(struct side *s)
{
    size_t B = s->sizes->product_rows, C = s->sizes->fan_out;
    hand_in_matrix(s, VALUE_FLOAT, s->f[0], B, at_most(C, PANEL), PANEL);
    hand_in_matrix(s, VALUE_FLOAT, s->f[0] + (C - 1) / PANEL * B * PANEL, B, last_width(C), PANEL);
}

static void run_softmax_loss(struct side *s)
{
    size_t B = s->sizes->product_rows;
    s->k->softmax_loss(B, s->sizes->fan_out, s->label, s->f[0], B * PANEL, s->f[2], s->d[0], s->best);
    hand_in(s, VALUE_DOUBLE, s->d[0], B);
    hand_in(s, VALUE_INT32, s->best, B);
}

static void run_softmax_loss_gradient(struct side *s)
{
    size_t B = s->sizes->product_rows, C = s->sizes->fan_out;
    s->k->softmax_loss_gradient(B, C, s->label, 1.0f / (float)B, s->f[0], B * PANEL, s->f[2], s->d[0], s->best);
    hand_in(s, VALUE_DOUBLE, s->d[0], B);
    hand_in(s, VALUE_INT32, s->best, B);
    hand_in_logits(s);
}

static struct loss_targets targets_of(const struct side *s)
{
    return (struct loss_targets){s->f[1], s->sizes->product_rows * PANEL, s->variant % 2 == 0 ? NULL : s->positive};
}

static void run_loss(struct side *s)
{
    size_t B = s->sizes->product_rows;
    const struct loss_targets targets = targets_of(s);
    s->k->loss((enum loss_function)s->variant, B, s->sizes->fan_out, &targets, s->f[0], B * PANEL, s->f[2], s->d[0], s->best);
    hand_in(s, VALUE_DOUBLE, s->d[0], B);
    hand_in(s, VALUE_INT32, s->best, B);
}

static void run_loss_gradient(struct side *s)
{
    size_t B = s->sizes->product_rows;
    const struct loss_targets targets = targets_of(s);
    s->k->loss_gradient((enum loss_function)s->variant, B, s->sizes->fan_out, &targets, 1.0f / (float)B, s->f[0], B * PANEL,
                        s->f[2], s->d[0], s->best);
    hand_in(s, VALUE_DOUBLE, s->d[0], B);
    hand_in(s, VALUE_INT32, s->best, B);
    hand_in_logits(s);
}

static void run_outputs(struct side *s)
{
    size_t B = s->sizes->product_rows;
    s->k->outputs((enum output_function)s->variant, B, s->sizes->fan_out, s->f[0], B * PANEL, s->f[2]);
    hand_in_logits(s);
}

/* In place on f[1], with f[0] as the second operand. */
#define ELEMENTWISE(entry, call)                                    \
    static void run_##entry(struct side *s)                         \
    {                                                               \
        size_t n = s->sizes->elements;                              \
        float *a = s->f[0], *x = s->f[1];                           \
        (void)a;                                                    \
        s->k->entry call;                                           \
        hand_in(s, VALUE_FLOAT, x, n);                              \
    }
ELEMENTWISE(relu, (n, x))
ELEMENTWISE(tanh, (n, x))
ELEMENTWISE(sigmoid, (n, x))
ELEMENTWISE(relu_backward, (n, a, x))
ELEMENTWISE(tanh_backward, (n, a, x))
ELEMENTWISE(sigmoid_backward, (n, a, x))
ELEMENTWISE(leaky_relu, (n, x))
ELEMENTWISE(leaky_relu_backward, (n, a, x))
ELEMENTWISE(elu, (n, x))
ELEMENTWISE(elu_backward, (n, a, x))
ELEMENTWISE(gelu, (n, a, x))
ELEMENTWISE(gelu_backward, (n, a, x))
ELEMENTWISE(softplus, (n, a, x))
ELEMENTWISE(softplus_backward, (n, a, x))
ELEMENTWISE(dropout, (n, s->keep, 1.25f, a, x))
ELEMENTWISE(add, (n, x, a))
ELEMENTWISE(penalize, (n, a, 0.3f, 0.7f, x))
ELEMENTWISE(clip, (n, 0.75f, x))
ELEMENTWISE(scale, (n, 0.3f, x))
ELEMENTWISE(decay, (n, 0.01f, x))
#undef ELEMENTWISE

/* Optimizers also return a number. */
static void run_sgd(struct side *s)
{
    size_t n = s->sizes->elements;
    s->f[3][0] = s->k->sgd(n, 0.1f, s->f[0], s->f[1]);
    hand_in(s, VALUE_FLOAT, s->f[1], n);
    hand_in(s, VALUE_FLOAT, s->f[3], 1);
}

static void run_momentum(struct side *s)
{
    size_t n = s->sizes->elements;
    s->f[3][0] = s->k->momentum(n, 0.1f, 0.9f, s->f[0], s->f[1], s->f[2]);
    hand_in(s, VALUE_FLOAT, s->f[1], n);
    hand_in(s, VALUE_FLOAT, s->f[2], n);
    hand_in(s, VALUE_FLOAT, s->f[3], 1);
}

static void run_nesterov(struct side *s)
{
    size_t n = s->sizes->elements;
    s->f[3][0] = s->k->nesterov(n, 0.1f, 0.9f, s->f[0], s->f[1], s->f[2]);
    hand_in(s, VALUE_FLOAT, s->f[1], n);
    hand_in(s, VALUE_FLOAT, s->f[2], n);
    hand_in(s, VALUE_FLOAT, s->f[3], 1);
}

static void run_rmsprop(struct side *s)
{
    size_t n = s->sizes->elements;
    struct rmsprop_step step = {0.9f, 0.1f, 0.01f, 1e-8f};
    s->f[3][0] = s->k->rmsprop(n, &step, s->f[0], s->positive, s->f[2]);
    hand_in(s, VALUE_FLOAT, s->positive, n);
    hand_in(s, VALUE_FLOAT, s->f[2], n);
    hand_in(s, VALUE_FLOAT, s->f[3], 1);
}

static void run_adam(struct side *s)
{
    size_t n = s->sizes->elements;
    struct adam_step step = {0.9f, 0.999f, 0.1f, 0.001f, 0.01f, 1.5f, 1e-8f};
    s->f[3][0] = s->k->adam(n, &step, s->f[0], s->f[1], s->positive, s->f[2]);
    hand_in(s, VALUE_FLOAT, s->f[1], n);
    hand_in(s, VALUE_FLOAT, s->positive, n);
    hand_in(s, VALUE_FLOAT, s->f[2], n);
    hand_in(s, VALUE_FLOAT, s->f[3], 1);
}

static void run_largest_magnitude(struct side *s)
{
    s->f[2][0] = s->k->largest_magnitude(s->sizes->elements, s->f[0]);
    hand_in(s, VALUE_FLOAT, s->f[2], 1);
}

static void run_sums(struct side *s)
{
    struct block_sums sums;
    s->k->sums(s->sizes->elements, s->f[0], &sums);
    double of_doubles[] = {sums.sum, sums.sum_abs, sums.sum_square, (double)sums.min, (double)sums.max, (double)sums.zeros};
    memcpy(s->d[0], of_doubles, sizeof of_doubles);
    hand_in(s, VALUE_DOUBLE, s->d[0], sizeof of_doubles / sizeof *of_doubles);
}

static void run_draw_keep(struct side *s)
{
    size_t rows = s->sizes->product_rows;
    const uint32_t counter[2] = {17, UINT32_C(4) << 24}, key[2] = {1, 2};
    s->k->draw_keep(rows, PANEL / 4, s->row_number, counter, key, UINT32_MAX / 3, s->keep);
    hand_in(s, VALUE_BYTE, s->keep, rows * PANEL);
}

static void run_column_sums(struct side *s)
{
    s->k->column_sums(s->sizes->rows, s->f[0], s->f[2]);
    hand_in(s, VALUE_FLOAT, s->f[2], PANEL);
}

static void run_column_moments(struct side *s)
{
    s->k->column_moments(s->sizes->rows, s->f[0], s->d[0], s->d[1]);
    hand_in(s, VALUE_DOUBLE, s->d[0], PANEL);
    hand_in(s, VALUE_DOUBLE, s->d[1], PANEL);
}

static void run_normalize(struct side *s)
{
    const float *mean = s->f[3], *gamma = mean + PANEL, *beta = gamma + PANEL;
    size_t count = s->sizes->rows * PANEL;
    s->k->normalize(s->sizes->rows, s->f[0], mean, s->positive, gamma, beta, s->f[1]);
    s->k->normalize(s->sizes->rows, s->f[0], mean, s->positive, NULL, NULL, s->f[2]);
    hand_in(s, VALUE_FLOAT, s->f[1], count);
    hand_in(s, VALUE_FLOAT, s->f[2], count);
}

static void run_normalize_sums(struct side *s)
{
    s->k->normalize_sums(s->sizes->rows, s->f[0], s->f[3], s->positive, s->f[1], s->d[0], s->d[1]);
    hand_in(s, VALUE_DOUBLE, s->d[0], PANEL);
    hand_in(s, VALUE_DOUBLE, s->d[1], PANEL);
}

static void run_normalize_backward(struct side *s)
{
    const float *mean = s->f[3], *factor = mean + PANEL, *mean_dy = factor + PANEL, *mean_dy_xhat = mean_dy + PANEL;
    s->k->normalize_backward(s->sizes->rows, s->f[0], mean, s->positive, factor, mean_dy, mean_dy_xhat, s->f[1]);
    hand_in(s, VALUE_FLOAT, s->f[1], s->sizes->rows * PANEL);
}

#define ENTRY(name) {#name, run_##name, 1}
#define VARIANTS(name, count) {#name, run_##name, count}
static const struct entry {
    const char *name;
    void (*run)(struct side *side);
    size_t variants;                            /* what an argument of it says: run once for each */
} ENTRIES[] = {
    ENTRY(product), ENTRY(product_columns), ENTRY(gradient), VARIANTS(convert, RAW_TYPES),
    VARIANTS(convert_transposed, RAW_TYPES), ENTRY(transpose), ENTRY(softmax_loss_gradient), ENTRY(softmax_loss),
    VARIANTS(loss_gradient, LOSS_FUNCTIONS), VARIANTS(loss, LOSS_FUNCTIONS), VARIANTS(outputs, OUTPUT_FUNCTIONS),
    ENTRY(relu), ENTRY(tanh), ENTRY(sigmoid), ENTRY(relu_backward), ENTRY(tanh_backward), ENTRY(sigmoid_backward),
    ENTRY(leaky_relu), ENTRY(leaky_relu_backward), ENTRY(elu), ENTRY(elu_backward), ENTRY(gelu), ENTRY(gelu_backward),
    ENTRY(softplus), ENTRY(softplus_backward), ENTRY(dropout), ENTRY(draw_keep), ENTRY(column_sums), ENTRY(column_moments),
    ENTRY(normalize), ENTRY(normalize_sums), ENTRY(normalize_backward), ENTRY(add), ENTRY(largest_magnitude),
    ENTRY(penalize), ENTRY(clip), ENTRY(scale), ENTRY(decay), ENTRY(sgd), ENTRY(momentum), ENTRY(nesterov),
    ENTRY(rmsprop), ENTRY(adam), ENTRY(sums),
};
#undef ENTRY
#undef VARIANTS
/* all of struct kernel but its name, its lanes, and the two that measure the machine */
_Static_assert(sizeof ENTRIES / sizeof *ENTRIES == sizeof(struct kernel) / sizeof(void (*)(void)) - 4,
               "a new entry needs a check");

/* ---- operands ---- */

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t panels_size(size_t rows, size_t columns)
{
    return (columns + PANEL - 1) / PANEL * PANEL * rows;
}

static struct sizes sizes_of(const struct check_shape *shape)
{
    struct sizes z = {
        .rows = at_most(shape->rows, ROWS_MOST), .product_rows = at_most(shape->rows, PRODUCT_ROWS_MOST),
        .fan_in = shape->fan_in, .fan_out = shape->fan_out,
        .elements = shape->fan_in < ELEMENTS_MOST ? at_most(shape->fan_in * at_most(shape->fan_out, ELEMENTS_MOST), ELEMENTS_MOST)
                                                  : ELEMENTS_MOST,
    };
    size_t depth = at_most(larger(shape->fan_in, shape->fan_out), DEPTH_MOST);
    z.sum = row_sum_make(z.rows, shard_count(z.rows), (struct range){0, shard_count(z.rows)});
    z.floats = larger(z.rows * PANEL, panels_size(z.product_rows, larger(depth, z.fan_out)));
    z.floats = larger(z.floats, larger(depth * PANEL, 3 * z.product_rows * PANEL));
    z.floats = larger(z.floats, at_most(z.fan_in, COLUMNS_DEPTH_MOST) * at_most(z.fan_out, COLUMNS_STEP_MOST));
    z.floats = larger(z.floats, larger(larger(z.elements, z.fan_in + z.product_rows), ROW_SUM_PARTS_MAX * PANEL * PANEL));
    z.floats = larger(z.floats, larger(LOSS_SCRATCH * z.fan_out, PANEL * (PANEL + 3)));
    return z;
}

static void take_side(struct side *s, const struct sizes *z, struct arena *arena)
{
    for (size_t i = 0; i < FLOATS; i++)
        s->f[i] = arena_take(arena, z->floats, sizeof *s->f[i]);
    s->positive = arena_take(arena, z->floats, sizeof *s->positive);
    for (size_t i = 0; i < 2; i++)
        s->d[i] = arena_take(arena, larger(z->product_rows, PANEL), sizeof *s->d[i]);
    s->label = arena_take(arena, z->product_rows, sizeof *s->label);
    s->best = arena_take(arena, z->product_rows, sizeof *s->best);
    s->row_number = arena_take(arena, z->product_rows, sizeof *s->row_number);
    s->keep = arena_take(arena, larger(z->elements, z->product_rows * PANEL), sizeof *s->keep);
    s->bytes = arena_take(arena, z->product_rows * z->fan_in, sizeof *s->bytes);
    for (size_t i = 0; i < RAW_TYPES; i++)
        s->raw[i] = arena_take(arena, z->product_rows, sizeof *s->raw[i]);
}

static void fill_side(struct side *s)
{
    const struct sizes *z = s->sizes;
    for (size_t i = 0; i < FLOATS; i++)
        draw_floats((uint32_t)i, z->floats, s->f[i]);
    for (size_t i = 0; i < z->floats; i++)
        s->positive[i] = 1 + s->f[0][i] / 2;
    for (size_t i = 0; i < larger(z->elements, z->product_rows * PANEL); i++)
        s->keep[i] = s->f[0][i] < 0;
    for (size_t n = 0; n < z->product_rows; n++) {
        s->label[n] = (int32_t)(n * 7 % z->fan_out);
        s->row_number[n] = (uint32_t)(n * 97);
        s->raw[RAW_U8][n] = s->bytes + n * z->fan_in;
        s->raw[RAW_F32][n] = (const uint8_t *)(s->f[1] + n);    /* rows that overlap: they are only read */
        for (size_t i = 0; i < z->fan_in; i++)
            s->bytes[n * z->fan_in + i] = (uint8_t)((int)(s->f[1][i] * 127) + (int)n + 128);
    }
}

/* ---- comparing ---- */

static double value_at(const struct result *r, size_t i)
{
    switch (r->kind) {
    case VALUE_FLOAT: return (double)((const float *)r->data)[i];
    case VALUE_DOUBLE: return ((const double *)r->data)[i];
    case VALUE_INT32: return ((const int32_t *)r->data)[i];
    case VALUE_BYTE: return ((const uint8_t *)r->data)[i];
    }
    return 0;
}

static weft_status compare(const struct entry *entry, const struct check_shape *shape, const struct result *got,
                           const struct result *want)
{
    for (size_t r = 0; r < got->rows; r++)
        for (size_t c = 0; c < got->columns; c++) {
            size_t i = r * got->stride + c, size = VALUE_SIZE[got->kind];
            if (memcmp((const char *)got->data + i * size, (const char *)want->data + i * size, size) != 0)
                return error_set(WEFT_EDATA, "kernel %s of %s differs from its definition (for %zu rows, %zu inputs, %zu outputs): "
                                 "number %zu of row %zu is %a, wanted %a", entry->name, kernel->name, shape->rows, shape->fan_in,
                                 shape->fan_out, c, r, value_at(got, i), value_at(want, i));
        }
    return WEFT_OK;
}

/* side[ORIGINAL] has been filled; the others start from its numbers, whatever the entry before has left in them. */
enum { ENTRY_SIDE, DEFINITION_SIDE, ORIGINAL, SIDES };

static weft_status check_entry(const struct entry *entry, size_t variant, const struct check_shape *shape,
                               struct side side[SIDES], size_t size_bytes)
{
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < ORIGINAL; i++) {
        memcpy(side[i].f[0], side[ORIGINAL].f[0], size_bytes);          /* a side's arena begins there */
        side[i].results = 0;
        side[i].variant = variant;
        entry->run(&side[i]);
    }
    for (size_t r = 0; r < side[ENTRY_SIDE].results && st == WEFT_OK; r++)
        st = compare(entry, shape, &side[ENTRY_SIDE].result[r], &side[DEFINITION_SIDE].result[r]);
    return st;
}

weft_status check_kernels(const struct check_shape *shape)
{
    struct sizes sizes = sizes_of(shape);
    struct side side[SIDES] = {{.k = kernel, .sizes = &sizes}, {.k = &kernel_reference, .sizes = &sizes}, {.sizes = &sizes}};
    struct arena arena[SIDES] = {{NULL, 0, 0}};
    weft_status st = WEFT_OK;
    take_side(&side[ORIGINAL], &sizes, &arena[ORIGINAL]);
    size_t size_bytes = arena[ORIGINAL].used_bytes;
    for (size_t i = 0; i < SIDES && st == WEFT_OK; i++)
        if ((st = arena_create(&arena[i], size_bytes)) == WEFT_OK)
            take_side(&side[i], &sizes, &arena[i]);
    if (st == WEFT_OK)
        fill_side(&side[ORIGINAL]);
    for (size_t e = 0; e < sizeof ENTRIES / sizeof *ENTRIES && st == WEFT_OK; e++)
        for (size_t v = 0; v < ENTRIES[e].variants && st == WEFT_OK; v++)
            st = check_entry(&ENTRIES[e], v, shape, side, size_bytes);
    for (size_t i = 0; i < SIDES; i++)
        memory_free(arena[i].base);
    return st;
}

weft_status check_kernels_at_edges(void)
{
    static const struct check_shape EDGE[] = {
        {1, 1, 1}, {3, 7, 5}, {14, 31, 33}, {33, 65, 10}, {100, 97, 20}, {257, 129, 63},
    };
    weft_status st = WEFT_OK;
    for (size_t i = 0; i < sizeof EDGE / sizeof *EDGE && st == WEFT_OK; i++)
        st = check_kernels(&EDGE[i]);
    return st;
}
