/* See metrics.h. */
#include "train/metrics.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : 0;
}

static weft_class_figures figures_of(const uint64_t *confusion, size_t classes, size_t c)
{
    uint64_t support = 0, predicted = 0, hits = confusion[c * classes + c];
    for (size_t other = 0; other < classes; other++) {
        support += confusion[c * classes + other];
        predicted += confusion[other * classes + c];
    }
    weft_class_figures f = {.precision = ratio((double)hits, (double)predicted),
                            .recall = ratio((double)hits, (double)support), .support = support};
    f.f1 = ratio(2 * f.precision * f.recall, f.precision + f.recall);
    return f;
}

static void add_weighted(weft_class_figures *mean, const weft_class_figures *f, double weight)
{
    mean->precision += weight * f->precision;
    mean->recall += weight * f->recall;
    mean->f1 += weight * f->f1;
    mean->support += f->support;
}

weft_status metrics_fill(weft_evaluation *evaluation, const char *split, struct tally *tally, double penalty)
{
    weft_class_figures *per_class = memory_new(tally->classes, sizeof *per_class);
    if (per_class == NULL)
        return WEFT_ENOMEM;
    *evaluation = (weft_evaluation){.rows = tally->rows, .classes = tally->classes, .loss = tally->loss,
                                    .cost = tally->loss + penalty, .confusion = tally->confusion, .per_class = per_class,
                                    .accuracy = ratio((double)tally->correct, (double)tally->rows)};
    snprintf(evaluation->split, sizeof evaluation->split, "%s", split);
    for (size_t c = 0; c < tally->classes; c++) {
        per_class[c] = figures_of(tally->confusion, tally->classes, c);
        add_weighted(&evaluation->macro, &per_class[c], 1 / (double)tally->classes);
        add_weighted(&evaluation->weighted, &per_class[c], ratio((double)per_class[c].support, (double)tally->rows));
    }
    tally->confusion = NULL;
    return WEFT_OK;
}

void weft_evaluation_clear(weft_evaluation *evaluation)
{
    memory_free(evaluation->confusion);
    memory_free(evaluation->per_class);
    memset(evaluation, 0, sizeof *evaluation);
}
