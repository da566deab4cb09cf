/* A run as its files tell it (weft_run_read), against what the trainer said of it. */
#include "run_samples.h"

#include <math.h>

#include "store/checkpoint.h"
#include "store/file.h"
#include "weft/run.h"

static weft_run read_run(const char *name)
{
    weft_run run_read;
    assert_ok(weft_run_read(in_scratch(name), &run_read));
    return run_read;
}

static void assert_evaluated_alike(const weft_evaluation *a, const weft_evaluation *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->outputs, b->outputs);
    assert_true(a->loss == b->loss && a->cost == b->cost && a->accuracy == b->accuracy);
    assert_memory_equal(a->confusion, b->confusion, a->outputs * a->outputs * sizeof *a->confusion);
    assert_memory_equal(a->per_class, b->per_class, a->outputs * sizeof *a->per_class);
}

static void a_run_that_is_over_tells_what_the_trainer_told(void **state)
{
    (void)state;
    static const char *const split[WEFT_RUN_SPLITS] = {"train", "validation", "test"};
    struct watch watch = {0};
    assert_ok(create("run", "", &watch));
    assert_ok(run(&watch));
    weft_run r = read_run("run");
    assert_string_equal(r.name, "run");
    assert_string_equal(r.task, "classes");
    assert_true(r.is_over);
    assert_int_equal(r.steps, STEPS);
    assert_int_equal(r.steps_per_epoch, 7);
    assert_int_equal(r.model_step, STEPS);
    assert_string_equal(r.last.weights_digest, watch.summary.weights_digest);
    for (size_t s = 0; s < WEFT_RUN_SPLITS; s++) {
        assert_evaluated_alike(&r.evaluation[s], weft_trainer_evaluation(watch.trainer, split[s]));
        assert_int_equal(r.history[s].rows, 5);
        const weft_history_row *last = &r.history[s].row[4];
        assert_int_equal(last->step, STEPS);
        assert_true(last->loss == r.evaluation[s].loss && last->accuracy == r.evaluation[s].accuracy && isnan(last->r2));
    }
    assert_int_equal(r.pictures, 8);
    assert_int_equal(r.picture[0].height, 28);
    assert_true(r.statistics > 4 && r.statistic[0].rows == 5 && r.statistic[0].row[4].step == STEPS);
    assert_string_equal(r.statistic[0].name, "01/weight");
    assert_true(r.tensor[0].mean_abs == r.statistic[0].row[4].mean_abs);
    assert_true(r.elapsed_s >= r.training_time_s && r.training_time_s >= 0);
    assert_non_null(strstr(r.source, "digits:"));
    weft_run_clear(&r);
    weft_run_clear(&r);
    destroy(&watch);
}

/* Red where the weight is above 0, blue where it is below, white at 0; the largest has the full colour. */
static void pictures_show_the_weights(void **state)
{
    (void)state;
    train_undisturbed("run", "");
    weft_run r = read_run("run");
    weft_weights weights;
    assert_ok(weft_checkpoint_weights(in_scratch("run"), 1, 0, &weights));
    const weft_layer_weights *first = &weights.layer[0];
    for (size_t unit = 0; unit < r.pictures; unit++) {
        const weft_picture *picture = &r.picture[unit];
        double largest = 0;
        for (size_t i = 0; i < first->fan_in; i++)
            largest = fmax(largest, fabs((double)first->weight[i * first->fan_out + unit]));
        assert_true(picture->largest_weight == largest);
        for (size_t i = 0; i < first->fan_in; i++) {
            double w = (double)first->weight[i * first->fan_out + unit] / largest;
            const uint8_t *rgb = picture->rgb + 3 * i;
            assert_true(fabs(255 * (1 - fabs(w)) - rgb[1]) <= 3);
            assert_true(w > 0.02 ? rgb[0] == 255 && rgb[2] < 255 : w < -0.02 ? rgb[2] == 255 && rgb[0] < 255 : rgb[1] > 245);
        }
    }
    weft_weights_clear(&weights);
    weft_run_clear(&r);
}

