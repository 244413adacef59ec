/* net/server.c - contract in http.h: making a server, listening, draining, figures */
#include "net/server_priv.h"

#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_BYTES_MAX 64
#define BACKLOG        4096

void http_config_init(struct http_config *config)
{
    *config = (struct http_config){.server_name = "mast",
                                   .head_bytes_max = 8192,
                                   .target_bytes_max = 4096,
                                   .headers_max = 64,
                                   .head_ms = 5000,
                                   .body_ms = 5000,
                                   .idle_ms = 30000,
                                   .unfinished_per_address_max = 32,
                                   .connections_max = 16384,
                                   .write_floor_bytes = 30 * 1024,
                                   .write_window_ms = 30000};
}

static enum err lane_new(struct http_server *server, struct loop *loop, struct lane **out)
{
    struct lane *lane = *out = mem_new(sizeof *lane);
    if (!lane)
        return E_NOMEM;
    lane->server = server;
    lane->loop = loop;
    lane->next_id = random_u64();
    lane->timer_at_us = INT64_MAX;
    return OK;
}

static enum err out_of_memory_new(struct response **out)
{
    static const struct response_spec spec = {.status = 503,
                                              .content_type = "text/plain; charset=utf-8",
                                              .body = {"out of memory\n", 14},
                                              .is_static = true,
                                              .headers = "Retry-After: 5\r\n"};
    return response_new(&spec, out);
}

static enum err name_new(const char *name, char **out)
{
    *out = mem_new(NAME_BYTES_MAX + 16);
    if (!*out)
        return E_NOMEM;
    if (name)
        snprintf(*out, NAME_BYTES_MAX + 16, "Server: %.*s\r\n", NAME_BYTES_MAX, name);
    return OK;
}

enum err http_server_new(const struct http_config *config, struct http_server **out)
{
    *out = NULL;
    struct http_server *server = mem_new(sizeof *server);
    if (!server)
        return E_NOMEM;
    server->config = *config;
    server->reserve_fd = -1;
    limits_init(&server->young);
    limits_init(&server->overdue);
    if (name_new(config->server_name, &server->name) || out_of_memory_new(&server->out_of_memory) ||
        route_set_init(&server->routes, config->routes, config->routes_count))
        goto out;
    unsigned count = loops_count(config->loops);
    assert(count >= 1 && count <= LOOPS_MAX);
    for (unsigned i = 0; i < count; i++) {
        if (lane_new(server, loops_at(config->loops, i), &server->lanes[i]))
            goto out;
        server->lanes_count++;
    }
    *out = server;
    return OK;
out:
    http_server_free(&server);
    return E_NOMEM;
}

static void lane_free(struct lane *lane)
{
    while (lane->conns) {
        struct conn *conn = lane->conns;
        lane->conns = conn->next;
        /* The loops have ended: what asked to be told that the client left is told by nobody. */
        if (conn->exchange) {
            conn->exchange->on_gone = NULL;
            conn->exchange->status = 0;
            exchange_free(conn->exchange);
        }
        if (conn->outbox)
            response_unref(conn->outbox->response);
        mem_free(conn->outbox);
        mem_free(conn->stash);
        sock_close(&conn->sock);
        mem_free(conn);
    }
    while (lane->spares) {
        struct exchange *exchange = lane->spares;
        lane->spares = exchange->next;
        mem_free(exchange);
    }
    mem_free(lane);
}

void http_server_free(struct http_server **out)
{
    struct http_server *server = *out;
    *out = NULL;
    if (!server)
        return;
    for (unsigned i = 0; i < server->lanes_count; i++)
        lane_free(server->lanes[i]);
    while (server->listeners) {
        struct listener *listener = server->listeners;
        server->listeners = listener->next;
        if (listener->fd >= 0)
            close(listener->fd);
        if (listener->path)
            unlink(listener->path);
        route_set_release(&listener->own_routes);
        mem_free(listener->path);
        mem_free(listener);
    }
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    route_set_release(&server->routes);
    response_unref(server->out_of_memory);
    mem_free(server->name);
    mem_free(server);
}

/* ---- listening ---- */

static enum err err_of_bind(int number)
{
    if (number == EADDRINUSE)
        return E_BUSY;
    if (number == EACCES || number == EPERM)
        return E_AUTH;
    return E_IO;
}

static void listener_start(struct http_server *server, struct listener *listener)
{
    listener->server = server;
    listener->next = server->listeners;
    server->listeners = listener;
    listener->job.run = listener_open;
    loop_post(server->lanes[0]->loop, &listener->job);
}

