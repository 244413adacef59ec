#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "air/stamp.h"

#include <stdlib.h>

#define TICK_US    (20 * US_PER_MS)
#define START_US   (INT64_C(1795392000) * US_PER_S)
#define RATE_HZ    44100
#define SAMPLES    1152
#define FRAME_NS   (INT64_C(1000000000) * SAMPLES / RATE_HZ)
#define CUSHION_US (5 * US_PER_S) /* a faster source is kept waiting beyond this */

/* A source whose frames arrive at their time by its own clock, or later; and what the air makes of
 * it, tick by tick. */
struct rig {
    struct stamp stamp;
    int64_t now_us;
    int64_t source_us; /* the source's own clock */
    int64_t source_rem;
    int64_t drift_ppm; /* its clock runs so much faster */
    int64_t jitter_us; /* a frame arrives up to this late */
    int64_t speed;     /* frames a real frame's time; 1 = live */
    uint64_t ticks;
    int64_t room_us;  /* what the loop still reads of a faster source */
    uint64_t made;    /* frames that it has made */
    uint64_t arrived; /* of those, how many are here */
    uint64_t used;
    bool is_stuck;         /* nothing arrives */
    int64_t held_until_us; /* the frame on its way arrives then */
    uint64_t seed;

    unsigned breaks;
    int64_t first_ns, last_ns; /* stamps */
    int64_t longest_ns;        /* distance of two stamps, and the shortest */
    int64_t shortest_ns;
    int32_t steer_most_ppm;
    int64_t cushion_us; /* as it truly is, after each tick */
};

static struct rig *rig_new(int64_t drift_ppm, int64_t jitter_us)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    stamp_init(&rig->stamp);
    rig->now_us = START_US;
    rig->drift_ppm = drift_ppm;
    rig->jitter_us = jitter_us;
    rig->speed = 1;
    rig->seed = 7;
    rig->shortest_ns = INT64_MAX;
    return rig;
}

static int64_t some(struct rig *rig, int64_t below)
{
    rig->seed = rig->seed * 6364136223846793005u + 1442695040888963407u;
    return below > 0 ? (int64_t)(rig->seed >> 33) % below : 0;
}

static int64_t waiting_us(const struct rig *rig)
{
    int64_t frames = (int64_t)(rig->arrived - rig->used) - 1; /* behind the next one */
    return frames > 0 ? frames * FRAME_NS / 1000 : 0;
}

/* The loop looks ten times a second whether it may read on, and then reads two seconds' worth. */
static void look_at_room(struct rig *rig)
{
    if (rig->ticks++ % 5 == 0 && waiting_us(rig) <= CUSHION_US)
        rig->room_us = 2 * US_PER_S;
}

static void arrive(struct rig *rig)
{
    look_at_room(rig);
    int64_t gain = TICK_US * rig->speed * (1000000 + rig->drift_ppm) + rig->source_rem;
    rig->source_us += gain / 1000000;
    rig->source_rem = gain % 1000000;
    rig->made = (uint64_t)(rig->source_us * 1000 / FRAME_NS) + 1;
    while (!rig->is_stuck && rig->arrived < rig->made && rig->now_us >= rig->held_until_us) {
        if (rig->speed > 1 && rig->room_us <= 0)
            break; /* the rest waits in the socket */
        rig->room_us -= FRAME_NS / 1000;
        rig->arrived++;
        if (some(rig, 20) == 0) /* the network takes a nap now and then */
            rig->held_until_us = rig->now_us + some(rig, rig->jitter_us);
    }
}

static void use(struct rig *rig)
{
    bool broken;
    while (rig->used < rig->arrived) {
        int64_t start_us =
            stamp_next(&rig->stamp, (struct utc){rig->now_us}, STAMP_LATE_US, &broken).us;
        if (start_us > rig->now_us)
            break;
        int64_t ns = rig->stamp.next_ns;
        if (broken) {
            rig->breaks++;
            rig->first_ns = ns;
        } else {
            int64_t apart_ns = ns - rig->last_ns;
            rig->longest_ns = apart_ns > rig->longest_ns ? apart_ns : rig->longest_ns;
            rig->shortest_ns = apart_ns < rig->shortest_ns ? apart_ns : rig->shortest_ns;
        }
        rig->last_ns = ns;
        rig->used++;
        stamp_take(&rig->stamp, SAMPLES, RATE_HZ);
    }
}

static void tick(struct rig *rig)
{
    rig->now_us += TICK_US;
    arrive(rig);
    use(rig);
    bool held_back = waiting_us(rig) > CUSHION_US;
    stamp_look(&rig->stamp, (struct utc){rig->now_us}, waiting_us(rig), held_back);
    rig->cushion_us = rig->stamp.next_ns / 1000 + waiting_us(rig) - rig->now_us;
    int32_t steer = abs(rig->stamp.steer_ppm);
    rig->steer_most_ppm = steer > rig->steer_most_ppm ? steer : rig->steer_most_ppm;
}

