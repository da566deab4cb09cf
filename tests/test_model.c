/* A model read from a checkpoint: what has been left out, has another shape or says what cannot be is refused, never
 * followed. The checkpoints are sealed again after each change, so it is the reader that must notice. */
#include "run_samples.h"

#include <math.h>

#include "store/checkpoint.h"
#include "train/model.h"

static struct snapshot *good;                   /* of a small run that is over: step 7 */

static int make_good(void **state)
{
    if (run_scratch_make(state) != 0)
        return -1;
    train_undisturbed("run", "train.epochs=1");
    return checkpoint_load(in_scratch("run/last.h5"), false, &good) == WEFT_OK ? 0 : -1;
}

static int free_good(void **state)
{
    snapshot_destroy(good);
    return scratch_remove(state);
}

/* Load it, evaluate it and look at it; all three must agree about it. */
static weft_status try_file(void)
{
    struct model model;
    weft_checkpoint_info info;
    weft_evaluation evaluation;
    const char *path = in_scratch("altered.h5");
    const weft_evaluate_options options = {.data = "digits:?train=20&test=20"};
    weft_status st = model_load(path, "last.h5", false, &model, NULL);
    if (st == WEFT_OK)
        model_destroy(&model);
    weft_status of_inspection = weft_checkpoint_inspect(path, 0, &info);
    if (of_inspection == WEFT_OK)
        weft_checkpoint_info_clear(&info);
    weft_status of_evaluation = weft_evaluate(path, &options, &evaluation, NULL);
    weft_evaluation_clear(&evaluation);
    assert_int_equal(of_evaluation, st);
    return st != WEFT_OK ? st : of_inspection;
}

static weft_status try_snapshot(void)
{
    assert_ok(checkpoint_save(in_scratch("altered.h5"), good));
    return try_file();
}

static void the_file_as_it_was_is_taken(void **state)
{
    (void)state;
    struct model model;
    struct snapshot *snapshot;
    assert_int_equal(try_snapshot(), WEFT_OK);
    assert_ok(model_load(in_scratch("run"), "best.h5", false, &model, &snapshot));
    assert_non_null(strstr(model.path, "/best.h5"));
    assert_int_equal(model.net.features, 784);
    assert_int_equal(model.net.outputs, 10);
    assert_true(model.height == 28 && model.width == 28 && model.channels == 1 && model.step == 7);
    assert_non_null(snapshot_find_array(snapshot, "/layers/02/weight"));
    snapshot_destroy(snapshot);
    model_destroy(&model);
    model_destroy(&model);
    assert_ok(model_load(in_scratch("run"), "none.h5", false, &model, NULL));
    assert_non_null(strstr(model.path, "/last.h5"));
    model_destroy(&model);
}

/* Does reading a model need it? Statistics, history and pictures are not part of one. */
static bool is_needed(const char *path)
{
    return strncmp(path, "/layers/", 8) == 0 || strncmp(path, "/optimizer/", 11) == 0 || strncmp(path, "/input/", 7) == 0;
}

/* Build a snapshot anew without one array, or with that array in another shape or type. */
enum change { LEFT_OUT, TURNED, FLAT, SHORTER, LONGER, AS_DOUBLES, CHANGES };

static weft_status put_changed(struct snapshot *snapshot, const struct array *a, enum change change)
{
    size_t dim[ARRAY_RANK_MAX] = {a->dim[0], a->dim[1], 1, 1}, rank = a->rank;
    size_t elements = a->count + 2 * (a->count / a->dim[0]);
    double *room = calloc(elements, sizeof *room);              /* enough for every change */
    assert_non_null(room);
    memcpy(room, a->data, a->size_bytes);
    enum array_type type = a->type;
    switch (change) {
    case LEFT_OUT: free(room); return WEFT_OK;
    case TURNED: dim[0] = a->rank == 2 ? a->dim[1] : 1; dim[1] = a->dim[0]; rank = 2; break;
    case FLAT: dim[0] = a->count; rank = a->rank == 2 ? 1 : 3; dim[1] = dim[2] = 1; break;
    case SHORTER: dim[0]--; break;
    case LONGER: dim[0]++; break;
    default: type = ARRAY_F64; memset(room, 0, elements * sizeof *room);
    }
    weft_status st = snapshot_put_array(snapshot, a->path, type, ROLE_PLAIN, rank, dim, room);
    free(room);
    return st;
}

