/* The matrix products of all three directions: forward (A = X, B = packed W), backward to the input (A = dY, B = packed W
 * transposed) and the weight gradient (A and B = X and dY, summed over samples). Lanes are columns of C; a register tile is up
 * to TILE_ROWS x TILE_VECTORS vectors, so each float of A feeds TILE_VECTORS FMAs and each vector of B feeds TILE_ROWS. The
 * summed index is walked in order, and a float stored and loaded again is the same float: the chain is that of the definition
 * however it is cut.
 *
 * A tile is one function for each number of rows and of vectors, so that the sums stay in registers: the macros at the end of
 * each section make them. Rows are cut evenly over the tiles (32 = 11 + 11 + 10), since a tile of few rows waits for memory. */
#include "kernel/entries.h"

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#if defined __clang__                   /* unrolled, or an array of sums stays in memory */
#define UNROLLED _Pragma("clang loop unroll(full)")
#else
#define UNROLLED _Pragma("GCC unroll 16")
#endif

enum {
    LINE = 16,                          /* floats of a cache line */
    ROWS_AHEAD = 32,                    /* rows of B that are asked for before they are used: 4 KiB, half a microsecond */
    SHARD_AHEAD = 64,                   /* the same in a gradient, whose tiles take turns on the rows of a shard */
};

struct tile {                           /* what the tiles of one call have in common */
    size_t K;
    const float *A;
    size_t a_stride;                    /* product: from panel to panel; product_columns: from row to row */
    const float *B;
    bool resume;
    const float *bias;
    float *C;
};

ALWAYS_INLINE void tile_begin(vfloat sum[TILE_ROWS][TILE_VECTORS], size_t rows, size_t vectors, const float *C)
{
    UNROLLED
    for (size_t r = 0; r < rows; r++)
        UNROLLED
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = C == NULL ? v_zero() : v_load(&C[r * PANEL + v * LANES]);
}

ALWAYS_INLINE void tile_store(vfloat sum[TILE_ROWS][TILE_VECTORS], size_t rows, size_t vectors, float *C)
{
    UNROLLED
    for (size_t r = 0; r < rows; r++)
        UNROLLED
        for (size_t v = 0; v < vectors; v++)
            v_store(&C[r * PANEL + v * LANES], sum[r][v]);
}

/* One step of all chains: row r's number is a[r * a_row]. */
ALWAYS_INLINE void tile_step(vfloat sum[TILE_ROWS][TILE_VECTORS], size_t rows, size_t vectors, const float *a, size_t a_row,
                             const float *b)
{
    vfloat row_of_b[TILE_VECTORS];
    UNROLLED
    for (size_t v = 0; v < vectors; v++)
        row_of_b[v] = v_load(b + v * LANES);
    UNROLLED
    for (size_t r = 0; r < rows; r++) {
        vfloat x = v_set1(a[r * a_row]);
        UNROLLED
        for (size_t v = 0; v < vectors; v++)
            sum[r][v] = v_fma(x, row_of_b[v], sum[r][v]);
    }
}

/* The hardware fetches ahead too, but not across pages, and panels of wide layers come from the last cache. */
ALWAYS_INLINE void prefetch_row(const float *b, size_t vectors)
{
    UNROLLED
    for (size_t v = 0; v < vectors; v++)
        __builtin_prefetch(b + v * LANES);
}

/* ---- A in panels, read along its rows ---- */

ALWAYS_INLINE void tile_product(const struct tile *t, size_t rows, size_t vectors)
{
    vfloat sum[TILE_ROWS][TILE_VECTORS];
    tile_begin(sum, rows, vectors, t->resume ? t->C : NULL);
    const float *a = t->A, *b = t->B;
    for (size_t left = t->K; left > 0; a += t->a_stride) {
        size_t depth = left < PANEL ? left : PANEL;
        for (size_t k = 0; k < depth; k++, b += PANEL) {
            __builtin_prefetch(a + rows * PANEL + k * LINE);        /* of the tile below, a line a step */
            prefetch_row(b + ROWS_AHEAD * PANEL, vectors);
            tile_step(sum, rows, vectors, a + k, PANEL, b);
        }
        left -= depth;
    }
    if (t->bias != NULL)
        UNROLLED
        for (size_t v = 0; v < vectors; v++) {
            vfloat bias = v_load(t->bias + v * LANES);
            UNROLLED
            for (size_t r = 0; r < rows; r++)
                sum[r][v] = v_add(sum[r][v], bias);
        }
    tile_store(sum, rows, vectors, t->C);
}

