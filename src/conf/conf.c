/* The options' table, checking a value against its row, and reading values back. */
#include "conf/conf.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "conf/conf_priv.h"

#define DISTANCE_MAX_LEN 64

struct value {
    int64_t number; /* CONF_BOOL, CONF_INT, CONF_BYTES, CONF_DURATION (milliseconds) */
    double real;    /* CONF_DOUBLE */
    char *text;     /* CONF_STRING, CONF_ENUM */
    char *source;
};
struct conf {
    struct value values[CONF_N];
};

const struct option conf_options_[CONF_N] = {
#define OPTION(id, name, type, def, min, max, choices, help)                                       \
    [CONF_##id] = {name, type, def, min, max, choices, help},
#include "conf/options.def"
#undef OPTION
};

int conf_find_(struct str name)
{
    for (int id = 0; id < CONF_N; id++)
        if (str_eqz(name, conf_options_[id].name))
            return id;
    return -1;
}

size_t conf_distance_(struct str a, struct str b)
{
    size_t rows[3][DISTANCE_MAX_LEN + 1]; /* two back, one back, now: a swap looks two back */
    size_t *back2 = rows[0], *back = rows[1], *now = rows[2];

    a.n = MIN(a.n, DISTANCE_MAX_LEN);
    b.n = MIN(b.n, DISTANCE_MAX_LEN);
    for (size_t j = 0; j <= b.n; j++)
        back[j] = j;
    for (size_t i = 1; i <= a.n; i++) {
        now[0] = i;
        for (size_t j = 1; j <= b.n; j++) {
            size_t best = back[j - 1] + (a.p[i - 1] != b.p[j - 1]);
            best = MIN(best, back[j] + 1);
            best = MIN(best, now[j - 1] + 1);
            if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
                best = MIN(best, back2[j - 2] + 1);
            now[j] = best;
        }
        size_t *free_row = back2;
        back2 = back;
        back = now;
        now = free_row;
    }
    return back[b.n];
}

const char *conf_nearest(struct str name)
{
    size_t best = MAX((size_t)2, name.n / 4) + 1;
    const char *found = NULL;

    for (int id = 0; id < CONF_N; id++) {
        const char *full = conf_options_[id].name, *dot = strchr(full, '.');
        size_t d = conf_distance_(name, str_of(full));
        if (dot && str_eqz(name, dot + 1)) /* "height" for "proxy.height" */
            d = MIN(d, 1);
        if (d < best) {
            best = d;
            found = full;
        }
    }
    return found;
}

static bool parse_bool(struct str s, int64_t *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "1"}, *const no[] = {"false", "no",
                                                                                "off", "0"};

    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (str_ieqz(s, yes[i]) || str_ieqz(s, no[i])) {
            *ret = str_ieqz(s, yes[i]);
            return true;
        }
    }
    return false;
}

static bool is_choice(const char *choices, struct str s)
{
    struct str rest = str_of(choices), one;

    while (str_cut(&rest, ',', &one))
        if (str_eq(one, s))
            return true;
    return false;
}

/* What a text must be, for people. */
static const char *type_wants(enum conf_type type)
{
    switch (type) {
    case CONF_BOOL:
        return "true or false";
    case CONF_INT:
        return "a whole number";
    case CONF_DOUBLE:
        return "a number";
    case CONF_BYTES:
        return "a size such as 300M or 5G";
    case CONF_DURATION:
        return "a duration such as 250ms, 30s, 10m, 6h or 1d";
    case CONF_STRING:
        return "a text without control characters";
    case CONF_ENUM:
        return "one of the choices";
    }
    return "a value";
}

static bool parse_string(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F)
            return false;
    return true;
}

/* Reads s as the row's type. number or real is set; texts are only checked. */
static bool parse(const struct option *o, struct str s, struct value *ret)
{
    switch (o->type) {
    case CONF_BOOL:
        return parse_bool(s, &ret->number);
    case CONF_INT:
        return str_to_i64(s, &ret->number);
    case CONF_DOUBLE:
        return str_to_double(s, &ret->real);
    case CONF_BYTES:
        return str_to_bytes(s, &ret->number);
    case CONF_DURATION:
        return str_to_duration_ms(s, &ret->number);
    case CONF_STRING:
        return parse_string(s);
    case CONF_ENUM:
        return is_choice(o->choices, s);
    }
    return false;
}

