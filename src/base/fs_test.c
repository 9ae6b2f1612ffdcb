#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/fs_priv.h"
#include "base/test.h"

/* A path in the test's folder; to be freed. */
static char *in_dir(const char *name)
{
    return fs_join(test_dir(), name);
}

static int count_entry(void *arg, const char *dir, const char *name, bool is_dir)
{
    (void)dir;
    (void)name;
    (void)is_dir;
    ++*(int *)arg;
    return 0;
}

static int entries(const char *dir)
{
    struct err e = {0};
    int n = 0;

    CHECK_OK(fs_list(dir, count_entry, &n, &e));
    return n;
}

TEST(fs_join_table)
{
    static const struct {
        const char *a, *b, *want;
    } rows[] = {
        {"a", "b", "a/b"}, {"a/", "b", "a/b"}, {"a", "/b", "a/b"},
        {"/", "b", "/b"},  {"", "b", "b"},     {"a", "", "a/"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        CLEANUP_FREE char *got = fs_join(rows[i].a, rows[i].b);
        CHECK_STR(got, rows[i].want);
    }
}

TEST(fs_mkdirs_makes_all_and_takes_what_is_there)
{
    struct err e = {0};
    CLEANUP_FREE char *deep = in_dir("mk/ä b/c//d/");
    CLEANUP_FREE char *file = in_dir("mk/file");
    CLEANUP_FREE char *below_file = in_dir("mk/file/x");
    struct stat st;

    CHECK_OK(fs_mkdirs(deep, 0700, &e));
    CHECK_EQ(stat(deep, &st), 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_EQ(st.st_mode & 0777, 0700);
    CHECK_OK(fs_mkdirs(deep, 0700, &e));
    CHECK_OK(fs_mkdirs("/", 0700, &e));
    CHECK_OK(fs_mkdirs(".", 0700, &e));
    CHECK_OK(fs_write_file(file, STR("x"), &e));
    CHECK_ERR(fs_mkdirs(file, 0700, &e), ERR_CONFLICT);
    CHECK_ERR(fs_mkdirs(below_file, 0700, &e), ERR_CONFLICT);
    CHECK_ERR(fs_mkdirs("", 0700, &e), ERR_INTERNAL);
}

TEST(fs_mkdirs_by_a_relative_path)
{
    struct err e = {0};
    char before[4096];

    CHECK(getcwd(before, sizeof before) != NULL);
    CHECK_EQ(chdir(test_dir()), 0);
    int r = fs_mkdirs("rel/ative", 0755, &e);
    int exists = fs_exists("rel/ative", &e);
    int w = fs_write_file("rel.txt", STR("1"), &e);
    CHECK_EQ(chdir(before), 0);
    CHECK_EQ(r, 0);
    CHECK_EQ(exists, 1);
    CHECK_EQ(w, 0);
}

static void *make_same(void *arg)
{
    struct err e = {0};

    return fs_mkdirs(arg, 0755, &e) == 0 ? arg : NULL;
}

TEST(fs_mkdirs_by_many_threads_at_once)
{
    for (int round = 0; round < 20; round++) {
        CLEANUP_FREE char *path = xasprintf("%s/race%d/a/b/c", test_dir(), round);
        pthread_t t[4];
        void *ok;
        for (size_t i = 0; i < ARRAY_LEN(t); i++)
            CHECK_EQ(pthread_create(&t[i], NULL, make_same, path), 0);
        for (size_t i = 0; i < ARRAY_LEN(t); i++) {
            pthread_join(t[i], &ok);
            CHECK(ok == path);
        }
    }
}

TEST(fs_write_file_replaces_whole_and_leaves_nothing_beside)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = in_dir("write");
    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CLEANUP_FREE char *path = fs_join(dir, "f.json");
    CLEANUP_BUF struct buf got = {0}, big = {0};

    while (big.n < 300000)
        buf_addf(&big, "%zu ", big.n);
    CHECK_OK(fs_write_file(path, buf_str(&big), &e));
    CHECK_OK(fs_read_file(path, 1 << 20, &got, &e));
    CHECK(str_eq(buf_str(&got), buf_str(&big)));
    CHECK_OK(fs_write_file(path, STR(""), &e));
    buf_reset(&got);
    CHECK_OK(fs_read_file(path, 0, &got, &e));
    CHECK_EQ(got.n, 0);
    CHECK_EQ(entries(dir), 1);
}

TEST(fs_write_file_with_a_name_as_long_as_allowed)
{
    struct err e = {0};
    char name[256];

    memset(name, 'n', 255);
    name[255] = '\0';
    CLEANUP_FREE char *path = in_dir(name);
    CHECK_OK(fs_write_file(path, STR("x"), &e));
    CHECK_EQ(fs_exists(path, &e), 1);
}

TEST(fs_write_file_that_fails_leaves_the_old_content)
{
    struct err e = {0};
    CLEANUP_FREE char *nowhere = in_dir("no/such/dir/f");
    CLEANUP_FREE char *dir = in_dir("is-a-dir");
    CLEANUP_FREE char *inside = in_dir("is-a-dir/full");

    CHECK_ERR(fs_write_file(nowhere, STR("x"), &e), ERR_NOT_FOUND);
    CHECK_OK(fs_mkdirs(inside, 0755, &e));
    int before = entries(test_dir());
    CHECK(fs_write_file(dir, STR("x"), &e) < 0); /* a file can not take the place of a folder */
    CHECK_EQ(fs_exists(inside, &e), 1);
    CHECK_EQ(entries(test_dir()), before); /* nor does the one beside stay */
}

TEST(fs_publish_moves_files_and_folders)
{
    struct err e = {0};
    CLEANUP_FREE char *tmp = in_dir("pub.tmp"), *final = in_dir("pub"), *dir = in_dir("dir.tmp"),
                      *dir_final = in_dir("dir"), *none = in_dir("none"),
                      *link_path = in_dir("link");
    CLEANUP_BUF struct buf got = {0};

    CHECK_OK(fs_write_file(final, STR("old"), &e));
    CHECK_OK(fs_write_file(tmp, STR("new"), &e));
    CHECK_OK(fs_publish(tmp, final, &e));
    CHECK_EQ(fs_exists(tmp, &e), 0);
    CHECK_OK(fs_read_file(final, 10, &got, &e));
    CHECK_STR(buf_z(&got), "new");
    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CHECK_OK(fs_publish(dir, dir_final, &e));
    CHECK_EQ(fs_exists(dir_final, &e), 1);
    CHECK_ERR(fs_publish(none, final, &e), ERR_NOT_FOUND);
    CHECK_EQ(symlink(final, link_path), 0);
    CHECK(fs_publish(link_path, none, &e) < 0); /* what a link names may not be finished */
    CHECK_EQ(fs_exists(none, &e), 0);
}

TEST(fs_read_stops_at_its_limit)
{
    struct err e = {0};
    CLEANUP_FREE char *path = in_dir("ten");
    CLEANUP_FREE char *none = in_dir("none");
    CLEANUP_BUF struct buf got = {0}, tight = BUF_MAX(5);

    CHECK_OK(fs_write_file(path, STR("0123456789"), &e));
    CHECK_OK(fs_read_file(path, 10, &got, &e));
    CHECK_OK(fs_read_file(path, SIZE_MAX, &got, &e)); /* appends */
    CHECK_STR(buf_z(&got), "01234567890123456789");
    CHECK_ERR(fs_read_file(path, 9, &got, &e), ERR_LIMIT);
    CHECK_ERR(fs_read_file(path, 10, &tight, &e), ERR_LIMIT);
    CHECK_ERR(fs_read_file(none, 9, &got, &e), ERR_NOT_FOUND);
    CHECK_ERR(fs_read_file("/proc/kmsg/x", 9, &got, &e), ERR_NOT_FOUND);
    CHECK(fs_read_file(test_dir(), 9, &got, &e) < 0);
}

TEST(fs_read_fd_reads_from_the_start_and_leaves_the_position)
{
    struct err e = {0};
    CLEANUP_CLOSE int fd = -1;
    CLEANUP_BUF struct buf got = {0};

    CHECK_OK(fs_tmpfile(test_dir(), &fd, &e));
    CHECK_OK(fs_write_all(fd, "abcdef", 6, &e));
    CHECK_OK(fs_read_fd(fd, 6, &got, &e));
    CHECK_STR(buf_z(&got), "abcdef");
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 6);
    CHECK_OK(fs_sync_fd(fd, &e));
}

