/* net/exchange.c - one request from its head to its answer; contract in http.h */
#include "net/server_priv.h"

#include "base/log.h"
#include "net/access.h"
#include "net/target_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ARENA_BYTES_MAX ((size_t)256 * 1024)
#define TEXT_BYTES_MAX  1024

/* ---- memory ---- */

struct exchange *exchange_new(struct conn *conn, size_t head_bytes, size_t lines_count)
{
    struct lane *lane = conn->lane;
    /* headers, the head (a source's may grow by a CR for each line), the decoded path */
    size_t room =
        lines_count * sizeof(struct http_header) + head_bytes + lines_count + 2 + head_bytes;
    size_t size = sizeof(struct exchange) + room;
    struct exchange *exchange = lane->spares;
    if (size <= EXCHANGE_BYTES && exchange) {
        lane->spares = exchange->next;
        lane->spares_count--;
        size = EXCHANGE_BYTES;
    } else {
        if (size < EXCHANGE_BYTES)
            size = EXCHANGE_BYTES;
        exchange = mem_new(size);
        if (!exchange)
            return NULL;
    }
    memset(exchange, 0, sizeof *exchange);
    exchange->conn = conn;
    exchange->size = size;
    exchange->headers_max = lines_count;
    arena_init(&exchange->arena, ARENA_BYTES_MAX);
    exchange->request = (struct request){.loop = lane->loop,
                                         .arena = &exchange->arena,
                                         .id = lane->next_id++,
                                         .version = 11,
                                         .content_length = -1,
                                         .peer = conn->peer,
                                         .began = conn->began};
    return exchange;
}

static void write_access_line(const struct exchange *exchange)
{
    const struct loop *loop = exchange->request.loop;
    int64_t lasted_us = loop_now(loop).us - exchange->request.began.us;
    struct request *request = (struct request *)&exchange->request;
    struct access_line line = {
        .peer = request->peer,
        .method = exchange->method_name,
        .target = request->method == HTTP_PASSWORD ? STR("") : request->target,
        .referer = request_header(request, STR("referer")),
        .agent = request_header(request, STR("user-agent")),
        .version = request->version,
        .status = exchange->status,
        .bytes = exchange->sent_bytes,
        .began = {clock_utc(loop_clock(loop)).us - lasted_us},
        .seconds = (uint64_t)(lasted_us / US_PER_S),
    };
    struct str user, password;
    if (exchange->status != 401 && request_basic_auth(request, &user, &password) == OK)
        line.user = user;
    access_log(&line);
}

void exchange_free(struct exchange *exchange)
{
    struct lane *lane = exchange->conn->lane;
    if (exchange->on_gone)
        exchange->on_gone(exchange->on_gone_ctx);
    if (exchange->status != 0 && lane->server->config.access_log)
        write_access_line(exchange);
    response_unref(exchange->delayed);
    buf_release(&exchange->body);
    arena_release(&exchange->arena);
    if (exchange->size == EXCHANGE_BYTES && lane->spares_count < SPARES_MAX) {
        exchange->next = lane->spares;
        lane->spares = exchange;
        lane->spares_count++;
    } else {
        mem_free(exchange);
    }
}

/* ---- answers that the server makes itself ---- */

static void reply_line(struct exchange *exchange, int status, const char *headers, const char *text)
{
    struct response *response;
    struct response_spec spec = {.status = status,
                                 .content_type = "text/plain; charset=utf-8",
                                 .body = str_of(text),
                                 .headers = headers};
    if (response_new(&spec, &response))
        response = response_ref(exchange->conn->lane->server->out_of_memory);
    conn_send(exchange->conn, response);
}

/* Refuses what was well put: the connection may go on. */
static void refuse(struct exchange *exchange, int status, const char *headers, const char *text)
{
    char peer[ADDR_BYTES], line[256];
    struct lane *lane = exchange->conn->lane;
    if (status < 500)
        lane_count(&lane->stats.bad_requests_count, 1);
    addr_format(&exchange->request.peer, peer);
    log_info(EV_HTTP, "peer=%s id=%016llx status=%d fault=\"%s\"", peer,
             (unsigned long long)exchange->request.id, status, text);
    snprintf(line, sizeof line, "%s\n", text);
    reply_line(exchange, status, headers, line);
}

void conn_fail(struct conn *conn, int status, const char *headers, const char *text)
{
    if (!conn->exchange)
        conn->exchange = exchange_new(conn, 0, 0);
    if (!conn->exchange) {
        conn_close(conn);
        return;
    }
    conn->closes = conn->lingers = true;
    refuse(conn->exchange, status, headers, text);
}

