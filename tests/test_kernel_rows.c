/* What happens to rows on their way in and out (raw numbers to input, transposes, softmax, dropout masks) and down the columns of
 * a panel, in every instruction set that this processor has, against the definitions: the same bits; nothing read beyond what
 * was asked for, and no byte written beyond the output. The losses against targets are tested in test_kernel_losses.c. */
#include "base/rng.h"
#include "kernel_samples.h"

static const size_t edge[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 12, 15, 16, 17, 23, 24, 25, 31, 32, 33, 47, 48, 49, 63, 64, 65, 97};

/* ---- raw numbers to input ---- */

enum { ROWS_MAX = 33, COLUMNS_MAX = 400 };

/* Rows that end where a forbidden page begins; the one that is asked for is the end of each. */
struct raw {
    enum raw_type type;
    bool is_uniform;
    uint8_t *row[ROWS_MAX];
    size_t size_bytes;                          /* of one number */
    float *shift, *scale;
};

static struct raw raw_new(struct random *random, enum raw_type type, bool is_uniform)
{
    struct raw b = {.type = type, .is_uniform = is_uniform, .size_bytes = type == RAW_U8 ? 1 : sizeof(float)};
    for (size_t r = 0; r < ROWS_MAX; r++) {
        b.row[r] = fenced_new(COLUMNS_MAX, b.size_bytes);
        for (size_t i = 0; i < COLUMNS_MAX && type == RAW_U8; i++)
            b.row[r][i] = (uint8_t)random_bits(random);
        if (type == RAW_F32)
            wild(random, COLUMNS_MAX, (float *)(void *)b.row[r]);
    }
    b.shift = fenced_floats(random, COLUMNS_MAX, -3, 255);
    b.scale = fenced_floats(random, COLUMNS_MAX, -0.1, 0.1);
    if (is_uniform) {
        fill(COLUMNS_MAX, b.shift[0], b.shift);
        fill(COLUMNS_MAX, b.scale[0], b.scale);
    }
    return b;
}

static void raw_free(struct raw *b)
{
    for (size_t r = 0; r < ROWS_MAX; r++)
        guarded_free(b->row[r]);
    guarded_free(b->shift);
    guarded_free(b->scale);
}

static void check_convert(const struct raw *b, size_t rows, size_t first, size_t columns)
{
    size_t skip = COLUMNS_MAX - first - columns;
    const uint8_t **row = fenced_new(rows, sizeof *row);
    for (size_t r = 0; r < rows; r++)           /* in no order, at addresses of every alignment that there may be */
        row[r] = b->row[(r * 7 + columns) % ROWS_MAX] + skip * b->size_bytes;
    const struct raw_rows from = {row, b->shift + skip, b->scale + skip, b->is_uniform, b->type};
    if (columns <= PANEL) {
        float *x = guarded_new(rows * PANEL, sizeof *x), *want = guarded_new(rows * PANEL, sizeof *want);
        fill(rows * PANEL, NAN, x);
        kernel->convert(rows, first, columns, &from, x);
        convert_ref(rows, first, columns, &from, want);
        assert_same_bits(x, want, rows * PANEL, "convert %s type=%d rows=%zu first=%zu columns=%zu", kernel->name, b->type,
                         rows, first, columns);
        guarded_free(x);
        guarded_free(want);
    }
    if (rows > 0 && rows <= PANEL) {
        float *x = guarded_new(columns * PANEL, sizeof *x), *want = guarded_new(columns * PANEL, sizeof *want);
        fill(columns * PANEL, NAN, x);
        kernel->convert_transposed(rows, first, columns, &from, x);
        convert_transposed_ref(rows, first, columns, &from, want);
        ASSERT_SAME_PANEL(x, want, columns, rows, "convert_transposed %s type=%d rows=%zu first=%zu columns=%zu", kernel->name,
                          b->type, rows, first, columns);
        guarded_free(x);
        guarded_free(want);
    }
    guarded_free(row);
}

