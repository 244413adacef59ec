/* net/head.c - contract in head_priv.h */
#include "net/head_priv.h"

#include "net/wire_priv.h"

#include <string.h>

#define LINE_ROOM ((size_t)32) /* of a request line, for method, version and blanks */

static enum head_found bad(struct head_fault *fault, int status, const char *text)
{
    *fault = (struct head_fault){status, text};
    return HEAD_BAD;
}

static enum err refuse(struct head_fault *fault, int status, const char *text)
{
    *fault = (struct head_fault){status, text};
    return E_SYNTAX;
}

/* ---- where a head ends ---- */

static struct str without_line_end(struct str line)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\n')
        line.len--;
    for (int i = 0; i < 2 && line.len > 0 && line.ptr[line.len - 1] == '\r'; i++)
        line.len--;
    return line;
}

static bool is_password(struct str line)
{
    if (line.len == 0 || line.len > PASSWORD_LINE_BYTES_MAX)
        return false;
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] < 0x21 || line.ptr[i] > 0x7e)
            return false;
    return true;
}

/* An empty line before the request is skipped, as RFC 9112 section 2.2 wishes: one only. */
static enum head_found skip_empty_line(struct head_scan *scan, struct str bytes,
                                       struct head_fault *fault)
{
    if (scan->lines_count > 0)
        return HEAD_MORE;
    if (scan->from == 0 && bytes.ptr[0] == '\r') {
        if (bytes.len < 2)
            return HEAD_MORE;
        if (bytes.ptr[1] != '\n')
            return bad(fault, 400, "the request begins with a bare CR");
        scan->from = scan->at = 2;
    }
    if (bytes.len > scan->from && (bytes.ptr[scan->from] == '\r' || bytes.ptr[scan->from] == '\n'))
        return bad(fault, 400, "the request begins with an empty line");
    return HEAD_MORE;
}

static enum head_found first_line(struct head_scan *scan, struct str line,
                                  const struct head_limits *limits, struct head_fault *fault)
{
    struct str text = without_line_end(line);
    if (line.len > limits->target_bytes_max + LINE_ROOM)
        return bad(fault, 414, "the target is too long");
    if (!str_has(text, ' ')) {
        if (limits->takes_password && is_password(text))
            return HEAD_PASSWORD;
        return bad(fault, 400, "the first line is no request");
    }
    scan->is_source = str_starts(line, STR("SOURCE "));
    return HEAD_MORE;
}

/* Tells whether the line that ends at `end` ends the head. */
static bool is_last_line(const struct head_scan *scan, struct str bytes, size_t end)
{
    struct str head = str_slice(bytes, scan->from, end);
    if (!scan->is_source)
        return str_ends(head, STR("\n\r\n"));
    return str_ends(head, STR("\n\n")) || str_ends(head, STR("\r\n\r\n")) ||
           str_ends(head, STR("\r\r\n\r\r\n"));
}

static enum head_found too_long(const struct head_scan *scan, struct str bytes,
                                const struct head_limits *limits, struct head_fault *fault)
{
    if (scan->lines_count == 0 && bytes.len - scan->from > limits->target_bytes_max + LINE_ROOM)
        return bad(fault, 414, "the target is too long");
    if (bytes.len - scan->from > limits->head_bytes_max)
        return bad(fault, 431, "the head is too long");
    return HEAD_MORE;
}

enum head_found head_scan(struct head_scan *scan, struct str bytes,
                          const struct head_limits *limits, struct head_fault *fault)
{
    if (bytes.len == 0)
        return HEAD_MORE;
    enum head_found found = skip_empty_line(scan, bytes, fault);
    if (found != HEAD_MORE)
        return found;
    size_t line_from = scan->at;
    while (line_from < bytes.len) {
        const char *lf = memchr(bytes.ptr + scan->at, '\n', bytes.len - scan->at);
        if (!lf)
            break;
        size_t end = (size_t)(lf - bytes.ptr) + 1;
        struct str line = str_slice(bytes, line_from, end);
        if (end - scan->from > limits->head_bytes_max)
            return bad(fault, 431, "the head is too long");
        if (scan->lines_count == 0) {
            found = first_line(scan, line, limits, fault);
            if (found == HEAD_PASSWORD)
                scan->at = end;
            if (found != HEAD_MORE)
                return found;
        }
        if (!scan->is_source && (line.len < 2 || line.ptr[line.len - 2] != '\r'))
            return bad(fault, 400, "a line of the head ends in a bare LF");
        scan->lines_count++;
        scan->at = line_from = end;
        if (is_last_line(scan, bytes, end))
            return HEAD_WHOLE;
        if (scan->lines_count > limits->headers_max + 1)
            return bad(fault, 431, "too many headers");
    }
    return too_long(scan, bytes, limits, fault);
}

