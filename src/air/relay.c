/* air/relay.c - contract in relay.h
 *
 * One lock guards all relays: the fetch thread takes it for each piece that comes, the relays' own
 * thread ten times a second. A fetch is cancelled or resumed with the lock held and while `fetch`
 * is set, which on_done() clears under the same lock: so it is there still. */
#include "air/relay.h"

#include "air/air_priv.h"
#include "air/relay_priv.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define TICK_US       (100 * US_PER_MS)
#define DELAY_MAX_US  (60 * US_PER_S)
#define GOOD_AFTER_US (60 * US_PER_S) /* so much sound, and earlier failures are forgotten */
#define CONNECT_MS    5000
#define STALL_MS      10000
#define STALL_BYTES   2000
#define ROOM_BYTES    (64 * 1024) /* free in the ring before more is asked for */
#define LEAVING_MAX   4
#define METAINT_MAX   (1 << 20)
#define WHY_BYTES     240

struct relay {
    struct relay *next;
    struct relays *relays;

    /* constant */
    char station[64], mount[96], url[300];
    bool is_private;

    /* guarded by the lock */
    bool is_gone;                      /* from the board: ends as soon as it can */
    struct fetch *fetch;               /* NULL: none under way */
    struct port *port;                 /* NULL: nothing has come yet */
    struct port *leaving[LEAVING_MAX]; /* over; the air has them still */
    struct icy_strip strip;
    bool is_waiting;   /* the ring had no room for what came */
    bool is_told_up;   /* in the log */
    struct mono sound; /* since when there were frames; 0 = none yet */
    struct mono due;   /* of the next try */
    unsigned failures_count;
    char why[WHY_BYTES];  /* it ends; "" = not known yet */
    char told[WHY_BYTES]; /* the last reason in the log */
};

struct relays {
    struct air *air;
    struct fetcher *fetcher;
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t wake;  /* of the thread; and of relays_free() */
    struct relay *first;
    bool must_stop;
};

int64_t relay_delay_us(unsigned failures_count, uint64_t random)
{
    int64_t delay_us = failures_count < 6 ? US_PER_S << failures_count : DELAY_MAX_US;
    int64_t swing_us = delay_us / 4;
    return delay_us - swing_us + (int64_t)(random % (uint64_t)(2 * swing_us + 1));
}

static struct mono now_of(const struct relays *relays)
{
    return clock_mono(relays->air->config.clock);
}

/* ---- the log ---- */

