/* Tests of src/media/format.c. */
#include "media_test.h"

static void names_and_codecs_belong_together(void **state)
{
    (void)state;
    static const char *const names[] = {"mp3", "aac", "opus", "vorbis", "flac"};
    for (int i = 0; i < 5; i++) {
        assert_string_equal(codec_name((enum codec)(CODEC_MP3 + i)), names[i]);
        assert_int_equal(codec_from_name(str_of(names[i])), CODEC_MP3 + i);
    }
    assert_int_equal(codec_from_name(STR("none")), CODEC_NONE);
    assert_int_equal(codec_from_name(STR("MP3")), CODEC_NONE);
    assert_int_equal(codec_from_name(STR("")), CODEC_NONE);
    assert_string_equal(codec_content_type(CODEC_MP3), "audio/mpeg");
    assert_string_equal(codec_content_type(CODEC_AAC), "audio/aac");
    assert_string_equal(codec_content_type(CODEC_OPUS), "audio/ogg");
}

static void a_content_type_tells_the_container(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        enum err err;
        enum container container;
    } rows[] = {
        {"audio/mpeg", OK, CONTAINER_MPEG},
        {"Audio/MPEG; charset=x", OK, CONTAINER_MPEG},
        {"audio/x-mpeg", OK, CONTAINER_MPEG},
        {"audio/mp3", OK, CONTAINER_MPEG},
        {"audio/aac", OK, CONTAINER_ADTS},
        {"audio/aacp ;x", OK, CONTAINER_ADTS},
        {" audio/x-aac", OK, CONTAINER_ADTS},
        {"application/ogg", OK, CONTAINER_OGG},
        {"audio/ogg;codecs=opus", OK, CONTAINER_OGG},
        {"audio/opus", OK, CONTAINER_OGG},
        {"application/x-ogg", OK, CONTAINER_OGG},
        {"audio/mpegx", E_UNSUPPORTED, CONTAINER_MPEG},
        {"text/html", E_UNSUPPORTED, CONTAINER_MPEG},
        {"", E_UNSUPPORTED, CONTAINER_MPEG},
        {NULL, E_UNSUPPORTED, CONTAINER_MPEG},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum container container = CONTAINER_OGG;
        assert_int_equal(container_from_type(str_of(rows[i].type), &container), rows[i].err);
        assert_int_equal(container, rows[i].container);
    }
}

static void formats_are_the_same_but_for_the_bit_rate(void **state)
{
    (void)state;
    const struct format a = {CODEC_MP3, 44100, 128000, 2, 1};
    struct format b = a;
    b.bitrate_bps = 64000;
    assert_true(format_same(&a, &b));
    b = a, b.codec = CODEC_AAC;
    assert_false(format_same(&a, &b));
    b = a, b.rate_hz = 48000;
    assert_false(format_same(&a, &b));
    b = a, b.channels = 1;
    assert_false(format_same(&a, &b));
    b = a, b.profile = 2;
    assert_false(format_same(&a, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_codecs_belong_together),
        cmocka_unit_test(a_content_type_tells_the_container),
        cmocka_unit_test(formats_are_the_same_but_for_the_bit_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
