/* Names: keys of the store, scratch files in rows, file names of uploads. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "fuzz.h"
#include "ingress/ingress.h"
#include "store/scratch_path.h"
#include "store/store_name.h"

static void build_again(struct str key, const struct store_name *n)
{
    char again[STORE_KEY_MAX] = "";
    struct err e = {0};
    int r = -1;

    if (n->kind == STORE_ORIGINAL)
        r = store_name_original(n->sha256, again, &e);
    else if (n->kind == STORE_DERIVED)
        r = store_name_derived(n->sha256, n->stage, n->version, n->params, n->name, again, &e);
    else if (n->kind == STORE_SIDECAR)
        r = store_name_sidecar(n->video_id, n->version, again, &e);
    assert(r == 0 && str_eqz(key, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    CLEANUP_FREE char *z = xstrndup(data ? (const char *)data : "", n);
    char title[INGRESS_TITLE_MAX + 1], owner[STORE_OWNER_MAX], file[SCRATCH_FILE_MAX];
    struct str key = {data ? (const char *)data : "", n};
    struct store_name name;

    if (store_name_parse(key, &name)) {
        assert(store_key_ok(key));
        build_again(key, &name);
    } else {
        assert(name.kind == STORE_OTHER);
    }
    if (store_key_ok(key))
        for (size_t i = 0; i + 1 < n; i++)
            assert(!(key.p[i] == '.' && key.p[i + 1] == '.' && (i == 0 || key.p[i - 1] == '/')));
    ingress_title_of(z, title);
    assert(title[0] && strlen(title) <= INGRESS_TITLE_MAX && utf8_valid(str_of(title)));
    for (const char *c = title; *c; c++)
        assert((unsigned char)*c >= 0x20 && *c != 0x7f);
    if (scratch_path_parse(z, owner, file)) {
        char path[SCRATCH_PATH_MAX];
        scratch_path(owner, file, path);
        assert(strcmp(path, z) == 0);
    }
    return 0;
}
