/* media/adts.c - ADTS headers; contract in raw_priv.h */
#include "media/bytes_priv.h"
#include "media/raw_priv.h"

#include <string.h>

#define CRC_BYTES 2

static const uint32_t rates_hz[16] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                      22050, 16000, 12000, 11025, 8000,  7350};
static const uint8_t channels_of[8] = {0, 1, 2, 3, 4, 5, 6, 8};

enum err adts_parse(struct str bytes, struct raw_head *out)
{
    *out = (struct raw_head){0};
    if (bytes.len > 0 && byte_at(bytes, 0) != 0xFF)
        return E_CORRUPT;
    if (bytes.len > 1 && (byte_at(bytes, 1) & 0xF6) != 0xF0)
        return E_CORRUPT;
    if (bytes.len < ADTS_HEAD_BYTES)
        return E_AGAIN;

    uint32_t rate_hz = rates_hz[byte_at(bytes, 2) >> 2 & 15];
    uint8_t channels = channels_of[(byte_at(bytes, 2) & 1) << 2 | byte_at(bytes, 3) >> 6];
    size_t frame_bytes = (byte_at(bytes, 3) & 3u) << 11 | be16_at(bytes, 4) >> 5;
    unsigned blocks_more = byte_at(bytes, 6) & 3;
    bool has_crc = !(byte_at(bytes, 1) & 1);
    size_t head_bytes = ADTS_HEAD_BYTES + (has_crc ? CRC_BYTES : 0);
    if (rate_hz == 0 || channels == 0 || frame_bytes <= head_bytes || blocks_more > 0)
        return E_CORRUPT;

    out->bytes = frame_bytes;
    out->samples = 1024;
    out->has_crc = has_crc;
    out->format = (struct format){
        .codec = CODEC_AAC,
        .rate_hz = rate_hz,
        .channels = channels,
        .profile = (uint8_t)((byte_at(bytes, 2) >> 6) + 1),
    };
    return OK;
}

void adts_strip_crc(unsigned char *frame, struct raw_head *head)
{
    assert(head->has_crc && head->bytes > ADTS_HEAD_BYTES + CRC_BYTES);
    memmove(frame + CRC_BYTES, frame, ADTS_HEAD_BYTES);
    frame += CRC_BYTES;
    head->bytes -= CRC_BYTES;
    head->has_crc = false;
    frame[1] |= 1;
    frame[3] = (unsigned char)((frame[3] & 0xFC) | head->bytes >> 11);
    frame[4] = (unsigned char)(head->bytes >> 3);
    frame[5] = (unsigned char)((frame[5] & 0x1F) | (head->bytes & 7) << 5);
}
