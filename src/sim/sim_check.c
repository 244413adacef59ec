/* sim/sim_check.c - contract in sim_check.h */
#include "sim/sim_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* So much of the sound may be missing at a seam. */
#define MISSING_MAX_US (60 * US_PER_MS)
/* Sound that passes through is cut at its own frames. */
#define PASS_HOLE_US     (60 * US_PER_MS)
#define RETURNS_BECAUSE  "it stands first and is good"
#define BARRED_BECAUSE   "the deck died of it three times"
#define BARRED_US        (300 * US_PER_S)
#define FORGIVEN_US      (600 * US_PER_S)
#define WAIT_MAX_US      (300 * US_PER_S)
#define CLAIM_US         (WAIT_MAX_US + 60 * US_PER_S) /* and what may wait before the air */
#define EVENTS_MAX       64
#define STEER_SLOWEST_US (19 * US_PER_MS) /* of station time in a tick of 20 ms */

static int64_t now_of(const struct sim_check *check)
{
    return check->config.clock->mono_us;
}

void sim_check_init(struct sim_check *check, const struct sim_check_config *config)
{
    *check = (struct sim_check){.config = *config};
}

void sim_check_break(struct sim_check *check, const char *format, ...)
{
    va_list args;
    if (check->broken[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(check->broken, sizeof check->broken, format, args);
    va_end(args);
    sim_say(check->config.trace, "BROKEN: %s", check->broken);
}

/* ---- what is on the tapes ---- */

bool sim_check_is_on(const struct sim_check *check)
{
    if (check->config.has_loop)
        return true;
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        const struct sim_source *source = &check->config.sources[i];
        if (source->clean_since_us != 0 && now_of(check) - source->clean_since_us > 5 * US_PER_S)
            return true;
    }
    return false;
}

static void check_missing(struct sim_check *check, struct sim_tape_check *t,
                          const struct sim_heard *heard)
{
    t->missing_us = heard->out.missing_us > 0 ? t->missing_us + heard->out.missing_us : 0;
    if (t->missing_us > check->most_missing_us)
        check->most_missing_us = t->missing_us;
    if (t->missing_us > MISSING_MAX_US && sim_check_is_on(check))
        sim_check_break(check, "the deck had nothing to play for %lld ms",
                        (long long)(t->missing_us / US_PER_MS));
}

bool sim_check_has_jumped(const struct sim_check *check, size_t index)
{
    return check->jumped_us > check->tapes[index].walked_us;
}

static void check_hole(struct sim_check *check, const struct sim_tape_check *t,
                       const struct sim_tape *tape, const struct sim_heard *heard)
{
    int64_t bearable_us = heard->is_out ? 0 : PASS_HOLE_US;
    if (heard->hole_us < 0)
        sim_check_break(check, "%s runs back by %lld us", tape_name(tape->tape),
                        (long long)-heard->hole_us);
    if (heard->hole_us <= bearable_us)
        return;
    check->holes_count++;
    sim_say(check->config.trace, "%s has a hole of %lld ms", tape_name(tape->tape),
            (long long)(heard->hole_us / US_PER_MS));
    /* Where station time was set forward, there is nothing to put in between. */
    if (sim_check_has_jumped(check, (size_t)(t - check->tapes)) &&
        heard->hole_us < check->jump_us + US_PER_S)
        return;
    if (sim_check_is_on(check))
        sim_check_break(check, "%s has a hole of %lld ms", tape_name(tape->tape),
                        (long long)(heard->hole_us / US_PER_MS));
}

void sim_check_heard(struct sim_check *check, size_t index, const struct sim_tape *tape,
                     const struct sim_heard *heard)
{
    struct sim_tape_check *t = &check->tapes[index];
    uint64_t window = (uint64_t)(heard->at_us / TAPE_WINDOW_US);
    if (window < t->window)
        sim_check_break(check, "%s goes back to window %llu", tape_name(tape->tape),
                        (unsigned long long)window);
    if (heard->hole_us != 0)
        check_hole(check, t, tape, heard);
    if (heard->is_out)
        check_missing(check, t, heard);
    t->window = window;
    t->walked_us = now_of(check);
}

/* ---- the ledger ---- */

static struct sim_standing *standing_of(struct sim_check *check, const char *mount)
{
    for (size_t i = 0; i < SIM_SOURCES; i++)
        if (strcmp(check->config.sources[i].config.mount, mount) == 0)
            return &check->standings[i];
    return NULL;
}

static int64_t wait_of(const struct sim_check *check, const struct sim_standing *standing)
{
    if (standing->failures == 0)
        return US_PER_S;
    int64_t wait_us = check->config.return_after_us;
    for (uint32_t i = 1; i < standing->failures && wait_us < WAIT_MAX_US; i++)
        wait_us *= 2;
    return wait_us < WAIT_MAX_US ? wait_us : WAIT_MAX_US;
}

static void note_flapping(struct sim_check *check, struct sim_standing *standing)
{
    size_t i = (size_t)(standing - check->standings);
    if (check->config.sources[i].flap_end_us == 0)
        return;
    if (++standing->flap_switches > check->most_flap_switches)
        check->most_flap_switches = standing->flap_switches;
}

static bool dies_without_reason(const struct sim_deck_config *deck)
{
    return deck->death_every_us != 0 || deck->hang_every_us != 0;
}

/* Where decks die of one input only, no other may be blamed. */
static void note_bar(struct sim_check *check, struct sim_standing *standing)
{
    const struct sim_source *source = &check->config.sources[standing - check->standings];
    const struct sim_deck_config *deck = &check->config.deck->config;
    standing->barred_us = now_of(check);
    if (!dies_without_reason(deck) && source->config.name != deck->poison)
        sim_check_break(check, "%s is barred for what another input does", source->config.mount);
}

static void take_switch(struct sim_check *check, const struct air_event *event)
{
    struct sim_standing *from = standing_of(check, event->from);
    struct sim_standing *to = standing_of(check, event->to);
    bool returns = strcmp(event->why, RETURNS_BECAUSE) == 0;
    int64_t now_us = now_of(check);
    check->switches_count++;
    if (from) {
        note_flapping(check, from);
        if (now_us - from->on_us >= FORGIVEN_US)
            from->failures = 0;
        if (!returns) {
            from->failures++;
            from->failed_us = now_us;
        }
        if (strcmp(event->why, BARRED_BECAUSE) == 0)
            note_bar(check, from);
        from->on_us = 0;
    }
    if (!to)
        return;
    note_flapping(check, to);
    int64_t wait_us = wait_of(check, to);
    /* Waits are of station time, which is steered. */
    if (returns && !check->config.passes_through && to->failed_us != 0 &&
        now_us - to->failed_us < wait_us * 99 / 100 - 100 * US_PER_MS)
        sim_check_break(check, "%s is back on the air after %lld s, it should wait %lld s",
                        event->to, (long long)((now_us - to->failed_us) / US_PER_S),
                        (long long)(wait_us / US_PER_S));
    to->on_us = now_us;
}

static bool event_same(const struct air_event *a, const struct air_event *b)
{
    return a->at.us == b->at.us && a->kind == b->kind && strcmp(a->from, b->from) == 0 &&
           strcmp(a->to, b->to) == 0 && strcmp(a->why, b->why) == 0;
}

static void read_ledger(struct sim_check *check)
{
    struct air_event events[EVENTS_MAX];
    size_t count = air_station_events(check->config.station, events, EVENTS_MAX), first = count;
    while (first > 0 && !event_same(&events[first - 1], &check->newest))
        first--;
    for (size_t i = first; i < count; i++) {
        const struct air_event *e = &events[i];
        sim_say(check->config.trace, "%s: %s -> %s: %s", air_event_name(e->kind),
                e->from[0] ? e->from : "-", e->to[0] ? e->to : "-", e->why);
        if (e->kind == AIR_SWITCH)
            take_switch(check, e);
        else if (e->kind == AIR_FAULT)
            check->faults_count++;
    }
    if (count > 0)
        check->newest = events[count - 1];
}

/* ---- the clock ---- */

void sim_check_clock(struct sim_check *check)
{
    int64_t station_us = clock_utc(air_clock(check->config.air)).us;
    int64_t gone_us = station_us - check->station_us;
    if (check->station_us != 0 && gone_us < 0)
        sim_check_break(check, "station time runs back by %lld us", (long long)-gone_us);
    if (check->station_us != 0 && gone_us > US_PER_S) {
        check->jumped_us = now_of(check);
        check->jump_us = gone_us;
        sim_say(check->config.trace, "station time jumps by %lld ms",
                (long long)(gone_us / US_PER_MS));
    }
    check->station_us = station_us;
}

/* ---- what is on the air ---- */

static bool is_clean_for(const struct sim_check *check, const struct sim_source *source,
                         int64_t span_us)
{
    return source->clean_since_us != 0 && now_of(check) - source->clean_since_us > span_us &&
           source->config.name != check->config.deck->config.poison;
}

static void note_odd(struct sim_check *check)
{
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        struct sim_standing *standing = &check->standings[i];
        const struct sim_source *source = &check->config.sources[i];
        if (source->phase != SIM_PHASE_ODD)
            standing->odd_us = 0;
        else if (standing->odd_us == 0)
            standing->odd_us = now_of(check) + sim_source_waiting_us(source);
        if (source->flap_end_us == 0)
            standing->flap_switches = 0;
    }
}

