/* What the tests of power cuts share: which cuts are made, what may come of one, and a look at the files it left. */
#ifndef TESTS_CRASH_SAMPLES_H
#define TESTS_CRASH_SAMPLES_H

#include "run_samples.h"

#include <errno.h>

#include "base/fault.h"
#include "base/file_reader.h"
#include "disk_model.h"
#include "store/seal.h"
#include "support.h"

/* WEFT_CRASH_SEEDS says how many cuts are made, WEFT_SEED is the seed of the first. A cut follows from its seed alone. */
static inline unsigned long long number_from(const char *variable, unsigned long long preset)
{
    const char *text = getenv(variable);
    return text != NULL ? strtoull(text, NULL, 10) : preset;
}

static inline unsigned long long first_seed(void) { return number_from("WEFT_SEED", 0); }
static inline unsigned long long seeds(void) { return number_from("WEFT_CRASH_SEEDS", 2048); }

/* NONE_YET: there is no checkpoint, and none was reported; OLD: the state is the one last reported as saved; NEW: it is newer;
 * REFUSED: what is there is damaged, and said to be. */
enum outcome { WRONG, NONE_YET, OLD, NEW, REFUSED, OUTCOMES };

static char fault[1024];                        /* why it is WRONG */

__attribute__((format(printf, 1, 2))) static inline enum outcome wrong(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(fault, sizeof fault, format, arguments);
    va_end(arguments);
    return WRONG;
}

struct tally_of_cuts { size_t points; unsigned long long cuts; size_t count[OUTCOMES]; };

static inline void count_outcome(struct tally_of_cuts *tally, enum outcome outcome, unsigned long long seed)
{
    if (outcome == WRONG && tally->count[WRONG] < 10)
        print_error("WEFT_SEED=%llu WEFT_CRASH_SEEDS=1: %s\n", seed, fault);
    tally->count[outcome]++;
    tally->cuts++;
}

static inline void tell_outcomes(const struct tally_of_cuts *tally)
{
    const size_t *count = tally->count;
    print_message("           %zu points, %llu cuts: %zu none yet, %zu old, %zu new, %zu refused, %zu failures\n", tally->points,
                  tally->cuts, count[NONE_YET], count[OLD], count[NEW], count[REFUSED], count[WRONG]);
    assert_int_equal(count[WRONG], 0);
}

static inline void clear(const char *name)
{
    (void)nftw(in_scratch(name), scratch_remove_one, 8, FTW_DEPTH | FTW_PHYS);
    (void)rmdir(in_scratch(name));
}

static inline bool is_checkpoint(const char *name)
{
    return strncmp(name, "step-", 5) == 0 || strcmp(name, "last.h5") == 0 || strcmp(name, "best.h5") == 0
           || strcmp(name, "evaluation.h5") == 0;
}

static inline bool is_whole(const char *path)
{
    void *bytes;
    size_t size_bytes;
    if (file_read(path, SIZE_MAX / 4, &bytes, &size_bytes) != WEFT_OK)
        return false;
    weft_status st = seal_check(bytes, size_bytes);
    memory_free(bytes);
    return st == WEFT_OK;
}

/* What has a checkpoint's name is whole, a link's file too; there are no more temporary files than that. */
static inline enum outcome look_at_files(const char *run_name, size_t temporaries_allowed)
{
    size_t temporaries = 0;
    enum outcome outcome = NEW;
    DIR *stream = opendir(in_scratch(run_name));
    for (struct dirent *entry; stream != NULL && (entry = readdir(stream)) != NULL;) {
        temporaries += entry->d_name[0] == '.' && strstr(entry->d_name, ".tmp.") != NULL;
        if (is_checkpoint(entry->d_name) && !is_whole(file_of(run_name, entry->d_name)))
            outcome = wrong("%s is not whole: %s", entry->d_name, weft_last_error());
    }
    if (stream != NULL)
        closedir(stream);
    return temporaries > temporaries_allowed ? wrong("%zu temporary files", temporaries) : outcome;
}

#endif
