/* Verify finds each kind of damage, says so, and repairs what can be repaired without touching the rest. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "conf/conf.h"
#include "db/db_jobs.h"
#include "pipeline/test_library.h"
#include "pipeline/verify.h"
#include "queue/queue.h"
#include "store/scratch_path.h"

struct again {
    int n;
    char video[8][UUID_MAX], stage[8][64];
};

static int note_again(void *arg, struct tx *tx, const char *video_id, const char *stage,
                      struct err *e)
{
    struct again *a = arg;

    CHECK(a->n < 8);
    snprintf(a->video[a->n], UUID_MAX, "%s", video_id);
    snprintf(a->stage[a->n++], 64, "%s", stage ? stage : "(any)");
    return 1;
}

static int n_recovered;
static int note_recover(void *arg, struct err *e)
{
    n_recovered++;
    return 0;
}

enum { REPAIR = 1, QUICK = 2, GRACE = 4 };

/* 0 sound, 1 not; the report is the caller's. */
static int run(struct shelf *s, int how, struct again *again, struct verify_report **ret)
{
    struct verify v = {
        .db = s->db,
        .store = s->store,
        .repair = how & REPAIR,
        .quick = how & QUICK,
        .grace_ms = how & GRACE ? VERIFY_GRACE_MS : 0,
        .again = note_again,
        .again_arg = again,
    };
    struct err e = {0};
    int r = verify_run(&v, ret, &e);

    CHECK_OK(r);
    return r;
}

/* The report has exactly one finding, and it is this. */
static void check_one(struct shelf *s, int how, enum verify_problem problem, enum verify_fix fix,
                      const char *key)
{
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    struct again again = {0};

    CHECK_EQ(run(s, how, &again, &r), 1);
    for (size_t i = 0; i < r->n_findings; i++)
        if (r->n_findings != 1)
            print_message("%s %s: %s\n", verify_problem_name(r->findings[i].problem),
                          r->findings[i].key, r->findings[i].detail);
    CHECK_EQ(r->n_findings, 1);
    CHECK_STR(verify_problem_name(r->findings[0].problem), verify_problem_name(problem));
    CHECK_STR(verify_fix_name(r->findings[0].fix), verify_fix_name(fix));
    CHECK_STR(r->findings[0].key, key);
    CHECK_EQ(r->count[problem], 1);
    CHECK_EQ(r->findings[0].outcome, VERIFY_LEFT);
}

static void check_sound(struct shelf *s)
{
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    struct again again = {0};

    if (run(s, 0, &again, &r) != 0)
        fail_msg("%s %s: %s", verify_problem_name(r->findings[0].problem), r->findings[0].key,
                 r->findings[0].detail);
    CHECK_EQ(r->n_findings, 0);
}

/* Repairs everything, with so many findings queued and given up; answers how often stages were queued. */
static struct again repair_as(struct shelf *s, int64_t queued, int64_t given_up)
{
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    CLEANUP_BUF struct buf text = BUF_MAX(1 << 16);
    struct again again = {0};

    CHECK_EQ(run(s, REPAIR, &again, &r), given_up > 0);
    for (size_t i = 0; i < r->n_findings; i++)
        CHECK(r->findings[i].outcome != VERIFY_LEFT);
    CHECK_EQ(r->queued, queued);
    CHECK_EQ(r->given_up, given_up);
    CHECK_EQ(r->repaired + r->queued + r->given_up, r->n_findings);
    CHECK_EQ(r->repairable, 0);
    verify_report_text(r, &text);
    CHECK_EQ(strstr(buf_z(&text), "finish with: rushes work --drain") != NULL, queued > 0);
    CHECK(!strstr(buf_z(&text), "--repair"));
    return again;
}

static struct again repair(struct shelf *s)
{
    return repair_as(s, 0, 0);
}

