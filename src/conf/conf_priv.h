/* The table of options as its own folder sees it. */
#ifndef CONF_CONF_PRIV_H
#define CONF_CONF_PRIV_H

#include "conf/conf.h"

struct option {
    const char *name; /* "proxy.height" */
    enum conf_type type;
    const char *def;
    const char *min, *max; /* in the words of the type; "" for none */
    const char *choices;   /* of a CONF_ENUM, joined by commas */
    const char *help;
};
extern const struct option conf_options_[CONF_N];

#define CONF_ENV_PREFIX   "RUSHES_"
#define CONF_ENV_NAME_MAX 128
/* "proxy.min-length" -> "RUSHES_PROXY_MIN_LENGTH"; returns out. */
char *conf_env_name_(const char *name, char out[static CONF_ENV_NAME_MAX]);
/* -1 when there is none */
int conf_find_(struct str name);
/* Letters to add, drop, change or swap to make b out of a. At most 64 bytes of each are looked at.
 */
size_t conf_distance_(struct str a, struct str b);
/* Reads the text of a config file; path is for the messages and conf_source(). */
int conf_read_text_(struct conf *c, struct str text, const char *path, struct err *e);

#endif