static void say_why(struct relay *relay, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The first reason is the one: what follows from it is no news. */
static void say_why(struct relay *relay, const char *format, ...)
{
    va_list args;
    if (relay->why[0] != '\0')
        return;
    va_start(args, format);
    vsnprintf(relay->why, sizeof relay->why, format, args);
    va_end(args);
}

static void log_up(struct relay *relay)
{
    const struct source_facts *f = &relay->port->facts;
    struct log_text name;
    relay->is_told_up = true;
    log_info(EV_SOURCE_UP, "source=%llu station=%s mount=%s user=%s type=%s name=%s",
             (unsigned long long)f->id, f->station, f->mount, f->user, f->content_type,
             log_text(&name, str_of(f->name)));
}

static void log_down(struct relay *relay)
{
    const struct port *port = relay->port;
    struct log_text why;
    relay->is_told_up = false;
    log_info(EV_SOURCE_DOWN, "source=%llu mount=%s user=%s bytes=%llu skipped=%llu why=%s",
             (unsigned long long)port->facts.id, relay->mount, port->facts.user,
             (unsigned long long)atomic_load(&port->bytes_read),
             (unsigned long long)atomic_load(&port->skipped_bytes),
             log_text(&why, str_of(relay->why)));
}

static void log_failure(struct relay *relay, int64_t delay_us)
{
    struct log_text why;
    if (strcmp(relay->told, relay->why) == 0)
        return;
    memcpy(relay->told, relay->why, sizeof relay->told);
    log_warn(EV_RELAY, "station=%s mount=%s again_ms=%lld text=%s", relay->station, relay->mount,
             (long long)(delay_us / US_PER_MS), log_text(&why, str_of(relay->why)));
}

/* ---- one relay: lock held ---- */

static struct port **free_place(struct relay *relay)
{
    for (int i = 0; i < LEAVING_MAX; i++)
        if (!relay->leaving[i])
            return &relay->leaving[i];
    return NULL;
}

/* Nothing more comes into the port; what lies in it is still heard, unless it was killed. */
static void end_port(struct relay *relay)
{
    struct port **place = free_place(relay);
    if (!relay->port)
        return;
    if (relay->is_told_up)
        log_down(relay);
    assert(place); /* a fetch begins only when there is one */
    *place = relay->port;
    relay->port = NULL;
    atomic_store_explicit(&(*place)->has_ended, true, memory_order_release);
}

/* When to try again. */
static void plan_next(struct relay *relay)
{
    struct mono now = now_of(relay->relays);
    if (relay->sound.us != 0 && now.us - relay->sound.us >= GOOD_AFTER_US) {
        relay->failures_count = 0;
        relay->told[0] = '\0';
    }
    int64_t delay_us = relay_delay_us(relay->failures_count++, random_u64());
    relay->due.us = now.us + delay_us;
    relay->sound.us = 0;
    if (!relay->is_gone)
        log_failure(relay, delay_us);
}

static void on_done(void *ctx, const struct fetch_result *result)
{
    struct relay *relay = ctx;
    struct relays *relays = relay->relays;
    pthread_mutex_lock(&relays->lock);
    bool is_private = str_ends(str_of(result->detail), STR("is a private one"));
    if (result->err)
        say_why(relay, "%s%s", result->detail, is_private ? ", and \"private\" is not set" : "");
    else
        say_why(relay, "it ended");
    end_port(relay);
    plan_next(relay);
    relay->fetch = NULL;
    relay->is_waiting = false;
    pthread_cond_broadcast(&relays->wake);
    pthread_mutex_unlock(&relays->lock);
}

/* ---- the answer.   Thread: fetch ---- */

static bool is_playlist(struct str type)
{
    static const char *const types[] = {"audio/x-mpegurl",       "audio/mpegurl",
                                        "audio/x-scpls",         "application/vnd.apple.mpegurl",
                                        "application/x-mpegurl", "application/pls+xml"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_eq_nocase(type, str_of(types[i])))
            return true;
    return false;
}

/* Is it a stream of sound?   Errors: E_UNSUPPORTED, with the reason said. */
static enum err judge(struct relay *relay, const struct fetch_answer *answer,
                      enum container *container)
{
    struct log_text quoted;
    /* The oldest servers say nothing, and send MP3. */
    struct str type = answer->content_type.len > 0 ? answer->content_type : STR("audio/mpeg");
    if (answer->status != 200)
        say_why(relay, "the answer is %u", answer->status);
    else if (is_playlist(type))
        say_why(relay, "it is a playlist: the address that stands in it is wanted");
    else if (container_from_type(type, container) != OK)
        say_why(relay, "what comes is %s, not MP3, AAC (ADTS) or Ogg", log_text(&quoted, type));
    else
        return OK;
    return E_UNSUPPORTED;
}

static enum err admit(struct relay *relay, const struct fetch_answer *answer,
                      enum container container)
{
    struct source_facts facts = {.user = "relay", .agent = "relay"};
    struct air *air = relay->relays->air;
    str_copy(facts.station, sizeof facts.station, str_of(relay->station));
    str_copy(facts.mount, sizeof facts.mount, str_of(relay->mount));
    title_clean(answer->icy_name, false, facts.name, sizeof facts.name);
    title_clean(answer->content_type, false, facts.content_type, sizeof facts.content_type);
    enum err err = air_admit(air, &facts, container, &relay->port);
    if (err) {
        say_why(relay, "the air does not take it: %s", err_text(err));
        return err;
    }
    uint32_t metaint = answer->icy_metaint <= METAINT_MAX ? answer->icy_metaint : 0;
    icy_strip_init(&relay->strip, metaint);
    atomic_store(&relay->port->last_bytes_mono_us, now_of(relay->relays).us);
    atomic_fetch_add(&air->logins, 1);
    return OK;
}

static enum err on_head(void *ctx, const struct fetch_answer *answer)
{
    struct relay *relay = ctx;
    enum container container;
    pthread_mutex_lock(&relay->relays->lock);
    enum err err = relay->is_gone ? E_CLOSED : judge(relay, answer, &container);
    if (!err)
        err = admit(relay, answer, container);
    pthread_mutex_unlock(&relay->relays->lock);
    return err;
}

static bool has_room(const struct port *port)
{
    return ring_room(port->ring) >= ROOM_BYTES &&
           !atomic_load_explicit(&port->is_held_back, memory_order_relaxed);
}

static void push(struct relay *relay, struct str bytes)
{
    struct port *port = relay->port;
    while (bytes.len > 0) {
        struct str sound, title;
        size_t used = icy_strip_next(&relay->strip, bytes, &sound);
        size_t taken = ring_push(port->ring, sound);
        assert(taken == sound.len); /* never more than there is room for */
        if (icy_strip_take_title(&relay->strip, &title) == OK)
            port_set_title(port, title, false);
        bytes = str_slice(bytes, used, bytes.len);
    }
}

static size_t on_bytes(void *ctx, struct str bytes)
{
    struct relay *relay = ctx;
    struct relays *relays = relay->relays;
    struct air *air = relays->air;
    pthread_mutex_lock(&relays->lock);
    struct port *port = relay->port;
    size_t taken = bytes.len;
    if (port) {
        taken = has_room(port) ? ring_room(port->ring) : 0;
        struct str piece = str_slice(bytes, 0, taken);
        taken = piece.len;
        push(relay, piece);
        relay->is_waiting = taken < bytes.len;
        atomic_fetch_add_explicit(&port->bytes_read, taken, memory_order_relaxed);
        atomic_fetch_add_explicit(&air->bytes_read, taken, memory_order_relaxed);
        atomic_store_explicit(&port->last_bytes_mono_us, now_of(relays).us, memory_order_relaxed);
    }
    pthread_mutex_unlock(&relays->lock);
    return taken;
}

/* ---- ten times a second: lock held ---- */

static void begin(struct relay *relay)
{
    struct relays *relays = relay->relays;
    struct fetch_config config = {
        .url = relay->url,
        .allow_private = relay->is_private,
        .is_stream = true,
        .connect_ms = CONNECT_MS,
        .stall_ms = STALL_MS,
        .stall_bytes = STALL_BYTES,
        .ctx = relay,
        .on_head = on_head,
        .on_bytes = on_bytes,
        .on_done = on_done,
    };
    relay->why[0] = '\0';
    enum err err = fetch_start(relays->fetcher, &config, &relay->fetch);
    if (err) {
        say_why(relay, "%s", err == E_SYNTAX ? "its address is none" : err_text(err));
        plan_next(relay);
    }
}

/* What a stream had sent is played out after its end, but nobody waits for that at the end of all. */
static void free_leaving(struct relay *relay, bool is_draining)
{
    for (int i = 0; i < LEAVING_MAX; i++) {
        struct port *port = relay->leaving[i];
        if (port && is_draining)
            atomic_store(&port->kill_reason, "mast is stopping");
        if (!port || !atomic_load_explicit(&port->air_is_done, memory_order_acquire))
            continue;
        air_ports_remove(relay->relays->air, port);
        port_free(&relay->leaving[i]);
    }
}

/* What do others want of it? */
static void look_at_port(struct relay *relay, struct mono now)
{
    struct port *port = relay->port;
    const char *why = atomic_load(&port->kill_reason);
    if (!why)
        why = atomic_load_explicit(&port->given_up, memory_order_acquire);
    if (relay->sound.us == 0 && atomic_load_explicit(&port->frames, memory_order_relaxed) > 0)
        relay->sound = now;
    if (relay->sound.us != 0 && !relay->is_told_up)
        log_up(relay);
    if (why) {
        say_why(relay, "%s", why);
        end_port(relay);
        fetch_cancel(relay->relays->fetcher, relay->fetch);
    } else if (relay->is_waiting) {
        /* The silence is ours, not the source's. */
        atomic_store_explicit(&port->last_bytes_mono_us, now.us, memory_order_relaxed);
        relay->is_waiting = !has_room(port);
        if (!relay->is_waiting)
            fetch_resume(relay->relays->fetcher, relay->fetch);
    }
}

static bool is_over(const struct relay *relay)
{
    bool is_empty = true;
    for (int i = 0; i < LEAVING_MAX; i++)
        is_empty = is_empty && !relay->leaving[i];
    return relay->is_gone && !relay->fetch && is_empty;
}

static void look(struct relays *relays)
{
    struct mono now = now_of(relays);
    bool is_draining = atomic_load(&relays->air->is_draining);
    for (struct relay **at = &relays->first; *at;) {
        struct relay *relay = *at;
        free_leaving(relay, is_draining);
        if (relay->port)
            look_at_port(relay, now);
        if (is_over(relay)) {
            *at = relay->next;
            mem_free(relay);
            continue;
        }
        bool may_begin = !relay->fetch && !relay->is_gone && !is_draining;
        if (may_begin && now.us >= relay->due.us && free_place(relay))
            begin(relay);
        at = &relay->next;
    }
}

void relays_tick(struct relays *relays)
{
    pthread_mutex_lock(&relays->lock);
    look(relays);
    pthread_mutex_unlock(&relays->lock);
}

/* ---- the board.   Thread: control ---- */

static void end_relay(struct relay *relay, const char *why)
{
    relay->is_gone = true;
    say_why(relay, "%s", why);
    if (relay->port)
        atomic_store(&relay->port->kill_reason, why);
    end_port(relay);
    if (relay->fetch)
        fetch_cancel(relay->relays->fetcher, relay->fetch);
}

static bool is_same(const struct relay *relay, const struct board_station *station,
                    const struct board_source *source)
{
    return !relay->is_gone && strcmp(relay->station, station->slug) == 0 &&
           strcmp(relay->mount, source->mount) == 0 && strcmp(relay->url, source->relay) == 0 &&
           relay->is_private == source->is_private;
}

static bool is_on_board(const struct relay *relay, const struct board *board)
{
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].sources_count; j++)
            if (is_same(relay, &board->stations[i], &board->stations[i].sources[j]))
                return true;
    return false;
}

