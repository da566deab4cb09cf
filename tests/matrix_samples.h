/* Matrices in panels (kernel.h) from ones that lie row by row, and back: what a test says is about rows and columns. And
 * packed weights against the weights. */
#ifndef TESTS_MATRIX_SAMPLES_H
#define TESTS_MATRIX_SAMPLES_H

#include <math.h>
#include <string.h>

#include "nn/workspace.h"
#include "support.h"

/* Guarded, and NaN wherever nothing has been written. guarded_free its data. */
static inline struct matrix matrix_new(size_t rows, size_t columns)
{
    size_t size = rows * panels_of(columns) * PANEL;
    struct matrix m = {guarded_new(size, sizeof *m.data), rows * PANEL};
    for (size_t i = 0; i < size; i++)
        m.data[i] = NAN;
    return m;
}

static inline float *matrix_at(struct matrix m, size_t row, size_t column)
{
    return &m.data[column / PANEL * m.panel + row * PANEL + column % PANEL];
}

static inline struct matrix matrix_of(size_t rows, size_t columns, const float *x)
{
    struct matrix m = matrix_new(rows, columns);
    for (size_t n = 0; n < rows; n++)
        for (size_t j = 0; j < columns; j++)
            *matrix_at(m, n, j) = x[n * columns + j];
    return m;
}

/* Its rows, one after the other; guarded. */
static inline float *rows_of(struct matrix m, size_t rows, size_t columns)
{
    float *x = guarded_new(rows * columns, sizeof *x);
    for (size_t n = 0; n < rows; n++)
        for (size_t j = 0; j < columns; j++)
            x[n * columns + j] = *matrix_at(m, n, j);
    return x;
}

static inline float weight_of(const struct network *net, size_t l, size_t i, size_t o)
{
    return net->parameter[net->layer[l].weight + i * net->layer[l].fan_out + o];
}

/* W in panels of outputs, W^T in panels of inputs, the bias; 0 in the padding of all. What is not read may be missing: the
 * input needs no gradient, and a narrow first layer that takes bytes takes W as it is. */
static inline void assert_packed(const struct network *net, const char *which)
{
    for (size_t l = 0; l < net->layers; l++) {
        size_t D = net->layer[l].fan_in, H = net->layer[l].fan_out;
        const struct packed *packed = &net->packed[l];
        bool is_read_packed = l > 0 || !net->input_is_raw || !network_is_narrow(net);
        for (size_t o = 0; o < panels_of(H) * PANEL && is_read_packed; o++)
            for (size_t i = 0; i < D; i++)
                if (packed->forward[(o / PANEL * D + i) * PANEL + o % PANEL] != (o < H ? weight_of(net, l, i, o) : 0))
                    fail_msg("%s, %s kernels: W of layer %zu, input %zu, output %zu", which, kernel->name, l, i, o);
        assert_true((packed->backward != NULL) == (l > 0));
        for (size_t i = 0; i < panels_of(D) * PANEL && l > 0; i++)
            for (size_t o = 0; o < H; o++)
                if (packed->backward[(i / PANEL * H + o) * PANEL + i % PANEL] != (i < D ? weight_of(net, l, i, o) : 0))
                    fail_msg("%s, %s kernels: W^T of layer %zu, input %zu, output %zu", which, kernel->name, l, i, o);
        for (size_t o = 0; o < panels_of(H) * PANEL; o++)
            if (packed->bias[o] != (o < H ? net->parameter[net->layer[l].bias + o] : 0))
                fail_msg("%s, %s kernels: bias of layer %zu, output %zu", which, kernel->name, l, o);
    }
}

#endif
