/* Raw numbers become network input here, and matrices their transposes. The bytes of 16 rows are transposed as bytes, a quarter
 * of the work that it would be as floats. */
#include "kernel/entries.h"

static const float *floats_of_row(const struct raw_rows *from, size_t r)
{
    return (const float *)(const void *)from->row[r];
}

static void convert_floats(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t v = 0; v < PANEL; v += LANES) {
        size_t at = first + v, left = columns > v ? columns - v : 0;
        vmask mask = v_mask(left < LANES ? left : LANES);
        vfloat shift = v_load_masked(from->shift + at, mask), scale = v_load_masked(from->scale + at, mask);
        for (size_t r = 0; r < rows; r++) {
            const float *row = floats_of_row(from, r) + at;
            vfloat raw = columns == PANEL ? v_load(row) : v_load_masked(row, mask);
            v_store(&x[r * PANEL + v], v_mul(v_sub(raw, shift), scale));
        }
    }
}

#if defined KERNEL_AVX512

static inline vfloat floats_of(__m128i bytes)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
}

/* A whole panel: without masks a load can be part of the conversion. */
static void convert_panel(size_t rows, size_t first, const struct raw_rows *from, float *x)
{
    vfloat shift[2] = {v_load(from->shift + first), v_load(from->shift + first + LANES)};
    vfloat scale[2] = {v_load(from->scale + first), v_load(from->scale + first + LANES)};
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *row = from->row[r] + first;
        for (size_t v = 0; v < 2; v++) {
            vfloat raw = floats_of(_mm_loadu_si128((const __m128i *)(row + v * LANES)));
            v_store(&x[r * PANEL + v * LANES], v_mul(v_sub(raw, shift[v]), scale[v]));
        }
    }
}

static void convert_bytes(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    if (columns == PANEL) {
        convert_panel(rows, first, from, x);
        return;
    }
    for (size_t v = 0; v < 2; v++) {
        size_t at = first + v * LANES, left = columns > v * LANES ? columns - v * LANES : 0;
        vmask mask = v_mask(left < LANES ? left : LANES);
        vfloat shift = v_load_masked(from->shift + at, mask), scale = v_load_masked(from->scale + at, mask);
        for (size_t r = 0; r < rows; r++) {
            vfloat raw = floats_of(_mm_maskz_loadu_epi8(mask, from->row[r] + at));
            v_store(&x[r * PANEL + v * LANES], v_mul(v_sub(raw, shift), scale));
        }
    }
}

/* Columns at .. at+15 of 16 rows, as bytes; those beyond the mask are not read. */
struct byte_block {
    const uint8_t *const *row;
    size_t at;
    vmask mask;
    bool is_whole;                      /* 16 columns: plain loads, which an insertion can do itself */
};

static inline __m128i bytes_of_row(const struct byte_block *b, size_t r)
{
    const uint8_t *p = b->row[r] + b->at;
    return b->is_whole ? _mm_loadu_si128((const __m128i *)p) : _mm_maskz_loadu_epi8(b->mask, p);
}

/* 16 bytes of rows r, r+4, r+8, r+12, one row in each quarter. */
static inline __m512i four_rows(const struct byte_block *b, size_t r)
{
    __m512i x = _mm512_castsi128_si512(bytes_of_row(b, r));
    x = _mm512_inserti32x4(x, bytes_of_row(b, r + 4), 1);
    x = _mm512_inserti32x4(x, bytes_of_row(b, r + 8), 2);
    return _mm512_inserti32x4(x, bytes_of_row(b, r + 12), 3);
}

/* How the columns from one on are shifted and scaled. */
struct block_scaling {
    const float *shift, *scale;
    bool is_uniform;
};

/* Two rounds of unpacking put column j's bytes of rows 4q .. 4q+3 side by side in quarter q; from there they are picked as 16
 * whole numbers, those of rows 0 .. 15 in order. Column j goes to x[j * PANEL]. */
