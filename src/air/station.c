/* air/station.c - contract in air.h and station_priv.h */
#include "air/station_priv.h"

#include "air/output_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* No sound on a tape for so long, and the air plays the loop itself: sooner when no deck is about to
 * come. */
#define STARVING_US      US_PER_S
#define STARVING_SOON_US (1500 * US_PER_MS)
/* A deck that is later than this at the place that it was given finds the loop playing on. */
#define PLAN_LATE_US (300 * US_PER_MS)
/* A deck that dies is started again at once, then later and later. */
#define RESTART_US     (250 * US_PER_MS)
#define RESTART_MAX_US (30 * US_PER_S)
#define DEATHS_PAST_US (10 * US_PER_S) /* of sound, and earlier deaths are forgotten */
/* A hole older than this is not filled from what an input remembers. */
#define FILL_PASS_US (10 * US_PER_S)

enum err air_station_new(const char *slug, const struct channel *deck, struct air_station **out)
{
    *out = NULL;
    struct air_station *station = mem_new(sizeof *station);
    if (!station)
        return E_NOMEM;
    str_copy(station->slug, sizeof station->slug, str_of(slug));
    station->has_deck = deck != NULL;
    if (deck)
        station->deck = *deck;
    station->feed.on_slot = -1;
    ledger_init(&station->ledger);
    int failed = pthread_mutex_init(&station->state_lock, NULL);
    assert(!failed);
    *out = station;
    return OK;
}

void air_station_free(struct air_station **station)
{
    struct air_station *s = *station;
    *station = NULL;
    if (!s)
        return;
    struct air_loop *loop = atomic_exchange(&s->loop, NULL);
    air_loop_free(&loop);
    ledger_release(&s->ledger);
    int failed = pthread_mutex_destroy(&s->state_lock);
    assert(!failed);
    mem_free(s);
}

void air_station_bed(struct air_station *station, uint8_t bed, bool has_time_code)
{
    station->has_bed = true;
    station->bed =
        (struct deck_input){.kind = DECK_BED, .bed = bed, .has_time_code = has_time_code};
}

struct air_loop *air_station_loop(struct air_station *station, struct air_loop *loop)
{
    return atomic_exchange(&station->loop, loop);
}

size_t air_station_events(struct air_station *station, struct air_event *out, size_t max)
{
    return ledger_read(&station->ledger, out, max);
}

void air_station_state(struct air_station *station, struct air_state *out)
{
    pthread_mutex_lock(&station->state_lock);
    *out = station->state;
    pthread_mutex_unlock(&station->state_lock);
}

/* ---- its inputs ---- */

static struct standing *standing_of(struct air_station *station, const struct board_source *source)
{
    char name[sizeof station->standing_names[0]];
    snprintf(name, sizeof name, "%s %s", source->user, source->mount);
    for (size_t i = 0; i < station->standings_count; i++)
        if (strcmp(station->standing_names[i], name) == 0)
            return &station->standings[i];
    /* Removed and added sources can fill the table: the oldest memory goes. */
    if (station->standings_count == BOARD_SOURCES_MAX) {
        station->standings_count--;
        memmove(&station->standings[0], &station->standings[1],
                station->standings_count * sizeof station->standings[0]);
        memmove(station->standing_names[0], station->standing_names[1],
                station->standings_count * sizeof station->standing_names[0]);
    }
    size_t i = station->standings_count++;
    station->standings[i] = (struct standing){0};
    memcpy(station->standing_names[i], name, sizeof name);
    return &station->standings[i];
}

