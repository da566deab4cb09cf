/* First weights. He et al., "Delving deep into rectifiers", ICCV 2015, eq. 10 (he); Glorot and Bengio, "Understanding the
 * difficulty of training deep feedforward neural networks", AISTATS 2010, eq. 12 and 16 (glorot); LeCun et al., "Efficient
 * BackProp", 1998, eq. 16 (lecun); torch_linear is the default of PyTorch's nn.Linear: U(-1/sqrt(fan_in), 1/sqrt(fan_in))
 * for weights and biases. A normal number is the quantile of a uniform one: one draw, no rejection, no partner. */
#include "nn/network.h"

#include <math.h>

#include "base/math.h"
#include "base/rng.h"

struct distribution {
    bool is_normal;
    double scale;               /* standard deviation, or the largest magnitude */
};

static struct distribution distribution_of(const struct weft_settings *s, double fan_in, double fan_out)
{
    switch ((enum init_kind)s->network.init) {
    case INIT_GAUSSIAN: return (struct distribution){true, s->network.init_std};
    case INIT_HE_NORMAL: return (struct distribution){true, sqrt(2 / fan_in)};
    case INIT_HE_UNIFORM: return (struct distribution){false, sqrt(6 / fan_in)};
    case INIT_GLOROT_NORMAL: return (struct distribution){true, sqrt(2 / (fan_in + fan_out))};
    case INIT_GLOROT_UNIFORM: return (struct distribution){false, sqrt(6 / (fan_in + fan_out))};
    case INIT_LECUN_NORMAL: return (struct distribution){true, sqrt(1 / fan_in)};
    case INIT_TORCH_LINEAR: return (struct distribution){false, 1 / sqrt(fan_in)};
    }
    return (struct distribution){true, 0};
}

/* count numbers of one row; two from each draw of four words. */
static void draw_row(const struct distribution *d, uint64_t seed, uint32_t layer, uint32_t row, size_t count, float *out)
{
    uint32_t word[4];
    for (size_t o = 0; o < count; o++) {
        if (o % 2 == 0)
            rng_words(seed, RNG_INIT, layer, 0, row, (uint32_t)(o / 2), word);
        double u = rng_open_unit(word[o % 2 * 2], word[o % 2 * 2 + 1]);
        out[o] = (float)(d->scale * (d->is_normal ? math_normal_quantile(u) : 2 * u - 1));
    }
}

static void fill(float *array, size_t count, float value)
{
    for (size_t i = 0; i < count; i++)
        array[i] = value;
}

void network_initialize(struct network *net, const struct weft_settings *settings)
{
    uint64_t seed = settings->train.seed;
    for (size_t l = 0; l < net->layers; l++) {
        const struct layer *layer = &net->layer[l];
        struct distribution d = distribution_of(settings, (double)layer->fan_in, (double)layer->fan_out);
        float *W = net->parameter + layer->weight;
        for (size_t i = 0; i < layer->fan_in; i++)
            draw_row(&d, seed, (uint32_t)l, (uint32_t)i, layer->fan_out, &W[i * layer->fan_out]);
        fill(net->parameter + layer->bias, layer->fan_out, 0);
        if (settings->network.init == INIT_TORCH_LINEAR)
            draw_row(&d, seed, (uint32_t)l, (uint32_t)layer->fan_in, layer->fan_out, net->parameter + layer->bias);
        if (!layer->has_norm)
            continue;
        if (net->norm_affine)
            fill(net->parameter + layer->gamma, layer->fan_out, 1);
        fill(net->running + layer->running_mean, layer->fan_out, 0);
        fill(net->running + layer->running_variance, layer->fan_out, 1);
    }
    network_pack(net);
}
