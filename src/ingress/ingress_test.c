/* Taking files in: what is made, what is refused, what is recognised, what is left after a failure. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/test.h"
#include "db/db_objects.h"
#include "db/db_uploads.h"
#include "ingress/ingress.h"
#include "store/store_fs.h"

#define SHA_TEST "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define KEY_TEST "originals/9f/" SHA_TEST

struct lib {
    char *dir;
    struct db *db;
    struct store *store;
    int started;
    bool start_fails;
    char started_id[UUID_MAX];
    struct ingress in;
};

static int start(void *arg, struct tx *tx, const char *video_id, struct err *e)
{
    struct lib *l = arg;

    if (l->start_fails)
        return err_set(e, ERR_UNAVAILABLE, "test: no start today");
    l->started++;
    snprintf(l->started_id, sizeof l->started_id, "%s", video_id);
    return 0;
}

static int n_dirs;

static void lib_open(struct lib *l)
{
    struct err e = {0};
    CLEANUP_FREE char *db_path = NULL;

    if (!l->dir)
        l->dir = xasprintf("%s/lib-%d", test_dir(), n_dirs++);
    db_path = fs_join(l->dir, "rushes.db");
    CHECK_OK(fs_mkdirs(l->dir, 0700, &e));
    CHECK_OK(store_fs_open(l->dir, NULL, &l->store, &e));
    CHECK_OK(db_open(db_path, &l->db, &e));
    l->in = (struct ingress){
        .db = l->db, .store = l->store, .max_bytes = 1 << 20, .start = start, .start_arg = l};
}

static void lib_close(struct lib *l)
{
    store_free(l->store);
    db_close(l->db);
    l->store = NULL;
    l->db = NULL;
}

static void lib_finish(struct lib *l)
{
    lib_close(l);
    free(l->dir);
}
#define LIB __attribute__((cleanup(lib_finish)))

/* A file in the test's folder; the path is to be freed. */
static char *file_with(const char *name, const char *content)
{
    struct err e = {0};
    char *path = fs_join(test_dir(), name);

    CHECK_OK(fs_write_file(path, str_of(content), &e));
    return path;
}

static int count_one(void *arg, const struct store_entry *en)
{
    ++*(int *)arg;
    return 0;
}

static int n_objects(struct lib *l)
{
    struct err e = {0};
    int n = 0;

    CHECK_OK(store_list(l->store, "", count_one, &n, &e));
    return n;
}

static int n_videos(struct lib *l)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video_filter f = {0};
    struct video_page page;
    struct err e = {0};

    CHECK_OK(db_begin(l->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_list(tx, a, &f, &page, &e));
    return (int)page.n;
}

static int n_uploads(struct lib *l, unsigned states)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct upload *ups;
    size_t n;
    struct err e = {0};

    CHECK_OK(db_begin(l->db, DB_READ, &tx, &e));
    CHECK_OK(db_upload_list(tx, a, states, 0, 0, &ups, &n, &e));
    return (int)n;
}
#define IN_STATE(s) (1u << UPLOAD_##s)

static int count_files(void *arg, const char *dir, const char *name, bool is_dir)
{
    CLEANUP_FREE char *path = fs_join(dir, name);
    struct err e = {0};

    if (is_dir)
        return fs_list(path, count_files, arg, &e);
    ++*(int *)arg;
    return 0;
}

/* Files lying in scratch, of anyone. */
static int n_scratch_files(struct lib *l)
{
    CLEANUP_FREE char *scratch = fs_join(l->dir, "scratch");
    struct err e = {0};
    int n = 0;

    if (fs_exists(scratch, &e))
        CHECK_OK(fs_list(scratch, count_files, &n, &e));
    return n;
}

static struct video get_video(struct lib *l, struct arena *a, const char *id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;
    struct err e = {0};

    CHECK_OK(db_begin(l->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_get(tx, a, id, &v, &e));
    return v;
}

static void set_state(struct lib *l, const char *id, enum video_state s)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(l->db, DB_WRITE, &tx, &e));
    CHECK_OK(db_video_set_state(tx, id, s, &e));
    CHECK_OK(db_commit(tx, &e));
}

