/* See sweep_progress.h. */
#include "cli/sweep_progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
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

static void erase(struct sweep_progress *p)
{
    if (p->bar_is_shown)
        fputs(ERASE_LINE, stderr);
    p->bar_is_shown = false;
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
    if (p->style != WEFT_PROGRESS_NONE)
        fprintf(stderr, "%zu combination%s, %zu run%s, %zu of them over; %zu at a time%s%s%s, %zu thread%s in all\n", sweep->combinations,
                plural(sweep->combinations), sweep->runs, plural(sweep->runs), sweep->runs - p->runs, share->side_by_side,
                is_chosen ? " (" : "", is_chosen ? share->reason : "", is_chosen ? ")" : "", share->threads, plural(share->threads));
}

void sweep_progress_end(struct sweep_progress *p)
{
    erase(p);
    if (p->style != WEFT_PROGRESS_NONE)
        fprintf(stderr, "%.1f s for %zu run%s\n", seconds() - p->started_at_s, p->ended, plural(p->ended));
}

static void tell_output(const char *name, const char *output)
{
    for (const char *line = output; line != NULL && *line != '\0';) {
        size_t length = strcspn(line, "\n");
        fprintf(stderr, "%s: %.*s\n", name, (int)length, line);
        line += length + (line[length] != '\0');
    }
}

static void tell_end(const struct sweep_progress *p, const char *name, const struct sweep_run_news *news)
{
    char score[64] = "";
    if (news->split[0] != '\0' && !isnan(news->accuracy))
        snprintf(score, sizeof score, ", %s accuracy %.4f", news->split, news->accuracy);
    else if (news->split[0] != '\0' && !isnan(news->r2))
        snprintf(score, sizeof score, ", %s R^2 %.4f", news->split, news->r2);
    const char *reason = news->stop_reason[0] != '\0' ? news->stop_reason : "request";
    fprintf(stderr, "[%zu/%zu] %s: %s; %" PRIu64 " steps%s, %.1f s on %zu thread%s\n", p->ended, p->runs, name, run_stop_words(reason),
            news->steps, score, news->training_time_s, news->threads, plural(news->threads));
}

void sweep_progress_ended(struct sweep_progress *p, size_t i, const struct job_end *end, const char *failure)
{
    char name[256];
    sweep_progress_name(p->sweep, p->run[i], name, sizeof name);
    erase(p);
    p->has_ended[i] = true;
    p->ended++;
    tell_output(name, end->output);
    if (end->exit_code > 128)
        fprintf(stderr, "%s: %s\n", name, failure);          /* it could not say that itself */
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
    if (p->style != WEFT_PROGRESS_BAR)
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
    if (cells >= BAR_MIN)
        fprintf(stderr, "%s[%s] %s", ERASE_LINE, bar, state);
    else
        fprintf(stderr, "%s%.*s", ERASE_LINE, (int)width - 1, state);
    fflush(stderr);
    p->bar_is_shown = true;
}
