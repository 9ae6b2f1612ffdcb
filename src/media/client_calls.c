/* media.h's calls: options in, one child each, results checked. client_run() does the work. */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "media/client.h"
#include "media/results.h"
#include "media/sandbox.h"

#define NO_OPTIONS STR("{}")

int media_probe(const struct media_ctx *m, int in_fd, struct media_info **ret, struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    const struct client_call call = {.task = "probe", .options = NO_OPTIONS, .in_fd = in_fd};

    if (client_run(m, &call, &result, e) < 0)
        return -1;
    return media_info_parse(result, ret, e);
}

int media_index(const struct media_ctx *m, int in_fd, int out_fd, struct err *e)
{
    const struct client_call call = {
        .task = "index", .options = NO_OPTIONS, .in_fd = in_fd, .more = &out_fd, .n_more = 1};

    return client_run(m, &call, NULL, e);
}

int media_shots(const struct media_ctx *m, int in_fd, const struct media_shots_opts *o,
                struct media_shots **ret, struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_BUF struct buf options = {0};
    struct jsonw w = JSONW(&options);

    media_shots_opts_json(o, &w);
    const struct client_call call = {.task = "shots", .options = buf_str(&options), .in_fd = in_fd};
    if (client_run(m, &call, &result, e) < 0)
        return -1;
    return media_shots_parse(result, m->limits.frames, ret, e);
}

int media_motion(const struct media_ctx *m, int in_fd, const struct media_shots_opts *o,
                 struct media_motion **ret, struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_BUF struct buf options = {0};
    struct jsonw w = JSONW(&options);

    media_shots_opts_json(o, &w);
    const struct client_call call = {
        .task = "motion", .options = buf_str(&options), .in_fd = in_fd};
    if (client_run(m, &call, &result, e) < 0)
        return -1;
    return media_motion_parse(result, m->limits.frames, ret, e);
}

static int file_size(int fd, int64_t *ret, struct err *e)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return err_errno(e, errno, "stat output");
    *ret = st.st_size;
    return 0;
}

int media_pass(const struct media_ctx *m, int in_fd, const int out_fds[MEDIA_OUT_N],
               const struct media_pass_opts *o, struct media_pass_result **ret, struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_BUF struct buf options = {0};
    struct jsonw w = JSONW(&options);
    int64_t sizes[MEDIA_OUT_N];

    media_pass_opts_json(o, &w);
    const struct client_call call = {.task = "pass",
                                     .options = buf_str(&options),
                                     .in_fd = in_fd,
                                     .more = out_fds,
                                     .n_more = MEDIA_OUT_N};
    if (client_run(m, &call, &result, e) < 0)
        return -1;
    for (int i = 0; i < MEDIA_OUT_N; i++)
        if (file_size(out_fds[i], &sizes[i], e) < 0)
            return -1;
    return media_pass_result_parse(result, sizes, ret, e);
}

int media_cut(const struct media_ctx *m, int in_fd, int index_fd, int out_fd,
              const struct media_cut_opts *o, struct err *e)
{
    CLEANUP_BUF struct buf options = {0};
    struct jsonw w = JSONW(&options);
    const int more[] = {index_fd, out_fd};

    media_cut_opts_json(o, &w);
    const struct client_call call = {
        .task = "cut", .options = buf_str(&options), .in_fd = in_fd, .more = more, .n_more = 2};
    return client_run(m, &call, NULL, e);
}

/* A list that may be longer than a message: in memory, read-only for the child by its seals. */
static int in_memory(struct str bytes, int *ret, struct err *e)
{
    CLEANUP_CLOSE int fd = memfd_create("media-list", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, errno, "list memory");
    if (fs_write_all(fd, bytes.p, bytes.n, e) < 0)
        return err_wrap(e, "list memory");
    if (fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        return err_errno(e, errno, "list memory");
    *ret = fd;
    fd = -1;
    return 0;
}

int media_read_text(const struct media_ctx *m, int pack_fd, const struct media_pictures *pictures,
                    const struct media_text_opts *o, struct media_text **ret, struct err *e)
{
    CLEANUP_JSON json_t *result = NULL;
    CLEANUP_BUF struct buf options = {0};
    CLEANUP_BUF struct buf list = BUF_MAX(MEDIA_RESULT_BYTES_MAX);
    CLEANUP_CLOSE int list_fd = -1;
    struct jsonw w = JSONW(&options), lw = JSONW(&list);

    jw_obj(&w);
    jw_kz(&w, "languages", o->languages);
    jw_obj_end(&w);
    media_pictures_json(pictures, &lw);
    if (!buf_ok(&list))
        return err_set(e, ERR_LIMIT, "list of %lld pictures to read", (long long)pictures->n);
    if (in_memory(buf_str(&list), &list_fd, e) < 0)
        return -1;
    const struct client_call call = {.task = "text",
                                     .options = buf_str(&options),
                                     .in_fd = pack_fd,
                                     .more = &list_fd,
                                     .n_more = 1};
    if (client_run(m, &call, &result, e) < 0)
        return -1;
    return media_text_parse(result, ret, e);
}

/* Children that only tell about themselves: little memory, quick. */
static const struct media_ctx about_ctx = {
    .sandbox = MEDIA_SANDBOX_AUTO,
    .limits = {.size_bytes = 1, .frames = 1, .pixels = 1, .streams = 1},
    .memory_bytes = (int64_t)2 << 30,
    .stall_ms = 10000,
    .threads = 1};

int media_sandbox_report(struct media_sandbox_layer out[MEDIA_SANDBOX_LAYERS_MAX])
{
    CLEANUP_JSON json_t *result = NULL;
    struct err e = {0};
    const struct client_call call = {.task = "sandbox", .options = NO_OPTIONS, .in_fd = -1};
    int r = client_run(&about_ctx, &call, &result, &e);
    const json_t *layers = json_object_get(result, "layers");

    _Static_assert(SANDBOX_N <= MEDIA_SANDBOX_LAYERS_MAX, "all layers fit");
    for (int i = 0; i < SANDBOX_N; i++) {
        const json_t *l = json_array_get(layers, (size_t)i);
        struct str detail = {0};
        out[i] = (struct media_sandbox_layer){.name = sandbox_names[i]};
        json_get_bool(l, "active", &out[i].active);
        if (!json_get_str(l, "detail", &detail))
            detail = str_of(r < 0 ? e.text : "no answer");
        snprintf(out[i].detail, sizeof(out[i].detail), "%.*s", STR_ARG(detail));
    }
    return r < 0 ? -1 : SANDBOX_N;
}

static void take_version(const json_t *obj, const char *key, char out[64])
{
    struct str s = {0};

    json_get_str(obj, key, &s);
    snprintf(out, 64, "%.*s", STR_ARG(s));
}

void media_versions(char libav[64], char tesseract[64])
{
    CLEANUP_JSON json_t *result = NULL;
    struct err e = {0};
    const struct client_call call = {.task = "versions", .options = NO_OPTIONS, .in_fd = -1};

    client_run(&about_ctx, &call, &result,
               &e); /* what failed is missing, which is what the caller wants to know */
    take_version(result, "libav", libav);
    take_version(result, "tesseract", tesseract);
}
