/* A child that does what it is told: the first argument says how it behaves. */
#include "child/child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static char payload[MESSAGE_PAYLOAD_MAX];

static bool read_all(void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t got = read(CHILD_SOCKET_FD, (char *)to + done, bytes - done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

static bool write_all(const void *from, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        ssize_t put = write(CHILD_SOCKET_FD, (const char *)from + done, bytes - done);
        if (put <= 0)
            return false;
        done += (size_t)put;
    }
    return true;
}

static bool hear(struct message *message)
{
    unsigned char head[MESSAGE_HEAD_BYTES];
    if (!read_all(head, sizeof head) || message_unpack_head(head, message))
        return false;
    message->payload.ptr = payload;
    return read_all(payload, message->payload.len);
}

static bool say(const struct message *message)
{
    unsigned char head[MESSAGE_HEAD_BYTES];
    message_pack_head(message, head);
    return write_all(head, sizeof head) && write_all(message->payload.ptr, message->payload.len);
}

static void pause_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int echo(void)
{
    struct message message;
    while (hear(&message))
        if (!say(&message))
            return 1;
    return 0;
}

/* Echoes one message and reads no other. */
static int once(void)
{
    struct message message;
    if (!hear(&message) || !say(&message))
        return 1;
    pause();
    return 0;
}

/* Says `count` messages of 1000 bytes, each with its number as its time; 0 = without end. */
static bool count_up(long count)
{
    for (long i = 0; count == 0 || i < count; i++)
        if (!say(&(struct message){.type = 9, .at_us = i, .payload = {payload, 1000}}))
            return false;
    return true;
}

/* A message and a half. */
static int torn(void)
{
    unsigned char head[MESSAGE_HEAD_BYTES];
    message_pack_head(&(struct message){.type = 1, .payload = {payload, 1000}}, head);
    return count_up(1) && write_all(head, sizeof head) && write_all(payload, 500) ? 0 : 1;
}

/* Less than a head. */
static int stub(void)
{
    return count_up(1) && write_all(payload, MESSAGE_HEAD_BYTES - 1) ? 0 : 1;
}

static int too_long(void)
{
    unsigned char head[MESSAGE_HEAD_BYTES] = {1, 0, 1, 0, 9};
    if (!count_up(1) || !write_all(head, sizeof head))
        return 1;
    return count_up(0) ? 0 : 1;
}

static int slow(void)
{
    while (read(CHILD_SOCKET_FD, payload, 32768) > 0)
        pause_ms(20);
    return 0;
}

static int lines(const char *count)
{
    for (long i = 0; i < strtol(count, NULL, 10); i++)
        fprintf(stderr, "line %ld says \"hello\"\n\n", i);
    fprintf(stderr, "%0400d\nthe last one", 7);
    struct message message;
    say(&(struct message){.type = 1});
    return hear(&message) && hear(&message) ? 0 : 1;
}

static int number_in(const char *path)
{
    char text[32] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (read(fd, text, sizeof text - 1) < 0)
        return -1;
    close(fd);
    return (int)strtol(text, NULL, 10);
}

/* Which of the first 256 descriptors are open, as "0 1 2 3 ". */
static void descriptors(char out[256])
{
    size_t len = 0;
    out[0] = '\0';
    for (int fd = 0; fd < 256 && len < 240; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            len += (size_t)snprintf(out + len, 256 - len, "%d ", fd);
}

static int limits(const char *first, const char *second)
{
    struct message message;
    struct rlimit space, core;
    struct sigaction pipe_action;
    sigset_t blocked;
    char fds[256], null[2][64] = {"", ""};
    descriptors(fds);
    if (!hear(&message))
        return 1;
    getrlimit(RLIMIT_AS, &space);
    getrlimit(RLIMIT_CORE, &core);
    sigaction(SIGPIPE, NULL, &pipe_action);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    int blocked_count = 0;
    for (int i = 1; i < 65; i++)
        blocked_count += sigismember(&blocked, i) == 1;
    for (int i = 0; i < 2; i++) {
        char link[32];
        snprintf(link, sizeof link, "/proc/self/fd/%d", i);
        if (readlink(link, null[i], sizeof null[i] - 1) < 0)
            return 1;
    }
    int len = snprintf(payload, sizeof payload,
                       "args=%s,%s fds=%s0=%s 1=%s as=%llu core=%llu nice=%d oom=%d blocked=%d "
                       "pipe=%s group=%s",
                       first, second, fds, null[0], null[1], (unsigned long long)space.rlim_cur,
                       (unsigned long long)core.rlim_max, getpriority(PRIO_PROCESS, 0),
                       number_in("/proc/self/oom_score_adj"), blocked_count,
                       pipe_action.sa_handler == SIG_DFL ? "default" : "other",
                       getpgrp() == getpid() ? "own" : "other");
    return say(&(struct message){.type = 2, .payload = {payload, (size_t)len}}) ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    const char *first = argc > 2 ? argv[2] : "0", *second = argc > 3 ? argv[3] : "";
    if (!strcmp(how, "echo"))
        return echo();
    if (!strcmp(how, "once"))
        return once();
    if (!strcmp(how, "count"))
        return count_up(strtol(first, NULL, 10)) ? 5 : 1;
    if (!strcmp(how, "torn"))
        return torn();
    if (!strcmp(how, "stub"))
        return stub();
    if (!strcmp(how, "long"))
        return too_long();
    if (!strcmp(how, "slow"))
        return slow();
    if (!strcmp(how, "lines"))
        return lines(first);
    if (!strcmp(how, "limits"))
        return limits(first, second);
    if (!strcmp(how, "deaf") && count_up(1))
        pause();
    if (!strcmp(how, "closed") && count_up(1) && close(CHILD_SOCKET_FD) == 0)
        pause();
    if (!strcmp(how, "crash"))
        return raise(SIGABRT);
    return 3;
}
