/* listen/audience_priv.h - counters of one rendition's listeners. Thread: any. */
#ifndef MAST_LISTEN_AUDIENCE_PRIV_H
#define MAST_LISTEN_AUDIENCE_PRIV_H

#include "listen/listen.h"

#include <stdatomic.h>

struct audience {
    _Atomic uint32_t now, peak;
    _Atomic uint64_t total, bytes_sent, dropped;
};

void audience_join(struct audience *audience);
void audience_leave(struct audience *audience, bool was_dropped);
void audience_add_bytes(struct audience *audience, uint64_t bytes);

#endif
