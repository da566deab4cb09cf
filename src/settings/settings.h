/* All settings of a run, as numbers that code can use. What a setting is called, its default, its range, its help text
 * and its text form stand in one table, src/settings/table.c; nothing else in the program lists settings. */
#ifndef SETTINGS_SETTINGS_H
#define SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "weft/settings.h"

enum {
    LAYERS_MAX = 64,            /* hidden layers at most */
    CLASS_WEIGHTS_MAX = 128,    /* classes that a list of weights can name */
};

enum split_name { SPLIT_TRAIN, SPLIT_VALIDATION, SPLIT_TEST, SPLIT_COUNT };
enum scaling { SCALING_NONE, SCALING_UNIT, SCALING_STANDARDIZE, SCALING_STANDARDIZE_GLOBAL };
enum missing { MISSING_ERROR, MISSING_MEAN, MISSING_MEDIAN, MISSING_ZERO };
enum activation {
    ACTIVATION_IDENTITY, ACTIVATION_RELU, ACTIVATION_LEAKY_RELU, ACTIVATION_ELU, ACTIVATION_GELU, ACTIVATION_TANH,
    ACTIVATION_SIGMOID, ACTIVATION_SOFTPLUS,
};
enum output_kind { OUTPUT_SOFTMAX, OUTPUT_SIGMOID, OUTPUT_LINEAR };
enum loss_kind { LOSS_CROSS_ENTROPY, LOSS_MSE, LOSS_BINARY_CROSS_ENTROPY };
enum init_kind {
    INIT_GAUSSIAN, INIT_HE_NORMAL, INIT_HE_UNIFORM, INIT_GLOROT_NORMAL, INIT_GLOROT_UNIFORM, INIT_LECUN_NORMAL,
    INIT_TORCH_LINEAR,
};
enum batch_norm_place { BATCH_NORM_NONE, BATCH_NORM_BEFORE, BATCH_NORM_AFTER };
enum batch_norm_statistics { BATCH_NORM_OF_BATCH, BATCH_NORM_OF_SHARD };
enum l2_form { L2_LAMBDA_OVER_2M, L2_HALF_LAMBDA, L2_LAMBDA, L2_DECOUPLED };
enum optimizer_kind {
    OPTIMIZER_SGD, OPTIMIZER_MOMENTUM, OPTIMIZER_NESTEROV, OPTIMIZER_RMSPROP, OPTIMIZER_ADAM, OPTIMIZER_ADAMW,
};
enum lr_scale { LR_SCALE_NONE, LR_SCALE_LINEAR, LR_SCALE_SQRT };
enum schedule_kind { SCHEDULE_CONSTANT, SCHEDULE_STEP, SCHEDULE_EXPONENTIAL, SCHEDULE_COSINE, SCHEDULE_PLATEAU };
enum gradient_choice { GRADIENT_CHOICE_AUTO, GRADIENT_CHOICE_OWNED, GRADIENT_CHOICE_LOCAL };
enum last_batch { LAST_BATCH_KEEP, LAST_BATCH_DROP };
enum stop_metric {              /* early_stop: which split and which of its figures must improve */
    STOP_NONE,
    STOP_TRAIN_COST, STOP_TRAIN_LOSS, STOP_TRAIN_ACCURACY,
    STOP_VALIDATION_COST, STOP_VALIDATION_LOSS, STOP_VALIDATION_ACCURACY,
    STOP_TEST_COST, STOP_TEST_LOSS, STOP_TEST_ACCURACY,
};

enum interval_unit { INTERVAL_STEPS, INTERVAL_EPOCHS, INTERVAL_SECONDS };
struct interval {               /* "100 steps", "1 epochs", "30 s"; count 0: never */
    uint64_t count;
    enum interval_unit unit;
};

struct count_list { size_t count; uint64_t value[LAYERS_MAX]; };
struct real_list { size_t count; double value[LAYERS_MAX]; };
struct choice_list { size_t count; int value[LAYERS_MAX]; };        /* members of one enum */

enum weighting { WEIGHTING_NONE, WEIGHTING_BALANCED, WEIGHTING_LIST };
struct class_weights { enum weighting kind; size_t count; double value[CLASS_WEIGHTS_MAX]; };   /* > 0; as given */