static char *read_key(struct shelf *s, const char *key)
{
    struct buf out = BUF_MAX(1 << 20);
    struct err e = {0};

    CHECK_OK(store_read(s->store, key, 1 << 20, &out, &e));
    return buf_steal(&out);
}

static struct video get(struct shelf *s, struct arena *a, const char *id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    CHECK_OK(db_video_get(tx, a, id, &v, &e));
    return v;
}

static int has_row(struct shelf *s, const char *key)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct object o;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_READ, &tx, &e));
    return db_object_get(tx, a, key, &o, &e);
}

static void drop_row(struct shelf *s, const char *key)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};

    CHECK_OK(db_begin(s->db, DB_WRITE, &tx, &e));
    CHECK_EQ(db_object_del(tx, key, &e), 1);
    CHECK_OK(db_commit(tx, &e));
}

TEST(sound_library_is_said_to_be_sound)
{
    SHELF s = {0};
    struct shelf_video v;
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    CLEANUP_BUF struct buf json = BUF_MAX(1 << 16);
    struct jsonw w = JSONW(&json);
    struct again again = {0};

    shelf_open(&s);
    check_sound(&s); /* an empty one too */
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    shelf_add(&s, "broken", "", VIDEO_FAILED, &v);
    check_sound(&s);
    CHECK_EQ(run(&s, 0, &again, &r), 0);
    CHECK_EQ(r->videos, 2);
    CHECK_EQ(r->objects, 7);
    CHECK(r->bytes > 20);
    verify_json(r, &w);
    CHECK(strstr(buf_z(&json), "{\"ok\":true,\"quick\":false,\"objects\":7,"));
    CHECK(strstr(buf_z(&json), "\"findings\":[]}"));
}

TEST(missing_derived_object_is_made_again)
{
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_EQ(store_remove(s.store, v.proxy, &e), 1);
    check_one(&s, 0, VERIFY_MISSING, VERIFY_FIX_REQUEUE, v.proxy);
    check_one(&s, QUICK, VERIFY_MISSING, VERIFY_FIX_REQUEUE, v.proxy);
    struct again again = repair_as(&s, 1, 0);
    CHECK_EQ(again.n, 1);
    CHECK_STR(again.video[0], v.id);
    CHECK_STR(again.stage[0], "media_pass");
    CHECK_EQ(has_row(&s, v.proxy), 0);
    CHECK_EQ(has_row(&s, v.text), 1);
}

TEST(damaged_derived_object_is_found_by_its_hash_and_made_again)
{
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_OK(store_put(s.store, v.text, STR("[]"), STORE_REPLACE, &e)); /* same size */
    {
        CLEANUP(verify_report_free) struct verify_report *r = NULL;
        struct again none = {0};
        CHECK_EQ(run(&s, QUICK, &none, &r), 0); /* what quick does not see */
    }
    check_one(&s, 0, VERIFY_DAMAGED, VERIFY_FIX_REQUEUE, v.text);
    struct again again = repair_as(&s, 1, 0);
    CHECK_EQ(again.n, 1);
    CHECK_STR(again.stage[0], "read_text");
    CHECK_EQ(store_stat(s.store, v.text, NULL, &e), 0);
    check_sound(&s);
}

TEST(several_bad_objects_of_one_content_queue_the_earliest_stage_once_for_each_video)
{
    SHELF s = {0};
    struct shelf_video v, other;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    shelf_add(&s, "film", "cam", VIDEO_INDEXED, &other);
    CHECK_OK(store_put(s.store, v.text, STR("longer than it was"), STORE_REPLACE, &e));
    CHECK_EQ(store_remove(s.store, v.proxy, &e), 1);
    struct again again = repair_as(&s, 2, 0);
    CHECK_EQ(again.n, 2);
    CHECK_STR(again.stage[0], "media_pass");
    CHECK_STR(again.stage[1], "media_pass");
    CHECK(strcmp(again.video[0], again.video[1]) != 0);
}

