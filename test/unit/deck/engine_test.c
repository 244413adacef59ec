/* Tests of deck/engine.c: what is said when, switches, levels, and what makes no sense. */
#include "deck_test.h"

#include "bed.h"
#include "timecode.h"

#define GAIN 0.4

static void play_bed(struct rig *rig, uint16_t slot, enum bed bed)
{
    struct deck_input input = {.kind = DECK_BED, .bed = (uint8_t)bed, .has_time_code = true};
    assert_int_equal(rig_input(rig, slot, &input, 0), OK);
}

static void a_run_renders_exactly_so_far_and_tells_levels_on_tenths(void **state)
{
    (void)state;
    struct rig *rig = rig_new(T0_US + 50000);
    play_bed(rig, 2, BED_NEWS);
    assert_int_equal(rig_output(rig, 3, CODEC_MP3, 48000, 2, 128000, T0_US + 50000), OK);
    assert_int_equal(rig_run(rig, T0_US + 50000), OK); /* nothing to do */
    assert_int_equal(rig->done_us, T0_US + 50000);
    for (int64_t us = 50000 + 12345; us < 2000000; us += 12345) {
        assert_int_equal(rig_run(rig, T0_US + us), OK);
        assert_int_equal(rig->done_us, T0_US + us);
    }
    /* Nobody switched: the slot sounds, the programme does not. */
    assert_int_equal(rig->levels_count, 2 * 19);
    for (size_t i = 0; i < rig->levels_count; i += 2) {
        assert_int_equal(rig->levels[i].id, 2);
        assert_int_equal(rig->levels[i + 1].id, DECK_PROGRAMME);
        assert_int_equal(rig->levels[i].at_us, T0_US + 100000 * (int64_t)(i / 2 + 1));
        assert_int_equal(rig->levels[i].at_us, rig->levels[i + 1].at_us);
        assert_true(rig->levels[i].levels.rms_cb[0] > -4000);
        assert_int_equal(rig->levels[i + 1].levels.peak_cb[0], -10000);
    }
    assert_true(rig->outs[3].count > 75);
    rig_free(rig);
}

/* Two tones and a bed, switched; `step_us` is how it is cut into runs. */
static struct rig *scene(const struct coded *one, const struct coded *two, int64_t step_us)
{
    struct rig *rig = rig_new(T0_US);
    assert_int_equal(rig_output(rig, 0, CODEC_AAC, 48000, 2, 96000, T0_US + 300000), OK);
    assert_int_equal(rig_output(rig, 1, CODEC_MP3, 44100, 2, 128000, T0_US + 300000), OK);
    assert_int_equal(rig_output(rig, 2, CODEC_OPUS, 48000, 2, 96000, T0_US + 300000), OK);
    rig_coded(rig, 0, one);
    rig_coded(rig, 1, two);
    play_bed(rig, 2, BED_CLASSICAL);
    size_t next_one = 0, next_two = 0;
    rig_feed(rig, 0, one, &next_one, T0_US, T0_US + 4000000);
    rig_feed(rig, 1, two, &next_two, T0_US, T0_US + 4000000);
    assert_int_equal(rig_switch(rig, T0_US, 0), OK);
    assert_int_equal(rig_switch(rig, T0_US + 1047000, 1), OK);
    assert_int_equal(rig_switch(rig, T0_US + 2003333, 2), OK);
    assert_int_equal(rig_switch(rig, T0_US + 2700000, 1), OK);
    assert_int_equal(rig_switch(rig, T0_US + 3000000, DECK_NO_INPUT), OK);
    for (int64_t us = step_us; us < 3500000; us += step_us)
        assert_int_equal(rig_run(rig, T0_US + us), OK);
    assert_int_equal(rig_run(rig, T0_US + 3500000), OK);
    return rig;
}

