/* Pictures as PNG and base64: what is decoded again is what was encoded. */
#include <png.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "chart/png.h"
#include "support.h"

/* Encode, decode, compare; is_grey: what the file must be. */
static void assert_round_trip(size_t height, size_t width, size_t channels, const uint8_t *pixel, bool is_grey)
{
    uint8_t *bytes;
    size_t size_bytes;
    assert_int_equal(png_encode(height, width, channels, pixel, &bytes, &size_bytes), WEFT_OK);
    png_image image = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_memory(&image, bytes, size_bytes));
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    assert_int_equal(image.format, is_grey ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB);
    image.format = channels == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
    uint8_t *decoded = guarded_new(height * width, channels);
    assert_true(png_image_finish_read(&image, NULL, decoded, 0, NULL));
    assert_memory_equal(decoded, pixel, height * width * channels);
    guarded_free(decoded);
    memory_free(bytes);
}

static void pixels_come_back(void **state)
{
    (void)state;
    static const size_t shape[][2] = {{1, 1}, {28, 28}, {3, 517}, {517, 3}, {1, 2}, {100, 100}};
    struct random random = {3};
    for (size_t s = 0; s < COUNT(shape); s++)
        for (size_t channels = 1; channels <= 3; channels += 2)
            for (int is_grey = 0; is_grey < 2; is_grey++) {
                size_t pixels = shape[s][0] * shape[s][1];
                uint8_t *pixel = fenced_new(pixels, channels);
                for (size_t i = 0; i < pixels * channels; i++)
                    pixel[i] = is_grey && i % channels != 0 ? pixel[i - 1] : (uint8_t)random_bits(&random);
                if (!is_grey)
                    pixel[0] = (uint8_t)(pixel[channels - 1] + (channels > 1));
                assert_round_trip(shape[s][0], shape[s][1], channels, pixel, is_grey || channels == 1);
                guarded_free(pixel);
            }
}

static void same_pixels_give_same_bytes(void **state)
{
    (void)state;
    uint8_t pixel[12 * 3], *first, *second;
    size_t first_bytes, second_bytes;
    for (size_t i = 0; i < sizeof pixel; i++)
        pixel[i] = (uint8_t)(7 * i);
    assert_int_equal(png_encode(3, 4, 3, pixel, &first, &first_bytes), WEFT_OK);
    assert_int_equal(png_encode(3, 4, 3, pixel, &second, &second_bytes), WEFT_OK);
    assert_int_equal(first_bytes, second_bytes);
    assert_memory_equal(first, second, first_bytes);
    memory_free(second);
    memory_free(first);
}

static void shapes_without_pixels_are_refused(void **state)
{
    (void)state;
    static const size_t shape[][2] = {{0, 4}, {4, 0}, {1, 20000}, {SIZE_MAX, 1}};
    for (size_t s = 0; s < COUNT(shape); s++) {
        uint8_t pixel[12] = {0}, *bytes;
        size_t size_bytes;
        assert_int_equal(png_encode(shape[s][0], shape[s][1], 3, pixel, &bytes, &size_bytes), WEFT_EINVAL);
        assert_non_null(strstr(weft_last_error(), "wanted sides of 1 to"));
    }
}

static void survives_failing_allocations(void **state)
{
    (void)state;
    const uint8_t pixel[12] = {9, 9, 9, 8, 8, 8, 7, 7, 7, 6, 6, 6};
    weft_status st = WEFT_ENOMEM;
    size_t n = 0;
    while (st != WEFT_OK) {
        uint8_t *bytes = NULL;
        size_t size_bytes;
        memory_fail_from(++n);
        st = png_encode(2, 2, 3, pixel, &bytes, &size_bytes);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        memory_free(bytes);
    }
    assert_int_equal(n, 3);             /* grey pixels, PNG, and then none failed */
}

/* The examples of RFC 4648, section 10. */
static void base64_is_as_published(void **state)
{
    (void)state;
    static const char *const want[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (size_t i = 0; i < COUNT(want); i++) {
        char *text;
        size_t length;
        FILE *stream = open_memstream(&text, &length);
        assert_non_null(stream);
        png_write_base64((const uint8_t *)"foobar", i, stream);
        assert_int_equal(fclose(stream), 0);
        assert_string_equal(text, want[i]);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pixels_come_back),
        cmocka_unit_test(same_pixels_give_same_bytes),
        cmocka_unit_test(shapes_without_pixels_are_refused),
        cmocka_unit_test(survives_failing_allocations),
        cmocka_unit_test(base64_is_as_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
