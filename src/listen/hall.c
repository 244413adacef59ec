/* listen/hall.c - all listeners of a loop, a fiftieth of them every 20 ms; contract in ear_priv.h
 */
#include "listen/ear_priv.h"

static void look_at_record(struct ear *ear, struct mono now)
{
    if (now.us < ear->record_due_us)
        return;
    ear->record_due_us += SESSION_US;
    session_record(ear, "on", NULL);
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
    else if (err == E_LAGGED)
        ear_close(ear, "too far behind", true);
    else
        ear_close(ear, err == E_CLOSED ? "left" : err_text(err), false);
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

void hall_on_time(struct loop_timer *timer)
{
    struct hall *hall = (struct hall *)((char *)timer - offsetof(struct hall, timer));
    struct mono now = loop_now(hall->loop);
    int64_t tick = now.us / (SLOT_MS * US_PER_MS);
    bool drains = atomic_load_explicit(&hall->listen->is_draining, memory_order_relaxed);
    /* A loop that was held up serves every slot that it missed, each once. */
    if (tick - hall->ticks > SLOTS)
        hall->ticks = tick - SLOTS;
    while (hall->ticks < tick) {
        unsigned slot = (unsigned)(++hall->ticks % SLOTS);
        while (drains && hall->slots[slot])
            ear_close(hall->slots[slot], "mast is stopping", false);
        serve_slot(hall, slot, now);
    }
}
