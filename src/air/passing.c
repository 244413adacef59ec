/* air/passing.c - renditions that pass through; contract in station_priv.h */
#include "air/output_priv.h"
#include "air/station_priv.h"

#include "base/log.h"

/* A hole older than this is not filled from what an input remembers. */
#define FILL_US (10 * US_PER_S)

static size_t choose_for(struct air_station *station, const struct air_output *output,
                         enum codec codec, bool has_loop, struct utc now, const char **why)
{
    struct choice choices[STATION_INPUTS_MAX] = {0};
    size_t on_air = CHOOSE_NONE;
    struct utc reached = station_reached(station, output->end);
    if (now.us - reached.us > FILL_US)
        reached = now;
    for (size_t i = 0; i < station->inputs_count; i++) {
        const struct input *input = &station->inputs[i];
        choices[i] = input->choice;
        if (input->kind == INPUT_BED || (input->kind == INPUT_LOOP && !has_loop) ||
            (input->kind == INPUT_PORT && input->port->shown.codec != codec))
            choices[i] = (struct choice){.fault = "it has another codec"};
        if ((output->feeder == FED_BY_PORT && input->port == output->port) ||
            (output->feeder == FED_BY_LOOP && input->kind == INPUT_LOOP))
            on_air = i;
    }
    return station_choose(station, choices, on_air, reached, now, why);
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
        if (output->end.us < tick->now.us - FILL_US)
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

/* over_holes: or only up to the next one. */
static void pass_frames(struct air_station *station, struct air_output *output, bool over_holes)
{
    const struct history *history = output->port->history;
    struct format format = history_format(history);
    if (output->port_next < history_first(history))
        output->port_next = history_first(history);
    for (; output->port_next < history_next(history); output->port_next++) {
        struct history_frame frame = history_at(history, output->port_next);
        if (format.codec != tape_codec(output->tape) || frame.samples == 0)
            continue;
        if (!over_holes && frame.start.us > output->end.us + PORT_SEAM_US)
            return;
        station_tell_titles(station, output, frame.start);
        output_append(output, frame.bytes, frame.samples, &format, frame.start, false);
    }
}

void station_pass(struct air_station *station, const struct board_rendition *rendition,
                  const struct station_tick *tick)
{
    struct air_output *output = rendition->live.output;
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    const struct loop_track *track = output_track(output, loop);
    const char *why = "";
    if (output->feeder == FED_BY_PORT)
        pass_frames(station, output, false); /* the last ones of a port that has just left */
    size_t chosen = choose_for(station, output, rendition->codec, track != NULL, tick->now, &why);
    pass_from(station, rendition, chosen != CHOOSE_NONE ? &station->inputs[chosen] : NULL, tick);
    if (output->feeder == FED_BY_PORT)
        pass_frames(station, output, true);
    else if (output->feeder == FED_BY_LOOP)
        output_play_loop(output, track, tick->now);
}
