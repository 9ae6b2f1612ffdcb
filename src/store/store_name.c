/*
 * Object names: built and taken apart by one set of rules, so that parse(build(x)) is x and nothing
 * else parses. What is in a name comes from our own tables (stages) or is a hash, yet it is
 * checked: a name becomes a path.
 */
#include "store/store_name.h"

#include <inttypes.h>
#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}

static bool part_ok(struct str part)
{
    if (part.n == 0 || part.n > STORE_PART_MAX || part.p[0] == '.')
        return false;
    for (size_t i = 0; i < part.n; i++) {
        char c = part.p[i];
        if (!is_lower(c) && !(c >= 'A' && c <= 'Z') && !is_digit(c) && c != '.' && c != '_' &&
            c != '-')
            return false;
    }
    return true;
}

bool store_key_ok(struct str key)
{
    struct str rest = key, part;
    int n = 0;

    if (!key.p || key.n == 0 || key.n >= STORE_KEY_MAX || key.p[key.n - 1] == '/')
        return false;
    while (str_cut(&rest, '/', &part)) {
        if (!part_ok(part) || ++n > STORE_PARTS_MAX)
            return false;
    }
    return n >= 2;
}

static bool stage_ok(struct str stage)
{
    if (stage.n == 0 || stage.n >= STORE_STAGE_MAX || !is_lower(stage.p[0]))
        return false;
    for (size_t i = 0; i < stage.n; i++)
        if (!is_lower(stage.p[i]) && !is_digit(stage.p[i]) && stage.p[i] != '_')
            return false;
    return true;
}

static bool params_ok(struct str params)
{
    if (params.n != STORE_PARAMS_HEX_MAX - 1)
        return false;
    for (size_t i = 0; i < params.n; i++)
        if (!is_hex(params.p[i]))
            return false;
    return true;
}

static int finish_name(const char *made, int n, char *out, struct err *e)
{
    if (n < 0 || n >= STORE_KEY_MAX || !store_key_ok((struct str){made, (size_t)n}))
        return err_set(e, ERR_INTERNAL, "object name '%.200s' is not a key", made);
    memcpy(out, made, (size_t)n + 1);
    return 0;
}

int store_name_original(const char *sha256, char out[static STORE_KEY_MAX], struct err *e)
{
    char made[STORE_KEY_MAX];

    if (!sha256_is_hex(str_of(sha256)))
        return err_set(e, ERR_INTERNAL, "object name: not a SHA-256");
    int n = snprintf(made, sizeof made, STORE_PREFIX_ORIGINAL "/%.2s/%s", sha256, sha256);
    return finish_name(made, n, out, e);
}

int store_name_derived(const char *sha256, const char *stage, int version, const char *params,
                       const char *name, char out[static STORE_KEY_MAX], struct err *e)
{
    char made[STORE_KEY_MAX];

    if (!sha256_is_hex(str_of(sha256)) || !stage_ok(str_of(stage)) || !params_ok(str_of(params)) ||
        version < 0 || version > STORE_VERSION_MAX || !part_ok(str_of(name)))
        return err_set(e, ERR_INTERNAL, "object name: bad part for stage '%.40s' object '%.120s'",
                       stage, name);
    int n = snprintf(made, sizeof made, STORE_PREFIX_DERIVED "/%.2s/%s/%s-v%d-%s/%s", sha256,
                     sha256, stage, version, params, name);
    return finish_name(made, n, out, e);
}

int store_name_sidecar(const char *video_id, int version, char out[static STORE_KEY_MAX],
                       struct err *e)
{
    char made[STORE_KEY_MAX];

    if (!uuid_is(str_of(video_id)) || version < 1 || version > STORE_VERSION_MAX)
        return err_set(e, ERR_INTERNAL, "object name: bad sidecar of '%.40s' version %d", video_id,
                       version);
    int n = snprintf(made, sizeof made, STORE_PREFIX_SIDECAR "/%s/%06d.json", video_id, version);
    return finish_name(made, n, out, e);
}

static void copy_part(char *out, struct str part)
{
    memcpy(out, part.p, part.n);
    out[part.n] = '\0';
}

/* "ab" and a hash that begins so */
static bool sha_parts(struct str two, struct str sha, struct store_name *n)
{
    if (!sha256_is_hex(sha) || two.n != 2 || memcmp(two.p, sha.p, 2) != 0)
        return false;
    copy_part(n->sha256, sha);
    return true;
}

/* "stage-v3-0123456789ab" */
static bool stage_part(struct str part, struct store_name *n)
{
    struct str rest = part, stage, version;
    int64_t v;

    if (!str_cut(&rest, '-', &stage) || !str_cut(&rest, '-', &version) || !rest.p)
        return false;
    if (!stage_ok(stage) || !params_ok(rest) || version.n < 2 || version.p[0] != 'v')
        return false;
    version.p++, version.n--;
    if ((version.p[0] == '0' && version.n > 1) || !is_digit(version.p[0]) ||
        !str_to_i64(version, &v) || v > STORE_VERSION_MAX)
        return false;
    copy_part(n->stage, stage);
    copy_part(n->params, rest);
    n->version = (int)v;
    return true;
}

static bool sidecar_part(struct str part, struct store_name *n)
{
    int64_t v;

    if (part.n != 11 || !str_ends(part, STR(".json")))
        return false;
    for (size_t i = 0; i < 6; i++)
        if (!is_digit(part.p[i]))
            return false;
    if (!str_to_i64((struct str){part.p, 6}, &v) || v < 1)
        return false;
    n->version = (int)v;
    return true;
}

bool store_name_parse(struct str key, struct store_name *ret)
{
    struct str rest = key, part[STORE_PARTS_MAX];
    struct store_name n = {.kind = STORE_OTHER};
    size_t parts = 0;
    bool ok = false;

    *ret = n;
    if (!store_key_ok(key))
        return false;
    while (parts < STORE_PARTS_MAX && str_cut(&rest, '/', &part[parts]))
        parts++;
    if (parts == 3 && str_eqz(part[0], STORE_PREFIX_ORIGINAL)) {
        n.kind = STORE_ORIGINAL;
        ok = sha_parts(part[1], part[2], &n);
    } else if (parts == 5 && str_eqz(part[0], STORE_PREFIX_DERIVED)) {
        n.kind = STORE_DERIVED;
        ok = sha_parts(part[1], part[2], &n) && stage_part(part[3], &n);
        copy_part(n.name, part[4]);
    } else if (parts == 3 && str_eqz(part[0], STORE_PREFIX_SIDECAR)) {
        n.kind = STORE_SIDECAR;
        ok = uuid_is(part[1]) && sidecar_part(part[2], &n);
        if (ok)
            copy_part(n.video_id, part[1]);
    }
    if (!ok)
        return false;
    *ret = n;
    return true;
}

void store_params_hash(struct str params, char out[static STORE_PARAMS_HEX_MAX])
{
    char hex[SHA256_HEX_MAX];

    sha256_hex_of(params, hex);
    memcpy(out, hex, STORE_PARAMS_HEX_MAX - 1);
    out[STORE_PARAMS_HEX_MAX - 1] = '\0';
}
