/* air/feed_priv.h - the air's side of one deck: what it is sent, how far it may render, what it
 * gives back, and what happens when it dies.
 *
 * A life of a deck begins where the tapes end, with half a second of sound before that for its
 * decoders and encoders to warm up, so that its first frames go on where the last ones ended. It is
 * asked to render up to 40 ms before the end of what the input on the air has given: enough for a
 * crossfade out of it, whenever it breaks off.   Owned by air. Air-safe. */
#ifndef MAST_AIR_FEED_PRIV_H
#define MAST_AIR_FEED_PRIV_H

#include "air/health_priv.h"
#include "air/loop_priv.h"
#include "air/port_priv.h"

#define FEED_HOLD_US    (40 * US_PER_MS)  /* kept back for the crossfade */
#define FEED_STEP_US    (100 * US_PER_MS) /* asked for at once: an eighth less work than by 20 */
#define FEED_LEAD_US    (500 * US_PER_MS)
#define FEED_WARM_UP_US (300 * US_PER_MS)
#define FEED_RESUME_US  (4500 * US_PER_MS) /* inputs remember no more */
#define FEED_QUIET_US   US_PER_S       /* not a word for so long: it does not count as playing */
#define FEED_HANG_US    (3 * US_PER_S) /* ... and it is replaced; the loop has been playing by then */
#define FEED_SLOW_US    (8 * US_PER_S) /* so far behind what it was asked for, it never comes round */
#define FEED_START_US   (10 * US_PER_S) /* a deck that starts may take so long to speak */

enum input_kind { INPUT_NONE, INPUT_PORT, INPUT_BED, INPUT_LOOP };

/* What a slot of the deck plays. */
struct feed_input {
    enum input_kind kind;
    const struct port *port;
};
bool feed_input_same(const struct feed_input *a, const struct feed_input *b);

struct slot {
    struct feed_input input;
    struct health *health; /* of the port; NULL = none */
    uint64_t next;         /* number of the next frame, in the port's history or of the loop */
    uint32_t link;         /* that INPUT was sent for */
    bool is_told;          /* INPUT was sent */
    int64_t loop_us;       /* where the loop's next frame begins */
    int64_t free_at_us;    /* it is faded out: the slot is free once this was rendered; 0 = no */
};

struct feed {
    struct air_output *outputs[DECK_OUTPUTS_MAX]; /* by their number in this life */
    struct format formats[DECK_OUTPUTS_MAX];
    size_t outputs_count;
    bool is_on;      /* the deck was started */
    bool has_spoken; /* in this life */
    struct slot slots[DECK_INPUTS_MAX];
    int on_slot;      /* -1 = none */
    int64_t from_us;  /* where this life's sound begins */
    int64_t run_us;   /* was asked for up to here */
    int64_t done_us;  /* was rendered up to here */
    int64_t until_us; /* there was sound up to here in the last tick */
    struct mono progressed, start_after;
    struct mono sounds_since; /* the first frame of this life; 0 = none yet */
    uint32_t deaths;          /* in a row, without 10 s of sound between */
    struct deck_levels levels;
    bool has_levels;
    uint64_t deaths_count;
    unsigned char packed[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX]; /* an INPUT on its way */
};

struct air_station;
struct station_tick;

/* From when on an input has sound without a hole that the deck could be given. */
int64_t feed_whole_from(const struct air_station *station, const struct feed_input *input,
                        struct utc now);

/* Up to where the sound is made, or the tapes reach if no deck is there. */
struct utc feed_reached(const struct air_station *station, struct utc now);

/* Starts a deck if none is there and one is wanted, with `input` on the air. */
void feed_start(struct air_station *station, const struct station_tick *tick,
                const struct feed_input *input);

/* Do the renditions that the deck makes differ from those it was started with? */
bool feed_is_stale(const struct air_station *station, const struct board_station *board);

/* Puts another input on the air, from where the deck was asked for so far; returns that instant. */
struct utc feed_switch(struct air_station *station, const struct station_tick *tick,
                       const struct feed_input *input);

/* Has the deck listen to inputs that are not on the air (kind NONE: to none), and to no others. */
#define FEED_WATCHED 2
void feed_watch(struct air_station *station, const struct station_tick *tick,
                const struct feed_input inputs[FEED_WATCHED]);

/* Sends the frames that are new, and how far to render. */
void feed_run(struct air_station *station, const struct station_tick *tick);

/* Takes what the deck has said: frames to the outputs, levels to the inputs' health.
 * Returns false when the deck has died or was given up; *why says of what. */
bool feed_take(struct air_station *station, const struct station_tick *tick, const char **why);

/* Ends the deck. */
void feed_stop(struct air_station *station);

/* A port goes away: no slot may name it. */
void feed_forget(struct air_station *station, const struct port *port);

#endif
