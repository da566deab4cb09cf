/* Results as text for people. Each function writes to a stream that the caller gives and keeps. */
#ifndef WEFT_REPORT_H
#define WEFT_REPORT_H

#include <stdio.h>

#include "weft/api.h"
#include "weft/checkpoint.h"
#include "weft/evaluation.h"
#include "weft/plan.h"
#include "weft/gradcheck.h"
#include "weft/prediction.h"
#include "weft/sweep.h"
#include "weft/trainer.h"

WEFT_API_BEGIN

/* Loss and accuracy, the classification report (precision, recall, F1, support of each class or label; accuracy, macro and
 * weighted averages) and the confusion matrix of classes; of a regression R^2, mean absolute and root mean square error of each
 * value. WEFT_OK, or WEFT_EIO if the stream fails. */
weft_status weft_report_evaluation(const weft_evaluation *evaluation, FILE *stream);

/* CSV (RFC 4180), a head line and a line for each row: its number; the class, or the labels that are said with '|' between
 * them; then a column for each class, label or value, named as the data name it. Numbers have the 9 digits that give the float
 * back. WEFT_OK, or WEFT_EIO if the stream fails. */
weft_status weft_report_prediction(const weft_prediction *prediction, FILE *stream);

/* What a checkpoint is: step, digests, settings that differ from their defaults, a table of tensors. */
weft_status weft_report_checkpoint(const weft_checkpoint_info *info, FILE *stream);

/* Two models' layers side by side: mean |W|, L2 norm, share of zeros; and the settings in which they differ. */
weft_status weft_report_comparison(const weft_checkpoint_info *a, const weft_checkpoint_info *b, FILE *stream);

/* The numbers of layers, as studies print them: "layer 01: W 784 x 20, float32", a line for each input with a number for each
 * output in columns of one width, then bias, gamma, beta, running mean and variance, what there is of them. Six decimals, from
 * 0.001 to 9999; beyond these six digits and an exponent; 0 for what is 0 exactly. WEFT_OK, or WEFT_EIO if the stream fails. */
weft_status weft_report_weights(const weft_weights *weights, FILE *stream);

/* A check of the gradient: what was checked, the loss, a table with a line for each tensor, and the verdict in the last line. WEFT_OK;
 * WEFT_EIO if the stream fails, WEFT_ENOMEM. */
weft_status weft_report_gradcheck(const weft_gradcheck_result *result, FILE *stream);

/* What a run would be, as an INI file that weft_settings_load takes: all settings, behind each that differs its default, then as
 * comments the network, the data, the steps, the threads, the learning rate and the memory. WEFT_OK; WEFT_ENOMEM; WEFT_EIO if the
 * stream fails. */
weft_status weft_report_plan(const weft_plan *plan, FILE *stream);

/* Only the memory: a table of what a run takes, and the size of its checkpoints. As weft_report_plan. */
weft_status weft_report_plan_memory(const weft_plan *plan, FILE *stream);

/* What came of a sweep: tables with a line for each combination, its figures as mean and standard deviation over the runs that are
 * over: accuracy (or R^2) of the splits; cost and loss; steps, epochs and training time; mean |W| of each layer. WEFT_OK;
 * WEFT_EIO if the stream fails, WEFT_ENOMEM. */
weft_status weft_report_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, FILE *stream);

/* A progress display fed by a trainer's events. style: bar (one line, redrawn, with the time left), lines (one plain line per
 * evaluation, for logs), none, or auto: bar on a terminal, else lines. Notes, of saves that fail among others, are lines in every
 * style: what goes wrong is never silent.
 * Where nobody reads the stream (a paused pager, a full pipe) training does not wait: bars and rows that are not taken at once are left
 * out, notes after a second, and the next line that is taken says how many. For that a pipe or a terminal is opened once more. */
typedef enum weft_progress_style {
    WEFT_PROGRESS_AUTO, WEFT_PROGRESS_BAR, WEFT_PROGRESS_LINES, WEFT_PROGRESS_NONE
} weft_progress_style;
typedef struct weft_progress weft_progress;
weft_progress *weft_progress_create(weft_progress_style style, FILE *stream);   /* NULL: WEFT_ENOMEM */
void weft_progress_event(void *progress, const weft_event *event);              /* a weft_event_handler */
void weft_progress_destroy(weft_progress *progress);                            /* ends the line; NULL is fine */

WEFT_API_END

#endif
