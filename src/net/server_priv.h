/* net/server_priv.h - the server inside: what lies behind http.h.
 *
 *     http_server --- listeners (loop 0) --accept--> conn, handed to the lanes in turn
 *      |- lane 0 (loop 0): scratch memory, deadlines, spare exchanges, statistics
 *      |- lane 1 (loop 1): ...
 *            |- conn: one connection; while nothing is under way it has this struct and no more
 *                 |- exchange: one request with its head's bytes, from head to the answer's end
 *                 |- outbox: what of an answer the kernel did not take at once
 *
 * A connection, its exchange and its outbox belong to its lane's loop. Shared by all threads are
 * the counters in http_server (atomics) and the routes (constant). */
#ifndef MAST_NET_SERVER_PRIV_H
#define MAST_NET_SERVER_PRIV_H

#include "base/buf.h"
#include "net/chunked.h"
#include "net/head_priv.h"
#include "net/limits_priv.h"
#include "net/response_priv.h"

#include <stdatomic.h>

#define LANE_IN_BYTES    ((size_t)64 * 1024)
#define EXCHANGE_BYTES   ((size_t)2048) /* of a spare one; greater ones are not kept */
#define SPARES_MAX       64
#define STASH_BYTES_MAX  ((size_t)64 * 1024)
#define LINGER_MS        2000
#define LINGER_BYTES_MAX ((uint32_t)64 * 1024)
#define GRACE_MS         500

/* ---- routes ---- */

struct route_set {
    struct http_route *routes; /* longest path first */
    struct str *paths;         /* without the '*' */
    bool *is_prefix;
    size_t count;
};

MUST_USE enum err route_set_init(struct route_set *set, const struct http_route *routes,
                                 size_t count);
void route_set_release(struct route_set *set);

struct route_match {
    const struct http_route *route; /* NULL = 404, or 405 if methods is not 0 */
    unsigned methods;               /* of all routes with that path */
    bool cors;
};
struct route_match route_find(const struct route_set *set, struct str path,
                              enum http_method method);

/* "GET, HEAD, OPTIONS".   Shape: `to` has ALLOW_BYTES. */
#define ALLOW_BYTES 64
void allow_format(unsigned methods, char to[ALLOW_BYTES]);

/* ---- deadlines ---- */

enum deadline_kind {
    DEADLINE_NONE,
    DEADLINE_GRACE, /* a head may take this long whatever others of its address do */
    DEADLINE_HEAD,
    DEADLINE_BODY,
    DEADLINE_IDLE,
    DEADLINE_WRITE,
    DEADLINE_LINGER,
    DEADLINE_DELAY,
    DEADLINE_COUNT
};

struct conn;

struct deadline_list {
    struct conn *first, *last; /* earliest first */
};

/* ---- lanes ---- */

struct lane_stats { /* written by the lane's thread alone */
    _Atomic uint64_t requests_count, bad_requests_count, timeouts_count, bytes_sent;
    _Atomic uint64_t by_class[6];
};

struct lane {
    struct http_server *server;
    struct loop *loop;
    bool is_open, is_draining;
    struct loop_timer timer;
    int64_t timer_at_us; /* INT64_MAX = not started */
    struct deadline_list deadlines[DEADLINE_COUNT];
    struct conn *conns;                    /* all that have memory */
    struct conn *ready_first, *ready_last; /* have bytes that were read already */
    struct loop_job ready_job;
    bool ready_is_posted;
    struct loop_job drain_job;
    struct exchange *spares;
    unsigned spares_count;
    uint64_t next_id;
    int64_t date_until_us; /* monotonic */
    size_t date_len;
    char date[64]; /* "Date: ...\r\n" */
    struct lane_stats stats;
    char in[LANE_IN_BYTES];
};

void lane_open(struct lane *lane); /* Thread: loop; before anything else there */
void lane_count(_Atomic uint64_t *counter, uint64_t by);
struct str lane_date(struct lane *lane);
void lane_make_ready(struct lane *lane, struct conn *conn);
void lane_drain(struct lane *lane); /* Thread: any */
void deadline_set(struct conn *conn, enum deadline_kind kind, uint64_t ms);
void deadline_clear(struct conn *conn);

/* ---- connections ---- */

enum conn_state {
    CONN_HEAD,    /* waiting for a head, or in the middle of one */
    CONN_BODY,    /* gathering the body of a POST */
    CONN_CALLING, /* inside the handler */
    CONN_HELD,    /* the handler answers later, or the answer waits for its time */
    CONN_SEND,    /* the kernel has not taken the whole answer */
    CONN_LINGER,  /* our side is closed; reading what the client still sends */
    CONN_CLOSED,
};