static void
the_same_messages_give_the_same_bytes_and_the_cutting_of_runs_does_not_matter(void **state)
{
    (void)state;
    struct coded one = encode_tone(CODEC_MP3, 44100, 2, 500, 500, GAIN, 4);
    struct coded two = encode_tone(CODEC_AAC, 48000, 2, 1500, 1500, GAIN, 4);
    struct rig *a = scene(&one, &two, 50000);
    struct rig *b = scene(&one, &two, 50000);
    struct rig *c = scene(&one, &two, 3500000);
    struct rig *d = scene(&one, &two, 33333);
    assert_true(a->hash == b->hash);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(a->outs[i].bytes_count, c->outs[i].bytes_count);
        assert_memory_equal(a->outs[i].bytes, c->outs[i].bytes, a->outs[i].bytes_count);
        assert_int_equal(a->outs[i].bytes_count, d->outs[i].bytes_count);
        assert_memory_equal(a->outs[i].bytes, d->outs[i].bytes, a->outs[i].bytes_count);
    }
    rig_free(a);
    rig_free(b);
    rig_free(c);
    rig_free(d);
    coded_free(&one);
    coded_free(&two);
}

static void a_switch_is_heard_at_its_time_and_leaves_no_hole(void **state)
{
    (void)state;
    struct coded one = encode_tone(CODEC_MP3, 44100, 2, 500, 500, GAIN, 4);
    struct coded two = encode_tone(CODEC_AAC, 48000, 2, 1500, 1500, GAIN, 4);
    struct rig *rig = scene(&one, &two, 50000);
    for (int i = 0; i < 3; i++) {
        struct track track = decode_all(&rig->outs[i]);
        assert_true(quietest_db(&track, 0, 2400, (size_t)(2.68 * 48000)) > -30);
        /* In the middle of the crossfade both are 3 dB down. */
        size_t middle = (size_t)((0.747 + 0.01) * 48000);
        double a = fit_tone(track.planes[0] + middle - 48, 96, 500, 48000).amplitude;
        double before = fit_tone(track.planes[0] + middle - 4800, 960, 1500, 48000).amplitude;
        double after = fit_tone(track.planes[0] + middle + 4800, 960, 1500, 48000).amplitude;
        assert_true(a > 0.1 && before < 0.01 && after > 0.3);
        double there = fit_tone(track.planes[0] + middle - 240, 480, 1500, 48000).amplitude;
        assert_true(fabs(db(there) - db(after) + 3) < 1.5);
        /* The end: 20 ms, then nothing. */
        assert_true(rms_db(track.planes[0] + (size_t)(2.73 * 48000), 9600) < -60);
        track_free(&track);
    }
    rig_free(rig);
    coded_free(&one);
    coded_free(&two);
}

static void an_input_without_frames_is_silence_and_has_no_levels(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 48000, 2, 440, 440, GAIN, 4);
    struct rig *rig = rig_new(T0_US);
    assert_int_equal(rig_output(rig, 0, CODEC_AAC, 48000, 2, 128000, T0_US), OK);
    rig_coded(rig, 0, &tone);
    assert_int_equal(rig_switch(rig, T0_US, 0), OK);
    size_t next = 0;
    rig_feed(rig, 0, &tone, &next, T0_US, T0_US + 1000000);
    assert_int_equal(rig_run(rig, T0_US + 2000000), OK);
    while (coded_time_us(&tone, next, T0_US) < T0_US + 2000000)
        next++; /* never came */
    rig_feed(rig, 0, &tone, &next, T0_US, T0_US + 3000000);
    assert_int_equal(rig_run(rig, T0_US + 3000000), OK);
    size_t of_slot = 0;
    for (size_t i = 0; i < rig->levels_count; i++)
        of_slot += rig->levels[i].id == 0;
    assert_in_range(of_slot, 20, 22);
    struct track track = decode_all(&rig->outs[0]);
    assert_true(rms_db(track.planes[0] + 55000, 38000) < -70);
    assert_true(rms_db(track.planes[0] + 20000, 20000) > -15);
    assert_true(rms_db(track.planes[0] + 110000, 20000) > -15);
    double own = GAIN * TWO_PI * 440 / 48000;
    assert_true(greatest_step(&track, 0, 4800, track.count) < 1.8 * own);
    track_free(&track);
    rig_free(rig);
    coded_free(&tone);
}

