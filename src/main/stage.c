/* main/stage.c - contract in stage.h */
#include "main/stage.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "program/zone.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NAME_BYTES 130

/* Rings of a deck: some seconds of sound for a deck that starts, and what it makes of them. */
#define DECK_TO_BYTES   ((size_t)2 << 20)
#define DECK_FROM_BYTES ((size_t)1 << 20)
#define DECK_MEMORY_MAX                                                                            \
    ((uint64_t)2 << 30) /* of address space; FFmpeg maps much and uses little  \
                                             */

struct prop { /* what runs for one rendition, by name, until the end of the process */
    struct prop *next;
    char name[NAME_BYTES]; /* "<station>/<rendition>" */
    struct board_live live;
};

struct stage_station { /* what runs for one station, by name, until the end of the process */
    struct stage_station *next;
    char slug[64];
    struct child *deck;
    struct air_station *air;
    bool has_ledger; /* on disk */
};

struct stage_zone {
    struct stage_zone *next;
    char name[64];
    struct zone *zone;
};

struct stage {
    char folder[512];
    char deck_program[512];
    struct tape_writer *writer;
    struct children *children;
    struct ledgers *ledgers;
    struct prop *props;
    struct stage_station *stations;
    struct stage_zone *zones;
};

enum err stage_new(const struct stage_config *config, struct stage **out)
{
    struct stage *stage = *out = mem_new(sizeof *stage);
    if (!stage)
        return E_NOMEM;
    stage->writer = config->writer;
    stage->children = config->children;
    stage->ledgers = config->ledgers;
    if (str_copy(stage->folder, sizeof stage->folder, str_of(config->data_folder)) &&
        str_copy(stage->deck_program, sizeof stage->deck_program, str_of(config->deck_program)))
        return OK;
    stage_free(out);
    return E_TOO_LONG;
}

static void prop_free(struct stage *stage, struct prop *prop)
{
    if (prop->live.tape)
        tape_writer_remove(stage->writer, prop->live.tape);
    air_output_free(&prop->live.output);
    audience_free(&prop->live.audience);
    tape_close(&prop->live.tape);
    mem_free(prop);
}

void stage_free(struct stage **stage)
{
    struct stage *s = *stage;
    *stage = NULL;
    if (!s)
        return;
    while (s->props) {
        struct prop *prop = s->props;
        s->props = prop->next;
        prop_free(s, prop);
    }
    while (s->stations) {
        struct stage_station *station = s->stations;
        s->stations = station->next;
        child_free(&station->deck);
        air_station_free(&station->air);
        mem_free(station);
    }
    while (s->zones) {
        struct stage_zone *zone = s->zones;
        s->zones = zone->next;
        zone_free(&zone->zone);
        mem_free(zone);
    }
    mem_free(s);
}

/* ---- opening ---- */

static enum err open_tape(const struct stage *stage, const struct board_rendition *rendition,
                          const char *name, struct utc now, struct tape **out)
{
    char folder[1024];
    snprintf(folder, sizeof folder, "%s/tape/%s", stage->folder, name);
    enum err err = io_make_folder(folder);
    if (err)
        return err;
    struct tape_config config = {
        .folder = folder,
        .name = name,
        .codec = rendition->codec,
        .bitrate_bps = rendition->bitrate_bps,
    };
    return tape_open(&config, now, out);
}

static enum err prop_new(struct stage *stage, const struct board_rendition *rendition,
                         const char *name, struct utc now, struct prop **out)
{
    struct prop *prop = *out = mem_new(sizeof *prop);
    if (!prop)
        return E_NOMEM;
    str_copy(prop->name, sizeof prop->name, str_of(name));
    struct board_live *live = &prop->live;
    bool is_written = false;
    enum err err = open_tape(stage, rendition, prop->name, now, &live->tape);
    if (!err)
        err = tape_writer_add(stage->writer, live->tape);
    is_written = !err;
    if (!err)
        err = air_output_new(live->tape, &live->output);
    if (!err)
        err = audience_new(&live->audience);
    if (!err) {
        prop->next = stage->props;
        stage->props = prop;
        return OK;
    }
    air_output_free(&live->output);
    if (is_written)
        tape_writer_remove(stage->writer, live->tape);
    if (live->tape)
        tape_close(&live->tape);
    mem_free(prop);
    *out = NULL;
    return err;
}

