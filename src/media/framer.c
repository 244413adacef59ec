/* media/framer.c - contract in framer.h */
#include "media/framer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "media/framer_priv.h"

enum err framer_new(enum container container, struct framer **out)
{
    *out = NULL;
    bool is_ogg = container == CONTAINER_OGG;
    size_t size = is_ogg ? OGG_BUFFER_BYTES : RAW_BUFFER_BYTES;
    struct framer *framer = mem_new(sizeof *framer + size);
    if (!framer)
        return E_NOMEM;
    framer->container = container;
    framer->size = size;
    framer->raw.at_edge = true;
    if (is_ogg) {
        framer->ogg = mem_new(sizeof *framer->ogg);
        if (!framer->ogg) {
            mem_free(framer);
            return E_NOMEM;
        }
    }
    *out = framer;
    return OK;
}

void framer_free(struct framer **framer)
{
    if (!*framer)
        return;
    mem_free((*framer)->ogg);
    mem_free(*framer);
    *framer = NULL;
}

size_t framer_push(struct framer *framer, struct str bytes)
{
    if (framer->why[0] != '\0') {
        framer->losses.since_frame_bytes += bytes.len;
        return bytes.len;
    }
    if (bytes.len == 0)
        return 0;
    if (bytes.len > framer->size - framer->tail && framer->head > 0) {
        framer->tail -= framer->head;
        memmove(framer->buffer, framer->buffer + framer->head, framer->tail);
        framer->head = 0;
    }
    size_t room = framer->size - framer->tail;
    size_t taken = bytes.len < room ? bytes.len : room;
    memcpy(framer->buffer + framer->tail, bytes.ptr, taken);
    framer->tail += taken;
    framer->losses.since_frame_bytes += taken;
    return taken;
}

enum err framer_next(struct framer *framer, struct frame *out)
{
    *out = (struct frame){0};
    if (framer->why[0] != '\0')
        return E_UNSUPPORTED;
    enum err err = framer->ogg ? ogg_next(framer, out) : raw_next(framer, out);
    if (!err)
        framer->losses.since_frame_bytes = 0;
    assert(err != E_AGAIN || framer->tail - framer->head < framer->size);
    return err;
}

const char *framer_why(const struct framer *framer)
{
    return framer->why;
}

struct framer_losses framer_losses(const struct framer *framer)
{
    return framer->losses;
}

struct str framer_setup(const struct framer *framer, uint32_t *seq)
{
    *seq = framer->ogg ? framer->ogg->setup_seq : 0;
    if (!framer->ogg)
        return STR("");
    return (struct str){(const char *)framer->ogg->setup, framer->ogg->setup_bytes};
}

enum err framer_take_title(struct framer *framer, char *title, size_t size)
{
    assert(size > 0);
    title[0] = '\0';
    if (!framer->has_title)
        return E_AGAIN;
    framer->has_title = false;
    str_copy(title, size, str_of(framer->title));
    return OK;
}

struct str framer_unread(const struct framer *framer)
{
    return (struct str){(const char *)framer->buffer + framer->head, framer->tail - framer->head};
}

void framer_consume(struct framer *framer, size_t bytes)
{
    assert(bytes <= framer->tail - framer->head);
    framer->head += bytes;
}

void framer_lose(struct framer *framer, size_t bytes)
{
    framer->losses.skipped_bytes += bytes;
}

void framer_offer_title(struct framer *framer, const char *title)
{
    if (strcmp(title, framer->title) == 0)
        return;
    str_copy(framer->title, sizeof framer->title, str_of(title));
    framer->has_title = true;
}

enum err framer_refuse(struct framer *framer, const char *why)
{
    snprintf(framer->why, sizeof framer->why, "%s", why);
    return E_UNSUPPORTED;
}
