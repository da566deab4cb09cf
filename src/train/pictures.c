/* See pictures.h. */
#include "train/pictures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { UNITS_MAX = 256, BLANK = 128 };          /* index 128 of the palette is white */

struct picture {                                /* of one unit's weights */
    size_t height, width, channels;
};

static double largest_weight(const struct network *net, size_t unit)
{
    const struct layer *layer = &net->layer[0];
    double largest = 0;
    for (size_t i = 0; i < layer->fan_in; i++) {
        double magnitude = fabs((double)net->parameter[layer->weight + i * layer->fan_out + unit]);
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

/* Channel planes in the data, interleaved pixels in the picture; row_bytes from one line to the next. */
static void draw_unit(const struct network *net, size_t unit, const struct picture *p, uint8_t *out, size_t row_bytes)
{
    const struct layer *layer = &net->layer[0];
    double largest = largest_weight(net, unit), scale = largest > 0 ? 127 / largest : 0;
    for (size_t c = 0; c < p->channels; c++)
        for (size_t y = 0; y < p->height; y++)
            for (size_t x = 0; x < p->width; x++) {
                size_t i = (c * p->height + y) * p->width + x;
                double w = (double)net->parameter[layer->weight + i * layer->fan_out + unit];
                out[y * row_bytes + x * p->channels + c] = (uint8_t)(BLANK + floor(w * scale + 0.5));
            }
}

static weft_status put_space(struct snapshot *snapshot, const char *path, size_t height, size_t width, size_t channels,
                             uint8_t **pixels)
{
    size_t dim[3] = {height, width, channels};
    void *data = NULL;
    weft_status st = snapshot_put_space(snapshot, path, ARRAY_U8, channels == 1 ? ROLE_IMAGE_INDEXED : ROLE_IMAGE_TRUECOLOR,
                                        channels == 1 ? 2 : 3, dim, &data);
    *pixels = data;
    return st;
}

static weft_status put_units(const struct network *net, const struct picture *p, size_t units, struct snapshot *snapshot)
{
    int digits = units > 100 ? 3 : 2;
    for (size_t unit = 0; unit < units && unit < UNITS_MAX; unit++) {
        char path[64];
        uint8_t *pixels;
        snprintf(path, sizeof path, "/images/01/unit_%0*zu", digits, unit);
        weft_status st = put_space(snapshot, path, p->height, p->width, p->channels, &pixels);
        if (st == WEFT_OK)
            st = snapshot_put_real(snapshot, path, "largest_weight", largest_weight(net, unit));
        if (st != WEFT_OK)
            return st;
        draw_unit(net, unit, p, pixels, p->width * p->channels);
    }
    return WEFT_OK;
}

/* All units, row by row, with a blank line of one pixel between them. */
static weft_status put_sheet(const struct network *net, const struct picture *p, size_t units, struct snapshot *snapshot)
{
    size_t across = (size_t)ceil(sqrt((double)units)), down = (units + across - 1) / across;
    size_t height = down * (p->height + 1) - 1, width = across * (p->width + 1) - 1, row_bytes = width * p->channels;
    uint8_t *pixels;
    weft_status st = put_space(snapshot, "/images/01/sheet", height, width, p->channels, &pixels);
    if (st != WEFT_OK)
        return st;
    memset(pixels, BLANK, height * row_bytes);
    for (size_t unit = 0; unit < units; unit++) {
        size_t top = unit / across * (p->height + 1), left = unit % across * (p->width + 1);
        draw_unit(net, unit, p, pixels + top * row_bytes + left * p->channels, row_bytes);
    }
    return WEFT_OK;
}

weft_status pictures_put(const struct network *net, const struct dataset *dataset, struct snapshot *snapshot)
{
    struct picture p = {dataset->train.height, dataset->train.width, dataset->train.channels};
    if (p.channels != 1 && p.channels != 3)
        return WEFT_OK;
    weft_status st = put_sheet(net, &p, net->layer[0].fan_out, snapshot);
    return st == WEFT_OK ? put_units(net, &p, net->layer[0].fan_out, snapshot) : st;
}
