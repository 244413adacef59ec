/* Tests of src/media/fmp4.c: the boxes are walked through as a player does. */
#include "media_test.h"

#include "media/fmp4.h"
#include "media/raw_priv.h"

static const struct format stereo = {CODEC_AAC, 48000, 96000, 2, 2};

static uint64_t number(struct str s, size_t at, size_t bytes)
{
    uint64_t v = 0;
    assert_true(at + bytes <= s.len);
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)s.ptr[at + i];
    return v;
}

/* The inside of the first box of a type among those that lie side by side in `in`. */
static struct str box_in(struct str in, const char *type)
{
    while (in.len > 0) {
        size_t size = number(in, 0, 4);
        assert_true(size >= 8 && size <= in.len);
        if (memcmp(in.ptr + 4, type, 4) == 0)
            return str_slice(in, 8, size);
        in = str_slice(in, size, in.len);
    }
    fail_msg("there is no %s", type);
    return in;
}

/* One frame of ADTS with so many bytes of payload, all the same. */
static void put_frame(struct bytes *b, unsigned char value, size_t payload)
{
    size_t len = payload + ADTS_HEAD_BYTES;
    unsigned char head[ADTS_HEAD_BYTES] = {0xFF,
                                           0xF1,
                                           1 << 6 | 3 << 2,
                                           (unsigned char)(2 << 6 | len >> 11),
                                           (unsigned char)(len >> 3 & 255),
                                           (unsigned char)((len & 7) << 5 | 0x1F),
                                           0xFC};
    put(b, (struct str){(const char *)head, sizeof(head)});
    put_fill(b, value, payload);
}

static void an_init_section_describes_the_track(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    assert_int_equal(fmp4_init(fmp4_init_id(&stereo), &buf), OK);
    assert_int_equal(buf_err(&buf), OK);
    struct str all = buf_str(&buf);
    assert_memory_equal(box_in(all, "ftyp").ptr, "iso6", 4);
    struct str moov = box_in(all, "moov"), mvhd = box_in(moov, "mvhd");
    assert_int_equal(mvhd.len, 100);
    assert_int_equal(number(mvhd, 12, 4), 48000);
    assert_int_equal(number(mvhd, 16, 4), 0); /* it has no end */
    struct str trex = box_in(box_in(moov, "mvex"), "trex");
    assert_int_equal(number(trex, 4, 4), 1);
    assert_int_equal(number(trex, 12, 4), 1024);
    struct str trak = box_in(moov, "trak"), mdia = box_in(trak, "mdia");
    assert_int_equal(box_in(trak, "tkhd").len, 84);
    assert_int_equal(number(box_in(mdia, "mdhd"), 12, 4), 48000);
    assert_memory_equal(box_in(mdia, "hdlr").ptr + 8, "soun", 4);
    struct str stbl = box_in(box_in(mdia, "minf"), "stbl");
    struct str stsd = box_in(stbl, "stsd");
    struct str mp4a = box_in(str_slice(stsd, 8, stsd.len), "mp4a");
    assert_int_equal(number(mp4a, 16, 2), 2);
    assert_int_equal(number(mp4a, 24, 4), UINT64_C(48000) << 16);
    struct str esds = box_in(str_slice(mp4a, 28, mp4a.len), "esds");
    /* AAC-LC, 48 kHz, two channels: 00010 0011 0010 000 */
    assert_int_equal(number(esds, esds.len - 5, 2), 0x1190);
    buf_release(&buf);
}

static void a_format_that_cannot_be_said_is_refused(void **state)
{
    (void)state;
    static const struct format wrong[] = {
        {CODEC_MP3, 48000, 96000, 2, 1}, {CODEC_AAC, 47999, 96000, 2, 2},
        {CODEC_AAC, 48000, 96000, 0, 2}, {CODEC_AAC, 48000, 96000, 7, 2},
        {CODEC_AAC, 48000, 96000, 9, 2}, {CODEC_AAC, 48000, 96000, 2, 0},
        {CODEC_AAC, 48000, 96000, 2, 5},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char name[16];
        assert_int_equal(fmp4_init_id(&wrong[i]), 0);
        assert_int_equal(fmp4_codec_name(&wrong[i], name), E_UNSUPPORTED);
    }
    char name[16];
    assert_int_equal(fmp4_codec_name(&stereo, name), OK);
    assert_string_equal(name, "mp4a.40.2");
}

