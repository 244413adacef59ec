/* Tests of src/media/ogg_opus.c, opus.c, ogg_page.c. */
#include "media_test.h"

#include "media/ogg_opus.h"
#include "media/opus_priv.h"

static uint32_t samples_of(struct str packet)
{
    uint32_t samples;
    return opus_packet_samples(packet, &samples) ? 0 : samples;
}

static void a_packet_tells_its_samples(void **state)
{
    (void)state;
    static const uint16_t ms_by_48[32] = {
        480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 480, 960,
        120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480,  960,  120, 240, 480, 960};
    for (unsigned config = 0; config < 32; config++) {
        char packet[9] = {(char)(config << 3)};
        assert_int_equal(samples_of((struct str){packet, 9}), ms_by_48[config]);
        packet[0] = (char)(config << 3 | 1);
        assert_int_equal(samples_of((struct str){packet, 9}), 2 * ms_by_48[config]);
    }
    assert_int_equal(samples_of(STR("\x98")), 960); /* a frame may be empty */
    assert_int_equal(samples_of(STR("\x9A\2abc")), 1920);
    assert_int_equal(samples_of(STR("\x9B\3abcdef")), 2880);
    assert_int_equal(samples_of(STR("\x9B\x83\1\2abbccc")), 2880);
    assert_int_equal(samples_of(STR("\x9B\x42\3abcdPPP")), 1920);
    assert_int_equal(samples_of(STR("\x9B\6abcdef")), 5760);
    assert_int_equal(samples_of(STR("\x83\x30")), 5760); /* 48 of 2.5 ms */
}

static void packets_of_a_wrong_form_are_refused(void **state)
{
    (void)state;
    static char big[4000];
    assert_int_equal(samples_of(STR("")), 0);
    assert_int_equal(samples_of(STR("\x99"
                                    "abc")),
                     0);                                      /* halves of an odd length */
    assert_int_equal(samples_of(STR("\x9A")), 0);             /* no length */
    assert_int_equal(samples_of(STR("\x9A\xFC")), 0);         /* half a length */
    assert_int_equal(samples_of(STR("\x9A\4abc")), 0);        /* past the end */
    assert_int_equal(samples_of(STR("\x9A\xFC\0a")), 0);      /* 252 bytes of one */
    assert_int_equal(samples_of(STR("\x9B")), 0);             /* no count */
    assert_int_equal(samples_of(STR("\x9B\0a")), 0);          /* none */
    assert_int_equal(samples_of(STR("\x9B\7abcdefg")), 0);    /* 140 ms */
    assert_int_equal(samples_of(STR("\x9B\2abc")), 0);        /* not to be shared out */
    assert_int_equal(samples_of(STR("\x9B\x42")), 0);         /* no padding length */
    assert_int_equal(samples_of(STR("\x9B\x42\xFF")), 0);     /* half of one */
    assert_int_equal(samples_of(STR("\x9B\x42\5abcd")), 0);   /* more padding than bytes */
    assert_int_equal(samples_of(STR("\x9B\x83\1")), 0);       /* a length missing */
    assert_int_equal(samples_of(STR("\x9B\x83\1\4abbc")), 0); /* more than there is */
    big[0] = (char)0x98;
    assert_int_equal(samples_of((struct str){big, 1276}), 960);
    assert_int_equal(samples_of((struct str){big, 1277}), 0);
    big[0] = (char)0x9A; /* the last frame too long */
    assert_int_equal(samples_of((struct str){big, 2 + 1275}), 1920);
    assert_int_equal(samples_of((struct str){big, 2 + 1276}), 0);
    big[0] = (char)0x9B; /* padding of 254 + 10 */
    memcpy(big + 1, "\x41\xFF\x0A", 3);
    assert_int_equal(samples_of((struct str){big, 4 + 264}), 960);
    assert_int_equal(samples_of((struct str){big, 4 + 263}), 0);
}

/* A packet of one frame of 20 ms. */
static struct str packet_of(size_t bytes)
{
    static char packet[1500];
    packet[0] = (char)0x98;
    memset(packet + 1, 0x33, sizeof packet - 1);
    return (struct str){packet, bytes};
}

static struct opus_pager *pager_new(void)
{
    struct opus_pager *pager = malloc(sizeof *pager);
    assert_non_null(pager);
    opus_pager_init(pager, 0x1234);
    opus_pager_seek(pager, (struct utc){INT64_C(1700000000000000)});
    return pager;
}

