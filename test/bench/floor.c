/* bench-floor - the least that a radio server can cost: one process, one epoll, one shared buffer.
 *
 *     bench-floor --port 8000
 *
 * Whoever connects and sends something gets a head and from then on 16,000 bytes (one second at
 * 128 kbit/s) once a second by a plain send(). Listeners are spread evenly over the second in 50
 * slots of 20 ms. No metadata, no tape, no lag rule, no log: nothing that could be left out. Prints
 * "ready" when it listens, and ends with its standard input. */
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND_BYTES 16000
#define SLOTS        50
#define SLOT_US      (1000000 / SLOTS)
#define FILES_MAX    20000

struct slot {
    int fds[FILES_MAX / SLOTS + 1];
    size_t count;
};

struct place { /* of a listener, by descriptor */
    uint16_t slot;
    uint16_t at;
    bool seated;
};

struct floor {
    int epoll, listener;
    struct slot slots[SLOTS];
    struct place places[FILES_MAX];
    uint16_t next_slot;
    unsigned char sound[SECOND_BYTES];
};

static const char HEAD[] = "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n";

static void watch(struct floor *f, int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        tool_die("epoll_ctl");
    }
}

static void open_listener(struct floor *f, uint16_t port)
{
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (f->epoll < 0 || f->listener < 0) {
        tool_die("socket");
    }
    int on = 1;
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(f->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(f->listener, 4096) != 0) {
        tool_die("port %u", (unsigned)port);
    }
    watch(f, f->listener);
}

static void take_all(struct floor *f)
{
    for (;;) {
        int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            return;
        }
        if (fd >= FILES_MAX) {
            close(fd);
            continue;
        }
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        f->places[fd].seated = false;
        watch(f, fd);
    }
}

static void drop(struct floor *f, int fd)
{
    struct place *place = &f->places[fd];
    if (place->seated) {
        struct slot *slot = &f->slots[place->slot];
        int last = slot->fds[--slot->count];
        slot->fds[place->at] = last;
        f->places[last].at = place->at;
        place->seated = false;
    }
    close(fd);
}

static void seat(struct floor *f, int fd)
{
    struct slot *slot = &f->slots[f->next_slot];
    if (slot->count == sizeof slot->fds / sizeof slot->fds[0]) {
        drop(f, fd);
        return;
    }
    f->places[fd] = (struct place){f->next_slot, (uint16_t)slot->count, true};
    slot->fds[slot->count++] = fd;
    f->next_slot = (uint16_t)((f->next_slot + 1) % SLOTS);
    if (send(fd, HEAD, sizeof HEAD - 1, MSG_NOSIGNAL) < 0) {
        drop(f, fd);
    }
}

static void on_readable(struct floor *f, int fd)
{
    char asked[2048];
    ssize_t got = recv(fd, asked, sizeof asked, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN)) {
        drop(f, fd);
    } else if (got > 0 && !f->places[fd].seated) {
        seat(f, fd);
    }
}

static void serve_slot(struct floor *f, struct slot *slot)
{
    for (size_t i = slot->count; i-- > 0;) {
        ssize_t sent = send(slot->fds[i], f->sound, sizeof f->sound, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) {
            drop(f, slot->fds[i]);
        }
    }
}

/* Serves each slot that has come due; returns how long to wait for the next, in milliseconds. */
static int serve_due(struct floor *f, uint64_t *due_us, size_t *next)
{
    while (tool_now_us() >= *due_us) {
        serve_slot(f, &f->slots[*next]);
        *next = (*next + 1) % SLOTS;
        *due_us += SLOT_US;
    }
    uint64_t now_us = tool_now_us();
    return *due_us <= now_us ? 0 : (int)((*due_us - now_us + 999) / 1000);
}

int main(int argc, char **argv)
{
    tool_raise_files();
    struct floor *f = tool_alloc(1, sizeof *f);
    memset(f->sound, 0x55, sizeof f->sound);
    open_listener(f, (uint16_t)tool_number(argc, argv, "--port", 8000));
    watch(f, STDIN_FILENO);
    puts("ready");
    fflush(stdout);

    uint64_t due_us = tool_now_us() + SLOT_US;
    size_t next = 0;
    for (;;) {
        struct epoll_event events[256];
        int count = epoll_wait(f->epoll, events, 256, serve_due(f, &due_us, &next));
        for (int i = 0; i < count; i++) {
            int fd = events[i].data.fd;
            if (fd == STDIN_FILENO) {
                return 0;
            }
            if (fd == f->listener) {
                take_all(f);
            } else {
                on_readable(f, fd);
            }
        }
    }
}
