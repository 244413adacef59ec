/* main/watch.c - contract in watch.h */
#include "main/watch.h"

#include <stdio.h>
#include <string.h>

#define LOW_PERCENT    5
#define ENOUGH_PERCENT 6
#define DEATH_LASTS_US (60 * US_PER_S)
/* Sources come back by themselves after a start: nobody is woken before that. */
#define COME_BACK_US (15 * US_PER_S)
#define EVENTS_MAX   32

bool watch_disk_is_low(bool was_low, uint64_t free_bytes, uint64_t total_bytes)
{
    double percent = total_bytes > 0 ? 100.0 * (double)free_bytes / (double)total_bytes : 100;
    return percent < (was_low ? ENOUGH_PERCENT : LOW_PERCENT);
}

/* The first rendition whose recording stands still; false if there is none. */
static bool find_stopped(const struct board *board, char *name, size_t size)
{
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->renditions_count; j++) {
            if (!tape_disk_stats(station->renditions[j].live.tape).stopped)
                continue;
            snprintf(name, size, "%s/%s", station->slug, station->renditions[j].slug);
            return true;
        }
    }
    return false;
}

static void look_at_disk(struct watch *watch)
{
    char name[160], text[512];
    uint64_t free_bytes, total_bytes;
    const struct board *board = board_now(watch->place);
    bool is_known = front_disk(watch->front, &free_bytes, &total_bytes);
    bool is_stopped = board && find_stopped(board, name, sizeof name);
    if (is_known)
        watch->disk_is_low = watch_disk_is_low(watch->disk_is_low, free_bytes, total_bytes);
    if (is_stopped)
        snprintf(text, sizeof text,
                 "%s is not recorded: the disk is full or fails. What is on the air goes on.",
                 name);
    else if (watch->disk_is_low)
        snprintf(
            text, sizeof text,
            "Only %.0f %% of %.0f GB are left where recordings lie; the oldest hours go first.",
            100.0 * (double)free_bytes / (double)total_bytes, (double)total_bytes / 1e9);
    if (is_stopped || watch->disk_is_low)
        alarm_raise(watch->alarms, ALARM_DISK, "disk", text);
    else
        alarm_clear(watch->alarms, ALARM_DISK, "disk", "There is room, and recording goes on.");
}

static void look_at_station(struct watch *watch, const struct board_station *station)
{
    char text[512];
    struct air_state state;
    air_station_state(station->air, &state);
    if (state.fault[0]) {
        snprintf(text, sizeof text, "%s: %s is on the air, and %s.", station->name, state.on_air,
                 state.fault);
        alarm_raise(watch->alarms, ALARM_SILENCE, station->slug, text);
    } else {
        alarm_clear(watch->alarms, ALARM_SILENCE, station->slug, "There is sound again.");
    }
    if (state.source != 0 && !state.is_first) {
        snprintf(text, sizeof text, "%s: %s is on the air, not its first input.", station->name,
                 state.on_air);
        alarm_raise(watch->alarms, ALARM_SWITCH, station->slug, text);
    } else if (state.is_first) {
        alarm_clear(watch->alarms, ALARM_SWITCH, station->slug, "Its first input is on again.");
    }
}

/* Was it on the air, in this life or in one before that is remembered? Right after a start: no. */
static bool has_been_on(const struct board_station *station, int64_t now_us)
{
    struct air_event events[EVENTS_MAX];
    size_t count = air_station_events(station->air, events, EVENTS_MAX);
    bool was_on = false;
    for (size_t i = 0; i < count; i++) {
        was_on = was_on || (events[i].kind != AIR_START && events[i].kind != AIR_STOP);
        if (events[i].kind == AIR_START && now_us - events[i].at.us < COME_BACK_US)
            return false;
    }
    return was_on;
}

/* One that was on the air and now has its loop or nothing. */
static void look_for_off_air(struct watch *watch, const struct board_station *station,
                             int64_t now_us)
{
    char text[512];
    struct air_state state;
    air_station_state(station->air, &state);
    if (state.source != 0 || strcmp(state.on_air, "bed") == 0) {
        alarm_clear(watch->alarms, ALARM_OFF_AIR, station->slug, "An input is on the air again.");
    } else if (has_been_on(station, now_us)) {
        snprintf(text, sizeof text, "%s plays %s: no input sounds.", station->name,
                 state.on_air[0] ? "its loop" : "nothing");
        alarm_raise(watch->alarms, ALARM_OFF_AIR, station->slug, text);
    }
}

/* A death is a happening, not a state: the alarm is over once a minute has passed without one. */
static void look_at_deck(struct watch *watch, const struct board_station *station, int64_t now_us)
{
    char text[512];
    struct air_event events[8];
    size_t count = air_station_events(station->air, events, 8), first = 0;
    for (size_t i = 0; i < count; i++)
        if (events[i].kind == AIR_START)
            first = i + 1; /* those before it were told of in their time */
    for (size_t i = first; i < count; i++) {
        if (events[i].kind != AIR_DECK || now_us - events[i].at.us > DEATH_LASTS_US)
            continue;
        snprintf(text, sizeof text, "%s: its deck was replaced while %s was on the air: %s.",
                 station->name, events[i].from[0] ? events[i].from : "nothing", events[i].why);
        alarm_raise(watch->alarms, ALARM_DECK, station->slug, text);
        return;
    }
    alarm_clear(watch->alarms, ALARM_DECK, station->slug, "The deck works.");
}

void watch_second(struct watch *watch)
{
    const struct board *board = board_now(watch->place);
    int64_t now_us = clock_utc(watch->clock).us;
    look_at_disk(watch);
    for (size_t i = 0; i < board->stations_count; i++) {
        look_at_station(watch, &board->stations[i]);
        look_for_off_air(watch, &board->stations[i], now_us);
        look_at_deck(watch, &board->stations[i], now_us);
    }
}
