/* program/board_read_member.c - members of any object of a document or file; contract in
 * board_read_priv.h */
#include "program/board_read_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *reading_shown(struct log_text *t, struct str value)
{
    return log_text(t, str_slice(value, 0, str_utf8_fit(value, 100)));
}

void reading_fault(struct reading *r, const struct entry *at, const char *name, const char *format,
                   ...)
{
    char path[BOARD_PATH_BYTES + 64], text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(path, sizeof path, "%s%s%s", at->path, name[0] ? "." : "", name);
    board_fault(r->faults, path, "%s", text);
}

static bool is_named(struct str key, const char *const *names)
{
    size_t n = 0;
    while (names && names[n] && !str_eq(key, str_of(names[n])))
        n++;
    return names && names[n];
}

static void members_known(const struct json *object, const char *path, const char *const *names,
                          const char *const *newer, struct board_faults *faults)
{
    struct str key;
    const struct json *value;
    struct log_text t;
    for (size_t i = 0; json_member(object, i, &key, &value); i++)
        if (!is_named(key, names) && !is_named(key, newer))
            board_fault(faults, path, "there is no field %s", reading_shown(&t, key));
}

void board_read_members(const struct json *object, const char *path, const char *const *names,
                        struct board_faults *faults)
{
    members_known(object, path, names, NULL, faults);
}

void board_read_hex(const struct json *object, const char *path, const char *name, char *out,
                    size_t bytes, struct board_faults *faults)
{
    struct str text = json_text(json_get(object, name));
    bool good = text.len == 2 * bytes;
    for (size_t i = 0; i < text.len && good; i++)
        good = text.ptr[i] != '\0' && strchr("0123456789abcdef", text.ptr[i]);
    if (good)
        str_copy(out, 2 * bytes + 1, text);
    else
        board_fault(faults, path, "%s must be %zu small hex digits", name, 2 * bytes);
}

bool reading_text(struct reading *r, const struct entry *at, const char *name, size_t size,
                  struct str *out)
{
    const struct json *node = json_get(at->object, name);
    *out = json_text(node);
    if (!node)
        return false;
    const char *what = json_kind_of(node) != JSON_TEXT ? "must be a text" : board_text_wrong(*out);
    if (what)
        reading_fault(r, at, name, "%s", what);
    else if (out->len >= size)
        reading_fault(r, at, name, "must have at most %zu bytes, not %zu", size - 1, out->len);
    return !what && out->len < size;
}

bool reading_whole(struct reading *r, const struct entry *at, const char *name, const char *unit,
                   int64_t least, int64_t most, int64_t *out)
{
    const struct json *node = json_get(at->object, name);
    *out = json_int(node);
    if (!node)
        return false;
    bool good = json_kind_of(node) == JSON_INT && *out >= least && *out <= most;
    if (!good)
        reading_fault(r, at, name, "must be a whole number%s from %lld to %lld", unit,
                      (long long)least, (long long)most);
    return good;
}

void board_field_set(char *field, size_t size, struct str text)
{
    memset(field, 0, size);
    str_copy(field, size, text);
}

void reading_set_text(struct reading *r, const struct entry *at, const char *name, char *field,
                      size_t size)
{
    struct str text;
    if (reading_text(r, at, name, size, &text))
        board_field_set(field, size, text);
}

void reading_set_bool(struct reading *r, const struct entry *at, const char *name, bool *field)
{
    const struct json *node = json_get(at->object, name);
    if (node && json_kind_of(node) != JSON_BOOL)
        reading_fault(r, at, name, "must be true or false");
    else if (node)
        *field = json_bool(node);
}

const struct json *reading_list(struct reading *r, const struct entry *at, const char *name,
                                size_t most)
{
    const struct json *list = json_get(at->object, name);
    if (!list)
        return NULL;
    if (json_kind_of(list) != JSON_ARRAY) {
        reading_fault(r, at, name, "must be a list");
        return NULL;
    }
    if (json_count(list) > most * BOARD_ENTRIES_EACH) {
        reading_fault(r, at, name, "has more than %zu entries", most * BOARD_ENTRIES_EACH);
        return NULL;
    }
    return list;
}

/* Begins the way to something in a member of an object. */
static void trail_follow(const struct entry *outer, const char *name, struct entry *out)
{
    struct str key;
    const struct json *value;
    size_t i = 0;
    assert(outer->depth + 2 <= ENTRY_DEPTH_MAX);
    while (json_member(outer->object, i, &key, &value) && !str_eq(key, str_of(name)))
        i++;
    memcpy(out->trail, outer->trail, sizeof out->trail);
    out->trail[outer->depth] = i;
    out->depth = outer->depth + 1;
}

bool reading_object(struct reading *r, const struct entry *outer, const char *name,
                    struct entry *out)
{
    out->object = json_get(outer->object, name);
    if (!out->object)
        return false;
    trail_follow(outer, name, out);
    int len = snprintf(out->path, sizeof out->path, "%s.%s", outer->path, name);
    assert(len > 0 && (size_t)len < sizeof out->path);
    if (json_kind_of(out->object) == JSON_OBJECT)
        return true;
    reading_fault(r, out, "", "must be an object");
    return false;
}

bool reading_entry(struct reading *r, const struct entry *outer, const char *name,
                   const struct json *list, size_t i, struct entry *out)
{
    trail_follow(outer, name, out);
    out->object = json_at(list, i);
    out->trail[out->depth++] = i;
    int len = snprintf(out->path, sizeof out->path, "%s%s%s[%zu]", outer->path,
                       outer->path[0] ? "." : "", name, i);
    assert(len > 0 && (size_t)len < sizeof out->path);
    if (json_kind_of(out->object) == JSON_OBJECT)
        return true;
    reading_fault(r, out, "", "must be an object");
    return false;
}

bool reading_removes(struct reading *r, const struct entry *at)
{
    bool remove = false;
    reading_set_bool(r, at, "remove", &remove);
    return remove && r->form == BOARD_DOCUMENT; /* a file that says so is damaged */
}

void reading_members(struct reading *r, const struct entry *at, const char *const *names,
                     const char *const *newer)
{
    members_known(at->object, at->path, names, newer, r->faults);
    for (size_t i = 0; names[i] && r->form == BOARD_FILE; i++) {
        bool is_there = json_get(at->object, names[i]) != NULL;
        bool removes = strcmp(names[i], "remove") == 0;
        if (is_there == removes)
            reading_fault(r, at, names[i], removes ? "has no place in a file" : "is missing");
    }
}

bool reading_slug(struct reading *r, const struct entry *at, const struct json *list, size_t i,
                  bool of_station, struct str *out)
{
    struct log_text t;
    if (!json_get(at->object, "slug")) {
        reading_fault(r, at, "slug", "is missing");
        return false;
    }
    if (!reading_text(r, at, "slug", 64, out))
        return false;
    const char *what = of_station          ? board_slug_wrong(*out)
                       : str_is_slug(*out) ? NULL
                                           : "must be 1 to 63 of a-z, 0-9 and '-'";
    for (size_t n = 0; n < i && !what; n++)
        if (str_eq(json_text(json_get(json_at(list, n), "slug")), *out))
            what = "is named a second time";
    if (what)
        reading_fault(r, at, "slug", "%s %s", reading_shown(&t, *out), what);
    return !what;
}
