/* Numbers that run away, in whatever part of the state: the run ends with WEFT_ENONFINITE, and every checkpoint on disk is from
 * before it, all of its numbers finite. Saved so often that there is every chance to save one that is not. */
#include "run_samples.h"

#include <math.h>

#include "store/checkpoint.h"
#include "train/trainer.h"

#define TINY "data.source=digits:?train=40&test=10; train.batch_size=10; network.hidden=3; run.threads=1; checkpoint.keep=100; "

/* ---- the disk ---- */

static bool is_of_the_state(const char *path)
{
    return strncmp(path, "/layers/", 8) == 0 || strncmp(path, "/optimizer/", 11) == 0;
}

static void expect_finite(const char *file)
{
    struct snapshot *s;
    size_t looked_at = 0;
    assert_ok(checkpoint_load(file, false, &s));
    for (size_t i = 0; i < s->array_count; i++) {
        const struct array *array = &s->array[i];
        if (!is_of_the_state(array->path))
            continue;
        assert_int_equal(array->type, ARRAY_F32);
        for (size_t j = 0; j < array->count; j++)
            if (!isfinite(((const float *)array->data)[j]))
                fail_msg("%s: %s[%zu] is %g", file, array->path, j, (double)((const float *)array->data)[j]);
        looked_at += array->count;
    }
    assert_true(looked_at > 0);
    snapshot_destroy(s);
}

/* Returns how many checkpoints there are. */
static size_t expect_finite_checkpoints(const char *name)
{
    size_t count = 0;
    DIR *stream = opendir(in_scratch(name));
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, "step-", 5) == 0) {
            expect_finite(file_of(name, entry->d_name));
            count++;
        }
    closedir(stream);
    return count;
}

static void expect_nonfinite(weft_status st, const char *which)
{
    if (st != WEFT_ENONFINITE)
        fail_msg("%s: %s: %s", which, weft_strerror(st), weft_last_error());
    assert_int_equal(weft_exit_code(st), 65);
    assert_true(expect_finite_checkpoints("run") >= 1);
}

/* ---- rates and data ---- */

static const char *const optimizer[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"};

static void too_large_a_rate_ends_every_optimizer(void **state)
{
    (void)state;
    static const char *const rate[] = {"1e3", "1e20", "1e30"}, *const norm[] = {"none", "before", "after"};
    size_t ended = 0;
    for (size_t o = 0; o < COUNT(optimizer); o++)
        for (size_t r = 0; r < COUNT(rate); r++)
            for (size_t n = 0; n < COUNT(norm); n++) {
                char more[500];
                struct watch watch = {0};
                snprintf(more, sizeof more, TINY "optimizer.name=%s; optimizer.learning_rate=%s; network.batch_norm=%s; train.steps=6; "
                         "network.dropout=0; regularization.l2=%s; train.evaluate_every=2 steps; checkpoint.every=1 steps",
                         optimizer[o], rate[r], norm[n], r != 1 ? "0" : "1e20");
                weft_status st = train("run", more, &watch);
                if (st != WEFT_OK)
                    expect_nonfinite(st, more);
                ended += st != WEFT_OK;
                assert_true(expect_finite_checkpoints("run") >= 1);
                scratch_clear(NULL);
            }
    print_message("%zu of %zu runs ended by it\n", ended, COUNT(optimizer) * COUNT(rate) * COUNT(norm));
    assert_true(ended >= COUNT(optimizer) * COUNT(norm));
}

/* ---- one number ---- */

enum part { PARAMETER, RUNNING, FIRST_MOMENT, SECOND_MOMENT, PARTS };
static const char *const part_name[PARTS] = {"parameter", "running statistic", "first moment", "second moment"};
static enum part part;
static size_t element;
static float value;
static uint64_t put_at_step;
static bool is_put;

/* After the evaluation of a step. One is not saved, so the next step has to notice; the other is, so the save has to. */
static void put_value(struct watch *watch, const weft_event *event)
{
    struct training *t = &watch->trainer->training;
    if (event->kind != WEFT_EVENT_EVALUATED || event->step != put_at_step)
        return;
    (void)writer_wait(watch->trainer->writer);          /* it is free for the save that is due */
    float *array[PARTS] = {t->net.parameter, t->net.running, t->optimizer.moments > 0 ? t->optimizer.moment[0] : NULL,
                           t->optimizer.moments > 1 ? t->optimizer.moment[1] : NULL};
    const struct tensor *tensor = part == RUNNING ? t->net.running_tensor : t->net.tensor;
    size_t tensors = part == RUNNING ? t->net.running_tensors : t->net.tensors;
    is_put = array[part] != NULL && tensors > 0;
    if (is_put)
        array[part][tensor[element % 2 % tensors].offset] = value;
}

static void one_number_that_is_not_finite_is_never_saved(void **state)
{
    (void)state;
    static const float bad[] = {INFINITY, -INFINITY, NAN};
    size_t cases = 0;
    for (size_t o = 0; o < COUNT(optimizer); o++)
        for (part = PARAMETER; part < PARTS; part++)
            for (element = 0; element < 4; element++) {
                put_at_step = 3 + element / 2;
                char more[500], which[600];
                struct watch watch = {.hook = put_value};
                value = bad[(element + o) % COUNT(bad)];
                snprintf(more, sizeof more, TINY "optimizer.name=%s; train.steps=8; train.evaluate_every=1 steps; "
                         "checkpoint.every=2 steps; train.evaluate=validation", optimizer[o]);
                weft_status st = train("run", more, &watch);
                snprintf(which, sizeof which, "%s, %s of tensor %zu is %g after step %zu", optimizer[o], part_name[part],
                         element % 2, (double)value, (size_t)put_at_step);
                if (is_put)
                    expect_nonfinite(st, which);
                else
                    assert_int_equal(st, WEFT_OK);
                cases += is_put;
                scratch_clear(NULL);
            }
    print_message("%zu cases\n", cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(too_large_a_rate_ends_every_optimizer),
        TEST(one_number_that_is_not_finite_is_never_saved),
    };
    return cmocka_run_group_tests_name("nonfinite", tests, run_scratch_make, scratch_remove);
}