struct weft_settings {
    struct {
        char *source;                           /* URI; digits: by default */
        char *validation, *test;                /* URIs of rows kept apart, or "none" */
        double validation_fraction;             /* [0, 1) */
        bool stratified;                        /* the cut keeps the shares of the classes */
        uint64_t train_limit, validation_limit, test_limit;      /* rows; 0: all */
        int scaling;                            /* enum scaling */
        int missing;                            /* enum missing */
    } data;
    struct {
        struct count_list hidden;               /* widths; none: softmax regression */
        struct choice_list activation;          /* enum activation; one for all hidden layers, or one for each */
        int output, loss;                       /* enum output_kind, enum loss_kind */
        int init;                               /* enum init_kind */
        double init_std;                        /* of init = gaussian */
        char *init_from;                        /* path of a checkpoint or a run to begin with, or "none" */
        int batch_norm, batch_norm_statistics;  /* enums batch_norm_place, batch_norm_statistics */
        bool batch_norm_affine;
        double batch_norm_momentum, batch_norm_epsilon;
        struct real_list dropout;               /* dropped fraction [0, 1); one for all hidden layers, or one for each */
        double input_dropout;
    } network;
    struct {
        double l1, l2;                          /* lambda, >= 0 */
        int l2_form;                            /* enum l2_form */
        bool l2_biases;                         /* also biases, gamma and beta */
    } regularization;
    struct {
        int name;                               /* enum optimizer_kind */
        double learning_rate, momentum, beta1, beta2, rho, epsilon;
        int lr_scale;                           /* enum lr_scale */
        uint64_t lr_scale_batch;                /* rows that learning_rate is meant for */
        double clip_value, clip_norm;           /* 0: none */
    } optimizer;
    struct {
        int name;                               /* enum schedule_kind */
        uint64_t warmup;                        /* steps */
        double final_fraction;                  /* cosine ends, plateau stops falling, at learning_rate times this */
        double factor;                          /* step, exponential, plateau: what the rate is multiplied with, (0, 1] */
        struct interval every;                  /* step, exponential: how often; steps or epochs */
        int metric;                             /* plateau: enum stop_metric */
        struct interval patience;               /* plateau: steps or epochs */
    } schedule;
    struct {
        uint64_t seed;
        uint64_t batch_size;                    /* rows */
        uint64_t epochs, steps;                 /* the first limit reached ends the run; 0: no limit */
        double max_time_s;                      /* of this call of train or resume; 0: no limit */
        struct interval evaluate_every;         /* steps or epochs */
        struct choice_list evaluate;            /* enum split_name */
        int early_stop;                         /* enum stop_metric */
        struct interval patience;               /* steps or epochs */
        double min_delta;                       /* an improvement is more than this */
        bool restore_best;
        int last_batch;                         /* enum last_batch */
        bool shuffle;                           /* each epoch */
        double label_smoothing;                 /* [0, 1) */
        struct class_weights class_weights;
    } train;
    struct {
        struct interval every;                  /* seconds, steps or epochs */
        uint64_t keep;                          /* newest checkpoints kept, >= 1 */
    } checkpoint;
    struct {
        uint64_t threads;                       /* 0: as many as the machine and the work allow; at most 1,024 */
        int gradient;                           /* enum gradient_choice */
    } run;
};

/* The settings of the run's identity (those that may change a trained bit), for the attributes of a checkpoint: counts are
 * integers, reals are reals, all else is its canonical text. */
enum { SETTING_TEXT_SIZE_BYTES = 4096 };        /* holds any identity setting: 128 reals of 24 characters and ", " */
enum setting_type { SETTING_INTEGER, SETTING_REAL, SETTING_TEXT };
struct setting_value {
    const char *name;                   /* "section.key" */
    enum setting_type type;
    int64_t integer;
    double real;
    const char *text;
};
size_t settings_identity_count(void);

/* The i-th, i < settings_identity_count(); value->text points into the caller's text where the type is SETTING_TEXT. */
void settings_identity_get(const weft_settings *settings, size_t i, struct setting_value *value,
                           char text[SETTING_TEXT_SIZE_BYTES]);

/* Take a value back. WEFT_ESETTINGS if the name is unknown or not of the identity, the type is not the setting's or the
 * value is out of range (then the setting stays as it was); WEFT_ENOMEM. */
weft_status settings_identity_set(weft_settings *settings, const struct setting_value *value);

/* XXH3-128 of the lines "name=canonical text\n" of the identity settings that differ from their defaults, in the table's order,
 * as 32 hexadecimal digits: two runs with the same digest and the same data have the same weights. A setting that a later
 * version adds, with a default that changes nothing, leaves the digests of older runs as they are. */
enum { SETTINGS_DIGEST_SIZE_BYTES = 33 };
void settings_digest(const weft_settings *settings, char digest[SETTINGS_DIGEST_SIZE_BYTES]);

/* All settings as the text of an INI file (run.ini) that weft_settings_load reads back to the same values, those of the machine
 * first. *text is freed with memory_free. WEFT_OK; or, with *text NULL, WEFT_ENOMEM, or WEFT_ESETTINGS for a URI or path with
 * 150 bytes in a row that are nothing but blanks, ';' and '#' with single characters between them. */
weft_status settings_write_run_ini(const weft_settings *settings, char **text);

/* weft_settings_load, and named[i] says whether the file gives setting i of the table a value, its default included (i <
 * weft_settings_count()). After a failure named is as it was. */
weft_status ini_load_named(weft_settings *settings, const char *path, bool named[]);

/* The values for hidden layer l (0 first) of a list that has one entry for all layers or one for each. */
int choice_for_layer(const struct choice_list *list, size_t l);
double real_for_layer(const struct real_list *list, size_t l);

#endif