static const char *fault_of(const struct air_station *station, const struct port *port,
                            const struct standing *standing, const struct board_source *source,
                            const struct station_tick *tick)
{
    const struct board_rules *rules = &tick->board->rules;
    int64_t last_us = atomic_load_explicit(&port->last_frame_us, memory_order_relaxed);
    if (port_is_over(port))
        return atomic_load_explicit(&port->kill_reason, memory_order_relaxed) ? "it was cut off"
                                                                              : "it left";
    if (atomic_load_explicit(&port->given_up, memory_order_relaxed))
        return "what it sends is of no use";
    if (tick->now.us < standing->barred_until.us)
        return "the deck died of it three times";
    if (last_us == 0)
        return "it has not begun";
    /* Sound that comes late counts like sound that does not come: listeners live on their reserve.
     */
    int64_t end_us = history_end(port->history).us;
    if (tick->now.us - (end_us != 0 ? end_us : last_us) >= rules->stall_ms * US_PER_MS)
        return "it stalled";
    if (source->may_be_silent)
        return NULL;
    if (port->health.must_prove)
        return "its sound has not come back";
    if (!port->health.is_judged)
        return NULL;
    enum fault fault = health_fault(&port->health, rules->silence_switch_s * US_PER_S);
    if (fault != FAULT_NONE)
        return fault_text(fault);
    return port->health.has_sounded || port == station->on_air.port ? NULL : "it is silent so far";
}

static void add_source(struct air_station *station, const struct board_source *source,
                       bool is_first, struct port *port, const struct station_tick *tick)
{
    struct standing *standing = standing_of(station, source);
    const char *fault = fault_of(station, port, standing, source, tick);
    int64_t since_us = port->good_since_us;
    if (!source->may_be_silent && port->health.mended.us > since_us)
        since_us = port->health.mended.us;
    if (fault && standing->on_since.us != 0)
        standing_failed(standing, tick->now);
    station->inputs[station->inputs_count++] = (struct input){
        .kind = INPUT_PORT,
        .port = port,
        .standing = standing,
        .is_first = is_first,
        .choice =
            {
                .fault = fault,
                .good_us = since_us != 0 ? tick->now.us - since_us : 0,
                .wait_us = standing_wait_us(standing, tick->board->rules.return_after_s * US_PER_S),
            },
    };
}

static bool is_source(const struct port *port, const struct board_station *board,
                      const struct board_source *source)
{
    return strcmp(port->facts.mount, source->mount) == 0 &&
           strcmp(port->facts.user, source->user) == 0 &&
           strcmp(port->facts.station, board->slug) == 0;
}

static bool was_ever_on(const struct board_station *board)
{
    for (size_t i = 0; i < board->renditions_count; i++)
        if (board->renditions[i].live.output->end.us != 0)
            return true;
    return false;
}

/* In the station's order, best first. A source that logs in anew may stand here twice. */
static void list_inputs(struct air_station *station, const struct station_tick *tick)
{
    const struct board_station *board = tick->board;
    station->inputs_count = 0;
    for (size_t i = 0; i < board->sources_count; i++)
        for (size_t j = 0; j < tick->ports_count; j++)
            if (station->inputs_count < BOARD_SOURCES_MAX &&
                is_source(tick->ports[j], board, &board->sources[i]))
                add_source(station, &board->sources[i], i == 0, tick->ports[j], tick);
    if (station->has_bed)
        station->inputs[station->inputs_count++] =
            (struct input){.kind = INPUT_BED, .is_first = true};
    if (board->loop != BOARD_LOOP_NONE && was_ever_on(board) &&
        atomic_load_explicit(&station->loop, memory_order_acquire))
        station->inputs[station->inputs_count++] = (struct input){.kind = INPUT_LOOP};
}

static size_t input_find(const struct air_station *station, const struct feed_input *which)
{
    for (size_t i = 0; i < station->inputs_count; i++)
        if (station->inputs[i].kind == which->kind && station->inputs[i].port == which->port)
            return i;
    return CHOOSE_NONE;
}

static void copy_name(const struct feed_input *input, char out[96])
{
    static const char *const names[] = {"", "", "bed", "loop"};
    const char *name = input->kind == INPUT_PORT ? input->port->facts.mount : names[input->kind];
    str_copy(out, 96, str_of(name));
}

/* ---- titles ---- */

