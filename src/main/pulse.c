/* main/pulse.c - contract in pulse.h */
#include "main/pulse.h"

#include "base/log.h"
#include "base/mem.h"
#include "main/notify.h"

#include <stdio.h>
#include <string.h>

/* Where no watchdog waits: how often the line of `systemctl status` is looked at. */
#define STATUS_MS      5000
#define STATUS_BYTES   400
#define STATIONS_NAMED 3
#define PINGS_PER_BITE 3

struct question { /* to one loop, in turn */
    struct loop_job job;
    atomic_bool is_answered;
};

struct pulse {
    struct pulse_config config;
    struct question questions[LOOPS_MAX];
    bool has_asked;
    uint64_t ticks; /* at the last look */
    uint64_t period_ms;
    bool has_watchdog, was_good;
    char status[STATUS_BYTES]; /* as it was told */
    struct loop_job start;
    struct loop_timer timer;
};

static void on_asked(struct loop_job *job)
{
    struct question *question = (struct question *)((char *)job - offsetof(struct question, job));
    atomic_store(&question->is_answered, true);
}

/* Returns the first loop that has not answered, and asks those that have. */
static unsigned ask_loops(struct pulse *pulse)
{
    unsigned count = loops_count(pulse->config.loops), silent = count;
    for (unsigned i = count; i-- > 0;) {
        struct question *question = &pulse->questions[i];
        if (pulse->has_asked && !atomic_load(&question->is_answered)) {
            silent = i;
            continue; /* its job still hangs in that loop's list */
        }
        atomic_store(&question->is_answered, false);
        loop_post(loops_at(pulse->config.loops, i), &question->job);
    }
    pulse->has_asked = true;
    return silent;
}

/* ---- tapes ---- */

/* Up to where a source, or with 0 what never runs dry, has sound. */
static struct utc sound_of(const struct pulse *pulse, uint64_t source, struct utc now)
{
    struct source_facts facts;
    if (source == 0)
        return now;
    /* That it has just gone is the air's business. */
    return air_source_find((struct air *)pulse->config.air, source, &facts) ? facts.last_frame
                                                                            : (struct utc){0};
}

static void look_at_tape(const struct pulse *pulse, const struct board_station *station,
                         const struct board_rendition *rendition, struct pulse_tape *out)
{
    struct utc now = clock_utc(air_clock(pulse->config.air));
    const struct board_live *live = &rendition->live;
    uint64_t source = air_output_source(live->output);
    *out = (struct pulse_tape){
        .name = tape_name(live->tape),
        .has_advanced = tape_head(live->tape) > 0,
        .end = tape_end(live->tape),
    };
    if (!air_output_is_on(live->output, &out->since)) {
        /* Nobody feeds it. What passes through waits for a source of its codec; what is encoded
         * should come from what the station has on. */
        struct air_state state;
        air_station_state(station->air, &state);
        if (rendition->passthrough || state.on_air[0] == '\0')
            return;
        out->since = state.since;
        source = state.source;
    }
    out->sound_until = sound_of(pulse, source, now);
}

static bool find_standing(const struct pulse *pulse, struct pulse_tape *out)
{
    const struct board *board = board_now(pulse->config.place);
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->renditions_count; j++) {
            look_at_tape(pulse, station, &station->renditions[j], out);
            if (pulse_tape_stands(out))
                return true;
        }
    }
    return false;
}

/* ---- the line for people ---- */

static void add_stations(const struct board *board, struct buf *out)
{
    size_t on = 0;
    for (size_t i = 0; i < board->stations_count; i++) {
        struct air_state state;
        air_station_state(board->stations[i].air, &state);
        on += state.on_air[0] != '\0';
        if (board->stations_count <= STATIONS_NAMED)
            buf_printf(out, "%s: %s; ", board->stations[i].slug,
                       state.on_air[0] ? state.on_air : "nothing on the air");
    }
    if (board->stations_count == 0)
        buf_add(out, STR("no station yet; "));
    else if (board->stations_count > STATIONS_NAMED)
        buf_printf(out, "%zu of %zu stations on the air; ", on, board->stations_count);
}

static void tell_status(struct pulse *pulse, const char *why)
{
    struct buf text;
    buf_init(&text, STATUS_BYTES - 1);
    if (why[0])
        buf_printf(&text, "no sign of life: %s; ", why);
    add_stations(board_now(pulse->config.place), &text);
    buf_printf(&text, "%u listeners", listen_count(pulse->config.listen));
    if (!buf_err(&text) && !str_eq(buf_str(&text), str_of(pulse->status))) {
        str_copy(pulse->status, sizeof pulse->status, buf_str(&text));
        notify_status(buf_str(&text));
    }
    buf_release(&text);
}

/* ---- the look ---- */

static void on_time(struct loop_timer *timer)
{
    struct pulse *pulse = (struct pulse *)((char *)timer - offsetof(struct pulse, timer));
    struct pulse_tape tape;
    char why[PULSE_WHY_BYTES];
    uint64_t ticks = air_ticks(pulse->config.air);
    struct pulse_facts facts = {
        .ticks_count = ticks - pulse->ticks,
        .loops_count = loops_count(pulse->config.loops),
        .silent_loop = ask_loops(pulse),
        .stands = find_standing(pulse, &tape) ? &tape : NULL,
    };
    pulse->ticks = ticks;
    bool is_good = pulse_judge(&facts, why);
    if (is_good && pulse->has_watchdog)
        notify_watchdog();
    if (!is_good)
        log_error(EV_WATCHDOG, "text=\"%s: the service manager gets no sign of life\"", why);
    else if (!pulse->was_good)
        log_info(EV_WATCHDOG, "text=\"audio advances again\"");
    pulse->was_good = is_good;
    tell_status(pulse, why);
}

static void on_start(struct loop_job *job)
{
    struct pulse *pulse = (struct pulse *)((char *)job - offsetof(struct pulse, start));
    pulse->ticks = air_ticks(pulse->config.air);
    loop_timer_open(loops_at(pulse->config.loops, 0), &pulse->timer, on_time);
    loop_timer_start(&pulse->timer, pulse->period_ms, pulse->period_ms);
}

enum err pulse_start(const struct pulse_config *config, struct pulse **out)
{
    uint64_t watchdog_ms = notify_watchdog_us() / US_PER_MS;
    *out = NULL;
    if (!notify_is_wanted())
        return OK;
    struct pulse *pulse = mem_new(sizeof *pulse);
    if (!pulse)
        return E_NOMEM;
    pulse->config = *config;
    pulse->has_watchdog = watchdog_ms > 0;
    pulse->was_good = true;
    pulse->period_ms = pulse->has_watchdog ? watchdog_ms / PINGS_PER_BITE : STATUS_MS;
    if (pulse->period_ms == 0)
        pulse->period_ms = 1;
    for (unsigned i = 0; i < LOOPS_MAX; i++)
        pulse->questions[i].job.run = on_asked;
    pulse->start.run = on_start;
    loop_post(loops_at(config->loops, 0), &pulse->start);
    *out = pulse;
    return OK;
}

void pulse_free(struct pulse **pulse)
{
    mem_free(*pulse);
    *pulse = NULL;
}
