/* base/ring.c - contract in ring.h */
#include "base/ring.h"

#include "base/mem.h"

#include <stdatomic.h>
#include <string.h>

#define LINE_BYTES 64

struct ring {
    size_t size;

    /* The two counters lie on cache lines of their own, so that pusher and reader do not slow one
     * another down. */
    char gap_before[LINE_BYTES];
    _Atomic uint64_t head; /* written by the pusher */
    char gap_between[LINE_BYTES];
    _Atomic uint64_t tail; /* written by the reader */
    char gap_behind[LINE_BYTES];

    unsigned char bytes[];
};

enum err ring_new(size_t size_bytes, struct ring **out)
{
    assert(size_bytes >= 4096 && size_bytes <= (size_t)1 << 30);
    assert((size_bytes & (size_bytes - 1)) == 0);
    *out = mem_new(sizeof **out + size_bytes);
    if (!*out)
        return E_NOMEM;
    (*out)->size = size_bytes;
    return OK;
}

void ring_free(struct ring **ring)
{
    mem_free(*ring);
    *ring = NULL;
}

size_t ring_room(const struct ring *ring)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    assert(head - tail <= ring->size);
    return ring->size - (size_t)(head - tail);
}

size_t ring_push(struct ring *ring, struct str bytes)
{
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    size_t room = ring_room(ring);
    size_t count = bytes.len < room ? bytes.len : room;
    if (count == 0)
        return 0;
    size_t at = (size_t)head & (ring->size - 1);
    size_t first = ring->size - at < count ? ring->size - at : count;
    memcpy(ring->bytes + at, bytes.ptr, first);
    if (count > first)
        memcpy(ring->bytes, bytes.ptr + first, count - first);
    atomic_store_explicit(&ring->head, head + count, memory_order_release);
    return count;
}

struct str ring_peek(const struct ring *ring)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    assert(head - tail <= ring->size);
    size_t at = (size_t)tail & (ring->size - 1);
    size_t count = (size_t)(head - tail);
    if (count > ring->size - at)
        count = ring->size - at;
    return (struct str){(const char *)ring->bytes + at, count};
}

void ring_drop(struct ring *ring, size_t bytes)
{
    uint64_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    assert(bytes <= head - tail);
    atomic_store_explicit(&ring->tail, tail + bytes, memory_order_release);
}

uint64_t ring_pushed(const struct ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}

uint64_t ring_dropped(const struct ring *ring)
{
    return atomic_load_explicit(&ring->tail, memory_order_acquire);
}
