/* child/child.h - real children: processes with a socket to us as descriptor 3.
 *
 *     owner --ring--> thread "children" --socketpair--> child
 *     owner <--ring-- thread "children" <--socketpair-- child
 *
 * A child that does not read for stuck_ms while something is waiting for it is killed; so is one
 * that closes its socket and goes on. Descriptors 0 and 1 of a child are /dev/null; what it writes
 * to 2 is put into the log, a line each, at most 20 a minute. It dumps no core, is the first to go
 * when memory runs out, and has a process group of its own: when its socket ends, so must it. */
#ifndef MAST_CHILD_CHILD_H
#define MAST_CHILD_CHILD_H

#include "base/clock.h"
#include "child/channel.h"

#define CHILD_SOCKET_FD 3

struct children; /* private: children.c; the thread and all its children */
struct child;    /* private: child.c */

/* Starts the thread.   Owner: the caller; children_stop() kills and reaps what is left, ends the
 * thread and sets *children to NULL. All child_free() come before it.
 * Errors: E_NOMEM, E_LIMIT.   Thread: main. */
MUST_USE enum err children_start(const struct clock *clock, struct children **out);
void children_stop(struct children **children);

struct child_config {
    const char *name;           /* for the log: "deck wxyz"; copied */
    const char *program;        /* a path; copied */
    const char *const *args;    /* after the name of the program, ends in NULL; copied; <= 8 */
    size_t to_ring_bytes;       /* a power of two, at least 128 KiB: the longest message fits */
    size_t from_ring_bytes;     /* the same, child to owner */
    uint32_t stuck_ms;          /* 1000; not 0 */
    uint64_t address_space_max; /* RLIMIT_AS in bytes; 0 = as ours. Left out under sanitizers */
    int nice;                   /* added to ours */
};

/* Makes a child that is not started yet.   Owner: the caller, child_free(), which kills it and
 * returns when it is gone; the owner calls nothing any more by then.
 * Errors: E_NOMEM; E_RANGE; E_LIMIT there are 128.   Thread: main (control). */
MUST_USE enum err child_new(struct children *children, const struct child_config *config,
                            struct child **out);
void child_free(struct child **child);

/* The owner's view.   Owner: the child; as long as it. */
const struct channel *child_channel(struct child *child);

/* For the front: 0 when there is none; how often it was started.   Thread: any. */
int child_pid(const struct child *child);
uint64_t child_starts(const struct child *child);

/* Finds a program that belongs to mast: beside this one when installed, in ../<folder> when it was
 * just built, else in ../lib/mast.   Shape: out gets a path.   Errors: E_NOT_FOUND, E_TOO_LONG. */
MUST_USE enum err child_program(const char *folder, const char *name, char *out, size_t size);

#endif
