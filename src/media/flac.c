/* media/flac.c - contract in ogg_codec_priv.h */
#include "media/bytes_priv.h"
#include "media/ogg_codec_priv.h"

#define CODED_NUMBER_AT 4

enum err flac_parse_head(struct str packet, struct format *format)
{
    *format = (struct format){0};
    /* Mapping version 1, minor version any; one STREAMINFO block. */
    if (packet.len != FLAC_HEAD_BYTES || !str_starts(packet, STR("\177FLAC\1")) ||
        !str_eq(str_slice(packet, 9, 13), STR("fLaC")) || (byte_at(packet, 13) & 0x7F) != 0)
        return E_CORRUPT;
    uint32_t word = be32_at(packet, FLAC_STREAMINFO_AT + 10);
    uint32_t rate_hz = word >> 12;
    if (rate_hz == 0)
        return E_CORRUPT;
    *format = (struct format){
        .codec = CODEC_FLAC,
        .rate_hz = rate_hz,
        .channels = (uint8_t)((word >> 9 & 7) + 1),
    };
    return OK;
}

static uint8_t crc8(struct str bytes)
{
    unsigned crc = 0;
    for (size_t i = 0; i < bytes.len; i++) {
        crc ^= byte_at(bytes, i);
        for (int bit = 0; bit < 8; bit++)
            crc = crc << 1 ^ (crc & 0x80 ? 0x107u : 0);
    }
    return (uint8_t)crc;
}

/* The bytes of the coded frame or sample number, 0 if it is none; form as of UTF-8, to 7 bytes. */
static size_t number_bytes(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    size_t ones = 0;
    while (ones < 8 && (lead << ones & 0x80))
        ones++;
    return ones >= 2 && ones <= 7 ? ones : 0;
}

/* Blocks whose size needs no bytes behind the header; 0 for the others. */
static uint32_t block_samples(unsigned code)
{
    if (code == 1)
        return 192;
    if (code >= 2 && code <= 5)
        return 576u << (code - 2);
    return code >= 8 ? 256u << (code - 8) : 0;
}

enum err flac_samples(struct str frame, uint32_t *out)
{
    *out = 0;
    if (frame.len < CODED_NUMBER_AT + 1 || byte_at(frame, 0) != 0xFF ||
        (byte_at(frame, 1) & 0xFE) != 0xF8)
        return E_CORRUPT;
    unsigned block_code = byte_at(frame, 2) >> 4;
    unsigned rate_code = byte_at(frame, 2) & 15;
    size_t number = number_bytes(byte_at(frame, CODED_NUMBER_AT));
    if (block_code == 0 || rate_code == 15 || byte_at(frame, 3) >> 4 > 10 || number == 0)
        return E_CORRUPT;
    size_t block_at = CODED_NUMBER_AT + number;
    size_t block_bytes = block_code == 6 ? 1 : block_code == 7 ? 2 : 0;
    size_t rate_bytes = rate_code == 12 ? 1 : rate_code > 12 ? 2 : 0;
    size_t crc_at = block_at + block_bytes + rate_bytes;
    if (frame.len <= crc_at || crc8(str_slice(frame, 0, crc_at)) != byte_at(frame, crc_at))
        return E_CORRUPT;
    uint32_t samples = block_bytes == 1   ? byte_at(frame, block_at) + 1u
                       : block_bytes == 2 ? be16_at(frame, block_at) + 1
                                          : block_samples(block_code);
    if (samples > UINT16_MAX)
        return E_CORRUPT;
    *out = samples;
    return OK;
}
