/* tape/tape_priv.h - what the files of this room share about one tape.
 *
 * Who owns what: `air` belongs to the air thread; `disk` to whoever holds disk.lock (the writer
 * thread, and open and close, when nobody else is there); `sets` is guarded by sets.lock, which is
 * held for a few instructions by writer and reader threads and never by a loop or the air; the rest
 * is atomic or constant. Order of locks: disk.lock, then sets.lock. */
#ifndef MAST_TAPE_TAPE_PRIV_H
#define MAST_TAPE_TAPE_PRIV_H

#include "base/buf.h"
#include "tape/files_priv.h"
#include "tape/tail_priv.h"
#include "tape/tape.h"
#include "tape/writer.h"

#include <pthread.h>
#include <stdatomic.h>

/* What the air thread remembers of the frame before. */
struct tape_air {
    bool any;        /* there is a frame in the tail */
    int64_t base_us; /* time is counted in samples from here */
    uint64_t base_samples;
    uint64_t n;    /* of the current run */
    int64_t media; /* time of the next frame, in samples */
    uint32_t discontinuity;
    struct format format;
};

/* One hour of files. */
struct tape_set {
    uint64_t first_n;
    uint64_t bytes;   /* of its frames, a thousand times the rest; 0 = not looked at yet */
    uint32_t version; /* counts the records that were closed in it since the tape was opened */
};

struct tape_sets {
    pthread_mutex_t lock;
    struct tape_set *list; /* in order; the last one is the one that is written */
    size_t count;
    size_t room;
};

/* The end of the files, and how far the tail was carried there. */
struct tape_disk {
    pthread_mutex_t lock;
    int fds[SET_FILES]; /* of the newest set, -1 while it is not open */
    uint64_t first_n;   /* of the newest set; only good if has_set */
    bool has_set;
    uint64_t frames_bytes; /* sizes of its files, as far as they are good */
    uint64_t index_records;
    uint64_t events_bytes;

    bool rec_open; /* the record that is being filled */
    struct record rec;
    uint64_t rec_frame, rec_pos; /* its first frame in the tail */
    uint64_t rec_run;            /* its run in the tail */

    uint64_t next_frame, next_pos; /* in the tail: the first that is not written */
    uint64_t next_text[2];
    char title[TITLE_BYTES]; /* the last one written: the next set begins with it */
    bool title_is_old;       /* it is from before the tape was opened */
    bool events_dirty;       /* written, not synced */

    bool skipped;           /* frames were lost since the last record */
    uint32_t skips;         /* added to the discontinuity counts of the tail */
    uint64_t skipped_bytes; /* not told in the log yet */

    bool repair; /* what recovery found out could not be written yet */
    struct buf repair_index;
    uint64_t repair_frames_bytes, repair_events_bytes;
    enum err state; /* how the last round went: a change is one line in the log */
};

struct tape {
    char *name;
    char *folder; /* NULL: RAM only */
    enum codec codec;
    uint32_t serial;
    uint64_t id; /* random: tells this tape from an earlier one at the same address */
    struct tail *tail;
    uint64_t aside_s;      /* when a set was last set aside; 0 = never */
    int64_t opened_end_us; /* the end of the files when the tape was opened; 0 = none */
    struct tape_air air;
    struct tape_sets sets;
    struct tape_disk disk;
    _Atomic bool held; /* the writer holds recording up: the disk has too little room */
    _Atomic int64_t disk_oldest_us; /* -1 = nothing in files */
    _Atomic uint64_t bytes_written, frames_bytes, lost_bytes;
    _Atomic bool stopped;
};

/* ---- sets.c ---- */

void sets_init(struct tape *tape);
void sets_release(struct tape *tape);

/* Lists the folder, which may be missing, into an empty list.   I/O. */
MUST_USE enum err sets_load(struct tape *tape);
MUST_USE enum err sets_add(struct tape *tape, uint64_t first_n); /* as the newest; OK if it is */
void sets_remove_newest(struct tape *tape);
bool sets_newest(struct tape *tape, uint64_t *first_n);

/* A record of the newest set was closed: readers may look for it. */
void sets_bump(struct tape *tape);

/* The set that holds window n, else the next one; the one before or after a set.
 * False if there is none. */
bool sets_find(struct tape *tape, uint64_t n, struct tape_set *out);
bool sets_before(struct tape *tape, uint64_t first_n, struct tape_set *out);
bool sets_after(struct tape *tape, uint64_t first_n, struct tape_set *out);

/* The start of a set's first run; where its record is damaged, of the window in its name.   I/O. */
int64_t sets_start_us(const struct tape *tape, uint64_t first_n);
uint64_t sets_measure(const struct tape *tape, uint64_t first_n); /* bytes of its frames.   I/O. */

/* Sets disk_oldest_us from the first record of the oldest set.   I/O. */
void sets_note_oldest(struct tape *tape);

/* Retention: how many bytes of frames all sets have; the end of the oldest (the window that the
 * next one begins with); deletes the oldest, never the newest: E_NOT_FOUND then.   I/O. */
uint64_t sets_bytes(struct tape *tape);
bool sets_oldest_end(struct tape *tape, uint64_t *n); /* false if there are fewer than two */
MUST_USE enum err sets_drop_oldest(struct tape *tape, uint64_t *first_n);

/* ---- recover.c ---- */

/* Makes the newest set good and takes the state of the tape from it; sets what cannot be used
 * aside.   I/O. */
MUST_USE enum err tape_recover(struct tape *tape, struct utc now);

/* Writes what recovery found out, where that is still to be done.   I/O. */
MUST_USE enum err tape_repair(struct tape *tape);

/* ---- flush.c ---- */

/* Writes out all and closes the open run.   I/O. */
void tape_finish(struct tape *tape);

/* ---- writer.c ---- */

/* One pass of retention, as the thread does it each minute. */
void tape_writer_retain(struct tape_writer *writer);

#endif
