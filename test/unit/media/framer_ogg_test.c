/* Tests of src/media/framer_ogg.c and ogg_link.c. */
#include "media_test.h"

#include "media/framer_priv.h"

#define BOS  OGG_FLAG_BOS
#define CONT OGG_FLAG_CONTINUED

static const struct str opus_head = {"OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\0", 19};
static const struct str opus_tags = {"OpusTags\0\0\0\0\0\0\0\0", 16};
static const struct str flac_head = {"\177FLAC\1\0\0\1fLaC\0\0\0\x22"
                                     "\x10\0\x10\0\0\0\0\0\0\0\x0A\xC4\x42\xF0\0\0\0\0"
                                     "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
                                     51};
static const struct str speex_head = {"Speex   1.2", 11};
static const struct str skeleton_head = {"fishead\0\3\0", 10};

/* A packet of one frame of 20 ms, CELT: 960 samples. */
static struct str opus_packet(size_t bytes)
{
    static char packet[64 * 1024];
    packet[0] = (char)(19 << 3);
    memset(packet + 1, 0x5A, sizeof packet - 1);
    assert_true(bytes <= 1276);
    return (struct str){packet, bytes};
}

static void put_opus_headers(struct bytes *b, uint32_t serial)
{
    put_page1(b, BOS, serial, 0, opus_head);
    put_page1(b, 0, serial, 1, opus_tags);
}

static const struct run *run_ogg(struct bytes *b)
{
    const struct run *run = frame_all(CONTAINER_OGG, bytes_str(b), 777, 0);
    free(b->ptr);
    return run;
}

static void packets_over_pages_come_out_whole(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    struct str packet = opus_packet(1000), first[2] = {opus_packet(50), str_slice(packet, 0, 510)},
               second[2] = {str_slice(packet, 510, 1000), opus_packet(60)};
    put_page(&b, (struct page_shape){0, 7, 2, true}, first, 2);
    put_page(&b, (struct page_shape){CONT, 7, 3, false}, second, 2);
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 3);
    assert_int_equal(run->bytes, 1110);
    assert_int_equal(run->samples, 2880);
    assert_int_equal(run->losses.skipped_bytes, 0);
}

static void a_page_with_a_wrong_crc_is_skipped_and_counted(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    put_page1(&b, 0, 7, 2, opus_packet(100));
    size_t bad = b.len;
    put_page1(&b, 0, 7, 3, opus_packet(200));
    size_t bad_bytes = b.len - bad;
    b.ptr[bad + 60] ^= 1;
    put_page1(&b, 0, 7, 4, opus_packet(100));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 2);
    assert_int_equal(run->losses.skipped_bytes, bad_bytes);
}

static void a_lost_page_costs_the_torn_packets_only(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    struct str packet = opus_packet(1000), head = str_slice(packet, 0, 255),
               tail = str_slice(packet, 255, 1000), whole = opus_packet(80);
    struct str first[2] = {whole, head}, second[2] = {tail, whole};
    put_page(&b, (struct page_shape){0, 7, 2, true}, first, 2);
    /* page 3 lost: the packet that page 2 began is torn, and the one that page 4 ends as well */
    put_page(&b, (struct page_shape){CONT, 7, 4, false}, second, 2);
    /* number 5 is there, but does not go on with what 4 left open */
    put_page(&b, (struct page_shape){0, 7, 5, true}, first, 2);
    put_page1(&b, 0, 7, 6, whole);
    /* nothing was open before this one */
    put_page(&b, (struct page_shape){CONT, 7, 7, false}, second, 2);
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 5);
    assert_int_equal(run->bytes, 5 * 80);
    assert_int_equal(run->losses.skipped_bytes, 255 + 745 + 255 + 745);
}

