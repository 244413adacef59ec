/* The simulator itself: a seed is a run, and its judges see what they should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "sim/sim.h"
#include "sim/sim_check.h"

static struct sim_result run(uint64_t seed)
{
    struct sim_config config = {.seed = seed, .hours = 1};
    struct sim_result result;
    assert_int_equal(sim_run(&config, &result), OK);
    return result;
}

static void a_seed_gives_the_same_run_bit_for_bit(void **state)
{
    (void)state;
    struct sim_result first = run(3), again = run(3), other = run(13);
    assert_true(first.hash == again.hash);
    assert_true(first.served == again.served && first.switches == again.switches);
    assert_true(first.hash != other.hash);
    assert_true(first.served > 100000);
}

/* ---- the judges, with nobody else there */

struct court {
    struct sim_trace trace;
    struct sim_clock clock;
    struct sim_deck deck;
    struct sim_source sources[SIM_SOURCES];
    struct sim_audience audience;
    struct sim_tape tape;
    struct sim_check check;
};

static void set_up(struct court *c)
{
    struct tape_config tape = {.name = "sim/mp3", .codec = CODEC_MP3, .bitrate_bps = 8000};
    memset(c, 0, sizeof *c);
    sim_trace_init(&c->trace, false);
    sim_clock_init(&c->clock, 1, false, &c->trace);
    struct tape *made;
    assert_int_equal(tape_open(&tape, clock_utc(&c->clock.clock), &made), OK);
    sim_tape_init(&c->tape, made, 1152, 32000, &c->trace);
    struct sim_check_config check = {
        .clock = &c->clock,
        .trace = &c->trace,
        .sources = c->sources,
        .deck = &c->deck,
        .audience = &c->audience,
        .has_loop = true,
    };
    sim_check_init(&c->check, &check);
}

static void on_heard(void *ctx, const struct sim_tape *tape, const struct sim_heard *heard)
{
    struct court *c = ctx;
    sim_check_heard(&c->check, 0, tape, heard);
}

static void append(struct court *c, int64_t at_us, uint32_t missing_us, bool broken)
{
    const struct format format = {CODEC_MP3, 32000, 8000, 2, 1};
    struct sim_out out = {.magic = SIM_OUT_MAGIC, .at_us = at_us, .length_us = 36000};
    out.missing_us = missing_us;
    tape_append(c->tape.tape, (struct str){(const char *)&out, sizeof out}, 1152, &format,
                (struct utc){at_us}, broken);
    sim_tape_walk(&c->tape, on_heard, c);
}

static int64_t append_many(struct court *c, int64_t at_us, unsigned count)
{
    for (unsigned i = 0; i < count; i++, at_us += 36000)
        append(c, at_us, 0, false);
    assert_string_equal(c->check.broken, "");
    return at_us;
}

#define NOON (INT64_C(1795392000) * US_PER_S)

static void a_hole_on_a_tape_is_seen(void **state)
{
    (void)state;
    static struct court c;
    set_up(&c);
    int64_t at_us = append_many(&c, NOON, 100);
    append(&c, at_us + 200000, 0, true);
    assert_non_null(strstr(c.check.broken, "sim/mp3 has a hole of 200 ms"));
    assert_int_equal(c.tape.media_us, 101 * 36000);
    tape_close(&c.tape.tape);
}

static void a_hole_is_borne_where_station_time_was_set_forward(void **state)
{
    (void)state;
    static struct court c;
    set_up(&c);
    int64_t at_us = append_many(&c, NOON, 100);
    (void)sim_clock_pass(&c.clock, 20000);
    c.check.jumped_us = c.clock.mono_us;
    c.check.jump_us = 10 * US_PER_S;
    append_many(&c, at_us + 10 * US_PER_S + 200000, 5);
    tape_close(&c.tape.tape);
}

static void missing_sound_is_summed_over_frames(void **state)
{
    (void)state;
    static struct court c;
    set_up(&c);
    int64_t at_us = append_many(&c, NOON, 10);
    append(&c, at_us, 36000, false);
    assert_string_equal(c.check.broken, "");
    append(&c, at_us + 36000, 30000, false);
    assert_string_equal(c.check.broken, "the deck had nothing to play for 66 ms");
    tape_close(&c.tape.tape);
}

static void a_listener_who_has_nothing_to_play_is_seen(void **state)
{
    (void)state;
    static struct court c;
    set_up(&c);
    const struct sim_audience_config config = {
        .clock = &c.clock,
        .station = &c.clock.clock,
        .trace = &c.trace,
        .seed = 1,
        .tapes = &c.tape,
        .tapes_count = 1,
    };
    int64_t at_us = clock_utc(&c.clock.clock).us;
    sim_audience_init(&c.audience, &config);
    /* Two minutes of sound as it should be, then none. */
    for (int i = 0; i < 6000; i++) {
        (void)sim_clock_pass(&c.clock, 20000);
        for (; at_us < clock_utc(&c.clock.clock).us; at_us += 36000)
            append(&c, at_us, 0, false);
        sim_audience_tick(&c.audience);
    }
    assert_int_equal(c.audience.underruns_count, 0);
    assert_true(c.audience.joined_count > 50);
    assert_true(c.audience.least_us > 1900 * US_PER_MS && c.audience.least_us < 2100 * US_PER_MS);
    for (int i = 0; i < 90; i++) {
        (void)sim_clock_pass(&c.clock, 20000);
        sim_audience_tick(&c.audience);
    }
    assert_int_equal(c.audience.underruns_count, 0);
    for (int i = 0; i < 100; i++) {
        (void)sim_clock_pass(&c.clock, 20000);
        sim_audience_tick(&c.audience);
    }
    assert_true(c.audience.underruns_count > 50);
    tape_close(&c.tape.tape);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_seed_gives_the_same_run_bit_for_bit),
        cmocka_unit_test(a_hole_on_a_tape_is_seen),
        cmocka_unit_test(a_hole_is_borne_where_station_time_was_set_forward),
        cmocka_unit_test(missing_sound_is_summed_over_frames),
        cmocka_unit_test(a_listener_who_has_nothing_to_play_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
