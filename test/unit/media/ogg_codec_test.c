/* Tests of src/media/vorbis.c, flac.c and comment.c. */
#include "media_test.h"

#include "media/ogg_codec_priv.h"

/* Bits from the lowest on, as a Vorbis header has them. */
struct bit_writer {
    char bytes[4096];
    size_t bit;
};

static void put_bits(struct bit_writer *w, unsigned count, uint64_t value)
{
    for (unsigned i = 0; i < count; i++, w->bit++) {
        assert_true(w->bit / 8 < sizeof w->bytes);
        if (value >> i & 1)
            w->bytes[w->bit / 8] |= (char)(1 << w->bit % 8);
    }
}

/* What a test may change in the setup header that put_setup() writes. */
struct setup {
    unsigned sync, entries, ordered, sparse, lookup, dimensions;
    unsigned ordered_count; /* how many entries the ordered list's first length covers */
    unsigned time, floor, residue, mapping, window, transform, framing;
    unsigned submaps, coupling, modes, subclasses;
    uint8_t channels;
};
static const struct setup usual = {.sync = 0x564342,
                                   .entries = 9,
                                   .lookup = 0,
                                   .dimensions = 2,
                                   .ordered_count = 9,
                                   .floor = 1,
                                   .residue = 2,
                                   .framing = 1,
                                   .submaps = 1,
                                   .modes = 2,
                                   .subclasses = 1,
                                   .channels = 2};

static void put_codebook(struct bit_writer *w, const struct setup *s)
{
    put_bits(w, 24, s->sync);
    put_bits(w, 16, s->dimensions);
    put_bits(w, 24, s->entries);
    put_bits(w, 1, s->ordered);
    if (s->ordered) {
        put_bits(w, 5, 3);
        put_bits(w, 4, s->ordered_count); /* 9 left: four bits */
        if (s->ordered_count < 9)
            put_bits(w, 4, 9 - s->ordered_count); /* 5 or more left: it takes 3 bits or 4 */
    } else {
        put_bits(w, 1, s->sparse);
        for (unsigned i = 0; i < s->entries && i < 9; i++) {
            if (s->sparse)
                put_bits(w, 1, i & 1);
            if (!s->sparse || (i & 1))
                put_bits(w, 5, 4);
        }
    }
    put_bits(w, 4, s->lookup);
    if (s->lookup == 1 || s->lookup == 2) {
        put_bits(w, 64, 0x123456789);
        put_bits(w, 4, 7); /* 8 bits a value */
        put_bits(w, 1, 0);
        unsigned values = s->lookup == 2 ? s->entries * s->dimensions : s->dimensions == 2 ? 3 : 9;
        for (unsigned i = 0; i < values && i < 64; i++)
            put_bits(w, 8, 0x5A);
    }
}

static void put_floor(struct bit_writer *w, const struct setup *s)
{
    put_bits(w, 16, s->floor);
    if (s->floor == 0) {
        put_bits(w, 8 + 16 + 16 + 6 + 8, 0x155555);
        put_bits(w, 4, 1);
        put_bits(w, 16, 0xFFFF);
        return;
    }
    put_bits(w, 5, 2); /* partitions, of classes 1 and 0 */
    put_bits(w, 4, 1);
    put_bits(w, 4, 0);
    for (int class = 0; class < 2; class ++) {
        put_bits(w, 3, 2); /* three values */
        put_bits(w, 2, s->subclasses);
        if (s->subclasses > 0)
            put_bits(w, 8, 0xFF);
        for (unsigned i = 0; i < 1u << s->subclasses; i++)
            put_bits(w, 8, 0xFF);
    }
    put_bits(w, 2, 1);
    put_bits(w, 4, 7);
    for (int i = 0; i < 6; i++)
        put_bits(w, 7, 0x7F);
}

