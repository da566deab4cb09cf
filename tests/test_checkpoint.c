/* The checkpoint file: the same snapshot back, the same bytes each time, open to other programs, closed to damage. */
#include "store_samples.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <hdf5.h>
#include <hdf5_hl.h>

#include "store/checkpoint.h"
#include "store/file.h"
#include "store/h5_snapshot.h"
#include "store/seal.h"

#define PYTHON "/usr/bin/python3"

static void save_sample(const char *path, unsigned seed)
{
    struct snapshot *s = sample_new(seed);
    assert_ok(checkpoint_save(path, s));
    snapshot_destroy(s);
}

static void save_small(const char *path, int64_t step)
{
    struct snapshot *s = sample_new_small(step);
    assert_ok(checkpoint_save(path, s));
    snapshot_destroy(s);
}

/* Run a shell command; its exit status. */
static int shell(const char *format, ...)
{
    char command[4096];
    va_list arguments;
    va_start(arguments, format);
    assert_in_range(vsnprintf(command, sizeof command, format, arguments), 1, sizeof command - 1);
    va_end(arguments);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static void need(const char *tool)
{
    if (shell("command -v %s >/dev/null 2>&1", tool) != 0) {
        print_message("skipped: %s is not installed\n", tool);
        skip();
    }
}

static void need_h5py(void)
{
    if (shell(PYTHON " -c 'import h5py, numpy' 2>/dev/null") != 0) {
        print_message("skipped: no h5py for " PYTHON "\n");
        skip();
    }
}

/* Run lines of Python with f = the file at path, open for reading and writing. */
static void edit(const char *path, const char *lines)
{
    FILE *script = fopen(in_scratch("edit.py"), "w");
    assert_non_null(script);
    fprintf(script, "import h5py, numpy as np\nwith h5py.File('%s', 'r+') as f:\n", path);
    while (*lines != '\0') {
        int length = (int)strcspn(lines, "\n");
        fprintf(script, "    %.*s\n", length, lines);
        lines += length + (lines[length] == '\n');
    }
    assert_int_equal(fclose(script), 0);
    if (shell(PYTHON " %s", in_scratch("edit.py")) != 0)
        fail_msg("the script above failed");
}

static void what_was_saved_is_loaded(void **state)
{
    (void)state;
    struct snapshot *saved = sample_new(5), *loaded;
    assert_ok(checkpoint_save(in_scratch("a.h5"), saved));
    assert_ok(checkpoint_verify(in_scratch("a.h5")));
    for (int unsealed = 0; unsealed < 2; unsealed++) {
        assert_ok(checkpoint_load(in_scratch("a.h5"), unsealed, &loaded));
        assert_same_snapshot(loaded, saved);
        assert_int_equal(loaded->attribute_count, saved->attribute_count + 2);  /* format, format_version */
        snapshot_destroy(loaded);
    }
    snapshot_destroy(saved);
}

static void an_empty_snapshot_is_a_file_too(void **state)
{
    (void)state;
    struct snapshot *saved = snapshot_create(), *loaded;
    assert_ok(checkpoint_save(in_scratch("a.h5"), saved));
    assert_ok(checkpoint_load(in_scratch("a.h5"), false, &loaded));
    assert_same_snapshot(loaded, saved);
    snapshot_destroy(loaded);
    snapshot_destroy(saved);
}

static void assert_same_file(const char *a, const char *b)
{
    size_t a_bytes, b_bytes;
    unsigned char *left = get_file(a, &a_bytes), *right = get_file(b, &b_bytes);
    assert_int_equal(a_bytes, b_bytes);
    assert_memory_equal(left, right, a_bytes);
    free(left);
    free(right);
}

static void the_same_snapshot_gives_the_same_bytes(void **state)
{
    (void)state;
    struct snapshot *loaded;
    save_sample(in_scratch("a.h5"), 1);
    sleep(1);                                           /* a time stamp in seconds would show */
    save_sample(in_scratch("b.h5"), 1);
    assert_same_file(in_scratch("a.h5"), in_scratch("b.h5"));
    assert_ok(checkpoint_load(in_scratch("a.h5"), false, &loaded));
    assert_ok(checkpoint_save(in_scratch("c.h5"), loaded));
    snapshot_destroy(loaded);
    assert_same_file(in_scratch("a.h5"), in_scratch("c.h5"));
}

static void thousands_of_objects_keep_their_order(void **state)
{
    (void)state;
    struct snapshot *saved = snapshot_create(), *loaded;
    char path[32], text[3000];
    memset(text, 't', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 2000; i++) {
        snprintf(path, sizeof path, "/many/%d", 3 * i % 2000);
        assert_ok(snapshot_put_array(saved, path, ARRAY_I32, ROLE_PLAIN, 0, NULL, &i));
    }
    for (int i = 0; i < 200; i++) {                     /* more than one object header holds */
        snprintf(path, sizeof path, "setting_%d", 7 * i % 200);
        assert_ok(snapshot_put_text(saved, "/settings", path, text + 10 * i));
    }
    assert_ok(checkpoint_save(in_scratch("a.h5"), saved));
    assert_ok(checkpoint_load(in_scratch("a.h5"), false, &loaded));
    assert_same_snapshot(loaded, saved);
    for (size_t i = 0; i < 200; i++)
        assert_string_equal(loaded->attribute[i + 2].name, saved->attribute[i].name);
    snapshot_destroy(loaded);
    snapshot_destroy(saved);
}

static void an_array_below_an_array_is_refused(void **state)
{
    (void)state;
    struct snapshot *s = sample_new_small(1);
    assert_ok(snapshot_put_array(s, "/x/y", ARRAY_U8, ROLE_PLAIN, 0, NULL, "x"));
    assert_int_equal(checkpoint_save(in_scratch("a.h5"), s), WEFT_EIO);
    assert_int_equal(count_entries(scratch), 0);
    snapshot_destroy(s);
}

static void h5py_reads_it(void **state)
{
    (void)state;
    need_h5py();
    save_sample(in_scratch("a.h5"), 0);
    FILE *script = fopen(in_scratch("read.py"), "w");
    assert_non_null(script);
    fprintf(script,
            "import h5py, numpy as np\n"
            "f = h5py.File('%s', 'r')\n"
            "assert list(f['/']) == ['settings', 'layers', 'images'], list(f['/'])\n"
            "assert list(f['layers']) == ['z9', 'z8', 'z7', 'z6', 'z5'], list(f['layers'])\n"
            "assert f.attrs['format'] == 'weft' and f.attrs['format_version'] == 1\n"
            "assert f.attrs['step'] == -2**63 and f.attrs['step'].dtype == '<i8'\n"
            "assert f['settings'].attrs['data.source'] == 'idx:/p\\u00e4th with spaces/\\u00fcn\\u00efcode'\n"
            "assert f['settings'].attrs['checkpoint.empty'] == '' and f['settings'].attrs['a_real'] == 0.1\n"
            "w = f['layers/z6/float32_6']\n"
            "assert w.dtype == '<f4' and w.shape == (3, 4) and w.chunks is None\n"
            "b = bytes((37 * b + 3 + 33) & 0x3f for b in range(48))\n"
            "assert w[...].tobytes() == b\n"
            "assert f['layers/z8/int32_5'].shape == (0, 4) and f['layers/z5/float64_9'].shape == ()\n"
            "assert f['layers/z5/float64_2'].attrs['activation'] == 'relu'\n"
            "p = f[f['images/01/unit_00'].attrs['PALETTE']]\n"
            "assert p.shape == (256, 3) and list(p[128]) == [255, 255, 255] and list(p[0]) == [0, 0, 255]\n"
            "assert p[255][0] == 255 and p[255][1] == p[1][1] == p[1][0] and p[255][1] < 3\n",
            in_scratch("a.h5"));
    assert_int_equal(fclose(script), 0);
    assert_int_equal(shell(PYTHON " %s", in_scratch("read.py")), 0);
}

static void the_hdf5_tools_read_it(void **state)
{
    (void)state;
    need("h5dump");
    need("h5ls");
    need("h52gif");
    size_t size_bytes;
    save_sample(in_scratch("a.h5"), 0);
    assert_int_equal(shell("h5dump %s >%s", in_scratch("a.h5"), in_scratch("dump")), 0);
    assert_int_equal(shell("h5ls -r %s | grep -q '/layers/z6/float32_6 *Dataset {3, 4}'", in_scratch("a.h5")), 0);
    assert_int_equal(shell("h52gif %s %s -i images/01/unit_00", in_scratch("a.h5"), in_scratch("a.gif")), 0);
    unsigned char *gif = get_file(in_scratch("a.gif"), &size_bytes);
    assert_memory_equal(gif, "GIF", 3);
    free(gif);
}

static void libhdf5_calls_the_pictures_images(void **state)
{
    (void)state;
    save_sample(in_scratch("a.h5"), 0);
    hid_t file = H5Fopen(in_scratch("a.h5"), H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(file >= 0);
    assert_int_equal(H5IMis_image(file, "/images/01/unit_00"), 1);
    assert_int_equal(H5IMis_image(file, "/images/01/unit_01"), 1);
    assert_int_equal(H5IMis_palette(file, "/images/palette"), 1);
    assert_true(H5Fclose(file) >= 0);
}

static void each_flipped_bit_is_found(void **state)
{
    (void)state;
    size_t size_bytes;
    struct snapshot *loaded;
    save_small(in_scratch("a.h5"), 7);
    unsigned char *bytes = get_file(in_scratch("a.h5"), &size_bytes);
    assert_ok(seal_check(bytes, size_bytes));
    for (size_t i = 0; i < size_bytes * 8; i++) {
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
        if (seal_check(bytes, size_bytes) != WEFT_EDAMAGED)
            fail_msg("bit %zu of byte %zu of %zu", i % 8, i / 8, size_bytes);
        if (i % 997 == 0 || i > size_bytes * 8 - 24 * 8) {          /* and through the file, for some */
            put_file(in_scratch("a.h5"), bytes, size_bytes);
            assert_int_equal(checkpoint_load(in_scratch("a.h5"), false, &loaded), WEFT_EDAMAGED);
        }
        bytes[i / 8] ^= (unsigned char)(1 << i % 8);
    }
    free(bytes);
}

static void each_length_but_the_right_one_is_found(void **state)
{
    (void)state;
    size_t size_bytes;
    struct snapshot *loaded;
    save_small(in_scratch("a.h5"), 7);
    unsigned char *bytes = get_file(in_scratch("a.h5"), &size_bytes);
    for (size_t size = 0; size < size_bytes; size++) {
        assert_int_equal(seal_check(bytes, size), WEFT_EDAMAGED);
        if (size % 61 == 0) {
            put_file(in_scratch("b.h5"), bytes, size);
            assert_int_equal(checkpoint_load(in_scratch("b.h5"), false, &loaded), WEFT_EDAMAGED);
        }
        if (size % 61 == 0 && size < size_bytes - SEAL_SIZE_BYTES)
            assert_int_equal(checkpoint_load(in_scratch("b.h5"), true, &loaded), WEFT_EDAMAGED);
    }
    unsigned char *longer = calloc(size_bytes + 64, 1);
    memcpy(longer, bytes, size_bytes);
    assert_int_equal(seal_check(longer, size_bytes + 1), WEFT_EDAMAGED);
    assert_int_equal(seal_check(longer, size_bytes + 64), WEFT_EDAMAGED);
    memcpy(longer + 64, bytes, size_bytes);                     /* a right seal at the end of a longer file */
    assert_int_equal(seal_check(longer, size_bytes + 64), WEFT_EDAMAGED);
    free(longer);
    free(bytes);
}

static void assert_load_says(const char *name, bool unsealed, weft_status status, const char *phrase)
{
    struct snapshot *loaded;
    assert_int_equal(checkpoint_load(in_scratch(name), unsealed, &loaded), status);
    if (strstr(weft_last_error(), phrase) == NULL)
        fail_msg("'%s' does not say '%s'", weft_last_error(), phrase);
}

static void what_is_no_checkpoint_is_named(void **state)
{
    (void)state;
    size_t size_bytes;
    assert_load_says("missing", false, WEFT_ENOINPUT, "No such file");
    assert_load_says("", false, WEFT_ENOINPUT, "directory");
    put_file(in_scratch("empty"), "", 0);
    assert_load_says("empty", false, WEFT_EDAMAGED, "no seal");
    assert_load_says("empty", true, WEFT_EDAMAGED, "libhdf5");
    put_file(in_scratch("text"), "hello\n", 6);
    assert_load_says("text", false, WEFT_EDAMAGED, "no seal");
    assert_load_says("text", true, WEFT_EDAMAGED, "libhdf5");

    save_small(in_scratch("newer"), 1);
    unsigned char *bytes = get_file(in_scratch("newer"), &size_bytes);
    bytes[size_bytes - SEAL_SIZE_BYTES + 8] = 2;
    put_file(in_scratch("newer"), bytes, size_bytes);
    free(bytes);
    assert_load_says("newer", false, WEFT_EDAMAGED, "version 2, wanted 1");
}

static void foreign_and_newer_hdf5_files_are_named(void **state)
{
    (void)state;
    need_h5py();
    assert_int_equal(shell(PYTHON " -c \"import h5py; h5py.File('%s', 'w')['x'] = [1]\"", in_scratch("foreign")), 0);
    assert_load_says("foreign", false, WEFT_EDAMAGED, "no seal");
    assert_load_says("foreign", true, WEFT_EDAMAGED, "not a checkpoint of Weft");
    assert_int_equal(checkpoint_seal(in_scratch("foreign")), WEFT_EDAMAGED);
    save_small(in_scratch("a"), 1);
    edit(in_scratch("a"), "f.attrs['format_version'] = 2");
    assert_load_says("a", true, WEFT_EDAMAGED, "format_version is 2");
    edit(in_scratch("a"), "f.attrs['format_version'] = 1\nf.attrs['format'] = 'other'");
    assert_load_says("a", true, WEFT_EDAMAGED, "'other'");
    edit(in_scratch("a"), "f.attrs['format'] = 3");
    assert_load_says("a", true, WEFT_EDAMAGED, "wanted a text");
}

static void an_edited_file_can_be_read_and_sealed_again(void **state)
{
    (void)state;
    static const char *const edits[] = {
        "pass", "f['layers/z6/float32_6'][...] = 3", "f['settings'].attrs['data.source'] = 'csv:new'",
        "f.attrs['note'] = b'fixed text'", "f['new/array'] = np.arange(5.0)",
        "f['layers/z5/float64_2'].attrs['fan_in'] = np.int32(9)",
        "w = f['layers/z6/float32_6'][...]\ndel f['layers/z6/float32_6']\nf['layers/z6/float32_6'] = w"};
    need_h5py();
    for (size_t i = 0; i < COUNT(edits); i++) {
        const char *path = in_scratch("a.h5");
        struct snapshot *loaded;
        float w[12];
        double numbers[5];
        const char *text;
        int64_t integer;
        save_sample(path, 0);
        edit(path, edits[i]);
        assert_load_says("a.h5", false, WEFT_EDAMAGED, "no seal");
        assert_int_equal(checkpoint_verify(path), WEFT_EDAMAGED);
        assert_ok(checkpoint_load(path, true, &loaded));
        snapshot_destroy(loaded);
        assert_ok(checkpoint_seal(path));
        assert_ok(checkpoint_seal(path));                       /* a sealed one too */
        assert_ok(checkpoint_load(path, false, &loaded));
        assert_ok(snapshot_get_array(loaded, "/layers/z6/float32_6", ARRAY_F32, 2, (size_t[]){3, 4}, w));
        if (i == 1)
            assert_true(w[0] == 3 && w[11] == 3);
        if (i == 2) {
            assert_ok(snapshot_get_text(loaded, "/settings", "data.source", &text));
            assert_string_equal(text, "csv:new");
        }
        if (i == 3) {
            assert_ok(snapshot_get_text(loaded, "/", "note", &text));
            assert_string_equal(text, "fixed text");
        }
        if (i == 4) {
            assert_ok(snapshot_get_array(loaded, "/new/array", ARRAY_F64, 1, (size_t[]){5}, numbers));
            assert_true(numbers[4] == 4);
        }
        if (i == 5) {
            assert_ok(snapshot_get_integer(loaded, "/layers/z5/float64_2", "fan_in", &integer));
            assert_int_equal(integer, 9);
        }
        snapshot_destroy(loaded);
    }
}

static void sealing_a_link_seals_the_file_behind_it(void **state)
{
    (void)state;
    size_t size_bytes;
    save_small(in_scratch("step-1.h5"), 1);
    unsigned char *bytes = get_file(in_scratch("step-1.h5"), &size_bytes);
    put_file(in_scratch("step-1.h5"), bytes, size_bytes - SEAL_SIZE_BYTES);
    free(bytes);
    assert_int_equal(symlink("step-1.h5", in_scratch("last.h5")), 0);
    assert_int_equal(checkpoint_verify(in_scratch("last.h5")), WEFT_EDAMAGED);
    assert_ok(checkpoint_seal(in_scratch("last.h5")));
    assert_ok(checkpoint_verify(in_scratch("step-1.h5")));
}

/* What h5py can put into a file and Weft does not take. */
static void hostile_content_is_refused(void **state)
{
    (void)state;
    static const struct { const char *lines, *phrase; } hostile[] = {
        {"f['l'] = h5py.ExternalLink('/etc/passwd', '/x')", "/l: it is a link"},
        {"f['l'] = h5py.SoftLink('/x')", "/l: it is a link"},
        {"f.create_dataset('d', (4,), 'f4', external=[('/etc/passwd', 0, 16)])", "/d: its data lie in another file"},
        {"v = h5py.VirtualLayout((3,), 'f4')\nv[:] = h5py.VirtualSource('/etc/x.h5', 'x', (3,))\n"
         "f.create_virtual_dataset('v', v)",
         "/v: it is chunked or virtual"},
        {"f.create_dataset('d', (4,), 'f4', chunks=(2,))", "/d: it is chunked"},
        {"f.create_dataset('d', (4,), 'f4', compression='gzip')", "/d: it is chunked"},
        {"f.create_dataset('d', (1 << 50,), 'f4')", "/d: it says that it has 4503599627370496 bytes"},
        {"f.create_dataset('d', (1 << 40, 1 << 40), 'f8')", "more than the file can hold"},
        {"f.create_dataset('d', (1, 1, 1, 1, 1), 'f4')", "/d: rank 5"},
        {"f.create_dataset('d', (2,), '>f4')", "/d: its elements are of a type"},
        {"f.create_dataset('d', (2,), 'u8')", "/d: its elements are of a type"},
        {"f.create_dataset('d', (2,), h5py.string_dtype())", "/d: its elements are of a type"},
        {"f.create_dataset('d', (2,), [('a', 'f4'), ('b', 'i4')])", "/d: its elements are of a type"},
        {"f.create_dataset('d', data=h5py.Empty('f4'))", "/d: it has no shape"},
        {"f['t'] = np.dtype('f4')", "/t: it is neither a group nor a dataset"},
        {"f['g/h'] = f['/']", "deep"},
        {"g = f.create_group('g')\ng['g'] = g", "deep"},
        {"g = f.create_group('g')\nfor i in range(9): g[str(i)] = g", "deep"},
        {"g = f\nfor i in range(20): g = g.create_group('g' * 200)", "deep"},
        {"f['n' * 300] = np.float32(1)", "/: a name of 300 bytes"},
        {"d = f.create_dataset('e', data=np.zeros(100000))\nfor i in range(2000): f[str(i)] = d",
         "more than the file can hold"},
        {"g = [f.create_group('t%d' % i) for i in range(9)]\nfor i in range(8):\n"
         "    for j in range(9): g[i][str(j)] = g[i + 1]",
         "more objects and attributes than"},
        {"f.attrs['a'] = np.arange(3)", "attribute 'a' of /: wanted one"},
        {"f['x'].attrs['a'] = np.uint64(1 << 63)", "attribute 'a' of /x: a number of a kind"},
        {"f['x'].attrs['a'] = np.longdouble(1)", "attribute 'a' of /x: a number of a kind"},
        {"f.attrs['a'] = f['x'].ref", "attribute 'a' of /: wanted one"},
        {"f.attrs['a'] = h5py.Empty('S10')", "attribute 'a' of /: wanted one"},
        {"f.attrs['a'] = 'x' * 2000000", "attribute 'a' of /: 2000000 bytes"},
        {"f['x'].attrs['IMAGE_SUBCLASS'] = 'IMAGE_INDEXED'", "/x"},
        {"f['x'].attrs['IMAGE_SUBCLASS'] = 3", "wanted a text"},
        {"f.create_group('line\\nbreak').create_dataset('y', (9, 9, 9, 9, 9), 'u1')", "/line break/y: rank 5"},
        {"f['x'].attrs.create('a', True)", "attribute 'a' of /x: wanted one"},
        {"del f.attrs['format']", "not a checkpoint"},
    };
    need_h5py();
    for (size_t i = 0; i < COUNT(hostile); i++) {
        save_small(in_scratch("a.h5"), 1);
        edit(in_scratch("a.h5"), hostile[i].lines);
        assert_load_says("a.h5", true, WEFT_EDAMAGED, hostile[i].phrase);
        assert_int_equal(checkpoint_seal(in_scratch("a.h5")), WEFT_EDAMAGED);
        assert_int_equal(checkpoint_verify(in_scratch("a.h5")), WEFT_EDAMAGED);
    }
}

/* libhdf5 reads as much as the shape says from a piece of memory as large as the file says. */
static void compact_data_shorter_than_their_shape(void **state)
{
    (void)state;
    static const unsigned char layout[] = {3, 0, 6, 0, 1, 2, 3, 4, 5, 6};       /* version 3, compact, 6 bytes (of 2), the data */
    size_t size_bytes;
    struct snapshot *snapshot;
    need_h5py();
    save_small(in_scratch("a.h5"), 1);
    edit(in_scratch("a.h5"), "p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)\np.set_layout(h5py.h5d.COMPACT)\n"
         "s = h5py.h5s.create_simple((6,))\nd = h5py.h5d.create(f.id, b'd', h5py.h5t.STD_U8LE, s, p)\n"
         "d.write(s, s, np.arange(1, 7, dtype='u1'))");
    assert_ok(checkpoint_load(in_scratch("a.h5"), true, &snapshot));
    snapshot_destroy(snapshot);
    unsigned char *bytes = get_file(in_scratch("a.h5"), &size_bytes), *at = memmem(bytes, size_bytes, layout, sizeof layout);
    assert_non_null(at);
    at[2] = 2;
    put_file(in_scratch("a.h5"), bytes, size_bytes);
    free(bytes);
    assert_load_says("a.h5", true, WEFT_EDAMAGED, "/d: its shape takes 6 bytes, but 2 are stored");
}

/* Where libhdf5 1.10 trusts a file and crashes, or never ends: refused before it comes to that. Each is one change of a file that is
 * right but for it: `count` bytes at `at` behind the first place where `mark` is. */
static void what_libhdf5_trusts_is_checked(void **state)
{
    (void)state;
    static const struct { const char *mark; size_t mark_bytes; int at; size_t count; const char *bytes, *phrase; } trusted[] = {
        {"GCOL", 4, 16, 16, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "read attribute"},            /* an object of no length */
        {"GCOL", 4, 24, 8, "\0\0\0\0\0\0\0\x10", "read attribute"},                                 /* longer than the heap */
        {"GCOL", 4, 24, 8, "\xff\xff\xff\xff\xff\xff\xff\xff", "read attribute"},
        {"GCOL", 4, 8, 8, "\0\0\0\0\0\0\0\x10", "read attribute"},                                  /* a heap longer than the file */
        {"third", 6, -8, 1, "c", "look at the attributes of /g"},                   /* version 99 of an attribute */
        {"below", 5, -11, 1, "c", "list group /g"},                                 /* and of a link */
    };
    size_t size_bytes;
    need_h5py();
    save_small(in_scratch("a.h5"), 1);
    edit(in_scratch("a.h5"), "p = h5py.h5p.create(h5py.h5p.GROUP_CREATE)\np.set_link_creation_order(3)\n"
         "g = h5py.Group(h5py.h5g.create(f.id, b'g', gcpl=p))\nfor n in 'first', 'second', 'third', 'fourth':\n"
         "    g.attrs[n] = 'any text'\ng.create_group('above')\ng.create_group('below')\ng.create_group('beside')");
    unsigned char *bytes = get_file(in_scratch("a.h5"), &size_bytes), *copy = malloc(size_bytes);
    for (size_t i = 0; i < COUNT(trusted); i++) {
        memcpy(copy, bytes, size_bytes);
        unsigned char *at = memmem(copy, size_bytes, trusted[i].mark, trusted[i].mark_bytes);
        assert_non_null(at);
        memcpy(at + trusted[i].at, trusted[i].bytes, trusted[i].count);
        put_file(in_scratch("b.h5"), copy, size_bytes);
        assert_load_says("b.h5", true, WEFT_EDAMAGED, trusted[i].phrase);
    }
    free(bytes);
    free(copy);
}

/* Damage that the seal would have found, given to libhdf5: it may refuse or load, and where libhdf5 itself falls over that
 * is its fault, not ours: hence a process for each. */
static void damage_without_a_seal_does_no_harm(void **state)
{
    (void)state;
    size_t size_bytes, loaded = 0, refused = 0, died = 0;
    save_sample(in_scratch("a.h5"), 1);
    unsigned char *bytes = get_file(in_scratch("a.h5"), &size_bytes);
    size_t content = size_bytes - SEAL_SIZE_BYTES;
    uint32_t random = 12345;
    for (int i = 0; i < 150; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        for (int flips = 0; flips < 1 + i % 3; flips++)
            random = random * 1664525 + 1013904223;
        if (child == 0) {
            struct snapshot *s;
            for (int number = 1; number < 32; number++)         /* cmocka would catch them and go on with the tests */
                signal(number, SIG_DFL);
            for (int flips = 0; flips < 1 + i % 3; flips++) {
                bytes[(random >> 3) % content] ^= (unsigned char)(1 << (random & 7));
                random = random * 1664525 + 1013904223;
            }
            alarm(20);
            weft_status st = h5_read_snapshot(bytes, content, &s);
            _exit(st == WEFT_OK ? 0 : st == WEFT_EDAMAGED || st == WEFT_ENOMEM ? 1 : 2);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        bool exited = WIFEXITED(status) && WEXITSTATUS(status) <= 2;
        assert_true(!exited || WEXITSTATUS(status) < 2);
        died += !exited;
        loaded += exited && WEXITSTATUS(status) == 0;
        refused += exited && WEXITSTATUS(status) == 1;
    }
    print_message("%zu loaded, %zu refused, %zu died in libhdf5\n", loaded, refused, died);
    assert_true(loaded > 0 && refused > 0);
    free(bytes);
}

static void a_failed_save_leaves_the_old_file(void **state)
{
    (void)state;
    struct snapshot *s = sample_new_small(2);
    save_small(in_scratch("a.h5"), 1);
    save_small(in_scratch("b.h5"), 1);
    assert_int_equal(checkpoint_save(in_scratch("missing/a.h5"), s), WEFT_ECREATE);
    size_t n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        memory_fail_from(++n);
        st = checkpoint_save(in_scratch("a.h5"), s);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
        if (st != WEFT_OK)
            assert_same_file(in_scratch("a.h5"), in_scratch("b.h5"));
    }
    snapshot_destroy(s);
    assert_int_equal(count_entries(scratch), 2);
}

static void every_failed_allocation_is_told(void **state)
{
    (void)state;
    size_t n = 0, size_bytes;
    struct snapshot *loaded;
    save_sample(in_scratch("a.h5"), 1);
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        memory_fail_from(++n);
        st = checkpoint_load(in_scratch("a.h5"), false, &loaded);
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    }
    snapshot_destroy(loaded);
    assert_in_range(n, 50, 1000);
    save_small(in_scratch("b.h5"), 1);
    unsigned char *bytes = get_file(in_scratch("b.h5"), &size_bytes);
    put_file(in_scratch("b.h5"), bytes, size_bytes - SEAL_SIZE_BYTES);
    free(bytes);
    n = 0;
    for (weft_status st = WEFT_ENOMEM; st != WEFT_OK;) {
        memory_fail_from(++n);
        st = checkpoint_seal(in_scratch("b.h5"));
        memory_fail_from(0);
        assert_true(st == WEFT_OK || st == WEFT_ENOMEM);
    }
    assert_ok(checkpoint_verify(in_scratch("b.h5")));
}

static ino_t file_number(const char *path)
{
    struct stat info;
    assert_int_equal(stat(path, &info), 0);
    return info.st_ino;
}

/* A process that saves a.h5 again and again, and has done so once. */
static pid_t start_saver(unsigned seed)
{
    ino_t before = file_number(in_scratch("a.h5"));
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct snapshot *s = sample_new(seed);
        while (checkpoint_save(in_scratch("a.h5"), s) == WEFT_OK)
            ;
        print_error("%s\n", weft_last_error());                 /* the disk may be full */
        _exit(1);
    }
    while (file_number(in_scratch("a.h5")) == before) {
        if (waitpid(child, NULL, WNOHANG) != 0)
            fail_msg("the saver ended by itself");
        usleep(1000);
    }
    return child;
}

