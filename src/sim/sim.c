/* sim/sim.c - contract in sim.h */
#include "sim/sim.h"

#include "base/mem.h"
#include "sim/sim_check.h"
#include "sim/sim_memory.h"

#include <stdio.h>
#include <string.h>

#define TICK_US      (20 * US_PER_MS)
#define HOUR_US      (3600 * US_PER_S)
#define MINUTE_US    (60 * US_PER_S)
#define JUMP_LOSS_US (300 * US_PER_MS)
#define STATION      "sim"
#define BITRATE_BPS  8000

/* What a seed chooses. */
struct setting {
    int64_t death_every_us, hang_every_us;
    int64_t main_fault_us, backup_fault_us, guest_fault_us;
    bool has_steps, has_poison, has_loop, passes_through, has_hiccups;
};

struct sim {
    struct setting setting;
    struct sim_random random;
    struct sim_trace trace;
    struct sim_clock clock;
    struct board_station station;
    struct board board;
    struct board_place place;
    struct air *air;
    struct air_loop *loop;
    struct sim_deck deck, loop_deck;
    struct sim_source sources[SIM_SOURCES];
    struct sim_tape tapes[SIM_TAPES_MAX];
    struct sim_audience audience;
    struct sim_check check;
    struct sim_memory memory;
    int64_t hiccup_us;               /* when the air thread gets no time, next */
    unsigned owed_ticks, late_ticks; /* of it: in all, so far */
    uint64_t ticks;
};

static struct setting choose_setting(struct sim_random *random)
{
    static const int64_t deaths_us[] = {0, HOUR_US, 20 * MINUTE_US, MINUTE_US};
    static const int64_t hangs_us[] = {0, 4 * HOUR_US, HOUR_US};
    static const int64_t faults_us[] = {2 * MINUTE_US, 10 * MINUTE_US, HOUR_US};
    static const unsigned even[] = {1, 1, 1, 1};
    struct setting s = {
        .death_every_us = deaths_us[sim_random_pick(random, even, 4)],
        .hang_every_us = hangs_us[sim_random_pick(random, even, 3)],
        .main_fault_us = faults_us[sim_random_pick(random, even, 3)],
        .backup_fault_us = faults_us[sim_random_pick(random, even, 3)] * 2,
        .guest_fault_us = faults_us[sim_random_pick(random, even, 3)],
        .has_steps = sim_random_chance(random, 60),
        .has_poison = sim_random_chance(random, 25),
        .has_loop = sim_random_chance(random, 90),
        .passes_through = sim_random_chance(random, 25),
        .has_hiccups = sim_random_chance(random, 50),
    };
    if (s.has_poison && sim_random_chance(random, 50)) /* then it is clear whose fault it is */
        s.death_every_us = s.hang_every_us = 0;
    if (!s.has_loop) { /* then nobody promises anything while there is no deck */
        s.death_every_us = s.hang_every_us = 0;
        s.has_poison = s.passes_through = false;
    }
    return s;
}

static void describe(const struct setting *s, char *out, size_t size)
{
    snprintf(out, size,
             "deck dies each %lld s, hangs each %lld s; faults each %lld, %lld, %lld s;%s%s%s%s%s",
             (long long)(s->death_every_us / US_PER_S), (long long)(s->hang_every_us / US_PER_S),
             (long long)(s->guest_fault_us / US_PER_S), (long long)(s->main_fault_us / US_PER_S),
             (long long)(s->backup_fault_us / US_PER_S), s->has_steps ? " clock steps" : "",
             s->has_poison ? " poison" : "", s->has_loop ? "" : " no loop",
             s->passes_through ? " passthrough" : "", s->has_hiccups ? " hiccups" : "");
}

/* ---- setting up ---- */

