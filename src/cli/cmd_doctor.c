/*
 * doctor: what this machine has and what is missing, with the command that would help. Changes
 * nothing. Exit status 0 when everything needed is there, 5 when something is not.
 */
#include <sys/utsname.h>

#include "base/fs.h"
#include "base/human.h"
#include "cli/cli.h"
#include "db/db.h"
#include "media/media.h"
#include "pipeline/library.h"

enum verdict { FINE, WEAK, MISSING };
struct finding {
    const char *name;
    enum verdict verdict;
    char detail[200];
    const char *help; /* what would help; NULL when nothing is needed */
};
struct findings {
    struct finding f[32];
    int n;
};

static struct finding *add(struct findings *s, const char *name, enum verdict v, const char *help)
{
    struct finding *f = &s->f[s->n < (int)ARRAY_LEN(s->f) - 1 ? s->n++ : s->n];
    f->name = name;
    f->verdict = v;
    f->help = v == FINE ? NULL : help;
    return f;
}
#define SAY(finding, ...) snprintf((finding)->detail, sizeof(finding)->detail, __VA_ARGS__)

static void look_at_sandbox(struct findings *s, const struct media_sandbox_layer *layers, int n,
                            enum media_sandbox mode)
{
    static char names[MEDIA_SANDBOX_LAYERS_MAX][64];
    for (int i = 0; i < n; i++) {
        snprintf(names[i], sizeof names[i], "sandbox: %s", layers[i].name);
        SAY(add(s, names[i], layers[i].active ? FINE : WEAK,
                "this kernel or container does not offer it; the other layers hold"),
            "%s%s%s", layers[i].active ? "active" : "not active", *layers[i].detail ? ", " : "",
            layers[i].detail);
    }
    if (mode == MEDIA_SANDBOX_OFF)
        SAY(add(s, "sandbox", WEAK, "take away --sandbox off"), "switched off by a setting");
}

/* Everything that only a media child can tell. Without one nothing is known, and nothing is guessed. */
static void look_at_media(struct findings *s, enum media_sandbox mode)
{
    struct media_sandbox_layer layers[MEDIA_SANDBOX_LAYERS_MAX];
    char libav[64], tesseract[64];
    int n = media_sandbox_report(layers);
    if (n < 0) {
        SAY(add(s, "media child", MISSING,
                "no media can be opened before this is mended; limits of processes, descriptors or "
                "memory?"),
            "does not start: %s", layers[0].detail);
        return;
    }
    media_versions(libav, tesseract);
    SAY(add(s, "ffmpeg libraries", *libav ? FINE : MISSING, "apt install ffmpeg"), "%s",
        *libav ? libav : "not found: no media can be opened");
    SAY(add(s, "tesseract", *tesseract ? FINE : WEAK,
            "apt install tesseract-ocr tesseract-ocr-eng"),
        "%s", *tesseract ? tesseract : "not found: text on screen is not read");
    look_at_sandbox(s, layers, n, mode);
}

static void look_at_library(struct findings *s, const struct conf *conf)
{
    struct err e = {0};
    const char *dir = conf_str(conf, CONF_DATA);
    char size[HUMAN_MAX];
    int64_t free_bytes = 0;
    CLEANUP_FREE char *path = library_db_path(dir);
    if (fs_exists(path, &e) != 1) {
        SAY(add(s, "library", FINE, NULL), "none in %.120s yet; rushes ingest makes it", dir);
        return;
    }
    CLEANUP(db_close) struct db *db = NULL;
    if (db_open(path, &db, &e) < 0) {
        static char help[256];
        snprintf(help, sizeof help, "%s", err_next_text(&e));
        SAY(add(s, "library", MISSING, help), "%.60s: %.130s", dir, err_plain_text(&e));
        return;
    }
    struct db_info info;
    db_info(db, &info);
    SAY(add(s, "library", FINE, NULL), "%.100s: %s %s, schema %d", dir, info.backend,
        info.backend_version, info.schema_version);
    if (fs_free_bytes(dir, &free_bytes, &e) == 0)
        SAY(add(s, "free space", free_bytes > (int64_t)2 << 30 ? FINE : WEAK,
                "make room: every video needs about 1.5 times its size"),
            "%s", human_size(free_bytes, size));
}

static int doctor_run(struct cli *c)
{
    static const char *const words[] = {"ok", "weak", "MISSING"};
    struct findings s = {0};
    struct media_ctx m;
    CLEANUP_BUF struct buf out = {0};
    struct utsname u;
    int worst = FINE;

    media_ctx_init(&m, c->conf);
    if (uname(&u) == 0)
        SAY(add(&s, "system", FINE, NULL), "%.40s %.60s %.20s, %ld processors", u.sysname,
            u.release, u.machine, sysconf(_SC_NPROCESSORS_ONLN));
    look_at_media(&s, m.sandbox);
    look_at_library(&s, c->conf);
    for (int i = 0; i < s.n; i++)
        worst = MAX(worst, (int)s.f[i].verdict);
    struct jsonw w = JSONW(&out);
    if (c->json) {
        jw_obj(&w);
        jw_kz(&w, "version", RUSHES_VERSION);
        jw_kbool(&w, "ok", worst != MISSING);
        jw_key(&w, "findings");
        jw_arr(&w);
    }
    for (int i = 0; i < s.n; i++) {
        const struct finding *f = &s.f[i];
        if (c->json) {
            jw_obj(&w);
            jw_kz(&w, "name", f->name);
            jw_kz(&w, "verdict", f->verdict == MISSING ? "missing" : words[f->verdict]);
            jw_kz(&w, "detail", f->detail);
            jw_kz(&w, "help", f->help);
            jw_obj_end(&w);
        } else {
            buf_addf(&out, "%-8s %-24s %s\n", words[f->verdict], f->name, f->detail);
            if (f->help)
                buf_addf(&out, "%-8s %-24s   %s\n", "", "", f->help);
        }
    }
    if (c->json) {
        jw_arr_end(&w);
        jw_obj_end(&w);
        buf_addc(&out, '\n');
    }
    int r = cli_print(c, &out);
    return r != 0 ? r : worst == MISSING ? err_class(ERR_UNAVAILABLE)->exit_code : 0;
}

const struct cli_command cli_doctor = {
    .name = "doctor",
    .group = "Keeping it sound",
    .usage = "",
    .summary = "what this machine has, what is missing, and what would help",
    .max_args = 0,
    .run = doctor_run,
};
