/* net/conn.c - one connection: reading, deadlines, the end */
#include "net/server_priv.h"

#include <string.h>
#include <sys/socket.h>

#define REQUESTS_A_TURN 32 /* pipelined ones; then the others have theirs */

static void on_event(struct loop_watch *watch, unsigned events);

static struct head_limits limits_of(const struct conn *conn)
{
    const struct http_config *config = &conn->lane->server->config;
    return (struct head_limits){.head_bytes_max = config->head_bytes_max,
                                .target_bytes_max = config->target_bytes_max,
                                .headers_max = config->headers_max,
                                .takes_password = config->on_password && !conn->has_spoken};
}

/* A head has begun, or must begin now. */
static void expect_head(struct conn *conn)
{
    struct http_server *server = conn->lane->server;
    if (!conn->is_unfinished) { /* one that spoke before; new ones were counted when accepted */
        conn->is_unfinished = true;
        atomic_fetch_add_explicit(&server->unfinished_count, 1, memory_order_relaxed);
        if (!conn->is_local)
            (void)!limits_enter(&server->young, &conn->peer, UINT32_MAX);
    }
    uint32_t head_ms = server->config.head_ms;
    deadline_set(conn, DEADLINE_GRACE, GRACE_MS < head_ms ? GRACE_MS : head_ms);
}

/* The head is whole, or never will be. */
static void has_head(struct conn *conn)
{
    struct http_server *server = conn->lane->server;
    if (!conn->is_unfinished)
        return;
    conn->is_unfinished = false;
    atomic_fetch_sub_explicit(&server->unfinished_count, 1, memory_order_relaxed);
    if (conn->is_local)
        return;
    limits_leave(&server->young, &conn->peer);
    if (conn->is_overdue)
        limits_leave(&server->overdue, &conn->peer);
    conn->is_overdue = false;
}

static void on_grace_over(struct conn *conn)
{
    struct http_server *server = conn->lane->server;
    const struct http_config *config = &server->config;
    if (!conn->is_local) {
        conn->is_overdue =
            limits_enter(&server->overdue, &conn->peer, config->unfinished_per_address_max);
        if (!conn->is_overdue) {
            atomic_fetch_add_explicit(&server->refused_count, 1, memory_order_relaxed);
            conn_fail(conn, 429, "Retry-After: 5\r\n",
                      "too many connections of your address wait for a request");
            return;
        }
    }
    deadline_set(conn, DEADLINE_HEAD, config->head_ms > GRACE_MS ? config->head_ms - GRACE_MS : 0);
}

/* ---- what was read and not taken yet ---- */

static void stash_free(struct conn *conn)
{
    mem_free(conn->stash);
    conn->stash = NULL;
    conn->stash_len = conn->stash_size = 0;
}

static enum err stash_add(struct conn *conn, struct str bytes)
{
    size_t need = conn->stash_len + bytes.len;
    if (need > conn->stash_size) {
        size_t size = need < 512 ? 512 : need + need / 2;
        char *stash = mem_resize(conn->stash, size);
        if (!stash)
            return E_NOMEM;
        conn->stash = stash;
        conn->stash_size = (uint32_t)size;
    }
    memcpy(conn->stash + conn->stash_len, bytes.ptr, bytes.len);
    conn->stash_len = (uint32_t)need;
    return OK;
}

/* Puts aside what was not taken in this turn. */
static enum err stash_rest(struct conn *conn)
{
    struct str rest = conn->input;
    conn->input = STR("");
    if (rest.len == 0) {
        stash_free(conn);
        return OK;
    }
    if (conn->stash) { /* then the rest lies in it */
        assert(rest.ptr >= conn->stash && rest.len <= conn->stash_len);
        memmove(conn->stash, rest.ptr, rest.len);
        conn->stash_len = (uint32_t)rest.len;
        return OK;
    }
    return stash_add(conn, rest);
}

/* ---- the end of a connection ---- */

static void conn_unlink(struct conn *conn)
{
    if (conn->prev)
        conn->prev->next = conn->next;
    else if (conn->lane->conns == conn)
        conn->lane->conns = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
}

