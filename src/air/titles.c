/* air/titles.c - titles and inputs, told to each tape in its time; contract in station_priv.h */
#include "air/output_priv.h"
#include "air/station_priv.h"

struct station_title *station_add_title(struct air_station *station, struct utc at,
                                        const char *note, struct str text)
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
    struct station_title *title = station_add_title(station, at, "", text);
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
