/* A scripted server in threads of its own, for tests of what goes out: each connection is one call
 * of the test's script, with the request's head and body read already. */
#ifndef PEER_H
#define PEER_H

#include "test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEER_CONNECTIONS_MAX 512

struct peer;
typedef void peer_script(struct peer *peer, int fd, const char *request);

struct peer_visit {
    struct peer *peer;
    pthread_t thread;
    int fd;
};

struct peer {
    int fd;
    uint16_t port;
    pthread_t thread;
    peer_script *script;
    void *ctx;
    bool speaks_first; /* the script reads by itself */
    atomic_bool must_stop;
    _Atomic unsigned visits_count; /* one writer: the listening thread */
    struct peer_visit visits[PEER_CONNECTIONS_MAX];
    pthread_mutex_t lock;
    char last[20000]; /* the last request, guarded by lock */
};

static inline bool peer_send(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

static inline bool peer_say(int fd, const char *text)
{
    return peer_send(fd, text, strlen(text));
}

/* Waits until the other side leaves, or the peer is to stop. */
static inline void peer_hold(struct peer *peer, int fd)
{
    char byte;
    while (!atomic_load(&peer->must_stop)) {
        struct pollfd poll_fd = {fd, POLLIN, 0};
        if (poll(&poll_fd, 1, 20) > 0 && recv(fd, &byte, 1, 0) <= 0)
            return;
    }
}

/* Reads one head, and the body that it announces. False if the other side left before. */
static inline bool peer_read_request(struct peer *peer, int fd, char *out, size_t size)
{
    size_t len = 0, want = 0;
    out[0] = '\0';
    for (;;) {
        char *end = strstr(out, "\r\n\r\n"), *length = strstr(out, "Content-Length: ");
        if (end)
            want = (size_t)(end + 4 - out) + (length ? strtoul(length + 16, NULL, 10) : 0);
        if (end && len >= want)
            return true;
        struct pollfd poll_fd = {fd, POLLIN, 0};
        if (atomic_load(&peer->must_stop) || len + 1 >= size)
            return false;
        if (poll(&poll_fd, 1, 20) <= 0)
            continue;
        ssize_t n = recv(fd, out + len, size - 1 - len, 0);
        if (n <= 0)
            return false;
        len += (size_t)n;
        out[len] = '\0';
    }
}

static inline void *peer_visited(void *ctx)
{
    struct peer_visit *visit = ctx;
    struct peer *peer = visit->peer;
    static const size_t size = sizeof peer->last;
    char *request = calloc(1, size);
    if (request && (peer->speaks_first || peer_read_request(peer, visit->fd, request, size))) {
        pthread_mutex_lock(&peer->lock);
        if (!peer->speaks_first)
            memcpy(peer->last, request, size);
        pthread_mutex_unlock(&peer->lock);
        peer->script(peer, visit->fd, request);
    }
    free(request);
    close(visit->fd);
    return NULL;
}

static inline void *peer_listens(void *ctx)
{
    struct peer *peer = ctx;
    while (!atomic_load(&peer->must_stop)) {
        struct pollfd poll_fd = {peer->fd, POLLIN, 0};
        if (poll(&poll_fd, 1, 20) <= 0)
            continue;
        int fd = accept(peer->fd, NULL, NULL);
        unsigned count = atomic_load(&peer->visits_count);
        if (fd < 0 || count == PEER_CONNECTIONS_MAX) {
            close(fd);
            continue;
        }
        struct peer_visit *visit = &peer->visits[count];
        *visit = (struct peer_visit){.peer = peer, .fd = fd};
        if (pthread_create(&visit->thread, NULL, peer_visited, visit) != 0)
            abort();
        atomic_store(&peer->visits_count, count + 1);
    }
    return NULL;
}

static inline void peer_start(struct peer *peer, peer_script *script, void *ctx)
{
    struct sockaddr_in at = {.sin_family = AF_INET}; /* any address: 127.0.0.2 is one too */
    socklen_t len = sizeof at;
    memset(peer, 0, sizeof *peer);
    peer->script = script;
    peer->ctx = ctx;
    pthread_mutex_init(&peer->lock, NULL);
    peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(peer->fd >= 0);
    assert_int_equal(bind(peer->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(peer->fd, 512), 0);
    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&at, &len), 0);
    peer->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_listens, peer), 0);
}

static inline void peer_stop(struct peer *peer)
{
    atomic_store(&peer->must_stop, true);
    pthread_join(peer->thread, NULL);
    for (unsigned i = 0; i < atomic_load(&peer->visits_count); i++)
        pthread_join(peer->visits[i].thread, NULL);
    close(peer->fd);
    pthread_mutex_destroy(&peer->lock);
}

/* Does the last request have this in it? */
static inline bool peer_heard(struct peer *peer, const char *text)
{
    pthread_mutex_lock(&peer->lock);
    bool found = strstr(peer->last, text) != NULL;
    pthread_mutex_unlock(&peer->lock);
    return found;
}

/* Does `tick` until something is so; fails after twenty seconds. */
#define TICK_UNTIL(tick, condition)                                                                \
    do {                                                                                           \
        int tries_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            if (++tries_ > 4000)                                                                   \
                fail_msg("never came true: %s", #condition);                                       \
            tick;                                                                                  \
            poll(NULL, 0, 5);                                                                      \
        }                                                                                          \
    } while (0)

#endif
