/* A sweep inside the library: what everybody sees, and what it was made of. */
#ifndef SWEEP_SWEEP_H
#define SWEEP_SWEEP_H

#include "sweep/description.h"
#include "weft/run.h"
#include "weft/sweep.h"

struct sweep {
    weft_sweep shown;                   /* first: a weft_sweep * of ours is a struct sweep * */
    struct description description;
    int lock;                           /* descriptor; -1: the directory is not ours */
};

static inline const struct sweep *sweep_of(const weft_sweep *shown)
{
    return (const struct sweep *)(const void *)shown;
}

enum { SWEEP_RUNS_MAX = 10000 };

/* Fill in the combinations and runs of sweep->description, with names and directories below shown.out. On failure what has been
 * made stays for weft_sweep_destroy. WEFT_OK; WEFT_ESETTINGS if the settings of a combination contradict each other, two have the same
 * directory, or there are more than SWEEP_RUNS_MAX runs; WEFT_ENOMEM. */
weft_status sweep_combine(struct sweep *sweep);

/* The part of a combination's name that its directory has (weft/sweep.h says how); memory_free it; NULL if memory is short. */
char *sweep_directory_name(const char *name);

/* "<directory>/<name>"; memory_free it; NULL if memory is short. */
char *sweep_path(const char *directory, const char *name);

/* The first setting of the identity that differs between two runs, or NULL. Both values are in their canonical form. */
struct setting_difference { const char *name; char a[SETTING_TEXT_SIZE_BYTES], b[SETTING_TEXT_SIZE_BYTES]; };
bool sweep_differ(const weft_settings *a, const weft_settings *b, struct setting_difference *difference);

/* weft_sweep_run_state, and *read is what was read on the way: clear it if the run is over, otherwise it is empty. */
weft_status sweep_run_read(const weft_sweep *sweep, size_t run, weft_sweep_state *state, weft_run *read);

#endif
