/* Signals of a verb that trains. SIGTERM, SIGINT, SIGHUP (unless it was ignored, as under nohup) and SIGXCPU ask the run to stop after
 * its step and to save. A second SIGTERM or SIGINT, if it comes a second or more after the first of these two (second_stop.h), ends
 * the process at once with 128 + its number. SIGUSR1 asks for a save. SIGPIPE and SIGXFSZ are ignored: when the reader of stdout or
 * stderr goes away, or the file that they are may not grow any more, training does not end. */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include "weft/trainer.h"

/* Take the signals over, until the process ends: once the run is over, a stop changes nothing any more. To be called before
 * the run is set up, which may take seconds: a stop asked for meanwhile is kept for the run, and a save is not needed then. */
void signals_install(void);

/* After signals_install, while there is nothing to be saved: a stop that comes before signals_attach ends the process at once, with
 * exit code 75 and this line on stderr, rather than after the data have been read. text must last; NULL: from now on a stop is
 * kept for the run again. */
void signals_leave_at_once(const char *text);

/* The same as signals_install in a job of jobs.h: SIGINT is ignored, for a terminal sends it to all processes at once, and however
 * often SIGTERM comes, the run is saved: it is the process that has started the job that kills. */
void signals_install_in_job(void);

/* From now on signals go to this run; a stop that was asked for before is passed on. NULL: to none. */
void signals_attach(weft_trainer *trainer);

#endif
