/* Where a thread's time goes in a step. */
#ifndef TRAIN_PHASE_H
#define TRAIN_PHASE_H

enum phase { PHASE_GATHER, PHASE_FORWARD, PHASE_BACKWARD, PHASE_GRADIENT, PHASE_UPDATE, PHASE_WAIT, PHASES };

struct phase_clock {
    double *time_s;                     /* of each phase, added to; NULL: nobody wants to know, and no clock is looked at */
    double since_s;                     /* clock_seconds() when the phase at hand began */
};

/* What has passed since the last call was this phase. */
void phase_end(struct phase_clock *clock, enum phase phase);

#endif