static struct station_title *add_title(struct air_station *station, struct utc at, const char *note,
                                       struct str text)
{
    struct station_title *title = &station->titles[station->titles_count++ % STATION_TITLES];
    *title = (struct station_title){.at = at};
    str_copy(title->note, sizeof title->note, str_of(note));
    str_copy(title->text, sizeof title->text, text);
    return title;
}

void station_title(struct air_station *station, const struct port *port, struct utc at,
                   struct str text)
{
    struct station_title *title = add_title(station, at, "", text);
    title->is_decks = station->on_air.port == port;
    title->port = port;
}

void station_tell_titles(struct air_station *station, struct air_output *output, struct utc at)
{
    if (station->titles_count - output->titles_taken > STATION_TITLES)
        output->titles_taken = station->titles_count - STATION_TITLES;
    for (; output->titles_taken < station->titles_count; output->titles_taken++) {
        const struct station_title *title = &station->titles[output->titles_taken % STATION_TITLES];
        if (title->at.us > at.us)
            return;
        if (output->port ? title->port != output->port : !title->is_decks)
            continue;
        if (title->note[0])
            tape_note(output->tape, "input", str_of(title->note));
        tape_title(output->tape, str_of(title->text));
    }
}

/* ---- the deck's input ---- */

static void write_event(struct air_station *station, enum air_event_kind kind, struct utc at,
                        const struct feed_input *from, const struct feed_input *to, const char *why)
{
    struct air_event event = {.kind = kind, .at = at};
    if (from)
        copy_name(from, event.from);
    if (to)
        copy_name(to, event.to);
    str_copy(event.why, sizeof event.why, str_of(why));
    ledger_add(&station->ledger, station->slug, &event);
}

/* The one that is on gives way to another; it did not fail if it still stands so. */
static void step_down(struct air_station *station)
{
    size_t i = input_find(station, &station->on_air);
    if (i != CHOOSE_NONE && station->inputs[i].standing)
        station->inputs[i].standing->on_since.us = 0;
}

/* Does any rendition come from the deck? Else it only measures. */
static bool is_heard(const struct board_station *board)
{
    for (size_t i = 0; i < board->renditions_count; i++)
        if (!board->renditions[i].passthrough)
            return true;
    return false;
}

static void put_on(struct air_station *station, const struct station_tick *tick, size_t chosen,
                   const char *why)
{
    struct feed_input before = station->on_air, next = {INPUT_NONE, NULL};
    struct utc at = {0}; /* a deck that is not there yet begins with it */
    step_down(station);
    if (chosen != CHOOSE_NONE)
        next = (struct feed_input){station->inputs[chosen].kind, station->inputs[chosen].port};
    if (station->feed.is_on && next.kind != INPUT_NONE)
        at = feed_switch(station, tick, &next);
    else if (station->feed.is_on)
        feed_stop(station);
    station->on_air = next;
    station->on_since = next.kind == INPUT_NONE ? (struct utc){0} : tick->now;
    station->on_is_first = chosen != CHOOSE_NONE && station->inputs[chosen].is_first;
    station->fault = FAULT_NONE;
    if (is_heard(tick->board))
        station->switches++;
    if (chosen != CHOOSE_NONE && station->inputs[chosen].standing)
        standing_on(station->inputs[chosen].standing, tick->now);
    char note[96];
    copy_name(&next, note);
    if (next.kind != INPUT_NONE)
        add_title(station, at, note,
                  next.port ? str_of(next.port->title_on_air) : str_of(tick->board->name))
            ->is_decks = true;
    write_event(station, AIR_SWITCH, at.us != 0 ? at : tick->now, &before, &next, why);
}

static void choose_input(struct air_station *station, const struct station_tick *tick)
{
    struct choice choices[STATION_INPUTS_MAX] = {0};
    const char *why = "";
    for (size_t i = 0; i < station->inputs_count; i++)
        choices[i] = station->inputs[i].choice;
    size_t on_air = input_find(station, &station->on_air);
    size_t chosen = choose(choices, station->inputs_count, on_air, &why);
    if (chosen != on_air)
        put_on(station, tick, chosen, why);
    else if (chosen != CHOOSE_NONE && station->inputs[chosen].standing)
        standing_good(station->inputs[chosen].standing, tick->now);
}

