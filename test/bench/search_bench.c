/*
 * How fast texts are indexed and found: 100,000 and 1,000,000 documents (search_bench
 * [DOCUMENTS]...), made of words with the frequencies of a language (Zipf), a tenth of them of Han
 * characters.
 *
 * Peers, in the same run over the same texts: SQLite's FTS5 as anyone would use it (one table,
 * unicode61, ORDER BY rank LIMIT 20; no spans, no filters, no users, no substrings of Han), LIKE
 * over the rows, and grep over a file.
 *
 * Times are processor time of the asking thread (grep: wall time), so that a busy machine does not
 * decide; the column `wall` is the 95th percentile of wall time.
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/map.h"
#include "conf/conf.h"
#include "db/db_videos.h"
#include "index/index.h"
#include "search/search.h"

#define WORDS         60000
#define HAN           3000
#define DOCS_OF_VIDEO 250
#define QUERIES       200
#define SLOW_QUERIES  5 /* of what reads everything */
#define SECOND        INT64_C(1000000)

/* Processor time of this thread: the machine may be busy with other things, and everything read is
 * in memory. */
static int64_t cpu_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* ---- texts ---- */

static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);
static char words[WORDS][16];
static double reach[WORDS], han_reach[HAN]; /* cumulative shares */

static double chance(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) / (double)(UINT64_C(1) << 53);
}

static void zipf(double *out, int n)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        out[i] = sum += 1.0 / (i + 3);
    for (int i = 0; i < n; i++)
        out[i] /= sum;
}

