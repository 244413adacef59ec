/* tape/tail_priv.h - the newest minutes of a tape in memory, for any number of readers.
 *
 *     | head page | frame table | run table | title table | note table | bytes | bytes again |
 *
 * One memfd holds it all: offsets and counts, no pointers, so that another process can take it
 * over. The bytes are a ring that is mapped twice in a row: any piece of it is one span.
 *
 * One writer. Readers take no lock: the writer moves `oldest` on long before it overwrites anything
 * (a sixteenth of each ring and at least 10 s of sound), so a reader that finds its frame at or
 * after `oldest` has time to use it, and looks at `oldest` again after use. All that readers look
 * at besides the bytes are atomic words; `frames` is the one number that makes a frame visible.
 * Frames, runs and texts are numbered 0, 1, 2 ... since the tail was made. */
#ifndef MAST_TAPE_TAIL_PRIV_H
#define MAST_TAPE_TAIL_PRIV_H

#include "base/clock.h"
#include "media/format.h"
#include "media/icy.h"

#include <sys/uio.h>

#define TAIL_VERSION 2

struct tail; /* private: tail.c */

#define TAIL_DRIFT_MAX (((int32_t)1 << 30) - 1)
struct tail_frame {
    uint64_t pos;     /* of its first byte */
    int64_t start_us; /* Unix time */
    int64_t end_us;
    uint32_t bytes;
    uint32_t samples;      /* 1..65535 */
    int32_t drift_samples; /* media time less start: runs.h; TAIL_DRIFT_MAX at most, either way */
    bool broken;           /* does not follow on from the frame before */
};

/* A stretch of unbroken sound in one window; ends where the next one begins. */
struct tail_run {
    uint64_t pos;   /* of its first frame */
    uint64_t frame; /* its first frame */
    uint64_t n;     /* window */
    uint32_t discontinuity;
    bool broken;
    struct format format;
};

#define TAIL_KIND_BYTES 16
struct tail_text {
    uint64_t number;
    uint64_t pos; /* titles: the frame from which it holds; notes: where the tape ended */
    int64_t us;   /* titles: that frame's start, -1 while there is none; notes: the tape's end */
    char kind[TAIL_KIND_BYTES];
    char text[TITLE_BYTES];
};
enum tail_texts { TAIL_TITLES, TAIL_NOTES };

/* Makes a tail that keeps at least `keep_s` seconds of `bitrate_bps`.
 * Errors: E_NOMEM, E_LIMIT. */
MUST_USE enum err tail_new(enum codec codec, uint32_t bitrate_bps, uint32_t keep_s,
                           struct tail **out);
void tail_free(struct tail **tail);

/* ---- the writer ---- */

/* Appends a frame (frame->pos and ->bytes are filled in here); `run` tells that it begins one
 * (run->pos and ->frame likewise), else NULL. */
void tail_push(struct tail *tail, struct str bytes, const struct tail_frame *frame,
               const struct tail_run *run);

/* Appends a title or a note that stands at the head; `us` of notes. */
void tail_push_text(struct tail *tail, enum tail_texts which, const char *kind, struct str text,
                    int64_t us);

/* ---- readers: any thread, no lock ---- */

uint64_t tail_frames(const struct tail *tail); /* how many were ever pushed; acquires */
uint64_t tail_runs(const struct tail *tail); /* load tail_frames() before, then no run is missing */
uint64_t tail_texts(const struct tail *tail, enum tail_texts which);

uint64_t tail_head(const struct tail *tail);         /* position behind the last frame */
uint64_t tail_oldest(const struct tail *tail);       /* position of the first frame that is safe */
uint64_t tail_oldest_frame(const struct tail *tail); /* its number; = frames when empty */
uint64_t tail_last_break(const struct tail *tail);   /* the newest broken frame, or 0 */

/* Errors: E_LAGGED overtaken; E_AGAIN not there yet. *out is only good with OK. */
MUST_USE enum err tail_frame(const struct tail *tail, uint64_t number, struct tail_frame *out);
MUST_USE enum err tail_run(const struct tail *tail, uint64_t number, struct tail_run *out);
MUST_USE enum err tail_text(const struct tail *tail, enum tail_texts which, uint64_t number,
                            struct tail_text *out);

/* The bytes [from, to), to <= head.   Errors: E_LAGGED. */
MUST_USE enum err tail_span(const struct tail *tail, uint64_t from, uint64_t to, struct iovec *out);

/* The first of the frames that are kept which ends after `value` us, begins at or after `value` us,
 * or lies behind position `value`; its number, or tail_frames() if there is none. *at_edge tells
 * that it is the oldest that is kept: one that is gone might have been the answer. */
enum tail_by { TAIL_ENDS_AFTER, TAIL_STARTS_FROM, TAIL_LIES_BEHIND };
uint64_t tail_search(const struct tail *tail, enum tail_by by, int64_t value, bool *at_edge);

/* The run that holds a frame.   Errors: E_LAGGED. */
MUST_USE enum err tail_run_of(const struct tail *tail, uint64_t frame, uint64_t *number,
                              struct tail_run *out);

/* How many texts stand at or before `pos`: the number of the one that holds there, plus 1.
 * Titles that were overtaken count too. */
uint64_t tail_texts_until(const struct tail *tail, enum tail_texts which, uint64_t pos);

#endif
