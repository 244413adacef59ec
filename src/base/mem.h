/* base/mem.h - the one door for memory.
 *
 * Two ways: mem_new() for what is made at start-up or admission and may say no (a test fails the
 * n-th call), and struct arena for everything that lives as long as one request, connection or
 * job: nothing in it is freed by hand, and it has a cap from birth. */
#ifndef MAST_BASE_MEM_H
#define MAST_BASE_MEM_H

#include "base/err.h"

/* Allocates `bytes` zeroed bytes, or NULL when memory is out.
 * Owner: the caller, mem_free(). mem_free(NULL) does nothing.   Thread: any, never air. */
MUST_USE void *mem_new(size_t bytes);
MUST_USE void *mem_new_array(size_t count, size_t bytes_each); /* NULL on overflow too */
void mem_free(void *block);

/* Changes the size of a block from mem_new(); new bytes are not zeroed. On NULL the old block
 * stands.   Thread: any, never air. */
MUST_USE void *mem_resize(void *block, size_t bytes);

struct arena_piece;
struct arena {
    struct arena_piece *newest;
    size_t used_bytes; /* over all pieces */
    size_t cap_bytes;
};

/* Makes an empty arena in the caller's memory that grows to at most `cap_bytes`; allocates
 * nothing yet.   Thread: one at a time. */
void arena_init(struct arena *arena, size_t cap_bytes);

/* Hands out `bytes` zeroed bytes, aligned for any type; NULL over the cap or when memory is out.
 * Owner: the arena; they live until arena_release().   Thread: the arena's. */
MUST_USE void *arena_get(struct arena *arena, size_t bytes);

/* Copies `len` bytes and puts a NUL behind them.   Otherwise as arena_get(). */
MUST_USE char *arena_dup(struct arena *arena, const void *bytes, size_t len);

/* Gives everything back; the arena is empty and usable again.   Thread: the arena's. */
void arena_release(struct arena *arena);

#endif