static void a_torn_packet_over_several_pages_is_dropped_to_its_end(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    struct str piece = str_slice(opus_packet(1000), 0, 510), end[2] = {piece, opus_packet(90)};
    put_page(&b, (struct page_shape){CONT, 7, 9, true}, &piece, 1);
    put_page(&b, (struct page_shape){CONT, 7, 10, true}, &piece, 1);
    put_page(&b, (struct page_shape){CONT, 7, 11, false}, end, 2);
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 1);
    assert_int_equal(run->frame_bytes, 90);
    assert_int_equal(run->losses.skipped_bytes, 3 * 510);
}

static void a_chain_goes_on_with_the_next_link_and_its_title(void **state)
{
    (void)state;
    static const char *const names[] = {"tone.opus", "tone_vorbis.ogg", "tone_flac.ogg",
                                        "sixty.opus", "sixty.opus"};
    struct bytes b = bytes_new();
    for (size_t i = 0; i < 5; i++) {
        struct bytes link = load(names[i]);
        put(&b, bytes_str(&link));
        free(link.ptr);
    }
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 51 + 50 + 5 + 17 + 17);
    assert_int_equal(run->format_changes, 3);
    assert_int_equal(run->titles, 3); /* two links have the same one as the link before */
    assert_int_equal(run->setup_seq, 5);
    assert_string_equal(run->title, "Sixty");
    assert_int_equal(run->losses.skipped_bytes, 0);
}

static void a_link_that_ends_inside_a_packet_loses_that_one(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    struct str first[2] = {opus_packet(80), str_slice(opus_packet(1000), 0, 255)};
    put_page(&b, (struct page_shape){0, 7, 2, true}, first, 2);
    put_opus_headers(&b, 7);
    put_page1(&b, 0, 7, 2, opus_packet(80));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 2);
    assert_int_equal(run->losses.skipped_bytes, 255);
}

static void other_logical_streams_beside_ours_are_passed_over(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 1, 0, skeleton_head);
    put_page1(&b, BOS, 7, 0, opus_head);
    put_page1(&b, BOS, 9, 0, flac_head); /* a second one of ours is one too many */
    put_page1(&b, 0, 1, 1, STR("fisbone"));
    put_page1(&b, 0, 7, 1, opus_tags);
    put_page1(&b, 0, 9, 1, STR("\x84"));
    put_page1(&b, 0, 7, 2, opus_packet(80));
    put_page1(&b, 0, 9, 2, STR("\xFF\xF8"));
    put_page1(&b, 0, 7, 3, opus_packet(80));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 2);
    assert_int_equal(run->format_changes, 0);
    assert_int_equal(run->losses.skipped_bytes, 0);
}

static void pages_before_any_header_are_noise(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_page1(&b, 0, 7, 99, opus_packet(80));
    size_t before = b.len;
    put_opus_headers(&b, 7);
    put_page1(&b, 0, 7, 100, opus_packet(80)); /* a late joiner's gap is no loss */
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 1);
    assert_int_equal(run->losses.skipped_bytes, before);
}

static void refused(struct str head, const char *why)
{
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 7, 0, head);
    put_page1(&b, 0, 7, 1, STR("x"));
    put_opus_headers(&b, 8);
    put_page1(&b, 0, 8, 2, opus_packet(80));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->last, E_UNSUPPORTED); /* and it stays so */
    assert_int_equal(run->frames, 0);
    if (!strstr(run->why, why))
        fail_msg("'%s', not '%s'", run->why, why);
}

