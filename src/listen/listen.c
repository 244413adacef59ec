/* listen/listen.c - the room as a whole; contract in listen.h */
#include "listen/ear_priv.h"

#include "base/mem.h"

#include <string.h>

enum err listen_new(const struct listen_config *config, struct listen **out)
{
    unsigned count = loops_count(config->loops);
    *out = NULL;
    struct listen *listen = mem_new(sizeof *listen + count * sizeof(struct hall));
    if (!listen)
        return E_NOMEM;
    listen->config = *config;
    listen->halls_count = count;
    for (unsigned i = 0; i < count; i++) {
        listen->halls[i].listen = listen;
        listen->halls[i].loop = loops_at(config->loops, i);
    }
    enum err err = table_init(&listen->table, config->listeners_max);
    if (err)
        mem_free(listen);
    else
        *out = listen;
    return err;
}

void listen_free(struct listen **listen)
{
    if (!*listen)
        return;
    table_release(&(*listen)->table);
    mem_free(*listen);
    *listen = NULL;
}

struct hall_start {
    struct loop_job job;
    struct hall *hall;
};

static void on_hall_start(struct loop_job *job)
{
    struct hall_start *start = (struct hall_start *)((char *)job - offsetof(struct hall_start, job));
    struct hall *hall = start->hall;
    hall->ticks = loop_now(hall->loop).us / (SLOT_MS * US_PER_MS);
    loop_timer_open(hall->loop, &hall->timer, hall_on_time);
    loop_timer_start(&hall->timer, SLOT_MS, SLOT_MS);
    mem_free(start);
}

enum err listen_start(struct listen *listen)
{
    for (unsigned i = 0; i < listen->halls_count; i++) {
        struct hall_start *start = mem_new(sizeof *start);
        if (!start)
            return E_NOMEM;
        start->hall = &listen->halls[i];
        start->job.run = on_hall_start;
        loop_post(listen->halls[i].loop, &start->job);
    }
    return OK;
}

void listen_drain(struct listen *listen)
{
    atomic_store(&listen->is_draining, true);
}

uint32_t listen_count(const struct listen *listen)
{
    return atomic_load(&listen->table.count);
}

/* Copies a row that its loop may give back meanwhile; false if it did. */
static bool copy_row(struct row *row, struct listener_facts *facts)
{
    uint64_t id = atomic_load_explicit(&row->id, memory_order_acquire);
    if (id == 0)
        return false;
    *facts = (struct listener_facts){
        .id = id,
        .audience = row->audience,
        .peer = row->peer,
        .since = row->since,
        .bytes_sent = atomic_load(&row->bytes_sent),
        .behind_live_us = atomic_load(&row->behind_us),
        .has_metadata = row->has_metadata,
    };
    memcpy(facts->agent, row->agent, sizeof facts->agent);
    atomic_thread_fence(memory_order_acquire);
    return atomic_load_explicit(&row->id, memory_order_relaxed) == id;
}

static uint32_t rows_used(struct listen *listen)
{
    pthread_mutex_lock(&listen->table.lock);
    uint32_t used = listen->table.used_max;
    pthread_mutex_unlock(&listen->table.lock);
    return used;
}

void listen_each(struct listen *listen, const struct audience *audience,
                 void (*fn)(void *ctx, const struct listener_facts *facts), void *ctx)
{
    uint32_t used = rows_used(listen);
    for (uint32_t i = 0; i < used; i++) {
        struct listener_facts facts;
        if (copy_row(&listen->table.rows[i], &facts) && (!audience || facts.audience == audience))
            fn(ctx, &facts);
    }
}

enum err listen_kill(struct listen *listen, uint64_t id)
{
    uint32_t used = rows_used(listen);
    for (uint32_t i = 0; i < used; i++) {
        struct row *row = &listen->table.rows[i];
        if (id != 0 && atomic_load(&row->id) == id) {
            atomic_store(&row->must_go, true);
            return OK;
        }
    }
    return E_NOT_FOUND;
}