size_t head_normalise(struct str raw, char *to)
{
    size_t len = 0;
    bool is_over = false;
    while (raw.len > 0) {
        struct str line;
        str_cut(&raw, '\n', &line);
        line = without_line_end(line);
        if (is_over && line.len > 0)
            return 0;
        if (is_over)
            continue;
        if (line.len > 0)
            memcpy(to + len, line.ptr, line.len);
        len += line.len;
        to[len++] = '\r';
        to[len++] = '\n';
        is_over = line.len == 0;
    }
    return len;
}

/* ---- taking it apart ---- */

/* Source: RFC 9110 section 5.6.2. */
static bool is_token_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    if (s.len == 0)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_token_char(s.ptr[i]))
            return false;
    return true;
}

static bool is_value(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static enum err method_parse(struct str name, enum http_method *out, struct head_fault *fault)
{
    static const struct {
        struct str name;
        enum http_method method;
    } methods[] = {
        {{"GET", 3}, HTTP_GET},      {{"HEAD", 4}, HTTP_HEAD},     {{"POST", 4}, HTTP_POST},
        {{"PUT", 3}, HTTP_PUT},      {{"SOURCE", 6}, HTTP_SOURCE}, {{"OPTIONS", 7}, HTTP_OPTIONS},
        {{"DELETE", 6}, HTTP_OTHER}, {{"PATCH", 5}, HTTP_OTHER},   {{"CONNECT", 7}, HTTP_OTHER},
        {{"TRACE", 5}, HTTP_OTHER},
    };
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        if (str_eq(name, methods[i].name)) {
            *out = methods[i].method;
            return OK;
        }
    }
    if (!is_token(name))
        return refuse(fault, 400, "the method is malformed");
    return refuse(fault, 501, "the method is not known");
}

static enum err version_parse(struct str text, enum http_method method, int *out,
                              struct head_fault *fault)
{
    if (str_eq(text, STR("HTTP/1.1")))
        *out = 11;
    else if (str_eq(text, STR("HTTP/1.0")))
        *out = 10;
    else if (str_eq(text, STR("ICE/1.0")) && method == HTTP_SOURCE)
        *out = 10;
    else if (text.len == 8 && str_starts(text, STR("HTTP/")) && text.ptr[6] == '.' &&
             text.ptr[5] >= '0' && text.ptr[5] <= '9' && text.ptr[7] >= '0' && text.ptr[7] <= '9')
        return refuse(fault, 505, "only HTTP/1.0 and HTTP/1.1 are spoken here");
    else
        return refuse(fault, 400, "the version of the protocol is malformed");
    return OK;
}

static enum err request_line(struct str line, struct head *out, struct head_fault *fault)
{
    if (!str_cut(&line, ' ', &out->name) || !str_cut(&line, ' ', &out->target))
        return refuse(fault, 400, "the request line has not three parts");
    enum err err = method_parse(out->name, &out->method, fault);
    if (err)
        return err;
    if (out->target.len == 0)
        return refuse(fault, 400, "the request line has an empty target");
    for (size_t i = 0; i < out->target.len; i++)
        if (out->target.ptr[i] < 0x21 || out->target.ptr[i] > 0x7e)
            return refuse(fault, 400, "the target has a byte that must be escaped");
    return version_parse(line, out->method, &out->version, fault);
}

/* An empty one is valid (RFC 9112 section 3.2), and Liquidsoap sends it with a chunked PUT. */
static enum err host_take(struct head *out, struct str value, struct head_fault *fault)
{
    if (out->host.ptr)
        return refuse(fault, 400, "header 'Host' given twice");
    out->host = value;
    if (out->method == HTTP_SOURCE)
        return OK; /* old sources put all sorts of things there, and nothing depends on it */
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              strchr(".-_:[]~", c)))
            return refuse(fault, 400, "header 'Host' is malformed");
    }
    return OK;
}

static enum err length_take(struct head *out, struct str value, struct head_fault *fault)
{
    if (out->content_length >= 0)
        return refuse(fault, 400, "header 'Content-Length' given twice");
    uint64_t length;
    if (str_parse_u64(value, INT64_MAX, &length))
        return refuse(fault, 400, "header 'Content-Length' is no number");
    out->content_length = (int64_t)length;
    return OK;
}

static enum err coding_take(struct head *out, struct str value, struct head_fault *fault)
{
    if (out->is_chunked)
        return refuse(fault, 400, "header 'Transfer-Encoding' given twice");
    if (!str_eq_nocase(value, STR("chunked")))
        return refuse(fault, 400, "header 'Transfer-Encoding' must be 'chunked'");
    if (out->version != 11)
        return refuse(fault, 400, "header 'Transfer-Encoding' is only for HTTP/1.1");
    out->is_chunked = true;
    return OK;
}