static socklen_t sockaddr_of(const struct addr *addr, struct sockaddr_storage *out)
{
    *out = (struct sockaddr_storage){0};
    if (addr_is_v4(addr)) {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(addr->port)};
        memcpy(&v4.sin_addr, addr->ip + 12, 4);
        memcpy(out, &v4, sizeof v4);
        return sizeof v4;
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};
    memcpy(&v6.sin6_addr, addr->ip, 16);
    memcpy(out, &v6, sizeof v6);
    return sizeof v6;
}

/* A listening socket. Errors: errno tells, *fd is -1 or to be closed. */
static bool open_listening(const struct addr *addr, int *fd, struct addr *bound)
{
    struct sockaddr_storage name;
    socklen_t len = sockaddr_of(addr, &name), room = sizeof name;
    int on = 1;
    *fd = socket(name.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return false;
    /* Without these two it is slower to start and to answer, no more. */
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* accepted sockets inherit it */
    /* [::] is IPv6 alone, so that it can stand beside 0.0.0.0 in the list of addresses. */
    if (name.ss_family == AF_INET6 && setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on))
        return false;
    if (bind(*fd, (struct sockaddr *)&name, len) || listen(*fd, BACKLOG) ||
        getsockname(*fd, (struct sockaddr *)&name, &room))
        return false;
    *bound = addr_from_sockaddr(&name);
    return true;
}

enum err http_listen(struct http_server *server, const struct addr *addr, struct addr *bound)
{
    struct addr own;
    struct listener *listener = mem_new(sizeof *listener);
    if (!listener)
        return E_NOMEM;
    if (!open_listening(addr, &listener->fd, &own)) {
        enum err err = err_of_bind(errno);
        if (listener->fd >= 0)
            close(listener->fd);
        mem_free(listener);
        return err;
    }
    if (bound)
        *bound = own;
    listener->routes = &server->routes;
    listener_start(server, listener);
    return OK;
}

/* Removes what an earlier run left; anything but a socket is somebody else's and stays. */
static void remove_old_socket(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
}

enum err http_listen_unix(struct http_server *server, const char *path,
                          const struct http_route *routes, size_t routes_count)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    enum err err = E_NOMEM;
    int fd = -1;
    if (!str_copy(name.sun_path, sizeof name.sun_path, str_of(path)))
        return E_TOO_LONG;
    struct listener *listener = mem_new(sizeof *listener);
    if (!listener)
        return E_NOMEM;
    listener->path = mem_new(strlen(path) + 1);
    if (!listener->path)
        goto fail;
    memcpy(listener->path, path, strlen(path));
    if (routes && route_set_init(&listener->own_routes, routes, routes_count))
        goto fail;
    err = E_IO;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        goto fail;
    remove_old_socket(path);
    /* The mode is set on the descriptor before the file is there, so it is never open to others. */
    if (fchmod(fd, 0600) || bind(fd, (struct sockaddr *)&name, sizeof name) || chmod(path, 0600) ||
        listen(fd, BACKLOG)) {
        err = err_of_bind(errno);
        goto fail;
    }
    listener->fd = fd;
    listener->is_local = true;
    listener->routes = routes ? &listener->own_routes : &server->routes;
    listener_start(server, listener);
    return OK;
fail:
    if (fd >= 0)
        close(fd);
    route_set_release(&listener->own_routes);
    mem_free(listener->path);
    mem_free(listener);
    return err;
}

void http_drain(struct http_server *server)
{
    if (atomic_exchange(&server->is_draining, true))
        return;
    server->drain_job.run = listeners_close;
    loop_post(server->lanes[0]->loop, &server->drain_job);
    for (unsigned i = 0; i < server->lanes_count; i++)
        lane_drain(server->lanes[i]);
}

struct http_stats http_stats(const struct http_server *server)
{
    struct http_stats out = {
        .accepted_count = atomic_load_explicit(&server->accepted_count, memory_order_relaxed),
        .refused_count = atomic_load_explicit(&server->refused_count, memory_order_relaxed),
        .open_count = atomic_load_explicit(&server->open_count, memory_order_relaxed),
        .unfinished_count = atomic_load_explicit(&server->unfinished_count, memory_order_relaxed)};
    for (unsigned i = 0; i < server->lanes_count; i++) {
        const struct lane_stats *from = &server->lanes[i]->stats;
        out.requests_count += atomic_load_explicit(&from->requests_count, memory_order_relaxed);
        out.bad_requests_count +=
            atomic_load_explicit(&from->bad_requests_count, memory_order_relaxed);
        out.timeouts_count += atomic_load_explicit(&from->timeouts_count, memory_order_relaxed);
        out.bytes_sent += atomic_load_explicit(&from->bytes_sent, memory_order_relaxed);
        for (int c = 0; c < 6; c++)
            out.by_class[c] += atomic_load_explicit(&from->by_class[c], memory_order_relaxed);
    }
    return out;
}
