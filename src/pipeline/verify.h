/*
 * Walking database and store beside each other: what is missing, damaged, orphaned, left over or
 * stuck, and repairing what can be repaired. May run while others work: what is younger than the
 * grace is left alone, and every finding is looked at a second time before anything is changed.
 */
#ifndef PIPELINE_VERIFY_H
#define PIPELINE_VERIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/mem.h"

struct db;
struct log;
struct store;
struct tx;

enum verify_problem {
    VERIFY_MISSING, /* a row names bytes that are not there */
    VERIFY_DAMAGED, /* the bytes are not what the row says: size or SHA-256 */
    VERIFY_ORPHAN,  /* bytes that no row names */
    VERIFY_FOREIGN, /* something in objects/ that this store did not write; never removed. Said, but
                        it harms nothing: what else is sound is called sound. */
    VERIFY_SCRATCH, /* scratch folders of dead processes */
    VERIFY_UPLOAD,  /* an unfinished upload whose process is dead */
    VERIFY_STUCK,   /* a video that is not finished and has no job that would finish it */
    VERIFY_UNNAMED, /* an indexed video without sidecar or without a row for its original */
    VERIFY_DATABASE, /* the database itself is damaged */
    VERIFY_PROBLEM_N
};
const char *verify_problem_name(enum verify_problem p); /* "missing" … */

enum verify_fix {
    VERIFY_FIX_NONE,    /* nothing to be done here; the detail says what a person can do */
    VERIFY_FIX_REQUEUE, /* a stage makes it again */
    VERIFY_FIX_REMOVE,  /* the left-over is removed */
    VERIFY_FIX_FAIL,    /* the original is lost: its videos are marked failed with that reason */
    VERIFY_FIX_WRITE,   /* what is missing is written again from the rows (sidecars, object rows) */
    VERIFY_FIX_RECOVER, /* ingress_recover() finishes or undoes it */
    VERIFY_FIX_N
};
const char *verify_fix_name(enum verify_fix f); /* "none", "requeue" … */

/* What repair made of a finding. */
enum verify_outcome {
    VERIFY_LEFT, /* nothing: no repair was asked for, none is possible, or someone is at work on it */
    VERIFY_REPAIRED, /* it is well again */
    VERIFY_QUEUED,   /* the rows are right again; what is missing is made by queued jobs */
    VERIFY_GIVEN_UP, /* lost: the library says so now, and only the file itself brings it back */
    VERIFY_OUTCOME_N
};
const char *
verify_outcome_name(enum verify_outcome o); /* "left", "repaired", "queued", "given up" */

struct verify_finding {
    enum verify_problem problem;
    enum verify_fix fix;
    enum verify_outcome outcome;
    const char *key;      /* object, scratch folder or upload; "" none */
    const char *video_id; /* "" none or several */
    const char *stage;    /* what makes it again, "" none */
    const char *detail;   /* one sentence for people */
    int64_t bytes;        /* that lie there, where known */
};

struct verify {
    struct db *db;
    struct store *store;
    const struct log *log; /* may be NULL */
    bool quick;            /* compare sizes only; otherwise every object is read and hashed */
    bool repair;
    int64_t grace_ms; /* objects younger than this are no orphans; VERIFY_GRACE_MS unless forced */
    /* Queues a video's stage again (NULL: wherever it stands) in that transaction:
     * pipeline_again(). 1 queued, 0 on its way already. NULL: repair leaves such things. */
    int (*again)(void *arg, struct tx *tx, const char *video_id, const char *stage, struct err *e);
    void *again_arg;
    /* Finishes or undoes interrupted uploads and sweeps scratch: ingress_recover(). NULL: repair
     * leaves uploads. */
    int (*recover)(void *arg, struct err *e);
    void *recover_arg;
    /* May be NULL; non-zero stops with ERR_CANCELLED. */
    int (*progress)(void *arg, int64_t objects, int64_t bytes);
    void *progress_arg;
};
#define VERIFY_GRACE_MS     ((int64_t)3600 * 1000)
#define VERIFY_FINDINGS_MAX 100000 /* more are counted, not listed */

struct verify_report {
    struct arena *arena; /* owns the text */
    struct verify_finding *findings;
    size_t n_findings;
    int64_t count[VERIFY_PROBLEM_N];    /* of each problem, listed or not */
    int64_t repaired, queued, given_up; /* what became of them, see enum verify_outcome */
    int64_t repairable;                 /* of those left, how many a repair would mend */
    int64_t objects, bytes;             /* looked at */
    int64_t videos;
    bool quick, repair;
};
void verify_report_free(struct verify_report *r);
CLEANUP_DEFINE(verify_report_free, struct verify_report *);

/*
 * 0 everything is sound, or was repaired or queued, foreign files aside; 1 something is not, also
 * what repair had to give up: it is a loss, said with this status once, by the run that finds it.
 * *ret is the caller's in both cases. Negative: it could not be looked at.
 */
int verify_run(const struct verify *v, struct verify_report **ret, struct err *e);
/* Problems that are neither settled by repair nor harmless: what makes the answer 1. */
int64_t verify_unsettled(const struct verify_report *r);
/* Lines for people: the findings, then a summary with what to do next. */
void verify_report_text(const struct verify_report *r, struct buf *out);
/* {"ok":…, "objects":…, "bytes":…, "videos":…, "repaired":n, "queued":n, "given_up":n,
 * "problems":{name: n…}, "findings":[{…, "outcome":"left", …}…]} */
void verify_json(const struct verify_report *r, struct jsonw *w);

#endif
