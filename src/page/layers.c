/* The layers of a run over time: figures of each layer's weights, how their elements spread, what the first layer's units see. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "page/lines.h"
#include "page/page.h"

enum { HISTOGRAM_COLUMNS_MAX = 120 };   /* evaluations of a heat map at most: more are narrower than a pixel on a phone */

static bool is_weight(const char *tensor)
{
    const char *slash = strrchr(tensor, '/');
    return slash != NULL && strcmp(slash, "/weight") == 0;
}

static size_t layers_of(const weft_run *run)
{
    size_t layers = 0;
    for (size_t i = 0; i < run->statistics; i++)
        layers = run->statistic[i].layer > layers ? run->statistic[i].layer : layers;
    return layers;
}

static void layer_name(char *name, size_t capacity, size_t layer, size_t layers)
{
    snprintf(name, capacity, layer == layers ? "layer %zu (output)" : "layer %zu", layer);
}

/* ---- figures over time ---- */

enum statistic { STATISTIC_MEAN_ABS, STATISTIC_L2_NORM, STATISTIC_GRADIENT, STATISTIC_UPDATE, STATISTIC_ZEROS, STATISTICS };

/* NaN: it is not known. */
static double statistic_of(const weft_statistics_row *row, enum statistic statistic)
{
    const double value[STATISTICS] = {
        row->mean_abs, row->l2_norm, row->gradient_l2_norm, row->update_ratio, row->zero_fraction};
    bool is_of_step = statistic == STATISTIC_GRADIENT || statistic == STATISTIC_UPDATE;
    return is_of_step && !(value[statistic] > 0) ? (double)NAN : value[statistic];
}

static void write_statistic(struct page *page, const weft_run *run, enum statistic statistic, const struct lines_look *look)
{
    struct lines lines = lines_begin(page, run->statistics);
    for (size_t s = 0; s < run->statistics; s++) {
        const weft_statistics *of = &run->statistic[s];
        char name[40];
        if (!is_weight(of->name))
            continue;
        layer_name(name, sizeof name, of->layer, layers_of(run));
        double *x = lines_add(&lines, name, of->layer - 1, of->rows);
        for (size_t i = 0; i < of->rows && x != NULL; i++) {
            x[i] = (double)of->row[i].step;
            x[of->rows + i] = statistic_of(&of->row[i], statistic);
        }
    }
    lines_end(&lines, look);
}

static void write_statistics(struct page *page, const weft_run *run)
{
    static const struct lines_look look[STATISTICS] = {
        [STATISTIC_MEAN_ABS] = {"mean-abs", "Mean |W|", "Mean magnitude of each layer's weights.", "mean |W|", CHART_NUMBER_PLAIN,
                                .has_zero = true},
        [STATISTIC_L2_NORM] = {"l2-norm", "L2 norm", "Root of the sum of the squares of each layer's weights.", "L2 norm",
                               CHART_NUMBER_PLAIN, .has_zero = true},
        [STATISTIC_GRADIENT] = {"gradient", "L2 norm of the gradient",
                                "Of the last step before each evaluation, penalty and clipping included. Logarithmic.",
                                "L2 norm", CHART_NUMBER_PLAIN, .is_logarithmic = true},
        [STATISTIC_UPDATE] = {"update-ratio", "Update ratio",
                              "L2 norm of the last update relative to that of the weights. Logarithmic.",
                              "update / weights", CHART_NUMBER_PLAIN, .is_logarithmic = true},
        [STATISTIC_ZEROS] = {"zeros", "Weights that are zero", "Share of the weights that are exactly 0.", "share",
                             CHART_NUMBER_PERCENT, .has_zero = true},
    };
    page_grid_begin(page);
    for (enum statistic statistic = 0; statistic < STATISTICS; statistic++)
        write_statistic(page, run, statistic, &look[statistic]);
    page_grid_end(page);
}

/* ---- how the elements spread ---- */

/* Evaluations that a heat map shows: all, or every second, third ... and the last. */
static size_t columns_of(const weft_statistics *of)
{
    return of->rows < HISTOGRAM_COLUMNS_MAX ? of->rows : HISTOGRAM_COLUMNS_MAX;
}

static size_t row_of_column(const weft_statistics *of, size_t column)
{
    size_t columns = columns_of(of);
    return of->rows <= columns ? column : column * (of->rows - 1) / (columns - 1);
}

static void write_spread_numbers(struct page *page, const weft_statistics *of, const char *title)
{
    page_numbers_begin(page, title, of->rows);
    const char *const head[] = {"step", "min", "mean", "max", "std", "mean |x|", "L2 norm"};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        page_head(page, head[i]);
    for (size_t i = 0; i < page_numbers_shown(of->rows); i++) {
        const weft_statistics_row *row = &of->row[page_numbers_row(i, of->rows)];
        const double value[] = {row->min, row->mean, row->max, row->std, row->mean_abs, row->l2_norm};
        page_row_of_step(page, (double)row->step);
        for (size_t k = 0; k < sizeof value / sizeof *value; k++)
            page_cell_plain(page, HTML_FIGURE, value[k]);
    }
    page_numbers_end(page);
}

/* columns x bins counts, then columns x (bins + 1) edges, then columns steps. */
static void fill_spread(const weft_statistics *of, double *count, double *edge, double *x)
{
    for (size_t c = 0; c < columns_of(of); c++) {
        const weft_statistics_row *row = &of->row[row_of_column(of, c)];
        x[c] = (double)row->step;
        for (size_t b = 0; b < WEFT_HISTOGRAM_BINS; b++)
            count[c * WEFT_HISTOGRAM_BINS + b] = (double)row->histogram[b];
        for (size_t b = 0; b <= WEFT_HISTOGRAM_BINS; b++)
            edge[c * (WEFT_HISTOGRAM_BINS + 1) + b] = (double)row->histogram_edges[b];
    }
}

