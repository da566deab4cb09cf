/* Is the gradient that training uses the slope of the cost? */
#ifndef WEFT_GRADCHECK_H
#define WEFT_GRADCHECK_H

#include <stddef.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/settings.h"

WEFT_API_BEGIN

/* Where an option is 0. */
enum { WEFT_GRADCHECK_SAMPLES = 100, WEFT_GRADCHECK_ROWS_MOST = 64 };

/* How thoroughly to look. */
typedef struct weft_gradcheck_options {
    size_t samples;             /* elements of each tensor to look at, all if it has no more; 0: WEFT_GRADCHECK_SAMPLES */
    size_t rows;                /* of the batch; 0: train.batch_size, but WEFT_GRADCHECK_ROWS_MOST or the training rows if these
                                   are fewer */
    double tolerance;           /* largest relative error, below 1; 0: 0.001 */
    void (*on_progress)(void *context, const char *text);       /* before each part, one line; NULL: nobody is told */
    void *progress_context;     /* handed to on_progress */
} weft_gradcheck_options;

/* One parameter tensor. An element's analytic gradient is a, its numerical one n.
 *   absolute error  |a - n|
 *   relative error  |a - n| / max(|a|, |n|, 32 r / tolerance)
 * r is what roundings to float do to the element's gradient. It is found by experiment: the slope is taken again in networks
 * whose values are off by roundings drawn at random; r is the largest change that a draw makes, or the median over the tensor
 * if that is larger. So an error counts if it is more than the tolerance says of the gradient itself, and more than 32 times
 * what one rounding of each value explains. The second part decides only where large numbers cancel: a bias in front of a
 * batch-norm has the gradient 0, of which floats leave some 1e-9. (In 18,000 nets of every kind, 190,000 tensors, the worst
 * element was off by 1 r in the median, by 6 r in one tensor of a hundred, by 12 r in one of a thousand.) */
typedef struct weft_gradcheck_tensor {
    char name[64];              /* "01/weight", "02/batch_norm/gamma" */
    size_t rank, dim[2];        /* a weight is [fan_in, fan_out] */
    size_t elements;            /* all it has */
    size_t checked;             /* compared: the figures below are over these */
    size_t skipped;             /* not compared: there is a kink at the element (of relu, leaky_relu or |w|), or so near it that
                                   roundings decide on which side it is; or the tolerance is finer than a slope can be found */
    size_t failed;              /* relative error above the tolerance */
    double largest;             /* of |a| */
    double rounding;            /* median of r */
    double absolute_error, relative_error;      /* the largest of each */
    size_t worst[2];            /* where the relative error is largest: input and output of a weight, else a unit and 0 */
    double analytic, numerical; /* a and n there */
} weft_gradcheck_tensor;

/* What came of it. */
typedef struct weft_gradcheck_result {
    char network[1024];         /* "784-128-10"; a longer one is cut */
    char isa[16];               /* the kernels in use */
    size_t threads;             /* that the training step ran on */
    size_t rows, parameters;    /* of the batch; of the network */
    double tolerance;           /* that was asked for */
    double loss, numerical_loss;        /* mean of the batch, as the step found it, and in double */
    double loss_error;          /* relative, as above */
    size_t tensors;             /* how many */
    weft_gradcheck_tensor *tensor;      /* in file order */
    size_t failed;              /* tensors with failed elements, and 1 more if the loss is off. 0: all is well */
} weft_gradcheck_result;

/* Take one training step of the network and the data that the settings describe, with the threads and kernels of a run, and hold
 * the gradient that it used against differences of the cost, for every parameter tensor.
 * The cost is loss plus L1 and L2 penalty, computed a second time for that purpose: in double, as plainly as it can be written, on
 * the same rows with the same dropout. Its slopes are central differences with the error of their second order taken off.
 * Weights are where the settings have a run begin; biases, gammas and betas are moved from there by up to 0.25 at random, since a
 * 0 or 1 hides mistakes. Elements are drawn at random if there are more than `samples`, evenly spread, the first and the last among
 * them. Everything follows from train.seed: the figures are the same for any number of threads.
 * Clipping is left out, as it would change the gradient on purpose; decoupled decay is no part of the cost or of the gradient.
 * settings  any that a run can have
 * options   may be NULL
 * result    filled on success; clear it with weft_gradcheck_clear. That something failed is a success of the call: look at
 *           result->failed
 * Returns WEFT_OK; WEFT_EINVAL (more rows than the training split has; tolerance out of range), WEFT_ESETTINGS, WEFT_ENOINPUT,
 * WEFT_EDATA, WEFT_ENONFINITE (loss or gradient are), WEFT_ENOMEM, WEFT_ERESOURCE.
 * Starts OpenMP teams for the time of the call. Work: some 8 times forward through the layers after it for each element. */
weft_status weft_gradcheck(const weft_settings *settings, const weft_gradcheck_options *options, weft_gradcheck_result *result);

/* Free what a filled result points to; fine on a zeroed one. */
void weft_gradcheck_clear(weft_gradcheck_result *result);

WEFT_API_END

#endif
