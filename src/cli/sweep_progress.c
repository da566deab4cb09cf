/* See sweep_progress.h. While runs go on, nothing is written that stderr does not take at once: what it does not take waits here. */
#include "cli/sweep_progress.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/run.h"

enum { WIDTH_DEFAULT = 80, BAR_MIN = 8, BAR_MAX = 40, LINE_BYTES = 512 };

static const char ERASE_LINE[] = "\r\033[K";

bool sweep_progress_style(const char *name, weft_progress_style *style)
{
    static const char *const known[] = {
        [WEFT_PROGRESS_AUTO] = "auto", [WEFT_PROGRESS_BAR] = "bar", [WEFT_PROGRESS_LINES] = "lines", [WEFT_PROGRESS_NONE] = "none"};
    const char *term = getenv("TERM");
    bool has_terminal = isatty(STDERR_FILENO) && term != NULL && strcmp(term, "dumb") != 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name != NULL ? name : "auto", known[i]) == 0) {
            *style = i != WEFT_PROGRESS_AUTO ? (weft_progress_style)i : has_terminal ? WEFT_PROGRESS_BAR : WEFT_PROGRESS_LINES;
            return true;
        }
    return false;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void sweep_progress_name(const weft_sweep *sweep, size_t run, char *name, size_t capacity)
{
    snprintf(name, capacity, "%.200s, seed %" PRIu64, sweep->combination[sweep->run[run].combination].name, sweep->run[run].seed);
}

/* ---- what waits for its reader ---- */

/* stderr once more, if it is a pipe or a terminal: as a descriptor that takes what there is room for and never waits. Else, or if it may
 * not be opened again, stderr itself. */
static int open_again(void)
{
    struct stat info;
    int again = -1;
    if (fstat(STDERR_FILENO, &info) == 0 && (S_ISFIFO(info.st_mode) || isatty(STDERR_FILENO)))
        again = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    return again >= 0 ? again : STDERR_FILENO;
}