static struct prop *find_prop(const struct stage *stage, const char *name)
{
    for (struct prop *prop = stage->props; prop; prop = prop->next)
        if (strcmp(prop->name, name) == 0)
            return prop;
    return NULL;
}

static enum err attach_rendition(struct stage *stage, const struct board_station *station,
                                 struct board_rendition *rendition, struct utc now,
                                 struct buf *faults)
{
    char name[NAME_BYTES];
    snprintf(name, sizeof name, "%s/%s", station->slug, rendition->slug);
    struct prop *prop = find_prop(stage, name);
    if (!prop) {
        enum err err = prop_new(stage, rendition, name, now, &prop);
        if (err) {
            buf_printf(faults, "rendition %s: its tape cannot be opened: %s\n", name,
                       err_text(err));
            return err;
        }
    }
    if (tape_codec(prop->live.tape) != rendition->codec) {
        buf_printf(faults,
                   "rendition %s: its tape holds %s for ever; give the %s one another slug\n", name,
                   codec_name(tape_codec(prop->live.tape)), codec_name(rendition->codec));
        return E_EXISTS;
    }
    rendition->live = prop->live;
    return OK;
}

static enum err attach_zone(struct stage *stage, struct board_station *station, struct utc now,
                            struct buf *faults)
{
    struct stage_zone *zone = stage->zones;
    while (zone && strcmp(zone->name, station->timezone) != 0)
        zone = zone->next;
    if (!zone) {
        zone = mem_new(sizeof *zone);
        enum err err = zone ? zone_new(station->timezone, now, &zone->zone) : E_NOMEM;
        if (err) {
            mem_free(zone);
            buf_printf(faults, "station %s: time zone %s: %s\n", station->slug, station->timezone,
                       err_text(err));
            return err;
        }
        str_copy(zone->name, sizeof zone->name, str_of(station->timezone));
        zone->next = stage->zones;
        stage->zones = zone;
    }
    station->zone = zone->zone;
    return OK;
}

static enum err station_new(struct stage *stage, const char *slug, struct stage_station **out)
{
    static const char *const args[] = {NULL};
    char name[80];
    struct stage_station *station = *out = mem_new(sizeof *station);
    if (!station)
        return E_NOMEM;
    snprintf(name, sizeof name, "deck %s", slug);
    struct child_config config = {
        .name = name,
        .program = stage->deck_program,
        .args = args,
        .to_ring_bytes = DECK_TO_BYTES,
        .from_ring_bytes = DECK_FROM_BYTES,
        .stuck_ms = 1000,
        .address_space_max = DECK_MEMORY_MAX,
    };
    str_copy(station->slug, sizeof station->slug, str_of(slug));
    enum err err = child_new(stage->children, &config, &station->deck);
    if (!err)
        err = air_station_new(slug, child_channel(station->deck), &station->air);
    if (!err) {
        station->next = stage->stations;
        stage->stations = station;
        return OK;
    }
    child_free(&station->deck);
    mem_free(station);
    *out = NULL;
    return err;
}

static struct stage_station *find_station(const struct stage *stage, const char *slug)
{
    struct stage_station *station = stage->stations;
    while (station && strcmp(station->slug, slug) != 0)
        station = station->next;
    return station;
}

static enum err attach_station(struct stage *stage, struct board_station *station,
                               struct buf *faults)
{
    struct stage_station *runs = find_station(stage, station->slug);
    enum err err = runs ? OK : station_new(stage, station->slug, &runs);
    if (err)
        buf_printf(faults, "station %s: its deck: %s\n", station->slug, err_text(err));
    else
        station->air = runs->air;
    return err;
}

