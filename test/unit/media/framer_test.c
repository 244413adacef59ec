/* Tests of src/media/framer.c and framer_raw.c: MPEG, ADTS, the buffer. Ogg: framer_ogg_test.c. */
#include "media_test.h"

#include "media/raw_priv.h"
#include "media/scan.h"

static const struct vector {
    const char *name;
    enum container container;
    size_t frames;
    uint64_t samples, bytes;
    struct format format;
    const char *title;
} vectors[] = {
    {"cbr_id3_xing.mp3", CONTAINER_MPEG, 32, 36864, 13374, {CODEC_MP3, 44100, 128000, 2, 1}, NULL},
    {"vbr.mp3", CONTAINER_MPEG, 35, 40320, 7056, {CODEC_MP3, 48000, 0, 2, 1}, NULL},
    {"mpeg2_mono.mp3", CONTAINER_MPEG, 60, 34560, 6269, {CODEC_MP3, 22050, 32000, 1, 2}, NULL},
    {"mpeg25_mono.mp3", CONTAINER_MPEG, 31, 17856, 3239, {CODEC_MP3, 11025, 16000, 1, 25}, NULL},
    {"lc_stereo.aac", CONTAINER_ADTS, 48, 49152, 12649, {CODEC_AAC, 48000, 0, 2, 2}, NULL},
    {"tone.opus", CONTAINER_OGG, 51, 48960, 9678, {CODEC_OPUS, 48000, 0, 2, 0}, "mast - A tone"},
    {"sixty.opus", CONTAINER_OGG, 17, 48960, 4238, {CODEC_OPUS, 48000, 0, 1, 0}, "Sixty"},
    {"tone_vorbis.ogg",
     CONTAINER_OGG,
     50,
     44352,
     4582,
     {CODEC_VORBIS, 44100, 0, 2, 0},
     "mast - A tone"},
    {"tone_flac.ogg", CONTAINER_OGG, 5, 22050, 5984, {CODEC_FLAC, 44100, 0, 1, 0}, "A tone"},
};

static void real_encoders_give_the_frames_that_ffprobe_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        struct bytes b = load(v->name);
        const struct run *run = frame_all(v->container, bytes_str(&b), 4096, 0);
        if (run->frames != v->frames || run->samples != v->samples || run->bytes != v->bytes)
            fail_msg("%s: %zu frames, %lu samples, %lu bytes", v->name, run->frames,
                     (unsigned long)run->samples, (unsigned long)run->bytes);
        assert_true(format_same(&run->format, &v->format));
        if (v->format.bitrate_bps > 0)
            assert_int_equal(run->format.bitrate_bps, v->format.bitrate_bps);
        assert_int_equal(run->format_changes, 0);
        assert_int_equal(run->losses.skipped_bytes, 0);
        assert_int_equal(run->titles, v->title ? 1 : 0);
        assert_string_equal(run->title, v->title ? v->title : "");
        assert_int_equal(run->setup_bytes > 0, v->container == CONTAINER_OGG);
        free(b.ptr);
    }
}

static void bytes_cut_anywhere_give_the_same_frames(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 7, 100, 5000, 200000};
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct bytes b = load(vectors[i].name);
        /* Noise in front, a hole and noise in the middle: decisions on doubtful bytes too. */
        struct bytes dirty = bytes_new();
        put(&dirty, STR("\xFF\xFB noise \xFF\xF1 OggS\0 ID3 TAG"));
        put(&dirty, str_slice(bytes_str(&b), 0, b.len / 2));
        put(&dirty, STR("more \xFF\xFB\x90\x64 noise OggS"));
        put(&dirty, str_slice(bytes_str(&b), b.len / 2 + 333, b.len));
        for (int kind = 0; kind < 2; kind++) {
            struct str all = kind ? bytes_str(&dirty) : bytes_str(&b);
            struct run whole = *frame_all(vectors[i].container, all, BYTES_MAX, 0);
            assert_true(whole.frames > 0);
            for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
                const struct run *cut =
                    frame_all(vectors[i].container, all, pieces[p], pieces[p] > 2 ? 17 + p : 0);
                assert_int_equal(cut->frames, whole.frames);
                assert_int_equal(cut->samples, whole.samples);
                assert_true(cut->hash == whole.hash);
                assert_int_equal(cut->losses.skipped_bytes, whole.losses.skipped_bytes);
                assert_string_equal(cut->title, whole.title);
            }
        }
        free(b.ptr);
        free(dirty.ptr);
    }
}

