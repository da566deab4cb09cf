/* The words (or numbers) that text files have for classes, and the numbers that the classes get.
 * With known classes, a word is the class in whose place it stands; a number also finds its class when it is written in another
 * way (1.0 and 01 the class 1). Without, all words are sorted when the last one is in: if each is a number, by value, and one
 * number written in several ways is one class, named in the shortest way; else by their bytes. */
#ifndef DATA_LABELS_H
#define DATA_LABELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "data/names.h"

struct labels {
    const struct names *known;                  /* NULL: they are sorted */
    struct names word;                          /* all different words, in the order they came in (after the known ones) */
    int32_t *class_of;                          /* of each word; class_capacity, count as word */
    size_t class_capacity;
    uint32_t *slot;                             /* hash table, linear probing: number of the word + 1, 0: free; a power of 2 */
    size_t slots;
};

/* known: NULL or empty if there are none, else it must outlive the labels. WEFT_OK, WEFT_ENOMEM. Close it on success only. */
weft_status labels_open(struct labels *labels, const struct names *known);

/* The number of the word text[0 .. length-1]; labels_finish says which class that is. text[length] is 0. WEFT_OK; WEFT_EDATA,
 * with a message that says what was found and wanted, but not where: the word is not known, or no name (see label_check);
 * WEFT_ENOMEM. */
weft_status labels_add(struct labels *labels, const char *text, size_t length, int32_t *number);

/* After the last word: class_of is set, and the names of the classes are added to *classes, which is empty. WEFT_OK,
 * WEFT_ENOMEM. */
weft_status labels_finish(struct labels *labels, struct names *classes);

void labels_close(struct labels *labels);

/* Whether a text can be the name of a class: UTF-8 without control characters, not empty. WEFT_OK; WEFT_EDATA as labels_add. */
weft_status label_check(const char *text, size_t length);

#endif
