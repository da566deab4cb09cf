/* See file_reader.h. A file may grow or shrink while it is read: what its size says is a first guess and no more. */
#include "base/file_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/fault.h"
#include "base/memory.h"

enum { READ_FIRST_BYTES = 1 << 16 };

static weft_status too_large(const struct file_reader *reader, size_t size_bytes)
{
    return error_set(WEFT_EDATA, "read %s: %zu bytes or more, at most %zu wanted", reader->path, size_bytes,
                     reader->limit_bytes);
}

weft_status file_reader_open(struct file_reader *reader, const char *path, size_t limit_bytes)
{
    *reader = (struct file_reader){.path = path, .limit_bytes = limit_bytes};
    do
        reader->descriptor = SYSTEM(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    while (reader->descriptor < 0 && errno == EINTR);
    if (reader->descriptor < 0)
        return error_set(WEFT_ENOINPUT, "open %s: %m", path);
    struct stat info;
    weft_status st = WEFT_OK;
    if (SYSTEM(fstat, reader->descriptor, &info) < 0)
        st = error_set(WEFT_ENOINPUT, "open %s: %m", path);
    else if (S_ISDIR(info.st_mode))
        st = error_set(WEFT_ENOINPUT, "open %s: it is a directory, wanted a file", path);
    else if (S_ISREG(info.st_mode) && (uintmax_t)info.st_size > limit_bytes)
        st = too_large(reader, (size_t)info.st_size);
    else
        reader->size_bytes = S_ISREG(info.st_mode) ? (size_t)info.st_size : 0;
    if (st != WEFT_OK)
        file_reader_close(reader);
    return st;
}

void file_reader_close(struct file_reader *reader)
{
    close(reader->descriptor);                          /* read only */
}

static ssize_t read_once(int descriptor, void *out, size_t wanted)
{
    int fault = fault_of("read");
    if (fault > 0) {
        errno = fault;
        return -1;
    }
    return read(descriptor, out, fault == FAULT_SHORT ? (wanted + 1) / 2 : wanted);
}

weft_status file_reader_read_some(struct file_reader *reader, void *out, size_t capacity, size_t *got)
{
    ssize_t size;
    *got = 0;
    do
        size = read_once(reader->descriptor, out, capacity);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return error_set(WEFT_EIO, "read %s at byte %zu: %m", reader->path, reader->taken_bytes);
    *got = (size_t)size;
    reader->taken_bytes += *got;
    return reader->taken_bytes > reader->limit_bytes ? too_large(reader, reader->taken_bytes) : WEFT_OK;
}

weft_status file_reader_read(struct file_reader *reader, void *out, size_t wanted, size_t *got)
{
    weft_status st = WEFT_OK;
    *got = 0;
    for (size_t piece = 1; piece > 0 && *got < wanted && st == WEFT_OK; *got += piece)
        st = file_reader_read_some(reader, (char *)out + *got, wanted - *got, &piece);
    return st;
}

/* To the end, however long the file says it is: *bytes grows when it must. */
static weft_status read_all(struct file_reader *reader, char **bytes, size_t *size_bytes)
{
    size_t capacity = (reader->size_bytes != 0 ? reader->size_bytes : READ_FIRST_BYTES) + 2;
    char *buffer = memory_reserve(capacity, 1);         /* a byte to meet the end in, and one for the final 0 */
    if (buffer == NULL)
        return error_context(WEFT_ENOMEM, "read %s", reader->path);
    for (size_t size = 0, got;;) {
        weft_status st = file_reader_read(reader, buffer + size, capacity - 1 - size, &got);
        size += got;
        if (st == WEFT_OK && size < capacity - 1) {
            buffer[size] = '\0';
            *bytes = buffer;
            *size_bytes = size;
            return WEFT_OK;
        }
        char *grown = st == WEFT_OK ? memory_grow(buffer, size, 2 * capacity, 1) : NULL;
        if (grown == NULL) {
            memory_free(buffer);
            return st == WEFT_OK ? error_context(WEFT_ENOMEM, "read %s", reader->path) : st;
        }
        buffer = grown;
        capacity *= 2;
    }
}

weft_status file_read(const char *path, size_t limit_bytes, void **bytes, size_t *size_bytes)
{
    struct file_reader reader;
    char *buffer = NULL;
    weft_status st = file_reader_open(&reader, path, limit_bytes);
    if (st != WEFT_OK)
        return st;
    st = read_all(&reader, &buffer, size_bytes);
    file_reader_close(&reader);
    *bytes = buffer;
    return st;
}
