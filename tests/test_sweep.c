/* Sweeps: which combinations and runs a file gives, what they are called, where a fault is; sweep.ini there and back; what a
 * directory says of a run; mean and standard deviation against their definition; memory that runs out anywhere. */
#include "run_samples.h"

#include <math.h>

#include "sweep/sweep.h"

static char path[80], out[80];          /* sweep.ini, and the directory of the sweep */

static void ini_write(const char *text)
{
    snprintf(path, sizeof path, "%s/sweep.ini", scratch);
    snprintf(out, sizeof out, "%s/out", scratch);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static weft_sweep *sweep_load(const char *text)
{
    weft_sweep *sweep;
    ini_write(text);
    if (weft_sweep_load(path, 0, NULL, out, &sweep) != WEFT_OK)
        fail_msg("%s", weft_last_error());
    return sweep;
}

static void assert_setting(const weft_settings *settings, const char *name, const char *wanted)
{
    char text[SETTING_TEXT_SIZE_BYTES];
    assert_ok(weft_settings_get(settings, name, text, sizeof text));
    assert_string_equal(text, wanted);
}

/* ---- combinations and runs ---- */

static const char GRID[] =
    "[network]\nhidden = 7\n[train]\nseed = 9\n[run]\nthreads = 3\n"
    "[sweep]\nseeds = 4, 2\nregularization.l2 = 0 | 1e-1 ; two\nnetwork.batch_norm = none |\n  after | before\n";

static void a_grid_is_every_combination(void **state)
{
    (void)state;
    static const char *const name[] = {"l2=0, batch_norm=none", "l2=0, batch_norm=after", "l2=0, batch_norm=before",
                                       "l2=0.1, batch_norm=none", "l2=0.1, batch_norm=after", "l2=0.1, batch_norm=before"};
    weft_sweep *sweep = sweep_load(GRID);
    assert_int_equal(sweep->combinations, 6);
    assert_int_equal(sweep->runs, 12);
    assert_int_equal(sweep->threads, 3);
    assert_string_equal(sweep->name, "out");
    for (size_t c = 0; c < 6; c++)
        assert_string_equal(sweep->combination[c].name, name[c]);
    for (size_t i = 0; i < 12; i++) {
        char directory[128];
        const weft_sweep_run *run = &sweep->run[i];
        assert_int_equal(run->combination, i / 2);
        assert_int_equal(run->seed, i % 2 == 0 ? 4 : 2);
        snprintf(directory, sizeof directory, "%s/l2=%s_batch_norm=%s/seed-%d", out, i < 6 ? "0" : "0.1", strrchr(name[i / 2], '=') + 1,
                 (int)run->seed);
        assert_string_equal(run->directory, directory);
        assert_setting(run->settings, "network.hidden", "7");
        assert_setting(run->settings, "train.seed", i % 2 == 0 ? "4" : "2");
        assert_setting(run->settings, "regularization.l2", i < 6 ? "0" : "0.1");
        assert_setting(run->settings, "network.batch_norm", strrchr(name[i / 2], '=') + 1);
        assert_setting(run->settings, "run.threads", "0");
    }
    assert_int_equal(sweep->combination[5].settings, 2);
    assert_string_equal(sweep->combination[5].setting[0].name, "regularization.l2");
    assert_string_equal(sweep->combination[5].setting[1].value, "before");
    weft_sweep_destroy(sweep);
}

static void listed_combinations_go_with_every_value(void **state)
{
    (void)state;
    weft_sweep *sweep = sweep_load("[train]\nseed = 5\n[sweep plain]\n[sweep  drop / .5 ]\nnetwork.dropout = 0.5\ntrain.epochs = 3\n"
                                   "[sweep]\noptimizer.name = sgd | adam\n");
    static const char *const name[] = {"plain, optimizer=sgd", "plain, optimizer=adam", "drop / .5, optimizer=sgd",
                                       "drop / .5, optimizer=adam"};
    assert_int_equal(sweep->combinations, 4);
    assert_int_equal(sweep->runs, 4);
    for (size_t c = 0; c < 4; c++) {
        assert_string_equal(sweep->combination[c].name, name[c]);
        assert_setting(sweep->run[c].settings, "network.dropout", c < 2 ? "0" : "0.5");
        assert_setting(sweep->run[c].settings, "train.epochs", c < 2 ? "20" : "3");
        assert_setting(sweep->run[c].settings, "optimizer.name", c % 2 == 0 ? "sgd" : "adam");
        assert_int_equal(sweep->run[c].seed, 5);
    }
    assert_string_equal(sweep->run[3].directory + strlen(out), "/drop_.5_optimizer=adam/seed-5");
    weft_sweep_destroy(sweep);
    sweep = sweep_load("[sweep]\n");
    assert_int_equal(sweep->runs, 1);
    assert_string_equal(sweep->combination[0].name, "base");
    weft_sweep_destroy(sweep);
    sweep = sweep_load("[sweep]\nschedule.patience = 1 epochs | 2 epochs\ntrain.patience = 3 steps\nnetwork.hidden = | 20, 7\n");
    assert_string_equal(sweep->combination[1].name, "schedule.patience=1 epochs, train.patience=3 steps, hidden=20, 7");
    assert_string_equal(sweep->combination[0].name, "schedule.patience=1 epochs, train.patience=3 steps, hidden=none");
    weft_sweep_destroy(sweep);
}

static void names_become_directories(void **state)
{
    (void)state;
    static const char *const row[][2] = {
        {"plain", "plain"}, {"l2=0.1, batch_norm=after", "l2=0.1_batch_norm=after"}, {"a/b", "a_b"}, {"..", "_."}, {".", "_"}, {"", "_"},
        {"/", "_"}, {"-rf", "_rf"}, {".hidden", "_hidden"}, {"../../etc", "_._.._etc"}, {"hidden=20, 7, 5", "hidden=20_7_5"},
        {"größer", "größer"}, {"a*?\"<>|b", "a_b"}, {"x\\y", "x_y"}, {"1e-05", "1e-05"}};
    for (size_t i = 0; i < COUNT(row); i++) {
        char *name = sweep_directory_name(row[i][0]);
        assert_string_equal(name, row[i][1]);
        memory_free(name);
    }
    char a[400], b[400];
    memset(a, 'x', sizeof a);
    memcpy(b, a, sizeof a);
    a[399] = b[399] = '\0';
    b[398] = 'y';
    char *of_a = sweep_directory_name(a), *of_b = sweep_directory_name(b);
    assert_true(strlen(of_a) < 140);
    assert_string_not_equal(of_a, of_b);
    memory_free(of_a);
    memory_free(of_b);
}

/* ---- faults ---- */

static void faults_name_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *wanted; } row[] = {
        {"[train]\nseed = 1\n", "sweep.ini: found no section [sweep], wanted one"},
        {"[sweep]\nregularization.l3 = 0 | 1\n", ":2: unknown setting 'regularization.l3'; did you mean 'regularization.l1'?"},
        {"[sweep]\nregularization.l2 = 0 | -1\n", ":2: set regularization.l2 to '-1': wanted"},
        {"[sweep]\nregularization.l2 = 0 | \n", ":2: set regularization.l2 to '': wanted"},
        {"[sweep]\nregularization.l2 = 0.1 | 1e-1\n", ":2: regularization.l2: found the value 0.1 twice"},
        {"[sweep]\nregularization.l2 = 0\n\nregularization.l2 = 1\n", ":4: regularization.l2 is set again in [sweep]"},
        {"[sweep]\nseeds = 1, x\n", ":2: seeds: found 'x', wanted whole numbers"},
        {"[sweep]\nseeds = 1,, 2\n", ":2: seeds: found '', wanted whole numbers"},
        {"[sweep]\nseeds = 3, 2, 3\n", ":2: seeds: found 3 twice"},
        {"[sweep]\nseeds = 3\nseeds = 2\n", ":3: seeds is set again"},
        {"[sweep]\ntrain.seed = 3 | 2\n", ":2: train.seed: a combination has no seed of its own, wanted seeds ="},
        {"[sweep]\nseed = 3\n", ":2: seed: a combination has no seed of its own"},
        {"[sweep x]\nrun.threads = 3\n", ":2: run.threads: a sweep shares the threads"},
        {"[sweep x]\nseeds = 3\n", ":2: unknown setting 'seeds'"},
        {"[sweep x]\ntrain.epochs = 3\ntrain.epochs = 4\n", ":3: train.epochs is set again in [sweep x]"},
        {"[sweep x]\n[sweep x]\n", ":2: [sweep x] is there already"},
        {"[sweep x]\ntrain.epochs = 3\n[sweep]\ntrain.epochs = 4\n", "train.epochs is set in [sweep] and in [sweep x]"},
        {"[sweep a/b]\n[sweep a_b]\n", "combinations 'a/b' and 'a_b' would both go to"},
        {"[sweep summary.csv]\n", "a combination is called summary.csv, like a file of the sweep"},
        {"[sweeps]\nx = 1\n", ":2: unknown setting 'sweeps.x'"},
        {"[sweep]\ntrain.epochs = 0\n", "combination 'epochs=0': train.epochs, steps and max_time are 0"},
        {"[train]\nmax_time = 9 s\n[sweep]\ntrain.epochs = 1 | 0\n", "combination 'epochs=0': train.max_time only interrupts a run"},
        {"[sweep]\nregularization.l2 = 0 | -0\n", ":2: regularization.l2: found the value 0 twice"},
        {"[sweep] x = 1\n", ":1: found text behind [section]"},
        {"[sweep\n", ":1: found neither"},
        {"[train]\nepochs = 3\n[sweep]\n[train]\nepochs = 4\n", ":5: train.epochs is set again: line 2 has set it"},
    };
    for (size_t i = 0; i < COUNT(row); i++) {
        weft_sweep *sweep;
        ini_write(row[i].text);
        assert_int_equal(weft_sweep_load(path, 0, NULL, out, &sweep), WEFT_ESETTINGS);
        assert_null(sweep);
        if (strstr(weft_last_error(), row[i].wanted) == NULL)
            fail_msg("%s\nfound  %s\nwanted %s", row[i].text, weft_last_error(), row[i].wanted);
    }
    weft_sweep *sweep;
    assert_int_equal(weft_sweep_load("/nowhere/x.ini", 0, NULL, out, &sweep), WEFT_ENOINPUT);
    assert_int_equal(weft_sweep_load(path, 0, NULL, "", &sweep), WEFT_EINVAL);
}

