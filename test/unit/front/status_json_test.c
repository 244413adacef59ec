#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it takes in cmocka */
#include "rig.h"

static void before_any_source_there_is_none(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/status-json.xsl"), 200);
    assert_has(rig, "{\"icestats\":{\"admin\":null,\"host\":\"radio.example\"");
    assert_has(rig, "\"dummy\":null}}");
    assert_lacks(rig, "\"source\"");
}

static void any_origin_may_read_it(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/status-json.xsl"), 200);
    assert_has(rig, "\r\nContent-Type: application/json; charset=UTF-8\r\n");
    assert_has(rig, "\r\nAccess-Control-Allow-Origin: *\r\n");
    assert_has(rig, "\r\nCache-Control: no-cache, no-store\r\n");
}

static void a_source_without_a_title_has_none(void **state)
{
    struct rig *rig = *state;
    rig_plug(rig);
    assert_int_equal(rig_get(rig, NULL, "/status-json.xsl"), 200);
    assert_has(rig, "\"source\":{\"audio_info\":\"ice-samplerate=44100;ice-bitrate=128;");
    assert_has(rig, "\"listenurl\":\"http://radio.example:8000/wxyz/mp3-128.mp3\"");
    assert_has(rig, "\"server_name\":\"WXYZ <News>\"");
    assert_lacks(rig, "\"title\"");
    assert_lacks(rig, "user_agent");
}

static void one_mount_can_be_asked_for_by_any_of_its_addresses(void **state)
{
    struct rig *rig = *state;
    static const char *const mounts[] = {"/live", "/wxyz/mp3-128.mp3", "/wxyz.mp3", "%2Fwxyz"};
    char target[128];
    for (size_t i = 0; i < 4; i++) {
        snprintf(target, sizeof target, "/status-json.xsl?mount=%s", mounts[i]);
        assert_int_equal(rig_get(rig, NULL, target), 200);
        assert_has(rig, "\"source\":{");
    }
    assert_int_equal(rig_get(rig, NULL, "/status-json.xsl?mount=/none"), 200);
    assert_lacks(rig, "\"source\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_any_source_there_is_none),
        cmocka_unit_test(any_origin_may_read_it),
        cmocka_unit_test(a_source_without_a_title_has_none),
        cmocka_unit_test(one_mount_can_be_asked_for_by_any_of_its_addresses),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
