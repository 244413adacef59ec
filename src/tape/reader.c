/* tape/reader.c - contract in reader.h: the queue, the threads, and the cache of pieces. */
#include "tape/reader.h"

#include "base/mem.h"
#include "tape/piece_priv.h"

#define THREADS_MAX   8
#define BUCKETS_COUNT ((size_t)1024)
#define DAMAGE_MAX    16 /* runs in a row that cannot be read before one question fails */

struct cache {
    pthread_mutex_t lock;
    struct piece *bucket[BUCKETS_COUNT];
    struct piece *newest, *oldest; /* by last use */
    size_t bytes, cap_bytes;
};

struct tape_reader {
    pthread_mutex_t lock; /* guards the queue; held for a few instructions */
    pthread_cond_t more;
    struct tape_ask *first, *last;
    bool stopping;
    pthread_t thread[THREADS_MAX];
    unsigned threads;
    struct shelf *shelf;
    struct cache cache;
};

/* ---- the cache ---- */

static struct piece **bucket_of(struct cache *cache, uint64_t tape_id, int64_t start_us)
{
    uint64_t mixed = (tape_id ^ (uint64_t)start_us) * UINT64_C(0x9E3779B97F4A7C15);
    return &cache->bucket[mixed >> 54];
}

_Static_assert(BUCKETS_COUNT == (size_t)1 << (64 - 54), "a bucket for each hash");

static void order_unlink(struct cache *cache, struct piece *piece)
{
    *(piece->newer ? &piece->newer->older : &cache->newest) = piece->older;
    *(piece->older ? &piece->older->newer : &cache->oldest) = piece->newer;
    piece->newer = piece->older = NULL;
}

static void order_push(struct cache *cache, struct piece *piece)
{
    piece->older = cache->newest;
    piece->newer = NULL;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = piece;
    cache->newest = piece;
}

/* Under the lock; the caller gets a reference. */
static struct piece *cache_look(struct cache *cache, uint64_t tape_id, const struct utc start,
                                uint64_t n)
{
    struct piece *piece = *bucket_of(cache, tape_id, start.us);
    while (piece &&
           (piece->tape_id != tape_id || piece->open.n != n || piece->open.start.us != start.us))
        piece = piece->chain;
    if (!piece)
        return NULL;
    order_unlink(cache, piece);
    order_push(cache, piece);
    piece_ref(piece);
    return piece;
}

static struct piece *cache_find(struct cache *cache, uint64_t tape_id, const struct record *run)
{
    pthread_mutex_lock(&cache->lock);
    struct piece *piece = cache_look(cache, tape_id, (struct utc){run->start_us}, run->n);
    pthread_mutex_unlock(&cache->lock);
    return piece;
}

static void cache_drop(struct cache *cache, struct piece *piece)
{
    struct piece **at = bucket_of(cache, piece->tape_id, piece->open.start.us);
    while (*at != piece)
        at = &(*at)->chain;
    *at = piece->chain;
    order_unlink(cache, piece);
    cache->bytes -= piece->cost_bytes;
    piece_unref(piece);
}

/* Takes over the caller's reference and returns one: of this piece, or of its twin if another
 * thread has read the same run at the same time. */
static struct piece *cache_add(struct cache *cache, struct piece *piece)
{
    pthread_mutex_lock(&cache->lock);
    struct piece *twin = cache_look(cache, piece->tape_id, piece->open.start, piece->open.n);
    if (twin) {
        piece_unref(piece);
        piece = twin;
    } else {
        struct piece **bucket = bucket_of(cache, piece->tape_id, piece->open.start.us);
        piece->chain = *bucket;
        *bucket = piece;
        order_push(cache, piece);
        cache->bytes += piece->cost_bytes;
        piece_ref(piece);
        while (cache->bytes > cache->cap_bytes)
            cache_drop(cache, cache->oldest);
    }
    pthread_mutex_unlock(&cache->lock);
    return piece;
}

/* ---- the threads ---- */

/* Takes a run from the cache or from disk; gives the index back. */
static enum err run_get(struct tape_reader *reader, struct tape *tape, struct set_index *index,
                        size_t number, struct piece **out)
{
    enum err err = OK;
    *out = cache_find(&reader->cache, tape->id, &index->runs[number]);
    if (!*out)
        err = piece_load(tape, index, number, out);
    if (!err)
        *out = cache_add(&reader->cache, *out);
    shelf_put(reader->shelf, index);
    return err;
}