static struct snapshot *copy_with(size_t changed, enum change change)
{
    struct snapshot *copy = snapshot_create();
    assert_non_null(copy);
    for (size_t i = 0; i < good->array_count; i++) {
        const struct array *a = &good->array[i];
        assert_ok(i == changed ? put_changed(copy, a, change)
                               : snapshot_put_array(copy, a->path, a->type, a->role, a->rank, a->dim, a->data));
    }
    for (size_t i = 0; i < good->attribute_count; i++) {
        const struct attribute *a = &good->attribute[i];
        if (strncmp(a->name, "format", 6) == 0)
            continue;
        switch (a->type) {
        case ATTRIBUTE_INTEGER: assert_ok(snapshot_put_integer(copy, a->object, a->name, a->integer)); break;
        case ATTRIBUTE_REAL: assert_ok(snapshot_put_real(copy, a->object, a->name, a->real)); break;
        case ATTRIBUTE_TEXT: assert_ok(snapshot_put_text(copy, a->object, a->name, a->text)); break;
        }
    }
    return copy;
}

static void arrays_must_be_there_in_their_shapes(void **state)
{
    (void)state;
    size_t needed = 0;
    for (size_t i = 0; i < good->array_count; i++)
        for (enum change change = LEFT_OUT; change < CHANGES && is_needed(good->array[i].path); change++, needed++) {
            struct snapshot *copy = copy_with(i, change);
            assert_ok(checkpoint_save(in_scratch("altered.h5"), copy));
            snapshot_destroy(copy);
            if (try_file() != WEFT_EDAMAGED)
                fail_msg("%s, change %d: taken, or another error: %s", good->array[i].path, (int)change, weft_last_error());
        }
    assert_int_equal(needed, CHANGES * (8 + 12 + 2));       /* layers (6 learned, 2 running), their moments, the scaling */
}

/* A statistic that is missing is a figure that is not known. */
static void statistics_may_be_missing(void **state)
{
    (void)state;
    for (size_t i = 0; i < good->array_count; i++) {
        if (strcmp(good->array[i].path, "/statistics/01/weight/update_ratio") != 0)
            continue;
        struct snapshot *copy = copy_with(i, LEFT_OUT);
        weft_checkpoint_info info;
        assert_ok(checkpoint_save(in_scratch("altered.h5"), copy));
        snapshot_destroy(copy);
        assert_ok(weft_checkpoint_inspect(in_scratch("altered.h5"), 0, &info));
        assert_string_equal(info.tensor[0].name, "01/weight");
        assert_true(isnan(info.tensor[0].update_ratio) && info.tensor[0].gradient_l2_norm > 0);
        assert_true(info.tensor[1].update_ratio > 0);
        weft_checkpoint_info_clear(&info);
        return;
    }
    fail_msg("no such array");
}

/* Attributes without which a model cannot be read, or which it does not fit. */
static void attributes_must_fit(void **state)
{
    (void)state;
    static const struct { const char *object, *name; int64_t value; weft_status st; } bad[] = {
        {"/input", "outputs", -1, WEFT_EDAMAGED}, {"/input", "features", 0, WEFT_EDAMAGED}, {"/input", "features", -1, WEFT_EDAMAGED},
        {"/input", "features", 783, WEFT_EDAMAGED}, {"/input", "features", INT64_MAX, WEFT_EDAMAGED},
        {"/input", "outputs", 0, WEFT_EDAMAGED}, {"/input", "outputs", 1, WEFT_EDAMAGED},
        {"/input", "outputs", 9, WEFT_EDAMAGED}, {"/input", "outputs", INT32_MAX, WEFT_EDAMAGED},
        {"/input", "height", 0, WEFT_EDAMAGED}, {"/input", "width", 29, WEFT_EDAMAGED},
        {"/input", "channels", 3, WEFT_EDAMAGED}, {"/input", "channels", INT32_MAX, WEFT_EDAMAGED},
        {"/settings", "train.batch_size", 0, WEFT_ESETTINGS}, {"/settings", "train.batch_size", -1, WEFT_ESETTINGS},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct attribute *attribute = attribute_of(good, bad[i].object, bad[i].name);
        int64_t whole = attribute->integer;
        attribute->integer = bad[i].value;
        weft_status st = try_snapshot();
        attribute->integer = whole;
        if (st != bad[i].st)
            fail_msg("%s %s = %lld: %s", bad[i].object, bad[i].name, (long long)bad[i].value, weft_strerror(st));
    }
}

