/* program/board_read.c - stations from JSON, of a document for mast apply or of the board's own
 * file. Nothing ends at the first fault. */
#include "program/board_read_priv.h"

#include "program/zone.h"

#include <string.h>

static void zone_set(struct reading *r, const struct entry *at, struct board_station *station)
{
    struct log_text t;
    struct str zone;
    if (!reading_text(r, at, "timezone", sizeof station->timezone, &zone))
        return;
    /* A file stays readable where the zones are not installed. */
    bool good = r->form == BOARD_FILE ? zone_is_name(zone) : board_zone_is_known(zone);
    if (good && !str_eq(zone, str_of(station->timezone)))
        station->zone = NULL;
    if (good)
        board_field_set(station->timezone, sizeof station->timezone, zone);
    else
        reading_fault(r, at, "timezone",
                      "%s is no time zone of this machine (like \"Europe/Berlin\")",
                      reading_shown(&t, zone));
}

static void url_set(struct reading *r, const struct entry *at, struct board_station *station)
{
    struct str url;
    if (!reading_text(r, at, "url", sizeof station->url, &url))
        return;
    if (url.len > 0 && !str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        reading_fault(r, at, "url", "must start with http:// or https://");
    else
        board_field_set(station->url, sizeof station->url, url);
}

static void station_read(struct reading *r, const struct entry *at, struct str slug)
{
    static const char *const names[] = {"slug",    "name",     "description", "url",
                                        "genre",   "timezone", "listed",      "renditions",
                                        "sources", "remove",   NULL};
    static const char *const newer[] = {"rules", "loop", NULL};
    struct board_station *station = NULL;
    reading_members(r, at, names, newer);
    for (size_t i = 0; i < r->board->stations_count; i++)
        if (str_eq(str_of(r->board->stations[i].slug), slug))
            station = &r->board->stations[i];
    if (!station) {
        if (r->board->stations_count == BOARD_STATIONS_MAX) {
            reading_fault(r, at, "", "there are at most %d stations", BOARD_STATIONS_MAX);
            return;
        }
        station = &r->board->stations[r->board->stations_count++];
        board_field_set(station->slug, sizeof station->slug, slug);
        board_field_set(station->name, sizeof station->name, slug);
        board_field_set(station->timezone, sizeof station->timezone, STR("UTC"));
        station->listed = true;
        board_rules_init(&station->rules);
    }
    reading_set_text(r, at, "name", station->name, sizeof station->name);
    reading_set_text(r, at, "description", station->description, sizeof station->description);
    reading_set_text(r, at, "genre", station->genre, sizeof station->genre);
    url_set(r, at, station);
    zone_set(r, at, station);
    reading_set_bool(r, at, "listed", &station->listed);
    board_read_rules(r, at, station);
    board_read_loop(r, at, station);
    if (station->name[0] == '\0')
        reading_fault(r, at, "name", "must not be empty");
    board_read_renditions(r, at, station);
    board_read_sources(r, at, station);
}

static void station_remove(struct board *board, struct str slug)
{
    const struct board_station *found = board_station_find(board, slug);
    if (!found)
        return;
    size_t i = (size_t)(found - board->stations);
    board->stations_count--;
    memmove(&board->stations[i], &board->stations[i + 1],
            (board->stations_count - i) * sizeof *found);
    memset(&board->stations[board->stations_count], 0, sizeof *found);
}

void board_read_stations(struct board *board, enum board_form form, const struct json *root,
                         struct str text, struct buf *keys, struct board_faults *faults)
{
    struct reading r = {board, form, text, keys, faults};
    const struct entry top = {.object = root};
    const struct json *list = json_get(root, "stations");
    if (list && json_kind_of(list) != JSON_ARRAY)
        board_fault(faults, "stations", "must be a list");
    if (json_count(list) > BOARD_STATIONS_MAX * BOARD_ENTRIES_EACH) {
        board_fault(faults, "stations", "has more than %d entries",
                    BOARD_STATIONS_MAX * BOARD_ENTRIES_EACH);
        return;
    }
    for (size_t i = 0; i < json_count(list) && form == BOARD_DOCUMENT; i++)
        if (json_bool(json_get(json_at(list, i), "remove")))
            station_remove(board, json_text(json_get(json_at(list, i), "slug")));
    for (size_t i = 0; i < json_count(list); i++) {
        struct entry place;
        struct str slug = {0};
        if (reading_entry(&r, &top, "stations", list, i, &place) &&
            reading_slug(&r, &place, list, i, true, &slug) && !reading_removes(&r, &place))
            station_read(&r, &place, slug);
    }
}