TEST(fs_write_all_to_what_does_not_take_it_fails)
{
    struct err e = {0};
    CLEANUP_CLOSE int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    CLEANUP_CLOSE int reading = open("/dev/null", O_RDONLY | O_CLOEXEC);

    CHECK(full >= 0 && reading >= 0);
    CHECK_ERR(fs_write_all(full, "x", 1, &e), ERR_STORAGE);
    CHECK_STR(err_plain_text(&e), "The disk is full.");
    CHECK_ERR(fs_write_all(reading, "x", 1, &e), ERR_INTERNAL);
    CHECK(fs_sync_fd(-1, &e) < 0);
}

static void *read_slowly(void *arg)
{
    int fd = *(int *)arg;
    char some[777];
    uint64_t sum = 0;

    for (ssize_t n; (n = read(fd, some, sizeof some)) > 0;)
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + (unsigned char)some[i];
    return (void *)(uintptr_t)sum;
}

TEST(fs_write_all_goes_on_after_short_writes)
{
    struct err e = {0};
    int ends[2];
    CLEANUP_FREE char *big = xcalloc(1 << 20, 1);
    uint64_t want = 0;
    pthread_t t;
    void *got;

    for (int i = 0; i < 1 << 20; i++) {
        big[i] = (char)(i * 7 % 127);
        want = want * 31 + (unsigned char)big[i];
    }
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(pthread_create(&t, NULL, read_slowly, &ends[0]), 0);
    int r = fs_write_all(ends[1], big, 1 << 20, &e);
    close(ends[1]);
    pthread_join(t, &got);
    close(ends[0]);
    CHECK_EQ(r, 0);
    CHECK_EQ((uintptr_t)got, want);
}

