/* A recording, as disk_recording.c writes it down and disk_model.c reads it: one list of operations. The first of them make what
 * stood in the directory at the start. Names are changed by one kind of operation only: from here on this name in this directory
 * stands for that inode, or for nothing. A rename is two of them. */
#ifndef TESTS_DISK_RECORDING_H
#define TESTS_DISK_RECORDING_H

#include "disk_model.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

enum { DESCRIPTORS_MAX = 4096 };
enum { NOTHING = 0, ROOT = 1 };         /* inodes: none, and the recorded directory itself */

struct inode {
    enum { A_FILE, A_DIRECTORY, A_LINK } kind;
    dev_t device;                       /* where it really is, while the recording runs */
    ino_t number;
    char *target;                       /* of a link */
};

struct operation {
    enum { WRITE, SYNC, NAME, MARK } kind;
    size_t inode;                       /* written, synced, or what the name stands for from here on */
    size_t directory;                   /* NAME: in this one */
    char *name;
    bool is_second;                     /* NAME: of a rename, the one that takes the old name away */
    size_t at, size_bytes;              /* WRITE */
    unsigned char *bytes;
    int mark;
    int64_t number;
};

struct disk {
    char root[PATH_MAX];
    struct inode *inode;
    size_t inodes, inode_capacity;
    struct operation *operation;
    size_t operations, operation_capacity;
    size_t first;                       /* the first operation that is not of what stood there at the start */
    size_t open_inode[DESCRIPTORS_MAX];
};

/* Does what stands in the directory at the end of a recording follow from it? Gives up if not. */
void disk_compare(const struct disk *disk);

/* May be called by any thread, so it cannot just fail the test. */
__attribute__((format(printf, 1, 2))) static inline _Noreturn void give_up(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("the model of the disk: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\n", stderr);
    va_end(arguments);
    abort();
}

static inline void *grown(void *list, size_t count, size_t *capacity, size_t size_bytes)
{
    if (count < *capacity)
        return list;
    *capacity = 2 * *capacity + 64;
    list = realloc(list, *capacity * size_bytes);
    return list != NULL ? list : (give_up("out of memory"), NULL);
}

static inline void *copy_of(const void *bytes, size_t size_bytes)
{
    void *copy = malloc(size_bytes + 1);
    if (copy == NULL)
        give_up("out of memory");
    return memcpy(copy, bytes, size_bytes);
}

static inline void path_of(char path[PATH_MAX], const char *directory, const char *name)
{
    if (snprintf(path, PATH_MAX, "%s/%s", directory, name) >= PATH_MAX)
        give_up("%s/%s is too long", directory, name);
}

static inline unsigned char *bytes_of(const char *path, size_t size_bytes)
{
    unsigned char *bytes = malloc(size_bytes + 1);
    FILE *file = fopen(path, "rb");
    if (bytes == NULL || file == NULL || fread(bytes, 1, size_bytes, file) != size_bytes)
        give_up("cannot read %s", path);
    fclose(file);
    return bytes;
}

#endif
