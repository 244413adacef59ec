/* The layout on disk, byte by byte. */
#include "rig.h"

static const struct record a_record = {
    .n = UINT64_C(0x0102030405),
    .offset = UINT64_C(0x1122334455667788) & INT64_MAX / 8,
    .start_us = INT64_C(0x0102030405) * 6000000 + 1234567,
    .bytes = 96131,
    .samples = 264960,
    .discontinuity = 0xA1B2C3D4,
    .flags = RECORD_INTERRUPTED | RECORD_DISCONTINUITY,
    .format = {CODEC_AAC, 48000, 96000, 2, 29},
};

static struct str text_of(const unsigned char *bytes)
{
    return (struct str){(const char *)bytes, RECORD_BYTES};
}

static void a_record_comes_back_as_it_was_written(void **state)
{
    (void)state;
    unsigned char bytes[RECORD_BYTES];
    struct record back, want = a_record;
    want.drift_samples = -77;
    record_format(&want, bytes);
    assert_int_equal(record_parse(text_of(bytes), CODEC_AAC, &back), OK);
    assert_int_equal(back.n, want.n);
    assert_int_equal(back.offset, want.offset);
    assert_int_equal(back.start_us, want.start_us);
    assert_int_equal(back.bytes, want.bytes);
    assert_int_equal(back.samples, want.samples);
    assert_int_equal(back.discontinuity, want.discontinuity);
    assert_int_equal(back.flags, want.flags);
    assert_int_equal(back.drift_samples, -77);
    assert_memory_equal(bytes + 54, "\xB3\xFF\xFF\xFF\0", 6);
    assert_memory_equal(&back.format, &want.format, sizeof back.format);
    assert_int_equal(record_end_us(&back), want.start_us + 5520000);
}

/* Tapes outlive releases: these bytes may never change without another version in the header. */
static void the_layout_is_what_it_says(void **state)
{
    (void)state;
    static const unsigned char head[RECORD_BYTES] = {
        'M', 'A', 'S', 'T', 'T', 'A', 'P', 'E', 1, 0, 0, 0, 2,           0,    0,    0,   64,
        0,   0,   0,   6,   0,   0,   0,   5,   4, 3, 2, 1, [60] = 0x9D, 0xF7, 0x16, 0xD5};
    static const unsigned char want[RECORD_BYTES] = {
        0x05, 0x04, 0x03, 0x02, 0x01, 0x00, 0x00, 0x00, 0x88, 0x77, 0x66, 0x55, 0x44,
        0x33, 0x22, 0x01, 0x07, 0x9A, 0x92, 0x18, 0xAF, 0x45, 0x5C, 0x00, 0xD4, 0xC3,
        0xB2, 0xA1, 0x80, 0xBB, 0x00, 0x00, 0x00, 0x77, 0x01, 0x00, 0x02, 0x1D, 0x04,
        0x00, 0x02, 0xD4, 0xFB, 0x73, 0x83, 0x77, 0x01, 0x00, 0x00, 0x0B, 0x04, 0x00,
        0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x08, 0xD6, 0x5D, 0x12};
    unsigned char bytes[RECORD_BYTES];
    index_header_format(CODEC_AAC, a_record.n, bytes);
    assert_memory_equal(bytes, head, RECORD_BYTES);
    record_format(&a_record, bytes);
    assert_memory_equal(bytes, want, RECORD_BYTES);
}

static void a_record_torn_while_it_was_closed_counts_as_open(void **state)
{
    (void)state;
    unsigned char open[RECORD_BYTES], closed[RECORD_BYTES];
    struct record rec = a_record, back;
    rec.drift_samples = INT32_MIN;
    record_format(&rec, closed);
    rec.flags |= RECORD_OPEN;
    rec.bytes = rec.samples = 0;
    record_format(&rec, open);
    for (size_t cut = 0; cut < RECORD_BYTES; cut++) {
        unsigned char torn[RECORD_BYTES];
        memcpy(torn, open, sizeof torn);
        memcpy(torn, closed, cut);
        assert_int_equal(record_parse(text_of(torn), CODEC_AAC, &back), OK);
        assert_true(back.flags & RECORD_OPEN);
        assert_true(back.flags & RECORD_DISCONTINUITY);
        assert_int_equal(back.start_us, rec.start_us);
        assert_int_equal(back.bytes, 0);
        assert_int_equal(back.drift_samples, INT32_MIN); /* the same before and after */
    }
}

static void a_drift_to_before_all_time_counts_as_none(void **state)
{
    (void)state;
    unsigned char bytes[RECORD_BYTES];
    struct record back, rec = a_record;
    rec.n = 0;
    rec.start_us = 5 * US_PER_S;
    rec.drift_samples = -5 * 48000;
    record_format(&rec, bytes);
    assert_int_equal(record_parse(text_of(bytes), CODEC_AAC, &back), OK);
    assert_int_equal(back.drift_samples, -5 * 48000);
    rec.drift_samples--;
    record_format(&rec, bytes);
    assert_int_equal(record_parse(text_of(bytes), CODEC_AAC, &back), OK);
    assert_int_equal(back.drift_samples, 0);
}

