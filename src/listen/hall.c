/* listen/hall.c - all listeners of a loop, a fiftieth of them every 20 ms; contract in ear_priv.h
 */
#include "listen/ear_priv.h"

/* Longer than any source's own pauses; players have two seconds in hand at the least. */
#define STOOD_STILL_MS 700
/* In one tick: their records go through the log's queue. */
#define DRAIN_CALLERS 200

static void look_at_record(struct ear *ear, struct mono now)
{
    if (now.us < ear->record_due_us)
        return;
    ear->record_due_us += SESSION_US;
    ear_record(ear, "on", NULL);
}

static void serve_ear(struct ear *ear, struct mono now)
{
    if (atomic_load_explicit(&ear->row->must_go, memory_order_relaxed)) {
        ear_close(ear, "ended by the administrator", false);
        return;
    }
    enum err err = ear_serve(ear);
    if (err == OK)
        look_at_record(ear, now);
    else
        ear_end_for(ear, err);
}

static void serve_slot(struct hall *hall, unsigned slot, struct mono now)
{
    struct ear *next;
    for (struct ear *ear = hall->slots[slot]; ear; ear = next) {
        next = ear->next;
        /* Each listener lies somewhere else; fetched while this one is sent to, the next is no
         * wait. */
        if (next)
            __builtin_prefetch(next->row);
        if (next && next->next)
            __builtin_prefetch(next->next);
        serve_ear(ear, now);
    }
}

/* ---- a tape that goes on after it stood still: nobody can wait for his slot ---- */

static void serve_tape(struct hall *hall, const struct tape *tape, struct mono now)
{
    struct ear *next;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        for (struct ear *ear = hall->slots[slot]; ear; ear = next) {
            next = ear->next;
            if (ear->tape == tape && !ear->past)
                serve_ear(ear, now);
        }
    }
}

static void look_at_tape(struct hall *hall, struct seen *seen, const struct tape *tape,
                         struct mono now)
{
    uint64_t head = tape_head(tape);
    if (seen->tape == tape && seen->head == head)
        return;
    bool stood_still = seen->tape == tape && now.us - seen->moved.us > STOOD_STILL_MS * US_PER_MS;
    *seen = (struct seen){tape, head, now};
    if (stood_still)
        serve_tape(hall, tape, now);
}

static void look_at_tapes(struct hall *hall, struct mono now)
{
    const struct board *board = board_now(hall->listen->config.place);
    size_t n = 0;
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].renditions_count; j++)
            look_at_tape(hall, &hall->seen[n++], board->stations[i].renditions[j].live.tape, now);
}

void hall_on_time(struct loop_timer *timer)
{
    struct hall *hall = (struct hall *)((char *)timer - offsetof(struct hall, timer));
    struct mono now = loop_now(hall->loop);
    int64_t tick = now.us / (SLOT_MS * US_PER_MS);
    bool drains = atomic_load_explicit(&hall->listen->is_draining, memory_order_relaxed);
    /* A loop that was held up serves every slot that it missed, each once. */
    if (tick - hall->ticks > SLOTS)
        hall->ticks = tick - SLOTS;
    look_at_tapes(hall, now);
    if (drains)
        callers_drain(&hall->listen->callers, DRAIN_CALLERS);
    while (hall->ticks < tick) {
        unsigned slot = (unsigned)(++hall->ticks % SLOTS);
        while (drains && hall->slots[slot])
            ear_close(hall->slots[slot], "mast is stopping", false);
        serve_slot(hall, slot, now);
    }
}
