/* See tally.h. Everything is added up by one thread, row by row. */
#include "train/tally.h"

#include "base/memory.h"

static const struct table *row_of(const struct split *split, size_t n, size_t *row)
{
    *row = split->row[n];
    return split->table;
}

/* Of shares of the classes, the first largest is the class. */
static size_t class_of(const struct split *split, size_t n)
{
    size_t row, best = 0;
    const struct table *table = row_of(split, n, &row);
    if (table->label != NULL)
        return (size_t)table->label[row];
    const float *share = table->target + row * table->targets;
    for (size_t k = 1; k < table->targets; k++)
        best = share[k] > share[best] ? k : best;
    return best;
}

static weft_status count_classes(const struct split *split, const struct inference *found, struct tally *tally)
{
    tally->confusion = memory_new(tally->outputs * tally->outputs, sizeof *tally->confusion);
    if (tally->confusion == NULL)
        return WEFT_ENOMEM;
    for (size_t n = 0; n < tally->rows; n++)
        tally->confusion[class_of(split, n) * tally->outputs + (size_t)found->best[n]]++;
    for (size_t c = 0; c < tally->outputs; c++)
        tally->correct += tally->confusion[c * tally->outputs + c];
    return WEFT_OK;
}

static weft_status count_labels(const struct split *split, const struct inference *found, struct tally *tally)
{
    size_t K = tally->outputs, row;
    tally->label = memory_new(K, sizeof *tally->label);
    if (tally->label == NULL)
        return WEFT_ENOMEM;
    for (size_t n = 0; n < tally->rows; n++) {
        const struct table *table = row_of(split, n, &row);
        bool all_right = true;
        for (size_t k = 0; k < K; k++) {
            bool is = table->target[row * K + k] >= 0.5f, said = found->output[n * K + k] >= 0.5f;
            tally->label[k].hits += is && said;
            tally->label[k].false_alarms += !is && said;
            tally->label[k].misses += is && !said;
            all_right = all_right && is == said;
        }
        tally->correct += all_right;
    }
    return WEFT_OK;
}

static weft_status sum_values(const struct split *split, const struct inference *found, struct tally *tally)
{
    size_t K = tally->outputs, row;
    tally->value = memory_new(K, sizeof *tally->value);
    if (tally->value == NULL)
        return WEFT_ENOMEM;
    for (size_t k = 0; k < K; k++) {
        struct value_sums *sums = &tally->value[k];
        double mean = 0;
        for (size_t n = 0; n < tally->rows; n++)
            mean += (double)row_of(split, n, &row)->target[split->row[n] * K + k];
        mean /= (double)tally->rows;
        for (size_t n = 0; n < tally->rows; n++) {
            double wanted = (double)row_of(split, n, &row)->target[split->row[n] * K + k];
            double error = (double)found->output[n * K + k] - wanted;
            sums->error2 += error * error;
            sums->absolute += error < 0 ? -error : error;
            sums->spread += (wanted - mean) * (wanted - mean);
        }
    }
    return WEFT_OK;
}

weft_status tally_split(const struct evaluator *evaluator, const struct split *split, struct tally *tally)
{
    enum task task = evaluator->dataset->task;
    struct inference found;
    *tally = (struct tally){.task = task};
    weft_status st = evaluate_infer(evaluator, split, task != TASK_CLASSES, &found);
    if (st != WEFT_OK)
        return st;
    tally->rows = found.rows;
    tally->outputs = found.outputs;
    tally->loss = found.loss;
    switch (task) {
    case TASK_CLASSES: st = count_classes(split, &found, tally); break;
    case TASK_LABELS: st = count_labels(split, &found, tally); break;
    case TASK_REGRESSION: st = sum_values(split, &found, tally); break;
    }
    inference_clear(&found);
    return st;
}

void tally_clear(struct tally *tally)
{
    memory_free(tally->confusion);
    memory_free(tally->label);
    memory_free(tally->value);
    *tally = (struct tally){0};
}

double value_r2(const struct value_sums *sums)
{
    if (sums->spread == 0)
        return sums->error2 == 0 ? 1 : 0;
    return 1 - sums->error2 / sums->spread;
}

double tally_r2(const struct tally *tally)
{
    double sum = 0;
    for (size_t k = 0; k < tally->outputs; k++)
        sum += value_r2(&tally->value[k]);
    return sum / (double)tally->outputs;
}

double tally_mean_absolute_error(const struct tally *tally)
{
    double sum = 0;
    for (size_t k = 0; k < tally->outputs; k++)
        sum += tally->value[k].absolute;
    return sum / ((double)tally->outputs * (double)tally->rows);
}
