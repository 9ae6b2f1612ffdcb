/* Sidecars: what is accepted keeps every promise that rebuild builds on. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "fuzz.h"
#include "pipeline/sidecar.h"

static void check_video(const struct video *v)
{
    char key[STORE_KEY_MAX];
    struct err e = {0};

    assert(uuid_is(str_of(v->id)) && v->state < VIDEO_STATE_N && v->error.code < ERR_CODE_N);
    assert(v->progress >= 0 && v->progress <= 100 && v->size_bytes >= 0 && v->media.fps_den >= 1);
    assert(store_name_original(v->checksum_sha256, key, &e) == 0);
    assert(strcmp(key, v->storage_key) == 0);
    assert(v->title && v->description && v->tags_json && v->filename && v->media.info_json);
    assert(utf8_valid(str_of(v->title)));
}

static void check_objects(const struct sidecar *s)
{
    for (size_t i = 0; i < s->n_objects; i++) {
        const struct object *o = &s->objects[i];
        struct store_name name;
        assert(store_name_parse(str_of(o->key), &name));
        assert(strcmp(name.sha256, s->video.checksum_sha256) == 0);
        assert(sha256_is_hex(str_of(o->sha256)) && o->size_bytes >= 0 && o->kind[0]);
        assert(strcmp(o->source_sha256, s->video.checksum_sha256) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP(arena_free) struct arena *a = arena_new();
    struct sidecar s;
    struct err e = {0};

    if (sidecar_parse((struct str){(const char *)data, n}, a, &s, &e) < 0) {
        assert(e.code == ERR_INPUT || e.code == ERR_LIMIT);
        return 0;
    }
    assert(s.version >= 1 && s.version <= STORE_VERSION_MAX);
    check_video(&s.video);
    check_objects(&s);
    for (size_t i = 0; i < s.n_scenes; i++) {
        assert(s.scenes[i].start_frame < s.scenes[i].end_frame && isfinite(s.scenes[i].score));
        assert(i == 0 || s.scenes[i - 1].end_frame <= s.scenes[i].start_frame);
    }
    for (size_t i = 0; i < s.n_texts; i++) {
        assert(s.texts[i].confidence >= 0 && s.texts[i].confidence <= 1);
        assert(s.texts[i].source < TEXT_SOURCE_N && s.texts[i].start_us <= s.texts[i].end_us);
    }
    return 0;
}
