/* Each kind of activation is its own entry, from one array to another and in place, and backward with no more than it asks for. */
#include "kernel_samples.h"
#include "nn/layers.h"

enum { N = 77, KINDS = ACTIVATION_SOFTPLUS + 1 };

static void forward_ref(enum activation kind, float *x)
{
    switch (kind) {
    case ACTIVATION_IDENTITY: break;
    case ACTIVATION_RELU: relu_ref(N, x); break;
    case ACTIVATION_LEAKY_RELU: leaky_relu_ref(N, x); break;
    case ACTIVATION_ELU: elu_ref(N, x); break;
    case ACTIVATION_GELU: gelu_ref(N, x, x); break;
    case ACTIVATION_TANH: tanh_ref(N, x); break;
    case ACTIVATION_SIGMOID: sigmoid_ref(N, x); break;
    case ACTIVATION_SOFTPLUS: softplus_ref(N, x, x); break;
    }
}

static void forward_is_each_entry_in_place_or_not(void **state)
{
    (void)state;
    struct random random = {1};
    for (int kind = 0; kind < KINDS; kind++) {
        float *x = fenced_wild_floats(&random, N), *before = guarded_copy(x, N), *want = guarded_copy(x, N);
        float *y = guarded_new(N, sizeof *y);
        forward_ref((enum activation)kind, want);
        activation_forward((enum activation)kind, N, x, y);
        assert_same_bits(y, want, N, "activation %d", kind);
        assert_same_bits(x, before, N, "activation %d: what it read", kind);
        activation_forward((enum activation)kind, N, x, x);
        assert_same_bits(x, want, N, "activation %d in place", kind);
        float *const all[] = {x, before, want, y};
        for (size_t i = 0; i < COUNT(all); i++)
            guarded_free(all[i]);
    }
}

/* The slope is that of a difference of forward, taken where floats tell it well: no entry has been mistaken for another. x is
 * withheld from those that do not need it, y from those that do. */
static void backward_is_the_slope_of_forward(void **state)
{
    (void)state;
    struct random random = {2};
    static const float h = 0x1p-8f;
    for (int kind = 0; kind < KINDS; kind++) {
        enum activation a = (enum activation)kind;
        float x[N], y[N], low[N], high[N], slope[N];
        random_floats(&random, N, -3, 3, x);
        for (size_t i = 0; i < N; i++) {
            x[i] += fabsf(x[i]) < 4 * h ? 8 * h : 0;            /* not across the kink of a relu */
            low[i] = x[i] - h;
            high[i] = x[i] + h;
            slope[i] = 0.5f;
        }
        activation_forward(a, N, x, y);
        activation_forward(a, N, low, low);
        activation_forward(a, N, high, high);
        activation_backward(a, N, activation_needs_input(a) ? x : NULL, activation_needs_input(a) ? NULL : y, slope);
        for (size_t i = 0; i < N; i++) {        /* third derivatives are at most 2; an ulp of a value below 4 is at most 2^-22 */
            double want = ((double)high[i] - (double)low[i]) / (2 * (double)h);
            double error = 2.0 / 6 * (double)h * (double)h + 8 * 0x1p-22 / (2 * (double)h);
            assert_within((double)slope[i], want / 2, error, "slope of activation %d at %g", kind, (double)x[i]);
        }
    }
}

static void gelu_and_softplus_need_their_input(void **state)
{
    (void)state;
    for (int kind = 0; kind < KINDS; kind++)
        assert_int_equal(activation_needs_input((enum activation)kind), kind == ACTIVATION_GELU || kind == ACTIVATION_SOFTPLUS);
}

static int choose(void **state)
{
    (void)state;
    return kernel_choose() == WEFT_OK ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_is_each_entry_in_place_or_not),
        cmocka_unit_test(backward_is_the_slope_of_forward),
        cmocka_unit_test(gelu_and_softplus_need_their_input),
    };
    return cmocka_run_group_tests(tests, choose, NULL);
}
