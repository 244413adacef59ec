/* tape/writer.c - contract in writer.h: the thread, and retention. */
#include "tape/writer.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "tape/tape_priv.h"

#include <inttypes.h>
#include <time.h>

#define ROUND_US      (250 * US_PER_MS)
#define RETAIN_ROUNDS 240 /* once a minute */
#define ROOM_ROUNDS   8   /* every 2 s */

struct tape_writer {
    const struct clock *clock;
    pthread_t thread;
    pthread_mutex_t lock; /* guards the rest; not held while a disk is waited for */
    pthread_cond_t wake;  /* the thread: stop */
    pthread_cond_t idle;  /* others: the thread is done with `busy` */
    struct tape_keep keep;
    struct tape **tapes;
    size_t count, room;
    struct tape *busy;
    bool stopping;
};

/* ---- taking turns with tape_writer_remove() ---- */

/* Waits until the other of us, tape_writer_retain() beside the thread, has given back what he has.
 * Under the lock. */
static void wait_until_idle(struct tape_writer *writer)
{
    while (writer->busy)
        pthread_cond_wait(&writer->idle, &writer->lock);
}

/* The n-th tape, which nobody takes away until tape_give_back(). */
static struct tape *tape_take(struct tape_writer *writer, size_t index)
{
    pthread_mutex_lock(&writer->lock);
    wait_until_idle(writer);
    struct tape *tape = index < writer->count ? writer->tapes[index] : NULL;
    writer->busy = tape;
    pthread_mutex_unlock(&writer->lock);
    return tape;
}

/* The same for a tape that was looked at before; NULL if it was taken away meanwhile. */
static struct tape *tape_take_again(struct tape_writer *writer, uint64_t id)
{
    struct tape *tape = NULL;
    pthread_mutex_lock(&writer->lock);
    wait_until_idle(writer);
    for (size_t i = 0; i < writer->count && !tape; i++)
        if (writer->tapes[i]->id == id)
            tape = writer->tapes[i];
    writer->busy = tape;
    pthread_mutex_unlock(&writer->lock);
    return tape;
}

static void tape_give_back(struct tape_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->busy = NULL;
    pthread_cond_broadcast(&writer->idle);
    pthread_mutex_unlock(&writer->lock);
}

static struct tape_keep keep_get(struct tape_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    struct tape_keep keep = writer->keep;
    pthread_mutex_unlock(&writer->lock);
    return keep;
}

/* ---- retention ---- */

/* Deletes the oldest hour of one tape; false if there was none to delete. */
static bool hour_drop(struct tape *tape, const char *why)
{
    uint64_t first_n;
    enum err err = sets_drop_oldest(tape, &first_n);
    if (err == E_NOT_FOUND)
        return false;
    if (err)
        log_warn(EV_DISK, "tape=%s set=%" PRIu64 " delete=failed error=\"%s\"", tape->name, first_n,
                 err_text(err));
    else
        log_info(EV_TAPE_DROPPED, "tape=%s set=%" PRIu64 " why=\"%s\"", tape->name, first_n, why);
    return !err;
}

static void drop_old(struct tape_writer *writer, const struct tape_keep *keep)
{
    struct tape *tape;
    int64_t now_us = clock_utc(writer->clock).us;
    int64_t keep_us = keep->retention_s > INT64_MAX / 4 / US_PER_S
                          ? INT64_MAX / 4
                          : (int64_t)keep->retention_s * US_PER_S;
    for (size_t i = 0; (tape = tape_take(writer, i)); i++) {
        uint64_t end_n;
        while (sets_oldest_end(tape, &end_n) && window_start_us(end_n) <= now_us - keep_us &&
               hour_drop(tape, "too old"))
            ;
        tape_give_back(writer);
    }
}

/* How to choose the tape whose oldest hour goes. */
enum choice { THE_LARGEST, THE_OLDEST };

/* Drops one hour; false if there is none that may go. */
static bool drop_one(struct tape_writer *writer, enum choice choice, const char *why)
{
    struct tape *tape;
    uint64_t best = 0, best_id = 0;
    for (size_t i = 0; (tape = tape_take(writer, i)); i++) {
        uint64_t end_n;
        uint64_t weight = 0;
        if (sets_oldest_end(tape, &end_n))
            weight = choice == THE_LARGEST ? sets_bytes(tape) + 1 : UINT64_MAX - end_n;
        if (weight > best) {
            best = weight;
            best_id = tape->id;
        }
        tape_give_back(writer);
    }
    if (best == 0)
        return false;
    tape = tape_take_again(writer, best_id);
    bool dropped = tape && hour_drop(tape, why);
    if (tape)
        tape_give_back(writer);
    return dropped;
}

static uint64_t bytes_of_all(struct tape_writer *writer)
{
    struct tape *tape;
    uint64_t sum = 0;
    for (size_t i = 0; (tape = tape_take(writer, i)); i++) {
        sum += sets_bytes(tape);
        tape_give_back(writer);
    }
    return sum;
}

/* The room on the file system that all tapes share; false if nobody can tell. */
static bool room_of(struct tape_writer *writer, uint64_t *free_bytes, uint64_t *total_bytes)
{
    struct tape *tape;
    bool known = false;
    for (size_t i = 0; !known && (tape = tape_take(writer, i)); i++) {
        known = tape->folder && !io_free_bytes(tape->folder, free_bytes, total_bytes) &&
                *total_bytes > 0;
        tape_give_back(writer);
    }
    return known;
}

static bool too_full(struct tape_writer *writer, const struct tape_keep *keep)
{
    uint64_t free_bytes, total_bytes;
    return room_of(writer, &free_bytes, &total_bytes) &&
           free_bytes / 100 < total_bytes / 10000 * keep->free_percent_min;
}

