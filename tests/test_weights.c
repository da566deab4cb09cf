/* The numbers of a layer: as they are in the file, to the last bit, and as text in columns that stay aligned. */
#include "run_samples.h"

#include <float.h>
#include <limits.h>
#include <math.h>

#include "store/checkpoint.h"

static struct snapshot *file;                   /* of a run of 784-8-10 with batch-norm, after 2 steps */

static int make_run(void **state)
{
    if (run_scratch_make(state) != 0)
        return -1;
    train_undisturbed("run", "train.steps=2");
    return checkpoint_load(in_scratch("run/last.h5"), false, &file) == WEFT_OK ? 0 : -1;
}

static int free_run(void **state)
{
    snapshot_destroy(file);
    return scratch_remove(state);
}

/* These floats are that array of the file; neither is there if it has none. */
static void assert_array(const float *x, size_t layer, const char *name)
{
    char path[64];
    snprintf(path, sizeof path, "/layers/%02zu/%s", layer, name);
    const struct array *array = snapshot_find_array(file, path);
    assert_true((array != NULL) == (x != NULL));
    if (array != NULL)
        assert_memory_equal(x, array->data, array->size_bytes);
}

static void assert_layer(const weft_layer_weights *layer, size_t number)
{
    assert_int_equal(layer->layer, number);
    assert_int_equal(layer->fan_in, number == 1 ? 784 : 8);
    assert_int_equal(layer->fan_out, number == 1 ? 8 : 10);
    assert_string_equal(layer->activation, number == 1 ? "relu" : "softmax");
    assert_true((layer->gamma != NULL) == (number == 1));
    assert_array(layer->weight, number, "weight");
    assert_array(layer->bias, number, "bias");
    assert_array(layer->gamma, number, "batch_norm/gamma");
    assert_array(layer->beta, number, "batch_norm/beta");
    assert_array(layer->running_mean, number, "batch_norm/running_mean");
    assert_array(layer->running_variance, number, "batch_norm/running_variance");
}

static void layers_are_as_in_the_file(void **state)
{
    (void)state;
    static const struct { int layer; size_t first, count; } wanted[] = {
        {1, 1, 1}, {2, 2, 1}, {WEFT_LAYER_OUTPUT, 2, 1}, {WEFT_LAYERS_ALL, 1, 2}};
    for (size_t i = 0; i < COUNT(wanted); i++) {
        weft_weights weights;
        assert_ok(weft_checkpoint_weights(in_scratch("run"), wanted[i].layer, 0, &weights));
        assert_non_null(strstr(weights.path, "run/last.h5"));
        assert_true(weights.step == 2 && weights.network_layers == 2 && weights.layers == wanted[i].count);
        for (size_t l = 0; l < weights.layers; l++)
            assert_layer(&weights.layer[l], wanted[i].first + l);
        weft_weights_clear(&weights);
        assert_true(weights.layers == 0 && weights.layer == NULL);
        weft_weights_clear(&weights);
    }
}

static void what_is_no_layer_is_refused(void **state)
{
    (void)state;
    static const int layer[] = {0, 3, 4, -3, INT_MAX, INT_MIN};
    weft_weights weights;
    for (size_t i = 0; i < COUNT(layer); i++) {
        assert_int_equal(weft_checkpoint_weights(in_scratch("run"), layer[i], 0, &weights), WEFT_EINVAL);
        assert_non_null(strstr(weft_last_error(), "the network has 2 layers"));
        assert_non_null(strstr(weft_last_error(), "run/last.h5"));
        assert_true(weights.layer == NULL && weights.layers == 0);
    }
    assert_int_equal(weft_checkpoint_weights(in_scratch("nothing"), 1, 0, &weights), WEFT_ENOINPUT);
    assert_null(weights.layer);
}

/* A byte that was changed: only who asks for it gets the numbers. */
static void unsealed_files_are_taken_on_request(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = get_file(in_scratch("run/last.h5"), &size);
    put_file(in_scratch("open.h5"), bytes, size - 64);          /* without its seal */
    free(bytes);
    weft_weights weights;
    assert_int_equal(weft_checkpoint_weights(in_scratch("open.h5"), 1, 0, &weights), WEFT_EDAMAGED);
    assert_ok(weft_checkpoint_weights(in_scratch("open.h5"), 1, 1, &weights));
    assert_layer(&weights.layer[0], 1);
    weft_weights_clear(&weights);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    size_t n = 1;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK; n++) {
        weft_weights weights;
        memory_fail_from(n);
        st = weft_checkpoint_weights(in_scratch("run"), WEFT_LAYERS_ALL, 0, &weights);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        assert_true((weights.layer != NULL) == (st == WEFT_OK));
        weft_weights_clear(&weights);
    }
    assert_true(n > 10);
}