static void a_new_input_in_the_slot_on_the_air_goes_on_without_a_click(void **state)
{
    (void)state;
    struct coded one = encode_tone(CODEC_MP3, 44100, 2, 500, 500, GAIN, 4);
    struct coded two = encode_tone(CODEC_OPUS, 48000, 2, 500, 500, GAIN, 4);
    struct rig *rig = rig_new(T0_US);
    assert_int_equal(rig_output(rig, 0, CODEC_MP3, 48000, 2, 192000, T0_US), OK);
    rig_coded(rig, 0, &one);
    assert_int_equal(rig_switch(rig, T0_US, 0), OK);
    size_t next_one = 0, next_two = 0;
    rig_feed(rig, 0, &one, &next_one, T0_US, T0_US + 2000000);
    assert_int_equal(rig_run(rig, T0_US + 1500000), OK);
    rig_coded(rig, 0, &two);
    rig_feed(rig, 0, &two, &next_two, T0_US, T0_US + 3500000);
    assert_int_equal(rig_run(rig, T0_US + 3000500), OK); /* at the tone's top */
    struct track track = decode_all(&rig->outs[0]);
    double own = GAIN * TWO_PI * 500 / 48000;
    assert_true(greatest_step(&track, 0, 4800, track.count) < 2 * own);
    assert_true(quietest_db(&track, 0, 4800, track.count - 4800) > -30);
    assert_int_equal(rig->troubles, 0);
    track_free(&track);
    /* A bed has its loudest at once. */
    play_bed(rig, 0, BED_NEWS);
    assert_int_equal(rig_run(rig, T0_US + 3500000), OK);
    struct deck_input nothing = {.kind = DECK_NOTHING};
    assert_int_equal(rig_input(rig, 0, &nothing, 0), OK);
    assert_int_equal(rig_run(rig, T0_US + 4000000), OK);
    track = decode_all(&rig->outs[0]);
    assert_true(greatest_step(&track, 0, 4800, track.count) < 2 * own);
    assert_true(rms_db(track.planes[0] + (size_t)(3.2 * 48000), 9600) > -30);
    assert_true(rms_db(track.planes[0] + (size_t)(3.6 * 48000), 9600) < -70);
    track_free(&track);
    rig_free(rig);
    coded_free(&one);
    coded_free(&two);
}

static void a_slot_that_lay_idle_for_long_takes_sound_at_its_time(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 48000, 2, 440, 440, GAIN, 3);
    struct rig *rig = rig_new(T0_US);
    assert_int_equal(rig_output(rig, 0, CODEC_MP3, 48000, 2, 128000, T0_US), OK);
    assert_int_equal(rig_run(rig, T0_US + 30000000), OK);
    assert_int_equal(rig_switch(rig, T0_US + 30000000, 3), OK);
    rig_coded(rig, 3, &tone);
    size_t next = 0;
    rig_feed(rig, 3, &tone, &next, T0_US + 30500000, T0_US + 33000000);
    assert_int_equal(rig_run(rig, T0_US + 33000000), OK);
    struct track track = decode_all(&rig->outs[0]);
    assert_true(rms_db(track.planes[0], 30 * 48000) < -70);
    assert_true(quietest_db(&track, 0, (size_t)(30.6 * 48000), 32 * 48000) > -20);
    track_free(&track);
    rig_free(rig);
    coded_free(&tone);
}

