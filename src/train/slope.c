/* See slope.h. The cost of the other parameters' penalty is the same on both sides of a difference, and is left out. */
#include "train/slope.h"

#include <math.h>

#include "base/error.h"
#include "base/memory.h"

enum { SMALLER = 8, ATTEMPTS = 5 };

struct search {                                 /* for team_run */
    const struct definition *d;
    struct slope *slope;
    size_t count;
    double tolerance;                           /* 0: shake */
    struct definition_space *space;             /* of each thread */
    atomic_size_t next;
};

static const struct tensor *tensor_of(const struct search *search, const struct slope *slope)
{
    return &search->d->net->tensor[slope->tensor];
}

static double parameter_of(const struct search *search, const struct slope *slope)
{
    return search->d->parameter[tensor_of(search, slope)->offset + slope->element];
}

/* At w + shift. */
static double cost_at(const struct search *search, size_t rank, const struct slope *slope, double shift)
{
    const struct tensor *tensor = tensor_of(search, slope);
    double value = parameter_of(search, slope) + shift;
    return definition_loss_with(search->d, &search->space[rank], tensor, slope->element, value)
           + definition_penalty_of(search->d, tensor->kind, value);
}

struct difference { double slope, bend; };      /* central; that to the right less that to the left */

static struct difference difference_of(const struct search *search, size_t rank, const struct slope *slope, double middle,
                                       double h)
{
    double w = parameter_of(search, slope), above = (w + h) - w, below = w - (w - h);      /* what the shifts come to */
    double right = cost_at(search, rank, slope, above), left = cost_at(search, rank, slope, -below);
    return (struct difference){(right - left) / (above + below), (right - middle) / above - (middle - left) / below};
}

static void find(const struct search *search, size_t rank, struct slope *s)
{
    double w = parameter_of(search, s), largest_shift = cbrt(0x1p-52) * fmax(1, fabs(w));
    double middle = search->d->loss + definition_penalty_of(search->d, tensor_of(search, s)->kind, w);
    double noise = 0x1p-48 * (1 + fabs(middle)) / largest_shift;
    *s = (struct slope){.tensor = s->tensor, .element = s->element, .is_kink = true};
    for (double h = largest_shift, attempt = 0; attempt < ATTEMPTS && s->is_kink; h /= SMALLER, attempt++) {
        struct difference whole = difference_of(search, rank, s, middle, h), half = difference_of(search, rank, s, middle, h / 2);
        double apart = fmax(fabs(whole.slope - half.slope), fabs(whole.bend - 2 * half.bend));
        s->is_kink = !(apart <= fmax(search->tolerance / 8 * fabs(half.slope), noise));
        s->value = (4 * half.slope - whole.slope) / 3;
        s->shift = h;
        s->central = whole.slope;
        s->resolution = 0x1p-52 * (1 + fabs(middle)) / h;
    }
}

static void shake(const struct search *search, size_t rank, struct slope *s)
{
    double middle = 0;                          /* the bend is not looked at */
    if (!s->is_kink)
        s->rounding = fmax(s->rounding, fabs(difference_of(search, rank, s, middle, s->shift).slope - s->central));
}

static void work(void *context, size_t rank)
{
    struct search *search = context;
    for (size_t i; (i = atomic_fetch_add(&search->next, 1)) < search->count;)
        if (search->tolerance > 0)
            find(search, rank, &search->slope[i]);
        else
            shake(search, rank, &search->slope[i]);
}

static weft_status run(struct search *search, struct team *team)
{
    weft_status st = WEFT_OK;
    search->space = memory_new(team->size, sizeof *search->space);
    if (search->space == NULL)
        return WEFT_ENOMEM;
    for (size_t rank = 0; rank < team->size && st == WEFT_OK; rank++)
        st = definition_space_create(&search->space[rank], search->d);
    if (st == WEFT_OK)
        st = team_run(team, work, search);
    for (size_t rank = 0; rank < team->size; rank++)
        definition_space_destroy(&search->space[rank]);
    memory_free(search->space);
    return st;
}

weft_status slopes_find(const struct definition *d, struct team *team, double tolerance, struct slope *slope, size_t count)
{
    struct search search = {.d = d, .slope = slope, .count = count, .tolerance = tolerance};
    return run(&search, team);
}

weft_status slopes_shake(const struct definition *d, struct team *team, struct slope *slope, size_t count)
{
    struct search search = {.d = d, .slope = slope, .count = count};
    return run(&search, team);
}
