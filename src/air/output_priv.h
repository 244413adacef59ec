/* air/output_priv.h - what feeds one tape; the air thread's side of struct air_output */
#ifndef MAST_AIR_OUTPUT_PRIV_H
#define MAST_AIR_OUTPUT_PRIV_H

#include "air/loop_priv.h"
#include "air/port_priv.h"

#include "media/ogg_opus.h"

enum fed_by { FED_BY_NOBODY, FED_BY_DECK, FED_BY_PORT, FED_BY_LOOP };

struct air_output {
    struct tape *tape;
    struct opus_pager *pager; /* Opus only */

    /* owned by air */
    enum fed_by feeder;
    const struct port *port; /* FED_BY_PORT */
    uint64_t port_next;      /* the number in its history of the next frame to be taken */
    uint64_t loop_next;      /* FED_BY_LOOP: the number of its next frame */
    int64_t plan_us;         /* FED_BY_LOOP: where a deck that is starting will go on; 0 = none */
    bool is_broken;          /* what is appended next does not follow on from the tape's end */
    struct utc end;          /* of what was given to the tape or to the pager */
    struct utc page_start;   /* of the page that is being filled */
    uint64_t titles_taken;   /* of the station's */
    struct format format;

    /* air -> anybody */
    _Atomic uint64_t source_id;
    _Atomic int64_t since_us;
};

/* Says who feeds it now. source: the id of the source that is heard, 0 = none.   Thread: air. */
void output_feed(struct air_output *output, enum fed_by feeder, uint64_t source, struct utc now);

/* Where the sound ends; 0 if there is none yet.   Thread: air. */
struct utc output_end(const struct air_output *output);

/* Appends a frame. One that begins before the end is left out. broken: it cannot be decoded as
 * going on from the frame before.   Thread: air. Air-safe. */
void output_append(struct air_output *output, struct str bytes, uint32_t samples,
                   const struct format *format, struct utc start, bool broken);

/* The track of a loop for this output; NULL if it has none.   Thread: air. */
const struct loop_track *output_track(const struct air_output *output, const struct air_loop *loop);

/* Appends frames of the loop up to `until`, from the end of what is there, or, where that lies more
 * than 10 s back, from `until` on.   Thread: air. Air-safe. */
void output_play_loop(struct air_output *output, const struct loop_track *track, struct utc until);

#endif
