/* air/ledger_priv.h - what happened on a station's air, newest last: switches, faults, deaths.
 * The air writes, anybody reads; the lock is held for a copy only. Events are numbered from 0 on,
 * those that were read back from disk first. */
#ifndef MAST_AIR_LEDGER_PRIV_H
#define MAST_AIR_LEDGER_PRIV_H

#include "air/air.h"

#include <pthread.h>

struct ledger {
    pthread_mutex_t lock;
    struct air_event lines[AIR_EVENTS_MAX];
    uint64_t count; /* of all that were ever written */
};

void ledger_init(struct ledger *ledger);
void ledger_release(struct ledger *ledger);

/* Writes a line, on the log too.   Thread: air; any for AIR_START and AIR_STOP. Air-safe. */
void ledger_add(struct ledger *ledger, const char *station, const struct air_event *event);

/* Puts events of an earlier life into a ledger that has none, oldest first; not on the log.
 * Shape: at most AIR_EVENTS_MAX.   Thread: any. */
void ledger_recall(struct ledger *ledger, const struct air_event *events, size_t count);

/* Copies the newest lines, oldest of them first; returns how many.   Thread: any. */
size_t ledger_read(struct ledger *ledger, struct air_event *out, size_t max);

/* Copies lines from number *next on, oldest first, and moves *next behind them; returns how many.
 * *lost: so many of them were there and are not any more.   Thread: any. */
size_t ledger_since(struct ledger *ledger, uint64_t *next, struct air_event *out, size_t max,
                    uint64_t *lost);

#endif
