/* The promises of store.h, on both back ends where both can keep them, and what only a folder can
 * do. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "store/store_fs.h"
#include "store/store_mem.h"

#define KEY "derived/9f/x/a"

static int n_dirs;
/* A fresh data folder, absent so far; to be freed. */
static char *fresh_dir(void)
{
    return xasprintf("%s/data-%d", test_dir(), n_dirs++);
}

static struct store *open_fs(const char *dir)
{
    struct err e = {0};
    struct store *s = NULL;

    CHECK_OK(store_fs_open(dir, NULL, &s, &e));
    return s;
}

/* Runs a test body on both. */
static void on_both(void (*body)(struct store *s))
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *folder = open_fs(dir);
    CLEANUP(store_free) struct store *memory = store_mem_new();

    body(folder);
    body(memory);
}

static void check_content(struct store *s, const char *key, const char *want)
{
    CLEANUP_BUF struct buf got = BUF_MAX(1 << 20);
    struct err e = {0};

    CHECK_OK(store_read(s, key, 1 << 20, &got, &e));
    CHECK_STR(buf_z(&got), want);
}

static void put_read_remove(struct store *s)
{
    struct err e = {0};
    struct store_info info;
    char sha256[SHA256_HEX_MAX];

    CHECK_EQ(store_stat(s, KEY, &info, &e), 0);
    CHECK_EQ(store_put(s, KEY, STR("test"), STORE_KEEP, &e), STORE_NEW);
    CHECK_EQ(store_stat(s, KEY, &info, &e), 1);
    CHECK_EQ(info.size, 4);
    check_content(s, KEY, "test");
    CHECK_OK(store_hash(s, KEY, NULL, NULL, &info, sha256, &e));
    CHECK_STR(sha256, "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    CHECK_EQ(store_remove(s, KEY, &e), 1);
    CHECK_EQ(store_remove(s, KEY, &e), 0);
    CHECK_EQ(store_stat(s, KEY, &info, &e), 0);
}

TEST(store_gives_back_what_was_put)
{
    on_both(put_read_remove);
}

static void modes(struct store *s)
{
    struct err e = {0};

    CHECK_EQ(store_put(s, KEY, STR("one"), STORE_KEEP, &e), STORE_NEW);
    CHECK_EQ(store_put(s, KEY, STR("one"), STORE_KEEP, &e), STORE_SAME);
    CHECK_EQ(store_put(s, KEY, STR("one"), STORE_REPLACE, &e), STORE_SAME);
    CHECK_ERR(store_put(s, KEY, STR("two"), STORE_KEEP, &e), ERR_CONFLICT);
    check_content(s, KEY, "one");
    CHECK_ERR(store_put(s, KEY, STR("longer"), STORE_KEEP, &e), ERR_CONFLICT);
    check_content(s, KEY, "one");
    err_clear(&e);
    CHECK_EQ(store_put(s, KEY, STR("two"), STORE_REPLACE, &e), STORE_REPLACED);
    check_content(s, KEY, "two");
}

TEST(store_keeps_or_replaces_what_is_there)
{
    on_both(modes);
}

static void absent(struct store *s)
{
    struct err e = {0};
    CLEANUP_BUF struct buf got = {0};
    char sha256[SHA256_HEX_MAX];
    int fd = -7;

    CHECK_ERR(store_fetch(s, KEY, &fd, &e), ERR_NOT_FOUND);
    CHECK_EQ(fd, -7);
    CHECK_ERR(store_read(s, KEY, 10, &got, &e), ERR_NOT_FOUND);
    CHECK_ERR(store_hash(s, KEY, NULL, NULL, NULL, sha256, &e), ERR_NOT_FOUND);
    CHECK_ERR(store_stat(s, "../x", NULL, &e), ERR_INTERNAL);
    CHECK_ERR(store_put(s, "a/../../x", STR("x"), STORE_KEEP, &e), ERR_INTERNAL);
    CHECK_ERR(store_remove(s, "/etc/passwd", &e), ERR_INTERNAL);
}

TEST(store_says_not_found_and_refuses_bad_keys)
{
    on_both(absent);
}

static void bounded(struct store *s)
{
    struct err e = {0};
    CLEANUP_BUF struct buf got = {0};

    CHECK_OK(store_put(s, KEY, STR("12345"), STORE_KEEP, &e));
    CHECK_ERR(store_read(s, KEY, 4, &got, &e), ERR_LIMIT);
    buf_reset(&got);
    err_clear(&e);
    CHECK_OK(store_read(s, KEY, 5, &got, &e));
    CHECK_EQ(got.n, 5);
}

TEST(store_read_is_bounded)
{
    on_both(bounded);
}

/* Someone else writes into the descriptor: the bytes are known after finish, and again after
 * commit. */
static void handed_out(struct store *s)
{
    struct err e = {0};
    CLEANUP(store_writer_free) struct store_writer *w = NULL;

    CHECK_OK(store_begin(s, -1, &w, &e));
    int fd = store_writer_fd(w);
    CHECK_EQ(pwrite(fd, "st", 2, 2), 2);
    CHECK_EQ(pwrite(fd, "te", 2, 0), 2);
    CHECK_ERR(store_write(w, "x", 1, &e), ERR_INTERNAL);
    err_clear(&e);
    CHECK_OK(store_writer_finish(w, &e));
    CHECK_EQ(store_writer_size(w), 4);
    CHECK_STR(store_writer_sha256(w),
              "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08");
    CHECK_EQ(store_stat(s, KEY, NULL, &e), 0);
    CHECK_EQ(store_commit(w, KEY, STORE_KEEP, &e), STORE_NEW);
    check_content(s, KEY, "test");
    CHECK_ERR(store_commit(w, KEY, STORE_KEEP, &e), ERR_INTERNAL);
}

TEST(store_writer_takes_bytes_that_others_wrote)
{
    on_both(handed_out);
}

static void abandoned(struct store *s)
{
    struct err e = {0};
    struct store_writer *w = NULL;

    CHECK_OK(store_begin(s, 10, &w, &e));
    CHECK_OK(store_write(w, "half", 4, &e));
    store_writer_free(w);
    CHECK_EQ(store_stat(s, KEY, NULL, &e), 0);
}

TEST(store_writer_freed_leaves_nothing)
{
    on_both(abandoned);
}

static int stop_late(void *arg, int64_t done)
{
    return done >= *(int64_t *)arg;
}

static void copied(struct store *s)
{
    CLEANUP_FREE char *path = xasprintf("%s/source", test_dir());
    CLEANUP_BUF struct buf text = BUF_MAX(8 << 20);
    struct err e = {0};
    char want[SHA256_HEX_MAX];
    int64_t stop_at = 2 << 20;

    for (int i = 0; i < 300000; i++)
        buf_addf(&text, "line %d\n", i);
    sha256_hex_of(buf_str(&text), want);
    CHECK_OK(fs_write_file(path, buf_str(&text), &e));
    CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

    CLEANUP(store_writer_free) struct store_writer *w = NULL;
    CHECK_OK(store_begin(s, (int64_t)text.n, &w, &e));
    CHECK_OK(store_write_from(w, fd, (int64_t)text.n, NULL, NULL, &e));
    CHECK_OK(store_commit(w, KEY, STORE_KEEP, &e));
    CHECK_EQ(store_writer_size(w), text.n);
    CHECK_STR(store_writer_sha256(w), want);

    CLEANUP(store_writer_free) struct store_writer *small = NULL;
    CHECK_OK(store_begin(s, -1, &small, &e));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERR(store_write_from(small, fd, (int64_t)text.n - 1, NULL, NULL, &e), ERR_LIMIT);

    CLEANUP(store_writer_free) struct store_writer *stopped = NULL;
    CHECK_OK(store_begin(s, -1, &stopped, &e));
    CHECK_EQ(lseek(fd, 0, SEEK_SET), 0);
    CHECK_ERR(store_write_from(stopped, fd, (int64_t)text.n, stop_late, &stop_at, &e),
              ERR_CANCELLED);

    CLEANUP_CLOSE int dir = open(test_dir(), O_RDONLY | O_CLOEXEC);
    CLEANUP(store_writer_free) struct store_writer *unreadable = NULL;
    CHECK_OK(store_begin(s, -1, &unreadable, &e));
    CHECK_ERR(store_write_from(unreadable, dir, 10, NULL, NULL, &e), ERR_INPUT);
}

TEST(store_copies_and_hashes_in_one_read)
{
    on_both(copied);
}

struct seen {
    struct buf keys;
    int n, stop_at;
    struct store *remove_from;
};

static int see(void *arg, const struct store_entry *en)
{
    struct seen *s = arg;
    struct err e = {0};

    buf_addf(&s->keys, "%s%s=%d ", en->foreign ? "!" : "", en->key, (int)en->info.size);
    if (s->remove_from)
        CHECK_EQ(store_remove(s->remove_from, en->key, &e), 1);
    return ++s->n == s->stop_at ? 42 : 0;
}

static void check_list(struct store *s, const char *prefix, const char *want)
{
    struct err e = {0};
    struct seen seen = {.keys = BUF_MAX(1 << 16)};

    CHECK_OK(store_list(s, prefix, see, &seen, &e));
    CHECK_STR(buf_z(&seen.keys), want);
    buf_finish(&seen.keys);
}

static void listed(struct store *s)
{
    struct err e = {0};
    static const char *const keys[] = {"b/2/y", "a/1", "b/10/x", "b/2/x", "b-c/1", "b/2.z"};

    check_list(s, "", "");
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        CHECK_OK(store_put(s, keys[i], STR("123"), STORE_KEEP, &e));
    check_list(s, "a/", "a/1=3 ");
    check_list(s, "b/2", "b/2/x=3 b/2/y=3 b/2.z=3 ");
    check_list(s, "b/2/", "b/2/x=3 b/2/y=3 ");
    check_list(s, "b/1", "b/10/x=3 ");
    check_list(s, "zz", "");

    struct seen some = {.stop_at = 2};
    CHECK_EQ(store_list(s, "", see, &some, &e), 42);
    CHECK_EQ(some.n, 2);
    buf_finish(&some.keys);
    struct seen all = {.remove_from = s};
    CHECK_OK(store_list(s, "", see, &all, &e));
    CHECK_EQ(all.n, 6);
    buf_finish(&all.keys);
    check_list(s, "", "");
}

TEST(store_lists_in_order_by_prefix)
{
    on_both(listed);
}

TEST(folder_shows_what_is_not_its_own_as_foreign)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP_FREE char *stray = xasprintf("%s/objects/stray file", dir);
    CLEANUP_FREE char *link_path = xasprintf("%s/objects/a/link", dir);
    CLEANUP_FREE char *fifo = xasprintf("%s/objects/a/fifo", dir);
    CLEANUP_FREE char *deep = xasprintf("%s/objects/1/2/3/4/5/6/7/8/9", dir);
    struct err e = {0};
    int fd;

    CHECK_OK(store_put(s, "a/b", STR("x"), STORE_KEEP, &e));
    CHECK_OK(fs_write_file(stray, STR("hello"), &e));
    CHECK_EQ(symlink("/etc/passwd", link_path), 0);
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    CHECK_OK(fs_mkdirs(deep, 0700, &e));

    struct seen seen = {.keys = BUF_MAX(1 << 16)};
    CHECK_OK(store_list(s, "", see, &seen, &e));
    CHECK(strstr(buf_z(&seen.keys), "!stray file=5 "));
    CHECK(strstr(buf_z(&seen.keys), "!a/link="));
    CHECK(strstr(buf_z(&seen.keys), "!a/fifo="));
    CHECK(strstr(buf_z(&seen.keys), "!1/2/3/4/5/6/7/8="));
    CHECK(strstr(buf_z(&seen.keys), " a/b=1 ") || strncmp(buf_z(&seen.keys), "a/b", 3) == 0);
    buf_finish(&seen.keys);
    /* neither is an object, and neither holds us */
    CHECK_ERR(store_fetch(s, "a/link", &fd, &e), ERR_NOT_FOUND);
    CHECK_ERR(store_fetch(s, "a/fifo", &fd, &e), ERR_NOT_FOUND);
    CHECK_EQ(store_stat(s, "a/link", NULL, &e), 0);
}

