/* net/http.h - the HTTP/1 server: connections in, whole requests to handlers, answers out.
 *
 *     socket --> head (limits, llhttp, our own checks) --> route --> handler
 *            <-- answer (conditions, range, encoding) <-- request_reply()
 *            or: request_take_over(): the handler keeps the socket (a source, an ICY listener)
 *
 * Speaks HTTP/1.0, HTTP/1.1 and, for SOURCE alone, ICE/1.0. What could be read in two ways is
 * refused with 400 and the connection closed. A first line that is no HTTP at all (a SHOUTcast
 * password) goes to its own handler. Every request has an id, an access log line, and deadlines.
 * Source: RFC 9110, RFC 9112; Fetch standard (CORS preflight). */
#ifndef MAST_NET_HTTP_H
#define MAST_NET_HTTP_H

#include "base/buf.h"
#include "base/mem.h"
#include "net/addr.h"
#include "net/loop.h"
#include "net/response.h"
#include "net/sock.h"

enum http_method {
    HTTP_GET = 1,
    HTTP_HEAD = 2,
    HTTP_POST = 4,
    HTTP_PUT = 8,
    HTTP_SOURCE = 16,
    HTTP_OPTIONS = 32,  /* answered by the server itself */
    HTTP_PASSWORD = 64, /* no HTTP: one line without a request; goes to http_config.on_password */
};

struct http_header {
    struct str name, value; /* value without blanks at its ends */
};

/* A request, whole but for the body of a route that takes over. Lives until it was answered or
 * taken over.   Thread: its loop. */
struct request {
    struct loop *loop;
    struct arena *arena; /* for what should live as long as the request */
    uint64_t id;         /* 64 bits, random start; X-Request-Id in hex */
    enum http_method method;
    int version;       /* 10, 11; ICE/1.0 counts as 10 */
    struct str target; /* as sent; of HTTP_PASSWORD: the line without its end */
    struct str path;   /* decoded once; starts with '/', has no "..", "//", NUL, control or '\' */
    struct str query;  /* as sent, without '?' */
    const struct http_header *headers;
    size_t headers_count;
    bool expects_continue; /* Expect: 100-continue; the server answers it only for routes with a
                              body */
    bool is_chunked;
    int64_t content_length; /* -1 = none given */
    struct str body;        /* whole; empty for take-over routes */
    struct addr peer;
    struct mono began; /* first byte of the head */
};

/* The value of a header, or an empty str with ptr NULL. Names in any case; the first of several. */
struct str request_header(const struct request *request, struct str name);

/* The decoded value of a query or form field ('+' is a space, %XX decoded), in the request's arena.
 * Errors: E_NOT_FOUND, E_SYNTAX (bad escape), E_NOMEM. */
MUST_USE enum err request_query(struct request *request, struct str name, struct str *out);
MUST_USE enum err form_field(struct arena *arena, struct str form, struct str name,
                             struct str *out);

/* User and password of Authorization: Basic, in the request's arena.
 * Errors: E_NOT_FOUND no such header; E_SYNTAX another scheme or bad Base64. */
MUST_USE enum err request_basic_auth(struct request *request, struct str *user,
                                     struct str *password);

/* Answers a request; takes over the caller's reference. The request is gone afterwards. */
void request_reply(struct request *request, struct response *response);

/* The same after `ms`: for a wrong password. The request is gone for the caller at once. */
void request_reply_after(struct request *request, struct response *response, uint64_t ms);

/* Answers with one line of plain text; with 503 when memory is out. `headers` as in response_spec.
 */
void request_reply_text(struct request *request, int status, const char *headers,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Puts the answer off: the handler may return and reply (or take over) later, on the same loop. If
 * the client leaves first, on_gone(ctx) is called once and the request is gone. */
void request_hold(struct request *request, void (*on_gone)(void *ctx), void *ctx);

/* Takes the connection away from the server: sock, and what was read after the head (in *rest, the
 * caller's, buf_release). The request is gone; no answer was sent; the access log line is the
 * caller's (access.h). What he wants of the request he has copied before. */
void request_take_over(struct request *request, struct sock *sock, struct buf *rest);

typedef void http_handler_fn(struct request *request, void *ctx);

struct http_route {
    const char *path; /* "/metrics"; ending in '*' = everything that starts so; longest wins */
    unsigned methods; /* of enum http_method; HEAD comes with GET; others get 405 and Allow */
    http_handler_fn *handler;
    void *ctx;
    size_t body_max_bytes; /* bodies of POST and PUT up to this are gathered first; over it 413;
                              0 = no body */
    bool takes_over;       /* called at the end of the head, whatever body follows */
    bool cors;             /* answers a preflight for any origin */
};

struct http_config {
    struct loops *loops;
    const struct http_route *routes; /* "*" as the last resort; copied */
    size_t routes_count;
    http_handler_fn *on_password; /* NULL: such a first line is 400 */
    void *on_password_ctx;
    const char *server_name; /* Server: header */
    size_t head_bytes_max;   /* 8192; over it 431 */
    size_t target_bytes_max; /* 4096; over it 414 */
    size_t headers_max;      /* 64; over it 431 */
    uint32_t head_ms;        /* 5000: from the first moment to the end of the head; 408 */
    uint32_t body_ms;        /* 5000 */
    uint32_t idle_ms;        /* 30000: keep-alive without a request; closed silently */
    uint32_t
        unfinished_per_address_max; /* 32: connections of one address that have not sent a whole
                                       head half a second after its beginning; over it 429 */
    uint32_t connections_max;       /* over it: 503 with Retry-After, and closed */
    uint32_t write_floor_bytes;     /* 30 * 1024 in each ... */
    uint32_t write_window_ms;       /* 30000 ... else the connection is aborted */
    bool access_log;
};
void http_config_init(struct http_config *config); /* the figures above */

struct http_server; /* private */

/* Makes a server on its loops; nothing listens yet.   Owner: the caller; http_server_free() after
 * loops_stop().   Thread: main.   Errors: E_NOMEM. */
MUST_USE enum err http_server_new(const struct http_config *config, struct http_server **out);
void http_server_free(struct http_server **server);

/* Listens on an address, or on a unix socket (mode 0600; an old file is replaced). Accepted
 * connections go to the loops in turn. `routes` NULL = those of the config.
 * *bound (may be NULL) tells the port that port 0 became.
 * Errors: E_BUSY the address is in use; E_AUTH not allowed; E_TOO_LONG for the name of a socket;
 *         E_NOMEM; E_IO.   Thread: main, before or after loops_start(). */
MUST_USE enum err http_listen(struct http_server *server, const struct addr *addr,
                              struct addr *bound);
MUST_USE enum err http_listen_unix(struct http_server *server, const char *path,
                                   const struct http_route *routes, size_t routes_count);

/* No new connections from now on; those that are idle end, requests under way are finished with
 * Connection: close.   Thread: any. */
void http_drain(struct http_server *server);

/* For metrics and tests; sums over all loops.   Thread: any. */
struct http_stats {
    uint64_t accepted_count, refused_count; /* refused: a limit */
    uint64_t requests_count;
    uint64_t bad_requests_count; /* 4xx made by the server itself */
    uint64_t timeouts_count;
    uint64_t bytes_sent;                   /* answers; taken-over sockets not counted */
    uint32_t open_count, unfinished_count; /* now; taken-over sockets not counted */
    uint64_t by_class[6];                  /* answers 1xx..5xx at [1]..[5] */
};
struct http_stats http_stats(const struct http_server *server);

#endif
