/*
 * main() of a media child: read the request, load what the task needs, close the sandbox, do the task, say how it went.
 * child.h tells which descriptors are where.
 */
#include "media/child.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "media/child_priv.h"
#include "media/lav.h"
#include "media/results.h"
#include "media/sandbox.h"
#include "media/wire.h"

#define PROGRESS_EVERY_MS 250
/* Each arena of the allocator takes 64 MB of address space, which is what the child has a limit of. */
#define MALLOC_ARENAS_MAX 4

static const struct child_task *const tasks[] = {
    &task_probe,   &task_cut,   &task_index, &task_motion,   &task_pass,
    &task_sandbox, &task_shots, &task_text,  &task_versions,
#ifdef RUSHES_FAULTS
    &task_hostile,
#endif
};

static struct media_sandbox_layer layers[SANDBOX_N];
static int64_t result_bytes;

static int send_message(const struct buf *b)
{
    ssize_t n;

    if (!buf_ok(b))
        return -1;
    do
        n = write(CHILD_FD_SOCKET, b->p, b->n);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)b->n ? 0 : -1;
}

void child_progress(struct child *c, int percent, int64_t frames, int64_t position_us)
{
    int64_t now = clock_mono_ms();

    if (now - c->last_sent_ms < PROGRESS_EVERY_MS ||
        (frames == c->last_frames && position_us == c->last_position_us))
        return;
    CLEANUP_BUF struct buf b = {0};
    wire_put_progress(&b, &(struct media_progress){.percent = CLAMP(percent, 0, 100),
                                                   .frames = MAX(frames, 0),
                                                   .position_us = MAX(position_us, 0)});
    send_message(&b); /* a client that is gone ends us by other means */
    c->last_sent_ms = now;
    c->last_frames = frames;
    c->last_position_us = position_us;
}

void child_log(enum log_level level, const char *fmt, ...)
{
    CLEANUP_BUF struct buf text = {0}, b = {0};
    va_list ap;

    va_start(ap, fmt);
    buf_addv(&text, fmt, ap);
    va_end(ap);
    wire_put_log(&b, level, buf_str(&text));
    send_message(&b);
}

int child_result(struct child *c, struct str json, struct err *e)
{
    if (json.n > MEDIA_RESULT_BYTES_MAX)
        return err_set(e, ERR_LIMIT, "result of %zu bytes", json.n);
    if (lseek(CHILD_FD_RESULT, 0, SEEK_SET) < 0)
        return err_errno(e, errno, "rewind result");
    if (fs_write_all(CHILD_FD_RESULT, json.p, json.n, e) < 0)
        return err_wrap(e, "write result");
    result_bytes = (int64_t)json.n;
    return 0;
}

const struct media_sandbox_layer *child_sandbox_layers(void)
{
    return layers;
}

static int read_request(struct buf *message, json_t **ret, struct err *e)
{
    struct wire_msg m;
    char *p = xmalloc(WIRE_MESSAGE_MAX);
    ssize_t n = read(CHILD_FD_SOCKET, p, WIRE_MESSAGE_MAX);

    if (n > 0)
        buf_add(message, p, (size_t)n);
    free(p);
    if (n < 0)
        return err_errno(e, errno, "read request");
    if (wire_parse(buf_str(message), &m, e) < 0)
        return err_wrap(e, "read request");
    if (m.type != WIRE_REQUEST)
        return err_set(e, ERR_INTERNAL, "read request: another message came first");
    return json_read(m.request, ret, e);
}

struct request {
    const struct child_task *task;
    struct sandbox_opts sandbox;
};

static int bad_request(struct err *e, const char *what)
{
    return err_set(e, ERR_INTERNAL, "request to the media child: %s", what);
}

static int parse_request(const json_t *obj, struct child *c, struct request *r, struct err *e)
{
    const json_t *lim = json_object_get(obj, "limits");
    struct str task, sandbox;
    int64_t threads, more;

    if (!json_get_str(obj, "task", &task) || !json_get_str(obj, "sandbox", &sandbox) ||
        !json_get_i64(obj, "memory_bytes", &r->sandbox.memory_bytes) ||
        !json_get_i64(obj, "threads", &threads) || !json_get_i64(obj, "more", &more) || more < 0 ||
        more > CHILD_MORE_MAX)
        return bad_request(e, "fields are missing");
    if (!json_get_i64(lim, "size_bytes", &c->limits.size_bytes) ||
        !json_get_i64(lim, "duration_us", &c->limits.duration_us) ||
        !json_get_i64(lim, "pixels", &c->limits.pixels) ||
        !json_get_i64(lim, "frames", &c->limits.frames) ||
        !json_get_i64(lim, "streams", &c->limits.streams))
        return bad_request(e, "limits are missing");
    r->sandbox.mode = str_eqz(sandbox, "off")      ? MEDIA_SANDBOX_OFF
                      : str_eqz(sandbox, "strict") ? MEDIA_SANDBOX_STRICT
                                                   : MEDIA_SANDBOX_AUTO;
    c->threads = (int)CLAMP(threads, 1, 64);
    c->n_more = (int)more;
    c->request = json_object_get(obj, "options");
    if (!json_is_object(c->request))
        return bad_request(e, "no options");
    for (size_t i = 0; i < ARRAY_LEN(tasks); i++)
        if (str_eqz(task, tasks[i]->name))
            r->task = tasks[i];
    return r->task ? 0 : bad_request(e, "unknown task");
}

static int run(struct child *c, const struct request *r, struct err *e)
{
    if (r->task->lav && lav_load(e) < 0)
        return -1;
    if (r->task->prepare && r->task->prepare(c, e) < 0)
        return -1;
    if (sandbox_close(&r->sandbox, layers, e) < 0)
        return -1;
    return r->task->run(c, e);
}

static int finish(int r, struct err *e)
{
    CLEANUP_BUF struct buf b = {0};

    if (r < 0)
        wire_put_error(&b, e);
    else
        wire_put_done(&b, (uint64_t)result_bytes);
    return send_message(&b) < 0 || r < 0 ? 1 : 0;
}

static bool on_a_socket(void)
{
    int type;
    socklen_t n = sizeof(type);

    return getsockopt(CHILD_FD_SOCKET, SOL_SOCKET, SO_TYPE, &type, &n) == 0 &&
           type == SOCK_SEQPACKET;
}

int media_child_main(int argc, char **argv)
{
    CLEANUP_BUF struct buf message = {0};
    CLEANUP_JSON json_t *obj = NULL;
    struct child c = {0};
    struct request req = {0};
    struct err e = {0};

    if (!on_a_socket()) {
        fputs("media-child is started by rushes itself, with its descriptors.\n", stderr);
        return err_class(ERR_USAGE)->exit_code;
    }
    /* A service manager stops all processes of a service at once. When to stop is our client's to say: it gives the job
     * back unharmed and ends us. Were we to go first it would look like a crash on this media. */
    static const int not_ours[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    for (size_t i = 0; i < ARRAY_LEN(not_ours); i++)
        signal(not_ours[i], SIG_IGN);
    mallopt(M_ARENA_MAX, MALLOC_ARENAS_MAX);
    int r = read_request(&message, &obj, &e);
    if (r >= 0)
        r = parse_request(obj, &c, &req, &e);
    if (r >= 0)
        r = run(&c, &req, &e);
    int code = finish(r, &e);
    /* Inside the sandbox what runs at exit (leak checks of a sanitizer, exit handlers of libraries) would stumble;
     * without it, as in tests, it shall run. */
    if (layers[SANDBOX_SECCOMP].active)
        _exit(code);
    return code;
}