TEST(folder_objects_are_read_only_and_removed_with_their_empty_folders)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP_FREE char *path = xasprintf("%s/objects/%s", dir, KEY);
    CLEANUP_FREE char *objects = xasprintf("%s/objects", dir);
    CLEANUP_FREE char *top = xasprintf("%s/objects/derived", dir);
    struct err e = {0};
    struct stat st;

    CHECK_OK(store_put(s, KEY, STR("x"), STORE_KEEP, &e));
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0444);
    CHECK_EQ(store_remove(s, KEY, &e), 1);
    CHECK_EQ(fs_exists(top, &e), 0);
    CHECK_EQ(fs_exists(objects, &e), 1);
}

TEST(folder_store_creates_nothing_until_something_is_written)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct err e = {0};
    struct store_scratch_use use;
    int64_t left = -1;

    check_list(s, "", "");
    CHECK_EQ(store_stat(s, KEY, NULL, &e), 0);
    CHECK_EQ(store_sweep(s, &e), 0);
    CHECK_OK(store_scratch_look(s, &use, &e));
    CHECK_OK(store_free_bytes(s, &left, &e));
    CHECK(left > 0);
    CHECK_EQ(fs_exists(dir, &e), 0);
}

TEST(folder_store_refuses_what_can_not_fit_and_says_so)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct store_writer *w = NULL;
    struct err e = {0};

    CHECK_ERR(store_begin(s, (int64_t)1 << 60, &w, &e), ERR_STORAGE);
    CHECK(!w);
    CHECK(strstr(err_plain_text(&e), "is full: 1153 PB needed, "));
    CHECK(strstr(err_plain_text(&e), " free."));
    CHECK(strstr(err_plain_text(&e), dir));
    CHECK_EQ(fs_exists(dir, &e), 0);
}

