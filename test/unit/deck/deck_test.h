/* test/unit/deck/deck_test.h - what the tests of mast-deck share: tones, frames of any codec, an
 * engine whose messages are kept, and sound that is decoded again and judged. */
#ifndef MAST_TEST_DECK_H
#define MAST_TEST_DECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "codec.h"
#include "engine.h"
#include "grid.h"
#include "media/framer.h"

#define TWO_PI 6.283185307179586
#define T0_US  (INT64_C(1795000000) * 1000000) /* some second of 2026 */

/* ---- frames of a source ---- */

struct coded_frame {
    size_t offset, len;
    uint32_t samples;
    int64_t first; /* of its decoded sound, in samples of the source's own time */
};

struct coded {
    struct format format;
    unsigned char *bytes, setup[DECK_SETUP_MAX];
    size_t bytes_count, setup_bytes, count;
    struct coded_frame *frames;
};

static inline void coded_free(struct coded *coded)
{
    free(coded->bytes);
    free(coded->frames);
    *coded = (struct coded){0};
}

/* As realloc(), but seldom: room grows to the next power of two. */
static inline void *grow(void *block, size_t old, size_t now)
{
    size_t room = 64;
    while (room < now)
        room *= 2;
    bool is_enough = block && old * 2 > room;
    block = is_enough ? block : realloc(block, room);
    assert_non_null(block);
    return block;
}

static inline void coded_add(struct coded *coded, struct str bytes, uint32_t samples, int64_t first)
{
    size_t each = sizeof(*coded->frames);
    coded->bytes = grow(coded->bytes, coded->bytes_count, coded->bytes_count + bytes.len);
    coded->frames = grow(coded->frames, coded->count * each, (coded->count + 1) * each);
    memcpy(coded->bytes + coded->bytes_count, bytes.ptr, bytes.len);
    coded->frames[coded->count++] =
        (struct coded_frame){coded->bytes_count, bytes.len, samples, first};
    coded->bytes_count += bytes.len;
}

static inline struct str coded_str(const struct coded *coded, size_t i)
{
    return (struct str){(const char *)coded->bytes + coded->frames[i].offset, coded->frames[i].len};
}

/* A tone of `hz` (left) and `hz_right`, its phase 0 at sample 0, by the deck's own encoders. */
static inline struct coded encode_tone(enum codec codec, uint32_t rate_hz, uint8_t channels,
                                       double hz, double hz_right, double gain, double seconds)
{
    struct coded coded = {.format = {codec, rate_hz, 128000, channels, 2}};
    struct deck_output what = {.format = coded.format};
    struct encoder *encoder;
    assert_int_equal(encoder_new(&what, &encoder), OK);
    uint32_t size = encoder_frame_samples(encoder);
    float left[4096], right[4096];
    const float *const planes[2] = {left, right};
    int64_t at = 0;
    while ((double)at < seconds * rate_hz) {
        for (uint32_t i = 0; i < size; i++, at++) {
            left[i] = (float)(gain * sin(TWO_PI * hz * (double)at / rate_hz));
            right[i] = (float)(gain * sin(TWO_PI * hz_right * (double)at / rate_hz));
        }
        assert_int_equal(encoder_push(encoder, planes), OK);
        struct str bytes;
        int64_t first;
        while (encoder_next(encoder, &bytes, &first) == OK)
            coded_add(&coded, bytes, size, first);
    }
    encoder_free(&encoder);
    return coded;
}

/* What FFmpeg's program makes of `options`, as Ogg, framed; Opus begins `skip` samples early. */
static inline struct coded encode_by_program(const char *options, int64_t skip)
{
    struct coded coded = {0};
    char command[1000], bytes[4096];
    (void)snprintf(command, sizeof(command),
                   "ffmpeg -nostdin -loglevel error -bitexact %s -f ogg -", options);
    FILE *pipe = popen(command, "r");
    struct framer *framer;
    assert_non_null(pipe);
    assert_int_equal(framer_new(CONTAINER_OGG, &framer), OK);
    int64_t at = -skip;
    for (size_t got; (got = fread(bytes, 1, sizeof(bytes), pipe)) > 0;) {
        for (size_t done = 0; done < got;) {
            done += framer_push(framer, (struct str){bytes + done, got - done});
            struct frame frame;
            while (framer_next(framer, &frame) == OK) {
                coded.format = frame.format;
                uint32_t seq;
                struct str setup = framer_setup(framer, &seq);
                assert_true(setup.len <= sizeof(coded.setup) || coded.setup_bytes == 0);
                if (setup.len <= sizeof(coded.setup)) {
                    memcpy(coded.setup, setup.ptr, setup.len);
                    coded.setup_bytes = setup.len;
                }
                coded_add(&coded, frame.bytes, frame.samples, at);
                at += frame.samples;
            }
        }
    }
    framer_free(&framer);
    assert_int_equal(pclose(pipe), 0);
    if (coded.count == 0)
        fail_msg("no frames: %s", options);
    return coded;
}

