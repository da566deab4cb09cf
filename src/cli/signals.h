/* Signals of a verb that trains. SIGTERM and SIGINT ask the run to stop after its step and to save; the second of them
 * ends the process at once with 128 + its number. SIGUSR1 asks for a save. SIGPIPE is ignored: when the reader of stdout or
 * stderr goes away, training does not end. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "weft/trainer.h"

/* Take the signals over, until the process ends: once the run is over, a stop changes nothing any more. To be called before
 * the run is set up, which may take seconds: a stop asked for meanwhile is kept for the run, and a save is not needed then. */
void signals_install(void);

/* After signals_install, where all that there is of the run is on disk already: a stop that comes before signals_attach ends the
 * process at once, with exit code 75 and this line on stderr, rather than after the data have been read. text must last. */
void signals_leave_at_once(const char *text);

/* The same as signals_install in a job of jobs.h: SIGINT is ignored, for a terminal sends it to all processes at once, and however
 * often SIGTERM comes, the run is saved: it is the process that has started the job that kills. */
void signals_install_in_job(void);

/* From now on signals go to this run; a stop that was asked for before is passed on. NULL: to none. */
void signals_attach(weft_trainer *trainer);

#endif
