/* Optimizers over many steps against their papers' formulas in long double, within a bound computed along the way. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/math.h"
#include "base/memory.h"
#include "bounded.h"
#include "kernel/kernel.h"
#include "support.h"
#include "train/optimizer.h"

enum { STEPS = 200 };

struct fixture {
    weft_settings *settings;
    struct network net;
    struct optimizer optimizer;
};

static void fixture_open(struct fixture *f, const char *assignments)
{
    f->settings = settings_of(assignments);
    assert_int_equal(network_create(&f->net, f->settings, 5, RAW_U8, 3), WEFT_OK);
    assert_int_equal(optimizer_create(&f->optimizer, &f->net, f->settings), WEFT_OK);
}

static void fixture_close(struct fixture *f)
{
    optimizer_destroy(&f->optimizer);
    network_destroy(&f->net);
    weft_settings_destroy(f->settings);
}

/* One parameter as the papers have it. */
struct paper { long double w, m, v; };

static long double paper_rate(const weft_settings *s) { return (long double)s->optimizer.learning_rate; }

static void paper_sgd(const weft_settings *s, struct paper *p, long double g, int t)
{
    (void)t;
    p->w -= paper_rate(s) * g;
}

static void paper_momentum(const weft_settings *s, struct paper *p, long double g, int t)
{
    (void)t;
    p->m = (long double)s->optimizer.momentum * p->m + g;
    p->w -= paper_rate(s) * p->m;
}

/* Sutskever et al., eq. 3 and 4: v = mu v - rate g, theta += v, g being taken ahead of theta, at theta + mu v. That point is
 * what the library calls w: so theta is w - mu v. */
static void paper_nesterov(const weft_settings *s, struct paper *p, long double g, int t)
{
    (void)t;
    long double mu = (long double)s->optimizer.momentum, theta = p->w - mu * p->m;
    p->m = mu * p->m - paper_rate(s) * g;
    theta += p->m;
    p->w = theta + mu * p->m;
}

static void paper_rmsprop(const weft_settings *s, struct paper *p, long double g, int t)
{
    (void)t;
    long double rho = (long double)s->optimizer.rho;
    p->v = rho * p->v + (1 - rho) * g * g;
    p->w -= paper_rate(s) * g / (sqrtl(p->v) + (long double)s->optimizer.epsilon);
}

/* Algorithm 1: the moments are corrected first. */
static void paper_adam(const weft_settings *s, struct paper *p, long double g, int t)
{
    long double beta1 = (long double)s->optimizer.beta1, beta2 = (long double)s->optimizer.beta2;
    p->m = beta1 * p->m + (1 - beta1) * g;
    p->v = beta2 * p->v + (1 - beta2) * g * g;
    long double mean = p->m / (1 - powl(beta1, t)), variance = p->v / (1 - powl(beta2, t));
    p->w -= paper_rate(s) * mean / (sqrtl(variance) + (long double)s->optimizer.epsilon);
}

/* The same by the operations of the kernels, for the bound. */
struct state { struct bounded w, m, v; };

static struct bounded constant(double value) { return rounded(in_double(value, 0)); }

static void sgd_step(const weft_settings *s, struct state *p, double g, int t)
{
    (void)t;
    p->w = rounded(minus(p->w, times(constant(s->optimizer.learning_rate), exactly(g))));
}

static void momentum_step(const weft_settings *s, struct state *p, double g, int t)
{
    (void)t;
    p->m = rounded(plus(times(constant(s->optimizer.momentum), p->m), exactly(g)));
    p->w = rounded(minus(p->w, times(constant(s->optimizer.learning_rate), p->m)));
}

static void nesterov_step(const weft_settings *s, struct state *p, double g, int t)
{
    (void)t;
    p->m = rounded(plus(times(constant(s->optimizer.momentum), p->m), exactly(g)));
    struct bounded ahead = rounded(plus(times(constant(s->optimizer.momentum), p->m), exactly(g)));
    p->w = rounded(minus(p->w, times(constant(s->optimizer.learning_rate), ahead)));
}

static void rmsprop_step(const weft_settings *s, struct state *p, double g, int t)
{
    (void)t;
    double rho = s->optimizer.rho;
    struct bounded square = rounded(times(rounded(times(constant(1 - rho), exactly(g))), exactly(g)));
    p->v = rounded(plus(times(constant(rho), p->v), square));
    struct bounded size = rounded(plus(rounded(root(p->v)), constant(s->optimizer.epsilon)));
    p->w = rounded(minus(p->w, times(constant(s->optimizer.learning_rate), rounded(over(exactly(g), size)))));
}