static enum err expect_take(struct head *out, struct str value, struct head_fault *fault)
{
    if (!str_eq_nocase(value, STR("100-continue")))
        return refuse(fault, 417, "header 'Expect' asks for what is not known");
    out->expects_continue = out->version == 11;
    return OK;
}

static void connection_take(struct str value, bool *closes, bool *keeps)
{
    while (value.len > 0) {
        struct str one;
        str_cut(&value, ',', &one);
        one = str_trim(one);
        *closes |= str_eq_nocase(one, STR("close"));
        *keeps |= str_eq_nocase(one, STR("keep-alive"));
    }
}

/* What has been seen of the headers that may come once only and mean nothing to us here. */
struct seen {
    bool authorization, closes, keeps;
};

static enum err header_take(const struct http_header *header, struct head *out, struct seen *seen,
                            struct head_fault *fault)
{
    struct str name = header->name, value = header->value;
    switch (name.len) { /* most names end here */
    case 4:
        return str_eq_nocase(name, STR("host")) ? host_take(out, value, fault) : OK;
    case 6:
        return str_eq_nocase(name, STR("expect")) ? expect_take(out, value, fault) : OK;
    case 10:
        if (str_eq_nocase(name, STR("connection")))
            connection_take(value, &seen->closes, &seen->keeps);
        return OK;
    case 13:
        if (!str_eq_nocase(name, STR("authorization")))
            return OK;
        if (seen->authorization)
            return refuse(fault, 400, "header 'Authorization' given twice");
        seen->authorization = true;
        return OK;
    case 14:
        return str_eq_nocase(name, STR("content-length")) ? length_take(out, value, fault) : OK;
    case 17:
        return str_eq_nocase(name, STR("transfer-encoding")) ? coding_take(out, value, fault) : OK;
    default:
        return OK;
    }
}

static enum err header_parse(struct str line, struct http_header *out, struct head_fault *fault)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(fault, 400, "a header goes on in the next line");
    if (!str_cut(&line, ':', &out->name))
        return refuse(fault, 400, "a header has no colon");
    if (out->name.len == 0)
        return refuse(fault, 400, "a header has no name");
    if (!is_token(out->name))
        return refuse(fault, 400, "a header's name is malformed");
    if (!is_value(line))
        return refuse(fault, 400, "a header's value has a control byte");
    out->value = str_trim(line);
    return OK;
}

static enum err head_lines(struct str rest, struct http_header *headers, size_t headers_max,
                           struct head *out, struct head_fault *fault)
{
    struct seen seen = {0};
    while (rest.len > 0) {
        struct str line;
        str_cut(&rest, '\n', &line);
        if (line.len == 0 || line.ptr[line.len - 1] != '\r')
            return refuse(fault, 400, "a line of the head ends in a bare LF");
        line.len--;
        if (line.len == 0)
            break;
        if (out->headers_count >= headers_max)
            return refuse(fault, 431, "too many headers");
        struct http_header *header = &headers[out->headers_count];
        enum err err = header_parse(line, header, fault);
        if (!err)
            err = header_take(header, out, &seen, fault);
        if (err)
            return err;
        out->headers_count++;
    }
    out->keep_alive = !seen.closes && (out->version == 11 || seen.keeps);
    return OK;
}

static enum err checks_over_all(const struct head *head, struct str raw, struct head_fault *fault)
{
    if (head->version == 11 && !head->host.ptr)
        return refuse(fault, 400, "header 'Host' is missing");
    if (head->is_chunked && head->content_length >= 0)
        return refuse(fault, 400, "both 'Content-Length' and 'Transfer-Encoding' are given");
    struct wire_head wire;
    const char *reason;
    if (wire_check_head(raw, &wire, &reason))
        return refuse(fault, 400, reason);
    if (wire.is_chunked != head->is_chunked || wire.has_length != (head->content_length >= 0) ||
        (wire.has_length && wire.content_length != (uint64_t)head->content_length))
        return refuse(fault, 400, "the length of the body can be read in two ways");
    return OK;
}

enum err head_parse(struct str raw, struct http_header *headers, size_t headers_max,
                    struct head *out, struct head_fault *fault)
{
    *out = (struct head){.content_length = -1};
    struct str line, rest = raw;
    str_cut(&rest, '\n', &line);
    if (line.len == 0 || line.ptr[line.len - 1] != '\r')
        return refuse(fault, 400, "a line of the head ends in a bare LF");
    line.len--;
    enum err err = request_line(line, out, fault);
    if (!err)
        err = head_lines(rest, headers, headers_max, out, fault);
    if (!err)
        err = checks_over_all(out, raw, fault);
    return err;
}