static inline __attribute__((always_inline)) void convert_block(const struct byte_block *b, size_t columns,
                                                                struct block_scaling s, float *x)
{
    const __m512i first_of_quarter = _mm512_broadcast_i32x4(_mm_setr_epi32((int)0xffffff00, (int)0xffffff01, (int)0xffffff02,
                                                                           (int)0xffffff03));
    __m512i r0 = four_rows(b, 0), r1 = four_rows(b, 1), r2 = four_rows(b, 2), r3 = four_rows(b, 3);
    __m512i r01[2] = {_mm512_unpacklo_epi8(r0, r1), _mm512_unpackhi_epi8(r0, r1)};
    __m512i r23[2] = {_mm512_unpacklo_epi8(r2, r3), _mm512_unpackhi_epi8(r2, r3)};
    __m512i four_columns[4] = {
        _mm512_unpacklo_epi16(r01[0], r23[0]), _mm512_unpackhi_epi16(r01[0], r23[0]),
        _mm512_unpacklo_epi16(r01[1], r23[1]), _mm512_unpackhi_epi16(r01[1], r23[1]),
    };
    vfloat shift = v_set1(s.shift[0]), scale = v_set1(s.scale[0]);
    for (size_t j = 0; j < columns; j++) {
        __m512i pick = _mm512_add_epi32(first_of_quarter, _mm512_set1_epi32((int)(j % 4 * 4)));
        vfloat raw = _mm512_cvtepi32_ps(_mm512_shuffle_epi8(four_columns[j / 4], pick));
        if (!s.is_uniform) {
            shift = v_set1(s.shift[j]);
            scale = v_set1(s.scale[j]);
        }
        v_store(&x[j * PANEL], v_mul(v_sub(raw, shift), scale));
    }
}

static inline __attribute__((always_inline)) void convert_16_rows(const uint8_t *const row[16], size_t first, size_t columns,
                                                                  const struct raw_rows *from, bool is_uniform, float *x)
{
    size_t j = 0;
    for (; j + LANES <= columns; j += LANES)
        convert_block(&(struct byte_block){row, first + j, 0, true}, LANES,
                      (struct block_scaling){from->shift + first + j, from->scale + first + j, is_uniform}, &x[j * PANEL]);
    if (j < columns)
        convert_block(&(struct byte_block){row, first + j, v_mask(columns - j), false}, columns - j,
                      (struct block_scaling){from->shift + first + j, from->scale + first + j, is_uniform}, &x[j * PANEL]);
}

static void convert_transposed_bytes(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t r = 0; r < rows; r += LANES) {
        const uint8_t *row[LANES];
        for (size_t i = 0; i < LANES; i++)
            row[i] = from->row[r + i < rows ? r + i : rows - 1];
        if (from->is_uniform)
            convert_16_rows(row, first, columns, from, true, x + r);
        else
            convert_16_rows(row, first, columns, from, false, x + r);
    }
}