static void too_many_runs_are_refused(void **state)
{
    (void)state;
    char text[4096] = "[sweep]\nseeds = 0";
    weft_sweep *sweep;
    for (int i = 1; i < 101; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i % 20 == 0 ? ",\n %d" : ", %d", i);
    strcat(text, "\ntrain.epochs = 1");
    for (int i = 2; i < 101; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), i % 20 == 0 ? " |\n %d" : " | %d", i);
    ini_write(text);                                            /* 101 x 100 */
    assert_int_equal(weft_sweep_load(path, 0, NULL, out, &sweep), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "more than 10000 runs"));
}

static void a_run_of_its_own_says_that_it_is_a_sweep(void **state)
{
    (void)state;
    static const char *const text[] = {GRID, "[sweep]\n", "[train]\nepochs = 1\n[sweep a]\n", "\xef\xbb\xbf[sweep]\nseeds = 1\n",
                                       "  [sweep]\nseeds = 1\n"};
    weft_settings *settings = weft_settings_create();
    for (size_t i = 0; i < COUNT(text); i++) {
        ini_write(text[i]);
        assert_int_equal(weft_settings_load(settings, path), WEFT_ESETTINGS);
        assert_non_null(strstr(weft_last_error(), "this file is a sweep of several runs"));
        weft_sweep_destroy(sweep_load(text[i]));
    }
    weft_settings_destroy(settings);
}

