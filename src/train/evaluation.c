/* weft_evaluate: a model from a file, data from a URI, a team for the time of the call. */
#include "weft/evaluation.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "nn/penalty.h"
#include "train/application.h"
#include "train/metrics.h"

static weft_status penalty_of(struct model *model, double *penalty)
{
    double *scratch = memory_new(model->net.blocks, sizeof *scratch);
    if (scratch == NULL)
        return WEFT_ENOMEM;
    unsigned mode = team_float_mode_enter();
    *penalty = penalty_value(model->settings, &model->net, (size_t)model->settings->train.batch_size, scratch);
    team_float_mode_leave(mode);
    memory_free(scratch);
    return WEFT_OK;
}

static weft_status evaluate(struct application *a, weft_evaluation *evaluation)
{
    struct tally tally;
    double penalty;
    struct evaluator evaluator = application_evaluator(a);
    weft_status st = penalty_of(&a->model, &penalty);
    if (st == WEFT_OK)
        st = tally_split(&evaluator, a->split, &tally);
    if (st != WEFT_OK)
        return st;
    st = metrics_fill(evaluation, a->split_name, &tally, penalty, &a->model.classes);
    tally_clear(&tally);
    return st;
}

weft_status weft_evaluate(const char *checkpoint, const weft_evaluate_options *options, weft_evaluation *evaluation,
                          weft_model_info *info)
{
    static const weft_evaluate_options defaults;
    if (options == NULL)
        options = &defaults;
    memset(evaluation, 0, sizeof *evaluation);
    const struct application_options wanted = {options->data, options->split, options->threads, options->unsealed != 0, false};
    struct application a;
    weft_status st = application_open(checkpoint, &wanted, &a);
    if (st != WEFT_OK)
        return st;
    st = evaluate(&a, evaluation);
    if (st == WEFT_OK && info != NULL) {
        *info = (weft_model_info){.step = (uint64_t)a.model.step};
        memcpy(info->weights_digest, a.model.digest, sizeof info->weights_digest);
        snprintf(info->data, sizeof info->data, "%s", a.dataset.source);
    }
    application_close(&a);
    return st;
}
