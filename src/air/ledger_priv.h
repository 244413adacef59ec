/* air/ledger_priv.h - what happened on a station's air, newest last: switches, faults, deaths.
 * The air writes, anybody reads; the lock is held for a copy only. */
#ifndef MAST_AIR_LEDGER_PRIV_H
#define MAST_AIR_LEDGER_PRIV_H

#include "air/air.h"

#include <pthread.h>

#define LEDGER_LINES 64

struct ledger {
    pthread_mutex_t lock;
    struct air_event lines[LEDGER_LINES];
    uint64_t count; /* of all that were ever written */
};

void ledger_init(struct ledger *ledger);
void ledger_release(struct ledger *ledger);

/* Writes a line, on the log too.   Thread: air. Air-safe. */
void ledger_add(struct ledger *ledger, const char *station, const struct air_event *event);

/* Copies the newest lines, oldest of them first; returns how many.   Thread: any. */
size_t ledger_read(struct ledger *ledger, struct air_event *out, size_t max);

#endif
