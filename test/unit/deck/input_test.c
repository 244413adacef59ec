/* Tests of deck/input.c: each codec's sound lies at its frames' times, drift is followed, broken
 * frames are silence, and no edge clicks. */
#include "deck_test.h"

#include "input.h"
#include "meter.h"

#define GAIN 0.4

/* A slot on its own, and what was rendered of it. */
struct bench {
    struct input input;
    struct track track;
    int64_t at; /* the grid's sample that is rendered next */
};

static void bench_set(struct bench *bench, const struct coded *coded)
{
    struct deck_input what = {
        .kind = DECK_CODED,
        .format = coded->format,
        .setup = {(const char *)coded->setup, coded->setup_bytes},
    };
    assert_int_equal(input_set(&bench->input, &what, 0, bench->at), OK);
}

static struct bench *bench_new(const struct coded *coded)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->at = grid_of_us(T0_US);
    input_init(&bench->input, bench->at);
    bench_set(bench, coded);
    return bench;
}

static void bench_free(struct bench *bench)
{
    input_release(&bench->input);
    track_free(&bench->track);
    free(bench);
}

static void bench_render(struct bench *bench, int64_t until_us, bool keeps)
{
    float left[GRID_BLOCK_MAX], right[GRID_BLOCK_MAX];
    for (int64_t end = grid_of_us(until_us); bench->at < end;) {
        size_t run = end - bench->at < 480 ? (size_t)(end - bench->at) : 480;
        (void)input_render(&bench->input, bench->at, run, left, right);
        struct sound sound = {{left, right}, run};
        if (keeps)
            track_add(&bench->track, &sound);
        bench->at += (int64_t)run;
    }
}

static void bench_frame(struct bench *bench, const struct coded *coded, size_t i, int64_t at_us)
{
    assert_int_equal(
        input_frame(&bench->input, at_us, coded->frames[i].samples, coded_str(coded, i)), OK);
}

/* Feeds frames by their own times, 300 ms ahead, and renders up to `seconds`. */
static void bench_play(struct bench *bench, const struct coded *coded, double seconds)
{
    size_t next = 0;
    int64_t end_us = T0_US + (int64_t)(seconds * 1e6);
    for (int64_t us = T0_US; us < end_us; us += 10000) {
        while (next < coded->count && coded_time_us(coded, next, T0_US) < us + 300000) {
            if (coded_time_us(coded, next, T0_US) >= T0_US - 200000)
                bench_frame(bench, coded, next, coded_time_us(coded, next, T0_US));
            next++;
        }
        bench_render(bench, us + 10000, true);
    }
}

#define SOURCE(rate)                                                                               \
    "-f lavfi -i aevalsrc='0.4*sin(2*PI*100*t)|0.4*sin(2*PI*100*t):s=" rate ":d=4' "

static void every_codec_sounds_at_the_time_of_its_frames(void **state)
{
    (void)state;
    const double hz = 100; /* ten milliseconds: no codec is so late that it looks early */
    struct {
        const char *name;
        struct coded coded;
    } all[8];
    size_t count = 0;
    all[count].name = "mp3 44.1";
    all[count++].coded = encode_tone(CODEC_MP3, 44100, 2, hz, hz, GAIN, 4);
    all[count].name = "mp3 48 mono";
    all[count++].coded = encode_tone(CODEC_MP3, 48000, 1, hz, hz, GAIN, 4);
    all[count].name = "aac 44.1";
    all[count++].coded = encode_tone(CODEC_AAC, 44100, 2, hz, hz, GAIN, 4);
    all[count].name = "aac 32 mono";
    all[count++].coded = encode_tone(CODEC_AAC, 32000, 1, hz, hz, GAIN, 4);
    all[count].name = "opus";
    all[count++].coded = encode_tone(CODEC_OPUS, 48000, 2, hz, hz, GAIN, 4);
    all[count].name = "flac";
    all[count++].coded = encode_by_program(SOURCE("44100") "-c:a flac", 0);
    all[count].name = "vorbis";
    all[count++].coded = encode_by_program(SOURCE("44100") "-c:a libvorbis -q:a 6", 0);
    all[count].name = "opus in ogg";
    all[count++].coded = encode_by_program(SOURCE("48000") "-c:a libopus -b:a 96k", 312);

    for (size_t i = 0; i < count; i++) {
        struct bench *bench = bench_new(&all[i].coded);
        bench_play(bench, &all[i].coded, 3);
        for (int c = 0; c < 2; c++) {
            struct fit fit = fit_tone(bench->track.planes[c] + 48000, 48000, hz, 48000);
            double off_ms = remainder(fit.turns, 1) / hz * 1000;
            if (fabs(off_ms) > 0.25 || fabs(db(fit.amplitude) - db(GAIN)) > 0.6)
                fail_msg("%s: %.3f ms off, %.2f dB", all[i].name, off_ms, db(fit.amplitude));
        }
        assert_true(quietest_db(&bench->track, 0, 12000, bench->track.count) > -40);
        assert_int_equal(bench->input.failures, 0);
        bench_free(bench);
        coded_free(&all[i].coded);
    }
}

