/* net/response_priv.h - what an answer is made of, and what a request makes of it.
 *
 * The head of an answer is put together from three parts: a status line with Server and Date (the
 * connection's), a block of lines that never change (the response's), and a tail with
 * Content-Range, Connection and X-Request-Id (the connection's). */
#ifndef MAST_NET_RESPONSE_PRIV_H
#define MAST_NET_RESPONSE_PRIV_H

#include "base/clock.h"
#include "net/response.h"

#include <stdatomic.h>

enum coding { CODING_IDENTITY, CODING_GZIP, CODING_BROTLI, CODING_COUNT };

#define ETAG_BYTES 48 /* with quotes and the coding's letter */

struct response_form {
    struct str body;
    struct str block;        /* all lines for the answer as a whole, Content-Length with them */
    struct str not_modified; /* the lines that a 304 has */
    char etag[ETAG_BYTES];   /* "" = none */
    bool is_offered;
};

struct response {
    atomic_uint refs;
    int status;
    bool has_body, takes_ranges, cors, closes;
    struct utc last_modified;
    struct str part_block; /* the lines of a 206, without Content-Range and Content-Length */
    struct str status_line;
    struct response_form forms[CODING_COUNT];
    char text[]; /* what the blocks point to, then the bodies that were copied */
};

/* What of a request decides which form of an answer it gets; ptr NULL = no such header. */
struct conditions {
    bool is_head, is_get;
    struct str if_match, if_none_match, if_modified_since, if_unmodified_since, if_range;
    struct str range, accept_encoding;
};

struct answer {
    int status;
    struct str block;
    struct str body;      /* not to be sent after a HEAD */
    bool has_range;       /* Content-Range and Content-Length are the connection's to write */
    uint64_t from, total; /* of 206; 416 has only total */
};

/* Chooses the form of an answer: conditions, then range, then coding. Borrowed from the response.
 * Pure.   Thread: any.   Source: RFC 9110 sections 12.5.3, 13.2.2, 14.2. */
void answer_choose(const struct response *response, const struct conditions *conditions,
                   struct answer *out);

/* The lines that let any origin read an answer, without credentials. Source: Fetch standard. */
struct str cors_lines(void);

#endif