/* What is not worth hearing must go; what stands first and is good for long must be heard. */
static void check_on_air(struct sim_check *check)
{
    struct air_state state;
    int64_t now_us = now_of(check);
    air_station_state(check->config.station, &state);
    const struct sim_deck *deck = check->config.deck;
    bool deck_is_well = deck->trouble_us == 0 || now_us - deck->trouble_us > 120 * US_PER_S;
    bool is_after_jump = check->jumped_us != 0 && now_us - check->jumped_us < 60 * US_PER_S;
    const struct sim_standing *on = standing_of(check, state.on_air);
    if (is_after_jump || !deck_is_well)
        return;
    if (deck->config.poison != 0 && dies_without_reason(&deck->config))
        return; /* nobody can tell whose fault a death is: a good one may be barred */
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        const struct sim_source *source = &check->config.sources[i];
        bool is_on = on == &check->standings[i];
        if (is_on)
            return; /* what stands behind it has no claim */
        int64_t barred_us = check->standings[i].barred_us;
        if (barred_us != 0 && now_us - barred_us < BARRED_US + CLAIM_US)
            continue;
        if (is_clean_for(check, source, CLAIM_US))
            sim_check_break(check, "%s is good for %lld s, and %s is on the air",
                            source->config.mount,
                            (long long)((now_us - source->clean_since_us) / US_PER_S),
                            state.on_air[0] ? state.on_air : "nothing");
    }
}

