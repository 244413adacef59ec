/* sim/sim_sound.c - contract in sim_sound.h
 *
 * Behind the header of a frame lies, at the same place for all kinds:
 *   8 magic  9 name  10 sound  11 life, 2 x 6 bits  13 sequence, 5 x 6 bits  18 sum
 * Six bits a byte, so that nothing looks like a header, and the sum, so that noise is not believed.
 */
#include "sim/sim_sound.h"

#include <string.h>

#define BODY_AT  8
#define SUM_AT   18
#define MAGIC    0x2A
#define FILL     0x15
#define LOW_BITS 0x3F

_Static_assert(sizeof(struct sim_out) == SIM_OUT_BYTES, "a deck's frames are copied as they are");

/* As small as their formats allow: MPEG-2 and MPEG-1 layer III at their lowest rates, AAC-LC. */
static const struct sim_kind kinds[SIM_KINDS] = {
    {CONTAINER_MPEG, 24000, 576, 24, {0xFF, 0xF3, 0x14}},
    {CONTAINER_MPEG, 22050, 576, 26, {0xFF, 0xF3, 0x10}},
    {CONTAINER_MPEG, 48000, 1152, 96, {0xFF, 0xFB, 0x14}},
    {CONTAINER_MPEG, 16000, 576, 36, {0xFF, 0xF3, 0x18}},
    {CONTAINER_ADTS, 24000, 1024, 24, {0xFF, 0xF1, 0x58, 0x80, 0x03, 0x1F, 0xFC}},
    {CONTAINER_ADTS, 48000, 1024, 24, {0xFF, 0xF1, 0x4C, 0x80, 0x03, 0x1F, 0xFC}},
};

const struct sim_kind *sim_kind(size_t kind)
{
    assert(kind < SIM_KINDS);
    return &kinds[kind];
}

static unsigned char sum_of(const unsigned char *frame)
{
    unsigned sum = 0;
    for (size_t i = BODY_AT; i < SUM_AT; i++)
        sum = sum * 5 + frame[i];
    return (unsigned char)(sum & LOW_BITS);
}

void sim_frame_make(size_t kind, const struct sim_voice *voice,
                    unsigned char out[SIM_FRAME_MAX_BYTES])
{
    const struct sim_kind *k = sim_kind(kind);
    memset(out, FILL, k->bytes);
    memcpy(out, k->head, k->container == CONTAINER_MPEG ? 3 : sizeof k->head);
    out[BODY_AT] = MAGIC;
    out[BODY_AT + 1] = voice->name & LOW_BITS; /* lower case: the bit above is 1 */
    out[BODY_AT + 2] = voice->sound;
    for (unsigned i = 0; i < 2; i++)
        out[BODY_AT + 3 + i] = (unsigned char)(voice->life >> (6 * i) & LOW_BITS);
    for (unsigned i = 0; i < 5; i++)
        out[BODY_AT + 5 + i] = (unsigned char)(voice->seq >> (6 * i) & LOW_BITS);
    out[SUM_AT] = sum_of(out);
}

static bool find_kind(struct str bytes, size_t *kind)
{
    for (*kind = 0; *kind < SIM_KINDS; (*kind)++)
        if (bytes.len == kinds[*kind].bytes && memcmp(bytes.ptr, kinds[*kind].head, 3) == 0)
            return true;
    return false;
}

enum err sim_frame_read(struct str bytes, struct sim_voice *voice, size_t *kind)
{
    const unsigned char *frame = (const unsigned char *)bytes.ptr;
    *voice = (struct sim_voice){0};
    if (!find_kind(bytes, kind) || frame[BODY_AT] != MAGIC || frame[SUM_AT] != sum_of(frame) ||
        frame[BODY_AT + 2] >= SIM_SOUND_COUNT)
        return E_CORRUPT;
    voice->name = frame[BODY_AT + 1] | 0x40;
    voice->sound = frame[BODY_AT + 2];
    for (unsigned i = 0; i < 2; i++)
        voice->life |= (uint16_t)(frame[BODY_AT + 3 + i] << (6 * i));
    for (unsigned i = 0; i < 5; i++)
        voice->seq |= (uint32_t)frame[BODY_AT + 5 + i] << (6 * i);
    return OK;
}

enum err sim_out_read(struct str bytes, struct sim_out *out)
{
    *out = (struct sim_out){0};
    if (bytes.len != SIM_OUT_BYTES)
        return E_CORRUPT;
    memcpy(out, bytes.ptr, sizeof *out);
    return out->magic == SIM_OUT_MAGIC ? OK : E_CORRUPT;
}
