/* front/metrics_station.c - contract in metrics_priv.h */
#include "front/metrics_priv.h"

#include "base/mem.h"

#include <string.h>

struct station_figure { /* gathered once for all families */
    const struct board_station *station;
    struct air_state air;
};

static void begin_series(struct buf *out, const char *name, const struct station_figure *f)
{
    buf_printf(out, "%s{", name);
    add_label(out, "station", str_of(f->station->slug));
}

/* ---- which input is on the air: one series for each that there is ---- */

static void add_input(struct buf *out, const struct station_figure *f, const char *input)
{
    begin_series(out, "mast_input_on_air", f);
    buf_add_char(out, ',');
    add_label(out, "input", str_of(input));
    buf_printf(out, "} %d\n", strcmp(f->air.on_air, input) == 0);
}

/* Several people may share a mount; it is one input all the same. */
static bool is_named_before(const struct board_station *station, size_t count, const char *mount)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(station->sources[i].mount, mount) == 0)
            return true;
    return false;
}

static void add_inputs(struct buf *out, const struct station_figure *f)
{
    const struct board_station *station = f->station;
    for (size_t i = 0; i < station->sources_count; i++)
        if (!is_named_before(station, i, station->sources[i].mount))
            add_input(out, f, station->sources[i].mount);
    add_input(out, f, "loop");
    /* The music of a demonstration, or a source that was taken off the board and plays on. */
    if (f->air.on_air[0] && strcmp(f->air.on_air, "loop") != 0 &&
        !is_named_before(station, station->sources_count, f->air.on_air))
        add_input(out, f, f->air.on_air);
}

/* ---- one series a station ---- */

static double is_on(const struct station_figure *f)
{
    return f->air.on_air[0] != '\0';
}
static double is_first(const struct station_figure *f)
{
    return f->air.is_first;
}
static double has_fault(const struct station_figure *f)
{
    return f->air.fault[0] != '\0';
}
static double switches(const struct station_figure *f)
{
    return (double)f->air.switches_count;
}
static double deck_is_up(const struct station_figure *f)
{
    return f->air.deck_is_up;
}
static double deck_deaths(const struct station_figure *f)
{
    return (double)f->air.deck_deaths_count;
}

static const struct station_family {
    const char *name;
    enum value_kind kind;
    double (*value)(const struct station_figure *);
    const char *help;
} families[] = {
    {"mast_station_on_air", GAUGE, is_on, "1 while the station has an input or its loop on."},
    {"mast_station_on_first_input", GAUGE, is_first,
     "1 while the first input of the station's order is on."},
    {"mast_station_fault", GAUGE, has_fault,
     "1 while what is on has been silent, a steady tone or half dead for too long."},
    {"mast_station_switches_total", COUNTER, switches, "How often another input went on."},
    {"mast_deck_up", GAUGE, deck_is_up, "1 while the station's deck runs."},
    {"mast_deck_deaths_total", COUNTER, deck_deaths, "How often the deck had to be replaced."},
};

/* ---- levels, of what listeners are sent ---- */

static void add_level(struct buf *out, const char *name, const char *help, bool is_peak,
                      const struct station_figure *figures, size_t count)
{
    static const char *const channels[] = {"left", "right"};
    begin_family(out, name, GAUGE, help);
    for (size_t i = 0; i < count; i++) {
        const struct deck_levels *levels = &figures[i].air.levels;
        for (size_t c = 0; c < 2 && figures[i].air.has_levels; c++) {
            begin_series(out, name, &figures[i]);
            buf_printf(out, ",channel=\"%s\"} %.2f\n", channels[c],
                       (is_peak ? levels->peak_cb[c] : levels->rms_cb[c]) / 100.0);
        }
    }
}

static void add_loudness(struct buf *out, const struct station_figure *figures, size_t count)
{
    begin_family(out, "mast_level_short_term_lufs", GAUGE,
                 "Loudness of the last three seconds, EBU R128.");
    for (size_t i = 0; i < count; i++) {
        if (!figures[i].air.has_levels)
            continue;
        begin_series(out, "mast_level_short_term_lufs", &figures[i]);
        buf_printf(out, "} %.2f\n", figures[i].air.levels.short_term_cb / 100.0);
    }
}

void add_stations(struct buf *out, const struct board *board)
{
    size_t count = board->stations_count;
    struct station_figure *figures = mem_new_array(count ? count : 1, sizeof *figures);
    if (!figures) {
        out->err = out->err ? out->err : E_NOMEM;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        figures[i].station = &board->stations[i];
        air_station_state(board->stations[i].air, &figures[i].air);
    }
    begin_family(out, "mast_input_on_air", GAUGE, "1 for the input that is on the air.");
    for (size_t i = 0; i < count; i++)
        add_inputs(out, &figures[i]);
    for (size_t j = 0; j < sizeof families / sizeof families[0]; j++) {
        begin_family(out, families[j].name, families[j].kind, families[j].help);
        for (size_t i = 0; i < count; i++) {
            begin_series(out, families[j].name, &figures[i]);
            buf_printf(out, "} %.15g\n", families[j].value(&figures[i]));
        }
    }
    add_level(out, "mast_level_peak_dbfs", "Peak of the last tenth of a second.", true, figures,
              count);
    add_level(out, "mast_level_rms_dbfs", "Mean level of the last tenth of a second.", false,
              figures, count);
    add_loudness(out, figures, count);
    mem_free(figures);
}