/* ---- an engine and what it said ---- */

#define RIG_LEVELS_MAX 20000

struct rig_levels {
    uint16_t id;
    int64_t at_us;
    struct deck_levels levels;
};

struct rig {
    struct engine *engine;
    struct coded outs[DECK_OUTPUTS_MAX]; /* first: the frame's at_us */
    struct deck_output what[DECK_OUTPUTS_MAX];
    size_t levels_count;
    struct rig_levels levels[RIG_LEVELS_MAX];
    size_t troubles, hellos;
    char trouble[200];
    int64_t done_us;
    uint64_t hash; /* of all that was said */
};

static inline void rig_message(void *ctx, const struct message *message)
{
    struct rig *rig = ctx;
    unsigned char head[MESSAGE_HEAD_BYTES];
    message_pack_head(message, head);
    for (size_t i = 0; i < sizeof(head) + message->payload.len; i++) {
        unsigned char c =
            i < sizeof(head) ? head[i] : (unsigned char)message->payload.ptr[i - sizeof(head)];
        rig->hash = (rig->hash ^ c) * 0x100000001b3u;
    }
    switch (message->type) {
    case DECK_HELLO:
        rig->hellos++;
        break;
    case DECK_OUT:
        assert_true(message->id < DECK_OUTPUTS_MAX);
        coded_add(&rig->outs[message->id], message->payload, message->samples, message->at_us);
        break;
    case DECK_LEVELS:
        assert_true(rig->levels_count < RIG_LEVELS_MAX);
        rig->levels[rig->levels_count] =
            (struct rig_levels){.id = message->id, .at_us = message->at_us};
        assert_int_equal(
            deck_levels_unpack(message->payload, &rig->levels[rig->levels_count++].levels), OK);
        break;
    case DECK_DONE:
        rig->done_us = message->at_us;
        break;
    case DECK_TROUBLE:
        rig->troubles++;
        (void)snprintf(rig->trouble, sizeof(rig->trouble), "%.*s", STR_ARG(message->payload));
        break;
    default:
        fail_msg("a message of type %u", (unsigned)message->type);
    }
}

static inline enum err rig_say(struct rig *rig, enum deck_type type, uint16_t id, int64_t at_us,
                               uint32_t samples, struct str payload)
{
    struct message message = {(uint16_t)type, id, at_us, samples, payload};
    return engine_take(rig->engine, &message);
}

static inline struct rig *rig_new(int64_t start_us)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    struct engine_sink sink = {rig, rig_message};
    assert_int_equal(engine_new(&sink, &rig->engine), OK);
    assert_int_equal(rig_say(rig, DECK_HELLO, 0, start_us, DECK_VERSION, STR("")), OK);
    assert_int_equal(rig->hellos, 1);
    return rig;
}

static inline void rig_free(struct rig *rig)
{
    engine_free(&rig->engine);
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++)
        coded_free(&rig->outs[i]);
    free(rig);
}

static inline enum err rig_say_output(struct rig *rig, uint16_t id, const struct deck_output *what,
                                      int64_t at_us)
{
    unsigned char bytes[DECK_OUTPUT_BYTES];
    rig->what[id] = *what;
    rig->outs[id].format = rig->what[id].format;
    deck_output_pack(&rig->what[id], bytes);
    return rig_say(rig, DECK_OUTPUT, id, at_us, 0,
                   (struct str){(const char *)bytes, sizeof(bytes)});
}

static inline enum err rig_output(struct rig *rig, uint16_t id, enum codec codec, uint32_t rate_hz,
                                  uint8_t channels, uint32_t bitrate_bps, int64_t at_us)
{
    struct deck_output what = {.format = {codec, rate_hz, bitrate_bps, channels, 2}};
    return rig_say_output(rig, id, &what, at_us);
}

static inline enum err rig_input(struct rig *rig, uint16_t id, const struct deck_input *input,
                                 int64_t at_us)
{
    static unsigned char bytes[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];
    size_t len = deck_input_pack(input, bytes);
    return rig_say(rig, DECK_INPUT, id, at_us, 0, (struct str){(const char *)bytes, len});
}

static inline void rig_coded(struct rig *rig, uint16_t id, const struct coded *coded)
{
    struct deck_input input = {
        .kind = DECK_CODED,
        .format = coded->format,
        .setup = {(const char *)coded->setup, coded->setup_bytes},
    };
    assert_int_equal(rig_input(rig, id, &input, 0), OK);
}