TEST(new_file_becomes_a_video_with_its_first_job)
{
    LIB struct lib l = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP_FREE char *path = file_with("My film.mp4", "test");
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_NEW);
    CHECK_STR(r.sha256, SHA_TEST);
    CHECK_EQ(r.size_bytes, 4);
    CHECK_EQ(r.state, VIDEO_VALIDATING);
    CHECK_EQ(l.started, 1);
    CHECK_STR(l.started_id, r.video_id);

    struct video v = get_video(&l, a, r.video_id);
    CHECK_STR(v.title, "My film");
    CHECK_STR(v.filename, "My film.mp4");
    CHECK_STR(v.checksum_sha256, SHA_TEST);
    CHECK_STR(v.storage_key, KEY_TEST);
    CHECK_STR(v.user_id, DB_LOCAL_USER);
    CHECK_EQ(v.size_bytes, 4);
    CHECK_EQ(n_objects(&l), 1);
    CHECK_EQ(n_uploads(&l, IN_STATE(DONE)), 1);
    CHECK_EQ(n_uploads(&l, 0), 1);
    CHECK_EQ(n_scratch_files(&l), 0);
}

TEST(what_the_uploader_says_is_on_the_video)
{
    LIB struct lib l = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP_FREE char *path = file_with("said.mp4", "said");
    static const char *const tags[] = {"red", "caf\xc3\xa9", "\"quoted\""};
    struct ingress_meta m = {
        .title = "A title",
        .description = "Long\nstory",
        .tags = tags,
        .n_tags = 3,
        .batch_name = "2026-11 spring",
        .batch_order = 4,
        .project_id = "p1",
        .pin_id = "cam 7",
        .notes = "shaky \xf0\x9f\x8e\xac",
        .recorded_at_ms = 1234567890123,
    };
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, &m, &r, &e));
    struct video v = get_video(&l, a, r.video_id);
    CHECK_STR(v.title, "A title");
    CHECK_STR(v.description, "Long\nstory");
    CHECK_STR(v.tags_json, "[\"red\",\"caf\xc3\xa9\",\"\\\"quoted\\\"\"]");
    CHECK_STR(v.batch_name, "2026-11 spring");
    CHECK_EQ(v.batch_order, 4);
    CHECK_STR(v.project_id, "p1");
    CHECK_STR(v.pin_id, "cam 7");
    CHECK_STR(v.source_metadata_json, "{\"notes\":\"shaky \xf0\x9f\x8e\xac\"}");
    CHECK_EQ(v.recorded_at_ms, 1234567890123);
}

TEST(second_ingest_of_the_same_content_is_recognised_without_a_copy)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("one.mp4", "test");
    CLEANUP_FREE char *other = file_with("other name.mov", "test");
    struct ingress_result first, r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &first, &e));
    CHECK_OK(ingress_file(&l.in, other, NULL, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_RESUMED); /* its work is not done yet */
    CHECK_STR(r.video_id, first.video_id);
    set_state(&l, r.video_id, VIDEO_PROCESSING);
    set_state(&l, r.video_id, VIDEO_INDEXED);
    CHECK_OK(ingress_file(&l.in, other, NULL, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_DUPLICATE);
    CHECK_EQ(r.state, VIDEO_INDEXED);
    CHECK(!r.healed);
    CHECK_EQ(l.started, 1);
    CHECK_EQ(n_videos(&l), 1);
    CHECK_EQ(n_uploads(&l, 0), 1); /* nothing was copied, so nothing was announced */
}

TEST(another_camera_gets_its_own_video_of_the_same_bytes)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("one.mp4", "test");
    struct ingress_meta m = {.pin_id = "cam 2"};
    struct ingress_result first, r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &first, &e));
    CHECK_OK(ingress_file(&l.in, path, &m, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_NEW);
    CHECK(strcmp(r.video_id, first.video_id) != 0);
    CHECK_EQ(n_videos(&l), 2);
    CHECK_EQ(n_objects(&l), 1);
    CHECK_EQ(n_uploads(&l, IN_STATE(DONE)), 2);
}

TEST(other_content_of_a_known_size_is_taken_in)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("one.mp4", "test");
    CLEANUP_FREE char *other = file_with("two.mp4", "tost");
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK_OK(ingress_file(&l.in, other, NULL, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_NEW);
    CHECK_EQ(n_videos(&l), 2);
    CHECK_EQ(n_objects(&l), 2);
}

