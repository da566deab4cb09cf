/* One picture of a digit, 28 x 28, drawn with a pen along strokes from a table.
 *
 * It is a function of (seed, row, label) alone, by IEEE additions, multiplications, divisions and square roots in a fixed
 * order: the same bytes on every machine, compiler and team. Of libm only sqrtf is called; a rotation by the angle a comes
 * from t = tan(a/2) as ((1 - t^2) / (1 + t^2), 2t / (1 + t^2)), curves are cubic polynomials. */
#include "data/pen.h"

#include <assert.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/rng.h"

enum {
    SIDE = DIGIT_SIDE, PIXELS = DIGIT_PIXELS,
    STROKE_POINTS = 12,         /* at most, of one stroke in the table */
    STYLE_STROKES = 3,          /* at most, of one way to write a digit */
    STYLES = 3,                 /* at most, of one digit */
    SPAN_PIECES = 4,            /* straight pieces that stand for the curve between two points of a stroke */
    KNOTS = 5,                  /* a side of the lattice that bends the picture */
};

/* Layers of the counters with purpose RNG_DIGITS; digits.c has layer 0. */
enum { LAYER_SHAPE = 1, LAYER_NOISE = 2 };

/* A pen stroke through points (x, y), in hundredths of the digit's height from its middle, y downwards. A straight stroke
 * has corners at its points, a smooth one is a Catmull-Rom spline; one that ends where it began is a closed loop. */
enum stroke_kind { STRAIGHT, SMOOTH };
struct stroke {
    enum stroke_kind kind;
    int count;
    int8_t point[STROKE_POINTS][2];
};
struct style { struct stroke stroke[STYLE_STROKES]; };      /* a stroke with count 0 is not there */

