/* deck/memo.h - an encoder that remembers: the same sound gives the same frames. Pure but for the
 * encoder.
 *
 *     frame of sound --seen before, with the MEMO_BEHIND frames before it?
 *         yes: the bytes that came out then; the encoder is not asked
 *         no:  the frames that the encoder did not get --> encoder (what comes out is thrown away)
 *              this one --> encoder --> bytes, which are remembered
 *
 * What an encoder gives out for a push hangs on the sound of that push (which it looks ahead into)
 * and on that of few pushes before it. So far back goes the window that stands for a frame, and so
 * much the encoder is given again after it was left out, which makes a remembered frame fit its
 * neighbours: for MP3 without reservoir the bytes are those that it would have made; for AAC the
 * windows are, and the quantisers are about as fine (they follow the bit rate slowly). Opus frames
 * lean on all that came before and cannot be exchanged. Thread: one at a time. */
#ifndef MAST_DECK_MEMO_H
#define MAST_DECK_MEMO_H

#include "codec.h"

#define MEMO_BEHIND 4                  /* pushes before the one that a frame comes out for */
#define MEMO_BYTES  ((size_t)16 << 20) /* a quarter of an hour of MP3 at 128 kbit/s, all of it new */

struct memo;

/* Makes a memo in front of an encoder that nothing was pushed into yet.
 * Shape: at most `bytes` are used for what is remembered, at least 64 KB; when they are full, all is
 *        forgotten. codec is not Opus.
 * Owner: the caller, memo_free(); the encoder is borrowed until then.   Errors: E_NOMEM. */
MUST_USE enum err memo_new(struct encoder *encoder, uint8_t channels, size_t bytes,
                           struct memo **out);
void memo_free(struct memo **memo);

/* As encoder_push() and encoder_next(), except that memo_next() is called until E_AGAIN before the
 * next push. */
MUST_USE enum err memo_push(struct memo *memo, const float *const planes[2]);
MUST_USE enum err memo_next(struct memo *memo, struct str *out, int64_t *first);

/* How many frames the encoder made, those that were thrown away among them. */
uint64_t memo_encoded(const struct memo *memo);

#endif
