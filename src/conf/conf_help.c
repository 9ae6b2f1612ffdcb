/* The table of options as text for people. */
#include "conf/conf.h"
#include "conf/conf_priv.h"

static const char *type_word(enum conf_type type)
{
    switch (type) {
    case CONF_BOOL:
        return "";
    case CONF_INT:
    case CONF_DOUBLE:
        return " NUMBER";
    case CONF_BYTES:
        return " SIZE";
    case CONF_DURATION:
        return " DURATION";
    case CONF_STRING:
        return " TEXT";
    case CONF_ENUM:
        return " CHOICE";
    }
    return "";
}

/* What stands before the first dot, or the whole name. */
static struct str group_of(int id)
{
    struct str rest = str_of(conf_options_[id].name), group;

    str_cut(&rest, '.', &group);
    return group;
}

static bool is_first_of_group(int id)
{
    for (int before = 0; before < id; before++)
        if (str_eq(group_of(before), group_of(id)))
            return false;
    return true;
}

static void add_choices(struct buf *out, const char *choices)
{
    struct str rest = str_of(choices), one;
    const char *sep = "";

    while (str_cut(&rest, ',', &one)) {
        buf_addf(out, "%s%.*s", sep, STR_ARG(one));
        sep = ", ";
    }
    buf_addz(out, "; ");
}

static void add_option(struct buf *out, const struct option *o)
{
    buf_addf(out, "  --%s%s%s\n", o->type == CONF_BOOL ? "[no-]" : "", o->name, type_word(o->type));
    buf_addf(out, "      %s\n      ", o->help);
    if (o->type == CONF_ENUM)
        add_choices(out, o->choices);
    else if (o->min[0] && o->max[0])
        buf_addf(out, "%s to %s; ", o->min, o->max);
    else if (o->min[0])
        buf_addf(out, "at least %s; ", o->min);
    else if (o->max[0])
        buf_addf(out, "at most %s; ", o->max);
    buf_addf(out, "default %s\n", o->def[0] ? o->def : "none");
}

void conf_help(struct buf *out)
{
    buf_addz(out,
             "Settings. Each can be given as a flag (--proxy.height 480), as a variable\n"
             "(RUSHES_PROXY_HEIGHT=480) or as a line of the config file (proxy.height = 480).\n"
             "A flag wins over a variable, a variable over the file, the file over the default.\n"
             "The config file is --config FILE, else RUSHES_CONFIG, else rushes.conf in the data\n"
             "folder. Sizes are bytes or take k, M, G, T (powers of 1024); durations are seconds\n"
             "or take ms, s, m, h, d.\n");
    for (int id = 0; id < CONF_N; id++) {
        if (!is_first_of_group(id))
            continue;
        struct str group = group_of(id);
        buf_addf(out, "\n%.*s\n", STR_ARG(group));
        for (int member = id; member < CONF_N; member++)
            if (str_eq(group_of(member), group))
                add_option(out, &conf_options_[member]);
    }
}