/* Answers with the run at `at_us`, or with the next one that can be read. */
static enum err look_up(struct tape_reader *reader, struct tape *tape, int64_t at_us,
                        struct piece **out)
{
    enum err err = E_CORRUPT;
    *out = NULL;
    for (int i = 0; i < DAMAGE_MAX && (err == E_CORRUPT || err == E_NOT_FOUND); i++) {
        struct set_index *index;
        size_t number;
        err = shelf_find(reader->shelf, tape, at_us, &index, &number);
        if (err)
            return err;
        int64_t run_end_us = record_end_us(&index->runs[number]);
        int64_t set_end_us = record_end_us(&index->runs[index->runs_count - 1]);
        err = run_get(reader, tape, index, number, out);
        /* A set whose frames are gone is passed over as a whole. */
        at_us = err == E_NOT_FOUND ? set_end_us : run_end_us;
    }
    return err == E_NOT_FOUND ? E_CORRUPT : err;
}

static enum err look_up_window(struct tape_reader *reader, const struct tape_ask *ask,
                               struct piece **out)
{
    struct set_index *index;
    size_t number;
    *out = NULL;
    enum err err =
        shelf_find_window(reader->shelf, ask->tape, ask->window, ask->nth, &index, &number);
    return err ? err : run_get(reader, ask->tape, index, number, out);
}

static enum err answer(struct tape_reader *reader, const struct tape_ask *ask, struct piece **out)
{
    return ask->window > 0 ? look_up_window(reader, ask, out)
                           : look_up(reader, ask->tape, ask->at.us, out);
}

static struct tape_ask *queue_take(struct tape_reader *reader, bool *stopping)
{
    pthread_mutex_lock(&reader->lock);
    while (!reader->first && !reader->stopping)
        pthread_cond_wait(&reader->more, &reader->lock);
    struct tape_ask *ask = reader->first;
    if (ask) {
        reader->first = ask->next;
        if (!reader->first)
            reader->last = NULL;
    }
    *stopping = reader->stopping;
    pthread_mutex_unlock(&reader->lock);
    return ask;
}

static void *thread_run(void *ctx)
{
    struct tape_reader *reader = ctx;
    struct tape_ask *ask;
    bool stopping;
    while ((ask = queue_take(reader, &stopping))) {
        struct piece *piece = NULL;
        ask->err = stopping ? E_CLOSED : answer(reader, ask, &piece);
        ask->piece = piece ? &piece->open : NULL;
        ask->done(ask); /* the asker's again, and maybe gone */
    }
    return NULL;
}

enum err tape_reader_start(unsigned threads, size_t cache_bytes, struct tape_reader **out)
{
    *out = NULL;
    assert(threads >= 1 && threads <= THREADS_MAX);
    struct tape_reader *reader = mem_new(sizeof *reader);
    if (!reader)
        return E_NOMEM;
    enum err err = shelf_new(&reader->shelf);
    if (err) {
        mem_free(reader);
        return err;
    }
    int failed = pthread_mutex_init(&reader->lock, NULL) ||
                 pthread_cond_init(&reader->more, NULL) ||
                 pthread_mutex_init(&reader->cache.lock, NULL);
    assert(!failed);
    reader->cache.cap_bytes = cache_bytes;
    while (reader->threads < threads && !err) {
        if (pthread_create(&reader->thread[reader->threads], NULL, thread_run, reader))
            err = E_LIMIT;
        else
            reader->threads++;
    }
    if (err)
        tape_reader_stop(&reader);
    *out = reader;
    return err;
}

void tape_reader_stop(struct tape_reader **out)
{
    struct tape_reader *reader = *out;
    if (!reader)
        return;
    pthread_mutex_lock(&reader->lock);
    reader->stopping = true;
    pthread_cond_broadcast(&reader->more);
    pthread_mutex_unlock(&reader->lock);
    for (unsigned i = 0; i < reader->threads; i++)
        pthread_join(reader->thread[i], NULL);
    while (reader->cache.oldest)
        cache_drop(&reader->cache, reader->cache.oldest);
    shelf_free(&reader->shelf);
    pthread_mutex_destroy(&reader->cache.lock);
    pthread_cond_destroy(&reader->more);
    pthread_mutex_destroy(&reader->lock);
    mem_free(reader);
    *out = NULL;
}

void tape_reader_ask(struct tape_reader *reader, struct tape_ask *ask)
{
    ask->next = NULL;
    ask->piece = NULL;
    ask->err = E_AGAIN;
    pthread_mutex_lock(&reader->lock);
    *(reader->last ? &reader->last->next : &reader->first) = ask;
    reader->last = ask;
    pthread_cond_signal(&reader->more);
    pthread_mutex_unlock(&reader->lock);
}
