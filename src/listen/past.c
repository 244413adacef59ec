/* listen/past.c - contract in past_priv.h */
#include "listen/past_priv.h"

#include "base/mem.h"
#include "listen/supply_priv.h"

#define NEXT_TOLERANCE_US (100 * US_PER_MS)
/* The end of a piece, counted in its samples, is off by rounding and by the steering of six
 * seconds; so the next frame is looked for where it surely has begun, or the last one would come
 * again. */
#define SEAM_US (5 * US_PER_MS)

static void piece_drop(struct past *past)
{
    if (past->piece)
        tape_piece_unref(past->piece);
    past->piece = NULL;
}

static void past_release(struct past *past)
{
    piece_drop(past);
    mem_free(past);
}

void past_free(struct past **past)
{
    struct past *p = *past;
    *past = NULL;
    if (p && p->is_asking)
        p->is_orphan = true;
    else if (p)
        past_release(p);
}

/* Tape time went on while there was no sound: whoever listens there skips the hole. */
static void skip_hole(struct past *past, struct utc start)
{
    if (start.us - past->next.us > NEXT_TOLERANCE_US && past->began.us != 0)
        past->from.us += start.us - past->next.us;
    past->next = start;
}

static void go_to_piece(struct past *past, const struct tape_piece *piece)
{
    struct utc start;
    past->piece = piece;
    past->got = loop_now(past->loop);
    past->offset = tape_piece_find(piece, past->next, &start);
    past->state = PAST_PIECE;
    skip_hole(past, start);
}

/* In RAM the cursor is the row's; before there is a listener it waits in `offset`. */
static void go_to_ram(struct past *past, uint64_t pos, struct utc start)
{
    past->state = PAST_RAM;
    past->offset = pos;
    skip_hole(past, start);
}

/* The disk has nothing from past->next on: what RAM has comes next. */
static enum err go_on_in_ram(struct past *past)
{
    uint64_t pos;
    struct utc start;
    enum err err = tape_find(past->tape, past->next, &pos, &start);
    if (err == E_LAGGED) {
        pos = tape_oldest(past->tape);
        err = tape_time_of(past->tape, pos, &start);
    } else if (err == E_AGAIN) {
        pos = tape_head(past->tape);
        start = past->next;
        err = OK;
    }
    if (!err)
        go_to_ram(past, pos, start);
    return err ? E_NOT_FOUND : OK;
}

static enum err use_answer(struct past *past)
{
    if (past->ask.err == E_NOT_FOUND)
        return go_on_in_ram(past);
    if (past->ask.err == OK)
        go_to_piece(past, past->ask.piece);
    return past->ask.err;
}

static void on_answer_here(struct loop_job *job)
{
    struct past *past = (struct past *)((char *)job - offsetof(struct past, answered));
    past->is_asking = false;
    if (past->is_orphan) {
        if (past->ask.err == OK)
            tape_piece_unref(past->ask.piece);
        past_release(past);
        return;
    }
    enum err err = use_answer(past);
    past->on_ready(past, err);
}

static void on_answer(struct tape_ask *ask)
{
    struct past *past = (struct past *)((char *)ask - offsetof(struct past, ask));
    past->answered.run = on_answer_here;
    loop_post(past->loop, &past->answered);
}

/* Looks for the sound at past->next: in RAM if it is there, else on disk (E_AGAIN). */
static enum err look(struct past *past)
{
    uint64_t pos;
    struct utc start;
    enum err err = tape_find(past->tape, past->next, &pos, &start);
    if (err == OK) {
        go_to_ram(past, pos, start);
        return OK;
    }
    if (err == E_AGAIN) {
        go_to_ram(past, tape_head(past->tape), past->next);
        return OK;
    }
    past->state = PAST_ASKING;
    past->is_asking = true;
    past->ask = (struct tape_ask){.tape = past->tape, .at = past->next, .done = on_answer};
    tape_reader_ask(past->reader, &past->ask);
    return E_AGAIN;
}

enum err past_new(const struct past_how *how, struct utc at, struct past **out)
{
    struct past *past = mem_new(sizeof *past);
    *out = past;
    if (!past)
        return E_NOMEM;
    past->tape = how->tape;
    past->reader = how->reader;
    past->loop = how->loop;
    past->next = at;
    past->on_ready = how->on_ready;
    past->ctx = how->ctx;
    return look(past);
}

/* How far he may have been sent by now. */
static struct utc due(const struct past *past, struct mono now, uint32_t ahead_ms)
{
    return (struct utc){past->from.us + (now.us - past->began.us) + ahead_ms * US_PER_MS};
}

static enum err supply_ram(struct ear *ear, struct utc until, struct supply *supply)
{
    uint64_t to;
    struct utc start;
    enum err err = tape_find(ear->tape, until, &to, &start);
    if (err == E_AGAIN) {
        /* He has caught up with the head: from here on he is live. */
        return E_AGAIN;
    }
    if (err)
        return err;
    if (start.us > until.us) /* a hole: what comes after it is due now */
        ear->past->from.us += start.us - until.us;
    return supply_from_ram(ear, to, supply);
}

/* Has he had a piece for much longer than it lasts? */
static bool is_stuck(const struct ear *ear, struct mono now)
{
    const struct past *past = ear->past;
    int64_t lasts_us = past->piece->end.us - past->piece->start.us;
    int64_t lag_us = ear->hall->listen->config.lag_ms * US_PER_MS;
    return now.us - past->got.us > lasts_us + lag_us;
}

static enum err supply_now(struct ear *ear, struct mono now, uint32_t ahead_ms,
                           struct supply *supply)
{
    struct past *past = ear->past;
    struct utc until = due(past, now, ahead_ms), start;
    *supply = (struct supply){{NULL, 0}, NULL, NULL};
    if (past->state == PAST_ASKING)
        return OK;
    if (past->state == PAST_RAM)
        return supply_ram(ear, until, supply);
    if (past->offset == past->piece->bytes.len) {
        past->next.us = past->piece->end.us + SEAM_US;
        piece_drop(past);
        if (look(past) == E_AGAIN)
            return OK;
        atomic_store_explicit(&ear->row->pos, past->offset, memory_order_relaxed);
        return supply_ram(ear, due(past, now, ahead_ms), supply);
    }
    if (is_stuck(ear, now))
        return E_LAGGED;
    size_t to = tape_piece_find(past->piece, until, &start);
    supply_from_piece(ear, to > past->offset ? to : past->offset, supply);
    return OK;
}

enum err past_supply(struct ear *ear, struct mono now, uint32_t ahead_ms, struct supply *supply)
{
    enum err err = supply_now(ear, now, ahead_ms, supply);
    /* He and station time go on at the same pace: only a hole that was skipped changes this. */
    int64_t behind_us = ear->row->since.us - ear->past->from.us;
    atomic_store_explicit(&ear->row->behind_us, behind_us > 0 ? behind_us : 0,
                          memory_order_relaxed);
    return err;
}

void past_take(struct ear *ear, size_t sound_bytes)
{
    if (ear->past->state == PAST_PIECE)
        ear->past->offset += sound_bytes;
}
