/*
 * Closing the media child in, after its descriptors are set and its libraries loaded and before the first byte of a
 * stranger is looked at. Layers, in the order they are put on; each that the kernel or the surroundings refuse is left
 * out and reported, unless strict mode needs it:
 *
 *   rlimits       address space, descriptors, file size, no core dumps
 *   namespaces    a network, IPC and host name of its own (and a user namespace where we are not root)
 *   setuid        to nobody, where we are root; no supplementary groups, not dumpable
 *   no_new_privs  nothing gained by exec
 *   landlock      no file can be opened, no TCP port bound or connected, no signal sent out, as far as the kernel goes
 *   seccomp       only the system calls that decoding needs. Looking for files (open, stat, readlink…) answers EACCES,
 *                 since libraries try and go on without; making processes, sockets, executable memory and all that is
 *                 not listed ends the process with SIGSYS (executable memory: EACCES)
 *
 * Strict mode fails with ERR_UNAVAILABLE unless no_new_privs and seccomp are on and the network is cut, which seccomp
 * does alone (socket() ends the process) and the namespace does too.
 */
#ifndef MEDIA_SANDBOX_H
#define MEDIA_SANDBOX_H

#include "base/err.h"
#include "media/media.h"

enum {
    SANDBOX_RLIMITS,
    SANDBOX_NAMESPACES,
    SANDBOX_SETUID,
    SANDBOX_NO_NEW_PRIVS,
    SANDBOX_LANDLOCK,
    SANDBOX_SECCOMP,
    SANDBOX_N
};
extern const char *const sandbox_names[SANDBOX_N];

struct sandbox_opts {
    enum media_sandbox mode;
    int64_t memory_bytes; /* address space; 0: no limit */
};

/* Once, on a process of one thread. layers gets SANDBOX_N entries, whatever the mode. */
int sandbox_close(const struct sandbox_opts *o, struct media_sandbox_layer layers[SANDBOX_N],
                  struct err *e);

/* sandbox_seccomp.c: loads the filter. 0, or a negative errno. */
int sandbox_seccomp(void);
/* sandbox_landlock.c: the ABI that is in force, 0 when the kernel has none, or a negative errno. */
int sandbox_landlock(void);

#endif