static enum err add(struct relays *relays, const struct board_station *station,
                    const struct board_source *source)
{
    for (struct relay *relay = relays->first; relay; relay = relay->next)
        if (is_same(relay, station, source))
            return OK;
    struct relay *relay = mem_new(sizeof *relay);
    if (!relay)
        return E_NOMEM;
    relay->relays = relays;
    str_copy(relay->station, sizeof relay->station, str_of(station->slug));
    str_copy(relay->mount, sizeof relay->mount, str_of(source->mount));
    str_copy(relay->url, sizeof relay->url, str_of(source->relay));
    relay->is_private = source->is_private;
    relay->next = relays->first;
    relays->first = relay;
    return OK;
}

enum err relays_set(struct relays *relays, const struct board *board)
{
    enum err err = OK;
    pthread_mutex_lock(&relays->lock);
    for (struct relay *relay = relays->first; relay; relay = relay->next)
        if (!relay->is_gone && !is_on_board(relay, board))
            end_relay(relay, "it was taken off the board");
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->sources_count; j++)
            if (station->sources[j].relay[0] != '\0' && add(relays, station, &station->sources[j]))
                err = E_NOMEM;
    }
    pthread_cond_broadcast(&relays->wake);
    pthread_mutex_unlock(&relays->lock);
    return err;
}