/* Which task a model does, and what its outputs are called. */
static void task_and_names_must_fit(void **state)
{
    (void)state;
    static const struct { const char *name, *text; weft_status st; size_t names; } row[] = {
        {"task", "classes", WEFT_OK, 0}, {"task", "labels", WEFT_OK, 0}, {"task", "regression", WEFT_OK, 0},
        {"task", "", WEFT_EDAMAGED, 0}, {"task", "Classes", WEFT_EDAMAGED, 0}, {"class_names", "", WEFT_OK, 0},
        {"class_names", "0\n1\n2\n3\n4\n5\n6\n7\n8\nnine", WEFT_OK, 10}, {"class_names", "a\nb", WEFT_EDAMAGED, 0},
        {"class_names", "\n\n\n\n\n\n\n\n\n", WEFT_EDAMAGED, 0},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        struct attribute *attribute = attribute_of(good, "/input", row[i].name);
        char *whole = attribute->text, text[64];
        snprintf(text, sizeof text, "%s", row[i].text);
        attribute->text = text;
        weft_status saved = checkpoint_save(in_scratch("altered.h5"), good);
        attribute->text = whole;
        assert_ok(saved);
        struct model model;
        weft_status st = model_load(in_scratch("altered.h5"), "last.h5", false, &model, NULL);
        if (st != row[i].st)
            fail_msg("%s = %s: %s", row[i].name, row[i].text, weft_strerror(st));
        if (st != WEFT_OK)
            continue;
        assert_int_equal(model.classes.count, row[i].names);
        assert_true(row[i].names == 0 || strcmp(model.classes.name[9], "nine") == 0);
        if (strcmp(row[i].name, "task") == 0)
            assert_string_equal(task_name(model.task), row[i].text);
        model_destroy(&model);
    }
}

/* The settings that lay out the network, changed to others that are fine by themselves. */
static void another_network_does_not_fit(void **state)
{
    (void)state;
    static const struct { const char *name, *text; weft_status st; } bad[] = {
        {"network.hidden", "9", WEFT_EDAMAGED}, {"network.hidden", "8, 8", WEFT_EDAMAGED},
        {"network.hidden", "none", WEFT_EDAMAGED}, {"network.hidden", "1048576", WEFT_EDAMAGED},
        {"network.hidden", "eight", WEFT_ESETTINGS}, {"network.activation", "relu, tanh", WEFT_ESETTINGS},
        {"optimizer.name", "momentum", WEFT_EDAMAGED}, {"optimizer.name", "", WEFT_ESETTINGS},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct attribute *attribute = attribute_of(good, "/settings", bad[i].name);
        char *whole = attribute->text, text[32];
        snprintf(text, sizeof text, "%s", bad[i].text);
        attribute->text = text;
        weft_status st = try_snapshot();
        attribute->text = whole;
        if (st != bad[i].st)
            fail_msg("%s = %s: %s", bad[i].name, bad[i].text, weft_strerror(st));
    }
}

/* A setting that the file was written without has its default; whether that network is the one whose arrays are there is
 * another matter. */
static void expect_default(const char *name, weft_status st)
{
    struct model model;
    char text[SETTING_TEXT_SIZE_BYTES];
    if (st != WEFT_OK) {                        /* a layer of other size */
        assert_string_equal(name, "network.hidden");
        return;
    }
    assert_ok(model_load(in_scratch("altered.h5"), "last.h5", false, &model, NULL));
    assert_ok(weft_settings_get(model.settings, name, text, sizeof text));
    for (size_t i = 0; i < weft_settings_count(); i++)
        if (strcmp(weft_settings_info(i)->name, name) == 0)
            assert_string_equal(text, weft_settings_info(i)->preset);
    model_destroy(&model);
}

/* What a classifier's outputs are, two attributes say: classes, and outputs, which is newer. */
static void every_attribute_may_be_missing(void **state)
{
    (void)state;
    size_t needed = 0, settings = 0;
    for (size_t i = 0; i < good->attribute_count; i++) {
        struct attribute *attribute = &good->attribute[i];
        if (strncmp(attribute->name, "format", 6) == 0)
            continue;
        char name[64];
        snprintf(name, sizeof name, "%s", attribute->name);
        attribute->name[0] = '?';
        weft_status st = try_snapshot();
        attribute->name[0] = name[0];
        bool is_setting = strcmp(attribute->object, "/settings") == 0, is_input = strcmp(attribute->object, "/input") == 0;
        if (st != WEFT_OK && st != WEFT_EDAMAGED)
            fail_msg("%s of %s: %s", name, attribute->object, weft_strerror(st));
        if (is_input && st == WEFT_OK && strcmp(name, "outputs") != 0 && strcmp(name, "classes") != 0)
            fail_msg("%s of %s may be missing", name, attribute->object);
        if (is_setting)
            expect_default(name, st);
        settings += is_setting;
        needed += st != WEFT_OK;
    }
    assert_int_equal(settings, settings_identity_count());
    assert_true(needed > 15);
}