static void a_lone_header_in_noise_is_no_frame(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_fill(&b, 0xFF, 5);
    put_mpeg(&b, &mpeg_usual, 417);
    put_fill(&b, 0x77, 600);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 100, 0);
    assert_int_equal(run->frames, 0);
    assert_int_equal(run->losses.skipped_bytes, b.len);
    assert_int_equal(run->losses.since_frame_bytes, b.len);
    free(b.ptr);
}

static void the_first_frame_waits_for_the_next_header_and_later_ones_do_not(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_mpeg(&b, &mpeg_usual, 417);
    put_mpeg(&b, &mpeg_usual, 417);
    struct framer *framer;
    struct frame frame;
    assert_int_equal(framer_new(CONTAINER_MPEG, &framer), OK);
    assert_int_equal(framer_push(framer, str_slice(bytes_str(&b), 0, 417 + 3)), 420);
    assert_int_equal(framer_next(framer, &frame), E_AGAIN);
    assert_int_equal(framer_losses(framer).since_frame_bytes, 420);
    assert_int_equal(framer_push(framer, str_slice(bytes_str(&b), 420, 421)), 1);
    assert_int_equal(framer_next(framer, &frame), OK);
    assert_int_equal(frame.bytes.len, 417);
    assert_int_equal(frame.samples, 1152);
    assert_int_equal(framer_losses(framer).since_frame_bytes, 0);
    assert_int_equal(framer_next(framer, &frame), E_AGAIN);
    assert_int_equal(framer_push(framer, str_slice(bytes_str(&b), 421, 834)), 413);
    assert_int_equal(framer_next(framer, &frame), OK); /* nothing stands behind it */
    framer_free(&framer);
    framer_free(&framer); /* nothing to do */
    free(b.ptr);
}

