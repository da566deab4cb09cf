/* A trained model read back from a checkpoint, without the run around it. */
#ifndef TRAIN_MODEL_H
#define TRAIN_MODEL_H

#include "data/dataset.h"
#include "nn/network.h"
#include "store/snapshot.h"
#include "train/digest.h"
#include "train/optimizer.h"

enum { MODEL_PATH_SIZE = 1024 };

struct model {
    char path[MODEL_PATH_SIZE];         /* the checkpoint file */
    weft_settings *settings;            /* identity from the checkpoint, the rest at its defaults */
    struct network net;                 /* made for rows of floats; set net.input_type to that of the rows at hand */
    struct optimizer optimizer;
    size_t height, width, channels;     /* of one row as a picture; 0: it is none */
    enum task task;
    struct names classes;               /* names of the outputs; empty: they have none */
    float *shift, *scale;               /* net.features each: input = (raw - shift) * scale */
    float *fill;                        /* what a missing value becomes; NULL: none may be missing */
    float *class_weight;                /* net.outputs, NULL: all classes count alike */
    int64_t step;
    char digest[DIGEST_SIZE];
};

/* path: a file; or a run's directory, then `preferred` in it ("best.h5") if that is there, else last.h5. *snapshot (NULL if
 * not wanted) gets the whole file and is the caller's. WEFT_OK; WEFT_ENOINPUT, WEFT_EDAMAGED, WEFT_ENOMEM. */
weft_status model_load(const char *path, const char *preferred, bool unsealed, struct model *model, struct snapshot **snapshot);
/* What it expects of data; points into the model. */
struct expected model_expected(const struct model *model);

void model_destroy(struct model *model);                /* fine on a zeroed one */

#endif
