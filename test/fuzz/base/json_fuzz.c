/* Any document: every node is visited, every text written and read back. */
#include "base/json.h"

#include <string.h>

static void round_trip(struct str text)
{
    struct buf out;
    struct json_doc *doc;
    struct json_fault fault;
    buf_init(&out, 1 << 20);
    buf_add_char(&out, '[');
    json_add_text(&out, text);
    buf_add_char(&out, ']');
    if (!buf_err(&out) && !str_has(text, '\0')) { /* a NUL is written, but never read */
        enum err err = json_parse(buf_str(&out), &doc, &fault);
        assert(!err);
        if (str_is_utf8(text))
            assert(str_eq(json_text(json_at(json_root(doc), 0)), text));
        json_free(&doc);
    }
    buf_release(&out);
}

/* Visits what stands at one level and returns the first container in it. */
static const struct json *visit(const struct json *node)
{
    const struct json *inner = NULL, *value;
    struct str key;
    for (size_t i = 0; json_member(node, i, &key, &value); i++) {
        assert(str_is_utf8(key) && json_get(node, key.ptr) == value);
        if (json_kind_of(value) >= JSON_ARRAY)
            inner = value;
    }
    for (size_t i = 0; i < json_count(node); i++) {
        value = json_at(node, i);
        assert(json_kind_of(value) != JSON_NONE);
        assert(str_is_utf8(json_text(value)));
        if (json_kind_of(value) >= JSON_ARRAY)
            inner = value;
    }
    return inner;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_doc *doc;
    struct json_fault fault;
    struct str text = {(const char *)data, size};
    enum err err = json_parse(text, &doc, &fault);
    assert((err == OK) == (doc != NULL));
    assert(!err || strlen(fault.text) < sizeof fault.text);
    for (const struct json *node = doc ? json_root(doc) : NULL; node; node = visit(node))
        ;
    json_free(&doc);
    round_trip(text);
    return 0;
}
