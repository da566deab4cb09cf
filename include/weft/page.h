/* Runs and sweeps as a page: one HTML file with its charts in it, which needs no network and no scripts. The same files give the
 * same page, byte for byte: no date, no machine, no path is in it, and numbers do not follow the locale. */
#ifndef WEFT_PAGE_H
#define WEFT_PAGE_H

#include <stddef.h>
#include <stdio.h>

#include "weft/api.h"
#include "weft/error.h"
#include "weft/run.h"
#include "weft/sweep.h"

WEFT_API_BEGIN

/* Takes a chart that can stand on its own: SVG in light colours.
 * context  the caller's, of the options
 * name     unique in the page, [a-z0-9-]: "accuracy", "run-2-confusion-test"
 * svg      size_bytes of UTF-8; the page's, and gone after the call
 * Returns WEFT_OK, or what the page then fails with. */
typedef weft_status (*weft_page_chart)(void *context, const char *name, const char *svg, size_t size_bytes);

/* What the page is to be like. */
typedef struct weft_page_options {
    const char *title;          /* NULL: made of the names of what is in it */
    weft_page_chart chart;      /* gets every chart in the order of the page, while it is written; NULL: none does */
    void *context;              /* for chart */
} weft_page_options;

/* Write the page of a run, or of several: then a comparison comes first. What a run does not have is left out.
 * run      runs of them, 1 at least
 * options  may be NULL: all defaults
 * Returns WEFT_OK; WEFT_EINVAL without a run; WEFT_ENOMEM; WEFT_EIO if the stream fails; what options->chart returned. After a
 * failure a part of the page may have been written. */
weft_status weft_page_write(const weft_run *run, size_t runs, const weft_page_options *options, FILE *stream);

/* Write the page of a sweep: its combinations side by side, then the first run that is over of each.
 * summary  of this sweep
 * run      sweep->runs of them, in the order of sweep->run; all 0: this one is not over
 * Otherwise as weft_page_write. */
weft_status weft_page_write_sweep(const weft_sweep *sweep, const weft_sweep_summary *summary, const weft_run *run,
                                  const weft_page_options *options, FILE *stream);

/* Put a page, or a picture made of one of its charts, at path, whole or not at all; what was there is replaced.
 * Returns WEFT_OK; WEFT_ECREATE, WEFT_EIO, WEFT_ENOMEM. */
weft_status weft_page_save(const char *path, const char *page, size_t size_bytes);

/* Likewise a chart at directory/name.svg; the directory is made if it is missing. */
weft_status weft_page_save_chart(const char *directory, const char *name, const char *svg, size_t size_bytes);

WEFT_API_END

#endif