/* ---- the thread ---- */

static void *run(void *ctx)
{
    struct relays *relays = ctx;
    pthread_mutex_lock(&relays->lock);
    while (!relays->must_stop) {
        look(relays);
        if (!relays->first) {
            pthread_cond_wait(&relays->wake, &relays->lock);
            continue;
        }
        int64_t until_us = clock_mono(clock_real()).us + TICK_US;
        struct timespec until = {until_us / US_PER_S, until_us % US_PER_S * 1000};
        pthread_cond_timedwait(&relays->wake, &relays->lock, &until);
    }
    pthread_mutex_unlock(&relays->lock);
    return NULL;
}

enum err relays_make(struct air *air, struct fetcher *fetcher, struct relays **out)
{
    pthread_condattr_t attributes;
    struct relays *relays = *out = mem_new(sizeof *relays);
    if (!relays)
        return E_NOMEM;
    relays->air = air;
    relays->fetcher = fetcher;
    int failed = pthread_mutex_init(&relays->lock, NULL);
    assert(!failed);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failed = pthread_cond_init(&relays->wake, &attributes);
    assert(!failed);
    pthread_condattr_destroy(&attributes);
    return OK;
}

enum err relays_new(struct air *air, struct fetcher *fetcher, struct relays **out)
{
    enum err err = relays_make(air, fetcher, out);
    if (err)
        return err;
    if (pthread_create(&(*out)->thread, NULL, run, *out) != 0) {
        relays_free(out);
        return E_LIMIT;
    }
    pthread_setname_np((*out)->thread, "relay");
    (*out)->has_thread = true;
    return OK;
}

static bool any_fetch(const struct relays *relays)
{
    for (const struct relay *relay = relays->first; relay; relay = relay->next)
        if (relay->fetch)
            return true;
    return false;
}

/* Ports that the air has still are its own now: a later login or air_free() frees them. */
static void abandon_ports(struct relay *relay)
{
    for (int i = 0; i < LEAVING_MAX; i++)
        if (relay->leaving[i])
            atomic_store(&relay->leaving[i]->is_abandoned, true);
}

void relays_free(struct relays **relays)
{
    struct relays *r = *relays;
    *relays = NULL;
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->must_stop = true;
    for (struct relay *relay = r->first; relay; relay = relay->next)
        end_relay(relay, "mast is stopping");
    pthread_cond_broadcast(&r->wake);
    while (any_fetch(r))
        pthread_cond_wait(&r->wake, &r->lock);
    pthread_mutex_unlock(&r->lock);
    if (r->has_thread)
        pthread_join(r->thread, NULL);
    while (r->first) {
        struct relay *relay = r->first;
        r->first = relay->next;
        abandon_ports(relay);
        mem_free(relay);
    }
    pthread_cond_destroy(&r->wake);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}