static void check_conversions(void)
{
    static const size_t first[] = {0, 1, 31, 32, 64, 77}, rows[] = {1, 15, 16, 17, 32};
    struct random random = {31};
    for (int i = 0; i < 4; i++) {
        struct raw b = raw_new(&random, i < 2 ? RAW_U8 : RAW_F32, i % 2 == 1);
        for (size_t n = 0; n <= ROWS_MAX; n++)
            for (size_t columns = 1; columns <= PANEL; columns++)
                check_convert(&b, n, first[(n + columns) % COUNT(first)], columns);
        for (size_t columns = 1; columns <= 300; columns++)
            for (size_t n = 0; n < COUNT(rows); n++)
                check_convert(&b, rows[n], first[(n + columns) % COUNT(first)], columns);
        raw_free(&b);
    }
}

static void conversions_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_conversions);
}

/* ---- transposes ---- */

/* Gaps on both sides: those of the source are NaN, those of the result must stay as they are. */
static void check_transpose(struct random *random, size_t rows, size_t columns, size_t from_gap, size_t to_gap)
{
    size_t from_row = columns + from_gap, to_row = rows + to_gap;
    size_t from_size = rows > 0 ? (rows - 1) * from_row + columns : 0;
    size_t to_size = columns > 0 ? (columns - 1) * to_row + rows : 0;
    float *from = fenced_floats(random, from_size, -1, 1), *to = guarded_floats(random, to_size, 7, 8);
    float *want = guarded_copy(to, to_size);
    for (size_t r = 0; r + 1 < rows; r++)
        fill(from_gap, NAN, from + r * from_row + columns);
    kernel->transpose(rows, columns, from, from_row, to, to_row);
    transpose_ref(rows, columns, from, from_row, want, to_row);
    assert_same_bits(to, want, to_size, "transpose %s %zu x %zu, gaps %zu %zu", kernel->name, rows, columns, from_gap, to_gap);
    guarded_free(from);
    guarded_free(to);
    guarded_free(want);
}

static void check_transposes(void)
{
    struct random random = {37};
    for (size_t r = 0; r < COUNT(edge); r++)
        for (size_t c = 0; c < COUNT(edge); c++) {
            check_transpose(&random, edge[r], edge[c], (r + c) % 5, (r * 3 + c) % 4);
            check_transpose(&random, edge[r], edge[c], 32 + c % 3, 0);
        }
}

static void transpose_is_its_definition(void **state)
{
    (void)state;
    for_each_isa(check_transposes);
}

/* ---- softmax ---- */

struct softmax_case {
    size_t B, C, gap;                           /* rows between two panels that belong to someone else */
    bool is_wild;
};

struct softmax_result {
    float *logits;
    double *loss;
    int32_t *best;
};

static struct softmax_result result_new(const float *logits, size_t size, size_t B)
{
    return (struct softmax_result){guarded_copy(logits, size), guarded_new(B, sizeof(double)),
                                   guarded_new(B, sizeof(int32_t))};
}

static void result_free(struct softmax_result *r)
{
    guarded_free(r->logits);
    guarded_free(r->loss);
    guarded_free(r->best);
}

static void compare_softmax(const struct softmax_case *c, const struct softmax_result *got, const struct softmax_result *want,
                            size_t size, const char *name)
{
    assert_same_bits(got->logits, want->logits, size, "%s %s B=%zu C=%zu", name, kernel->name, c->B, c->C);
    assert_same_doubles(got->loss, want->loss, c->B, "%s %s B=%zu C=%zu: loss", name, kernel->name, c->B, c->C);
    if (memcmp(got->best, want->best, c->B * sizeof *got->best) != 0)
        fail_msg("%s %s B=%zu C=%zu: another class", name, kernel->name, c->B, c->C);
}

/* Each row's largest logit twice, so that the first one must win, at two classes that change with the row. */
static void tie(const struct softmax_case *c, size_t stride, float *logits)
{
    for (size_t n = 0; n < c->B && c->C > 1; n++)
        for (size_t i = 0; i < 2; i++) {
            size_t k = (n * 3 + i * (c->C - 1)) % c->C;
            logits[k / PANEL * stride + n * PANEL + k % PANEL] = 10;
        }
}

