/* air/ledger.c - contract in ledger_priv.h */
#include "air/ledger_priv.h"

#include "base/log.h"

const char *air_event_name(enum air_event_kind kind)
{
    static const char *const names[AIR_EVENT_KIND_COUNT] = {"switch", "fault", "mended", "deck"};
    return names[kind];
}

void ledger_init(struct ledger *ledger)
{
    int failed = pthread_mutex_init(&ledger->lock, NULL);
    assert(!failed);
}

void ledger_release(struct ledger *ledger)
{
    int failed = pthread_mutex_destroy(&ledger->lock);
    assert(!failed);
}

void ledger_add(struct ledger *ledger, const char *station, const struct air_event *event)
{
    char at[UTC_ISO_BYTES];
    struct log_text why;
    utc_format_iso(event->at, at);
    log_info(EV_SWITCH, "station=%s what=%s at=%s from=%s to=%s why=%s", station,
             air_event_name(event->kind), at, event->from[0] ? event->from : "-",
             event->to[0] ? event->to : "-", log_text(&why, str_of(event->why)));
    pthread_mutex_lock(&ledger->lock);
    ledger->lines[ledger->count++ % LEDGER_LINES] = *event;
    pthread_mutex_unlock(&ledger->lock);
}

size_t ledger_read(struct ledger *ledger, struct air_event *out, size_t max)
{
    pthread_mutex_lock(&ledger->lock);
    size_t there = ledger->count < LEDGER_LINES ? (size_t)ledger->count : LEDGER_LINES;
    size_t given = there < max ? there : max;
    for (size_t i = 0; i < given; i++)
        out[i] = ledger->lines[(ledger->count - given + i) % LEDGER_LINES];
    pthread_mutex_unlock(&ledger->lock);
    return given;
}
