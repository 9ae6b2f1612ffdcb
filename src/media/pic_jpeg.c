#include "media/pic.h"

#include <turbojpeg.h>

#define SIDE_MAX 65500 /* of the format, as libjpeg has it */

struct pic_jpeg {
    tjhandle tj;
    int quality;
    unsigned char *bytes; /* grown once to the worst case of the largest size seen, then kept */
    unsigned long cap;
};

struct pic_jpeg *pic_jpeg_new(int quality)
{
    struct pic_jpeg *j = XNEW(struct pic_jpeg);
    j->quality = CLAMP(quality, 1, 100);
    j->tj = tjInitCompress();
    return j;
}

void pic_jpeg_free(struct pic_jpeg *j)
{
    if (!j)
        return;
    if (j->tj)
        tjDestroy(j->tj);
    tjFree(j->bytes);
    free(j);
}

int pic_jpeg_planes(struct pic_jpeg *j, const uint8_t *const planes[3], const int strides[3],
                    struct pic_size size, struct str *ret, struct err *e)
{
    unsigned long worst = tjBufSize(size.w, size.h, TJSAMP_420), n;
    const unsigned char *p[3] = {planes[0], planes[1], planes[2]};
    int s[3] = {strides[0], strides[1], strides[2]};

    if (!j->tj || worst == (unsigned long)-1 || size.w > SIDE_MAX || size.h > SIDE_MAX)
        return err_set(e, ERR_LIMIT, "JPEG of %dx%d", size.w, size.h);
    if (worst > j->cap) {
        unsigned char *bytes = tjAlloc((int)worst);
        if (!bytes)
            return err_set(e, ERR_LIMIT, "no memory for a JPEG of %dx%d", size.w, size.h);
        tjFree(j->bytes);
        j->bytes = bytes;
        j->cap = worst;
    }
    n = j->cap;
    if (tjCompressFromYUVPlanes(j->tj, p, size.w, s, size.h, TJSAMP_420, &j->bytes, &n, j->quality,
                                TJFLAG_NOREALLOC | TJFLAG_ACCURATEDCT) < 0)
        return err_set(e, ERR_PROCESSING, "JPEG of %dx%d: %s", size.w, size.h,
                       tjGetErrorStr2(j->tj));
    *ret = (struct str){(const char *)j->bytes, n};
    return 0;
}

int pic_jpeg_encode(struct pic_jpeg *j, const AVFrame *pic, struct str *ret, struct err *e)
{
    const uint8_t *const planes[3] = {pic->data[0], pic->data[1], pic->data[2]};
    return pic_jpeg_planes(j, planes, pic->linesize, (struct pic_size){pic->width, pic->height},
                           ret, e);
}