static void assignments_come_after_the_file(void **state)
{
    (void)state;
    weft_sweep *sweep;
    const char *const good[] = {"network.hidden=9", "data.source=digits:?train=99"};
    ini_write(GRID);
    assert_ok(weft_sweep_load(path, 2, good, out, &sweep));
    assert_setting(sweep->run[7].settings, "network.hidden", "9");
    assert_setting(sweep->run[7].settings, "data.source", "digits:?train=99");
    weft_sweep_destroy(sweep);
    static const char *const bad[] = {"regularization.l2=3", "network.batch_norm = none", "train.seed=3", "train.epochs=x", "train.epochs"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(weft_sweep_load(path, 1, &bad[i], out, &sweep), WEFT_ESETTINGS);
}

/* ---- the directory ---- */

static void assert_same_sweep(const weft_sweep *a, const weft_sweep *b)
{
    struct setting_difference difference;
    assert_int_equal(a->combinations, b->combinations);
    assert_int_equal(a->runs, b->runs);
    for (size_t c = 0; c < a->combinations; c++)
        assert_string_equal(a->combination[c].name, b->combination[c].name);
    for (size_t i = 0; i < a->runs; i++) {
        assert_string_equal(a->run[i].directory, b->run[i].directory);
        assert_false(sweep_differ(a->run[i].settings, b->run[i].settings, &difference));
    }
}

static void sweep_ini_goes_round(void **state)
{
    (void)state;
    char long_grid[2048] = "[train]\nepochs = 1\n[sweep]\ndata.source = ";
    for (int i = 0; i < 40; i++)
        snprintf(long_grid + strlen(long_grid), sizeof long_grid - strlen(long_grid), "%scsv:data/%d#a\n  ", i > 0 ? "| " : "", i);
    const char *const text[] = {
        GRID, "[sweep]\n", "[network]\nhidden =\n[sweep a  b=c,d]\nnetwork.hidden = 3, 4\nnetwork.activation = relu, tanh\n[sweep b]\n"
        "network.hidden =\n[sweep]\nseeds = 77\n", long_grid};
    for (size_t i = 0; i < COUNT(text); i++) {
        char ini[96];
        weft_sweep *there, *sweep = sweep_load(text[i]);
        assert_false(weft_sweep_is_directory(out));
        assert_ok(weft_sweep_begin(sweep));
        assert_true(weft_sweep_is_directory(out));
        assert_ok(weft_sweep_read(out, &there));
        assert_same_sweep(sweep, there);
        assert_int_equal(weft_sweep_begin(there), WEFT_ERESOURCE);              /* another one holds it */
        weft_sweep_destroy(sweep);
        weft_sweep_destroy(there);
        snprintf(ini, sizeof ini, "%s/sweep.ini", out);
        assert_int_equal(unlink(ini), 0);
    }
}

static const char SMALL[] = "[data]\nsource = digits:?train=100&test=30\n[network]\nhidden = 3\n[train]\nbatch_size = 50\nepochs = 1\n"
                            "[checkpoint]\nevery = never\n[run]\nthreads = 1\n[sweep]\n";

static weft_sweep *small_sweep(const char *section)
{
    char text[1024];
    snprintf(text, sizeof text, "%s%s", SMALL, section);
    return sweep_load(text);
}

static void train_run(const weft_sweep *sweep, size_t run)
{
    weft_trainer *trainer;
    assert_ok(weft_sweep_run_open(sweep, run, NULL, NULL, NULL, &trainer));
    assert_ok(weft_trainer_run(trainer));
    weft_trainer_destroy(trainer);
}

static weft_sweep_state state_of(const weft_sweep *sweep, size_t run)
{
    weft_sweep_state state;
    assert_ok(weft_sweep_run_state(sweep, run, &state));
    return state;
}

/* Combinations and seeds come and go, but a run that has been begun stays, with its settings. */
static void what_is_there_must_stay(void **state)
{
    (void)state;
    static const struct { const char *section, *refusal; } row[] = {
        {"seeds = 1, 2\nregularization.l2 = 0 | 0.1\n", NULL}, {"seeds = 3, 1\nregularization.l2 = 0.1 | 5\n", NULL},
        {"regularization.l2 = 0.1\n", NULL}, {"regularization.l2 = 0.1\n[checkpoint]\nkeep = 7\n", NULL},
        {"seeds = 2\nregularization.l2 = 0.1\n", "has trained 'l2=0.1' with seed 1, which is not among the runs asked for"},
        {"seeds = 1\nregularization.l2 = 0\n", "has trained 'l2=0.1' with seed 1, which is not among"},
        {"regularization.l2 = 0.1\n[optimizer]\nlearning_rate = 0.5\n",
         "has trained 'l2=0.1' with optimizer.learning_rate = 0.001, found 0.5"}};
    weft_sweep *sweep = small_sweep("seeds = 1\nregularization.l2 = 0 | 0.1\n");
    assert_ok(weft_sweep_check(sweep));
    assert_ok(weft_sweep_begin(sweep));
    assert_int_equal(state_of(sweep, 1), WEFT_SWEEP_MISSING);
    train_run(sweep, 1);
    assert_int_equal(state_of(sweep, 0), WEFT_SWEEP_MISSING);
    assert_int_equal(state_of(sweep, 1), WEFT_SWEEP_OVER);
    weft_sweep_destroy(sweep);
    for (size_t i = 0; i < COUNT(row); i++) {
        sweep = small_sweep(row[i].section);
        weft_status st = weft_sweep_check(sweep);
        if (row[i].refusal == NULL ? st != WEFT_OK : st != WEFT_ECREATE || strstr(weft_last_error(), row[i].refusal) == NULL)
            fail_msg("%s: %d, %s", row[i].section, st, weft_last_error());
        weft_sweep_destroy(sweep);
    }
}

static void file_make(const char *directory, const char *name)
{
    char file[256];
    snprintf(file, sizeof file, "%s/%s", directory, name);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

/* Once a run has begun, other data are an accident, unless somebody names them. */
static void data_stay_unless_they_are_named(void **state)
{
    (void)state;
    const char *const moved = "data.source=digits:?train=90&test=30", *const other = "network.dropout=0";
    weft_sweep *sweep = small_sweep("seeds = 1, 2\n");
    char text[1024];
    assert_ok(weft_sweep_begin(sweep));
    weft_sweep_destroy(sweep);
    snprintf(text, sizeof text, "%s%s", SMALL, "seeds = 1, 2\n");
    memcpy(strstr(text, "train=100"), "train=080", 9);
    sweep = sweep_load(text);
    assert_ok(weft_sweep_check(sweep));                         /* nothing has begun yet */
    weft_sweep_destroy(sweep);
    sweep = small_sweep("seeds = 1, 2\n");
    train_run(sweep, 0);
    weft_sweep_destroy(sweep);
    ini_write(text);
    assert_ok(weft_sweep_load(path, 1, &other, out, &sweep));
    assert_int_equal(weft_sweep_check(sweep), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "data.source = digits:?train=100&test=30, found digits:?train=080&test=30; wanted"));
    weft_sweep_destroy(sweep);
    assert_ok(weft_sweep_load(path, 1, &moved, out, &sweep));
    assert_ok(weft_sweep_check(sweep));
    weft_sweep_destroy(sweep);
}

static void data_have_absolute_paths(void **state)
{
    (void)state;
    char before[4096], wanted[128];
    weft_sweep *sweep, *there;
    file_make(scratch, "rows.csv");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(scratch), 0);
    sweep = sweep_load("[data]\nsource = csv:rows.csv?header=1\ntest = csv:missing.csv\n[sweep a]\n[sweep b]\ndata.source = csv:./rows.csv\n"
                       "[sweep]\ndata.validation = none | csv:rows.csv\n");
    assert_ok(weft_sweep_begin(sweep));
    assert_int_equal(chdir(before), 0);
    assert_ok(weft_sweep_read(out, &there));
    assert_same_sweep(sweep, there);
    snprintf(wanted, sizeof wanted, "csv:%s/rows.csv?header=1", scratch);
    assert_setting(there->run[0].settings, "data.source", wanted);
    assert_setting(there->run[0].settings, "data.test", "csv:missing.csv");             /* for the run to miss */
    snprintf(wanted, sizeof wanted, "csv:%s/rows.csv", scratch);
    assert_setting(there->run[3].settings, "data.source", wanted);
    assert_setting(there->run[3].settings, "data.validation", "csv:rows.csv");          /* it is in the name */
    assert_string_equal(there->combination[3].name, "b, validation=csv:rows.csv");
    weft_sweep_destroy(sweep);
    weft_sweep_destroy(there);
}

