/* net/wire.c - contract in wire_priv.h and chunked.h; the only file that includes llhttp. Its
 * machine must be the strict one: dist/llhttp/meson.build sees to that. */
#include "net/wire_priv.h"

#include "net/chunked.h"

#include <llhttp.h>
#include <string.h>

#define OVERHEAD_BYTES_MAX (UINT64_C(16) * 1024)

_Static_assert(sizeof(llhttp_t) <= CHUNKED_BYTES, "CHUNKED_BYTES is too small");

static int pause(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

enum err wire_check_head(struct str head, struct wire_head *out, const char **fault)
{
    static const llhttp_settings_t settings = {.on_headers_complete = pause};
    llhttp_t parser;
    *out = (struct wire_head){0};
    *fault = "the head is malformed";
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    llhttp_errno_t code = llhttp_execute(&parser, head.ptr, head.len);
    if (code != HPE_PAUSED) {
        const char *reason = llhttp_get_error_reason(&parser);
        if (code != HPE_OK && reason && *reason)
            *fault = reason;
        return E_SYNTAX;
    }
    out->is_chunked = (parser.flags & F_CHUNKED) != 0;
    out->has_length = (parser.flags & F_CONTENT_LENGTH) != 0;
    out->content_length = out->has_length ? parser.content_length : 0;
    return OK;
}

static llhttp_t *parser_of(struct chunked *chunked)
{
    return (llhttp_t *)(void *)chunked->parser;
}

static int on_body(llhttp_t *parser, const char *at, size_t length)
{
    struct chunked *chunked = parser->data;
    chunked->on_bytes(chunked->ctx, (struct str){at, length});
    chunked->overhead_bytes = 0;
    return 0;
}

/* Trailers: nobody sends them to a radio station, and llhttp reads their lines less strictly than
 * those of a head. */
static int on_trailer(llhttp_t *parser, const char *at, size_t length)
{
    (void)at;
    (void)length;
    struct chunked *chunked = parser->data;
    return chunked->is_begun ? -1 : 0;
}

static int on_end(llhttp_t *parser)
{
    struct chunked *chunked = parser->data;
    chunked->is_done = true;
    return HPE_PAUSED;
}

void chunked_init(struct chunked *chunked, void (*on_bytes)(void *ctx, struct str bytes), void *ctx)
{
    static const llhttp_settings_t settings = {
        .on_header_field = on_trailer, .on_body = on_body, .on_message_complete = on_end};
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    *chunked = (struct chunked){.on_bytes = on_bytes, .ctx = ctx};
    llhttp_t *parser = parser_of(chunked);
    llhttp_init(parser, HTTP_REQUEST, &settings);
    parser->data = chunked;
    llhttp_errno_t code = llhttp_execute(parser, head, sizeof head - 1);
    assert(code == HPE_OK); /* the head is ours */
    chunked->is_begun = true;
}

enum err chunked_feed(struct chunked *chunked, struct str bytes, size_t *used)
{
    *used = 0;
    assert(!chunked->is_done);
    if (bytes.len == 0)
        return OK;
    /* Counted before the parser: on_body() sets it back, so at worst one piece too much is let
     * through. */
    chunked->overhead_bytes += bytes.len;
    llhttp_t *parser = parser_of(chunked);
    llhttp_errno_t code = llhttp_execute(parser, bytes.ptr, bytes.len);
    if (code == HPE_PAUSED && chunked->is_done) {
        *used = (size_t)(llhttp_get_error_pos(parser) - bytes.ptr);
        /* llhttp 8 lets a bare LF stand for the empty line at the end. */
        char before_lf = *used >= 2 ? bytes.ptr[*used - 2] : chunked->last_byte;
        return *used > 0 && before_lf == '\r' ? OK : E_SYNTAX;
    }
    if (code != HPE_OK)
        return E_SYNTAX;
    *used = bytes.len;
    chunked->last_byte = bytes.ptr[bytes.len - 1];
    return chunked->overhead_bytes > OVERHEAD_BYTES_MAX ? E_TOO_LONG : OK;
}