/* The corrections are in the constants of the step. */
static void adam_step(const weft_settings *s, struct state *p, double g, int t)
{
    double beta1 = s->optimizer.beta1, beta2 = s->optimizer.beta2;
    p->m = rounded(plus(times(constant(beta1), p->m), rounded(times(constant(1 - beta1), exactly(g)))));
    struct bounded square = rounded(times(rounded(times(constant(1 - beta2), exactly(g))), exactly(g)));
    p->v = rounded(plus(times(constant(beta2), p->v), square));
    struct bounded correction2 = constant(1 / sqrt(1 - pow(beta2, t)));
    struct bounded size = rounded(plus(times(rounded(root(p->v)), correction2), constant(s->optimizer.epsilon)));
    struct bounded rate = constant(s->optimizer.learning_rate / (1 - pow(beta1, t)));
    p->w = rounded(minus(p->w, times(rate, rounded(over(p->m, size)))));
}

static const struct {
    void (*paper)(const weft_settings *s, struct paper *p, long double g, int t);
    void (*step)(const weft_settings *s, struct state *p, double g, int t);
} by_name[] = {
    [OPTIMIZER_SGD] = {paper_sgd, sgd_step}, [OPTIMIZER_MOMENTUM] = {paper_momentum, momentum_step},
    [OPTIMIZER_NESTEROV] = {paper_nesterov, nesterov_step}, [OPTIMIZER_RMSPROP] = {paper_rmsprop, rmsprop_step},
    [OPTIMIZER_ADAM] = {paper_adam, adam_step}, [OPTIMIZER_ADAMW] = {paper_adam, adam_step},    /* decay: nn/penalty.h */
};

static void run_optimizer(const char *assignments)
{
    struct fixture f;
    fixture_open(&f, assignments);
    const weft_settings *s = f.settings;
    struct random random = {1};
    size_t n = f.net.parameter_size;
    double worst = 0;
    float *w = f.net.parameter, *g = guarded_new(n, sizeof *g);
    struct state *p = guarded_new(n, sizeof *p);
    struct paper *paper = guarded_new(n, sizeof *paper);
    random_floats(&random, n, -1, 1, w);
    for (size_t i = 0; i < n; i++) {
        p[i].w = exactly((double)w[i]);
        paper[i].w = (long double)w[i];
    }
    for (int t = 1; t <= STEPS; t++) {
        for (size_t i = 0; i < n; i++)          /* of every size; some parameters hardly move */
            g[i] = (float)(random_real(&random, -1, 1) * exp2(-(double)(i % 20)));
        struct optimizer_step step = optimizer_step_of(&f.optimizer, s->optimizer.learning_rate, (uint64_t)t - 1);
        optimizer_apply(&f.optimizer, &step, 0, 16, g, w);                      /* any cut into blocks will do */
        optimizer_apply(&f.optimizer, &step, 16, n - 16, g + 16, w + 16);
        for (size_t i = 0; i < n; i++) {
            by_name[s->optimizer.name].paper(s, &paper[i], (long double)g[i], t);
            by_name[s->optimizer.name].step(s, &p[i], (double)g[i], t);
            assert_within((double)w[i], (double)paper[i].w, p[i].w.error, "%s: parameter %zu, step %d", assignments, i, t);
        }
    }
    for (size_t i = 0; i < n; i++)              /* the bound tells a step from none */
        worst = fmax(worst, p[i].w.error / s->optimizer.learning_rate);
    assert_true(worst < 0.05 * STEPS);
    guarded_free(g);
    guarded_free(p);
    guarded_free(paper);
    fixture_close(&f);
}

static void steps_follow_the_papers(void **state)
{
    (void)state;
    run_optimizer("network.hidden=4; optimizer.name=sgd; optimizer.learning_rate=0.1");
    run_optimizer("network.hidden=4; optimizer.name=momentum; optimizer.learning_rate=0.01; optimizer.momentum=0.8");
    run_optimizer("network.hidden=4; optimizer.name=adam; optimizer.learning_rate=0.01");
    run_optimizer("network.hidden=4; optimizer.name=adam; optimizer.learning_rate=0.1; optimizer.beta1=0; "
                  "optimizer.beta2=0.9; optimizer.epsilon=0.001");
    run_optimizer("network.hidden=4; optimizer.name=adamw; optimizer.learning_rate=0.01; optimizer.beta1=0.8");
    run_optimizer("network.hidden=4; optimizer.name=nesterov; optimizer.learning_rate=0.01; optimizer.momentum=0.8");
    run_optimizer("network.hidden=4; optimizer.name=nesterov; optimizer.learning_rate=0.1; optimizer.momentum=0");
    run_optimizer("network.hidden=4; optimizer.name=rmsprop; optimizer.learning_rate=0.01");
    run_optimizer("network.hidden=4; optimizer.name=rmsprop; optimizer.learning_rate=0.1; optimizer.rho=0.5; "
                  "optimizer.epsilon=0.001");
}