static bool takes_more(const struct sweep_progress *p, bool may_wait)
{
    struct pollfd reader = {.fd = p->descriptor, .events = POLLOUT};
    int ready;
    do
        ready = poll(&reader, 1, may_wait ? -1 : 0);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

/* What is taken now, or all of it. It is gone, too, if its reader is. */
static void write_waiting(struct sweep_progress *p, bool may_wait)
{
    size_t done = 0;
    while (done < p->waiting_bytes && takes_more(p, may_wait)) {
        const char *at = p->waiting + done, *end = memchr(at, '\n', p->waiting_bytes - done);
        size_t length = end != NULL ? (size_t)(end - at) + 1 : p->waiting_bytes - done;
        ssize_t written = write(p->descriptor, at, length < PIPE_BUF ? length : PIPE_BUF);
        if (written < 0 && errno == EAGAIN && !may_wait)
            break;
        if (written < 0)
            written = errno == EAGAIN || errno == EINTR ? 0 : (ssize_t)(p->waiting_bytes - done);
        done += (size_t)written;
    }
    p->waiting_bytes -= done;
    memmove(p->waiting, p->waiting + done, p->waiting_bytes);
}

/* One line or, where nobody has read for so long that there is no room for it, none. */
__attribute__((format(printf, 2, 3)))
static void say(struct sweep_progress *p, const char *format, ...)
{
    size_t room = sizeof p->waiting - p->waiting_bytes, erase = p->bar_is_shown ? strlen(ERASE_LINE) : 0;
    va_list arguments;
    va_start(arguments, format);
    int length = erase < room ? vsnprintf(p->waiting + p->waiting_bytes + erase, room - erase, format, arguments) : INT_MAX;
    va_end(arguments);
    if (length < 0 || erase + (size_t)length >= room) {
        p->lines_left_out++;
        return;
    }
    memcpy(p->waiting + p->waiting_bytes, ERASE_LINE, erase);
    p->waiting_bytes += erase + (size_t)length;
    p->bar_is_shown = false;
    write_waiting(p, false);
}

/* ---- lines ---- */

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

void sweep_progress_begin(struct sweep_progress *p, const weft_sweep_share *share, bool is_chosen)
{
    const weft_sweep *sweep = p->sweep;
    p->started_at_s = seconds();
    p->descriptor = open_again();
    if (p->style != WEFT_PROGRESS_NONE)
        say(p, "%zu combination%s, %zu run%s, %zu of them over; %zu at a time%s%s%s, %zu thread%s in all\n", sweep->combinations,
            plural(sweep->combinations), sweep->runs, plural(sweep->runs), sweep->runs - p->runs, share->side_by_side,
            is_chosen ? " (" : "", is_chosen ? share->reason : "", is_chosen ? ")" : "", share->threads, plural(share->threads));
}

void sweep_progress_end(struct sweep_progress *p, bool may_wait)
{
    write_waiting(p, may_wait);
    if (p->lines_left_out > 0)
        say(p, "note: %zu line%s left out: nobody was reading\n", p->lines_left_out, p->lines_left_out == 1 ? " was" : "s were");
    if (p->style != WEFT_PROGRESS_NONE)
        say(p, "%.1f s for %zu run%s\n", seconds() - p->started_at_s, p->ended, plural(p->ended));
    write_waiting(p, may_wait);
    if (p->descriptor != STDERR_FILENO)
        close(p->descriptor);
}

static void tell_end(struct sweep_progress *p, const char *name, const struct sweep_run_news *news)
{
    char score[64] = "";
    if (news->split[0] != '\0' && !isnan(news->accuracy))
        snprintf(score, sizeof score, ", %s accuracy %.4f", news->split, news->accuracy);
    else if (news->split[0] != '\0' && !isnan(news->r2))
        snprintf(score, sizeof score, ", %s R^2 %.4f", news->split, news->r2);
    const char *reason = news->stop_reason[0] != '\0' ? news->stop_reason : "request";
    say(p, "[%zu/%zu] %s: %s; %" PRIu64 " steps%s, %.1f s on %zu thread%s\n", p->ended, p->runs, name, run_stop_words(reason),
        news->steps, score, news->training_time_s, news->threads, plural(news->threads));
}

void sweep_progress_said(struct sweep_progress *p, size_t i, const char *line)
{
    char name[256];
    sweep_progress_name(p->sweep, p->run[i], name, sizeof name);
    say(p, "%s: %s\n", name, line);
}

void sweep_progress_ended(struct sweep_progress *p, size_t i)
{
    char name[256];
    sweep_progress_name(p->sweep, p->run[i], name, sizeof name);
    p->has_ended[i] = true;
    p->ended++;
    if (p->style == WEFT_PROGRESS_LINES && p->news[i].has_summary)
        tell_end(p, name, &p->news[i]);
}

/* ---- the bar ---- */

/* Runs done in this call, parts of runs included. What a run had done before does not count. */
static double runs_done(const struct sweep_progress *p)
{
    double done = 0;
    for (size_t i = 0; i < p->runs; i++) {
        uint64_t first = atomic_load(&p->news[i].first_step), step = atomic_load(&p->news[i].step),
                 total = atomic_load(&p->news[i].total_steps);
        if (p->has_ended[i])
            done += 1;
        else if (total > first && step >= first)
            done += (double)(step - first) / (double)(total - first);
    }
    return done;
}

static size_t stderr_width(void)
{
    struct winsize size;
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : WIDTH_DEFAULT;
}

static void print_duration(double duration_s, char *text, size_t capacity)
{
    uint64_t s = duration_s < 3.6e8 ? (uint64_t)duration_s : 360000000;
    snprintf(text, capacity, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, s / 3600, s / 60 % 60, s % 60);
}

void sweep_progress_draw(struct sweep_progress *p)
{
    char state[LINE_BYTES], left[32] = "", bar[BAR_MAX + 1] = "";
    write_waiting(p, false);
    if (p->style != WEFT_PROGRESS_BAR || p->waiting_bytes > 0)                  /* one that waits is enough */
        return;
    double now_s = seconds(), done = runs_done(p), passed_s = now_s - p->started_at_s;
    if (done > 0)
        print_duration(passed_s * ((double)p->runs - done) / done, left, sizeof left);
    int length = snprintf(state, sizeof state, "%zu of %zu runs%s%s%s", p->ended, p->runs, done > 0 ? ", " : "", left,
                          done > 0 ? " left" : "");
    size_t width = stderr_width(), used = (size_t)length + 4, cells = width > used ? width - used : 0;
    cells = cells < BAR_MAX ? cells : BAR_MAX;
    for (size_t i = 0; i < cells; i++)
        bar[i] = (double)i < (double)cells * done / (double)p->runs ? '#' : '.';
    p->bar_is_shown = true;                             /* or something else may be: it is erased first */
    if (cells >= BAR_MIN)
        say(p, "[%s] %s", bar, state);
    else
        say(p, "%.*s", (int)width - 1, state);
    p->bar_is_shown = true;
}
