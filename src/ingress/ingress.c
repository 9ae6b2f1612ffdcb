/*
 * The way of one file. Two roads: when the library has an original of exactly this size the file is hashed first, and
 * a duplicate ends there; else it is copied into scratch and hashed in the same read.
 */
#include "ingress/ingress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/log.h"
#include "db/db_objects.h"
#include "ingress/ingress_priv.h"

/* One file under way. */
struct take {
    const struct ingress *in;
    struct ingress_meta meta;
    const char *path;
    struct origin src;
    struct store_writer *w;
    bool heals; /* the library knows the content, but its stored bytes are lost or damaged */
    char filename[INGRESS_TITLE_MAX + 1];
    char *where;
    struct buf said;      /* JSON of meta */
    struct upload upload; /* as it is in the database; text borrowed from here */
    char upload_id[UUID_MAX], sha256[SHA256_HEX_MAX], scratch[SCRATCH_PATH_MAX];
};

static void take_finish(struct take *t)
{
    store_writer_free(t->w);
    origin_close(&t->src);
    buf_finish(&t->said);
    free(t->where);
}

static int tell(void *arg, int64_t done)
{
    const struct take *t = arg;

    return t->in->progress ? t->in->progress(t->in->progress_arg, done, t->src.st.st_size) : 0;
}

static int say_what(struct take *t, struct err *e)
{
    char title[INGRESS_TITLE_MAX + 1];

    ingress_title_of(t->path, title);
    origin_name(t->path, t->filename);
    t->where = origin_where(t->path);
    meta_json(&t->meta, t->meta.title && t->meta.title[0] ? t->meta.title : title, &t->said);
    if (!buf_ok(&t->said))
        return err_set(e, ERR_LIMIT, "what is said of '%s' is too long", t->src.shown);
    t->upload = (struct upload){
        .id = "",
        .user_id = t->meta.user_id ? t->meta.user_id : "",
        .video_id = "",
        .scratch_path = "",
        .source_path = t->where,
        .filename = t->filename,
        .mime_type = "",
        .declared_bytes = t->src.st.st_size,
        .checksum_sha256 = "",
        .error_text = "",
        .error_plain = "",
        .meta_json = buf_z(&t->said),
    };
    return 0;
}

/* ---- the road of a file that may be known ---- */

static int size_known(const struct take *t, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    if (db_begin(t->in->db, DB_READ, &tx, e) < 0)
        return -1;
    return db_object_size_known(tx, t->src.st.st_size, e);
}

static int short_read(const struct take *t, int64_t got, struct err *e)
{
    err_set(e, ERR_INPUT, "'%s' gave %" PRId64 " of %" PRId64 " bytes", t->src.shown, got,
            (int64_t)t->src.st.st_size);
    return err_plain(e, "The file could not be read to its end.",
                     "Check the disk or network folder it is on.");
}

static int hash_source(struct take *t, struct err *e)
{
    int64_t size;

    if (store_hash_fd(t->src.fd, tell, t, &size, t->sha256, e) < 0) {
        if (e->code == ERR_STORAGE) /* it is not our storage that failed */
            e->code = ERR_INPUT;
        return err_wrap(e, "hash '%s'", t->src.shown);
    }
    if (origin_unchanged(&t->src, e) < 0)
        return -1;
    return size == t->src.st.st_size ? 0 : short_read(t, size, e);
}

/* 1 the whole content is in the store and the result is filled; 0 its bytes must be copied */
static int take_known(struct take *t, struct ingress_result *ret, struct err *e)
{
    int known = size_known(t, e);

    if (known <= 0)
        return known;
    if (hash_source(t, e) < 0)
        return -1;
    int whole = record_has_original(t->in, t->sha256, t->src.st.st_size, e);
    int found = whole < 0 ? -1 : record_find(t->in, &t->meta, t->sha256, ret, e);
    if (found < 0)
        return -1;
    t->heals = found && !whole;
    if (!whole)
        return 0;
    if (found)
        return 1;
    /* another scope has the bytes: they serve both */
    t->upload.checksum_sha256 = t->sha256;
    t->upload.received_bytes = t->src.st.st_size;
    return record_upload(t->in, &t->upload, ret, e);
}

/* ---- the road of a new file ---- */

/* The row comes before the first byte: whatever happens now, someone knows of it. */
static int announce(struct take *t, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    const char *owner;

    if (store_begin(t->in->store, t->src.st.st_size, &t->w, e) < 0 ||
        store_owner(t->in->store, &owner, e) < 0)
        return -1;
    scratch_path(owner, store_writer_scratch_name(t->w), t->scratch);
    t->upload.scratch_path = t->scratch;
    t->upload.state = UPLOAD_RECEIVING;
    if (db_begin(t->in->db, DB_WRITE, &tx, e) < 0 ||
        db_upload_add(tx, &t->upload, t->upload_id, e) < 0 || db_commit(tx, e) < 0)
        return err_wrap(e, "announce upload");
    t->upload.id = t->upload_id;
    return 0;
}

