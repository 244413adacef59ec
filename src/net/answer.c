/* net/answer.c - contract in response_priv.h */
#include "net/response_priv.h"

#include <string.h>

/* ---- Accept-Encoding ---- */

#define Q_UNSET (-1)

/* Reads "0", "1", "0.123" as thousandths. Source: RFC 9110 section 12.4.2. */
static int q_parse(struct str s)
{
    if (s.len == 0 || s.len > 5 || (s.ptr[0] != '0' && s.ptr[0] != '1'))
        return 0;
    int q = (s.ptr[0] - '0') * 1000;
    int weight = 100;
    if (s.len > 1 && s.ptr[1] != '.')
        return 0;
    for (size_t i = 2; i < s.len; i++, weight /= 10) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return 0;
        q += (s.ptr[i] - '0') * weight;
    }
    return q > 1000 ? 1000 : q;
}

static int q_of_params(struct str params)
{
    while (params.len > 0) {
        struct str one;
        str_cut(&params, ';', &one);
        one = str_trim(one);
        if (one.len >= 2 && (one.ptr[0] == 'q' || one.ptr[0] == 'Q') && one.ptr[1] == '=')
            return q_parse(str_trim(str_slice(one, 2, one.len)));
    }
    return 1000;
}

/* Fills in the weight of each coding for a request; 0 = not acceptable. */
static void weights_parse(struct str header, int q[CODING_COUNT])
{
    static const struct str names[CODING_COUNT] = {{"identity", 8}, {"gzip", 4}, {"br", 2}};
    int star = Q_UNSET;
    for (int i = 0; i < CODING_COUNT; i++)
        q[i] = Q_UNSET;
    struct str rest = header;
    while (rest.len > 0) {
        struct str one, name;
        str_cut(&rest, ',', &one);
        str_cut(&one, ';', &name);
        name = str_trim(name);
        int weight = q_of_params(one);
        if (str_eq(name, STR("*")))
            star = weight;
        if (str_eq_nocase(name, STR("x-gzip")))
            q[CODING_GZIP] = weight;
        for (int i = 0; i < CODING_COUNT; i++)
            if (str_eq_nocase(name, names[i]))
                q[i] = weight;
    }
    for (int i = 0; i < CODING_COUNT; i++)
        if (q[i] == Q_UNSET && star != Q_UNSET)
            q[i] = star;
    /* Identity that nobody spoke of is welcome, but least. */
    if (q[CODING_IDENTITY] == Q_UNSET)
        q[CODING_IDENTITY] = 1;
}

/* The best form, CODING_COUNT if the client wants none of them. Of equals the smaller wins. */
static enum coding coding_choose(const struct response *response, struct str accept)
{
    int q[CODING_COUNT];
    if (!accept.ptr)
        return CODING_IDENTITY;
    weights_parse(accept, q);
    int best_q = 0;
    enum coding best = CODING_COUNT;
    for (int i = CODING_COUNT - 1; i >= 0; i--) {
        if (response->forms[i].is_offered && q[i] > best_q) {
            best = (enum coding)i;
            best_q = q[i];
        }
    }
    return best;
}

/* ---- conditions ---- */

/* Tells whether a list of entity tags has this one. `*` matches whatever exists. */
static bool etags_match(struct str list, const char *etag, bool weak)
{
    struct str rest = str_trim(list), tag = str_of(etag);
    if (str_eq(rest, STR("*")))
        return true;
    if (tag.len == 0)
        return false;
    while (rest.len > 0) {
        struct str one;
        str_cut(&rest, ',', &one); /* our own tags have no comma */
        one = str_trim(one);
        bool is_weak = str_starts(one, STR("W/"));
        if (is_weak)
            one = str_slice(one, 2, one.len);
        if ((weak || !is_weak) && str_eq(one, tag))
            return true;
    }
    return false;
}

/* Compares in whole seconds, as the header has them. False too if the date cannot be read. */
static bool is_later_than(struct utc modified, struct str date, bool *is_date)
{
    struct utc t;
    *is_date = utc_parse_http(date, &t) == OK;
    return *is_date && modified.us / US_PER_S > t.us / US_PER_S;
}

/* 0 = go on, 304 or 412. Source: RFC 9110 section 13.2.2. */
static int conditions_check(const struct response *response, const struct response_form *form,
                            const struct conditions *c)
{
    bool is_date;
    if (c->if_match.ptr) {
        if (!etags_match(c->if_match, form->etag, false))
            return 412;
    } else if (c->if_unmodified_since.ptr && response->last_modified.us) {
        if (is_later_than(response->last_modified, c->if_unmodified_since, &is_date))
            return 412;
    }
    if (c->if_none_match.ptr)
        return etags_match(c->if_none_match, form->etag, true) ? 304 : 0;
    if (c->if_modified_since.ptr && response->last_modified.us) {
        bool later = is_later_than(response->last_modified, c->if_modified_since, &is_date);
        return is_date && !later ? 304 : 0;
    }
    return 0;
}

