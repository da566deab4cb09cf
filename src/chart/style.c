/* See style.h. chart.css begins with the colours, the light ones first, and goes on with the rules behind RULES. */
#include "chart/style.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "chart_css.h"
#include "chart/chart.h"

static const char RULES[] = "/* rules */\n", VARIABLE[] = "var(";

/* What stands behind the first "name:", up to the semicolon. */
static const char *value_of(const char *name, size_t name_bytes, size_t *value_bytes)
{
    for (const char *at = CHART_CSS; (at = strstr(at, "--")) != NULL; at += 2)
        if (strncmp(at, name, name_bytes) == 0 && at[name_bytes] == ':') {
            const char *value = at + name_bytes + 1;
            value += strspn(value, " ");
            *value_bytes = strcspn(value, ";");
            return value;
        }
    assert(false && "chart.css defines each variable that it uses");
    *value_bytes = 0;
    return "";
}

void style_write_light(FILE *stream)
{
    const char *rule = strstr(CHART_CSS, RULES) + strlen(RULES), *variable;
    for (; (variable = strstr(rule, VARIABLE)) != NULL; rule = strchr(variable, ')') + 1) {
        const char *name = variable + strlen(VARIABLE);
        size_t value_bytes;
        const char *value = value_of(name, strcspn(name, ")"), &value_bytes);
        fwrite(rule, 1, (size_t)(variable - rule), stream);
        fwrite(value, 1, value_bytes, stream);
    }
    fputs(rule, stream);
}

void chart_write_style(FILE *stream)
{
    fputs(CHART_CSS, stream);
}