static void check_softmax_case(struct random *random, const struct softmax_case *c)
{
    size_t panels = (c->C + PANEL - 1) / PANEL, stride = (c->B + c->gap) * PANEL;
    size_t size = (panels - 1) * stride + c->B * PANEL;
    float *logits = fenced_floats(random, size, -9, 9), *scratch = guarded_new(c->C * SOFTMAX_ROWS, sizeof *scratch);
    int32_t *label = fenced_new(c->B, sizeof *label);
    if (c->is_wild)
        wild(random, size, logits);
    else
        tie(c, stride, logits);
    set_padding(c->B, c->C - (panels - 1) * PANEL, NAN, logits + (panels - 1) * stride);
    for (size_t n = 0; n < c->B; n++)
        label[n] = (int32_t)random_below(random, c->C);
    struct softmax_result got = result_new(logits, size, c->B), want = result_new(logits, size, c->B);
    fill(c->C * SOFTMAX_ROWS, NAN, scratch);
    kernel->softmax_loss(c->B, c->C, label, logits, stride, scratch, got.loss, got.best);
    softmax_loss_ref(c->B, c->C, label, logits, stride, NULL, want.loss, want.best);
    compare_softmax(c, &got, &want, size, "softmax_loss");
    result_free(&got);
    result_free(&want);
    got = result_new(logits, size, c->B), want = result_new(logits, size, c->B);
    kernel->softmax_loss_gradient(c->B, c->C, label, 0.125f, got.logits, stride, scratch, got.loss, got.best);
    softmax_loss_gradient_ref(c->B, c->C, label, 0.125f, want.logits, stride, NULL, want.loss, want.best);
    compare_softmax(c, &got, &want, size, "softmax_loss_gradient");
    result_free(&got);
    result_free(&want);
    guarded_free(logits);
    guarded_free(scratch);
    guarded_free(label);
}

static void check_softmax(void)
{
    static const size_t rows[] = {0, 1, 2, 15, 16, 17, 31, 32, 33};
    struct random random = {17};
    for (size_t C = 1; C <= 100; C++)
        for (size_t b = 0; b < COUNT(rows); b++)
            for (int is_wild = 0; is_wild < 2; is_wild++)
                check_softmax_case(&random, &(struct softmax_case){rows[b], C, (C + b) % 3, is_wild});
}

static void softmax_is_its_definition(void **state)
{
    (void)state;
    for_each_isa(check_softmax);
}

/* ---- dropout ---- */

static void check_dropout(void)
{
    struct random random = {13};
    for (size_t e = 0; e < COUNT(edge); e++) {
        size_t n = edge[e];
        uint8_t *keep = fenced_new(n, 1);
        for (size_t i = 0; i < n; i++)
            keep[i] = random_bits(&random) & 1;
        float *x = fenced_wild_floats(&random, n), *y = guarded_new(n, sizeof *y), *want = guarded_new(n, sizeof *want);
        kernel->dropout(n, keep, 1.25f, x, y);
        dropout_ref(n, keep, 1.25f, x, want);
        assert_same_bits(y, want, n, "dropout %s n=%zu", kernel->name, n);
        kernel->dropout(n, keep, 1.25f, x, x);          /* in place */
        assert_same_bits(x, want, n, "dropout in place %s n=%zu", kernel->name, n);
        guarded_free(keep);
        guarded_free(x);
        guarded_free(y);
        guarded_free(want);
    }
}

static void dropout_is_its_definition(void **state)
{
    (void)state;
    for_each_isa(check_dropout);
}

static void compare_masks(const uint8_t *got, const uint8_t *want, size_t rows, uint32_t first, uint32_t limit)
{
    for (size_t i = 0; i < rows * PANEL; i++)
        if (got[i] != want[i])
            fail_msg("draw_keep %s, first %u, limit %u: unit %zu of row %zu is %d", kernel->name, first, limit, i % PANEL,
                     i / PANEL, got[i]);
}

static const uint32_t limits[] = {0, 1, 0x7fffffff, 0x80000000, 0xc0000001, UINT32_MAX};