static void write_spread(struct page *page, const weft_statistics *of)
{
    enum { BINS = WEFT_HISTOGRAM_BINS };
    char id[PAGE_ID_SIZE_BYTES], name[96], title[96], description[176];
    size_t columns = columns_of(of);
    double *count = page->status == WEFT_OK ? memory_new(columns * (2 * BINS + 2), sizeof *count) : NULL;
    if (count == NULL) {
        page->status = page->status == WEFT_OK ? WEFT_ENOMEM : page->status;
        return;
    }
    double *edge = count + columns * BINS, *x = edge + columns * (BINS + 1);
    fill_spread(of, count, edge, x);
    snprintf(name, sizeof name, "spread-%s", of->name);
    snprintf(title, sizeof title, "%s", of->name);
    snprintf(description, sizeof description, "Values of the elements of %s over time; a stronger shade: more of them.%s", of->name,
             columns < of->rows ? " Not every evaluation is shown." : "");
    const struct chart_histograms chart = {
        .frame = page_frame(page, id, name, title, description), .x_label = "step", .y_label = "value", .columns = columns,
        .bins = BINS, .x = x, .count = count, .edge = edge};
    page_histograms_begin(page, &chart);
    write_spread_numbers(page, of, title);
    page_figure_end(page);
    memory_free(count);
}

static void write_spreads(struct page *page, const weft_run *run, bool weights)
{
    page_grid_begin(page);
    for (size_t s = 0; s < run->statistics; s++)
        if (is_weight(run->statistic[s].name) == weights && run->statistic[s].rows > 0)
            write_spread(page, &run->statistic[s]);
    page_grid_end(page);
}

/* ---- the tensors of the model ---- */

static void write_tensors(struct page *page, const weft_run *run)
{
    static const char *const head[] = {"tensor", "shape", "mean |x|", "L2 norm", "zeros", "mean", "std", "min", "max"};
    page_fold_begin(page, "Tensors of the model");
    page_table_begin(page, "Learned numbers and running statistics of the model, tensor by tensor");
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        page_head(page, head[i]);
    for (size_t i = 0; i < run->tensors; i++) {
        const weft_tensor_info *tensor = &run->tensor[i];
        const double tail[] = {tensor->mean, tensor->std, tensor->min, tensor->max};
        char shape[64];
        snprintf(shape, sizeof shape, tensor->rank == 2 ? "%zu \xc3\x97 %zu" : "%zu", tensor->dim[0], tensor->dim[1]);
        page_row(page, tensor->name);
        page_cell(page, shape);
        page_cell_number(page, HTML_FIGURE, tensor->mean_abs);
        page_cell_number(page, HTML_FIGURE, tensor->l2_norm);
        page_cell_number(page, HTML_PERCENT, tensor->zero_fraction);
        for (size_t k = 0; k < sizeof tail / sizeof *tail; k++)
            page_cell_number(page, HTML_FIGURE, tail[k]);
    }
    page_table_end(page);
    page_fold_end(page);
}

void page_write_layers(struct page *page, const weft_run *run)
{
    if (run->tensors > 0) {
        page_section_begin(page, "layers", "Layers");
        write_statistics(page, run);
        write_tensors(page, run);
        page_section_end(page);
    }
    if (run->statistics == 0)
        return;
    page_section_begin(page, "spread", "How the weights spread");
    write_spreads(page, run, true);
    page_fold_begin(page, "Biases and batch-norm");
    write_spreads(page, run, false);
    page_fold_end(page);
    page_section_end(page);
}

/* ---- units ---- */

/* The units of a network of one layer are its outputs, which may have names. */
static bool are_outputs(const weft_run *run)
{
    return layers_of(run) == 1 && run->names >= run->pictures;
}

static void write_pictures(struct page *page, const weft_run *run, const struct chart_picture *picture)
{
    char id[PAGE_ID_SIZE_BYTES], title[64];
    snprintf(title, sizeof title, "%zu unit%s of the first layer", run->pictures, run->pictures == 1 ? "" : "s");
    const struct chart_pictures chart = {
        .frame = page_frame(page, id, "units", title, run->last.channels == 3
                            ? "What each unit looks for: each channel's weight as its brightness; grey is 0. Each picture has its own scale."
                            : "What each unit looks for: weights above 0 are red, below 0 blue. Each picture has its own scale."),
        .height = run->picture[0].height, .width = run->picture[0].width, .pictures = run->pictures, .picture = picture};
    page_section_begin(page, "weights", "First-layer weights");
    page_pictures_begin(page, &chart);
    page_figure_end(page);
    page_section_end(page);
}

void page_write_units(struct page *page, const weft_run *run)
{
    if (run->pictures == 0 || page->status != WEFT_OK)
        return;
    struct chart_picture *picture = memory_new(run->pictures, sizeof *picture);
    char (*caption)[32] = memory_new(run->pictures, sizeof *caption);
    if (picture == NULL || caption == NULL)
        page->status = WEFT_ENOMEM;
    for (size_t i = 0; i < run->pictures && page->status == WEFT_OK; i++) {
        snprintf(caption[i], sizeof caption[i], "unit %zu", i);
        picture[i] = (struct chart_picture){are_outputs(run) ? run->name_of_output[i] : caption[i], run->picture[i].rgb};
    }
    if (page->status == WEFT_OK)
        write_pictures(page, run, picture);
    memory_free(picture);
    memory_free(caption);
}
