/* "Did you mean": the nearest name by the number of single-character edits. */
#include <string.h>

#include "weft/settings.h"

enum { WORD_MAX = 63 };         /* bytes; nothing in Weft has a longer name, and a longer word is near to none */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* How many characters must be inserted, removed, replaced or swapped with their neighbour to turn a into b (optimal
 * string alignment: nothing is edited twice). Row i of the table holds the distances of a's first i characters to every
 * beginning of b; three rows are alive at a time. */
static size_t edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t row[3][WORD_MAX + 1];
    for (size_t j = 0; j <= b_length; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a_length; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *above_that = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_length; j++) {
            size_t replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replaced, least(above[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], above_that[j - 2] + 1);
        }
    }
    return row[a_length % 3][b_length];
}

const char *weft_nearest_name(const char *word, const char *const *names, size_t count)
{
    size_t length = strlen(word);
    if (length > WORD_MAX)
        return NULL;
    const char *nearest = NULL;
    size_t shortest = length < 3 ? 1 : (length + 2) / 3;        /* a third of it wrong: still recognisable */
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        if (name_length > WORD_MAX)
            continue;
        size_t distance = edit_distance(word, length, names[i], name_length);
        if (distance < shortest || (distance == shortest && nearest == NULL)) {
            nearest = names[i];
            shortest = distance;
        }
    }
    return nearest;
}