static const struct { int count; struct style style[STYLES]; } GLYPH[DIGIT_CLASSES] = {
    [0] = {3, {
        {{{SMOOTH, 9, {{0, -50}, {-23, -34}, {-31, 0}, {-23, 34}, {0, 50}, {23, 34}, {31, 0}, {23, -34}, {0, -50}}}}},
        {{{SMOOTH, 9, {{2, -50}, {-14, -36}, {-20, 0}, {-14, 36}, {0, 50}, {14, 36}, {20, 0}, {15, -34}, {2, -50}}}}},
        {{{SMOOTH, 10, {{10, -44}, {-6, -49}, {-22, -30}, {-28, 4}, {-18, 40}, {4, 50}, {24, 30}, {27, -6}, {16, -38},
                        {-4, -46}}}}},
    }},
    [1] = {3, {
        {{{STRAIGHT, 2, {{0, -50}, {0, 50}}}}},
        {{{STRAIGHT, 3, {{-18, -27}, {3, -50}, {3, 50}}}}},
        {{{STRAIGHT, 3, {{-16, -32}, {1, -50}, {1, 50}}}, {STRAIGHT, 2, {{-20, 50}, {22, 50}}}}},
    }},
    [2] = {3, {
        {{{SMOOTH, 7, {{-26, -28}, {-14, -46}, {8, -50}, {25, -35}, {21, -12}, {-2, 18}, {-27, 50}}},
          {STRAIGHT, 2, {{-27, 50}, {29, 50}}}}},
        {{{SMOOTH, 11, {{-24, -32}, {-8, -49}, {16, -45}, {23, -24}, {8, 6}, {-15, 36}, {-27, 47}, {-29, 34}, {-14, 34},
                        {6, 46}, {29, 44}}}}},
        {{{SMOOTH, 6, {{-24, -40}, {2, -50}, {24, -38}, {20, -12}, {0, 16}, {-26, 46}}},
          {SMOOTH, 4, {{-26, 46}, {-8, 40}, {10, 48}, {30, 42}}}}},
    }},
    [3] = {3, {
        {{{SMOOTH, 5, {{-24, -40}, {-2, -50}, {21, -38}, {17, -14}, {-7, -4}}},
          {SMOOTH, 5, {{-7, -4}, {21, 6}, {25, 30}, {3, 50}, {-26, 40}}}}},
        {{{STRAIGHT, 3, {{-24, -50}, {23, -50}, {-4, -11}}},
          {SMOOTH, 6, {{-4, -11}, {19, -4}, {27, 20}, {14, 43}, {-8, 50}, {-28, 40}}}}},
        {{{SMOOTH, 10, {{-22, -44}, {2, -50}, {19, -36}, {12, -14}, {-12, -5}, {12, 0}, {26, 20}, {18, 43}, {-4, 50},
                        {-24, 42}}}}},
    }},
    [4] = {3, {
        {{{STRAIGHT, 3, {{-15, -50}, {-28, 10}, {28, 10}}}, {STRAIGHT, 2, {{12, -30}, {9, 50}}}}},
        {{{STRAIGHT, 4, {{11, 50}, {11, -50}, {-30, 16}, {30, 16}}}}},
        {{{SMOOTH, 5, {{-22, -48}, {-26, -18}, {-16, 4}, {6, 3}, {22, -8}}}, {STRAIGHT, 2, {{22, -50}, {17, 50}}}}},
    }},
    [5] = {3, {
        {{{STRAIGHT, 3, {{25, -50}, {-19, -50}, {-24, -6}}},
          {SMOOTH, 6, {{-24, -6}, {2, -16}, {25, 3}, {23, 33}, {0, 50}, {-27, 40}}}}},
        {{{SMOOTH, 7, {{-20, -46}, {-22, -10}, {6, -15}, {25, 8}, {18, 39}, {-6, 50}, {-26, 38}}},
          {STRAIGHT, 2, {{-20, -46}, {27, -48}}}}},
        {{{SMOOTH, 9, {{26, -44}, {4, -50}, {-16, -40}, {-17, -16}, {6, -6}, {22, 12}, {16, 40}, {-8, 50}, {-26, 42}}}}},
    }},
    [6] = {3, {
        {{{SMOOTH, 9, {{18, -48}, {-8, -32}, {-26, 4}, {-21, 38}, {2, 50}, {23, 34}, {19, 10}, {-2, 3}, {-21, 20}}}}},
        {{{SMOOTH, 8, {{5, -50}, {-17, -10}, {-24, 24}, {-8, 48}, {16, 43}, {23, 21}, {5, 5}, {-21, 21}}}}},
        {{{STRAIGHT, 2, {{14, -50}, {-20, 12}}},
          {SMOOTH, 7, {{-20, 12}, {-20, 40}, {4, 50}, {23, 34}, {16, 10}, {-4, 4}, {-20, 12}}}}},
    }},
    [7] = {3, {
        {{{STRAIGHT, 3, {{-28, -48}, {28, -48}, {-6, 50}}}}},
        {{{STRAIGHT, 3, {{-27, -48}, {27, -48}, {-8, 50}}}, {STRAIGHT, 2, {{-16, 3}, {22, 1}}}}},
        {{{STRAIGHT, 3, {{-27, -32}, {-25, -47}, {27, -47}}}, {SMOOTH, 4, {{27, -47}, {12, -18}, {1, 14}, {-2, 50}}}}},
    }},
    [8] = {3, {
        {{{SMOOTH, 11, {{21, -36}, {0, -50}, {-21, -36}, {-14, -14}, {10, 5}, {25, 28}, {0, 50}, {-25, 28}, {-10, 5},
                        {14, -14}, {21, -36}}}}},
        {{{SMOOTH, 9, {{0, -50}, {-15, -43}, {-20, -27}, {-14, -10}, {0, -4}, {14, -10}, {20, -27}, {15, -43}, {0, -50}}},
          {SMOOTH, 9, {{0, -4}, {-18, 4}, {-26, 23}, {-18, 43}, {0, 50}, {18, 43}, {26, 23}, {18, 4}, {0, -4}}}}},
        {{{SMOOTH, 9, {{20, -44}, {-4, -49}, {-20, -32}, {-4, -8}, {18, 16}, {14, 44}, {-12, 48}, {-20, 24}, {-2, -2}}},
          {SMOOTH, 3, {{-2, -2}, {16, -22}, {24, -46}}}}},
    }},
    [9] = {3, {
        {{{SMOOTH, 7, {{21, -30}, {3, -50}, {-19, -38}, {-20, -14}, {-2, -3}, {17, -12}, {21, -30}}},
          {STRAIGHT, 2, {{21, -30}, {16, 50}}}}},
        {{{SMOOTH, 7, {{20, -28}, {4, -49}, {-18, -40}, {-22, -16}, {-4, -2}, {16, -12}, {20, -28}}},
          {SMOOTH, 5, {{20, -28}, {22, 6}, {14, 38}, {-4, 50}, {-22, 40}}}}},
        {{{SMOOTH, 8, {{22, -44}, {-2, -48}, {-21, -30}, {-14, -8}, {8, -10}, {22, -44}, {18, 0}, {4, 50}}}}},
    }},
};

/* ---- Random numbers of one picture, one after the other ---- */

struct draws {
    uint64_t seed;
    uint32_t layer, row, next;          /* next: how many words have been taken */
    uint32_t word[4];
};

static uint32_t draw_word(struct draws *draws)
{
    if (draws->next % 4 == 0)
        rng_words(draws->seed, RNG_DIGITS, draws->layer, 0, draws->row, draws->next / 4, draws->word);
    return draws->word[draws->next++ % 4];
}

