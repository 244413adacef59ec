/* air/source.c - a source on its loop: socket -> [chunks off] -> [ICY metadata off] -> ring.
 *
 * Reading stops while the ring is full or the air holds the source back; the socket then slows the
 * sender down. A timer looks ten times a second for what the other threads want. */
#include "air/air_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/access.h"
#include "net/chunked.h"

#include <ctype.h>

#define LOOK_MS               100
#define READ_BYTES            (32 * 1024)
#define CHUNK_SIZE_DIGITS_MAX 8

struct source {
    struct air *air;
    struct port *port;
    struct sock sock;
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer timer;
    struct source_start how;
    struct chunked chunked;
    struct icy_strip strip;
    enum { BODY_UNKNOWN, BODY_RAW, BODY_CHUNKED } body;
    struct buf unread;  /* bytes that came with the head, or wait for looks_chunked() */
    int64_t left_bytes; /* of an announced length; -1 = endless */
    struct mono began;
    bool is_closing;
};

/* ---- the end ---- */

static void on_timer_closed(struct loop_timer *timer)
{
    struct source *source = (struct source *)((char *)timer - offsetof(struct source, timer));
    air_ports_remove(source->air, source->port);
    port_free(&source->port);
    mem_free(source);
}

static void on_watch_closed(struct loop_watch *watch)
{
    (void)watch; /* the timer goes on until the air has let go */
}

static void log_end(const struct source *source, const char *why)
{
    const struct port *port = source->port;
    int64_t seconds = (loop_now(source->loop).us - source->began.us) / US_PER_S;
    uint64_t bytes = atomic_load(&port->bytes_read);
    uint64_t skipped = atomic_load(&port->skipped_bytes);
    struct log_text reason;
    log_info(
        EV_SOURCE_DOWN, "source=%llu mount=%s user=%s seconds=%lld bytes=%llu skipped=%llu why=%s",
        (unsigned long long)port->facts.id, port->facts.mount, port->facts.user, (long long)seconds,
        (unsigned long long)bytes, (unsigned long long)skipped, log_text(&reason, str_of(why)));
    struct access_line line = {
        .peer = port->facts.peer,
        .user = str_of(port->facts.user),
        .method = STR("SOURCE"),
        .target = str_of(port->facts.mount),
        .agent = str_of(port->facts.agent),
        .version = 10,
        .status = 200,
        .bytes = bytes,
        .began = port->facts.since,
        .seconds = (uint64_t)seconds,
    };
    access_log(&line);
}

static void source_end(struct source *source, const char *why)
{
    if (source->is_closing)
        return;
    source->is_closing = true;
    log_end(source, why);
    if (source->how.wants_final_200) {
        /* A PUT ends with its answer; whoever left does not read it, which is no error. */
        static const char done[] =
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        struct iovec iov = {(void *)done, sizeof done - 1};
        size_t sent;
        if (sock_writev(&source->sock, &iov, 1, &sent) != OK)
            log_debug(EV_SOURCE_DOWN, "source=%llu text=\"left before the answer\"",
                      (unsigned long long)source->port->facts.id);
    }
    loop_watch_close(&source->watch, on_watch_closed);
    sock_close(&source->sock);
    buf_release(&source->unread);
    atomic_store_explicit(&source->port->has_ended, true, memory_order_release);
}

/* ---- bytes ---- */

static void push(struct source *source, struct str sound)
{
    size_t taken = ring_push(source->port->ring, sound);
    assert(taken == sound.len); /* never more is read than there is room for */
}

static void take_sound(struct source *source, struct str bytes)
{
    if (source->how.metaint_bytes == 0) {
        push(source, bytes);
        return;
    }
    while (bytes.len > 0) {
        struct str sound, title;
        size_t used = icy_strip_next(&source->strip, bytes, &sound);
        push(source, sound);
        if (icy_strip_take_title(&source->strip, &title) == OK)
            port_set_title(source->port, title, false);
        bytes = str_slice(bytes, used, bytes.len);
    }
}

static void on_chunk_bytes(void *ctx, struct str bytes)
{
    take_sound(ctx, bytes);
}

/* Errors: E_SYNTAX, E_TOO_LONG bad framing; E_CLOSED the body is over. */
static enum err take_chunked(struct source *source, struct str bytes)
{
    size_t used;
    enum err err = chunked_feed(&source->chunked, bytes, &used);
    return !err && source->chunked.is_done ? E_CLOSED : err;
}

/* Could these bytes begin with the size of a chunk? Some clients announce chunks and send none.
 * Errors: E_AGAIN not enough to tell; E_SYNTAX no. */
static enum err looks_chunked(struct str bytes)
{
    size_t digits = 0;
    while (digits < bytes.len && isxdigit((unsigned char)bytes.ptr[digits]))
        digits++;
    if (digits > CHUNK_SIZE_DIGITS_MAX)
        return E_SYNTAX;
    if (digits == bytes.len)
        return E_AGAIN;
    return digits > 0 && (bytes.ptr[digits] == '\r' || bytes.ptr[digits] == ';') ? OK : E_SYNTAX;
}

/* Decides by the first bytes whether chunks that were announced do come. */
static enum err find_out_body(struct source *source, struct str bytes)
{
    buf_add(&source->unread, bytes);
    enum err err = buf_err(&source->unread);
    if (err)
        return err;
    struct str all = buf_str(&source->unread);
    err = looks_chunked(all);
    if (err == E_AGAIN)
        return OK;
    source->body = err == OK ? BODY_CHUNKED : BODY_RAW;
    if (source->body == BODY_RAW) {
        take_sound(source, all);
        err = OK;
    } else {
        err = take_chunked(source, all);
    }
    buf_release(&source->unread);
    return err;
}

