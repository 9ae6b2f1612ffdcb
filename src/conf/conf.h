/*
 * One table of options. A row gives the name, type, default, bounds and help of a setting; the
 * command line
 * (--proxy.height 480), the environment (RUSHES_PROXY_HEIGHT), the config file (proxy.height = 480)
 * and `rushes help settings` all come from it. Later sources win in this order: default, file,
 * environment, flag.
 *
 * The rows live in conf/options.def, one OPTION line each; conf_get_*() takes the row's enum id, so
 * a misspelt option does not compile. A struct conf is read-only once loaded and may then be used
 * from any thread.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum conf_type {
    CONF_BOOL,
    CONF_INT,
    CONF_DOUBLE,
    CONF_BYTES,
    CONF_DURATION,
    CONF_STRING,
    CONF_ENUM
};

enum conf_id {
#define OPTION(id, name, type, def, min, max, choices, help) CONF_##id,
#include "conf/options.def"
#undef OPTION
    CONF_N
};

struct conf;
/*
 * Loads defaults, then the file (RUSHES_CONFIG, --config, else DATA/rushes.conf where it exists),
 * then RUSHES_* variables, then the flags among argv. Flags are removed from argv as they are used
 * ("--name value", "--name=value",
 * "--no-name" for booleans; a boolean's bare "--name" means true and takes no second word); what is
 * not an option of the table stays, in order, and *argc tells how many. "--" ends, and stays. A
 * later flag wins over an earlier one.
 *
 * Of the file each line is "name = value", empty, or a comment; # starts a comment at the start of
 * a line or after white space, "double quotes" keep one inside a value. A variable that is empty
 * counts as not set; one that begins with RUSHES_ and is nearly the name of a setting is refused as
 * a slip, any other is left alone.
 *
 * ERR_USAGE names the source and line of what is wrong, and the nearest known name; a config file
 * that was named but can not be read fails with the code of why. On failure argc, argv and *ret are
 * as they were. argv[*argc] is NULL where flags were removed. To be called while no other thread
 * changes the environment. *ret is the caller's.
 */
int conf_load(int *argc, char **argv, struct conf **ret, struct err *e);
struct conf *conf_defaults(void); /* for tests */
void conf_free(struct conf *c);
CLEANUP_DEFINE(conf_free, struct conf *);
/* Sets one value; for commands whose own flags stand for a setting, before the conf is shared.
 * source is copied. ERR_USAGE for an unknown name or a value that does not fit; c is then
 * unchanged. */
int conf_set(struct conf *c, struct str name, struct str value, const char *source, struct err *e);

/* The option whose name is likely meant by a misspelt one ("proxy.heigth", "height"), or NULL.
 * Static. */
const char *conf_nearest(struct str name);

/* The value; asking for another type than the row's is a mistake of ours and aborts. */
bool conf_bool(const struct conf *c, enum conf_id id);
int64_t conf_int(const struct conf *c, enum conf_id id);
double conf_double(const struct conf *c, enum conf_id id);
int64_t conf_bytes(const struct conf *c, enum conf_id id);
int64_t conf_ms(const struct conf *c, enum conf_id id); /* durations, in milliseconds */
const char *conf_str(const struct conf *c,
                     enum conf_id id); /* strings and enums; borrowed, never NULL */
const char *conf_name(enum conf_id id);
/* Text for people: every option with type, default, bounds and help, grouped by the part before the
 * first dot. */
void conf_help(struct buf *out);
/* Where the value came from: "default", "file PATH:3", "environment", "flag". Borrowed. */
const char *conf_source(const struct conf *c, enum conf_id id);

#endif