static enum err add_rendition(struct sim *sim, const char *slug, enum codec codec, uint32_t rate_hz,
                              bool passes_through)
{
    size_t i = sim->station.renditions_count;
    struct board_rendition *rendition = &sim->station.renditions[i];
    char name[128];
    str_copy(rendition->slug, sizeof rendition->slug, str_of(slug));
    rendition->codec = codec;
    rendition->rate_hz = rate_hz;
    rendition->channels = 2;
    rendition->bitrate_bps = BITRATE_BPS;
    rendition->passthrough = passes_through;
    snprintf(name, sizeof name, STATION "/%s", slug);
    struct tape_config tape = {.name = name, .codec = codec, .bitrate_bps = BITRATE_BPS};
    enum err err = tape_open(&tape, clock_utc(&sim->clock.clock), &rendition->live.tape);
    if (err)
        return err;
    sim->station.renditions_count++;
    sim_tape_init(&sim->tapes[i], rendition->live.tape, codec == CODEC_MP3 ? 1152 : 1024, rate_hz,
                  &sim->trace);
    sim->tapes[i].may_lose = passes_through || !sim->setting.has_loop;
    return air_output_new(rendition->live.tape, &rendition->live.output);
}

static void add_source(struct sim *sim, const char *mount, const char *user)
{
    struct board_source *source = &sim->station.sources[sim->station.sources_count++];
    str_copy(source->mount, sizeof source->mount, str_of(mount));
    str_copy(source->user, sizeof source->user, str_of(user));
}

static enum err make_board(struct sim *sim, uint64_t seed)
{
    const struct sim_deck_config deck = {
        .clock = &sim->clock,
        .trace = &sim->trace,
        .seed = seed,
        .death_every_us = sim->setting.death_every_us,
        .hang_every_us = sim->setting.hang_every_us,
        .poison = sim->setting.has_poison ? 'c' : 0,
    };
    str_copy(sim->station.slug, sizeof sim->station.slug, STR(STATION));
    str_copy(sim->station.name, sizeof sim->station.name, STR("Simulated"));
    sim->station.rules = (struct board_rules){1500, -50, 10, 20, 5};
    sim->station.loop = sim->setting.has_loop ? BOARD_LOOP_OWN : BOARD_LOOP_NONE;
    add_source(sim, "/guest", "guest");
    add_source(sim, "/main", "source");
    add_source(sim, "/backup", "source");
    enum err err = sim_deck_init(&sim->deck, &deck);
    if (!err)
        err = air_station_new(STATION, &sim->deck.channel, &sim->station.air);
    if (!err)
        err = add_rendition(sim, "mp3", CODEC_MP3, 32000, false);
    if (!err)
        err = add_rendition(sim, "aac", CODEC_AAC, 48000, false);
    if (!err && sim->setting.passes_through)
        err = add_rendition(sim, "pass", CODEC_MP3, 48000, true);
    sim->board.stations = &sim->station;
    sim->board.stations_count = 1;
    atomic_store(&sim->place.now, &sim->board);
    return err;
}

static enum err make_loop(struct sim *sim)
{
    const struct sim_deck_config config = {
        .clock = &sim->clock, .trace = &sim->trace, .is_prompt = true};
    atomic_bool never = false;
    enum err err = sim_deck_init(&sim->loop_deck, &config);
    if (!err && sim->setting.has_loop)
        err = air_loop_make(&sim->loop_deck.channel, &sim->clock.clock, &sim->station, STR(""),
                            CONTAINER_MPEG, &never, &sim->loop);
    return err;
}

static void make_sources(struct sim *sim, uint64_t seed)
{
    struct sim_source_config config = {
        .air = sim->air,
        .clock = &sim->clock,
        .trace = &sim->trace,
        .seed = seed,
        .station = STATION,
    };
    const struct {
        uint8_t name;
        int64_t fault_us, stays_us, stays_away_us;
    } who[SIM_SOURCES] = {
        {'c', sim->setting.guest_fault_us, 30 * MINUTE_US, HOUR_US},
        {'a', sim->setting.main_fault_us, 0, 0},
        {'b', sim->setting.backup_fault_us, 0, 0},
    };
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        config.user = sim->station.sources[i].user;
        config.mount = sim->station.sources[i].mount;
        config.name = who[i].name;
        config.fault_every_us = who[i].fault_us;
        config.stays_us = who[i].stays_us;
        config.stays_away_us = who[i].stays_away_us;
        sim_source_init(&sim->sources[i], &config);
    }
}