static void a_directory_of_something_else_is_refused(void **state)
{
    (void)state;
    static const char *const file[] = {"run.ini", "last.h5", "summary.csv", "runs.csv", "summary.h5"};
    weft_sweep *sweep = small_sweep("");
    assert_int_equal(mkdir(out, 0777), 0);
    for (size_t i = 0; i < COUNT(file); i++) {
        char found[128];
        file_make(out, file[i]);
        assert_int_equal(weft_sweep_begin(sweep), WEFT_ECREATE);
        snprintf(found, sizeof found, "it holds %s, but no sweep.ini", file[i]);
        assert_non_null(strstr(weft_last_error(), found));
        snprintf(found, sizeof found, "%s/%s", out, file[i]);
        assert_int_equal(unlink(found), 0);
        weft_sweep_destroy(sweep);
        sweep = small_sweep("");
    }
    file_make(out, "notes.txt");
    assert_ok(weft_sweep_begin(sweep));
    weft_sweep_destroy(sweep);
}

/* Somebody else's run where one of ours should be. */
static void other_settings_are_refused(void **state)
{
    (void)state;
    weft_sweep *sweep = small_sweep("regularization.l2 = 0 | 0.1\n");
    weft_sweep_state found;
    assert_ok(weft_settings_set(sweep->run[0].settings, "network.hidden", "4"));
    train_run(sweep, 0);
    assert_ok(weft_settings_set(sweep->run[0].settings, "network.hidden", "3"));
    assert_int_equal(weft_sweep_run_state(sweep, 0, &found), WEFT_ESETTINGS);
    assert_non_null(strstr(weft_last_error(), "holds a run with network.hidden = 4, wanted 3"));
    weft_sweep_destroy(sweep);
}