static void check_odd(struct sim_check *check)
{
    struct air_state state;
    int64_t now_us = now_of(check);
    air_station_state(check->config.station, &state);
    const struct sim_deck *deck = check->config.deck;
    const struct sim_standing *on = standing_of(check, state.on_air);
    bool deck_is_well = deck->trouble_us == 0 || now_us - deck->trouble_us > 120 * US_PER_S;
    if (!on || on->odd_us == 0 || !deck_is_well || now_us - on->on_us < 45 * US_PER_S)
        return;
    /* 20 s, and what may wait between it and the air */
    if (now_us - on->odd_us > 45 * US_PER_S && check->config.has_loop)
        sim_check_break(check, "%s has nothing worth hearing for %lld s and is on the air",
                        state.on_air, (long long)((now_us - on->odd_us) / US_PER_S));
}

static void check_rest(struct sim_check *check)
{
    const struct sim_audience *audience = check->config.audience;
    if (check->config.deck->broken)
        sim_check_break(check, "the station to its deck: %s", check->config.deck->broken);
    if (audience->underruns_count > 0)
        sim_check_break(check, "a listener had nothing to play for %lld ms",
                        (long long)(audience->underrun_us / US_PER_MS));
    if (audience->lost_count > 0)
        sim_check_break(check, "a listener's place on the tape was gone");
}

void sim_check_tick(struct sim_check *check)
{
    uint64_t switches = air_stats(check->config.air).switches_count;
    bool is_second = now_of(check) % US_PER_S == 0;
    if (switches != check->switches_seen || is_second)
        read_ledger(check);
    check->switches_seen = switches;
    if (is_second) {
        note_odd(check);
        check_on_air(check);
        check_odd(check);
    }
    check_rest(check);
}