/* The numbers are those of base/rng.h, word for word. */
static void check_draws(void)
{
    struct random random = {41};
    for (size_t i = 0; i < 600; i++) {
        size_t rows = i % 9;
        uint64_t seed = random_bits(&random), time = random_bits(&random) >> (16 + i % 40);
        uint32_t layer = (uint32_t)random_below(&random, 256), limit = limits[i % COUNT(limits)], counter[4];
        uint32_t first = i % 3 == 0 ? 0 : (uint32_t)random_bits(&random) >> (i % 29);
        uint32_t *row = fenced_new(rows, sizeof *row);
        uint8_t *keep = guarded_new(rows * PANEL, 1), *want = guarded_new(rows * PANEL, 1);
        for (size_t r = 0; r < rows; r++)
            row[r] = (uint32_t)random_bits(&random);
        const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
        rng_counter(RNG_DROPOUT, layer, time, 0, 0, counter);
        memset(keep, 0x77, rows * PANEL);
        kernel->draw_keep(rows, first, row, &counter[2], key, limit, keep);
        for (size_t r = 0; r < rows; r++)
            for (uint32_t j = 0; j < PANEL; j++) {
                uint32_t word[4];
                rng_words(seed, RNG_DROPOUT, layer, time, row[r], first + j / 4, word);
                want[r * PANEL + j] = word[j % 4] >= limit;
            }
        compare_masks(keep, want, rows, first, limit);
        guarded_free(row);
        guarded_free(keep);
        guarded_free(want);
    }
}

static void draws_are_the_words_of_the_generator(void **state)
{
    (void)state;
    for_each_isa(check_draws);
}

/* Every bit of counter and key, and limits that are words which are drawn: kept means not below. */
static void check_draws_of_any_counter(void)
{
    struct random random = {43};
    for (size_t i = 0; i < 600; i++) {
        enum { ROWS = 3 };
        uint32_t row[ROWS], counter[2], key[2], first = (uint32_t)random_bits(&random);
        if (i % 4 == 0)
            first = UINT32_MAX - (uint32_t)(i % 8);     /* counters that wrap */
        uint32_t *const all[] = {&row[0], &row[1], &row[2], &counter[0], &counter[1], &key[0], &key[1]};
        for (size_t w = 0; w < COUNT(all); w++)
            *all[w] = i % 5 == 0 ? UINT32_MAX : (uint32_t)random_bits(&random);
        uint8_t keep[ROWS * PANEL], want[ROWS * PANEL];
        uint32_t limit = (uint32_t)random_bits(&random);
        if (i % 2 == 0) {                               /* the word of some unit itself: kept, but not by a limit above it */
            uint32_t low = 0, high = UINT32_MAX;        /* keep[at] is 1 at `low`; the largest such limit is the word */
            size_t at = random_below(&random, ROWS * PANEL);
            while (low < high) {
                limit = low + (high - low) / 2 + 1;
                draw_keep_ref(ROWS, first, row, counter, key, limit, want);
                *(want[at] ? &low : &high) = want[at] ? limit : limit - 1;
            }
            limit = low + (uint32_t)(i % 4 == 0 && low < UINT32_MAX);
        }
        kernel->draw_keep(ROWS, first, row, counter, key, limit, keep);
        draw_keep_ref(ROWS, first, row, counter, key, limit, want);
        compare_masks(keep, want, ROWS, first, limit);
    }
}

static void draws_are_their_definition(void **state)
{
    (void)state;
    for_each_isa(check_draws_of_any_counter);
}

/* ---- down the columns of a panel ---- */

static float *panel_between(struct random *random, size_t rows, double low, double high)
{
    return fenced_floats(random, rows * PANEL, low, high);
}