/* Killed before its first checkpoint, a run is begun anew; but not where something else is. */
static void a_run_without_a_checkpoint_begins_anew(void **state)
{
    (void)state;
    static const char *const left[] = {"run.ini", "history.csv", "timing.csv", "lock", ".step-0.h5.tmp.999999999.3"};
    weft_trainer *trainer;
    weft_sweep *sweep = small_sweep("regularization.l2 = 0 | 0.1\n");
    char directory[128];
    assert_ok(weft_sweep_begin(sweep));
    for (size_t i = 0; i < 2; i++) {
        snprintf(directory, sizeof directory, "%s", sweep->run[i].directory);
        *strrchr(directory, '/') = '\0';
        assert_int_equal(mkdir(directory, 0777), 0);
        assert_int_equal(mkdir(sweep->run[i].directory, 0777), 0);
        for (size_t f = 0; f < COUNT(left); f++)
            file_make(sweep->run[i].directory, left[f]);
        assert_int_equal(state_of(sweep, i), WEFT_SWEEP_MISSING);
    }
    file_make(sweep->run[1].directory, "notes.txt");
    train_run(sweep, 0);
    assert_int_equal(state_of(sweep, 0), WEFT_SWEEP_OVER);
    assert_int_equal(weft_sweep_run_open(sweep, 1, NULL, NULL, NULL, &trainer), WEFT_ECREATE);
    assert_non_null(strstr(weft_last_error(), "it holds a run already (run.ini)"));
    char file[256];
    snprintf(file, sizeof file, "%s/timing.csv", sweep->run[1].directory);
    assert_int_equal(access(file, F_OK), 0);
    weft_sweep_destroy(sweep);
}