/* Files of a version that knew only classes. */
static void files_of_the_first_version_are_taken(void **state)
{
    (void)state;
    static const char *const newer[] = {"outputs", "task", "class_names"};
    struct attribute *attribute[COUNT(newer)];
    for (size_t i = 0; i < COUNT(newer); i++) {
        attribute[i] = attribute_of(good, "/input", newer[i]);
        attribute[i]->name[0] = '?';
    }
    weft_status st = try_snapshot();
    struct model model;
    assert_ok(model_load(in_scratch("altered.h5"), "last.h5", false, &model, NULL));
    assert_int_equal(model.net.outputs, 10);
    assert_int_equal(model.task, TASK_CLASSES);
    assert_int_equal(model.classes.count, 0);
    model_destroy(&model);
    for (size_t i = 0; i < COUNT(newer); i++)
        attribute[i]->name[0] = newer[i][0];
    assert_int_equal(st, WEFT_OK);
}

static void other_data_must_fit(void **state)
{
    (void)state;
    weft_evaluation e;
    weft_model_info info;
    assert_int_equal(try_snapshot(), WEFT_OK);
    assert_int_equal(weft_evaluate(in_scratch("altered.h5"), NULL, &e, NULL), WEFT_ENOINPUT);    /* no run.ini beside it */
    assert_non_null(strstr(weft_last_error(), "--data"));
    static const struct { const char *data, *split; weft_status st; } bad[] = {
        {"digits:?train=20&test=20", "best", WEFT_EINVAL}, {"digits:?train=9", "tset", WEFT_EINVAL},
        {"idx:/nowhere", NULL, WEFT_ENOINPUT}, {"nothing", NULL, WEFT_ESETTINGS},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const weft_evaluate_options options = {.data = bad[i].data, .split = bad[i].split};
        assert_int_equal(weft_evaluate(in_scratch("altered.h5"), &options, &e, NULL), bad[i].st);
        assert_true(e.confusion == NULL && e.per_class == NULL && e.rows == 0);
    }
    assert_ok(weft_evaluate(in_scratch("run"), NULL, &e, &info));
    assert_string_equal(e.split, "test");
    assert_int_equal(e.rows, 60);
    assert_string_equal(info.data, "digits:?train=300&test=60");
    weft_evaluation_clear(&e);
}

/* run.ini says where the data are. What else somebody wrote into it has no say in how the model is evaluated. */
static void run_ini_only_names_the_data(void **state)
{
    (void)state;
    weft_evaluation before, after;
    const weft_evaluate_options options = {.split = "validation"};
    assert_ok(weft_evaluate(in_scratch("run"), &options, &before, NULL));
    FILE *ini = fopen(in_scratch("run/run.ini"), "w");
    assert_non_null(ini);
    assert_true(fprintf(ini, "[data]\nsource = digits:?train=300&test=60\n[regularization]\nl2 = 100\n[train]\nseed = 7\n") > 0);
    assert_int_equal(fclose(ini), 0);
    assert_ok(weft_evaluate(in_scratch("run"), &options, &after, NULL));
    assert_true(before.cost == after.cost && before.loss == after.loss && before.rows == after.rows);
    weft_evaluation_clear(&before);
    weft_evaluation_clear(&after);
}

static void what_is_no_checkpoint_is_refused(void **state)
{
    (void)state;
    struct model model;
    char long_path[2000];
    memset(long_path, 'a', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(model_load(in_scratch("nothing"), "last.h5", false, &model, NULL), WEFT_ENOINPUT);
    assert_int_equal(model_load(in_scratch(""), "last.h5", false, &model, NULL), WEFT_ENOINPUT);
    assert_int_equal(model_load(long_path, "last.h5", false, &model, NULL), WEFT_ENOINPUT);
    put_file(in_scratch("text"), "no checkpoint", 13);
    assert_int_equal(model_load(in_scratch("text"), "last.h5", false, &model, NULL), WEFT_EDAMAGED);
    struct snapshot *other = sample_new(1);                     /* whole, and of something else */
    assert_ok(checkpoint_save(in_scratch("altered.h5"), other));
    snapshot_destroy(other);
    assert_int_equal(try_file(), WEFT_EDAMAGED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_as_it_was_is_taken),
        cmocka_unit_test(arrays_must_be_there_in_their_shapes),
        cmocka_unit_test(statistics_may_be_missing),
        cmocka_unit_test(attributes_must_fit),
        cmocka_unit_test(task_and_names_must_fit),
        cmocka_unit_test(another_network_does_not_fit),
        cmocka_unit_test(every_attribute_may_be_missing),
        cmocka_unit_test(files_of_the_first_version_are_taken),
        cmocka_unit_test(other_data_must_fit),
        cmocka_unit_test(run_ini_only_names_the_data),
        cmocka_unit_test(what_is_no_checkpoint_is_refused),
    };
    return cmocka_run_group_tests_name("model", tests, make_good, free_good);
}
