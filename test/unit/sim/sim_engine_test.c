/* The model of a deck: which input is heard when, and what is missing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sim/sim_engine.h"

#define START   (INT64_C(1795392000) * US_PER_S)
#define OUT_MAX 400

struct heard {
    struct sim_out outs[OUT_MAX];
    size_t outs_count, levels_count[DECK_INPUTS_MAX], done_count;
    int64_t done_us;
};

static void on_message(void *ctx, const struct message *m)
{
    struct heard *h = ctx;
    if (m->type == DECK_OUT) {
        assert_true(h->outs_count < OUT_MAX);
        assert_int_equal(sim_out_read(m->payload, &h->outs[h->outs_count]), OK);
        assert_true(h->outs[h->outs_count++].at_us == m->at_us);
    } else if (m->type == DECK_LEVELS && m->id < DECK_INPUTS_MAX) {
        h->levels_count[m->id]++;
    } else if (m->type == DECK_DONE) {
        h->done_count++;
        h->done_us = m->at_us;
    }
}

static struct sim_engine engine;
static struct heard heard;

static enum err tell(uint16_t type, uint16_t id, int64_t at_us, uint32_t samples,
                     struct str payload)
{
    struct message message = {type, id, at_us, samples, payload};
    return sim_engine_take(&engine, &message);
}

static void tell_input(uint16_t slot)
{
    static unsigned char bytes[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];
    struct deck_input input = {.kind = DECK_CODED, .format = {CODEC_MP3, 24000, 8000, 2, 2}};
    struct str payload = {(const char *)bytes, deck_input_pack(&input, bytes)};
    assert_int_equal(tell(DECK_INPUT, slot, 0, 0, payload), OK);
}

/* So many frames of 24 ms. */
static void tell_frames(uint16_t slot, uint8_t name, int64_t at_us, unsigned count)
{
    unsigned char frame[SIM_FRAME_MAX_BYTES];
    for (unsigned i = 0; i < count; i++, at_us += 24000) {
        struct sim_voice voice = {.name = name, .sound = SIM_LOUD, .life = 1, .seq = i};
        sim_frame_make(SIM_KIND_USUAL, &voice, frame);
        assert_int_equal(tell(DECK_FRAMES, slot, at_us, 576, (struct str){(char *)frame, 24}), OK);
    }
}

static int begin(void **state)
{
    (void)state;
    unsigned char bytes[DECK_OUTPUT_BYTES];
    struct deck_output output = {.format = {CODEC_MP3, 32000, 8000, 2, 1}};
    struct sim_sink sink = {&heard, on_message};
    memset(&heard, 0, sizeof heard);
    deck_output_pack(&output, bytes);
    sim_engine_init(&engine, 1, &sink);
    assert_int_equal(tell(DECK_HELLO, 0, START, DECK_VERSION, STR("")), OK);
    assert_int_equal(tell(DECK_OUTPUT, 0, START, 0, (struct str){(char *)bytes, sizeof bytes}), OK);
    tell_input(0);
    assert_int_equal(tell(DECK_SWITCH, 0, START, 0, STR("")), OK);
    return 0;
}

static void frames_come_on_the_grid_with_what_is_heard(void **state)
{
    (void)state;
    tell_frames(0, 'a', START, 100);
    assert_int_equal(tell(DECK_RUN, 0, START + 2 * US_PER_S, 0, STR("")), OK);
    /* 2 s, less the encoder's delay of 35 ms. */
    assert_int_equal(heard.outs_count, 54);
    for (size_t i = 0; i < heard.outs_count; i++) {
        assert_true(heard.outs[i].at_us == START + (int64_t)i * 36000);
        assert_int_equal(heard.outs[i].voice.name, 'a');
        assert_int_equal(heard.outs[i].missing_us, 0);
        assert_in_range(heard.outs[i].voice.seq, i * 36 / 24, i * 36 / 24 + 1);
    }
    assert_int_equal(heard.levels_count[0], 20);
    assert_int_equal(heard.levels_count[1], 0);
    assert_int_equal(heard.done_count, 1);
}

static void what_is_not_there_is_missing(void **state)
{
    (void)state;
    uint64_t missing_us = 0;
    tell_frames(0, 'a', START, 20);
    tell_frames(0, 'a', START + 20 * 24000 + 100000, 20);
    assert_int_equal(tell(DECK_RUN, 0, START + US_PER_S, 0, STR("")), OK);
    for (size_t i = 0; i < heard.outs_count; i++)
        missing_us += heard.outs[i].missing_us;
    assert_int_equal(missing_us, 100000);
}

static void a_switch_is_heard_at_its_instant(void **state)
{
    (void)state;
    tell_frames(0, 'a', START, 100);
    tell_input(1);
    tell_frames(1, 'b', START, 100);
    assert_int_equal(tell(DECK_RUN, 0, START + US_PER_S / 2, 0, STR("")), OK);
    assert_int_equal(tell(DECK_SWITCH, 1, START + US_PER_S, 0, STR("")), OK);
    assert_int_equal(tell(DECK_RUN, 0, START + 2 * US_PER_S, 0, STR("")), OK);
    for (size_t i = 0; i < heard.outs_count; i++)
        assert_int_equal(heard.outs[i].voice.name,
                         heard.outs[i].at_us + 18000 < START + US_PER_S ? 'a' : 'b');
    assert_int_equal(heard.levels_count[1], 20);
}

static void a_drift_is_followed_and_a_leap_placed_anew(void **state)
{
    (void)state;
    struct sim_strip strip;
    const struct sim_voice voice = {.name = 'a', .sound = SIM_LOUD};
    sim_strip_init(&strip, START);
    int64_t at_us = START;
    for (int i = 0; i < 10000; i++, at_us += 24002) { /* 83 ppm */
        struct sim_voice next = voice;
        next.seq = (uint32_t)i;
        sim_strip_add(&strip, at_us, 576, 24000, &next);
        if (strip.spans[0].end_us > strip.floor_us + US_PER_S)
            sim_strip_raise(&strip, strip.floor_us + US_PER_S);
    }
    assert_int_equal(strip.count, 1);
    assert_true(at_us - strip.at_ns / 1000 < 500);
    sim_strip_add(&strip, at_us + 50000, 576, 24000, &voice);
    assert_int_equal(strip.count, 2);
    assert_true(strip.spans[1].start_us == at_us + 50000);
}

static void nonsense_is_told(void **state)
{
    (void)state;
    assert_int_equal(tell(DECK_RUN, 0, START + US_PER_S, 0, STR("")), OK);
    assert_int_equal(tell(DECK_RUN, 0, START, 0, STR("")), E_SYNTAX);
    assert_string_equal(engine.why, "RUN backwards, or over a day");
    assert_int_equal(tell(DECK_FRAMES, 2, START, 576, STR("")), E_SYNTAX);
    assert_int_equal(tell(DECK_SWITCH, 1, START, 0, STR("")), E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(frames_come_on_the_grid_with_what_is_heard, begin),
        cmocka_unit_test_setup(what_is_not_there_is_missing, begin),
        cmocka_unit_test_setup(a_switch_is_heard_at_its_instant, begin),
        cmocka_unit_test(a_drift_is_followed_and_a_leap_placed_anew),
        cmocka_unit_test_setup(nonsense_is_told, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