static float draw_between(struct draws *draws, float low, float high)
{
    return low + (high - low) * ((float)(draw_word(draws) >> 8) * 0x1p-24f);
}

/* Bell-shaped around 0 and never beyond +-spread: the mean of three uniform numbers (standard deviation spread / 3). */
static float draw_about_zero(struct draws *draws, float spread)
{
    float a = draw_between(draws, -1, 1);
    float b = draw_between(draws, -1, 1);
    float c = draw_between(draws, -1, 1);
    return spread * ((a + b + c) / 3);
}

/* ---- The hand: from the table's coordinates to pixels ---- */

struct hand {
    float xx, xy, yx, yy, x, y;         /* pixel = (xx xy; yx yy) point + (x, y) */
    float bend[KNOTS][KNOTS][2];        /* displacements in pixels, weights of a uniform cubic B-spline over the digit */
    float radius, softness;             /* half the pen's width; the width of its edge; pixels */
    float ink, grain;                   /* brightness of the pen, largest noise; 0 to 255 */
};

/* The ranges make a softmax regression err on about 15 % of the test pictures, and a hidden layer of 128 on 2 %. */
static struct hand hand_draw(struct draws *draws)
{
    struct hand hand;
    float height = draw_between(draws, 16, 22);                 /* of the digit, pixels */
    float aspect = draw_between(draws, 0.75f, 1.2f);
    float slant = draw_about_zero(draws, 0.45f);
    float t = draw_about_zero(draws, 0.22f);
    float c = (1 - t * t) / (1 + t * t), s = 2 * t / (1 + t * t);
    float unit = height / 100;
    hand.xx = unit * aspect * c;                                /* rotation * slant * scale */
    hand.xy = -unit * (c * slant + s);
    hand.yx = unit * aspect * s;
    hand.yy = unit * (c - s * slant);
    hand.x = (SIDE - 1) * 0.5f + draw_about_zero(draws, 2.5f);
    hand.y = (SIDE - 1) * 0.5f + draw_about_zero(draws, 2.5f);
    for (size_t i = 0; i < KNOTS; i++)
        for (size_t j = 0; j < KNOTS; j++)
            for (size_t axis = 0; axis < 2; axis++)
                hand.bend[i][j][axis] = draw_about_zero(draws, 8.5f);
    hand.radius = draw_between(draws, 0.6f, 1.7f);
    hand.softness = draw_between(draws, 0.9f, 1.8f);
    hand.ink = draw_between(draws, 140, 255);
    hand.grain = draw_between(draws, 0, 40);
    return hand;
}

static void spline_weights(float t, float weight[4])
{
    float r = 1 - t, t2 = t * t, t3 = t2 * t;
    weight[0] = r * r * r / 6;
    weight[1] = (3 * t3 - 6 * t2 + 4) / 6;
    weight[2] = (3 * (t + t2 - t3) + 1) / 6;
    weight[3] = t3 / 6;
}

/* Which two lattice cells a coordinate from -50 to 50 lies in, and how far into the cell. */
static size_t lattice_place(float coordinate, float *into)
{
    float place = (coordinate + 50) * ((KNOTS - 3) / 100.0f);
    float most = KNOTS - 3 - 0x1p-20f;
    place = place < 0 ? 0 : place > most ? most : place;
    size_t cell = (size_t)place;
    *into = place - (float)cell;
    return cell;
}

/* The place on the picture of a point of a stroke. */
static void hand_place(const struct hand *hand, const float point[2], float pixel[2])
{
    float tx, ty, wx[4], wy[4];
    size_t j = lattice_place(point[0], &tx), i = lattice_place(point[1], &ty);
    spline_weights(tx, wx);
    spline_weights(ty, wy);
    float x = hand->xx * point[0] + hand->xy * point[1] + hand->x;
    float y = hand->yx * point[0] + hand->yy * point[1] + hand->y;
    for (size_t a = 0; a < 4; a++)
        for (size_t b = 0; b < 4; b++) {
            float weight = wy[a] * wx[b];
            x += weight * hand->bend[i + a][j + b][0];
            y += weight * hand->bend[i + a][j + b][1];
        }
    pixel[0] = x;
    pixel[1] = y;
}

/* ---- The pen: squared distance of every pixel to the nearest piece of a stroke ---- */

static int clamp_to_side(float place)
{
    return place < 0 ? 0 : place > SIDE - 1 ? SIDE - 1 : (int)place;
}

/* distance2[p] becomes the smaller of itself and the squared distance of pixel p to the piece from a to b; pixels further
 * than `reach` from its bounding box stay as they are. */
