/* bench-ears - many listeners in one process.
 *
 *     bench-ears --port 8000 --path /bench --count 5000 --rate 1000
 *                [--addresses 32] [--patience_s 30] [--batch_ms 0]
 *
 * Opens `count` listeners at `rate` a second from 127.0.0.2, .3 and so on (`addresses` of them),
 * every other one with "Icy-MetaData: 1", and reads and throws away what comes. Directed by lines
 * on standard input; ends with it. One line of JSON on standard output for each:
 *
 *     (by itself)  {"event": "joined", ...}   all have heard sound, failed, or lost patience
 *     mark         {"event": "marked", ...}   from now on gaps and bytes are counted anew
 *     report       {"event": "report", ...}   the figures since the mark
 *
 * first_byte_*   from connect() to the first byte behind the head, of those that got one
 * refused        no connection, another answer than 200, or closed before any sound
 * unserved       neither refused nor served (yet)
 * lost           closed by the server after they had been served
 * gap_*          each listener's longest time without a byte, the one still open included
 * load_lag_ms    how late this tool itself was to look at its sockets, at worst
 *
 * With `batch_ms`, once all have joined, the sockets are looked at only that often. Otherwise the
 * server pays for waking this tool at each send (an interrupt to another core, dear in a virtual
 * machine), which no listener beyond a network would cost it. Times are then that much coarser.
 */
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_BYTES (256 * 1024)
#define COMMAND_ID UINT32_MAX

enum state { WAITING, CONNECTING, HEAD, LISTENING, REFUSED, LOST };

struct ear {
    int fd;
    enum state state;
    unsigned head_end; /* how much of CR LF CR LF has been seen */
    uint64_t opened_us, first_us, last_us, gap_us;
};

struct ears {
    int epoll;
    uint16_t port;
    const char *path;
    struct ear *all;
    uint32_t count, opened, pending, addresses; /* pending: neither served nor refused yet */
    uint64_t rate, patience_us, batch_us, start_us, last_open_us;
    uint64_t mark_us, bytes, reads, lag_us;
    bool joined;
    char *buffer;
};

static void end(struct ears *e, struct ear *ear, enum state state)
{
    e->pending -= ear->state == CONNECTING || ear->state == HEAD;
    close(ear->fd);
    ear->fd = -1;
    ear->state = state;
}

/* ---- opening ---- */

static void open_one(struct ears *e, uint32_t i)
{
    struct ear *ear = &e->all[i];
    ear->opened_us = tool_now_us();
    ear->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (ear->fd < 0) {
        tool_die("socket");
    }
    /* Ports run out per address pair: each address brings 28,000 more. */
    int on = 1;
    setsockopt(ear->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    struct sockaddr_in from = {.sin_family = AF_INET};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 + i % e->addresses);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(e->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(ear->fd, (struct sockaddr *)&from, sizeof from) != 0) {
        tool_die("bind");
    }
    ear->state = CONNECTING;
    e->pending++;
    if (connect(ear->fd, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        end(e, ear, REFUSED);
        return;
    }
    struct epoll_event event = {.events = EPOLLOUT, .data.u32 = i};
    if (epoll_ctl(e->epoll, EPOLL_CTL_ADD, ear->fd, &event) != 0) {
        tool_die("epoll_ctl");
    }
}

static void open_due(struct ears *e)
{
    uint64_t due = (tool_now_us() - e->start_us) * e->rate / 1000000 + 1;
    while (e->opened < e->count && e->opened < due) {
        open_one(e, e->opened++);
        e->last_open_us = tool_now_us();
    }
}

static void ask(struct ears *e, uint32_t i)
{
    struct ear *ear = &e->all[i];
    char request[512];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: bench-ears\r\n%s\r\n",
                       e->path, (unsigned)e->port, i % 2 == 0 ? "Icy-MetaData: 1\r\n" : "");
    if (send(ear->fd, request, (size_t)len, MSG_NOSIGNAL) != len) {
        end(e, ear, REFUSED);
        return;
    }
    ear->state = HEAD;
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
    epoll_ctl(e->epoll, EPOLL_CTL_MOD, ear->fd, &event);
}

