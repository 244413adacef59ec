/* main/loop_maker.c - contract in loop_maker.h */
#include "main/loop_maker.h"

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

struct want { /* one station's loop, by what it depends on */
    struct want *next;
    struct board_station station; /* as it was when it was wanted */
    uint64_t sign;
    bool is_queued;
};

struct loop_maker {
    struct child *child;
    const struct air *air;
    pthread_t thread;
    atomic_bool must_stop;
    pthread_mutex_t lock; /* guards wants and what is in them */
    pthread_cond_t changed;
    struct want *wants;
};

/* ---- what a loop depends on ---- */

static void mix(uint64_t *sign, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        *sign = (*sign ^ p[i]) * UINT64_C(1099511628211);
}

static uint64_t sign_of(const struct board_station *station)
{
    uint64_t sign = UINT64_C(14695981039346656037);
    struct stat st;
    mix(&sign, &station->loop, sizeof station->loop);
    mix(&sign, station->loop_file, strlen(station->loop_file));
    if (station->loop == BOARD_LOOP_FILE && stat(station->loop_file, &st) == 0) {
        mix(&sign, &st.st_mtim.tv_sec, sizeof st.st_mtim.tv_sec);
        mix(&sign, &st.st_size, sizeof st.st_size);
    }
    for (size_t i = 0; i < station->renditions_count; i++) {
        const struct board_rendition *r = &station->renditions[i];
        mix(&sign, r->slug, strlen(r->slug) + 1);
        mix(&sign, &r->bitrate_bps, sizeof r->bitrate_bps);
        mix(&sign, &r->rate_hz, sizeof r->rate_hz);
        mix(&sign, &r->channels, sizeof r->channels);
    }
    return sign;
}

static void look_at(struct loop_maker *maker, const struct board_station *station)
{
    uint64_t sign = sign_of(station);
    struct want *want = maker->wants;
    while (want && want->station.air != station->air)
        want = want->next;
    if (want && want->sign == sign)
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

static void make(struct loop_maker *maker, const struct board_station *station)
{
    struct air_loop *loop = NULL;
    enum err err = OK;
    if (station->loop == BOARD_LOOP_FILE)
        err = from_file(maker, station, &loop);
    if (station->loop == BOARD_LOOP_OWN || (err && !atomic_load(&maker->must_stop)))
        err = air_loop_make(child_channel(maker->child), clock_real(), station, STR(""),
                            CONTAINER_MPEG, &maker->must_stop, &loop);
    if (err && !atomic_load(&maker->must_stop))
        log_error(EV_LOOP, "station=%s text=\"it has no loop: %s\"", station->slug, err_text(err));
    free_when_unused(maker, air_station_loop(station->air, loop));
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
        make(maker, &station);
        pthread_mutex_lock(&maker->lock);
    }
    pthread_mutex_unlock(&maker->lock);
    return NULL;
}

enum err loop_maker_start(struct children *children, const char *deck_program,
                          const struct air *air, struct loop_maker **out)
{
    static const char *const args[] = {NULL};
    struct loop_maker *maker = *out = mem_new(sizeof *maker);
    struct child_config config = {
        .name = "deck of the loops",
        .program = deck_program,
        .args = args,
        .to_ring_bytes = 1 << 20,
        .from_ring_bytes = 1 << 20,
        .stuck_ms = 10000,
        .address_space_max = DECK_MEMORY,
        .nice = DECK_NICE,
    };
    if (!maker)
        return E_NOMEM;
    maker->air = air;
    int failed = pthread_mutex_init(&maker->lock, NULL);
    assert(!failed);
    failed = pthread_cond_init(&maker->changed, NULL);
    assert(!failed);
    enum err err = child_new(children, &config, &maker->child);
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
