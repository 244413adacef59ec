/* air/talk_priv.h - talking with a deck outside the air thread, as fast as it can: for what is made
 * ahead (loop.c) or afterwards (backfill.c). Waits; never on a loop or the air thread. */
#ifndef MAST_AIR_TALK_PRIV_H
#define MAST_AIR_TALK_PRIV_H

#include "air/air.h"

struct talk {
    const struct channel *deck;
    const struct clock *clock;
    const atomic_bool *must_stop;
    void (*on_out)(void *ctx, const struct message *out); /* each DECK_OUT */
    void *ctx;

    int64_t done_us;   /* rendered up to here */
    struct mono heard; /* when the deck last said something */
    enum err err;      /* the first thing that went wrong; all calls do nothing from then on */
};

/* Starts the deck; its timeline begins at from_us. The first five members are set before.
 * talk_end() ends it and returns talk->err: E_CLOSED the deck died or must_stop was set; E_TIMEOUT
 * it said nothing for 20 s; E_UNSUPPORTED it cannot decode what it was given; E_NOMEM. */
void talk_begin(struct talk *talk, int64_t from_us);
enum err talk_end(struct talk *talk);

void talk_say(struct talk *talk, const struct message *message);
void talk_say_input(struct talk *talk, uint16_t slot, const struct deck_input *input,
                    int64_t at_us);
void talk_say_output(struct talk *talk, uint16_t id, const struct deck_output *output,
                     int64_t at_us);

/* Has it render up to until_us, and returns when that is done. */
void talk_run(struct talk *talk, int64_t until_us);

/* What a deck makes for a rendition. Pure. */
struct format talk_format(const struct board_rendition *rendition);

#endif
