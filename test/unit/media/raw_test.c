/* Tests of src/media/mpeg.c, adts.c and tag.c: headers, one by one. */
#include "media_test.h"

#include "media/raw_priv.h"

static enum err parse_mpeg(const char *bytes, size_t len, struct raw_head *head)
{
    return mpeg_parse((struct str){bytes, len}, head);
}

static void mpeg_headers_tell_size_samples_and_format(void **state)
{
    (void)state;
    static const struct {
        struct mpeg_shape shape;
        size_t bytes;
        uint32_t samples;
        struct format format;
    } rows[] = {
        {{3, 9, 0, 0, 0}, 417, 1152, {CODEC_MP3, 44100, 128000, 2, 1}},
        {{3, 9, 0, 1, 1}, 418, 1152, {CODEC_MP3, 44100, 128000, 2, 1}},
        {{3, 14, 2, 2, 1}, 1441, 1152, {CODEC_MP3, 32000, 320000, 2, 1}},
        {{3, 1, 1, 3, 0}, 96, 1152, {CODEC_MP3, 48000, 32000, 1, 1}},
        {{2, 8, 0, 3, 0}, 208, 576, {CODEC_MP3, 22050, 64000, 1, 2}},
        {{2, 1, 1, 0, 0}, 24, 576, {CODEC_MP3, 24000, 8000, 2, 2}},
        {{2, 14, 2, 0, 0}, 720, 576, {CODEC_MP3, 16000, 160000, 2, 2}},
        {{0, 2, 0, 3, 0}, 104, 576, {CODEC_MP3, 11025, 16000, 1, 25}},
        {{0, 14, 2, 0, 1}, 1441, 576, {CODEC_MP3, 8000, 160000, 2, 25}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned char bytes[4];
        struct raw_head head;
        mpeg_head(&rows[i].shape, bytes);
        assert_int_equal(parse_mpeg((const char *)bytes, 4, &head), OK);
        assert_int_equal(head.bytes, rows[i].bytes);
        assert_int_equal(head.samples, rows[i].samples);
        assert_true(format_same(&head.format, &rows[i].format));
        assert_int_equal(head.format.bitrate_bps, rows[i].format.bitrate_bps);
        assert_false(head.has_crc);
    }
}

static void mpeg_headers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "\xFE\xFB\x90\x64", "\xFF\xDB\x90\x64", /* no sync */
        "\xFF\xEB\x90\x64",                     /* reserved version */
        "\xFF\xFD\x90\x64", "\xFF\xFF\x90\x64", /* layers II and I */
        "\xFF\xF9\x90\x64",                     /* no layer */
        "\xFF\xFB\xF0\x64",                     /* forbidden bit rate */
        "\xFF\xFB\x9C\x64",                     /* reserved rate */
        "\xFF\xFB\x90\x66",                     /* reserved emphasis */
    };
    struct raw_head head;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(parse_mpeg(wrong[i], 4, &head), E_CORRUPT);
    assert_int_equal(parse_mpeg("\xFF\xFB\x00\x64", 4, &head), E_CORRUPT); /* free format */
    assert_int_equal(parse_mpeg("\xFF\xFA\x90\x64", 4, &head), OK);
    assert_true(head.has_crc);
    for (size_t len = 0; len < 4; len++) {
        assert_int_equal(parse_mpeg("\xFF\xFB\x90\x64", len, &head), E_AGAIN);
        assert_int_equal(head.bytes, 0);
    }
    assert_int_equal(parse_mpeg("\xFE", 1, &head), E_CORRUPT);
    assert_int_equal(parse_mpeg("\xFF\x00", 2, &head), E_CORRUPT);
}

static bool is_index(const struct mpeg_shape *shape, size_t at, struct str name)
{
    unsigned char frame[MPEG_FRAME_MAX_BYTES] = {0};
    struct raw_head head;
    mpeg_head(shape, frame);
    assert_int_equal(mpeg_parse((struct str){(const char *)frame, 4}, &head), OK);
    memcpy(frame + at, name.ptr, name.len);
    return mpeg_is_index((struct str){(const char *)frame, head.bytes}, &head);
}

static void index_frames_are_known_by_their_place(void **state)
{
    (void)state;
    const struct mpeg_shape mono = {3, 9, 0, 3, 0}, low = {2, 9, 0, 0, 0},
                            low_mono = {2, 9, 0, 3, 0}, tiny = {2, 1, 1, 0, 0},
                            tiny_padded = {2, 1, 1, 0, 1};
    assert_true(is_index(&mpeg_usual, 36, STR("Xing\0\0\0\x0F")));
    assert_true(is_index(&mpeg_usual, 36, STR("Info\0\0\0\x01")));
    assert_true(is_index(&mpeg_usual, 36, STR("VBRI\0\1")));
    assert_true(is_index(&mono, 21, STR("Xing\0\0\0\x0F")));
    assert_true(is_index(&low, 21, STR("Xing\0\0\0\x0F")));
    assert_true(is_index(&low_mono, 13, STR("Info\0\0\0\x0F")));
    assert_true(is_index(&low_mono, 36, STR("VBRI\0\1")));
    assert_false(is_index(&mpeg_usual, 36, STR("Xing\0\0\1\x0F")));
    assert_false(is_index(&mpeg_usual, 36, STR("VBRI\0\2")));
    assert_false(is_index(&mpeg_usual, 37, STR("Xing\0\0\0\x0F")));
    assert_false(is_index(&tiny_padded, 21, STR("Xing")));
    assert_false(is_index(&tiny, 20, STR("Xing"))); /* no room for more than a part of the name */
}

