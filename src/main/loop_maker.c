/* main/loop_maker.c - contract in loop_maker.h */
#include "main/loop_maker.h"

#include "air/loop_file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define FILE_BYTES_MAX ((size_t)32 << 20)
#define DECK_NICE      10
#define DECK_MEMORY    ((uint64_t)2 << 30)
#define FOLDER_BYTES   768
#define PATH_BYTES     (FOLDER_BYTES + 80)
#define AGAIN_US       (300 * US_PER_S) /* after a failure */

struct want { /* one station's loop, by what it depends on */
    struct want *next;
    struct board_station station; /* as it was when it was wanted */
    uint64_t sign;
    bool is_queued;
    struct mono again; /* it failed and is tried again then; 0 = it did not */
};

struct loop_maker {
    char folder[FOLDER_BYTES];
    struct child *child;
    const struct air *air;
    pthread_t thread;
    atomic_bool must_stop;
    pthread_mutex_t lock; /* guards wants and what is in them */
    pthread_cond_t changed;
    struct want *wants;
};

/* ---- what a loop depends on ---- */

/* What a station's loop is to be made of. */
struct source {
    struct loop_origin origin;
    bool is_gone; /* it is a file, and cannot be found: all but origin.name is unknown */
};

/* mast's own music may be another one in another version. */
static struct loop_origin own_origin(void)
{
    return (struct loop_origin){.name = loop_sign(LOOP_SIGN, MAST_VERSION, strlen(MAST_VERSION))};
}

static struct source source_of(const struct board_station *station)
{
    const char *path = station->loop_file;
    struct stat st;
    struct source source = {.origin = own_origin()};
    if (station->loop != BOARD_LOOP_FILE)
        return source;
    source.origin.name = loop_sign(LOOP_SIGN, path, strlen(path));
    source.is_gone = stat(path, &st) != 0;
    if (source.is_gone)
        return source;
    source.origin.mtime_us = st.st_mtim.tv_sec * US_PER_S + st.st_mtim.tv_nsec / 1000;
    source.origin.size_bytes = (uint64_t)st.st_size;
    return source;
}

static uint64_t mix(uint64_t sign, uint64_t number)
{
    return loop_sign(sign, &number, sizeof number);
}

/* The same as long as nothing has changed that a loop depends on. */
static uint64_t sign_of(const struct board_station *station)
{
    struct source source = source_of(station);
    uint64_t sign = mix(mix(LOOP_SIGN, station->loop), source.origin.name);
    sign = mix(mix(sign, (uint64_t)source.origin.mtime_us), source.origin.size_bytes);
    for (size_t i = 0; i < station->renditions_count; i++) {
        const struct board_rendition *r = &station->renditions[i];
        sign = loop_sign(sign, r->slug, strlen(r->slug) + 1);
        sign = mix(mix(mix(sign, r->bitrate_bps), r->rate_hz), r->channels);
    }
    return sign;
}

static void look_at(struct loop_maker *maker, const struct board_station *station)
{
    uint64_t sign = sign_of(station);
    struct want *want = maker->wants;
    while (want && want->station.air != station->air)
        want = want->next;
    bool is_new = !want || want->sign != sign;
    if (!is_new && (want->again.us == 0 || clock_mono(clock_real()).us < want->again.us))
        return;
    if (!want) {
        want = mem_new(sizeof *want);
        if (!want)
            return; /* it is looked at again in a second */
        want->next = maker->wants;
        maker->wants = want;
    }
    want->station = *station;
    want->sign = sign;
    want->is_queued = true;
    want->again.us = 0;
    pthread_cond_signal(&maker->changed);
}

void loop_maker_look(struct loop_maker *maker, const struct board *board)
{
    pthread_mutex_lock(&maker->lock);
    for (size_t i = 0; i < board->stations_count; i++)
        look_at(maker, &board->stations[i]);
    pthread_mutex_unlock(&maker->lock);
}

/* ---- the thread ---- */