TEST(lost_original_fails_its_video_with_the_reason)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_EQ(store_remove(s.store, v.original, &e), 1);
    CHECK_EQ(store_remove(s.store, v.proxy, &e), 1);
    struct again again = repair_as(&s, 0, 2);
    CHECK_EQ(again.n, 0); /* nothing to make it from */
    struct video now = get(&s, a, v.id);
    CHECK_EQ(now.state, VIDEO_FAILED);
    CHECK_EQ(now.error.code, ERR_STORAGE);
    CHECK_STR(now.error.plain, "The stored original of this video is lost.");
    CHECK_STR(now.error.next, "Ingest the file again.");
    check_sound(&s); /* the library says the truth again */
}

TEST(damaged_original_fails_its_video_but_its_bytes_are_kept)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_OK(store_put(s.store, v.original, STR("fi|m"), STORE_REPLACE, &e));
    check_one(&s, 0, VERIFY_DAMAGED, VERIFY_FIX_FAIL, v.original);
    repair_as(&s, 0, 1);
    CHECK_EQ(get(&s, a, v.id).state, VIDEO_FAILED);
    CHECK_EQ(has_row(&s, v.original), 0);
    CLEANUP_FREE char *kept = read_key(&s, v.original);
    CHECK_STR(kept, "fi|m");
    check_one(&s, 0, VERIFY_DAMAGED, VERIFY_FIX_NONE, v.original); /* said until it is healed */
}

TEST(orphans_go_after_the_grace_and_only_they)
{
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};
    struct again again = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_OK(store_name_derived(v.sha256, "media_pass", 9, "0123456789ab", "proxy.mp4", key, &e));
    CHECK_OK(store_put(s.store, key, STR("left by a crash"), STORE_KEEP, &e));
    {
        CLEANUP(verify_report_free) struct verify_report *r = NULL;
        CHECK_EQ(run(&s, GRACE | REPAIR, &again, &r), 0); /* young: its row may be on its way */
    }
    CHECK_EQ(store_stat(s.store, key, NULL, &e), 1);
    check_one(&s, 0, VERIFY_ORPHAN, VERIFY_FIX_REMOVE, key);
    repair(&s);
    CHECK_EQ(store_stat(s.store, key, NULL, &e), 0);
    CHECK_EQ(store_stat(s.store, v.proxy, NULL, &e), 1);
    check_sound(&s);
}

TEST(objects_of_a_deleted_video_are_orphans_with_their_rows)
{
    SHELF s = {0};
    struct shelf_video v, other;
    struct err e = {0};
    bool last;

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    shelf_add(&s, "film", "cam", VIDEO_INDEXED, &other);
    const char *const both[] = {v.id, other.id};
    for (int i = 0; i < 2; i++) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_EQ(db_video_delete(tx, both[i], &last, &e), 1);
        CHECK_EQ(last, i == 1);
        CHECK_OK(db_commit(tx, &e));
        if (i == 0)
            check_sound(&s); /* the other still needs them */
    }
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    struct again again = {0};
    CHECK_EQ(run(&s, 0, &again, &r), 1);
    CHECK_EQ(r->count[VERIFY_ORPHAN], 5);
    repair(&s);
    CHECK_EQ(store_stat(s.store, v.original, NULL, &e), 0);
    CHECK_EQ(has_row(&s, v.original), 0);
    check_sound(&s);
}