static void put_residue(struct bit_writer *w, const struct setup *s)
{
    put_bits(w, 16, s->residue);
    put_bits(w, 36, 0xFFFFFFFFF);
    put_bits(w, 36, 0xFFFFFFFFF);
    put_bits(w, 6, 1); /* two classes: three books and one */
    put_bits(w, 8, 0xFF);
    put_bits(w, 3, 5);
    put_bits(w, 1, 1);
    put_bits(w, 5, 1);
    put_bits(w, 3, 1);
    put_bits(w, 1, 0);
    put_bits(w, 32, 0xFFFFFFFF);
}

static void put_mapping(struct bit_writer *w, const struct setup *s)
{
    put_bits(w, 16, s->mapping);
    put_bits(w, 1, s->submaps > 1);
    if (s->submaps > 1)
        put_bits(w, 4, s->submaps - 1);
    put_bits(w, 1, s->coupling > 0);
    if (s->coupling > 0) {
        put_bits(w, 8, s->coupling - 1);
        for (unsigned i = 0; i < s->coupling; i++)
            put_bits(w, s->channels == 6 ? 6 : 2, 2); /* two numbers of a channel */
    }
    put_bits(w, 2, 0);
    if (s->submaps > 1)
        put_bits(w, 4u * s->channels, 0xFFFFFF);
    for (unsigned i = 0; i < s->submaps; i++)
        put_bits(w, 24, 0xFFFFFF);
}

static struct str put_setup(struct bit_writer *w, const struct setup *s)
{
    *w = (struct bit_writer){"\5vorbis", 56};
    put_bits(w, 8, 0);
    put_codebook(w, s);
    put_bits(w, 6, 0);
    put_bits(w, 16, s->time);
    put_bits(w, 6, 0);
    put_floor(w, s);
    put_bits(w, 6, 0);
    put_residue(w, s);
    put_bits(w, 6, 0);
    put_mapping(w, s);
    put_bits(w, 6, s->modes - 1);
    for (unsigned i = 0; i < s->modes; i++) {
        put_bits(w, 1, i & 1);
        put_bits(w, 16, s->window);
        put_bits(w, 16, s->transform);
        put_bits(w, 8, 0);
    }
    put_bits(w, 1, s->framing);
    return (struct str){w->bytes, (w->bit + 7) / 8};
}

static enum err parse(const struct setup *s, struct vorbis *vorbis)
{
    static struct bit_writer w;
    *vorbis = (struct vorbis){.block_samples = {256, 2048}};
    return vorbis_parse_setup(put_setup(&w, s), s->channels, vorbis);
}

static void setup_headers_of_every_shape_lead_to_their_modes(void **state)
{
    (void)state;
    struct setup shapes[13];
    for (size_t i = 0; i < 13; i++)
        shapes[i] = usual;
    shapes[1].ordered = 1;
    shapes[2].ordered = 1, shapes[2].ordered_count = 1; /* the second run has eight */
    shapes[3].sparse = 1;
    shapes[4].lookup = 1;
    shapes[5].lookup = 2;
    shapes[6].lookup = 1, shapes[6].dimensions = 1;
    shapes[7].floor = 0;
    shapes[8].submaps = 3, shapes[8].coupling = 2;
    shapes[9].modes = 64;
    shapes[10].subclasses = 0;
    shapes[12].submaps = 2, shapes[12].coupling = 3, shapes[12].channels = 6;
    shapes[11].residue = 0, shapes[11].modes = 1;
    for (size_t i = 0; i < 13; i++) {
        struct vorbis vorbis;
        if (parse(&shapes[i], &vorbis))
            fail_msg("shape %zu", i);
        assert_int_equal(vorbis.modes_count, shapes[i].modes);
        assert_true(vorbis.long_modes ==
                    (UINT64_C(0xAAAAAAAAAAAAAAAA) & (UINT64_MAX >> (64 - shapes[i].modes))));
        assert_int_equal(vorbis.mode_bits, shapes[i].modes == 64 ? 6 : shapes[i].modes - 1);
    }
}

