/* net/send.c - the way of an answer out of the house: head, body, what the kernel did not take */
#include "net/server_priv.h"

#include <stdio.h>
#include <string.h>

/* Puts text together in a field that is known to be large enough. */
struct pen {
    char *at, *end;
};

static void put(struct pen *pen, struct str s)
{
    assert(s.len <= (size_t)(pen->end - pen->at));
    memcpy(pen->at, s.ptr, s.len);
    pen->at += s.len;
}

static void put_number(struct pen *pen, uint64_t number)
{
    char digits[20];
    size_t n = 0;
    do
        digits[sizeof digits - ++n] = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    put(pen, (struct str){digits + sizeof digits - n, n});
}

static void put_hex(struct pen *pen, uint64_t number)
{
    char digits[16];
    for (int i = 15; i >= 0; i--, number >>= 4)
        digits[i] = "0123456789abcdef"[number & 15];
    put(pen, (struct str){digits, sizeof digits});
}

static void put_status_line(struct pen *pen, const struct response *response, int status)
{
    if (status == response->status) {
        put(pen, response->status_line);
        return;
    }
    put(pen, STR("HTTP/1.1 "));
    put_number(pen, (uint64_t)status);
    put(pen, STR(" "));
    put(pen, str_of(http_reason(status)));
    put(pen, STR("\r\n"));
}

static void put_range(struct pen *pen, const struct answer *answer)
{
    put(pen, STR("Content-Range: bytes "));
    if (answer->status == 206) {
        put_number(pen, answer->from);
        put(pen, STR("-"));
        put_number(pen, answer->from + answer->body.len - 1);
    } else {
        put(pen, STR("*"));
    }
    put(pen, STR("/"));
    put_number(pen, answer->total);
    put(pen, STR("\r\nContent-Length: "));
    put_number(pen, answer->body.len);
    put(pen, STR("\r\n"));
}

static void put_tail(struct pen *pen, const struct conn *conn, const struct request *request)
{
    if (conn->closes)
        put(pen, STR("Connection: close\r\n"));
    else if (request->version == 10)
        put(pen, STR("Connection: keep-alive\r\n"));
    put(pen, STR("X-Request-Id: "));
    put_hex(pen, request->id);
    put(pen, STR("\r\n\r\n"));
}

static void conditions_of(const struct request *request, struct conditions *c)
{
    *c = (struct conditions){.is_head = request->method == HTTP_HEAD,
                             .is_get = request->method == HTTP_GET};
    for (size_t i = 0; i < request->headers_count; i++) {
        struct str name = request->headers[i].name, value = request->headers[i].value;
        struct str *to = NULL;
        switch (name.len) {
        case 5:
            to = str_eq_nocase(name, STR("range")) ? &c->range : NULL;
            break;
        case 8:
            to = str_eq_nocase(name, STR("if-match"))   ? &c->if_match
                 : str_eq_nocase(name, STR("if-range")) ? &c->if_range
                                                        : NULL;
            break;
        case 13:
            to = str_eq_nocase(name, STR("if-none-match")) ? &c->if_none_match : NULL;
            break;
        case 15:
            to = str_eq_nocase(name, STR("accept-encoding")) ? &c->accept_encoding : NULL;
            break;
        case 17:
            to = str_eq_nocase(name, STR("if-modified-since")) ? &c->if_modified_since : NULL;
            break;
        case 19:
            to = str_eq_nocase(name, STR("if-unmodified-since")) ? &c->if_unmodified_since : NULL;
            break;
        default:
            break;
        }
        if (to && !to->ptr)
            *to = value;
    }
}

/* Drops the first `sent` bytes of a list of pieces; returns how many pieces are left. */
static int iov_advance(struct iovec *iov, int count, size_t sent)
{
    int done = 0;
    while (done < count && sent >= iov[done].iov_len)
        sent -= iov[done++].iov_len;
    if (done < count) {
        iov[done].iov_base = (char *)iov[done].iov_base + sent;
        iov[done].iov_len -= sent;
    }
    memmove(iov, iov + done, (size_t)(count - done) * sizeof *iov);
    return count - done;
}