static void what_cannot_be_decoded_is_trouble_once_and_the_rest_goes_on(void **state)
{
    (void)state;
    struct rig *rig = rig_new(T0_US);
    struct coded none = {.format = {CODEC_VORBIS, 48000, 0, 2, 0}};
    assert_int_equal(rig_output(rig, 0, CODEC_MP3, 48000, 2, 128000, T0_US), OK);
    play_bed(rig, 1, BED_PLAIN);
    assert_int_equal(rig_switch(rig, T0_US, 1), OK);
    rig_coded(rig, 0, &none);
    assert_int_equal(rig->troubles, 1);
    for (int i = 0; i < 500; i++)
        assert_int_equal(rig_say(rig, DECK_FRAMES, 0, T0_US + i * 20000, 960, STR("x")), OK);
    assert_int_equal(rig->troubles, 1);
    none.format.codec = CODEC_MP3;
    rig_coded(rig, 0, &none);
    for (int i = 0; i < 500; i++)
        assert_int_equal(rig_say(rig, DECK_FRAMES, 0, T0_US + i * 20000, 960, STR("x")), OK);
    assert_int_equal(rig->troubles, 2);
    assert_true(strlen(rig->trouble) > 10);
    assert_int_equal(rig_run(rig, T0_US + 2000000), OK);
    struct track track = decode_all(&rig->outs[0]);
    assert_true(quietest_db(&track, 0, 4800, track.count - 4800) > -40);
    track_free(&track);
    rig_free(rig);
}

static void what_makes_no_sense_is_an_error(void **state)
{
    (void)state;
    struct engine *engine;
    struct rig *rig = rig_new(T0_US);
    struct engine_sink sink = {rig, rig_message};
    struct message run = {DECK_RUN, 0, T0_US, 0, STR("")};
    assert_int_equal(engine_new(&sink, &engine), OK);
    assert_int_equal(engine_take(engine, &run), E_SYNTAX); /* before HELLO */
    assert_true(strlen(engine_why(engine)) > 0);
    struct message hello = {DECK_HELLO, 0, T0_US, DECK_VERSION + 1, STR("")};
    assert_int_equal(engine_take(engine, &hello), E_SYNTAX);
    engine_free(&engine);
    static const struct {
        enum deck_type type;
        uint16_t id;
        int64_t at_us;
    } cases[] = {
        {DECK_HELLO, 0, T0_US},
        {DECK_RUN, 0, T0_US - 1000},
        {DECK_RUN, 0, -1},
        {DECK_RUN, 0, INT64_MAX},
        {DECK_RUN, 0, INT64_MIN},
        {DECK_RUN, 0, T0_US + 86401 * INT64_C(1000000)},
        {DECK_SWITCH, 4, T0_US},
        {DECK_SWITCH, 0, T0_US - 1000},
        {DECK_FRAMES, 0, T0_US},
        {DECK_FRAMES, 4, T0_US},
        {DECK_INPUT, 0, T0_US},
        {DECK_INPUT, 4, T0_US},
        {DECK_OUTPUT, 0, T0_US},
        {DECK_OUT, 0, T0_US},
        {(enum deck_type)0, 0, T0_US},
        {(enum deck_type)99, 0, T0_US},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t samples = cases[i].type == DECK_HELLO ? DECK_VERSION : 0;
        assert_int_equal(rig_say(rig, cases[i].type, cases[i].id, cases[i].at_us, samples, STR("")),
                         E_SYNTAX);
    }
    /* Outputs come before the first RUN. */
    assert_int_equal(rig_run(rig, T0_US + 1000), OK);
    assert_int_equal(rig_output(rig, 0, CODEC_MP3, 48000, 2, 128000, T0_US + 1000000), E_SYNTAX);
    assert_int_equal(rig_run(rig, T0_US), E_SYNTAX);
    rig_free(rig);
}

#define PAST_US INT64_C(110000000) /* over two rounds of a bed */

