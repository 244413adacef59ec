/* deck/input.h - one slot: what it is given becomes stereo on the grid, each sample at its time.
 *
 *     FRAMES --decoder--> piece --resampler, steered--> strip --edge--> rendered block
 *     a bed ----------------------------------------------^
 *
 * The resampler is steered so that the sound keeps to the frames' times; where a frame lies over
 * 40 ms from where the sound before it leads to, it is placed anew. A frame that cannot be decoded
 * is silence of its length. Thread: one at a time. */
#ifndef MAST_DECK_INPUT_H
#define MAST_DECK_INPUT_H

#include "bed.h"
#include "codec.h"
#include "edge.h"
#include "strip.h"

#define INPUT_STEER_MAX_PPM 1000
#define INPUT_PLACE_ANEW    (DECK_RATE_HZ * 40 / 1000)
#define INPUT_FAILURES_MAX  200 /* in a row; then TROUBLE */
#define INPUT_TROUBLE_BYTES 120
#define INPUT_BED_CHUNK     GRID_TENTH
#define INPUT_BED_CHUNKS    (BED_ROUND_SAMPLES / INPUT_BED_CHUNK)

struct input {
    enum deck_input_kind kind;
    struct edge edge;
    /* coded */
    struct format format;
    struct decoder *decoder; /* NULL: there is none for it; all frames are silence */
    struct resampler *resampler;
    struct strip strip;
    bool is_placed; /* the resampler's next sample belongs at strip.at */
    int steer_ppm;
    uint32_t failures; /* in a row */
    bool is_told;
    char trouble[INPUT_TROUBLE_BYTES]; /* "" = none to be told */
    /* bed */
    enum bed bed;
    bool has_time_code;
    int64_t origin;   /* the sample at which its music begins */
    int64_t chunk_at; /* what `chunk` holds; -1 = nothing */
    float *chunk[2];  /* INPUT_BED_CHUNK samples each */
    bool keeps_round; /* set by who renders many: what was made of a round is not made again */
    float *round;     /* both channels, chunk by chunk, without time code; NULL = nothing is kept */
    bool is_kept[INPUT_BED_CHUNKS];
};

void input_init(struct input *input, int64_t now);
void input_release(struct input *input);

/* Puts something else into the slot; what is rendered next is at or after `now`. What sounded from it
 * rings out; a codec that follows a codec takes over from the time of its first frame on.
 * Errors: E_NOMEM. A codec that is not known is trouble, not an error. */
MUST_USE enum err input_set(struct input *input, const struct deck_input *what, int64_t at_us,
                            int64_t now);

/* Takes a frame in; one whose time is over is decoded all the same, for the sake of the next.
 * Shape:  frames lie at most STRIP_SAMPLES_MAX ahead of what was rendered; beyond that is lost.
 * Errors: E_NOMEM. */
MUST_USE enum err input_frame(struct input *input, int64_t at_us, uint32_t samples,
                              struct str payload);

/* Renders [at, at + samples) and forgets it. Returns false if nothing of it was sound.
 * Shape: at is where the last call ended, or later if it was idle; samples <= GRID_BLOCK_MAX. */
bool input_render(struct input *input, int64_t at, size_t samples, float *left, float *right);

/* Tells whether there is nothing in the slot and nothing left to ring out: it need not be rendered. */
bool input_is_idle(const struct input *input);

/* Hands over what is wrong, once.   Errors: E_AGAIN there is nothing new. */
MUST_USE enum err input_take_trouble(struct input *input, char out[INPUT_TROUBLE_BYTES]);

#endif
