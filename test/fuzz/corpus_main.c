/*
 * Runs a fuzz target over its corpus without libFuzzer, so that every ordinary test run has the
 * found inputs in it:
 *
 *     fuzz_NAME_corpus FOLDER
 *
 * One TAP point a file, in order of name. Besides the file itself the target sees it cut short (at
 * every byte for small files, at evenly spaced ones for large) and with a few bytes changed; the
 * generator is seeded by the file's name, so a failure comes back. Inputs are handed over in blocks
 * of their exact size: a read past the end is the sanitizer's.
 */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "fuzz.h"

enum {
    CUTS_MAX = 512,      /* shortened copies tried for one file */
    CHANGES = 256,       /* changed copies tried for one file */
    CHANGED_BYTES = 4,   /* at most so many bytes are changed at a time */
    WORK_MAX = 32 << 20, /* bytes handed over in copies of one file: large files get fewer */
    FILE_MAX = 16 << 20, /* a corpus file larger than this is a mistake */
    FILES_MAX = 65536
};

static _Noreturn void die(const char *what, const char *path)
{
    printf("Bail out! %s %s: %s\n", what, path, strerror(errno));
    exit(1);
}

static uint64_t next_random(uint64_t *state)
{
    /* splitmix64 */
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void give(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        die("no memory for", "an input");
    if (size)
        memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void give_cut_short(const uint8_t *data, size_t size, size_t max)
{
    size_t step = size / max + 1;
    for (size_t n = 0; n < size; n += step)
        give(data, n);
}

static void give_changed(const uint8_t *data, size_t size, uint64_t seed, size_t max)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        die("no memory for", "an input");
    for (size_t i = 0; size && i < max; i++) {
        memcpy(copy, data, size);
        size_t n = 1 + next_random(&seed) % CHANGED_BYTES;
        for (size_t k = 0; k < n; k++)
            copy[next_random(&seed) % size] = (uint8_t)next_random(&seed);
        give(copy, size);
    }
    free(copy);
}

static uint8_t *read_whole(const char *path, size_t *ret_size)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st) < 0)
        die("open", path);
    if (st.st_size > FILE_MAX) {
        errno = EFBIG;
        die("read", path);
    }
    size_t size = (size_t)st.st_size;
    uint8_t *data = malloc(size ? size : 1);
    if (!data || fread(data, 1, size, f) != size)
        die("read", path);
    fclose(f);
    *ret_size = size;
    return data;
}

static void run_file(const char *path, const char *name)
{
    size_t size;
    uint8_t *data = read_whole(path, &size);
    uint64_t seed = 0;
    for (const char *p = name; *p; p++)
        seed = seed * 131 + (unsigned char)*p;

    size_t share = size ? (size_t)WORK_MAX / size : CUTS_MAX;
    give(data, size);
    give_cut_short(data, size, share < CUTS_MAX ? share + 1 : CUTS_MAX);
    give_changed(data, size, seed, share < CHANGES ? share : CHANGES);
    free(data);
}

static int is_input(const struct dirent *d)
{
    return d->d_name[0] != '.';
}

int main(int argc, char **argv)
{
    struct dirent **entries;

    if (argc != 2) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    int n = scandir(argv[1], &entries, is_input, alphasort);
    if (n < 0)
        die("list", argv[1]);
    if (n == 0 || n > FILES_MAX) {
        printf("Bail out! %s holds %d files, wanted 1 to %d\n", argv[1], n, FILES_MAX);
        return 1;
    }
    printf("1..%d\n", n);
    for (int i = 0; i < n; i++) {
        char path[4096];
        int r = snprintf(path, sizeof path, "%s/%s", argv[1], entries[i]->d_name);
        if (r < 0 || (size_t)r >= sizeof path) {
            errno = ENAMETOOLONG;
            die("open", argv[1]);
        }
        printf("# %s\n", entries[i]->d_name); /* a crash then says which file it was */
        run_file(path, entries[i]->d_name);
        printf("ok %d - %s\n", i + 1, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return 0;
}