static void a_page_is_given_out_with_the_packet_that_fills_it(void **state)
{
    (void)state;
    struct opus_pager *pager = pager_new();
    struct str page;
    uint32_t samples, told;
    for (int round = 1; round <= 3; round++) {
        for (int i = 0; i < 9; i++)
            assert_int_equal(opus_pager_push(pager, packet_of(100), 960, &page, &samples), E_AGAIN);
        assert_int_equal(opus_pager_push(pager, packet_of(300), 960, &page, &samples), OK);
        assert_int_equal(samples, 9600);
        assert_int_equal(opus_page_samples(page, &told), OK);
        assert_int_equal(told, 9600);
        struct ogg_page parsed;
        assert_int_equal(ogg_page_parse(page, &parsed), OK);
        assert_int_equal(parsed.serial, 0x1234);
        assert_int_equal(parsed.seq, 1 + round);
        assert_true(parsed.granule == UINT64_C(1700000000) * 48000 + (unsigned)round * 9600u);
        assert_int_equal(parsed.body.len, 1200);
    }
    assert_int_equal(opus_pager_flush(pager, &page, &samples), E_AGAIN);
    free(pager);
}

static void a_packet_without_room_goes_to_the_next_page(void **state)
{
    (void)state;
    struct opus_pager *pager = pager_new();
    struct str page, sixty = {"\x18"
                              "12345678",
                              9};
    uint32_t samples;
    for (int i = 0; i < 3; i++)
        assert_int_equal(opus_pager_push(pager, sixty, 2880, &page, &samples), E_AGAIN);
    assert_int_equal(opus_pager_push(pager, sixty, 2880, &page, &samples), OK); /* 240 ms with it */
    assert_int_equal(samples, 3 * 2880);
    assert_int_equal(opus_page_samples(page, &samples), OK);
    assert_int_equal(opus_pager_flush(pager, &page, &samples), OK);
    assert_int_equal(samples, 2880);
    assert_int_equal(opus_page_samples(page, &samples), OK);
    assert_int_equal(samples, 2880);
    free(pager);
}

static void bytes_alone_can_fill_a_page(void **state)
{
    (void)state;
    static char padded[64770 + 1];
    struct opus_pager *pager = pager_new();
    struct str page;
    uint32_t samples;
    padded[0] = (char)0x9B; /* one frame of a byte and padding for the rest: 254 for each 255 */
    padded[1] = 0x41;
    memset(padded + 2, 0xFF, 253);
    padded[255] = (char)(64770 - 256 - 1 - 253 * 254);
    struct str most = {padded, 64770};
    assert_int_equal(opus_pager_push(pager, most, 960, &page, &samples), E_AGAIN);
    assert_int_equal(opus_pager_push(pager, most, 960, &page, &samples), OK);
    assert_int_equal(samples, 960);
    assert_true(page.len <= OGG_PAGE_MAX_BYTES);
    assert_int_equal(opus_page_samples(page, &samples), OK);
    struct str more = {padded, 64771};
    assert_int_equal(opus_pager_push(pager, more, 960, &page, &samples), E_TOO_LONG);
    assert_null(page.ptr);
    free(pager);
}

static void a_packet_that_does_not_hold_what_is_said_is_not_taken(void **state)
{
    (void)state;
    struct opus_pager *pager = pager_new();
    struct str page;
    uint32_t samples;
    assert_int_equal(opus_pager_push(pager, STR(""), 960, &page, &samples), E_CORRUPT);
    assert_int_equal(opus_pager_push(pager, packet_of(50), 480, &page, &samples), E_CORRUPT);
    assert_int_equal(opus_pager_flush(pager, &page, &samples), E_AGAIN);
    free(pager);
}

static void the_granule_position_is_station_time(void **state)
{
    (void)state;
    struct opus_pager *pager = pager_new();
    opus_pager_seek(pager, (struct utc){INT64_C(1700000000000010)});
    assert_true(pager->granule == UINT64_C(1700000000) * 48000); /* 0.48 of a sample */
    opus_pager_seek(pager, (struct utc){INT64_C(1700000000000011)});
    assert_true(pager->granule == UINT64_C(1700000000) * 48000 + 1);
    opus_pager_seek(pager, (struct utc){-5});
    assert_true(pager->granule == 0);
    free(pager);
}