/* ---- listening ---- */

/* Follows the head in what was read; returns how many bytes of sound lie behind it. */
static size_t skip_head(struct ears *e, struct ear *ear, const char *bytes, size_t len)
{
    if (ear->last_us == 0 && (len < 12 || memmem(bytes, 13, " 200 ", 5) == NULL)) {
        end(e, ear, REFUSED);
        return 0;
    }
    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == "\r\n\r\n"[ear->head_end]) {
            ear->head_end++;
        } else {
            ear->head_end = bytes[i] == '\r' ? 1 : 0;
        }
        if (ear->head_end == 4) {
            return len - i - 1;
        }
    }
    return 0;
}

static void hear(struct ears *e, struct ear *ear)
{
    ssize_t got = recv(ear->fd, e->buffer, READ_BYTES, 0);
    if (got < 0 && errno == EAGAIN) {
        return;
    }
    if (got <= 0) {
        end(e, ear, ear->state == LISTENING ? LOST : REFUSED);
        return;
    }
    uint64_t now_us = tool_now_us();
    size_t sound = (size_t)got;
    if (ear->state == HEAD) {
        sound = ear->head_end == 4 ? sound : skip_head(e, ear, e->buffer, sound);
        if (ear->state == HEAD && sound > 0) {
            ear->state = LISTENING;
            e->pending--;
            ear->first_us = now_us;
        }
    } else if (now_us - ear->last_us > ear->gap_us) {
        ear->gap_us = now_us - ear->last_us;
    }
    ear->last_us = now_us;
    e->bytes += sound;
    e->reads++;
}

static void on_event(struct ears *e, const struct epoll_event *event)
{
    struct ear *ear = &e->all[event->data.u32];
    if (ear->state == CONNECTING) {
        int error = 0;
        socklen_t len = sizeof error;
        getsockopt(ear->fd, SOL_SOCKET, SO_ERROR, &error, &len);
        if (error != 0) {
            end(e, ear, REFUSED);
        } else {
            ask(e, event->data.u32);
        }
    } else if (ear->state == HEAD || ear->state == LISTENING) {
        hear(e, ear);
    }
}

/* ---- figures ---- */

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Sorts and prints p50, p99 and max of `count` times in milliseconds. */
static void print_times(const char *name, uint64_t *times_us, uint32_t count)
{
    qsort(times_us, count, sizeof *times_us, compare);
    static const struct {
        const char *name;
        uint32_t percent;
    } wanted[] = {{"p50", 50}, {"p99", 99}, {"max", 100}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        uint32_t at = (uint32_t)((uint64_t)count * wanted[i].percent / 100);
        uint64_t value = count == 0 ? 0 : times_us[at < count ? at : count - 1];
        printf(", \"%s_%s_ms\": %.1f", name, wanted[i].name, (double)value / 1000);
    }
}

static void report(struct ears *e, const char *event)
{
    uint64_t now_us = tool_now_us();
    uint64_t *first = tool_alloc(e->count + 1, sizeof *first);
    uint64_t *gap = tool_alloc(e->count + 1, sizeof *gap);
    uint32_t served = 0, listening = 0, refused = 0, lost = 0;
    for (uint32_t i = 0; i < e->opened; i++) {
        const struct ear *ear = &e->all[i];
        refused += ear->state == REFUSED;
        lost += ear->state == LOST;
        if (ear->first_us != 0) {
            first[served++] = ear->first_us - ear->opened_us;
        }
        if (ear->state == LISTENING) {
            uint64_t open_us = now_us - ear->last_us;
            gap[listening++] = open_us > ear->gap_us ? open_us : ear->gap_us;
        }
    }
    printf(
        "{\"event\": \"%s\", \"opened\": %u, \"served\": %u, \"listening\": %u, \"refused\": %u, "
        "\"lost\": %u, \"unserved\": %u, \"seconds\": %.3f, \"bytes\": %llu, \"reads\": %llu, "
        "\"load_lag_ms\": %.1f",
        event, e->opened, served, listening, refused, lost, e->opened - served - refused,
        (double)(now_us - e->mark_us) / 1e6, (unsigned long long)e->bytes,
        (unsigned long long)e->reads, (double)e->lag_us / 1000);
    print_times("first_byte", first, served);
    print_times("gap", gap, listening);
    puts("}");
    fflush(stdout);
    free(first);
    free(gap);
}