static void setup_headers_with_a_fault_are_refused(void **state)
{
    (void)state;
    struct setup faults[14];
    for (size_t i = 0; i < 14; i++)
        faults[i] = usual;
    faults[0].sync = 0x564343;
    faults[1].ordered = 1, faults[1].ordered_count = 10;
    faults[2].lookup = 3;
    faults[3].lookup = 1, faults[3].dimensions = 0;
    faults[4].time = 1;
    faults[5].floor = 2;
    faults[6].residue = 3;
    faults[7].mapping = 1;
    faults[8].window = 1;
    faults[9].transform = 1;
    faults[10].framing = 0;
    faults[11].entries = 0xFFFFFF;
    faults[12].entries = 0xFFFFFF, faults[12].sparse = 1;
    faults[13].lookup = 2, faults[13].dimensions = 65535; /* more values than bits */
    struct vorbis vorbis;
    for (size_t i = 0; i < 14; i++) {
        if (parse(&faults[i], &vorbis) != E_CORRUPT)
            fail_msg("fault %zu", i);
        assert_int_equal(vorbis.modes_count, 0);
    }
    assert_int_equal(vorbis_parse_setup(STR("\3vorbis"), 2, &vorbis), E_CORRUPT);
}

static void a_setup_header_that_is_cut_anywhere_is_refused(void **state)
{
    (void)state;
    static struct bit_writer w;
    static const struct {
        unsigned ordered, sparse, lookup, floor;
    } kinds[] = {{1, 0, 1, 0}, {0, 1, 2, 1}, {0, 0, 0, 1}};
    for (size_t i = 0; i < 3; i++) {
        struct setup s = usual;
        s.ordered = kinds[i].ordered, s.sparse = kinds[i].sparse;
        s.lookup = kinds[i].lookup, s.floor = kinds[i].floor;
        struct str whole = put_setup(&w, &s);
        struct vorbis vorbis;
        for (size_t len = 0; len < whole.len; len++)
            assert_int_equal(vorbis_parse_setup(str_slice(whole, 0, len), 2, &vorbis), E_CORRUPT);
        assert_int_equal(vorbis_parse_setup(whole, 2, &vorbis), OK);
    }
}

static void packets_have_the_samples_of_their_blocks(void **state)
{
    (void)state;
    struct vorbis vorbis;
    uint32_t samples;
    assert_int_equal(parse(&usual, &vorbis), OK);
    static const struct {
        const char *packet;
        uint32_t samples;
    } rows[] = {{"\x02", 0}, {"\x02", 1024}, {"\x04", 576}, {"\x04", 128}, {"\x02", 576}};
    /* mode 1 is the long one; "\x04" is mode 0 with the next bit set */
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(vorbis_samples(&vorbis, str_of(rows[i].packet), &samples), OK);
        assert_int_equal(samples, rows[i].samples);
    }
    assert_int_equal(vorbis_samples(&vorbis, STR("\x01"), &samples), E_CORRUPT);
    assert_int_equal(vorbis_samples(&vorbis, STR(""), &samples), E_CORRUPT);
    struct setup three = usual;
    three.modes = 3;
    assert_int_equal(parse(&three, &vorbis), OK);
    assert_int_equal(vorbis_samples(&vorbis, STR("\x06"), &samples), E_CORRUPT); /* mode 3 */
    assert_int_equal(vorbis_samples(&vorbis, STR("\x04"), &samples), OK);
}

static void vorbis_heads_are_checked(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        enum err err;
    } rows[] = {
        {0, 1, OK},
        {7, 1, E_CORRUPT},
        {11, 0, E_CORRUPT},
        {11, 9, E_CORRUPT},
        {11, 8, OK},
        {15, 1, E_CORRUPT},
        {28, 0x85, E_CORRUPT},
        {28, 0xE6, E_CORRUPT},
        {28, 0x78, E_CORRUPT},
        {29, 0, E_CORRUPT},
        {1, 'V', E_CORRUPT},
        {23, 0x80, OK},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char head[] = "\1vorbis\0\0\0\0\2\x44\xAC\0\0\0\0\0\0\0\xF4\1\0\0\0\0\0\xB8\1";
        struct vorbis vorbis;
        struct format format;
        head[rows[i].at] = (char)rows[i].value;
        assert_int_equal(vorbis_parse_head((struct str){head, 30}, &vorbis, &format), rows[i].err);
        if (rows[i].err)
            continue;
        assert_int_equal(format.rate_hz, 44100);
        assert_int_equal(format.bitrate_bps, rows[i].at == 23 ? 0 : 128000);
        assert_int_equal(vorbis.block_samples[0], 256);
        assert_int_equal(vorbis.block_samples[1], 2048);
        assert_int_equal(vorbis_parse_head((struct str){head, 29}, &vorbis, &format), E_CORRUPT);
        memset(head + 12, 0, 4); /* a rate of zero */
        assert_int_equal(vorbis_parse_head((struct str){head, 30}, &vorbis, &format), E_CORRUPT);
    }
}

