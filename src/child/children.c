/* child/children.c - contract in child.h; the thread and its list of children */
#include "child/child_priv.h"

#include "base/io.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define POLLS_EACH 3

void children_wake(struct children *children)
{
    const uint64_t one = 1;
    /* It is refused only when 2^64 - 2 of them wait to be read: the thread is awake then. */
    ssize_t written = write(children->wake, &one, sizeof one);
    (void)written;
}

/* -- the thread -- */

static void adopt(struct children *children)
{
    pthread_mutex_lock(&children->lock);
    while (children->incoming) {
        struct child *child = children->incoming;
        children->incoming = child->next;
        child->next = children->list;
        children->list = child;
    }
    pthread_mutex_unlock(&children->lock);
}

/* From the unlock on the child may be freed. */
static void let_go(struct children *children, struct child **link)
{
    struct child *child = *link;
    *link = child->next;
    pthread_mutex_lock(&children->lock);
    child->has_left = true;
    pthread_cond_broadcast(&children->has_left);
    pthread_mutex_unlock(&children->lock);
}

/* Gives each child its turn. Returns whether any process is left. */
static bool turn_all(struct children *children, bool must_stop, struct mono now, int64_t *due_us)
{
    bool any_left = false;
    for (struct child **link = &children->list; *link;) {
        struct child *child = *link;
        bool must_leave = atomic_load_explicit(&child->must_leave, memory_order_acquire);
        process_turn(child, now, must_leave || must_stop, due_us);
        any_left |= child->process.pid != 0;
        if (must_leave && child->process.pid == 0)
            let_go(children, link);
        else
            link = &child->next;
    }
    return any_left;
}

static int timeout_ms(struct mono now, int64_t due_us)
{
    if (due_us == INT64_MAX)
        return -1;
    int64_t left_us = due_us - now.us;
    if (left_us <= 0)
        return 0;
    return left_us > 60 * US_PER_S ? 60000 : (int)((left_us + US_PER_MS - 1) / US_PER_MS);
}

static void wait_for_news(struct children *children, int wait_ms)
{
    struct pollfd polls[1 + POLLS_EACH * CHILDREN_MAX];
    nfds_t count = 1;
    polls[0] = (struct pollfd){children->wake, POLLIN, 0};
    for (struct child *child = children->list; child; child = child->next, count += POLLS_EACH)
        process_poll(child, polls + count);
    /* After an error nothing is marked as having happened: all is looked at again. */
    if (poll(polls, count, wait_ms) < 0)
        assert(errno == EINTR || errno == ENOMEM);
    uint64_t wakes;
    if (polls[0].revents && read(children->wake, &wakes, sizeof wakes) < 0)
        assert(errno == EAGAIN || errno == EINTR);
    count = 1;
    for (struct child *child = children->list; child; child = child->next, count += POLLS_EACH)
        process_polled(child, polls + count);
}

static void *thread_main(void *ctx)
{
    struct children *children = ctx;
    for (;;) {
        struct mono now = clock_mono(children->clock);
        int64_t due_us = INT64_MAX;
        adopt(children);
        bool must_stop = atomic_load_explicit(&children->must_stop, memory_order_acquire);
        bool any_left = turn_all(children, must_stop, now, &due_us);
        if (must_stop && !any_left)
            break;
        wait_for_news(children, timeout_ms(now, due_us));
    }
    return NULL;
}

/* -- the control thread -- */

enum err children_add(struct children *children, struct child *child)
{
    enum err err = OK;
    pthread_mutex_lock(&children->lock);
    if (children->count >= CHILDREN_MAX) {
        err = E_LIMIT;
    } else {
        children->count++;
        child->next = children->incoming;
        children->incoming = child;
    }
    pthread_mutex_unlock(&children->lock);
    /* The thread need not know of it before it is started, which wakes it. */
    return err;
}

void children_remove(struct children *children, struct child *child)
{
    atomic_store_explicit(&child->must_leave, true, memory_order_release);
    children_wake(children);
    pthread_mutex_lock(&children->lock);
    while (!child->has_left)
        pthread_cond_wait(&children->has_left, &children->lock);
    assert(children->count > 0);
    children->count--;
    pthread_mutex_unlock(&children->lock);
}

static int thread_start(struct children *children)
{
    sigset_t all, before;
    sigfillset(&all);
    /* Signals belong to the main thread. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&children->thread, NULL, thread_main, children);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(children->thread, "children");
    return failed;
}

static void release(struct children *children)
{
    pthread_cond_destroy(&children->has_left);
    pthread_mutex_destroy(&children->lock);
    io_close(&children->wake);
    mem_free(children);
}

enum err children_start(const struct clock *clock, struct children **out)
{
    *out = NULL;
    struct children *children = mem_new(sizeof *children);
    if (!children)
        return E_NOMEM;
    children->clock = clock;
    int failed =
        pthread_mutex_init(&children->lock, NULL) || pthread_cond_init(&children->has_left, NULL);
    assert(!failed);
    children->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (children->wake < 0 || thread_start(children)) {
        release(children);
        return E_LIMIT;
    }
    *out = children;
    return OK;
}

void children_stop(struct children **children)
{
    struct children *c = *children;
    *children = NULL;
    if (!c)
        return;
    atomic_store_explicit(&c->must_stop, true, memory_order_release);
    children_wake(c);
    int failed = pthread_join(c->thread, NULL);
    assert(!failed);
    release(c);
}