TEST(what_others_put_into_the_store_is_told_and_left)
{
    SHELF s = {0};
    struct err e = {0};
    struct again again = {0};

    shelf_open(&s);
    CHECK_OK(store_put(s.store, "a/b", STR("x"), STORE_KEEP, &e));
    CHECK_EQ(store_remove(s.store, "a/b", &e), 1);
    CLEANUP_FREE char *path = xasprintf("%s/objects/my notes.txt", s.dir);
    CHECK_OK(fs_write_file(path, STR("mine"), &e));
    CLEANUP(verify_report_free) struct verify_report *r = NULL, *r2 = NULL;
    CLEANUP_BUF struct buf text = BUF_MAX(1 << 16);
    CHECK_EQ(run(&s, 0, &again, &r), 0); /* no harm done: not for ever a failure */
    CHECK_EQ(r->n_findings, 1);
    CHECK_EQ(r->findings[0].problem, VERIFY_FOREIGN);
    CHECK_STR(r->findings[0].key, "my notes.txt");
    verify_report_text(r, &text);
    CHECK(strstr(buf_z(&text), "0 videos, 0 objects: all sound; 1 foreign file left alone\n"));
    CHECK(!strstr(buf_z(&text), "--repair"));
    CHECK_EQ(run(&s, REPAIR, &again, &r2), 0);
    CHECK_EQ(r2->findings[0].outcome, VERIFY_LEFT);
    CHECK_EQ(fs_exists(path, &e), 1);
}

TEST(missing_sidecar_is_written_again)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct sidecar sc;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    CHECK_EQ(store_remove(s.store, v.sidecar, &e), 1);
    check_one(&s, 0, VERIFY_MISSING, VERIFY_FIX_WRITE, v.sidecar);
    repair(&s);
    struct video now = get(&s, a, v.id);
    CHECK(strstr(now.sidecar_key, "/000002.json"));
    CHECK_OK(sidecar_load(s.store, now.sidecar_key, a, &sc, &e));
    CHECK_EQ(sc.n_objects, 3);
    check_sound(&s);
}

TEST(damaged_old_sidecar_goes_and_the_present_one_stays)
{
    SHELF s = {0};
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct shelf_video v;
    struct err e = {0};
    char key[STORE_KEY_MAX];

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_OK(sidecar_write(tx, s.store, v.id, key, &e));
        CHECK_OK(db_commit(tx, &e));
    }
    CHECK_OK(store_put(s.store, v.sidecar, STR("{}"), STORE_REPLACE, &e));
    check_one(&s, 0, VERIFY_DAMAGED, VERIFY_FIX_WRITE, v.sidecar);
    repair(&s);
    CHECK_STR(get(&s, a, v.id).sidecar_key, key);
    check_sound(&s);
}

TEST(lost_row_of_a_whole_original_is_written_again)
{
    SHELF s = {0};
    struct shelf_video v;

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    drop_row(&s, v.original);
    check_one(&s, 0, VERIFY_UNNAMED, VERIFY_FIX_WRITE, v.original);
    check_one(&s, QUICK, VERIFY_UNNAMED, VERIFY_FIX_NONE, v.original);
    CHECK_EQ(repair(&s).n, 0);
    CHECK_EQ(has_row(&s, v.original), 1);
    check_sound(&s);
}

TEST(video_without_a_job_is_stuck_and_is_queued_again)
{
    SHELF s = {0};
    struct shelf_video v;

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_PROCESSING, &v);
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    struct again again = {0};
    CHECK_EQ(run(&s, 0, &again, &r), 1);
    CHECK_EQ(r->n_findings, 1);
    CHECK_EQ(r->findings[0].problem, VERIFY_STUCK);
    CHECK_STR(r->findings[0].video_id, v.id);
    again = repair_as(&s, 1, 0);
    CHECK_EQ(again.n, 1);
    CHECK_STR(again.stage[0], "(any)");
}

