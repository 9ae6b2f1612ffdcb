/*
 * Who holds a lease: "host/BOOT.PIDNS/PID.START/N". BOOT and PIDNS say whether process numbers mean the same to the one
 * who reads; START, the process's start time, tells it from a later one with the same number; N is a count inside the
 * process. So a worker that was killed is recognised by its neighbours at once, without waiting for its lease.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>

#include "base/fs.h"
#include "queue/queue_priv.h"

#define STAT_MAX 4096

/* Field 3 (state) and 22 (start time) of /proc/PID/stat: 1, 0 no such process, -1 not known. The name in field 2 may
 * contain anything, so counting begins behind its last parenthesis. */
static int read_stat(const char *pid, char *ret_state, uint64_t *ret_start)
{
    CLEANUP_BUF struct buf text = BUF_MAX(STAT_MAX);
    CLEANUP_FREE char *path = xasprintf("/proc/%s/stat", pid);
    struct err e = {0};

    if (fs_read_file(path, STAT_MAX - 1, &text, &e) < 0)
        return e.code == ERR_NOT_FOUND ? 0 : -1;
    const char *behind = strrchr(buf_z(&text), ')');
    if (!behind || behind[1] != ' ')
        return -1;
    struct str rest = str_of(behind + 2), field;
    for (int i = 3; str_cut(&rest, ' ', &field); i++) {
        if (i == 3 && field.n == 1)
            *ret_state = field.p[0];
        if (i == 22)
            return str_to_u64(field, ret_start) ? 1 : -1;
    }
    return -1;
}

/* Where process numbers are valid: the boot and the process number space, "" when not known. */
static void number_space(struct buf *out)
{
    CLEANUP_BUF struct buf boot = BUF_MAX(STAT_MAX);
    struct err e = {0};
    char ns[128];

    if (fs_read_file("/proc/sys/kernel/random/boot_id", STAT_MAX - 1, &boot, &e) < 0)
        return;
    ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1); /* "pid:[4026531836]" */
    if (n <= 0)
        return;
    ns[n] = '\0';
    buf_adds(out, str_trim(buf_str(&boot)));
    buf_addc(out, '.');
    for (const char *p = ns; *p; p++) {
        if (*p >= '0' && *p <= '9')
            buf_addc(out, *p);
    }
}

char *worker_id_new(void)
{
    static atomic_uint count;
    CLEANUP_BUF struct buf id = {0};
    char host[65] = "host", pid[24], state;
    uint64_t start = 0;

    if (gethostname(host, sizeof(host) - 1) < 0 || !utf8_valid(str_of(host)) || strchr(host, '/'))
        memcpy(host, "host", 5);
    snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    (void)read_stat(pid, &state,
                    &start); /* 0 when not known: then nobody can tell that we are gone */
    buf_addf(&id, "%s/", host);
    number_space(&id);
    buf_addf(&id, "/%s.%" PRIu64 "/%u", pid, start, atomic_fetch_add(&count, 1));
    return buf_steal(&id);
}

bool worker_id_is_gone(const char *id)
{
    CLEANUP_BUF struct buf ours = {0};
    struct str rest = str_of(id), host, space, process, pid;
    uint64_t start, start_now = 0, number;
    char state = '?';

    if (!str_cut(&rest, '/', &host) || !str_cut(&rest, '/', &space) ||
        !str_cut(&rest, '/', &process))
        return false;
    number_space(&ours);
    if (space.n == 0 || !str_eq(space, buf_str(&ours)))
        return false;
    if (!str_cut(&process, '.', &pid) || !str_to_u64(process, &start) || start == 0 ||
        !str_to_u64(pid, &number))
        return false;
    CLEANUP_FREE char *pid_z = str_dup(pid);
    int r = read_stat(pid_z, &state, &start_now);
    if (r < 0)
        return false;
    /* a zombie works no more; only its parent has not noticed */
    return r == 0 || start_now != start || state == 'Z' || state == 'X';
}
