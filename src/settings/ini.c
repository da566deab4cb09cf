/* INI files, cut into sections, keys and values by libinih. Five things are done here because it does not do them:
 *   - it hands no line numbers on, so lines are counted where they are read;
 *   - it cuts a line at its buffer (200 bytes in most builds) and would take the rest for another line: refused instead.
 *     A longer value is written over several lines: one that begins with white space goes on with the value above;
 *   - some versions leave the comment in such a line: cut off;
 *   - it drops what stands behind "[section]": refused unless it is a comment;
 *   - it cuts a section's name at 49 bytes and says nothing of a section without keys: names are taken from the line itself. */
#include "settings/ini.h"

#include <ini.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file_reader.h"
#include "base/memory.h"
#include "base/text.h"

#define BLANKS " \t\r\n\v\f"

enum { NAME_SIZE_BYTES = 128, PIECE_SIZE_BYTES = 4096, FILE_LIMIT_BYTES = 16 << 20 };

struct ini_file {
    struct file_reader reader;
    char piece[PIECE_SIZE_BYTES];       /* what is read and not yet taken: [taken, got) */
    size_t taken, got;
    bool at_end;                        /* that a terminal is told once */
    weft_settings *settings;
    const struct ini_sweep *sweep;      /* who takes the sections of a sweep; NULL: nobody */
    size_t *line_of;                    /* for each row of the table: the line that set it; 0: none */
    size_t line;                        /* the one that libinih is at, 1 first */
    bool indented;                      /* it begins with white space */
    char section[NAME_SIZE_BYTES];      /* the one at hand, whole; "" none yet */
    char name[NAME_SIZE_BYTES];         /* the setting whose value is being put together: "section.key", of a sweep the key; ""
                                           none yet */
    char value[INI_VALUE_SIZE_BYTES];
    size_t first_line, last_line;       /* of that value */
    weft_status fault;                  /* of the first fault, which ends the reading, and its line */
    size_t fault_line;
};

/* A file that is too large is one of bad settings. */
static weft_status reading_failed(weft_status st)
{
    return error_context(st == WEFT_EDATA ? WEFT_ESETTINGS : st, "read settings");
}

static void fault_at(struct ini_file *file, size_t line, weft_status st)
{
    file->fault = st;
    file->fault_line = line;
    error_context(st, "%s:%zu", file->reader.path, line);
}

/* [sweep] or [sweep NAME]: where NAME begins ("" without one); else NULL. */
static const char *name_in_sweep(const char *section)
{
    static const char word[] = "sweep";
    size_t length = strlen(word);
    if (strncmp(section, word, length) != 0 || (section[length] != '\0' && strchr(BLANKS, section[length]) == NULL))
        return NULL;
    return section + length + strspn(section + length, BLANKS);
}

static weft_status setting_take(struct ini_file *file)
{
    const struct setting *s = setting_find(file->name);
    size_t *line = s != NULL ? &file->line_of[s - setting_table] : NULL;
    if (line != NULL && *line != 0)
        return error_set(WEFT_ESETTINGS, "%s is set again: line %zu has set it, wanted one of the two", file->name, *line);
    weft_status st = weft_settings_set(file->settings, file->name, file->value);
    if (st == WEFT_OK)
        *line = file->first_line;       /* that set succeeded, so the name is known */
    return st;
}

/* The value is complete: set it. */
static void value_end(struct ini_file *file)
{
    if (file->fault != WEFT_OK || file->name[0] == '\0')
        return;
    const char *combination = name_in_sweep(file->section);
    weft_status st = combination == NULL ? setting_take(file)
                                         : file->sweep->take(file->sweep->context, combination, file->name, file->value);
    if (st != WEFT_OK && file->last_line > file->first_line)
        error_context(st, "(a line that begins with white space goes on with the value above)");
    if (st != WEFT_OK)
        fault_at(file, file->first_line, st);
    file->name[0] = '\0';
}

/* A section of a sweep is told at once: it may have no keys. */
static weft_status section_take(struct ini_file *file)
{
    const char *combination = name_in_sweep(file->section);
    if (combination == NULL)
        return WEFT_OK;
    if (file->sweep == NULL)
        return error_set(WEFT_ESETTINGS, "found [%s]: this file is a sweep of several runs, wanted the settings of one (weft sweep "
                         "trains all of them)", file->section);
    return file->sweep->take(file->sweep->context, combination, NULL, NULL);
}

