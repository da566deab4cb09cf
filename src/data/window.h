/* The text of a file, plain or packed, through a window that moves over it: for readers that go from front to back and want
 * the word or the line they are at in one piece. */
#ifndef DATA_WINDOW_H
#define DATA_WINDOW_H

#include <stdbool.h>
#include <stddef.h>

#include "data/unpack.h"

/* At hand is bytes[first .. end-1], with a 0 byte behind. A reader moves first on as it is done with what stands there; it may
 * also write there. Points into itself: do not copy it. */
struct window {
    const char *name;                           /* of the file, for messages */
    char *bytes;
    size_t first, end, capacity;
    bool is_over;                               /* nothing comes behind end */
    struct file_reader reader;
    struct unpacker file;
};

/* Open path, which must outlive the window, and read the first piece; a byte order mark of UTF-8 is skipped. WEFT_OK;
 * WEFT_ENOINPUT; WEFT_EDATA if the file is empty, in UTF-16, or as of unpack_read; WEFT_ENOMEM; WEFT_EIO. Close it on success
 * only. */
weft_status window_open(struct window *window, const char *path);

/* More behind what is at hand; that may move in memory, and grows the window if it fills it. Afterwards either there is more or
 * is_over is true. WEFT_OK; as of unpack_read. */
weft_status window_more(struct window *window);

void window_close(struct window *window);

#endif
