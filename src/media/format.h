/* media/format.h - what a piece of coded sound is. Pure.   Thread: any. Air-safe. */
#ifndef MAST_MEDIA_FORMAT_H
#define MAST_MEDIA_FORMAT_H

#include "base/str.h"

enum codec {
    CODEC_NONE = 0,
    CODEC_MP3,    /* MPEG-1/2/2.5 layer III; a frame is one MPEG frame */
    CODEC_AAC,    /* a frame is one ADTS frame without CRC that holds one block */
    CODEC_OPUS,   /* from a framer: one Opus packet; on a tape: one Ogg page of at most 200 ms */
    CODEC_VORBIS, /* one Vorbis packet; an input only */
    CODEC_FLAC,   /* one FLAC frame; an input only */
    CODEC_COUNT
};

/* How the bytes of a source are packed; follows from its Content-Type. */
enum container { CONTAINER_MPEG, CONTAINER_ADTS, CONTAINER_OGG };

struct format {
    enum codec codec;
    uint32_t rate_hz;     /* of the samples that frames are counted in; 48000 for Opus */
    uint32_t bitrate_bps; /* as the frame headers say it; 0 where they do not */
    uint8_t channels;     /* 1..8 */
    uint8_t profile;      /* AAC: audio object type (2 = LC); MP3: MPEG version, 1, 2 or 25 */
};

/* "mp3", "aac", "opus", "vorbis", "flac": the name in documents, file names and metrics. */
const char *codec_name(enum codec codec);
enum codec codec_from_name(struct str name); /* CODEC_NONE if there is none */

/* The Content-Type that a listener of this codec gets, and the suffix of its address. */
const char *codec_content_type(enum codec codec); /* "audio/mpeg", "audio/aac", "audio/ogg" */

/* Tells the container of a source's Content-Type (parameters after ';' ignored, any case).
 * Shape: audio/mpeg audio/x-mpeg audio/mp3 -> MPEG; audio/aac audio/aacp audio/x-aac -> ADTS;
 *        application/ogg audio/ogg audio/opus application/x-ogg -> OGG.
 * Errors: E_UNSUPPORTED. */
MUST_USE enum err container_from_type(struct str content_type, enum container *out);

/* Same codec, rate, channels and profile: frames of both may follow one another on a tape without
 * a decoder noticing. The bit rate does not matter. */
bool format_same(const struct format *a, const struct format *b);

#endif
