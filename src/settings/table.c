/* Every setting, in the order of the manual. One row feeds the command line, the INI file, --help, the manual, the
 * checkpoint's attributes and the digest of a run's identity; the order of the rows is the order of that digest. */
#include "settings/table.h"

#include <float.h>

#define MEMBER(path) .offset = offsetof(struct weft_settings, path), .size_bytes = sizeof ((struct weft_settings *)0)->path

#define NAMED(of_section, key) .info.name = #of_section "." #key, .info.section = #of_section
#define IDENTITY(section, key) NAMED(section, key), .info.identity = 1, MEMBER(section.key)    /* may change a trained bit */
#define MACHINE(section, key) NAMED(section, key), MEMBER(section.key)                         /* may not */

/* What a setting takes: the limits for the parser and the words for people, from the same arguments. */
#define SWITCH .kind = KIND_SWITCH, .info.values = "yes | no"
#define COUNT(low, high) .kind = KIND_COUNT, .count_low = low, .count_high = high, \
    .info.values = #low " <= integer <= " #high
#define REAL(low, high) .kind = KIND_REAL, .real_low = low, .real_high = high, .info.values = #low " <= real <= " #high
#define POSITIVE(high) .kind = KIND_REAL, .real_low = DBL_TRUE_MIN, .real_high = high, .info.values = "0 < real <= " #high
#define FRACTION .kind = KIND_REAL, .real_high = BELOW_1, .info.values = "0 <= real < 1"
#define CHOICE(words) .kind = KIND_CHOICE, .choices = words, .info.values = words
#define INTERVAL .kind = KIND_INTERVAL, .count_high = 1000000000000, \
    .units = 1u << INTERVAL_STEPS | 1u << INTERVAL_EPOCHS, .info.values = "N steps | N epochs | never"
#define INTERVAL_OR_TIME .kind = KIND_INTERVAL, .count_high = 1000000000000, \
    .units = 1u << INTERVAL_STEPS | 1u << INTERVAL_EPOCHS | 1u << INTERVAL_SECONDS, \
    .info.values = "N s | N steps | N epochs | never"

#define DEFAULT(text) .info.preset = text

#define ACTIVATIONS "identity | relu | leaky_relu | elu | gelu | tanh | sigmoid | softplus"
#define METRICS "train_cost | train_loss | train_accuracy | validation_cost | validation_loss | validation_accuracy | test_cost | " \
    "test_loss | test_accuracy"

#define BELOW_1 0x1.fffffep-1           /* the largest float below 1: 1 - x must not become 0 in a kernel */

/* 1000000000000 below keeps steps and epochs far from the 2^48 that the counter of a random number can hold. */