static bool has_header(struct request *request, struct str name)
{
    return request_header(request, name).ptr != NULL;
}

static void answer_options(struct exchange *exchange, unsigned methods, bool cors)
{
    char allow[ALLOW_BYTES], headers[512];
    struct response *response;
    allow_format(methods, allow);
    int len = snprintf(headers, sizeof headers, "Allow: %s\r\n", allow);
    if (cors && has_header(&exchange->request, STR("access-control-request-method")))
        len += snprintf(headers + len, sizeof headers - (size_t)len,
                        "Access-Control-Allow-Methods: %s\r\n"
                        "Access-Control-Allow-Headers: Icy-MetaData, Range\r\n"
                        "Access-Control-Max-Age: 86400\r\n",
                        allow);
    assert(len > 0 && (size_t)len < sizeof headers);
    struct response_spec spec = {.status = 200, .headers = headers, .cors = cors};
    if (response_new(&spec, &response))
        response = response_ref(exchange->conn->lane->server->out_of_memory);
    conn_send(exchange->conn, response);
}

/* ---- from head to handler ---- */

static void ask_for_body(struct exchange *exchange)
{
    struct conn *conn = exchange->conn;
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec iov = {(void *)line, sizeof line - 1};
    size_t sent;
    if (!exchange->request.expects_continue || conn->input.len > 0)
        return;
    /* The answer before this one has left, so there is room for 25 bytes; if not, the client goes
     * on after a while on his own, as RFC 9110 section 10.1.1 has it. */
    if (sock_writev(&conn->sock, &iov, 1, &sent) == OK)
        lane_count(&conn->lane->stats.by_class[1], 1);
}

static void gather_body(struct exchange *exchange)
{
    struct conn *conn = exchange->conn;
    const struct request *request = &exchange->request;
    size_t max = exchange->route->body_max_bytes;
    if (max == 0 || (!request->is_chunked && (uint64_t)request->content_length > max)) {
        conn_fail(conn, 413, NULL, max == 0 ? "no body is wanted here" : "the body is too long");
        return;
    }
    buf_init(&exchange->body, max);
    exchange->arena.cap_bytes += max; /* for the fields of a form */
    exchange->body_left = request->is_chunked ? UINT64_MAX : (uint64_t)request->content_length;
    conn->state = CONN_BODY;
    deadline_set(conn, DEADLINE_BODY, conn->lane->server->config.body_ms);
    ask_for_body(exchange);
}

static void call(struct exchange *exchange, http_handler_fn *handler, void *ctx)
{
    struct conn *conn = exchange->conn;
    conn->state = CONN_CALLING;
    handler(&exchange->request, ctx);
    assert(conn->state != CONN_CALLING); /* a handler replies, holds or takes over */
}

void exchange_call(struct exchange *exchange)
{
    exchange->request.body = buf_str(&exchange->body);
    call(exchange, exchange->route->handler, exchange->route->ctx);
}

static void dispatch_path(struct exchange *exchange)
{
    struct request *request = &exchange->request;
    struct route_match match = route_find(exchange->conn->routes, request->path, request->method);
    exchange->route = match.route;
    if (request->method == HTTP_OPTIONS && match.methods != 0) {
        answer_options(exchange, match.methods, match.cors);
    } else if (match.methods == 0) {
        refuse(exchange, 404, NULL, "there is nothing under this path");
    } else if (!match.route) {
        char allow[ALLOW_BYTES], headers[ALLOW_BYTES + 16];
        allow_format(match.methods, allow);
        snprintf(headers, sizeof headers, "Allow: %s\r\n", allow);
        refuse(exchange, 405, headers, "this path does not take this method");
    } else if (!match.route->takes_over && (request->content_length > 0 || request->is_chunked) &&
               (request->method == HTTP_POST || request->method == HTTP_PUT)) {
        gather_body(exchange);
    } else {
        exchange_call(exchange);
    }
}

static void take_head(struct exchange *exchange, const struct head *head)
{
    struct request *request = &exchange->request;
    request->method = head->method;
    exchange->method_name = head->name;
    request->version = head->version;
    request->target = head->target;
    request->headers_count = head->headers_count;
    request->expects_continue = head->expects_continue;
    request->is_chunked = head->is_chunked;
    request->content_length = head->content_length;
    exchange->keep_alive = head->keep_alive;
    /* A source's sound has no length. What is not gathered is never read as the next request: the
     * connection ends after the answer. */
    bool is_source = head->method == HTTP_SOURCE || head->method == HTTP_PUT;
    exchange->body_is_ahead =
        head->is_chunked || (is_source ? head->content_length != 0 : head->content_length > 0);
}

