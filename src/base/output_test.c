#include "base/output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"

static char *in_dir(const char *name)
{
    return fs_join(test_dir(), name);
}

/* An empty folder of its own, to be freed. */
static char *new_dir(const char *name)
{
    struct err e = {0};
    char *dir = in_dir(name);
    CHECK_OK(fs_mkdirs(dir, 0755, &e));
    return dir;
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

static void check_content(const char *path, const char *want)
{
    struct err e = {0};
    CLEANUP_BUF struct buf b = {0};
    CHECK_OK(fs_read_file(path, 1000, &b, &e));
    CHECK_STR(buf_z(&b), want);
}

static void write_to(const char *path, const char *text)
{
    struct err e = {0};
    CLEANUP(output_free) struct output *o = NULL;
    CHECK_OK(output_open(path, OUTPUT_FILE, &o, &e));
    CHECK_OK(fs_write_all(output_fd(o), text, strlen(text), &e));
    CHECK_OK(output_publish(o, &e));
}

TEST(output_is_there_only_when_published)
{
    struct err e = {0};
    CLEANUP_FREE char *dir = new_dir("published");
    CLEANUP_FREE char *path = fs_join(dir, "out");
    {
        CLEANUP(output_free) struct output *o = NULL;
        CHECK_OK(output_open(path, OUTPUT_FILE, &o, &e));
        CHECK_OK(fs_write_all(output_fd(o), "half", 4, &e));
    }
    CHECK_EQ(entries(dir), 0);
    write_to(path, "whole");
    check_content(path, "whole");
    CHECK_EQ(entries(dir), 1);
}

TEST(output_replaces_in_one_step_and_keeps_permissions)
{
    struct err e = {0};
    struct stat st;
    CLEANUP_FREE char *dir = new_dir("replaced");
    CLEANUP_FREE char *path = fs_join(dir, "out");
    CHECK_OK(fs_write_file(path, STR("old"), &e));
    CHECK_EQ(chmod(path, 0600), 0);
    write_to(path, "new");
    check_content(path, "new");
    CHECK_EQ(stat(path, &st), 0);
    CHECK_EQ(st.st_mode & 0777, 0600);
    CHECK_EQ(entries(dir), 1);
}

TEST(output_follows_links_also_to_nothing)
{
    struct err e = {0};
    struct stat st;
    CLEANUP_FREE char *dir = new_dir("links");
    CLEANUP_FREE char *target = fs_join(dir, "target");
    CLEANUP_FREE char *link = fs_join(dir, "link");
    CLEANUP_FREE char *loop = fs_join(dir, "loop");
    CHECK_EQ(symlink("target", link), 0);
    write_to(link, "through nothing");
    check_content(target, "through nothing");
    write_to(link, "through a file");
    check_content(target, "through a file");
    CHECK_EQ(lstat(link, &st), 0);
    CHECK(S_ISLNK(st.st_mode));

    CLEANUP(output_free) struct output *o = NULL;
    CHECK_EQ(symlink("loop", loop), 0);
    CHECK_EQ(output_open(loop, OUTPUT_FILE, &o, &e), -1);
    CHECK_EQ(entries(dir), 3);
}

TEST(output_refuses_what_is_no_file)
{
    CLEANUP_FREE char *dir = new_dir("refused");
    CLEANUP_FREE char *none = fs_join(dir, "none/out");
    CLEANUP_FREE char *slash = fs_join(dir, "new/");
    CLEANUP_FREE char *fifo = fs_join(dir, "fifo");
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    const char *const bad[] = {"", ".", dir, none, slash, fifo, "/dev/null"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        CLEANUP(output_free) struct output *o = NULL;
        CHECK_EQ(output_open(bad[i], OUTPUT_FILE, &o, &e), -1);
        CHECK_EQ(e.code, ERR_USAGE);
        CHECK(strstr(err_plain_text(&e), "output"));
    }
    CHECK_EQ(entries(dir), 1);
}

TEST(output_writes_straight_into_pipes_and_devices)
{
    struct err e = {0};
    struct stat st;
    char got[8] = "";
    CLEANUP_FREE char *dir = new_dir("straight");
    CLEANUP_FREE char *fifo = fs_join(dir, "fifo");
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    CLEANUP_CLOSE int reader = open(fifo, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    CHECK(reader >= 0);
    {
        CLEANUP(output_free) struct output *o = NULL;
        CHECK_OK(output_open(fifo, OUTPUT_ANY, &o, &e));
        CHECK_OK(fs_write_all(output_fd(o), "bytes", 5, &e));
        CHECK_OK(output_publish(o, &e));
    }
    CHECK_EQ(read(reader, got, sizeof got), 5);
    CHECK_STR(got, "bytes");
    CHECK_EQ(lstat(fifo, &st), 0);
    CHECK(S_ISFIFO(st.st_mode));

    CLEANUP(output_free) struct output *null = NULL;
    CHECK_OK(output_open("/dev/null", OUTPUT_ANY, &null, &e));
    CHECK_OK(output_publish(null, &e));
    CHECK_EQ(stat("/dev/null", &st), 0);
    CHECK(S_ISCHR(st.st_mode));
}

TEST_MAIN
