/* listen/supply_priv.h - the two places where sound comes from: RAM tail, and a piece from disk.
 * Thread: loop. */
#ifndef MAST_LISTEN_SUPPLY_PRIV_H
#define MAST_LISTEN_SUPPLY_PRIV_H

#include "listen/ear_priv.h"

/* From the listener's cursor up to position `to` of the RAM tail.   Errors: E_LAGGED. */
MUST_USE enum err supply_from_ram(const struct ear *ear, uint64_t to, struct supply *supply);

/* From the listener's place in his piece up to offset `to` in it. */
void supply_from_piece(const struct ear *ear, size_t to, struct supply *supply);

#endif
