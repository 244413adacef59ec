/* air/stamp.c - contract in stamp.h */
#include "air/stamp.h"

#define NS_PER_US     INT64_C(1000)
#define LATE_FOR_US   (2 * US_PER_S)
#define STALL_US      (1500 * US_PER_MS)
#define BACKLOG_US    (200 * US_PER_MS) /* what waited while it stalled comes within this */
#define SETTLE_US     (15 * US_PER_S)
#define SMOOTH_US     (20 * US_PER_S)
#define STEER_MAX_PPM 500

void stamp_init(struct stamp *stamp)
{
    *stamp = (struct stamp){0};
}

static void begin_at(struct stamp *stamp, struct utc now)
{
    stamp_init(stamp);
    stamp->is_running = stamp->is_broken = true;
    stamp->next_ns = now.us * NS_PER_US;
    stamp->settled_at_us = now.us + SETTLE_US;
    stamp->looked_at_us = now.us;
}

/* Has sound come too late for too long to keep its place? */
static bool is_too_late(struct stamp *stamp, struct utc now, int64_t bearable_us)
{
    int64_t late_us = now.us - stamp->next_ns / NS_PER_US;
    if (late_us <= bearable_us) {
        stamp->late_since_us = 0;
        return false;
    }
    if (stamp->late_since_us == 0)
        stamp->late_since_us = now.us;
    return now.us - stamp->late_since_us >= (late_us > STALL_US ? BACKLOG_US : LATE_FOR_US);
}

struct utc stamp_next(struct stamp *stamp, struct utc now, int64_t bearable_us, bool *broken)
{
    if (!stamp->is_running || is_too_late(stamp, now, bearable_us))
        begin_at(stamp, now);
    *broken = stamp->is_broken;
    return (struct utc){stamp->next_ns / NS_PER_US};
}

void stamp_take(struct stamp *stamp, uint32_t samples, uint32_t rate_hz)
{
    assert(stamp->is_running && rate_hz > 0);
    int64_t ns = (int64_t)samples * 1000000000 / rate_hz;
    stamp->is_broken = false;
    stamp->next_ns += ns - ns * stamp->steer_ppm / 1000000;
}

static int32_t steer_for(int64_t too_much_us)
{
    /* 50 ms off its place is answered by 100 ppm, so a drift of 100 ppm settles 50 ms away. */
    int64_t ppm = too_much_us / 500;
    if (ppm > STEER_MAX_PPM)
        ppm = STEER_MAX_PPM;
    if (ppm < -STEER_MAX_PPM)
        ppm = -STEER_MAX_PPM;
    return (int32_t)ppm;
}

void stamp_look(struct stamp *stamp, struct utc now, int64_t arrived_us, bool held_back)
{
    if (!stamp->is_running)
        return;
    int64_t passed_us = now.us - stamp->looked_at_us;
    stamp->looked_at_us = now.us;
    int64_t ahead_us = stamp->next_ns / NS_PER_US + arrived_us - now.us;

    if (ahead_us < -STAMP_LATE_US || passed_us <= 0) {
        stamp->steer_ppm = 0;
        return;
    }
    if (held_back) {
        stamp->cushion_us = stamp->cushion_wanted_us = ahead_us;
        stamp->steer_ppm = 0;
        return;
    }
    if (passed_us > SMOOTH_US)
        passed_us = SMOOTH_US;
    stamp->cushion_us += (ahead_us - stamp->cushion_us) * passed_us / SMOOTH_US;
    if (now.us < stamp->settled_at_us)
        stamp->cushion_us = stamp->cushion_wanted_us =
            stamp->cushion_us + (ahead_us - stamp->cushion_us) * passed_us / US_PER_S;
    else
        stamp->steer_ppm = steer_for(stamp->cushion_us - stamp->cushion_wanted_us);
}

void stamp_jump(struct stamp *stamp, int64_t by_us)
{
    if (!stamp->is_running)
        return;
    stamp->is_broken = true;
    stamp->next_ns += by_us * NS_PER_US;
    stamp->settled_at_us += by_us;
    stamp->looked_at_us += by_us;
    if (stamp->late_since_us != 0)
        stamp->late_since_us += by_us;
}
