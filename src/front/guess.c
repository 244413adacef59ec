/* front/guess.c - texts to JSON values as Icecast's xml2json does it: by their looks.
 *
 *   ""                     null
 *   "TRUE", "false"        true, false, in any case
 *   "1999", "-5", "1e5"    a number, its text unchanged
 *   "007", "0.5"           a string: what begins with 0 is none, but for 0 itself
 *
 * Where Icecast takes a text for a number that JSON has no form for (".5", "5.", "-", "-007") and
 * breaks the document, it is a string here.
 * Source: measured on Icecast 2.4.4; XPath 1.0 section 4.4; RFC 8259 section 6. */
#include "front/front_priv.h"

#include "base/json.h"

static size_t count_digits(struct str s, size_t from)
{
    size_t to = from;
    while (to < s.len && s.ptr[to] >= '0' && s.ptr[to] <= '9')
        to++;
    return to - from;
}

static bool is_json_number(struct str s)
{
    size_t at = s.len > 0 && s.ptr[0] == '-';
    size_t digits = count_digits(s, at);
    if (digits == 0 || (digits > 1 && s.ptr[at] == '0'))
        return false;
    at += digits;
    if (at < s.len && s.ptr[at] == '.') {
        digits = count_digits(s, at + 1);
        if (digits == 0)
            return false;
        at += 1 + digits;
    }
    if (at < s.len && (s.ptr[at] == 'e' || s.ptr[at] == 'E')) {
        at++;
        at += at < s.len && (s.ptr[at] == '-' || s.ptr[at] == '+');
        digits = count_digits(s, at);
        if (digits == 0)
            return false;
        at += digits;
    }
    return at == s.len;
}

static struct str trim(struct str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')))
        s = str_slice(s, 1, s.len);
    while (s.len > 0 &&
           (s.ptr[s.len - 1] == ' ' || (s.ptr[s.len - 1] >= '\t' && s.ptr[s.len - 1] <= '\r')))
        s.len--;
    return s;
}

void guess_add(struct buf *out, struct str text)
{
    struct str bare = trim(text);
    bool is_zero_led = text.len > 1 && text.ptr[0] == '0';
    if (bare.len == 0)
        buf_add(out, STR("null"));
    else if (str_eq_nocase(text, STR("true")))
        buf_add(out, STR("true"));
    else if (str_eq_nocase(text, STR("false")))
        buf_add(out, STR("false"));
    else if (!is_zero_led && is_json_number(bare))
        buf_add(out, bare);
    else
        json_add_text(out, text);
}