/* -1 below, 0 inside, 1 above the row's bounds */
static int compare_bounds(const struct option *o, const struct value *v)
{
    struct value bound = {0};

    if (o->type == CONF_STRING || o->type == CONF_ENUM || o->type == CONF_BOOL)
        return 0;
    if (o->min[0]) {
        bool ok = parse(o, str_of(o->min), &bound);
        assert(ok);
        if (v->number < bound.number || v->real < bound.real)
            return -1;
    }
    if (o->max[0]) {
        bool ok = parse(o, str_of(o->max), &bound);
        assert(ok);
        if (v->number > bound.number || v->real > bound.real)
            return 1;
    }
    return 0;
}

/* Says the same in both voices: what is wrong with a setting is the user's to mend. */
static int refuse(struct err *e, const char *source, struct str name, const char *why)
{
    err_set(e, ERR_USAGE, "%s: %.*s: %s", source, STR_ARG(name), why);
    err_plainf(e, "The setting %.*s (%s): %s.", STR_ARG(name), source, why);
    return err_plain(e, NULL, "See 'rushes help settings' for what each setting takes.");
}

static int refuse_unknown(struct err *e, const char *source, struct str name)
{
    const char *nearest = conf_nearest(name);
    CLEANUP_FREE char *why = nearest
                                 ? xasprintf("there is no such setting; did you mean %s?", nearest)
                                 : xstrdup("there is no such setting");

    return refuse(e, source, (struct str){name.p, MIN(name.n, (size_t)80)}, why);
}

int conf_set(struct conf *c, struct str name, struct str value, const char *source, struct err *e)
{
    int id = conf_find_(name);
    if (id < 0)
        return refuse_unknown(e, source, name);
    const struct option *o = &conf_options_[id];
    struct str shown = {value.p, MIN(value.n, (size_t)80)};
    struct value v = {0};
    if (!parse(o, value, &v)) {
        CLEANUP_FREE char *why =
            xasprintf("'%.*s' is not %s%s%s", STR_ARG(shown), type_wants(o->type),
                      o->choices[0] ? " " : "", o->choices);
        return refuse(e, source, name, why);
    }
    int outside = compare_bounds(o, &v);
    if (outside) {
        CLEANUP_FREE char *why =
            xasprintf("%.*s is %s than %s", STR_ARG(shown), outside < 0 ? "less" : "more",
                      outside < 0 ? o->min : o->max);
        return refuse(e, source, name, why);
    }
    if (o->type == CONF_STRING || o->type == CONF_ENUM)
        v.text = str_dup(value);
    v.source = xstrdup(source);
    free(c->values[id].text);
    free(c->values[id].source);
    c->values[id] = v;
    return 0;
}

struct conf *conf_defaults(void)
{
    struct conf *c = XNEW(struct conf);
    struct err e = {0};

    for (int id = 0; id < CONF_N; id++) {
        int r = conf_set(c, str_of(conf_options_[id].name), str_of(conf_options_[id].def),
                         "default", &e);
        assert(r == 0); /* a row whose default breaks its own bounds */
    }
    return c;
}

void conf_free(struct conf *c)
{
    if (!c)
        return;
    for (int id = 0; id < CONF_N; id++) {
        free(c->values[id].text);
        free(c->values[id].source);
    }
    free(c);
}

static const struct value *value_of(const struct conf *c, enum conf_id id, enum conf_type type)
{
    assert((unsigned)id < CONF_N && conf_options_[id].type == type);
    return &c->values[id];
}

bool conf_bool(const struct conf *c, enum conf_id id)
{
    return value_of(c, id, CONF_BOOL)->number != 0;
}

int64_t conf_int(const struct conf *c, enum conf_id id)
{
    return value_of(c, id, CONF_INT)->number;
}

double conf_double(const struct conf *c, enum conf_id id)
{
    return value_of(c, id, CONF_DOUBLE)->real;
}

int64_t conf_bytes(const struct conf *c, enum conf_id id)
{
    return value_of(c, id, CONF_BYTES)->number;
}

int64_t conf_ms(const struct conf *c, enum conf_id id)
{
    return value_of(c, id, CONF_DURATION)->number;
}

const char *conf_str(const struct conf *c, enum conf_id id)
{
    assert((unsigned)id < CONF_N &&
           (conf_options_[id].type == CONF_STRING || conf_options_[id].type == CONF_ENUM));
    return c->values[id].text;
}

const char *conf_name(enum conf_id id)
{
    assert((unsigned)id < CONF_N);
    return conf_options_[id].name;
}

const char *conf_source(const struct conf *c, enum conf_id id)
{
    assert((unsigned)id < CONF_N);
    return c->values[id].source;
}