static void adts_headers_tell_size_and_format(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    struct raw_head head;
    put_adts(&b, 8191 - 7, false, 1);
    for (size_t len = 0; len < 7; len++)
        assert_int_equal(adts_parse(str_slice(bytes_str(&b), 0, len), &head), E_AGAIN);
    assert_int_equal(adts_parse(bytes_str(&b), &head), OK);
    assert_int_equal(head.bytes, 8191);
    assert_int_equal(head.samples, 1024);
    const struct format lc = {CODEC_AAC, 48000, 0, 2, 2};
    assert_true(format_same(&head.format, &lc));
    b.ptr[3] = (unsigned char)((b.ptr[3] & 0x3F) | 3 << 6);
    b.ptr[2] |= 1; /* configuration 7: eight channels */
    assert_int_equal(adts_parse(bytes_str(&b), &head), OK);
    assert_int_equal(head.format.channels, 8);
    free(b.ptr);
}

static void adts_headers_that_are_none_are_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
    } wrong[] = {
        {0, 0xFE},
        {1, 0xE1},
        {1, 0xF3},             /* sync, layer */
        {2, 1 << 6 | 13 << 2}, /* reserved rate */
        {3, 0},                /* channels told elsewhere */
        {6, 0xFD},             /* two blocks */
    };
    struct bytes b = bytes_new();
    struct raw_head head;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        b.len = 0;
        put_adts(&b, 100, false, 1);
        b.ptr[wrong[i].at] = wrong[i].value;
        assert_int_equal(adts_parse(bytes_str(&b), &head), E_CORRUPT);
    }
    b.len = 0;
    put_adts(&b, 0, false, 1);
    assert_int_equal(adts_parse(bytes_str(&b), &head), E_CORRUPT); /* no payload */
    b.len = 0;
    put_adts(&b, 0, true, 1);
    assert_int_equal(adts_parse(bytes_str(&b), &head), E_CORRUPT);
    free(b.ptr);
}

static void stripping_a_crc_leaves_a_right_header(void **state)
{
    (void)state;
    struct bytes with = bytes_new(), without = bytes_new();
    for (size_t payload = 1; payload < 8180; payload = payload * 2 + 1) {
        struct raw_head head;
        with.len = without.len = 0;
        put_adts(&with, payload, true, 1);
        put_adts(&without, payload, false, 1);
        assert_int_equal(adts_parse(bytes_str(&with), &head), OK);
        assert_true(head.has_crc);
        adts_strip_crc(with.ptr, &head);
        assert_int_equal(head.bytes, without.len);
        assert_memory_equal(with.ptr + 2, without.ptr, without.len);
    }
    free(with.ptr);
    free(without.ptr);
}

static void tags_are_measured(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        enum err err;
        size_t tag;
    } rows[] = {
        {{"", 0}, E_AGAIN, 0},
        {{"I", 1}, E_AGAIN, 0},
        {{"TAG", 3}, E_AGAIN, 0},
        {{"APETAG", 6}, E_AGAIN, 0},
        {{"APETAGEX\xD0\7\0", 11}, E_AGAIN, 0},
        {{"ID3\3\0\0\0\0\0", 9}, E_AGAIN, 0},
        {{"X", 1}, E_CORRUPT, 0},
        {{"TAX", 3}, E_CORRUPT, 0},
        {{"TAG ", 4}, OK, 128},
        {{"TAG+", 4}, OK, 227},
        {{"ID3\3\0\0\0\0\2\1", 10}, OK, 267},
        {{"ID3\4\0\x10\0\0\2\1", 10}, OK, 277},
        {{"ID3\xFF\0\0\0\0\0\0", 10}, E_CORRUPT, 0},
        {{"ID3\3\xFF\0\0\0\0\0", 10}, E_CORRUPT, 0},
        {{"ID3\3\0\0\0\0\x80\0", 10}, E_CORRUPT, 0},
        {{"ID3\3\0\0\7\x7F\x7F\x6C", 10}, OK, 16777206},
        {{"ID3\3\0\0\x7F\x7F\x7F\x7F", 10}, E_CORRUPT, 0}, /* 256 MiB of it */
        {{"APETAGEX\xD0\7\0\0\x20\0\0\0\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0", 32}, OK, 64},
        {{"APETAGEX\xE8\3\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32}, OK, 32},
        {{"APETAGEX\1\0\0\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 32}, E_CORRUPT, 0},
        {{"APETAGEX\xD0\7\0\0\xFF\xFF\xFF\xFF\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0", 32},
         E_CORRUPT,
         0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t tag = 1;
        assert_int_equal(tag_measure(rows[i].bytes, &tag), rows[i].err);
        assert_int_equal(tag, rows[i].tag);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mpeg_headers_tell_size_samples_and_format),
        cmocka_unit_test(mpeg_headers_that_are_none_are_refused),
        cmocka_unit_test(index_frames_are_known_by_their_place),
        cmocka_unit_test(adts_headers_tell_size_and_format),
        cmocka_unit_test(adts_headers_that_are_none_are_refused),
        cmocka_unit_test(stripping_a_crc_leaves_a_right_header),
        cmocka_unit_test(tags_are_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