/* Runs for a while and returns the mean cushion of it. */
static int64_t pass(struct rig *rig, int64_t span_us)
{
    int64_t sum_us = 0, ticks = span_us / TICK_US;
    for (int64_t i = 0; i < ticks; i++) {
        tick(rig);
        sum_us += rig->cushion_us;
    }
    return sum_us / ticks;
}

static void burst(struct rig *rig, int64_t span_us)
{
    rig->source_us += span_us;
}

/* ---- */

static void a_source_that_drifts_never_breaks_in_24_hours(void **state)
{
    static const int64_t drifts_ppm[] = {-100, 0, 100};
    (void)state;
    for (size_t i = 0; i < sizeof drifts_ppm / sizeof drifts_ppm[0]; i++) {
        for (int64_t burst_us = 0; burst_us <= US_PER_S; burst_us += US_PER_S) {
            struct rig *rig = rig_new(drifts_ppm[i], 120 * US_PER_MS);
            burst(rig, burst_us);
            pass(rig, 15 * US_PER_S);
            int64_t settled_us = pass(rig, 30 * US_PER_S);
            for (int minute = 1; minute < 24 * 60; minute++) {
                int64_t mean_us = pass(rig, 60 * US_PER_S);
                assert_in_range(mean_us - settled_us + 150 * US_PER_MS, 0, 300 * US_PER_MS);
            }
            assert_int_equal(rig->breaks, 1); /* the first frame */
            assert_in_range(rig->steer_most_ppm, drifts_ppm[i] != 0 ? 100 : 0, 500);
            assert_true(rig->longest_ns - FRAME_NS <= FRAME_NS * 500 / 1000000 + 1);
            assert_true(FRAME_NS - rig->shortest_ns <= FRAME_NS * 500 / 1000000 + 1);
            free(rig);
        }
    }
}

static void stamps_keep_to_the_sample_count_over_an_hour(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    pass(rig, 3600 * US_PER_S);
    int64_t counted_ns = (int64_t)(rig->used - 1) * SAMPLES * 1000000000 / RATE_HZ;
    int64_t off_ns = rig->last_ns - rig->first_ns - counted_ns;
    /* 1 ms in an hour is 0.3 ppm */
    assert_in_range(off_ns + 1000000, 0, 2000000);
    assert_int_equal(rig->breaks, 1);
    free(rig);
}

static void a_hiccup_of_1900_ms_that_is_caught_up_with_breaks_nothing(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    pass(rig, 60 * US_PER_S);
    int64_t before_us = pass(rig, 10 * US_PER_S);
    rig->is_stuck = true;
    pass(rig, 1900 * US_PER_MS);
    rig->is_stuck = false;
    pass(rig, US_PER_S);
    int64_t after_us = pass(rig, 10 * US_PER_S);
    assert_int_equal(rig->breaks, 1);
    assert_in_range(after_us - before_us + 20 * US_PER_MS, 0, 40 * US_PER_MS);
    free(rig);
}

static void a_stall_breaks_once_if_its_sound_is_lost_and_not_if_it_comes_after_all(void **state)
{
    static const int64_t holes_us[] = {1700 * US_PER_MS, 4 * US_PER_S, 60 * US_PER_S};
    (void)state;
    for (size_t i = 0; i < sizeof holes_us / sizeof holes_us[0]; i++) {
        for (int lost = 0; lost <= 1; lost++) {
            struct rig *rig = rig_new(50, 0);
            pass(rig, 60 * US_PER_S);
            rig->is_stuck = true;
            pass(rig, holes_us[i]);
            rig->is_stuck = false;
            if (lost)
                burst(rig, -holes_us[i]);
            int64_t before_us = rig->last_ns / 1000;
            pass(rig, 300 * US_PER_MS);
            assert_int_equal(rig->breaks, lost ? 2 : 1);
            if (lost)
                assert_true(rig->first_ns / 1000 - before_us >= holes_us[i] - 200 * US_PER_MS);
            pass(rig, 600 * US_PER_S);
            assert_int_equal(rig->breaks, lost ? 2 : 1);
            free(rig);
        }
    }
}

static void sound_that_is_late_but_no_stall_breaks_after_two_seconds(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    pass(rig, 60 * US_PER_S);
    burst(rig, -1350 * US_PER_MS);
    pass(rig, 3200 * US_PER_MS); /* it is noticed when the next frame comes */
    assert_int_equal(rig->breaks, 1);
    pass(rig, 400 * US_PER_MS);
    assert_int_equal(rig->breaks, 2);
    free(rig);
}

