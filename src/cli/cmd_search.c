/* search: words in, moments out. */
#include "search/search.h"

#include <inttypes.h>

#include "base/human.h"
#include "cli/cli.h"
#include "pipeline/library.h"

/* Words from a film or a stranger, for a terminal: what it would obey is replaced. */
static void add_clean(struct buf *out, const char *p, size_t n)
{
    struct str s = {p, n};
    for (size_t i = 0; i < n;) {
        size_t at = i;
        uint32_t cp = utf8_next(s, &i);
        if (cp == '\n' || cp == '\t' || cp == '\r')
            buf_addc(out, ' ');
        else if (cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0xFFFD)
            buf_addz(out, "\uFFFD");
        else
            buf_add(out, p + at, i - at);
    }
}

static void print_snippet(const struct search_evidence *v, bool color, struct buf *out)
{
    uint32_t at = 0, n = (uint32_t)strlen(v->snippet);
    if (v->cut_before)
        buf_addz(out, "…");
    for (size_t i = 0; i < v->n_matches; i++) {
        const struct search_match *m = &v->matches[i];
        add_clean(out, v->snippet + at, m->at - at);
        buf_addz(out, color ? "\033[1m" : "");
        add_clean(out, v->snippet + m->at, m->n);
        buf_addz(out, color ? "\033[0m" : "");
        at = m->at + m->n;
    }
    add_clean(out, v->snippet + at, n - at);
    if (v->cut_after)
        buf_addz(out, "…");
}

static void print_hit(const struct search_hit *h, int number, bool color, struct buf *out)
{
    char a[HUMAN_MAX], b[HUMAN_MAX];
    buf_addf(out, "%3d. %s  ", number, log_quote(str_of(h->title)));
    if (h->whole_video)
        buf_addz(out, "whole video");
    else
        buf_addf(out, "%s - %s", human_time(h->start_us, a), human_time(h->end_us, b));
    buf_addf(out, "  score %.2f  id %s\n", h->score, h->video_id);
    for (size_t i = 0; i < h->n_evidence; i++) {
        buf_addf(out, "       %-11s ", text_source_name(h->evidence[i].source));
        print_snippet(&h->evidence[i], color, out);
        buf_addc(out, '\n');
    }
}

static void print_line(struct buf *out, const char *before, const char *text)
{
    buf_addz(out, before);
    add_clean(out, text, strlen(text));
    buf_addc(out, '\n');
}

static void print_result(const struct search_result *r, struct buf *out)
{
    bool color = isatty(STDOUT_FILENO) == 1;
    if (r->corrected && r->hint)
        print_line(out, "No video has those words; results for: ", r->hint);
    for (size_t i = 0; i < r->n; i++)
        print_hit(&r->hits[i], (int)i + 1, color, out);
    if (r->n == 0)
        buf_addz(out, "Nothing found.\n");
    if (r->n == 0 && r->hint)
        print_line(out, "Did you mean: ", r->hint);
    if (r->note)
        print_line(out, "", r->note);
    if (r->next_cursor)
        buf_addf(out, "%" PRId64 "%s hits; the next page: --cursor %s\n", r->total,
                 r->total_is_least ? " or more" : "", r->next_cursor);
}

static int search_cmd(struct cli *c)
{
    struct err e = {0};
    CLEANUP(library_free) struct library *lib = NULL;
    CLEANUP(search_result_free) struct search_result *r = NULL;
    CLEANUP_BUF struct buf query = {0};
    CLEANUP_BUF struct buf out = {0};
    struct search_filters filters = {0};
    struct search_page page = {.cursor = cli_value(c, "--cursor")};
    const char *limit = cli_value(c, "--limit");
    int64_t n;
    if (limit && (!str_to_i64(str_of(limit), &n) || n < 1 || n > SEARCH_PAGE_MAX))
        return cli_fail_usage(c, "--limit takes a number from 1 to %d.", SEARCH_PAGE_MAX);
    if (page.cursor && !*page.cursor)
        return cli_fail_usage(c, "--cursor takes what the page before named as its next one.");
    if (limit)
        page.limit = (int)n;
    for (int i = 0; i < c->n_args; i++)
        buf_addf(&query, "%s%s", i ? " " : "", c->args[i]);
    if (library_open(c->conf, LIBRARY_EXISTING, &lib, &e) < 0 ||
        search_run(lib->db, c->conf, buf_str(&query), &filters, &page, &r, &e) < 0)
        return cli_fail(c, NULL, &e);
    if (r->n_terms == 0 && r->n == 0 && !r->note)
        r->note = "The query has no word to look for: words to leave out, quotes and stars alone "
                  "find nothing.";
    if (c->json) {
        search_json(r, 0, &out);
        buf_addc(&out, '\n');
    } else {
        print_result(r, &out);
    }
    return cli_print(c, &out);
}

static const struct cli_switch search_switches[] = {
    {"--limit", 'n', "N", "hits a page (default 20)"},
    {"--cursor", 0, "C", "the next page, as the last one named it"},
    {0},
};
const struct cli_command cli_search = {
    .name = "search",
    .group = "The library",
    .usage = "WORDS... [--limit N]",
    .summary = "find moments by the words shown, said or written about them",
    .details = "  red car        both words, best together\n"
               "  '\"red car\"'    these words in this order\n"
               "  -boat          without boat           (after -- on the command line)\n"
               "  cam*           words that begin so\n"
               "  car OR truck   either\n"
               "  in:title x     only there: title, description, tag, name, text, speech\n"
               "  video:ID x     only in that video",
    .min_args = 1,
    .max_args = 256,
    .switches = search_switches,
    .run = search_cmd,
};