static enum container container_of_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".mp3") == 0)
        return CONTAINER_MPEG;
    return dot && strcmp(dot, ".aac") == 0 ? CONTAINER_ADTS : CONTAINER_OGG;
}

static enum err from_file(struct loop_maker *maker, const struct board_station *station,
                          struct air_loop **out)
{
    struct buf file;
    struct log_text name;
    buf_init(&file, FILE_BYTES_MAX);
    enum err err = io_load(station->loop_file, &file);
    if (!err && file.len == 0)
        err = E_UNSUPPORTED;
    if (!err)
        err = air_loop_make(child_channel(maker->child), clock_real(), station, buf_str(&file),
                            container_of_name(station->loop_file), &maker->must_stop, out);
    buf_release(&file);
    if (err)
        log_error(EV_LOOP, "station=%s file=%s text=\"cannot be the loop: %s\"", station->slug,
                  log_text(&name, str_of(station->loop_file)), err_text(err));
    return err;
}

/* The air may be playing the old one in this tick still. */
static void free_when_unused(struct loop_maker *maker, struct air_loop *old)
{
    uint64_t until = air_ticks(maker->air) + 2;
    while (old && air_ticks(maker->air) < until && !atomic_load(&maker->must_stop))
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    air_loop_free(&old);
}

static void put(struct loop_maker *maker, const struct board_station *station,
                struct air_loop *loop)
{
    free_when_unused(maker, air_station_loop(station->air, loop));
}

/* ---- what is kept ---- */

static void folder_of(const struct loop_maker *maker, const struct board_station *station,
                      char folder[PATH_BYTES])
{
    snprintf(folder, PATH_BYTES, "%s/%s", maker->folder, station->slug);
}

static void load(const struct loop_maker *maker, const struct board_station *station,
                 struct loop_origin *origin, struct air_loop **out)
{
    char folder[PATH_BYTES];
    const char *rendition = "";
    folder_of(maker, station, folder);
    enum err err = loop_file_load(folder, station, origin, &rendition, out);
    if (err && err != E_NOT_FOUND && err != E_UNSUPPORTED)
        log_warn(EV_LOOP,
                 "station=%s rendition=%s text=\"the loop that was kept is of no use: %s\"",
                 station->slug, rendition, err_text(err));
}

static void save(const struct loop_maker *maker, const struct board_station *station,
                 const struct loop_origin *origin, const struct air_loop *loop)
{
    char folder[PATH_BYTES];
    folder_of(maker, station, folder);
    enum err err = loop_file_save(folder, origin, loop);
    if (err)
        log_warn(EV_LOOP, "station=%s text=\"its loop cannot be kept on disk: %s\"", station->slug,
                 err_text(err));
}

/* Is it what would be made now? Of a file that has gone, what was made of it is the best. */
static bool is_of(const struct loop_origin *kept, const struct source *wanted)
{
    if (wanted->is_gone)
        return kept->name == wanted->origin.name;
    return kept->name == wanted->origin.name && kept->mtime_us == wanted->origin.mtime_us &&
           kept->size_bytes == wanted->origin.size_bytes;
}

/* ---- making ---- */

static enum err make(struct loop_maker *maker, const struct board_station *station,
                     const struct source *wanted, struct loop_origin *origin, struct air_loop **out)
{
    enum err err = E_UNSUPPORTED;
    *origin = wanted->origin;
    if (station->loop == BOARD_LOOP_FILE)
        err = from_file(maker, station, out);
    if (!err || atomic_load(&maker->must_stop))
        return err;
    *origin = own_origin();
    return air_loop_make(child_channel(maker->child), clock_real(), station, STR(""),
                         CONTAINER_MPEG, &maker->must_stop, out);
}