/* A damaged newest checkpoint: the run goes on from an older one. */
static void a_stopped_run_goes_on(void **state)
{
    (void)state;
    weft_trainer *trainer;
    weft_sweep *sweep = small_sweep("train.epochs = 3\n");
    assert_ok(weft_sweep_run_open(sweep, 0, NULL, NULL, NULL, &trainer));
    weft_trainer_request_stop(trainer);
    assert_int_equal(weft_trainer_run(trainer), WEFT_ESTOPPED);
    weft_trainer_destroy(trainer);
    assert_int_equal(state_of(sweep, 0), WEFT_SWEEP_STOPPED);
    train_run(sweep, 0);
    assert_int_equal(state_of(sweep, 0), WEFT_SWEEP_OVER);
    weft_sweep_destroy(sweep);
}

/* Damaged checkpoints are no reason to begin anew: what is left of the run stays, and somebody hears of it. */
static void a_damaged_run_does_not_begin_anew(void **state)
{
    (void)state;
    weft_trainer *trainer;
    char file[256];
    weft_sweep *sweep = small_sweep("train.epochs = 3\n");
    assert_ok(weft_sweep_run_open(sweep, 0, NULL, NULL, NULL, &trainer));
    weft_trainer_destroy(trainer);
    snprintf(file, sizeof file, "%s/step-0.h5", sweep->run[0].directory);
    assert_int_equal(truncate(file, 1000), 0);
    assert_int_equal(weft_sweep_run_open(sweep, 0, NULL, NULL, NULL, &trainer), WEFT_EDAMAGED);
    assert_non_null(strstr(weft_last_error(), "none of its 1 checkpoints is whole"));
    assert_int_equal(access(file, F_OK), 0);
    weft_sweep_destroy(sweep);
}