const struct setting setting_table[] = {
    {MACHINE(data, source), .kind = KIND_TEXT, .info.values = "URI", DEFAULT("digits:"),
     .info.help = "Where the data come from: digits: is built in, idx:DIR reads MNIST and its family, csv:FILE tables; weft help data "
     "says what else there is, and what each takes."},
    {MACHINE(data, validation), .kind = KIND_TEXT, .info.values = "none | URI", DEFAULT("none"),
     .info.help = "Validation rows of their own, the training rows of another source. none: they are cut off the training rows."},
    {MACHINE(data, test), .kind = KIND_TEXT, .info.values = "none | URI", DEFAULT("none"),
     .info.help = "Test rows of their own, in place of those of data.source: the training rows of another source."},
    {IDENTITY(data, validation_fraction), FRACTION, DEFAULT("0.1"),
     .info.help = "The part of the training rows that is set aside for validation, drawn at random by train.seed; none is if "
     "data.validation names a source."},
    {IDENTITY(data, stratified), SWITCH, DEFAULT("no"),
     .info.help = "Whether each class gives the same part of its rows for validation."},
    {IDENTITY(data, train_limit), COUNT(0, 1000000000000), DEFAULT("0"),
     .info.help = "Use only so many training rows, the first in file order, before any are set aside. 0: all."},
    {IDENTITY(data, validation_limit), COUNT(0, 1000000000000), DEFAULT("0"),
     .info.help = "Use only so many validation rows. 0: all."},
    {IDENTITY(data, test_limit), COUNT(0, 1000000000000), DEFAULT("0"),
     .info.help = "Use only so many test rows, the first in file order. 0: all."},
    {IDENTITY(data, scaling), CHOICE("none | unit | standardize | standardize_global"), DEFAULT("unit"),
     .info.help = "none: values as stored. unit: 0 to 1; of data stored as bytes 0 becomes 0 and 255 becomes 1, of other "
     "numbers each feature's least and largest value in the training rows do. standardize: every feature gets mean 0 and "
     "standard deviation 1 over the training rows; standardize_global: the same with one mean and one deviation for all."},
    {IDENTITY(data, missing), CHOICE("error | mean | median | zero"), DEFAULT("error"),
     .info.help = "What a missing feature (an empty cell, NA, a NaN) becomes: the mean or median of the feature over the "
     "training rows that have it, or 0; error: such data are refused."},

    {IDENTITY(network, hidden), .kind = KIND_COUNT_LIST, .may_be_empty = true, .count_low = 1, .count_high = 1048576,
     .info.values = "none | up to 64 integers from 1 to 1048576", DEFAULT("128"),
     .info.help = "Units in each hidden layer, from the input on. none: softmax regression."},
    {IDENTITY(network, activation), .kind = KIND_CHOICE_LIST, .choices = ACTIVATIONS,
     .info.values = ACTIVATIONS ", or one of these for each hidden layer", DEFAULT("relu"),
     .info.help = "What a hidden unit does to its sum. One for all hidden layers, or a list with one for each. leaky_relu has the "
     "slope 0.01 below 0, elu goes to -1, gelu is x * Phi(x)."},
    {IDENTITY(network, output), CHOICE("softmax | sigmoid | linear"), DEFAULT("softmax"),
     .info.help = "What the last layer's sums become. softmax: probabilities of classes of which one is right; sigmoid: a "
     "probability for each label of its own, several may be right; linear: numbers (regression)."},
    {IDENTITY(network, loss), CHOICE("cross_entropy | mse | binary_cross_entropy"), DEFAULT("cross_entropy"),
     .info.help = "What training makes small, a mean over the rows. cross_entropy (with softmax): -log(probability of the right "
     "class), in nats; mse: the mean over the outputs of the squared error; binary_cross_entropy (with sigmoid): the sum over "
     "the outputs of -log(probability of the right answer)."},
    {IDENTITY(network, init), DEFAULT("he_normal"),
     CHOICE("gaussian | he_normal | he_uniform | glorot_normal | glorot_uniform | lecun_normal | torch_linear"),
     .info.help = "How the first weights are drawn; gaussian takes its standard deviation from network.init_std. Biases "
     "start at 0, except with torch_linear."},
    {IDENTITY(network, init_std), REAL(0, 1e30), DEFAULT("0.01"),
     .info.help = "Standard deviation of the first weights with network.init = gaussian."},
    {MACHINE(network, init_from), .kind = KIND_TEXT, .info.values = "none | path", DEFAULT("none"),
     .info.help = "Begin with the weights of this model instead (fine-tuning): a checkpoint, or a run's directory, then its best.h5 or "
     "last.h5. The checkpoints of the run keep the digest of these weights. none: they are drawn."},
    {IDENTITY(network, batch_norm), CHOICE("none | before | after"), DEFAULT("none"),
     .info.help = "Batch normalization of every hidden layer, before or after its activation."},
    {IDENTITY(network, batch_norm_statistics), CHOICE("batch | shard"), DEFAULT("batch"),
     .info.help = "Mean and variance over the whole batch, or over each shard of it by itself (ghost batch-norm: threads "
     "need not wait for each other)."},
    {IDENTITY(network, batch_norm_affine), SWITCH, DEFAULT("yes"),
     .info.help = "Whether batch-norm learns a scale (gamma) and a shift (beta) for each unit."},
    {IDENTITY(network, batch_norm_momentum), POSITIVE(1), DEFAULT("0.1"),
     .info.help = "Share of the newest batch in the running mean and variance that evaluation uses."},
    {IDENTITY(network, batch_norm_epsilon), REAL(1e-12, 1), DEFAULT("1e-05"),
     .info.help = "Added to the variance before its square root is taken."},
    {IDENTITY(network, dropout), .kind = KIND_REAL_LIST, .real_high = BELOW_1, DEFAULT("0"),
     .info.values = "0 <= real < 1, or one such for each hidden layer",
     .info.help = "Fraction of the hidden units dropped in each training row; the others are scaled up by 1 / (1 - it). "
     "One for all hidden layers, or a list with one for each."},
    {IDENTITY(network, input_dropout), FRACTION, DEFAULT("0"),
     .info.help = "Fraction of the inputs dropped in each training row."},

    {IDENTITY(regularization, l1), REAL(0, 1e30), DEFAULT("0"),
     .info.help = "Lambda of the penalty lambda * sum |W|."},
    {IDENTITY(regularization, l2), REAL(0, 1e30), DEFAULT("0"),
     .info.help = "Lambda of the penalty on the squares of the weights, whose form regularization.l2_form gives."},
    {IDENTITY(regularization, l2_form), CHOICE("lambda_over_2m | half_lambda | lambda | decoupled"), DEFAULT("half_lambda"),
     .info.help = "lambda_over_2m: lambda / (2 m) * sum W^2 with m the rows of the batch; half_lambda: lambda / 2 * sum "
     "W^2; lambda: lambda * sum W^2; decoupled: no term in the cost, the update shrinks each weight by learning rate * "
     "lambda (with adam: AdamW)."},
    {IDENTITY(regularization, l2_biases), SWITCH, DEFAULT("no"),
     .info.help = "Whether the L2 penalty also holds for biases and for batch-norm's gamma and beta."},

    {IDENTITY(optimizer, name), CHOICE("sgd | momentum | nesterov | rmsprop | adam | adamw"), DEFAULT("adam"),
     .info.help = "How a gradient becomes a step. adamw is adam with regularization.l2 as decoupled weight decay."},
    {IDENTITY(optimizer, learning_rate), POSITIVE(1e30), DEFAULT("0.001"),
     .info.help = "Size of the steps, before the schedule."},
    {IDENTITY(optimizer, momentum), FRACTION, DEFAULT("0.9"),
     .info.help = "Of momentum and nesterov: the share of the last step that goes on."},
    {IDENTITY(optimizer, beta1), FRACTION, DEFAULT("0.9"),
     .info.help = "Of adam and adamw: how much of the mean of the gradients is kept in a step."},
    {IDENTITY(optimizer, beta2), FRACTION, DEFAULT("0.999"),
     .info.help = "Of adam and adamw: how much of the mean of the squared gradients is kept in a step."},
    {IDENTITY(optimizer, rho), FRACTION, DEFAULT("0.9"),
     .info.help = "Of rmsprop: how much of the mean of the squared gradients is kept in a step."},
    {IDENTITY(optimizer, epsilon), REAL(1e-30, 1), DEFAULT("1e-08"),
     .info.help = "Of rmsprop, adam and adamw: added to the root of the mean square before it divides."},
    {IDENTITY(optimizer, lr_scale), CHOICE("none | linear | sqrt"), DEFAULT("none"),
     .info.help = "For large batches: the learning rate times train.batch_size / optimizer.lr_scale_batch, or its square root. The "
     "warmup then rises from the rate to the larger one, and must be there."},
    {IDENTITY(optimizer, lr_scale_batch), COUNT(1, 1000000000), DEFAULT("256"),
     .info.help = "The rows of a batch for which optimizer.learning_rate is right as it is."},
    {IDENTITY(optimizer, clip_value), REAL(0, 1e30), DEFAULT("0"),
     .info.help = "Cut every element of the gradient to this size. 0: do not."},
    {IDENTITY(optimizer, clip_norm), REAL(0, 1e30), DEFAULT("0"),
     .info.help = "Scale the gradient down to this length (L2 norm over all parameters) if it is longer. 0: do not."},

    {IDENTITY(schedule, name), CHOICE("constant | step | exponential | cosine | plateau"), DEFAULT("constant"),
     .info.help = "How the learning rate goes on after the warmup. step: times schedule.factor each schedule.every; exponential: "
     "the same in a smooth curve; cosine: falls to schedule.final_fraction of it at the end of the run; plateau: times "
     "schedule.factor when schedule.metric has not improved for schedule.patience, never below schedule.final_fraction of it."},
    {IDENTITY(schedule, warmup), COUNT(0, 1000000000000), DEFAULT("0"),
     .info.help = "Steps in which the learning rate rises in a straight line to its full value."},
    {IDENTITY(schedule, final_fraction), REAL(0, 1), DEFAULT("0"),
     .info.help = "Where cosine ends and plateau stops falling, as a fraction of the learning rate."},
    {IDENTITY(schedule, factor), POSITIVE(1), DEFAULT("0.1"),
     .info.help = "Of step, exponential and plateau: what the learning rate is multiplied with."},
    {IDENTITY(schedule, every), INTERVAL, DEFAULT("10 epochs"),
     .info.help = "Of step and exponential: how often."},
    {IDENTITY(schedule, metric), CHOICE("none | " METRICS), DEFAULT("validation_cost"),
     .info.help = "Of plateau: the figure that must improve, by however little."},
    {IDENTITY(schedule, patience), INTERVAL, DEFAULT("5 epochs"),
     .info.help = "Of plateau: how long it waits for an improvement."},

    {IDENTITY(train, seed), COUNT(0, 9223372036854775807), DEFAULT("1"),
     .info.help = "Every random number of the run follows from it (the built-in digits have a seed of their own)."},
    {IDENTITY(train, batch_size), COUNT(1, 1000000000), DEFAULT("128"),
     .info.help = "Rows in a minibatch."},
    {IDENTITY(train, epochs), COUNT(0, 1000000000000), DEFAULT("20"),
     .info.help = "End after so many passes over the training rows. 0: no limit. The first of epochs, steps, max_time and "
     "early_stop ends the run."},
    {IDENTITY(train, steps), COUNT(0, 1000000000000), DEFAULT("0"),
     .info.help = "End after so many minibatches. 0: no limit."},
    {NAMED(train, max_time), MEMBER(train.max_time_s), .kind = KIND_SECONDS, .real_high = 1e9, DEFAULT("0"),
     .info.values = "seconds from 0 to 1e9, as in \"90 s\"",
     .info.help = "Stop, save and end this call of train or resume after so long; resume goes on. 0: no limit."},
    {IDENTITY(train, evaluate_every), INTERVAL, DEFAULT("1 epochs"),
     .info.help = "How often cost, loss and accuracy are taken, a line of the history is written and early_stop looks."},
    {IDENTITY(train, evaluate), .kind = KIND_CHOICE_LIST, .choices = "train | validation | test",
     .info.values = "train | validation | test, or a list of these", DEFAULT("train, validation"),
     .info.help = "On which splits."},
    {IDENTITY(train, early_stop), DEFAULT("none"),
     CHOICE("none | " METRICS),
     .info.help = "End when this figure has not improved for train.patience. cost is loss plus penalty."},
    {IDENTITY(train, patience), INTERVAL, DEFAULT("10 epochs"),
     .info.help = "How long early_stop waits for an improvement."},
    {IDENTITY(train, min_delta), REAL(0, 1e30), DEFAULT("0"),
     .info.help = "An improvement is more than this."},
    {IDENTITY(train, restore_best), SWITCH, DEFAULT("yes"),
     .info.help = "With early_stop: the result of the run is the best model seen, not the last."},
    {IDENTITY(train, last_batch), CHOICE("keep | drop"), DEFAULT("keep"),
     .info.help = "What to do with the rows that are left when the training rows do not divide into full batches."},
    {IDENTITY(train, shuffle), SWITCH, DEFAULT("yes"),
     .info.help = "yes: the training rows come in a new random order each epoch; no: in the order of the file."},
    {IDENTITY(train, label_smoothing), FRACTION, DEFAULT("0"),
     .info.help = "The part of each row's target that is spread evenly over all classes; of a sigmoid output, over yes and no."},
    {IDENTITY(train, class_weights), .kind = KIND_CLASS_WEIGHTS, .real_low = DBL_TRUE_MIN, .real_high = 1e30,
     .info.values = "none | balanced | a number above 0 for each class, up to 128", DEFAULT("none"),
     .info.help = "How much a row's loss counts, by its class. balanced: in inverse proportion to the class's training rows, so "
     "that all classes count alike; a list is brought to mean 1."},

    {MACHINE(checkpoint, every), INTERVAL_OR_TIME, DEFAULT("30 s"),
     .info.help = "How often the run is saved. It is also saved at the start and at the end."},
    {MACHINE(checkpoint, keep), COUNT(1, 1000000), DEFAULT("3"),
     .info.help = "How many of the newest checkpoints stay; the best one stays as well."},

    {MACHINE(run, threads), COUNT(0, 1024), DEFAULT("0"),
     .info.help = "Threads. 0: as many as the machine and the work allow. The trained bits do not depend on it."},
    {MACHINE(run, gradient), CHOICE("auto | owned | local"), DEFAULT("auto"),
     .info.help = "How threads share the work of the weight gradients. owned: each weight has one thread, which adds up all rows "
     "of the batch; local: each thread adds up its own rows, then the threads are added up. The trained bits do not depend on it."},
};

const size_t setting_count = sizeof setting_table / sizeof setting_table[0];