static void what_is_not_ours_is_refused_by_name(void **state)
{
    (void)state;
    refused(speex_head, "Speex");
    refused(STR("\200theora\3\2\1"), "Theora");
    refused(skeleton_head, "Skeleton");
    refused(STR("fLaC\0\0\0\x22"), "FLAC in Ogg without");
    refused(STR("what else"), "unknown codec");
    refused(STR(""), "unknown codec");
    refused(STR("OpusHead\1\2"), "cut off");
    refused(STR("OpusHead\x10\2\x38\1\x80\xBB\0\0\0\0\0"), "version");
    refused(STR("OpusHead\1\0\x38\1\x80\xBB\0\0\0\0\0"), "mapping");
    refused(STR("OpusHead\1\3\x38\1\x80\xBB\0\0\0\0\0"), "mapping");
    refused(STR("OpusHead\1\6\x38\1\x80\xBB\0\0\0\0\1\4\2\0\1\2\3\4\5"), "mapping");
    refused(STR("OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\1\2\0\0\1"), "mapping");
    refused(STR("OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\1\1\0\0\1"), "mapping");
    refused(STR("OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\1\1\1"), "mapping");
    refused(STR("OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\xFF\1\1\0\1"), "mapping");
    refused(STR("\1vorbis\1\0\0\0"), "Vorbis");
    refused(STR("\177FLAC\2"), "FLAC header");
}

static void a_framer_that_refused_goes_on_refusing(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    struct framer *framer;
    struct frame frame;
    put_page1(&b, BOS, 7, 0, speex_head);
    put_page1(&b, 0, 7, 1, STR("x"));
    assert_int_equal(framer_new(CONTAINER_OGG, &framer), OK);
    assert_int_equal(framer_push(framer, bytes_str(&b)), b.len);
    assert_string_equal(framer_why(framer), "");
    assert_int_equal(framer_next(framer, &frame), E_UNSUPPORTED);
    assert_string_equal(framer_why(framer), "Speex in Ogg");
    put_fill(&b, 0, 500000);
    assert_int_equal(framer_push(framer, bytes_str(&b)), b.len); /* dropped, never stuck */
    assert_int_equal(framer_next(framer, &frame), E_UNSUPPORTED);
    framer_free(&framer);
    free(b.ptr);
}

static void a_refused_codec_of_ours_is_named_before_a_foreign_one(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 1, 0, skeleton_head);
    put_page1(&b, BOS, 2, 0, STR("\177FLAC\2"));
    put_page1(&b, BOS, 3, 0, speex_head);
    put_page1(&b, 0, 1, 1, STR("x"));
    assert_string_equal(run_ogg(&b)->why, "a FLAC header that is not mapping 1");
}

static void an_opus_header_that_is_too_long_is_refused(void **state)
{
    (void)state;
    static char head[25000];
    memcpy(head, opus_head.ptr, opus_head.len);
    refused((struct str){head, sizeof head}, "too long");
}

static void opus_with_a_mapping_table_of_plain_stereo_is_taken(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 7, 0, STR("OpusHead\1\2\x38\1\x80\xBB\0\0\0\0\1\1\1\0\1"));
    put_page1(&b, 0, 7, 1, opus_packet(80)); /* no tags: taken as sound */
    put_page1(&b, 0, 7, 2, opus_tags);       /* "O" is a byte that a packet may begin with */
    const struct run *run = run_ogg(&b);
    assert_true(run->frames >= 1);
    assert_int_equal(run->format.channels, 2);
    assert_int_equal(run->setup_bytes, 23);
}

static void empty_packets_are_nothing_and_wrong_ones_are_lost(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_opus_headers(&b, 7);
    put_page1(&b, 0, 7, 2, opus_packet(80));
    put_page1(&b, 0, 7, 3, STR(""));
    put_page1(&b, 0, 7, 4, STR("\x9B\0"));                  /* no frames */
    put_page(&b, (struct page_shape){0, 7, 5, 0}, NULL, 0); /* a page with nothing on it */
    put_page1(&b, 0, 7, 6, opus_packet(80));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 2);
    assert_int_equal(run->losses.skipped_bytes, 2);
}

/* Puts `count` bytes as one packet on as many pages as it needs. */
static uint32_t put_long(struct bytes *b, uint32_t seq, const char *packet, size_t count)
{
    const size_t most = 255 * 255;
    uint8_t flags = 0;
    for (; count >= most; count -= most, packet += most, flags = CONT)
        put_page(b, (struct page_shape){flags, 7, seq++, true}, &(struct str){packet, most}, 1);
    put_page(b, (struct page_shape){flags, 7, seq++, false}, &(struct str){packet, count}, 1);
    return seq;
}

