/* Tests of src/media/icy.c and title.c. */
#include "media_test.h"

static const char *clean(struct str raw, bool latin1)
{
    static char title[TITLE_BYTES];
    size_t len = title_clean(raw, latin1, title, sizeof title);
    assert_int_equal(len, strlen(title));
    return title;
}

static void a_title_is_utf8_or_else_latin1(void **state)
{
    (void)state;
    assert_string_equal(clean(STR("Beyonc\xC3\xA9"), false), "Beyonc\xC3\xA9");
    assert_string_equal(clean(STR("Beyonc\xE9"), false), "Beyonc\xC3\xA9");
    assert_string_equal(clean(STR("\xC3\xA9"), true), "\xC3\x83\xC2\xA9");
    assert_string_equal(clean(STR("\xF0\x9F\x8E\xB5 \xE2\x82\xAC"), false),
                        "\xF0\x9F\x8E\xB5 \xE2\x82\xAC");
    assert_string_equal(clean(STR(""), false), "");
    assert_string_equal(clean((struct str){0}, false), "");
}

static void controls_are_dropped_and_blanks_are_one_space(void **state)
{
    (void)state;
    assert_string_equal(clean(STR(" \t A \xC2\xA0\t B\xE3\x80\x80 \t"), false), "A B");
    assert_string_equal(clean(STR("a\r\nb\0c\x1B[0m\x7F"
                                  "d\xC2\x85\xC2\x9F"),
                              false),
                        "abc[0md");
    assert_string_equal(clean(STR("a\x92 b\x80"), true), "a b"); /* C1 in Latin-1 */
    assert_string_equal(clean(STR("a\xE2\x80\xAE"
                                  "b\xE2\x80\x8B"
                                  "c\xEF\xBB\xBF"
                                  "d\xD8\x9C"
                                  "e\xE2\x80\xA8"
                                  "f\xE2\x81\xA6"
                                  "g\xE2\x80\x8F"),
                              false),
                        "abcdefg");
    assert_string_equal(clean(STR("a\xEF\xBF\xBE"
                                  "b\xF3\xA0\x81\x81"
                                  "c\xE1\xA0\x8E"),
                              false),
                        "abc");
    assert_string_equal(clean(STR("a\xE1\x9A\x80"
                                  "b\xE2\x80\x83"
                                  "c\xE2\x80\xAF"
                                  "d\xE2\x81\x9F"
                                  "e"),
                              false),
                        "a b c d e");
    /* their neighbours stay */
    assert_string_equal(clean(STR("\xE2\x80\xA6\xE2\x80\x98\xE2\x81\x9E\xEF\xBF\xBD"), false),
                        "\xE2\x80\xA6\xE2\x80\x98\xE2\x81\x9E\xEF\xBF\xBD");
    assert_string_equal(clean(STR(" \r\n\t "), false), "");
}

static void a_long_title_is_cut_between_characters(void **state)
{
    (void)state;
    char title[8];
    assert_int_equal(title_clean(STR("abcdefghij"), false, title, sizeof title), 7);
    assert_string_equal(title, "abcdefg");
    assert_int_equal(title_clean(STR("abcde\xE2\x82\xAC"), false, title, sizeof title), 5);
    assert_string_equal(title, "abcde");
    assert_int_equal(title_clean(STR("abcdef g"), false, title, sizeof title),
                     6); /* no end blank */
    assert_int_equal(title_clean(STR("a"), false, title, 1), 0);
    assert_string_equal(title, "");
}

static void a_block_is_padded_and_has_its_length(void **state)
{
    (void)state;
    unsigned char block[ICY_BLOCK_MAX_BYTES];
    assert_int_equal(icy_block(STR(""), STR(""), block), 17);
    assert_memory_equal(block, "\1StreamTitle='';\0", 17);
    assert_int_equal(icy_block(STR("A"), STR(""), block), 17);
    assert_memory_equal(block, "\1StreamTitle='A';", 17);
    assert_int_equal(icy_block(STR("A - B"), STR("https://a.b/;"), block), 1 + 48);
    assert_memory_equal(block, "\3StreamTitle='A - B';StreamUrl='https://a.b/;';\0\0", 49);
}

