/* air/inputs.c - what may be on the air; contract in station_priv.h */
#include "air/output_priv.h"
#include "air/station_priv.h"

#include <stdio.h>
#include <string.h>

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

/* Why it has no sound to give. */
static const char *absence_of(const struct port *port, const struct standing *standing,
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
    return NULL;
}

/* Why what it sends is not worth hearing. */
static const char *dullness_of(const struct air_station *station, const struct port *port,
                               const struct board_source *source, const struct station_tick *tick)
{
    if (source->may_be_silent)
        return NULL;
    if (port->health.must_prove)
        return "its sound has not come back";
    if (!port->health.is_judged)
        return NULL;
    enum fault fault = health_fault(&port->health, tick->board->rules.silence_switch_s * US_PER_S);
    if (fault != FAULT_NONE)
        return fault_text(fault);
    return port->health.has_sounded || port == station->on_air.port ? NULL : "it is silent so far";
}

static bool is_heard(const struct air_station *station, const struct board_station *board,
                     const struct port *port)
{
    bool is_heard = station->on_air.port == port;
    for (size_t i = 0; i < board->renditions_count; i++)
        is_heard = is_heard || board->renditions[i].live.output->port == port;
    return is_heard;
}

static struct choice judge(struct air_station *station, const struct board_source *source,
                           struct port *port, struct standing *standing,
                           const struct station_tick *tick)
{
    struct choice choice = {
        .fitness = UNFIT,
        .fault = absence_of(port, standing, tick),
        .wait_us = standing_wait_us(standing, tick->board->rules.return_after_s * US_PER_S),
    };
    if (!choice.fault) {
        choice.fault = dullness_of(station, port, source, tick);
        choice.fitness = choice.fault ? FIT_DULL : FIT_WHOLE;
    }
    if (choice.fault) {
        port->good_since_us = tick->now.us;
        if (standing->on_since.us != 0)
            standing_failed(standing, tick->now);
    }
    int64_t since_us = port->good_since_us;
    if (!source->may_be_silent && port->health.mended.us > since_us)
        since_us = port->health.mended.us;
    choice.good_us = since_us != 0 ? tick->now.us - since_us : 0;
    return choice;
}

static void add_source(struct air_station *station, const struct board_source *source,
                       bool is_first, struct port *port, const struct station_tick *tick)
{
    struct standing *standing = standing_of(station, source);
    port->is_heard = is_heard(station, tick->board, port);
    station->inputs[station->inputs_count++] = (struct input){
        .kind = INPUT_PORT,
        .port = port,
        .standing = standing,
        .is_first = is_first,
        .may_be_silent = source->may_be_silent,
        .choice = judge(station, source, port, standing, tick),
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
void station_list_inputs(struct air_station *station, const struct station_tick *tick)
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
            (struct input){.kind = INPUT_BED, .is_first = true, .choice = {.fitness = FIT_WHOLE}};
    if (board->loop != BOARD_LOOP_NONE && was_ever_on(board) &&
        atomic_load_explicit(&station->loop, memory_order_acquire))
        station->inputs[station->inputs_count++] =
            (struct input){.kind = INPUT_LOOP, .choice = {.fitness = FIT_WHOLE}};
}

size_t station_find_input(const struct air_station *station, const struct feed_input *which)
{
    for (size_t i = 0; i < station->inputs_count; i++)
        if (station->inputs[i].kind == which->kind && station->inputs[i].port == which->port)
            return i;
    return CHOOSE_NONE;
}

void station_input_name(const struct feed_input *input, char out[96])
{
    static const char *const names[] = {"", "", "bed", "loop"};
    const char *name = input->kind == INPUT_PORT ? input->port->facts.mount : names[input->kind];
    str_copy(out, 96, str_of(name));
}

size_t station_choose(struct air_station *station, struct choice choices[STATION_INPUTS_MAX],
                      size_t on_air, struct utc reached, struct utc now, const char **why)
{
    for (size_t i = 0; i < station->inputs_count; i++) {
        const struct feed_input input = {station->inputs[i].kind, station->inputs[i].port};
        if (choices[i].fitness != FIT_WHOLE ||
            feed_whole_from(station, &input, now) <= reached.us + PORT_SEAM_US)
            continue;
        choices[i].fitness = FIT_LATE;
        choices[i].fault = "its sound has a hole";
    }
    size_t chosen = choose(choices, station->inputs_count, on_air, why);
    if (chosen != on_air && on_air != CHOOSE_NONE && choices[on_air].fitness == FIT_LATE &&
        station->inputs[on_air].standing)
        standing_failed(station->inputs[on_air].standing, now);
    return chosen;
}

struct utc station_reached(const struct air_station *station, struct utc end)
{
    return end.us > station->missed_from.us ? end : station->missed_from;
}
