/* What the tests of whole training steps share: a training on made-up data, and everything that must stay as it was when a
 * step has failed. */
#ifndef TESTS_STEP_SAMPLES_H
#define TESTS_STEP_SAMPLES_H

#include <stdio.h>

#include "base/memory.h"
#include "kernel/kernel.h"
#include "support.h"
#include "train/training.h"

enum { FEATURES = 19, CLASSES = 5 };

static const char *const strategies[] = {"run.gradient=owned", "run.gradient=local"};

struct fixture {
    weft_settings *settings;
    struct dataset dataset;
    struct training t;
};

struct sample { size_t features, batch, rows, threads; unsigned kind; };        /* of sample_dataset_of */

static inline void fixture_create_training(struct fixture *f, size_t threads)
{
    if (training_create(&f->t, f->settings, &f->dataset, threads) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    network_initialize(&f->t.net, f->settings);
    f->t.step_loss = memory_new((size_t)f->t.total_steps, sizeof *f->t.step_loss);
    assert_non_null(f->t.step_loss);
}

static inline void fixture_open_sample(struct fixture *f, struct sample sample, const char *assignments, const char *strategy)
{
    char all[1024];
    snprintf(all, sizeof all, "train.batch_size=%zu; train.epochs=2; %s; %s", sample.batch, assignments, strategy);
    f->settings = settings_of(all);
    sample_dataset_of(&f->dataset, 5, sample.rows, sample.features, CLASSES, sample.kind);
    if (sample.features % 5 == 0)                       /* features that are not scaled alike, too */
        for (size_t j = 0; j < sample.features; j++) {
            f->dataset.shift[j] += (float)(j % 7);
            f->dataset.scale[j] *= 1 + (float)(j % 3) / 4;
        }
    fixture_create_training(f, sample.threads);
}

static inline void fixture_open(struct fixture *f, const char *assignments, const char *strategy, size_t batch, size_t rows,
                                size_t threads)
{
    fixture_open_sample(f, (struct sample){FEATURES, batch, rows, threads, 0}, assignments, strategy);
}

static inline void fixture_close(struct fixture *f)
{
    training_destroy(&f->t);
    sample_dataset_free(&f->dataset);
    weft_settings_destroy(f->settings);
}

#endif
