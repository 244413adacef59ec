/* listen/audience_priv.h - counters of one rendition's listeners. Thread: any. */
#ifndef MAST_LISTEN_AUDIENCE_PRIV_H
#define MAST_LISTEN_AUDIENCE_PRIV_H

#include "listen/listen.h"

#include <stdatomic.h>

struct tally {
    _Atomic uint32_t now, peak;
    _Atomic uint64_t total, bytes_sent, dropped;
};

struct audience {
    struct tally all, by[LISTEN_PROTOCOLS];
};

/* is_new: false for one who was let in before: back from a pause, or from another rendition. */
void audience_join(struct audience *audience, enum listen_protocol protocol, bool is_new);
void audience_leave(struct audience *audience, enum listen_protocol protocol, bool was_dropped);
void audience_add_bytes(struct audience *audience, enum listen_protocol protocol, uint64_t bytes);

#endif