static void sound_is_found_again_behind_noise_and_counted(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    for (int i = 0; i < 4; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    put_fill(&b, 0x11, 1000);
    put(&b, STR("\xFF\xFA\xFF\xFF\x00"));
    for (int i = 0; i < 4; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 64, 0);
    assert_int_equal(run->frames, 8);
    assert_int_equal(run->losses.skipped_bytes, 1005);
    free(b.ptr);
}

static void a_torn_frame_costs_at_most_its_neighbour(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    for (int i = 0; i < 3; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    b.len -= 200;
    for (int i = 0; i < 5; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 64, 0);
    assert_int_equal(run->frames, 7);
    assert_int_equal(run->losses.skipped_bytes, 217);
    free(b.ptr);
}

static void a_new_rate_or_channel_count_comes_out_once_two_headers_agree(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    const struct mpeg_shape at_48k = {3, 9, 1, 0, 0}, mono = {3, 9, 1, 3, 0};
    for (int i = 0; i < 3; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    for (int i = 0; i < 3; i++)
        put_mpeg(&b, &at_48k, 384);
    for (int i = 0; i < 3; i++)
        put_mpeg(&b, &mono, 384);
    put_mpeg(&b, &at_48k, 384); /* alone: no new format, and no longer the old one */
    for (int i = 0; i < 2; i++)
        put_mpeg(&b, &mono, 384);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 333, 0);
    assert_int_equal(run->frames, 11);
    assert_int_equal(run->format_changes, 2);
    assert_int_equal(run->format.channels, 1);
    assert_int_equal(run->format.rate_hz, 48000);
    assert_int_equal(run->losses.skipped_bytes, 384);
    free(b.ptr);
}

static void frames_of_a_changing_bit_rate_are_one_format(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    const struct mpeg_shape high = {3, 14, 0, 1, 1};
    put_mpeg(&b, &mpeg_usual, 417);
    put_mpeg(&b, &high, 1045);
    put_mpeg(&b, &mpeg_usual, 417);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 333, 0);
    assert_int_equal(run->frames, 3);
    assert_int_equal(run->format_changes, 0);
    free(b.ptr);
}

static void tags_between_frames_are_no_loss(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put(&b, STR("ID3\4\0\x10\0\0\1\2")); /* 130 bytes and a footer */
    put_fill(&b, 0xFF, 130);
    put_fill(&b, '3', 10);
    for (int i = 0; i < 2; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    put(&b, STR("TAG"));
    put_fill(&b, 0, 125);
    put(&b, STR("TAG+"));
    put_fill(&b, 0, 223);
    put(&b, STR("APETAGEX\xD0\7\0\0\x64\0\0\0\1\0\0\0\0\0\0\xA0\0\0\0\0\0\0\0\0")); /* header */
    put_fill(&b, 'a', 100);
    put(&b, STR("APETAGEX\xE8\3\0\0\x64\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")); /* footer */
    for (int i = 0; i < 2; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 50, 0);
    assert_int_equal(run->frames, 4);
    assert_int_equal(run->losses.skipped_bytes, 0);
    free(b.ptr);
}

static void a_tag_in_the_middle_of_noise_is_noise(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_fill(&b, 0x11, 10);
    put(&b, STR("ID3\4\0\0\0\1\0\0")); /* would eat 16 KiB of sound */
    for (int i = 0; i < 40; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    for (size_t piece = 1; piece < 100; piece += 9) { /* 10: the tag begins a piece */
        const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), piece, 0);
        assert_int_equal(run->frames, 40);
        assert_int_equal(run->losses.skipped_bytes, 20);
    }
    free(b.ptr);
}

static void a_lone_header_behind_noise_or_a_tag_is_no_frame(void **state)
{
    (void)state;
    static const struct str breaks[] = {{"noise", 5}, {"ID3\4\0\0\0\0\0\0", 10}};
    for (size_t i = 0; i < 2; i++) {
        struct bytes b = bytes_new();
        for (int j = 0; j < 2; j++)
            put_mpeg(&b, &mpeg_usual, 417);
        put(&b, breaks[i]);
        put_mpeg(&b, &mpeg_usual, 417);
        put_fill(&b, 0x22, 100);
        for (int j = 0; j < 2; j++)
            put_mpeg(&b, &mpeg_usual, 417);
        const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 50, 0);
        assert_int_equal(run->frames, 4);
        assert_int_equal(run->losses.skipped_bytes, 417 + 100 + (i == 0 ? 5 : 0));
        free(b.ptr);
    }
}

static void an_index_frame_in_the_middle_is_taken_off(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    static const struct str names[] = {{"Xing\0\0\0\xF", 8}, {"Info\0\0\0\0", 8}, {"VBRI\0\1", 6}};
    put_mpeg(&b, &mpeg_usual, 417);
    for (size_t i = 0; i < 3; i++) {
        size_t at = b.len;
        put_mpeg(&b, &mpeg_usual, 417);
        memcpy(b.ptr + at + 36, names[i].ptr, names[i].len);
    }
    put_mpeg(&b, &mpeg_usual, 417);
    const struct run *run = frame_all(CONTAINER_MPEG, bytes_str(&b), 500, 0);
    assert_int_equal(run->frames, 2);
    assert_int_equal(run->losses.skipped_bytes, 0);
    free(b.ptr);
}

