/* air/port.c - contract in port_priv.h */
#include "air/port_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

/* Bytes go to the framer in small pieces: what lies in it has left the ring, but is not heard yet,
 * and counts neither for the cushion nor for the place of a title. */
#define PIECE_BYTES 256

enum err port_new(const struct source_facts *facts, enum container container, struct port **out)
{
    enum err err = OK;
    *out = NULL;
    struct port *port = mem_new(sizeof *port);
    if (!port)
        return E_NOMEM;
    port->facts = *facts;
    int failed = pthread_mutex_init(&port->lock, NULL);
    assert(!failed);
    stamp_init(&port->stamp);
    err = ring_new(PORT_RING_BYTES, &port->ring);
    if (!err)
        err = framer_new(container, &port->framer);
    if (!err)
        err = history_new(&port->history);
    if (err)
        port_free(&port);
    *out = port;
    return err;
}

void port_free(struct port **port)
{
    if (!*port)
        return;
    ring_free(&(*port)->ring);
    framer_free(&(*port)->framer);
    history_free(&(*port)->history);
    int failed = pthread_mutex_destroy(&(*port)->lock);
    assert(!failed);
    mem_free(*port);
    *port = NULL;
}

void port_set_title(struct port *port, struct str raw, bool latin1)
{
    char title[TITLE_BYTES];
    size_t len = title_clean(raw, latin1, title, sizeof title);
    pthread_mutex_lock(&port->lock);
    if (!str_eq(str_of(port->title), (struct str){title, len})) {
        if (port->titles_count == PORT_TITLES_MAX)
            port->titles_count--; /* the newest gives way */
        struct port_title *t = &port->titles[port->titles_count++];
        t->at = ring_pushed(port->ring);
        memcpy(t->text, title, len + 1);
        memcpy(port->title, title, len + 1);
    }
    pthread_mutex_unlock(&port->lock);
}

int64_t port_waiting_us(const struct port *port)
{
    uint64_t bytes = ring_pushed(port->ring) - ring_dropped(port->ring);
    if (port->bitrate_bps == 0)
        return 0;
    return (int64_t)(bytes * 8 * (uint64_t)US_PER_S / port->bitrate_bps);
}

bool port_is_over(const struct port *port)
{
    if (!atomic_load_explicit(&port->has_ended, memory_order_acquire))
        return false;
    return atomic_load_explicit(&port->kill_reason, memory_order_relaxed) ||
           atomic_load_explicit(&port->given_up, memory_order_relaxed) ||
           (!port->has_pending && ring_peek(port->ring).len == 0);
}

/* Moves bytes from the ring to the framer until a frame comes out.   Errors: as framer_next(). */
static enum err next_frame(struct port *port)
{
    for (;;) {
        enum err err = framer_next(port->framer, &port->pending);
        if (err != E_AGAIN) {
            port->has_pending = err == OK;
            return err;
        }
        struct str bytes = str_slice(ring_peek(port->ring), 0, PIECE_BYTES);
        if (bytes.len == 0)
            return E_AGAIN;
        size_t taken = framer_push(port->framer, bytes);
        assert(taken > 0);
        ring_drop(port->ring, taken);
    }
}

/* Takes the titles whose place in the ring was reached; the last of them holds.   lock held. */
static bool take_titles_due(struct port *port)
{
    size_t due = 0;
    while (due < port->titles_count && port->titles[due].at <= ring_dropped(port->ring))
        due++;
    if (due == 0)
        return false;
    memcpy(port->title_on_air, port->titles[due - 1].text, TITLE_BYTES);
    port->titles_count -= due;
    memmove(port->titles, port->titles + due, port->titles_count * sizeof port->titles[0]);
    return true;
}

/* A title set from outside holds from a place in the ring; the framer is past it. If somebody has
 * the lock just now, the next frame will do. */
static struct str take_title(struct port *port)
{
    char own[TITLE_BYTES];
    if (pthread_mutex_trylock(&port->lock) != 0)
        return (struct str){NULL, 0};
    bool is_new = take_titles_due(port);
    if (framer_take_title(port->framer, own, sizeof own) == OK) {
        memcpy(port->title_on_air, own, sizeof own);
        memcpy(port->title, own, sizeof own);
        is_new = true;
    }
    pthread_mutex_unlock(&port->lock);
    return is_new ? str_of(port->title_on_air) : (struct str){NULL, 0};
}

static void log_format(const struct port *port, const struct format *format)
{
    const char *how = port->shown.codec == CODEC_NONE ? "begins" : "changes";
    log_info(EV_SOURCE_FORMAT, "source=%llu mount=%s how=%s codec=%s rate_hz=%u channels=%u",
             (unsigned long long)port->facts.id, port->facts.mount, how, codec_name(format->codec),
             format->rate_hz, format->channels);
}

/* Returns whether it is another one than before, if there was one. */
static bool note_format(struct port *port)
{
    const struct format *format = &port->pending.format;
    bool is_first = port->shown.codec == CODEC_NONE;
    bool is_new = !format_same(format, &port->shown);
    if (is_new) {
        log_format(port, format);
        port->shown = *format;
        port->format_is_told = false;
    }
    if (!port->format_is_told && pthread_mutex_trylock(&port->lock) == 0) {
        port->format = *format;
        port->format_is_told = true;
        pthread_mutex_unlock(&port->lock);
    }
    return is_new && !is_first;
}

