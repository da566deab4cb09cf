/* The numbers that a network has learned, in columns that stay aligned whatever their magnitude. */
#include <math.h>

#include "base/error.h"
#include "weft/report.h"

/* 13 characters. Numbers of the usual magnitude have their points below each other; beyond, digits matter more than that. */
static void write_number(float number, FILE *stream)
{
    double x = (double)number, magnitude = fabs(x);
    if (x == 0)
        fprintf(stream, " %12s", signbit(x) ? "-0" : "0");
    else if (magnitude < 0.001 || magnitude >= 10000)
        fprintf(stream, " %12.5e", x);                  /* inf and nan too: they are padded alike */
    else
        fprintf(stream, " %12.6f", x);
}

static void write_rows(const float *x, size_t rows, size_t columns, FILE *stream)
{
    for (size_t i = 0; i < rows; i++) {
        for (size_t o = 0; o < columns; o++)
            write_number(x[i * columns + o], stream);
        fputc('\n', stream);
    }
}

static void write_vector(const weft_layer_weights *layer, const char *name, const float *x, FILE *stream)
{
    if (x == NULL)
        return;
    fprintf(stream, "layer %02zu: %s %zu, float32\n", layer->layer, name, layer->fan_out);
    write_rows(x, 1, layer->fan_out, stream);
}

weft_status weft_report_weights(const weft_weights *weights, FILE *stream)
{
    for (size_t l = 0; l < weights->layers; l++) {
        const weft_layer_weights *layer = &weights->layer[l];
        fprintf(stream, "layer %02zu: W %zu x %zu, float32\n", layer->layer, layer->fan_in, layer->fan_out);
        write_rows(layer->weight, layer->fan_in, layer->fan_out, stream);
        write_vector(layer, "bias", layer->bias, stream);
        write_vector(layer, "gamma", layer->gamma, stream);
        write_vector(layer, "beta", layer->beta, stream);
        write_vector(layer, "running mean", layer->running_mean, stream);
        write_vector(layer, "running variance", layer->running_variance, stream);
    }
    return ferror(stream) ? error_set(WEFT_EIO, "write the weights: the output stream failed") : WEFT_OK;
}
