/* Tests of src/media/scan.c. */
#include "media_test.h"

#include "media/ogg_opus.h"
#include "media/scan.h"

static void a_tape_of_frames_is_walked_to_its_torn_tail(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum container container;
        enum codec codec;
        uint32_t samples;
    } rows[] = {
        {"cbr_id3_xing.mp3", CONTAINER_MPEG, CODEC_MP3, 1152},
        {"mpeg25_mono.mp3", CONTAINER_MPEG, CODEC_MP3, 576},
        {"lc_stereo.aac", CONTAINER_ADTS, CODEC_AAC, 1024},
    };
    for (size_t i = 0; i < 3; i++) {
        struct bytes file = load(rows[i].name), tape = bytes_new();
        struct framer *framer;
        struct frame frame;
        size_t frames = 0;
        assert_int_equal(framer_new(rows[i].container, &framer), OK);
        assert_int_equal(framer_push(framer, bytes_str(&file)), file.len);
        while (framer_next(framer, &frame) == OK) {
            put(&tape, frame.bytes);
            frames++;
        }
        struct str s = bytes_str(&tape);
        s.len -= 5;
        struct scan_frame scanned;
        enum err err;
        while ((err = scan_frame(rows[i].codec, s, &scanned)) == OK) {
            assert_int_equal(scanned.samples, rows[i].samples);
            assert_int_equal(scanned.format.codec, rows[i].codec);
            s = str_slice(s, scanned.bytes, s.len);
            frames--;
        }
        assert_int_equal(err, E_AGAIN);
        assert_int_equal(scanned.bytes, 0);
        assert_int_equal(frames, 1);
        framer_free(&framer);
        free(file.ptr);
        free(tape.ptr);
    }
}

static void what_never_lies_on_a_tape_is_corrupt(void **state)
{
    (void)state;
    struct scan_frame scanned;
    struct bytes b = bytes_new();
    put_adts(&b, 100, true, 1);
    assert_int_equal(scan_frame(CODEC_AAC, bytes_str(&b), &scanned), E_CORRUPT); /* a CRC */
    assert_int_equal(scan_frame(CODEC_MP3, bytes_str(&b), &scanned), E_CORRUPT);
    assert_int_equal(scan_frame(CODEC_OPUS, bytes_str(&b), &scanned), E_CORRUPT);
    b.len = 0;
    put_mpeg(&b, &mpeg_usual, 417);
    assert_int_equal(scan_frame(CODEC_MP3, bytes_str(&b), &scanned), OK);
    assert_int_equal(scan_frame(CODEC_NONE, bytes_str(&b), &scanned), E_CORRUPT);
    assert_int_equal(scan_frame(CODEC_VORBIS, bytes_str(&b), &scanned), E_CORRUPT);
    assert_int_equal(scan_frame(CODEC_FLAC, bytes_str(&b), &scanned), E_CORRUPT);
    free(b.ptr);
}

static void an_opus_page_is_checked_as_a_whole(void **state)
{
    (void)state;
    struct scan_frame scanned;
    struct bytes b = bytes_new();
    const struct str packets[2] = {STR("\x98 one"), STR("\x98 two")};
    put_page(&b, (struct page_shape){0, 1, 2, false}, packets, 2);
    size_t first = b.len;
    put_page(&b, (struct page_shape){0, 1, 3, false}, packets, 1);
    assert_int_equal(scan_frame(CODEC_OPUS, bytes_str(&b), &scanned), OK);
    assert_int_equal(scanned.bytes, first);
    assert_int_equal(scanned.samples, 1920);
    assert_int_equal(scanned.format.rate_hz, 48000);
    assert_int_equal(scanned.format.channels, 0);
    for (size_t len = 0; len < first; len++)
        assert_int_equal(scan_frame(CODEC_OPUS, str_slice(bytes_str(&b), 0, len), &scanned),
                         E_AGAIN);
    b.ptr[first - 1] ^= 1;
    assert_int_equal(scan_frame(CODEC_OPUS, bytes_str(&b), &scanned), E_CORRUPT);
    assert_int_equal(scanned.bytes, 0);
    free(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tape_of_frames_is_walked_to_its_torn_tail),
        cmocka_unit_test(what_never_lies_on_a_tape_is_corrupt),
        cmocka_unit_test(an_opus_page_is_checked_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