static void hold_all(struct tape_writer *writer, bool held)
{
    struct tape *tape;
    for (size_t i = 0; (tape = tape_take(writer, i)); i++) {
        atomic_store_explicit(&tape->held, held, memory_order_relaxed);
        tape_give_back(writer);
    }
}

/* Makes room where there is too little; where that is not enough, recording waits. */
static void keep_room(struct tape_writer *writer, const struct tape_keep *keep)
{
    bool full = too_full(writer, keep);
    while (full && drop_one(writer, THE_OLDEST, "the disk is nearly full"))
        full = too_full(writer, keep);
    hold_all(writer, full);
}

void tape_writer_retain(struct tape_writer *writer)
{
    struct tape_keep keep = keep_get(writer);
    uint64_t free_bytes, total_bytes;
    drop_old(writer, &keep);
    if (room_of(writer, &free_bytes, &total_bytes))
        while (bytes_of_all(writer) / keep.disk_share_percent > total_bytes / 100 &&
               drop_one(writer, THE_LARGEST, "over the share of the disk"))
            ;
    keep_room(writer, &keep);
}

/* ---- the thread ---- */

/* What went wrong is told in the log by tape_flush() itself, and the next round tries again. */
static void flush(struct tape *tape)
{
    enum err told = tape_flush(tape);
    (void)told;
}

static void flush_all(struct tape_writer *writer)
{
    struct tape *tape;
    for (size_t i = 0; (tape = tape_take(writer, i)); i++) {
        flush(tape);
        tape_give_back(writer);
    }
}

/* Waits until the next round is due; false if it is the last one. */
static bool wait_round(struct tape_writer *writer, struct mono *due)
{
    struct mono now = clock_mono(clock_real());
    due->us += ROUND_US;
    if (due->us < now.us) /* the disk was slow: no rounds are made up for */
        due->us = now.us;
    struct timespec until = {.tv_sec = (time_t)(due->us / US_PER_S),
                             .tv_nsec = (long)(due->us % US_PER_S * 1000)};
    pthread_mutex_lock(&writer->lock);
    while (!writer->stopping && pthread_cond_timedwait(&writer->wake, &writer->lock, &until) == 0)
        ;
    bool more = !writer->stopping;
    pthread_mutex_unlock(&writer->lock);
    return more;
}

static void *thread_run(void *ctx)
{
    struct tape_writer *writer = ctx;
    struct mono due = clock_mono(clock_real());
    uint64_t rounds = 0;
    do {
        if (rounds % RETAIN_ROUNDS == 0) {
            tape_writer_retain(writer);
        } else if (rounds % ROOM_ROUNDS == 0) {
            struct tape_keep keep = keep_get(writer);
            keep_room(writer, &keep);
        }
        flush_all(writer);
        rounds++;
    } while (wait_round(writer, &due));
    flush_all(writer);
    return NULL;
}

static void locks_init(struct tape_writer *writer)
{
    pthread_condattr_t attr;
    int failed =
        pthread_condattr_init(&attr) || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
        pthread_cond_init(&writer->wake, &attr) || pthread_cond_init(&writer->idle, &attr) ||
        pthread_condattr_destroy(&attr) || pthread_mutex_init(&writer->lock, NULL);
    assert(!failed);
}

static void writer_free(struct tape_writer *writer)
{
    pthread_cond_destroy(&writer->wake);
    pthread_cond_destroy(&writer->idle);
    pthread_mutex_destroy(&writer->lock);
    mem_free(writer->tapes);
    mem_free(writer);
}

enum err tape_writer_start(const struct tape_keep *keep, const struct clock *clock,
                           struct tape_writer **out)
{
    *out = NULL;
    struct tape_writer *writer = mem_new(sizeof *writer);
    if (!writer)
        return E_NOMEM;
    writer->clock = clock;
    locks_init(writer);
    tape_writer_set_keep(writer, keep);
    if (pthread_create(&writer->thread, NULL, thread_run, writer)) {
        writer_free(writer);
        return E_LIMIT;
    }
    *out = writer;
    return OK;
}

void tape_writer_stop(struct tape_writer **writer)
{
    struct tape_writer *w = *writer;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    writer_free(w);
    *writer = NULL;
}

enum err tape_writer_add(struct tape_writer *writer, struct tape *tape)
{
    enum err err = OK;
    pthread_mutex_lock(&writer->lock);
    if (writer->count == writer->room) {
        size_t room = writer->room > 0 ? writer->room * 2 : 8;
        struct tape **tapes = mem_resize(writer->tapes, room * sizeof(struct tape *));
        if (tapes) {
            writer->tapes = tapes;
            writer->room = room;
        } else {
            err = E_NOMEM;
        }
    }
    if (!err)
        writer->tapes[writer->count++] = tape;
    pthread_mutex_unlock(&writer->lock);
    return err;
}

void tape_writer_remove(struct tape_writer *writer, struct tape *tape)
{
    pthread_mutex_lock(&writer->lock);
    for (size_t i = 0; i < writer->count; i++)
        if (writer->tapes[i] == tape) {
            writer->tapes[i] = writer->tapes[--writer->count];
            break;
        }
    while (writer->busy == tape)
        pthread_cond_wait(&writer->idle, &writer->lock);
    pthread_mutex_unlock(&writer->lock);
    flush(tape);
}

void tape_writer_set_keep(struct tape_writer *writer, const struct tape_keep *keep)
{
    pthread_mutex_lock(&writer->lock);
    writer->keep = *keep;
    if (writer->keep.disk_share_percent == 0)
        writer->keep.disk_share_percent = 1;
    pthread_mutex_unlock(&writer->lock);
}
