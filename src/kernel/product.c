/* The matrix product of all three directions: forward (A = X, B = W), backward to the input (A = dY, B = W transposed) and
 * the weight gradient (A = X read down its columns, B = dY). Lanes are columns of C, a register tile is TILE_ROWS x
 * TILE_VECTORS vectors, and the summed index k is walked in order, in blocks that leave the sums in C between them:
 * a float stored and loaded again is the same float, so the chain is that of the definition. */
#include "kernel/entries.h"

enum {
    PANEL = TILE_VECTORS * LANES,       /* columns of one panel of B */
    DEPTH = 256,                        /* summed index of one block: DEPTH * PANEL floats stay in the L1 cache */
    PACK_ROWS = 16,                     /* fewer rows of A than this do not pay for packing a panel */
};

struct tile_job {
    const float *A;
    size_t a_row, a_col;
    const float *B;
    size_t ldb;
    size_t depth;
    const float *bias;                  /* NULL: none, or not the last block */
    float *C;
    size_t ldc;
    bool resume;                        /* go on from the sums in C instead of +0 */
};

/* rows x vectors registers, both constants after inlining; the last vector has the lanes of `last`. */
static inline __attribute__((always_inline)) void tile(const struct tile_job *job, size_t rows, size_t vectors, vmask last)
{
    vfloat sum[TILE_ROWS][TILE_VECTORS];
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++) {
            const float *c = &job->C[r * job->ldc + v * LANES];
            sum[r][v] = !job->resume ? v_zero() : v + 1 < vectors ? v_load(c) : v_load_masked(c, last);
        }
    const float *a = job->A, *b = job->B;
    for (size_t k = 0; k < job->depth; k++, a += job->a_col, b += job->ldb) {
        vfloat row_of_b[TILE_VECTORS];
        for (size_t v = 0; v < vectors; v++)
            row_of_b[v] = v + 1 < vectors ? v_load(b + v * LANES) : v_load_masked(b + v * LANES, last);
        for (size_t r = 0; r < rows; r++) {
            vfloat x = v_set1(a[r * job->a_row]);
            for (size_t v = 0; v < vectors; v++)
                sum[r][v] = v_fma(x, row_of_b[v], sum[r][v]);
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t v = 0; v < vectors; v++) {
            vfloat y = sum[r][v];
            float *c = &job->C[r * job->ldc + v * LANES];
            if (job->bias != NULL)
                y = v_add(y, v + 1 < vectors ? v_load(job->bias + v * LANES) : v_load_masked(job->bias + v * LANES, last));
            if (v + 1 < vectors)
                v_store(c, y);
            else
                v_store_masked(c, last, y);
        }
}

/* Turn the number of rows into a constant, so that the sums stay in registers. */
static inline __attribute__((always_inline)) void tile_of_rows(const struct tile_job *job, size_t rows, size_t vectors,
                                                               vmask last)
{
    switch (rows) {
    case 1: tile(job, 1, vectors, last); break;
    case 2: tile(job, 2, vectors, last); break;
    case 3: tile(job, 3, vectors, last); break;
#if !defined KERNEL_PORTABLE
    case 4: tile(job, 4, vectors, last); break;
    case 5: tile(job, 5, vectors, last); break;
#if defined KERNEL_AVX512
    case 6: tile(job, 6, vectors, last); break;
    case 7: tile(job, 7, vectors, last); break;
#endif
#endif
    default: tile(job, TILE_ROWS, vectors, last); break;
    }
}

static void panel_product(struct tile_job job, size_t M, size_t width)
{
    size_t vectors = (width + LANES - 1) / LANES;
    vmask last = v_mask(width - (vectors - 1) * LANES);
    for (size_t m = 0; m < M; m += TILE_ROWS) {
        size_t rows = M - m < TILE_ROWS ? M - m : TILE_ROWS;
        if (vectors == 1)
            tile_of_rows(&job, rows, 1, last);
        else
            tile_of_rows(&job, rows, TILE_VECTORS, last);
        job.A += rows * job.a_row;
        job.C += rows * job.ldc;
    }
}

/* Copy a block of B into one contiguous stretch: rows of a wide matrix are pages apart and would evict each other. */
static void pack(size_t depth, size_t width, const float *B, size_t ldb, float *packed)
{
    for (size_t k = 0; k < depth; k++)
        for (size_t n = 0; n < width; n++)
            packed[k * PANEL + n] = B[k * ldb + n];
}

void KERNEL(product)(size_t M, size_t N, size_t K, const float *A, size_t a_row, size_t a_col, const float *B, size_t ldb,
                     const float *bias, float *C, size_t ldc)
{
    _Alignas(64) float packed[DEPTH * PANEL];
    bool packs = M >= PACK_ROWS && N > PANEL;
    for (size_t n = 0; n < N; n += PANEL) {
        size_t width = N - n < PANEL ? N - n : PANEL;
        size_t k = 0;
        do {                                            /* once at least: K = 0 gives the bias */
            size_t depth = K - k < DEPTH ? K - k : DEPTH;
            bool is_last = k + depth == K;
            const float *block = &B[k * ldb + n];
            if (packs)
                pack(depth, width, block, ldb, packed);
            panel_product((struct tile_job){
                .A = A + k * a_col, .a_row = a_row, .a_col = a_col, .B = packs ? packed : block, .ldb = packs ? PANEL : ldb,
                .depth = depth, .bias = bias != NULL && is_last ? bias + n : NULL, .C = C + n, .ldc = ldc, .resume = k > 0,
            }, M, width);
            k += depth;
        } while (k < K);
    }
}
