/* See final.h. */
#include "train/final.h"

#include <string.h>

#include "base/error.h"
#include "train/figures.h"
#include "train/metrics.h"
#include "train/record.h"

/* The network becomes that of the best model. */
static weft_status take_best(weft_trainer *tr)
{
    struct snapshot *best = NULL;
    weft_status st = run_directory_load_step(tr->directory, tr->early_stop.best_step, &best);
    if (st == WEFT_OK)
        st = restore_network(best, &tr->training.net);
    snapshot_destroy(best);
    tr->restored_best = st == WEFT_OK;
    return st;
}

static weft_status evaluate_splits(weft_trainer *tr)
{
    double penalty = record_penalty(tr);
    weft_status st = WEFT_OK;
    for (enum split_name s = 0; s < SPLIT_COUNT && st == WEFT_OK; s++) {
        if (tr->dataset.split[s].count == 0)
            continue;
        struct tally tally;
        st = record_tally(tr, s, &tally);
        if (st != WEFT_OK)
            break;
        st = metrics_fill(&tr->evaluation[s], split_label(s), &tally, penalty, &tr->dataset.classes);
        tally_clear(&tally);
    }
    return st;
}

static weft_status save(const weft_trainer *tr)
{
    struct figures figures = {.step = tr->restored_best ? tr->early_stop.best_step : (int64_t)tr->training.step,
                              .last_step = (int64_t)tr->training.step};
    memcpy(figures.last_digest, tr->digest, sizeof figures.last_digest);
    memcpy(figures.evaluation, tr->evaluation, sizeof figures.evaluation);      /* what they point to stays the trainer's */
    struct snapshot *snapshot = snapshot_create();
    weft_status st = snapshot != NULL ? figures_put(&figures, snapshot) : WEFT_ENOMEM;
    if (st == WEFT_OK)
        st = run_directory_save_evaluation(tr->directory, snapshot);
    snapshot_destroy(snapshot);
    return st;
}

weft_status final_figures(weft_trainer *tr)
{
    bool restores = tr->early_stop.ends_run && tr->settings->train.restore_best && tr->early_stop.has_best
                    && tr->early_stop.best_step != (int64_t)tr->training.step;
    weft_status st = restores ? take_best(tr) : WEFT_OK;
    if (st == WEFT_OK)
        st = evaluate_splits(tr);
    if (st == WEFT_OK && weft_trainer_is_finished(tr))
        st = save(tr);
    return st;
}
