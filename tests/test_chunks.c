/* The filters of HDF5's chunks, each taken back by itself and in rows: what was put in comes out, and what is not of the size it
 * says is refused. Whole files with chunks are the matter of test_hdf5. */
#include "source_samples.h"

#include "data/chunks.h"

enum { CHUNK_BYTES = 120 };

static uint8_t want[CHUNK_BYTES];

static void want_fill(void)
{
    for (size_t i = 0; i < CHUNK_BYTES; i++)
        want[i] = (uint8_t)(i * i + 3 * i);
}

static weft_status unpack(const struct chunk_form *form, const uint8_t *stored, size_t stored_bytes, uint32_t skipped, uint8_t *out)
{
    struct chunk_unpacker unpacker;
    uint8_t *bytes;
    assert_ok(chunk_unpacker_open(&unpacker, "f.h5: X", form));
    weft_status st = chunk_unpack(&unpacker, stored, stored_bytes, skipped, &bytes);
    if (st == WEFT_OK)
        memcpy(out, bytes, form->size_bytes);
    chunk_unpacker_close(&unpacker);
    return st;
}

/* As the HDF5 file format says: byte k of all elements together; what is no whole element stays. */
static void shuffle(const uint8_t *from, size_t size_bytes, size_t element_bytes, uint8_t *to)
{
    size_t elements = size_bytes / element_bytes;
    memcpy(to, from, size_bytes);
    for (size_t i = 0; i < elements; i++)
        for (size_t k = 0; k < element_bytes; k++)
            to[k * elements + i] = from[i * element_bytes + k];
}

static void elements_of_every_size_are_put_together(void **state)
{
    (void)state;
    uint8_t shuffled[CHUNK_BYTES], out[CHUNK_BYTES];
    want_fill();
    for (size_t element_bytes = 1; element_bytes <= 17; element_bytes++)
        for (size_t size_bytes = CHUNK_BYTES - 9; size_bytes <= CHUNK_BYTES; size_bytes++) {
            struct chunk_form form = {size_bytes, 1, {CHUNK_SHUFFLE}, {element_bytes}};
            shuffle(want, size_bytes, element_bytes, shuffled);
            assert_ok(unpack(&form, shuffled, size_bytes, 0, out));
            if (memcmp(out, want, size_bytes) != 0)
                fail_msg("%zu bytes of elements of %zu", size_bytes, element_bytes);
        }
}

/* Two times packed and shuffled, and any of the filters left out. */
static void filters_in_rows(void **state)
{
    (void)state;
    const struct chunk_form form = {CHUNK_BYTES, 4, {CHUNK_SHUFFLE, CHUNK_GZIP, CHUNK_SHUFFLE, CHUNK_SHUFFLE}, {4, 0, 2, 8}};
    want_fill();
    for (uint32_t skipped = 0; skipped < 16; skipped++) {
        if (!(skipped & 2) && (skipped & 12) != 12)
            continue;                           /* behind a filter that packs, nothing has the size of a chunk */
        uint8_t at[2][2 * CHUNK_BYTES], out[CHUNK_BYTES], next = 0;
        size_t size_bytes = CHUNK_BYTES;
        memcpy(at[0], want, CHUNK_BYTES);
        for (size_t i = 0; i < form.filters; i++) {
            uLongf packed = 2 * CHUNK_BYTES;
            if (skipped >> i & 1)
                continue;
            if (form.filter[i] == CHUNK_SHUFFLE)
                shuffle(at[next], size_bytes, form.element_bytes[i], at[1 - next]);
            else {
                assert_int_equal(compress(at[1 - next], &packed, at[next], size_bytes), Z_OK);
                size_bytes = packed;
            }
            next = 1 - next;
        }
        assert_ok(unpack(&form, at[next], size_bytes, skipped, out));
        assert_memory_equal(out, want, CHUNK_BYTES);
    }
}

