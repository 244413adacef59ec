/* child/process.c - one life of a child, as the thread lives it */
#include "child/child_priv.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS_MAX   8                /* reads of one child in one turn */
#define REAP_EACH_US (10 * US_PER_MS) /* only where there is no pidfd */

static void set_state(struct child *child, enum child_state state)
{
    atomic_store_explicit(&child->state, (int)state, memory_order_release);
}

static void not_before(int64_t *due_us, int64_t us)
{
    if (us < *due_us)
        *due_us = us;
}

static void begin(struct child *child, struct mono now)
{
    struct process *p = &child->process;
    *p = (struct process){.pidfd = -1, .started = now};
    atomic_store_explicit(&child->is_held_back, false, memory_order_relaxed);
    enum err err = spawn(child, &p->pid, &p->sock, &p->err);
    if (err) {
        log_error(EV_CHILD, "child=\"%s\" program=%s text=\"it could not be started: %s\"",
                  child->name, child->args[0], err_text(err));
        set_state(child, CHILD_GONE);
        return;
    }
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
    atomic_store_explicit(&child->pid, (int)p->pid, memory_order_relaxed);
    log_info(EV_CHILD, "child=\"%s\" pid=%d text=\"started\"", child->name, (int)p->pid);
    set_state(child, CHILD_RUNNING);
}

/* Kills it with all that it may have started itself. */
static void end(struct child *child, const char *why)
{
    struct process *p = &child->process;
    if (p->was_killed || p->has_ended)
        return;
    p->was_killed = true;
    if (why)
        log_warn(EV_CHILD, "child=\"%s\" pid=%d text=\"killed: %s\"", child->name, (int)p->pid,
                 why);
    (void)kill(-p->pid, SIGKILL); /* fails only if it is gone already */
}

/* -- bytes -- */

static void carry_out(struct child *child, struct mono now)
{
    struct process *p = &child->process;
    /* Two pieces, if they lie over the end of the ring. */
    for (int i = 0; i < 2 && !p->is_deaf; i++) {
        struct str piece = ring_peek(child->to);
        if (piece.len == 0) {
            p->is_blocked = false;
            return;
        }
        ssize_t sent = send(p->sock, piece.ptr, piece.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            ring_drop(child->to, (size_t)sent);
            p->is_blocked = false;
        } else if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM)) {
            if (!p->is_blocked)
                p->blocked_since = now;
            p->is_blocked = true;
            return;
        } else if (errno != EINTR) {
            p->is_deaf = true;
            p->is_blocked = false;
        }
    }
}

/* Is there room to read on? A full ring is left alone until a quarter is free: see tell_of_room()
 * in child.c. */
static bool has_room(struct child *child)
{
    struct process *p = &child->process;
    size_t enough = p->is_holding ? child->from_size / 4 : 1;
    if (ring_room(child->from) >= enough) {
        p->is_holding = false;
        return true;
    }
    p->is_holding = true;
    atomic_exchange_explicit(&child->is_held_back, true, memory_order_acq_rel);
    p->is_holding = ring_room(child->from) < child->from_size / 4;
    return !p->is_holding;
}

/* Returns true if nothing is left to be read for now. */
static bool carry_in(struct child *child, struct mono now)
{
    struct process *p = &child->process;
    unsigned char *piece = child->children->piece;
    for (int i = 0; i < ROUNDS_MAX && !p->is_over; i++) {
        if (!has_room(child))
            return false;
        size_t room = ring_room(child->from);
        if (room > sizeof child->children->piece)
            room = sizeof child->children->piece;
        ssize_t got = recv(p->sock, piece, room, MSG_DONTWAIT);
        if (got > 0) {
            size_t pushed = ring_push(child->from, (struct str){(char *)piece, (size_t)got});
            assert(pushed == (size_t)got);
        } else if (got < 0 && errno == EAGAIN) {
            return true;
        } else if (got == 0 || errno != EINTR) {
            p->is_over = true;
            p->over_since = now;
        }
    }
    return p->is_over;
}

static bool has_something_to_send(const struct child *child)
{
    return !child->process.is_deaf && ring_peek(child->to).len > 0;
}

/* A socket tells that it is writable again only when most of it is empty, so a reader that is slow
 * is seen by trying. */
static void see_to_sending(struct child *child, struct mono now, int64_t *due_us)
{
    struct process *p = &child->process;
    int64_t stuck_us = child->stuck_ms * US_PER_MS;
    bool is_late = p->is_blocked && now.us - p->blocked_since.us >= stuck_us;
    if (!p->is_blocked || is_late || p->sock_events & (POLLOUT | POLLERR | POLLHUP))
        carry_out(child, now);
    if (!p->is_blocked || p->was_killed)
        return;
    if (now.us - p->blocked_since.us >= stuck_us)
        end(child, "it does not read");
    else
        not_before(due_us, p->blocked_since.us + stuck_us);
}

