/*
 * After a crash. An unfinished upload belongs to the process whose scratch folder it names; the folder's lock tells
 * whether that one lives. Its hash is in the row once all bytes were on the disk: then the upload is finished from the
 * object or from the scratch file, else it is undone.
 */
#include <inttypes.h>

#include "base/log.h"
#include "ingress/ingress_priv.h"

enum recovered { REC_FINISHED, REC_UNDONE, REC_ALIVE };

static int undo(const struct ingress *in, const struct upload *up, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct upload now;
    struct err why = {0};

    err_set(&why, ERR_CANCELLED, "the process that received it ended before all bytes were stored");
    err_plain(&why, "The upload was interrupted.", "Ingest the file again.");
    if (db_begin(in->db, DB_WRITE, &tx, e) < 0 || db_upload_get(tx, a, up->id, &now, e) < 0)
        return -1;
    if (now.state != UPLOAD_RECEIVING && now.state != UPLOAD_RECEIVED)
        return REC_UNDONE; /* someone else was quicker */
    if (db_upload_set_state(tx, up->id, UPLOAD_FAILED, NULL, NULL, &why, e) < 0 ||
        db_commit(tx, e) < 0)
        return -1;
    log_info(in->log, "upload_undone upload=%s file=%s", up->id, LOGZ(up->filename));
    return REC_UNDONE;
}

/* Publishes the scratch file of the dead process if it holds what the row says. 1 published, 0 it does not. */
static int publish_from_scratch(const struct ingress *in, struct store_claim *c, const char *file,
                                const struct upload *up, struct err *e)
{
    CLEANUP(store_writer_free) struct store_writer *w = NULL;
    char key[STORE_KEY_MAX];

    if (store_name_original(up->checksum_sha256, key, e) < 0)
        return -1;
    int r = store_claim_adopt(c, file, &w, e);
    if (r <= 0)
        return r;
    if (store_writer_finish(w, e) < 0)
        return -1;
    if (strcmp(store_writer_sha256(w), up->checksum_sha256) != 0)
        return 0;
    return store_commit(w, key, STORE_REPLACE, e) < 0 ? -1 : 1;
}

/* It died between publishing and the row: 1 the object is there and is what the row says, 0 not. */
static int published_whole(const struct ingress *in, const struct upload *up, struct err *e)
{
    char key[STORE_KEY_MAX], sha256[SHA256_HEX_MAX];

    if (store_name_original(up->checksum_sha256, key, e) < 0)
        return -1;
    int r = store_stat(in->store, key, NULL, e);
    if (r <= 0)
        return r;
    if (store_hash(in->store, key, NULL, NULL, NULL, sha256, e) < 0)
        return -1;
    return strcmp(sha256, up->checksum_sha256) == 0;
}

static int finish(const struct ingress *in, struct store_claim *c, const char *file,
                  const struct upload *up, struct err *e)
{
    struct ingress_result result = {0};
    /* from scratch while it is there: publishing again what was published costs a look */
    int whole = c ? publish_from_scratch(in, c, file, up, e) : 0;

    if (whole == 0)
        whole = published_whole(in, up, e);
    if (whole < 0)
        return -1;
    if (!whole)
        return undo(in, up, e);
    int recorded = record_upload(in, up, &result, e);
    if (recorded < 0)
        return -1;
    if (recorded)
        log_info(in->log, "upload_finished upload=%s video=%s", up->id, result.video_id);
    else
        log_info(in->log, "upload_ended_by_another upload=%s", up->id);
    return REC_FINISHED;
}

/* Answers enum recovered. */
static int recover_one(const struct ingress *in, const struct upload *up, struct err *e)
{
    char owner[STORE_OWNER_MAX], file[SCRATCH_FILE_MAX];
    struct store_claim *c = NULL;

    if (!scratch_path_parse(up->scratch_path, owner, file))
        return REC_ALIVE; /* not a local file's: those who receive it look after it */
    int claim = store_claim(in->store, owner, &c, e);
    if (claim < 0)
        return -1;
    if (claim == STORE_CLAIM_ALIVE)
        return REC_ALIVE;
    int r = up->state == UPLOAD_RECEIVED && sha256_is_hex(str_of(up->checksum_sha256))
                ? finish(in, c, file, up, e)
                : undo(in, up, e);
    store_claim_free(c, /* remove */ false); /* the same process may have had more than one */
    return r;
}

static int unfinished(const struct ingress *in, struct arena *a, struct upload **ret, size_t *ret_n,
                      struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(in->db, DB_READ, &tx, e) < 0)
        return -1;
    return db_upload_list(tx, a, 1u << UPLOAD_RECEIVING | 1u << UPLOAD_RECEIVED, 0, DB_PAGE_MAX,
                          ret, ret_n, e);
}

int ingress_recover(const struct ingress *in, struct ingress_recovered *ret, struct err *e)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct ingress_recovered done = {0};
    struct upload *ups;
    size_t n;

    if (unfinished(in, a, &ups, &n, e) < 0)
        return err_wrap(e, "look for interrupted uploads");
    for (size_t i = 0; i < n; i++) {
        struct err why = {0};
        int r = recover_one(in, &ups[i], &why);
        if (r < 0) {
            log_warn(in->log, "upload_not_recovered upload=%s cause=%s, continuing", ups[i].id,
                     LOGZ(why.text));
            done.failed++;
        }
        done.finished += r == REC_FINISHED;
        done.undone += r == REC_UNDONE;
        done.left_alone += r == REC_ALIVE;
    }
    if (done.failed == 0 &&
        n < DB_PAGE_MAX) { /* else a later call may still need what lies there */
        done.swept = store_sweep(in->store, e);
        if (done.swept < 0)
            return -1;
    }
    if (ret)
        *ret = done;
    return 0;
}
