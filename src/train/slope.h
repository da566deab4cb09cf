/* Slopes of a cost, from differences of it: the numerical gradient, element by element. */
#ifndef TRAIN_SLOPE_H
#define TRAIN_SLOPE_H

#include "nn/definition.h"
#include "parallel/team.h"

struct slope {
    size_t tensor, element;             /* of the network */
    bool is_kink;                       /* there is no one slope here, and the rest does not count */
    double value;                       /* of the cost: loss and penalty */
    double shift;                       /* that it was found with */
    double central;                     /* what that shift alone says */
    double resolution;                  /* what double's roundings of the cost may do to it */
    double rounding;                    /* what float's roundings inside the network do to it, as far as they were drawn */
};

/* Fill in all but tensor and element: rounding becomes 0. d has been run without roundings.
 *
 * The central difference D(h) = (c(w + h) - c(w - h)) / 2h is off by h^2 c'''/6, so (4 D(h/2) - D(h)) / 3 is off by a term in h^4
 * (Richardson, 1911). h is cbrt(2^-52) max(1, |w|) at first, where h^2 and the roundings of the cost over h are about alike.
 * A kink between w - h and w + h shows in one of two: D(h) is not D(h/2), or the difference of the slopes to the left and to
 * the right, which goes down with h where the cost is smooth, does not. Then h is made smaller; if that does not help within
 * five steps, a kink is at w. With large inputs h may be too large for the fourth order as well: the same remedy.
 * tolerance: what the slope is to be compared with; it comes out some ten times as accurate.
 * WEFT_OK, WEFT_ENOMEM, WEFT_ERESOURCE. The same numbers for any team. */
weft_status slopes_find(const struct definition *d, struct team *team, double tolerance, struct slope *slope, size_t count);

/* d has been run with a draw of roundings: the largest change of central that a draw has made so far. */
weft_status slopes_shake(const struct definition *d, struct team *team, struct slope *slope, size_t count);

#endif
