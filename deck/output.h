/* deck/output.h - one rendition: the programme in, frames with their time out.
 *
 *     block --mono, resampler--> [ one frame ] --encoder--> frame, time of its first decoded sample
 *
 * The frame grid is fixed by one instant at which a frame begins: the encoder's first sample is
 * chosen so many frames before it, less its own delay. What lies before is for it to warm up, real
 * sound as far as there is any. Thread: one at a time. */
#ifndef MAST_DECK_OUTPUT_H
#define MAST_DECK_OUTPUT_H

#include "codec.h"
#include "grid.h"

#define OUTPUT_WARM_UP_FRAMES 24 /* at most; half a second */

struct output;

/* Gets a frame: at_us as in DECK_OUT, bytes borrowed. */
struct output_sink {
    void *ctx;
    void (*frame)(void *ctx, int64_t at_us, uint32_t samples, struct str bytes);
};

/* Makes an output whose frames begin at at_us, on a timeline that begins at start_us.
 * Shape:  rates 48000, 44100, 32000; Opus 48000; 0 <= start_us <= at_us.
 * Owner:  the caller, output_free().   Errors: E_RANGE, E_UNSUPPORTED, E_NOMEM. */
MUST_USE enum err output_new(const struct deck_output *what, int64_t at_us, int64_t start_us,
                             struct output **out);
void output_free(struct output **output);

/* Takes the block [at, at + samples) of the programme, where the last one ended.
 * Errors: E_NOMEM, E_IO. */
MUST_USE enum err output_push(struct output *output, int64_t at, const float *const planes[2],
                              size_t samples, const struct output_sink *sink);

#endif
