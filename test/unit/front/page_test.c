#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it takes in cmocka */
#include "rig.h"

static void off_the_air_is_said_in_words(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/", "/listen/wxyz"};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_get(rig, NULL, paths[i]), 200);
        assert_has(rig, "Off the air");
        assert_lacks(rig, "<audio");
    }
}

/* The player comes from an address of its own: nothing in the page is run. */
static void assert_no_script_inside(const struct rig *rig)
{
    static const char ours[] = "<script type=\"module\" src=\"/site/";
    for (const char *at = rig->answer; (at = strstr(at, "<script")) != NULL; at++)
        assert_memory_equal(at, ours, sizeof ours - 1);
    assert_lacks(rig, "script-src 'unsafe");
}

static void both_pages_have_a_player_that_needs_no_script(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/", "/listen/wxyz"};
    rig_plug(rig);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(rig_get(rig, NULL, paths[i]), 200);
        assert_has(rig, "<audio controls preload=\"none\" aria-label=\"WXYZ &lt;News&gt;, live\">\n"
                        "<source src=\"/wxyz/mp3-128.mp3\" type=\"audio/mpeg\">");
        assert_has(rig, "On the air");
        assert_has(rig, "http://radio.example:8000/wxyz/mp3-128.mp3");
        assert_has(rig, "<html lang=\"en\">");
        assert_has(rig, "<main id=\"main\"");
        assert_has(rig, "href=\"#main\">Skip");
        assert_has(rig, "News &amp; talk");
        assert_no_script_inside(rig);
        assert_lacks(rig, " style=");
    }
}

static void strangers_texts_stay_texts(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, "source:" RIG_KEY,
                             "/admin/metadata?mode=updinfo&mount=/wxyz&song=%3Cscript%3E%22%27%26"),
                     200);
    rig_wait_for(rig, "/", "&lt;script&gt;&quot;&#39;&amp;</span>");
    rig_wait_for(rig, "/listen/wxyz", "&lt;script&gt;&quot;&#39;&amp;</span>");
    assert_no_script_inside(rig);
}

static void nothing_from_elsewhere_may_be_taken_in(void **state)
{
    struct rig *rig = *state;
    static const char *const paths[] = {"/", "/listen/wxyz", "/listen/none"};
    for (size_t i = 0; i < 3; i++) {
        rig_get(rig, NULL, paths[i]);
        assert_has(rig, "\r\nContent-Security-Policy: default-src 'none'; style-src 'self'; ");
        assert_has(rig, "\r\nX-Content-Type-Options: nosniff\r\n");
        assert_has(rig, "\r\nReferrer-Policy: ");
    }
}

static void an_unlisted_station_is_shown_only_to_who_knows_its_address(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/"), 200);
    assert_lacks(rig, "/listen/quiet");
    assert_int_equal(rig_get(rig, NULL, "/listen/quiet"), 200);
    assert_has(rig, "<meta name=\"robots\" content=\"noindex\">");
}

static void an_unknown_station_is_a_page_with_404(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/listen/none"), 404);
    assert_has(rig, "<h1>No such station</h1>");
    assert_int_equal(rig_get(rig, NULL, "/listen/"), 404);
    assert_int_equal(rig_get(rig, NULL, "/listen/%3Cb%3E"), 404);
    assert_lacks(rig, "<b>");
}

static void a_page_starts_at_a_time_that_is_recorded(void **state)
{
    struct rig *rig = *state;
    char iso[UTC_ISO_BYTES], target[128], part[160];
    struct utc oldest, newest;
    do {
        poll(NULL, 0, 20);
        assert_true(tape_range(rig_live(rig)->tape, &oldest, &newest));
    } while (newest.us - oldest.us < 3 * US_PER_S);
    oldest.us += 100 * US_PER_MS;
    oldest.us -= oldest.us % US_PER_MS;
    utc_format_iso(oldest, iso);
    snprintf(target, sizeof target, "/listen/wxyz?at=%s", iso);
    assert_int_equal(rig_get(rig, NULL, target), 200);
    snprintf(part, sizeof part, "?at=%.13s%%3A%.2s%%3A%.7s\" type=\"audio/mpeg\">", iso, iso + 14,
             iso + 17);
    assert_has(rig, part);
    assert_has(rig, ", from the recording\">");
    assert_has(rig, "Back to live");
}