/* ---- as text ---- */

static char *report_of(const weft_weights *weights)
{
    char *text;
    size_t length;
    FILE *stream = open_memstream(&text, &length);
    assert_non_null(stream);
    assert_ok(weft_report_weights(weights, stream));
    assert_int_equal(fclose(stream), 0);
    return text;
}

static void numbers_stay_in_their_columns(void **state)
{
    (void)state;
    float weight[] = {0.25f, -1e-30f, 1e3f, -0.0f, -9999.9f, 10000, 0.001f, 9.9999e-4f, -FLT_MAX, 0, INFINITY, NAN};
    float bias[] = {FLT_TRUE_MIN, -123.5f}, gamma[] = {1, 2}, beta[] = {0, -1}, mean[] = {3, 4}, variance[] = {5, 6};
    weft_layer_weights layer[] = {
        {.layer = 1, .fan_in = 6, .fan_out = 2, .weight = weight, .bias = bias, .gamma = gamma, .beta = beta, .running_mean = mean,
         .running_variance = variance},
        {.layer = 12, .fan_in = 1, .fan_out = 1, .weight = weight, .bias = gamma}};
    weft_weights weights = {.layers = 2, .layer = layer};
    char *text = report_of(&weights);
    assert_string_equal(text, "layer 01: W 6 x 2, float32\n"
                              "     0.250000 -1.00000e-30\n"
                              "  1000.000000           -0\n"
                              " -9999.900391  1.00000e+04\n"
                              "     0.001000  9.99990e-04\n"
                              " -3.40282e+38            0\n"
                              "          inf          nan\n"
                              "layer 01: bias 2, float32\n"
                              "  1.40130e-45  -123.500000\n"
                              "layer 01: gamma 2, float32\n"
                              "     1.000000     2.000000\n"
                              "layer 01: beta 2, float32\n"
                              "            0    -1.000000\n"
                              "layer 01: running mean 2, float32\n"
                              "     3.000000     4.000000\n"
                              "layer 01: running variance 2, float32\n"
                              "     5.000000     6.000000\n"
                              "layer 12: W 1 x 1, float32\n"
                              "     0.250000\n"
                              "layer 12: bias 1, float32\n"
                              "     1.000000\n");
    free(text);
}

/* Any float: 13 characters, a blank first, and read back to what it says to some digits. */
static void any_number_has_its_width(void **state)
{
    (void)state;
    uint32_t bits = 1;
    for (size_t i = 0; i < 200000; i++, bits = bits * 1664525 + 1013904223) {
        float x;
        memcpy(&x, &bits, sizeof x);
        weft_layer_weights layer = {.layer = 1, .fan_in = 1, .fan_out = 1, .weight = &x};
        char *text = report_of(&(weft_weights){.layers = 1, .layer = &layer}), *line = strchr(text, '\n') + 1;
        if (strlen(line) != 14 || line[0] != ' ')
            fail_msg("%a: '%s'", (double)x, line);
        double exact = (double)x, bound = fabs(exact) * 6e-6 + (fabs(exact) < 0.001 ? 0 : 5e-7);
        if (isfinite(x) && !(fabs(strtod(line, NULL) - exact) <= bound))
            fail_msg("%a: '%s'", (double)x, line);
        free(text);
    }
}

static void a_full_stream_is_reported(void **state)
{
    (void)state;
    float number = 1;
    weft_layer_weights layer = {.layer = 1, .fan_in = 1, .fan_out = 1, .weight = &number, .bias = &number};
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    setvbuf(full, NULL, _IONBF, 0);
    assert_int_equal(weft_report_weights(&(weft_weights){.layers = 1, .layer = &layer}, full), WEFT_EIO);
    fclose(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_are_as_in_the_file),
        cmocka_unit_test(what_is_no_layer_is_refused),
        cmocka_unit_test(unsealed_files_are_taken_on_request),
        cmocka_unit_test(memory_may_be_short),
        cmocka_unit_test(numbers_stay_in_their_columns),
        cmocka_unit_test(any_number_has_its_width),
        cmocka_unit_test(a_full_stream_is_reported),
    };
    return cmocka_run_group_tests_name("weights", tests, make_run, free_run);
}
