/* How fast motion is: frames of raw 4:2:0 from a file, all in memory before the clock starts;
 * processor time of this process. motion.py runs it beside its peers. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#include "vision/motion.h"

static double cpu_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    struct err e = {0};
    int64_t w, h;
    struct stat st;

    if (argc != 4 || !str_to_i64(str_of(argv[2]), &w) || !str_to_i64(str_of(argv[3]), &h)) {
        fprintf(stderr, "usage: motion_bench FILE.yuv WIDTH HEIGHT\n");
        return 2;
    }
    CLEANUP_CLOSE int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        perror(argv[1]);
        return 1;
    }
    size_t size = (size_t)w * (size_t)h + 2 * (size_t)((w + 1) / 2) * (size_t)((h + 1) / 2);
    size_t n = (size_t)st.st_size / size, regions = 0;
    uint8_t *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    if (n < 2 || p == MAP_FAILED) {
        fprintf(stderr, "no frames in %s\n", argv[1]);
        return 1;
    }
    CLEANUP(motion_free) struct motion *m = motion_new(&(struct motion_options){0});
    double start = cpu_s();
    for (size_t i = 0; i < n; i++) {
        struct vision_frame f = vision_frame_yuv420p8(p + i * size, (int)w, (int)h);
        const struct motion_frame *out;
        if (motion_feed(m, &f, (int64_t)i * 100000, &out, &e) < 0) {
            fprintf(stderr, "%s\n", e.text);
            return 1;
        }
        regions += (size_t)out->n;
    }
    double took = cpu_s() - start;
    printf("%zu frames %.1f per second %.2f regions a frame\n", n, (double)n / took,
           (double)regions / (double)n);
    return 0;
}