/* One FLAC frame that holds whole periods of a tone: it can be played again and again. */
#define LOOP_SAMPLES 4608
#define LOOP_HZ      (44100.0 * 100 / LOOP_SAMPLES)

static struct coded one_frame(void)
{
    struct coded coded = encode_by_program(
        "-f lavfi -i aevalsrc='0.4*sin(2*PI*n/46.08)|0.4*sin(2*PI*n/46.08):s=44100:d=1' "
        "-c:a flac -frame_size 4608",
        0);
    assert_int_equal(coded.frames[1].samples, LOOP_SAMPLES);
    return coded;
}

/* Ten minutes of a source whose clock is `ppm` off: nothing is heard of it. */
static void drift(const struct coded *coded, double ppm)
{
    struct bench *bench = bench_new(coded);
    struct meter *meter;
    assert_int_equal(meter_new(&meter), OK);
    double after_us = 0, length_us = LOOP_SAMPLES * 1e6 / 44100 / (1 + ppm / 1e6);
    int worst_cb = -10000, tenths = 0;
    double worst_ms = 0;
    for (int64_t us = T0_US; us < T0_US + 600 * 1000000LL; us += 100000) {
        for (; after_us < (double)(us - T0_US) + 400000; after_us += length_us)
            bench_frame(bench, coded, 0, T0_US + llrint(after_us));
        bench->track.count = 0;
        bench_render(bench, us + 100000, true);
        struct deck_levels levels;
        meter_push(meter, (const float *const *)bench->track.planes, bench->track.count);
        meter_end(meter, &levels);
        if (++tenths <= 2)
            continue; /* the start itself */
        worst_cb = levels.residue_cb > worst_cb ? levels.residue_cb : worst_cb;
        assert_in_range(levels.tone_hz, (uint16_t)LOOP_HZ - 2, (uint16_t)LOOP_HZ + 2);
        if (tenths % 50 != 0)
            continue;
        /* Where the source says its phase is, by its own clock. */
        double hz = LOOP_HZ * (1 + ppm / 1e6);
        struct fit fit = fit_tone(bench->track.planes[0], 4800, hz, 48000);
        double due = hz * (double)(us - T0_US) / 1e6;
        double off_ms = remainder(fit.turns - due, 1) / hz * 1000;
        worst_ms = fmax(worst_ms, fabs(off_ms));
    }
    print_message("# %+.0f ppm: error of prediction %.1f dB, %.3f ms off at most\n", ppm,
                  worst_cb / 100.0, worst_ms);
    assert_true(worst_cb < -6000);
    assert_true(worst_ms < 0.25);
    meter_free(&meter);
    bench_free(bench);
}

static void a_clock_100_ppm_off_is_followed_for_ten_minutes_without_being_heard(void **state)
{
    (void)state;
    struct coded coded = one_frame();
    drift(&coded, 100);
    drift(&coded, -100);
    coded_free(&coded);
}

