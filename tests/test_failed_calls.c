/* Each system call of a run fails in turn, once and for ever, with each error that a disk may have: nothing that was said to be
 * saved is lost, the message names file and cause, and going on comes to the same bytes. Likewise the other calls of the library
 * that read or write files. */
#include "operation_samples.h"

#include <stdatomic.h>

#include "base/fault.h"

/* ---- which call fails how ---- */

enum way { ONCE, FOR_EVER, FOR_EVER_THAT_CALL, WAYS };
static const char *const way_name[WAYS] = {"once", "for ever", "for ever that call"};

static const struct { const char *name; int number; } kind[] = {
    {"ENOSPC", ENOSPC}, {"EIO", EIO}, {"EDQUOT", EDQUOT}, {"EINTR", EINTR}, {"EACCES", EACCES}, {"EMFILE", EMFILE},
    {"short", FAULT_SHORT}};

static struct {
    size_t nth;                         /* 0: none fails */
    int number;
    enum way way;
    const char *call;                   /* name of the nth */
    atomic_size_t calls, failed;
    atomic_bool harmful;                /* one failed whose failure must be told */
} plan;

/* Only these are interrupted on a local disk, and a second try does it. */
static bool may_be_interrupted(const char *call)
{
    static const char *const name[] = {"openat", "read", "pread", "write", "fsync", "flock", "close"};
    for (size_t i = 0; i < COUNT(name); i++)
        if (strcmp(call, name[i]) == 0)
            return true;
    return false;
}

static bool is_chosen(size_t index, const char *call)
{
    if (plan.nth == 0 || index < plan.nth)
        return false;
    if (index == plan.nth)
        plan.call = call;
    if (plan.way == ONCE)
        return index == plan.nth;
    if (plan.number == EINTR && (index - plan.nth) % 2 != 0)    /* else the second try would never come */
        return false;
    return plan.way == FOR_EVER || strcmp(call, plan.call) == 0;
}

/* Resuming looks at an older checkpoint only to see whether it belongs to the run: it may be unreadable. The linker brings the
 * call here. */
static atomic_bool may_be_unreadable;
weft_status __real_run_directory_load_before(struct run_directory *, int64_t, struct snapshot **, int64_t *);
weft_status __wrap_run_directory_load_before(struct run_directory *, int64_t, struct snapshot **, int64_t *);
weft_status __wrap_run_directory_load_before(struct run_directory *directory, int64_t before, struct snapshot **snapshot, int64_t *step)
{
    atomic_store(&may_be_unreadable, true);
    weft_status st = __real_run_directory_load_before(directory, before, snapshot, step);
    atomic_store(&may_be_unreadable, false);
    return st;
}

static int fail_nth(const char *call)
{
    size_t index = atomic_fetch_add(&plan.calls, 1) + 1;
    if (!is_chosen(index, call) || (plan.number == EINTR && !may_be_interrupted(call)))
        return 0;
    atomic_fetch_add(&plan.failed, 1);
    bool is_tidying = strcmp(call, "unlinkat") == 0;            /* of a temporary file, which the next start removes */
    bool is_of_older = atomic_load(&may_be_unreadable) && strstr(call, "dir") == NULL;
    if (plan.number != FAULT_SHORT && plan.number != EINTR && !is_tidying && !is_of_older)
        atomic_store(&plan.harmful, true);
    return plan.number;
}

static void faults_begin(const char *of, size_t nth, size_t k, enum way way)
{
    plan.nth = nth;
    plan.number = kind[k].number;
    plan.way = way;
    plan.call = "none";
    atomic_store(&plan.calls, 0);
    atomic_store(&plan.failed, 0);
    atomic_store(&plan.harmful, false);
    snprintf(the_case, sizeof the_case, "%s: call %zu: %s %s", of, nth, kind[k].name, way_name[way]);
    file_set_fault(fail_nth);
}

static void faults_end(void)
{
    file_set_fault(NULL);
    snprintf(the_case + strlen(the_case), sizeof the_case - strlen(the_case), " (%s)", plan.call);
}

/* ---- what is said of it ---- */

static bool names_file_and_cause(const char *text)
{
    return strstr(text, scratch) != NULL && strstr(text, strerror(plan.number)) != NULL;
}

static bool is_told_in_a_note(const struct told *told)
{
    for (size_t i = 0; i < told->notes && i < COUNT(told->note); i++)
        if (names_file_and_cause(told->note[i]))
            return true;
    return false;
}

/* A call of the library that came back with st after the faults. */
static void expect_told(weft_status st, const struct told *told)
{
    const char *message = weft_last_error();
    if (!atomic_load(&plan.harmful)) {
        expect(st == WEFT_OK && told->notes == 0, "changed something: %s%s", st != WEFT_OK ? message : "", told->note[0]);
        return;
    }
    expect(st == WEFT_OK || st == WEFT_EIO || st == WEFT_ECREATE || st == WEFT_ENOINPUT || st == WEFT_EDAMAGED, "%s: %s",
           weft_strerror(st), message);
    expect(st == WEFT_OK || names_file_and_cause(message), "the message is: %s", message);
    expect(st != WEFT_OK || is_told_in_a_note(told), "nothing was told of it, but: %s", told->note[0]);
    for (size_t i = 0; i < told->notes && i < COUNT(told->note); i++)
        expect(names_file_and_cause(told->note[i]), "the note is: %s", told->note[i]);
}

