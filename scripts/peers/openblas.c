/* OpenBLAS: GFLOP/s of cblas_sgemm at the matrix products of a training step.
 *
 *     openblas THREADS SECONDS ROWS [DIRECTION FAN_IN FAN_OUT]...
 *
 *     forward    Y[rows x fan_out]    = X[rows x fan_in] W[fan_in x fan_out]
 *     gradient   dW[fan_in x fan_out] = X[rows x fan_in]^T dY[rows x fan_out]
 *     backward   dX[rows x fan_in]    = dY[rows x fan_out] W[fan_in x fan_out]^T
 *
 * All row-major. Prints {"core": the kernels it chose, "gflops": [one for each product]} as JSON. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static float *random_matrix(size_t size)
{
    float *m = aligned_alloc(64, (size * sizeof *m + 63) / 64 * 64);
    if (!m) exit(1);
    for (size_t i = 0; i < size; i++) m[i] = (float)rand() / (float)RAND_MAX - 0.5F;
    return m;
}

struct product { int rows, fan_in, fan_out; float *x, *w, *y; };

static void multiply(const struct product *p, const char *direction)
{
    int B = p->rows, D = p->fan_in, H = p->fan_out;
    if (direction[0] == 'f')
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, B, H, D, 1, p->x, D, p->w, H, 0, p->y, H);
    else if (direction[0] == 'g')
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, D, H, B, 1, p->x, D, p->y, H, 0, p->w, H);
    else
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, B, D, H, 1, p->y, H, p->w, H, 0, p->x, D);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of short repetitions, so that an interruption does not count; the first quarter of the time warms up. */
static double gflops(const struct product *p, const char *direction, double seconds)
{
    enum { FEWEST = 3, MOST = 9 };
    double flop = 2.0 * p->rows * p->fan_in * p->fan_out, rate[MOST];
    size_t calls = 0, taken = 0;
    double start = now_s(), elapsed = 0;
    for (; elapsed < seconds / 4 || calls < 2; calls++, elapsed = now_s() - start) multiply(p, direction);
    size_t each = (size_t)((double)calls / elapsed * (seconds * 3 / 4) / MOST) + 1;
    double end = now_s() + seconds;
    for (; taken < MOST && (taken < FEWEST || now_s() < end); taken++) {
        start = now_s();
        for (size_t i = 0; i < each; i++) multiply(p, direction);
        rate[taken] = flop * (double)each / (now_s() - start) * 1e-9;
    }
    qsort(rate, taken, sizeof rate[0], ascending);
    return rate[taken / 2];
}

static double time_product(int rows, const char *direction, int fan_in, int fan_out, double seconds)
{
    size_t B = (size_t)rows, D = (size_t)fan_in, H = (size_t)fan_out;
    struct product p = { rows, fan_in, fan_out, random_matrix(B * D), random_matrix(D * H), random_matrix(B * H) };
    double result = gflops(&p, direction, seconds);
    free(p.x);
    free(p.w);
    free(p.y);
    return result;
}

int main(int argc, char **argv)
{
    if (argc < 4 || (argc - 4) % 3 != 0) {
        fputs("usage: openblas THREADS SECONDS ROWS [DIRECTION FAN_IN FAN_OUT]...\n", stderr);
        return 1;
    }
    openblas_set_num_threads(atoi(argv[1]));
    printf("{\"core\": \"%s\", \"gflops\": [", openblas_get_corename());
    for (int i = 4; i < argc; i += 3)
        printf("%s%.4g", i > 4 ? ", " : "",
               time_product(atoi(argv[3]), argv[i], atoi(argv[i + 1]), atoi(argv[i + 2]), atof(argv[2])));
    puts("]}");
    return 0;
}