TEST(kept_objects_have_their_time_renewed)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP_FREE char *path = xasprintf("%s/objects/%s", dir, KEY);
    struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct store_info info;
    struct err e = {0};

    CHECK_OK(store_put(s, KEY, STR("x"), STORE_KEEP, &e));
    CHECK_EQ(utimensat(AT_FDCWD, path, old, 0), 0);
    CHECK_EQ(store_stat(s, KEY, &info, &e), 1);
    CHECK_EQ(info.modified_ms, 1000 * 1000);
    CHECK_EQ(store_put(s, KEY, STR("x"), STORE_KEEP, &e), STORE_SAME);
    CHECK_EQ(store_stat(s, KEY, &info, &e), 1);
    CHECK(info.modified_ms > 1000 * 1000);
}

TEST(damaged_object_of_the_same_size_is_replaced_not_kept)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    CLEANUP_FREE char *path = xasprintf("%s/objects/%s", dir, KEY);
    struct err e = {0};

    CHECK_OK(store_put(s, KEY, STR("good"), STORE_KEEP, &e));
    CHECK_EQ(chmod(path, 0600), 0);
    CHECK_OK(fs_write_file(path, STR("bad!"), &e));
    CHECK_EQ(store_put(s, KEY, STR("good"), STORE_REPLACE, &e), STORE_REPLACED);
    check_content(s, KEY, "good");
}