static enum err take_bytes(struct source *source, struct str bytes)
{
    atomic_fetch_add_explicit(&source->port->bytes_read, bytes.len, memory_order_relaxed);
    atomic_fetch_add_explicit(&source->air->bytes_read, bytes.len, memory_order_relaxed);
    atomic_store_explicit(&source->port->last_bytes_mono_us, loop_now(source->loop).us,
                          memory_order_relaxed);
    if (source->left_bytes >= 0) {
        bytes = str_slice(bytes, 0, (size_t)source->left_bytes);
        source->left_bytes -= (int64_t)bytes.len;
    }
    enum err err = OK;
    if (source->body == BODY_UNKNOWN)
        err = find_out_body(source, bytes);
    else if (source->body == BODY_CHUNKED)
        err = take_chunked(source, bytes);
    else
        take_sound(source, bytes);
    return !err && source->left_bytes == 0 ? E_CLOSED : err;
}

static bool may_read(const struct source *source)
{
    return ring_room(source->port->ring) >= READ_BYTES * 2 &&
           !atomic_load_explicit(&source->port->is_held_back, memory_order_relaxed);
}

static void end_for(struct source *source, enum err err)
{
    if (err == E_CLOSED)
        source_end(source, "it ended");
    else if (err == E_SYNTAX || err == E_TOO_LONG)
        source_end(source, "its chunked encoding is broken");
    else
        source_end(source, err_text(err));
}

static void on_event(struct loop_watch *watch, unsigned events)
{
    struct source *source = (struct source *)((char *)watch - offsetof(struct source, watch));
    char bytes[READ_BYTES];
    size_t got;
    (void)events;
    if (!may_read(source)) {
        loop_watch_set(&source->watch, 0);
        return;
    }
    enum err err = sock_read(&source->sock, bytes, sizeof bytes, &got);
    if (err == E_AGAIN)
        return;
    if (!err)
        err = take_bytes(source, (struct str){bytes, got});
    if (err)
        end_for(source, err);
}

/* ---- what others want ---- */

static void look(struct source *source)
{
    const char *kill_reason = atomic_load(&source->port->kill_reason);
    const char *given_up = atomic_load_explicit(&source->port->given_up, memory_order_acquire);
    if (kill_reason) {
        source_end(source, kill_reason);
        return;
    }
    if (given_up) {
        struct log_text reason;
        log_warn(EV_SOURCE_BAD, "source=%llu mount=%s text=%s",
                 (unsigned long long)source->port->facts.id, source->port->facts.mount,
                 log_text(&reason, str_of(given_up)));
        source_end(source, given_up);
        return;
    }
    if (!may_read(source)) {
        /* The silence is ours, not the source's. */
        atomic_store_explicit(&source->port->last_bytes_mono_us, loop_now(source->loop).us,
                              memory_order_relaxed);
        return;
    }
    loop_watch_set(&source->watch, LOOP_READ);
    int64_t silent_us =
        loop_now(source->loop).us -
        atomic_load_explicit(&source->port->last_bytes_mono_us, memory_order_relaxed);
    if (silent_us > source->air->config.source_timeout_ms * US_PER_MS)
        source_end(source, "it sent nothing for too long");
}

static void on_time(struct loop_timer *timer)
{
    struct source *source = (struct source *)((char *)timer - offsetof(struct source, timer));
    if (!source->is_closing) {
        look(source);
        return;
    }
    if (atomic_load_explicit(&source->port->air_is_done, memory_order_acquire)) {
        loop_timer_stop(timer);
        loop_timer_close(timer, on_timer_closed);
    }
}

/* ---- the start ---- */

static void log_start_of(const struct source *source)
{
    const struct source_facts *f = &source->port->facts;
    char peer[ADDR_BYTES];
    struct log_text agent, type;
    addr_format(&f->peer, peer);
    log_info(EV_SOURCE_UP, "source=%llu station=%s mount=%s user=%s peer=%s type=%s agent=%s",
             (unsigned long long)f->id, f->station, f->mount, f->user, peer,
             log_text(&type, str_of(f->content_type)), log_text(&agent, str_of(f->agent)));
}

enum err source_start(struct air *air, const struct source_start *how, struct sock *sock,
                      struct buf *rest)
{
    struct source *source = mem_new(sizeof *source);
    if (!source)
        return E_NOMEM;
    source->air = air;
    source->port = how->port;
    source->how = *how;
    source->loop = how->loop;
    source->sock = *sock;
    source->left_bytes = how->content_length;
    source->began = loop_now(how->loop);
    source->body = how->may_be_chunked ? BODY_UNKNOWN : BODY_RAW;
    chunked_init(&source->chunked, on_chunk_bytes, source);
    buf_init(&source->unread, PORT_RING_BYTES); /* a piece, and what came with the head */
    if (how->metaint_bytes > 0)
        icy_strip_init(&source->strip, how->metaint_bytes);
    enum err err = loop_watch_open(how->loop, &source->watch, sock->fd, on_event);
    if (err) {
        mem_free(source);
        return err;
    }
    sock->fd = -1;
    loop_timer_open(how->loop, &source->timer, on_time);
    loop_timer_start(&source->timer, LOOK_MS, LOOK_MS);
    loop_watch_set(&source->watch, LOOP_READ);
    atomic_fetch_add(&air->logins, 1);
    atomic_store(&source->port->last_bytes_mono_us, source->began.us);
    log_start_of(source);
    err = rest->len > 0 ? take_bytes(source, buf_str(rest)) : OK;
    if (err)
        end_for(source, err);
    return OK;
}
