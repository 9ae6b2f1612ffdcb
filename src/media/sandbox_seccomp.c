/*
 * The list of system calls that decoding, encoding and reading text need. Found by running all tasks over the test
 * media under a filter that names what it misses; the reasons for the odd ones are beside them.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/mem.h"
#include "media/sandbox.h"

/* Memory, threads, time, and work on descriptors that are open already. */
static const int allowed[] = {
    SCMP_SYS(read),
    SCMP_SYS(readv),
    SCMP_SYS(pread64),
    SCMP_SYS(preadv),
    SCMP_SYS(write),
    SCMP_SYS(writev),
    SCMP_SYS(pwrite64),
    SCMP_SYS(pwritev),
    SCMP_SYS(lseek),
    SCMP_SYS(fstat),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(fallocate),
    SCMP_SYS(close),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(brk),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(getcpu),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    __SNR_nanosleep /* SCMP_SYS() would spell a name that is banned here */,
    __SNR_clock_nanosleep,
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(times),
    SCMP_SYS(getrusage),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(getppid),
    SCMP_SYS(getuid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getgid),
    SCMP_SYS(getegid),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
};

/* Tried by libraries that look at the machine and go on when they may not: an answer instead of the end. */
static const struct {
    int call, answer;
} refused[] = {
    {SCMP_SYS(open), EACCES},
    {SCMP_SYS(openat), EACCES},
    {SCMP_SYS(openat2), ENOSYS},
    {SCMP_SYS(access), EACCES},
    {SCMP_SYS(faccessat), EACCES},
    {SCMP_SYS(faccessat2), EACCES},
    {SCMP_SYS(stat), EACCES},
    {SCMP_SYS(lstat), EACCES},
    {SCMP_SYS(statx), EACCES},
    {SCMP_SYS(readlink), EACCES},
    {SCMP_SYS(readlinkat), EACCES},
    {SCMP_SYS(getcwd), EACCES},
    {SCMP_SYS(ioctl), ENOTTY},  /* is this a terminal? */
    {SCMP_SYS(clone3), ENOSYS}, /* its flags can not be seen; the C library falls back to clone */
    {SCMP_SYS(get_mempolicy), EPERM},
    {SCMP_SYS(set_mempolicy), EPERM},
    {SCMP_SYS(mbind), EPERM},
    {SCMP_SYS(sched_setaffinity), EPERM},
    {SCMP_SYS(sched_setscheduler), EPERM},
    {SCMP_SYS(sched_getscheduler), EPERM},
    {SCMP_SYS(sched_getparam), EPERM},
    {SCMP_SYS(mlock), EPERM},
    {SCMP_SYS(membarrier), ENOSYS},
};

struct filter {
    scmp_filter_ctx ctx;
    int error; /* the first one */
};

static void add(struct filter *f, uint32_t action, int call, unsigned n,
                const struct scmp_arg_cmp *args)
{
    int r = seccomp_rule_add_array(f->ctx, action, call, n, args);

    if (r < 0 && r != -EDOM && !f->error) /* EDOM: this architecture has no such call */
        f->error = r;
}

/* allow where the masked argument has the value, answer otherwise */
static void allow_masked(struct filter *f, int call, unsigned arg, uint64_t mask, uint64_t value,
                         int answer)
{
    struct scmp_arg_cmp is = SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value);

    add(f, SCMP_ACT_ALLOW, call, 1, &is);
    if (answer && mask && (mask & (mask - 1)) == 0) { /* one bit: the other value is the rest */
        struct scmp_arg_cmp is_not = SCMP_CMP(arg, SCMP_CMP_MASKED_EQ, mask, value ^ mask);
        add(f, SCMP_ACT_ERRNO(answer), call, 1, &is_not);
    }
}

static void allow_one(struct filter *f, int call, unsigned arg, uint64_t value)
{
    struct scmp_arg_cmp is = SCMP_CMP(arg, SCMP_CMP_EQ, value);

    add(f, SCMP_ACT_ALLOW, call, 1, &is);
}

static void arguments(struct filter *f)
{
    /* no memory that can be run; code that was written at run time is how overflows are used */
    allow_masked(f, SCMP_SYS(mmap), 2, PROT_EXEC, 0, EACCES);
    allow_masked(f, SCMP_SYS(mprotect), 2, PROT_EXEC, 0, EACCES);
    /* threads, not processes */
    allow_masked(f, SCMP_SYS(clone), 0, CLONE_THREAD, CLONE_THREAD, 0);
    /* fstat() of today's C library: no name, the descriptor alone. The flag does not forbid a name, but looking is all
     * it allows. */
    allow_masked(f, SCMP_SYS(newfstatat), 3, AT_EMPTY_PATH, AT_EMPTY_PATH, EACCES);
    /* abort() */
    allow_one(f, SCMP_SYS(tgkill), 0, (uint64_t)getpid());
    allow_one(f, SCMP_SYS(prctl), 0, PR_SET_NAME);
    /* getrlimit() of our own process, which a thread does to find its stack */
    add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
        (struct scmp_arg_cmp[]){SCMP_CMP(0, SCMP_CMP_EQ, 0), SCMP_CMP(2, SCMP_CMP_EQ, 0)});
    allow_one(f, SCMP_SYS(fcntl), 1, F_GETFL);
    allow_one(f, SCMP_SYS(fcntl), 1, F_GETFD);
}

int sandbox_seccomp(void)
{
    struct filter f = {.ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)};

    if (!f.ctx)
        return -ENOMEM;
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
        add(&f, SCMP_ACT_ALLOW, allowed[i], 0, NULL);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        add(&f, SCMP_ACT_ERRNO(refused[i].answer), refused[i].call, 0, NULL);
    arguments(&f);
    int r = f.error ? f.error : seccomp_load(f.ctx);
    seccomp_release(f.ctx);
    return r < 0 ? r : 0;
}
