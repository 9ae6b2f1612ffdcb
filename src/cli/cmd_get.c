/* get: a file out of the library, checked against what the library knows of it while it is copied. */
#include <errno.h>
#include <inttypes.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/human.h"
#include "base/output.h"
#include "cli/cli.h"
#include "db/db_objects.h"
#include "pipeline/library.h"

#define GET_BLOCK ((size_t)64 << 10)

static int get_find(struct library *lib, struct arena *a, const char *id, const char *kind,
                    struct object *ret, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;
    if (db_begin(lib->db, DB_READ, &tx, e) < 0 || db_video_get(tx, a, id, &v, e) < 0)
        return -1;
    if (v.state == VIDEO_DELETED)
        return err_set(e, ERR_NOT_FOUND, "video %s was deleted", LOGZ(id));
    int found = strcmp(kind, "sidecar") == 0 && *v.sidecar_key
                    ? db_object_get(tx, a, v.sidecar_key, ret, e)
                    : db_object_find(tx, a, v.checksum_sha256, kind, NULL, ret, e);
    if (found < 0)
        return -1;
    if (!found) {
        err_set(e, ERR_NOT_FOUND, "video %s has no %s", LOGZ(id), LOGZ(kind));
        return err_plainf(e, "This video has no '%.40s'.", kind);
    }
    return 0;
}

/* 0 written, 1 the reader went away, negative error. */
static int get_write(int to, const char *p, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t done = write(to, p, n);
        if (done < 0 && errno == EINTR && !cli_stopped())
            continue;
        if (done < 0 && errno == EINTR)
            return err_set(e, ERR_CANCELLED, "stopped by a signal");
        if (done < 0 && errno == EPIPE)
            return 1;
        if (done < 0)
            return err_errno(e, errno, "write");
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

/* Copies all of from and says whether it is what its row says: 0 it is, 1 the reader went away. */
static int get_copy(int from, int to, const struct object *o, struct err *e)
{
    CLEANUP(sha256_free) struct sha256 *sum = sha256_new();
    char block[GET_BLOCK], hex[SHA256_HEX_MAX];
    int64_t size = 0;
    for (;;) {
        ssize_t n = read(from, block, sizeof block);
        if (cli_stopped())
            return err_set(e, ERR_CANCELLED, "stopped by a signal");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            err_errno(e, errno, "read object %s", o->key);
            e->code = ERR_STORAGE;
            return -1;
        }
        if (n == 0)
            break;
        sha256_add(sum, block, (size_t)n);
        size += n;
        int r = get_write(to, block, (size_t)n, e);
        if (r != 0)
            return r;
    }
    sha256_hex(sum, hex);
    if (size == o->size_bytes && strcmp(hex, o->sha256) == 0)
        return 0;
    err_set(e, ERR_STORAGE,
            "object %s has %" PRId64 " bytes, sha256 %s; its row says %" PRId64 ", %s", o->key,
            size, hex, o->size_bytes, o->sha256);
    return err_plain(e, "This file is damaged in the library: it is not what was stored.",
                     "See what is wrong with: rushes verify");
}

static int get_print(struct cli *c, const char *path, const struct object *o)
{
    CLEANUP_BUF struct buf out = {0};
    char size[HUMAN_MAX];
    if (c->json) {
        struct jsonw w = JSONW(&out);
        jw_obj(&w);
        jw_kz(&w, "output", path);
        jw_kz(&w, "key", o->key);
        jw_kz(&w, "mime_type", o->mime_type);
        jw_ki64(&w, "size_bytes", o->size_bytes);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    } else {
        buf_addf(&out, "%s: %s, %s\n", LOGZ(path), o->mime_type, human_size(o->size_bytes, size));
    }
    return cli_print(c, &out);
}

static int get_run(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(output_free) struct output *file = NULL;
    CLEANUP_CLOSE int fd = -1;
    struct object o;
    const char *path = cli_value(c, "--output");
    if (!path && isatty(STDOUT_FILENO) == 1)
        return cli_fail_usage(c, "Name a file with -o FILE, or send the output somewhere.");
    cli_catch_signals();
    if (library_open(c->conf, LIBRARY_EXISTING, &lib, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (get_find(lib, a, c->args[0], c->args[1], &o, &e) < 0)
        return cli_fail(c, c->args[0], &e);
    if (path && output_open(path, OUTPUT_ANY, &file, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (store_fetch(lib->store, o.key, &fd, &e) < 0)
        return cli_fail(c, c->args[0], &e);
    int r = get_copy(fd, file ? output_fd(file) : STDOUT_FILENO, &o, &e);
    if (r == 0 && file)
        r = output_publish(file, &e);
    if (r < 0)
        return cli_fail(c, c->args[0], &e);
    return file && r == 0 ? get_print(c, path, &o) : 0;
}

static const struct cli_switch get_switches[] = {
    {"--output", 'o', "FILE", "where to write it (default: standard output)"},
    {0},
};
const struct cli_command cli_get = {
    .name = "get",
    .group = "The library",
    .usage = "ID KIND [-o FILE]",
    .summary = "take a file of a video out of the library",
    .details =
        "KIND is one of: original proxy thumb poster sprites vtt shot_pictures samples "
        "index audio peaks report sidecar.\n"
        "samples, the analysis frames, are kept only with the setting sample.keep.\n"
        "sprites, shot_pictures and samples are packs: JPEGs one after another; the report tells "
        "where each begins.",
    .min_args = 2,
    .max_args = 2,
    .switches = get_switches,
    .run = get_run,
};
