/* media/ogg_link.c - headers and sound of one logical stream; contract in framer_priv.h */
#include <stdio.h>
#include <string.h>

#include "media/bytes_priv.h"
#include "media/framer_priv.h"
#include "media/opus_priv.h"

#define OPUS_HEAD_MIN_BYTES 19

/* First packets that are none of ours, with their names for the log. */
static const struct {
    struct str head;
    const char *name;
} foreign_heads[] = {
    {{"Speex   ", 8}, "Speex in Ogg"},
    {{"\200theora", 7}, "Theora in Ogg"},
    {{"fishead\0", 8}, "Skeleton in Ogg"},
    {{"fLaC", 4}, "FLAC in Ogg without its mapping"},
};

/* Says why this logical stream is not taken; the first of several that begin together counts, but
 * one of a codec of ours that is refused says more than a foreign one. */
static enum err refuse_start(struct framer *framer, bool is_ours, const char *why)
{
    if (is_ours || framer->foreign[0] == '\0')
        snprintf(framer->foreign, sizeof framer->foreign, "%s", why);
    return E_UNSUPPORTED;
}

static enum err refuse_foreign(struct framer *framer, struct str packet)
{
    for (size_t i = 0; i < sizeof foreign_heads / sizeof foreign_heads[0]; i++)
        if (str_starts(packet, foreign_heads[i].head))
            return refuse_start(framer, false, foreign_heads[i].name);
    return refuse_start(framer, false, "an unknown codec in Ogg");
}

/* Remembers what a decoder needs; `parts` are put one behind another. */
static bool keep_setup(struct ogg_walk *ogg, const struct str *parts, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > SETUP_MAX_BYTES - bytes)
            return false;
        memcpy(ogg->setup + bytes, parts[i].ptr, parts[i].len);
        bytes += parts[i].len;
    }
    ogg->setup_bytes = bytes;
    ogg->setup_seq++;
    return true;
}

/* RFC 7845 section 5.1. Of the mappings only those that are plain mono or stereo are taken. */
static enum err start_opus(struct framer *framer, struct str packet)
{
    struct ogg_walk *ogg = framer->ogg;
    if (packet.len < OPUS_HEAD_MIN_BYTES)
        return refuse_start(framer, true, "an Opus header that is cut off");
    uint8_t channels = byte_at(packet, 9);
    bool is_plain = byte_at(packet, 18) == 0;
    bool is_single = packet.len >= 21u + channels && byte_at(packet, 18) == 1 &&
                     byte_at(packet, 19) == 1 && byte_at(packet, 20) == channels - 1;
    if (byte_at(packet, 8) >> 4 != 0)
        return refuse_start(framer, true, "an Opus header of an unknown version");
    if ((!is_plain && !is_single) || channels < 1 || channels > 2)
        return refuse_start(framer, true, "Opus with a channel mapping that is not mono or stereo");
    if (!keep_setup(ogg, &packet, 1))
        return refuse_start(framer, true, "an Opus header that is too long");
    ogg->link.format =
        (struct format){.codec = CODEC_OPUS, .rate_hz = OPUS_RATE_HZ, .channels = channels};
    return OK;
}

static enum err start_vorbis(struct framer *framer, struct str packet)
{
    struct ogg_link *link = &framer->ogg->link;
    if (vorbis_parse_head(packet, &link->vorbis, &link->format))
        return refuse_start(framer, true, "a Vorbis header that is not version I");
    /* Kept until the setup header comes and is put behind it. */
    memcpy(link->head, packet.ptr, sizeof link->head);
    return OK;
}

static enum err start_flac(struct framer *framer, struct str packet)
{
    struct ogg_walk *ogg = framer->ogg;
    if (flac_parse_head(packet, &ogg->link.format))
        return refuse_start(framer, true, "a FLAC header that is not mapping 1");
    struct str part =
        str_slice(packet, FLAC_STREAMINFO_AT, FLAC_STREAMINFO_AT + FLAC_STREAMINFO_BYTES);
    bool fits = keep_setup(ogg, &part, 1);
    assert(fits);
    return OK;
}