/* -- the end -- */

static void log_end(const struct child *child, int status, struct mono now)
{
    const struct process *p = &child->process;
    char how[48] = "how=unknown";
    if (status >= 0 && WIFEXITED(status))
        snprintf(how, sizeof how, "exit=%d", WEXITSTATUS(status));
    else if (status >= 0 && WIFSIGNALED(status))
        snprintf(how, sizeof how, "signal=%d", WTERMSIG(status));
    double after_s = (double)(now.us - p->started.us) / (double)US_PER_S;
    if (status == 0 || p->was_killed)
        log_info(EV_CHILD, "child=\"%s\" pid=%d %s after_s=%.1f text=\"ended\"", child->name,
                 (int)p->pid, how, after_s);
    else
        log_warn(EV_CHILD, "child=\"%s\" pid=%d %s after_s=%.1f text=\"ended by itself\"",
                 child->name, (int)p->pid, how, after_s);
}

static void reap(struct child *child, struct mono now, int64_t *due_us)
{
    struct process *p = &child->process;
    int status = -1;
    if (p->pidfd >= 0 && !p->end_events)
        return;
    if (p->pidfd < 0 && !p->is_over && !p->is_deaf && !p->was_killed)
        return;
    pid_t got = waitpid(p->pid, &status, WNOHANG);
    if (got == 0 || (got < 0 && errno == EINTR)) {
        not_before(due_us, now.us + REAP_EACH_US);
        return;
    }
    /* -1 is a child that somebody else has waited for. */
    p->has_ended = true;
    atomic_store_explicit(&child->pid, 0, memory_order_relaxed);
    lines_read(&child->lines, child->name, &p->err, now, true);
    log_end(child, got < 0 ? -1 : status, now);
}

static void bury(struct child *child)
{
    struct process *p = &child->process;
    io_close(&p->sock);
    io_close(&p->err);
    io_close(&p->pidfd);
    p->pid = 0;
    set_state(child, CHILD_GONE);
}

void process_turn(struct child *child, struct mono now, bool must_end, int64_t *due_us)
{
    struct process *p = &child->process;
    must_end |= atomic_load_explicit(&child->kill_wanted, memory_order_acquire);
    if (p->pid == 0) {
        lines_turn(&child->lines, child->name, now, due_us);
        if (atomic_load_explicit(&child->state, memory_order_acquire) != CHILD_WANTED)
            return;
        if (!must_end)
            begin(child, now);
        else
            set_state(child, CHILD_GONE);
        if (p->pid == 0)
            return;
    }
    if (must_end)
        end(child, NULL);
    if (!p->has_ended) {
        see_to_sending(child, now, due_us);
        if (p->err_events)
            lines_read(&child->lines, child->name, &p->err, now, false);
        reap(child, now, due_us);
    }
    bool may_read = p->sock_events || p->is_holding || p->has_ended;
    bool is_dry = p->is_over || !may_read || carry_in(child, now);
    if (p->has_ended && (is_dry || (p->is_holding && must_end))) {
        bury(child);
        return;
    }
    if (!is_dry && !p->is_holding)
        not_before(due_us, now.us);
    if (p->is_over && !p->has_ended && !p->was_killed) {
        if (now.us - p->over_since.us >= CHILD_GRACE_US)
            end(child, "it closed its socket");
        else
            not_before(due_us, p->over_since.us + CHILD_GRACE_US);
    }
    lines_turn(&child->lines, child->name, now, due_us);
}

void process_poll(struct child *child, struct pollfd polls[3])
{
    struct process *p = &child->process;
    short events = 0;
    if (p->pid != 0 && !p->has_ended && has_something_to_send(child))
        events |= POLLOUT;
    if (p->pid != 0 && !p->is_over && !p->is_holding)
        events |= POLLIN;
    /* poll() tells of a hang-up whether it is asked or not; it leaves out what is below 0. */
    polls[0] = (struct pollfd){events ? p->sock : -1, events, 0};
    polls[1] = (struct pollfd){p->err, POLLIN, 0};
    polls[2] = (struct pollfd){p->has_ended ? -1 : p->pidfd, POLLIN, 0};
}

void process_polled(struct child *child, const struct pollfd polls[3])
{
    struct process *p = &child->process;
    p->sock_events = polls[0].revents;
    p->err_events = polls[1].revents;
    p->end_events = polls[2].revents;
}