/* An early stop that restores the best model: figures, tensors and pictures are of that one. */
static void the_best_model_is_the_one_that_is_left(void **state)
{
    (void)state;
    static const char STOPS[] = "train.epochs=40; train.early_stop=validation_loss; train.patience=3 steps; optimizer.learning_rate=0.3";
    struct watch watch = {0};
    assert_ok(train("run", STOPS, &watch));
    assert_true(watch.summary.best_step < (int64_t)watch.summary.steps);        /* else this test shows nothing */
    weft_run r = read_run("run");
    weft_checkpoint_info best = info_of("run", "best.h5");
    assert_true(r.is_over && r.is_best);
    assert_int_equal(r.model_step, watch.summary.best_step);
    assert_int_equal(r.last.step, watch.summary.steps);
    assert_true(r.tensor[0].l2_norm == best.tensor[0].l2_norm);
    assert_true(r.evaluation[WEFT_RUN_VALIDATION].loss == watch.summary.best_value);
    weft_checkpoint_info_clear(&best);
    weft_run_clear(&r);
}

/* Stopped in the middle there are no figures; a longer run has none of its shorter self's. */
static void figures_are_of_this_end_of_the_run(void **state)
{
    (void)state;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED, .stop_step = 6};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    weft_run r = read_run("run");
    assert_true(!r.is_over && r.evaluation[WEFT_RUN_TEST].rows == 0 && r.steps == 6 && r.history[WEFT_RUN_TEST].rows == 2);
    weft_run_clear(&r);

    struct watch rest = {0};
    assert_ok(resume("run", 1, &rest));
    r = read_run("run");
    assert_true(r.is_over && r.evaluation[WEFT_RUN_TEST].rows == 60);
    weft_run_clear(&r);
    train_undisturbed("same", "");
    assert_same_file("run", "same", "evaluation.h5");

    struct watch longer = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED, .stop_step = 18};
    assert_ok(reopen("run", (weft_resume_options){.epochs = 4}, &longer));
    assert_int_equal(run(&longer), WEFT_ESTOPPED);
    destroy(&longer);
    r = read_run("run");
    assert_true(!r.is_over && r.evaluation[WEFT_RUN_TEST].rows == 0);
    weft_run_clear(&r);
}

/* Two calls: the first took 3 s, the second, which evaluated late, 5 s, and a line was cut off. */
static void seconds_are_added_up(void **state)
{
    (void)state;
    static const struct { const char *text; double elapsed_s, training_time_s; } timing[] = {
        {"step,elapsed_s,training_time_s,samples_per_s\n1,1,0.5,9\n2,3,2,9\n2,0,0,0\n3,5,4,9\n4,7", 8, 6},
        {"step,elapsed_s,training_time_s,samples_per_s\n", 0, 0},
        {"step,elapsed_s,training_time_s,samples_per_s\n1,1,0.5,9\n1,0,0,0\n1,0,0,0\n2,0.5,0.25,1\n", 1.5, 0.75},
        {"1,1,0.5,9\n2,nan,1,9\n3,inf,inf,9\n4, 2,1,9\n5,3;5,2,9\n\n,,,\n", 1, 0.5},          /* no numbers */
    };
    train_undisturbed("run", "");
    for (size_t i = 0; i < COUNT(timing); i++) {
        put_file(file_of("run", "timing.csv"), timing[i].text, strlen(timing[i].text));
        weft_run r = read_run("run");
        assert_true(r.elapsed_s == timing[i].elapsed_s && r.training_time_s == timing[i].training_time_s);
        weft_run_clear(&r);
    }
    assert_int_equal(unlink(file_of("run", "timing.csv")), 0);
    weft_run r = read_run("run");
    assert_true(isnan(r.elapsed_s) && isnan(r.training_time_s));
    weft_run_clear(&r);
}

static void a_resumed_call_begins_with_zeros(void **state)
{
    (void)state;
    size_t size;
    struct watch watch = {.hook = stop_at, .stop_kind = WEFT_EVENT_EVALUATED, .stop_step = 6};
    assert_int_equal(train("run", "", &watch), WEFT_ESTOPPED);
    struct watch rest = {0}, again = {0};
    assert_ok(resume("run", 1, &rest));
    char *text = (char *)get_file(file_of("run", "timing.csv"), &size);
    assert_non_null(strstr(text, "\n6,0,0,0\n"));
    free(text);
    assert_ok(resume("run", 1, &again));                        /* nothing is left to train */
    text = (char *)get_file(file_of("run", "timing.csv"), &size);
    assert_null(strstr(text, "\n14,0,0,0\n"));
    free(text);
}