static void any_flipped_bit_is_noticed(void **state)
{
    (void)state;
    unsigned char bytes[RECORD_BYTES];
    struct record back;
    record_format(&a_record, bytes);
    for (size_t bit = 0; bit < RECORD_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        enum err err = record_parse(text_of(bytes), CODEC_AAC, &back);
        assert_true(err == E_CORRUPT || (back.flags & RECORD_OPEN));
        assert_true(err == E_CORRUPT || bit / 8 >= 44);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    index_header_format(CODEC_AAC, 7, bytes);
    assert_int_equal(index_header_parse(text_of(bytes), CODEC_AAC), OK);
    assert_int_equal(index_header_parse(text_of(bytes), CODEC_MP3), E_CORRUPT);
    for (size_t bit = 0; bit < RECORD_BYTES * 8; bit++) {
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(index_header_parse(text_of(bytes), CODEC_AAC), E_CORRUPT);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
}

static void nonsense_with_a_good_crc_is_refused(void **state)
{
    (void)state;
    unsigned char bytes[RECORD_BYTES];
    struct record bad[6], back;
    for (size_t i = 0; i < 6; i++)
        bad[i] = a_record;
    bad[0].n++;
    bad[1].bytes = 0;
    bad[2].samples = 0;
    bad[3].format.rate_hz = 0;
    bad[4].offset = UINT64_MAX;
    bad[5].start_us = INT64_MIN;
    for (size_t i = 0; i < 6; i++) {
        record_format(&bad[i], bytes);
        assert_int_equal(record_parse(text_of(bytes), CODEC_AAC, &back), E_CORRUPT);
    }
    assert_int_equal(record_parse(STR("short"), CODEC_AAC, &back), E_CORRUPT);
}

static void only_names_of_sets_are_names_of_sets(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "x.index",
                                      "1",
                                      "1.",
                                      ".index",
                                      "-1.index",
                                      "1.index.new",
                                      "01.index",
                                      "1.indexes",
                                      "1 .frames",
                                      "99999999999999999999.frames"};
    uint64_t n;
    assert_true(set_name_parse(STR("283333333.frames"), &n));
    assert_int_equal(n, 283333333);
    assert_true(set_name_parse(STR("0.index"), &n));
    assert_true(set_name_parse(STR("7.events"), &n));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(set_name_parse(str_of(bad[i]), &n));
}

static void events_come_back_and_bad_lines_are_passed_over(void **state)
{
    (void)state;
    struct buf lines, text;
    struct event event;
    buf_init(&lines, EVENTS_MAX);
    buf_init(&text, TITLE_BYTES - 1);
    event_add(&lines, 1, "title", STR("a \"b\" \\ \t \xC3\xA9 </x>"));
    buf_add(&lines,
            STR("\n{\"t\":2,\"kind\":\"title\"}\n[1]\nnonsense\n{\"t\":\"2\",\"text\":\"\"}\n"));
    event_add(&lines, 3, "gap", STR(""));
    event_add(&lines, -4, "title", STR(""));
    size_t whole = lines.len;
    buf_add(&lines, STR("{\"t\":5,\"kind\":\"title\",\"text\":\"torn"));
    assert_int_equal(events_whole(buf_str(&lines)), whole);
    struct str left = buf_str(&lines);
    assert_int_equal(event_next(&left, &event, &text), OK);
    assert_true(event.is_title && event.us == 1);
    assert_string_equal(text.ptr, "a \"b\" \\ \t \xC3\xA9 </x>");
    assert_int_equal(event_next(&left, &event, &text), OK);
    assert_true(!event.is_title && event.us == 3);
    assert_int_equal(event_next(&left, &event, &text), OK);
    assert_true(event.is_title && event.us == -4 && text.len == 0);
    assert_int_equal(event_next(&left, &event, &text), E_AGAIN);
    buf_release(&lines);
    buf_release(&text);
}

static void time_in_samples_does_not_overflow(void **state)
{
    (void)state;
    assert_int_equal(samples_us(44100, 44100), US_PER_S);
    assert_int_equal(samples_us(1152, 44100), 26122);
    assert_int_equal(samples_us(UINT64_C(48000) * 86400 * 36525, 48000),
                     INT64_C(36525) * 86400 * US_PER_S);
    assert_int_equal(window_of(window_start_us(283333333)), 283333333);
    assert_int_equal(window_of(window_start_us(283333333) - 1), 283333332);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was_written),
        cmocka_unit_test(the_layout_is_what_it_says),
        cmocka_unit_test(a_record_torn_while_it_was_closed_counts_as_open),
        cmocka_unit_test(a_drift_to_before_all_time_counts_as_none),
        cmocka_unit_test(any_flipped_bit_is_noticed),
        cmocka_unit_test(nonsense_with_a_good_crc_is_refused),
        cmocka_unit_test(only_names_of_sets_are_names_of_sets),
        cmocka_unit_test(events_come_back_and_bad_lines_are_passed_over),
        cmocka_unit_test(time_in_samples_does_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