/* The deck listens to one more: the best that is not on and could be, or might soon. */
static void watch_next(struct air_station *station, const struct station_tick *tick)
{
    struct feed_input next = {INPUT_NONE, NULL};
    for (size_t i = 0; i < station->inputs_count && next.kind == INPUT_NONE; i++) {
        const struct input *input = &station->inputs[i];
        struct feed_input here = {input->kind, input->port};
        if (input->kind != INPUT_PORT || feed_input_same(&here, &station->on_air) ||
            port_is_over(input->port) ||
            history_first(input->port->history) == history_next(input->port->history))
            continue;
        next = here;
    }
    feed_watch(station, tick, &next);
}

static void forget_ended(struct air_station *station)
{
    for (size_t i = 0; i < station->inputs_count; i++)
        if (station->inputs[i].kind == INPUT_PORT && port_is_over(station->inputs[i].port))
            feed_forget(station, station->inputs[i].port);
}

static void on_death(struct air_station *station, const struct station_tick *tick, const char *why)
{
    struct feed *feed = &station->feed;
    size_t i = input_find(station, &station->on_air);
    feed->deaths_count++;
    if (feed->sounds_since.us != 0 && tick->mono.us - feed->sounds_since.us > DEATHS_PAST_US)
        feed->deaths = 0;
    feed_stop(station);
    int64_t wait_us = feed->deaths == 0 ? 0 : RESTART_US;
    for (uint32_t n = 1; n < feed->deaths && wait_us < RESTART_MAX_US; n++)
        wait_us *= 2;
    feed->deaths++;
    feed->start_after.us = tick->mono.us + wait_us;
    write_event(station, AIR_DECK, tick->now, &station->on_air, NULL, why);
    if (i != CHOOSE_NONE && station->inputs[i].standing &&
        standing_deck_died(station->inputs[i].standing, tick->now))
        log_warn(EV_DECK,
                 "station=%s mount=%s text=\"the deck died three times: barred for 5 min\"",
                 station->slug, station->inputs[i].port->facts.mount);
}

static void look_for_fault(struct air_station *station, const struct station_tick *tick)
{
    size_t i = input_find(station, &station->on_air);
    enum fault fault = FAULT_NONE;
    if (i == CHOOSE_NONE || station->inputs[i].kind != INPUT_PORT)
        return;
    const struct port *port = station->inputs[i].port;
    for (size_t n = 0; n < tick->board->sources_count; n++)
        if (is_source(port, tick->board, &tick->board->sources[n]) &&
            !tick->board->sources[n].may_be_silent)
            fault = health_fault(&port->health, tick->board->rules.silence_alarm_s * US_PER_S);
    if (fault == station->fault)
        return;
    write_event(station, fault != FAULT_NONE ? AIR_FAULT : AIR_MENDED, tick->now, &station->on_air,
                NULL, fault_text(fault != FAULT_NONE ? fault : station->fault));
    station->fault = fault;
}

static void run_deck(struct air_station *station, const struct station_tick *tick)
{
    const char *why;
    if (!feed_take(station, tick, &why))
        on_death(station, tick, why);
    choose_input(station, tick);
    look_for_fault(station, tick);
    if (!station->has_deck)
        return;
    if (station->feed.is_on && feed_is_stale(station, tick->board))
        feed_stop(station);
    if (station->on_air.kind != INPUT_NONE)
        feed_start(station, tick, &station->on_air);
    forget_ended(station);
    watch_next(station, tick);
    feed_run(station, tick);
}

/* ---- renditions that pass through ---- */

