/* The progress display: which event prints what, in each style, and how the bar fits its line. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "weft/report.h"

#define ERASE "\r\033[K"

struct display { char *text; size_t length; FILE *stream; weft_progress *progress; };

static void display_open(struct display *d, weft_progress_style style)
{
    d->stream = open_memstream(&d->text, &d->length);
    assert_non_null(d->stream);
    d->progress = weft_progress_create(style, d->stream);
    assert_non_null(d->progress);
}

/* All that was printed since the last call. */
static const char *printed(struct display *d)
{
    static char since[8192];
    assert_int_equal(fflush(d->stream), 0);
    assert_true(d->length < sizeof since);
    memcpy(since, d->text, d->length);
    since[d->length] = '\0';
    rewind(d->stream);
    return since;
}

static void display_close(struct display *d)
{
    weft_progress_destroy(d->progress);
    fclose(d->stream);
    free(d->text);
}

static const weft_event STARTED = {
    .kind = WEFT_EVENT_STARTED, .step = 100, .total_steps = 1100, .text = "784-10, 2 threads"};

static weft_event evaluated(void)
{
    return (weft_event){.kind = WEFT_EVENT_EVALUATED, .step = 200, .total_steps = 1100, .epoch = 2, .total_epochs = 11,
                        .elapsed_s = 5, .samples_per_s = 51234.4, .epoch_loss = 0.5, .epoch_accuracy = 0.875,
                        .train = {1, 0.3012, 0.2512, 0.9102, NAN, NAN}, .validation = {1, 0.3122, 0.2622, 0.9061, NAN, NAN}, .is_best = 1};
}

static void lines_are_plain(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_LINES);
    weft_event e = evaluated();
    weft_progress_event(d.progress, &STARTED);
    assert_string_equal(printed(&d), "784-10, 2 threads\n");
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_PROGRESS, .step = 150, .total_steps = 1100});
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_SAVED, .saved_step = 150});
    assert_string_equal(printed(&d), "");
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), "                   train                    validation\n"
                                     "   step   epoch    cost    loss accuracy    cost    loss accuracy samples/s\n"
                                     "    200    2.00  0.3012  0.2512   0.9102  0.3122  0.2622   0.9061     51234 best\n");
    e.is_best = 0;
    e.step = 300;
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), "    300    2.00  0.3012  0.2512   0.9102  0.3122  0.2622   0.9061     51234\n");
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_NOTE, .text = "save failed"});
    assert_string_equal(printed(&d), "note: save failed\n");
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_FINISHED, .text = "epochs"});
    assert_string_equal(printed(&d), "");
    display_close(&d);
}

static void head_follows_the_splits(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_LINES);
    weft_event e = evaluated();
    weft_progress_event(d.progress, &e);
    printed(&d);
    e.train.is_evaluated = 0;
    e.validation = (weft_split_figures){0};
    e.test = (weft_split_figures){.is_evaluated = 1, .cost = 12345.678, .loss = NAN, .accuracy = 0.1};
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), "                   test\n"
                                     "   step   epoch    cost    loss accuracy samples/s\n"
                                     "    200    2.00 1.235e+04     nan   0.1000     51234 best\n");
    size_t heads = 0;
    for (size_t row = 0; row < 100; row++) {            /* in a long log the head comes again */
        weft_progress_event(d.progress, &e);
        heads += strstr(printed(&d), "step") != NULL;
    }
    assert_in_range(heads, 2, 10);
    display_close(&d);
}

static void none_has_nothing_but_notes(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_NONE);
    weft_event e = evaluated();
    weft_progress_event(d.progress, &STARTED);
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), "");
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_NOTE, .text = "n"});       /* a failed save, say */
    assert_string_equal(printed(&d), "note: n\n");
    display_close(&d);
}

static void auto_is_lines_where_there_is_no_terminal(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_AUTO);
    weft_event e = evaluated();
    weft_progress_event(d.progress, &e);
    assert_null(strchr(printed(&d), '\r'));
    display_close(&d);
}

static void bar_is_drawn_over_itself(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_BAR);
    weft_event e = evaluated();
    weft_progress_event(d.progress, &STARTED);
    assert_string_equal(printed(&d), "784-10, 2 threads\n");
    e.kind = WEFT_EVENT_PROGRESS;                       /* 100 steps in 5 s: the other 900 will take 45 */
    weft_progress_event(d.progress, &e);
    const char *text = printed(&d);
    assert_string_equal(text, ERASE "epoch 2.00/11 [##.........] loss 0.5000, acc 0.8750, 51234 samples/s, 0:45 left");
    assert_int_equal(strlen(text), strlen(ERASE) + 79); /* of 80 columns */
    e.elapsed_s += 0.01;
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), "");               /* too soon to draw again */
    e.elapsed_s += 1;
    weft_progress_event(d.progress, &e);
    assert_int_equal(strncmp(printed(&d), ERASE "epoch", strlen(ERASE "epoch")), 0);
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_NOTE, .text = "save failed"});
    assert_string_equal(printed(&d), ERASE "note: save failed\n");
    e.kind = WEFT_EVENT_EVALUATED;
    weft_progress_event(d.progress, &e);
    text = printed(&d);
    assert_int_equal(strncmp(text, "                   train ", 25), 0);
    assert_non_null(strstr(text, " best\n" ERASE "epoch"));
    weft_progress_event(d.progress, &(weft_event){.kind = WEFT_EVENT_FINISHED, .text = "epochs"});
    assert_string_equal(printed(&d), ERASE);
    display_close(&d);
}

