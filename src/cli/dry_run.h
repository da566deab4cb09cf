/* weft train --dry-run and --verbose: what a run would be, without it; and what it takes, before it. */
#ifndef CLI_DRY_RUN_H
#define CLI_DRY_RUN_H

#include <stdbool.h>

#include "weft/settings.h"
#include "weft/trainer.h"

/* Print the plan of a run to stdout. init_from may be NULL. Returns the exit code. */
int dry_run(const char *verb, const weft_settings *settings, const char *init_from, bool json);

/* Print what a run takes to stderr, before it begins. WEFT_OK; or why not, and then the run is best not begun. */
weft_status dry_run_tell_memory(const weft_trainer *trainer);

#endif
