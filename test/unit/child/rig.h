/* Children for tests: puppet.c, and waiting for what they do. */
#ifndef MAST_TEST_CHILD_RIG_H
#define MAST_TEST_CHILD_RIG_H

#include "child/child.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RING_BYTES  (128 * 1024)
#define PATIENCE_MS 30000

/* Real time, and what a test sets it forward by. */
static _Atomic int64_t clock_ahead_us;

static inline struct mono rig_mono(void *ctx)
{
    (void)ctx;
    return (struct mono){clock_mono(clock_real()).us + clock_ahead_us};
}

static inline struct utc rig_utc(void *ctx)
{
    (void)ctx;
    return clock_utc(clock_real());
}

static const struct clock rig_clock = {NULL, rig_utc, rig_mono};

struct rig {
    struct children *children;
    struct child *child;
    const struct channel *channel;
    char program[512];
    uint32_t stuck_ms;
    uint64_t address_space_max;
    int nice;
    int true_stderr, log; /* while the log is caught */
};

static inline void rest(void)
{
    nanosleep(&(struct timespec){0, 500000}, NULL);
}

/* Waits until `condition` holds; fails the test if it never does. */
#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        int64_t until_us = clock_mono(clock_real()).us + PATIENCE_MS * US_PER_MS;                  \
        while (!(condition)) {                                                                     \
            if (clock_mono(clock_real()).us > until_us)                                            \
                fail_msg("waited in vain for: %s", #condition);                                    \
            rest();                                                                                \
        }                                                                                          \
    } while (0)

static inline int rig_setup(void **state)
{
    static struct rig rig;
    rig = (struct rig){.stuck_ms = 1000, .log = -1, .true_stderr = -1};
    clock_ahead_us = 0;
    if (child_program("none", "child-puppet", rig.program, sizeof rig.program) ||
        children_start(&rig_clock, &rig.children))
        return -1;
    *state = &rig;
    return 0;
}

static inline int rig_teardown(void **state)
{
    struct rig *rig = *state;
    if (rig->true_stderr >= 0) {
        dup2(rig->true_stderr, STDERR_FILENO);
        close(rig->true_stderr);
        close(rig->log);
    }
    child_free(&rig->child);
    children_stop(&rig->children);
    return 0;
}

/* Makes a puppet that behaves like this; it is not started yet. */
static inline void rig_make(struct rig *rig, const char *how, const char *first)
{
    const char *args[] = {how, first, first ? "two words" : NULL, NULL};
    const struct child_config config = {
        .name = "puppet",
        .program = rig->program,
        .args = args,
        .to_ring_bytes = RING_BYTES,
        .from_ring_bytes = RING_BYTES,
        .stuck_ms = rig->stuck_ms,
        .address_space_max = rig->address_space_max,
        .nice = rig->nice,
    };
    child_free(&rig->child);
    assert_int_equal(child_new(rig->children, &config, &rig->child), OK);
    rig->channel = child_channel(rig->child);
}

static inline bool is_up(struct rig *rig)
{
    return rig->channel->is_up(rig->channel->ctx);
}

static inline void start(struct rig *rig)
{
    assert_false(is_up(rig));
    rig->channel->start(rig->channel->ctx);
}

static inline void rig_kill(struct rig *rig)
{
    rig->channel->kill(rig->channel->ctx);
}

static inline bool send_message(struct rig *rig, const struct message *message)
{
    return rig->channel->send(rig->channel->ctx, message);
}

static inline void flush(struct rig *rig)
{
    rig->channel->flush(rig->channel->ctx);
}

static inline enum err receive(struct rig *rig, struct message *out)
{
    return rig->channel->receive(rig->channel->ctx, out);
}

/* Throws away what comes until the child is down. Returns how many messages that were. */
static inline int drain_until_down(struct rig *rig)
{
    struct message message;
    int count = 0;
    WAIT_FOR((receive(rig, &message) == OK && ++count && false) || !is_up(rig));
    return count;
}

/* The log goes into a file in memory from here on, to the end of the test. */
static inline void catch_log(struct rig *rig)
{
    rig->log = memfd_create("log", MFD_CLOEXEC);
    rig->true_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_true(rig->log >= 0 && rig->true_stderr >= 0);
    assert_int_equal(dup2(rig->log, STDERR_FILENO), STDERR_FILENO);
}

/* How often `text` stands in what was logged. */
static inline int logged(struct rig *rig, const char *text)
{
    static char log[65536];
    ssize_t len = pread(rig->log, log, sizeof log - 1, 0);
    assert_true(len >= 0);
    log[len] = '\0';
    int count = 0;
    for (const char *at = log; (at = strstr(at, text)); at++)
        count++;
    return count;
}

static inline int open_descriptors(void)
{
    int count = 0;
    DIR *folder = opendir("/proc/self/fd");
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static inline bool has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

#endif
