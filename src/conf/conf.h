/*
 * One table of options. A row gives the name, type, default, bounds and help of a setting; the command line
 * (--media.proxy-height 480), the environment (RUSHES_MEDIA_PROXY_HEIGHT), the config file (media.proxy-height = 480)
 * and `rushes help options` all come from it. Later sources win in this order: default, file, environment, flag.
 *
 * The rows live in conf/options.def, one OPTION line each; conf_get_*() takes the row's enum id, so a misspelt option
 * does not compile. A struct conf is read-only once loaded and may then be used from any thread.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

enum conf_type { CONF_BOOL, CONF_INT, CONF_DOUBLE, CONF_BYTES, CONF_DURATION, CONF_STRING, CONF_ENUM };

enum conf_id {
#define OPTION(id, name, type, def, min, max, choices, help) CONF_##id,
#include "conf/options.def"
#undef OPTION
    CONF_N
};

struct conf;
/*
 * Loads defaults, then the file (RUSHES_CONFIG, --config, else DATA/rushes.conf where it exists), then RUSHES_*
 * variables, then the flags among argv. Flags are removed from argv as they are used ("--name value", "--name=value",
 * "--no-name" for booleans); what is not an option of the table stays, in order, and *argc tells how many. "--" ends.
 * ERR_USAGE names the source and line of what is wrong, and the nearest known name.
 */
int conf_load(int *argc, char **argv, struct conf **ret, struct err *e);
struct conf *conf_defaults(void); /* for tests */
void conf_free(struct conf *c);
CLEANUP_DEFINE(conf_free, struct conf *);
int conf_set(struct conf *c, struct str name, struct str value, const char *source, struct err *e);

bool conf_bool(const struct conf *c, enum conf_id id);
int64_t conf_int(const struct conf *c, enum conf_id id);
double conf_double(const struct conf *c, enum conf_id id);
int64_t conf_bytes(const struct conf *c, enum conf_id id);
int64_t conf_ms(const struct conf *c, enum conf_id id); /* durations, in milliseconds */
const char *conf_str(const struct conf *c, enum conf_id id); /* strings and enums; borrowed, never NULL */
const char *conf_name(enum conf_id id);
/* Text for people: every option with type, default, bounds and help, grouped by the part before the first dot. */
void conf_help(struct buf *out);
/* Where the value came from: "default", "file PATH:3", "environment", "flag". Borrowed. */
const char *conf_source(const struct conf *c, enum conf_id id);

#endif
