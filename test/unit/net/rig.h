/* A server on two loops and blocking clients, for tests over real sockets. */
#ifndef RIG_H
#define RIG_H

#include "test.h"

#include "base/crypto.h"
#include "base/log.h"
#include "net/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct rig {
    struct loops *loops;
    struct http_server *server;
    struct http_config config;
    struct addr addr;
};

static inline void rig_init(struct rig *rig, const struct http_route *routes, size_t count,
                            unsigned loops)
{
    assert_int_equal(crypto_init(), OK);
    memset(rig, 0, sizeof *rig);
    assert_int_equal(loops_new(loops, clock_real(), &rig->loops), OK);
    http_config_init(&rig->config);
    rig->config.loops = rig->loops;
    rig->config.routes = routes;
    rig->config.routes_count = count;
}

static inline void rig_start(struct rig *rig)
{
    struct addr any;
    assert_int_equal(addr_parse(STR("0.0.0.0:0"), &any), OK);
    assert_int_equal(http_server_new(&rig->config, &rig->server), OK);
    assert_int_equal(http_listen(rig->server, &any, &rig->addr), OK);
    assert_int_equal(loops_start(rig->loops), OK);
}

static inline void rig_stop(struct rig *rig)
{
    loops_stop(rig->loops);
    http_server_free(&rig->server);
    loops_free(&rig->loops);
}

static inline int dial_from(const struct rig *rig, const char *from)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct timeval limit = {.tv_sec = 20};
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig->addr.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (from) {
        struct sockaddr_in own = {.sin_family = AF_INET};
        inet_pton(AF_INET, from, &own.sin_addr);
        assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof own), 0);
    }
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline int dial(const struct rig *rig)
{
    return dial_from(rig, NULL);
}

/* Closes with a reset: no port is left waiting. */
static inline void hang_up(int fd)
{
    struct linger now = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

/* False if the other side has closed: then a test wants to read the answer all the same. */
static inline bool say_bytes(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return true;
}

static inline void say(int fd, const char *text)
{
    say_bytes(fd, str_of(text));
}

struct reply {
    int status;
    bool is_whole, ended; /* ended: the other side closed, cleanly */
    size_t head_len, len;
    const char *body;
    size_t body_len;
    char bytes[70000];
};

static inline bool reply_has(const struct reply *reply, const char *line)
{
    return memmem(reply->bytes, reply->head_len, line, strlen(line)) != NULL;
}

static inline bool read_some(int fd, struct reply *reply, size_t max)
{
    ssize_t n = recv(fd, reply->bytes + reply->len, max, 0);
    if (n <= 0) {
        reply->ended = n == 0;
        return false;
    }
    reply->len += (size_t)n;
    reply->bytes[reply->len] = '\0';
    return true;
}

/* Reads one answer, and not a byte more. */
static inline void hear(int fd, struct reply *reply, bool after_head)
{
    memset(reply, 0, offsetof(struct reply, bytes));
    reply->bytes[0] = '\0';
    char *end;
    while (!(end = strstr(reply->bytes, "\r\n\r\n")))
        if (reply->len > 8000 || !read_some(fd, reply, 1))
            return;
    reply->head_len = (size_t)(end - reply->bytes) + 4;
    reply->body = reply->bytes + reply->head_len;
    reply->status = (int)strtol(reply->bytes + 9, NULL, 10);
    char *length = strstr(reply->bytes, "Content-Length: ");
    size_t want = length && !after_head ? strtoul(length + 16, NULL, 10) : 0;
    assert_true(reply->head_len + want < sizeof reply->bytes);
    while (reply->len < reply->head_len + want)
        if (!read_some(fd, reply, reply->head_len + want - reply->len))
            return;
    reply->body_len = want;
    reply->is_whole = true;
}

static inline bool hears_end(int fd)
{
    char byte;
    return recv(fd, &byte, 1, 0) == 0;
}

static inline bool is_quiet(int fd, int ms)
{
    struct pollfd poll_fd = {fd, POLLIN, 0};
    return poll(&poll_fd, 1, ms) == 0;
}

/* Waits until a figure is what it should be; fails after ten seconds. */
#define EVENTUALLY(condition)                                                                      \
    do {                                                                                           \
        int tries_ = 0;                                                                            \
        while (!(condition)) {                                                                     \
            if (++tries_ > 2000)                                                                   \
                fail_msg("never came true: %s", #condition);                                       \
            poll(NULL, 0, 5);                                                                      \
        }                                                                                          \
    } while (0)

#endif