static void mark(struct ears *e)
{
    for (uint32_t i = 0; i < e->opened; i++) {
        e->all[i].gap_us = 0;
    }
    e->bytes = e->reads = e->lag_us = 0;
    e->mark_us = tool_now_us();
}

/* False when standard input has ended. Commands come one at a time: each is answered. */
static bool obey(struct ears *e)
{
    char line[64];
    ssize_t got = read(STDIN_FILENO, line, sizeof line - 1);
    if (got <= 0) {
        return false;
    }
    line[got] = '\0';
    if (strcmp(line, "mark\n") == 0) {
        mark(e);
        report(e, "marked");
    } else if (strcmp(line, "report\n") == 0) {
        report(e, "report");
    }
    return true;
}

static void look_if_joined(struct ears *e)
{
    if (e->joined || e->opened < e->count) {
        return;
    }
    if (e->pending == 0 || tool_now_us() - e->last_open_us > e->patience_us) {
        e->joined = true;
        report(e, "joined");
    }
}

/* Opens who is due and looks at the sockets once. False when standard input has ended. */
static bool look(struct ears *e)
{
    struct epoll_event events[2048];
    uint64_t start_us = tool_now_us();
    open_due(e);
    look_if_joined(e);
    uint64_t wait_us = e->opened < e->count ? 1000 : 50000;
    if (e->joined && e->batch_us > 0) {
        wait_us = e->batch_us;
        nanosleep(&(struct timespec){.tv_nsec = (long)wait_us * 1000}, NULL);
    }
    int wait_ms = e->joined && e->batch_us > 0 ? 0 : (int)(wait_us / 1000);
    int count = epoll_wait(e->epoll, events, 2048, wait_ms);
    for (int i = 0; i < count; i++) {
        if (events[i].data.u32 != COMMAND_ID) {
            on_event(e, &events[i]);
        } else if (!obey(e)) {
            return false;
        }
    }
    uint64_t spent_us = tool_now_us() - start_us;
    if (spent_us > wait_us && spent_us - wait_us > e->lag_us) {
        e->lag_us = spent_us - wait_us;
    }
    return true;
}

int main(int argc, char **argv)
{
    tool_raise_files();
    struct ears ears = {
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .port = (uint16_t)tool_number(argc, argv, "--port", 8000),
        .path = tool_option(argc, argv, "--path", "/bench"),
        .count = (uint32_t)tool_number(argc, argv, "--count", 1),
        .addresses = (uint32_t)tool_number(argc, argv, "--addresses", 32),
        .rate = tool_number(argc, argv, "--rate", 1000),
        .patience_us = tool_number(argc, argv, "--patience_s", 30) * 1000000,
        .batch_us = tool_number(argc, argv, "--batch_ms", 0) * 1000,
        .start_us = tool_now_us(),
        .buffer = tool_alloc(1, READ_BYTES),
    };
    struct ears *e = &ears;
    e->all = tool_alloc(e->count, sizeof *e->all);
    e->mark_us = e->start_us;
    struct epoll_event command = {.events = EPOLLIN, .data.u32 = COMMAND_ID};
    if (e->epoll < 0 || epoll_ctl(e->epoll, EPOLL_CTL_ADD, STDIN_FILENO, &command) != 0) {
        tool_die("epoll");
    }
    while (look(e)) {
    }
    return 0;
}
