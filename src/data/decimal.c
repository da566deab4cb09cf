/* Nearly every number has at most 19 digits and an exponent that a double holds exactly. Then one division or multiplication in
 * double comes within a few units of the last place of the number, far closer than floats lie to each other: if both ends of
 * that interval round to the same float, so does the nearest double, wherever it is in there. What remains is for strtod. */
#include "data/decimal.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"

enum { EXACT_POWER = 22, EXPONENT_LIMIT = 1 << 28 };    /* 10^22 is the largest power of ten that a double holds */

static const double FIRST_BEYOND = 0x1.ffffffp127;      /* halfway from the largest float to where the next one would be */
static const uint64_t ROOM_FOR_A_DIGIT = UINT64_C(1000000000000000000);

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The number is digits * 10^power, but for digits behind the 19th. */
struct parts { uint64_t digits; int64_t power; bool is_negative; };

static const char *digits_read(const char *p, bool is_fraction, struct parts *parts)
{
    uint64_t digits = parts->digits;
    int64_t power = parts->power;
    for (; is_digit(*p); p++) {
        bool fits = digits < ROOM_FOR_A_DIGIT;
        digits = fits ? 10 * digits + (uint64_t)(*p - '0') : digits;
        power += fits ? -is_fraction : !is_fraction;
    }
    parts->digits = digits;
    parts->power = power;
    return p;
}

/* Behind the letter e; NULL if there is no digit. */
static const char *exponent_read(const char *p, struct parts *parts)
{
    bool is_negative = *p == '-';
    p += is_negative || *p == '+';
    if (!is_digit(*p))
        return NULL;
    int64_t exponent = 0;
    for (; is_digit(*p); p++)
        exponent = exponent < EXPONENT_LIMIT ? 10 * exponent + (*p - '0') : exponent;
    parts->power += is_negative ? -exponent : exponent;
    return p;
}

/* Behind the number; NULL if it is none. */
static const char *parts_read(const char *text, struct parts *parts)
{
    *parts = (struct parts){.is_negative = *text == '-'};
    const char *p = text + (*text == '-' || *text == '+'), *whole = p;
    p = digits_read(p, false, parts);
    bool has_digit = p > whole;
    if (*p == '.') {
        const char *fraction = ++p;
        p = digits_read(p, true, parts);
        has_digit |= p > fraction;
    }
    if (!has_digit)
        return NULL;
    return *p == 'e' || *p == 'E' ? exponent_read(p + 1, parts) : p;
}

/* False: not sure. */
static bool round_fast(const struct parts *parts, float *value)
{
    static const double ten[EXACT_POWER + 1] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13,
                                                1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (parts->digits == 0) {
        *value = parts->is_negative ? -0.0F : 0.0F;
        return true;
    }
    if (parts->power < -EXACT_POWER || parts->power > EXACT_POWER)
        return false;
    double near = (double)parts->digits;                                /* each step is right to 2^-53 of the value; */
    near = parts->power < 0 ? near / ten[-parts->power] : near * ten[parts->power];
    double margin = near * 0x1p-50, high = near + margin;               /* digits left out are 10^-18 at most */
    if (high >= FIRST_BEYOND || (float)(near - margin) != (float)high)
        return false;
    *value = parts->is_negative ? -(float)high : (float)high;
    return true;
}

static bool is_infinity(const char *text)
{
    static const char word[] = "infinity";
    text += *text == '-' || *text == '+';
    size_t same = 0;
    while (word[same] != '\0' && (text[same] == word[same] || text[same] == word[same] - 'a' + 'A'))
        same++;
    return text[same] == '\0' && (same == 3 || same == 8);
}

enum decimal decimal_read(const char *text, size_t length, float *value)
{
    struct parts parts;
    const char *end = parts_read(text, &parts);
    if (end != text + length)
        return is_infinity(text) ? DECIMAL_BEYOND : DECIMAL_NONE;
    if (round_fast(&parts, value))
        return DECIMAL_NUMBER;
    double exact;
    if (!text_parse_real(text, &exact) || exact >= FIRST_BEYOND || exact <= -FIRST_BEYOND)
        return DECIMAL_BEYOND;
    *value = exact == 0 && parts.is_negative ? -0.0F : (float)exact;
    return DECIMAL_NUMBER;
}
