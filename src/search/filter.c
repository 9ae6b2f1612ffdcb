/* Which videos may be found. Filters that leave few videos name them in the lookup of words; others,
 * and all of them once more, are checked on the row of each video that is met. */
#include "base/json.h"
#include "search/search_priv.h"

/* Rows that are filtered one by one are read further down. */
#define FILTERED_FACTOR 4
#define SCAN_LIMIT_MAX  1000000

static bool has(const char *const *list, size_t n, const char *z)
{
    for (size_t i = 0; i < n; i++) {
        if (strcmp(list[i], z) == 0)
            return true;
    }
    return false;
}

/* The folded words of a text, to compare whole tags. */
static const char *folded_words(struct search *s, const char *text)
{
    CLEANUP_BUF struct buf words = {0};

    fold_text(str_of(text), &s->folded);
    fold_words(&s->folded, &words);
    return arena_strdup(s->a, buf_z(&words));
}

static bool has_tag(struct search *s, json_t *tags, const char *wanted)
{
    const char *words = folded_words(s, wanted);

    for (size_t i = 0; i < json_array_size(tags); i++) {
        const char *tag = json_string_value(json_array_get(tags, i));
        if (tag && strcmp(folded_words(s, tag), words) == 0)
            return true;
    }
    return false;
}

static bool has_tags(struct search *s, const char *tags_json)
{
    CLEANUP_JSON json_t *tags = NULL;
    struct err ignored = {0};

    if (s->f.n_tags + s->q.n_tags == 0)
        return true;
    if (!tags_json[0] || json_read(str_of(tags_json), &tags, &ignored) < 0)
        return false;
    for (size_t i = 0; i < s->f.n_tags; i++) {
        if (!has_tag(s, tags, s->f.tags[i]))
            return false;
    }
    for (size_t i = 0; i < s->q.n_tags; i++) {
        if (!has_tag(s, tags, s->q.tags[i]))
            return false;
    }
    return true;
}

static bool is_wanted(struct search *s, const struct db_found_video *v)
{
    const struct search_filters *f = &s->f;

    return strcmp(v->user_id, s->user_id) == 0 && v->state != VIDEO_DELETED &&
           (!f->states || (f->states & (1u << v->state))) &&
           (!f->project_id || strcmp(v->project_id, f->project_id) == 0) &&
           v->created_at_ms >= f->created_from_ms &&
           (!f->created_to_ms || v->created_at_ms < f->created_to_ms) &&
           v->duration_us >= f->duration_from_us &&
           (!f->duration_to_us || v->duration_us < f->duration_to_us) &&
           (!f->n_videos || has(f->videos, f->n_videos, v->video_id)) &&
           (!s->q.n_videos || has(s->q.videos, s->q.n_videos, v->video_id)) &&
           has_tags(s, v->tags_json);
}

int filter_meet(struct search *s, const char *video_id, struct met_video **ret, struct err *e)
{
    struct met_video *m = map_get(s->met, str_of(video_id));

    if (!m) {
        m = ARENA_NEW(s->a, struct met_video);
        int r = db_search_video(s->tx, s->a, video_id, &m->v, e);
        if (r < 0)
            return -1;
        if (r == 0)
            m->v.video_id = arena_strdup(s->a, video_id);
        m->wanted = r > 0 && is_wanted(s, &m->v);
        map_set(s->met, str_of(video_id), m);
    }
    *ret = m;
    return 0;
}

/* Ids that both lists name; one of them may be no list. */
static void name_videos(struct search *s)
{
    const char *const *a = s->f.videos, *const *b = s->q.videos;
    size_t na = s->f.n_videos, nb = s->q.n_videos;

    s->videos = ARENA_ARRAY(s->a, const char *, na + nb + 1);
    for (size_t i = 0; i < na; i++) {
        if (!nb || has(b, nb, a[i]))
            s->videos[s->n_videos++] = a[i];
    }
    for (size_t i = 0; !na && i < nb; i++)
        s->videos[s->n_videos++] = b[i];
    s->nothing = s->n_videos == 0;
}

int filter_prepare(struct search *s, struct err *e)
{
    const struct search_filters *f = &s->f;
    bool ranges = f->states || f->project_id || f->created_from_ms || f->created_to_ms ||
                  f->duration_from_us || f->duration_to_us;
    bool tags = f->n_tags + s->q.n_tags > 0;

    s->scan_limit = s->scan_max;
    if (f->n_videos + s->q.n_videos > 0) {
        name_videos(s);
        return 0;
    }
    if (!ranges && !tags)
        return 0;
    struct db_search_range range = {
        .user_id = s->user_id,
        .project_id = f->project_id,
        .states = f->states,
        .created_from_ms = f->created_from_ms,
        .created_to_ms = f->created_to_ms,
        .duration_from_us = f->duration_from_us,
        .duration_to_us = f->duration_to_us,
    };
    struct db_found_video *videos;
    size_t n;
    if (db_search_videos(s->tx, s->a, &range, DB_SEARCH_VIDEOS_MAX + 1, &videos, &n, e) < 0)
        return -1;
    if (n > DB_SEARCH_VIDEOS_MAX) { /* too many to name: rows are filtered as they are read */
        s->scan_limit = MIN(s->scan_max * FILTERED_FACTOR, (size_t)SCAN_LIMIT_MAX);
        return 0;
    }
    s->videos = ARENA_ARRAY(s->a, const char *, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (is_wanted(s, &videos[i]))
            s->videos[s->n_videos++] = videos[i].video_id;
    }
    s->nothing = s->n_videos == 0;
    return 0;
}
