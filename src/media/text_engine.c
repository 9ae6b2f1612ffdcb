#include <dlfcn.h>
#include <tesseract/capi.h>

#include "media/text.h"

#define LIBRARY "libtesseract.so.5"

#define TESS_NAMES(X)                                                                              \
    X(TessVersion)                                                                                 \
    X(TessDeleteText)                                                                              \
    X(TessBaseAPICreate)                                                                           \
    X(TessBaseAPIDelete)                                                                           \
    X(TessBaseAPIInit2)                                                                            \
    X(TessBaseAPISetVariable)                                                                      \
    X(TessBaseAPISetPageSegMode)                                                                   \
    X(TessBaseAPISetImage)                                                                         \
    X(TessBaseAPISetSourceResolution)                                                              \
    X(TessBaseAPIRecognize)                                                                        \
    X(TessBaseAPIGetIterator)                                                                      \
    X(TessBaseAPIClear)                                                                            \
    X(TessResultIteratorDelete)                                                                    \
    X(TessResultIteratorNext)                                                                      \
    X(TessResultIteratorGetUTF8Text)                                                               \
    X(TessResultIteratorConfidence)

#define MEMBER(fn) __typeof__(fn) *fn;
static struct {
    void *handle;
    TESS_NAMES(MEMBER)
} tess;
#undef MEMBER

struct text_engine {
    TessBaseAPI *api;
};

static int missing(struct err *e, const char *what)
{
    err_set(e, ERR_UNAVAILABLE, "Tesseract: %s", what);
    return err_plain(e, "Reading text needs Tesseract, which is not installed.",
                     "apt install tesseract-ocr tesseract-ocr-eng");
}

/* Once a process, on the thread that runs the task. */
static int load(struct err *e)
{
    if (tess.handle)
        return 0;
    /* One line at a time is too little work to share between threads; they would only wait for each other. OpenMP reads
     * this when it is loaded. */
    setenv("OMP_THREAD_LIMIT", "1", 1);
    void *handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return missing(e, dlerror());
#define RESOLVE(fn)                                                                                \
    tess.fn = (__typeof__(tess.fn))dlsym(handle, #fn);                                             \
    if (!tess.fn)                                                                                  \
        return missing(e, "no " #fn);
    TESS_NAMES(RESOLVE)
#undef RESOLVE
    tess.handle = handle; /* stays: nothing unloads a library that may have threads */
    return 0;
}

const char *text_engine_version(void)
{
    struct err e = {0};
    return load(&e) < 0 ? "" : tess.TessVersion();
}

/* Names as tesseract-ocr's packages have them: letters, digits, '_' and '/' (script/Latin), '+' between. */
static bool plausible(const char *languages)
{
    size_t n = strlen(languages);
    return n > 0 && n < 256 &&
           strspn(languages, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+/") ==
               n &&
           languages[0] != '/' && !strstr(languages, "//");
}

int text_engine_open(const char *languages, struct text_engine **ret, struct err *e)
{
    CLEANUP(text_engine_free) struct text_engine *t = XNEW(struct text_engine);

    if (!plausible(languages)) {
        err_set(e, ERR_USAGE, "languages '%.64s'", languages);
        return err_plain(
            e, "The languages to read must be Tesseract names joined by '+', such as eng+deu.",
            NULL);
    }
    if (load(e) < 0)
        return -1;
    t->api = tess.TessBaseAPICreate();
    if (!t->api || tess.TessBaseAPIInit2(t->api, NULL, languages, OEM_LSTM_ONLY) != 0) {
        err_set(e, ERR_UNAVAILABLE, "Tesseract can not load '%s'", languages);
        err_plainf(e, "Tesseract has no data for one of the languages '%s'.", languages);
        snprintf(e->next, sizeof(e->next),
                 "Install them, for English: apt install tesseract-ocr tesseract-ocr-eng. Or name "
                 "others with "
                 "--ocr.languages.");
        return -1;
    }
    tess.TessBaseAPISetPageSegMode(t->api, PSM_SINGLE_LINE);
    /* Boxes come dark on white: no second try with the picture inverted. */
    tess.TessBaseAPISetVariable(t->api, "tessedit_do_invert", "0");
    *ret = STEAL(t);
    return 0;
}

void text_engine_free(struct text_engine *t)
{
    if (!t)
        return;
    if (t->api)
        tess.TessBaseAPIDelete(t->api);
    free(t);
}

int text_engine_read(struct text_engine *t, const struct text_image *image,
                     void (*add)(void *arg, const struct text_word *word), void *arg, struct err *e)
{
    tess.TessBaseAPISetImage(t->api, image->p, image->w, image->h, 1, image->w);
    tess.TessBaseAPISetSourceResolution(t->api,
                                        300); /* what letters of this height would have in print */
    if (tess.TessBaseAPIRecognize(t->api, NULL) != 0)
        return err_set(e, ERR_PROCESSING, "Tesseract failed on a line of %dx%d", image->w,
                       image->h);
    TessResultIterator *it = tess.TessBaseAPIGetIterator(t->api);
    for (bool more = it != NULL; more; more = tess.TessResultIteratorNext(it, RIL_WORD)) {
        char *text = tess.TessResultIteratorGetUTF8Text(it, RIL_WORD);
        double confidence = tess.TessResultIteratorConfidence(it, RIL_WORD) / 100.0;
        if (text)
            add(arg, &(struct text_word){str_of(text), CLAMP(confidence, 0, 1)});
        tess.TessDeleteText(text);
    }
    if (it)
        tess.TessResultIteratorDelete(it);
    tess.TessBaseAPIClear(t->api);
    return 0;
}
