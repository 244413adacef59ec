/* media/scan.c - contract in scan.h */
#include "media/scan.h"

#include "media/ogg_opus.h"
#include "media/ogg_page_priv.h"
#include "media/raw_priv.h"

static enum err scan_raw(enum codec codec, struct str bytes, struct scan_frame *out)
{
    struct raw_head head;
    enum err err = codec == CODEC_MP3 ? mpeg_parse(bytes, &head) : adts_parse(bytes, &head);
    if (err)
        return err;
    /* On a tape the CRC of AAC was taken off; in MP3 it may stay. */
    if (codec == CODEC_AAC && head.has_crc)
        return E_CORRUPT;
    if (bytes.len < head.bytes)
        return E_AGAIN;
    *out = (struct scan_frame){head.bytes, head.samples, head.format};
    return OK;
}

static enum err scan_opus(struct str bytes, struct scan_frame *out)
{
    struct ogg_page page;
    enum err err = ogg_page_parse(bytes, &page);
    if (err)
        return err;
    uint32_t samples;
    err = opus_page_samples(str_slice(bytes, 0, page.bytes), &samples);
    if (err)
        return err;
    *out = (struct scan_frame){page.bytes, samples, {.codec = CODEC_OPUS, .rate_hz = OPUS_RATE_HZ}};
    return OK;
}

enum err scan_frame(enum codec codec, struct str bytes, struct scan_frame *out)
{
    *out = (struct scan_frame){0};
    switch (codec) {
    case CODEC_MP3:
    case CODEC_AAC:
        return scan_raw(codec, bytes, out);
    case CODEC_OPUS:
        return scan_opus(bytes, out);
    case CODEC_NONE:
    case CODEC_VORBIS:
    case CODEC_FLAC:
    case CODEC_COUNT:
        break; /* never on a tape */
    }
    return E_CORRUPT;
}
