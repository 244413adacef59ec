/* listen/past_priv.h - a listener who is behind live: he hears the tape at its own pace, from files
 * while it is there only, from RAM as soon as it is there.
 *
 *     PAST_ASKING --piece--> PAST_PIECE --end of piece--> PAST_ASKING ... --in RAM--> PAST_RAM
 *
 * He plays at `from` + (now - began). A hole in the tape is skipped: he then is that much less
 * behind. */
#ifndef MAST_LISTEN_PAST_PRIV_H
#define MAST_LISTEN_PAST_PRIV_H

#include "listen/ear_priv.h"

enum past_state { PAST_ASKING, PAST_PIECE, PAST_RAM };

struct past {
    enum past_state state;
    struct utc from;   /* tape time of the first frame that he got */
    struct mono began; /* when he got it; not running before */
    struct utc next;   /* tape time of the next byte to send */
    const struct tape_piece *piece;
    size_t offset;   /* next byte in the piece */
    struct mono got; /* when the piece came */
    struct tape *tape;
    struct tape_ask ask;
    struct loop_job answered;
    struct loop *loop;
    struct tape_reader *reader;
    bool is_asking; /* the ask is with the reader: the memory must stay */
    bool is_orphan; /* the listener left meanwhile; the answer frees it */
    void (*on_ready)(struct past *past, enum err err); /* whoever waits for the answer */
    void *ctx;
};

struct past_how {
    struct tape *tape;
    struct tape_reader *reader;
    struct loop *loop;
    void (*on_ready)(struct past *past, enum err err);
    void *ctx;
};

/* Looks for the sound at `at`.
 * Owner:  the caller, past_free().   Thread: loop.
 * Errors: OK       it is at hand;
 *         E_AGAIN  it is being read: on_ready(past, err) will be called on the loop, once, with OK,
 *                  E_NOT_FOUND, E_IO, E_CORRUPT or E_CLOSED (not if past_free() was called first);
 *         E_NOMEM  *out is NULL. */
MUST_USE enum err past_new(const struct past_how *how, struct utc at, struct past **out);

/* Frees it, now or when the reader has answered. */
void past_free(struct past **past);

/* Fills in what may be sent at `now`; an empty supply while it waits for the disk. Notes in the row
 * how far he is behind.
 * Errors: E_AGAIN he has caught up: live from ear->row->pos on; E_LAGGED; E_IO ... */
MUST_USE enum err past_supply(struct ear *ear, struct mono now, uint32_t ahead_ms,
                              struct supply *supply);

/* Moves on by sound that was sent. */
void past_take(struct ear *ear, size_t sound_bytes);

#endif
