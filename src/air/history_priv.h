/* air/history_priv.h - the last seconds of an input's frames, with their times.
 *
 * What a deck needs when it is started anew or when an input comes to it late: some sound from
 * before. Frames are counted from 0; the oldest make room. One *link* is what one decoder can
 * decode on end: a new format or a new setup begins another, and what came before is forgotten.
 * Owned by air. Air-safe but for _new and _free. */
#ifndef MAST_AIR_HISTORY_PRIV_H
#define MAST_AIR_HISTORY_PRIV_H

#include "base/clock.h"
#include "media/framer.h"

#define HISTORY_BYTES     ((size_t)512 * 1024) /* 5 s of anything but FLAC at high rates */
#define HISTORY_FRAMES    2048
#define HISTORY_SETUP_MAX ((size_t)32 * 1024)

struct history; /* private: history.c */

struct history_frame {
    struct str bytes; /* borrowed until the next push */
    uint32_t samples;
    struct utc start;
    uint32_t link; /* rises with each link */
};

/* Errors: E_NOMEM.   Thread: any, never air. */
MUST_USE enum err history_new(struct history **out);
void history_free(struct history **history);

/* Does a frame belong to what is kept? One that does not begins a new link. seq as framer_setup() has
 * it. */
bool history_fits(const struct history *history, const struct frame *frame, uint32_t seq);

/* Adds a frame; one that begins a link displaces all others. setup and seq as framer_setup() has
 * them. A frame over 64 KiB is left out. */
void history_push(struct history *history, const struct frame *frame, struct utc start,
                  struct str setup, uint32_t seq);

/* Forgets all: the times do not hold any more. The next frame begins a link. */
void history_clear(struct history *history);

/* The numbers of the oldest frame and of the next one to come; equal = empty. */
uint64_t history_first(const struct history *history);
uint64_t history_next(const struct history *history);

/* The end of the newest frame; 0 if there is none. */
struct utc history_end(const struct history *history);

/* The n-th frame; n in [first, next). */
struct history_frame history_at(const struct history *history, uint64_t n);

/* The number of the first frame that starts at `at` or later; next if there is none. */
uint64_t history_find(const struct history *history, struct utc at);

/* What the frames of the newest link are, and what a decoder must know before. */
struct format history_format(const struct history *history);
struct str history_setup(const struct history *history);

#endif
