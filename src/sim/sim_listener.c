/* sim/sim_listener.c - contract in sim_listener.h */
#include "sim/sim_listener.h"

#define BURST_MS    3000
#define BURST_US    (2900 * US_PER_MS) /* with whole frames */
#define LAG_US      (20 * US_PER_S)
#define OFF_AIR_US  (10 * US_PER_S)
#define MINUTE_US   (60 * US_PER_S)
#define STAY_MAX_US (90 * MINUTE_US)
#define AWAY_MAX_US (5 * MINUTE_US)

static int64_t between(struct sim_audience *audience, int64_t low, int64_t high)
{
    return sim_random_between(&audience->random, low, high);
}

static void plan(struct sim_audience *audience, struct sim_seat *seat, int64_t in_us)
{
    seat->due_us = audience->config.clock->mono_us + in_us;
    if (seat->due_us < audience->next_due_us)
        audience->next_due_us = seat->due_us;
}

void sim_audience_init(struct sim_audience *audience, const struct sim_audience_config *config)
{
    *audience = (struct sim_audience){
        .config = *config,
        .random = sim_random_fork(config->seed, 'l'),
        .next_due_us = INT64_MAX,
        .least_us = INT64_MAX,
    };
    for (size_t i = 0; i < SIM_SEATS; i++)
        plan(audience, &audience->seats[i], between(audience, 0, MINUTE_US));
}

static void leave(struct sim_audience *audience, struct sim_seat *seat)
{
    seat->is_taken = false;
    plan(audience, seat, between(audience, 0, AWAY_MAX_US));
}

/* What he has in hand is looked at before he is given more. */
static void look_at_reserve(struct sim_audience *audience, struct sim_seat *seat)
{
    int64_t now_us = audience->config.clock->mono_us;
    int64_t left_us = seat->media_us - (now_us - seat->began_us);
    const struct sim_tape *st = &audience->config.tapes[seat->tape];
    int64_t owed_us = audience->owed_us - seat->owed_us;
    if (st->may_lose)
        owed_us += st->end_us - st->media_us - seat->lost_us;
    int64_t fair_us = owed_us > 0 ? left_us + owed_us : left_us;
    bool is_fair = !seat->is_excused && !audience->is_off;
    if (is_fair && fair_us < audience->least_us)
        audience->least_us = fair_us;
    if (left_us >= 0)
        return;
    seat->began_us -= left_us; /* he waits, and goes on */
    if (seat->is_excused)
        return;
    seat->is_excused = true; /* from now on he has less in hand than he was promised */
    /* Where time was lost on purpose, there is less sound than time. */
    audience->owed_count += is_fair && fair_us >= 0;
    if (!is_fair || fair_us >= 0)
        return;
    audience->underruns_count++;
    audience->underrun_us = -left_us;
    sim_say(audience->config.trace, "a listener has nothing to play for %lld ms",
            (long long)(-left_us / US_PER_MS));
}

static void serve(struct sim_audience *audience, struct sim_seat *seat)
{
    struct sim_tape *st = &audience->config.tapes[seat->tape];
    struct iovec span;
    struct utc has;
    int64_t now_us = audience->config.clock->mono_us;
    if (now_us < seat->deaf_us)
        return;
    look_at_reserve(audience, seat);
    if (seat->deaf_us != 0) {
        seat->deaf_us = 0;
        if (tape_time_of(st->tape, seat->pos, &has) != OK ||
            tape_end(st->tape).us - has.us > LAG_US) {
            audience->dropped_count++;
            leave(audience, seat);
            return;
        }
    }
    uint64_t head = tape_head(st->tape);
    if (tape_span(st->tape, seat->pos, head, &span) != OK || head != st->pos) {
        audience->lost_count++;
        leave(audience, seat);
        return;
    }
    seat->pos = head;
    seat->media_us = st->media_us - seat->before_us;
    audience->served_count++;
    if (seat->is_excused || audience->served_count % 20000 != 0)
        return;
    seat->is_excused = true;
    seat->deaf_us = now_us + between(audience, US_PER_S, 40 * US_PER_S);
}

static void join(struct sim_audience *audience, struct sim_seat *seat)
{
    const struct sim_audience_config *config = &audience->config;
    size_t tape = (size_t)between(audience, 0, (int64_t)config->tapes_count - 1);
    struct sim_tape *st = &config->tapes[tape];
    if (clock_utc(config->station).us - tape_end(st->tape).us > OFF_AIR_US) {
        audience->refused_count++;
        plan(audience, seat, 5 * US_PER_S);
        return;
    }
    *seat = (struct sim_seat){
        .is_taken = true,
        .tape = (uint8_t)tape,
        .pos = tape_pos_back(st->tape, BURST_MS),
        .began_us = config->clock->mono_us,
        .owed_us = audience->owed_us,
    };
    seat->before_us = sim_tape_media(st, seat->pos);
    seat->lost_us = st->end_us - st->media_us;
    audience->joined_count++;
    seat->is_excused = st->media_us - seat->before_us < BURST_US;
    audience->early_count += seat->is_excused;
    plan(audience, seat, between(audience, US_PER_S, STAY_MAX_US));
    seat->media_us = st->media_us - seat->before_us; /* so that there is no underrun yet */
    serve(audience, seat);
    sim_mix(config->trace, seat->pos);
}

static void come_and_go(struct sim_audience *audience)
{
    int64_t now_us = audience->config.clock->mono_us;
    audience->next_due_us = INT64_MAX;
    for (size_t i = 0; i < SIM_SEATS; i++) {
        struct sim_seat *seat = &audience->seats[i];
        if (seat->due_us <= now_us && seat->is_taken) {
            look_at_reserve(audience, seat);
            leave(audience, seat);
        } else if (seat->due_us <= now_us) {
            join(audience, seat);
        }
        if (seat->due_us < audience->next_due_us)
            audience->next_due_us = seat->due_us;
    }
}

void sim_audience_tick(struct sim_audience *audience)
{
    audience->slot = (audience->slot + 1) % SIM_SLOTS;
    for (size_t i = audience->slot; i < SIM_SEATS; i += SIM_SLOTS)
        if (audience->seats[i].is_taken)
            serve(audience, &audience->seats[i]);
    if (audience->config.clock->mono_us >= audience->next_due_us)
        come_and_go(audience);
}
