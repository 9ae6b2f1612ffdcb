/* The layers around the media child, but for the two that have a file of their own; sandbox.h has the whole picture. */
#include "media/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define NOBODY          65534 /* the overflow ids of the kernel, nobody's on all systems we know */
#define DESCRIPTORS_MAX 64
/* The largest output is the pack of samples: hours of HD at a frame in five stay below. */
#define FILE_BYTES_MAX ((rlim_t)64 << 30)

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

const char *const sandbox_names[SANDBOX_N] = {"rlimits",      "namespaces", "setuid",
                                              "no_new_privs", "landlock",   "seccomp"};

static void say(struct media_sandbox_layer *l, bool active, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void say(struct media_sandbox_layer *l, bool active, const char *fmt, ...)
{
    va_list ap;

    l->active = active;
    va_start(ap, fmt);
    vsnprintf(l->detail, sizeof(l->detail), fmt, ap);
    va_end(ap);
}

static bool limit(int what, rlim_t to)
{
    struct rlimit r = {to, to}, now;

    if (getrlimit(what, &now) == 0 && now.rlim_max != RLIM_INFINITY && now.rlim_max < to)
        r.rlim_cur = r.rlim_max = now.rlim_max; /* narrower already */
    return setrlimit(what, &r) == 0;
}

static void close_rlimits(const struct sandbox_opts *o, struct media_sandbox_layer *l)
{
    /* the sanitizer's shadow takes terabytes of address space */
    bool space = UNDER_ASAN || o->memory_bytes <= 0 || limit(RLIMIT_AS, (rlim_t)o->memory_bytes);
    bool rest = limit(RLIMIT_NOFILE, DESCRIPTORS_MAX) && limit(RLIMIT_FSIZE, FILE_BYTES_MAX) &&
                limit(RLIMIT_CORE, 0);

    if (!space || !rest)
        say(l, false, "setrlimit: %s", strerror(errno));
    else if (UNDER_ASAN)
        say(l, true, "descriptors, file size, core; address space not under a sanitizer");
    else
        say(l, true, "address space %lld MB, descriptors, file size, core",
            (long long)(o->memory_bytes >> 20));
}

static void close_namespaces(struct media_sandbox_layer *l)
{
    const int apart = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS;

    /* root keeps its user namespace, so that setuid to nobody stays possible */
    if (geteuid() == 0 && unshare(apart) == 0)
        say(l, true, "network, IPC, host name");
    else if (unshare(CLONE_NEWUSER | apart) == 0)
        say(l, true, "user, network, IPC, host name");
    else
        say(l, false, "unshare: %s", strerror(errno));
}

static void close_setuid(struct media_sandbox_layer *l)
{
    pid_t parent = getppid();

    if (geteuid() != 0) {
        say(l, getuid() != 0, "not root to begin with (uid %d)", (int)getuid());
    } else if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
               setresuid(NOBODY, NOBODY, NOBODY) < 0) {
        say(l, false, "setresuid: %s", strerror(errno));
    } else {
        say(l, true, "uid and gid %d", NOBODY);
    }
    prctl(PR_SET_DUMPABLE, 0); /* nobody's other processes can not look inside */
    /* changed ids cleared this; the parent may have gone in between */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
}

static void close_no_new_privs(struct media_sandbox_layer *l)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
        say(l, true, "nothing gained by exec");
    else
        say(l, false, "prctl: %s", strerror(errno));
}

static void close_landlock(struct media_sandbox_layer *l)
{
    int abi = sandbox_landlock();

    if (abi > 0)
        say(l, true, "ABI %d: no files%s%s", abi, abi >= 4 ? ", no TCP" : "",
            abi >= 6 ? ", no signals out" : "");
    else if (abi == 0)
        say(l, false, "this kernel has no Landlock");
    else
        say(l, false, "landlock: %s", strerror(-abi));
}

static void close_seccomp(struct media_sandbox_layer *l)
{
    int r = sandbox_seccomp();

    if (r == 0)
        say(l, true, "system calls by list; sockets and processes end the child");
    else
        say(l, false, "seccomp: %s", strerror(-r));
}

static int check_strict(const struct media_sandbox_layer layers[SANDBOX_N], struct err *e)
{
    static const int needed[] = {SANDBOX_NO_NEW_PRIVS, SANDBOX_SECCOMP};

    for (size_t i = 0; i < ARRAY_LEN(needed); i++) {
        const struct media_sandbox_layer *l = &layers[needed[i]];
        if (l->active)
            continue;
        err_set(e, ERR_UNAVAILABLE, "strict sandbox: %s: %s", l->name, l->detail);
        return err_plainf(
            e, "The strict sandbox is not to be had here: '%s' does not work on this system.",
            l->name);
    }
    return 0;
}

int sandbox_close(const struct sandbox_opts *o, struct media_sandbox_layer layers[SANDBOX_N],
                  struct err *e)
{
    for (int i = 0; i < SANDBOX_N; i++) {
        layers[i] = (struct media_sandbox_layer){.name = sandbox_names[i]};
        say(&layers[i], false, "switched off");
    }
    if (o->mode == MEDIA_SANDBOX_OFF)
        return 0;
    close_rlimits(o, &layers[SANDBOX_RLIMITS]);
    close_namespaces(&layers[SANDBOX_NAMESPACES]);
    close_setuid(&layers[SANDBOX_SETUID]);
    close_no_new_privs(&layers[SANDBOX_NO_NEW_PRIVS]);
    close_landlock(&layers[SANDBOX_LANDLOCK]);
    close_seccomp(&layers[SANDBOX_SECCOMP]);
    return o->mode == MEDIA_SANDBOX_STRICT ? check_strict(layers, e) : 0;
}
