/* listen/ear_priv.h - one listener on its loop, and all of a loop's listeners (struct hall).
 *
 *   ear_open -> first serve (head and burst in one writev) -> a serve a second in his slot
 *            -> ear_close: left, too far behind, killed, drained
 *
 * What is sent is a list of parts: private bytes (the answer's head, Ogg headers, the rest of a
 * metadata block), sound straight from the tape, metadata blocks. After a short write the cursor
 * stands exactly where the kernel stopped. */
#ifndef MAST_LISTEN_EAR_PRIV_H
#define MAST_LISTEN_EAR_PRIV_H

#include "listen/audience_priv.h"
#include "listen/callers_priv.h"
#include "listen/table_priv.h"

#define METAINT_BYTES    16000
#define SLOTS            50
#define SLOT_MS          20
#define BATCH_PARTS_MAX  32
#define BATCH_BLOCKS_MAX 6
#define TITLE_KEY_NONE   UINT64_MAX

struct past; /* past_priv.h: a listener who is behind live */

struct ear {
    struct loop_watch watch;
    struct hall *hall;
    struct ear *next, **prev_next; /* in his slot */
    struct row *row;
    struct tape *tape;
    struct sock sock;
    uint64_t title_key; /* what the last metadata block said; TITLE_KEY_NONE = none sent yet */
    struct past *past;  /* NULL = live */
    char *unsent;       /* private bytes that go first; NULL = none */
    uint32_t unsent_bytes, unsent_from;
    char *target; /* for the access log */
    struct mono began;
    int64_t record_due_us; /* of the next session record, on the loop's clock */
    bool is_closed;
};

/* A tape as a loop last saw it. */
struct seen {
    const struct tape *tape;
    uint64_t head;
    struct mono moved;
};

struct hall {
    struct listen *listen;
    struct loop *loop;
    struct loop_timer timer;
    int64_t ticks; /* slots served so far, counted since the loop's clock began */
    struct ear *slots[SLOTS];
    struct seen seen[BOARD_STATIONS_MAX * BOARD_RENDITIONS_MAX]; /* in the board's order */
    unsigned next_slot;
    unsigned char blocks[BATCH_BLOCKS_MAX][ICY_BLOCK_MAX_BYTES]; /* of the batch in hand */
};

struct listen {
    struct listen_config config;
    struct table table;
    struct callers callers;
    atomic_bool is_draining;
    unsigned halls_count;
    struct hall halls[]; /* one a loop */
};

/* How to begin. head: private bytes, taken over (mem_free). past: taken over; NULL = live at pos.
 */
struct ear_start {
    struct hall *hall;
    struct tape *tape;
    struct audience *audience;
    struct sock sock;
    char *head;
    uint32_t head_bytes;
    uint64_t pos;
    struct past *past;
    bool has_metadata;
    struct addr peer;
    struct str agent, target;
};

/* Lets a listener in and serves him for the first time. On error everything in `start` is given
 * back.   Errors: E_LIMIT no row; E_NOMEM.   Thread: loop. */
MUST_USE enum err ear_open(struct ear_start *start);

/* Ends a listener; the memory goes when his watch has let go.   Thread: loop. */
void ear_close(struct ear *ear, const char *reason, bool was_dropped);

/* Ends him for what ear_serve() gave.   Thread: loop. */
void ear_end_for(struct ear *ear, enum err err);

/* Sends what is due now.   Errors: E_CLOSED he left; E_LAGGED he is too far behind;
 * E_IO, E_NOMEM. */
MUST_USE enum err ear_serve(struct ear *ear);

/* Serves everybody whose slot has come.   Thread: loop. */
void hall_on_time(struct loop_timer *timer);

/* ---- a batch of parts (batch.c) ---- */

enum part_kind { PART_PRIVATE, PART_SOUND, PART_BLOCK };
struct part {
    enum part_kind kind;
    uint64_t title_key; /* of a block */
};
struct batch {
    struct iovec iov[BATCH_PARTS_MAX];
    struct part parts[BATCH_PARTS_MAX];
    int count;
    unsigned blocks_count;
    size_t bytes;
};

/* Where sound and titles come from for the moment: RAM tail or a piece from disk. */
struct supply {
    struct str sound; /* what may be sent now, from the cursor on */
    /* The title that holds `offset` bytes into the sound; key differs for another title. */
    uint64_t (*title_key)(const struct ear *ear, size_t offset);
    void (*title_text)(const struct ear *ear, size_t offset, char title[TITLE_BYTES]);
};

/* Fills a batch: private bytes first, then sound with metadata blocks where they are due. */
void batch_fill(struct batch *batch, struct ear *ear, const struct supply *supply);

/* Moves the listener on by what the kernel took; returns how many sound bytes that were.
 * Errors: E_NOMEM the rest of a metadata block could not be kept. */
MUST_USE enum err batch_take(const struct batch *batch, struct ear *ear, size_t sent,
                             size_t *sound_bytes);

/* Writes a record of his session as session_record() does. */
void ear_record(const struct ear *ear, const char *what, const char *reason);

#endif
