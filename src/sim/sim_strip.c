/* sim/sim_strip.c - contract in sim_strip.h */
#include "sim/sim_strip.h"

#include <string.h>

#define NS_PER_US INT64_C(1000)
#define ANEW_US   (40 * US_PER_MS)
#define STEER_MAX 1000            /* ppm, reached when 1 ms off */
#define AHEAD_US  (10 * US_PER_S) /* more is lost */

void sim_strip_init(struct sim_strip *strip, int64_t floor_us)
{
    strip->count = 0;
    strip->floor_us = floor_us;
    strip->at_ns = 0;
    strip->is_placed = false;
}

/* What is placed back into what lies there already cuts it off. */
static void place(struct sim_strip *strip, int64_t at_us)
{
    while (strip->count > 0 && strip->spans[strip->count - 1].start_us >= at_us)
        strip->count--;
    if (strip->count > 0 && strip->spans[strip->count - 1].end_us > at_us)
        strip->spans[strip->count - 1].end_us = at_us;
    strip->at_ns = at_us * NS_PER_US;
    strip->is_placed = true;
}

uint32_t sim_span_seq(const struct sim_span *span, int64_t at_us)
{
    int64_t back = span->frame_us > 0 ? (span->end_us - at_us - 1) / span->frame_us : 0;
    return back < span->voice.seq ? span->voice.seq - (uint32_t)back : 0;
}

static bool goes_on(const struct sim_span *last, int64_t start_us, const struct sim_span *next)
{
    return last->end_us == start_us && sim_voice_same(&last->voice, &next->voice) &&
           last->frame_us == next->frame_us &&
           (last->voice.seq + 1 == next->voice.seq || last->voice.name == SIM_LOOP);
}

static void put(struct sim_strip *strip, int64_t start_us, int64_t end_us,
                const struct sim_span *next)
{
    if (start_us < strip->floor_us)
        start_us = strip->floor_us;
    if (end_us > strip->floor_us + AHEAD_US)
        end_us = strip->floor_us + AHEAD_US;
    if (start_us >= end_us)
        return;
    struct sim_span *last = strip->count > 0 ? &strip->spans[strip->count - 1] : NULL;
    if (last && goes_on(last, start_us, next)) {
        last->end_us = end_us;
        last->voice = next->voice;
        return;
    }
    if (strip->count == SIM_SPANS_MAX)
        return; /* too broken to be heard */
    strip->spans[strip->count] = *next;
    strip->spans[strip->count].start_us = start_us;
    strip->spans[strip->count++].end_us = end_us;
}

void sim_strip_add(struct sim_strip *strip, int64_t at_us, uint32_t samples, uint32_t rate_hz,
                   const struct sim_voice *voice)
{
    int64_t length_ns = (int64_t)samples * 1000000000 / rate_hz;
    int64_t off_us = at_us - strip->at_ns / NS_PER_US;
    if (!strip->is_placed || off_us > ANEW_US || off_us < -ANEW_US) {
        place(strip, at_us);
        off_us = 0;
    }
    int64_t ppm = off_us < -STEER_MAX ? -STEER_MAX : off_us > STEER_MAX ? STEER_MAX : off_us;
    int64_t start_us = strip->at_ns / NS_PER_US;
    strip->at_ns += length_ns + length_ns / 1000000 * ppm;
    const struct sim_span next = {.voice = *voice, .frame_us = length_ns / NS_PER_US};
    put(strip, start_us, strip->at_ns / NS_PER_US, &next);
}

const struct sim_span *sim_strip_find(const struct sim_strip *strip, int64_t at_us)
{
    for (size_t i = 0; i < strip->count; i++)
        if (strip->spans[i].end_us > at_us)
            return &strip->spans[i];
    return NULL;
}

void sim_strip_raise(struct sim_strip *strip, int64_t floor_us)
{
    size_t gone = 0;
    strip->floor_us = floor_us;
    while (gone < strip->count && strip->spans[gone].end_us <= floor_us)
        gone++;
    if (gone > 0) {
        strip->count -= gone;
        memmove(strip->spans, strip->spans + gone, strip->count * sizeof strip->spans[0]);
    }
    if (strip->count > 0 && strip->spans[0].start_us < floor_us)
        strip->spans[0].start_us = floor_us;
}
