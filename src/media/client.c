/*
 * One child for one task, seen from outside. The child may have been taken over by what it decoded: its messages are
 * parsed as hostile bytes, its result is a memfd that can not grow past a limit, its silence has a deadline, and its
 * word counts only if it says `done` and then ends with status 0.
 */
#include "media/client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/proc.h"
#include "media/child.h"
#include "media/results.h"
#include "media/wire.h"

#define TICK_MS         250   /* how often the progress callback is asked, at least */
#define LOG_LINES_MAX   100   /* of one child */
#define STDERR_KEPT     2048  /* the last bytes, for the error's text */
#define STDERR_LOGGED   65536 /* of one child */
#define END_GRACE_MS    10000 /* from `done` or `error` to the end of the process */
#define READS_AT_A_TIME 64    /* messages between two looks at the clock */

struct client {
    const struct media_ctx *m;
    const char *task;
    struct proc proc;
    int sock, err_pipe, result; /* -1 when closed */
    struct media_progress progress;
    /* How long it has not got on, as far as we were awake to see: a machine that was suspended, or a client that was
     * stopped, does not count against the child. */
    int64_t silent_ms, looked_ms;
    int64_t told_ms; /* when the callback was last asked */
    bool done, failed;
    uint64_t result_bytes;
    struct err error; /* the child's own, if failed */
    int log_lines;
    size_t stderr_seen;
    struct buf stderr_tail;
    char *message; /* WIRE_MESSAGE_MAX */
};

static void client_finish(struct client *c)
{
    proc_finish(&c->proc);
    fd_close(c->sock);
    fd_close(c->err_pipe);
    fd_close(c->result);
    buf_finish(&c->stderr_tail);
    free(c->message);
}

/* ---- starting ----------------------------------------------------------------------------------------------- */

static const char *sandbox_word(enum media_sandbox s)
{
    return s == MEDIA_SANDBOX_OFF ? "off" : s == MEDIA_SANDBOX_STRICT ? "strict" : "auto";
}

static int make_request(const struct media_ctx *m, const struct client_call *call, struct buf *out,
                        struct err *e)
{
    CLEANUP_BUF struct buf json = {0};
    struct jsonw w = JSONW(&json);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    jw_obj(&w);
    jw_kz(&w, "task", call->task);
    jw_kz(&w, "sandbox", sandbox_word(m->sandbox));
    jw_ki64(&w, "memory_bytes", m->memory_bytes);
    jw_ki64(&w, "threads", m->threads > 0 ? m->threads : CLAMP(cpus, 1, 8));
    jw_ki64(&w, "more", call->n_more);
    jw_key(&w, "limits");
    jw_obj(&w);
    jw_ki64(&w, "size_bytes", m->limits.size_bytes);
    jw_ki64(&w, "duration_us", m->limits.duration_us);
    jw_ki64(&w, "pixels", m->limits.pixels);
    jw_ki64(&w, "frames", m->limits.frames);
    jw_ki64(&w, "streams", m->limits.streams);
    jw_obj_end(&w);
    jw_key(&w, "options");
    jw_raw(&w, call->options);
    jw_obj_end(&w);
    return wire_put_request(out, buf_str(&json), e);
}

/* A child needs nothing of our surroundings; these are for libraries and test builds. */
static void child_environment(const char *env[], size_t n)
{
    static const char *const passed[] = {
        "ASAN_OPTIONS", "UBSAN_OPTIONS",    "LSAN_OPTIONS",
        "TSAN_OPTIONS", "LD_LIBRARY_PATH",  "TESSDATA_PREFIX",
#ifdef RUSHES_FAULTS
        "RUSHES_FAULT", "RUSHES_FAULT_LOG",
#endif
    };
    size_t k = 0;

    env[k++] = "LC_ALL=C.UTF-8";
    env[k++] = "OMP_THREAD_LIMIT=1";
    for (char **v = environ; *v; v++)
        for (size_t i = 0; i < ARRAY_LEN(passed); i++) {
            size_t len = strlen(passed[i]);
            if (strncmp(*v, passed[i], len) == 0 && (*v)[len] == '=' && k + 1 < n)
                env[k++] = *v;
        }
    env[k] = NULL;
}

