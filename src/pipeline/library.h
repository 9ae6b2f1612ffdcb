/*
 * The library: a data folder opened, with all that works on it. What `ingest`, `work`, `search` and
 * the server share.
 *
 *     DATA/rushes.db   DATA/objects/   DATA/scratch/   DATA/models/
 */
#ifndef PIPELINE_LIBRARY_H
#define PIPELINE_LIBRARY_H

#include "base/err.h"
#include "base/log.h"
#include "conf/conf.h"
#include "db/db.h"
#include "ingress/ingress.h"
#include "media/media.h"
#include "queue/queue.h"
#include "store/store.h"

/* Plain data; the members are owned by the library and may be used from any thread. */
struct library {
    const struct conf *conf; /* borrowed */
    const char *dir;         /* borrowed from conf */
    struct log *log;
    struct db *db;
    struct store *store;
    struct queue *queue; /* this process as a worker */
};

/* Opens conf's data folder, making it where it is absent. LIBRARY_EXISTING: ERR_NOT_FOUND instead
 * of making one, so that a search in the wrong place does not leave an empty library behind. */
enum library_mode { LIBRARY_CREATE, LIBRARY_EXISTING };
int library_open(const struct conf *conf, enum library_mode mode, struct library **ret,
                 struct err *e);
void library_free(struct library *lib);
CLEANUP_DEFINE(library_free, struct library *);

/* Where things are, to be freed. */
char *library_db_path(const char *dir);

/* An ingress for this library whose new videos start the pipeline. Plain data, borrowing from lib.
 */
void library_ingress(struct library *lib, struct ingress *ret);

#endif
