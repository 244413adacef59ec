/* child/spawn.c - one program as a process: with four descriptors, its own limits, and no signal
 * blocked. Every descriptor of ours is close-on-exec; others that we inherited are closed too. */
#include "child/child_priv.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
    __has_feature(memory_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifndef IS_SANITIZED
#define IS_SANITIZED 0
#endif

/* Four descriptors that a child gets must not lie where they will be put. */
static enum err lift(int *fd)
{
    if (*fd > CHILD_SOCKET_FD)
        return OK;
    int higher = fcntl(*fd, F_DUPFD_CLOEXEC, CHILD_SOCKET_FD + 1);
    if (higher < 0)
        return err_from_errno(errno);
    io_close(fd);
    *fd = higher;
    return OK;
}

/* A frame takes many times its bytes out of a socket's room; what the kernel refuses is no loss of
 * anything but air to breathe. */
static void make_roomy(int sock)
{
    const int bytes = CHILD_SOCKET_BYTES;
    static const int options[][2] = {{SO_SNDBUFFORCE, SO_SNDBUF}, {SO_RCVBUFFORCE, SO_RCVBUF}};
    for (int i = 0; i < 2; i++)
        if (setsockopt(sock, SOL_SOCKET, options[i][0], &bytes, sizeof bytes))
            (void)setsockopt(sock, SOL_SOCKET, options[i][1], &bytes, sizeof bytes);
}

/* Opens the pair and the pipe; [0] is ours, [1] the child's. */
static enum err open_ends(int socks[2], int errs[2])
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks))
        return err_from_errno(errno);
    make_roomy(socks[0]);
    make_roomy(socks[1]);
    if (pipe2(errs, O_CLOEXEC))
        return err_from_errno(errno);
    enum err err = lift(&socks[1]);
    if (!err)
        err = lift(&errs[1]);
    if (!err && fcntl(errs[0], F_SETFL, O_NONBLOCK))
        err = err_from_errno(errno);
    return err;
}

static int add_descriptors(posix_spawn_file_actions_t *actions, int sock, int err)
{
    int failed = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDWR, 0);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, 0, 1);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, err, 2);
    if (!failed)
        failed = posix_spawn_file_actions_adddup2(actions, sock, CHILD_SOCKET_FD);
    if (!failed)
        failed = posix_spawn_file_actions_addclosefrom_np(actions, CHILD_SOCKET_FD + 1);
    return failed;
}

/* A group of its own: Ctrl-C at a terminal is for the station, which ends its children itself. */
static int add_attributes(posix_spawnattr_t *attr)
{
    sigset_t none, defaults;
    sigemptyset(&none);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    int failed = posix_spawnattr_setsigmask(attr, &none);
    if (!failed)
        failed = posix_spawnattr_setsigdefault(attr, &defaults);
    if (!failed)
        failed = posix_spawnattr_setpgroup(attr, 0);
    if (!failed)
        failed = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETPGROUP);
    return failed;
}

static enum err run(char *const args[], int sock, int err, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attr;
    int failed = posix_spawn_file_actions_init(&actions);
    if (failed)
        return err_from_errno(failed);
    failed = posix_spawnattr_init(&attr);
    if (!failed) {
        failed = add_descriptors(&actions, sock, err);
        if (!failed)
            failed = add_attributes(&attr);
        if (!failed)
            failed = posix_spawn(pid, args[0], &actions, &attr, args, environ);
        posix_spawnattr_destroy(&attr);
    }
    posix_spawn_file_actions_destroy(&actions);
    /* EAGAIN here is the limit of processes, and not an invitation. */
    return failed == EAGAIN ? E_LIMIT : err_from_errno(failed);
}

/* Never over the limit that we have ourselves. Returns 0 or an errno. */
static int limit(pid_t pid, int resource, uint64_t most)
{
    struct rlimit old;
    if (prlimit(pid, resource, NULL, &old))
        return errno;
    rlim_t value = old.rlim_max < most ? old.rlim_max : (rlim_t)most;
    const struct rlimit new = {value, value};
    return prlimit(pid, resource, &new, NULL) ? errno : 0;
}

static int make_nice(pid_t pid, int by)
{
    int ours = getpriority(PRIO_PROCESS, 0);
    return setpriority(PRIO_PROCESS, (id_t)pid, ours + by) ? errno : 0;
}

/* When memory runs out, a child goes before the station. */
static void offer_to_oom_killer(pid_t pid)
{
    char path[64], text[16] = "";
    size_t got;
    int fd;
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", (int)pid);
    if (io_open(path, IO_WRITE, &fd))
        return;
    if (!io_read_at(fd, text, sizeof text - 1, 0, &got) &&
        strtol(text, NULL, 10) < CHILD_OOM_SCORE) {
        snprintf(text, sizeof text, "%d", CHILD_OOM_SCORE);
        (void)!io_write_at(fd, str_of(text), 0); /* where that is refused, it is one of many */
    }
    io_close(&fd);
}

static void restrain(const struct child *child, pid_t pid)
{
    int failed = 0;
    /* A sanitizer's shadow needs terabytes of addresses; and it limits its cores itself, which fails
     * if we do so at the same moment. */
    if (!IS_SANITIZED)
        failed = limit(pid, RLIMIT_CORE, 0);
    if (!IS_SANITIZED && !failed && child->address_space_max > 0)
        failed = limit(pid, RLIMIT_AS, child->address_space_max);
    if (!failed && child->nice != 0)
        failed = make_nice(pid, child->nice);
    /* One that has ended already needs no limits. */
    if (failed && failed != ESRCH)
        log_warn(EV_CHILD, "child=\"%s\" pid=%d text=\"it could not be limited: %s\"", child->name,
                 (int)pid, err_text(err_from_errno(failed)));
    offer_to_oom_killer(pid);
}

enum err spawn(const struct child *child, pid_t *pid, int *sock, int *err)
{
    int socks[2] = {-1, -1}, errs[2] = {-1, -1};
    *pid = 0;
    enum err failure = open_ends(socks, errs);
    if (!failure)
        failure = run(child->args, socks[1], errs[1], pid);
    io_close(&socks[1]);
    io_close(&errs[1]);
    if (failure) {
        io_close(&socks[0]);
        io_close(&errs[0]);
        *pid = 0;
    } else {
        restrain(child, *pid);
    }
    *sock = socks[0];
    *err = errs[0];
    return failure;
}
