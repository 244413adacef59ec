/* net/accept.c - connections in: accepted on loop 0 within a budget, refused over the limits,
 * handed to the loops in turn. When descriptors are out, one that is kept in reserve lets each
 * newcomer in for as long as it takes to tell him so. */
#include "net/server_priv.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ACCEPTS_A_TURN 64
#define REFUSING_MAX   64 /* connections that are told of a limit in good manners at a time */
#define PAUSE_MS       100

/* Says no without keeping anything: the bytes fit into the new socket's buffer. */
static void refuse_at_once(struct http_server *server, int fd)
{
    static const char answer[] = "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                                 "Content-Type: text/plain\r\nContent-Length: 21\r\n"
                                 "Connection: close\r\n\r\ntoo many connections\n";
    char dropped[4096];
    ssize_t ignored = send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    ignored = recv(fd, dropped, sizeof dropped, MSG_DONTWAIT); /* unread bytes would mean a reset */
    (void)ignored;
    close(fd);
    atomic_fetch_add_explicit(&server->refused_count, 1, memory_order_relaxed);
}

static void run_start(struct loop_job *job)
{
    conn_start((struct conn *)(void *)((char *)job - offsetof(struct conn, job)));
}

static uint16_t limit_reached(struct http_server *server, const struct listener *listener,
                              const struct addr *peer, bool *is_unfinished)
{
    const struct http_config *config = &server->config;
    uint32_t young_max = config->connections_max / 4 > config->unfinished_per_address_max
                             ? config->connections_max / 4
                             : config->unfinished_per_address_max;
    *is_unfinished = true;
    if (listener->is_local)
        return 0;
    if (atomic_load_explicit(&server->open_count, memory_order_relaxed) >=
        config->connections_max) {
        *is_unfinished = false;
        return 503;
    }
    if (!limits_enter(&server->young, peer, young_max)) {
        *is_unfinished = false;
        return 429;
    }
    return 0;
}

static void take_in(struct listener *listener, int fd, const struct addr *peer)
{
    struct http_server *server = listener->server;
    bool is_unfinished;
    uint16_t refusal = limit_reached(server, listener, peer, &is_unfinished);
    if (refusal &&
        atomic_load_explicit(&server->refusing_count, memory_order_relaxed) >= REFUSING_MAX) {
        refuse_at_once(server, fd);
        return;
    }
    struct conn *conn = mem_new(sizeof *conn);
    if (!conn) {
        if (is_unfinished && !listener->is_local)
            limits_leave(&server->young, peer);
        refuse_at_once(server, fd);
        return;
    }
    conn->lane = server->lanes[server->next_lane];
    server->next_lane = (server->next_lane + 1) % server->lanes_count;
    conn->routes = listener->routes;
    conn->sock.fd = fd;
    conn->peer = *peer;
    conn->is_local = listener->is_local;
    conn->refusal = refusal;
    conn->is_unfinished = is_unfinished;
    atomic_fetch_add_explicit(&server->open_count, 1, memory_order_relaxed);
    if (is_unfinished)
        atomic_fetch_add_explicit(&server->unfinished_count, 1, memory_order_relaxed);
    if (refusal) {
        atomic_fetch_add_explicit(&server->refusing_count, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&server->refused_count, 1, memory_order_relaxed);
    }
    conn->job.run = run_start;
    if (conn->lane == server->lanes[0])
        conn_start(conn);
    else
        loop_post(conn->lane->loop, &conn->job);
}

/* ---- out of descriptors ---- */

static void reserve_open(struct http_server *server)
{
    if (server->reserve_fd < 0)
        server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_pause_over(struct loop_timer *timer)
{
    struct http_server *server =
        (struct http_server *)(void *)((char *)timer - offsetof(struct http_server, accept_timer));
    reserve_open(server);
    for (struct listener *l = server->watched; l; l = l->watched) {
        if (l->is_paused)
            loop_watch_set(&l->watch, LOOP_READ);
        l->is_paused = false;
    }
}

/* Nothing can be accepted, not even to be refused: a watch on the socket would fire for ever. */
static void pause_listener(struct listener *listener)
{
    struct http_server *server = listener->server;
    if (!server->accept_timer_is_open)
        loop_timer_open(server->lanes[0]->loop, &server->accept_timer, on_pause_over);
    server->accept_timer_is_open = true;
    listener->is_paused = true;
    loop_watch_set(&listener->watch, 0);
    loop_timer_start(&server->accept_timer, PAUSE_MS, 0);
}

/* Returns false if the listener rests now. */
static bool refuse_one(struct listener *listener)
{
    struct http_server *server = listener->server;
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    server->reserve_fd = -1;
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    int number = errno;
    if (fd >= 0)
        refuse_at_once(server, fd);
    reserve_open(server);
    if (fd < 0 && (number == EMFILE || number == ENFILE)) {
        pause_listener(listener);
        return false;
    }
    return fd >= 0;
}

static void warn_now_and_then(struct http_server *server)
{
    int64_t now_us = loop_now(server->lanes[0]->loop).us;
    if (now_us < server->next_warning_us)
        return;
    server->next_warning_us = now_us + 10 * US_PER_S;
    log_warn(EV_LIMIT, "what=\"no descriptors left; new connections are refused\"");
}

static void on_connection(struct loop_watch *watch, unsigned events)
{
    struct listener *listener =
        (struct listener *)(void *)((char *)watch - offsetof(struct listener, watch));
    struct http_server *server = listener->server;
    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd =
            accept4(listener->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            struct addr peer = listener->is_local ? (struct addr){0} : addr_from_sockaddr(&from);
            atomic_fetch_add_explicit(&server->accepted_count, 1, memory_order_relaxed);
            take_in(listener, fd, &peer);
        } else if (errno == EMFILE || errno == ENFILE) {
            warn_now_and_then(server);
            if (!refuse_one(listener))
                break;
        } else if (errno == ENOBUFS || errno == ENOMEM) {
            pause_listener(listener);
            break;
        } else if (errno == EAGAIN) {
            break;
        } /* all else is the fault of that one connection, which is gone */
    }
}

/* ---- opening and closing ---- */

void listener_open(struct loop_job *job)
{
    struct listener *listener =
        (struct listener *)(void *)((char *)job - offsetof(struct listener, job));
    struct http_server *server = listener->server;
    reserve_open(server);
    if (atomic_load(&server->is_draining))
        return;
    if (loop_watch_open(server->lanes[0]->loop, &listener->watch, listener->fd, on_connection)) {
        log_error(EV_LISTEN_ON, "fault=\"a listening socket cannot be watched\"");
        return;
    }
    listener->watched = server->watched;
    server->watched = listener;
    loop_watch_set(&listener->watch, LOOP_READ);
}

void listeners_close(struct loop_job *job)
{
    struct http_server *server =
        (struct http_server *)(void *)((char *)job - offsetof(struct http_server, drain_job));
    for (struct listener *l = server->watched; l; l = l->watched) {
        loop_watch_close(&l->watch, NULL);
        close(l->fd);
        l->fd = -1;
    }
    server->watched = NULL;
}
