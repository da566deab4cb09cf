/* A disk under power cuts. While a recording runs, everything that the program does to the files below one directory is written
 * down: bytes, names, fsyncs. Afterwards the directory can be made again as a cut at any moment may have left it.
 *
 * What is promised of the disk is what POSIX promises: the bytes of a file are safe after an fsync of the file, names in a
 * directory after an fsync of the directory. Everything else may be there, not be there, or be there in part, whatever came
 * first. Beyond that it is taken for granted that bytes that are safe stay so when others are appended to them, and that a
 * symbolic link comes with its target.
 *
 * The linker redirects the system calls (--wrap, in CMakeLists.txt). One that would change files and that the model does not know
 * ends the program, and so does a recording that differs from what really is in the directory at its end. */
#ifndef TESTS_DISK_MODEL_H
#define TESTS_DISK_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct disk;

/* Record from now on what happens below a directory, which as it stands now is safe; an absolute path. One recording at a time.
 * While it lasts, getpid() is a number that no process has and no recording had before: what the program leaves behind is
 * then that of a process that is dead. */
struct disk *disk_record(const char *directory);
void disk_stop(struct disk *disk);
void disk_free(struct disk *disk);                      /* NULL is fine */

/* The test's own notes among the operations, of several kinds: "save `number` has been reported". */
enum { DISK_MARKS = 4 };
void disk_mark(int kind, int64_t number);

/* A cut comes between two operations, or in the middle of a write: there are points 0 .. disk_points - 1. */
size_t disk_points(const struct disk *disk);

/* The latest number of this kind that was noted before the cut; -1: none. */
int64_t disk_marked(const struct disk *disk, size_t point, int kind);

struct disk_cut {
    size_t point;
    uint64_t seed;                      /* decides all that is open */
    size_t lies_from;                   /* from this point on fsync does nothing; DISK_HONEST: never */
    bool is_ordered;                    /* names change in the order in which the program changed them, as with a journal */
};
#define DISK_HONEST SIZE_MAX

/* Make `directory`, which must not exist, as the cut leaves the recorded one. */
void disk_after(const struct disk *disk, const struct disk_cut *cut, const char *directory);

/* The versions of a file are the files that its name has stood for, each as it was when it got the name. Of those that these
 * bytes begin with, the size of the largest; -1 if they begin with none. */
int64_t disk_version_bytes(const struct disk *disk, const char *name, const void *bytes, size_t size_bytes);

#endif