static void a_frame_over_40_ms_off_is_placed_anew_and_a_smaller_error_is_made_up_for(void **state)
{
    (void)state;
    struct coded coded = one_frame();
    static const int64_t jumps_us[] = {30000, -30000, 60000, -60000, 2000000};
    for (size_t i = 0; i < sizeof(jumps_us) / sizeof(jumps_us[0]); i++) {
        struct bench *bench = bench_new(&coded);
        double at_us = (double)T0_US;
        for (int64_t us = T0_US; us < T0_US + 4000000; us += 50000) {
            for (; at_us < (double)us + 300000; at_us += LOOP_SAMPLES * 1e6 / 44100) {
                bool is_late = at_us > (double)(T0_US + 1000000);
                bench_frame(bench, &coded, 0, llrint(at_us) + (is_late ? jumps_us[i] : 0));
            }
            bench_render(bench, us + 50000, true);
        }
        double own = GAIN * TWO_PI * LOOP_HZ / 48000;
        assert_true(greatest_step(&bench->track, 0, 4800, bench->track.count) < 1.8 * own);
        double quiet = quietest_db(&bench->track, 0, 4800, 140000);
        assert_int_equal(quiet<-50, jumps_us[i]> 40000); /* a hole only where there is one */
        int64_t steer = bench->input.steer_ppm;
        if (jumps_us[i] == 30000)
            assert_int_equal(steer, INPUT_STEER_MAX_PPM);
        else if (jumps_us[i] == -30000)
            assert_int_equal(steer, -INPUT_STEER_MAX_PPM);
        else
            assert_true(llabs(steer) < 100);
        bench_free(bench);
    }
    coded_free(&coded);
}

static void broken_frames_are_silence_of_their_length_without_a_click(void **state)
{
    (void)state;
    struct coded coded = encode_tone(CODEC_AAC, 44100, 2, 440, 440, GAIN, 4);
    for (size_t i = 80; i < 84; i++) /* about 1.86 s in */
        memset(coded.bytes + coded.frames[i].offset, 0x55, coded.frames[i].len);
    struct bench *bench = bench_new(&coded);
    bench_play(bench, &coded, 3);
    double own = GAIN * TWO_PI * 440 / 48000;
    assert_true(greatest_step(&bench->track, 0, 4800, bench->track.count) < 1.8 * own);
    size_t from = (size_t)((double)coded.frames[80].first * 48000 / 44100);
    size_t length = 4 * 1024 * 48000 / 44100;
    assert_true(rms_db(bench->track.planes[0] + from + 200, length - 400) < -60);
    assert_true(quietest_db(&bench->track, 0, 4800, from - 480) > -20);
    /* The next one has half of its sound from the frame before it, which is lost. */
    assert_true(quietest_db(&bench->track, 0, from + length + 1200, bench->track.count - 480) >
                -20);
    assert_int_equal(bench->input.failures, 0);
    bench_free(bench);
    coded_free(&coded);
}

static void damage_inside_a_frame_is_noticed_where_it_has_a_check(void **state)
{
    (void)state;
    struct coded coded = one_frame();
    struct bench *bench = bench_new(&coded);
    for (int i = 0; i < 10; i++) {
        if (i == 5)
            coded.bytes[coded.frames[0].offset + coded.frames[0].len / 2] ^= 0x55;
        bench_frame(bench, &coded, 0, T0_US + llrint(i * LOOP_SAMPLES * 1e6 / 44100));
        if (i == 5)
            coded.bytes[coded.frames[0].offset + coded.frames[0].len / 2] ^= 0x55;
    }
    bench_render(bench, T0_US + 1000000, true);
    size_t length = (size_t)(LOOP_SAMPLES * 48000.0 / 44100);
    assert_true(rms_db(bench->track.planes[0] + 5 * length + 200, length - 400) < -100);
    assert_true(rms_db(bench->track.planes[0] + 6 * length + 200, length - 400) > -20);
    bench_free(bench);
    coded_free(&coded);
}