static inline enum err rig_run(struct rig *rig, int64_t at_us)
{
    return rig_say(rig, DECK_RUN, 0, at_us, 0, STR(""));
}

static inline enum err rig_switch(struct rig *rig, int64_t at_us, uint16_t id)
{
    return rig_say(rig, DECK_SWITCH, id, at_us, 0, STR(""));
}

static inline int64_t coded_time_us(const struct coded *coded, size_t i, int64_t start_us)
{
    return start_us + llrint((double)coded->frames[i].first * 1e6 / coded->format.rate_hz);
}

/* Sends the frames [*next, ...) that begin before until_us; sample 0 of the source is at start_us. */
static inline void rig_feed(struct rig *rig, uint16_t id, const struct coded *coded, size_t *next,
                            int64_t start_us, int64_t until_us)
{
    for (; *next < coded->count && coded_time_us(coded, *next, start_us) < until_us; ++*next) {
        int64_t at_us = coded_time_us(coded, *next, start_us);
        assert_int_equal(rig_say(rig, DECK_FRAMES, id, at_us, coded->frames[*next].samples,
                                 coded_str(coded, *next)),
                         OK);
    }
}

/* ---- decoded sound ---- */

struct track {
    float *planes[2];
    size_t count;
    uint32_t rate_hz;
};

static inline void track_free(struct track *track)
{
    free(track->planes[0]);
    free(track->planes[1]);
    *track = (struct track){0};
}

static inline void track_add(struct track *track, const struct sound *sound)
{
    for (int c = 0; c < 2; c++) {
        track->planes[c] = grow(track->planes[c], track->count * sizeof(float),
                                (track->count + sound->samples) * sizeof(float));
        memcpy(track->planes[c] + track->count, sound->planes[c], sound->samples * sizeof(float));
    }
    track->count += sound->samples;
}

/* Decodes the frames as one stream, at 48 kHz. */
static inline struct track decode_all(const struct coded *coded)
{
    struct track track = {.rate_hz = DECK_RATE_HZ};
    struct decoder *decoder;
    struct resampler *resampler = NULL;
    struct str setup = {(const char *)coded->setup, coded->setup_bytes};
    assert_int_equal(decoder_new(&coded->format, setup, &decoder), OK);
    for (size_t i = 0; i < coded->count; i++) {
        struct piece piece;
        struct sound sound;
        assert_int_equal(decoder_push(decoder, coded_str(coded, i)), OK);
        while (decoder_next(decoder, &piece) == OK) {
            if (!resampler)
                assert_int_equal(resampler_new(decoder, DECK_RATE_HZ, &resampler), OK);
            assert_int_equal(resampler_push(resampler, decoder, &sound), OK);
            track_add(&track, &sound);
        }
    }
    if (resampler) {
        struct sound sound;
        resampler_end(resampler, &sound);
        track_add(&track, &sound);
    }
    resampler_free(&resampler);
    decoder_free(&decoder);
    return track;
}

/* Amplitude and phase (in turns) of `hz` in the samples, the phase as of the first of them. */
struct fit {
    double amplitude, turns;
};

static inline struct fit fit_tone(const float *samples, size_t count, double hz, double rate_hz)
{
    double re = 0, im = 0, sum = 0;
    for (size_t i = 0; i < count; i++) {
        double shape = 0.5 - 0.5 * cos(TWO_PI * ((double)i + 0.5) / (double)count);
        double v = (double)samples[i] * shape;
        re += v * sin(TWO_PI * hz * (double)i / rate_hz);
        im += v * cos(TWO_PI * hz * (double)i / rate_hz);
        sum += shape;
    }
    return (struct fit){2 * hypot(re, im) / sum, atan2(im, re) / TWO_PI};
}

static inline double db(double amplitude)
{
    return 20 * log10(amplitude + 1e-9);
}

static inline double rms_db(const float *samples, size_t count)
{
    double sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += (double)samples[i] * (double)samples[i];
    return 10 * log10(sum / (double)count + 1e-18);
}

/* The quietest of all windows of 10 ms in [from, to). */
static inline double quietest_db(const struct track *track, int plane, size_t from, size_t to)
{
    double least = 0;
    for (size_t i = from; i + 480 <= to; i += 48)
        least = fmin(least, rms_db(track->planes[plane] + i, 480));
    return least;
}

/* The greatest step from one sample to the next in [from, to). */
static inline double greatest_step(const struct track *track, int plane, size_t from, size_t to)
{
    double most = 0;
    for (size_t i = from + 1; i < to; i++)
        most =
            fmax(most, fabs((double)track->planes[plane][i] - (double)track->planes[plane][i - 1]));
    return most;
}

#endif