static void a_block_cannot_be_broken_out_of(void **state)
{
    (void)state;
    unsigned char block[ICY_BLOCK_MAX_BYTES];
    size_t len = icy_block(STR("x';StreamUrl='javascript:a';\r\nX-Inj: 1\0\x7F"), STR(""), block);
    struct str s = {(const char *)block, len};
    static const char wanted[] = "StreamTitle='x\xE2\x80\x99;StreamUrl=\xE2\x80\x99javascript:a"
                                 "\xE2\x80\x99;X-Inj: 1';";
    assert_memory_equal(s.ptr + 1, wanted, sizeof wanted);
    static const struct str urls[] = {
        {"javascript:alert(1)", 19}, {"http://a/'b", 11}, {"http://a b", 10},
        {"http://a\n", 9},           {"http://a\x7F", 9}, {"ftp://a", 7},
    };
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        assert_int_equal(icy_block(STR("A"), urls[i], block), 17);
    assert_int_equal(icy_block(STR("A"), STR("http://a"), block), 49);
}

static void a_block_is_cut_between_characters(void **state)
{
    (void)state;
    unsigned char block[ICY_BLOCK_MAX_BYTES];
    char title[4200];
    for (size_t i = 0; i + 4 <= sizeof title; i += 4)
        memcpy(title + i, "\xF0\x9F\x8E\xB5", 4);
    struct str whole = {title, sizeof title};
    assert_int_equal(icy_block(whole, STR(""), block), ICY_BLOCK_MAX_BYTES);
    assert_memory_equal(block + 1 + 13 + 4064 - 4, "\xF0\x9F\x8E\xB5';\0", 7);
    assert_int_equal(icy_block(STR("Tr\xC3\xA4um"), STR(""), block), 33);
    assert_memory_equal(block, "\2StreamTitle='Tr\xC3\xA4um';", 23);
}

static void a_long_title_leaves_room_for_the_rest_of_its_block(void **state)
{
    (void)state;
    unsigned char block[ICY_BLOCK_MAX_BYTES];
    static char title[5000], url[2049];
    memset(title, '\'', sizeof title);
    size_t len = icy_block((struct str){title, sizeof title}, STR(""), block);
    assert_int_equal(len, ICY_BLOCK_MAX_BYTES);
    assert_int_equal(block[0], 255);
    assert_memory_equal(block + 1 + 13 + 1355 * 3 - 3, "\xE2\x80\x99';", 5);
    memset(url, 'u', sizeof url);
    memcpy(url, "http://", 7);
    len = icy_block((struct str){title, sizeof title}, (struct str){url, 2048}, block);
    assert_true(len >= ICY_BLOCK_MAX_BYTES - 16);
    assert_non_null(memmem(block, len, "uuu';\0", 5));
    assert_non_null(memmem(block, len, "\xE2\x80\x99';StreamUrl='http://u", 23));
    len = icy_block(STR("A"), (struct str){url, 2049}, block);
    assert_int_equal(len, 17);
}

/* Strips in pieces of `piece` bytes; returns the sound's length, keeps the last title. */
static size_t strip_all(uint32_t metaint, struct str bytes, size_t piece, char *sound, char *title,
                        size_t *titles)
{
    static struct icy_strip strip;
    size_t len = 0;
    icy_strip_init(&strip, metaint);
    *titles = 0;
    while (bytes.len > 0) {
        struct str some = str_slice(bytes, 0, piece), heard, raw;
        size_t used = icy_strip_next(&strip, some, &heard);
        assert_true(used > 0 && used <= some.len && heard.len <= used);
        memcpy(sound + len, heard.ptr, heard.len);
        len += heard.len;
        bytes = str_slice(bytes, used, bytes.len);
        if (icy_strip_take_title(&strip, &raw) == OK) {
            title_clean(raw, false, title, TITLE_BYTES);
            ++*titles;
            assert_int_equal(icy_strip_take_title(&strip, &raw), E_AGAIN);
        }
    }
    struct str heard;
    assert_int_equal(icy_strip_next(&strip, bytes, &heard), 0);
    return len;
}