static void random_bytes_are_silence_and_after_200_frames_trouble_once(void **state)
{
    (void)state;
    static const enum codec codecs[] = {CODEC_MP3, CODEC_AAC, CODEC_OPUS, CODEC_FLAC};
    uint32_t seed = 1;
    for (size_t k = 0; k < 4; k++) {
        struct coded none = {.format = {codecs[k], 48000, 128000, 2, 2}};
        struct bench *bench = bench_new(&none);
        char why[INPUT_TROUBLE_BYTES];
        size_t told = 0;
        double loudest = -200;
        for (int i = 0; i < 600; i++) {
            char bytes[400];
            for (size_t n = 0; n < sizeof(bytes); n++)
                bytes[n] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
            struct str frame = {bytes, codecs[k] == CODEC_OPUS && i % 2 ? 0 : sizeof(bytes)};
            if (codecs[k] == CODEC_OPUS)
                bytes[0] = (char)0xff; /* code 3, a count that cannot be */
            assert_int_equal(input_frame(&bench->input, T0_US + i * 20000, 960, frame), OK);
            told += input_take_trouble(&bench->input, why) == OK;
            bench_render(bench, T0_US + i * 20000 + 20000, true);
        }
        for (int c = 0; c < 2; c++)
            loudest = fmax(loudest, rms_db(bench->track.planes[c], bench->track.count));
        /* Opus takes what it is given: noise may sound like noise, but never out of bounds. */
        if (codecs[k] != CODEC_OPUS) {
            assert_int_equal(told, 1);
            assert_true(loudest < -100);
        }
        for (size_t n = 0; n < bench->track.count; n++)
            assert_true(fabs((double)bench->track.planes[0][n]) <= 8);
        bench_free(bench);
    }
}

static void what_no_honest_source_sends_is_refused_and_big_formats_are_mixed_down(void **state)
{
    (void)state;
    static const struct {
        const char *options;
        bool is_heard;
    } cases[] = {
        {"-f lavfi -i sine=440:r=192000:d=2 -ac 2 -c:a flac", true},
        {"-f lavfi -i sine=440:r=48000:d=2 -ac 8 -c:a flac", true},
        {"-f lavfi -i sine=440:r=96000:d=2 -ac 6 -c:a flac -sample_fmt s32", true},
        {"-f lavfi -i sine=440:r=48000:d=2 -ac 6 -c:a libvorbis", true},
        {"-f lavfi -i sine=440:r=8000:d=4 -c:a flac -frame_size 16384 -ac 1", false}, /* 2 s each */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct coded coded = encode_by_program(cases[i].options, 0);
        struct bench *bench = bench_new(&coded);
        bench_play(bench, &coded, 1.5);
        double level = rms_db(bench->track.planes[0] + 24000, 24000);
        if ((level > -45) != cases[i].is_heard || level > -3)
            fail_msg("%s: %.1f dB", cases[i].options, level);
        bench_free(bench);
        coded_free(&coded);
    }
}

static void a_rate_that_changes_inside_the_stream_makes_no_trouble(void **state)
{
    (void)state;
    struct coded first = encode_tone(CODEC_MP3, 44100, 2, 440, 440, GAIN, 2);
    struct coded second = encode_tone(CODEC_MP3, 48000, 1, 440, 440, GAIN, 2);
    struct bench *bench = bench_new(&first);
    double at_us = (double)T0_US;
    for (size_t i = 0; i < first.count + second.count; i++) {
        const struct coded *coded = i < first.count ? &first : &second;
        bench_frame(bench, coded, i < first.count ? i : i - first.count, llrint(at_us));
        at_us += 1152 * 1e6 / coded->format.rate_hz;
        bench_render(bench, (int64_t)at_us - 200000 > T0_US ? (int64_t)at_us - 200000 : T0_US,
                     true);
    }
    double own = GAIN * TWO_PI * 440 / 48000;
    assert_true(greatest_step(&bench->track, 0, 4800, bench->track.count) < 2 * own);
    assert_true(rms_db(bench->track.planes[0] + 24000, 24000) > -20);
    assert_true(rms_db(bench->track.planes[0] + bench->track.count - 28800, 24000) > -20);
    assert_int_equal(bench->input.failures, 0);
    bench_free(bench);
    coded_free(&first);
    coded_free(&second);
}

