/* See shown.h. */
#include "data/shown.h"

#include <string.h>

#include "base/text.h"

enum { LISTED_NAMES = 12, TAIL_BYTES = 32 };    /* TAIL_BYTES: of " and 18446744073709551615 more" */

struct shown shown(const char *text, size_t length)
{
    struct shown shown;
    size_t room = sizeof shown.text - 4, kept = length <= room ? length : room;
    while (kept < length && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    for (size_t i = 0; i < kept; i++)
        shown.text[i] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? '?' : text[i];
    strcpy(shown.text + kept, kept < length ? "..." : "");
    return shown;
}

struct listed listed(const struct names *names)
{
    struct listed list = {""};
    struct text text = {list.text, sizeof list.text, 0};
    size_t count = names->count <= LISTED_NAMES ? names->count : LISTED_NAMES - 2;
    for (size_t i = 0; i < count; i++) {
        struct shown name = shown(names->name[i], strlen(names->name[i]));
        text_add(&text, "%s%s", i == 0 ? "" : ", ", name.text);
        if (text.length > sizeof list.text - SHOWN_BYTES - TAIL_BYTES)
            count = i + 1;
    }
    if (count < names->count)
        text_add(&text, " and %zu more", names->count - count);
    return list;
}
