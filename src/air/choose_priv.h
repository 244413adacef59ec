/* air/choose_priv.h - which input is on the air. Pure.
 *
 * The one that is on stays while no other is fitter. Else the first of the fittest in the
 * station's order takes over at once. One that stands earlier gets the air back after a wait that
 * doubles each time it fails: 5, 10, 20 ... 300 s of good sound; ten good minutes on the air forgive
 * all.
 */
#ifndef MAST_AIR_CHOOSE_PRIV_H
#define MAST_AIR_CHOOSE_PRIV_H

#include "base/clock.h"

#define CHOOSE_NONE          SIZE_MAX
#define STANDING_FIRST_US    US_PER_S /* an input that never failed needs so much good sound */
#define STANDING_WAIT_MAX_US (300 * US_PER_S)
#define STANDING_FORGIVE_US  (600 * US_PER_S)

/* What is remembered of an input for longer than its connection lasts. */
struct standing {
    uint32_t failures;       /* since it was last forgiven */
    bool is_failed;          /* failed, and was not on the air since */
    struct utc on_since;     /* 0 = not on the air */
    struct utc barred_until; /* 0 = it is not */
    struct utc deaths[2];    /* of the deck of which it may be the reason, newest first */
    struct utc sent;         /* to the deck that lives, until then; 0 = it was not */
};

/* How much good sound it needs before it takes the air from another. */
int64_t standing_wait_us(const struct standing *standing, int64_t return_after_us);

/* Notes that it went on the air, failed on it, or that the deck died and it may be the reason (the
 * third time in 60 s bars it for 5 min: true). */
void standing_on(struct standing *standing, struct utc now);
void standing_failed(struct standing *standing, struct utc now);
MUST_USE bool standing_deck_died(struct standing *standing, struct utc now);

/* Is a death of the last minute on its account? */
bool standing_died_lately(const struct standing *standing, struct utc now);

/* It stays on the air: if it is good there, ten minutes forgive all. */
void standing_stays(struct standing *standing, bool is_good, struct utc now);

/* All times there go with station time when that is set forward. */
void standing_jump(struct standing *standing, int64_t by_us);

/* How fit an input is to be heard: one that is fitter is always preferred, whatever the order. */
enum fitness {
    UNFIT,     /* it has no sound to give */
    FIT_DULL,  /* what it sounds like is its fault: better than nothing */
    FIT_LATE,  /* its sound begins after what is made already: it leaves a hole */
    FIT_WHOLE, /* its sound goes on where the last one ends */
};

struct choice {
    enum fitness fitness;
    const char *fault; /* why it is not FIT_WHOLE; a constant text */
    int64_t good_us;   /* good without a break for so long */
    int64_t wait_us;   /* needs so much to take the air from one that is as fit */
};

#define CHOOSE_RETURNS "it stands first and is good"

/* Picks from `count` inputs in the station's order; on_air: the one that is on, or CHOOSE_NONE.
 * Returns the index of the one to be on, CHOOSE_NONE if all are unfit. *why: the reason if that
 * is another one than before; a constant text. */
size_t choose(const struct choice *inputs, size_t count, size_t on_air, const char **why);

#endif
