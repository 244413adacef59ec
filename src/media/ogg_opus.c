/* media/ogg_opus.c - contract in ogg_opus.h */
#include "media/ogg_opus.h"

#include <string.h>

#include "media/bytes_priv.h"
#include "media/ogg_page_priv.h"
#include "media/opus_priv.h"

#define LACING_MAX       255
#define HEADER_PAGES     2 /* the tape's own pages are numbered from here */
#define PACKET_MAX_BYTES ((size_t)255 * 254)
/* A listener comes in the middle: his decoder's first 80 ms are not to be trusted. */
#define PRE_SKIP_SAMPLES 3840
#define TITLE_MAX_BYTES  ((size_t)1024)

_Static_assert(OGG_PAGE_MAX_BYTES == OGG_HEAD_BYTES + LACING_MAX + LACING_MAX * 255, "RFC 3533");
_Static_assert(OPUS_PACKET_MAX_SAMPLES <= OPUS_PAGE_MAX_SAMPLES, "a packet fits a page");

/* Writes the lacing values of a packet; returns how many there are. */
static size_t lace(size_t bytes, uint8_t *lacing)
{
    size_t whole = bytes / 255;
    memset(lacing, 255, whole);
    lacing[whole] = (uint8_t)(bytes % 255);
    return whole + 1;
}

void opus_pager_init(struct opus_pager *pager, uint32_t serial)
{
    memset(pager, 0, sizeof *pager);
    pager->serial = serial;
    pager->page_seq = HEADER_PAGES;
}

void opus_pager_seek(struct opus_pager *pager, struct utc start)
{
    assert(pager->packets_count == 0);
    /* 48000 / 10^6 = 6 / 125 */
    uint64_t us = start.us > 0 ? (uint64_t)start.us : 0;
    pager->granule = us / 125 * 6 + (us % 125 * 6 + 62) / 125;
}

static void give_out(struct opus_pager *pager, struct str *page, uint32_t *page_samples)
{
    pager->granule += pager->samples;
    struct ogg_page made = {
        .granule = pager->granule,
        .serial = pager->serial,
        .seq = pager->page_seq++,
        .lacing = {(const char *)pager->lacing, pager->lacing_count},
        .body = {(const char *)pager->body, pager->body_bytes},
    };
    page->len = ogg_page_write(&made, pager->page);
    page->ptr = (const char *)pager->page;
    *page_samples = pager->samples;
    pager->samples = 0;
    pager->packets_count = 0;
    pager->lacing_count = 0;
    pager->body_bytes = 0;
}

enum err opus_pager_push(struct opus_pager *pager, struct str packet, uint32_t samples,
                         struct str *page, uint32_t *page_samples)
{
    *page = (struct str){0};
    *page_samples = 0;
    if (packet.len > PACKET_MAX_BYTES)
        return E_TOO_LONG;
    uint32_t told;
    if (opus_packet_samples(packet, &told) || told != samples)
        return E_CORRUPT;

    enum err result = E_AGAIN;
    size_t lacing_more = packet.len / 255 + 1;
    if (pager->samples + samples > OPUS_PAGE_MAX_SAMPLES ||
        pager->lacing_count + lacing_more > LACING_MAX) {
        assert(pager->packets_count > 0);
        give_out(pager, page, page_samples);
        result = OK;
    }
    memcpy(pager->body + pager->body_bytes, packet.ptr, packet.len);
    pager->body_bytes += packet.len;
    size_t laced = lace(packet.len, pager->lacing + pager->lacing_count);
    pager->lacing_count = (uint8_t)(pager->lacing_count + laced);
    pager->packets_count++;
    pager->samples += samples;
    /* A page that has just been filled to the brim need not wait for the packet behind it; there
     * cannot be one to give out before it, since one packet alone never fills a page. */
    if (pager->samples == OPUS_PAGE_MAX_SAMPLES) {
        assert(result == E_AGAIN);
        give_out(pager, page, page_samples);
        result = OK;
    }
    return result;
}

