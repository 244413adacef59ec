/* program/zone.c - contract in zone.h; the only file that includes libical.
 *
 * libical reads the system's zoneinfo, which it is asked for UTC -> offset alone: its own way from
 * local time to UTC is wrong at both edges of daylight saving. A zone of libical's that is made
 * from a component of our own belongs to nobody else, so nothing is shared between threads and all
 * of it is freed again. */
#include "program/zone.h"

#include "base/mem.h"

#include <libical/ical.h>
#include <string.h>

#define DAY_US         (86400 * US_PER_S)
#define REACH_US       (2 * 366 * DAY_US)
#define SPANS_MAX      64 /* two a year is usual, four where Ramadan is left out */
#define NAME_MAX_BYTES 63

struct span {
    int64_t from_us; /* until the next one */
    int offset_s;
};

struct zone {
    size_t count;
    struct span spans[SPANS_MAX];
};

/* Part after part as the names of the database are made; keeps away from every other file. */
bool zone_is_name(struct str name)
{
    struct str part;
    if (name.len == 0 || name.len > NAME_MAX_BYTES || str_ends(name, STR("/")))
        return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!is_letter && !(c >= '0' && c <= '9') && !str_has(STR("_+-/"), c))
            return false;
    }
    /* The same zones once more, by another count of seconds ("right/"). */
    if (str_starts(name, STR("right/")) || str_starts(name, STR("posix/")))
        return false;
    while (name.len > 0)
        if (str_cut(&name, '/', &part), part.len == 0)
            return false;
    return true;
}

static enum err open_zone(const char *name, icaltimezone **out)
{
    *out = NULL;
    if (!zone_is_name(str_of(name)))
        return E_NOT_FOUND;
    icalcomponent *component = icaltzutil_fetch_timezone(name);
    if (!component)
        return E_NOT_FOUND;
    icaltimezone *zone = icaltimezone_new();
    if (!zone) {
        icalcomponent_free(component);
        return E_NOMEM;
    }
    if (!icaltimezone_set_component(zone, component)) {
        icalcomponent_free(component);
        icaltimezone_free(zone, 1);
        return E_NOT_FOUND;
    }
    *out = zone;
    return OK;
}

static int ask(icaltimezone *zone, int64_t us)
{
    struct civil c = utc_to_civil((struct utc){us}, 0);
    struct icaltimetype time = {
        .year = c.year,
        .month = c.month,
        .day = c.day,
        .hour = c.hour,
        .minute = c.minute,
        .second = c.second,
    };
    return icaltimezone_get_utc_offset_of_utc_time(zone, &time, NULL);
}

/* The second after `from_us`, and not after `to_us`, at which the offset is another one. */
static int64_t find_change(icaltimezone *zone, int64_t from_us, int64_t to_us, int offset_s)
{
    while (to_us - from_us > US_PER_S) {
        int64_t middle_us = from_us + (to_us - from_us) / US_PER_S / 2 * US_PER_S;
        if (ask(zone, middle_us) == offset_s)
            from_us = middle_us;
        else
            to_us = middle_us;
    }
    return to_us;
}

static void fill(struct zone *zone, icaltimezone *from, struct utc around)
{
    int64_t at_us = around.us / DAY_US * DAY_US - REACH_US;
    int64_t end_us = at_us + 2 * REACH_US + DAY_US;
    struct span *last = zone->spans;
    *last = (struct span){at_us, ask(from, at_us)};
    zone->count = 1;
    for (; at_us < end_us && zone->count < SPANS_MAX; at_us += DAY_US) {
        int offset_s = ask(from, at_us + DAY_US);
        if (offset_s == last->offset_s)
            continue;
        int64_t change_us = find_change(from, at_us, at_us + DAY_US, last->offset_s);
        last = &zone->spans[zone->count++];
        *last = (struct span){change_us, offset_s};
    }
}

enum err zone_new(const char *name, struct utc around, struct zone **out)
{
    icaltimezone *from;
    *out = NULL;
    enum err err = open_zone(name, &from);
    if (err)
        return err;
    struct zone *zone = mem_new(sizeof *zone);
    if (zone)
        fill(zone, from, around);
    icaltimezone_free(from, 1);
    *out = zone;
    return zone ? OK : E_NOMEM;
}

void zone_free(struct zone **zone)
{
    mem_free(*zone);
    *zone = NULL;
}

int zone_offset_s(const struct zone *zone, struct utc at)
{
    size_t i = zone->count - 1;
    while (i > 0 && at.us < zone->spans[i].from_us)
        i--;
    return zone->spans[i].offset_s;
}

static bool maps_back(const struct zone *zone, int64_t local_us, int offset_s)
{
    return zone_offset_s(zone, (struct utc){local_us - offset_s * US_PER_S}) == offset_s;
}

enum err zone_instant(const struct zone *zone, const struct civil *local, struct utc *out)
{
    enum err err = utc_from_civil(local, 0, out);
    if (err)
        return err;
    int64_t local_us = out->us;
    int before_s = zone_offset_s(zone, (struct utc){local_us - DAY_US});
    int after_s = zone_offset_s(zone, (struct utc){local_us + DAY_US});
    /* In a repeated hour both map back, and the offset before gives the first; in a gap neither. */
    bool is_after = !maps_back(zone, local_us, before_s) && maps_back(zone, local_us, after_s);
    out->us = local_us - (is_after ? after_s : before_s) * US_PER_S;
    return OK;
}