static void pen_piece(const float a[2], const float b[2], float reach, float *distance2)
{
    float ux = b[0] - a[0], uy = b[1] - a[1];
    float length2 = ux * ux + uy * uy;
    float per_length2 = length2 > 0 ? 1 / length2 : 0;
    int left = clamp_to_side((a[0] < b[0] ? a[0] : b[0]) - reach);
    int right = clamp_to_side((a[0] > b[0] ? a[0] : b[0]) + reach);
    int top = clamp_to_side((a[1] < b[1] ? a[1] : b[1]) - reach);
    int bottom = clamp_to_side((a[1] > b[1] ? a[1] : b[1]) + reach);
    for (int y = top; y <= bottom; y++) {
        float vy = (float)y - a[1];
        for (int x = left; x <= right; x++) {
            float vx = (float)x - a[0];
            float t = (vx * ux + vy * uy) * per_length2;        /* where on the piece the nearest point is, 0 to 1 */
            t = t < 0 ? 0 : t > 1 ? 1 : t;
            float ex = vx - t * ux, ey = vy - t * uy;
            float d2 = ex * ex + ey * ey;
            float *best = &distance2[y * SIDE + x];
            *best = d2 < *best ? d2 : *best;
        }
    }
}

/* The point of a Catmull-Rom spline at t in [0, 1] between b and c; a and d are their neighbours. */
static float spline_between(float a, float b, float c, float d, float t)
{
    float m = (c - a) * 0.5f, n = (d - b) * 0.5f;
    return b + t * (m + t * (3 * (c - b) - 2 * m - n + t * (2 * (b - c) + m + n)));
}

static void pen_stroke(const struct hand *hand, const struct stroke *stroke, float *distance2)
{
    const float reach = hand->radius + hand->softness;
    const int8_t (*p)[2] = stroke->point;
    const int last = stroke->count - 1;
    const int closed = p[0][0] == p[last][0] && p[0][1] == p[last][1];
    float from[2], to[2], point[2] = {p[0][0], p[0][1]};
    hand_place(hand, point, from);
    for (int i = 0; i < last; i++) {
        const int8_t *before = i > 0 ? p[i - 1] : closed ? p[last - 1] : p[0];
        const int8_t *after = i + 2 <= last ? p[i + 2] : closed ? p[1] : p[last];
        for (int k = 1; k <= SPAN_PIECES; k++) {
            float t = (float)k / SPAN_PIECES;
            for (size_t axis = 0; axis < 2; axis++)
                point[axis] = stroke->kind == SMOOTH
                    ? spline_between(before[axis], p[i][axis], p[i + 1][axis], after[axis], t)
                    : (float)p[i][axis] + t * (float)(p[i + 1][axis] - p[i][axis]);
            hand_place(hand, point, to);
            pen_piece(from, to, reach, distance2);
            memcpy(from, to, sizeof from);
        }
    }
}

/* ---- The picture ---- */

/* Ink where the pen was, its edge falling linearly over `softness`, and noise of triangular distribution on all. */
static void picture_expose(const struct hand *hand, const float *distance2, struct draws *noise, uint8_t *pixel)
{
    const float edge = hand->radius + hand->softness * 0.5f, per_softness = 1 / hand->softness;
    const float per_step = hand->grain / 15;
    for (size_t i = 0; i < PIXELS; i += 4) {
        uint32_t word = draw_word(noise);
        for (size_t k = 0; k < 4; k++, word >>= 8) {
            float cover = (edge - sqrtf(distance2[i + k])) * per_softness;
            cover = cover < 0 ? 0 : cover > 1 ? 1 : cover;
            float grain = (float)((int)(word & 15) + (int)(word >> 4 & 15) - 15) * per_step;
            float value = hand->ink * cover + grain;
            pixel[i + k] = (uint8_t)((value < 0 ? 0 : value > 255 ? 255 : value) + 0.5f);
        }
    }
}

void pen_draw(uint64_t seed, uint32_t row, size_t label, uint8_t *pixel)
{
    assert(label < DIGIT_CLASSES);
    struct draws shape = {.seed = seed, .layer = LAYER_SHAPE, .row = row};
    struct draws noise = {.seed = seed, .layer = LAYER_NOISE, .row = row};
    size_t choice = (size_t)rng_below(draw_word(&shape), 0, (uint64_t)GLYPH[label].count);
    const struct style *style = &GLYPH[label].style[choice];
    struct hand hand = hand_draw(&shape);
    float distance2[PIXELS];
    for (size_t i = 0; i < PIXELS; i++)
        distance2[i] = 2 * SIDE * SIDE;                         /* further than the pen reaches */
    for (size_t i = 0; i < STYLE_STROKES && style->stroke[i].count > 0; i++)
        pen_stroke(&hand, &style->stroke[i], distance2);
    picture_expose(&hand, distance2, &noise, pixel);
}
