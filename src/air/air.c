/* air/air.c - the air thread; contract in air.h */
#include "air/air_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define RETURN_AFTER_US (5 * US_PER_S)

static struct utc station_utc(void *ctx)
{
    struct air *air = ctx;
    int64_t offset_us = atomic_load_explicit(&air->offset_us, memory_order_relaxed);
    return (struct utc){clock_mono(air->config.clock).us + offset_us};
}

static struct mono station_mono(void *ctx)
{
    struct air *air = ctx;
    return clock_mono(air->config.clock);
}

enum err air_new(const struct air_config *config, struct air **out)
{
    *out = NULL;
    struct air *air = mem_new(sizeof *air);
    if (!air)
        return E_NOMEM;
    air->config = *config;
    if (air->config.sources_max > AIR_PORTS_MAX)
        air->config.sources_max = AIR_PORTS_MAX;
    air->station = (struct clock){air, station_utc, station_mono};
    int failed = pthread_mutex_init(&air->list_lock, NULL);
    assert(!failed);
    station_clock_init(&air->clock, clock_mono(config->clock), clock_utc(config->clock),
                       config->tape_end);
    atomic_store(&air->offset_us, air->clock.offset_us);
    *out = air;
    return OK;
}

const struct clock *air_clock(const struct air *air)
{
    return &air->station;
}

uint64_t air_ticks(const struct air *air)
{
    return atomic_load_explicit(&air->ticks, memory_order_acquire);
}

/* ---- the tick ---- */

static void tick_clock(struct air *air)
{
    struct mono mono = clock_mono(air->config.clock);
    int64_t before_us = air->clock.offset_us;
    enum clock_news news = station_clock_tick(&air->clock, mono, clock_utc(air->config.clock));
    atomic_store_explicit(&air->offset_us, air->clock.offset_us, memory_order_relaxed);
    if (news == CLOCK_JUMPED) {
        for (size_t i = 0; i < air->ports_count; i++)
            port_jump(air->ports[i], air->clock.offset_us - before_us);
        log_warn(EV_CLOCK, "text=\"the system clock was set forward; station time follows\"");
    }
    if (news == CLOCK_BEHIND)
        log_warn(EV_CLOCK,
                 "text=\"the system clock is behind station time; steering back slowly\"");
}

static void adopt_incoming(struct air *air)
{
    struct port *port = atomic_exchange_explicit(&air->incoming, NULL, memory_order_acquire);
    while (port) {
        struct port *next = port->next_incoming;
        assert(air->ports_count < AIR_PORTS_MAX);
        air->ports[air->ports_count++] = port;
        port = next;
    }
}

/* Where a port stands in its station's order of sources; smaller is better. */
static size_t rank_of(const struct board_station *station, const struct port *port)
{
    for (size_t i = 0; i < station->sources_count; i++)
        if (str_eq(str_of(station->sources[i].mount), str_of(port->facts.mount)) &&
            str_eq(str_of(station->sources[i].user), str_of(port->facts.user)))
            return i;
    return SIZE_MAX;
}

static bool is_sounding(const struct port *port, struct utc now)
{
    int64_t last_us = atomic_load_explicit(&port->last_frame_us, memory_order_relaxed);
    return !port_is_over(port) && last_us != 0 && now.us - last_us < PORT_STALL_US;
}

static void log_on_air(const struct board_station *station, const struct board_rendition *rendition,
                       const struct port *port)
{
    log_info(EV_ON_AIR, "station=%s rendition=%s source=%llu mount=%s user=%s", station->slug,
             rendition->slug, (unsigned long long)port->facts.id, port->facts.mount,
             port->facts.user);
}

/* Should this port, which has a frame of the right codec, take the output over? */
static bool may_take(const struct air_output *output, const struct board_station *station,
                     const struct port *port, struct utc now)
{
    if (!output->on_air || !is_sounding(output->on_air, now))
        return true;
    return rank_of(station, port) < rank_of(station, output->on_air) && port->good_since_us != 0 &&
           now.us - port->good_since_us >= RETURN_AFTER_US;
}

struct delivery {
    struct air *air;
    struct utc now;
    const struct board_station *station;
};

static void deliver(void *ctx, struct port *port, const struct frame *frame, struct utc start,
                    bool broken, struct str title)
{
    struct delivery *d = ctx;
    if (broken)
        atomic_fetch_add_explicit(&d->air->breaks, 1, memory_order_relaxed);
    for (size_t i = 0; i < d->station->renditions_count; i++) {
        const struct board_rendition *rendition = &d->station->renditions[i];
        struct air_output *output = rendition->live.output;
        if (rendition->codec != frame->format.codec)
            continue;
        if (output->on_air != port && may_take(output, d->station, port, d->now)) {
            output_switch(output, port, d->now);
            atomic_fetch_add_explicit(&d->air->switches, 1, memory_order_relaxed);
            log_on_air(d->station, rendition, port);
            tape_note(output->tape, "input", str_of(port->facts.mount));
            tape_title(output->tape, str_of(port->title_on_air));
        } else if (output->on_air == port && title.ptr) {
            tape_title(output->tape, title);
        }
        if (output->on_air != port)
            continue;
        output_append(output, frame, start, broken);
    }
}