/* 16 x 16 floats: pairs, quadruples, then quarters change places. */
static void transpose_block(vfloat x[16])
{
    vfloat y[16];
    for (size_t i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for (size_t i = 0; i < 16; i += 4)
        for (size_t j = 0; j < 2; j++) {
            __m512d low = _mm512_castps_pd(y[i + j]), high = _mm512_castps_pd(y[i + j + 2]);
            x[i + 2 * j] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            x[i + 2 * j + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (size_t j = 0; j < 4; j++) {                    /* x[4q + j]: column 4p + j of rows 4q .. 4q+3 in quarter p */
        vfloat a = _mm512_shuffle_f32x4(x[j], x[4 + j], 0x44), b = _mm512_shuffle_f32x4(x[j], x[4 + j], 0xee);
        vfloat c = _mm512_shuffle_f32x4(x[8 + j], x[12 + j], 0x44), d = _mm512_shuffle_f32x4(x[8 + j], x[12 + j], 0xee);
        y[j] = _mm512_shuffle_f32x4(a, c, 0x88);
        y[4 + j] = _mm512_shuffle_f32x4(a, c, 0xdd);
        y[8 + j] = _mm512_shuffle_f32x4(b, d, 0x88);
        y[12 + j] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
    for (size_t i = 0; i < 16; i++)
        x[i] = y[i];
}

static void convert_transposed_floats(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t r = 0; r < rows; r += LANES)
        for (size_t j = 0; j < columns; j += LANES) {
            size_t at = first + j, width = columns - j < LANES ? columns - j : LANES;
            vfloat raw[LANES];
            for (size_t i = 0; i < LANES; i++)
                raw[i] = v_load_masked(floats_of_row(from, r + i < rows ? r + i : rows - 1) + at, v_mask(width));
            transpose_block(raw);
            for (size_t i = 0; i < LANES; i++)
                if (i < width) {
                    vfloat shifted = v_sub(raw[i], v_set1(from->shift[at + i]));
                    v_store(&x[(j + i) * PANEL + r], v_mul(shifted, v_set1(from->scale[at + i])));
                }
        }
}

void KERNEL(transpose)(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row)
{
    for (size_t r = 0; r < rows; r += LANES)
        for (size_t c = 0; c < columns; c += LANES) {
            size_t height = rows - r < LANES ? rows - r : LANES, width = columns - c < LANES ? columns - c : LANES;
            vfloat x[LANES];
            for (size_t i = 0; i < LANES; i++)
                x[i] = i < height ? v_load_masked(&from[(r + i) * from_row + c], v_mask(width)) : v_zero();
            transpose_block(x);
            for (size_t i = 0; i < LANES; i++)
                if (i < width)
                    v_store_masked(&to[(c + i) * to_row + r], v_mask(height), x[i]);
        }
}

#else

static void convert_bytes(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t r = 0; r < rows; r++) {
        const uint8_t *row = from->row[r] + first;
        const float *shift = from->shift + first, *scale = from->scale + first;
        float *out = &x[r * PANEL];
        if (columns == PANEL)                           /* a constant: the compiler makes vectors of it */
            for (size_t j = 0; j < PANEL; j++)
                out[j] = ((float)row[j] - shift[j]) * scale[j];
        else
            for (size_t j = 0; j < PANEL; j++)
                out[j] = j < columns ? ((float)row[j] - shift[j]) * scale[j] : 0;
    }
}

static void convert_transposed_bytes(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t j = 0; j < columns; j++) {
        float shift = from->shift[first + j], scale = from->scale[first + j];
        for (size_t r = 0; r < rows; r++)
            x[j * PANEL + r] = ((float)from->row[r][first + j] - shift) * scale;
    }
}

static void convert_transposed_floats(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    for (size_t j = 0; j < columns; j++) {
        float shift = from->shift[first + j], scale = from->scale[first + j];
        for (size_t r = 0; r < rows; r++)
            x[j * PANEL + r] = (floats_of_row(from, r)[first + j] - shift) * scale;
    }
}

enum { BLOCK = 8 };                     /* rows and columns of a block: both of its matrices stay in the L1 cache */

void KERNEL(transpose)(size_t rows, size_t columns, const float *from, size_t from_row, float *to, size_t to_row)
{
    for (size_t r = 0; r < rows; r += BLOCK)
        for (size_t c = 0; c < columns; c += BLOCK) {
            size_t r_end = r + BLOCK < rows ? r + BLOCK : rows, c_end = c + BLOCK < columns ? c + BLOCK : columns;
            for (size_t j = c; j < c_end; j++)
                for (size_t i = r; i < r_end; i++)
                    to[j * to_row + i] = from[i * from_row + j];
        }
}

#endif

void KERNEL(convert)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    (from->type == RAW_U8 ? convert_bytes : convert_floats)(rows, first, columns, from, x);
}

void KERNEL(convert_transposed)(size_t rows, size_t first, size_t columns, const struct raw_rows *from, float *x)
{
    (from->type == RAW_U8 ? convert_transposed_bytes : convert_transposed_floats)(rows, first, columns, from, x);
}
