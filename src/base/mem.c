/* base/mem.c - contract in mem.h */
#include "base/mem.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#define PIECE_BYTES ((size_t)4096)

struct arena_piece {
    struct arena_piece *older;
    size_t used;
    size_t size;
    alignas(max_align_t) unsigned char bytes[];
};

void *mem_new(size_t bytes)
{
    return calloc(1, bytes > 0 ? bytes : 1);
}

void *mem_new_array(size_t count, size_t bytes_each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, bytes_each, &bytes))
        return NULL;
    return mem_new(bytes);
}

void mem_free(void *block)
{
    free(block);
}

void *mem_resize(void *block, size_t bytes)
{
    return realloc(block, bytes > 0 ? bytes : 1);
}

void arena_init(struct arena *arena, size_t cap_bytes)
{
    *arena = (struct arena){.cap_bytes = cap_bytes};
}

static struct arena_piece *piece_new(size_t at_least)
{
    size_t size = PIECE_BYTES - sizeof(struct arena_piece);
    if (size < at_least)
        size = at_least;
    struct arena_piece *piece = mem_new(sizeof *piece + size);
    if (piece)
        piece->size = size;
    return piece;
}

void *arena_get(struct arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (bytes > arena->cap_bytes)
        return NULL;
    bytes = (bytes + align - 1) / align * align;
    if (arena->used_bytes + bytes > arena->cap_bytes)
        return NULL;
    struct arena_piece *piece = arena->newest;
    if (!piece || piece->size - piece->used < bytes) {
        piece = piece_new(bytes);
        if (!piece)
            return NULL;
        piece->older = arena->newest;
        arena->newest = piece;
    }
    void *out = piece->bytes + piece->used;
    piece->used += bytes;
    arena->used_bytes += bytes;
    return out;
}

char *arena_dup(struct arena *arena, const void *bytes, size_t len)
{
    if (len >= arena->cap_bytes)
        return NULL;
    char *out = arena_get(arena, len + 1);
    if (out && len > 0)
        memcpy(out, bytes, len);
    return out;
}

void arena_release(struct arena *arena)
{
    while (arena->newest) {
        struct arena_piece *older = arena->newest->older;
        mem_free(arena->newest);
        arena->newest = older;
    }
    arena->used_bytes = 0;
}