/* The result: as large as it may get, and no larger. Memory is taken only where it is written. */
static int make_result_file(int *ret, struct err *e)
{
    CLEANUP_CLOSE int fd = memfd_create("media-result", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0)
        return err_errno(e, errno, "result memory");
    if (ftruncate(fd, MEDIA_RESULT_BYTES_MAX) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        return err_errno(e, errno, "result memory");
    *ret = fd;
    fd = -1;
    return 0;
}

/* A child must not be able to change what it reads, whatever the caller's descriptor allows. */
static int read_only(int fd, int *ret, struct err *e)
{
    char path[64];
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0)
        return err_errno(e, errno, "input descriptor");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    *ret = (flags & O_ACCMODE) == O_RDONLY ? fcntl(fd, F_DUPFD_CLOEXEC, 0)
                                           : open(path, O_RDONLY | O_CLOEXEC);
    return *ret < 0 ? err_errno(e, errno, "input descriptor for reading") : 0;
}

static int start(struct client *c, const struct client_call *call, struct err *e)
{
    CLEANUP_BUF struct buf request = {0};
    CLEANUP_CLOSE int child_sock = -1;
    CLEANUP_CLOSE int child_err = -1;
    CLEANUP_CLOSE int in = -1;
    int pair[2], fds[CHILD_FD_MORE + CHILD_MORE_MAX];
    const char *env[16];

    if (call->n_more > CHILD_MORE_MAX)
        return err_set(e, ERR_INTERNAL, "too many descriptors");
    if (make_request(c->m, call, &request, e) < 0 || make_result_file(&c->result, e) < 0)
        return -1;
    if (call->in_fd >= 0 && read_only(call->in_fd, &in, e) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, errno, "socket pair");
    c->sock = pair[0];
    child_sock = pair[1];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_errno(e, errno, "pipe");
    c->err_pipe = pair[0];
    child_err = pair[1];
    if (fcntl(c->sock, F_SETFL, O_NONBLOCK) < 0 || fcntl(c->err_pipe, F_SETFL, O_NONBLOCK) < 0)
        return err_errno(e, errno, "socket pair");
    if (send(c->sock, request.p, request.n, MSG_NOSIGNAL) != (ssize_t)request.n)
        return err_errno(e, errno, "send request");

    fds[0] = fds[1] = -1;
    fds[2] = child_err;
    fds[CHILD_FD_SOCKET] = child_sock;
    fds[CHILD_FD_INPUT] = in;
    fds[CHILD_FD_RESULT] = c->result;
    for (int i = 0; i < call->n_more; i++)
        fds[CHILD_FD_MORE + i] = call->more[i];
    child_environment(env, ARRAY_LEN(env));
    const char *const argv[] = {"/proc/self/exe", "media-child", NULL};
    return proc_start(argv, env, fds, CHILD_FD_MORE + call->n_more, &c->proc, e);
}

/* ---- listening ----------------------------------------------------------------------------------------------- */

static void take_message(struct client *c, const struct wire_msg *msg)
{
    switch (msg->type) {
    case WIRE_PROGRESS:
        /* life is getting on, not talking */
        if (msg->progress.frames > c->progress.frames ||
            msg->progress.position_us > c->progress.position_us)
            c->silent_ms = 0;
        c->progress = msg->progress;
        break;
    case WIRE_LOG:
        if (c->log_lines++ < LOG_LINES_MAX)
            log_at(c->m->log, MIN(msg->level, LOG_WARN), "media_child task=%s says=%s", c->task,
                   log_quote(msg->text));
        break;
    case WIRE_ERROR:
        c->failed = true;
        c->error = msg->error;
        break;
    case WIRE_DONE:
        c->done = true;
        c->result_bytes = msg->result_bytes;
        break;
    case WIRE_REQUEST:
        break;
    }
}

/* Reads what is there. 1 more may be there, 0 nothing left, negative: the child is talking nonsense. */
static int read_messages(struct client *c, struct err *e)
{
    for (int i = 0; i < READS_AT_A_TIME; i++) {
        struct wire_msg msg;
        ssize_t n = recv(c->sock, c->message, WIRE_MESSAGE_MAX, MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0) { /* it closed its end */
            fd_close(c->sock);
            c->sock = -1;
            return 0;
        }
        if (n > WIRE_MESSAGE_MAX)
            return err_set(e, ERR_PROCESSING, "message of %zd bytes from the media child", n);
        if (wire_parse((struct str){c->message, (size_t)n}, &msg, e) < 0)
            return -1;
        if (msg.type == WIRE_REQUEST || c->done || c->failed)
            return err_set(e, ERR_PROCESSING, "message of the media child out of turn");
        take_message(c, &msg);
    }
    return 1;
}