/* A line that begins with '[' ends the value above; behind its ']' only a comment may follow. */
static void section_begin(struct ini_file *file, const char *line)
{
    value_end(file);
    const char *end = strchr(line, ']');
    if (end == NULL || file->fault != WEFT_OK)
        return;                         /* libinih refuses the first itself */
    const char *name = line + 1 + strspn(line + 1, BLANKS);
    size_t length = name < end ? (size_t)(end - name) : 0;
    while (length > 0 && strchr(BLANKS, name[length - 1]) != NULL)
        length--;
    weft_status st = WEFT_OK;
    end += 1 + strspn(end + 1, BLANKS);
    if (*end != '\0' && *end != ';' && *end != '#')
        st = error_set(WEFT_ESETTINGS, "found text behind [section], wanted it in the next line");
    else if (length >= sizeof file->section)
        st = error_set(WEFT_ESETTINGS, "the section's name has %zu bytes, at most %zu wanted", length, sizeof file->section - 1);
    if (st == WEFT_OK) {
        memcpy(file->section, name, length);
        file->section[length] = '\0';
        st = section_take(file);
    }
    if (st != WEFT_OK)
        fault_at(file, file->line, st);
}

/* Where libinih takes the line for a section: white space does not count, nor does a byte order mark, but a line that is indented
 * below a value goes on with that. */
static const char *section_start(const struct ini_file *file, const char *line)
{
    static const char byte_order_mark[] = "\xef\xbb\xbf";
    if (file->line == 1 && strncmp(line, byte_order_mark, strlen(byte_order_mark)) == 0)
        line += strlen(byte_order_mark);
    const char *start = line + strspn(line, BLANKS);
    return *start == '[' && !(file->indented && file->name[0] != '\0') ? start : NULL;
}

/* The next byte; EOF at the end, and after a read that failed, which is a fault. */
static int byte_next(struct ini_file *file)
{
    if (file->taken == file->got && !file->at_end) {
        weft_status st = file_reader_read_some(&file->reader, file->piece, sizeof file->piece, &file->got);
        if (st != WEFT_OK) {
            file->fault = reading_failed(st);
            file->fault_line = file->line + 1;
        }
        file->taken = 0;
        file->at_end = st != WEFT_OK || file->got == 0;
    }
    return file->at_end ? EOF : (unsigned char)file->piece[file->taken++];
}

/* libinih's reader: the next line, or NULL at the end and after a fault. */
static char *line_next(char *line, int capacity, void *user)
{
    struct ini_file *file = user;
    int length = 0, c = EOF;
    while (file->fault == WEFT_OK && c != '\n' && (c = byte_next(file)) != EOF) {
        if (c == '\0')
            fault_at(file, file->line + 1, error_set(WEFT_ESETTINGS, "found a byte 0, wanted a text file"));
        else if (length == capacity - 1)
            fault_at(file, file->line + 1, error_set(WEFT_ESETTINGS, "the line is longer than %d bytes: go on in the next "
                     "line, with white space in front", capacity - 2));
        else
            line[length++] = (char)c;
    }
    if (file->fault != WEFT_OK || length == 0)
        return NULL;
    line[length] = '\0';
    file->line++;
    file->indented = line[0] == ' ' || line[0] == '\t';
    const char *section = section_start(file, line);
    if (section != NULL)
        section_begin(file, section);
    return file->fault == WEFT_OK ? line : NULL;
}

/* Length of a value before its comment, and before the white space in front of that. */
static size_t length_before_comment(const char *value)
{
    size_t length = 0;                  /* up to the last character so far that is kept */
    for (size_t i = 0; value[i] != '\0'; i++) {
        bool blank = value[i] == ' ' || value[i] == '\t';
        if (value[i] == ';' && i > length)
            break;
        if (!blank)
            length = i + 1;
    }
    return length;
}

/* libinih's handler: one line with a value. Faults are kept in the file; libinih only counts those of its own. */
static int value_take(void *user, const char *section, const char *key, const char *value)
{
    struct ini_file *file = user;
    struct text text = {file->value, sizeof file->value, 0};
    const char *prefix = name_in_sweep(file->section) == NULL ? section : "";
    if (file->indented && file->name[0] != '\0') {
        text.length = strlen(file->value);
    } else {
        value_end(file);
        snprintf(file->name, sizeof file->name, "%s%s%s", prefix, prefix[0] != '\0' ? "." : "", key);
        file->first_line = file->line;
    }
    file->last_line = file->line;
    text_add(&text, "%.*s", (int)length_before_comment(value), value);
    if (file->fault == WEFT_OK && text.length >= sizeof file->value)
        fault_at(file, file->first_line, error_set(WEFT_ESETTINGS, "%s has more than %d bytes", file->name,
                 INI_VALUE_SIZE_BYTES - 1));
    return 1;
}

/* Read the file to its end or its first fault into file->settings. */
static weft_status ini_read(struct ini_file *file)
{
    int bad_line = ini_parse_stream(line_next, file, value_take, file);
    value_end(file);
    if (bad_line < 0)
        return error_set(WEFT_ENOMEM, "read settings from %s: not enough memory", file->reader.path);
    if (bad_line > 0 && (file->fault == WEFT_OK || (size_t)bad_line < file->fault_line))
        return error_set(WEFT_ESETTINGS, "%s:%d: found neither [section] nor key = value nor a comment",
                         file->reader.path, bad_line);
    return file->fault;
}