static int draw(const double *shares, int n)
{
    double c = chance();
    int lo = 0, hi = n - 1;

    while (lo < hi) {
        int mid = (lo + hi) / 2;
        if (shares[mid] < c)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void make_words(void)
{
    static const char *const onsets[] = {"b", "c", "d", "f", "g", "h", "k",  "l",  "m",
                                         "n", "p", "r", "s", "t", "v", "st", "tr", "pl"};
    static const char *const vowels[] = {"a", "e", "i", "o", "u", "ai", "ea"};
    CLEANUP(map_free) struct map *known = map_new();

    for (int i = 0; i < WORDS;) {
        int syllables = 1 + (i > 100) + (chance() < 0.6) + (chance() < 0.2);
        size_t n = 0;
        for (int s = 0; s < syllables; s++)
            n += (size_t)snprintf(words[i] + n, sizeof(words[i]) - n, "%s%s",
                                  onsets[(size_t)(chance() * ARRAY_LEN(onsets))],
                                  vowels[(size_t)(chance() * ARRAY_LEN(vowels))]);
        if (n < sizeof(words[i]) && !map_set(known, str_of(words[i]), words[i]))
            i++;
    }
    zipf(reach, WORDS);
    zipf(han_reach, HAN);
}

static void make_text(struct buf *out)
{
    bool han = chance() < 0.1;
    int n = 4 + (int)(chance() * 10);

    buf_reset(out);
    for (int i = 0; i < n; i++) {
        if (han) {
            char utf8[4];
            buf_add(out, utf8, utf8_put(0x4E00 + (uint32_t)draw(han_reach, HAN), utf8));
        } else {
            buf_addf(out, "%s%s", i ? " " : "", words[draw(reach, WORDS)]);
        }
    }
}

/* ---- the library and its peers ---- */

struct bench {
    struct db *db;
    struct conf *conf;
    sqlite3 *peer;
    sqlite3_stmt *peer_add;
    FILE *file;
    char *dir, *db_path, *peer_path, *file_path;
    int64_t n_docs;
    VEC(char *) sample; /* texts that queries are taken from */
};

static void die(const char *what, const struct err *e)
{
    fprintf(stderr, "search_bench: %s: %s\n", what, e->text);
    exit(1);
}

static void peer_ok(struct bench *b, int rc)
{
    if (rc != SQLITE_OK && rc != SQLITE_DONE && rc != SQLITE_ROW) {
        fprintf(stderr, "search_bench: peer: %s\n", sqlite3_errmsg(b->peer));
        exit(1);
    }
}

static void open_all(struct bench *b)
{
    struct err e = {0};
    char dir[] = "/tmp/search_bench_XXXXXX";

    if (!mkdtemp(dir))
        exit(1);
    b->dir = xstrdup(dir);
    b->db_path = fs_join(dir, "rushes.db");
    b->peer_path = fs_join(dir, "peer.db");
    b->file_path = fs_join(dir, "texts.txt");
    b->conf = conf_defaults();
    if (db_open(b->db_path, &b->db, &e) < 0)
        die("open", &e);
    b->file = fopen(b->file_path, "w");
    peer_ok(b, sqlite3_open(b->peer_path, &b->peer));
    peer_ok(
        b,
        sqlite3_exec(
            b->peer,
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192;"
            "CREATE TABLE docs (id INTEGER PRIMARY KEY, text TEXT);"
            "CREATE VIRTUAL TABLE words USING fts5 (text, content = 'docs', content_rowid = 'id')",
            NULL, NULL, NULL));
}

static void close_all(struct bench *b)
{
    struct err e = {0};

    db_close(b->db);
    sqlite3_close(b->peer);
    fclose(b->file);
    conf_free(b->conf);
    fs_remove_tree(b->dir, &e);
    free(b->dir);
    free(b->db_path);
    free(b->peer_path);
    free(b->file_path);
    VEC_FOREACH (&b->sample, t)
        free(*t);
    VEC_FINISH(&b->sample);
}

static void add_video(struct bench *b, struct text_span *spans, int n, int64_t *spent_us)
{
    CLEANUP(db_rollback) struct tx *tx = NULL;
    CLEANUP_BUF struct buf title = {0};
    struct err e = {0};
    char id[UUID_MAX];
    int said = n * 2 / 5;

    make_text(&title);
    struct video v = {.title = buf_z(&title),
                      .state = VIDEO_INDEXED,
                      .media.duration_us = n * SECOND,
                      .media.fps_den = 1};
    if (db_begin(b->db, DB_WRITE, &tx, &e) < 0 || db_video_add(tx, &v, id, &e) < 0)
        die("add video", &e);
    int64_t began_us = cpu_us();
    if (index_put_video(tx, id, &e) < 0 ||
        index_put(tx, id, TEXT_SPEECH, spans, (size_t)said, &e) < 0 ||
        index_put(tx, id, TEXT_OCR, spans + said, (size_t)(n - said), &e) < 0 ||
        db_commit(tx, &e) < 0)
        die("index", &e);
    *spent_us += cpu_us() - began_us;
}

static void add_to_peer(struct bench *b, const struct text_span *spans, int n, int64_t *spent_us)
{
    static const char *const sql[] = {
        "INSERT INTO docs (text) VALUES (?1)",
        "INSERT INTO words (rowid, text) VALUES (last_insert_rowid(), ?1)"};
    int64_t began_us = cpu_us();
    sqlite3_stmt *s[2];

    for (int k = 0; k < 2; k++)
        peer_ok(b, sqlite3_prepare_v2(b->peer, sql[k], -1, &s[k], NULL));
    peer_ok(b, sqlite3_exec(b->peer, "BEGIN IMMEDIATE", NULL, NULL, NULL));
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 2; k++) {
            sqlite3_bind_text(s[k], 1, spans[i].text, -1, SQLITE_STATIC);
            peer_ok(b, sqlite3_step(s[k]));
            sqlite3_reset(s[k]);
        }
    }
    peer_ok(b, sqlite3_exec(b->peer, "COMMIT", NULL, NULL, NULL));
    for (int k = 0; k < 2; k++)
        sqlite3_finalize(s[k]);
    *spent_us += cpu_us() - began_us;
}

static double megabytes(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 ? (double)st.st_size / 1e6 : 0;
}