/* A sum that was not made takes no place in what is packed behind it. */
static void a_skipped_sum_takes_no_place(void **state)
{
    (void)state;
    const struct chunk_form form = {CHUNK_BYTES, 2, {CHUNK_FLETCHER32, CHUNK_GZIP}, {0}};
    uint8_t packed[2 * CHUNK_BYTES], out[CHUNK_BYTES];
    uLongf packed_bytes = sizeof packed;
    want_fill();
    assert_int_equal(compress(packed, &packed_bytes, want, CHUNK_BYTES), Z_OK);
    assert_ok(unpack(&form, packed, packed_bytes, 1, out));
    assert_memory_equal(out, want, CHUNK_BYTES);
    assert_refused(unpack(&form, packed, packed_bytes, 0, out), WEFT_EDATA, "too short, after 120 of 124 bytes");
}

/* 65535 and all other sums of 16 bits fold to the same as with a remainder at every step; odd bytes count as if 0 followed. */
static void sums_of_every_length(void **state)
{
    (void)state;
    enum { LONGEST = 3000 };
    static uint8_t stored[LONGEST + 4], out[LONGEST];
    for (size_t size_bytes = 1; size_bytes <= LONGEST; size_bytes += size_bytes < 10 ? 1 : 331) {
        const struct chunk_form form = {size_bytes, 1, {CHUNK_FLETCHER32}, {0}};
        uint32_t a = 0, b = 0;
        memset(stored, 0xff, size_bytes);
        stored[0] = 0x12;
        for (size_t i = 0; i < size_bytes; i += 2) {
            a = (a + ((uint32_t)stored[i] << 8) + (i + 1 < size_bytes ? stored[i + 1] : 0)) % 65535;
            b = (b + a) % 65535;
        }
        for (uint32_t other = 0; other < 2; other++) {  /* 0 and 65535 are the same remainder: libhdf5 has 65535 */
            uint32_t sum = (b == 0 ? 65535 : b) << 16 | (a == 0 ? 65535 : a);
            sum ^= other;
            memcpy(stored + size_bytes, &sum, 4);
            weft_status st = unpack(&form, stored, size_bytes + 4, 0, out);
            assert_int_equal(st, other == 0 ? WEFT_OK : WEFT_EDATA);
        }
    }
}

static void wrong_sizes_are_refused(void **state)
{
    (void)state;
    struct chunk_form form = {CHUNK_BYTES, 2, {CHUNK_SHUFFLE, CHUNK_GZIP}, {4}};
    uint8_t out[CHUNK_BYTES];
    want_fill();
    assert_refused(unpack(&form, want, 99, 3, out), WEFT_EDATA, "read f.h5: X: a chunk has 99 bytes, wanted 120");
    assert_refused(unpack(&form, want, CHUNK_BYTES + 1, 3, out), WEFT_EDATA, "a chunk has 121 bytes, wanted 120");
    assert_refused(unpack(&form, want, 99, 2, out), WEFT_EDATA, "a chunk has 99 bytes, wanted 120");
    assert_refused(unpack(&form, want, (size_t)UINT32_MAX + 1, 0, out), WEFT_EDATA,
                   "a chunk of 120 bytes, packed 4294967296, is too large");
    struct chunk_unpacker unpacker;             /* a size that zlib cannot count: the form is told another one afterwards */
    uint8_t *bytes;
    assert_ok(chunk_unpacker_open(&unpacker, "f.h5: X", &form));
    form.size_bytes = (size_t)UINT32_MAX + 1;
    assert_refused(chunk_unpack(&unpacker, want, 99, 0, &bytes), WEFT_EDATA,
                   "a chunk of 4294967296 bytes, packed 99, is too large");
    chunk_unpacker_close(&unpacker);
}

static void memory_may_be_short(void **state)
{
    (void)state;
    const struct chunk_form form = {CHUNK_BYTES, 1, {CHUNK_GZIP}, {0}};
    struct chunk_unpacker unpacker;
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        memory_fail_from(++n);
        st = chunk_unpacker_open(&unpacker, "f.h5: X", &form);
        memory_fail_from(0);
        if (st != WEFT_OK)
            assert_refused(st, WEFT_ENOMEM, "read f.h5: X: no memory to unpack chunks of 120 bytes");
    }
    assert_true(n >= 4);                        /* two buffers, and what zlib asks for */
    chunk_unpacker_close(&unpacker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_of_every_size_are_put_together),
        cmocka_unit_test(filters_in_rows),
        cmocka_unit_test(a_skipped_sum_takes_no_place),
        cmocka_unit_test(sums_of_every_length),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests_name("chunks", tests, NULL, NULL);
}