static void blocks_are_taken_out_however_the_bytes_come(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    unsigned char block[ICY_BLOCK_MAX_BYTES];
    char sound[4096], title[TITLE_BYTES];
    size_t titles;
    put_fill(&b, 'a', 1000);
    put(&b, (struct str){(const char *)block, icy_block(STR("One"), STR("http://u"), block)});
    put_fill(&b, 'b', 1000);
    put_fill(&b, 0, 1); /* nothing new */
    put_fill(&b, 'c', 1000);
    put(&b, (struct str){(const char *)block, icy_block(STR("It's two"), STR(""), block)});
    put_fill(&b, 'd', 500);
    static const size_t pieces[] = {1, 3, 15, 16, 17, 999, 1000, 1001, 9999};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        assert_int_equal(strip_all(1000, bytes_str(&b), pieces[i], sound, title, &titles), 3500);
        for (size_t j = 0; j < 3500; j++)
            assert_int_equal(sound[j], 'a' + (int)(j / 1000));
        assert_int_equal(titles, 2);
        assert_string_equal(title, "It\xE2\x80\x99s two");
    }
    assert_int_equal(strip_all(0, bytes_str(&b), 999, sound, title, &titles), b.len);
    assert_int_equal(titles, 0);
    free(b.ptr);
}

static const char *title_of(const char *text)
{
    static char title[TITLE_BYTES];
    char sound[4];
    unsigned char bytes[2 + 80] = {'s', 5};
    size_t titles, len = strlen(text);
    assert_true(len <= 80);
    memcpy(bytes + 2, text, len);
    strip_all(1, (struct str){(const char *)bytes, sizeof bytes}, 7, sound, title, &titles);
    return titles > 0 ? title : NULL;
}

static void blocks_of_strangers_are_read_with_care(void **state)
{
    (void)state;
    assert_string_equal(title_of("StreamTitle='A';StreamUrl='B';"), "A");
    assert_string_equal(title_of("StreamUrl='B';StreamTitle='It's A; or';"), "It's A; or");
    assert_string_equal(title_of("StreamTitle='';"), "");
    assert_string_equal(title_of("StreamTitle='no semicolon'"), "no semicolon");
    assert_string_equal(title_of("StreamTitle='cut off"), "cut off");
    assert_string_equal(title_of("StreamTitle='"), "");
    assert_null(title_of("StreamUrl='B';"));
    assert_null(title_of("StreamTitle=A;"));
    assert_null(title_of(""));
}

static void a_title_that_was_not_taken_gives_way_to_the_next_block(void **state)
{
    (void)state;
    struct bytes b = bytes_new();
    struct icy_strip strip;
    struct str sound, title;
    put(&b, STR("s\1StreamTitle='A';s\1StreamUrl='http"));
    icy_strip_init(&strip, 1);
    struct str s = bytes_str(&b);
    for (int i = 0; i < 3; i++)
        s = str_slice(s, icy_strip_next(&strip, s, &sound), s.len);
    assert_true(strip.has_title);
    while (s.len > 0)
        s = str_slice(s, icy_strip_next(&strip, s, &sound), s.len);
    assert_int_equal(icy_strip_take_title(&strip, &title), E_AGAIN);
    assert_null(title.ptr);
    free(b.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_title_is_utf8_or_else_latin1),
        cmocka_unit_test(controls_are_dropped_and_blanks_are_one_space),
        cmocka_unit_test(a_long_title_is_cut_between_characters),
        cmocka_unit_test(a_block_is_padded_and_has_its_length),
        cmocka_unit_test(a_block_cannot_be_broken_out_of),
        cmocka_unit_test(a_block_is_cut_between_characters),
        cmocka_unit_test(a_long_title_leaves_room_for_the_rest_of_its_block),
        cmocka_unit_test(blocks_are_taken_out_however_the_bytes_come),
        cmocka_unit_test(blocks_of_strangers_are_read_with_care),
        cmocka_unit_test(a_title_that_was_not_taken_gives_way_to_the_next_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
