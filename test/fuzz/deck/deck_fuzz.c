/* Messages to mast-deck's engine. The input is a list of records: one byte what, one byte which slot,
 * two bytes length, as many bytes. Frames and setups are strangers' bytes and may be anything; the
 * rest is the station's and may be refused, which ends the run. */
#include <stdlib.h>
#include <string.h>

#include "codec.h"
#include "engine.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

#define START_US   (INT64_C(1795000000) * 1000000)
#define RECORDS    400
#define LENGTH_MAX (3 * INT64_C(1000000)) /* of a run of the whole */

struct said {
    size_t out_count;
    int64_t done_us;
};

static void on_message(void *ctx, const struct message *message)
{
    struct said *said = ctx;
    struct deck_levels levels;
    if (message->type == DECK_LEVELS && deck_levels_unpack(message->payload, &levels) != OK)
        abort();
    if (message->type == DECK_OUT && message->payload.len == 0)
        abort();
    if (message->type == DECK_DONE && message->at_us < said->done_us)
        abort();
    if (message->type == DECK_DONE)
        said->done_us = message->at_us;
}

static enum err say(struct engine *engine, unsigned type, unsigned id, int64_t at_us,
                    uint32_t samples, struct str payload)
{
    struct message message = {(uint16_t)type, (uint16_t)id, at_us, samples, payload};
    return engine_take(engine, &message);
}

static enum err say_input(struct engine *engine, unsigned slot, struct str bytes)
{
    static unsigned char payload[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];
    static const uint32_t rates_hz[] = {8000, 22050, 44100, 48000, 96000, 192000, 4000, 655350};
    unsigned char head[3] = {0};
    memcpy(head, bytes.ptr, bytes.len < 3 ? bytes.len : 3);
    struct deck_input what = {
        .kind = head[0] % 8 == 7 ? DECK_BED : DECK_CODED,
        .bed = head[1] % 3,
        .has_time_code = head[2] & 1,
        .setup = str_slice(bytes, 3, bytes.len),
        .format = {.codec = (enum codec)(1 + head[0] % 5),
                   .rate_hz = rates_hz[head[1] % 8],
                   .channels = (uint8_t)(1 + head[2] % 8)},
    };
    size_t len = deck_input_pack(&what, payload);
    return say(engine, DECK_INPUT, slot, START_US, 0, (struct str){(const char *)payload, len});
}

static enum err say_output(struct engine *engine)
{
    unsigned char payload[DECK_OUTPUT_BYTES];
    struct deck_output what = {.format = {CODEC_OPUS, 48000, 48000, 1, 0}, .is_quick = true};
    deck_output_pack(&what, payload);
    return say(engine, DECK_OUTPUT, 0, START_US, 0,
               (struct str){(const char *)payload, sizeof(payload)});
}

struct fuzz {
    struct engine *engine;
    int64_t now_us, frame_us[4];
};

/* One record. Frames follow one another unless their first byte says otherwise. */
static enum err record(struct fuzz *fuzz, unsigned what, unsigned slot, struct str bytes)
{
    unsigned char first = bytes.len > 0 ? (unsigned char)bytes.ptr[0] : 0;
    switch (what % 8) {
    case 0:
        return say_input(fuzz->engine, slot, bytes);
    case 1:
        fuzz->now_us += 1000 * (int64_t)first;
        return say(fuzz->engine, DECK_RUN, 0, START_US + fuzz->now_us, 0, STR(""));
    case 2:
        return say(fuzz->engine, DECK_SWITCH, slot, START_US + fuzz->now_us + 100 * first, 0,
                   STR(""));
    case 3: /* a jump in time */
        fuzz->frame_us[slot] = fuzz->now_us + 7919 * ((int64_t)first - 32);
        return OK;
    case 4: /* anything at all */
        return say(fuzz->engine, first, slot, START_US + fuzz->now_us, DECK_VERSION,
                   str_slice(bytes, 1, bytes.len));
    default: {
        int64_t at_us = START_US + fuzz->frame_us[slot];
        fuzz->frame_us[slot] += 20000;
        return say(fuzz->engine, DECK_FRAMES, slot, at_us > 0 ? at_us : 0, 960, bytes);
    }
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    static bool is_warm;
    struct said said = {0};
    struct engine_sink sink = {&said, on_message};
    struct fuzz fuzz = {0};
    if (!is_warm && codec_warm_up() != OK)
        abort();
    is_warm = true;
    if (engine_new(&sink, &fuzz.engine) != OK)
        abort();
    enum err err = say(fuzz.engine, DECK_HELLO, 0, START_US, DECK_VERSION, STR(""));
    if (err == OK && size > 0 && input[0] & 1)
        err = say_output(fuzz.engine);
    size_t at = 1;
    for (int i = 0; i < RECORDS && err == OK && at + 4 <= size && fuzz.now_us < LENGTH_MAX; i++) {
        size_t len = (size_t)input[at + 2] | (size_t)input[at + 3] << 8;
        unsigned what = input[at], slot = input[at + 1] % 4;
        at += 4;
        if (len > size - at)
            len = size - at;
        err = record(&fuzz, what, slot, (struct str){(const char *)input + at, len});
        at += len;
    }
    if (err == E_SYNTAX && engine_why(fuzz.engine)[0] == '\0')
        abort();
    engine_free(&fuzz.engine);
    return 0;
}
