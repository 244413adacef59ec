/* air/air.c - the air thread; contract in air.h */
#include "air/air_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <errno.h>
#include <string.h>
#include <time.h>

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

static void jump(struct air *air, struct utc to, int64_t by_us)
{
    for (size_t i = 0; i < air->ports_count; i++)
        port_jump(air->ports[i], by_us);
    for (size_t i = 0; air->board && i < air->board->stations_count; i++)
        station_jump(air->board->stations[i].air, to, by_us);
}

static void tick_clock(struct air *air)
{
    struct mono mono = clock_mono(air->config.clock);
    int64_t before_us = air->clock.offset_us;
    enum clock_news news = station_clock_tick(&air->clock, mono, clock_utc(air->config.clock));
    atomic_store_explicit(&air->offset_us, air->clock.offset_us, memory_order_relaxed);
    if (news == CLOCK_JUMPED) {
        jump(air, clock_utc(air_clock(air)), air->clock.offset_us - before_us);
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

/* A source that nobody can use is told so by being cut off. */
static void look_for_use(struct port *port, const struct board_station *station)
{
    if (port->shown.codec == CODEC_NONE)
        return;
    for (size_t i = 0; i < station->renditions_count; i++)
        if (!station->renditions[i].passthrough ||
            station->renditions[i].codec == port->shown.codec)
            return;
    atomic_store_explicit(&port->given_up, "no rendition of the station has this codec",
                          memory_order_release);
}

struct run {
    struct air *air;
    struct air_station *station;
};

static void on_news(void *ctx, struct port *port, struct utc at, bool broken, struct str title)
{
    struct run *run = ctx;
    if (broken)
        atomic_fetch_add_explicit(&run->air->breaks, 1, memory_order_relaxed);
    if (title.ptr)
        station_title(run->station, port, at, title);
}

static void run_port(struct air *air, struct port *port, struct utc now)
{
    const struct board_station *station =
        board_station_find(air->board, str_of(port->facts.station));
    if (!station) {
        atomic_store_explicit(&port->given_up, "the station was removed", memory_order_release);
        return;
    }
    struct run run = {air, station->air};
    port_run(port, now, on_news, &run);
    look_for_use(port, station);
}

static const struct board_station *station_on(const struct board *board,
                                              const struct air_station *station)
{
    for (size_t i = 0; i < board->stations_count; i++)
        if (board->stations[i].air == station)
            return &board->stations[i];
    return NULL;
}

static bool board_has(const struct board *board, const struct air_output *output)
{
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].renditions_count; j++)
            if (board->stations[i].renditions[j].live.output == output)
                return true;
    return false;
}

/* Another board holds: what it does not name must not keep a port, which it would not see leave.
 * The board of before is there for this tick still (air_ticks()). */
static void change_board(struct air *air, const struct board *board, struct utc now)
{
    const struct board *before = air->board;
    air->board = board;
    for (size_t i = 0; before && i < before->stations_count; i++) {
        const struct board_station *station = &before->stations[i];
        if (!station_on(board, station->air))
            station_leave(station->air, station, now);
        for (size_t j = 0; j < station->renditions_count; j++)
            if (!board_has(board, station->renditions[j].live.output))
                output_feed(station->renditions[j].live.output, FED_BY_NOBODY, 0, now);
    }
}

static bool is_needed(const struct air *air, const struct port *port)
{
    for (size_t i = 0; i < air->board->stations_count; i++)
        if (station_needs(air->board->stations[i].air, &air->board->stations[i], port))
            return true;
    return false;
}

/* Lets go of ports whose loop has ended them, once what they had sent is played out. */
static void let_go_of_ended(struct air *air)
{
    size_t kept = 0;
    for (size_t i = 0; i < air->ports_count; i++) {
        struct port *port = air->ports[i];
        if (port_is_over(port) && !is_needed(air, port))
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
    struct station_tick tick = {
        .ports = air->ports,
        .ports_count = air->ports_count,
        .now = now,
        .mono = air->clock.last,
    };
    for (size_t i = 0; i < board->stations_count; i++) {
        tick.board = &board->stations[i];
        atomic_fetch_add_explicit(&air->switches, station_tick(board->stations[i].air, &tick),
                                  memory_order_relaxed);
    }
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