struct racer {
    struct store *s;
    pthread_barrier_t *start;
    int outcome;
    struct err e;
};

static void *race(void *arg)
{
    struct racer *r = arg;

    pthread_barrier_wait(r->start);
    r->outcome = store_put(r->s, KEY, STR("same for all"), STORE_KEEP, &r->e);
    return NULL;
}

TEST(of_many_that_publish_one_key_at_once_one_is_new_and_all_succeed)
{
    enum { N = 8, ROUNDS = 20 };
    CLEANUP_FREE char *dir = fresh_dir();
    struct store *stores[2] = {open_fs(dir), open_fs(dir)};
    struct err e = {0};

    for (int round = 0; round < ROUNDS; round++) {
        pthread_barrier_t start;
        pthread_t t[N];
        struct racer r[N];
        int n_new = 0;

        pthread_barrier_init(&start, NULL, N);
        for (int i = 0; i < N; i++) {
            r[i] = (struct racer){.s = stores[i % 2], .start = &start};
            CHECK_EQ(pthread_create(&t[i], NULL, race, &r[i]), 0);
        }
        for (int i = 0; i < N; i++)
            pthread_join(t[i], NULL);
        pthread_barrier_destroy(&start);
        for (int i = 0; i < N; i++) {
            if (r[i].outcome < 0)
                fail_msg("%s", r[i].e.text);
            n_new += r[i].outcome == STORE_NEW;
        }
        CHECK_EQ(n_new, 1);
        CHECK_EQ(store_remove(stores[0], KEY, &e), 1);
    }
    store_free(stores[0]);
    store_free(stores[1]);
}

struct flip {
    struct store *s;
    _Atomic bool stop;
    struct err e;
    int r;
};

static void *put_and_remove(void *arg)
{
    struct flip *f = arg;

    for (int i = 0; i < 300 && f->r >= 0; i++) {
        f->r = store_put(f->s, "x/y/z/one", STR("1"), STORE_KEEP, &f->e);
        if (f->r >= 0)
            f->r = store_remove(f->s, "x/y/z/one", &f->e);
    }
    f->stop = true;
    return NULL;
}

TEST(folders_that_vanish_while_an_object_is_published_are_made_again)
{
    CLEANUP_FREE char *dir = fresh_dir();
    CLEANUP(store_free) struct store *s = open_fs(dir);
    struct flip f = {.s = s};
    struct err e = {0};
    pthread_t t;

    CHECK_EQ(pthread_create(&t, NULL, put_and_remove, &f), 0);
    while (!f.stop) {
        CHECK_OK(store_put(s, "x/y/z/two", STR("2"), STORE_KEEP, &e));
        check_content(s, "x/y/z/two", "2");
        CHECK_OK(store_remove(s, "x/y/z/two", &e));
    }
    pthread_join(t, NULL);
    if (f.r < 0)
        fail_msg("%s", f.e.text);
}

TEST(read_only_data_folder_can_be_read)
{
    if (geteuid() == 0)
        SKIP("permissions do not bind root");
    CLEANUP_FREE char *dir = fresh_dir();
    struct err e = {0};
    {
        CLEANUP(store_free) struct store *s = open_fs(dir);
        CHECK_OK(store_put(s, KEY, STR("x"), STORE_KEEP, &e));
    }
    CHECK_EQ(chmod(dir, 0500), 0);
    CLEANUP(store_free) struct store *s = open_fs(dir);
    check_content(s, KEY, "x");
    CHECK_EQ(chmod(dir, 0700), 0);
}

TEST_MAIN