static void comments_with_a_large_picture_still_give_the_title(void **state)
{
    (void)state;
    const size_t bytes = 400000;
    char *tags = calloc(1, bytes);
    const struct str head = STR("OpusTags\0\0\0\0\2\0\0\0\7\0\0\0TITLE=x\x80\x1A\6\0COVERART=");
    memcpy(tags, head.ptr, head.len);
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 7, 0, opus_head);
    uint32_t seq = put_long(&b, 1, tags, bytes);
    put_page1(&b, 0, 7, seq, opus_packet(80));
    free(tags);
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 1);
    assert_string_equal(run->title, "x");
    assert_int_equal(run->losses.skipped_bytes, 0);
}

static void sound_packets_that_are_too_long_are_lost(void **state)
{
    (void)state;
    struct bytes file = load("tone_flac.ogg"), b = bytes_new();
    struct run flac = *frame_all(CONTAINER_OGG, bytes_str(&file), 4096, 0);
    char *packet = calloc(1, 200000);
    memcpy(packet, flac.frame, flac.frame_bytes); /* with a header that is right */
    put_page1(&b, BOS, 7, 0, flac_head);
    uint32_t seq = put_long(&b, 1, packet, 200000);
    put_page1(&b, 0, 7, seq, (struct str){packet, flac.frame_bytes});
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 1);
    assert_int_equal(run->losses.skipped_bytes, 112 * 1024);
    free(packet);
    free(file.ptr);
}

static void flac_headers_but_comments_are_passed_over(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_page1(&b, BOS, 7, 0, flac_head);
    put_page1(&b, 0, 7, 1, STR("\4\0\0\17\0\0\0\0\1\0\0\0\7\0\0\0TITLE=T"));
    put_page1(&b, 0, 7, 2, STR("\x81\0\0\2\0\0"));
    const struct run *run = run_ogg(&b);
    assert_string_equal(run->title, "T");
    assert_int_equal(run->frames, 0);
    assert_int_equal(run->losses.skipped_bytes, 0);
}

static void a_decoder_gets_its_setup(void **state)
{
    (void)state;
    struct bytes b = load("tone_vorbis.ogg");
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->setup[0], 2);
    assert_int_equal(run->setup[1], 30);
    assert_int_equal(run->setup[2], 16);
    assert_memory_equal(run->setup + 3, "\1vorbis", 7);
    assert_memory_equal(run->setup + 33, "\3vorbis\0\0\0\0\0\0\0\0\1", 16);
    assert_memory_equal(run->setup + 49, "\5vorbis", 7);
    b = load("tone_flac.ogg");
    run = run_ogg(&b);
    assert_int_equal(run->setup_bytes, 34);
    assert_memory_equal(run->setup + 10, "\x0A\xC4\x40", 3); /* 44,100 Hz, mono */
    b = load("tone.opus");
    run = run_ogg(&b);
    assert_int_equal(run->setup_bytes, 19);
    assert_memory_equal(run->setup, "OpusHead\1\2", 10);
}

static void put_vorbis_head(struct bytes *b)
{
    put_page1(b, BOS, 7, 0,
              STR("\1vorbis\0\0\0\0\2\x44\xAC\0\0\0\0\0\0\xFF\xFF\xFF\xFF\0\0\0\0\xB8\1"));
}

static void vorbis_without_its_setup_is_lost_and_a_wrong_one_refused(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    put_vorbis_head(&b);
    put_page1(&b, 0, 7, 3, STR("\0sound"));
    const struct run *run = run_ogg(&b);
    assert_int_equal(run->frames, 0);
    assert_int_equal(run->losses.skipped_bytes, 6);
    assert_int_equal(run->last, E_AGAIN);
    b = bytes_new();
    put_vorbis_head(&b);
    put_page1(&b, 0, 7, 1, STR("\5vorbis\0\0\0\0"));
    run = run_ogg(&b);
    assert_int_equal(run->last, E_UNSUPPORTED);
    assert_string_equal(run->why, "a Vorbis setup header that is damaged");
}