static void fill(struct bench *b, int64_t n_docs)
{
    CLEANUP_BUF struct buf text = {0};
    int64_t ours_us = 0, peer_us = 0;

    for (; b->n_docs < n_docs; b->n_docs += DOCS_OF_VIDEO) {
        struct text_span spans[DOCS_OF_VIDEO];
        for (int i = 0; i < DOCS_OF_VIDEO; i++) {
            make_text(&text);
            fprintf(b->file, "%s\n", buf_z(&text));
            spans[i] = (struct text_span){.start_us = 20 * i * SECOND,
                                          .end_us = (20 * i + 3) * SECOND,
                                          .start_frame = 500 * i,
                                          .end_frame = 500 * i + 75,
                                          .confidence = 0.5 + chance() / 2,
                                          .text = xstrdup(buf_z(&text))};
            if (chance() < 4.0 * QUERIES / (double)n_docs)
                VEC_PUSH(&b->sample, xstrdup(buf_z(&text)));
        }
        add_video(b, spans, DOCS_OF_VIDEO, &ours_us);
        add_to_peer(b, spans, DOCS_OF_VIDEO, &peer_us);
        for (int i = 0; i < DOCS_OF_VIDEO; i++)
            free((char *)spans[i].text);
    }
    fflush(b->file);
    printf("index %" PRId64 " documents, a commit for each %d: ours %.0f a second (%.0f MB), fts5 "
           "%.0f a second (%.0f MB), "
           "ratio of time %.2f\n",
           b->n_docs, DOCS_OF_VIDEO, (double)b->n_docs * 1e6 / (double)ours_us,
           megabytes(b->db_path), (double)b->n_docs * 1e6 / (double)peer_us,
           megabytes(b->peer_path), (double)ours_us / (double)peer_us);
}

/* ---- queries ---- */

enum kind {
    ONE_WORD,
    TWO_WORDS,
    PHRASE,
    HAN_SUBSTRING,
    HAN_ONE,
    PREFIX,
    COMMON,
    COMMON_TWO,
    MISSPELT,
    KIND_N
};
static const char *const kind_names[KIND_N] = {
    [ONE_WORD] = "one word",      [TWO_WORDS] = "two words",
    [PHRASE] = "phrase",          [HAN_SUBSTRING] = "han, 2-3",
    [HAN_ONE] = "han, 1",         [PREFIX] = "prefix, 4 letters",
    [COMMON] = "a common word",   [COMMON_TWO] = "two common words",
    [MISSPELT] = "misspelt word",
};

struct query {
    char ours[128], fts[128], like[128]; /* fts empty: it can not do it */
};

/* The k-th word of a text, counted from 0; false when there are fewer. */
static bool word_of(const char *text, int k, struct str *ret)
{
    struct str rest = str_of(text);

    while (str_cut(&rest, ' ', ret)) {
        if (k-- == 0)
            return true;
    }
    return false;
}

static bool is_han(const char *text)
{
    return (unsigned char)text[0] >= 0x80;
}

/* Rare enough to choose among texts, as what people look for is: not of the first 300. */
static bool is_selective(struct str w)
{
    for (int i = 0; i < 300; i++) {
        if (str_eqz(w, words[i]))
            return false;
    }
    return w.n >= 4;
}