static void dispatch_password(struct exchange *exchange, struct str line)
{
    const struct http_config *config = &exchange->conn->lane->server->config;
    struct request *request = &exchange->request;
    memcpy(exchange->room, line.ptr, line.len);
    while (line.len > 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    request->version = 10;
    request->target = (struct str){exchange->room, line.len};
    exchange->method_name = STR("PASSWORD");
    exchange->body_is_ahead = true;
    call(exchange, config->on_password, config->on_password_ctx);
}

void exchange_dispatch(struct exchange *exchange, struct str raw, bool is_source)
{
    struct conn *conn = exchange->conn;
    struct request *request = &exchange->request;
    struct http_header *headers = (struct http_header *)(void *)exchange->room;
    char *bytes = exchange->room + exchange->headers_max * sizeof *headers;
    struct head_fault fault = {400, "lines follow the end of the head"};
    struct head head;
    struct target target;
    lane_count(&conn->lane->stats.requests_count, 1);
    if (request->method == HTTP_PASSWORD) {
        dispatch_password(exchange, raw);
        return;
    }
    size_t len = raw.len;
    if (is_source)
        len = head_normalise(raw, bytes);
    else
        memcpy(bytes, raw.ptr, raw.len);
    if (len == 0 || head_parse((struct str){bytes, len}, headers,
                               conn->lane->server->config.headers_max, &head, &fault)) {
        conn_fail(conn, fault.status, NULL, fault.text);
        return;
    }
    request->headers = headers;
    take_head(exchange, &head);
    if (head.target.len > conn->lane->server->config.target_bytes_max) {
        conn_fail(conn, 414, NULL, "the target is too long");
        return;
    }
    if (head.method == HTTP_OPTIONS && str_eq(head.target, STR("*"))) {
        answer_options(exchange, HTTP_GET | HTTP_HEAD | HTTP_POST | HTTP_PUT | HTTP_SOURCE, false);
        return;
    }
    if (target_parse(head.target, head.host, bytes + len, &target, &fault.text)) {
        conn_fail(conn, 400, NULL, fault.text);
        return;
    }
    request->path = target.path;
    request->query = target.query;
    dispatch_path(exchange);
}

/* ---- what handlers call ---- */

static struct exchange *exchange_of(struct request *request)
{
    struct exchange *exchange = (struct exchange *)(void *)request;
    assert(loop_is_here(request->loop));
    assert(exchange->conn->state == CONN_CALLING || exchange->conn->state == CONN_HELD);
    assert(!exchange->delayed); /* already answered */
    exchange->on_gone = NULL;
    return exchange;
}

void request_reply(struct request *request, struct response *response)
{
    conn_send(exchange_of(request)->conn, response);
}

void request_reply_after(struct request *request, struct response *response, uint64_t ms)
{
    struct exchange *exchange = exchange_of(request);
    exchange->delayed = response;
    exchange->conn->state = CONN_HELD;
    deadline_set(exchange->conn, DEADLINE_DELAY, ms);
}

void request_reply_text(struct request *request, int status, const char *headers,
                        const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    assert(len >= 0);
    size_t used = (size_t)len < sizeof text - 2 ? (size_t)len : sizeof text - 2;
    if (used == 0 || text[used - 1] != '\n')
        memcpy(text + used, "\n", 2);
    reply_line(exchange_of(request), status, headers, text);
}

void request_hold(struct request *request, void (*on_gone)(void *ctx), void *ctx)
{
    struct exchange *exchange = exchange_of(request);
    exchange->on_gone = on_gone;
    exchange->on_gone_ctx = ctx;
    exchange->conn->state = CONN_HELD;
    deadline_clear(exchange->conn);
}

void request_take_over(struct request *request, struct sock *sock, struct buf *rest)
{
    struct conn *conn = exchange_of(request)->conn;
    struct str left = conn->is_advancing ? conn->input : (struct str){conn->stash, conn->stash_len};
    buf_init(rest, STASH_BYTES_MAX + LANE_IN_BYTES);
    buf_add(rest, left);
    *sock = conn->sock;
    conn->sock.fd = -1;
    conn_close(conn);
}

void exchange_gone(struct conn *conn)
{
    conn->exchange->status = 499; /* for the access log, as nginx writes it */
    conn_close(conn);
}
