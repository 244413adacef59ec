/* net/loop.c - contract in loop.h; the only file that includes libuv. */
#include "net/loop.h"

#include "base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <uv.h>

struct loop {
    uv_loop_t uv;
    uv_async_t wake;                   /* open from loops_new() to loops_free(), so that a late
                                          loop_post() never meets a closed one */
    _Atomic(struct loop_job *) posted; /* a stack, newest first */
    _Atomic(unsigned long) thread;     /* pthread_t of its thread; 0 = not running */
    struct loop_job stop_job;
    const struct clock *clock;
    pthread_t join;
    unsigned index;
    bool is_stopped;
    uint64_t now_turn; /* uv_now() that `now` belongs to */
    struct mono now;
};

struct loops {
    unsigned count;
    unsigned running;
    struct loop *at[LOOPS_MAX];
};

_Static_assert(sizeof(uv_timer_t) <= LOOP_TIMER_BYTES, "LOOP_TIMER_BYTES is too small");
/* What lies in a watch's `uv`. */
struct poll {
    uv_poll_t uv;
    int wanted; /* uv's events */
};

_Static_assert(sizeof(struct poll) <= LOOP_WATCH_BYTES, "LOOP_WATCH_BYTES is too small");
_Static_assert(sizeof(pthread_t) <= sizeof(unsigned long), "a thread's name must fit an atomic");

static enum err err_from_uv(int code)
{
    return code < 0 ? err_from_errno(-code) : OK;
}

/* Turns the stack of posted jobs round, so that they run in the order of posting. */
static struct loop_job *take_posted(struct loop *loop)
{
    struct loop_job *stack = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire);
    struct loop_job *queue = NULL;
    while (stack) {
        struct loop_job *next = stack->next;
        stack->next = queue;
        queue = stack;
        stack = next;
    }
    return queue;
}

static void on_wake(uv_async_t *wake)
{
    struct loop *loop = wake->data;
    if (loop->is_stopped)
        return; /* a late job would open what nobody closes */
    struct loop_job *job = take_posted(loop);
    while (job) {
        struct loop_job *next = job->next; /* run() may free the job */
        job->run(job);
        job = next;
    }
}

void loop_post(struct loop *loop, struct loop_job *job)
{
    struct loop_job *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);
    do
        job->next = newest;
    while (!atomic_compare_exchange_weak_explicit(&loop->posted, &newest, job, memory_order_release,
                                                  memory_order_relaxed));
    uv_async_send(&loop->wake);
}

static void loop_free(struct loop *loop)
{
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    int busy = uv_loop_close(&loop->uv);
    assert(!busy); /* the thread closed all handles but the wake-up */
    mem_free(loop);
}

static enum err loop_new(unsigned index, const struct clock *clock, struct loop **out)
{
    *out = NULL;
    struct loop *loop = mem_new(sizeof *loop);
    if (!loop)
        return E_NOMEM;
    loop->index = index;
    loop->clock = clock;
    int code = uv_loop_init(&loop->uv);
    if (code) {
        mem_free(loop);
        return err_from_uv(code);
    }
    code = uv_async_init(&loop->uv, &loop->wake, on_wake);
    if (code) {
        uv_loop_close(&loop->uv);
        mem_free(loop);
        return err_from_uv(code);
    }
    loop->wake.data = loop;
    *out = loop;
    return OK;
}

enum err loops_new(unsigned count, const struct clock *clock, struct loops **out)
{
    assert(count >= 1 && count <= LOOPS_MAX);
    *out = NULL;
    struct loops *loops = mem_new(sizeof *loops);
    if (!loops)
        return E_NOMEM;
    for (unsigned i = 0; i < count; i++) {
        enum err err = loop_new(i, clock, &loops->at[i]);
        if (err) {
            loops_free(&loops);
            return err == E_NOMEM ? E_NOMEM : E_LIMIT;
        }
        loops->count++;
    }
    *out = loops;
    return OK;
}

void loops_free(struct loops **loops)
{
    if (!*loops)
        return;
    assert((*loops)->running == 0);
    for (unsigned i = 0; i < (*loops)->count; i++)
        loop_free((*loops)->at[i]);
    mem_free(*loops);
    *loops = NULL;
}

/* Lets go of a handle whose owner never closed it: the owner's on_closed is not called. */
static void abandon(uv_handle_t *uv, void *ctx)
{
    struct loop *loop = ctx;
    if (uv != (uv_handle_t *)&loop->wake && !uv_is_closing(uv))
        uv_close(uv, NULL);
}

static void *thread_main(void *ctx)
{
    struct loop *loop = ctx;
    char name[16];
    snprintf(name, sizeof name, "loop-%u", loop->index);
    pthread_setname_np(pthread_self(), name);
    atomic_store(&loop->thread, (unsigned long)pthread_self());
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    loop->is_stopped = true;
    uv_walk(&loop->uv, abandon, loop);
    uv_run(&loop->uv, UV_RUN_NOWAIT); /* the closing phase */
    return NULL;
}

static void on_stop(struct loop_job *job)
{
    struct loop *loop = (struct loop *)((char *)job - offsetof(struct loop, stop_job));
    uv_stop(&loop->uv);
}