static void only_ids_of_formats_have_an_init_section(void **state)
{
    (void)state;
    size_t good = 0;
    for (uint32_t id = 0; id < 3 << 16; id++) {
        struct buf buf;
        buf_init(&buf, BYTES_MAX);
        enum err err = fmp4_init(id, &buf);
        assert_true(err == OK || (err == E_UNSUPPORTED && buf.len == 0));
        good += err == OK;
        buf_release(&buf);
    }
    assert_int_equal(good, 4 * 13 * 7); /* profiles, rates, channels */
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    assert_int_equal(fmp4_init(fmp4_init_id(&stereo) | 1U << 31, &buf), E_UNSUPPORTED);
    buf_release(&buf);
}

static void a_segment_has_each_block_without_its_head(void **state)
{
    (void)state;
    struct bytes first = bytes_new(), second = bytes_new();
    put_frame(&first, 0xA1, 100);
    put_frame(&first, 0xA2, 7);
    put_frame(&second, 0xA3, 2000);
    const struct str stretches[] = {bytes_str(&first), bytes_str(&second)};
    struct fmp4_segment segment = {.sequence = 17,
                                   .decode_time = UINT64_C(1) << 33,
                                   .stretches = stretches,
                                   .stretches_count = 2};
    struct buf buf;
    buf_init(&buf, BYTES_MAX);
    uint64_t samples;
    assert_int_equal(fmp4_segment(&segment, &buf, &samples), OK);
    assert_int_equal(buf_err(&buf), OK);
    assert_int_equal(samples, 3 * 1024);
    struct str all = buf_str(&buf), moof = box_in(all, "moof"), traf = box_in(moof, "traf");
    assert_int_equal(number(box_in(moof, "mfhd"), 4, 4), 17);
    assert_int_equal(number(box_in(traf, "tfhd"), 0, 4), 0x020000);
    assert_true(number(box_in(traf, "tfdt"), 4, 8) == UINT64_C(1) << 33);
    struct str trun = box_in(traf, "trun"), mdat = box_in(all, "mdat");
    assert_int_equal(number(trun, 4, 4), 3);
    size_t at = number(trun, 8, 4);
    assert_ptr_equal(all.ptr + at, mdat.ptr);
    static const size_t sizes[] = {100, 7, 2000};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(number(trun, 12 + 4 * i, 4), sizes[i]);
        for (size_t n = 0; n < sizes[i]; n++)
            assert_int_equal((unsigned char)all.ptr[at + n], 0xA1 + i);
        at += sizes[i];
    }
    assert_int_equal(at, all.len);
    buf_release(&buf);
    free(first.ptr);
    free(second.ptr);
}

static void a_stretch_that_is_not_of_whole_frames_makes_no_segment(void **state)
{
    (void)state;
    struct bytes bytes = bytes_new();
    put_frame(&bytes, 0xA1, 100);
    put_frame(&bytes, 0xA2, 100);
    struct str whole = bytes_str(&bytes);
    for (size_t len = 0; len <= whole.len; len++) {
        struct str cut = str_slice(whole, 0, len);
        struct fmp4_segment segment = {.stretches = &cut, .stretches_count = 1};
        struct buf buf;
        buf_init(&buf, BYTES_MAX);
        uint64_t samples;
        bool is_whole = len == whole.len || len == whole.len / 2;
        assert_int_equal(fmp4_segment(&segment, &buf, &samples), is_whole ? OK : E_CORRUPT);
        assert_int_equal(buf.len > 0, is_whole);
        buf_release(&buf);
    }
    free(bytes.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_init_section_describes_the_track),
        cmocka_unit_test(a_format_that_cannot_be_said_is_refused),
        cmocka_unit_test(only_ids_of_formats_have_an_init_section),
        cmocka_unit_test(a_segment_has_each_block_without_its_head),
        cmocka_unit_test(a_stretch_that_is_not_of_whole_frames_makes_no_segment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
