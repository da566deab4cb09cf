/* Checkpoint files from outside a run: are they whole, and what is in them. */
#ifndef WEFT_CHECKPOINT_H
#define WEFT_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "weft/error.h"
#include "weft/network.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Is the file whole? The seal is checked over every byte, then every object is read.
 * Returns WEFT_OK; WEFT_EDAMAGED (the message says why), WEFT_ENOINPUT, WEFT_ENOMEM. */
weft_status weft_checkpoint_verify(const char *path);

/* Seal a file again that was edited (say, in h5py), after checking that it can be read. The file is replaced atomically.
 * Returns WEFT_OK; WEFT_EDAMAGED, WEFT_ENOINPUT, WEFT_ENOMEM; WEFT_ECREATE or WEFT_EIO, and then it is as it was. */
weft_status weft_checkpoint_seal(const char *path);

typedef struct weft_setting_value {
    char name[64];              /* "section.key" */
    char value[256];            /* its text form; a longer one ends in "..." */
} weft_setting_value;

typedef struct weft_checkpoint_info {
    char path[1024];            /* the file that was read */
    char weft_version[32];
    uint64_t step;
    double epoch;
    char settings_digest[33], data_digest[33], weights_digest[33];
    char stop_reason[32];       /* "" while the run is not over */
    char best_metric[32];
    int64_t best_step;          /* -1: none */
    double best_value;
    size_t features, classes, parameters;
    size_t height, width, channels;     /* of one row as a picture; 0: it is none */
    size_t tensors;
    weft_tensor_info *tensor;   /* in file order */
    size_t settings;
    weft_setting_value *setting;
} weft_checkpoint_info;

/* What a checkpoint is. path: a file, or a run's directory (then its last.h5). unsealed: 1 takes a file without a valid
 * seal. Returns WEFT_OK, and the caller clears info; WEFT_EDAMAGED, WEFT_ENOINPUT, WEFT_ENOMEM, WEFT_ESETTINGS. */
weft_status weft_checkpoint_inspect(const char *path, int unsealed, weft_checkpoint_info *info);

/* Free what info points to; fine on a zeroed one. */
void weft_checkpoint_info_clear(weft_checkpoint_info *info);

#ifdef __cplusplus
}
#endif
#endif