/* Bits a second of what has come so far, quick at first and then slow, since VBR swings. */
static void note_bitrate(struct port *port)
{
    const struct frame *f = &port->pending;
    if (f->samples == 0)
        return; /* the first packet of Vorbis only prepares the next */
    uint64_t bps = (uint64_t)f->bytes.len * 8 * f->format.rate_hz / f->samples;
    if (port->bitrate_bps == 0)
        port->bitrate_bps = (uint32_t)bps;
    else
        port->bitrate_bps = (uint32_t)((port->bitrate_bps * UINT64_C(31) + bps) / 32);
    if (port->bitrate_bps == 0)
        port->bitrate_bps = 1;
}

/* Notes from when on the sound is unbroken, and not too slow either. (That of a standby may find
 * another place in time: nobody hears that.) */
static void note_good(struct port *port, struct utc now, bool broken)
{
    int64_t last_us = atomic_load_explicit(&port->last_frame_us, memory_order_relaxed);
    if ((broken && port->is_heard) || now.us - last_us >= PORT_STALL_US)
        port->good_since_us = now.us;
    atomic_store_explicit(&port->last_frame_us, now.us, memory_order_release);
}

/* Notes where a hole in its sound ends. */
static void note_hole(struct port *port, struct utc start)
{
    int64_t end_us = history_end(port->history).us;
    if (end_us == 0 || start.us - end_us > PORT_SEAM_US)
        port->whole_from_us = start.us;
}

static void use_pending(struct port *port, struct utc now, struct utc start, bool broken,
                        port_news_fn *news, void *ctx)
{
    const struct frame *f = &port->pending;
    uint32_t seq = 0;
    struct str setup = framer_setup(port->framer, &seq);
    if (note_format(port))
        broken = true;
    note_bitrate(port);
    note_good(port, now, broken);
    note_hole(port, start);
    history_push(port->history, f, start, setup, seq);
    struct str title = take_title(port);
    if (broken || title.ptr)
        news(ctx, port, start, broken, title);
    stamp_take(&port->stamp, f->samples, f->format.rate_hz);
    port->has_pending = false;
    atomic_fetch_add_explicit(&port->frames, 1, memory_order_relaxed);
}

/* What is no sound at all is given up, so that its sender is told. */
static void look_for_noise(struct port *port, enum err err)
{
    struct framer_losses losses = framer_losses(port->framer);
    atomic_store_explicit(&port->skipped_bytes, losses.skipped_bytes, memory_order_relaxed);
    if (err == E_UNSUPPORTED)
        atomic_store_explicit(&port->given_up, framer_why(port->framer), memory_order_release);
    else if (losses.since_frame_bytes > PORT_NOISE_BYTES)
        atomic_store_explicit(&port->given_up, "what it sends is not the sound that it announced",
                              memory_order_release);
}

static void look_at_pace(struct port *port, struct utc now)
{
    int64_t waiting_us = port_waiting_us(port);
    bool held_back = waiting_us > PORT_CUSHION_US;
    atomic_store_explicit(&port->is_held_back, held_back, memory_order_relaxed);
    stamp_look(&port->stamp, now, waiting_us, held_back);
    /* A first burst is every encoder's custom; only going on like that is worth a line. */
    if (held_back && !port->fast_was_logged && port->good_since_us != 0 &&
        now.us - port->good_since_us > 10 * US_PER_S) {
        port->fast_was_logged = true;
        log_warn(EV_SOURCE_FAST,
                 "source=%llu mount=%s text=\"sends faster than real time; held back\"",
                 (unsigned long long)port->facts.id, port->facts.mount);
    }
}

static bool begins_link(const struct port *port)
{
    uint32_t seq = 0;
    (void)framer_setup(port->framer, &seq);
    return !history_fits(port->history, &port->pending, seq);
}

void port_run(struct port *port, struct utc now, port_news_fn *news, void *ctx)
{
    enum err err = OK;
    /* At most some seconds of frames a tick: catching up after a hiccup must not starve others. */
    for (int i = 0; i < 200; i++) {
        if (!port->has_pending)
            err = next_frame(port);
        if (err || (i > 0 && begins_link(port)))
            break; /* what came before a new link is to be seen by all before it goes */
        /* The deck renders what is on the air: a standby that stays behind it is never judged. */
        int64_t bearable_us = port->is_heard ? STAMP_LATE_US : STAMP_LATE_UNHEARD_US;
        bool broken;
        struct utc start = stamp_next(&port->stamp, now, bearable_us, &broken);
        if (start.us > now.us)
            break;
        use_pending(port, now, start, broken, news, ctx);
    }
    look_for_noise(port, err);
    look_at_pace(port, now);
}

void port_jump(struct port *port, int64_t by_us)
{
    int64_t last_us = atomic_load_explicit(&port->last_frame_us, memory_order_relaxed);
    if (last_us != 0)
        atomic_store_explicit(&port->last_frame_us, last_us + by_us, memory_order_release);
    stamp_jump(&port->stamp, by_us);
    history_clear(port->history);
    if (port->good_since_us != 0)
        port->good_since_us += by_us;
    if (port->health.mended.us != 0)
        port->health.mended.us += by_us;
}