/* Copies the pieces that lie in `scratch` to the outbox: the scratch is every connection's. */
static void own_scratch(struct outbox *outbox, const char *scratch, size_t scratch_bytes)
{
    size_t used = 0;
    for (int i = 0; i < outbox->count; i++) {
        char *from = outbox->iov[i].iov_base;
        size_t len = outbox->iov[i].iov_len;
        if (from < scratch || from >= scratch + scratch_bytes)
            continue;
        assert(used + len <= sizeof outbox->own);
        memcpy(outbox->own + used, from, len);
        outbox->iov[i].iov_base = outbox->own + used;
        used += len;
    }
}

static void count_sent(struct conn *conn, size_t sent)
{
    lane_count(&conn->lane->stats.bytes_sent, sent);
    conn->exchange->sent_bytes += sent;
    conn->window_bytes += sent;
}

static void wait_for_room(struct conn *conn)
{
    conn->state = CONN_SEND;
    conn->window_bytes = 0;
    conn_watch(conn, LOOP_WRITE);
    deadline_set(conn, DEADLINE_WRITE, conn->lane->server->config.write_window_ms);
}

static bool connection_ends(const struct conn *conn, const struct response *response)
{
    const struct exchange *exchange = conn->exchange;
    return conn->closes || response->closes || !exchange->keep_alive || exchange->body_is_ahead ||
           conn->lane->is_draining;
}

void conn_send(struct conn *conn, struct response *response)
{
    struct exchange *exchange = conn->exchange;
    struct conditions conditions;
    struct answer answer;
    char scratch[sizeof((struct outbox *)0)->own];
    struct pen pen = {scratch, scratch + sizeof scratch};
    struct outbox *outbox;
    size_t sent;

    conditions_of(&exchange->request, &conditions);
    answer_choose(response, &conditions, &answer);
    conn->closes = connection_ends(conn, response);
    conn->lingers |= exchange->body_is_ahead;
    exchange->status = answer.status;
    lane_count(&conn->lane->stats.by_class[answer.status / 100], 1);

    put_status_line(&pen, response, answer.status);
    put(&pen, str_of(conn->lane->server->name));
    put(&pen, lane_date(conn->lane));
    struct iovec iov[4] = {{scratch, (size_t)(pen.at - scratch)},
                           {(void *)answer.block.ptr, answer.block.len},
                           {pen.at, 0},
                           {(void *)answer.body.ptr, answer.body.len}};
    if (answer.has_range)
        put_range(&pen, &answer);
    put_tail(&pen, conn, &exchange->request);
    iov[2].iov_len = (size_t)(pen.at - (char *)iov[2].iov_base);
    int count = conditions.is_head || answer.body.len == 0 ? 3 : 4;
    size_t head_bytes = iov[0].iov_len + iov[1].iov_len + iov[2].iov_len;

    enum err err = sock_writev(&conn->sock, iov, count, &sent);
    if (err && err != E_AGAIN)
        goto gone;
    count_sent(conn, sent);
    exchange->sent_bytes -= sent < head_bytes ? sent : head_bytes;
    exchange->head_left = sent < head_bytes ? head_bytes - sent : 0;
    count = iov_advance(iov, count, sent);
    if (count == 0) {
        response_unref(response);
        conn_answered(conn);
        return;
    }
    outbox = mem_new(sizeof *outbox);
    if (!outbox)
        goto gone;
    outbox->response = response;
    outbox->count = count;
    memcpy(outbox->iov, iov, sizeof iov);
    own_scratch(outbox, scratch, sizeof scratch);
    conn->outbox = outbox;
    wait_for_room(conn);
    return;
gone:
    response_unref(response);
    conn_close(conn);
}

void conn_flush(struct conn *conn)
{
    struct outbox *outbox = conn->outbox;
    struct exchange *exchange = conn->exchange;
    size_t sent;
    enum err err = sock_writev(&conn->sock, outbox->iov, outbox->count, &sent);
    if (err == E_AGAIN)
        return;
    if (err) {
        conn_close(conn);
        return;
    }
    count_sent(conn, sent);
    size_t of_head = sent < exchange->head_left ? sent : exchange->head_left;
    exchange->head_left -= of_head;
    exchange->sent_bytes -= of_head;
    outbox->count = iov_advance(outbox->iov, outbox->count, sent);
    if (outbox->count > 0)
        return;
    response_unref(outbox->response);
    mem_free(outbox);
    conn->outbox = NULL;
    conn_answered(conn);
}