enum err opus_pager_flush(struct opus_pager *pager, struct str *page, uint32_t *page_samples)
{
    *page = (struct str){0};
    *page_samples = 0;
    if (pager->packets_count == 0)
        return E_AGAIN;
    give_out(pager, page, page_samples);
    return OK;
}

/* Adds up the packets of a page: each must be whole, and lie wholly in it. */
static enum err add_packets(const struct ogg_page *page, uint32_t *out)
{
    struct str body = page->body;
    size_t packet_bytes = 0;
    uint32_t sum = 0;
    for (size_t i = 0; i < page->lacing.len; i++) {
        packet_bytes += byte_at(page->lacing, i);
        if (byte_at(page->lacing, i) == 255)
            continue;
        uint32_t samples;
        enum err err = opus_packet_samples(str_slice(body, 0, packet_bytes), &samples);
        if (err)
            return err;
        sum += samples;
        body = str_slice(body, packet_bytes, body.len);
        packet_bytes = 0;
    }
    if (packet_bytes > 0 || sum == 0 || sum > OPUS_PAGE_MAX_SAMPLES)
        return E_CORRUPT;
    *out = sum;
    return OK;
}

enum err opus_page_samples(struct str page, uint32_t *out)
{
    *out = 0;
    struct ogg_page parsed;
    if (ogg_page_parse(page, &parsed) || parsed.bytes != page.len)
        return E_CORRUPT;
    /* Neither the start nor the end of a stream nor a part of a packet stands on a tape. */
    if (parsed.flags != 0 || !ogg_page_crc_is_right(page))
        return E_CORRUPT;
    return add_packets(&parsed, out);
}

/* Writes one comment, "NAME=value"; returns its bytes, none if there is no value. */
static size_t put_comment(unsigned char *to, struct str name, struct str value)
{
    if (value.len == 0)
        return 0;
    le_put(to, name.len + value.len, 4);
    memcpy(to + 4, name.ptr, name.len);
    memcpy(to + 4 + name.len, value.ptr, value.len);
    return 4 + name.len + value.len;
}

static size_t write_tags(struct str title, unsigned char *to)
{
    static const struct str head = {"OpusTags\4\0\0\0mast", 16};
    struct str artist = {0};
    title = str_slice(title, 0, str_utf8_fit(title, TITLE_MAX_BYTES));
    const char *dash = title.len > 0 ? memmem(title.ptr, title.len, " - ", 3) : NULL;
    if (dash && dash > title.ptr && dash + 3 < title.ptr + title.len) {
        artist = str_slice(title, 0, (size_t)(dash - title.ptr));
        title = str_slice(title, artist.len + 3, title.len);
    }
    memcpy(to, head.ptr, head.len);
    le_put(to + head.len, (artist.len > 0) + (title.len > 0), 4);
    size_t bytes = head.len + 4;
    bytes += put_comment(to + bytes, STR("ARTIST="), artist);
    bytes += put_comment(to + bytes, STR("TITLE="), title);
    return bytes;
}

size_t opus_headers(uint32_t serial, uint8_t channels, struct str title,
                    unsigned char out[OPUS_HEADERS_MAX_BYTES])
{
    assert(channels == 1 || channels == 2);
    unsigned char packet[TITLE_MAX_BYTES + 64] = "OpusHead\1";
    uint8_t lacing[LACING_MAX];
    struct ogg_page page = {
        .flags = OGG_FLAG_BOS,
        .serial = serial,
        .lacing = {(const char *)lacing, lace(19, lacing)},
        .body = {(const char *)packet, 19},
    };
    packet[9] = channels;
    le_put(packet + 10, PRE_SKIP_SAMPLES, 2);
    le_put(packet + 12, OPUS_RATE_HZ, 4);
    size_t bytes = ogg_page_write(&page, out); /* gain 0 and mapping family 0 are zero already */

    page.flags = 0;
    page.seq = 1;
    page.body.len = write_tags(title, packet);
    page.lacing.len = lace(page.body.len, lacing);
    return bytes + ogg_page_write(&page, out + bytes);
}