/* Once its tapes are there: they say how long it sounded. */
static enum err attach_ledger(struct stage *stage, const struct board_station *station,
                              struct utc now, struct buf *faults)
{
    struct stage_station *runs = find_station(stage, station->slug);
    struct utc sound_end = {0};
    if (runs->has_ledger)
        return OK;
    for (size_t i = 0; i < station->renditions_count; i++) {
        struct utc end = tape_end(station->renditions[i].live.tape);
        if (end.us > sound_end.us)
            sound_end = end;
    }
    enum err err = ledgers_add(stage->ledgers, station->slug, station->air, now, sound_end);
    runs->has_ledger = !err;
    if (err)
        buf_printf(faults, "station %s: its ledger: %s\n", station->slug, err_text(err));
    return err;
}

const struct channel *stage_deck(struct stage *stage, const char *station)
{
    struct stage_station *runs = find_station(stage, station);
    return runs ? child_channel(runs->deck) : NULL;
}

enum err stage_attach(struct stage *stage, struct board *board, struct utc now, struct buf *faults)
{
    for (size_t i = 0; i < board->stations_count; i++) {
        struct board_station *station = &board->stations[i];
        enum err err = attach_zone(stage, station, now, faults);
        if (!err)
            err = attach_station(stage, station, faults);
        for (size_t j = 0; j < station->renditions_count && !err; j++)
            err = attach_rendition(stage, station, &station->renditions[j], now, faults);
        if (!err)
            err = attach_ledger(stage, station, now, faults);
        if (err)
            return err;
    }
    return OK;
}

struct utc stage_tape_end(const struct stage *stage)
{
    struct utc end = {0};
    for (const struct prop *prop = stage->props; prop; prop = prop->next) {
        struct utc one = tape_end(prop->live.tape);
        if (one.us > end.us)
            end = one;
    }
    return end;
}

/* ---- publishing ---- */

struct quiet {
    struct loop_job job;
    struct quiet_count *count;
};

struct quiet_count {
    pthread_mutex_t lock;
    pthread_cond_t passed;
    unsigned left;
};

static void on_quiet(struct loop_job *job)
{
    struct quiet *quiet = (struct quiet *)((char *)job - offsetof(struct quiet, job));
    pthread_mutex_lock(&quiet->count->lock);
    quiet->count->left--;
    pthread_cond_signal(&quiet->count->passed);
    pthread_mutex_unlock(&quiet->count->lock);
}

/* Every loop has run a job that was posted now: no callback from before is still running. */
static void wait_for_loops(struct loops *loops)
{
    struct quiet quiet[LOOPS_MAX];
    struct quiet_count count = {.left = loops_count(loops)};
    assert(count.left <= LOOPS_MAX);
    int failed = pthread_mutex_init(&count.lock, NULL) || pthread_cond_init(&count.passed, NULL);
    assert(!failed);
    unsigned loops_number = count.left;
    for (unsigned i = 0; i < loops_number; i++) {
        quiet[i] = (struct quiet){.job.run = on_quiet, .count = &count};
        loop_post(loops_at(loops, i), &quiet[i].job);
    }
    pthread_mutex_lock(&count.lock);
    while (count.left > 0)
        pthread_cond_wait(&count.passed, &count.lock);
    pthread_mutex_unlock(&count.lock);
    pthread_cond_destroy(&count.passed);
    pthread_mutex_destroy(&count.lock);
}

static void wait_for_air(const struct air *air)
{
    uint64_t until = air_ticks(air) + 2;
    while (air_ticks(air) < until)
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
}

void stage_publish(struct board_place *place, struct board *board, struct loops *loops,
                   const struct air *air)
{
    struct board *old = (struct board *)atomic_exchange(&place->now, board);
    if (old && air) {
        wait_for_loops(loops);
        wait_for_air(air);
    }
    board_free(&old);
}