/* ---- A read down its columns ---- */

ALWAYS_INLINE void tile_columns(const struct tile *t, size_t rows, size_t vectors)
{
    vfloat sum[TILE_ROWS][TILE_VECTORS];
    tile_begin(sum, rows, vectors, t->resume ? t->C : NULL);
    const float *a = t->A, *b = t->B;
    for (size_t k = 0; k < t->K; k++, a += t->a_stride, b += PANEL)
        tile_step(sum, rows, vectors, a, 1, b);
    tile_store(sum, rows, vectors, t->C);
}

/* ---- The same over the rows of one shard, added into the tree ---- */

struct gradient_tile {
    size_t rows;                        /* of the shard */
    const float *A, *B;
    size_t merges;                      /* parts before this one that it is added into */
    float *part;                        /* where this shard's own part would go; PANEL * PANEL floats after the one before */
    float *C;                           /* where the sum of all goes; NULL: this is not the last shard */
    size_t ldc;
    vmask last;                         /* lanes of the last vector that are columns */
};

/* Into the caller's matrix, of which this block is a part: nothing beside it may be written. */
ALWAYS_INLINE void tile_store_result(vfloat sum[TILE_ROWS][TILE_VECTORS], size_t rows, size_t vectors,
                                     const struct gradient_tile *t)
{
    UNROLLED
    for (size_t r = 0; r < rows; r++) {
        float *c = t->C + r * t->ldc;
        if (vectors == 2)
            v_store(c, sum[r][0]);
        v_store_masked(c + (vectors - 1) * LANES, t->last, sum[r][vectors - 1]);
    }
}

ALWAYS_INLINE void tile_gradient(const struct gradient_tile *t, size_t rows, size_t vectors)
{
    vfloat sum[TILE_ROWS][TILE_VECTORS];
    tile_begin(sum, rows, vectors, NULL);
    const float *a = t->A, *b = t->B;
    for (size_t k = 0; k < t->rows; k++, a += PANEL, b += PANEL) {
        prefetch_row(b + SHARD_AHEAD * PANEL, vectors);
        tile_step(sum, rows, vectors, a, 1, b);
    }
    float *part = t->part;
    for (size_t merge = 0; merge < t->merges; merge++) {
        part -= PANEL * PANEL;
        UNROLLED
        for (size_t r = 0; r < rows; r++)
            UNROLLED
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = v_add(v_load(&part[r * PANEL + v * LANES]), sum[r][v]);
    }
    if (t->C != NULL)
        tile_store_result(sum, rows, vectors, t);
    else
        tile_store(sum, rows, vectors, part);
}

/* ---- One function for each shape of tile ---- */

#if defined KERNEL_AVX512
#define FOR_EACH_ROWS(ONE, vectors) ONE(1, vectors) ONE(2, vectors) ONE(3, vectors) ONE(4, vectors) ONE(5, vectors) \
    ONE(6, vectors) ONE(7, vectors) ONE(8, vectors) ONE(9, vectors) ONE(10, vectors) ONE(11, vectors) ONE(12, vectors) \
    ONE(13, vectors) ONE(14, vectors)
#elif defined KERNEL_AVX2
#define FOR_EACH_ROWS(ONE, vectors) ONE(1, vectors) ONE(2, vectors) ONE(3, vectors) ONE(4, vectors) ONE(5, vectors) \
    ONE(6, vectors)
#else
#define FOR_EACH_ROWS(ONE, vectors) ONE(1, vectors) ONE(2, vectors) ONE(3, vectors) ONE(4, vectors)
#endif

#define DEFINE_TILES(rows, vectors) \
    static void product_##rows##x##vectors(const struct tile *t) { tile_product(t, rows, vectors); } \
    static void columns_##rows##x##vectors(const struct tile *t) { tile_columns(t, rows, vectors); } \
    static void gradient_##rows##x##vectors(const struct gradient_tile *t) { tile_gradient(t, rows, vectors); }