/* Whatever the gradient's size, the first step of Adam is the learning rate: the corrections are right from the start. */
static void first_adam_step_is_the_learning_rate(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "network.hidden=none; optimizer.name=adam; optimizer.learning_rate=0.125");
    float w[] = {0, 0, 0}, g[] = {1e-3f, -1, 1e6f};
    struct optimizer_step step = optimizer_step_of(&f.optimizer, 0.125, 0);
    optimizer_apply(&f.optimizer, &step, 0, 3, g, w);
    for (size_t i = 0; i < COUNT(w); i++)       /* epsilon is 1e-8 of a gradient of 1; ten roundings */
        assert_within(fabs((double)w[i]), 0.125, 0.125 * (1e-8 / fabs((double)g[i]) + 10 * FLOAT_UNIT), "g = %g",
                      (double)g[i]);
    assert_true(w[0] < 0 && w[1] > 0 && w[2] < 0);
    fixture_close(&f);
}

/* The number of the step is all that a step knows of time: no state but the moments, so a resumed run goes on as it was. */
static void step_is_a_function_of_its_number(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "network.hidden=none; optimizer.name=adam");
    struct optimizer_step late = optimizer_step_of(&f.optimizer, 0.001, UINT64_C(1000000000000));
    assert_true(late.adam.rate == 0.001f && late.adam.inverse_root_correction2 == 1);
    assert_true(optimizer_step_of(&f.optimizer, 0.001, 10).adam.rate == (float)(0.001 / (1 - math_power(0.9, 11))));
    fixture_close(&f);
}

static void state_is_what_the_optimizer_keeps(void **state)
{
    (void)state;
    static const struct { const char *assignments; size_t moments; const char *name[2]; } kind[] = {
        {"optimizer.name=sgd", 0, {NULL}},
        {"optimizer.name=momentum", 1, {"velocity"}},
        {"optimizer.name=nesterov", 1, {"velocity"}},
        {"optimizer.name=rmsprop", 1, {"variance"}},
        {"optimizer.name=adam", 2, {"mean", "variance"}},
        {"optimizer.name=adamw", 2, {"mean", "variance"}},
    };
    for (size_t k = 0; k < COUNT(kind); k++) {
        struct fixture f;
        fixture_open(&f, kind[k].assignments);
        assert_int_equal(f.optimizer.moments, kind[k].moments);
        for (size_t i = 0; i < kind[k].moments; i++) {
            assert_string_equal(f.optimizer.moment_name[i], kind[k].name[i]);
            for (size_t e = 0; e < f.net.parameter_size; e++)
                assert_true(f.optimizer.moment[i][e] == 0);
        }
        fixture_close(&f);
    }
}

/* A block at some offset moves its own moments and no others; what is returned is the largest of what was written. */
static void a_block_moves_its_own_moments(void **state)
{
    (void)state;
    static const char *const names[] = {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"};
    for (size_t k = 0; k < COUNT(names); k++) {
        char assignment[64];
        struct fixture f;
        snprintf(assignment, sizeof assignment, "network.hidden=4; optimizer.name=%s", names[k]);
        fixture_open(&f, assignment);
        enum { AT = 16, BLOCK = 7 };
        struct random random = {k};
        float *w = guarded_floats(&random, BLOCK, -1, 1), *g = guarded_floats(&random, BLOCK, -1, 1);
        struct optimizer_step step = optimizer_step_of(&f.optimizer, 0.01, 0);
        float largest = optimizer_apply(&f.optimizer, &step, AT, BLOCK, g, w), want = 0;
        for (size_t i = 0; i < BLOCK; i++)
            want = fmaxf(want, fabsf(w[i]));
        for (size_t m = 0; m < f.optimizer.moments; m++)
            for (size_t i = 0; i < f.net.parameter_size; i++) {
                want = fmaxf(want, fabsf(f.optimizer.moment[m][i]));
                assert_int_equal(f.optimizer.moment[m][i] != 0, i >= AT && i < AT + BLOCK);
            }
        assert_true(largest == want);
        guarded_free(w);
        guarded_free(g);
        fixture_close(&f);
    }
}

static void memory_may_run_out_anywhere(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, "optimizer.name=adam");
    for (size_t n = 1; n <= 3; n++) {
        struct optimizer optimizer;
        memory_fail_from(n);
        weft_status st = optimizer_create(&optimizer, &f.net, f.settings);
        memory_fail_from(0);
        assert_int_equal(st, n <= 2 ? WEFT_ENOMEM : WEFT_OK);
        optimizer_destroy(&optimizer);          /* also fine on one that was not made */
    }
    fixture_close(&f);
}

int main(void)
{
    if (kernel_choose() != WEFT_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_follow_the_papers),
        cmocka_unit_test(first_adam_step_is_the_learning_rate),
        cmocka_unit_test(step_is_a_function_of_its_number),
        cmocka_unit_test(state_is_what_the_optimizer_keeps),
        cmocka_unit_test(a_block_moves_its_own_moments),
        cmocka_unit_test(memory_may_run_out_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
