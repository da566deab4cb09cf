/* Checkpoint files from outside a run: are they whole, and what is in them. */
#ifndef WEFT_CHECKPOINT_H
#define WEFT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/network.h"

WEFT_API_BEGIN

/* Is the file whole? The seal is checked over every byte, then every object is read.
 * Returns WEFT_OK; WEFT_EDAMAGED (the message says why), WEFT_ENOINPUT, WEFT_ENOMEM. */
weft_status weft_checkpoint_verify(const char *path);

/* Seal a file again that was edited (say, in h5py), after checking that it can be read. The file is replaced atomically.
 * Returns WEFT_OK; WEFT_EDAMAGED, WEFT_ENOINPUT, WEFT_ENOMEM; WEFT_ECREATE or WEFT_EIO, and then it is as it was. */
weft_status weft_checkpoint_seal(const char *path);

/* A setting as a checkpoint has it. */
typedef struct weft_setting_value {
    char name[64];              /* "section.key" */
    char value[256];            /* its text form; a longer one ends in "..." */
} weft_setting_value;

/* What is in a checkpoint. */
typedef struct weft_checkpoint_info {
    char path[1024];            /* the file that was read */
    char weft_version[32];      /* that wrote it */
    uint64_t step;              /* done */
    double epoch;               /* done */
    char settings_digest[33];   /* of the settings that are the run's identity */
    char data_digest[33];       /* of the rows, their labels and splits */
    char weights_digest[33];    /* XXH3-128 over parameters, running statistics and optimizer state */
    char stop_reason[32];       /* "" while the run is not over */
    char best_metric[32];       /* by which the best model is chosen; "none" */
    int64_t best_step;          /* -1: none */
    double best_value;          /* of best_metric at best_step */
    char task[16];              /* what the outputs are: "classes", "labels" or "regression" */
    size_t features, outputs, parameters;       /* inputs, outputs and learned numbers of the network */
    size_t height, width, channels;     /* of one row as a picture; 0: it is none */
    size_t tensors;             /* how many */
    weft_tensor_info *tensor;   /* in file order */
    size_t settings;            /* how many */
    weft_setting_value *setting;        /* in the order of the manual */
} weft_checkpoint_info;

/* What a checkpoint is. path: a file, or a run's directory (then its last.h5). unsealed: 1 takes a file without a valid
 * seal. Returns WEFT_OK, and the caller clears info; WEFT_EDAMAGED, WEFT_ENOINPUT, WEFT_ENOMEM, WEFT_ESETTINGS. */
weft_status weft_checkpoint_inspect(const char *path, int unsealed, weft_checkpoint_info *info);

/* Free what info points to; fine on a zeroed one. */
void weft_checkpoint_info_clear(weft_checkpoint_info *info);

/* What one layer has learned: float32 as in the file, to the last bit. Matrices are row-major. */
typedef struct weft_layer_weights {
    size_t layer;               /* 1 first; the output layer is the last */
    size_t fan_in, fan_out;     /* inputs and outputs */
    char activation[32];        /* "relu", ...; of the output layer "softmax", "sigmoid" or "linear" */
    float *weight;              /* fan_in x fan_out: from input i to output o at [i * fan_out + o] */
    float *bias;                /* fan_out */
    float *gamma, *beta;        /* fan_out each; NULL without a batch-norm that learns them */
    float *running_mean, *running_variance;     /* fan_out each; NULL without batch-norm */
} weft_layer_weights;

/* Layers of a checkpoint. */
typedef struct weft_weights {
    char path[1024];            /* the file that was read */
    uint64_t step;              /* done */
    size_t network_layers;      /* how many the network has, the output layer included */
    size_t layers;              /* how many are here */
    weft_layer_weights *layer;  /* ascending */
} weft_weights;

/* In place of a layer's number. */
enum { WEFT_LAYER_OUTPUT = -1, WEFT_LAYERS_ALL = -2 };

/* Read the numbers of a layer, or of all, from a checkpoint. path and unsealed as for weft_checkpoint_inspect.
 * layer    1 is the first; WEFT_LAYER_OUTPUT or WEFT_LAYERS_ALL
 * weights  filled on success: all it points to belongs to the caller, who clears it with weft_weights_clear
 * Returns WEFT_OK; WEFT_EINVAL if there is no such layer (the message says how many there are); WEFT_EDAMAGED, WEFT_ENOINPUT,
 * WEFT_ENOMEM, WEFT_ESETTINGS. */
weft_status weft_checkpoint_weights(const char *path, int layer, int unsealed, weft_weights *weights);

/* Free what weights points to; fine on a zeroed one. */
void weft_weights_clear(weft_weights *weights);

WEFT_API_END

#endif