static void a_vorbis_setup_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct bytes file = load("tone_vorbis.ogg"), b = bytes_new();
    const struct run *run = frame_all(CONTAINER_OGG, bytes_str(&file), 4096, 0);
    char *setup = calloc(1, 40000);
    memcpy(setup, run->setup + 49, run->setup_bytes - 49);
    put_vorbis_head(&b);
    put_long(&b, 1, setup, 40000);
    run = run_ogg(&b);
    assert_string_equal(run->why, "a Vorbis setup header that is too long");
    free(setup);
    free(file.ptr);
}

static void pages_nested_in_pages_are_not_checked_again_and_again(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    while (b.len < 700000) { /* headers that each claim the 65,025 bytes behind them */
        put(&b, STR("OggS\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xFF"));
        put_fill(&b, 0xFF, 255);
    }
    put_fill(&b, 0, 70000);
    put_opus_headers(&b, 7);
    put_page1(&b, 0, 7, 2, opus_packet(80));
    struct framer *framer;
    struct frame frame;
    size_t frames = 0;
    uint64_t most_bytes = 0;
    assert_int_equal(framer_new(CONTAINER_OGG, &framer), OK);
    for (struct str s = bytes_str(&b); s.len > 0;) {
        size_t taken = framer_push(framer, str_slice(s, 0, 1400));
        s = str_slice(s, taken, s.len);
        while (framer_next(framer, &frame) == OK)
            frames++;
        if (most_bytes < framer->ogg->crc_debt_bytes)
            most_bytes = framer->ogg->crc_debt_bytes;
    }
    assert_in_range(most_bytes, 3 * OGG_PAGE_MAX_BYTES, 5 * OGG_PAGE_MAX_BYTES);
    assert_int_equal(frames, 1);
    framer_free(&framer);
    free(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_over_pages_come_out_whole),
        cmocka_unit_test(a_page_with_a_wrong_crc_is_skipped_and_counted),
        cmocka_unit_test(a_lost_page_costs_the_torn_packets_only),
        cmocka_unit_test(a_torn_packet_over_several_pages_is_dropped_to_its_end),
        cmocka_unit_test(a_chain_goes_on_with_the_next_link_and_its_title),
        cmocka_unit_test(a_link_that_ends_inside_a_packet_loses_that_one),
        cmocka_unit_test(other_logical_streams_beside_ours_are_passed_over),
        cmocka_unit_test(pages_before_any_header_are_noise),
        cmocka_unit_test(what_is_not_ours_is_refused_by_name),
        cmocka_unit_test(a_framer_that_refused_goes_on_refusing),
        cmocka_unit_test(a_refused_codec_of_ours_is_named_before_a_foreign_one),
        cmocka_unit_test(an_opus_header_that_is_too_long_is_refused),
        cmocka_unit_test(opus_with_a_mapping_table_of_plain_stereo_is_taken),
        cmocka_unit_test(empty_packets_are_nothing_and_wrong_ones_are_lost),
        cmocka_unit_test(comments_with_a_large_picture_still_give_the_title),
        cmocka_unit_test(sound_packets_that_are_too_long_are_lost),
        cmocka_unit_test(flac_headers_but_comments_are_passed_over),
        cmocka_unit_test(a_decoder_gets_its_setup),
        cmocka_unit_test(vorbis_without_its_setup_is_lost_and_a_wrong_one_refused),
        cmocka_unit_test(a_vorbis_setup_that_is_too_long_is_refused),
        cmocka_unit_test(pages_nested_in_pages_are_not_checked_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