static void make_watchers(struct sim *sim, uint64_t seed)
{
    const struct sim_audience_config audience = {
        .clock = &sim->clock,
        .station = air_clock(sim->air),
        .trace = &sim->trace,
        .seed = seed,
        .tapes = sim->tapes,
        .tapes_count = sim->station.renditions_count,
    };
    const struct sim_check_config check = {
        .clock = &sim->clock,
        .trace = &sim->trace,
        .air = sim->air,
        .station = sim->station.air,
        .sources = sim->sources,
        .deck = &sim->deck,
        .audience = &sim->audience,
        .has_loop = sim->setting.has_loop,
        .passes_through = sim->setting.passes_through,
        .return_after_us = sim->station.rules.return_after_s * US_PER_S,
    };
    sim_audience_init(&sim->audience, &audience);
    sim_check_init(&sim->check, &check);
    sim_memory_init(&sim->memory);
}

static enum err set_up(struct sim *sim, const struct sim_config *config)
{
    sim->random = sim_random_fork(config->seed, 's');
    sim->setting = choose_setting(&sim->random);
    sim_trace_init(&sim->trace, config->is_shown);
    sim_clock_init(&sim->clock, config->seed, sim->setting.has_steps, &sim->trace);
    sim->trace.start_us = sim->trace.now_us = sim->clock.mono_us;
    enum err err = make_board(sim, config->seed);
    if (!err)
        err = make_loop(sim);
    if (err)
        return err;
    const struct air_config air = {
        .clock = &sim->clock.clock,
        .place = &sim->place,
        .source_timeout_ms = 10000,
        .sources_max = 64,
    };
    err = air_new(&air, &sim->air);
    if (err)
        return err;
    struct air_loop *none = air_station_loop(sim->station.air, sim->loop);
    assert(!none);
    sim->loop = NULL;
    make_sources(sim, config->seed);
    make_watchers(sim, config->seed);
    return OK;
}

static void tear_down(struct sim *sim)
{
    air_free(&sim->air); /* with all ports */
    for (size_t i = 0; i < sim->station.renditions_count; i++) {
        struct board_live *live = &sim->station.renditions[i].live;
        air_output_free(&live->output);
        tape_close(&live->tape);
    }
    air_station_free(&sim->station.air);
    air_loop_free(&sim->loop);
    sim_deck_release(&sim->deck);
    sim_deck_release(&sim->loop_deck);
}

/* ---- running ---- */

static void on_heard(void *ctx, const struct sim_tape *tape, const struct sim_heard *heard)
{
    struct sim *sim = ctx;
    size_t index = (size_t)(tape - sim->tapes);
    int64_t lost_us = heard->hole_us - sim->check.jump_us;
    /* What was on its way when station time was set forward is lost. */
    if (index == 0 && lost_us > 0 && sim_check_has_jumped(&sim->check, index))
        sim->audience.owed_us += lost_us < JUMP_LOSS_US ? lost_us : JUMP_LOSS_US;
    sim_check_heard(&sim->check, index, tape, heard);
}

/* The air's thread gets no time now and then, and makes up for it. */
static void tick_air(struct sim *sim)
{
    if (sim->setting.has_hiccups && sim->clock.mono_us >= sim->hiccup_us) {
        sim->owed_ticks = (unsigned)sim_random_between(&sim->random, 1, 15);
        sim->hiccup_us =
            sim->clock.mono_us + sim_random_between(&sim->random, US_PER_S, 10 * MINUTE_US);
        sim->hiccup_us += sim->owed_ticks * TICK_US;
        sim->late_ticks = 0;
    }
    if (sim->owed_ticks > sim->late_ticks) {
        sim->late_ticks++;
        return;
    }
    for (; sim->owed_ticks > 0; sim->owed_ticks--)
        air_tick(sim->air);
    sim->late_ticks = 0;
    air_tick(sim->air);
}