static void sound_that_is_a_little_late_for_good_is_steered_back(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    pass(rig, 60 * US_PER_S);
    burst(rig, -300 * US_PER_MS); /* 300 ms are lost at the source */
    pass(rig, 2 * US_PER_S);
    assert_true(rig->cushion_us < -250 * US_PER_MS);
    int64_t later_us = pass(rig, 1200 * US_PER_S);
    later_us = pass(rig, 60 * US_PER_S);
    assert_int_equal(rig->breaks, 1);
    assert_in_range(later_us + 60 * US_PER_MS, 0, 120 * US_PER_MS);
    assert_in_range(rig->steer_most_ppm, 1, 500);
    free(rig);
}

static void a_source_that_is_held_back_does_not_drift(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    pass(rig, 60 * US_PER_S); /* live at first: no cushion is wanted */
    rig->speed = 2;
    pass(rig, 60 * US_PER_S);
    int64_t steer_sum_ppm = 0;
    int64_t used = (int64_t)rig->used, began_us = rig->now_us;
    for (int i = 0; i < 3600 * 50; i++) {
        tick(rig);
        steer_sum_ppm += rig->stamp.steer_ppm;
        assert_true(rig->cushion_us <= CUSHION_US + 2100 * US_PER_MS);
    }
    int64_t played_us = ((int64_t)rig->used - used) * FRAME_NS / 1000;
    int64_t off_us = played_us - (rig->now_us - began_us);
    assert_in_range(off_us + 30 * US_PER_MS, 0, 60 * US_PER_MS); /* a frame */
    assert_in_range(steer_sum_ppm / (3600 * 50) + 2, 0, 4);
    assert_int_equal(rig->breaks, 1);
    free(rig);
}

static void a_source_that_was_held_back_once_keeps_its_cushion(void **state)
{
    (void)state;
    struct rig *rig = rig_new(-50, 0);
    pass(rig, 60 * US_PER_S);
    rig->speed = 2;
    pass(rig, 20 * US_PER_S);
    rig->speed = 1;
    rig->source_us = (int64_t)rig->arrived * FRAME_NS / 1000; /* nothing more lies ready there */
    pass(rig, 60 * US_PER_S);
    int64_t settled_us = pass(rig, 60 * US_PER_S);
    assert_true(settled_us > 4500 * US_PER_MS);
    int64_t later_us = pass(rig, 24 * 3600 * US_PER_S);
    assert_in_range(later_us, CUSHION_US - 100 * US_PER_MS, settled_us);
    assert_int_equal(rig->breaks, 1);
    free(rig);
}

static void a_jump_of_station_time_takes_the_sound_along(void **state)
{
    (void)state;
    struct rig *rig = rig_new(0, 0);
    burst(rig, US_PER_S);
    pass(rig, 60 * US_PER_S);
    int64_t cushion_us = rig->cushion_us, last_us = rig->last_ns / 1000;
    stamp_jump(&rig->stamp, 3600 * US_PER_S);
    rig->now_us += 3600 * US_PER_S;
    while (rig->breaks == 1)
        tick(rig);
    assert_in_range(rig->first_ns / 1000 - last_us, 3600 * US_PER_S, 3601 * US_PER_S);
    pass(rig, 10 * US_PER_S);
    assert_int_equal(rig->breaks, 2);
    assert_in_range(rig->cushion_us - cushion_us + 50 * US_PER_MS, 0, 100 * US_PER_MS);
    free(rig);
}

static void asking_twice_changes_nothing(void **state)
{
    (void)state;
    struct stamp stamp;
    bool first, second;
    stamp_init(&stamp);
    struct utc a = stamp_next(&stamp, (struct utc){START_US}, STAMP_LATE_US, &first);
    struct utc b = stamp_next(&stamp, (struct utc){START_US + US_PER_S}, STAMP_LATE_US, &second);
    assert_int_equal(a.us, START_US);
    assert_int_equal(b.us, START_US);
    assert_true(first && second);
    stamp_take(&stamp, SAMPLES, RATE_HZ);
    stamp_next(&stamp, (struct utc){START_US}, STAMP_LATE_US, &second);
    assert_false(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_that_drifts_never_breaks_in_24_hours),
        cmocka_unit_test(stamps_keep_to_the_sample_count_over_an_hour),
        cmocka_unit_test(a_hiccup_of_1900_ms_that_is_caught_up_with_breaks_nothing),
        cmocka_unit_test(a_stall_breaks_once_if_its_sound_is_lost_and_not_if_it_comes_after_all),
        cmocka_unit_test(sound_that_is_late_but_no_stall_breaks_after_two_seconds),
        cmocka_unit_test(sound_that_is_a_little_late_for_good_is_steered_back),
        cmocka_unit_test(a_source_that_is_held_back_does_not_drift),
        cmocka_unit_test(a_source_that_was_held_back_once_keeps_its_cushion),
        cmocka_unit_test(a_jump_of_station_time_takes_the_sound_along),
        cmocka_unit_test(asking_twice_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