/* Keeps the end of what the child wrote to standard error and shows it to those who debug. */
static int read_stderr(struct client *c)
{
    for (int i = 0; i < READS_AT_A_TIME; i++) {
        char p[1024];
        ssize_t n = read(c->err_pipe, p, sizeof(p));
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return 0;
        if (n <= 0) {
            fd_close(c->err_pipe);
            c->err_pipe = -1;
            return 0;
        }
        if (c->stderr_seen < STDERR_LOGGED)
            log_debug(c->m->log, "media_child_stderr task=%s text=%s", c->task,
                      log_quote((struct str){p, (size_t)n}));
        c->stderr_seen += (size_t)n;
        struct buf *t = &c->stderr_tail;
        if (t->n + (size_t)n > STDERR_KEPT) {
            size_t keep = MIN(t->n, STDERR_KEPT - (size_t)n);
            memmove(t->p, t->p + t->n - keep, keep);
            t->n = keep;
        }
        buf_add(t, p, (size_t)n);
    }
    return 1;
}

static bool cancelled(struct client *c)
{
    int64_t now = clock_mono_ms();

    if (!c->m->progress || now - c->told_ms < TICK_MS)
        return false;
    c->told_ms = now;
    return c->m->progress(c->m->progress_arg, &c->progress) != 0;
}

/* R running, S or D waiting, T stopped by someone: the first question about a child that got stuck. */
static char state_of(pid_t pid)
{
    char path[64], line[256];
    CLEANUP_CLOSE int fd = -1;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
    if (n <= 0)
        return '?';
    line[n] = '\0';
    const char *name_end = strrchr(line, ')');
    return name_end && name_end[1] == ' ' ? name_end[2] : '?';
}

static int stalled(struct client *c, struct err *e)
{
    err_set(e, ERR_TIMEOUT, "no progress for %lld ms after %lld frames, process state %c",
            (long long)c->m->stall_ms, (long long)c->progress.frames, state_of(c->proc.pid));
    return err_plainf(e, "Processing got stuck: no progress for %lld seconds.",
                      (long long)(c->m->stall_ms / 1000));
}

/* Until the child has ended and all it said is read; negative: it is to be killed. */
static int listen_to(struct client *c, struct proc_exit *exit, struct err *e)
{
    bool running = true;

    c->looked_ms = c->told_ms = clock_mono_ms();
    for (;;) {
        int64_t now = clock_mono_ms();
        int64_t allowed = c->done || c->failed ? END_GRACE_MS : c->m->stall_ms;
        c->silent_ms += MIN(now - c->looked_ms, 2 * TICK_MS);
        c->looked_ms = now;
        if (running && allowed > 0 && c->silent_ms > allowed)
            return stalled(c, e);
        struct pollfd p[] = {{.fd = c->sock, .events = POLLIN},
                             {.fd = c->err_pipe, .events = POLLIN},
                             {.fd = running ? c->proc.pidfd : -1, .events = POLLIN}};
        if (poll(p, ARRAY_LEN(p), running ? TICK_MS : 0) < 0 && errno != EINTR)
            return err_errno(e, errno, "wait for the media child");
        bool was_ending = c->done || c->failed;
        int more = 0;
        if (c->sock >= 0 && (more = read_messages(c, e)) < 0)
            return -1;
        if (c->err_pipe >= 0)
            more |= read_stderr(c);
        if (!was_ending && (c->done || c->failed))
            c->silent_ms = 0;
        if (running && cancelled(c))
            return err_set(e, ERR_CANCELLED, "stopped by the caller");
        if (!running && !more)
            return 0;
        if (running) {
            int r = proc_wait(&c->proc, 0, exit, e);
            if (r < 0)
                return -1;
            running = r == 0; /* one more round reads what it left behind */
        }
    }
}

/* ---- the end ------------------------------------------------------------------------------------------------- */

/* The last line of standard error, without its end: what a library said last is often the cause. */
static struct str last_words(const struct client *c)
{
    struct str s = str_trim(buf_str(&c->stderr_tail));
    const char *nl = s.n ? memrchr(s.p, '\n', s.n) : NULL;

