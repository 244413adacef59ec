/* base/ring.h - bytes from one thread to another, without a lock.
 *
 *     one pusher --ring_push--> [ power-of-two bytes ] --ring_peek, ring_drop--> one reader
 *
 * Invariants: head - tail <= size; only the pusher moves head, only the reader moves tail; both are
 * counted in bytes since the start and never wrap in practice (2^64). */
#ifndef MAST_BASE_RING_H
#define MAST_BASE_RING_H

#include "base/str.h"

struct ring; /* private: ring.c */

/* Makes an empty ring; ring_free() sets *ring to NULL.
 * Shape:  size_bytes a power of two in 4096..2^30.   Owner: the caller; free when both are gone.
 * Errors: E_NOMEM.   Thread: any, never air. */
MUST_USE enum err ring_new(size_t size_bytes, struct ring **out);
void ring_free(struct ring **ring);

/* Copies in as many of the bytes as fit and returns how many.   Thread: pusher. Air-safe. */
MUST_USE size_t ring_push(struct ring *ring, struct str bytes);
size_t ring_room(const struct ring *ring); /* bytes that would fit now.   Thread: pusher */

/* The oldest bytes in one piece, at most up to the end of the memory: call again after ring_drop()
 * for the rest. Borrowed until ring_drop().   Thread: reader. Air-safe. */
struct str ring_peek(const struct ring *ring);
void ring_drop(struct ring *ring, size_t bytes);

/* How many bytes were ever pushed, and how many ever dropped.   Thread: any. Air-safe. */
uint64_t ring_pushed(const struct ring *ring);
uint64_t ring_dropped(const struct ring *ring);

#endif