/* The loudest of what a codec did to the sound of a bed, in 10 ms; `at` is the track's beginning. */
static double worst_error_db(const struct track *track, enum bed bed, int64_t at)
{
    float left[GRID_TENTH], right[GRID_TENTH];
    double worst = 0;
    size_t n = (size_t)(GRID_TENTH - at % GRID_TENTH); /* the codec's start not counted */
    for (; n + 2 * (size_t)GRID_TENTH < track->count; n += GRID_TENTH) {
        bed_render(bed, at + (int64_t)n, GRID_TENTH, left, right);
        timecode_add(at + (int64_t)n, GRID_TENTH, left, right);
        for (size_t i = 0; i < GRID_TENTH; i += 480) {
            double sum = 0;
            for (size_t k = i; k < i + 480; k++) {
                double off[2] = {(double)(track->planes[0][n + k] - left[k]),
                                 (double)(track->planes[1][n + k] - right[k])};
                sum += off[0] * off[0] + off[1] * off[1];
            }
            worst = fmax(worst, sum / 960);
        }
    }
    return 10 * log10(worst);
}

static void the_past_is_made_quickly_without_a_hole_or_click_and_not_measured(void **state)
{
    (void)state;
    static const struct format formats[] = {{CODEC_MP3, 48000, 128000, 2, 1},
                                            {CODEC_AAC, 48000, 96000, 2, 2}};
    static const uint32_t frames[] = {1152, 1024};
    int64_t at_us = T0_US + 1234500;
    for (enum bed bed = BED_NEWS; bed <= BED_CLASSICAL; bed++) {
        struct rig *rig = rig_new(at_us - 500000);
        play_bed(rig, 0, bed);
        for (uint16_t i = 0; i < 2; i++) {
            struct deck_output what = {.format = formats[i], .is_quick = true};
            assert_int_equal(rig_say_output(rig, i, &what, at_us), OK);
        }
        assert_int_equal(rig_switch(rig, at_us - 500000, 0), OK);
        for (int64_t us = 1777777; us < PAST_US; us += 1777777)
            assert_int_equal(rig_run(rig, at_us + us), OK);
        assert_int_equal(rig->levels_count, 0);
        for (int i = 0; i < 2; i++) {
            const struct coded *out = &rig->outs[i];
            assert_true(out->count * frames[i] > (size_t)(PAST_US / 1000 * 48 - 2 * 48000));
            for (size_t n = 0; n < out->count; n++) {
                double due = (double)n * frames[i] * 1e6 / DECK_RATE_HZ;
                assert_true(fabs((double)(out->frames[n].first - at_us) - due) <= 1);
            }
            struct track track = decode_all(out);
            double worst = worst_error_db(&track, bed, grid_of_us(at_us));
            print_message("# bed %d, codec %d: at worst %.1f dB\n", bed, formats[i].codec, worst);
            assert_true(worst < -36); /* the music is at -16; LAME takes half a decibel off */
            track_free(&track);
        }
        rig_free(rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_renders_exactly_so_far_and_tells_levels_on_tenths),
        cmocka_unit_test(
            the_same_messages_give_the_same_bytes_and_the_cutting_of_runs_does_not_matter),
        cmocka_unit_test(a_switch_is_heard_at_its_time_and_leaves_no_hole),
        cmocka_unit_test(an_input_without_frames_is_silence_and_has_no_levels),
        cmocka_unit_test(a_new_input_in_the_slot_on_the_air_goes_on_without_a_click),
        cmocka_unit_test(a_slot_that_lay_idle_for_long_takes_sound_at_its_time),
        cmocka_unit_test(what_cannot_be_decoded_is_trouble_once_and_the_rest_goes_on),
        cmocka_unit_test(what_makes_no_sense_is_an_error),
        cmocka_unit_test(the_past_is_made_quickly_without_a_hole_or_click_and_not_measured),
    };
    assert_int_equal(codec_warm_up(), OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
