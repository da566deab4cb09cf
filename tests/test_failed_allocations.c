/* Each allocation of the library fails in turn, once and for ever: WEFT_ENOMEM, or a note where the run can go on; nothing that
 * was said to be saved is lost, and going on comes to the same bytes. A leak checker shows that nothing is left behind. */
#include "operation_samples.h"

enum way { ONCE, FOR_EVER, WAYS };
static const char *const way_name[WAYS] = {"once", "for ever"};

static void failures_begin(const char *of, size_t nth, enum way way)
{
    snprintf(the_case, sizeof the_case, "%s: allocation %zu %s", of, nth, way_name[way]);
    if (way == ONCE)
        memory_fail_once(nth);
    else
        memory_fail_from(nth);
}

static size_t failures_end(void)
{
    memory_fail_from(0);
    return memory_failures();
}

static bool speaks_of_memory(const char *text)
{
    return strstr(text, "memory") != NULL;
}

/* ---- runs ---- */

static weft_status go_new(const weft_settings *settings, struct told *told)
{
    return start_run("run", settings, told);
}

static weft_status go_resume(const weft_settings *settings, struct told *told)
{
    (void)settings;
    return resume_run("run", told);
}

static const struct kind_of_run {
    const char *name, *before;          /* a copy of this one is there before; NULL: nothing */
    weft_status (*go)(const weft_settings *settings, struct told *told);
    int64_t saved_before;
} kind_of_run[] = {{"a new run", NULL, go_new, -1}, {"a resumed run", "cut", go_resume, CUT_AT}};

/* Returns false if it has no nth allocation. */
static bool run_with_failure(const struct kind_of_run *of, size_t nth, enum way way)
{
    static struct told told;
    told = (struct told){.saved_step = of->saved_before};
    if (of->before != NULL)
        copy_directory(of->before, "run");
    failures_begin(of->name, nth, way);
    weft_status st = of->go(sample_settings, &told);
    size_t failures = failures_end();
    expect(st == WEFT_OK || st == WEFT_ENOMEM, "%s: %s", weft_strerror(st), weft_last_error());
    expect(st == WEFT_OK || speaks_of_memory(weft_last_error()), "the message is: %s", weft_last_error());
    expect(st != WEFT_OK || told.saved_step == STEPS, "over, but the newest that was said to be saved is %lld",
           (long long)told.saved_step);
    expect(st != WEFT_OK || failures == 0 || told.notes > 0, "nothing was told of it");
    expect(st == WEFT_OK || way != ONCE || told.notes == 0, "a note says that the run goes on, but: %s", weft_last_error());
    for (size_t i = 0; i < told.notes && i < COUNT(told.note); i++)
        expect(speaks_of_memory(told.note[i]), "the note is: %s", told.note[i]);
    expect_recovery("run", told.saved_step, sample_settings, false);
    clear_directory("run");
    return failures > 0;
}

static void each_allocation_of_a_run_fails(void **state)
{
    (void)state;
    for (size_t r = 0; r < COUNT(kind_of_run); r++) {
        struct cases cases = cases_begin(211);
        size_t nth = 1;
        for (bool fails = true; fails; nth++)
            for (enum way way = ONCE; way < WAYS; way++)
                if (cases_take(&cases))
                    fails &= run_with_failure(&kind_of_run[r], nth, way);
        char text[100];
        snprintf(text, sizeof text, "%s of some %zu allocations", kind_of_run[r].name, nth);
        cases_end(&cases, text);
    }
}

/* ---- other calls ---- */

static bool operation_with_failure(const struct operation *of, const struct outcome *outcome, size_t nth, enum way way)
{
    clear_outputs(of);
    failures_begin(of->name, nth, way);
    weft_status st = of->go();
    size_t failures = failures_end();
    expect((st == WEFT_OK && failures == 0) || st == WEFT_ENOMEM, "%s: %s", weft_strerror(st), weft_last_error());
    expect(st == WEFT_OK || speaks_of_memory(weft_last_error()), "the message is: %s", weft_last_error());
    expect_outcome(of, outcome, st == WEFT_OK);
    st = of->go();
    expect(st == WEFT_OK, "again with memory: %s", weft_last_error());
    expect_outcome(of, outcome, true);
    return failures > 0;
}

static void each_allocation_of_an_operation_fails(void **state)
{
    (void)state;
    struct cases cases = cases_begin(83);
    for (size_t o = 0; o < COUNT(operation); o++) {
        struct outcome outcome;
        clear_outputs(&operation[o]);
        weft_status st = operation[o].go();
        expect(st == WEFT_OK, "%s: %s", operation[o].name, weft_last_error());
        outcome_take(&operation[o], &outcome);
        size_t nth = 1;
        for (bool fails = true; fails; nth++)
            for (enum way way = ONCE; way < WAYS; way++)
                if (cases_take(&cases))
                    fails &= operation_with_failure(&operation[o], &outcome, nth, way);
        outcome_clear(&outcome);
    }
    cases_end(&cases, "evaluation, prediction and the like");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_of_an_operation_fails),
        cmocka_unit_test(each_allocation_of_a_run_fails),
    };
    return cmocka_run_group_tests_name("failed_allocations", tests, operations_make, operations_remove);
}