static void tick(struct sim *sim)
{
    int64_t before_us = clock_utc(air_clock(sim->air)).us;
    (void)sim_clock_pass(&sim->clock, TICK_US);
    sim->trace.now_us = sim->clock.mono_us;
    for (size_t i = 0; i < SIM_SOURCES; i++)
        sim_source_tick(&sim->sources[i], TICK_US);
    tick_air(sim);
    sim_check_clock(&sim->check);
    int64_t gone_us = clock_utc(air_clock(sim->air)).us - before_us;
    if (gone_us < TICK_US)
        sim->audience.owed_us += TICK_US - gone_us;
    for (size_t i = 0; i < sim->station.renditions_count; i++) {
        sim_tape_walk(&sim->tapes[i], on_heard, sim);
        if (sim->tapes[i].is_unreadable)
            sim_check_break(&sim->check, "%s holds what nobody sent",
                            tape_name(sim->tapes[i].tape));
    }
    sim->audience.is_off = !sim_check_is_on(&sim->check);
    sim_audience_tick(&sim->audience);
    sim_check_tick(&sim->check);
    sim->ticks++;
}

static void look_at_memory(struct sim *sim)
{
    unsigned mpeg = 0, adts = 0;
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        const struct sim_source *source = &sim->sources[i];
        if (source->leaving_count > 0)
            return; /* in a while */
        mpeg += source->port && !source->is_adts;
        adts += source->port && source->is_adts;
    }
    if (!sim_memory_look(&sim->memory, mpeg, adts))
        sim_check_break(&sim->check, "memory grew from %llu to %llu bytes",
                        (unsigned long long)sim->memory.then, (unsigned long long)sim->memory.now);
}

static void run(struct sim *sim, uint32_t hours)
{
    int64_t end_us = sim->clock.mono_us + hours * HOUR_US;
    int64_t look_us = sim->clock.mono_us + HOUR_US;
    while (sim->clock.mono_us < end_us && sim->check.broken[0] == '\0') {
        tick(sim);
        if (sim->clock.mono_us < look_us)
            continue;
        look_at_memory(sim);
        look_us = sim->clock.mono_us + MINUTE_US;
    }
}

static void fill_result(const struct sim *sim, struct sim_result *out)
{
    str_copy(out->broken, sizeof out->broken, str_of(sim->check.broken));
    sim_time_format(&sim->trace, sim->clock.mono_us, out->when);
    describe(&sim->setting, out->setting, sizeof out->setting);
    out->hash = sim->trace.hash;
    out->simulated_s = (double)(sim->clock.mono_us - sim->trace.start_us) / 1e6;
    out->ticks = sim->ticks;
    out->switches = sim->check.switches_count;
    out->faults = sim->check.faults_count;
    out->holes = sim->check.holes_count;
    for (size_t i = 0; i < SIM_SOURCES; i++) {
        const struct sim_source *source = &sim->sources[i];
        out->stalls += source->stalls_count;
        out->leaves += source->leaves_count;
        out->flaps += source->flaps_count;
        out->odd += source->odd_count;
        out->format_changes += source->changes_count;
        out->refused += source->refused_count;
    }
    out->deck_starts = sim->deck.starts_count;
    out->deck_deaths = sim->deck.deaths_count;
    out->deck_hangs = sim->deck.hangs_count;
    out->clock_forward = sim->clock.forward_count;
    out->clock_backward = sim->clock.backward_count;
    out->joined = sim->audience.joined_count;
    out->early = sim->audience.early_count;
    out->owed = sim->audience.owed_count;
    out->served = sim->audience.served_count;
    out->dropped = sim->audience.dropped_count;
    out->underruns = sim->audience.underruns_count;
    out->least_in_hand_us = sim->audience.least_us;
    out->most_missing_us = sim->check.most_missing_us;
    out->most_flap_switches = sim->check.most_flap_switches;
    out->memory_then = sim->memory.then;
    out->memory_now = sim->memory.now;
}

enum err sim_run(const struct sim_config *config, struct sim_result *out)
{
    struct mono began = clock_mono(clock_real());
    *out = (struct sim_result){0};
    struct sim *sim = mem_new(sizeof *sim);
    if (!sim)
        return E_NOMEM;
    enum err err = set_up(sim, config);
    if (!err) {
        run(sim, config->hours);
        fill_result(sim, out);
    }
    tear_down(sim);
    mem_free(sim);
    out->real_s = (double)(clock_mono(clock_real()).us - began.us) / 1e6;
    return err;
}