static void what_is_no_run_is_refused(void **state)
{
    (void)state;
    weft_run r;
    assert_int_equal(weft_run_read(in_scratch("nothing"), &r), WEFT_ENOINPUT);
    assert_ok(file_make_directory(in_scratch("empty")));
    assert_int_equal(weft_run_read(in_scratch("empty"), &r), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), "last.h5"));
    train_undisturbed("run", "");
    assert_int_equal(weft_run_read(file_of("run", "last.h5"), &r), WEFT_ENOINPUT);
    assert_non_null(strstr(weft_last_error(), "wanted the run's directory"));
    size_t size;
    unsigned char *bytes = get_file(file_of("run", "evaluation.h5"), &size);
    bytes[size / 2] ^= 1;
    put_file(file_of("run", "evaluation.h5"), bytes, size);
    assert_int_equal(weft_run_read(in_scratch("run"), &r), WEFT_EDAMAGED);
    free(bytes);
    weft_run_clear(&r);
}

/* A sealed file may say anything. Each change is made to a file that is whole. */
static void change_history(struct snapshot *last)
{
    ((int64_t *)snapshot_find_array(last, "/history/test/step")->data)[2] = 3;          /* 3, 6, 3 */
}

static void change_statistics(struct snapshot *last)
{
    ((int64_t *)snapshot_find_array(last, "/statistics/01/weight/step")->data)[4] = INT64_MAX;
}

static void change_losses(struct snapshot *last)
{
    ((struct attribute *)snapshot_find_attribute(last, "/", "step"))->integer = INT64_C(1) << 62;
}

static void change_picture(struct snapshot *last)
{
    struct array *unit = (struct array *)snapshot_find_array(last, "/images/01/unit_03");
    unit->dim[0] /= 2;
    unit->count /= 2;
    unit->size_bytes /= 2;
}

static void add_pictures(struct snapshot *last)
{
    size_t dim[] = {28, 28};
    void *pixels;
    for (size_t i = 0; i < 256; i++) {
        char path[64];
        snprintf(path, sizeof path, "/images/01/unit_%zu", 1000 + i);
        assert_ok(snapshot_put_space(last, path, ARRAY_U8, ROLE_IMAGE_INDEXED, 2, dim, &pixels));
        assert_ok(snapshot_put_real(last, path, "largest_weight", 1));
    }
}

static void what_contradicts_itself_is_refused(void **state)
{
    (void)state;
    static const struct { void (*change)(struct snapshot *last); const char *message; } wrong[] = {
        {change_history, "/history/test: found step 3 behind step 6"}, {change_statistics, "found step 9223372036854775807"},
        {change_losses, "/history/step/loss"}, {change_picture, "found 14 x 28 pixels, wanted the 28 x 28"},
        {add_pictures, "found pictures of 264 units, wanted 256 at most"},
    };
    train_undisturbed("run", "");
    train_undisturbed("whole", "");
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct snapshot *last;
        weft_run r, nothing = {0};
        assert_ok(checkpoint_load(file_of("whole", "last.h5"), false, &last));
        wrong[i].change(last);
        assert_ok(checkpoint_save(file_of("run", "last.h5"), last));
        snapshot_destroy(last);
        assert_int_equal(weft_run_read(in_scratch("run"), &r), WEFT_EDAMAGED);
        if (strstr(weft_last_error(), wrong[i].message) == NULL)
            fail_msg("%s", weft_last_error());
        assert_memory_equal(&r, &nothing, sizeof r);
    }
}

static void short_memory_is_told(void **state)
{
    (void)state;
    size_t failures = 0;
    train_undisturbed("run", "");
    for (size_t n = 1;; n += 1 + n / 16) {
        weft_run r;
        memory_fail_from(n);
        weft_status st = weft_run_read(in_scratch("run"), &r);
        memory_fail_from(0);
        weft_run_clear(&r);
        if (st == WEFT_OK)
            break;
        assert_int_equal(st, WEFT_ENOMEM);
        failures++;
    }
    assert_true(failures > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_run_that_is_over_tells_what_the_trainer_told, scratch_clear),
        cmocka_unit_test_teardown(pictures_show_the_weights, scratch_clear),
        cmocka_unit_test_teardown(the_best_model_is_the_one_that_is_left, scratch_clear),
        cmocka_unit_test_teardown(figures_are_of_this_end_of_the_run, scratch_clear),
        cmocka_unit_test_teardown(seconds_are_added_up, scratch_clear),
        cmocka_unit_test_teardown(a_resumed_call_begins_with_zeros, scratch_clear),
        cmocka_unit_test_teardown(what_is_no_run_is_refused, scratch_clear),
        cmocka_unit_test_teardown(what_contradicts_itself_is_refused, scratch_clear),
        cmocka_unit_test_teardown(short_memory_is_told, scratch_clear),
    };
    return cmocka_run_group_tests_name("run", tests, run_scratch_make, scratch_remove);
}
