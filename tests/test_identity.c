/* The settings that may change a trained bit, taken out one by one and put back, and their digest. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <xxhash.h>

#include "support.h"

static void assert_text(const weft_settings *s, const char *name, const char *wanted)
{
    char text[SETTING_TEXT_SIZE_BYTES];
    assert_int_equal(weft_settings_get(s, name, text, sizeof text), WEFT_OK);
    assert_string_equal(text, wanted);
}

/* A run's identity, taken out value by value and put into other settings, is the same identity. */
static void identity_goes_round(void **state)
{
    (void)state;
    weft_settings *s = settings_of(""), *t = settings_of("");
    static const char *const assignment[] = {
        "network.hidden=20,7,5", "network.activation=tanh,relu,sigmoid", "network.dropout=0.1,0.30000000000000004,0",
        "train.seed=9223372036854775807", "optimizer.learning_rate=0.1234567890123456", "train.patience=100 steps",
        "network.batch_norm_affine=no", "train.evaluate=train", "regularization.l2_form=decoupled",
        "train.class_weights=1.2345678901234568e-300, 1, 3", "data.stratified=yes", "schedule.every=7 epochs",
        "schedule.metric=none", "network.output=sigmoid", "train.label_smoothing=0.1",
    };
    for (size_t i = 0; i < COUNT(assignment); i++)
        assert_int_equal(weft_settings_assign(s, assignment[i]), WEFT_OK);
    for (size_t i = 0; i < settings_identity_count(); i++) {
        char text[SETTING_TEXT_SIZE_BYTES];
        struct setting_value value;
        settings_identity_get(s, i, &value, text);
        assert_int_equal(settings_identity_set(t, &value), WEFT_OK);
    }
    for (size_t i = 0; i < weft_settings_count(); i++) {
        char text[SETTING_TEXT_SIZE_BYTES];
        const char *name = weft_settings_info(i)->name;
        assert_int_equal(weft_settings_get(s, name, text, sizeof text), WEFT_OK);
        assert_text(t, name, text);
    }
    struct setting_value bad[] = {
        {.name = "train.seed", .type = SETTING_REAL, .real = 1},
        {.name = "train.seed", .type = SETTING_INTEGER, .integer = -1},
        {.name = "train.seed", .type = SETTING_TEXT, .text = "1"},
        {.name = "train.sed", .type = SETTING_INTEGER, .integer = 1},
        {.name = "optimizer.learning_rate", .type = SETTING_REAL, .real = (double)NAN},
        {.name = "optimizer.learning_rate", .type = SETTING_REAL, .real = (double)INFINITY},
        {.name = "optimizer.learning_rate", .type = SETTING_REAL, .real = -1},
        {.name = "network.hidden", .type = SETTING_TEXT, .text = "x"},
        {.name = "train.class_weights", .type = SETTING_TEXT, .text = "1, 0"},
        {.name = "train.class_weights", .type = SETTING_REAL, .real = 1},
        {.name = "data.validation", .type = SETTING_TEXT, .text = "none"},
        {.name = "run.threads", .type = SETTING_INTEGER, .integer = 1},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(settings_identity_set(t, &bad[i]), WEFT_ESETTINGS);
    weft_settings_destroy(s);
    weft_settings_destroy(t);
}

/* The digest changes with every setting of the identity and with no other. */
static void digest_is_of_the_identity(void **state)
{
    (void)state;
    char digest[SETTINGS_DIGEST_SIZE_BYTES], other[SETTINGS_DIGEST_SIZE_BYTES];
    weft_settings *s = settings_of("");
    settings_digest(s, digest);
    assert_int_equal(strlen(digest), 32);
    assert_int_equal(strspn(digest, "0123456789abcdef"), 32);
    static const char *const candidates[] = {
        "0.5", "4", "3 steps", "test", "yes", "no", "tanh", "none", "gaussian", "before", "shard", "lambda", "sgd", "cosine",
        "test_loss", "drop", "idx:x", "3 s", "local", "mean", "sigmoid", "mse", "sqrt", "balanced",
    };
    for (size_t i = 0; i < weft_settings_count(); i++) {
        const weft_setting_info *info = weft_settings_info(i);
        weft_settings *t = weft_settings_copy(s);
        bool changed = false;
        for (size_t c = 0; c < COUNT(candidates) && !changed; c++) {
            char text[64];
            changed = weft_settings_set(t, info->name, candidates[c]) == WEFT_OK &&
                      weft_settings_get(t, info->name, text, sizeof text) == WEFT_OK && strcmp(text, info->preset) != 0;
        }
        settings_digest(t, other);
        bool same = strcmp(digest, other) == 0;
        if (changed && same != !info->identity)
            fail_msg("%s: the digest %s", info->name, same ? "stayed" : "changed");
        if (!changed)
            fail_msg("%s takes none of the candidates", info->name);
        weft_settings_destroy(t);
    }
    weft_settings_destroy(s);
}

/* XXH3-128 of a line for each setting that is not at its default, in the order of the table, whatever the order in which they
 * were set. So a setting that comes later, at a default that changes nothing, leaves the digests of older runs alone. */
static void digest_is_of_what_differs_from_the_defaults(void **state)
{
    (void)state;
    static const struct { const char *assignments, *lines; } row[] = {
        {"", ""},
        {"train.seed=5", "train.seed=5\n"},
        {"train.seed=5; train.seed=1", ""},
        {"network.activation=relu; optimizer.learning_rate=1e-3; network.hidden=128", ""},      /* said, and no different */
        {"train.seed=5; network.hidden=20,7; run.threads=3; data.validation=digits:", "network.hidden=20, 7\ntrain.seed=5\n"},
        {"train.class_weights=1,2; data.stratified=yes; schedule.every=2 epochs",
         "data.stratified=yes\nschedule.every=2 epochs\ntrain.class_weights=1, 2\n"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_settings *s = settings_of(row[i].assignments);
        char digest[SETTINGS_DIGEST_SIZE_BYTES], want[SETTINGS_DIGEST_SIZE_BYTES];
        XXH128_hash_t hash = XXH3_128bits(row[i].lines, strlen(row[i].lines));
        snprintf(want, sizeof want, "%016llx%016llx", (unsigned long long)hash.high64, (unsigned long long)hash.low64);
        settings_digest(s, digest);
        assert_string_equal(digest, want);
        weft_settings_destroy(s);
    }
}

/* Every list at its longest, of the longest numbers, still fits. */
static void the_longest_identity_has_a_digest(void **state)
{
    (void)state;
    weft_settings *s = settings_of("");
    char digest[SETTINGS_DIGEST_SIZE_BYTES], empty[SETTINGS_DIGEST_SIZE_BYTES], list[SETTING_TEXT_SIZE_BYTES];
    settings_digest(s, empty);
    static const struct { const char *name, *item; size_t count; } of[] = {
        {"network.hidden", "1048576", LAYERS_MAX}, {"network.activation", "leaky_relu", LAYERS_MAX},
        {"network.dropout", "1.2345678901234568e-300", LAYERS_MAX},
        {"train.class_weights", "1.2345678901234568e-300", CLASS_WEIGHTS_MAX},
    };
    for (size_t l = 0; l < COUNT(of); l++) {
        size_t used = 0;
        for (size_t i = 0; i < of[l].count; i++)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i == 0 ? "" : ", ", of[l].item);
        assert_int_equal(weft_settings_set(s, of[l].name, list), WEFT_OK);
        assert_text(s, of[l].name, list);
    }
    settings_digest(s, digest);
    assert_string_not_equal(digest, empty);
    weft_settings_destroy(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity_goes_round),
        cmocka_unit_test(digest_is_of_the_identity),
        cmocka_unit_test(digest_is_of_what_differs_from_the_defaults),
        cmocka_unit_test(the_longest_identity_has_a_digest),
    };
    return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