/* The number of the process that is dead may soon be that of another. */
static bool is_of_the_saver(const char *name)
{
    return strcmp(name, "a.h5") == 0;
}

static void a_killed_saver_leaves_a_whole_file(void **state)
{
    (void)state;
    save_sample(in_scratch("a.h5"), 0);
    for (int i = 0; i < 12; i++) {
        int status;
        pid_t child = start_saver((unsigned)i);
        usleep((useconds_t)(1000 + 7001 * i));
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        assert_ok(checkpoint_verify(in_scratch("a.h5")));
        assert_ok(file_remove_stale_temporaries(scratch, is_of_the_saver));
        assert_int_equal(count_entries(scratch), 1);
    }
}

static void *save_many(void *seed)
{
    const unsigned own = *(const unsigned *)seed;
    char name[96];
    for (unsigned i = 0; i < 10; i++) {
        struct snapshot *s = snapshot_create(), *loaded = NULL;
        snprintf(name, sizeof name, "%s/t%u.h5", scratch, own);
        bool fine = s != NULL && sample_fill(s, own) == WEFT_OK && checkpoint_save(name, s) == WEFT_OK
                    && checkpoint_load(name, false, &loaded) == WEFT_OK && loaded->array_count == s->array_count
                    && memcmp(loaded->array[0].data, s->array[0].data, 1) == 0
                    && checkpoint_load("/nowhere", false, &loaded) == WEFT_ENOINPUT;
        snapshot_destroy(s);
        snapshot_destroy(loaded);
        if (!fine)
            return seed;
    }
    return NULL;
}

