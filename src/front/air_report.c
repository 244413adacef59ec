/* front/air_report.c - what a station's air has to say: which input is on and why, the deck, the
 * ledger of the last switches and faults; as text for people and as JSON for programs. */
#include "front/front_priv.h"

#include "air/ledger_file.h"
#include "base/json.h"
#include "base/mem.h"

static const char *name_of(const char *input)
{
    return input[0] ? input : "nothing";
}

/* ---- text ---- */

static void add_event_text(struct buf *out, const struct air_event *event)
{
    char at[UTC_ISO_BYTES];
    utc_format_iso(event->at, at);
    buf_printf(out, "%s  %-6s  ", at, air_event_name(event->kind));
    if (event->kind == AIR_SWITCH)
        buf_printf(out, "%s -> %s: ", name_of(event->from), name_of(event->to));
    else if (event->kind == AIR_FAULT || event->kind == AIR_MENDED || event->kind == AIR_DECK)
        buf_printf(out, "%s: ", name_of(event->from));
    buf_printf(out, "%s\n", event->why);
}

/* The newest first. */
static void add_events_text(struct buf *out, struct air_station *station, size_t max)
{
    struct air_event *events = max > 0 ? mem_new_array(max, sizeof *events) : NULL;
    size_t count = events ? air_station_events(station, events, max) : 0;
    if (count > 0)
        buf_add(out, STR("\n"));
    for (size_t i = count; i > 0; i--)
        add_event_text(out, &events[i - 1]);
    mem_free(events);
}

void air_report_text(const struct board_station *station, size_t events_max, struct buf *out)
{
    struct air_state state;
    char since[UTC_ISO_BYTES];
    air_station_state(station->air, &state);
    utc_format_iso(state.since, since);
    if (state.on_air[0])
        buf_printf(out, "input: %s since %s%s\n", state.on_air, since,
                   state.is_first ? "" : " (not the first)");
    if (state.fault[0])
        buf_printf(out, "fault: %s\n", state.fault);
    if (state.has_levels)
        buf_printf(out, "level: %.1f dBFS peak, %.1f LUFS\n",
                   (state.levels.peak_cb[0] > state.levels.peak_cb[1] ? state.levels.peak_cb[0]
                                                                      : state.levels.peak_cb[1]) /
                       100.0,
                   state.levels.short_term_cb / 100.0);
    buf_printf(out, "deck: %s, died %llu times\n", state.deck_is_up ? "up" : "down",
               (unsigned long long)state.deck_deaths_count);
    add_events_text(out, station->air, events_max);
}

/* ---- JSON ---- */

static void add_pair(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "\"%s\":", name);
    json_add_text(out, str_of(value));
}

static void add_levels(struct buf *out, const struct deck_levels *levels)
{
    buf_printf(out,
               ",\"levels\":{\"peak_dbfs\":[%.2f,%.2f],\"rms_dbfs\":[%.2f,%.2f],"
               "\"short_term_lufs\":%.2f}",
               levels->peak_cb[0] / 100.0, levels->peak_cb[1] / 100.0, levels->rms_cb[0] / 100.0,
               levels->rms_cb[1] / 100.0, levels->short_term_cb / 100.0);
}

void air_report_json(const struct board_station *station, struct buf *out)
{
    struct air_state state;
    struct air_event events[AIR_EVENTS_SHOWN];
    char since[UTC_ISO_BYTES];
    air_station_state(station->air, &state);
    utc_format_iso(state.since, since);
    buf_add_char(out, '{');
    add_pair(out, "input", state.on_air);
    if (state.since.us != 0)
        buf_printf(out, ",\"since\":\"%s\"", since);
    buf_printf(out, ",\"is_first\":%s,", state.is_first ? "true" : "false");
    add_pair(out, "fault", state.fault);
    buf_printf(out, ",\"deck_up\":%s,\"deck_deaths\":%llu,\"switches\":%llu",
               state.deck_is_up ? "true" : "false", (unsigned long long)state.deck_deaths_count,
               (unsigned long long)state.switches_count);
    if (state.has_levels)
        add_levels(out, &state.levels);
    buf_add(out, STR(",\"events\":["));
    size_t count = air_station_events(station->air, events, AIR_EVENTS_SHOWN);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        air_event_json(&events[i], out);
    }
    buf_add(out, STR("]}"));
}