static void check_normalization(struct random *random, size_t B)
{
    float *x = panel_between(random, B, -3, 5), *dy = guarded_floats(random, B * PANEL, -1, 1);
    float *row[6];                              /* mean, inverse_std, gamma, beta, mean_dy, mean_dy_xhat */
    for (size_t i = 0; i < COUNT(row); i++)
        row[i] = panel_between(random, 1, i == 1 ? 0.1 : -1, 2);
    float *y = guarded_new(B * PANEL, sizeof *y), *want = guarded_new(B * PANEL, sizeof *want);
    for (int affine = 0; affine < 2; affine++) {
        kernel->normalize(B, x, row[0], row[1], affine ? row[2] : NULL, affine ? row[3] : NULL, y);
        normalize_ref(B, x, row[0], row[1], affine ? row[2] : NULL, affine ? row[3] : NULL, want);
        assert_same_bits(y, want, B * PANEL, "normalize %s B=%zu affine=%d", kernel->name, B, affine);
    }
    memcpy(y, x, B * PANEL * sizeof *y);        /* in place */
    kernel->normalize(B, y, row[0], row[1], row[2], row[3], y);
    assert_same_bits(y, want, B * PANEL, "normalize in place %s B=%zu", kernel->name, B);
    memcpy(want, dy, B * PANEL * sizeof *want);
    normalize_backward_ref(B, x, row[0], row[1], row[2], row[4], row[5], want);
    kernel->normalize_backward(B, x, row[0], row[1], row[2], row[4], row[5], dy);
    assert_same_bits(dy, want, B * PANEL, "normalize_backward %s B=%zu", kernel->name, B);
    for (size_t i = 0; i < COUNT(row); i++)
        guarded_free(row[i]);
    guarded_free(x);
    guarded_free(dy);
    guarded_free(y);
    guarded_free(want);
}

static void check_column_sums(struct random *random, size_t B)
{
    float *x = panel_between(random, B, -3, 5), *dy = panel_between(random, B, -1, 1);
    float *mean = panel_between(random, 1, -1, 1), *inverse_std = panel_between(random, 1, 0.1, 2);
    float *sum = guarded_new(PANEL, sizeof *sum), *want_sum = guarded_new(PANEL, sizeof *want_sum);
    double *got[2], *want[2];
    for (size_t i = 0; i < 2; i++) {
        got[i] = guarded_new(PANEL, sizeof **got);
        want[i] = guarded_new(PANEL, sizeof **want);
    }
    kernel->column_sums(B, x, sum);
    column_sums_ref(B, x, want_sum);
    assert_same_bits(sum, want_sum, PANEL, "column_sums %s B=%zu", kernel->name, B);
    kernel->normalize_sums(B, x, mean, inverse_std, dy, got[0], got[1]);
    normalize_sums_ref(B, x, mean, inverse_std, dy, want[0], want[1]);
    for (size_t i = 0; i < 2; i++)
        assert_same_doubles(got[i], want[i], PANEL, "normalize_sums %s B=%zu, sum %zu", kernel->name, B, i);
    if (B > 0) {
        kernel->column_moments(B, x, got[0], got[1]);
        column_moments_ref(B, x, want[0], want[1]);
        for (size_t i = 0; i < 2; i++)
            assert_same_doubles(got[i], want[i], PANEL, "column_moments %s B=%zu, moment %zu", kernel->name, B, i);
    }
    float *const all[] = {x, dy, mean, inverse_std, sum, want_sum};
    for (size_t i = 0; i < COUNT(all); i++)
        guarded_free(all[i]);
    for (size_t i = 0; i < 2; i++) {
        guarded_free(got[i]);
        guarded_free(want[i]);
    }
}

static void check_columns(void)
{
    struct random random = {19};
    for (size_t B = 0; B <= 70; B++) {
        check_normalization(&random, B);
        check_column_sums(&random, B);
    }
}

static void column_entries_are_their_definitions(void **state)
{
    (void)state;
    for_each_isa(check_columns);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions_are_their_definitions),
        cmocka_unit_test(transpose_is_its_definition),
        cmocka_unit_test(softmax_is_its_definition),
        cmocka_unit_test(dropout_is_its_definition),
        cmocka_unit_test(draws_are_the_words_of_the_generator),
        cmocka_unit_test(draws_are_their_definition),
        cmocka_unit_test(column_entries_are_their_definitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
