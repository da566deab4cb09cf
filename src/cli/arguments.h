/* Where a verb that trains, or would, takes its settings from: a file, then the command line. */
#ifndef CLI_ARGUMENTS_H
#define CLI_ARGUMENTS_H

#include <stdint.h>

#include "cli/options.h"
#include "weft/settings.h"

struct settings_arguments {
    const char *config, *data;          /* CONFIG.ini, --data; NULL: not given */
    struct strings set;                 /* --set */
    uint64_t threads;                   /* --threads; THREADS_NOT_GIVEN: as set elsewhere */
};

#define THREADS_NOT_GIVEN UINT64_MAX

/* Read the file, then --set in order, then --data and --threads. The errors of weft_settings_load and weft_settings_set. */
weft_status arguments_apply(const struct settings_arguments *arguments, weft_settings *settings);

#endif
