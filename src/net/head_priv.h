/* net/head_priv.h - raw bytes to a request's head. Pure.   Thread: any.
 *
 * Two steps: head_scan() finds where the head ends while bytes still come in; head_parse() takes it
 * apart. Both our own reader and llhttp must agree on a head; either alone refuses it. What the two
 * of them let pass has one meaning only, for us and for a proxy in front.
 * Source: RFC 9112 sections 2 to 6; what sources of Icecast send. */
#ifndef MAST_NET_HEAD_PRIV_H
#define MAST_NET_HEAD_PRIV_H

#include "net/http.h"

#define HTTP_OTHER              0 /* a method that we know and no route takes: 405 */
#define PASSWORD_LINE_BYTES_MAX 128

struct head_limits {
    size_t head_bytes_max, target_bytes_max, headers_max;
    bool takes_password; /* a first line that is no HTTP may be a password */
};

/* Why a head is refused: `text` is static and has nothing of the stranger's bytes. */
struct head_fault {
    int status;
    const char *text;
};

enum head_found { HEAD_MORE, HEAD_WHOLE, HEAD_PASSWORD, HEAD_BAD };

struct head_scan { /* all zero at the start of a head */
    size_t from;   /* where the head begins: an empty line before it is skipped */
    size_t at;     /* scanned so far; at the end, where the head ends */
    size_t lines_count;
    bool is_source;
};

/* Goes on scanning; `bytes` begins with the same bytes as in the call before. */
enum head_found head_scan(struct head_scan *scan, struct str bytes,
                          const struct head_limits *limits, struct head_fault *fault);

/* Rewrites a source's head with CRLF at each line's end.
 * Shape:  `to` has room for raw.len + lines_count + 2 bytes; returns how many were used, 0 if there
 *         are lines after an empty one. */
size_t head_normalise(struct str raw, char *to);

struct head {
    enum http_method method; /* or HTTP_OTHER */
    struct str name;         /* of the method */
    int version;
    struct str target;
    struct str host; /* ptr NULL = none */
    size_t headers_count;
    int64_t content_length; /* -1 = none */
    bool is_chunked, expects_continue, keep_alive;
};

/* Takes a whole head apart. Everything in *out and in `headers` is borrowed from raw.
 * Shape:  `headers` has room for headers_max.   Errors: E_SYNTAX with *fault. */
MUST_USE enum err head_parse(struct str raw, struct http_header *headers, size_t headers_max,
                             struct head *out, struct head_fault *fault);

#endif