static void on_closed(struct loop_watch *watch)
{
    struct conn *conn = (struct conn *)((char *)watch - offsetof(struct conn, watch));
    conn_unlink(conn);
    mem_free(conn);
}

static void unready(struct conn *conn)
{
    struct lane *lane = conn->lane;
    struct conn *before = NULL;
    for (struct conn *c = lane->ready_first; c; before = c, c = c->ready_next) {
        if (c != conn)
            continue;
        if (before)
            before->ready_next = c->ready_next;
        else
            lane->ready_first = c->ready_next;
        if (lane->ready_last == c)
            lane->ready_last = before;
        return;
    }
}

/* Gives back all that a connection has but its own struct. */
static void conn_let_go(struct conn *conn)
{
    struct http_server *server = conn->lane->server;
    assert(conn->state != CONN_CLOSED);
    conn->state = CONN_CLOSED;
    deadline_clear(conn);
    if (conn->is_ready)
        unready(conn);
    has_head(conn);
    if (conn->refusal)
        atomic_fetch_sub_explicit(&server->refusing_count, 1, memory_order_relaxed);
    atomic_fetch_sub_explicit(&server->open_count, 1, memory_order_relaxed);
    if (conn->outbox) {
        response_unref(conn->outbox->response);
        mem_free(conn->outbox);
        conn->outbox = NULL;
    }
    if (conn->exchange)
        exchange_free(conn->exchange);
    conn->exchange = NULL;
    stash_free(conn);
    conn->input = STR("");
}

void conn_close(struct conn *conn)
{
    if (conn->state == CONN_CLOSED)
        return;
    conn_let_go(conn);
    if (conn->is_watched)
        loop_watch_close(&conn->watch, on_closed);
    sock_close(&conn->sock);
    if (!conn->is_watched)
        on_closed(&conn->watch);
}

static void conn_abort(struct conn *conn)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(conn->sock.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    conn_close(conn);
}

static void linger(struct conn *conn)
{
    if (shutdown(conn->sock.fd, SHUT_WR)) {
        conn_close(conn);
        return;
    }
    conn->state = CONN_LINGER;
    stash_free(conn);
    conn->input = STR("");
    has_head(conn);
    conn_watch(conn, LOOP_READ);
    deadline_set(conn, DEADLINE_LINGER, LINGER_MS);
}

/* ---- reading ---- */

void conn_watch(struct conn *conn, unsigned events)
{
    if (conn->watched_events == events)
        return;
    conn->watched_events = (uint8_t)events;
    loop_watch_set(&conn->watch, events);
}

/* Takes one head from the input; false if it is not there as a whole yet. */
static bool take_head(struct conn *conn)
{
    struct head_limits limits = limits_of(conn);
    struct head_fault fault = {0};
    if (!conn->head_is_begun)
        conn->began = loop_now(conn->lane->loop);
    conn->head_is_begun = true;
    enum head_found found = head_scan(&conn->scan, conn->input, &limits, &fault);
    if (found == HEAD_MORE)
        return false;
    struct head_scan scan = conn->scan;
    conn->scan = (struct head_scan){0};
    conn->head_is_begun = false;
    if (found == HEAD_BAD) {
        conn_fail(conn, fault.status, NULL, fault.text);
        return true;
    }
    struct str raw = str_slice(conn->input, scan.from, scan.at);
    conn->input = str_slice(conn->input, scan.at, conn->input.len);
    conn->exchange = exchange_new(conn, raw.len, scan.lines_count);
    if (!conn->exchange) {
        conn_abort(conn);
        return true;
    }
    if (found == HEAD_PASSWORD)
        conn->exchange->request.method = HTTP_PASSWORD;
    conn->has_spoken = true;
    has_head(conn);
    exchange_dispatch(conn->exchange, raw, scan.is_source);
    return true;
}

static void on_body(void *ctx, struct str bytes)
{
    struct exchange *exchange = ctx;
    buf_add(&exchange->body, bytes);
}