TEST(fs_remove_tree_takes_all_below_and_follows_no_link)
{
    struct err e = {0};
    CLEANUP_FREE char *tree = in_dir("tree"), *deep = in_dir("tree/a/b"),
                      *file = in_dir("tree/a/b/f"), *outside = in_dir("outside"),
                      *kept = in_dir("outside/kept"), *link_path = in_dir("tree/link"),
                      *top_link = in_dir("top-link");

    CHECK_OK(fs_mkdirs(deep, 0755, &e));
    CHECK_OK(fs_write_file(file, STR("x"), &e));
    CHECK_OK(fs_mkdirs(outside, 0755, &e));
    CHECK_OK(fs_write_file(kept, STR("x"), &e));
    CHECK_EQ(symlink(outside, link_path), 0);
    CHECK_EQ(symlink(outside, top_link), 0);
    CHECK_OK(fs_remove_tree(tree, &e));
    CHECK_EQ(fs_exists(tree, &e), 0);
    CHECK_OK(fs_remove_tree(top_link, &e));
    CHECK_EQ(fs_exists(kept, &e), 1);
    CHECK_OK(fs_remove_tree(kept, &e)); /* a file */
    CHECK_OK(fs_remove_tree(kept, &e)); /* absent */
    CHECK_EQ(entries(outside), 0);
}

TEST(fs_remove_tree_says_so_when_it_is_too_deep)
{
    struct err e = {0};
    CLEANUP_FREE char *top = in_dir("deep");
    CLEANUP_BUF struct buf path = {0};

    buf_addz(&path, top);
    for (int i = 0; i < 140; i++)
        buf_addz(&path, "/d");
    CHECK_OK(fs_mkdirs(buf_z(&path), 0755, &e));
    CHECK_ERR(fs_remove_tree(top, &e), ERR_LIMIT);
    CLEANUP_FREE char *lower = xstrndup(buf_z(&path), strlen(top) + 2 * 30);
    CHECK_OK(fs_remove_tree(lower, &e)); /* so that the test's own clean-up succeeds */
}

