/* deck/meter.h - levels of one tenth of a second after the other; wraps libebur128.
 *
 * Thread: one at a time. */
#ifndef MAST_DECK_METER_H
#define MAST_DECK_METER_H

#include "grid.h"

struct meter; /* private: meter.c */

/* Owner: the caller, meter_free().   Errors: E_NOMEM. */
MUST_USE enum err meter_new(struct meter **out);
void meter_free(struct meter **meter);

/* Takes samples in; planes NULL is silence.   Shape: at most GRID_TENTH between two meter_end(). */
void meter_push(struct meter *meter, const float *const planes[2], size_t samples);

/* Ends the tenth: tells what came since the last call.
 * Source: EBU Tech 3341 section 2.2 (short-term: 3 s, here moved on by 0.1 s). */
void meter_end(struct meter *meter, struct deck_levels *out);

/* Ends the tenth where exactly the same samples were taken in by `other`, whose tenth has just ended
 * with *levels: its work is not done twice. *levels becomes that of `meter`. */
void meter_end_as(struct meter *meter, const struct meter *other, struct deck_levels *levels);

/* Ends a tenth that nobody asks about, as silence and without the work. */
void meter_skip(struct meter *meter);

#endif
