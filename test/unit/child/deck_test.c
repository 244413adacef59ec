/* Tests of child/deck.c. */
#include "child/deck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static unsigned char bytes[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX + 1];

static const struct deck_input coded = {
    .kind = DECK_CODED,
    .format = {CODEC_FLAC, 1048575, 0x04030201, 8, 25},
    .setup = {"setup!", 6},
};

static struct str packed(const struct deck_input *input)
{
    return (struct str){(const char *)bytes, deck_input_pack(input, bytes)};
}

static void a_coded_input_comes_back_as_it_was(void **state)
{
    (void)state;
    struct deck_input back;
    struct str payload = packed(&coded);
    assert_int_equal(payload.len, DECK_INPUT_HEAD_BYTES + 6);
    assert_memory_equal(bytes, "\1\0\0\5\xff\xff\xf\0\1\2\3\4\10\31\0\0\6\0\0\0setup!",
                        payload.len);
    assert_int_equal(deck_input_unpack(payload, &back), OK);
    assert_int_equal(back.kind, DECK_CODED);
    assert_true(format_same(&back.format, &coded.format));
    assert_int_equal(back.format.bitrate_bps, coded.format.bitrate_bps);
    assert_true(str_eq(back.setup, coded.setup));
    assert_ptr_equal(back.setup.ptr, payload.ptr + DECK_INPUT_HEAD_BYTES);
}

static void a_setup_may_be_32_kib_and_no_longer(void **state)
{
    (void)state;
    static char setup[DECK_SETUP_MAX];
    struct deck_input input = coded, back;
    input.setup = (struct str){setup, sizeof setup};
    struct str payload = packed(&input);
    assert_int_equal(payload.len, sizeof bytes - 1);
    assert_int_equal(deck_input_unpack(payload, &back), OK);
    assert_int_equal(back.setup.len, DECK_SETUP_MAX);
    bytes[16]++;
    payload.len++;
    assert_int_equal(deck_input_unpack(payload, &back), E_SYNTAX);
    assert_int_equal(back.setup.len, 0);
    input.setup = STR("");
    assert_int_equal(deck_input_unpack(packed(&input), &back), OK);
    assert_int_equal(back.setup.len, 0);
}

static void a_bed_and_nothing_come_back_as_they_were(void **state)
{
    (void)state;
    struct deck_input back;
    for (int i = 0; i < 6; i++) {
        /* What is not a bed's is not sent. */
        struct deck_input bed = coded;
        bed.kind = DECK_BED;
        bed.bed = (uint8_t)(i / 2);
        bed.has_time_code = i % 2;
        struct str payload = packed(&bed);
        assert_int_equal(payload.len, DECK_INPUT_HEAD_BYTES);
        assert_int_equal(deck_input_unpack(payload, &back), OK);
        assert_int_equal(back.kind, DECK_BED);
        assert_int_equal(back.bed, i / 2);
        assert_int_equal(back.has_time_code, i % 2);
        assert_int_equal(back.format.codec, CODEC_NONE);
    }
    struct deck_input nothing = coded;
    nothing.kind = DECK_NOTHING;
    back.kind = DECK_BED;
    assert_int_equal(deck_input_unpack(packed(&nothing), &back), OK);
    assert_int_equal(back.kind, DECK_NOTHING);
}

/* Sets one byte of a good payload to a bad value. */
static void refuse_input(const struct deck_input *input, size_t at, unsigned char value)
{
    struct deck_input back;
    struct str payload = packed(input);
    assert_int_equal(deck_input_unpack(payload, &back), OK);
    assert_int_not_equal(bytes[at], value);
    bytes[at] = value;
    assert_int_equal(deck_input_unpack(payload, &back), E_SYNTAX);
    assert_int_equal(back.kind, DECK_NOTHING);
}