static uint8_t crc8_of(const unsigned char *bytes, size_t len)
{
    uint8_t crc = 0;
    for (size_t i = 0; i < len * 8; i++) {
        bool top = (crc >> 7 ^ bytes[i / 8] >> (7 - i % 8)) & 1;
        crc = (uint8_t)(crc << 1 ^ (top ? 7 : 0));
    }
    return crc;
}

/* Samples of a frame whose header is `head` with its CRC put behind it; 0 if it is refused. */
static uint32_t flac_of(struct str head)
{
    unsigned char bytes[32];
    uint32_t samples, none;
    struct str frame = {(const char *)bytes, head.len + 1};
    memcpy(bytes, head.ptr, head.len);
    bytes[head.len] = crc8_of(bytes, head.len);
    enum err err = flac_samples(frame, &samples);
    assert_int_equal(err, samples > 0 ? OK : E_CORRUPT);
    bytes[head.len] ^= 0x40;
    assert_int_equal(flac_samples(frame, &none), E_CORRUPT);
    assert_int_equal(flac_samples(head, &none), E_CORRUPT); /* no CRC there */
    return samples;
}

static void flac_frames_tell_their_block_size(void **state)
{
    (void)state;
    static const uint16_t sizes[16] = {0,   192, 576,  1152, 2304, 4608, 0,     0,
                                       256, 512, 1024, 2048, 4096, 8192, 16384, 32768};
    for (unsigned code = 0; code < 16; code++) {
        char head[] = {'\xFF', '\xF8', (char)(code << 4 | 9), 0x18, 0x05};
        if (code != 6 && code != 7)
            assert_int_equal(flac_of((struct str){head, 5}), sizes[code]);
    }
    assert_int_equal(flac_of(STR("\xFF\xF8\x69\x18\x05\x77")), 0x78);
    assert_int_equal(flac_of(STR("\xFF\xF8\x79\x18\x05\x12\x33")), 0x1234);
    assert_int_equal(flac_of(STR("\xFF\xF8\x79\x18\x05\xFF\xFF")), 0);   /* 65536 */
    assert_int_equal(flac_of(STR("\xFF\xF9\x1C\x18\x05\x30")), 192);     /* rate in kHz */
    assert_int_equal(flac_of(STR("\xFF\xF9\x1D\x18\x05\x30\x30")), 192); /* in Hz */
    assert_int_equal(flac_of(STR("\xFF\xF9\x7E\x18\x05\x01\x02\x30\x30")), 259);
    assert_int_equal(flac_of(STR("\xFF\xF8\x19\x18\xC4\x80")), 192); /* longer numbers */
    assert_int_equal(flac_of(STR("\xFF\xF8\x19\x18\xFE\x80\x80\x80\x80\x80\x80")), 192);
}

static void flac_frames_with_a_wrong_header_are_refused(void **state)
{
    (void)state;
    assert_int_equal(flac_of(STR("\xFE\xF8\x19\x18\x05")), 0);
    assert_int_equal(flac_of(STR("\xFF\xFA\x19\x18\x05")), 0);
    assert_int_equal(flac_of(STR("\xFF\xF8\x1F\x18\x05")), 0); /* rate */
    assert_int_equal(flac_of(STR("\xFF\xF8\x19\xB8\x05")), 0); /* channels */
    assert_int_equal(flac_of(STR("\xFF\xF8\x19\x18\x80")), 0); /* number */
    assert_int_equal(flac_of(STR("\xFF\xF8\x19\x18\xFF")), 0);
    assert_int_equal(flac_of(STR("\xFF\xF8\x19")), 0);
}