static void a_time_that_is_not_recorded_is_told_with_what_is(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/listen/wxyz?at=2020-01-01T10:00:00Z"), 404);
    assert_has(rig,
               "Wednesday 1 January 2020, 10:00:00</time> is not recorded. The recording goes");
    assert_has(rig, "type=\"datetime-local\"");
    assert_int_equal(rig_get(rig, NULL, "/listen/wxyz?at=%22%3Eyesterday"), 400);
    assert_has(rig, "That time could not be read");
    assert_lacks(rig, "yesterday");
    assert_int_equal(rig_get(rig, NULL, "/listen/wxyz?at="), 200);
    assert_has(rig, ", live\">");
}

static void the_style_sheet_may_be_kept_for_ever(void **state)
{
    struct rig *rig = *state;
    char path[64];
    assert_int_equal(rig_get(rig, NULL, "/"), 200);
    const char *at = strstr(rig->answer, "/site/");
    at = strstr(rig->answer, "<link rel=\"stylesheet\" href=\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "<link rel=\"stylesheet\" href=\"%63[^\"]", path), 1);
    assert_int_equal(rig_get(rig, NULL, path), 200);
    assert_has(rig, "\r\nContent-Type: text/css; charset=utf-8\r\n");
    assert_has(rig, "\r\nCache-Control: public, max-age=31536000, immutable\r\n");
    assert_has(rig, "\r\nETag: \"");
    assert_has(rig, ":root {");
    assert_int_equal(rig_get(rig, NULL, "/site/0000000000000000.css"), 404);
}

static void the_style_sheet_comes_compressed_to_who_takes_it(void **state)
{
    struct rig *rig = *state;
    char path[64], text[256];
    assert_int_equal(rig_get(rig, NULL, "/"), 200);
    const char *at = strstr(rig->answer, "<link rel=\"stylesheet\" href=\"");
    assert_non_null(at);
    assert_int_equal(sscanf(at, "<link rel=\"stylesheet\" href=\"%63[^\"]", path), 1);
    snprintf(text, sizeof text,
             "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept-Encoding: gzip\r\n\r\n",
             path);
    assert_int_equal(rig_send(rig, text), 200);
    assert_has(rig, "\r\nContent-Encoding: gzip\r\n");
    assert_memory_equal(rig_body(rig), "\x1f\x8b", 2);
}

static void icon_and_robots_are_there(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/favicon.ico"), 200);
    assert_has(rig, "\r\nContent-Type: image/svg+xml\r\n");
    assert_int_equal(rig_get(rig, NULL, "/robots.txt"), 200);
    assert_has(rig, "\nDisallow: /admin/\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(off_the_air_is_said_in_words),
        cmocka_unit_test(both_pages_have_a_player_that_needs_no_script),
        cmocka_unit_test(strangers_texts_stay_texts),
        cmocka_unit_test(nothing_from_elsewhere_may_be_taken_in),
        cmocka_unit_test(an_unlisted_station_is_shown_only_to_who_knows_its_address),
        cmocka_unit_test(an_unknown_station_is_a_page_with_404),
        cmocka_unit_test(a_page_starts_at_a_time_that_is_recorded),
        cmocka_unit_test(a_time_that_is_not_recorded_is_told_with_what_is),
        cmocka_unit_test(the_style_sheet_may_be_kept_for_ever),
        cmocka_unit_test(the_style_sheet_comes_compressed_to_who_takes_it),
        cmocka_unit_test(icon_and_robots_are_there),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
