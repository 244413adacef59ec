/* media/mpeg.c - MPEG-1, 2 and 2.5 layer III headers; contract in raw_priv.h */
#include "media/bytes_priv.h"
#include "media/raw_priv.h"

#define HEAD_BYTES 4

/* In units of 1000 bit/s; index 0 is free format and 15 is forbidden: neither is taken. */
static const uint16_t kbps_mpeg1[16] = {0,   32,  40,  48,  56,  64,  80,  96,
                                        112, 128, 160, 192, 224, 256, 320, 0};
static const uint16_t kbps_mpeg2[16] = {0,  8,  16, 24,  32,  40,  48,  56,
                                        64, 80, 96, 112, 128, 144, 160, 0};
static const uint16_t rates_mpeg1_hz[3] = {44100, 48000, 32000};

enum err mpeg_parse(struct str bytes, struct raw_head *out)
{
    *out = (struct raw_head){0};
    if (bytes.len > 0 && byte_at(bytes, 0) != 0xFF)
        return E_CORRUPT;
    if (bytes.len > 1) {
        unsigned second = byte_at(bytes, 1);
        /* Eleven bits of sync, a version that is not reserved, layer III. */
        if ((second & 0xE0) != 0xE0 || (second & 0x18) == 0x08 || (second & 0x06) != 0x02)
            return E_CORRUPT;
    }
    if (bytes.len < HEAD_BYTES)
        return E_AGAIN;

    unsigned version = byte_at(bytes, 1) >> 3 & 3; /* 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5 */
    unsigned rate_index = byte_at(bytes, 2) >> 2 & 3;
    unsigned padding = byte_at(bytes, 2) >> 1 & 1;
    bool is_mpeg1 = version == 3;
    uint32_t kbps = (is_mpeg1 ? kbps_mpeg1 : kbps_mpeg2)[byte_at(bytes, 2) >> 4];
    bool reserved_emphasis = (byte_at(bytes, 3) & 3) == 2;
    if (rate_index == 3 || kbps == 0 || reserved_emphasis)
        return E_CORRUPT;

    uint32_t rate_hz = (uint32_t)rates_mpeg1_hz[rate_index] >> (is_mpeg1       ? 0
                                                                : version == 2 ? 1
                                                                               : 2);
    out->samples = is_mpeg1 ? 1152 : 576;
    out->bytes = out->samples / 8 * kbps * 1000 / rate_hz + padding;
    out->has_crc = !(byte_at(bytes, 1) & 1);
    out->format = (struct format){
        .codec = CODEC_MP3,
        .rate_hz = rate_hz,
        .bitrate_bps = kbps * 1000,
        .channels = byte_at(bytes, 3) >> 6 == 3 ? 1 : 2,
        .profile = is_mpeg1       ? 1
                   : version == 2 ? 2
                                  : 25,
    };
    assert(out->bytes > HEAD_BYTES && out->bytes <= MPEG_FRAME_MAX_BYTES);
    return OK;
}

bool mpeg_is_index(struct str frame, const struct raw_head *head)
{
    bool is_mpeg1 = head->format.profile == 1;
    bool is_mono = head->format.channels == 1;
    /* Behind the side information, as if there were no CRC even where there is one. */
    size_t at = HEAD_BYTES + (is_mpeg1 ? (is_mono ? 17u : 32u) : (is_mono ? 9u : 17u));
    struct str name = str_slice(frame, at, at + 4);
    /* The words behind the names have few values: sound that happens to look like a name stays. */
    if ((str_eq(name, STR("Xing")) || str_eq(name, STR("Info"))) && frame.len >= at + 8)
        return be32_at(frame, at + 4) <= 0x0F;
    at = HEAD_BYTES + 32;
    if (str_eq(str_slice(frame, at, at + 4), STR("VBRI")) && frame.len >= at + 6)
        return be16_at(frame, at + 4) == 1;
    return false;
}
