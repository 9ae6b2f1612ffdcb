#include "media/outfile.h"

#include <errno.h>
#include <unistd.h>

#include "base/mem.h"

int outfile_write_at(int fd, int64_t offset, const void *bytes, size_t n, struct err *e)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t r = pwrite(fd, p, n, offset);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return err_errno(e, r < 0 ? errno : EIO, "write %zu bytes at %lld", n,
                             (long long)offset);
        p += r;
        n -= (size_t)r;
        offset += r;
    }
    return 0;
}

void outpack_finish(struct outpack *p)
{
    free(p->pictures.p);
    p->pictures.p = NULL;
    p->pictures.n = 0;
    p->cap = 0;
}

int outpack_add(struct outpack *p, struct str jpeg, int64_t frame, int64_t us, struct err *e)
{
    if ((size_t)p->pictures.n == p->cap) {
        size_t cap = MAX(p->cap * 2, (size_t)64);
        struct media_picture *list = mem_try_realloc(p->pictures.p, cap, sizeof(*list));
        if (!list)
            return err_set(e, ERR_LIMIT, "no memory for a list of %zu pictures", cap);
        p->pictures.p = list;
        p->cap = cap;
    }
    if (outfile_write_at(p->fd, p->bytes, jpeg.p, jpeg.n, e) < 0)
        return -1;
    p->pictures.p[p->pictures.n++] = (struct media_picture){
        .frame = frame, .pts_us = us, .offset = p->bytes, .size = (int64_t)jpeg.n};
    p->bytes += (int64_t)jpeg.n;
    return 0;
}
