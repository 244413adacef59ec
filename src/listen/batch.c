/* listen/batch.c - what goes into one writev; contract in ear_priv.h */
#include "listen/ear_priv.h"

#include "base/mem.h"

#include <string.h>

static void add(struct batch *batch, enum part_kind kind, const void *ptr, size_t bytes,
                uint64_t title_key)
{
    assert(batch->count < BATCH_PARTS_MAX);
    batch->iov[batch->count] = (struct iovec){(void *)ptr, bytes};
    batch->parts[batch->count] = (struct part){kind, title_key};
    batch->count++;
    batch->bytes += bytes;
}

/* A block says the title if it is new to him, else only that nothing changed. */
static void add_block(struct batch *batch, struct ear *ear, const struct supply *supply,
                      size_t offset, uint64_t *key_said)
{
    static const unsigned char unchanged = 0;
    uint64_t key = supply->title_key(ear, offset);
    if (key == *key_said) {
        add(batch, PART_BLOCK, &unchanged, 1, key);
        return;
    }
    char title[TITLE_BYTES];
    unsigned char *block = ear->hall->blocks[batch->blocks_count++];
    supply->title_text(ear, offset, title);
    add(batch, PART_BLOCK, block, icy_block(str_of(title), STR(""), block), key);
    *key_said = key;
}

void batch_fill(struct batch *batch, struct ear *ear, const struct supply *supply)
{
    batch->count = 0;
    batch->blocks_count = 0;
    batch->bytes = 0;
    if (ear->unsent)
        add(batch, PART_PRIVATE, ear->unsent + ear->unsent_from,
            ear->unsent_bytes - ear->unsent_from, 0);
    if (ear->row->protocol != LISTEN_ICY) {
        if (supply->sound.len > 0)
            add(batch, PART_SOUND, supply->sound.ptr, supply->sound.len, 0);
        return;
    }
    uint32_t meta_left = atomic_load_explicit(&ear->row->meta_left, memory_order_relaxed);
    uint64_t key_said = ear->title_key;
    size_t at = 0;
    while (at < supply->sound.len && batch->count + 2 <= BATCH_PARTS_MAX &&
           batch->blocks_count < BATCH_BLOCKS_MAX) {
        size_t bytes = supply->sound.len - at;
        if (bytes > meta_left)
            bytes = meta_left;
        add(batch, PART_SOUND, supply->sound.ptr + at, bytes, 0);
        at += bytes;
        meta_left -= (uint32_t)bytes;
        if (meta_left > 0)
            break;
        add_block(batch, ear, supply, at, &key_said);
        meta_left = METAINT_BYTES;
    }
}

static enum err keep_rest(struct ear *ear, const struct iovec *iov, size_t from)
{
    size_t bytes = iov->iov_len - from;
    ear->unsent = mem_new(bytes);
    if (!ear->unsent)
        return E_NOMEM;
    memcpy(ear->unsent, (const char *)iov->iov_base + from, bytes);
    ear->unsent_bytes = (uint32_t)bytes;
    ear->unsent_from = 0;
    return OK;
}

static void take_private(struct ear *ear, size_t bytes)
{
    ear->unsent_from += (uint32_t)bytes;
    if (ear->unsent_from < ear->unsent_bytes)
        return;
    mem_free(ear->unsent);
    ear->unsent = NULL;
}

static void take_sound(struct ear *ear, size_t bytes)
{
    if (ear->row->protocol != LISTEN_ICY)
        return;
    uint32_t left = atomic_load_explicit(&ear->row->meta_left, memory_order_relaxed);
    assert(bytes <= left);
    atomic_store_explicit(&ear->row->meta_left, left - (uint32_t)bytes, memory_order_relaxed);
}

static enum err take_block(struct ear *ear, const struct iovec *iov, uint64_t key, size_t bytes)
{
    if (bytes == 0)
        return OK; /* not begun: it is made anew, with the title that holds then */
    ear->title_key = key;
    atomic_store_explicit(&ear->row->meta_left, METAINT_BYTES, memory_order_relaxed);
    return bytes < iov->iov_len ? keep_rest(ear, iov, bytes) : OK;
}

enum err batch_take(const struct batch *batch, struct ear *ear, size_t sent, size_t *sound_bytes)
{
    enum err err = OK;
    *sound_bytes = 0;
    for (int i = 0; i < batch->count && !err; i++) {
        const struct iovec *iov = &batch->iov[i];
        size_t bytes = sent < iov->iov_len ? sent : iov->iov_len;
        sent -= bytes;
        switch (batch->parts[i].kind) {
        case PART_PRIVATE:
            take_private(ear, bytes);
            break;
        case PART_SOUND:
            take_sound(ear, bytes);
            *sound_bytes += bytes;
            break;
        case PART_BLOCK:
            err = take_block(ear, iov, batch->parts[i].title_key, bytes);
            break;
        }
        if (bytes < iov->iov_len)
            break;
    }
    return err;
}
