/* Results as text for people. Each function writes to a stream that the caller gives and keeps. */
#ifndef WEFT_REPORT_H
#define WEFT_REPORT_H

#include <stdio.h>

#include "weft/checkpoint.h"
#include "weft/evaluation.h"
#include "weft/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Loss and accuracy, the classification report (precision, recall, F1, support of each class; accuracy, macro and weighted
 * averages) and the confusion matrix. WEFT_OK, or WEFT_EIO if the stream fails. */
weft_status weft_report_evaluation(const weft_evaluation *evaluation, FILE *stream);

/* What a checkpoint is: step, digests, settings that differ from their defaults, a table of tensors. */
weft_status weft_report_checkpoint(const weft_checkpoint_info *info, FILE *stream);

/* Two models' layers side by side: mean |W|, L2 norm, share of zeros; and the settings in which they differ. */
weft_status weft_report_comparison(const weft_checkpoint_info *a, const weft_checkpoint_info *b, FILE *stream);

/* A progress display fed by a trainer's events. style: bar (one line, redrawn, with the time left), lines (one plain line per
 * evaluation, for logs), none, or auto: bar on a terminal, else lines. Evaluations, notes and saves that fail are lines in
 * every style but none. */
typedef enum weft_progress_style {
    WEFT_PROGRESS_AUTO, WEFT_PROGRESS_BAR, WEFT_PROGRESS_LINES, WEFT_PROGRESS_NONE
} weft_progress_style;
typedef struct weft_progress weft_progress;
weft_progress *weft_progress_create(weft_progress_style style, FILE *stream);   /* NULL: WEFT_ENOMEM */
void weft_progress_event(void *progress, const weft_event *event);              /* a weft_event_handler */
void weft_progress_destroy(weft_progress *progress);                            /* ends the line; NULL is fine */

#ifdef __cplusplus
}
#endif
#endif
