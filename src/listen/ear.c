/* listen/ear.c - one listener; contract in ear_priv.h */
#include "listen/ear_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "listen/past_priv.h"
#include "listen/supply_priv.h"
#include "net/access.h"

#include <string.h>

#define SEND_BUFFER_BYTES (96 * 1024)
#define KEEPALIVE_S       60
#define ROUNDS_MAX        4
/* So far behind in bytes that it is worth looking how far that is in time. */
#define LAG_LOOK_BYTES (64 * 1024)

/* ---- sending ---- */

/* Does more sound lie between what he has and what he is due than the lag allows? */
static enum err look_at_lag(const struct ear *ear, uint64_t from, uint64_t to)
{
    struct utc has, is_due;
    if (to - from < LAG_LOOK_BYTES)
        return OK;
    enum err err = tape_time_of(ear->tape, from, &has);
    if (!err)
        err = tape_time_of(ear->tape, to, &is_due);
    if (err)
        return err;
    return is_due.us - has.us > ear->hall->listen->config.lag_ms * US_PER_MS ? E_LAGGED : OK;
}

static void go_live(struct ear *ear)
{
    past_free(&ear->past);
    atomic_store_explicit(&ear->row->behind_us, 0, memory_order_relaxed);
}

static bool is_in_ram(const struct ear *ear)
{
    return !ear->past || ear->past->state == PAST_RAM;
}

static enum err next_supply(struct ear *ear, struct supply *supply)
{
    enum err err = E_AGAIN;
    if (ear->past) {
        uint32_t ahead_ms = ear->hall->listen->config.burst_ms;
        err = past_supply(ear, loop_now(ear->hall->loop), ahead_ms, supply);
        if (err == E_AGAIN)
            go_live(ear);
    }
    if (!ear->past)
        err = supply_from_ram(ear, tape_head(ear->tape), supply);
    if (err || !is_in_ram(ear))
        return err; /* on a piece from disk, past.c looks how far he is behind */
    uint64_t pos = atomic_load_explicit(&ear->row->pos, memory_order_relaxed);
    return look_at_lag(ear, pos, pos + supply->sound.len);
}

static void note_sent(struct ear *ear, size_t sent)
{
    uint64_t bytes = atomic_load_explicit(&ear->row->bytes_sent, memory_order_relaxed);
    atomic_store_explicit(&ear->row->bytes_sent, bytes + sent, memory_order_relaxed);
    audience_add_bytes(ear->row->audience, ear->row->protocol, sent);
}

/* One writev. Errors: E_AGAIN nothing (more) to send, or the kernel is full. */
static enum err send_batch(struct ear *ear)
{
    struct supply supply;
    struct batch batch;
    size_t sent, sound;
    enum err err = next_supply(ear, &supply);
    if (err)
        return err;
    batch_fill(&batch, ear, &supply);
    if (batch.bytes == 0)
        return E_AGAIN;
    err = sock_writev(&ear->sock, batch.iov, batch.count, &sent);
    if (err)
        return err;
    err = batch_take(&batch, ear, sent, &sound);
    if (err)
        return err;
    note_sent(ear, sent);
    if (is_in_ram(ear)) {
        uint64_t pos = atomic_load_explicit(&ear->row->pos, memory_order_relaxed);
        /* What was sent may have been overwritten while it was sent. */
        if (sound > 0 && tape_oldest(ear->tape) > pos)
            return E_LAGGED;
        atomic_store_explicit(&ear->row->pos, pos + sound, memory_order_relaxed);
    } else {
        past_take(ear, sound);
    }
    return sent < batch.bytes ? E_AGAIN : OK;
}

enum err ear_serve(struct ear *ear)
{
    enum err err = OK;
    /* A batch holds a few seconds of sound; a newcomer with metadata may need two. */
    for (int i = 0; i < ROUNDS_MAX && err == OK; i++)
        err = send_batch(ear);
    return err == E_AGAIN ? OK : err;
}

/* ---- life ---- */

static void on_watch_closed(struct loop_watch *watch)
{
    mem_free((struct ear *)((char *)watch - offsetof(struct ear, watch)));
}

static void on_event(struct loop_watch *watch, unsigned events)
{
    (void)events;
    ear_close((struct ear *)((char *)watch - offsetof(struct ear, watch)), "left", false);
}

static void put_in_slot(struct ear *ear)
{
    struct hall *hall = ear->hall;
    struct ear **first = &hall->slots[hall->next_slot];
    hall->next_slot = (hall->next_slot + 1) % SLOTS;
    ear->next = *first;
    ear->prev_next = first;
    if (*first)
        (*first)->prev_next = &ear->next;
    *first = ear;
}

static void take_from_slot(struct ear *ear)
{
    *ear->prev_next = ear->next;
    if (ear->next)
        ear->next->prev_next = ear->prev_next;
}

