/*
 * What a child that was taken over, or that is out of luck, does. Only test builds have this task; the tests of the
 * sandbox and of the client's patience ask for it. Result: {"errno":n}, what the attempt answered, 0 for success.
 */
#ifdef RUSHES_FAULTS

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "media/child_priv.h"

static int answer(long r)
{
    return r < 0 ? errno : 0;
}

static int try_open(void)
{
    return answer(open("/etc/passwd", O_RDONLY));
}

static int try_create(void)
{
    return answer(open("/tmp/media-child-was-here", O_RDWR | O_CREAT, 0600));
}

static int try_stat(void)
{
    struct stat st;

    return answer(stat("/etc/passwd", &st));
}

static int try_socket(void)
{
    return answer(socket(AF_INET, SOCK_STREAM, 0));
}

static int try_execve(void)
{
    char program[] = "/bin/true";
    char *const argv[] = {program, NULL};

    return answer(execve(program, argv, NULL));
}

static int try_fork(void)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return answer(pid);
}

static int try_kill(void)
{
    return answer(kill(getppid(), 0));
}

static int try_ptrace(void)
{
    return answer(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

static int try_executable_memory(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                0) == MAP_FAILED
               ? errno
               : 0;
}

static int try_huge(void)
{
    return mmap(NULL, (size_t)64 << 30, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) == MAP_FAILED
               ? errno
               : 0;
}

static int try_write_input(void)
{
    return answer(pwrite(CHILD_FD_INPUT, "x", 1, 0));
}

static int try_grow_result(void)
{
    return answer(pwrite(CHILD_FD_RESULT, "x", 1, (off_t)1 << 30));
}

static void *thread_body(void *arg)
{
    *(int *)arg = 42;
    return NULL;
}

/* Must work: decoders live on threads. */
static int try_thread(void)
{
    pthread_t t;
    int seen = 0, r = pthread_create(&t, NULL, thread_body, &seen);

    if (r)
        return r;
    pthread_join(t, NULL);
    return seen == 42 ? 0 : EPROTO;
}

static int do_stall(void)
{
    while (poll(NULL, 0, -1) == 0)
        ;
    return errno;
}

static int do_spin(void)
{
    static volatile bool enough;

    while (!enough)
        ;
    return 0;
}

static int do_crash(void)
{
    signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would turn it into an exit */
    raise(SIGSEGV);
    return 0;
}

static int do_die(void)
{
    _exit(0);
}

static int do_babble(void)
{
    static const char noise[] = "this is no message at all";

    for (;;)
        if (write(CHILD_FD_SOCKET, noise, sizeof(noise)) < 0)
            return errno;
}

static int do_chatter(void)
{
    static volatile bool enough;

    while (!enough)
        child_log(LOG_DEBUG, "chatter");
    return 0;
}

static const struct {
    const char *name;
    int (*fn)(void);
} attempts[] = {
    {"open", try_open},
    {"create", try_create},
    {"stat", try_stat},
    {"socket", try_socket},
    {"execve", try_execve},
    {"fork", try_fork},
    {"kill", try_kill},
    {"ptrace", try_ptrace},
    {"executable-memory", try_executable_memory},
    {"huge", try_huge},
    {"write-input", try_write_input},
    {"grow-result", try_grow_result},
    {"thread", try_thread},
    {"stall", do_stall},
    {"spin", do_spin},
    {"crash", do_crash},
    {"die", do_die},
    {"babble", do_babble},
    {"chatter", do_chatter},
};

static int run(struct child *c, struct err *e)
{
    CLEANUP_BUF struct buf out = {0};
    struct jsonw w = JSONW(&out);
    struct str what;

    if (!json_get_str(c->request, "do", &what))
        return err_set(e, ERR_INTERNAL, "hostile: nothing to do");
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++) {
        if (!str_eqz(what, attempts[i].name))
            continue;
        int r = attempts[i].fn();
        jw_obj(&w);
        jw_ki64(&w, "errno", r);
        jw_obj_end(&w);
        return child_result(c, buf_str(&out), e);
    }
    return err_set(e, ERR_INTERNAL, "hostile: unknown attempt");
}

const struct child_task task_hostile = {.name = "hostile", .run = run};

#endif
