/* net/loop.h - event loops, one thread each; wraps libuv.
 *
 * Whatever is opened on a loop belongs to its thread for life. The only thing that other threads
 * may do to a loop is loop_post(). Handles lie inside the struct that owns them and end in two
 * steps: _close() now, and on_closed() when libuv has let go: only then may the memory go. */
#ifndef MAST_NET_LOOP_H
#define MAST_NET_LOOP_H

#include "base/clock.h"

#include <stdalign.h>

struct loop;  /* private: loop.c */
struct loops; /* all of them */

#define LOOPS_MAX 16

/* Makes `count` loops, not running yet.   Shape: count 1..LOOPS_MAX.   Owner: the caller.
 * Errors: E_NOMEM, E_LIMIT.   Thread: main. */
MUST_USE enum err loops_new(unsigned count, const struct clock *clock, struct loops **out);

/* Starts their threads (named loop-0, loop-1, ...).   Errors: E_LIMIT; none runs then. */
MUST_USE enum err loops_start(struct loops *loops);

/* Ends the threads after the jobs that were posted before; handles that are still open are
 * abandoned, their sockets closed by the end of the process. loops_free() sets *loops to NULL. */
void loops_stop(struct loops *loops);
void loops_free(struct loops **loops);

unsigned loops_count(const struct loops *loops);
struct loop *loops_at(struct loops *loops, unsigned index);
unsigned loop_index(const struct loop *loop);
bool loop_is_here(const struct loop *loop);    /* are we on its thread? for assertions */
struct mono loop_now(const struct loop *loop); /* when this turn of the loop began. Thread: loop */
const struct clock *loop_clock(const struct loop *loop);

/* Has run(job) called on the loop's thread, in the order of posting.
 * Owner:  the job lies in the poster's memory until run() begins; run() may free it.
 * Thread: any. Never waits, allocates nothing (one eventfd write). */
struct loop_job {
    void (*run)(struct loop_job *job);
    struct loop_job *next; /* the loop's */
};
void loop_post(struct loop *loop, struct loop_job *job);

/* ---- timers.   Thread: loop ---- */
#define LOOP_TIMER_BYTES 192
struct loop_timer {
    void (*on_time)(struct loop_timer *timer);
    void (*on_closed)(struct loop_timer *timer);
    struct loop *loop;
    alignas(16) unsigned char uv[LOOP_TIMER_BYTES];
};
void loop_timer_open(struct loop *loop, struct loop_timer *timer,
                     void (*on_time)(struct loop_timer *));
void loop_timer_start(struct loop_timer *timer, uint64_t first_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *timer);
void loop_timer_close(struct loop_timer *timer, void (*on_closed)(struct loop_timer *));

/* ---- watching a descriptor.   Thread: loop ---- */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 };
#define LOOP_WATCH_BYTES 176
struct loop_watch {
    void (*on_event)(struct loop_watch *watch, unsigned events);
    void (*on_closed)(struct loop_watch *watch);
    struct loop *loop;
    alignas(16) unsigned char uv[LOOP_WATCH_BYTES];
};

/* Begins to watch nothing on fd; loop_watch_set() says what. The descriptor stays the caller's and
 * must stay open until loop_watch_close() was called (not: until on_closed).
 * Errors: E_NOMEM, E_LIMIT. */
MUST_USE enum err loop_watch_open(struct loop *loop, struct loop_watch *watch, int fd,
                                  void (*on_event)(struct loop_watch *, unsigned events));
void loop_watch_set(struct loop_watch *watch, unsigned events); /* 0 = nothing; level-triggered */
void loop_watch_close(struct loop_watch *watch, void (*on_closed)(struct loop_watch *));

#endif
