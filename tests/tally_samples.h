/* What the tests of a tally and of its figures share: a network that says of a row what the row's values are, so that anybody
 * can tell what it says; and a tally of it. */
#ifndef TESTS_TALLY_SAMPLES_H
#define TESTS_TALLY_SAMPLES_H

#include "data_samples.h"

#include "kernel/kernel.h"
#include "train/tally.h"

struct teller {
    weft_settings *settings;
    struct dataset dataset;
    struct network net;
    struct loss_rule loss;
    struct team team;
    struct workspace space;
    struct evaluator evaluator;
};

/* The logits of a row are its values. The table goes over to the teller; it has a class or targets for each row. */
static inline void teller_open(struct teller *t, const char *assignments, struct table table)
{
    assert_ok(kernel_choose());
    t->settings = data_settings("digits:", assignments);
    assert_ok(weft_settings_set(t->settings, "network.hidden", "none"));
    size_t outputs = table.features;
    if (dataset_from_table(t->settings, "made:", &table, &t->dataset) != WEFT_OK)
        fail_msg("%s: %s", assignments, weft_last_error());
    assert_int_equal(t->dataset.outputs, outputs);
    assert_ok(network_create(&t->net, t->settings, outputs, RAW_F32, outputs));
    for (size_t i = 0; i < outputs; i++)
        t->net.parameter[t->net.layer[0].weight + i * outputs + i] = 1;
    network_pack(&t->net);
    t->loss = loss_rule_of(&t->net, t->settings, t->dataset.train.label != NULL, t->dataset.class_weight);
    assert_ok(team_create(&t->team, 1));
    assert_ok(workspace_create(&t->space, &t->net, 0, 0));
    t->evaluator = (struct evaluator){&t->net, &t->dataset, &t->loss, &t->team, &t->space, NULL};
}

static inline void teller_close(struct teller *t)
{
    workspace_destroy(&t->space);
    network_destroy(&t->net);
    dataset_close(&t->dataset);
    weft_settings_destroy(t->settings);
}

static inline weft_status teller_tally(struct teller *t, struct tally *tally)
{
    return tally_split(&t->evaluator, &t->dataset.split[SPLIT_TRAIN], tally);
}

/* ---- three tables, and what they come to ---- */

static const char TALLY_LABELS[] = "network.output=sigmoid; network.loss=binary_cross_entropy";
static const char TALLY_VALUES[] = "network.output=linear; network.loss=mse";

/* Three labels of four rows; a probability of one half is a yes, and so is a target of one half.
 *   row   wanted         logits      right
 *   0     1    0    1    2 -1  3     all
 *   1     1    1    0    0 -2 -1     label 1 is missed
 *   2     0    0    0    1 -1 -1     label 0 is a false alarm
 *   3     0.5  0.49 1    1  1  1     label 1 is a false alarm
 * label 0: 3 hits, 1 false alarm; label 1: 1 false alarm, 1 miss; label 2: 2 hits. */
static inline struct table labels_table(void)
{
    static const float logits[] = {2, -1, 3, 0, -2, -1, 1, -1, -1, 1, 1, 1};
    static const float wanted[] = {1, 0, 1, 1, 1, 0, 0, 0, 0, 0.5f, 0.49f, 1};
    return float_table(4, 3, logits, NULL, 3, wanted);
}

/* Three values of four rows.
 *   value 0: wanted 1 2 3 4, said 1 2 4 3: errors 0 0 1 -1, deviations from the mean -1.5 -0.5 0.5 1.5
 *   value 1: wanted 7 7 7 7, said 7 7 7 7
 *   value 2: wanted 7 7 7 7, said 7 7 7 9 */
static inline struct table values_table(void)
{
    static const float said[] = {1, 7, 7, 2, 7, 7, 4, 7, 7, 3, 7, 9};
    static const float wanted[] = {1, 7, 7, 2, 7, 7, 3, 7, 7, 4, 7, 7};
    return float_table(4, 3, said, NULL, 3, wanted);
}

#endif
