/* What Icecast 2.4.4 printed for each of these titles. */
#include "front/front_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last, as it wants the above */
#include <cmocka.h>

static void becomes(const char *text, const char *json)
{
    struct buf out;
    buf_init(&out, 4096);
    guess_add(&out, str_of(text));
    assert_int_equal(buf_err(&out), OK);
    if (strcmp(out.ptr, json) != 0)
        fail_msg("%s became %s, not %s", text, out.ptr, json);
    buf_release(&out);
}

static void a_number_stays_as_it_is_written(void **state)
{
    static const char *const numbers[] = {
        "1999", "0",
        "-5",   "-0",
        "1.5",  "1.0",
        "1.10", "-1.5",
        "1e5",  "12345678901234567890",
        "-0.5", "1E+5",
        "1e-7", "100000000000000000000000",
    };
    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        becomes(numbers[i], numbers[i]);
}

static void a_text_that_begins_with_nought_is_no_number(void **state)
{
    (void)state;
    becomes("007", "\"007\"");
    becomes("00", "\"00\"");
    becomes("0.50", "\"0.50\"");
    becomes("0.0001", "\"0.0001\"");
}

static void what_only_resembles_a_number_is_a_text(void **state)
{
    static const char *const texts[] = {"1-2",      "1,000", "0x10",          "NaN",
                                        "Infinity", "1 2",   "-Infinity",     "1e",
                                        "e5",       "1.2.3", "99 Luftballons"};
    char quoted[64];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        snprintf(quoted, sizeof quoted, "\"%s\"", texts[i]);
        becomes(texts[i], quoted);
    }
}

/* Icecast prints these bare, and the document is no JSON any more. */
static void what_json_has_no_number_for_is_a_text(void **state)
{
    (void)state;
    becomes("-", "\"-\"");
    becomes(".5", "\".5\"");
    becomes("5.", "\"5.\"");
    becomes("-007", "\"-007\"");
    becomes("-.5", "\"-.5\"");
}

static void truth_is_told_in_any_case_of_letters(void **state)
{
    (void)state;
    becomes("true", "true");
    becomes("TRUE", "true");
    becomes("tRuE", "true");
    becomes("False", "false");
    becomes("truex", "\"truex\"");
    becomes("null", "\"null\"");
}

static void nothing_becomes_null(void **state)
{
    (void)state;
    becomes("", "null");
    becomes(" ", "null");
    becomes("\t\r\n", "null");
}

static void blanks_around_a_number_do_not_matter(void **state)
{
    (void)state;
    becomes(" 12", "12");
    becomes("12 ", "12");
}

static void a_text_is_escaped(void **state)
{
    (void)state;
    becomes("a\"b\\c", "\"a\\\"b\\\\c\"");
    becomes("x\ty\nz", "\"x\\ty\\nz\"");
    becomes("\xc3\x89\xe2\x82\xac", "\"\xc3\x89\xe2\x82\xac\"");
    becomes("x\x01", "\"x\\u0001\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_stays_as_it_is_written),
        cmocka_unit_test(a_text_that_begins_with_nought_is_no_number),
        cmocka_unit_test(what_only_resembles_a_number_is_a_text),
        cmocka_unit_test(what_json_has_no_number_for_is_a_text),
        cmocka_unit_test(truth_is_told_in_any_case_of_letters),
        cmocka_unit_test(nothing_becomes_null),
        cmocka_unit_test(blanks_around_a_number_do_not_matter),
        cmocka_unit_test(a_text_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
