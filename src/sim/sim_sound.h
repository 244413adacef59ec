/* sim/sim_sound.h - frames that only look like sound: each says whose it is, which, and what would
 * be heard in it. Pure. */
#ifndef MAST_SIM_SOUND_H
#define MAST_SIM_SOUND_H

#include "media/format.h"

enum sim_sound {
    SIM_MISSING, /* nothing where something should be */
    SIM_LOUD,
    SIM_SILENT,
    SIM_ONE_SIDED, /* one channel is dead */
    SIM_TONE,      /* the same one on and on */
    SIM_SOUND_COUNT
};

/* What is heard. */
struct sim_voice {
    uint8_t name; /* 'a'..'z' an input, SIM_LOOP, 0 = nobody */
    uint8_t sound;
    uint16_t life; /* counts its connections; 12 bits */
    uint32_t seq;  /* of the frame in that life; 30 bits */
};
#define SIM_LOOP 'L'

/* Same but for the number of the frame? */
static inline bool sim_voice_same(const struct sim_voice *a, const struct sim_voice *b)
{
    return a->name == b->name && a->sound == b->sound && a->life == b->life;
}

/* The kinds of frames that sources send. */
struct sim_kind {
    enum container container;
    uint32_t rate_hz, samples, bytes;
    unsigned char head[7];
};
enum { SIM_KIND_USUAL, SIM_KIND_ADTS = 4, SIM_KINDS = 6 }; /* 0..3 MPEG, 4..5 ADTS */
#define SIM_FRAME_MAX_BYTES 96
const struct sim_kind *sim_kind(size_t kind);

/* Writes one frame: sim_kind(kind)->bytes. */
void sim_frame_make(size_t kind, const struct sim_voice *voice,
                    unsigned char out[SIM_FRAME_MAX_BYTES]);

/* Reads a source's frame; *kind tells which. Errors: E_CORRUPT it is none. */
MUST_USE enum err sim_frame_read(struct str bytes, struct sim_voice *voice, size_t *kind);

/* What a deck gives out: always SIM_OUT_BYTES. */
struct sim_out {
    uint32_t magic;
    struct sim_voice voice; /* what is heard in most of it */
    uint32_t missing_us;    /* of it, nothing is heard */
    uint32_t output;
    int64_t at_us;
    uint32_t length_us;
    uint32_t deck_life;
};
#define SIM_OUT_BYTES 40
#define SIM_OUT_MAGIC UINT32_C(0x54554f4d) /* "MOUT" */

/* Errors: E_CORRUPT it is none. */
MUST_USE enum err sim_out_read(struct str bytes, struct sim_out *out);

#endif