FOR_EACH_ROWS(DEFINE_TILES, 1)
FOR_EACH_ROWS(DEFINE_TILES, 2)

#define PRODUCT_TILE(rows, vectors) [rows] = product_##rows##x##vectors,
#define COLUMNS_TILE(rows, vectors) [rows] = columns_##rows##x##vectors,
#define GRADIENT_TILE(rows, vectors) [rows] = gradient_##rows##x##vectors,
typedef void tile_function(const struct tile *t);
static tile_function *const product_tile[TILE_VECTORS + 1][TILE_ROWS + 1] = {
    [1] = {FOR_EACH_ROWS(PRODUCT_TILE, 1)}, [2] = {FOR_EACH_ROWS(PRODUCT_TILE, 2)},
};
static tile_function *const columns_tile[TILE_VECTORS + 1][TILE_ROWS + 1] = {
    [1] = {FOR_EACH_ROWS(COLUMNS_TILE, 1)}, [2] = {FOR_EACH_ROWS(COLUMNS_TILE, 2)},
};
static void (*const gradient_tile[TILE_VECTORS + 1][TILE_ROWS + 1])(const struct gradient_tile *) = {
    [1] = {FOR_EACH_ROWS(GRADIENT_TILE, 1)}, [2] = {FOR_EACH_ROWS(GRADIENT_TILE, 2)},
};

/* ---- A panel cut into tiles ---- */

enum { TILE_COLUMNS = TILE_VECTORS * LANES };

/* Vectors of the tile that begins at column n of N. */
static size_t vectors_at(size_t n, size_t N)
{
    return N - n > LANES ? TILE_VECTORS : 1;
}

/* Rows of tile i of `tiles` that cover M rows evenly: first row of the next one less first row of this. */
static size_t rows_before(size_t M, size_t tiles, size_t i)
{
    return i * M / tiles;
}

static size_t tiles_of(size_t M)
{
    return (M + TILE_ROWS - 1) / TILE_ROWS;
}

void KERNEL(product)(size_t M, size_t N, size_t K, const float *A, size_t a_panel, const float *B, bool resume,
                     const float *bias, float *C)
{
    size_t tiles = tiles_of(M);
    for (size_t n = 0; n < N; n += TILE_COLUMNS)
        for (size_t i = 0; i < tiles; i++) {
            size_t m = rows_before(M, tiles, i), rows = rows_before(M, tiles, i + 1) - m;
            product_tile[vectors_at(n, N)][rows](&(struct tile){
                K, A + m * PANEL, a_panel, B + n, resume, bias != NULL ? bias + n : NULL, C + m * PANEL + n});
        }
}

void KERNEL(product_columns)(size_t M, size_t N, size_t K, const float *A, size_t step, const float *B, bool resume, float *C)
{
    size_t tiles = tiles_of(M);
    for (size_t n = 0; n < N; n += TILE_COLUMNS)
        for (size_t i = 0; i < tiles; i++) {
            size_t m = rows_before(M, tiles, i), rows = rows_before(M, tiles, i + 1) - m;
            columns_tile[vectors_at(n, N)][rows](&(struct tile){K, A + m, step, B + n, resume, NULL, C + m * PANEL + n});
        }
}

void KERNEL(gradient)(size_t M, size_t N, const struct row_sum *rows, const float *A, const float *B, float *part, float *C,
                      size_t ldc)
{
    size_t tiles = tiles_of(M), held = 0;
    for (size_t s = 0; s < rows->shards; s++) {
        size_t first = s > 0 ? rows->end[s - 1] : 0;
        for (size_t n = 0; n < N; n += TILE_COLUMNS)
            for (size_t i = 0; i < tiles; i++) {
                size_t m = rows_before(M, tiles, i), height = rows_before(M, tiles, i + 1) - m, vectors = vectors_at(n, N);
                size_t rest = N - n - (vectors - 1) * LANES;
                gradient_tile[vectors][height](&(struct gradient_tile){
                    rows->end[s] - first, A + first * PANEL + m, B + first * PANEL + n, rows->merges[s],
                    part + held * PANEL * PANEL + m * PANEL + n, s + 1 == rows->shards ? C + m * ldc + n : NULL, ldc,
                    v_mask(rest < LANES ? rest : LANES)});
            }
        held += 1 - rows->merges[s];
    }
}
