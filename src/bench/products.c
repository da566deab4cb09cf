/* See products.h. The network, the buffers and the pieces are those of a training run on one thread. */
#include "bench/products.h"

#include "base/clock.h"
#include "bench/timing.h"
#include "data/batch.h"
#include "nn/layers.h"
#include "train/training.h"

enum direction { FORWARD, GRADIENT, BACKWARD, DIRECTIONS };
static const char *const DIRECTION_NAME[DIRECTIONS] = {"forward", "gradient", "backward"};
static const double STRETCH_SHARE = 0.04;
enum { STRETCHES = 5 };

struct bench_product {
    struct training *t;
    struct pass pass;
    size_t layer;
    enum direction direction;
    double stretch_s, time_s[STRETCHES];        /* the latter of one call */
};

size_t workload_products(const struct workload *workload)
{
    return DIRECTIONS * workload_layers(workload) - 1;
}

static void forward(struct bench_product *p)
{
    const struct network *net = p->pass.net;
    const struct activations *batch = p->pass.batch;
    const struct op *op = net->op;
    while (op->kind != OP_DENSE || op->layer != p->layer)
        op++;
    if (p->layer == 0 && net->input_is_raw) {
        struct raw_rows x = p->pass.input;
        x.row = batch->raw;
        dense_forward_bytes(net, p->pass.batch_rows, &x, p->pass.own->input, batch->buffer[op->out]);
    } else {
        dense_forward(net, p->layer, p->pass.batch_rows, batch->buffer[op->in], batch->buffer[op->out]);
    }
}

static void run_once(struct bench_product *p)
{
    struct training *t = p->t;
    switch (p->direction) {
    case FORWARD:
        forward(p);
        break;
    case GRADIENT:
        for (size_t i = 0; i < t->pieces; i++)
            if (t->piece[i].layer == p->layer)
                pass_gradient(&p->pass, &t->piece[i], &t->full.sum, 0, 0, p->pass.own->gradient);
        break;
    case BACKWARD:
        dense_backward(&t->net, p->layer, t->full.rows, t->batch.delta[p->layer], t->batch.delta[p->layer - 1]);
        break;
    case DIRECTIONS:
        break;
    }
}

static double seconds_of(struct bench_product *p, size_t calls)
{
    double start_s = clock_seconds();
    for (size_t i = 0; i < calls; i++)
        run_once(p);
    return clock_seconds() - start_s;
}

/* On the team's only thread. */
static void time_product(void *context, size_t rank)
{
    struct bench_product *p = context;
    (void)rank;
    size_t calls = 1;
    while (seconds_of(p, calls) < p->stretch_s / 2)
        calls *= 2;
    for (size_t i = 0; i < STRETCHES; i++)
        p->time_s[i] = seconds_of(p, calls) / (double)calls;
}

static void draw_matrix(uint32_t stream, size_t rows, size_t columns, struct matrix m)
{
    for (size_t p = 0; p < panels_of(columns); p++)
        draw_floats(stream * 65536 + (uint32_t)p, rows * PANEL, m.data + p * m.panel);
}

/* Random activations and deltas; the input is the first rows of the data. */
static void fill_batch(struct training *t)
{
    struct activations *batch = &t->batch;
    size_t rows = t->full.rows;
    const struct split *split = &t->dataset->split[SPLIT_TRAIN];
    for (size_t n = 0; n < rows; n++)
        batch->data_row[n] = split->row[n];
    batch_gather(split->table, rows, batch->data_row,
                 &(struct gathered){batch->bytes, batch->stride, batch->label, batch->wanted});
    for (size_t b = t->net.input_is_raw ? 1 : 0; b < t->net.buffers; b++)
        draw_matrix((uint32_t)b, rows, t->net.buffer_width[b], batch->buffer[b]);
    for (size_t l = 0; l < t->net.layers; l++)
        draw_matrix((uint32_t)(t->net.buffers + l), rows, t->net.layer[l].fan_out, batch->delta[l]);
}

static weft_status measure(struct training *t, double stretch_s, weft_bench_kernel *product)
{
    weft_status st = WEFT_OK;
    for (size_t l = 0; l < t->net.layers; l++)
        for (enum direction d = FORWARD; d < (l > 0 ? DIRECTIONS : BACKWARD) && st == WEFT_OK; d++, product++) {
            const struct layer *layer = &t->net.layer[l];
            struct bench_product p = {
                .t = t, .layer = l, .direction = d, .stretch_s = STRETCH_SHARE * stretch_s,
                .pass = {&t->net, &t->batch, &t->space[0], t->exchange, t->input, &t->loss, t->full.rows,
                         t->full.shards, t->settings->train.seed, 0},
            };
            fill_batch(t);                      /* a product may have written where the next one reads */
            st = team_run(&t->team, time_product, &p);
            product->layer = l + 1;
            product->direction = DIRECTION_NAME[d];
            product->rows = t->full.rows;
            product->fan_in = layer->fan_in;
            product->fan_out = layer->fan_out;
            double flop = 2.0 * (double)t->full.rows * (double)layer->fan_in * (double)layer->fan_out;
            product->gflops = st == WEFT_OK ? 1e-9 * flop / median_of(p.time_s, STRETCHES) : 0;
        }
    return st;
}

weft_status products_measure(const struct workload *workload, double stretch_s, weft_bench_kernel *product)
{
    struct training training;
    weft_status st = training_create(&training, workload->settings, &workload->dataset, 1);
    if (st != WEFT_OK)
        return st;
    network_initialize(&training.net, workload->settings);
    st = measure(&training, stretch_s, product);
    training_destroy(&training);
    return st;
}
