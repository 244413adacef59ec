#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above, as it takes in cmocka */
#include "rig.h"

static void it_is_alive_and_ready(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/-/live"), 200);
    assert_int_equal(rig_get(rig, NULL, "/-/ready"), 200);
}

static void it_is_not_ready_while_it_drains(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->is_draining, true);
    assert_int_equal(rig_get(rig, NULL, "/-/ready"), 503);
    assert_int_equal(rig_get(rig, NULL, "/-/live"), 200);
    atomic_store(&rig->is_draining, false);
}

static void a_station_without_sound_is_not_well(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(rig_get(rig, NULL, "/-/air/wxyz"), 503);
    assert_has(rig, "\r\n\r\nmp3-128 has had no sound yet");
}

static void a_station_with_sound_is_well(void **state)
{
    struct rig *rig = *state;
    rig_plug(rig);
    rig_wait_for(rig, "/-/air/wxyz", "HTTP/1.1 200");
    assert_int_equal(rig_get(rig, NULL, "/-/air/none"), 404);
}

static void silence_is_told_with_its_beginning(void **state)
{
    struct rig *rig = *state;
    atomic_store(&rig->stop, true);
    rig_wait_for(rig, "/-/air/wxyz", "mp3-128 is silent since 20");
    assert_has(rig, "HTTP/1.1 503");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_is_alive_and_ready),
        cmocka_unit_test(it_is_not_ready_while_it_drains),
        cmocka_unit_test(a_station_without_sound_is_not_well),
        cmocka_unit_test(a_station_with_sound_is_well),
        cmocka_unit_test(silence_is_told_with_its_beginning),
    };
    return cmocka_run_group_tests(tests, rig_open, rig_close);
}
