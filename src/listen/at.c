/* listen/at.c - contract in at.h */
#include "listen/at.h"

#define LIVE_US (2 * US_PER_S)

static bool take_char(struct str *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c)
        return false;
    *s = str_slice(*s, 1, s->len);
    return true;
}

static bool take_digits(struct str *s, size_t count, int *out)
{
    uint64_t value;
    if (s->len < count || str_parse_u64(str_slice(*s, 0, count), 9999, &value) != OK)
        return false;
    *out = (int)value;
    *s = str_slice(*s, count, s->len);
    return true;
}

/* ".25" and the like, at most 9 digits, to microseconds. */
static bool take_fraction(struct str *s, int *us)
{
    int scale = 100000;
    *us = 0;
    if (!take_char(s, '.') && !take_char(s, ','))
        return true;
    size_t digits = 0;
    for (; s->len > 0 && s->ptr[0] >= '0' && s->ptr[0] <= '9'; digits++) {
        *us += (s->ptr[0] - '0') * scale;
        scale /= 10;
        *s = str_slice(*s, 1, s->len);
    }
    return digits > 0 && digits <= 9;
}

static bool take_offset(struct str *s, bool *given, int *offset_s)
{
    int sign, hours, minutes = 0;
    *given = s->len > 0;
    *offset_s = 0;
    if (s->len == 0 || take_char(s, 'Z') || take_char(s, 'z'))
        return true;
    /* In a query '+' arrives as a space. */
    if (take_char(s, '+') || take_char(s, ' '))
        sign = 1;
    else if (take_char(s, '-'))
        sign = -1;
    else
        return false;
    if (!take_digits(s, 2, &hours))
        return false;
    if (s->len > 0 && (take_char(s, ':'), !take_digits(s, 2, &minutes)))
        return false;
    *offset_s = sign * (hours * 3600 + minutes * 60);
    return hours <= 23 && minutes <= 59;
}

static enum err parse_unix(struct str text, struct utc *out)
{
    struct str whole = text;
    uint64_t seconds;
    int us;
    size_t digits = 0;
    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    whole = str_slice(text, 0, digits);
    text = str_slice(text, digits, text.len);
    enum err err = str_parse_u64(whole, UINT64_C(253402300799), &seconds);
    if (err)
        return err;
    if (!take_fraction(&text, &us) || text.len > 0)
        return E_SYNTAX;
    out->us = (int64_t)seconds * US_PER_S + us;
    return OK;
}

static enum err parse_iso(struct str text, const struct zone *zone, struct utc *out)
{
    struct civil c = {0};
    bool has_offset;
    int offset_s;
    if (!take_digits(&text, 4, &c.year) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &c.month) || !take_char(&text, '-') ||
        !take_digits(&text, 2, &c.day))
        return E_SYNTAX;
    if (!take_char(&text, 'T') && !take_char(&text, 't') && !take_char(&text, ' '))
        return E_SYNTAX;
    if (!take_digits(&text, 2, &c.hour) || !take_char(&text, ':') ||
        !take_digits(&text, 2, &c.minute))
        return E_SYNTAX;
    if (take_char(&text, ':') &&
        (!take_digits(&text, 2, &c.second) || !take_fraction(&text, &c.us)))
        return E_SYNTAX;
    if (!take_offset(&text, &has_offset, &offset_s) || text.len > 0)
        return E_SYNTAX;
    if (!has_offset && zone)
        return zone_instant(zone, &c, out);
    return utc_from_civil(&c, offset_s, out);
}

enum err at_parse(struct str text, const struct zone *zone, struct utc *out)
{
    out->us = 0;
    bool is_iso = text.len > 4 && text.ptr[4] == '-';
    enum err err = is_iso ? parse_iso(text, zone, out) : parse_unix(text, out);
    if (err)
        out->us = 0;
    return err;
}

bool at_is_live(struct utc at, struct utc now)
{
    return at.us > now.us - LIVE_US && at.us <= now.us + LIVE_US;
}
