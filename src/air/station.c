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
/* ... and at the latest then, if the deck says nothing, or does not keep up: listeners have nothing
 * left in hand. */
#define STARVING_NOW_US  (1900 * US_PER_MS)
#define QUIET_NOW_US     (150 * US_PER_MS)
#define STARVING_LAST_US (2400 * US_PER_MS)
/* A deck that is later than this at the place that it was given finds the loop playing on. */
#define PLAN_LATE_US (300 * US_PER_MS)
/* A deck that dies is started again at once, then later and later. */
#define RESTART_US     (250 * US_PER_MS)
#define RESTART_MAX_US (30 * US_PER_S)
#define DEATHS_PAST_US (10 * US_PER_S) /* of sound, and earlier deaths are forgotten */
#define SENT_LATELY_US (5 * US_PER_S)  /* a deck may still die of it */
/* So long the deck listens to one of those whose sound was bad. */
#define WATCH_TURN_US (4 * US_PER_S)

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

/* ---- the deck's input ---- */

static void write_event(struct air_station *station, enum air_event_kind kind, struct utc at,
                        const struct feed_input *from, const struct feed_input *to, const char *why)
{
    struct air_event event = {.kind = kind, .at = at};
    if (from)
        station_input_name(from, event.from);
    if (to)
        station_input_name(to, event.to);
    str_copy(event.why, sizeof event.why, str_of(why));
    ledger_add(&station->ledger, station->slug, &event);
}

static void end_deck(struct air_station *station)
{
    feed_stop(station);
    for (size_t i = 0; i < station->standings_count; i++)
        station->standings[i].sent.us = 0;
}

/* The one that is on gives way to another; it did not fail if it still stands so. */
static void step_down(struct air_station *station)
{
    size_t i = station_find_input(station, &station->on_air);
    if (i != CHOOSE_NONE && station->inputs[i].standing)
        station->inputs[i].standing->on_since.us = 0;
}

/* Does any rendition come from the deck? Else it only measures. */
static bool deck_is_heard(const struct board_station *board)
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
        end_deck(station);
    if (before.kind == INPUT_NONE)
        station->missed_from = tick->now;
    station->on_air = next;
    station->on_since = next.kind == INPUT_NONE ? (struct utc){0} : tick->now;
    station->on_is_first = chosen != CHOOSE_NONE && station->inputs[chosen].is_first;
    station->fault = FAULT_NONE;
    if (deck_is_heard(tick->board))
        station->switches++;
    if (chosen != CHOOSE_NONE && station->inputs[chosen].standing)
        standing_on(station->inputs[chosen].standing, tick->now);
    char note[96];
    station_input_name(&next, note);
    if (next.kind != INPUT_NONE)
        station_add_title(station, at, note,
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
    size_t on_air = station_find_input(station, &station->on_air);
    struct utc reached = station_reached(station, feed_reached(station, tick->now));
    size_t chosen = station_choose(station, choices, on_air, reached, tick->now, &why);
    if (chosen != on_air)
        put_on(station, tick, chosen, why);
    else if (chosen != CHOOSE_NONE && station->inputs[chosen].standing)
        standing_stays(station->inputs[chosen].standing, !choices[chosen].fault, tick->now);
}

/* Has the deck had no death lately? One that died plays what is on the air alone at first: if it
 * dies again then, nothing else can be the reason. */
static bool is_past_deaths(const struct feed *feed, struct mono mono)
{
    return feed->deaths == 0 ||
           (feed->sounds_since.us != 0 && mono.us - feed->sounds_since.us > DEATHS_PAST_US);
}

static bool can_be_watched(const struct air_station *station, const struct input *input,
                           const struct station_tick *tick)
{
    return input->kind == INPUT_PORT && input->port != station->on_air.port &&
           !port_is_over(input->port) && tick->now.us >= input->standing->barred_until.us &&
           history_first(input->port->history) != history_next(input->port->history);
}

/* The deck listens to the best that is not on and could be, or might soon. And in turn to those
 * that were given up for their sound: nobody else would notice that it has come back. */
static void watch_next(struct air_station *station, const struct station_tick *tick)
{
    struct feed_input next[FEED_WATCHED] = {{INPUT_NONE, NULL}, {INPUT_NONE, NULL}};
    const struct port *dull[STATION_INPUTS_MAX];
    size_t dull_count = 0;
    size_t count = is_past_deaths(&station->feed, tick->mono) ? station->inputs_count : 0;
    for (size_t i = 0; i < count; i++) {
        const struct input *input = &station->inputs[i];
        if (!can_be_watched(station, input, tick))
            continue;
        if (next[0].kind == INPUT_NONE)
            next[0] = (struct feed_input){INPUT_PORT, input->port};
        else if (input->choice.fitness == FIT_DULL)
            dull[dull_count++] = input->port;
    }
    if (dull_count > 0)
        next[1] = (struct feed_input){INPUT_PORT,
                                      dull[(uint64_t)(tick->now.us / WATCH_TURN_US) % dull_count]};
    feed_watch(station, tick, next);
}

static void forget_ended(struct air_station *station)
{
    for (size_t i = 0; i < station->inputs_count; i++)
        if (station->inputs[i].kind == INPUT_PORT && port_is_over(station->inputs[i].port))
            feed_forget(station, station->inputs[i].port);
}

static void note_sent(struct air_station *station, const struct station_tick *tick)
{
    const struct feed *feed = &station->feed;
    for (size_t i = 0; i < station->inputs_count; i++)
        for (int n = 0; n < DECK_INPUTS_MAX; n++)
            if (station->inputs[i].port && feed->slots[n].is_told &&
                feed->slots[n].input.port == station->inputs[i].port)
                station->inputs[i].standing->sent = tick->now;
}