static size_t choose_for(const struct air_station *station, const struct air_output *output,
                         enum codec codec, bool has_loop, const char **why)
{
    struct choice choices[STATION_INPUTS_MAX] = {0};
    size_t on_air = CHOOSE_NONE;
    for (size_t i = 0; i < station->inputs_count; i++) {
        const struct input *input = &station->inputs[i];
        choices[i] = input->choice;
        if (input->kind == INPUT_BED || (input->kind == INPUT_LOOP && !has_loop) ||
            (input->kind == INPUT_PORT && input->port->shown.codec != codec))
            choices[i].fault = "it has another codec";
        if ((output->feeder == FED_BY_PORT && input->port == output->port) ||
            (output->feeder == FED_BY_LOOP && input->kind == INPUT_LOOP))
            on_air = i;
    }
    return choose(choices, station->inputs_count, on_air, why);
}

static void log_on_air(const struct air_station *station, const struct board_rendition *rendition,
                       const struct port *port)
{
    if (port)
        log_info(EV_ON_AIR, "station=%s rendition=%s source=%llu mount=%s user=%s", station->slug,
                 rendition->slug, (unsigned long long)port->facts.id, port->facts.mount,
                 port->facts.user);
    else
        log_warn(EV_OFF_AIR, "station=%s rendition=%s text=\"no sound comes in\"", station->slug,
                 rendition->slug);
}

static void pass_from(struct air_station *station, const struct board_rendition *rendition,
                      const struct input *input, const struct station_tick *tick)
{
    struct air_output *output = rendition->live.output;
    struct port *port = input ? input->port : NULL;
    enum fed_by feeder = FED_BY_NOBODY;
    if (input)
        feeder = input->kind == INPUT_PORT ? FED_BY_PORT : FED_BY_LOOP;
    if (output->feeder == feeder && output->port == port)
        return;
    output_feed(output, feeder, port ? port->facts.id : 0, tick->now);
    output->port = port;
    if (port) {
        output->port_next = history_find(port->history, output->end);
        if (output->end.us < tick->now.us - FILL_PASS_US)
            output->port_next = history_next(port->history) - 1;
        output->is_broken = true;
        if (input->standing->on_since.us == 0)
            standing_on(input->standing, tick->now);
        tape_note(output->tape, "input", str_of(port->facts.mount));
        tape_title(output->tape, str_of(port->title_on_air));
        output->titles_taken = station->titles_count;
    }
    if (feeder != FED_BY_LOOP)
        log_on_air(station, rendition, port);
    station->switches++;
}

static void pass_frames(struct air_station *station, struct air_output *output)
{
    const struct history *history = output->port->history;
    struct format format = history_format(history);
    if (output->port_next < history_first(history))
        output->port_next = history_first(history);
    for (; output->port_next < history_next(history); output->port_next++) {
        struct history_frame frame = history_at(history, output->port_next);
        if (format.codec != tape_codec(output->tape) || frame.samples == 0)
            continue;
        station_tell_titles(station, output, frame.start);
        output_append(output, frame.bytes, frame.samples, &format, frame.start, false);
    }
}

static void run_passthrough(struct air_station *station, const struct board_rendition *rendition,
                            const struct station_tick *tick)
{
    struct air_output *output = rendition->live.output;
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    const struct loop_track *track = output_track(output, loop);
    const char *why = "";
    if (output->feeder == FED_BY_PORT)
        pass_frames(station, output); /* the last ones of a port that has just left */
    size_t chosen = choose_for(station, output, rendition->codec, track != NULL, &why);
    pass_from(station, rendition, chosen != CHOOSE_NONE ? &station->inputs[chosen] : NULL, tick);
    if (output->feeder == FED_BY_PORT)
        pass_frames(station, output);
    else if (output->feeder == FED_BY_LOOP)
        output_play_loop(output, track, tick->now);
}

/* ---- with no deck alive ---- */

static bool deck_plays(const struct air_station *station, const struct station_tick *tick)
{
    const struct feed *feed = &station->feed;
    return feed->is_on && feed->has_spoken &&
           (feed->run_us == feed->done_us || tick->mono.us - feed->progressed.us < FEED_QUIET_US);
}