/* ---- the summary ---- */

static const weft_sweep_figure *figure_of(const weft_sweep_summary *summary, const char *name)
{
    for (size_t f = 0; f < summary->figures; f++)
        if (strcmp(summary->figure[f].name, name) == 0)
            return &summary->figure[f];
    return NULL;
}

static void figures_are_mean_and_deviation(void **state)
{
    (void)state;
    static const char *const name[] = {
        "train_cost", "train_loss", "train_accuracy", "validation_cost", "validation_loss", "validation_accuracy", "test_cost",
        "test_loss", "test_accuracy", "steps", "epochs", "model_step", "training_time_s", "elapsed_s", "mean_abs_weight_01",
        "mean_abs_weight_02"};
    weft_sweep *sweep = small_sweep("seeds = 1, 2, 3\nregularization.l2 = 0 | 0.1 | 1\n");
    weft_sweep_summary summary;
    assert_ok(weft_sweep_summarize(sweep, &summary));
    assert_int_equal(summary.figures, 0);
    weft_sweep_summary_clear(&summary);
    for (size_t i = 0; i < 4; i++)
        train_run(sweep, i);                                    /* three of the first, one of the second, none of the third */
    assert_ok(weft_sweep_summarize(sweep, &summary));
    assert_int_equal(summary.figures, COUNT(name));
    for (size_t f = 0; f < COUNT(name); f++)
        assert_string_equal(summary.figure[f].name, name[f]);
    assert_int_equal(summary.over[0], 3);
    assert_int_equal(summary.over[1], 1);
    assert_int_equal(summary.over[2], 0);
    const weft_sweep_figure *loss = figure_of(&summary, "test_loss");
    double x[3], mean = 0, variance = 0;
    for (size_t i = 0; i < 3; i++) {
        weft_run run;
        assert_ok(weft_run_read(sweep->run[i].directory, &run));
        x[i] = run.evaluation[WEFT_RUN_TEST].loss;
        assert_true(x[i] == loss->value[i]);
        mean += x[i] / 3;
        weft_run_clear(&run);
    }
    for (size_t i = 0; i < 3; i++)
        variance += (x[i] - mean) * (x[i] - mean) / 2;
    assert_true(x[0] != x[1] && fabs(loss->mean[0] - mean) <= 1e-14 * mean && fabs(loss->sd[0] - sqrt(variance)) <= 1e-12);
    assert_true(loss->mean[1] == loss->value[3] && isnan(loss->sd[1]) && isnan(loss->mean[2]) && isnan(loss->sd[2]));
    assert_true(isnan(loss->value[4]) && isnan(loss->value[8]));
    assert_true(figure_of(&summary, "steps")->mean[0] == 2 && figure_of(&summary, "steps")->sd[0] == 0);
    weft_sweep_summary_clear(&summary);
    weft_sweep_destroy(sweep);
}