/* No end is known: no bar and no time left. No rows trained yet: no loss. */
static void bar_says_only_what_is_known(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_BAR);
    weft_event e = {.kind = WEFT_EVENT_PROGRESS, .step = 12, .epoch = 0.5, .elapsed_s = 3723.9, .epoch_loss = NAN};
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d), ERASE "epoch 0.50, step 12, 0 samples/s, 1:02:03 so far");
    e = (weft_event){.kind = WEFT_EVENT_PROGRESS, .total_steps = 10, .total_epochs = 2.5, .elapsed_s = 3800};
    weft_progress_event(d.progress, &e);
    assert_string_equal(printed(&d),
                        ERASE "epoch 0.00/2.5 [..................................] 0 samples/s, 1:03:20 so far");
    weft_progress_destroy(d.progress);                  /* ends its line */
    assert_string_equal(printed(&d), ERASE);
    d.progress = NULL;
    display_close(&d);
}

static void numbers_of_any_size_fit_the_line(void **state)
{
    (void)state;
    struct display d;
    display_open(&d, WEFT_PROGRESS_BAR);
    weft_event e = {.kind = WEFT_EVENT_PROGRESS, .step = UINT64_MAX / 2, .total_steps = UINT64_MAX, .epoch = 1e300,
                    .total_epochs = 1e300, .elapsed_s = 1e300, .samples_per_s = 1e300, .epoch_loss = 1e300,
                    .epoch_accuracy = 1e300, .train = {1, 1e300, -1e300, 1e300, NAN, NAN}, .test = {1, INFINITY, -INFINITY, NAN, NAN, NAN}};
    weft_progress_event(d.progress, &e);
    assert_int_equal(strlen(printed(&d)), strlen(ERASE) + 79);
    e.kind = WEFT_EVENT_EVALUATED;
    weft_progress_event(d.progress, &e);
    assert_non_null(strstr(printed(&d), ERASE "epoch"));
    display_close(&d);
}

/* ---- nobody reads ---- */

/* A stream on a pipe of one page, and the other end of it. */
static FILE *pipe_stream(int *reader, const char *mode)
{
    int end[2];
    assert_int_equal(pipe(end), 0);
    assert_int_equal(fcntl(end[1], F_SETPIPE_SZ, 4096), 4096);
    *reader = end[0];
    FILE *stream = fdopen(end[1], mode);
    assert_non_null(stream);
    return stream;
}

static void fill(FILE *stream)
{
    static const char page[4096] = "full";
    assert_int_equal(write(fileno(stream), page, sizeof page), sizeof page);
}