static void an_input_outside_its_kind_is_refused(void **state)
{
    (void)state;
    struct deck_input back, bed = {.kind = DECK_BED}, nothing = {0}, low = coded;
    static const struct {
        size_t at;
        unsigned char value;
    } bad[] = {{0, 3},  {0, 0},  {0, 2},  {1, 1},  {2, 1},  {3, 0},  {3, CODEC_COUNT}, {6, 31},
               {12, 0}, {12, 9}, {14, 1}, {15, 1}, {16, 5}, {16, 7}, {19, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refuse_input(&coded, bad[i].at, bad[i].value);
    low.format.rate_hz = 1;
    refuse_input(&low, 4, 0);
    refuse_input(&bed, 1, 3);
    refuse_input(&bed, 2, 2);
    for (size_t at = 3; at < DECK_INPUT_HEAD_BYTES; at++)
        refuse_input(&bed, at, 1);
    for (size_t at = 1; at < DECK_INPUT_HEAD_BYTES; at++)
        refuse_input(&nothing, at, 1);
    for (size_t len = 0; len < DECK_INPUT_HEAD_BYTES + 6; len++)
        assert_int_equal(deck_input_unpack(str_slice(packed(&coded), 0, len), &back), E_SYNTAX);
    struct str longer = packed(&bed);
    longer.len++;
    assert_int_equal(deck_input_unpack(longer, &back), E_SYNTAX);
}

static const struct deck_output output = {{CODEC_OPUS, 48000, 96000, 2, 0}, true};

static enum err output_err(size_t at, unsigned char value, size_t len)
{
    struct deck_output back;
    deck_output_pack(&output, bytes);
    bytes[at] = value;
    return deck_output_unpack((struct str){(const char *)bytes, len}, &back);
}

static void an_output_comes_back_as_it_was(void **state)
{
    (void)state;
    struct deck_output back;
    deck_output_pack(&output, bytes);
    assert_memory_equal(bytes, "\3\2\0\1\x80\xbb\0\0\0\x77\1\0\0\0\0\0", DECK_OUTPUT_BYTES);
    struct str payload = {(const char *)bytes, DECK_OUTPUT_BYTES};
    assert_int_equal(deck_output_unpack(payload, &back), OK);
    assert_true(format_same(&back.format, &output.format));
    assert_int_equal(back.format.bitrate_bps, 96000);
    assert_true(back.is_quick);
}

static void an_output_outside_its_kind_is_refused(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        enum err err;
    } cases[] = {
        {0, CODEC_NONE, E_SYNTAX},
        {0, CODEC_MP3, OK},
        {0, CODEC_AAC, OK},
        {0, CODEC_VORBIS, E_SYNTAX},
        {0, CODEC_FLAC, E_SYNTAX},
        {1, 0, E_SYNTAX},
        {1, 1, OK},
        {1, 3, E_SYNTAX},
        {2, 2, OK},
        {3, 0, OK},
        {3, 2, E_SYNTAX},
        {4, 0x81, E_SYNTAX},
        {5, 0x1f, OK},
        {5, 0x1e, E_SYNTAX},
        {6, 1, E_SYNTAX},
        {10, 9, OK},
        {10, 10, E_SYNTAX},
        {12, 1, E_SYNTAX},
        {15, 1, E_SYNTAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(output_err(cases[i].at, cases[i].value, DECK_OUTPUT_BYTES), cases[i].err);
    for (size_t len = 0; len < DECK_OUTPUT_BYTES; len++)
        assert_int_equal(output_err(1, 1, len), E_SYNTAX);
    assert_int_equal(output_err(1, 1, DECK_OUTPUT_BYTES + 1), E_SYNTAX);
}

static void levels_come_back_as_they_were(void **state)
{
    (void)state;
    const struct deck_levels levels = {{-10000, 12}, {-1, -2}, -2300, -32768, 24000};
    struct deck_levels back;
    struct str payload = {(const char *)bytes, DECK_LEVELS_BYTES};
    deck_levels_pack(&levels, bytes);
    assert_memory_equal(bytes, "\xf0\xd8\14\0\xff\xff\xfe\xff\4\xf7\0\x80\xc0\x5d", payload.len);
    assert_int_equal(deck_levels_unpack(payload, &back), OK);
    assert_memory_equal(&back, &levels, sizeof back);
}

static void levels_below_nothing_are_refused(void **state)
{
    (void)state;
    const struct deck_levels fine = {{-10000, -10000}, {-10000, -10000}, -10000, 0, 0};
    struct deck_levels back;
    struct str payload = {(const char *)bytes, DECK_LEVELS_BYTES};
    for (size_t at = 0; at < 10; at += 2) {
        deck_levels_pack(&fine, bytes);
        assert_int_equal(deck_levels_unpack(payload, &back), OK);
        bytes[at]--;
        assert_int_equal(deck_levels_unpack(payload, &back), E_SYNTAX);
    }
    deck_levels_pack(&fine, bytes);
    bytes[12] = 0xc1;
    bytes[13] = 0x5d;
    assert_int_equal(deck_levels_unpack(payload, &back), E_SYNTAX);
    deck_levels_pack(&fine, bytes);
    for (size_t len = 0; len < DECK_LEVELS_BYTES; len++)
        assert_int_equal(deck_levels_unpack(str_slice(payload, 0, len), &back), E_SYNTAX);
    payload.len++;
    assert_int_equal(deck_levels_unpack(payload, &back), E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_coded_input_comes_back_as_it_was),
        cmocka_unit_test(a_setup_may_be_32_kib_and_no_longer),
        cmocka_unit_test(a_bed_and_nothing_come_back_as_they_were),
        cmocka_unit_test(an_input_outside_its_kind_is_refused),
        cmocka_unit_test(an_output_comes_back_as_it_was),
        cmocka_unit_test(an_output_outside_its_kind_is_refused),
        cmocka_unit_test(levels_come_back_as_they_were),
        cmocka_unit_test(levels_below_nothing_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