static void threads_may_save_at_once(void **state)
{
    (void)state;
    pthread_t thread[4];
    unsigned seed[4] = {1, 2, 3, 4};
    for (size_t i = 0; i < COUNT(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, save_many, &seed[i]), 0);
    for (size_t i = 0; i < COUNT(thread); i++) {
        void *failed;
        assert_int_equal(pthread_join(thread[i], &failed), 0);
        assert_null(failed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, scratch_clear)
        TEST(what_was_saved_is_loaded),
        TEST(an_empty_snapshot_is_a_file_too),
        TEST(the_same_snapshot_gives_the_same_bytes),
        TEST(thousands_of_objects_keep_their_order),
        TEST(an_array_below_an_array_is_refused),
        TEST(h5py_reads_it),
        TEST(the_hdf5_tools_read_it),
        TEST(libhdf5_calls_the_pictures_images),
        TEST(each_flipped_bit_is_found),
        TEST(each_length_but_the_right_one_is_found),
        TEST(what_is_no_checkpoint_is_named),
        TEST(foreign_and_newer_hdf5_files_are_named),
        TEST(an_edited_file_can_be_read_and_sealed_again),
        TEST(sealing_a_link_seals_the_file_behind_it),
        TEST(hostile_content_is_refused),
        TEST(compact_data_shorter_than_their_shape),
        TEST(what_libhdf5_trusts_is_checked),
        TEST(damage_without_a_seal_does_no_harm),
        TEST(a_failed_save_leaves_the_old_file),
        TEST(every_failed_allocation_is_told),
        TEST(a_killed_saver_leaves_a_whole_file),
        TEST(threads_may_save_at_once),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
