/* net/response.c - contract in response.h */
#include "net/response_priv.h"

#include "base/buf.h"
#include "base/crypto.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define BLOCKS_BYTES_MAX ((size_t)64 * 1024)

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {206, "Partial Content"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "";
}

struct str cors_lines(void)
{
    return STR("Access-Control-Allow-Origin: *\r\n"
               "Access-Control-Expose-Headers: Age, Date, Content-Length, Content-Range, "
               "X-Request-Id, icy-audio-info, icy-br, icy-description, icy-genre, icy-metaint, "
               "icy-name, icy-pub, icy-sr, icy-url\r\n"
               "Timing-Allow-Origin: *\r\n");
}

/* The identity of a body; each coding's form is another representation and has a letter more. */
static void etag_make(const struct response_spec *spec, struct response *response)
{
    static const unsigned char no_secret[KEY_SECRET_BYTES];
    static const char letters[CODING_COUNT][3] = {"", "-g", "-b"};
    if (!spec->has_etag)
        return;
    char hash[KEY_HASH_BYTES];
    key_hash(no_secret, spec->body, hash);
    for (int i = 0; i < CODING_COUNT; i++)
        snprintf(response->forms[i].etag, ETAG_BYTES, "\"%.32s%s\"", hash, letters[i]);
}

/* The lines that all answers about this thing share, whether it is sent or not. */
static void add_common(struct buf *out, const struct response_spec *spec,
                       const struct response_form *form)
{
    char date[UTC_HTTP_BYTES];
    buf_printf(out, "Cache-Control: %s\r\n",
               spec->cache_control ? spec->cache_control : "no-store");
    if (spec->gzip.len > 0 || spec->brotli.len > 0)
        buf_add(out, STR("Vary: Accept-Encoding\r\n"));
    if (form->etag[0])
        buf_printf(out, "ETag: %s\r\n", form->etag);
    if (spec->last_modified.us != 0) {
        utc_format_http(spec->last_modified, date);
        buf_printf(out, "Last-Modified: %s\r\n", date);
    }
    if (spec->takes_ranges)
        buf_add(out, STR("Accept-Ranges: bytes\r\n"));
    if (spec->cors)
        buf_add(out, cors_lines());
    if (spec->headers)
        buf_add(out, str_of(spec->headers));
}

struct span {
    size_t from, to;
};

struct layout {
    struct span status_line, part, whole[CODING_COUNT], not_modified[CODING_COUNT];
};

static void add_type(struct buf *out, const struct response_spec *spec)
{
    if (spec->content_type)
        buf_printf(out, "Content-Type: %s\r\nX-Content-Type-Options: nosniff\r\n",
                   spec->content_type);
}

static void add_blocks(struct buf *out, const struct response_spec *spec,
                       const struct response *response, struct layout *layout)
{
    static const char *const lines[CODING_COUNT] = {"", "Content-Encoding: gzip\r\n",
                                                    "Content-Encoding: br\r\n"};
    buf_printf(out, "HTTP/1.1 %d %s\r\n", spec->status, http_reason(spec->status));
    layout->status_line = (struct span){0, out->len};
    for (int i = 0; i < CODING_COUNT; i++) {
        const struct response_form *form = &response->forms[i];
        if (!form->is_offered)
            continue;
        size_t from = out->len;
        add_type(out, spec);
        buf_add(out, str_of(lines[i]));
        if (spec->status != 204 && spec->status != 304 && !spec->is_endless)
            buf_printf(out, "Content-Length: %zu\r\n", form->body.len);
        size_t common = out->len;
        add_common(out, spec, form);
        layout->whole[i] = (struct span){from, out->len};
        layout->not_modified[i] = (struct span){common, out->len};
    }
    if (spec->takes_ranges) {
        size_t from = out->len;
        add_type(out, spec);
        add_common(out, spec, &response->forms[CODING_IDENTITY]);
        layout->part = (struct span){from, out->len};
    }
}

static struct str at(const struct response *response, struct span span)
{
    return (struct str){response->text + span.from, span.to - span.from};
}

static void forms_set(struct response *response, const struct response_spec *spec)
{
    const struct str bodies[CODING_COUNT] = {spec->body, spec->gzip, spec->brotli};
    for (int i = 0; i < CODING_COUNT; i++) {
        struct response_form *form = &response->forms[i];
        form->is_offered = i == CODING_IDENTITY || (bodies[i].len > 0 && response->has_body);
        form->body = response->has_body ? bodies[i] : STR("");
    }
}

/* Copies the bodies behind the blocks. */
static void bodies_copy(struct response *response, char *to)
{
    for (int i = 0; i < CODING_COUNT; i++) {
        struct str *body = &response->forms[i].body;
        if (body->len > 0)
            memcpy(to, body->ptr, body->len);
        body->ptr = to;
        to += body->len;
    }
}

enum err response_new(const struct response_spec *spec, struct response **out)
{
    assert(spec->status >= 200 && spec->status <= 599);
    assert(!spec->is_endless || (spec->body.len == 0 && spec->closes));
    *out = NULL;
    struct response draft = {.status = spec->status,
                             .has_body = spec->content_type != NULL && spec->status != 204 &&
                                         spec->status != 304,
                             .takes_ranges = spec->takes_ranges && spec->status == 200,
                             .cors = spec->cors,
                             .closes = spec->closes,
                             .last_modified = spec->last_modified};
    struct layout layout = {0};
    struct buf blocks;
    buf_init(&blocks, BLOCKS_BYTES_MAX);
    enum err err = E_NOMEM;
    forms_set(&draft, spec);
    etag_make(spec, &draft);
    add_blocks(&blocks, spec, &draft, &layout);
    if (buf_err(&blocks))
        goto out;
    size_t bodies_bytes = 0;
    for (int i = 0; i < CODING_COUNT && !spec->is_static; i++)
        bodies_bytes += draft.forms[i].body.len;
    struct response *response = mem_new(sizeof *response + blocks.len + bodies_bytes);
    if (!response)
        goto out;
    memcpy(response, &draft, sizeof draft);
    memcpy(response->text, blocks.ptr, blocks.len);
    atomic_init(&response->refs, 1);
    response->status_line = at(response, layout.status_line);
    response->part_block = at(response, layout.part);
    for (int i = 0; i < CODING_COUNT; i++) {
        response->forms[i].block = at(response, layout.whole[i]);
        response->forms[i].not_modified = at(response, layout.not_modified[i]);
    }
    if (!spec->is_static)
        bodies_copy(response, response->text + blocks.len);
    *out = response;
    err = OK;
out:
    buf_release(&blocks);
    return err;
}

struct response *response_ref(struct response *response)
{
    atomic_fetch_add_explicit(&response->refs, 1, memory_order_relaxed);
    return response;
}

size_t response_bytes(const struct response *response)
{
    return response->forms[CODING_IDENTITY].body.len;
}

void response_unref(struct response *response)
{
    if (response && atomic_fetch_sub_explicit(&response->refs, 1, memory_order_acq_rel) == 1)
        mem_free(response);
}