static void take_chunks(struct conn *conn, struct exchange *exchange)
{
    size_t used;
    if (!exchange->chunked) {
        exchange->chunked = arena_get(&exchange->arena, sizeof *exchange->chunked);
        if (!exchange->chunked) {
            conn_fail(conn, 503, NULL, "out of memory");
            return;
        }
        chunked_init(exchange->chunked, on_body, exchange);
    }
    enum err err = chunked_feed(exchange->chunked, conn->input, &used);
    conn->input = str_slice(conn->input, used, conn->input.len);
    if (err)
        conn_fail(conn, 400, NULL, "the chunks of the body are malformed");
    else if (!buf_err(&exchange->body) && exchange->chunked->is_done)
        exchange->body_left = 0;
}

/* Takes what the input has of the body; false if that was not the end of it. */
static bool take_body(struct conn *conn)
{
    struct exchange *exchange = conn->exchange;
    if (exchange->request.is_chunked) {
        take_chunks(conn, exchange);
    } else {
        struct str part = str_slice(conn->input, 0, exchange->body_left);
        buf_add(&exchange->body, part);
        exchange->body_left -= part.len;
        conn->input = str_slice(conn->input, part.len, conn->input.len);
    }
    if (conn->state != CONN_BODY)
        return true;
    enum err err = buf_err(&exchange->body);
    if (err) {
        conn_fail(conn, err == E_TOO_LONG ? 413 : 503, NULL,
                  err == E_TOO_LONG ? "the body is too long" : "out of memory");
    } else if (exchange->body_left == 0) {
        exchange->body_is_ahead = false;
        exchange_call(exchange);
    }
    return conn->state != CONN_BODY;
}

/* What a connection that waits for the next head waits with. */
static void settle(struct conn *conn)
{
    const struct http_config *config = &conn->lane->server->config;
    if (stash_rest(conn)) {
        conn_abort(conn);
        return;
    }
    if (conn->state != CONN_HEAD)
        return;
    if (conn->stash_len > 0) {
        if (conn->deadline_kind != DEADLINE_HEAD && conn->deadline_kind != DEADLINE_GRACE)
            expect_head(conn);
    } else if (conn->has_spoken) {
        deadline_set(conn, DEADLINE_IDLE, config->idle_ms);
    }
}

/* Takes requests from conn->input until it is used up or one of them is not answered at once. */
static void advance(struct conn *conn)
{
    int requests = 0;
    conn->is_advancing = true;
    for (;;) {
        if (conn->state == CONN_BODY) {
            if (!take_body(conn))
                break;
        } else if (conn->state == CONN_HEAD && conn->input.len > 0) {
            if (requests++ == REQUESTS_A_TURN) {
                lane_make_ready(conn->lane, conn);
                break;
            }
            if (!take_head(conn))
                break;
        } else {
            break;
        }
    }
    conn->is_advancing = false;
    if (conn->state != CONN_CLOSED)
        settle(conn);
}

void conn_advance(struct conn *conn)
{
    if ((conn->state != CONN_HEAD && conn->state != CONN_BODY) || conn->is_advancing)
        return;
    conn->input = (struct str){conn->stash, conn->stash_len};
    advance(conn);
}

static void on_end(struct conn *conn)
{
    if (conn->state == CONN_HELD)
        exchange_gone(conn);
    else
        conn_close(conn);
}

static void take_in(struct conn *conn, struct str bytes)
{
    switch (conn->state) {
    case CONN_HEAD:
    case CONN_BODY:
        conn->input = bytes;
        if (conn->stash_len > 0) {
            if (stash_add(conn, bytes)) {
                conn_abort(conn);
                return;
            }
            conn->input = (struct str){conn->stash, conn->stash_len};
        }
        advance(conn);
        break;
    case CONN_HELD:
        if (stash_add(conn, bytes))
            conn_abort(conn);
        else if (conn->stash_len >= STASH_BYTES_MAX)
            conn_watch(conn, LOOP_HANGUP); /* until the answer is out */
        break;
    case CONN_LINGER:
        conn->drained_bytes += (uint32_t)bytes.len;
        if (conn->drained_bytes > LINGER_BYTES_MAX)
            conn_close(conn);
        break;
    default:
        break;
    }
}