static const char *taken_from(int reader)
{
    static char text[8192];
    ssize_t got = read(reader, text, sizeof text - 1);
    assert_true(got >= 0);
    text[got] = '\0';
    return text;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void lines_that_nobody_takes_are_left_out(void **state)
{
    (void)state;
    int reader;
    FILE *stream = pipe_stream(&reader, "w");
    weft_progress *progress = weft_progress_create(WEFT_PROGRESS_LINES, stream);
    const weft_event note = {.kind = WEFT_EVENT_NOTE, .text = "save failed"};
    weft_event e = evaluated();
    weft_progress_event(progress, &e);
    assert_non_null(strstr(taken_from(reader), "validation"));
    fill(stream);
    double began_s = seconds();
    weft_progress_event(progress, &note);               /* waits, for a second at most; those that follow do not */
    assert_true(seconds() - began_s >= 0.9);
    for (int i = 0; i < 1000; i++)
        weft_progress_event(progress, i % 2 == 0 ? &note : &e);
    assert_true(seconds() - began_s < 30);
    assert_string_equal(taken_from(reader), "full");
    weft_progress_event(progress, &e);                  /* the head of rows that were left out comes with the next */
    const char *text = taken_from(reader);
    assert_int_equal(strncmp(text, "note: 1001 lines were left out here: nobody was reading\n   ", 58), 0);
    assert_non_null(strstr(text, "validation"));
    assert_non_null(strstr(text, " best\n"));
    weft_progress_event(progress, &note);
    assert_string_equal(taken_from(reader), "note: save failed\n");
    weft_progress_destroy(progress);
    fclose(stream);
    assert_string_equal(taken_from(reader), "");        /* and nobody holds the pipe any more */
    close(reader);
}

static void bar_that_nobody_takes_is_drawn_when_somebody_does(void **state)
{
    (void)state;
    int reader;
    FILE *stream = pipe_stream(&reader, "w");
    weft_progress *progress = weft_progress_create(WEFT_PROGRESS_BAR, stream);
    weft_event e = evaluated();
    e.kind = WEFT_EVENT_PROGRESS;
    weft_progress_event(progress, &e);
    assert_non_null(strstr(taken_from(reader), "epoch 2.00/11"));
    fill(stream);
    e.elapsed_s += 1;
    weft_progress_event(progress, &e);
    weft_progress_event(progress, &(weft_event){.kind = WEFT_EVENT_FINISHED, .text = "epochs"});
    assert_string_equal(taken_from(reader), "full");
    e.elapsed_s += 1;
    e.epoch = 3;
    weft_progress_event(progress, &e);
    assert_non_null(strstr(taken_from(reader), "epoch 3.00/11"));
    weft_progress_destroy(progress);
    assert_string_equal(taken_from(reader), ERASE);
    fclose(stream);
    close(reader);
}

/* All that a terminal has kept, which its kernel moves on in pieces. */
static size_t drain(int reader, char *text, size_t capacity)
{
    size_t length = 0;
    for (int empty = 0; empty < 5;) {
        ssize_t got = read(reader, text + length, capacity - 1 - length);
        length += got > 0 ? (size_t)got : 0;
        empty = got > 0 ? 0 : empty + 1;
        if (got <= 0)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    text[length] = '\0';
    return length;
}

/* A terminal takes what there is room for, be it a part of a line: the rest of that comes before the next. */
static void lines_stay_whole_on_a_terminal(void **state)
{
    (void)state;
    enum { WIDTHS = 30, TEXT_BYTES = 1 << 22 };
    int reader = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (reader < 0 || grantpt(reader) != 0 || unlockpt(reader) != 0)
        skip();
    FILE *stream = fopen(ptsname(reader), "w");
    char *text = malloc(TEXT_BYTES);
    assert_non_null(stream);
    assert_non_null(text);
    weft_progress *progress = weft_progress_create(WEFT_PROGRESS_LINES, stream);
    weft_event e = evaluated();
    size_t length = 0, stalls = 0;
    for (int width = 0; width < WIDTHS; width++) {      /* rows of 81 columns and more */
        e.samples_per_s = pow(10, 10 + width);
        for (int i = 0; i < 1000; i++)                  /* some 100 KB, which no terminal keeps */
            weft_progress_event(progress, &e);
        length += drain(reader, text + length, TEXT_BYTES - length);
    }
    weft_progress_event(progress, &e);
    drain(reader, text + length, TEXT_BYTES - length);
    for (char *line = strtok(text, "\r\n"); line != NULL; line = strtok(NULL, "\r\n")) {
        size_t columns = strlen(line);
        bool is_row = strncmp(line, "    200    2.00  0.3012", 23) == 0 && columns > 80 && columns < 81 + WIDTHS;
        bool is_note = strncmp(line, "note: ", 6) == 0 && strcmp(line + columns - 18, "nobody was reading") == 0;
        bool is_head = strncmp(line, "   step   epoch", 15) == 0 || strncmp(line, "                   train  ", 26) == 0;
        stalls += is_note;
        if (!is_note && !is_head && !(is_row && strcmp(line + columns - 5, " best") == 0))
            fail_msg("not whole: '%s'", line);
    }
    assert_true(stalls >= WIDTHS);
    weft_progress_destroy(progress);
    fclose(stream);
    close(reader);
    free(text);
}

static void short_memory_gives_no_display(void **state)
{
    (void)state;
    memory_fail_from(1);
    weft_progress *progress = weft_progress_create(WEFT_PROGRESS_LINES, stderr);
    memory_fail_from(0);
    assert_null(progress);
    weft_progress_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_plain),
        cmocka_unit_test(head_follows_the_splits),
        cmocka_unit_test(none_has_nothing_but_notes),
        cmocka_unit_test(auto_is_lines_where_there_is_no_terminal),
        cmocka_unit_test(bar_is_drawn_over_itself),
        cmocka_unit_test(bar_says_only_what_is_known),
        cmocka_unit_test(numbers_of_any_size_fit_the_line),
        cmocka_unit_test(lines_that_nobody_takes_are_left_out),
        cmocka_unit_test(bar_that_nobody_takes_is_drawn_when_somebody_does),
        cmocka_unit_test(lines_stay_whole_on_a_terminal),
        cmocka_unit_test(short_memory_gives_no_display),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
