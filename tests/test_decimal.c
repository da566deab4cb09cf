/* Decimal texts to floats: the same as through strtod, for every way to write a number; and what is no number. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/decimal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint32_t bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* strtod rounds right (glibc), and so does the conversion: that is the definition. */
static void same_as_strtod(const char *text)
{
    float found = -7, wanted = (float)strtod(text, NULL);
    enum decimal what = decimal_read(text, strlen(text), &found);
    if (what != (isinf(wanted) ? DECIMAL_BEYOND : DECIMAL_NUMBER) || (!isinf(wanted) && bits_of(found) != bits_of(wanted))) {
        print_error("%s: found %a (%d), wanted %a\n", text, (double)found, (int)what, (double)wanted);
        fail();
    }
}

static void edges_are_rounded_right(void **state)
{
    (void)state;
    static const char *const text[] = {
        "0", "-0", "+0", "0.0", "-0.0e99", "0e999999999999", "-0e-999999999999", "1", "+1", "-1", "1.", ".5", "-.5e1", "00012", "1e0",
        "1E5", "1e+5", "1e-5", "255", "0.1", "0.3", "16777216", "16777217", "16777219", "33554433.0000000001", "16777217.00000000001",
        "9007199254740993", "9007199254740992.5", "18446744073709551615", "18446744073709551616", "99999999999999999999999",
        "123456789012345678901234567890", "0.000000000000000000000000000000000000000000001", "1.4e-45", "7e-46", "7.1e-46", "1e-400",
        "1.17549435e-38", "1.1754942e-38", "3.4028234e38", "3.4028235e38", "3.40282356e38", "340282356779733661637539395458142568447",
        "340282356779733661637539395458142568448", "3.4028236e38", "1e39", "-1e39", "1e999999999999", "1e-999999999999", "1e22", "1e23",
        "8.5070591730234616e37", "1.00000005960464477539062", "1.00000005960464477539063", "1.000000059604644775390625",
        "1.0000001788139343", "1.00000017881393432617187499", "0.100000001490116119384765625", "4.35", "1e-22", "1e-23", "123e-25",
        "1000000000000000000e21", "340282356779733661e21", "340282356779733662e21", "3402823567797336e23", "1e99999999999999999999999999",
        "-1e-99999999999999999999999999", "0e99999999999999999999999999", "1e9223372036854775808", "1e18446744073709551617",
    };
    for (size_t i = 0; i < COUNT(text); i++)
        same_as_strtod(text[i]);
    char zeros[3000];                               /* zeros in front and behind, exponents that take them back */
    memset(zeros, '0', sizeof zeros);
    memcpy(zeros, "0.", 2);
    strcpy(zeros + 2000, "123456789e2002");
    same_as_strtod(zeros);
    memset(zeros, '0', 2000);
    zeros[0] = '7';
    strcpy(zeros + 2000, ".5e-1998");
    same_as_strtod(zeros);
}

static void what_is_no_number_is_told(void **state)
{
    (void)state;
    static const char *const none[] = {"", "-", "+", ".", "e", "e5", ".e5", "1e", "1e+", "1e-", "--1", "+-1", "1-", "1.2.3", "1,5", "1 ",
                                       " 1", "0x10", "1f", "nan", "in", "inff", "infinit", "infinityy", "1e5.", "1_000", "a", "1\xc2\xa0"};
    static const char *const beyond[] = {"inf", "-inf", "+Inf", "INF", "infinity", "-Infinity", "1e39", "-4e38", "1e400"};
    for (size_t i = 0; i < COUNT(none); i++) {
        float value = 5;
        if (decimal_read(none[i], strlen(none[i]), &value) != DECIMAL_NONE || value != 5)
            fail_msg("\"%s\" is taken for a number", none[i]);
    }
    for (size_t i = 0; i < COUNT(beyond); i++) {
        float value = 5;
        if (decimal_read(beyond[i], strlen(beyond[i]), &value) != DECIMAL_BEYOND || value != 5)
            fail_msg("\"%s\" is not seen as beyond a float", beyond[i]);
    }
    float value;
    assert_int_equal(decimal_read("1\0002", 3, &value), DECIMAL_NONE);          /* a 0 inside is not the end */
}

static uint64_t random_bits(void)                   /* SplitMix64 */
{
    static uint64_t state = 7;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* All floats, all ways to print them; and the middle between two floats, a little more, a little less. */
static void random_numbers_are_rounded_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < 200000; i++) {
        char text[80];
        uint32_t bits = (uint32_t)random_bits() & 0x7fffffff;
        float x, next;
        memcpy(&x, &bits, sizeof x);
        if (!isfinite(x) || i % 2 == 0)
            x = (float)((double)(int64_t)random_bits() / (double)(1 + (random_bits() >> (1 + i % 60))));
        next = nextafterf(x, INFINITY);
        double middle = ((double)x + (double)next) / 2;
        snprintf(text, sizeof text, "%.*g", (int)(1 + i % 20), (double)x);
        same_as_strtod(text);
        snprintf(text, sizeof text, "%.*f", (int)(i % 30), fmod((double)x, 1e6));
        same_as_strtod(text);
        if (isfinite(middle)) {
            snprintf(text, sizeof text, "%.*e", (int)(14 + i % 40), middle);
            same_as_strtod(text);
            snprintf(text, sizeof text, "%.17g", nextafter(middle, (double)(i & 2) - 1));
            same_as_strtod(text);
        }
        snprintf(text, sizeof text, "%llu%s%llu", (unsigned long long)(random_bits() >> i % 64), i % 3 == 0 ? "." : "e-",
                 (unsigned long long)(random_bits() % 60));
        same_as_strtod(text);
    }
}

/* Where the locale has a decimal comma, a point is one all the same. */
static void the_locale_does_not_count(void **state)
{
    (void)state;
    static const char *const name[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "fr_FR"};
    size_t i = 0;
    while (i < COUNT(name) && setlocale(LC_ALL, name[i]) == NULL)
        i++;
    float value = 0;
    assert_int_equal(decimal_read("1.5", 3, &value), DECIMAL_NUMBER);
    assert_true(value == 1.5F);
    assert_int_equal(decimal_read("1.5e-30", 7, &value), DECIMAL_NUMBER);       /* through strtod */
    assert_true(value == 1.5e-30F);
    assert_int_equal(decimal_read("1,5", 3, &value), DECIMAL_NONE);
    setlocale(LC_ALL, "C");
    if (i == COUNT(name))
        print_message("no locale with a decimal comma is installed\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(edges_are_rounded_right),
        cmocka_unit_test(what_is_no_number_is_told),
        cmocka_unit_test(random_numbers_are_rounded_right),
        cmocka_unit_test(the_locale_does_not_count),
    };
    return cmocka_run_group_tests_name("decimal", tests, NULL, NULL);
}
