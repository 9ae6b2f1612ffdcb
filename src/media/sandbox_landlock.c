/*
 * Landlock (Linux 5.13): a rule set without a single rule, so that everything it handles is refused. Called by number
 * and with our own names for the bits, since the headers that we are compiled against know fewer than newer kernels do.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"
#include "media/sandbox.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444 /* one number on all architectures */
#endif
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif
#define CREATE_RULESET_VERSION 1u

struct
    ruleset_attr { /* the kernel takes any size that it knows; longer ones only if the rest is zero */
    uint64_t handled_access_fs, handled_access_net, scoped;
};

/* Bits by the ABI that brought them: 1 had 13 for files, 2 refer, 3 truncate, 5 ioctl on devices. */
static uint64_t fs_bits(int abi)
{
    int n = abi >= 5 ? 16 : abi >= 3 ? 15 : abi >= 2 ? 14 : 13;

    return ((uint64_t)1 << n) - 1;
}

static size_t attr_size(int abi)
{
    return abi >= 6 ? 24 : abi >= 4 ? 16 : 8;
}

int sandbox_landlock(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 0)
        return errno == ENOSYS || errno == EOPNOTSUPP ? 0 : -errno;

    struct ruleset_attr attr = {
        .handled_access_fs = fs_bits((int)abi),
        .handled_access_net = 3, /* bind and connect of TCP, from 4 on */
        .scoped = 3,             /* abstract sockets and signals, from 6 on */
    };
    CLEANUP_CLOSE int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, attr_size((int)abi), 0);
    if (fd < 0)
        return -errno;
    if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        return -errno;
    return (int)abi;
}