    if (nl)
        s = (struct str){nl + 1, s.n - (size_t)(nl + 1 - s.p)};
    s.n = MIN(s.n, 200);
    return s;
}

static int died(const struct client *c, const struct proc_exit *exit, struct err *e)
{
    struct str words = last_words(c);
    const char *says = words.n ? log_quote(words) : "nothing";

    if (exit->signal == 0) {
        err_set(e, ERR_PROCESSING, "media child ended with status %d and no answer, saying %s",
                exit->code, says);
        return err_plain(e, "Processing ended without a result.", NULL);
    }
    err_set(e, ERR_PROCESSING, "media child ended by signal %d (%s), saying %s", exit->signal,
            sigabbrev_np(exit->signal) ? sigabbrev_np(exit->signal) : "?", says);
    switch (exit->signal) {
    case SIGKILL:
        return err_plain(e,
                         "Processing was killed from outside, most likely because memory ran out.",
                         "Try again; give the machine more memory if it happens each time.");
    case SIGSYS:
        return err_plain(e, "Processing tried something that media may not do, and was stopped.",
                         "The file may be an attack; do not open it in other programs.");
    case SIGXFSZ:
        e->code = ERR_LIMIT;
        return err_plain(e, "What is made from this media is too large for one file.", NULL);
    case SIGXCPU:
        e->code = ERR_TIMEOUT;
        return -1;
    case SIGABRT:
        if (memmem(words.p, words.n, "memory", 6)) /* what mem.c and the C++ library say of it */
            e->code = ERR_LIMIT;
        return err_plain(
            e, "Processing gave up, most likely because it needs more memory than it may use.",
            "Raise child.memory and try again.");
    default:
        return err_plain(
            e, "Processing crashed on this media.",
            "The file is probably damaged; converting it with another program may help.");
    }
}

static int read_result(struct client *c, json_t **ret, struct err *e)
{
    CLEANUP_BUF struct buf b = BUF_MAX(MEDIA_RESULT_BYTES_MAX + 1);

    if (c->result_bytes > MEDIA_RESULT_BYTES_MAX)
        return err_set(e, ERR_PROCESSING, "result of %llu bytes",
                       (unsigned long long)c->result_bytes);
    if (c->result_bytes == 0) {
        *ret = NULL;
        return 0;
    }
    char *p = mem_try_calloc((size_t)c->result_bytes, 1);
    if (!p)
        return err_set(e, ERR_LIMIT, "no memory for a result of %llu bytes",
                       (unsigned long long)c->result_bytes);
    ssize_t n = pread(c->result, p, (size_t)c->result_bytes, 0);
    int r = -1;
    if (n != (ssize_t)c->result_bytes)
        err_errno(e, n < 0 ? errno : EIO, "read result");
    else if ((r = json_read((struct str){p, (size_t)n}, ret, e)) < 0)
        e->code = ERR_PROCESSING; /* not the user's input: the child's */
    free(p);
    return r;
}

static int conclude(struct client *c, const struct proc_exit *exit, json_t **ret, struct err *e)
{
    log_debug(c->m->log, "media_child_end task=%s code=%d signal=%d cpu_ms=%lld peak_mb=%lld",
              c->task, exit->code, exit->signal, (long long)(exit->cpu_us / 1000),
              (long long)(exit->max_rss_bytes >> 20));
    if (c->failed) {
        *e = c->error;
        return -1;
    }
    if (!c->done || exit->signal != 0 || exit->code != 0)
        return died(c, exit, e);
    if (!ret)
        return 0;
    return read_result(c, ret, e);
}

int client_run(const struct media_ctx *m, const struct client_call *call, json_t **ret_result,
               struct err *e)
{
    struct client c = {.m = m,
                       .task = call->task,
                       .proc = {.pidfd = -1},
                       .sock = -1,
                       .err_pipe = -1,
                       .result = -1,
                       .stderr_tail = BUF_MAX(STDERR_KEPT + 1),
                       .message = xmalloc(WIRE_MESSAGE_MAX)};
    struct proc_exit exit;

    int r = start(&c, call, e);
    if (r >= 0)
        r = listen_to(&c, &exit, e);
    if (r >= 0)
        r = conclude(&c, &exit, ret_result, e);
    client_finish(&c); /* kills what still runs */
    return r < 0 ? err_wrap(e, "media %s", call->task) : 0;
}