TEST(lost_original_is_healed_by_the_same_file)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("one.mp4", "test");
    struct ingress_result first, r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &first, &e));
    CHECK_EQ(store_remove(l.store, KEY_TEST, &e), 1);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK(r.healed);
    CHECK_STR(r.video_id, first.video_id);
    CHECK_EQ(store_stat(l.store, KEY_TEST, NULL, &e), 1);
    CHECK_EQ(n_videos(&l), 1);
    CHECK_EQ(l.started, 1);
}

TEST(damaged_original_that_verify_struck_off_is_healed_by_the_same_file)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("one.mp4", "test");
    CLEANUP_BUF struct buf got = {0};
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK_EQ(store_put(l.store, KEY_TEST, STR("tesT"), STORE_REPLACE, &e), STORE_REPLACED);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(l.db, DB_WRITE, &tx, &e));
        CHECK_EQ(db_object_del(tx, KEY_TEST, &e), 1);
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK(r.healed);
    CHECK_EQ(n_videos(&l), 1);
    CHECK_OK(store_read(l.store, KEY_TEST, 10, &got, &e));
    CHECK_STR(buf_z(&got), "test");
}

TEST(what_is_no_file_is_refused_with_its_own_sentence)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *empty = file_with("empty.mp4", "");
    CLEANUP_FREE char *fifo = fs_join(test_dir(), "fifo.mp4");
    CLEANUP_FREE char *sock = fs_join(test_dir(), "s");
    CLEANUP_FREE char *loop = fs_join(test_dir(), "loop.mp4");
    CLEANUP_FREE char *missing = fs_join(test_dir(), "missing.mp4");
    CLEANUP_FREE char *under = xasprintf("%s/x", empty);
    char too_long[PATH_MAX + 100];
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct ingress_result r;
    struct err e = {0};

    memset(too_long, 'a', sizeof too_long);
    too_long[sizeof too_long - 1] = '\0';
    CHECK_EQ(mkfifo(fifo, 0600), 0);
    CHECK_EQ(symlink(loop, loop), 0);
    snprintf(addr.sun_path, sizeof addr.sun_path, "%s", sock);
    CLEANUP_CLOSE int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK_EQ(bind(s, (struct sockaddr *)&addr, sizeof addr), 0);

    const struct {
        const char *path, *says;
        enum err_code code;
    } table[] = {
        {test_dir(), "is a folder, not a media file.", ERR_INPUT},
        {fifo, "is a named pipe, not a media file.", ERR_INPUT},
        {sock, "is a socket, not a media file.", ERR_INPUT},
        {"/dev/null", "is a device, not a media file.", ERR_INPUT},
        {empty, "is empty.", ERR_INPUT},
        {loop, "is a link that leads nowhere.", ERR_INPUT},
        {too_long, "is too long.", ERR_INPUT},
        {missing, "There is no file", ERR_NOT_FOUND},
        {under, "There is no file", ERR_NOT_FOUND},
        {"", "There is no file", ERR_NOT_FOUND},
    };
    lib_open(&l);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        CHECK_ERR(ingress_file(&l.in, table[i].path, NULL, &r, &e), table[i].code);
        if (!strstr(err_plain_text(&e), table[i].says))
            fail_msg("'%s' says: %s", table[i].path, err_plain_text(&e));
    }
    CHECK_EQ(n_uploads(&l, 0), 0);
    CHECK_EQ(n_objects(&l), 0);
}

TEST(file_over_the_limit_is_refused_before_it_is_read)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("big.mp4", "12345");
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    l.in.max_bytes = 4;
    CHECK_ERR(ingress_file(&l.in, path, NULL, &r, &e), ERR_LIMIT);
    CHECK(strstr(err_plain_text(&e), "larger than"));
    CHECK(strstr(err_next_text(&e), "limit.size"));
    CHECK_EQ(n_uploads(&l, 0), 0);
    l.in.max_bytes = 5;
    err_clear(&e);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
}