/* ---- runs ---- */

/* prepare makes what is there before, go is the run, in "run". */
struct kind_of_run {
    const char *name;
    void (*prepare)(void);
    weft_status (*go)(const weft_settings *settings, struct told *told);
    int64_t saved_before;
    size_t saves;                       /* told if nothing fails */
};

static void prepare_nothing(void)
{
}

static weft_status go_new(const weft_settings *settings, struct told *told)
{
    return start_run("run", settings, told);
}

static void prepare_cut(void)
{
    copy_directory("cut", "run");
    put_file(in_scratch("run/.step-9.h5" DEAD_PROCESS "7"), "half", 4);
}

static weft_status go_resume(const weft_settings *settings, struct told *told)
{
    (void)settings;
    return resume_run("run", told);
}

static const struct kind_of_run kind_of_run[] = {
    {"a new run", prepare_nothing, go_new, -1, 4}, {"a resumed run", prepare_cut, go_resume, CUT_AT, 2}};

/* How many system calls there are without a fault. */
static size_t count_calls(const struct kind_of_run *of, const weft_settings *settings)
{
    struct told told = {.saved_step = -1};
    of->prepare();
    faults_begin(of->name, 0, 0, ONCE);
    weft_status st = of->go(settings, &told);
    faults_end();
    expect(st == WEFT_OK && told.saves == of->saves, "%zu saves, %s", told.saves, weft_last_error());
    clear_directory("run");
    return atomic_load(&plan.calls);
}

static void run_with_fault(const struct kind_of_run *of, const weft_settings *settings, size_t nth, size_t k, enum way way)
{
    static struct told told;
    told = (struct told){.saved_step = of->saved_before};
    of->prepare();
    faults_begin(of->name, nth, k, way);
    weft_status st = of->go(settings, &told);
    faults_end();
    expect_told(st, &told);
    expect(st != WEFT_OK || told.saved_step == STEPS, "over, but the newest that was said to be saved is %lld",
           (long long)told.saved_step);
    if (way == ONCE && (st == WEFT_OK || told.notes > 0))       /* a note says that the run goes on */
        expect(st == WEFT_OK && told.saves + 1 >= of->saves, "%zu saves were told, one that fails is tried again at the next "
               "interval: %s", told.saves, weft_last_error());
    expect_recovery("run", told.saved_step, settings, way != ONCE);
    clear_directory("run");
}

static void each_call_of_a_run_fails(void **state)
{
    (void)state;
    weft_settings *settings = small_settings();
    for (size_t r = 0; r < COUNT(kind_of_run); r++) {
        size_t calls = count_calls(&kind_of_run[r], settings);
        struct cases cases = cases_begin(127);
        for (size_t nth = 1; nth <= calls; nth++)
            for (size_t k = 0; k < COUNT(kind); k++)
                for (enum way way = ONCE; way < WAYS; way++)
                    if (cases_take(&cases))
                        run_with_fault(&kind_of_run[r], settings, nth, k, way);
        char text[100];
        snprintf(text, sizeof text, "%s of %zu system calls", kind_of_run[r].name, calls);
        cases_end(&cases, text);
    }
    weft_settings_destroy(settings);
}

/* ---- other calls ---- */

static void fail_operation(const struct operation *of, const struct outcome *outcome, size_t nth, size_t k, enum way way)
{
    static const struct told nothing;
    size_t temporaries;
    clear_outputs(of);
    faults_begin(of->name, nth, k, way);
    weft_status st = of->go();
    faults_end();
    const char *message = weft_last_error();
    bool is_harmed = atomic_load(&plan.harmful);
    if (!is_harmed)
        expect_told(st, &nothing);
    else if (st != WEFT_OK)
        expect(names_file_and_cause(message), "%s: %s", weft_strerror(st), message);
    else
        expect(passes_over(of), "nothing was told of it");
    if (!is_harmed || !passes_over(of))
        expect_outcome(of, outcome, st == WEFT_OK);
    expect(bury_temporaries("out", &temporaries) + bury_temporaries("sweep", &temporaries) <= 1, "several temporary files are left");
    st = of->go();
    expect(st == WEFT_OK, "again without faults: %s", weft_last_error());
    expect_outcome(of, outcome, true);
}

static void each_call_of_an_operation_fails(void **state)
{
    (void)state;
    struct cases cases = cases_begin(89);
    for (size_t o = 0; o < COUNT(operation); o++) {
        struct outcome outcome;
        clear_outputs(&operation[o]);
        faults_begin(operation[o].name, 0, 0, ONCE);
        weft_status st = operation[o].go();
        faults_end();
        expect(st == WEFT_OK, "%s", weft_last_error());
        outcome_take(&operation[o], &outcome);
        size_t calls = atomic_load(&plan.calls);
        expect(calls > 0, "no system call was seen");
        for (size_t nth = 1; nth <= calls; nth++)
            for (size_t k = 0; k < COUNT(kind); k++)
                for (enum way way = ONCE; way < WAYS; way++)
                    if (cases_take(&cases))
                        fail_operation(&operation[o], &outcome, nth, k, way);
        outcome_clear(&outcome);
    }
    cases_end(&cases, "evaluation, prediction and the like");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_call_of_an_operation_fails),
        cmocka_unit_test(each_call_of_a_run_fails),
    };
    return cmocka_run_group_tests_name("failed_calls", tests, operations_make, operations_remove);
}
