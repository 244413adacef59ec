/* Any bytes as a request's head: whatever is taken must hold what http.h promises. */
#include "net/head_priv.h"
#include "net/target_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct head_limits limits = {2048, 1024, 20, true};

static void check_path(struct str path)
{
    assert(path.len > 0 && path.ptr[0] == '/');
    assert(str_is_utf8(path));
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        assert(c >= 0x20 && c != 0x7f && c != '\\');
        assert(i == 0 || c != '/' || path.ptr[i - 1] != '/');
        assert(i == 0 || c != '.' || path.ptr[i - 1] != '.');
    }
}

static void check_head(const struct head *head, const struct http_header *headers, struct str raw)
{
    assert(head->version == 10 || head->version == 11);
    assert(head->version == 10 || head->host.ptr);
    assert(!head->is_chunked || (head->version == 11 && head->content_length < 0));
    assert(head->headers_count <= limits.headers_max);
    for (size_t i = 0; i < head->headers_count; i++) {
        assert(headers[i].name.len > 0);
        assert(headers[i].name.ptr >= raw.ptr && headers[i].value.ptr <= raw.ptr + raw.len);
        assert(!str_has(headers[i].value, '\r') && !str_has(headers[i].value, '\n') &&
               !str_has(headers[i].value, '\0'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct head_fault fault, fault2;
    struct head_scan whole = {0}, pieces = {0};
    enum head_found found = head_scan(&whole, bytes, &limits, &fault);
    /* byte by byte the same must come out */
    enum head_found again = HEAD_MORE;
    for (size_t n = 1; n <= size && again == HEAD_MORE; n++)
        again = head_scan(&pieces, str_slice(bytes, 0, n), &limits, &fault2);
    assert(found == again || size == 0);
    if (found == HEAD_BAD)
        assert(fault.status >= 400 && fault.text);
    if (found != HEAD_WHOLE)
        return 0;
    assert(whole.at == pieces.at && whole.from == pieces.from);
    assert(whole.at <= size && whole.at - whole.from <= limits.head_bytes_max);
    struct str raw = str_slice(bytes, whole.from, whole.at);
    char *copy = malloc(raw.len + whole.lines_count + 2), *room = malloc(raw.len + 1);
    size_t len = raw.len;
    if (whole.is_source)
        len = head_normalise(raw, copy);
    else
        memcpy(copy, raw.ptr, raw.len);
    struct http_header headers[20];
    struct head head;
    struct target target;
    raw = (struct str){copy, len};
    if (len > 0 && head_parse(raw, headers, limits.headers_max, &head, &fault) == OK) {
        check_head(&head, headers, raw);
        if (target_parse(head.target, head.host, room, &target, &fault.text) == OK)
            check_path(target.path);
    } else if (len > 0) {
        assert(fault.status >= 400 && fault.text);
    }
    free(copy);
    free(room);
    return 0;
}