enum err link_start(struct framer *framer, struct str packet)
{
    framer->ogg->link = (struct ogg_link){0};
    if (str_starts(packet, STR("OpusHead")))
        return start_opus(framer, packet);
    if (str_starts(packet, STR("\1vorbis")))
        return start_vorbis(framer, packet);
    if (str_starts(packet, STR("\177FLAC")))
        return start_flac(framer, packet);
    return refuse_foreign(framer, packet);
}

static void read_comments(struct framer *framer, struct str body)
{
    char title[TITLE_BYTES];
    if (comment_title(body, title))
        framer_offer_title(framer, title);
}

/* The second packet is a comment header; where it was lost, sound comes in its place. */
static enum err take_opus(struct framer *framer, struct str packet, uint32_t *samples)
{
    struct ogg_link *link = &framer->ogg->link;
    if (!link->tags_seen && str_starts(packet, STR("OpusTags"))) {
        read_comments(framer, str_slice(packet, 8, packet.len));
        link->tags_seen = true;
        return E_AGAIN;
    }
    link->tags_seen = true;
    return opus_packet_samples(packet, samples);
}

static enum err take_vorbis_setup(struct framer *framer, struct str packet)
{
    struct ogg_walk *ogg = framer->ogg;
    struct ogg_link *link = &ogg->link;
    if (vorbis_parse_setup(packet, link->format.channels, &link->vorbis))
        return framer_refuse(framer, "a Vorbis setup header that is damaged");
    /* Three packets; the lengths of the first two; an empty comment header between the others. */
    static const struct str comments = {"\3vorbis\0\0\0\0\0\0\0\0\1", 16};
    const char lengths[3] = {2, VORBIS_HEAD_BYTES, 16};
    const struct str parts[] = {
        {lengths, sizeof lengths},
        {(const char *)link->head, sizeof link->head},
        comments,
        packet,
    };
    if (!keep_setup(ogg, parts, sizeof parts / sizeof parts[0]))
        return framer_refuse(framer, "a Vorbis setup header that is too long");
    return E_AGAIN;
}

static enum err take_vorbis(struct framer *framer, struct str packet, uint32_t *samples)
{
    if (str_starts(packet, STR("\3vorbis"))) {
        read_comments(framer, str_slice(packet, 7, packet.len));
        return E_AGAIN;
    }
    if (str_starts(packet, STR("\5vorbis")))
        return take_vorbis_setup(framer, packet);
    return vorbis_samples(&framer->ogg->link.vorbis, packet, samples);
}

static enum err take_flac(struct framer *framer, struct str packet, uint32_t *samples)
{
    uint8_t first = byte_at(packet, 0);
    if (first == 0xFF)
        return flac_samples(packet, samples);
    if ((first & 0x7F) == 4)
        read_comments(framer, str_slice(packet, 4, packet.len));
    return E_AGAIN;
}

enum err link_packet(struct framer *framer, struct str packet, bool is_cut, struct frame *out)
{
    struct ogg_link *link = &framer->ogg->link;
    uint32_t samples = 0;
    if (packet.len == 0)
        return E_AGAIN; /* as some write to have a last page */
    enum err err = link->format.codec == CODEC_OPUS     ? take_opus(framer, packet, &samples)
                   : link->format.codec == CODEC_VORBIS ? take_vorbis(framer, packet, &samples)
                                                        : take_flac(framer, packet, &samples);
    /* Headers may be cut (pictures in comments are large), sound may not. */
    if (err == OK && is_cut)
        err = E_CORRUPT;
    if (err == E_CORRUPT) {
        framer_lose(framer, packet.len);
        return E_AGAIN;
    }
    if (!err)
        *out = (struct frame){packet, samples, link->format};
    return err;
}