TEST(unreadable_file_says_permission)
{
    if (geteuid() == 0)
        SKIP("permissions do not bind root");
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("secret.mp4", "x");
    struct ingress_result r;
    struct err e = {0};

    CHECK_EQ(chmod(path, 0), 0);
    lib_open(&l);
    CHECK_ERR(ingress_file(&l.in, path, NULL, &r, &e), ERR_DENIED);
    CHECK(strstr(err_plain_text(&e), "may not be read"));
}

struct meddle {
    const char *path;
    bool grow, touch, stop;
};

static int meddle(void *arg, int64_t done, int64_t total)
{
    const struct meddle *m = arg;
    CLEANUP_CLOSE int fd = open(m->path, O_WRONLY | O_APPEND | O_CLOEXEC);

    if (m->grow)
        CHECK_EQ(write(fd, "more", 4), 4);
    if (m->touch)
        CHECK_EQ(
            utimensat(AT_FDCWD, m->path, (struct timespec[2]){{.tv_sec = 5}, {.tv_sec = 5}}, 0), 0);
    return m->stop;
}

static void check_nothing_kept(struct lib *l, unsigned state)
{
    CHECK_EQ(n_videos(l), 0);
    CHECK_EQ(n_objects(l), 0);
    CHECK_EQ(n_uploads(l, state), 1);
    CHECK_EQ(n_uploads(l, 0), 1);
    CHECK_EQ(n_scratch_files(l), 0);
}

TEST(file_that_changes_while_it_is_read_is_not_kept)
{
    for (int i = 0; i < 2; i++) {
        LIB struct lib l = {0};
        CLEANUP_FREE char *path = file_with("growing.mp4", "some bytes");
        struct meddle m = {.path = path, .grow = i == 0, .touch = i == 1};
        struct ingress_result r;
        struct err e = {0};

        lib_open(&l);
        l.in.progress = meddle;
        l.in.progress_arg = &m;
        CHECK_ERR(ingress_file(&l.in, path, NULL, &r, &e), ERR_CONFLICT);
        CHECK(strstr(err_plain_text(&e), "changed while it was being read"));
        check_nothing_kept(&l, IN_STATE(FAILED));
        l.in.progress = NULL;
        err_clear(&e);
        CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    }
}

TEST(cancelled_ingest_leaves_nothing)
{
    LIB struct lib l = {0};
    CLEANUP_FREE char *path = file_with("stop.mp4", "some bytes");
    struct meddle m = {.path = path, .stop = true};
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    l.in.progress = meddle;
    l.in.progress_arg = &m;
    CHECK_ERR(ingress_file(&l.in, path, NULL, &r, &e), ERR_CANCELLED);
    check_nothing_kept(&l, IN_STATE(ABORTED));
}

TEST(upload_whose_video_could_not_be_made_is_finished_by_the_next_process)
{
    LIB struct lib l = {.start_fails = true};
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP_FREE char *path = file_with("late.mp4", "late");
    struct ingress_meta m = {.title = "Kept over the crash"};
    struct ingress_recovered rec;
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    CHECK_ERR(ingress_file(&l.in, path, &m, &r, &e), ERR_UNAVAILABLE);
    CHECK_EQ(n_videos(&l), 0);
    CHECK_EQ(n_uploads(&l, IN_STATE(RECEIVED)), 1);
    CHECK_OK(ingress_recover(&l.in, &rec, &e)); /* we live: hands off */
    CHECK_EQ(rec.left_alone, 1);
    CHECK_EQ(n_videos(&l), 0);

    lib_close(&l);
    lib_open(&l);
    CHECK_OK(ingress_recover(&l.in, &rec, &e)); /* still failing: kept for later, nothing swept */
    CHECK_EQ(rec.failed, 1);
    CHECK_EQ(rec.finished, 0);
    l.start_fails = false;
    CHECK_OK(ingress_recover(&l.in, &rec, &e));
    CHECK_EQ(rec.finished, 1);
    CHECK_EQ(n_uploads(&l, IN_STATE(DONE)), 1);
    CHECK_STR(get_video(&l, a, l.started_id).title, "Kept over the crash");
    CHECK_OK(ingress_recover(&l.in, &rec, &e));
    CHECK_EQ(rec.finished + rec.undone + rec.failed + rec.left_alone, 0);
    CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
    CHECK_EQ(r.outcome, INGRESS_RESUMED);
    CHECK_EQ(n_videos(&l), 1);
}

