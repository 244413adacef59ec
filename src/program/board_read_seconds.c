/* program/board_read_seconds.c - a number with a fraction; contract in board_read_priv.h
 *
 * base/json.h knows whole numbers only, so that the one fraction that a board has is looked up in
 * the text of the document, by its place there. The text has been parsed before: it is JSON. */
#include "program/board_read_priv.h"

#include <stdlib.h>
#include <string.h>

/* How many bytes the text has from its quote to its other quote. */
static size_t text_len(struct str s)
{
    size_t i = 1;
    while (i < s.len && s.ptr[i] != '"')
        i += s.ptr[i] == '\\' ? 2 : 1;
    return i + 1;
}

/* What begins at the trail's place: the trail[1]-th thing in the trail[0]-th thing in ... */
static struct str value_at(struct str s, const size_t *trail, size_t trail_len)
{
    size_t at[ENTRY_DEPTH_MAX + 1] = {0}, depth = 0;
    while (s.len > 0) {
        char c = s.ptr[0];
        bool is_here = depth == trail_len && memcmp(at, trail, depth * sizeof *at) == 0;
        if (is_here && (c == '-' || (c >= '0' && c <= '9')))
            return s;
        if (c == '{' || c == '[') {
            if (depth < trail_len)
                at[depth] = 0;
            depth++;
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ',' && depth <= trail_len) {
            at[depth - 1]++;
        }
        s = str_slice(s, c == '"' ? text_len(s) : 1, s.len);
    }
    return s;
}

bool reading_seconds(struct reading *r, const struct entry *at, const char *name, uint32_t least_ms,
                     uint32_t most_ms, uint32_t *out_ms)
{
    struct str key;
    const struct json *node;
    size_t trail[ENTRY_DEPTH_MAX + 1], i = 0;
    double ms = 0;
    while (json_member(at->object, i, &key, &node) && !str_eq(key, str_of(name)))
        i++;
    if (!node)
        return false;
    memcpy(trail, at->trail, sizeof at->trail);
    trail[at->depth] = i;
    if (json_kind_of(node) == JSON_INT)
        ms = (double)json_int(node) * 1000;
    if (json_kind_of(node) == JSON_REAL) {
        struct str value = value_at(r->text, trail, at->depth + 1);
        assert(value.len > 0);
        ms = strtod(value.ptr, NULL) * 1000; /* it ends before the '}' that must follow */
    }
    if (ms >= least_ms && ms <= most_ms) {
        *out_ms = (uint32_t)(ms + 0.5);
        return true;
    }
    reading_fault(r, at, name, "must be a number of seconds from %g to %g", least_ms / 1000.0,
                  most_ms / 1000.0);
    return false;
}