static void a_codec_that_changes_inside_the_stream_is_not_heard(void **state)
{
    (void)state;
    struct coded first = encode_tone(CODEC_MP3, 44100, 2, 440, 440, GAIN, 2);
    struct coded second = encode_tone(CODEC_AAC, 48000, 2, 440, 440, GAIN, 2);
    struct bench *bench = bench_new(&first);
    for (size_t i = 0; i < first.count; i++)
        bench_frame(bench, &first, i, coded_time_us(&first, i, T0_US));
    bench_render(bench, T0_US + 1500000, true); /* much of what was decoded is still to come */
    bench_set(bench, &second);
    for (size_t i = 0; i < second.count; i++)
        if (second.frames[i].first >= 0) /* the encoder's priming left out */
            bench_frame(bench, &second, i, coded_time_us(&second, i, T0_US + 1800000));
    bench_render(bench, T0_US + 3500000, true);
    /* The first frame of AAC comes up out of nothing: its sound overlaps one that was not sent. */
    size_t change = 48000 * 18 / 10, risen = change + 2 * 1024;
    assert_true(quietest_db(&bench->track, 0, 4800, change - 480) > -20);
    assert_true(quietest_db(&bench->track, 0, risen, bench->track.count - 480) > -20);
    double own = GAIN * TWO_PI * 440 / 48000;
    assert_true(greatest_step(&bench->track, 0, 4800, bench->track.count) < 2 * own);
    bench_free(bench);
    coded_free(&first);
    coded_free(&second);
}

static void an_unknown_codec_or_a_wrong_setup_is_trouble_and_silence(void **state)
{
    (void)state;
    struct coded none = {.format = {CODEC_VORBIS, 48000, 128000, 2, 0}};
    struct bench *bench = bench_new(&none);
    char why[INPUT_TROUBLE_BYTES];
    assert_int_equal(input_take_trouble(&bench->input, why), OK);
    assert_int_equal(input_take_trouble(&bench->input, why), E_AGAIN);
    for (int i = 0; i < 300; i++)
        assert_int_equal(input_frame(&bench->input, T0_US + i * 10000, 480, STR("abc")), OK);
    assert_int_equal(input_take_trouble(&bench->input, why), E_AGAIN);
    bench_render(bench, T0_US + 1000000, true);
    assert_true(rms_db(bench->track.planes[0], bench->track.count) < -100);
    bench_free(bench);
}

static void frames_that_come_late_or_far_too_early_are_left_out(void **state)
{
    (void)state;
    struct coded coded = one_frame();
    struct bench *bench = bench_new(&coded);
    bench_render(bench, T0_US + 1000000, true);
    bench_frame(bench, &coded, 0, T0_US);            /* over */
    bench_frame(bench, &coded, 0, T0_US + 950000);   /* half over */
    bench_frame(bench, &coded, 0, T0_US + 20000000); /* out of reach */
    bench_render(bench, T0_US + 1200000, true);
    assert_true(rms_db(bench->track.planes[0], 48000) < -100);
    assert_true(rms_db(bench->track.planes[0] + 48200, 2000) > -20);
    assert_true(rms_db(bench->track.planes[0] + 51000, 6000) < -100);
    bench_render(bench, T0_US + 21000000, true);
    assert_true(rms_db(bench->track.planes[0] + 57000, bench->track.count - 57000) < -100);
    bench_free(bench);
    coded_free(&coded);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_codec_sounds_at_the_time_of_its_frames),
        cmocka_unit_test(a_clock_100_ppm_off_is_followed_for_ten_minutes_without_being_heard),
        cmocka_unit_test(a_frame_over_40_ms_off_is_placed_anew_and_a_smaller_error_is_made_up_for),
        cmocka_unit_test(broken_frames_are_silence_of_their_length_without_a_click),
        cmocka_unit_test(damage_inside_a_frame_is_noticed_where_it_has_a_check),
        cmocka_unit_test(random_bytes_are_silence_and_after_200_frames_trouble_once),
        cmocka_unit_test(what_no_honest_source_sends_is_refused_and_big_formats_are_mixed_down),
        cmocka_unit_test(a_rate_that_changes_inside_the_stream_makes_no_trouble),
        cmocka_unit_test(a_codec_that_changes_inside_the_stream_is_not_heard),
        cmocka_unit_test(an_unknown_codec_or_a_wrong_setup_is_trouble_and_silence),
        cmocka_unit_test(frames_that_come_late_or_far_too_early_are_left_out),
    };
    assert_int_equal(codec_warm_up(), OK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
