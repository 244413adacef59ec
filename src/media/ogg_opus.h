/* media/ogg_opus.h - Opus packets in, the Ogg pages of one endless logical stream out.
 *
 * A tape holds one logical stream for ever, whatever its sources do: pages are made here, the
 * source's own pages never reach a listener. The granule position is station time: samples at
 * 48 kHz since 1970, so that it goes on rising over restarts.
 * Source: RFC 3533 section 6 (page), RFC 7845 sections 4 (granule) and 5 (headers). */
#ifndef MAST_MEDIA_OGG_OPUS_H
#define MAST_MEDIA_OGG_OPUS_H

#include "base/clock.h"
#include "base/str.h"

#define OGG_PAGE_MAX_BYTES     65307 /* 27 + 255 + 255 * 255 */
#define OPUS_HEADERS_MAX_BYTES 2048
#define OPUS_PAGE_MAX_SAMPLES  9600 /* 200 ms */
#define OPUS_RATE_HZ           48000

struct opus_pager {
    uint32_t serial;
    uint32_t page_seq;
    uint64_t granule; /* end of the last page that was given out */
    uint32_t samples; /* in the page that is being filled */
    uint32_t packets_count;
    size_t body_bytes;
    uint8_t lacing_count;
    uint8_t lacing[255];
    unsigned char body[OGG_PAGE_MAX_BYTES];
    unsigned char page[OGG_PAGE_MAX_BYTES];
};

/* Starts a pager. Shape: serial is any number, the same for all pages and headers of one tape.
 * Thread: one at a time; all functions here are Air-safe. */
void opus_pager_init(struct opus_pager *pager, uint32_t serial);

/* Sets the granule position for the sound that follows, from the station time of its first sample;
 * called at the start and at each discontinuity, when no packet is pending. */
void opus_pager_seek(struct opus_pager *pager, struct utc start);

/* Takes one packet in. When it fills the page to 200 ms the page is given out with it; when the
 * page has no room for it, without it: *page is borrowed until the next call, *page_samples is its
 * length at 48 kHz.
 * Errors: E_AGAIN     the packet was taken, the page is not full yet.
 *         E_TOO_LONG  the packet can never fit (over 255 * 254 bytes); it was not taken.
 *         E_CORRUPT   it is no Opus packet of that many samples; it was not taken. */
MUST_USE enum err opus_pager_push(struct opus_pager *pager, struct str packet, uint32_t samples,
                                  struct str *page, uint32_t *page_samples);

/* Gives out what is pending as a short page.   Errors: E_AGAIN nothing is pending. */
MUST_USE enum err opus_pager_flush(struct opus_pager *pager, struct str *page,
                                   uint32_t *page_samples);

/* Reads how many samples at 48 kHz a page holds, and checks its form: one whole page, no more, its
 * CRC right, no start or end of a stream, packets whole and well-formed, at most 200 ms.
 * Errors: E_CORRUPT. Pure. */
MUST_USE enum err opus_page_samples(struct str page, uint32_t *out);

/* Writes the two header pages (OpusHead, OpusTags) that a listener gets before his first page.
 * Shape: channels 1 or 2; title "ARTIST - TITLE" or anything, may be empty, UTF-8; cut to 1024
 *        bytes. Pre-skip is 80 ms, as for anyone who comes in the middle (RFC 7845 section 4.2).
 * Returns the number of bytes written, at most OPUS_HEADERS_MAX_BYTES. Pure. */
size_t opus_headers(uint32_t serial, uint8_t channels, struct str title,
                    unsigned char out[OPUS_HEADERS_MAX_BYTES]);

#endif
