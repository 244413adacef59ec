/* child/child_priv.h - a child between its owner and the thread `children`.
 *
 *   state:  DOWN --owner: start()--> WANTED --thread--> RUNNING --thread--> GONE --owner--> DOWN
 *                                       '-------------- it cannot be started ---^
 *
 *   rings:  DOWN and GONE the owner has both to itself; WANTED and RUNNING it is the pusher of `to`
 *           and the reader of `from`, the thread is the other one.
 *
 * GONE means: the process is reaped and all that it said lies in `from`. Nobody waits for anybody:
 * what the owner wants is in an atomic, and an eventfd wakes the thread. Only child_new() and
 * child_free(), on the control thread, take the lock of the list. */
#ifndef MAST_CHILD_CHILD_PRIV_H
#define MAST_CHILD_CHILD_PRIV_H

#include "base/mem.h"
#include "base/ring.h"
#include "child/child.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#define CHILDREN_MAX       128
#define CHILD_ARGS_MAX     8
#define CHILD_RING_MIN     (128 * 1024) /* the power of two that holds the longest message */
#define CHILD_TEXTS_MAX    (16 * 1024)  /* bytes of name, program and arguments */
#define CHILD_LINE_BYTES   256
#define CHILD_LINES_MAX    20 /* of one child in a minute */
#define CHILD_GRACE_US     US_PER_S
#define CHILD_SOCKET_BYTES (1024 * 1024)
#define CHILD_OOM_SCORE    200

_Static_assert(CHILD_RING_MIN >= MESSAGE_HEAD_BYTES + MESSAGE_PAYLOAD_MAX, "a message fits");

enum child_state { CHILD_DOWN, CHILD_WANTED, CHILD_RUNNING, CHILD_GONE };

/* What a child writes to descriptor 2. Over all its lives, so that one that is started again and
 * again does not fill the log. */
struct lines {
    char text[CHILD_LINE_BYTES];
    size_t len;
    int64_t minute_us; /* when the minute began that is counted in; monotonic */
    unsigned said, left_out;
};

/* One life of a child. */
struct process {
    pid_t pid;     /* 0 = there is none */
    int pidfd;     /* -1: the kernel has none; its end is seen by the end of the socket */
    int sock, err; /* -1 when closed */
    short sock_events, err_events, end_events; /* of the last poll() */
    struct mono started, blocked_since, over_since;
    bool is_blocked; /* the socket took nothing since blocked_since */
    bool is_deaf;    /* the socket will never take anything again */
    bool is_over;    /* nothing will come out of the socket any more */
    bool is_holding; /* `from` was full: the socket is not read until there is room again */
    bool was_killed;
    bool has_ended; /* reaped; the rest of what it said may still be on its way */
};

struct child {
    /* constant */
    struct children *children;
    struct arena texts;
    const char *name;
    char *args[CHILD_ARGS_MAX + 2]; /* the program first; ends in NULL */
    uint32_t stuck_ms;
    uint64_t address_space_max;
    int nice;
    struct channel channel;
    struct ring *to, *from;
    size_t from_size;

    /* shared by the owner and the thread */
    _Atomic int state; /* enum child_state */
    atomic_bool kill_wanted;
    atomic_bool is_held_back; /* thread: tell me when there is room in `from` */
    _Atomic int pid;
    _Atomic uint64_t starts;

    /* owned by the owner */
    bool has_sent;     /* since the last flush */
    bool is_malformed; /* it said something that is no message; this life is over for the owner */
    bool has_head;     /* the head of the next message was taken out of `from`, its payload not */
    struct message head;
    char payload[MESSAGE_PAYLOAD_MAX];

    /* owned by the thread */
    struct process process;
    struct lines lines;
    struct child *next;

    /* control thread -> thread */
    atomic_bool must_leave;
    /* guarded by children->lock */
    bool has_left;
};

struct children {
    /* constant */
    const struct clock *clock;
    pthread_t thread;
    int wake; /* eventfd */

    /* shared */
    atomic_bool must_stop;
    pthread_mutex_t lock; /* guards the next three and has_left; never taken by an owner */
    pthread_cond_t has_left;
    struct child *incoming;
    size_t count;

    /* owned by the thread */
    struct child *list;
    unsigned char piece[MESSAGE_PAYLOAD_MAX]; /* on its way from a socket to a ring */
};

/* Wakes the thread.   Thread: any. Air-safe. */
void children_wake(struct children *children);

/* Puts a child into the list; takes it out, and returns when its process is gone.
 * Errors: E_LIMIT.   Thread: control. */
MUST_USE enum err children_add(struct children *children, struct child *child);
void children_remove(struct children *children, struct child *child);

/* -- the thread's -- */

/* Starts the program of a child and puts its limits on it.
 * Shape:  *sock is our end of the socket pair, *err the end of the pipe from its descriptor 2.
 * Errors: as err_from_errno() says; nothing is open then, *pid is 0. */
MUST_USE enum err spawn(const struct child *child, pid_t *pid, int *sock, int *err);

/* One turn of one child: begins a life that is wanted, carries bytes, sees to its end.
 * Shape:  must_end: kill it, and throw away what does not fit into `from`. *due_us becomes the
 *         monotonic time at which it wants another turn, if that is earlier. */
void process_turn(struct child *child, struct mono now, bool must_end, int64_t *due_us);

/* Puts what is waited for into polls[0..2], and takes out what happened. */
void process_poll(struct child *child, struct pollfd polls[3]);
void process_polled(struct child *child, const struct pollfd polls[3]);

/* Reads once from *fd, or to the end if it has ended, and logs whole lines. *fd is closed at the
 * end of file. */
void lines_read(struct lines *lines, const char *name, int *fd, struct mono now, bool to_the_end);

/* Says how many lines were left out, when their minute is over. *due_us as above. */
void lines_turn(struct lines *lines, const char *name, struct mono now, int64_t *due_us);

#endif
