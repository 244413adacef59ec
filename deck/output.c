#include "output.h"

#include "base/mem.h"
#include "memo.h"

#include <math.h>
#include <string.h>

struct output {
    uint8_t channels;
    uint32_t rate_hz;
    int64_t at_us;               /* when the first frame that is given out begins */
    int64_t first;               /* of which sample of the encoder's that is */
    int64_t next;                /* the grid's sample that is wanted next */
    struct resampler *resampler; /* NULL at the deck's own rate */
    struct encoder *encoder;
    struct memo *memo; /* in front of the encoder; NULL = none */
    uint32_t frame_samples, filled;
    float *frame[2]; /* what is gathered for the encoder */
};

static bool is_known(const struct format *format)
{
    bool is_rate =
        format->rate_hz == 48000 ||
        (format->codec != CODEC_OPUS && (format->rate_hz == 44100 || format->rate_hz == 32000));
    return is_rate && (format->channels == 1 || format->channels == 2);
}

/* Chooses the encoder's first sample: so many whole frames before the instant that there is
 * something to warm up with, no more than is of use, and the decoder's delay less. */
static void choose_start(struct output *output, int64_t start_us)
{
    int64_t delay = encoder_delay_samples(output->encoder), frame = output->frame_samples;
    double lead = (double)(output->at_us - start_us) * output->rate_hz / 1e6;
    int64_t frames = (int64_t)floor((lead + (double)delay) / (double)frame);
    int64_t least = (delay + frame - 1) / frame + 1;
    if (frames > OUTPUT_WARM_UP_FRAMES)
        frames = OUTPUT_WARM_UP_FRAMES;
    if (frames < least)
        frames = least;
    output->first = frames * frame - delay;
    double before = (double)output->first * DECK_RATE_HZ / output->rate_hz;
    output->next =
        grid_of_us(output->at_us) + (int64_t)llrint(grid_part_of_us(output->at_us) - before);
}

enum err output_new(const struct deck_output *what, int64_t at_us, int64_t start_us,
                    struct output **out)
{
    *out = NULL;
    if (!is_known(&what->format) || start_us < 0 || at_us < start_us || at_us > GRID_US_MAX)
        return E_RANGE;
    struct output *output = mem_new(sizeof(*output));
    if (!output)
        return E_NOMEM;
    output->channels = what->format.channels;
    output->rate_hz = what->format.rate_hz;
    output->at_us = at_us;
    enum err err = encoder_new(what, &output->encoder);
    if (err == OK && output->rate_hz != DECK_RATE_HZ)
        err = resampler_new_out(output->channels, output->rate_hz, &output->resampler);
    if (err != OK)
        goto out;
    if (what->is_quick && what->format.codec != CODEC_OPUS)
        err = memo_new(output->encoder, output->channels, MEMO_BYTES, &output->memo);
    if (err != OK)
        goto out;
    output->frame_samples = encoder_frame_samples(output->encoder);
    choose_start(output, start_us);
    for (int c = 0; c < 2; c++) {
        output->frame[c] = mem_new_array(output->frame_samples, sizeof(float));
        if (!output->frame[c])
            err = E_NOMEM;
    }
out:
    if (err != OK)
        output_free(&output);
    *out = output;
    return err;
}

void output_free(struct output **output)
{
    if (!*output)
        return;
    memo_free(&(*output)->memo);
    encoder_free(&(*output)->encoder);
    resampler_free(&(*output)->resampler);
    mem_free((*output)->frame[0]);
    mem_free((*output)->frame[1]);
    mem_free(*output);
    *output = NULL;
}

static enum err give_out(struct output *output, const struct output_sink *sink)
{
    for (;;) {
        struct str bytes;
        int64_t sample;
        enum err err = output->memo ? memo_next(output->memo, &bytes, &sample)
                                    : encoder_next(output->encoder, &bytes, &sample);
        if (err == E_AGAIN)
            return OK;
        if (err != OK)
            return err;
        if (sample < output->first)
            continue;
        /* Counted from the first frame, so that rounding does not add up. */
        double after_us = (double)(sample - output->first) * 1e6 / output->rate_hz;
        sink->frame(sink->ctx, output->at_us + llrint(after_us), output->frame_samples, bytes);
    }
}

static enum err gather(struct output *output, const struct sound *sound,
                       const struct output_sink *sink)
{
    for (size_t done = 0; done < sound->samples;) {
        size_t run = output->frame_samples - output->filled;
        if (run > sound->samples - done)
            run = sound->samples - done;
        for (int c = 0; c < output->channels; c++)
            memcpy(output->frame[c] + output->filled, sound->planes[c] + done, run * sizeof(float));
        output->filled += (uint32_t)run;
        done += run;
        if (output->filled < output->frame_samples)
            continue;
        output->filled = 0;
        const float *const frame[2] = {output->frame[0], output->frame[1]};
        enum err err =
            output->memo ? memo_push(output->memo, frame) : encoder_push(output->encoder, frame);
        if (err == OK)
            err = give_out(output, sink);
        if (err != OK)
            return err;
    }
    return OK;
}

static enum err take(struct output *output, const float *const planes[2], size_t samples,
                     const struct output_sink *sink)
{
    float mono[GRID_BLOCK_MAX];
    struct sound sound = {{planes[0], planes[1]}, samples};
    if (output->channels == 1) {
        for (size_t i = 0; i < samples; i++)
            mono[i] = 0.5f * (planes[0][i] + planes[1][i]);
        sound.planes[0] = sound.planes[1] = mono;
    }
    output->next += (int64_t)samples;
    if (output->resampler) {
        const float *const from[2] = {sound.planes[0], sound.planes[1]};
        enum err err = resampler_push_planes(output->resampler, from, samples, &sound);
        if (err != OK)
            return err;
    }
    return gather(output, &sound, sink);
}

enum err output_push(struct output *output, int64_t at, const float *const planes[2],
                     size_t samples, const struct output_sink *sink)
{
    static const float silence[GRID_BLOCK_MAX];
    const float *const none[2] = {silence, silence};
    assert(samples <= GRID_BLOCK_MAX);
    while (output->next < at) { /* only before the timeline's start */
        int64_t missing = at - output->next;
        size_t run = missing < GRID_BLOCK_MAX ? (size_t)missing : GRID_BLOCK_MAX;
        enum err err = take(output, none, run, sink);
        if (err != OK)
            return err;
    }
    int64_t skipped = output->next - at;
    if (skipped >= (int64_t)samples)
        return OK;
    const float *const from[2] = {planes[0] + skipped, planes[1] + skipped};
    return take(output, from, samples - (size_t)skipped, sink);
}
