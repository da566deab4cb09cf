/* The settings of a run: first those that differ from their defaults, the others folded away. */
#include <string.h>

#include "page/page.h"
#include "weft/settings.h"

static const char *preset_of(const char *name)
{
    for (size_t i = 0; i < weft_settings_count(); i++)
        if (strcmp(weft_settings_info(i)->name, name) == 0)
            return weft_settings_info(i)->preset;
    return NULL;
}

/* A setting that this version does not know has no default. */
static bool is_default(const weft_setting_value *setting)
{
    const char *preset = preset_of(setting->name);
    return preset != NULL && strcmp(setting->value, preset) == 0;
}

static size_t count_defaults(const weft_checkpoint_info *info)
{
    size_t count = 0;
    for (size_t i = 0; i < info->settings; i++)
        count += is_default(&info->setting[i]);
    return count;
}

static void write_table(struct page *page, const weft_checkpoint_info *info, const char *caption, bool defaults)
{
    page_table_begin(page, caption);
    page_head(page, "setting");
    page_head_code(page, "value");
    if (!defaults)
        page_head_code(page, "default");
    for (size_t i = 0; i < info->settings; i++) {
        const weft_setting_value *setting = &info->setting[i];
        if (is_default(setting) != defaults)
            continue;
        const char *preset = preset_of(setting->name);
        page_row(page, setting->name);
        page_cell_code(page, setting->value[0] != '\0' ? setting->value : "(empty)");
        if (!defaults)
            page_cell_code(page, preset == NULL ? "(unknown to this version)" : preset[0] != '\0' ? preset : "(empty)");
    }
    page_table_end(page);
}

void page_write_settings(struct page *page, const weft_run *run)
{
    const weft_checkpoint_info *info = &run->last;
    size_t defaults = count_defaults(info);
    char summary[64];
    page_section_begin(page, "settings", "Settings");
    if (defaults < info->settings)
        write_table(page, info, "Settings that differ from their defaults", false);
    else
        page_note(page, "All settings are at their defaults.");
    if (defaults > 0) {
        snprintf(summary, sizeof summary, defaults == 1 ? "%zu setting at its default" : "%zu settings at their defaults", defaults);
        page_fold_begin(page, summary);
        write_table(page, info, "Settings at their defaults", true);
        page_fold_end(page);
    }
    page_section_end(page);
}
