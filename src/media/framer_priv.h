/* media/framer_priv.h - what the parts of the framer share.
 *
 *     framer.c      the buffer, the losses, the title
 *     framer_raw.c  MPEG and ADTS: tags and frames straight from the buffer
 *     framer_ogg.c  Ogg: pages from the buffer, packets from the pages of one logical stream
 *     ogg_link.c    Ogg: headers and sound out of those packets, one link of a chain at a time */
#ifndef MAST_MEDIA_FRAMER_PRIV_H
#define MAST_MEDIA_FRAMER_PRIV_H

#include "media/framer.h"
#include "media/icy.h"
#include "media/ogg_codec_priv.h"
#include "media/ogg_opus.h"
#include "media/raw_priv.h"

/* Room for what may have to wait in the buffer, and enough behind it that bytes are seldom moved.
 */
#define RAW_BUFFER_BYTES ((size_t)32 * 1024)
#define OGG_BUFFER_BYTES ((size_t)80 * 1024)
_Static_assert(RAW_BUFFER_BYTES > ADTS_FRAME_MAX_BYTES + ADTS_HEAD_BYTES, "a frame and a header");
_Static_assert(OGG_BUFFER_BYTES > OGG_PAGE_MAX_BYTES, "a page");

/* The longest packet is a frame of FLAC: eight channels of 4608 samples, 24 bits each, unpacked. */
#define PACKET_MAX_BYTES ((size_t)112 * 1024)
#define SETUP_MAX_BYTES  ((size_t)24 * 1024)

struct raw_walk {
    struct format format;  /* of the last frame */
    bool is_synced;        /* that frame ended where the unread bytes begin */
    bool at_edge;          /* so did a frame or a tag, or it is the start: a tag may stand here */
    size_t tag_left_bytes; /* of a tag that is being passed over */
};

/* One link of a chain: the headers and sound of one logical stream. */
struct ogg_link {
    struct format format;
    struct vorbis vorbis;
    unsigned char head[VORBIS_HEAD_BYTES]; /* its identification header */
    bool tags_seen;                        /* Opus: or sound in their place */
};

struct ogg_walk {
    /* the page at the start of the unread bytes, if is_in_page */
    bool is_in_page;
    uint8_t lacing_at;
    uint8_t lacing_count;
    size_t body_at; /* of the next segment, from the start of the page */
    size_t page_bytes;
    uint64_t crc_debt_bytes; /* looked at in vain and not passed over since */

    /* the logical stream that is taken */
    bool is_chosen;
    bool is_in_starts; /* the last page was the first of a logical stream */
    uint32_t serial;
    uint32_t next_seq;
    struct ogg_link link;

    /* the packet that is being put together */
    bool is_open;
    bool is_torn; /* its beginning is missing */
    bool is_cut;  /* it is longer than there is room for */
    size_t packet_bytes;
    unsigned char packet[PACKET_MAX_BYTES];

    size_t setup_bytes;
    uint32_t setup_seq;
    unsigned char setup[SETUP_MAX_BYTES];
};

struct framer {
    enum container container;
    struct framer_losses losses;
    bool has_title;
    char title[TITLE_BYTES]; /* the last one that the stream carried */
    char why[80];
    char foreign[80]; /* what a logical stream that cannot be taken is */
    struct raw_walk raw;
    struct ogg_walk *ogg; /* NULL for the others */
    size_t head;          /* unread bytes are [head, tail) of the buffer */
    size_t tail;
    size_t size;
    unsigned char buffer[];
};

struct str framer_unread(const struct framer *framer);
void framer_consume(struct framer *framer, size_t bytes); /* passed over: no loss */
void framer_lose(struct framer *framer, size_t bytes);    /* counted as noise; still unread */
void framer_offer_title(struct framer *framer, const char *title);

/* Remembers the reason for good.   Returns E_UNSUPPORTED. */
enum err framer_refuse(struct framer *framer, const char *why);

/* framer_next() of a container. */
MUST_USE enum err raw_next(struct framer *framer, struct frame *out);
MUST_USE enum err ogg_next(struct framer *framer, struct frame *out);

/* Starts a link with the first packet of a logical stream.
 * Errors: E_UNSUPPORTED  framer->foreign says why; another logical stream may do. */
MUST_USE enum err link_start(struct framer *framer, struct str packet);

/* Takes the next packet in; *is_cut* says that its end is missing.
 * Errors: E_AGAIN        it was no sound.
 *         E_UNSUPPORTED  a header that cannot be taken; framer->why says it. */
MUST_USE enum err link_packet(struct framer *framer, struct str packet, bool is_cut,
                              struct frame *out);

#endif
