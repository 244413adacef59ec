/* Tests of base/str.c. */
#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void slices_are_clamped_to_the_ends(void **state)
{
    (void)state;
    struct str s = STR("station");
    assert_true(str_eq(str_slice(s, 2, 4), STR("at")));
    assert_true(str_eq(str_slice(s, 4, 400), STR("ion")));
    assert_int_equal(str_slice(s, 9, 4).len, 0);
    assert_int_equal(str_slice((struct str){NULL, 0}, 1, 2).len, 0);
    assert_int_equal(str_of(NULL).len, 0);
    assert_int_equal(str_of("abc").len, 3);
}

static void blanks_are_trimmed_off_both_ends(void **state)
{
    (void)state;
    assert_true(str_eq(str_trim(STR(" \t a b \t")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t ")).len, 0);
    assert_int_equal(str_trim((struct str){NULL, 0}).len, 0);
}

static void comparisons_look_at_all_bytes(void **state)
{
    (void)state;
    assert_true(str_eq((struct str){NULL, 0}, STR("")));
    assert_false(str_eq(STR("ab"), STR("abc")));
    assert_true(str_eq_nocase(STR("Content-TYPE"), STR("content-type")));
    assert_false(str_eq_nocase(STR("a["), STR("A{")));
    assert_false(str_eq_nocase(STR("a"), STR("ab")));
    assert_true(str_starts(STR("/live"), STR("/")));
    assert_false(str_starts(STR(""), STR("/")));
    assert_true(str_ends(STR("live.mp3"), STR(".mp3")));
    assert_false(str_ends(STR("3"), STR(".mp3")));
    assert_true(str_has(STR("a:b"), ':'));
    assert_false(str_has((struct str){NULL, 0}, ':'));
}

static void a_cut_parts_at_the_first_mark(void **state)
{
    (void)state;
    struct str s = STR("user:pass:word"), head;
    assert_true(str_cut(&s, ':', &head));
    assert_true(str_eq(head, STR("user")));
    assert_true(str_eq(s, STR("pass:word")));
    assert_true(str_cut(&s, ':', &head));
    assert_false(str_cut(&s, ':', &head));
    assert_true(str_eq(head, STR("word")));
    assert_int_equal(s.len, 0);
    assert_false(str_cut(&s, ':', &head));
    assert_int_equal(head.len, 0);
}

static void numbers_are_read_strictly(void **state)
{
    (void)state;
    uint64_t n;
    assert_int_equal(str_parse_u64(STR("0"), 10, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(str_parse_u64(STR("18446744073709551615"), UINT64_MAX, &n), OK);
    assert_true(n == UINT64_MAX);
    assert_int_equal(str_parse_u64(STR("18446744073709551616"), UINT64_MAX, &n), E_RANGE);
    assert_int_equal(str_parse_u64(STR("65536"), 65535, &n), E_RANGE);
    assert_int_equal(n, 0);
    assert_int_equal(str_parse_u64(STR("65535"), 65535, &n), OK);
    assert_int_equal(str_parse_u64(STR("5"), 4, &n), E_RANGE);
    assert_int_equal(str_parse_u64(STR(""), 9, &n), E_SYNTAX);
    assert_int_equal(str_parse_u64(STR("-1"), 9, &n), E_SYNTAX);
    assert_int_equal(str_parse_u64(STR("+1"), 9, &n), E_SYNTAX);
    assert_int_equal(str_parse_u64(STR("1 "), 9, &n), E_SYNTAX);
    assert_int_equal(str_parse_u64(STR("0x1"), 9, &n), E_SYNTAX);
}

static void ill_formed_utf8_is_found(void **state)
{
    static const char *const good[] = {
        "",
        "abc",
        "\xC3\xA9",
        "\xE2\x82\xAC",
        "\xF0\x9F\x93\xBB",
        "\xED\x9F\xBF",
        "\xEE\x80\x80",
        "\xF4\x8F\xBF\xBF",
        "\xE0\xA0\x80",
        "\xF0\x90\x80\x80",
        "\xC2\x80",
    };
    static const char *const bad[] = {
        "\x80",
        "\xC0\x80",
        "\xC1\xBF",
        "\xC3",
        "\xE2\x82",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "a\xC3(",
        "\xF0\x9F\x93",
    };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(str_is_utf8(str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(str_is_utf8(str_of(bad[i])));
    assert_int_equal(str_utf8_first(STR("")), 0);
    assert_int_equal(str_utf8_first(STR("\xE2\x82\xAC uro")), 3);
    assert_int_equal(str_utf8_first(STR("\x80")), 0);
}

static void cutting_keeps_sequences_whole(void **state)
{
    (void)state;
    struct str euro = STR("1\xE2\x82\xAC"
                          "2");
    assert_int_equal(str_utf8_fit(euro, 100), 5);
    assert_int_equal(str_utf8_fit(euro, 4), 4);
    assert_int_equal(str_utf8_fit(euro, 3), 1);
    assert_int_equal(str_utf8_fit(euro, 2), 1);
    assert_int_equal(str_utf8_fit(euro, 0), 0);
    char field[4];
    assert_false(str_copy(field, sizeof field, euro));
    assert_string_equal(field, "1");
    assert_true(str_copy(field, sizeof field, STR("abc")));
    assert_string_equal(field, "abc");
    assert_true(str_copy(field, sizeof field, (struct str){NULL, 0}));
    assert_string_equal(field, "");
}

static void slugs_are_short_and_plain(void **state)
{
    (void)state;
    assert_true(str_is_slug(STR("a")));
    assert_true(str_is_slug(STR("mp3-128")));
    assert_false(str_is_slug(STR("")));
    assert_false(str_is_slug(STR("-a")));
    assert_false(str_is_slug(STR("a-")));
    assert_false(str_is_slug(STR("A")));
    assert_false(str_is_slug(STR("a_b")));
    assert_false(str_is_slug(STR("a/b")));
    char text[64];
    memset(text, 'x', sizeof text);
    assert_true(str_is_slug((struct str){text, 63}));
    assert_false(str_is_slug((struct str){text, 64}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_clamped_to_the_ends),
        cmocka_unit_test(blanks_are_trimmed_off_both_ends),
        cmocka_unit_test(comparisons_look_at_all_bytes),
        cmocka_unit_test(a_cut_parts_at_the_first_mark),
        cmocka_unit_test(numbers_are_read_strictly),
        cmocka_unit_test(ill_formed_utf8_is_found),
        cmocka_unit_test(cutting_keeps_sequences_whole),
        cmocka_unit_test(slugs_are_short_and_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