/* named: NULL, or setting_count entries: which settings the file gives a value. */
static weft_status load(weft_settings *settings, const char *path, const struct ini_sweep *sweep, bool named[])
{
    weft_status st = WEFT_ENOMEM;
    struct ini_file *file = memory_new(1, sizeof *file);
    weft_settings *changed = weft_settings_copy(settings);
    size_t *line_of = memory_new(setting_count, sizeof *line_of);
    if (file == NULL || changed == NULL || line_of == NULL) {
        error_context(st, "read settings from %s", path);
        goto done;
    }
    file->settings = changed;
    file->sweep = sweep;
    file->line_of = line_of;
    if ((st = file_reader_open(&file->reader, path, FILE_LIMIT_BYTES)) != WEFT_OK) {
        st = reading_failed(st);
        goto done;
    }
    st = ini_read(file);
    file_reader_close(&file->reader);
    if (st == WEFT_OK) {
        weft_settings before = *settings;
        *settings = *changed;
        *changed = before;
        for (size_t i = 0; named != NULL && i < setting_count; i++)
            named[i] = line_of[i] != 0;
    }
done:
    memory_free(line_of);
    weft_settings_destroy(changed);
    memory_free(file);
    return st;
}

weft_status ini_load(weft_settings *settings, const char *path, const struct ini_sweep *sweep)
{
    return load(settings, path, sweep, NULL);
}

weft_status ini_load_named(weft_settings *settings, const char *path, bool named[])
{
    return load(settings, path, NULL, named);
}

weft_status weft_settings_load(weft_settings *settings, const char *path)
{
    return load(settings, path, NULL, NULL);
}

/* How much of a value goes into the next line, which must be short enough for any build of libinih: all of it, or up to the
 * last place where neither side would be trimmed nor the next line be taken for a comment; 0 if there is no such place. */
static size_t piece_length(const char *value)
{
    enum { PIECE_BYTES = 150 };
    size_t length = strlen(value);
    if (length <= PIECE_BYTES)
        return length;
    for (length = PIECE_BYTES; length > 0; length--)
        if (value[length - 1] != ' ' && strchr(" ;#", value[length]) == NULL)
            break;
    return length;
}

bool ini_can_hold(const char *value)
{
    for (size_t length; *value != '\0'; value += length)
        if ((length = piece_length(value)) == 0)
            return false;
    return true;
}

void ini_add(struct text *text, const char *key, const char *value)
{
    text_add(text, "%s =%s", key, *value == '\0' ? "\n" : "");
    for (size_t length; *value != '\0'; value += length) {
        length = piece_length(value);
        text_add(text, " %.*s\n", (int)length, value);
    }
}

void ini_add_setting(struct text *text, const char **section, const struct setting *s, const char *value)
{
    if (strcmp(*section, s->info.section) != 0)
        text_add(text, "[%s]\n", s->info.section);
    *section = s->info.section;
    ini_add(text, s->info.name + strlen(s->info.section) + 1, value);
}

/* Each value by way of a scratch buffer that holds the longest. */
static void part_add(struct text *text, bool of_identity, const weft_settings *settings, char *value, size_t capacity)
{
    const char *section = "";
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *s = &setting_table[i];
        if (s->info.identity != of_identity)
            continue;
        setting_print(s, settings, value, capacity);
        ini_add_setting(text, &section, s, value);
    }
}

static void run_add(struct text *text, const weft_settings *settings, char *value, size_t capacity)
{
    text_add(text, "; What belongs to this machine: it may be edited. Options of weft resume come before it.\n");
    part_add(text, false, settings, value, capacity);
    text_add(text, "\n; What makes the run what it is: its checkpoints are held against it.\n");
    part_add(text, true, settings, value, capacity);
}

weft_status settings_write_run_ini(const weft_settings *settings, char **out)
{
    *out = NULL;
    const char *const uri[] = {settings->data.source, settings->data.validation, settings->data.test, settings->network.init_from};
    for (size_t i = 0; i < sizeof uri / sizeof uri[0]; i++)     /* the only settings that can be so long */
        if (!ini_can_hold(uri[i]))
            return error_set(WEFT_ESETTINGS, "write %.60s... to run.ini: a line cannot be broken at so many blanks, ; and #", uri[i]);
    size_t capacity = 1;
    for (size_t i = 0; i < setting_count; i++) {
        size_t length = setting_print(&setting_table[i], settings, NULL, 0);
        if (length >= capacity)
            capacity = length + 1;
    }
    struct text text = {NULL, 0, 0};
    char *value = memory_new(capacity, 1);
    if (value != NULL) {
        run_add(&text, settings, value, capacity);              /* measure */
        text = (struct text){memory_new(text.length + 1, 1), text.length + 1, 0};
    }
    if (text.at != NULL)
        run_add(&text, settings, value, capacity);
    memory_free(value);
    *out = text.at;
    return text.at != NULL ? WEFT_OK : error_context(WEFT_ENOMEM, "write run.ini");
}
