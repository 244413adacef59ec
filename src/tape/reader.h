/* tape/reader.h - sound from the files: two threads that read whole runs into a shared cache.
 *
 *     loop --tape_reader_ask--> [ queue ] --reader thread--> piece in the cache --done()--> loop
 *
 * A piece is one run with its titles: immutable, counted, shared by everybody who listens there;
 * up to 64 MB of pieces are kept, least recently used first to go. */
#ifndef MAST_TAPE_READER_H
#define MAST_TAPE_READER_H

#include "tape/tape.h"

struct tape_reader; /* private: reader.c */

struct tape_piece_title {
    uint32_t offset_bytes; /* first frame in the piece that it holds for */
    struct str text;
};

struct tape_piece {
    uint64_t n;            /* window */
    struct utc start, end; /* of its first frame; after its last */
    struct format format;
    uint32_t samples;
    int32_t drift_samples;  /* of its first frame: see tape_media_time() in runs.h */
    uint32_t discontinuity; /* count since the tape began; not that of the piece before = a break */
    bool has_more;          /* another run of its window follows */
    struct str bytes;       /* whole frames */
    const struct tape_piece_title *titles; /* in order; the first has offset 0 */
    size_t titles_count;
};

MUST_USE enum err tape_reader_start(unsigned threads, size_t cache_bytes, struct tape_reader **out);
void tape_reader_stop(struct tape_reader **reader); /* open asks are answered with E_CLOSED first */

/* One question; lies in the asker's memory until done() was called.
 * `at`:    the run that holds this instant, else the next one after it.
 * `window`: if not 0, run number `nth` of this window instead (E_NOT_FOUND: it has no such run).
 * done():  on a reader thread; must only hand over (post) and return. err OK: *piece is a new
 *          reference, given back with tape_piece_unref(). E_NOT_FOUND: nothing at or after `at` is
 *          on disk yet (the RAM tail has it, or there is none). E_IO, E_CLOSED, E_NOMEM;
 *          E_CORRUPT: 16 runs in a row are damaged (fewer are passed over). */
struct tape_ask {
    struct tape *tape;
    struct utc at;
    uint64_t window;
    unsigned nth;
    void (*done)(struct tape_ask *ask);
    enum err err;                   /* the answer */
    const struct tape_piece *piece; /* the answer */
    struct tape_ask *next;          /* the reader's */
};

/* Takes a question.   Thread: any; never waits, allocates nothing. */
void tape_reader_ask(struct tape_reader *reader, struct tape_ask *ask);

void tape_piece_unref(const struct tape_piece *piece);

/* Finds the frame in a piece that holds `at` (the first one if at <= start).
 * Returns its offset in bytes and, in *start, its time; bytes.len if at >= end.   Thread: any. */
size_t tape_piece_find(const struct tape_piece *piece, struct utc at, struct utc *start);

#endif
