/* What the tests of the numerical core share: random numbers from a fixed seed, arrays that notice a write beyond their
 * ends, comparison to the last bit, and small data sets made by hand. */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "data/dataset.h"
#include "settings/settings.h"

#ifndef COUNT
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#endif

/* SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): any seed will do. */
struct random { uint64_t state; };
uint64_t random_bits(struct random *random);
double random_real(struct random *random, double low, double high);             /* low <= x < high */
size_t random_below(struct random *random, size_t bound);
void random_floats(struct random *random, size_t count, double low, double high, float *x);

/* A zeroed array between two stretches of guard bytes; the end of the array is the start of the second one. Freeing it
 * fails the test if a guard byte was written. */
void *guarded_new(size_t count, size_t size_bytes);
void guarded_free(void *array);
float *guarded_floats(struct random *random, size_t count, double low, double high);
float *guarded_copy(const float *x, size_t count);

/* The same for what is only read: behind the array is a page that nobody may touch, so reading one byte beyond its end fails
 * the test too (cmocka says "Segmentation fault"). For guarded_free. */
void *fenced_new(size_t count, size_t size_bytes);
float *fenced_floats(struct random *random, size_t count, double low, double high);

/* Equal to the last bit, a NaN being equal to a NaN. The format says which case it was, when it was not. */
void assert_same_bits(const float *got, const float *want, size_t count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void assert_same_doubles(const double *got, const double *want, size_t count, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* |got - want| <= bound, and got is a number. */
void assert_within(double got, double want, double bound, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Settings at their defaults, then "name=value; name=value". Fails the test if one is unknown or out of range. */
weft_settings *settings_of(const char *assignments);

/* rows random rows of bytes with random labels (every class occurs if rows >= classes); all rows are the training split,
 * in order. An input is (byte - 128) / 256, an exact float. */
void sample_dataset(struct dataset *dataset, uint64_t seed, size_t rows, size_t features, size_t classes);
void sample_dataset_free(struct dataset *dataset);

/* Afterwards: random floats in place of the bytes, each feature with a shift and a scale of its own; in place of the labels what
 * another task has (soft shares of the classes, a number from 0 to 1 for each label, values), one target for each of the
 * outputs; and a weight for each class. */
void sample_floats(struct dataset *dataset, uint64_t seed);
void sample_targets(struct dataset *dataset, uint64_t seed, enum task task);
void sample_class_weights(struct dataset *dataset, uint64_t seed);

/* All of it at once; 0: bytes with a class each. */
enum { OF_FLOATS = 1, OF_SHARES = 2, OF_LABELS = 4, OF_VALUES = 8, OF_WEIGHTS = 16 };
void sample_dataset_of(struct dataset *dataset, uint64_t seed, size_t rows, size_t features, size_t outputs, unsigned kind);

/* Feature j of a training row as network input, rounded as two float operations. */
float sample_input(const struct dataset *dataset, size_t row, size_t j);

#endif