/* A codec that no rendition takes is said once, and the source told by being cut off. */
static void look_for_use(struct port *port, const struct board_station *station)
{
    if (port->shown.codec == port->use_checked)
        return;
    port->use_checked = port->shown.codec;
    for (size_t i = 0; i < station->renditions_count; i++)
        if (station->renditions[i].codec == port->shown.codec)
            return;
    atomic_store_explicit(&port->given_up, "no rendition of the station has this codec",
                          memory_order_release);
}

static void run_port(struct air *air, struct port *port, struct utc now)
{
    const struct board_station *station =
        board_station_find(air->board, str_of(port->facts.station));
    if (!station) {
        atomic_store_explicit(&port->given_up, "the station was removed", memory_order_release);
        return;
    }
    struct delivery d = {air, now, station};
    port_run(port, now, deliver, &d);
    look_for_use(port, station);
}

/* Outputs whose port went silent or left are off the air until another port has a frame. */
static void look_for_silence(struct air *air, struct utc now)
{
    for (size_t i = 0; i < air->board->stations_count; i++) {
        const struct board_station *station = &air->board->stations[i];
        for (size_t j = 0; j < station->renditions_count; j++) {
            struct air_output *output = station->renditions[j].live.output;
            if (!output->on_air || is_sounding(output->on_air, now))
                continue;
            output_switch(output, NULL, now);
            log_warn(EV_OFF_AIR, "station=%s rendition=%s text=\"no sound comes in\"",
                     station->slug, station->renditions[j].slug);
        }
    }
}

static bool board_has(const struct board *board, const struct air_output *output)
{
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].renditions_count; j++)
            if (board->stations[i].renditions[j].live.output == output)
                return true;
    return false;
}

/* Another board holds: outputs that it does not name must not keep a port, which they would not see
 * leave. The board of before is there for this tick still (air_ticks()). */
static void change_board(struct air *air, const struct board *board, struct utc now)
{
    const struct board *before = air->board;
    air->board = board;
    for (size_t i = 0; before && i < before->stations_count; i++) {
        for (size_t j = 0; j < before->stations[i].renditions_count; j++) {
            struct air_output *output = before->stations[i].renditions[j].live.output;
            if (output->on_air && !board_has(board, output))
                output_switch(output, NULL, now);
        }
    }
}

static bool is_on_air_anywhere(const struct air *air, const struct port *port)
{
    for (size_t i = 0; i < air->board->stations_count; i++)
        for (size_t j = 0; j < air->board->stations[i].renditions_count; j++)
            if (air->board->stations[i].renditions[j].live.output->on_air == port)
                return true;
    return false;
}

/* Lets go of ports whose loop has ended them, once what they had sent is played out. */
static void let_go_of_ended(struct air *air)
{
    size_t kept = 0;
    for (size_t i = 0; i < air->ports_count; i++) {
        struct port *port = air->ports[i];
        if (port_is_over(port) && !is_on_air_anywhere(air, port))
            atomic_store_explicit(&port->air_is_done, true, memory_order_release);
        else
            air->ports[kept++] = port;
    }
    air->ports_count = kept;
}

void air_tick(struct air *air)
{
    tick_clock(air);
    struct utc now = station_clock_now(&air->clock, air->clock.last);
    const struct board *board = board_now(air->config.place);
    if (board != air->board)
        change_board(air, board, now);
    adopt_incoming(air);
    for (size_t i = 0; i < air->ports_count; i++)
        if (!port_is_over(air->ports[i]))
            run_port(air, air->ports[i], now);
    look_for_silence(air, now);
    let_go_of_ended(air);
    atomic_fetch_add_explicit(&air->ticks, 1, memory_order_release);
}

/* ---- the thread ---- */

static void *run(void *ctx)
{
    struct air *air = ctx;
    struct timespec next;
    clock_gettime(CLOCK_MONOTONIC, &next);
    while (!atomic_load_explicit(&air->must_stop, memory_order_acquire)) {
        air_tick(air);
        next.tv_nsec += AIR_TICK_MS * 1000000;
        if (next.tv_nsec >= 1000000000) {
            next.tv_nsec -= 1000000000;
            next.tv_sec++;
        }
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL) == EINTR)
            continue;
    }
    return NULL;
}

enum err air_start(struct air *air)
{
    if (pthread_create(&air->thread, NULL, run, air) != 0)
        return E_LIMIT;
    pthread_setname_np(air->thread, "air");
    air->is_running = true;
    return OK;
}

void air_stop(struct air *air)
{
    if (!air->is_running)
        return;
    atomic_store_explicit(&air->must_stop, true, memory_order_release);
    int failed = pthread_join(air->thread, NULL);
    assert(!failed);
    air->is_running = false;
}

void air_free(struct air **air)
{
    if (!*air)
        return;
    struct air *a = *air;
    assert(!a->is_running);
    /* The loops have stopped too: what they left open ends here. */
    for (size_t i = 0; i < a->list_count; i++)
        port_free(&a->list[i]);
    int failed = pthread_mutex_destroy(&a->list_lock);
    assert(!failed);
    mem_free(a);
    *air = NULL;
}