static int copy(struct take *t, struct err *e)
{
    struct err why = {0};

    if (lseek(t->src.fd, 0, SEEK_SET) < 0)
        return err_set(e, ERR_INPUT, "'%s' can not be read from its start", t->src.shown);
    if (store_write_from(t->w, t->src.fd, t->src.st.st_size, tell, t, e) < 0) {
        /* longer than it was when it was opened: it grows */
        if (e->code == ERR_LIMIT && origin_unchanged(&t->src, &why) < 0)
            *e = why;
        return -1;
    }
    if (origin_unchanged(&t->src, e) < 0)
        return -1;
    if (store_writer_finish(t->w, e) < 0)
        return -1;
    if (store_writer_size(t->w) != t->src.st.st_size)
        return short_read(t, store_writer_size(t->w), e);
    return 0;
}

/* The hash goes into the row before the rename, so that recovery can finish what is whole. */
static int note_received(struct take *t, struct err *e)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;

    memcpy(t->sha256, store_writer_sha256(t->w), sizeof t->sha256);
    t->upload.checksum_sha256 = t->sha256;
    t->upload.received_bytes = store_writer_size(t->w);
    if (db_begin(t->in->db, DB_WRITE, &tx, e) < 0 ||
        db_upload_progress(tx, t->upload_id, t->upload.received_bytes, e) < 0 ||
        db_upload_set_state(tx, t->upload_id, UPLOAD_RECEIVED, t->sha256, NULL, NULL, e) < 0 ||
        db_commit(tx, e) < 0)
        return err_wrap(e, "note that all bytes came");
    t->upload.state = UPLOAD_RECEIVED;
    return 0;
}

static int publish(struct take *t, struct err *e)
{
    char key[STORE_KEY_MAX];

    if (store_name_original(t->sha256, key, e) < 0)
        return -1;
    return store_commit(t->w, key, STORE_REPLACE, e); /* other bytes under this name are damage */
}

/* An upload that failed says why. When even that fails, recovery finds the row without a living owner. */
static void give_up(struct take *t, const struct err *why)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    struct err e = {0};
    enum upload_state to = why->code == ERR_CANCELLED ? UPLOAD_ABORTED : UPLOAD_FAILED;

    if (!t->upload_id[0])
        return;
    if (db_begin(t->in->db, DB_WRITE, &tx, &e) < 0 ||
        db_upload_set_state(tx, t->upload_id, to, NULL, NULL, why, &e) < 0 || db_commit(tx, &e) < 0)
        log_warn(t->in->log, "upload_not_closed upload=%s cause=%s, continuing", t->upload_id,
                 LOGZ(e.text));
}

static int take_new(struct take *t, struct ingress_result *ret, struct err *e)
{
    int published = -1;

    if (announce(t, e) == 0 && copy(t, e) == 0 && note_received(t, e) == 0)
        published = publish(t, e);
    if (published < 0) {
        give_up(t, e);
        return -1;
    }
    /* from here on the bytes are safe: a failure leaves the row for ingress_recover() to finish */
    int r = record_upload(t->in, &t->upload, ret, e);
    if (r == 0)
        return err_set(e, ERR_CONFLICT, "upload '%s' was ended by another process", t->upload_id);
    if (r < 0)
        return -1;
    /* new bytes for an old video: its own were lost, unless it was made this very moment by someone else */
    ret->healed = t->heals || published == STORE_REPLACED ||
                  (ret->outcome == INGRESS_DUPLICATE && published == STORE_NEW);
    return 0;
}

int ingress_file(const struct ingress *in, const char *path, const struct ingress_meta *meta,
                 struct ingress_result *ret, struct err *e)
{
    __attribute__((cleanup(take_finish))) struct take t = {
        .in = in, .path = path, .src = {.fd = -1}};
    struct ingress_result result = {0};

    if (meta)
        t.meta = *meta;
    if (meta_check(meta, e) < 0 || origin_open(path, in->max_bytes, &t.src, e) < 0)
        return -1;
    if (say_what(&t, e) < 0)
        return -1;
    int r = take_known(&t, &result, e);
    if (r == 0 && take_new(&t, &result, e) == 0)
        r = 1;
    else if (r == 0)
        r = -1;
    if (r < 0)
        return err_wrap(e, "ingest '%s'", t.src.shown);
    log_info(in->log, "ingested video=%s sha256=%s bytes=%" PRId64 " outcome=%d", result.video_id,
             result.sha256, result.size_bytes, (int)result.outcome);
    *ret = result;
    return 0;
}
