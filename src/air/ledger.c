/* air/ledger.c - contract in ledger_priv.h */
#include "air/ledger_priv.h"

#include "base/log.h"

const char *air_event_name(enum air_event_kind kind)
{
    static const char *const names[AIR_EVENT_KIND_COUNT] = {"switch", "fault", "mended", "deck",
                                                            "start",  "stop",  "lost"};
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
    ledger->lines[ledger->count++ % AIR_EVENTS_MAX] = *event;
    pthread_mutex_unlock(&ledger->lock);
}

void ledger_recall(struct ledger *ledger, const struct air_event *events, size_t count)
{
    assert(count <= AIR_EVENTS_MAX);
    pthread_mutex_lock(&ledger->lock);
    assert(ledger->count == 0);
    for (size_t i = 0; i < count; i++)
        ledger->lines[i] = events[i];
    ledger->count = count;
    pthread_mutex_unlock(&ledger->lock);
}

size_t ledger_read(struct ledger *ledger, struct air_event *out, size_t max)
{
    pthread_mutex_lock(&ledger->lock);
    size_t there = ledger->count < AIR_EVENTS_MAX ? (size_t)ledger->count : AIR_EVENTS_MAX;
    size_t given = there < max ? there : max;
    for (size_t i = 0; i < given; i++)
        out[i] = ledger->lines[(ledger->count - given + i) % AIR_EVENTS_MAX];
    pthread_mutex_unlock(&ledger->lock);
    return given;
}

size_t ledger_since(struct ledger *ledger, uint64_t *next, struct air_event *out, size_t max,
                    uint64_t *lost)
{
    size_t given = 0;
    pthread_mutex_lock(&ledger->lock);
    uint64_t oldest = ledger->count > AIR_EVENTS_MAX ? ledger->count - AIR_EVENTS_MAX : 0;
    *lost = *next < oldest ? oldest - *next : 0;
    *next += *lost;
    while (given < max && *next < ledger->count)
        out[given++] = ledger->lines[(*next)++ % AIR_EVENTS_MAX];
    pthread_mutex_unlock(&ledger->lock);
    return given;
}
