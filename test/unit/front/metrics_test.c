#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it takes in cmocka */
#include "rig.h"

#include "base/json.h"

/* Every line is a comment or "name[{labels}] value", each family comes once with its HELP and TYPE
 * before it, and no series comes twice. */
static void check_form(const char *text)
{
    static const char *seen[1024];
    static size_t lens[1024];
    size_t count = 0;
    char family[128] = "";
    while (*text) {
        size_t len = strcspn(text, "\n");
        assert_int_equal(text[len], '\n');
        if (strncmp(text, "# TYPE ", 7) == 0) {
            assert_int_equal(sscanf(text + 7, "%127s", family), 1);
        } else if (text[0] != '#') {
            assert_memory_equal(text, family, strlen(family));
            size_t series = len;
            while (text[series - 1] != ' ')
                series--;
            for (size_t i = 0; i < count; i++)
                assert_false(lens[i] == series && memcmp(seen[i], text, series) == 0);
            assert_true(count < 1024);
            seen[count] = text;
            lens[count++] = series;
        }
        text += len + 1;
    }
    assert_true(count > 30);
}

static void the_form_is_that_of_prometheus(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/metrics"), 200);
    assert_has(rig, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    check_form(rig_body(rig));
}

static void the_figures_are_there(void **state)
{
    struct rig *rig = *state;
    rig_wait_for(rig, "/metrics", "mast_on_air{station=\"wxyz\",rendition=\"mp3-128\"} 1\n");
    assert_has(rig, "\nmast_source_up{station=\"wxyz\",mount=\"/wxyz\"} 1\n");
    assert_has(rig, "\nmast_source_bytes_total{station=\"wxyz\",mount=\"/wxyz\"} ");
    assert_has(rig, "\nmast_listeners{station=\"wxyz\",rendition=\"mp3-128\",proto=\"icy\"} 0\n");
    assert_has(rig, "\nmast_listeners{station=\"wxyz\",rendition=\"mp3-128\",proto=\"hls\"} 0\n");
    assert_has(rig, "\nmast_source_switches_total 1\n");
    assert_has(rig, "\nmast_http_requests_total{class=\"2xx\"} ");
    assert_has(rig, "\nmast_tape_stopped{station=\"wxyz\",rendition=\"mp3-128\"} 0\n");
    assert_has(rig, "\nmast_disk_free_bytes ");
    assert_has(rig, "\nmast_input_on_air{station=\"wxyz\",input=\"/wxyz\"} 1\n");
    assert_has(rig, "\nmast_input_on_air{station=\"wxyz\",input=\"loop\"} 0\n");
    assert_has(rig, "\nmast_station_on_air{station=\"wxyz\"} 1\n");
    assert_has(rig, "\nmast_station_on_first_input{station=\"wxyz\"} 1\n");
    assert_has(rig, "\nmast_deck_deaths_total{station=\"wxyz\"} 0\n");
    assert_has(rig, "\nprocess_cpu_seconds_total 0.");
    assert_has(rig, "\nprocess_resident_memory_bytes ");
    assert_has(rig, "\nmast_build_info{version=\"" MAST_VERSION "\"} 1\n");
}

static void the_status_is_json_and_tells_what_is_on(void **state)
{
    struct rig *rig = *state;
    struct json_doc *doc;
    struct json_fault fault;
    rig_wait_for(rig, "/status", "\"last_sound\":\"20");
    assert_int_equal(json_parse(str_of(rig_body(rig)), &doc, &fault), OK);
    const struct json *root = json_root(doc);
    const struct json *station = json_at(json_get(root, "stations"), 0);
    const struct json *rendition = json_at(json_get(station, "renditions"), 0);
    const struct json *source = json_at(json_get(station, "sources"), 0);
    assert_true(str_eq(json_text(json_get(root, "version")), STR(MAST_VERSION)));
    assert_int_equal(json_int(json_get(root, "sources")), 1);
    assert_true(str_eq(json_text(json_get(station, "slug")), STR("wxyz")));
    assert_true(json_bool(json_get(rendition, "on_air")));
    assert_true(str_eq(json_text(json_get(rendition, "source")), STR("/wxyz")));
    assert_int_equal(json_int(json_get(rendition, "bitrate")), 128000);
    assert_int_equal(json_kind_of(json_get(json_get(rendition, "tape"), "oldest")), JSON_TEXT);
    assert_true(str_eq(json_text(json_get(source, "codec")), STR("mp3")));
    assert_int_equal(json_int(json_get(source, "rate_hz")), 44100);
    assert_true(json_int(json_get(source, "bytes")) > 0);
    assert_int_equal(json_kind_of(json_get(root, "warnings")), JSON_ARRAY);
    assert_int_equal(json_count(json_get(root, "warnings")), 1);
    assert_true(str_eq(json_text(json_at(json_get(root, "warnings"), 0)),
                       STR("mp3-64 has had no sound yet")));
    json_free(&doc);
}

static int open_with_source(void **state)
{
    rig_open(state);
    rig_plug(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_form_is_that_of_prometheus),
        cmocka_unit_test(the_figures_are_there),
        cmocka_unit_test(the_status_is_json_and_tells_what_is_on),
    };
    return cmocka_run_group_tests(tests, open_with_source, rig_close);
}
