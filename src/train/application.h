/* A trained model and rows to apply it to: what evaluating and predicting have in common. */
#ifndef TRAIN_APPLICATION_H
#define TRAIN_APPLICATION_H

#include "train/evaluate.h"
#include "train/model.h"

struct application {
    struct model model;
    struct names numbers;               /* "0", "1", ...: by these, text files find the classes of a model that has no names */
    struct dataset dataset;
    const struct split *split;          /* the rows, */
    const char *split_name;             /* and what they are called: "train", "validation", "test", "all" */
    struct loss_rule loss;
    struct team team;
    struct workspace *space;
};

struct application_options {
    const char *data, *split;           /* as in weft_evaluate_options */
    size_t threads;
    bool unsealed;
    bool is_unlabelled;                 /* the rows need no labels */
};

/* Read a checkpoint (a directory: its best.h5 if there is one, else last.h5) and the rows, and gather a team. On success the
 * caller calls application_close. The errors of weft_evaluate. */
weft_status application_open(const char *checkpoint, const struct application_options *options, struct application *application);
void application_close(struct application *application);

struct evaluator application_evaluator(struct application *application);

#endif