struct outbox {
    struct response *response; /* holds what iov points to, but for own[] */
    struct iovec iov[4];
    int count;
    char own[512];
};

struct conn {
    struct loop_watch watch;
    struct loop_job job; /* the hand-over from the accepting loop */
    struct lane *lane;
    const struct route_set *routes;
    struct conn *prev, *next; /* of lane->conns */
    struct conn *ready_next;
    struct conn *deadline_prev, *deadline_next;
    int64_t deadline_at_us;
    uint8_t deadline_kind, state, watched_events;
    bool is_watched, is_advancing, is_ready, is_unfinished, is_overdue, is_local;
    bool head_is_begun;
    bool has_spoken;  /* a first line was read: no password may follow */
    bool closes;      /* after the answer */
    bool lingers;     /* and slowly */
    uint16_t refusal; /* a limit: the status to answer at once with, and end; 0 = none */
    struct sock sock;
    struct addr peer;
    struct mono began; /* the first byte of the head under way */
    struct head_scan scan;
    struct str input; /* what was read and not taken yet; valid while is_advancing */
    char *stash;      /* the same between two turns */
    uint32_t stash_len, stash_size;
    uint32_t drained_bytes;
    uint64_t window_bytes; /* sent since the write window began */
    struct exchange *exchange;
    struct outbox *outbox;
};

/* Takes a connection in on its lane's loop; conn->lane, sock, peer, routes are set. */
void conn_start(struct conn *conn);
void conn_close(struct conn *conn);
void conn_advance(struct conn *conn); /* goes on with what lies in the stash */
void conn_on_deadline(struct conn *conn, enum deadline_kind kind);
void conn_answered(struct conn *conn);               /* the kernel has the whole answer */
void conn_watch(struct conn *conn, unsigned events); /* of loop.h */

/* Sends an answer, or its beginning; takes over the reference. */
void conn_send(struct conn *conn, struct response *response);
void conn_flush(struct conn *conn);

/* ---- exchanges ---- */

struct exchange {
    struct request request; /* first: what handlers see */
    struct conn *conn;
    struct exchange *next; /* of the spares */
    struct arena arena;
    const struct http_route *route;
    struct str method_name; /* for the access log; empty before there is a head */
    void (*on_gone)(void *ctx);
    void *on_gone_ctx;
    struct response *delayed;
    struct chunked *chunked; /* in the arena */
    struct buf body;
    uint64_t body_left;
    uint64_t sent_bytes; /* of the body of the answer */
    size_t head_left;    /* of its head */
    int status;          /* of the answer; 0 = none yet */
    bool keep_alive, body_is_ahead;
    size_t headers_max; /* as the room has space for */
    size_t size;
    char room[]; /* headers, the head's bytes, the decoded path */
};

/* A request for the head of `scan`, or one without anything for an answer to what is none
 * (head_bytes 0). NULL when memory is out. */
struct exchange *exchange_new(struct conn *conn, size_t head_bytes, size_t lines_count);
void exchange_free(
    struct exchange *exchange); /* writes the access log line if there was an answer */
void exchange_dispatch(struct exchange *exchange, struct str raw, bool is_source);
void exchange_call(struct exchange *exchange); /* after the body */
void exchange_gone(struct conn *conn);         /* the client left in the middle */

/* The server's own refusal: one line of text, one line in the log. Makes an exchange if there is
 * none. */
void conn_fail(struct conn *conn, int status, const char *headers, const char *text);

/* ---- the server ---- */

struct listener {
    struct loop_watch watch;
    struct loop_job job;
    struct http_server *server;
    struct route_set own_routes;
    const struct route_set *routes;
    struct listener *next;    /* all.     Thread: main */
    struct listener *watched; /* watched. Thread: loop 0 */
    int fd;
    bool is_local, is_paused;
    char *path; /* of a unix socket */
};

struct http_server {
    struct http_config config;
    struct route_set routes;
    char *name; /* "Server: mast\r\n" */
    struct response *out_of_memory;
    struct limits young, overdue; /* heads that are not whole, before and after their grace */
    atomic_uint open_count, unfinished_count, refusing_count;
    _Atomic uint64_t accepted_count, refused_count;
    atomic_bool is_draining;
    unsigned lanes_count;
    struct lane *lanes[LOOPS_MAX];

    struct listener *listeners; /* Thread: main */

    /* owned by loop 0 */
    struct listener *watched;
    struct loop_timer accept_timer;
    struct loop_job drain_job;
    bool accept_timer_is_open;
    unsigned next_lane;
    int64_t next_warning_us;
    int reserve_fd;
};

void listener_open(struct loop_job *job);   /* on loop 0 */
void listeners_close(struct loop_job *job); /* on loop 0 */

#endif