TEST(meta_beyond_its_limits_is_refused)
{
    char title[INGRESS_TITLE_MAX + 2], batch[2 * INGRESS_BATCH_MAX + 3];
    const char *many[INGRESS_TAGS_MAX + 1];
    CLEANUP_FREE char *path = file_with("m.mp4", "m");

    memset(title, 'x', sizeof title);
    title[sizeof title - 1] = '\0';
    for (size_t i = 0; i + 2 < sizeof batch; i += 2)
        memcpy(batch + i, "\xc3\xa9", 2);
    batch[sizeof batch - 1] = '\0';
    for (size_t i = 0; i < ARRAY_LEN(many); i++)
        many[i] = "t";
    const char *long_tag[] = {title};
    const struct ingress_meta bad[] = {
        {.title = title},
        {.batch_name = batch},
        {.tags = many, .n_tags = ARRAY_LEN(many)},
        {.n_tags = -1},
        {.tags = long_tag, .n_tags = 1},
        {.title = "\xff"},
        {.notes = "\xc3\x28"},
        {.description = "\xed\xa0\x80"},
    };
    LIB struct lib l = {0};
    struct ingress_result r;
    struct err e = {0};

    lib_open(&l);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        CHECK_ERR(ingress_file(&l.in, path, &bad[i], &r, &e), ERR_USAGE);
    CHECK_EQ(n_uploads(&l, 0), 0);
    title[INGRESS_TITLE_MAX] = '\0';
    batch[2 * INGRESS_BATCH_MAX] = '\0';
    struct ingress_meta good = {
        .title = title, .batch_name = batch, .tags = many, .n_tags = INGRESS_TAGS_MAX};
    err_clear(&e);
    CHECK_OK(ingress_file(&l.in, path, &good, &r, &e));
}

TEST(titles_come_from_file_names)
{
    static const struct {
        const char *path, *title;
    } table[] = {
        {"/a/b/Holiday 2026.mp4", "Holiday 2026"},
        {"film.webm", "film"},
        {"no extension", "no extension"},
        {".hidden", ".hidden"},
        {"a.b.c.mov", "a.b.c"},
        {"Mr. Smith goes", "Mr. Smith goes"},
        {"dir/", "dir"},
        {"\xd0\xb7\xd0\xb8\xd0\xbc\xd0\xb0.mkv", "\xd0\xb7\xd0\xb8\xd0\xbc\xd0\xb0"},
        {"bad\xff.mp4", "bad\xef\xbf\xbd"},
        {"line\nbreak.mp4", "line\xef\xbf\xbd"
                            "break"},
        {"   .mp4", "untitled"},
        {"", "untitled"},
        {"/", "/"},
    };
    char title[INGRESS_TITLE_MAX + 1];

    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        ingress_title_of(table[i].path, title);
        CHECK_STR(title, table[i].title);
    }
    char name[4000];
    memset(name, '\xe6', sizeof name); /* each byte becomes three */
    name[sizeof name - 1] = '\0';
    ingress_title_of(name, title);
    CHECK(strlen(title) <= INGRESS_TITLE_MAX);
    CHECK(utf8_valid(str_of(title)));
}

TEST(names_in_any_bytes_are_taken)
{
    static const char *const names[] = {
        "\xe6\x98\xa0\xe7\x94\xbb.mp4",
        "\xff\xfe\x80.mp4",
        "new\nline.mp4",
        "qu\"o'te.mp4",
        "-dash.mp4",
        "\x01\x02.mp4",
        "\xf0\x9f\x8e\xac.mp4",
        "sp ace .mp4",
        "a;b$c`d.mp4",
        "%s%n.mp4",
    };
    LIB struct lib l = {0};
    struct err e = {0};

    lib_open(&l);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char content[32];
        struct ingress_result r;
        snprintf(content, sizeof content, "content %zu", i);
        CLEANUP_FREE char *path = file_with(names[i], content);
        CHECK_OK(ingress_file(&l.in, path, NULL, &r, &e));
        CHECK_EQ(r.outcome, INGRESS_NEW);
    }
    CHECK_EQ(n_videos(&l), ARRAY_LEN(names));
}

TEST_MAIN
