/* air/station_clock.c - contract in station_clock.h */
#include "air/station_clock.h"

#define FAR_US        (2 * US_PER_S)
#define STABLE_US     (10 * US_PER_S)
#define WARN_US       (60 * US_PER_S)
#define STEER_PPM     500
#define STEER_FAR_PPM 5000

void station_clock_init(struct station_clock *clock, struct mono mono, struct utc utc,
                        struct utc tape_end)
{
    int64_t start_us = utc.us > tape_end.us ? utc.us : tape_end.us;
    *clock = (struct station_clock){.offset_us = start_us - mono.us, .last = mono};
}

struct utc station_clock_now(const struct station_clock *clock, struct mono mono)
{
    return (struct utc){mono.us + clock->offset_us};
}

static void steer(struct station_clock *clock, int64_t error_us, int64_t passed_us, int64_t ppm)
{
    clock->remainder_ns += passed_us * ppm / 1000;
    int64_t step_us = clock->remainder_ns / 1000;
    clock->remainder_ns -= step_us * 1000;
    if (error_us > 0)
        clock->offset_us += step_us < error_us ? step_us : error_us;
    else
        clock->offset_us -= step_us < -error_us ? step_us : -error_us;
}

static enum clock_news look_behind(struct station_clock *clock, struct mono mono)
{
    if (clock->warned.us != 0 && mono.us - clock->warned.us < WARN_US)
        return CLOCK_NO_NEWS;
    clock->warned = mono;
    return CLOCK_BEHIND;
}

/* A clock that goes on stepping is not worth following yet. */
static bool is_stable(struct station_clock *clock, struct mono mono, int64_t error_us)
{
    int64_t moved_us = error_us - clock->ahead_us;
    if (clock->ahead_since.us == 0 || moved_us > FAR_US || moved_us < -FAR_US) {
        clock->ahead_since = mono;
        clock->ahead_us = error_us;
    }
    return mono.us - clock->ahead_since.us >= STABLE_US;
}

enum clock_news station_clock_tick(struct station_clock *clock, struct mono mono, struct utc utc)
{
    int64_t passed_us = mono.us - clock->last.us;
    assert(passed_us >= 0);
    clock->last = mono;
    int64_t error_us = utc.us - station_clock_now(clock, mono).us;

    if (error_us > FAR_US) {
        if (!is_stable(clock, mono, error_us))
            return CLOCK_NO_NEWS;
        clock->ahead_since.us = 0;
        clock->offset_us += error_us;
        return CLOCK_JUMPED;
    }
    clock->ahead_since.us = 0;
    if (error_us < -FAR_US) {
        steer(clock, error_us, passed_us, STEER_FAR_PPM);
        return look_behind(clock, mono);
    }
    clock->warned.us = 0;
    steer(clock, error_us, passed_us, STEER_PPM);
    return CLOCK_NO_NEWS;
}
