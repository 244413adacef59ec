/* listen/listen.c - the room as a whole; contract in listen.h */
#include "listen/ear_priv.h"

#include "base/mem.h"

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
        goto out;
    err = callers_init(&listen->callers, &listen->table);
    if (!err) {
        *out = listen;
        return OK;
    }
    table_release(&listen->table);
out:
    mem_free(listen);
    return err;
}

void listen_free(struct listen **listen)
{
    if (!*listen)
        return;
    callers_release(&(*listen)->callers);
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
    struct hall_start *start =
        (struct hall_start *)((char *)job - offsetof(struct hall_start, job));
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

void listen_each(struct listen *listen, const struct audience *audience,
                 void (*fn)(void *ctx, const struct listener_facts *facts), void *ctx)
{
    uint32_t used = table_used(&listen->table);
    for (uint32_t i = 0; i < used; i++) {
        struct listener_facts facts;
        if (table_copy(&listen->table, i, &facts) && (!audience || facts.audience == audience))
            fn(ctx, &facts);
    }
}

enum err listen_kill(struct listen *listen, uint64_t id)
{
    uint32_t caller;
    enum err err = table_dismiss(&listen->table, id, &caller);
    if (!err && caller != NO_CALLER)
        callers_bar(&listen->callers, caller, id, clock_mono(listen->config.clock));
    return err;
}