/* ---- memory ---- */

/* Fails allocation 1, 2, 3 ... until the call succeeds. */
static void memory_may_fail_at_any_moment(void **state)
{
    (void)state;
    weft_sweep *sweep = NULL;
    weft_sweep_summary summary;
    weft_status st = WEFT_ENOMEM;
    size_t n;
    ini_write("[sweep a]\nnetwork.dropout = 0.5\n[sweep]\nseeds = 1, 2\nregularization.l2 = 0 | 0.1\n");
    for (n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = weft_sweep_load(path, 0, NULL, out, &sweep);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || (st == WEFT_ENOMEM && sweep == NULL));
    }
    assert_true(n > 50);
    for (st = WEFT_ENOMEM, n = 1; st != WEFT_OK; n++) {
        weft_sweep_destroy(sweep);
        sweep = small_sweep("seeds = 1, 2\n");
        memory_fail_from(n);
        st = weft_sweep_begin(sweep);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    }
    train_run(sweep, 0);
    for (st = WEFT_ENOMEM, n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = weft_sweep_summarize(sweep, &summary);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    }
    for (st = WEFT_ENOMEM, n = 1; st != WEFT_OK; n++) {
        memory_fail_from(n);
        st = weft_sweep_summary_save(sweep, &summary);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    }
    weft_sweep_summary_clear(&summary);
    weft_sweep_destroy(sweep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_grid_is_every_combination), TEST(listed_combinations_go_with_every_value), TEST(names_become_directories),
        TEST(faults_name_their_place), TEST(too_many_runs_are_refused), TEST(a_run_of_its_own_says_that_it_is_a_sweep),
        TEST(assignments_come_after_the_file), TEST(sweep_ini_goes_round), TEST(what_is_there_must_stay),
        TEST(data_stay_unless_they_are_named), TEST(data_have_absolute_paths), TEST(a_directory_of_something_else_is_refused),
        TEST(other_settings_are_refused), TEST(a_run_without_a_checkpoint_begins_anew), TEST(a_stopped_run_goes_on),
        TEST(a_damaged_run_does_not_begin_anew), TEST(figures_are_mean_and_deviation), TEST(memory_may_fail_at_any_moment),
    };
    return cmocka_run_group_tests(tests, run_scratch_make, scratch_remove);
}
