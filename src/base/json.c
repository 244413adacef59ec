/* base/json.c - contract in json.h
 *
 * What jansson parsed is turned into nodes of our own in one arena: the i-th member of an object is
 * found at once, a const document needs no casts, and no other file knows jansson. Texts stay where
 * jansson put them. */
#include "base/json.h"

#include "base/mem.h"

/* jansson's names for its kinds are ours too. */
#define JSON_OBJECT JANSSON_OBJECT
#define JSON_ARRAY  JANSSON_ARRAY
#define JSON_REAL   JANSSON_REAL
#define JSON_NULL   JANSSON_NULL
#include <jansson.h>
#undef JSON_OBJECT
#undef JSON_ARRAY
#undef JSON_REAL
#undef JSON_NULL

#include <stdio.h>
#include <string.h>

#define TEXT_MAX  ((size_t)4 << 20)
#define NODES_MAX ((size_t)256 << 20) /* 4 MiB of "[[],[],..." need half of it */

struct json {
    enum json_kind kind;
    uint32_t count;       /* items of a container, bytes of a text */
    const char *key;      /* of a member; borrowed from jansson, NUL-terminated */
    struct json *pending; /* while nodes are made: the next container whose items are missing */
    union {
        bool yes;
        int64_t number;
        const char *text;
        struct json *items;
        json_t *from; /* of a pending container */
    };
};

struct json_doc {
    json_t *parsed;
    struct arena nodes;
    struct json root;
};

/* Takes over one value; what is in a container comes later. */
static void node_set(struct json *node, json_t *from, struct json **pending)
{
    switch (json_typeof(from)) {
    case JANSSON_OBJECT:
    case JANSSON_ARRAY:
        node->kind = json_typeof(from) == JANSSON_OBJECT ? JSON_OBJECT : JSON_ARRAY;
        node->from = from;
        node->pending = *pending;
        *pending = node;
        break;
    case JSON_STRING:
        node->kind = JSON_TEXT;
        node->text = json_string_value(from);
        node->count = (uint32_t)json_string_length(from);
        break;
    case JSON_INTEGER:
        node->kind = JSON_INT;
        node->number = json_integer_value(from);
        break;
    case JANSSON_REAL:
        node->kind = JSON_REAL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        node->kind = JSON_BOOL;
        node->yes = json_typeof(from) == JSON_TRUE;
        break;
    case JANSSON_NULL:
        node->kind = JSON_NULL;
        break;
    }
}

static enum err object_fill(struct arena *arena, struct json *node, struct json **pending)
{
    json_t *from = node->from;
    size_t count = json_object_size(from);
    struct json *items = arena_get(arena, count * sizeof *items);
    if (!items)
        return E_NOMEM;
    size_t i = 0;
    for (void *at = json_object_iter(from); at; at = json_object_iter_next(from, at), i++) {
        items[i].key = json_object_iter_key(at);
        node_set(&items[i], json_object_iter_value(at), pending);
    }
    assert(i == count);
    node->items = items;
    node->count = (uint32_t)count;
    return OK;
}

static enum err array_fill(struct arena *arena, struct json *node, struct json **pending)
{
    json_t *from = node->from;
    size_t count = json_array_size(from);
    struct json *items = arena_get(arena, count * sizeof *items);
    if (!items)
        return E_NOMEM;
    for (size_t i = 0; i < count; i++)
        node_set(&items[i], json_array_get(from, i), pending);
    node->items = items;
    node->count = (uint32_t)count;
    return OK;
}

static enum err nodes_make(struct json_doc *doc)
{
    struct json *pending = NULL;
    enum err err = OK;
    arena_init(&doc->nodes, NODES_MAX);
    node_set(&doc->root, doc->parsed, &pending);
    while (!err && pending) {
        struct json *node = pending;
        pending = node->pending;
        err = node->kind == JSON_OBJECT ? object_fill(&doc->nodes, node, &pending)
                                        : array_fill(&doc->nodes, node, &pending);
    }
    return err;
}

enum err json_parse(struct str text, struct json_doc **out, struct json_fault *fault)
{
    json_error_t error;
    *out = NULL;
    *fault = (struct json_fault){0};
    if (text.len > TEXT_MAX) {
        str_copy(fault->text, sizeof fault->text, STR("over 4 MiB"));
        return E_TOO_LONG;
    }
    struct json_doc *doc = mem_new(sizeof *doc);
    if (!doc)
        return E_NOMEM;
    doc->parsed =
        json_loadb(text.len > 0 ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &error);
    enum err err = OK;
    if (!doc->parsed) {
        fault->line = error.line;
        fault->column = error.column;
        str_copy(fault->text, sizeof fault->text, str_of(error.text));
        err = json_error_code(&error) == json_error_out_of_memory ? E_NOMEM : E_SYNTAX;
    }
    if (!err)
        err = nodes_make(doc);
    if (err)
        json_free(&doc);
    *out = doc;
    return err;
}

void json_free(struct json_doc **doc)
{
    if (!*doc)
        return;
    arena_release(&(*doc)->nodes);
    json_decref((*doc)->parsed);
    mem_free(*doc);
    *doc = NULL;
}

const struct json *json_root(const struct json_doc *doc)
{
    return &doc->root;
}

enum json_kind json_kind_of(const struct json *node)
{
    return node ? node->kind : JSON_NONE;
}

const struct json *json_get(const struct json *object, const char *key)
{
    if (json_kind_of(object) != JSON_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < object->count; i++)
        if (strcmp(object->items[i].key, key) == 0)
            return &object->items[i];
    return NULL;
}

size_t json_count(const struct json *array)
{
    return json_kind_of(array) == JSON_ARRAY ? array->count : 0;
}

const struct json *json_at(const struct json *array, size_t index)
{
    return index < json_count(array) ? &array->items[index] : NULL;
}

bool json_member(const struct json *object, size_t index, struct str *key,
                 const struct json **value)
{
    *key = (struct str){0};
    *value = NULL;
    if (json_kind_of(object) != JSON_OBJECT || index >= object->count)
        return false;
    *value = &object->items[index];
    *key = str_of((*value)->key);
    return true;
}

struct str json_text(const struct json *node)
{
    if (json_kind_of(node) != JSON_TEXT)
        return (struct str){0};
    return (struct str){node->text, node->count};
}

int64_t json_int(const struct json *node)
{
    return json_kind_of(node) == JSON_INT ? node->number : 0;
}

bool json_bool(const struct json *node)
{
    return json_kind_of(node) == JSON_BOOL && node->yes;
}

/* Appends one byte of ASCII as it must stand inside a string. */
static void add_ascii(struct buf *out, char c, char before)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    unsigned byte = (unsigned char)c;
    if (c == '"' || c == '\\' || (c == '/' && before == '<'))
        buf_printf(out, "\\%c", c);
    else if (byte < sizeof letters && letters[byte])
        buf_printf(out, "\\%c", letters[byte]);
    else if (byte < 0x20 || byte == 0x7F)
        buf_printf(out, "\\u%04x", byte);
    else
        buf_add_char(out, c);
}

void json_add_text(struct buf *out, struct str text)
{
    char before = '\0';
    buf_add_char(out, '"');
    while (text.len > 0) {
        size_t len = str_utf8_first(text);
        if (len == 1)
            add_ascii(out, text.ptr[0], before);
        else if (len > 1)
            buf_add(out, str_slice(text, 0, len));
        else
            buf_add(out, STR("\xEF\xBF\xBD"));
        before = text.ptr[0];
        text = str_slice(text, len > 0 ? len : 1, text.len);
    }
    buf_add_char(out, '"');
}