static void pages_that_are_not_of_a_tape_are_refused(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    struct str packets[11];
    uint32_t samples;
    for (int i = 0; i < 11; i++)
        packets[i] = packet_of(510);
    put_page(&b, (struct page_shape){0, 1, 2, false}, packets, 10);
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), OK);
    assert_int_equal(opus_page_samples(str_slice(bytes_str(&b), 0, b.len - 1), &samples),
                     E_CORRUPT);
    assert_int_equal(samples, 0);
    b.ptr[b.len - 1] ^= 4;
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    b.ptr[b.len - 1] ^= 4;
    b.len++;
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    for (uint8_t flags = 1; flags < 8; flags++) {
        b.len = 0;
        put_page(&b, (struct page_shape){flags, 1, 2, false}, packets, 10);
        assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    }
    b.len = 0;
    put_page(&b, (struct page_shape){0, 1, 2, false}, packets, 11); /* 220 ms */
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    b.len = 0;
    put_page(&b, (struct page_shape){0, 1, 2, true}, packets, 10); /* its last packet goes on */
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    b.len = 0;
    put_page(&b, (struct page_shape){0, 1, 2, false}, packets, 0);
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    b.len = 0;
    put_page1(&b, 0, 1, 2, STR(""));
    assert_int_equal(opus_page_samples(bytes_str(&b), &samples), E_CORRUPT);
    free(b.ptr);
}

static void pages_and_headers_go_through_the_framer_again(void **state)
{
    (void)state;
    struct bytes file = load("tone.opus"), b = bytes_new();
    struct opus_pager *pager = pager_new();
    struct framer *framer;
    struct frame frame;
    struct str page;
    uint32_t samples;
    b.len = opus_headers(0x1234, 2, STR("K\xC3\xBCnstler - Das - Lied"), b.ptr);
    assert_true(b.len <= OPUS_HEADERS_MAX_BYTES);
    assert_int_equal(framer_new(CONTAINER_OGG, &framer), OK);
    assert_int_equal(framer_push(framer, bytes_str(&file)), file.len);
    while (framer_next(framer, &frame) == OK) {
        if (opus_pager_push(pager, frame.bytes, frame.samples, &page, &samples) == OK)
            put(&b, page);
    }
    assert_int_equal(opus_pager_flush(pager, &page, &samples), OK);
    put(&b, page);
    struct run before = *frame_all(CONTAINER_OGG, bytes_str(&file), 4096, 0);
    const struct run *after = frame_all(CONTAINER_OGG, bytes_str(&b), 4096, 0);
    assert_int_equal(after->frames, 51);
    assert_true(after->hash == before.hash);
    assert_string_equal(after->title, "K\xC3\xBCnstler - Das - Lied");
    assert_int_equal(after->losses.skipped_bytes, 0);
    framer_free(&framer);
    free(pager);
    free(file.ptr);
    free(b.ptr);
}

static void headers_take_titles_of_any_kind(void **state)
{
    (void)state;
    static const char *const titles[] = {"", " - ", "a - ", " - b", "News", "a - b"};
    static const unsigned comments[] = {0, 1, 1, 1, 1, 2};
    unsigned char out[OPUS_HEADERS_MAX_BYTES];
    for (size_t i = 0; i < 6; i++) {
        size_t len = opus_headers(1, 1, str_of(titles[i]), out);
        struct str s = {(const char *)out, len};
        struct ogg_page head, tags;
        assert_int_equal(ogg_page_parse(s, &head), OK);
        assert_true(ogg_page_crc_is_right(str_slice(s, 0, head.bytes)));
        assert_int_equal(head.flags, OGG_FLAG_BOS);
        assert_int_equal(byte_at(head.body, 9), 1);
        s = str_slice(s, head.bytes, s.len);
        assert_int_equal(ogg_page_parse(s, &tags), OK);
        assert_int_equal(tags.bytes, s.len);
        assert_true(ogg_page_crc_is_right(s));
        assert_int_equal(tags.seq, 1);
        assert_int_equal(le32_at(tags.body, 16), comments[i]);
    }
    char huge[5000];
    memset(huge, 'x', sizeof huge);
    memcpy(huge + 1022, "\xE2\x80\x99", 3); /* where it is cut */
    size_t len = opus_headers(1, 2, (struct str){huge, sizeof huge}, out);
    assert_true(len <= OPUS_HEADERS_MAX_BYTES);
    assert_memory_equal(out + len - 3, "xxx", 3);
    assert_true(opus_headers(1, 2, (struct str){0}, out) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_tells_its_samples),
        cmocka_unit_test(packets_of_a_wrong_form_are_refused),
        cmocka_unit_test(a_page_is_given_out_with_the_packet_that_fills_it),
        cmocka_unit_test(a_packet_without_room_goes_to_the_next_page),
        cmocka_unit_test(bytes_alone_can_fill_a_page),
        cmocka_unit_test(a_packet_that_does_not_hold_what_is_said_is_not_taken),
        cmocka_unit_test(the_granule_position_is_station_time),
        cmocka_unit_test(pages_that_are_not_of_a_tape_are_refused),
        cmocka_unit_test(pages_and_headers_go_through_the_framer_again),
        cmocka_unit_test(headers_take_titles_of_any_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
