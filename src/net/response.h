/* net/response.h - an answer: immutable, counted, shared by any number of connections and threads.
 *
 * Made once (a static page at start, a playlist once per change) with its compressed forms and
 * validators; HEAD, conditional requests, Range and Accept-Encoding are then the connection's work.
 * Source: RFC 9110 sections 8.8 (validators), 12.5.3 (Accept-Encoding), 13 (conditions), 14
 * (ranges); RFC 9112. */
#ifndef MAST_NET_RESPONSE_H
#define MAST_NET_RESPONSE_H

#include "base/clock.h"

struct response; /* private: response_priv.h */

struct response_spec {
    int status;                /* 200..599 */
    const char *content_type;  /* NULL: no body */
    struct str body;           /* identity */
    struct str gzip, brotli;   /* precomputed; empty = not offered */
    bool is_static;            /* body, gzip and brotli outlive the response: not copied */
    const char *cache_control; /* NULL = "no-store" */
    bool has_etag;             /* a strong one is made from the body; needs no other name */
    struct utc last_modified;  /* 0 = none */
    bool takes_ranges;         /* one range of the identity form: 206 or 416 */
    bool cors;                 /* any origin may read it, without credentials */
    bool closes;               /* the connection ends after it */
    bool is_endless;           /* to a HEAD for what has no end: no Content-Length; no body here */
    const char *headers;       /* further whole lines, "Retry-After: 5\r\n"; NULL = none */
};

/* Makes an answer; everything that the spec points to is copied (bodies not if is_static).
 * Owner: the caller has one reference.   Thread: any but air.   Errors: E_NOMEM. */
MUST_USE enum err response_new(const struct response_spec *spec, struct response **out);

struct response *response_ref(struct response *response); /* Thread: any */
void response_unref(struct response *response);           /* NULL does nothing */

size_t response_bytes(const struct response *response); /* of its body, as it is */

/* "Not Found" for 404; "" for what is none of ours. */
const char *http_reason(int status);

#endif