static void flac_heads_are_checked(void **state)
{
    (void)state;
    static const struct {
        size_t at;
        unsigned char value;
        enum err err;
    } rows[] = {
        {6, 7, OK},          {5, 2, E_CORRUPT}, {1, 'f', E_CORRUPT},
        {9, 'F', E_CORRUPT}, {13, 0x80, OK},    {13, 1, E_CORRUPT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char head[51] = "\177FLAC\1\0\0\1fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0A\xC4\x42\xF0";
        struct format format;
        head[rows[i].at] = (char)rows[i].value;
        assert_int_equal(flac_parse_head((struct str){head, 51}, &format), rows[i].err);
        if (rows[i].err)
            continue;
        assert_int_equal(format.rate_hz, 44100);
        assert_int_equal(format.channels, 2);
        assert_int_equal(flac_parse_head((struct str){head, 50}, &format), E_CORRUPT);
        memset(head + 27, 0, 3); /* a rate of zero */
        assert_int_equal(flac_parse_head((struct str){head, 51}, &format), E_CORRUPT);
    }
}

static const char *title_of(struct str body)
{
    static char title[TITLE_BYTES];
    bool has = comment_title(body, title);
    assert_int_equal(has, title[0] != '\0');
    return title;
}

static void comments_make_a_title(void **state)
{
    (void)state;
    assert_string_equal(title_of(STR("\1\0\0\0v\1\0\0\0\7\0\0\0title=T")), "T");
    assert_string_equal(title_of(STR("\0\0\0\0\2\0\0\0\7\0\0\0Title=T\x8\0\0\0ARTIST=A")), "A - T");
    assert_string_equal(title_of(STR("\0\0\0\0\3\0\0\0\7\0\0\0TITLE=T\7\0\0\0TITLE=U\3\0\0\0ABC")),
                        "T");
    assert_string_equal(title_of(STR("\0\0\0\0\1\0\0\0\x8\0\0\0ARTIST=A")), "");
    assert_string_equal(title_of(STR("\0\0\0\0\1\0\0\0\x8\0\0\0TITLE= \r")), "");
    /* fewer comments than there are; more than there are; the last one cut off */
    assert_string_equal(title_of(STR("\0\0\0\0\0\0\0\0\7\0\0\0TITLE=T")), "");
    assert_string_equal(title_of(STR("\0\0\0\0\xFF\xFF\xFF\xFF\7\0\0\0TITLE=T")), "T");
    assert_string_equal(title_of(STR("\0\0\0\0\1\0\0\0\xFF\xFF\xFF\xFFTITLE=Tor")), "Tor");
    assert_string_equal(title_of(STR("\xFF\xFF\xFF\xFFv")), "");
    assert_string_equal(title_of(STR("\1\0\0")), "");
    assert_string_equal(title_of(STR("")), "");
    char body[1300] = "\0\0\0\0\2\0\0\0\x58\2\0\0TITLE=";
    memset(body + 18, 'T', 594);
    memcpy(body + 612, "\x58\2\0\0ARTIST=", 11);
    memset(body + 623, 'A', 593);
    const char *title = title_of((struct str){body, 1216});
    assert_int_equal(strlen(title), TITLE_BYTES - 1);
    assert_int_equal(title[510], 'A');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setup_headers_of_every_shape_lead_to_their_modes),
        cmocka_unit_test(setup_headers_with_a_fault_are_refused),
        cmocka_unit_test(a_setup_header_that_is_cut_anywhere_is_refused),
        cmocka_unit_test(packets_have_the_samples_of_their_blocks),
        cmocka_unit_test(vorbis_heads_are_checked),
        cmocka_unit_test(flac_frames_tell_their_block_size),
        cmocka_unit_test(flac_frames_with_a_wrong_header_are_refused),
        cmocka_unit_test(flac_heads_are_checked),
        cmocka_unit_test(comments_make_a_title),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
