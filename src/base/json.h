/* base/json.h - JSON in and out; wraps jansson.
 *
 * Reading is strict: duplicate keys, bad UTF-8, trailing bytes and NULs are refused. Nodes are
 * borrowed from their document. Writing is plain appending to a struct buf. */
#ifndef MAST_BASE_JSON_H
#define MAST_BASE_JSON_H

#include "base/buf.h"

struct json_doc; /* private: json.c */
struct json;     /* a node, borrowed from its document */

struct json_fault {
    int line, column;
    char text[160];
};

/* Parses one document; json_free() sets *doc to NULL. The root is an object or an array.
 * Shape:  cap the size before; at most 4 MiB.   Owner: the caller.   Thread: any but air.
 * Errors: E_SYNTAX with *fault filled, E_TOO_LONG, E_NOMEM. */
MUST_USE enum err json_parse(struct str text, struct json_doc **out, struct json_fault *fault);
void json_free(struct json_doc **doc);
const struct json *json_root(const struct json_doc *doc);

enum json_kind {
    JSON_NONE,
    JSON_NULL,
    JSON_BOOL,
    JSON_INT,
    JSON_REAL,
    JSON_TEXT,
    JSON_ARRAY,
    JSON_OBJECT
};
enum json_kind json_kind_of(const struct json *node); /* JSON_NONE for NULL */

const struct json *json_get(const struct json *object, const char *key); /* NULL: not there */
size_t json_count(const struct json *array);                             /* 0 if it is none */
const struct json *json_at(const struct json *array, size_t index);

/* The i-th member of an object in document order; false past the end. */
bool json_member(const struct json *object, size_t index, struct str *key,
                 const struct json **value);

struct str json_text(const struct json *node); /* empty if it is none */
int64_t json_int(const struct json *node);     /* 0 if it is none */
bool json_bool(const struct json *node);       /* false if it is none */

/* Appends a JSON string with its quotes: control bytes, quote and backslash escaped, and "</" as
 * "<\/" so that it may stand in a script element; bytes that are no UTF-8 become U+FFFD. */
void json_add_text(struct buf *out, struct str text);

#endif