/* ---- range ---- */

enum range_result { RANGE_NONE, RANGE_PART, RANGE_OUTSIDE };

/* One range "bytes=a-b", "bytes=a-", "bytes=-n"; whatever else is ignored. *to is past the end. */
static enum range_result range_parse(struct str s, uint64_t total, uint64_t *from, uint64_t *to)
{
    struct str unit, first;
    if (!str_cut(&s, '=', &unit) || !str_eq_nocase(str_trim(unit), STR("bytes")) || str_has(s, ','))
        return RANGE_NONE;
    s = str_trim(s);
    if (!str_cut(&s, '-', &first))
        return RANGE_NONE;
    uint64_t a = 0, b = 0;
    if (first.len == 0) {
        enum err err = str_parse_u64(s, UINT64_MAX / 2, &b);
        if (err == E_SYNTAX)
            return RANGE_NONE;
        if (err == E_RANGE || b > total)
            b = total;
        if (b == 0)
            return RANGE_OUTSIDE;
        *from = total - b;
        *to = total;
        return RANGE_PART;
    }
    enum err err = str_parse_u64(first, UINT64_MAX / 2, &a);
    if (err == E_SYNTAX)
        return RANGE_NONE;
    enum err last = s.len > 0 ? str_parse_u64(s, UINT64_MAX / 2, &b) : E_RANGE;
    if (last == E_SYNTAX || (!last && !err && b < a))
        return RANGE_NONE;
    if (err == E_RANGE || a >= total)
        return RANGE_OUTSIDE;
    *from = a;
    *to = last == E_RANGE || b >= total ? total : b + 1;
    return RANGE_PART;
}

static bool if_range_holds(const struct response *response, struct str if_range)
{
    if (!if_range.ptr)
        return true;
    if (if_range.len > 0 && if_range.ptr[0] == '"')
        return str_eq(if_range, str_of(response->forms[CODING_IDENTITY].etag));
    struct utc t;
    return response->last_modified.us != 0 && utc_parse_http(if_range, &t) == OK &&
           t.us / US_PER_S == response->last_modified.us / US_PER_S;
}

static void range_choose(const struct response *response, const struct conditions *c,
                         struct answer *out)
{
    const struct response_form *form = &response->forms[CODING_IDENTITY];
    uint64_t from = 0, to = 0;
    if (!c->is_get || !c->range.ptr || !response->takes_ranges ||
        !if_range_holds(response, c->if_range))
        return;
    switch (range_parse(c->range, form->body.len, &from, &to)) {
    case RANGE_NONE:
        return;
    case RANGE_PART:
        out->status = 206;
        out->block = response->part_block;
        out->body = str_slice(form->body, from, to);
        out->from = from;
        break;
    case RANGE_OUTSIDE:
        out->status = 416;
        out->block = response->cors ? cors_lines() : STR("");
        out->body = STR("");
        break;
    }
    out->has_range = true;
    out->total = form->body.len;
}

/* An answer without a body that stands in for the one that was not to be had. */
static void stand_in(const struct response *response, int status, struct answer *out)
{
    *out = (struct answer){.status = status,
                           .block = response->cors
                                        ? STR("Content-Length: 0\r\nCache-Control: no-store\r\n"
                                              "Access-Control-Allow-Origin: *\r\n")
                                        : STR("Content-Length: 0\r\nCache-Control: no-store\r\n"),
                           .body = STR("")};
}

void answer_choose(const struct response *response, const struct conditions *conditions,
                   struct answer *out)
{
    *out = (struct answer){.status = response->status};
    bool may_choose = response->status == 200 && (conditions->is_get || conditions->is_head);
    enum coding coding =
        may_choose ? coding_choose(response, conditions->accept_encoding) : CODING_IDENTITY;
    if (coding == CODING_COUNT) {
        if (response->has_body)
            return stand_in(response, 406, out);
        coding = CODING_IDENTITY;
    }
    const struct response_form *form = &response->forms[coding];
    out->block = form->block;
    out->body = form->body;
    if (!may_choose)
        return;
    int status = conditions_check(response, form, conditions);
    if (status == 412)
        return stand_in(response, 412, out);
    if (status == 304) {
        *out = (struct answer){.status = 304, .block = form->not_modified, .body = STR("")};
        return;
    }
    range_choose(response, conditions, out);
}