enum err loops_start(struct loops *loops)
{
    assert(loops->running == 0);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are for the main thread */
    while (loops->running < loops->count) {
        struct loop *loop = loops->at[loops->running];
        if (pthread_create(&loop->join, NULL, thread_main, loop))
            break;
        loops->running++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (loops->running == loops->count)
        return OK;
    loops_stop(loops);
    return E_LIMIT;
}

void loops_stop(struct loops *loops)
{
    /* One after the other: what loop 0 posted to a later one before it ended is still run there. */
    for (unsigned i = 0; i < loops->running; i++) {
        struct loop *loop = loops->at[i];
        loop->stop_job.run = on_stop;
        loop_post(loop, &loop->stop_job);
        pthread_join(loop->join, NULL);
        atomic_store(&loop->thread, 0);
    }
    loops->running = 0;
}

unsigned loops_count(const struct loops *loops)
{
    return loops->count;
}

struct loop *loops_at(struct loops *loops, unsigned index)
{
    assert(index < loops->count);
    return loops->at[index];
}

unsigned loop_index(const struct loop *loop)
{
    return loop->index;
}

bool loop_is_here(const struct loop *loop)
{
    return atomic_load_explicit(&loop->thread, memory_order_relaxed) ==
           (unsigned long)pthread_self();
}

struct mono loop_now(const struct loop *loop)
{
    /* libuv counts milliseconds of its own; the reading that goes with them is made on demand, once
     * for each turn, and only here const is put aside. */
    struct loop *own = (struct loop *)loop;
    uint64_t turn = uv_now(&loop->uv);
    if (own->now_turn != turn || own->clock != clock_real()) {
        own->now_turn = turn;
        own->now = clock_mono(own->clock);
    }
    return own->now;
}

const struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

/* ---- timers ---- */

static uv_timer_t *timer_uv(struct loop_timer *timer)
{
    return (uv_timer_t *)(void *)timer->uv;
}

static void on_uv_timer(uv_timer_t *uv)
{
    struct loop_timer *timer = uv->data;
    timer->on_time(timer);
}

void loop_timer_open(struct loop *loop, struct loop_timer *timer,
                     void (*on_time)(struct loop_timer *))
{
    assert(loop_is_here(loop));
    timer->loop = loop;
    timer->on_time = on_time;
    timer->on_closed = NULL;
    uv_timer_init(&loop->uv, timer_uv(timer));
    timer_uv(timer)->data = timer;
}

void loop_timer_start(struct loop_timer *timer, uint64_t first_ms, uint64_t repeat_ms)
{
    assert(loop_is_here(timer->loop));
    int code = uv_timer_start(timer_uv(timer), on_uv_timer, first_ms, repeat_ms);
    assert(!code); /* fails only for a timer that is closing */
}

void loop_timer_stop(struct loop_timer *timer)
{
    uv_timer_stop(timer_uv(timer));
}

static void on_uv_timer_closed(uv_handle_t *uv)
{
    struct loop_timer *timer = uv->data;
    if (timer->on_closed)
        timer->on_closed(timer);
}

void loop_timer_close(struct loop_timer *timer, void (*on_closed)(struct loop_timer *))
{
    timer->on_closed = on_closed;
    uv_close((uv_handle_t *)timer_uv(timer), on_uv_timer_closed);
}

/* ---- watches ---- */

static struct poll *watch_poll(struct loop_watch *watch)
{
    return (struct poll *)(void *)watch->uv;
}

static uv_poll_t *watch_uv(struct loop_watch *watch)
{
    return &watch_poll(watch)->uv;
}

static void on_uv_poll(uv_poll_t *uv, int status, int uv_events)
{
    struct loop_watch *watch = uv->data;
    unsigned events = 0;
    if (status < 0) {
        /* libuv has seen an error on the descriptor and stopped watching. There may be bytes to
         * read before the error, so the watch goes on until the owner has come to it. */
        uv_events = watch_poll(watch)->wanted;
        uv_poll_start(uv, uv_events, on_uv_poll);
    }
    if (uv_events & UV_READABLE)
        events |= LOOP_READ;
    if (uv_events & UV_WRITABLE)
        events |= LOOP_WRITE;
    if (uv_events & UV_DISCONNECT)
        events |= LOOP_HANGUP;
    if (events)
        watch->on_event(watch, events);
}

enum err loop_watch_open(struct loop *loop, struct loop_watch *watch, int fd,
                         void (*on_event)(struct loop_watch *, unsigned events))
{
    assert(loop_is_here(loop));
    watch->loop = loop;
    watch->on_event = on_event;
    watch->on_closed = NULL;
    int code = uv_poll_init(&loop->uv, watch_uv(watch), fd);
    if (code == UV_ENOMEM)
        return E_NOMEM;
    if (code)
        return E_LIMIT;
    watch_uv(watch)->data = watch;
    return OK;
}

void loop_watch_set(struct loop_watch *watch, unsigned events)
{
    assert(loop_is_here(watch->loop));
    int uv_events = 0;
    if (events & LOOP_READ)
        uv_events |= UV_READABLE;
    if (events & LOOP_WRITE)
        uv_events |= UV_WRITABLE;
    if (events & LOOP_HANGUP)
        uv_events |= UV_DISCONNECT;
    watch_poll(watch)->wanted = uv_events;
    int code = uv_events ? uv_poll_start(watch_uv(watch), uv_events, on_uv_poll)
                         : uv_poll_stop(watch_uv(watch));
    assert(!code); /* fails only for a watch that is closing */
}

static void on_uv_poll_closed(uv_handle_t *uv)
{
    struct loop_watch *watch = uv->data;
    if (watch->on_closed)
        watch->on_closed(watch);
}

void loop_watch_close(struct loop_watch *watch, void (*on_closed)(struct loop_watch *))
{
    assert(loop_is_here(watch->loop));
    watch->on_closed = on_closed;
    uv_close((uv_handle_t *)watch_uv(watch), on_uv_poll_closed);
}
