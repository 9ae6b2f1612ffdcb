/* Opening a data folder: its parts in the order they need each other, closed in reverse. */
#include "pipeline/library.h"

#include <sys/stat.h>

#include "base/fs.h"
#include "pipeline/pipeline.h"
#include "store/store_fs.h"

char *library_db_path(const char *dir)
{
    return fs_join(dir, "rushes.db");
}

/* What the name of the data folder may be: a folder, or nothing yet. Each other thing has its own
 * sentence, which names the folder and not what was to be made in it. */
static int check_dir(const char *dir, struct err *e)
{
    struct stat st;
    if (dir[0] == '\0') {
        err_set(e, ERR_USAGE, "empty name of the data folder");
        return err_plain(e, "The data folder has no name.", "Name it with --data DIR.");
    }
    if (stat(dir, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return 0;
        err_set(e, ERR_USAGE, "data folder %s is no folder (mode %o)", LOGZ(dir),
                st.st_mode & S_IFMT);
        err_plainf(e, "The data folder '%.200s' is not a folder.", dir);
        return err_plain(e, NULL, "Name a folder with --data DIR.");
    }
    if (lstat(dir, &st) == 0 && S_ISLNK(st.st_mode)) {
        err_set(e, ERR_USAGE, "data folder %s is a dangling link", LOGZ(dir));
        err_plainf(e, "The data folder '%.200s' is a link to something that is not there.", dir);
        return err_plain(e, NULL, "Bring back what it links to, or name another folder.");
    }
    return 0;
}

int library_open(const struct conf *conf, enum library_mode mode, struct library **ret,
                 struct err *e)
{
    CLEANUP(library_free) struct library *lib = XNEW(struct library);
    lib->conf = conf;
    lib->dir = conf_str(conf, CONF_DATA);
    lib->log = log_new(NULL, "library", NULL);
    CLEANUP_FREE char *db_path = library_db_path(lib->dir);

    if (check_dir(lib->dir, e) < 0)
        return -1;
    if (mode == LIBRARY_EXISTING) {
        int there = fs_exists(db_path, e);
        if (there < 0)
            return err_wrap(e, "open library %s", LOGZ(lib->dir));
        if (!there) {
            err_set(e, ERR_NOT_FOUND, "no library in %s", LOGZ(lib->dir));
            err_plainf(e, "There is no library in '%.200s'.", lib->dir);
            return err_plain(e, err_plain_text(e),
                             "Name its folder with --data, or make one with: rushes ingest FILE");
        }
    }
    if (fs_mkdirs(lib->dir, 0777, e) < 0) {
        if (!*e->plain)
            err_plainf(e, "The data folder '%.200s' can not be made.", lib->dir);
        err_plain(e, NULL, "Check the folders above it, or name another one with --data DIR.");
        return err_wrap(e, "open library %s", LOGZ(lib->dir));
    }
    if (store_fs_open(lib->dir, lib->log, &lib->store, e) < 0 ||
        db_open(db_path, &lib->db, e) < 0 || queue_new(lib->db, conf, &lib->queue, e) < 0)
        return err_wrap(e, "open library %s", LOGZ(lib->dir));
    *ret = STEAL(lib);
    return 0;
}

void library_free(struct library *lib)
{
    if (!lib)
        return;
    queue_free(lib->queue);
    db_close(lib->db);
    store_free(lib->store);
    log_free(lib->log);
    free(lib);
}

static int ingress_start(void *arg, struct tx *tx, const char *video_id, struct err *e)
{
    return pipeline_begin(arg, tx, video_id, e);
}

void library_ingress(struct library *lib, struct ingress *ret)
{
    *ret = (struct ingress){
        .db = lib->db,
        .store = lib->store,
        .log = lib->log,
        .max_bytes = conf_bytes(lib->conf, CONF_LIMIT_SIZE),
        .start = ingress_start,
        .start_arg = lib,
    };
}
