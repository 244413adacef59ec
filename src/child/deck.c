/* child/deck.c - contract in deck.h. How the payloads lie, little-endian:
 *
 *     input:  0 u8 kind      1 u8 bed       2 u8 time code  3 u8 codec     4 u32 rate
 *             8 u32 bit rate 12 u8 channels 13 u8 profile   14 u16 zero    16 u32 setup bytes
 *             20 the setup
 *     output: 0 u8 codec     1 u8 channels  2 u8 profile    3 u8 quick     4 u32 rate
 *             8 u32 bit rate 12 u32 zero
 *     levels: 0 i16 peak x 2 4 i16 rms x 2  8 i16 short-term 10 i16 residue 12 u16 tone
 *
 * Each value has one form in bytes: what a kind does not use is zero. */
#include "child/deck.h"

#include "base/bytes.h"

#include <string.h>

#define BEDS            3
#define INPUT_RATE_MAX  1048575 /* what the 20 bits of a FLAC header can say */
#define OUTPUT_RATE_MIN 8000
#define BITRATE_MIN     8000
#define BITRATE_MAX     640000
#define LEVEL_NONE_CB   (-10000)

_Static_assert(CODEC_COUNT <= 256, "a codec is one byte");

static bool is_flag(unsigned char byte)
{
    return byte <= 1;
}

static bool is_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

size_t deck_input_pack(const struct deck_input *input,
                       unsigned char out[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX])
{
    memset(out, 0, DECK_INPUT_HEAD_BYTES);
    out[0] = (unsigned char)input->kind;
    if (input->kind == DECK_BED) {
        assert(input->bed < BEDS);
        out[1] = input->bed;
        out[2] = input->has_time_code;
    }
    if (input->kind != DECK_CODED)
        return DECK_INPUT_HEAD_BYTES;
    assert(input->setup.len <= DECK_SETUP_MAX);
    out[3] = (unsigned char)input->format.codec;
    le_put(out + 4, input->format.rate_hz, 4);
    le_put(out + 8, input->format.bitrate_bps, 4);
    out[12] = input->format.channels;
    out[13] = input->format.profile;
    le_put(out + 16, input->setup.len, 4);
    if (input->setup.len > 0)
        memcpy(out + DECK_INPUT_HEAD_BYTES, input->setup.ptr, input->setup.len);
    return DECK_INPUT_HEAD_BYTES + input->setup.len;
}

static enum err coded_unpack(struct str payload, struct deck_input *out)
{
    const unsigned char *bytes = (const unsigned char *)payload.ptr;
    unsigned codec = bytes[3];
    uint64_t rate_hz = le_get(bytes + 4, 4), setup_bytes = le_get(bytes + 16, 4);
    if (codec == CODEC_NONE || codec >= CODEC_COUNT || rate_hz == 0 || rate_hz > INPUT_RATE_MAX ||
        bytes[12] < 1 || bytes[12] > 8 || !is_zero(bytes + 1, 2) || !is_zero(bytes + 14, 2) ||
        setup_bytes > DECK_SETUP_MAX || setup_bytes != payload.len - DECK_INPUT_HEAD_BYTES)
        return E_SYNTAX;
    out->kind = DECK_CODED;
    out->format = (struct format){
        .codec = (enum codec)codec,
        .rate_hz = (uint32_t)rate_hz,
        .bitrate_bps = (uint32_t)le_get(bytes + 8, 4),
        .channels = bytes[12],
        .profile = bytes[13],
    };
    out->setup = str_slice(payload, DECK_INPUT_HEAD_BYTES, payload.len);
    return OK;
}