/* Returns false when it is to be tried again: the station keeps the loop that it has, if any. */
static bool make_and_keep(struct loop_maker *maker, const struct board_station *station,
                          const struct source *wanted, struct air_loop *kept)
{
    struct air_loop *loop = NULL;
    struct loop_origin origin;
    enum err err = make(maker, station, wanted, &origin, &loop);
    if (!err) {
        air_loop_free(&kept);
        put(maker, station, loop);
        save(maker, station, &origin, loop);
        return true;
    }
    if (!atomic_load(&maker->must_stop))
        log_error(EV_LOOP, "station=%s text=\"%s: %s\"", station->slug,
                  kept ? "no new loop can be made, an older one plays" : "no loop can be made",
                  err_text(err));
    if (kept)
        put(maker, station, kept);
    return false;
}

static bool get_loop(struct loop_maker *maker, const struct board_station *station)
{
    struct source wanted = source_of(station);
    struct loop_origin origin;
    struct air_loop *kept;
    if (station->loop == BOARD_LOOP_NONE) {
        put(maker, station, NULL);
        return true;
    }
    load(maker, station, &origin, &kept);
    if (!kept || !is_of(&origin, &wanted))
        return make_and_keep(maker, station, &wanted, kept);
    put(maker, station, kept);
    log_info(EV_LOOP, "station=%s text=\"its loop was kept and plays again\"", station->slug);
    if (wanted.is_gone)
        log_warn(EV_LOOP,
                 "station=%s text=\"the file of its loop is gone: as it was kept, it "
                 "plays on\"",
                 station->slug);
    return true;
}

static struct want *next_want(struct loop_maker *maker)
{
    for (struct want *want = maker->wants; want; want = want->next)
        if (want->is_queued)
            return want;
    return NULL;
}

static void *run(void *ctx)
{
    struct loop_maker *maker = ctx;
    pthread_mutex_lock(&maker->lock);
    while (!atomic_load(&maker->must_stop)) {
        struct want *want = next_want(maker);
        if (!want) {
            pthread_cond_wait(&maker->changed, &maker->lock);
            continue;
        }
        struct board_station station = want->station;
        want->is_queued = false;
        pthread_mutex_unlock(&maker->lock);
        bool is_there = get_loop(maker, &station);
        pthread_mutex_lock(&maker->lock);
        want->again.us = is_there ? 0 : clock_mono(clock_real()).us + AGAIN_US;
    }
    pthread_mutex_unlock(&maker->lock);
    return NULL;
}

enum err loop_maker_start(const struct loop_maker_config *config, struct loop_maker **out)
{
    static const char *const args[] = {NULL};
    struct loop_maker *maker = *out = mem_new(sizeof *maker);
    struct child_config deck = {
        .name = "deck of the loops",
        .program = config->deck_program,
        .args = args,
        .to_ring_bytes = 1 << 20,
        .from_ring_bytes = 1 << 20,
        .stuck_ms = 10000,
        .address_space_max = DECK_MEMORY,
        .nice = DECK_NICE,
    };
    if (!maker)
        return E_NOMEM;
    maker->air = config->air;
    snprintf(maker->folder, sizeof maker->folder, "%s/loop", config->data_folder);
    int failed = pthread_mutex_init(&maker->lock, NULL);
    assert(!failed);
    failed = pthread_cond_init(&maker->changed, NULL);
    assert(!failed);
    enum err err = child_new(config->children, &deck, &maker->child);
    if (!err && pthread_create(&maker->thread, NULL, run, maker) != 0)
        err = E_LIMIT;
    if (!err)
        return OK;
    child_free(&maker->child);
    mem_free(maker);
    *out = NULL;
    return err;
}

void loop_maker_stop(struct loop_maker **maker)
{
    struct loop_maker *m = *maker;
    *maker = NULL;
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    atomic_store(&m->must_stop, true);
    pthread_cond_signal(&m->changed);
    pthread_mutex_unlock(&m->lock);
    int failed = pthread_join(m->thread, NULL);
    assert(!failed);
    child_free(&m->child);
    while (m->wants) {
        struct want *want = m->wants;
        m->wants = want->next;
        mem_free(want);
    }
    pthread_cond_destroy(&m->changed);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}