static void on_readable(struct conn *conn)
{
    struct lane *lane = conn->lane;
    size_t got;
    if (conn->is_ready)
        return; /* has enough to do; the kernel keeps the rest */
    enum err err = sock_read(&conn->sock, lane->in, sizeof lane->in, &got);
    if (err == E_CLOSED)
        on_end(conn);
    else if (!err)
        take_in(conn, (struct str){lane->in, got});
}

static void on_event(struct loop_watch *watch, unsigned events)
{
    struct conn *conn = (struct conn *)((char *)watch - offsetof(struct conn, watch));
    if (conn->state == CONN_SEND)
        conn_flush(conn);
    else if (conn->watched_events == LOOP_HANGUP)
        on_end(conn);
    else if (events & (LOOP_READ | LOOP_HANGUP))
        on_readable(conn);
}

/* ---- from the beginning to the next request ---- */

void conn_start(struct conn *conn)
{
    struct lane *lane = conn->lane;
    lane_open(lane);
    conn->next = lane->conns;
    if (conn->next)
        conn->next->prev = conn;
    lane->conns = conn;
    conn->began = loop_now(lane->loop);
    if (loop_watch_open(lane->loop, &conn->watch, conn->sock.fd, on_event)) {
        conn_abort(conn);
        return;
    }
    conn->is_watched = true;
    conn_watch(conn, LOOP_READ);
    if (conn->refusal) {
        conn_fail(conn, conn->refusal, "Retry-After: 5\r\n",
                  conn->refusal == 429 ? "too many connections of your address wait for a request"
                                       : "too many connections");
        return;
    }
    expect_head(conn);
    on_readable(conn); /* the request is often there already */
}

void conn_answered(struct conn *conn)
{
    if (conn->exchange)
        exchange_free(conn->exchange);
    conn->exchange = NULL;
    deadline_clear(conn);
    if (conn->closes) {
        if (conn->lingers || conn->input.len > 0 || conn->stash_len > 0)
            linger(conn);
        else
            conn_close(conn);
        return;
    }
    conn->state = CONN_HEAD;
    conn_watch(conn, LOOP_READ);
    if (conn->is_advancing)
        return; /* the loop there goes on */
    if (conn->stash_len > 0)
        lane_make_ready(conn->lane, conn);
    else
        deadline_set(conn, DEADLINE_IDLE, conn->lane->server->config.idle_ms);
}

static void on_write_window(struct conn *conn)
{
    struct lane *lane = conn->lane;
    if (conn->window_bytes < lane->server->config.write_floor_bytes) {
        lane_count(&lane->stats.timeouts_count, 1);
        conn_abort(conn);
        return;
    }
    conn->window_bytes = 0;
    deadline_set(conn, DEADLINE_WRITE, conn->lane->server->config.write_window_ms);
}

void conn_on_deadline(struct conn *conn, enum deadline_kind kind)
{
    struct lane *lane = conn->lane;
    switch (kind) {
    case DEADLINE_GRACE:
        on_grace_over(conn);
        break;
    case DEADLINE_HEAD:
        lane_count(&lane->stats.timeouts_count, 1);
        if (conn->stash_len > 0)
            conn_fail(conn, 408, NULL, "the head took too long");
        else
            conn_close(conn); /* nobody has asked anything */
        break;
    case DEADLINE_BODY:
        lane_count(&lane->stats.timeouts_count, 1);
        conn_fail(conn, 408, NULL, "the body took too long");
        break;
    case DEADLINE_WRITE:
        on_write_window(conn);
        break;
    case DEADLINE_DELAY: {
        struct response *response = conn->exchange->delayed;
        conn->exchange->delayed = NULL;
        conn_send(conn, response);
        break;
    }
    default:
        conn_close(conn);
    }
}
