/* A run's progress as text. The bar is one line that is drawn over itself (carriage return, erase to the end); rows of
 * evaluations and notes scroll by above it. A line is put together first and written at once, and a stream that fails is
 * of no consequence here: a closed log must not end a training, nor a reader that does not read hold it up. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "weft/report.h"

enum { SPLITS = 3, LINE_BYTES = 1536, TEXT_BYTES = LINE_BYTES + 128, WIDTH_DEFAULT = 80, BAR_MIN = 8, BAR_MAX = 40, HEAD_EVERY_ROWS = 24 };
enum { NOTE_WAITS_MS = 1000 };

static const double REDRAW_EVERY_S = 0.1;
static const char ERASE_LINE[] = "\r\033[K";

struct weft_progress {
    weft_progress_style style;
    FILE *stream;
    int descriptor;                     /* of open_again, or -1 */
    char rest[TEXT_BYTES];              /* of what was taken in part */
    size_t rest_bytes;
    size_t lines_left_out;              /* since the last one that was taken: rows with their heads, and notes */
    bool bar_is_shown;
    double drawn_at_s;
    uint64_t first_step;                /* where this call began: the time left follows from the steps since */
    unsigned head_splits;               /* the splits that the latest head names, one bit each */
    size_t rows_to_head;                /* rows until the head comes again */
};

/* ---- the reader ---- */

/* A descriptor of our own for a pipe or a terminal, which takes what there is room for and never waits: that the stream's own takes
 * something does not mean that it takes a line. -1: the stream is something else, or may not be opened again. */
