/* The network: layers as views into one flat array of parameters, and the list of operations that a row goes through.
 *
 * Hidden layer: dense, [batch-norm before], activation, [batch-norm after], [dropout]. Output layer: dense (logits). The
 * input may go through dropout first. Whole-batch batch-norm needs the statistics of all shards, so it cuts the list into
 * segments: within a segment a shard goes through alone, between segments the threads meet. */
#ifndef NN_NETWORK_H
#define NN_NETWORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "kernel/kernel.h"
#include "settings/settings.h"

enum tensor_kind { TENSOR_WEIGHT, TENSOR_BIAS, TENSOR_GAMMA, TENSOR_BETA, TENSOR_RUNNING_MEAN, TENSOR_RUNNING_VARIANCE };

struct tensor {                         /* a view: the elements offset .. offset+count-1 of a flat array */
    enum tensor_kind kind;
    size_t layer;                       /* 0 first */
    size_t offset;                      /* a multiple of 16; what lies between two tensors is 0 and stays 0 */
    size_t rank, dim[2], count;         /* a weight is [fan_in, fan_out], all else [fan_out] */
};

struct layer {
    size_t fan_in, fan_out;
    enum activation activation;         /* identity for the output layer */
    bool has_norm;
    size_t weight, bias, gamma, beta;   /* offsets into parameter */
    size_t running_mean, running_variance;      /* offsets into running */
};

enum op_kind { OP_DENSE, OP_NORM, OP_ACTIVATION, OP_DROPOUT };
struct op {
    enum op_kind kind;
    size_t layer;
    size_t in, out;                     /* buffers; the same for an activation that works in place */
    size_t width;                       /* of the output */
    size_t nth;                         /* counts the norms, or the dropouts, from 0 */
    double drop_fraction;
    uint32_t drop_counter;              /* layer number in the random counter: 0 input, l+1 hidden layer l */
};

enum {
    NETWORK_LAYERS_MAX = LAYERS_MAX + 1,
    NETWORK_TENSORS_MAX = 4 * NETWORK_LAYERS_MAX,
    NETWORK_OPS_MAX = 4 * NETWORK_LAYERS_MAX + 1,
};

struct parameter_block {                /* at most SUM_BLOCK neighbouring elements of one tensor; a unit of the update */
    size_t tensor, offset, count;
};

struct packed {                         /* a layer's weights once more, in panels (kernel.h), for the products */
    float *forward;                     /* W: fan_in rows, panels of outputs; not kept up for a narrow first layer */
    float *backward;                    /* W^T: fan_out rows, panels of inputs; NULL for the first layer */
    float *bias;                        /* padded to whole panels with 0 */
};

struct network {
    size_t features, outputs;           /* outputs: classes of a classifier */
    enum raw_type input_type;           /* of the data's features */
    enum output_kind output;
    enum loss_kind loss;
    size_t layers;
    struct layer layer[NETWORK_LAYERS_MAX];

    size_t tensors, running_tensors;    /* in file order: per layer weight, bias, gamma, beta; mean, variance */
    struct tensor tensor[NETWORK_TENSORS_MAX], running_tensor[NETWORK_TENSORS_MAX];
    size_t parameter_size, running_size;/* elements of the flat arrays, gaps included */
    size_t parameter_count;             /* learned numbers, without gaps */
    float *parameter, *running;
    struct packed packed[NETWORK_LAYERS_MAX];
    size_t blocks;
    struct parameter_block *block;      /* all of parameter, in file order */

    size_t ops;
    struct op op[NETWORK_OPS_MAX];
    size_t buffers, buffer_width[NETWORK_OPS_MAX + 1];  /* buffer 0 is the input, the last one the logits */
    size_t norms, dropouts;
    size_t widest;                      /* of all buffers but the input */
    bool input_is_raw;                  /* nothing lies between the data and the first dense layer: it takes bytes */
    bool norm_of_batch, norm_affine;
    double norm_momentum, norm_epsilon;
    size_t segments, segment_first[NETWORK_LAYERS_MAX + 1];     /* first op of each; segment_first[segments] = ops */
};

/* Lay out a network and allocate its arrays, all zero. WEFT_OK or WEFT_ENOMEM. On success the caller calls network_destroy. */
weft_status network_create(struct network *net, const struct weft_settings *settings, size_t features,
                           enum raw_type input_type, size_t outputs);
void network_destroy(struct network *net);

/* Bring the packed weights of every layer up to date with the parameters, after an initialisation or a load; or of inputs
 * first .. first+count-1 (first a multiple of PANEL) of layer l, or of its bias, after an update. Different inputs may be packed
 * at the same time. */
void network_pack(struct network *net);
void network_pack_inputs(struct network *net, size_t l, size_t first, size_t count);
void network_pack_bias(struct network *net, size_t l);

/* Lanes of whole vectors for each of n numbers: 1 if they leave none empty. */
double lane_padding(size_t n);

/* Does the first layer take its bytes with samples as lanes (dense.c)? It then reads the weights as they are, not packed. */
bool network_is_narrow(const struct network *net);

/* Panels of a matrix of n columns. */
static inline size_t panels_of(size_t n)
{
    return (n + PANEL - 1) / PANEL;
}

/* "<root>/01/weight", "<root>/01/batch_norm/gamma", ...; root is "/layers", "/statistics", "/optimizer/velocity" ... */
enum { TENSOR_PATH_SIZE = 64 };
void tensor_path(const struct tensor *tensor, const char *root, char path[TENSOR_PATH_SIZE]);
const char *activation_name(enum activation activation);
const char *output_name(enum output_kind output);

/* Draw the first weights; biases 0 (torch_linear draws them too), gamma 1, beta 0, running mean 0 and variance 1. A function
 * of (seed, layer, input, output), so no order of work shows. Sources at init.c. */
void network_initialize(struct network *net, const struct weft_settings *settings);

#endif