/* What is wrong with it need not end the deck at once. */
static bool was_sent(const struct input *input, struct utc now)
{
    return input->port && input->standing->sent.us != 0 &&
           now.us - input->standing->sent.us < SENT_LATELY_US;
}

/* Of what did the deck die? It may be any input that it was sent. What is on the air is blamed when
 * it was alone, or has no death to answer for yet. */
static void blame(struct air_station *station, const struct station_tick *tick)
{
    bool is_alone = true;
    for (size_t i = 0; i < station->inputs_count; i++)
        if (station->inputs[i].port != station->on_air.port &&
            was_sent(&station->inputs[i], tick->now))
            is_alone = false;
    for (size_t i = 0; i < station->inputs_count; i++) {
        struct input *input = &station->inputs[i];
        bool is_on = input->port && input->port == station->on_air.port;
        if (!is_on && !was_sent(input, tick->now))
            continue;
        if (is_on && !is_alone && standing_died_lately(input->standing, tick->now))
            continue;
        if (standing_deck_died(input->standing, tick->now))
            log_warn(EV_DECK,
                     "station=%s mount=%s text=\"the deck died three times: barred for 5 min\"",
                     station->slug, input->port->facts.mount);
    }
}

static void on_death(struct air_station *station, const struct station_tick *tick, const char *why)
{
    struct feed *feed = &station->feed;
    feed->deaths_count++;
    if (is_past_deaths(feed, tick->mono))
        feed->deaths = 0;
    blame(station, tick);
    end_deck(station);
    int64_t wait_us = feed->deaths == 0 ? 0 : RESTART_US;
    for (uint32_t n = 1; n < feed->deaths && wait_us < RESTART_MAX_US; n++)
        wait_us *= 2;
    feed->deaths++;
    feed->start_after.us = tick->mono.us + wait_us;
    write_event(station, AIR_DECK, tick->now, &station->on_air, NULL, why);
}

static void look_for_fault(struct air_station *station, const struct station_tick *tick)
{
    size_t i = station_find_input(station, &station->on_air);
    enum fault fault = FAULT_NONE;
    if (i == CHOOSE_NONE || station->inputs[i].kind != INPUT_PORT)
        return;
    if (!station->inputs[i].may_be_silent)
        fault = health_fault(&station->inputs[i].port->health,
                             tick->board->rules.silence_alarm_s * US_PER_S);
    if (fault == station->fault)
        return;
    write_event(station, fault != FAULT_NONE ? AIR_FAULT : AIR_MENDED, tick->now, &station->on_air,
                NULL, fault_text(fault != FAULT_NONE ? fault : station->fault));
    station->fault = fault;
}

static void run_deck(struct air_station *station, const struct station_tick *tick)
{
    const char *why;
    if (station->has_deck && !feed_take(station, tick, &why))
        on_death(station, tick, why);
    choose_input(station, tick);
    look_for_fault(station, tick);
    if (!station->has_deck)
        return;
    if (station->feed.is_on && feed_is_stale(station, tick->board))
        end_deck(station);
    if (station->on_air.kind != INPUT_NONE)
        feed_start(station, tick, &station->on_air);
    forget_ended(station);
    watch_next(station, tick);
    feed_run(station, tick);
    note_sent(station, tick);
}

/* ---- with no deck alive ---- */

/* without_us: so long there was no sound. */
static bool deck_plays(const struct air_station *station, const struct station_tick *tick,
                       int64_t without_us)
{
    const struct feed *feed = &station->feed;
    int64_t patience_us = without_us > STARVING_NOW_US ? QUIET_NOW_US : FEED_QUIET_US;
    if (!feed->is_on || !feed->has_spoken)
        return false;
    return feed->run_us == feed->done_us ||
           (without_us <= STARVING_LAST_US && tick->mono.us - feed->progressed.us < patience_us);
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
    int64_t without_us = tick->now.us - station_reached(station, output->end).us;
    bool plays = deck_plays(station, tick, without_us);
    bool starves = !plays && without_us > (station->feed.is_on ? STARVING_SOON_US : STARVING_US);
    if (!station->feed.is_on || tick->now.us > output->plan_us + PLAN_LATE_US)
        output->plan_us = 0; /* nobody comes to go on there */
    if (!track || (output->feeder != FED_BY_LOOP && !starves))
        return;
    if (output->plan_us == 0 && plays && station->feed.run_us - station->feed.done_us < US_PER_S)
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
    station_input_name(&station->on_air, state.on_air);
    str_copy(state.fault, sizeof state.fault, str_of(fault_text(station->fault)));
    pthread_mutex_lock(&station->state_lock);
    station->state = state;
    pthread_mutex_unlock(&station->state_lock);
}

unsigned station_tick(struct air_station *station, const struct station_tick *tick)
{
    uint64_t before = station->switches;
    station_list_inputs(station, tick);
    run_deck(station, tick);
    for (size_t i = 0; i < tick->board->renditions_count; i++) {
        const struct board_rendition *rendition = &tick->board->renditions[i];
        if (rendition->passthrough)
            station_pass(station, rendition, tick);
        else
            run_decked(station, rendition, tick);
    }
    publish(station);
    return (unsigned)(station->switches - before);
}

void station_leave(struct air_station *station, const struct board_station *board, struct utc now)
{
    end_deck(station);
    station->on_air = (struct feed_input){INPUT_NONE, NULL};
    station->on_since.us = 0;
    for (size_t i = 0; i < board->renditions_count; i++)
        output_feed(board->renditions[i].live.output, FED_BY_NOBODY, 0, now);
    publish(station);
}

void station_jump(struct air_station *station, struct utc to, int64_t by_us)
{
    /* All that the deck was told of time is wrong now. */
    end_deck(station);
    station->missed_from = to;
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