/* A tape that the deck should fill and does not gets the loop, straight from here. */
static void run_decked(struct air_station *station, const struct board_rendition *rendition,
                       const struct station_tick *tick)
{
    struct air_output *output = rendition->live.output;
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    const struct loop_track *track = output_track(output, loop);
    if (station->on_air.kind == INPUT_NONE) {
        output_feed(output, FED_BY_NOBODY, 0, tick->now);
        return;
    }
    int64_t sound_us =
        output->end.us > station->on_since.us ? output->end.us : station->on_since.us;
    bool starves = !deck_plays(station, tick) &&
                   tick->now.us - sound_us > (station->feed.is_on ? STARVING_SOON_US : STARVING_US);
    if (!station->feed.is_on || tick->now.us > output->plan_us + PLAN_LATE_US)
        output->plan_us = 0; /* nobody comes to go on there */
    if (!track || (output->feeder != FED_BY_LOOP && !starves))
        return;
    if (output->plan_us == 0 && deck_plays(station, tick))
        return; /* it has come round: it goes on as soon as it is past what the loop has played */
    if (output->feeder != FED_BY_LOOP)
        log_warn(EV_DECK, "station=%s rendition=%s text=\"without a deck: the loop plays\"",
                 station->slug, rendition->slug);
    output_feed(output, FED_BY_LOOP, 0, tick->now);
    bool waits = output->plan_us != 0 && output->plan_us < tick->now.us;
    output_play_loop(output, track, waits ? (struct utc){output->plan_us} : tick->now);
}

/* ---- the tick ---- */

static void publish(struct air_station *station)
{
    struct air_state state = {
        .source = station->on_air.kind == INPUT_PORT ? station->on_air.port->facts.id : 0,
        .is_first = station->on_is_first,
        .since = station->on_since,
        .deck_is_up = station->feed.is_on && station->feed.has_spoken,
        .deck_deaths_count = station->feed.deaths_count,
        .switches_count = station->switches,
        .has_levels = station->feed.has_levels,
        .levels = station->feed.levels,
    };
    copy_name(&station->on_air, state.on_air);
    str_copy(state.fault, sizeof state.fault, str_of(fault_text(station->fault)));
    pthread_mutex_lock(&station->state_lock);
    station->state = state;
    pthread_mutex_unlock(&station->state_lock);
}

unsigned station_tick(struct air_station *station, const struct station_tick *tick)
{
    uint64_t before = station->switches;
    list_inputs(station, tick);
    run_deck(station, tick);
    for (size_t i = 0; i < tick->board->renditions_count; i++) {
        const struct board_rendition *rendition = &tick->board->renditions[i];
        if (rendition->passthrough)
            run_passthrough(station, rendition, tick);
        else
            run_decked(station, rendition, tick);
    }
    publish(station);
    return (unsigned)(station->switches - before);
}

void station_leave(struct air_station *station, const struct board_station *board, struct utc now)
{
    feed_stop(station);
    station->on_air = (struct feed_input){INPUT_NONE, NULL};
    station->on_since.us = 0;
    for (size_t i = 0; i < board->renditions_count; i++)
        output_feed(board->renditions[i].live.output, FED_BY_NOBODY, 0, now);
    publish(station);
}

void station_jump(struct air_station *station, int64_t by_us)
{
    /* All that the deck was told of time is wrong now. */
    feed_stop(station);
    for (size_t i = 0; i < station->standings_count; i++)
        standing_jump(&station->standings[i], by_us);
    if (station->on_since.us != 0)
        station->on_since.us += by_us;
}

bool station_needs(const struct air_station *station, const struct board_station *board,
                   const struct port *port)
{
    if (station->on_air.port == port)
        return true;
    for (int i = 0; i < DECK_INPUTS_MAX; i++)
        if (station->feed.slots[i].input.port == port)
            return true;
    for (size_t i = 0; i < board->renditions_count; i++)
        if (board->renditions[i].live.output->port == port)
            return true;
    return false;
}