static int open_again(FILE *stream)
{
    struct stat info;
    char path[40];
    int descriptor = fileno(stream);
    if (descriptor < 0 || fstat(descriptor, &info) != 0 || !(S_ISFIFO(info.st_mode) || isatty(descriptor)))
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    return open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Returns how much of it was taken; all, if the reader has gone. A signal ends the wait: it may be a stop. */
static size_t write_some(weft_progress *progress, const char *text, size_t length, int wait_ms)
{
    struct pollfd reader = {.fd = fileno(progress->stream), .events = POLLOUT};
    if (reader.fd >= 0 && poll(&reader, 1, wait_ms) <= 0)
        return 0;
    if (progress->descriptor < 0)
        fwrite(text, 1, length, progress->stream);
    fflush(progress->stream);                           /* of what the caller has written to it, too */
    ssize_t taken = progress->descriptor >= 0 ? write(progress->descriptor, text, length) : (ssize_t)length;
    return taken >= 0 ? (size_t)taken : errno == EAGAIN || errno == EINTR ? 0 : length;
}

/* All of the text, now or what is left of it before the next; or nothing of it: false. */
static bool write_whole(weft_progress *progress, const char *text, int wait_ms)
{
    size_t length = strlen(text), done = 0;
    if (progress->rest_bytes > 0) {
        done = write_some(progress, progress->rest, progress->rest_bytes, wait_ms);
        wait_ms = 0;
    }
    progress->rest_bytes -= done;
    memmove(progress->rest, progress->rest + done, progress->rest_bytes);
    if (progress->rest_bytes > 0 || length == 0)
        return length == 0;
    done = write_some(progress, text, length, wait_ms);
    if (done == 0)
        return false;
    progress->rest_bytes = length - done;
    memcpy(progress->rest, text + done, progress->rest_bytes);
    return true;
}

/* Lines in the place of the bar; "" erases it. False: nobody reads, so they were left out; that is told as soon as somebody does. Once
 * some have waited in vain, those that follow do not wait. */
static bool put(weft_progress *progress, const char *lines, int wait_ms)
{
    char all_text[TEXT_BYTES];
    struct text all = {all_text, sizeof all_text, 0};
    size_t left_out = progress->lines_left_out;
    text_add(&all, "%s", progress->bar_is_shown ? ERASE_LINE : "");
    if (left_out > 0)
        text_add(&all, "note: %zu line%s left out here: nobody was reading\n", left_out, left_out == 1 ? " was" : "s were");
    text_add(&all, "%s", lines);
    bool is_put = write_whole(progress, all_text, left_out == 0 ? wait_ms : 0);
    progress->lines_left_out = is_put ? 0 : left_out + (lines[0] != '\0');
    progress->bar_is_shown = progress->bar_is_shown && !is_put;
    return is_put;
}

/* ---- the rows of evaluations ---- */

static const weft_split_figures *figures_of(const weft_event *event, size_t split)
{
    const weft_split_figures *const figures[SPLITS] = {&event->train, &event->validation, &event->test};
    return figures[split];
}

static unsigned evaluated_splits(const weft_event *event)
{
    unsigned splits = 0;
    for (size_t s = 0; s < SPLITS; s++)
        splits |= (unsigned)(figures_of(event, s)->is_evaluated != 0) << s;
    return splits;
}

static void add_head(struct text *line, unsigned splits, bool has_values)
{
    static const char *const name[SPLITS] = {"train", "validation", "test"};
    text_add(line, "%15s", "");
    for (size_t s = 0; s < SPLITS; s++)
        if (splits >> s & 1)
            text_add(line, "    %-21s", name[s]);
    while (line->at[line->length - 1] == ' ')
        line->at[--line->length] = '\0';
    text_add(line, "\n%7s%8s", "step", "epoch");
    for (size_t s = 0; s < SPLITS; s++)
        if (splits >> s & 1)
            text_add(line, "%8s%8s%9s", "cost", "loss", has_values ? "R^2" : "accuracy");
    text_add(line, "%10s\n", "samples/s");
}

/* A regression has no accuracy, but R^2. */
static bool is_regression(const weft_event *event)
{
    for (size_t s = 0; s < SPLITS; s++)
        if (figures_of(event, s)->is_evaluated)
            return isnan(figures_of(event, s)->accuracy);
    return false;
}

/* Four decimals while they fit and say something. */
static void add_amount(struct text *line, double amount)
{
    bool is_tiny = amount != 0 && fabs(amount) < 5e-5;
    text_add(line, is_tiny ? " %7.1e" : fabs(amount) < 100 ? " %7.4f" : " %7.4g", amount);
}

static void add_row(struct text *line, const weft_event *event)
{
    text_add(line, "%7" PRIu64 "%8.2f", event->step, event->epoch);
    for (size_t s = 0; s < SPLITS; s++) {
        const weft_split_figures *figures = figures_of(event, s);
        if (!figures->is_evaluated)
            continue;
        add_amount(line, figures->cost);
        add_amount(line, figures->loss);
        text_add(line, "%9.4f", isnan(figures->accuracy) ? figures->r2 : figures->accuracy);
    }
    text_add(line, "%10.0f%s\n", event->samples_per_s, event->is_best ? " best" : "");
}

/* ---- the bar ---- */

static size_t stream_width(FILE *stream)
{
    struct winsize size;
    int descriptor = fileno(stream);
    return descriptor >= 0 && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
}

/* "0:42", "1:02:03" */
static void add_duration(struct text *line, double duration_s)
{
    uint64_t s = duration_s < 3.6e8 ? (uint64_t)duration_s : 360000000;
    if (s < 3600)
        text_add(line, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
    else
        text_add(line, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
}

static void add_state(struct text *line, const weft_progress *progress, const weft_event *event)
{
    if (event->epoch_loss > 0)
        text_add(line, "loss %.4f, ", event->epoch_loss);
    if (event->epoch_loss > 0 && !isnan(event->epoch_accuracy))
        text_add(line, "acc %.4f, ", event->epoch_accuracy);
    text_add(line, "%.0f samples/s, ", event->samples_per_s);
    uint64_t done = event->step - progress->first_step;
    bool end_is_known = event->total_steps > 0 && done > 0;
    double left = end_is_known ? (double)(event->total_steps - event->step) / (double)done * event->elapsed_s : 0;
    add_duration(line, end_is_known ? left : event->elapsed_s);
    text_add(line, end_is_known ? " left" : " so far");
}

/* [#####.....] in what is left of the width; nothing if that is too little. */
static void add_bar(struct text *line, const weft_event *event, size_t room)
{
    if (event->total_steps == 0 || room < BAR_MIN + 3)
        return;
    size_t cells = room - 3 < BAR_MAX ? room - 3 : BAR_MAX;
    size_t full = (size_t)((double)cells * (double)event->step / (double)event->total_steps);
    text_add(line, "[");
    for (size_t i = 0; i < cells; i++)
        text_add(line, i < full ? "#" : ".");
    text_add(line, "] ");
}

static void draw_bar(weft_progress *progress, const weft_event *event)
{
    char head_text[96], state_text[160], line_text[LINE_BYTES];
    struct text head = {head_text, sizeof head_text, 0}, state = {state_text, sizeof state_text, 0};
    struct text line = {line_text, sizeof line_text, 0};
    size_t width = stream_width(progress->stream) - 1;          /* a full line would move some terminals to the next */
    width = width < LINE_BYTES - sizeof ERASE_LINE ? width : LINE_BYTES - sizeof ERASE_LINE;
    if (event->total_steps > 0)
        text_add(&head, "epoch %.2f/%.6g ", event->epoch, event->total_epochs);
    else
        text_add(&head, "epoch %.2f, step %" PRIu64 ", ", event->epoch, event->step);
    add_state(&state, progress, event);
    text_add(&line, "%s%s", ERASE_LINE, head_text);
    add_bar(&line, event, width > head.length + state.length ? width - head.length - state.length : 0);
    text_add(&line, "%s", state_text);
    line_text[strlen(ERASE_LINE) + width] = '\0';
    progress->drawn_at_s = event->elapsed_s;
    progress->bar_is_shown = write_whole(progress, line_text, 0) || progress->bar_is_shown;
}

/* ---- events ---- */

static void write_row(weft_progress *progress, const weft_event *event)
{
    char row[LINE_BYTES];
    struct text line = {row, sizeof row, 0};
    unsigned splits = evaluated_splits(event);
    if (progress->rows_to_head == 0 || splits != progress->head_splits) {
        add_head(&line, splits, is_regression(event));
        progress->head_splits = splits;
        progress->rows_to_head = HEAD_EVERY_ROWS;
    }
    progress->rows_to_head--;
    add_row(&line, event);
    if (!put(progress, row, 0))
        progress->rows_to_head = 0;
}

static void write_note(weft_progress *progress, const char *label, const char *text)
{
    char note[LINE_BYTES];
    snprintf(note, sizeof note, "%s%.1400s\n", label, text != NULL ? text : "");
    put(progress, note, NOTE_WAITS_MS);
}

void weft_progress_event(void *context, const weft_event *event)
{
    weft_progress *progress = context;
    bool has_bar = progress->style == WEFT_PROGRESS_BAR;
    if (progress->style == WEFT_PROGRESS_NONE && event->kind != WEFT_EVENT_NOTE)
        return;
    switch (event->kind) {
    case WEFT_EVENT_STARTED:
        progress->first_step = event->step;
        write_note(progress, "", event->text);
        break;
    case WEFT_EVENT_PROGRESS:
        if (has_bar && !(progress->bar_is_shown && event->elapsed_s - progress->drawn_at_s < REDRAW_EVERY_S))
            draw_bar(progress, event);
        break;
    case WEFT_EVENT_EVALUATED:
        write_row(progress, event);
        if (has_bar)
            draw_bar(progress, event);
        break;
    case WEFT_EVENT_NOTE:
        write_note(progress, "note: ", event->text);
        break;
    case WEFT_EVENT_SAVED:                              /* every 30 seconds, by default: no news */
        break;
    case WEFT_EVENT_FINISHED:
        put(progress, "", 0);
        break;
    }
}

static bool is_terminal(FILE *stream)
{
    const char *term = getenv("TERM");
    int descriptor = fileno(stream);
    return descriptor >= 0 && isatty(descriptor) && term != NULL && strcmp(term, "dumb") != 0;
}

weft_progress *weft_progress_create(weft_progress_style style, FILE *stream)
{
    weft_progress *progress = memory_new(1, sizeof *progress);
    if (progress == NULL)
        return NULL;
    progress->stream = stream;
    progress->descriptor = open_again(stream);
    progress->style = style;
    if (style == WEFT_PROGRESS_AUTO)
        progress->style = is_terminal(stream) ? WEFT_PROGRESS_BAR : WEFT_PROGRESS_LINES;
    return progress;
}

void weft_progress_destroy(weft_progress *progress)
{
    if (progress == NULL)
        return;
    put(progress, "", 0);
    if (progress->descriptor >= 0)
        close(progress->descriptor);
    memory_free(progress);
}