static void log_access_of(const struct ear *ear)
{
    struct mono now = loop_now(ear->hall->loop);
    struct access_line line = {
        .peer = ear->row->peer,
        .method = STR("GET"),
        .target = str_of(ear->target),
        .agent = str_of(ear->row->agent),
        .version = 10,
        .status = 200,
        .bytes = atomic_load(&ear->row->bytes_sent),
        .began = ear->row->since,
        .seconds = (uint64_t)((now.us - ear->began.us) / US_PER_S),
    };
    access_log(&line);
}

void ear_record(const struct ear *ear, const char *what, const char *reason)
{
    struct session session = {
        .facts = row_facts(ear->row),
        .name = tape_name(ear->tape),
        .heard_us = loop_now(ear->hall->loop).us - ear->began.us,
    };
    session_record(&session, what, reason);
}

void ear_close(struct ear *ear, const char *reason, bool was_dropped)
{
    if (ear->is_closed)
        return;
    ear->is_closed = true;
    ear_record(ear, "end", reason);
    log_access_of(ear);
    take_from_slot(ear);
    loop_watch_close(&ear->watch, on_watch_closed);
    if (was_dropped)
        sock_abort(&ear->sock);
    else
        sock_close(&ear->sock);
    audience_leave(ear->row->audience, ear->row->protocol, was_dropped);
    table_give_back(&ear->hall->listen->table, ear->row);
    past_free(&ear->past);
    mem_free(ear->unsent);
    mem_free(ear->target);
}

void ear_end_for(struct ear *ear, enum err err)
{
    if (err == E_LAGGED)
        ear_close(ear, "too far behind", true);
    else
        ear_close(ear, err == E_CLOSED ? "left" : err_text(err), false);
}

static void fill_row(struct row *row, const struct ear_start *start)
{
    row->audience = start->audience;
    row->peer = start->peer;
    row->since = clock_utc(start->hall->listen->config.clock);
    row->protocol = start->has_metadata ? LISTEN_ICY : LISTEN_HTTP;
    title_clean(start->agent, false, row->agent, sizeof row->agent);
    atomic_store(&row->pos, start->pos);
    atomic_store(&row->meta_left, METAINT_BYTES);
    atomic_store(&row->fd, start->sock.fd);
    if (start->past)
        atomic_store(&row->behind_us, row->since.us - start->past->next.us);
}

static void give_back(struct ear_start *start)
{
    sock_close(&start->sock);
    mem_free(start->head);
    past_free(&start->past);
}

static enum err ear_new(const struct ear_start *start, struct ear **out)
{
    enum err err = E_NOMEM;
    struct ear *ear = *out = mem_new(sizeof *ear);
    if (!ear)
        return err;
    ear->hall = start->hall;
    ear->tape = start->tape;
    ear->title_key = TITLE_KEY_NONE;
    ear->began = loop_now(start->hall->loop);
    ear->record_due_us = ear->began.us + SESSION_US;
    ear->target = mem_new(start->target.len + 1);
    if (!ear->target)
        goto out;
    memcpy(ear->target, start->target.ptr, start->target.len);
    err = table_take(&start->hall->listen->table, &ear->row);
    if (err)
        goto out;
    err = loop_watch_open(start->hall->loop, &ear->watch, start->sock.fd, on_event);
    if (!err)
        return OK;
    table_give_back(&start->hall->listen->table, ear->row);
out:
    mem_free(ear->target);
    mem_free(ear);
    *out = NULL;
    return err;
}

/* The reader has answered a listener who is behind live; his next slot sends it. */
static void on_more(struct past *past, enum err err)
{
    struct ear *ear = past->ctx;
    if (err)
        ear_close(ear, "the recording cannot be read", false);
    else if (past->state == PAST_RAM)
        atomic_store_explicit(&ear->row->pos, past->offset, memory_order_relaxed);
}

enum err ear_open(struct ear_start *start)
{
    struct ear *ear;
    enum err err = ear_new(start, &ear);
    if (err) {
        give_back(start);
        return err;
    }
    fill_row(ear->row, start);
    ear->sock = start->sock;
    ear->unsent = start->head;
    ear->unsent_bytes = start->head_bytes;
    ear->past = start->past;
    if (ear->past) {
        ear->past->from = ear->past->next;
        ear->past->began = ear->began;
        ear->past->on_ready = on_more;
        ear->past->ctx = ear;
    }
    sock_set_send_buffer(&ear->sock, SEND_BUFFER_BYTES);
    sock_set_keepalive(&ear->sock, KEEPALIVE_S);
    audience_join(start->audience, ear->row->protocol, true);
    table_publish(&ear->hall->listen->table, ear->row);
    put_in_slot(ear);
    loop_watch_set(&ear->watch, LOOP_HANGUP);
    ear_record(ear, "start", NULL);
    err = ear_serve(ear);
    if (err)
        ear_end_for(ear, err);
    return OK;
}