TEST(fs_remove_tree_that_may_not_says_so)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = in_dir("locked"), *file = in_dir("locked/f");
    int status;

    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CHECK_OK(fs_write_file(file, STR("x"), &e));
    CHECK_EQ(chmod(dir, 0555), 0);
    pid_t pid = fork();
    if (pid == 0) { /* the superuser may anything: be somebody else */
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        _exit(fs_remove_tree(file, &e) < 0 && e.code == ERR_DENIED ? 0 : 1);
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(chmod(dir, 0755), 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_EQ(fs_exists(file, &e), 1);
}

TEST(fs_exists_answers)
{
    struct err e = {0};
    CLEANUP_FREE char *none = in_dir("nothing-here");
    char too_long[5000];

    CHECK_EQ(fs_exists(test_dir(), &e), 1);
    CHECK_EQ(fs_exists(none, &e), 0);
    CHECK_EQ(fs_exists("/dev/null/x", &e), 0);
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    CHECK(fs_exists(too_long, &e) < 0);
}

static int want_kind(void *arg, const char *dir, const char *name, bool is_dir)
{
    (void)arg;
    CHECK_STR(strrchr(dir, '/') + 1, "kinds");
    CHECK_EQ(is_dir, strcmp(name, "folder") == 0);
    return 0;
}

static int stop_at_second(void *arg, const char *dir, const char *name, bool is_dir)
{
    count_entry(arg, dir, name, is_dir);
    return *(int *)arg == 2 ? 17 : 0;
}

TEST(fs_list_tells_kinds_and_stops_when_told)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = in_dir("kinds"), *folder = in_dir("kinds/folder"),
                      *file = in_dir("kinds/file"), *link_path = in_dir("kinds/link"),
                      *none = in_dir("none");
    int n = 0;

    CHECK_OK(fs_mkdirs(folder, 0755, &e));
    CHECK_OK(fs_write_file(file, STR(""), &e));
    CHECK_EQ(symlink(folder, link_path), 0); /* a link to a folder is no folder */
    CHECK_EQ(entries(dir), 3);
    CHECK_EQ(fs_list(dir, want_kind, NULL, &e), 0);
    CHECK_EQ(fs_list(dir, stop_at_second, &n, &e), 17);
    CHECK_EQ(n, 2);
    CHECK_ERR(fs_list(none, count_entry, &n, &e), ERR_NOT_FOUND);
}

TEST(fs_free_bytes_is_plausible)
{
    struct err e = {0};
    int64_t bytes = -1;

    CHECK_OK(fs_free_bytes(test_dir(), &bytes, &e));
    CHECK(bytes > 0);
    CHECK_ERR(fs_free_bytes("/no/such", &bytes, &e), ERR_NOT_FOUND);
}

static void check_tmpfile(int (*make)(const char *dir, int *ret_fd, struct err *e))
{
    struct err e = {0};
    CLEANUP_CLOSE int fd = -1;
    CLEANUP_FREE char *dir = in_dir("tmpfiles");
    CLEANUP_FREE char *none = in_dir("none");
    struct stat st;

    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    CHECK_OK(make(dir, &fd, &e));
    CHECK_EQ(entries(dir), 0);
    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_nlink, 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    CHECK_OK(fs_write_all(fd, "x", 1, &e));
    int other = -7;
    CHECK_ERR(make(none, &other, &e), ERR_NOT_FOUND);
    CHECK_EQ(other, -7);
}

TEST(fs_tmpfile_has_no_name)
{
    check_tmpfile(fs_tmpfile);
}

TEST(fs_tmpfile_without_kernel_support_has_no_name_either)
{
    check_tmpfile(fs_tmpfile_linked_);
}

TEST_MAIN
