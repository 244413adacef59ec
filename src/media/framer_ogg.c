/* media/framer_ogg.c - Ogg pages and packets out of the framer's buffer; contract in framer_priv.h
 *
 * Of several logical streams that begin together the first that is ours is taken, the others are
 * passed over. A new first page after other pages begins the next link of a chain. */
#include <string.h>

#include "media/bytes_priv.h"
#include "media/framer_priv.h"
#include "media/ogg_page_priv.h"

#define CAPTURE_BYTES 4
/* Beyond this, a page whose CRC is wrong is passed over as a whole and not searched for pages in
 * it: otherwise a source could have each byte checked two thousand times. */
#define CRC_DEBT_MAX_BYTES ((uint64_t)4 * OGG_PAGE_MAX_BYTES)

static void pass(struct framer *framer, size_t bytes)
{
    struct ogg_walk *ogg = framer->ogg;
    framer_consume(framer, bytes);
    ogg->crc_debt_bytes -= ogg->crc_debt_bytes < bytes ? ogg->crc_debt_bytes : bytes;
}

static void pass_noise(struct framer *framer, size_t bytes)
{
    framer_lose(framer, bytes);
    pass(framer, bytes);
}

/* Goes on to the next byte that a page may begin with. */
static void search(struct framer *framer)
{
    struct str unread = framer_unread(framer);
    const char *next = memchr(unread.ptr + 1, 'O', unread.len - 1);
    pass_noise(framer, next ? (size_t)(next - unread.ptr) : unread.len);
}

/* Finds the next whole page and leaves it at the start of the unread bytes.
 * Errors: E_AGAIN. */
static enum err find_page(struct framer *framer, struct ogg_page *page)
{
    struct ogg_walk *ogg = framer->ogg;
    while (framer_unread(framer).len > 0) {
        struct str unread = framer_unread(framer);
        enum err err = ogg_page_parse(unread, page);
        if (err == E_AGAIN)
            return E_AGAIN;
        if (err) {
            search(framer);
            continue;
        }
        if (ogg_page_crc_is_right(str_slice(unread, 0, page->bytes)))
            return OK;
        ogg->crc_debt_bytes += page->bytes;
        bool is_patient = ogg->crc_debt_bytes <= CRC_DEBT_MAX_BYTES;
        pass_noise(framer, is_patient ? CAPTURE_BYTES : page->bytes);
    }
    return E_AGAIN;
}

static void drop_packet(struct ogg_walk *ogg)
{
    ogg->is_open = false;
    ogg->is_torn = false;
    ogg->is_cut = false;
    ogg->packet_bytes = 0;
}

/* The first packet of a page, as far as it lies in it. */
static struct str first_packet(const struct ogg_page *page)
{
    size_t bytes = 0;
    for (size_t i = 0; i < page->lacing.len; i++) {
        bytes += byte_at(page->lacing, i);
        if (byte_at(page->lacing, i) < 255)
            break;
    }
    return str_slice(page->body, 0, bytes);
}

/* Takes in the first page of a logical stream; nothing but an identification stands on it. */
static void take_start(struct framer *framer, const struct ogg_page *page)
{
    struct ogg_walk *ogg = framer->ogg;
    if (!ogg->is_in_starts) {
        if (ogg->is_open)
            framer_lose(framer, ogg->packet_bytes); /* the link before ended inside a packet */
        drop_packet(ogg);
        ogg->is_chosen = false;
        framer->foreign[0] = '\0';
    }
    ogg->is_in_starts = true;
    if (ogg->is_chosen || link_start(framer, first_packet(page)))
        return;
    ogg->is_chosen = true;
    ogg->serial = page->serial;
    ogg->next_seq = page->seq + 1;
}

/* Squares the packet that is open with the page that comes next, whose number and flag tell
 * whether it goes on there. */
static void join(struct framer *framer, const struct ogg_page *page)
{
    struct ogg_walk *ogg = framer->ogg;
    bool is_continued = page->flags & OGG_FLAG_CONTINUED;
    bool is_next = page->seq == ogg->next_seq;
    ogg->next_seq = page->seq + 1;
    if (ogg->is_open && !(is_next && is_continued)) {
        framer_lose(framer, ogg->packet_bytes);
        drop_packet(ogg);
    }
    if (is_continued && !ogg->is_open) {
        ogg->is_open = true;
        ogg->is_torn = true;
    }
}

/* Enters the page at the start of the unread bytes, or passes over it.
 * Errors: E_UNSUPPORTED nothing that began together is ours. */
static enum err enter_page(struct framer *framer, const struct ogg_page *page)
{
    struct ogg_walk *ogg = framer->ogg;
    if (page->flags & OGG_FLAG_BOS) {
        take_start(framer, page);
        pass(framer, page->bytes);
        return OK;
    }
    ogg->is_in_starts = false;
    if (!ogg->is_chosen) {
        if (framer->foreign[0] != '\0')
            return framer_refuse(framer, framer->foreign);
        pass_noise(framer, page->bytes); /* joined in the middle, the headers are gone */
        return OK;
    }
    if (page->serial != ogg->serial) {
        pass(framer, page->bytes);
        return OK;
    }
    join(framer, page);
    ogg->is_in_page = true;
    ogg->lacing_at = 0;
    ogg->lacing_count = (uint8_t)page->lacing.len;
    ogg->body_at = OGG_HEAD_BYTES + page->lacing.len;
    ogg->page_bytes = page->bytes;
    return OK;
}

/* Puts one segment of the page to the packet; returns whether that was its end. */
static bool take_segment(struct framer *framer)
{
    struct ogg_walk *ogg = framer->ogg;
    const unsigned char *page = framer->buffer + framer->head;
    size_t bytes = page[OGG_HEAD_BYTES + ogg->lacing_at++];
    size_t room = PACKET_MAX_BYTES - ogg->packet_bytes;
    size_t kept = bytes < room ? bytes : room;
    if (ogg->is_torn)
        framer_lose(framer, bytes);
    else
        memcpy(ogg->packet + ogg->packet_bytes, page + ogg->body_at, kept);
    ogg->is_cut = ogg->is_cut || kept < bytes;
    if (!ogg->is_torn)
        ogg->packet_bytes += kept;
    ogg->body_at += bytes;
    ogg->is_open = bytes == 255;
    return !ogg->is_open;
}

/* Gives out the next frame of the page that is entered.
 * Errors: E_AGAIN the page is done, and passed over; E_UNSUPPORTED. */
static enum err next_in_page(struct framer *framer, struct frame *out)
{
    struct ogg_walk *ogg = framer->ogg;
    while (ogg->lacing_at < ogg->lacing_count) {
        if (!take_segment(framer))
            continue;
        bool is_torn = ogg->is_torn;
        bool is_cut = ogg->is_cut;
        struct str packet = {(const char *)ogg->packet, ogg->packet_bytes};
        drop_packet(ogg); /* its bytes stay until the next one begins */
        if (is_torn)
            continue;
        enum err err = link_packet(framer, packet, is_cut, out);
        if (err != E_AGAIN)
            return err;
    }
    ogg->is_in_page = false;
    pass(framer, ogg->page_bytes);
    return E_AGAIN;
}

enum err ogg_next(struct framer *framer, struct frame *out)
{
    for (;;) {
        enum err err;
        if (framer->ogg->is_in_page) {
            err = next_in_page(framer, out);
            if (err != E_AGAIN)
                return err;
        }
        struct ogg_page page;
        err = find_page(framer, &page);
        if (!err)
            err = enter_page(framer, &page);
        if (err)
            return err;
    }
}
