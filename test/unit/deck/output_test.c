/* Tests of deck/output.c through the engine: the frame grid, its times, and the splice of one deck's
 * frames and the next one's. */
#include "deck_test.h"

#define TONE_HZ 440.0
#define GAIN    0.4

static const struct kind {
    enum codec codec;
    uint32_t rate_hz;
    uint8_t channels;
    uint32_t bitrate_bps, frame;
} kinds[DECK_OUTPUTS_MAX] = {
    {CODEC_MP3, 48000, 2, 128000, 1152}, {CODEC_MP3, 44100, 2, 128000, 1152},
    {CODEC_MP3, 32000, 1, 64000, 1152},  {CODEC_AAC, 48000, 2, 96000, 1024},
    {CODEC_AAC, 44100, 1, 48000, 1024},  {CODEC_AAC, 32000, 2, 64000, 1024},
    {CODEC_OPUS, 48000, 2, 96000, 960},  {CODEC_OPUS, 48000, 1, 48000, 960},
};

/* An engine with a tone on the air from lead_us before `at_us`, its renditions beginning there. */
static struct rig *play(const struct coded *tone, int64_t tone_us, int64_t at_us, int64_t lead_us,
                        int64_t seconds)
{
    struct rig *rig = rig_new(at_us - lead_us);
    for (uint16_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        const struct kind *k = &kinds[i];
        assert_int_equal(
            rig_output(rig, i, k->codec, k->rate_hz, k->channels, k->bitrate_bps, at_us), OK);
    }
    rig_coded(rig, 0, tone);
    assert_int_equal(rig_switch(rig, at_us - lead_us, 0), OK);
    size_t next = 0;
    for (int64_t at = at_us - lead_us; at < at_us + seconds * 1000000; at += 50000) {
        rig_feed(rig, 0, tone, &next, tone_us, at + 550000);
        assert_int_equal(rig_run(rig, at + 50000), OK);
        assert_int_equal(rig->done_us, at + 50000);
    }
    return rig;
}

static void
the_first_frame_begins_at_the_instant_that_was_asked_for_and_all_others_follow(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 44100, 2, TONE_HZ, TONE_HZ, GAIN, 5);
    int64_t at_us = T0_US + 1234567;
    struct rig *rig = play(&tone, T0_US, at_us, 1000000, 2);
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        const struct coded *out = &rig->outs[i];
        assert_true(out->count > 2 * kinds[i].rate_hz / kinds[i].frame - 6);
        for (size_t n = 0; n < out->count; n++) {
            double due = (double)n * kinds[i].frame * 1e6 / kinds[i].rate_hz;
            assert_int_equal(out->frames[n].samples, kinds[i].frame);
            assert_true(fabs((double)(out->frames[n].first - at_us) - due) <= 1);
        }
    }
    rig_free(rig);
    coded_free(&tone);
}

static void all_renditions_sound_the_same_instant_within_a_millisecond(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 44100, 2, TONE_HZ, TONE_HZ, GAIN, 5);
    int64_t at_us = T0_US + 1234567;
    struct rig *rig = play(&tone, T0_US, at_us, 1000000, 2);
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        struct track track = decode_all(&rig->outs[i]);
        size_t from = 48000; /* a second in */
        struct fit fit = fit_tone(track.planes[0] + from, 9600, TONE_HZ, 48000);
        double due = TONE_HZ * ((double)(at_us - T0_US) / 1e6 + 1);
        double off_s = remainder(fit.turns - due, 1) / TONE_HZ;
        /* LAME takes half a decibel off, twice. */
        if (fabs(off_s) > 0.0003 || fabs(db(fit.amplitude) - db(GAIN)) > 1)
            fail_msg("output %zu: %.3f ms off, %.2f dB", i, off_s * 1000, db(fit.amplitude));
        /* From the first frame on, half of whose sound a decoder that begins there lacks. */
        double quiet = quietest_db(&track, 0, 1800, track.count - 4800);
        if (quiet < -20)
            fail_msg("output %zu: %.1f dB", i, quiet);
        track_free(&track);
    }
    rig_free(rig);
    coded_free(&tone);
}

static void an_aac_frame_has_an_adts_header_without_crc_and_mp3_frames_need_no_other(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 48000, 2, TONE_HZ, TONE_HZ, GAIN, 3);
    struct rig *rig = play(&tone, T0_US, T0_US + 500000, 500000, 1);
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        if (kinds[i].codec == CODEC_OPUS)
            continue;
        enum container container = kinds[i].codec == CODEC_MP3 ? CONTAINER_MPEG : CONTAINER_ADTS;
        struct framer *framer;
        size_t found = 0;
        assert_int_equal(framer_new(container, &framer), OK);
        for (size_t n = 0; n < rig->outs[i].count; n++) {
            struct str bytes = coded_str(&rig->outs[i], n);
            const unsigned char *head = (const unsigned char *)bytes.ptr;
            /* MP3: main_data_begin, the first 9 bits of the side information, is 0. */
            if (kinds[i].codec == CODEC_MP3)
                assert_true(head[4] == 0 && (head[5] & 0x80) == 0);
            assert_int_equal(framer_push(framer, bytes), bytes.len);
            struct frame frame;
            while (framer_next(framer, &frame) == OK) {
                found++;
                assert_int_equal(frame.format.rate_hz, kinds[i].rate_hz);
                assert_int_equal(frame.format.channels, kinds[i].channels);
                assert_int_equal(frame.samples, kinds[i].frame);
            }
        }
        assert_int_equal(framer_losses(framer).skipped_bytes, 0);
        assert_true(found >= rig->outs[i].count - 1);
        framer_free(&framer);
    }
    rig_free(rig);
    coded_free(&tone);
}