TEST(what_is_at_work_is_left_to_the_one_who_works)
{
    SHELF s = {0};
    struct shelf_video v;
    struct err e = {0};

    shelf_open(&s);
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    CLEANUP(queue_free) struct queue *q = NULL;
    CHECK_OK(queue_new(s.db, conf, &q, &e));
    shelf_add(&s, "film", "", VIDEO_PROCESSING, &v);
    {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct job_spec spec = {.queue = QUEUE_VIDEO_PROCESSING,
                                .stage = "media_pass",
                                .video_id = v.id,
                                .priority = 5};
        CHECK_OK(db_begin(s.db, DB_WRITE, &tx, &e));
        CHECK_EQ(queue_add(q, tx, &spec, NULL, &e), QUEUE_ADDED);
        CHECK_OK(db_commit(tx, &e));
    }
    check_sound(&s); /* it has a job: not stuck */
    CHECK_EQ(store_remove(s.store, v.proxy, &e), 1);
    CLEANUP(verify_report_free) struct verify_report *r = NULL;
    struct again again = {0};
    CHECK_EQ(run(&s, REPAIR, &again, &r), 1);
    CHECK_EQ(r->n_findings, 1);
    CHECK_EQ(r->findings[0].outcome, VERIFY_LEFT);
    CHECK_EQ(again.n, 0);
    CHECK_EQ(has_row(&s, v.proxy), 1);
}

/* A process that died with a file in scratch, and perhaps with an upload that names it. */
static void leave_scratch(struct shelf *s, bool upload)
{
    pid_t pid = fork();
    int status;

    CHECK(pid >= 0);
    if (pid == 0) {
        struct err e = {0};
        struct store *store = NULL;
        struct store_writer *w = NULL;
        if (store_fs_open(s->dir, NULL, &store, &e) < 0 || store_begin(store, -1, &w, &e) < 0 ||
            store_write(w, "12345", 5, &e) < 0)
            _exit(1);
        _exit(0); /* without closing anything */
    }
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
    if (upload) {
        CLEANUP(db_rollback) struct tx *tx = NULL;
        struct upload up = {
            .state = UPLOAD_RECEIVING, .scratch_path = "scratch/123-0/0.part", .declared_bytes = 9};
        struct err e = {0};
        char id[UUID_MAX];
        CHECK_OK(db_begin(s->db, DB_WRITE, &tx, &e));
        CHECK_OK(db_upload_add(tx, &up, id, &e));
        CHECK_OK(db_commit(tx, &e));
    }
}

TEST(scratch_of_dead_processes_is_swept)
{
    SHELF s = {0};

    shelf_open(&s);
    leave_scratch(&s, /* upload */ false);
    check_one(&s, 0, VERIFY_SCRATCH, VERIFY_FIX_REMOVE, "");
    repair(&s);
    check_sound(&s);
}

TEST(interrupted_uploads_are_left_to_recovery)
{
    SHELF s = {0};
    struct err e = {0};
    struct store_scratch_use use;

    shelf_open(&s);
    leave_scratch(&s, /* upload */ true);
    CLEANUP(verify_report_free) struct verify_report *r = NULL, *r2 = NULL;
    struct again again = {0};
    CHECK_EQ(run(&s, REPAIR, &again, &r), 1); /* nobody to recover: scratch must stay */
    CHECK_EQ(r->count[VERIFY_UPLOAD], 1);
    CHECK_EQ(r->count[VERIFY_SCRATCH], 1);
    CHECK_EQ(r->repaired, 0);
    CHECK_OK(store_scratch_look(s.store, &use, &e));
    CHECK_EQ(use.dead, 1);
    struct verify v = {.db = s.db, .store = s.store, .repair = true, .recover = note_recover};
    n_recovered = 0;
    CHECK_EQ(verify_run(&v, &r2, &e), 0);
    CHECK(n_recovered > 0);
}

static int stop_now(void *arg, int64_t objects, int64_t bytes)
{
    return 1;
}

TEST(verify_can_be_stopped)
{
    SHELF s = {0};
    struct shelf_video v;
    struct verify_report *r = NULL;
    struct err e = {0};

    shelf_open(&s);
    shelf_add(&s, "film", "", VIDEO_INDEXED, &v);
    struct verify ver = {.db = s.db, .store = s.store, .progress = stop_now};
    CHECK_ERR(verify_run(&ver, &r, &e), ERR_CANCELLED);
    CHECK(!r);
}

TEST_MAIN