static bool make_query(struct bench *b, enum kind kind, struct query *q)
{
    const char *text = b->sample.p[(size_t)(chance() * (double)b->sample.n)];
    int at = (int)(chance() * 4);
    struct str one, two;

    memset(q, 0, sizeof(*q));
    if (kind == COMMON || kind == COMMON_TWO) {
        const char *x = words[(size_t)(chance() * 20)], *y = words[20 + (size_t)(chance() * 20)];
        snprintf(q->ours, sizeof(q->ours), kind == COMMON ? "%s" : "%s %s", x, y);
        snprintf(q->fts, sizeof(q->fts), kind == COMMON ? "\"%s\"" : "\"%s\" \"%s\"", x, y);
        snprintf(q->like, sizeof(q->like), "%s", x);
        return true;
    }
    if (kind == HAN_SUBSTRING || kind == HAN_ONE) {
        size_t n = kind == HAN_ONE ? 3 : chance() < 0.5 ? 6 : 9;
        if (!is_han(text) || strlen(text) < n + 3)
            return false;
        snprintf(q->ours, sizeof(q->ours), "%.*s", (int)n, text + 3);
        snprintf(q->like, sizeof(q->like), "%s", q->ours);
        return true;
    }
    if (is_han(text) || !word_of(text, at, &one) || !is_selective(one))
        return false;
    snprintf(q->like, sizeof(q->like), "%.*s", STR_ARG(one));
    switch (kind) {
    case ONE_WORD:
        snprintf(q->ours, sizeof(q->ours), "%.*s", STR_ARG(one));
        snprintf(q->fts, sizeof(q->fts), "\"%.*s\"", STR_ARG(one));
        return true;
    case PREFIX:
        snprintf(q->ours, sizeof(q->ours), "%.4s*", one.p);
        snprintf(q->fts, sizeof(q->fts), "%.4s*", one.p);
        snprintf(q->like, sizeof(q->like), "%.4s", one.p);
        return one.n >= 6;
    case MISSPELT:
        snprintf(q->ours, sizeof(q->ours), "%.*sx%.*s", (int)one.n / 2, one.p,
                 (int)(one.n - one.n / 2 - 1), one.p + one.n / 2 + 1);
        return one.n >= 6;
    default:
        break;
    }
    if (!word_of(text, at + 1, &two) || !is_selective(two))
        return false;
    const char *form = kind == PHRASE ? "\"%.*s %.*s\"" : "%.*s %.*s";
    snprintf(q->ours, sizeof(q->ours), form, STR_ARG(one), STR_ARG(two));
    snprintf(q->fts, sizeof(q->fts), kind == PHRASE ? "\"%.*s %.*s\"" : "\"%.*s\" \"%.*s\"",
             STR_ARG(one), STR_ARG(two));
    return true;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double percentile(double *times, int n, double p)
{
    qsort(times, (size_t)n, sizeof(*times), by_number);
    return n ? times[(int)(p * (n - 1) + 0.5)] : 0;
}

static double run_ours(struct bench *b, const char *query, int64_t *found, double *ret_wall)
{
    CLEANUP(search_result_free) struct search_result *r = NULL;
    struct err e = {0};
    int64_t wall_us = clock_mono_us(), began_us = cpu_us();

    if (search_run(b->db, b->conf, str_of(query), NULL, NULL, &r, &e) < 0)
        die(query, &e);
    *found += r->n > 0;
    *ret_wall = (double)(clock_mono_us() - wall_us) / 1000;
    return (double)(cpu_us() - began_us) / 1000;
}

/* Every row of an answer, text included, as a program would read it. */
static double run_peer(struct bench *b, const char *sql, const char *arg)
{
    sqlite3_stmt *s;
    int64_t began_us = cpu_us();

    peer_ok(b, sqlite3_prepare_v2(b->peer, sql, -1, &s, NULL));
    sqlite3_bind_text(s, 1, arg, -1, SQLITE_STATIC);
    while (sqlite3_step(s) == SQLITE_ROW)
        sqlite3_column_text(s, 1);
    peer_ok(b, sqlite3_finalize(s));
    return (double)(cpu_us() - began_us) / 1000;
}

/* Wall time: it is another process. */
static double run_grep(struct bench *b, const char *word)
{
    CLEANUP_FREE char *command =
        xasprintf("LC_ALL=C grep -c -i -F -e '%s' '%s' | cat >/dev/null", word, b->file_path);
    int64_t began_us = clock_mono_us();

    if (system(command) < 0)
        exit(1);
    return (double)(clock_mono_us() - began_us) / 1000;
}

static void measure(struct bench *b, enum kind kind)
{
    double ours[QUERIES], wall[QUERIES], fts[QUERIES], like[SLOW_QUERIES], grep[SLOW_QUERIES];
    int n = 0, n_fts = 0, n_slow = 0;
    int64_t found = 0;

    for (int tries = 0; n < QUERIES && tries < 200 * QUERIES; tries++) {
        struct query q;
        if (!make_query(b, kind, &q))
            continue;
        ours[n] = run_ours(b, q.ours, &found, &wall[n]);
        n++;
        if (q.fts[0])
            fts[n_fts++] =
                run_peer(b,
                         "SELECT w.rowid, d.text FROM words w JOIN docs d ON d.id = w.rowid "
                         "WHERE words MATCH ?1 ORDER BY rank LIMIT 20",
                         q.fts);
        if (n_slow < SLOW_QUERIES && kind != MISSPELT) {
            like[n_slow] =
                run_peer(b, "SELECT id, text FROM docs WHERE text LIKE '%' || ?1 || '%'", q.like);
            grep[n_slow++] = run_grep(b, q.like);
        }
    }
    double p50 = percentile(ours, n, 0.5), p95 = percentile(ours, n, 0.95);
    printf("%-18s %7.2f %7.2f %7.2f %7.2f |", kind_names[kind], p50, p95, percentile(ours, n, 1),
           percentile(wall, n, 0.95));
    if (n_fts)
        printf(" %7.2f %7.2f |", percentile(fts, n_fts, 0.5), percentile(fts, n_fts, 0.95));
    else
        printf(" %7s %7s |", "-", "-");
    if (n_slow)
        printf(" %8.1f %8.1f |", percentile(like, n_slow, 0.5), percentile(grep, n_slow, 0.5));
    else
        printf(" %8s %8s |", "-", "-");
    if (n_fts)
        printf(" %6.2f x", percentile(fts, n_fts, 0.95) / p95);
    else
        printf(" %8s", "-");
    if (n_slow)
        printf(" %6.1f x", percentile(grep, n_slow, 0.5) / p50);
    printf("   %" PRId64 " of %d\n", found, n);
}

/* From now on the owner of texts is part of every query: worst for the one who owns nearly all. */
static void add_another_user(struct bench *b)
{
    sqlite3 *h = NULL;

    if (sqlite3_open(b->db_path, &h) != SQLITE_OK ||
        sqlite3_exec(h,
                     "INSERT INTO users (user_id, created_at, updated_at) VALUES ('other', 0, 0);"
                     "INSERT INTO search_users (user_no, user_id) VALUES (1000, 'other')",
                     NULL, NULL, NULL) != SQLITE_OK) {
        fprintf(stderr, "search_bench: %s\n", sqlite3_errmsg(h));
        exit(1);
    }
    sqlite3_close(h);
}

static void bench(int64_t n_docs)
{
    struct bench b = {0};

    open_all(&b);
    fill(&b, n_docs);
    printf("%-18s %7s %7s %7s %7s | %7s %7s | %8s %8s | %8s %8s   found\n", "milliseconds", "p50",
           "p95", "max", "wall", "fts5 50", "fts5 95", "LIKE", "grep", "fts5/our", "grep/our");
    for (int k = 0; k < KIND_N; k++)
        measure(&b, (enum kind)k);
    printf("the same with a second user in the database:\n");
    add_another_user(&b);
    measure(&b, ONE_WORD);
    measure(&b, TWO_WORDS);
    measure(&b, HAN_SUBSTRING);
    measure(&b, COMMON);
    printf("\n");
    close_all(&b);
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    make_words();
    if (argc < 2) {
        bench(100000);
        bench(1000000);
    }
    for (int i = 1; i < argc; i++) {
        int64_t n;
        if (!str_to_i64(str_of(argv[i]), &n) || n < 1000) {
            fprintf(stderr, "usage: search_bench [DOCUMENTS]...\n");
            return 2;
        }
        bench(n);
    }
    return 0;
}
