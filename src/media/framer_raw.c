/* media/framer_raw.c - MPEG audio and ADTS out of the framer's buffer; contract in framer_priv.h
 *
 * Every decision hangs on the bytes alone, never on how they were cut when they came in, and is
 * made as soon as they allow it. Work is bounded: at each place one tag and two headers are read.
 */
#include <string.h>

#include "media/bytes_priv.h"
#include "media/framer_priv.h"

static enum err parse_head(const struct framer *framer, struct str bytes, struct raw_head *head)
{
    return framer->container == CONTAINER_MPEG ? mpeg_parse(bytes, head) : adts_parse(bytes, head);
}

/* Passes over as much of a tag as is there; false if more of it is to come. */
static bool pass_tag(struct framer *framer)
{
    struct raw_walk *raw = &framer->raw;
    size_t unread = framer_unread(framer).len;
    size_t passed = raw->tag_left_bytes < unread ? raw->tag_left_bytes : unread;
    framer_consume(framer, passed);
    raw->tag_left_bytes -= passed;
    return raw->tag_left_bytes == 0;
}

/* Finds a tag where one may stand. What follows it has to prove itself: its length may be wrong.
 * Errors: E_AGAIN too few bytes to tell; E_CORRUPT there is none. */
static enum err find_tag(struct framer *framer)
{
    struct raw_walk *raw = &framer->raw;
    if (!raw->at_edge)
        return E_CORRUPT;
    enum err err = tag_measure(framer_unread(framer), &raw->tag_left_bytes);
    if (!err)
        raw->is_synced = false;
    return err;
}

/* Reads the frame at the start of the unread bytes, and believes it if it goes on from one of the
 * same format, or if the next one of its format begins where it ends.
 * Errors: E_AGAIN too few bytes to tell; E_CORRUPT it is none. */
static enum err find_frame(struct framer *framer, struct raw_head *head)
{
    struct raw_walk *raw = &framer->raw;
    struct str unread = framer_unread(framer);
    enum err err = parse_head(framer, unread, head);
    if (err)
        return err;
    if (unread.len < head->bytes)
        return E_AGAIN;
    if (raw->is_synced && format_same(&head->format, &raw->format))
        return OK;
    struct raw_head next;
    err = parse_head(framer, str_slice(unread, head->bytes, unread.len), &next);
    if (err)
        return err;
    return format_same(&head->format, &next.format) ? OK : E_CORRUPT;
}

/* Goes on to the next byte that a frame may begin with. */
static void pass_noise(struct framer *framer)
{
    struct str unread = framer_unread(framer);
    const char *next = memchr(unread.ptr + 1, 0xFF, unread.len - 1);
    size_t noise = next ? (size_t)(next - unread.ptr) : unread.len;
    framer_lose(framer, noise);
    framer_consume(framer, noise);
    framer->raw.is_synced = false;
    framer->raw.at_edge = false;
}

/* Takes a frame that is believed off the unread bytes. */
static struct str take_frame(struct framer *framer, struct raw_head *head)
{
    unsigned char *start = framer->buffer + framer->head;
    framer_consume(framer, head->bytes);
    framer->raw.format = head->format;
    framer->raw.is_synced = true;
    framer->raw.at_edge = true;
    if (framer->container == CONTAINER_ADTS && head->has_crc) {
        size_t before = head->bytes;
        adts_strip_crc(start, head);
        start += before - head->bytes;
    }
    return (struct str){(const char *)start, head->bytes};
}

enum err raw_next(struct framer *framer, struct frame *out)
{
    while (pass_tag(framer) && framer_unread(framer).len > 0) {
        enum err err = find_tag(framer);
        if (!err)
            continue;
        if (err == E_AGAIN)
            return E_AGAIN;
        struct raw_head head;
        err = find_frame(framer, &head);
        if (err == E_AGAIN)
            return E_AGAIN;
        if (err) {
            pass_noise(framer);
            continue;
        }
        struct str bytes = take_frame(framer, &head);
        if (head.format.codec == CODEC_MP3 && mpeg_is_index(bytes, &head))
            continue;
        *out = (struct frame){bytes, head.samples, head.format};
        return OK;
    }
    return E_AGAIN;
}