static void adts_comes_out_without_its_crc(void **state)
{
    (void)state;
    struct bytes b = bytes_new(), plain = bytes_new();
    for (size_t i = 0; i < 5; i++) {
        put_adts(&b, 250 + i, true, 1);
        put_adts(&plain, 250 + i, false, 1);
    }
    struct run with = *frame_all(CONTAINER_ADTS, bytes_str(&b), 100, 0);
    const struct run *without = frame_all(CONTAINER_ADTS, bytes_str(&plain), 100, 0);
    assert_int_equal(with.frames, 5);
    assert_true(with.hash == without->hash);
    struct scan_frame scanned;
    struct str last = {(const char *)with.frame, with.frame_bytes};
    assert_int_equal(scan_frame(CODEC_AAC, last, &scanned), OK);
    assert_int_equal(scanned.bytes, 261);
    free(b.ptr);
    free(plain.ptr);
}

static void adts_frames_of_several_blocks_are_skipped_and_counted(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    for (int i = 0; i < 3; i++)
        put_adts(&b, 200, false, 1);
    for (int i = 0; i < 3; i++)
        put_adts(&b, 300, false, 2);
    for (int i = 0; i < 3; i++)
        put_adts(&b, 200, false, 1);
    const struct run *run = frame_all(CONTAINER_ADTS, bytes_str(&b), 100, 0);
    assert_int_equal(run->frames, 6);
    assert_int_equal(run->losses.skipped_bytes, 3 * 307);
    free(b.ptr);
}

static void a_full_buffer_takes_more_after_its_frames_are_out(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    for (int i = 0; i < 100; i++)
        put_mpeg(&b, &mpeg_usual, 417);
    struct framer *framer;
    struct frame frame;
    assert_int_equal(framer_new(CONTAINER_MPEG, &framer), OK);
    assert_int_equal(framer_push(framer, STR("")), 0);
    size_t taken = framer_push(framer, bytes_str(&b));
    assert_true(taken > 10000 && taken < b.len);
    assert_int_equal(framer_push(framer, STR("x")), 0);
    while (framer_next(framer, &frame) == OK)
        ;
    struct str rest = str_slice(bytes_str(&b), taken, b.len);
    assert_int_equal(framer_push(framer, rest), rest.len);
    framer_free(&framer);
    free(b.ptr);
}

static void noise_of_every_kind_goes_by_in_linear_time(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    uint64_t x = 1;
    while (b.len < BYTES_MAX) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        /* dense in sync bytes and page headers */
        b.ptr[b.len++] = (unsigned char)(x >> 63 ? 0xFF : x >> 40);
    }
    for (int container = CONTAINER_MPEG; container <= CONTAINER_OGG; container++) {
        const struct run *run = frame_all((enum container)container, bytes_str(&b), 1400, 0);
        assert_int_equal(run->frames, 0);
        assert_true(run->losses.skipped_bytes > b.len - 10000);
    }
    free(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_encoders_give_the_frames_that_ffprobe_counts),
        cmocka_unit_test(bytes_cut_anywhere_give_the_same_frames),
        cmocka_unit_test(a_lone_header_in_noise_is_no_frame),
        cmocka_unit_test(the_first_frame_waits_for_the_next_header_and_later_ones_do_not),
        cmocka_unit_test(sound_is_found_again_behind_noise_and_counted),
        cmocka_unit_test(a_torn_frame_costs_at_most_its_neighbour),
        cmocka_unit_test(a_new_rate_or_channel_count_comes_out_once_two_headers_agree),
        cmocka_unit_test(frames_of_a_changing_bit_rate_are_one_format),
        cmocka_unit_test(tags_between_frames_are_no_loss),
        cmocka_unit_test(a_tag_in_the_middle_of_noise_is_noise),
        cmocka_unit_test(a_lone_header_behind_noise_or_a_tag_is_no_frame),
        cmocka_unit_test(an_index_frame_in_the_middle_is_taken_off),
        cmocka_unit_test(adts_comes_out_without_its_crc),
        cmocka_unit_test(adts_frames_of_several_blocks_are_skipped_and_counted),
        cmocka_unit_test(a_full_buffer_takes_more_after_its_frames_are_out),
        cmocka_unit_test(noise_of_every_kind_goes_by_in_linear_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