enum err deck_input_unpack(struct str payload, struct deck_input *out)
{
    *out = (struct deck_input){0};
    if (payload.len < DECK_INPUT_HEAD_BYTES)
        return E_SYNTAX;
    const unsigned char *bytes = (const unsigned char *)payload.ptr;
    if (bytes[0] == DECK_CODED)
        return coded_unpack(payload, out);
    if (payload.len != DECK_INPUT_HEAD_BYTES || !is_zero(bytes + 3, DECK_INPUT_HEAD_BYTES - 3))
        return E_SYNTAX;
    if (bytes[0] == DECK_NOTHING)
        return is_zero(bytes + 1, 2) ? OK : E_SYNTAX;
    if (bytes[0] != DECK_BED || bytes[1] >= BEDS || !is_flag(bytes[2]))
        return E_SYNTAX;
    out->kind = DECK_BED;
    out->bed = bytes[1];
    out->has_time_code = bytes[2];
    return OK;
}

void deck_output_pack(const struct deck_output *output, unsigned char out[DECK_OUTPUT_BYTES])
{
    memset(out, 0, DECK_OUTPUT_BYTES);
    out[0] = (unsigned char)output->format.codec;
    out[1] = output->format.channels;
    out[2] = output->format.profile;
    out[3] = output->is_quick;
    le_put(out + 4, output->format.rate_hz, 4);
    le_put(out + 8, output->format.bitrate_bps, 4);
}

enum err deck_output_unpack(struct str payload, struct deck_output *out)
{
    *out = (struct deck_output){0};
    if (payload.len != DECK_OUTPUT_BYTES)
        return E_SYNTAX;
    const unsigned char *bytes = (const unsigned char *)payload.ptr;
    unsigned codec = bytes[0];
    uint64_t rate_hz = le_get(bytes + 4, 4), bitrate_bps = le_get(bytes + 8, 4);
    if ((codec != CODEC_MP3 && codec != CODEC_AAC && codec != CODEC_OPUS) || bytes[1] < 1 ||
        bytes[1] > 2 || !is_flag(bytes[3]) || rate_hz < OUTPUT_RATE_MIN || rate_hz > DECK_RATE_HZ ||
        bitrate_bps < BITRATE_MIN || bitrate_bps > BITRATE_MAX || !is_zero(bytes + 12, 4))
        return E_SYNTAX;
    out->format = (struct format){
        .codec = (enum codec)codec,
        .rate_hz = (uint32_t)rate_hz,
        .bitrate_bps = (uint32_t)bitrate_bps,
        .channels = bytes[1],
        .profile = bytes[2],
    };
    out->is_quick = bytes[3];
    return OK;
}

void deck_levels_pack(const struct deck_levels *levels, unsigned char out[DECK_LEVELS_BYTES])
{
    for (int i = 0; i < 2; i++) {
        le_put(out + 2 * i, (uint16_t)levels->peak_cb[i], 2);
        le_put(out + 4 + 2 * i, (uint16_t)levels->rms_cb[i], 2);
    }
    le_put(out + 8, (uint16_t)levels->short_term_cb, 2);
    le_put(out + 10, (uint16_t)levels->residue_cb, 2);
    le_put(out + 12, levels->tone_hz, 2);
}

enum err deck_levels_unpack(struct str payload, struct deck_levels *out)
{
    *out = (struct deck_levels){0};
    if (payload.len != DECK_LEVELS_BYTES)
        return E_SYNTAX;
    const unsigned char *bytes = (const unsigned char *)payload.ptr;
    int16_t values[6];
    for (int i = 0; i < 6; i++)
        values[i] = (int16_t)le_get(bytes + 2 * i, 2);
    for (int i = 0; i < 5; i++) /* all but the residue are levels */
        if (values[i] < LEVEL_NONE_CB)
            return E_SYNTAX;
    uint16_t tone_hz = (uint16_t)le_get(bytes + 12, 2);
    if (tone_hz > DECK_RATE_HZ / 2)
        return E_SYNTAX;
    *out = (struct deck_levels){
        .peak_cb = {values[0], values[1]},
        .rms_cb = {values[2], values[3]},
        .short_term_cb = values[4],
        .residue_cb = values[5],
        .tone_hz = tone_hz,
    };
    return OK;
}
