/* sim/sim_clock.c - contract in sim_clock.h */
#include "sim/sim_clock.h"

/* A Sunday in November 2026; the monotonic clock of a machine that is up for some time. */
#define START_UTC_US  (INT64_C(1795392000) * US_PER_S)
#define START_MONO_US (INT64_C(1000) * US_PER_S)

#define HOUR_US (3600 * US_PER_S)

static struct utc on_utc(void *ctx)
{
    const struct sim_clock *clock = ctx;
    int64_t drift_us = (clock->mono_us - START_MONO_US) / 1000 * clock->drift_ppm / 1000;
    return (struct utc){clock->mono_us + clock->ahead_us + drift_us};
}

static struct mono on_mono(void *ctx)
{
    const struct sim_clock *clock = ctx;
    return (struct mono){clock->mono_us};
}

static void plan_step(struct sim_clock *clock)
{
    clock->step_due_us =
        clock->mono_us + sim_random_between(&clock->random, HOUR_US / 4, 8 * HOUR_US);
}

void sim_clock_init(struct sim_clock *clock, uint64_t seed, bool has_steps, struct sim_trace *trace)
{
    *clock = (struct sim_clock){
        .clock = {clock, on_utc, on_mono},
        .random = sim_random_fork(seed, 'k'),
        .trace = trace,
        .is_set_at_times = has_steps,
        .mono_us = START_MONO_US,
        .ahead_us = START_UTC_US - START_MONO_US,
    };
    /* What is left of it under a time daemon. */
    clock->drift_ppm = sim_random_between(&clock->random, -20, 20);
    plan_step(clock);
}

/* Mostly what a time daemon does after a while without network; sometimes what people do. */
static int64_t step_of(struct sim_clock *clock)
{
    static const struct {
        int64_t low_us, high_us;
    } kinds[] = {
        {10 * US_PER_MS, 1900 * US_PER_MS},
        {2 * US_PER_S, 60 * US_PER_S},
        {60 * US_PER_S, HOUR_US},
    };
    static const unsigned weights[] = {2, 2, 1};
    size_t kind = sim_random_pick(&clock->random, weights, 3);
    return sim_random_between(&clock->random, kinds[kind].low_us, kinds[kind].high_us);
}

int64_t sim_clock_pass(struct sim_clock *clock, int64_t by_us)
{
    clock->mono_us += by_us;
    if (!clock->is_set_at_times || clock->mono_us < clock->step_due_us)
        return 0;
    int64_t step_us = step_of(clock);
    if (sim_random_chance(&clock->random, 50)) {
        clock->forward_count++;
    } else {
        clock->backward_count++;
        step_us = -step_us;
    }
    clock->ahead_us += step_us;
    plan_step(clock);
    sim_say(clock->trace, "the system clock is set by %lld ms", (long long)(step_us / US_PER_MS));
    return step_us;
}
