/* For the tests of queue/: a fresh database, the test clock, two workers, and short ways to add,
 * claim and look. */
#ifndef QUEUE_TEST_QUEUE_H
#define QUEUE_TEST_QUEUE_H

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/test.h"
#include "conf/conf.h"
#include "db/db_videos.h"
#include "queue/queue_priv.h"

#define T0       ((int64_t)1700000000000)
#define LEASE_MS 30000

struct fix {
    struct db *db;
    struct queue *a, *b; /* two workers */
    struct arena *mem;
    struct err e;
    int n_dead, n_uploads;
};

static void on_dead(void *arg, const struct job_row *job)
{
    struct fix *f = arg;
    CHECK(job->dead);
    CHECK_EQ(job->state, JOB_FAILED);
    f->n_dead++;
}

static void on_upload(void *arg, const struct upload *up)
{
    struct fix *f = arg;
    CHECK_STR(up->scratch_path, "scratch/x");
    f->n_uploads++;
}

static void fix_begin(struct fix *f)
{
    static int n;
    char name[32];

    log_setup(LOG_OFF, LOG_LOGFMT, 2);
    clock_freeze_ms(T0);
    snprintf(name, sizeof(name), "queue%d.db", n++);
    CLEANUP_FREE char *path = fs_join(test_dir(), name);
    CLEANUP(conf_free) struct conf *conf = conf_defaults();
    *f = (struct fix){.mem = arena_new()};
    if (db_open(path, &f->db, &f->e) < 0 || queue_new(f->db, conf, &f->a, &f->e) < 0 ||
        queue_new(f->db, conf, &f->b, &f->e) < 0)
        fail_msg("%s", f->e.text);
    struct queue_hooks hooks = {.arg = f, .dead = on_dead, .upload_failed = on_upload};
    queue_set_hooks(f->a, &hooks);
    queue_set_hooks(f->b, &hooks);
}

static void fix_end(struct fix *f)
{
    queue_free(f->b);
    queue_free(f->a);
    db_close(f->db);
    arena_free(f->mem);
    clock_thaw();
}
#define FIX                                                                                        \
    __attribute__((cleanup(fix_end))) struct fix f;                                                \
    fix_begin(&f)

__attribute__((unused)) static char *add_spec(struct fix *f, struct job_spec spec)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char id[UUID_MAX];

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    CHECK_EQ(queue_add(f->a, tx, &spec, id, &f->e), QUEUE_ADDED);
    if (db_commit(tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return arena_strdup(f->mem, id);
}

__attribute__((unused)) static char *add(struct fix *f, const char *stage)
{
    return add_spec(f, (struct job_spec){.queue = QUEUE_VIDEO_PROCESSING,
                                         .stage = stage,
                                         .priority = JOB_PRIORITY_DEFAULT});
}

__attribute__((unused)) static char *add_video(struct fix *f, enum video_state state)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    char id[UUID_MAX];

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0 ||
        db_video_add(tx, &(struct video){.state = state}, id, &f->e) < 0 ||
        db_commit(tx, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return arena_strdup(f->mem, id);
}

__attribute__((unused)) static struct video video(struct fix *f, const char *id)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct video v = {0};

    if (db_begin(f->db, DB_READ, &tx, &f->e) < 0 || db_video_get(tx, f->mem, id, &v, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return v;
}

__attribute__((unused)) static struct job *claim(struct fix *f, struct queue *q)
{
    struct job *j = NULL;
    int r = queue_claim(q, QUEUE_ALL, NULL, &j, NULL, &f->e);

    if (r < 0)
        fail_msg("%s", f->e.text);
    return j;
}

__attribute__((unused)) static struct job *claim_ok(struct fix *f, struct queue *q)
{
    struct job *j = claim(f, q);

    CHECK(j != NULL);
    return j;
}

__attribute__((unused)) static int finish(struct fix *f, struct job *j)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(f->db, DB_WRITE, &tx, &f->e) < 0 || queue_finish(tx, j, NULL, &f->e) < 0 ||
        db_commit(tx, &f->e) < 0)
        return -1;
    return 0;
}

__attribute__((unused)) static struct job_row show(struct fix *f, const char *id)
{
    struct job_row row = {0};

    if (queue_show(f->a, f->mem, id, &row, &f->e) < 0)
        fail_msg("%s", f->e.text);
    return row;
}

__attribute__((unused)) static struct err why(enum err_code code)
{
    struct err w = {0};

    err_set(&w, code, "went wrong");
    return w;
}

#endif
