/* tape/tape.h - one rendition's recording: whole codec frames, append-only, indexed by time.
 *
 *     air --tape_append, tape_title--> [ RAM tail: memfd ] --tape_flush (writer thread)--> files
 *                                            |                                              |
 *                          loops: tape_span, tape_find                    reader threads: reader.h
 *
 * Positions are bytes since the tape was opened (`pos`), counted over whole frames; the head is
 * always a frame boundary. The tail is a memfd mapped twice in a row, so that any piece of it is
 * one span. One writer (air); readers take no lock and hold nobody up: a reader that was overtaken
 * finds out by tape_span() or tape_oldest() and is told so.
 *
 * Time is cut into windows of 6 s, numbered n = floor(Unix seconds / 6). A *run* is a stretch of
 * unbroken sound inside one window; there is one per window unless sound broke off in it. A run
 * ends at the first frame boundary at or after the window's end.
 *
 * Files, one set an hour (600 windows): <dir>/<first n>.{frames,index,events}; see files_priv.h. */
#ifndef MAST_TAPE_TAPE_H
#define MAST_TAPE_TAPE_H

#include "base/clock.h"
#include "media/format.h"
#include "media/icy.h"

#include <sys/uio.h>

struct tape; /* private: tape.c */

#define TAPE_WINDOW_US  (6 * US_PER_S)
#define TAPE_TAIL_MIN_S 300

struct tape_config {
    const char *folder; /* ".../tape/<station>/<rendition>"; NULL = RAM only (tests) */
    const char *name;   /* "<station>/<rendition>", for the log; copied */
    enum codec codec;
    uint32_t bitrate_bps; /* the most that is expected; sizes the RAM tail (5 min, 1 MiB or more) */
};

/* Opens a tape and recovers what a crash left: reads the newest set of files, cuts its torn tail,
 * closes the run that was open. Older sets are only listed. A tape whose end lies more than 10 min
 * after `now` is set aside (folder "set-aside-<now>") and begun anew.
 * Owner:  the caller; tape_close() sets *tape to NULL after writing out all it can.
 * Thread: any but loop and air.
 * Errors: E_NOMEM, E_IO, E_CORRUPT ...; a damaged index is cut, never an error. */
MUST_USE enum err tape_open(const struct tape_config *config, struct utc now, struct tape **out);
void tape_close(struct tape **tape);

enum codec tape_codec(const struct tape *tape);
/* When part of the tape was last set aside, in Unix seconds; 0 = never. Windows of before may come
 * again after that. */
uint64_t tape_set_aside(const struct tape *tape);

const char *tape_name(const struct tape *tape);
uint32_t tape_serial(const struct tape *tape); /* Ogg serial number, fixed by the name */

/* ---- the writer: air thread. Air-safe: no allocation, no I/O, no wait ---- */

/* Appends one whole frame that starts at `start`.
 * Shape:  start is at or after the end of what was appended before (also before a restart); the
 *         caller keeps to the sample count, so that it equals the last end unless `broken`.
 *         broken: the sound does not follow on from the frame before (a hole, another decoder
 *         state); begins a new run and raises the discontinuity count. The very first frame of a
 *         tape breaks nothing; the first one after a restart, one that starts over 100 ms after
 *         the end, and one of another format always do (and one in years, when the samples and a
 *         steered clock have gone 2^30 samples apart: see runs.h). A start before the end is taken as the
 *         end: time on a tape never runs back.
 *         samples at format->rate_hz, 1..65535; bytes 1..OGG_PAGE_MAX_BYTES. */
void tape_append(struct tape *tape, struct str bytes, uint32_t samples, const struct format *format,
                 struct utc start, bool broken);

/* Sets the title from the next appended frame on.
 * Shape: clean (title_clean), at most TITLE_BYTES - 1 bytes, may be empty. */
void tape_title(struct tape *tape, struct str title);

/* Notes another happening at the tape's end in its events ("input", "gap", ...), text in JSON-free
 * plain words; not read back by listeners. */
void tape_note(struct tape *tape, const char *kind, struct str text);

/* The end of the last appended frame; at the start, of what the files hold; 0 if nothing yet.
 * Thread: any. Air-safe. */
struct utc tape_end(const struct tape *tape);

/* ---- readers of the RAM tail: any thread, no lock. Air-safe ---- */

uint64_t tape_head(const struct tape *tape);   /* where the next frame will be */
uint64_t tape_oldest(const struct tape *tape); /* first frame that is safe to read for some time */

/* The bytes [from, to) in one span; to <= head. They stay in place while tape_oldest() <= from:
 * look again after use.   Errors: E_LAGGED from < oldest; *out is empty then. */
MUST_USE enum err tape_span(const struct tape *tape, uint64_t from, uint64_t to, struct iovec *out);

/* The position of the first frame that lies wholly in the last `ms` before the head (for a burst);
 * the head itself if there is none. Never reaches back over a break in the sound. */
uint64_t tape_pos_back(const struct tape *tape, uint32_t ms);

/* The position of the frame that holds the instant `at`, or in a hole the next one after it, and
 * that frame's start.
 * Errors: E_LAGGED older than the RAM tail (ask the reader, reader.h); E_AGAIN after the head. */
MUST_USE enum err tape_find(const struct tape *tape, struct utc at, uint64_t *pos,
                            struct utc *start);

/* The start of the frame at or right before `pos` (the end of the tape if pos is the head).
 * Errors: E_LAGGED. */
MUST_USE enum err tape_time_of(const struct tape *tape, uint64_t pos, struct utc *out);

/* The title that holds at `pos`. `seq` changes with each title and tells a reader whether he has
 * sent this one already; 0 = there was none yet.
 * Errors: E_LAGGED; the caller keeps the one it has. */
struct tape_title_at {
    uint64_t seq;
    char text[TITLE_BYTES];
};
MUST_USE enum err tape_title_find(const struct tape *tape, uint64_t pos, struct tape_title_at *out);
uint64_t tape_title_seq(const struct tape *tape, uint64_t pos); /* the number alone: cheap */

/* The format of the newest frame; false if there was none since the tape was opened. */
bool tape_format(const struct tape *tape, struct format *out);

/* The oldest and newest moment that can be played, from files and RAM; false if the tape is empty.
 * Thread: any. Takes no lock. */
bool tape_range(const struct tape *tape, struct utc *oldest, struct utc *newest);

#endif
