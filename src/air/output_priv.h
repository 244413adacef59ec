/* air/output_priv.h - what feeds one tape; the air thread's side of struct air_output */
#ifndef MAST_AIR_OUTPUT_PRIV_H
#define MAST_AIR_OUTPUT_PRIV_H

#include "air/port_priv.h"

#include "media/ogg_opus.h"

struct air_output {
    struct tape *tape;
    struct opus_pager *pager; /* Opus only */

    /* owned by air */
    const struct port *on_air; /* NULL = none */
    bool has_begun;            /* something of on_air was taken */
    bool is_broken;            /* what is appended next does not follow on from the tape's end */
    struct utc page_start;     /* of the page that is being filled */
    struct format format;

    /* air -> anybody */
    _Atomic uint64_t source_id;
    _Atomic int64_t since_us;
};

/* Puts a port on the air for this output; NULL = none.   Thread: air. */
void output_switch(struct air_output *output, const struct port *port, struct utc now);

/* Appends a frame of the port that is on the air.   Thread: air. Air-safe. */
void output_append(struct air_output *output, const struct frame *frame, struct utc start,
                   bool broken);

#endif
