#include "front/front_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* last, as it wants the above */
#include <cmocka.h>

static void xml_is(struct str text, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    xml_add(&out, text);
    buf_add_char(&out, '.');
    assert_int_equal(buf_err(&out), OK);
    out.ptr[out.len - 1] = '\0';
    assert_string_equal(out.ptr, expected);
    buf_release(&out);
}

static void markup_becomes_text(void **state)
{
    (void)state;
    xml_is(STR("<b>&\"'</b>"), "&lt;b&gt;&amp;&quot;&#39;&lt;/b&gt;");
}

static void what_xml_may_not_hold_is_left_out(void **state)
{
    (void)state;
    xml_is(STR("a\x01\x1f\x7f"
               "b"),
           "ab");
    xml_is(STR("a\0b"), "ab");
    xml_is(STR("a\xef\xbf\xbe"
               "b\xef\xbf\xbf"),
           "ab");
    xml_is(STR("a\xef\xbf\xbd"
               "b"),
           "a\xef\xbf\xbd"
           "b");
    xml_is(STR("a\tb\nc"), "a\tb\nc");
}

static void bytes_that_are_no_utf8_become_question_marks(void **state)
{
    (void)state;
    xml_is(STR("\xff<\xc3"), "?&lt;?");
    xml_is(STR("\xed\xa0\x80"), "???");
    xml_is(STR("\xc3\xa9\xf0\x9f\x8e\xb5"), "\xc3\xa9\xf0\x9f\x8e\xb5");
}

static void a_query_holds_only_unreserved_characters(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 256);
    query_add(&out, STR("2026-11-22T09:42:10+05 a&b=~_.\xc3\xa9"));
    assert_int_equal(buf_err(&out), OK);
    assert_string_equal(out.ptr, "2026-11-22T09%3A42%3A10%2B05%20a%26b%3D~_.%C3%A9");
    buf_release(&out);
}

static void times_are_printed_as_icecast_prints_them(void **state)
{
    char text[ICE_TIME_BYTES];
    const struct utc t = {INT64_C(1795385104) * US_PER_S + 999999};
    (void)state;
    ice_time_format(t, text);
    assert_string_equal(text, "Sun, 22 Nov 2026 22:05:04 +0000");
    ice_iso_format(t, text);
    assert_string_equal(text, "2026-11-22T22:05:04+0000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(markup_becomes_text),
        cmocka_unit_test(what_xml_may_not_hold_is_left_out),
        cmocka_unit_test(bytes_that_are_no_utf8_become_question_marks),
        cmocka_unit_test(a_query_holds_only_unreserved_characters),
        cmocka_unit_test(times_are_printed_as_icecast_prints_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