/* One deck dies; the next one's frames go on where its own ended. */
static void a_second_deck_goes_on_at_a_frame_boundary_without_hole_or_step(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 44100, 2, TONE_HZ, TONE_HZ, GAIN, 9);
    struct rig *first = play(&tone, T0_US, T0_US + 1000000, 1000000, 2);
    /* The rule for a step: the tone's own greatest one, and a little. */
    double own = GAIN * TWO_PI * TONE_HZ / 48000;
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        struct coded *all = &first->outs[i];
        int64_t end_us =
            all->frames[all->count - 1].first + llrint(kinds[i].frame * 1e6 / kinds[i].rate_hz);
        struct rig *second = play(&tone, T0_US, end_us, 500000, 2);
        size_t joint = all->count;
        assert_int_equal(second->outs[i].frames[0].first, end_us);
        for (size_t n = 0; n < second->outs[i].count; n++)
            coded_add(all, coded_str(&second->outs[i], n), kinds[i].frame,
                      second->outs[i].frames[n].first);
        struct track track = decode_all(all);
        size_t at = joint * kinds[i].frame * 48000 / kinds[i].rate_hz;
        double quiet = quietest_db(&track, 0, at - 24000, at + 24000);
        double step = greatest_step(&track, 0, at - 24000, at + 24000);
        if (quiet < -20 || step > 1.15 * own)
            fail_msg("output %zu: quietest %.1f dB, step %.2f of the tone's own", i, quiet,
                     step / own);
        /* The same phase on both sides: the grid is the same. */
        struct fit before = fit_tone(track.planes[0] + at - 12000, 9600, TONE_HZ, 48000);
        struct fit after = fit_tone(track.planes[0] + at + 12000, 9600, TONE_HZ, 48000);
        double off = remainder(after.turns - before.turns - TONE_HZ * 24000 / 48000, 1);
        assert_true(fabs(off) / TONE_HZ < 0.0001);
        track_free(&track);
        rig_free(second);
    }
    rig_free(first);
    coded_free(&tone);
}

static void outputs_that_cannot_be_are_refused(void **state)
{
    (void)state;
    static const struct kind bad[] = {
        {CODEC_OPUS, 44100, 2, 96000, 0},
        {CODEC_OPUS, 32000, 2, 96000, 0},
        {CODEC_AAC, 22050, 2, 96000, 0},
        {CODEC_MP3, 48000, 2, 130000, 0},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct rig *rig = rig_new(T0_US);
        enum err err = rig_output(rig, 0, bad[i].codec, bad[i].rate_hz, bad[i].channels,
                                  bad[i].bitrate_bps, T0_US);
        /* LAME takes the nearest bit rate that there is. */
        assert_int_equal(err != OK, bad[i].codec != CODEC_MP3);
        rig_free(rig);
    }
    struct rig *rig = rig_new(T0_US);
    assert_int_not_equal(rig_output(rig, 0, CODEC_MP3, 48000, 2, 128000, T0_US - 1), OK);
    rig_free(rig);
}

static void without_any_lead_the_first_frame_is_there_all_the_same(void **state)
{
    (void)state;
    struct coded tone = encode_tone(CODEC_MP3, 48000, 2, TONE_HZ, TONE_HZ, GAIN, 3);
    struct rig *rig = play(&tone, T0_US, T0_US, 0, 1);
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        assert_int_equal(rig->outs[i].frames[0].first, T0_US);
        struct track track = decode_all(&rig->outs[i]);
        assert_true(quietest_db(&track, 0, 2400, track.count - 4800) > -20);
        track_free(&track);
    }
    rig_free(rig);
    coded_free(&tone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            the_first_frame_begins_at_the_instant_that_was_asked_for_and_all_others_follow),
        cmocka_unit_test(all_renditions_sound_the_same_instant_within_a_millisecond),
        cmocka_unit_test(an_aac_frame_has_an_adts_header_without_crc_and_mp3_frames_need_no_other),
        cmocka_unit_test(a_second_deck_goes_on_at_a_frame_boundary_without_hole_or_step),
        cmocka_unit_test(outputs_that_cannot_be_are_refused),
        cmocka_unit_test(without_any_lead_the_first_frame_is_there_all_the_same),
    };
    assert_int_equal(codec_warm_up(), OK); /* and quiet */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
