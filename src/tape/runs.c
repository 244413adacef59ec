/* tape/runs.c - contract in runs.h: media time, and runs from the files and from the RAM tail. */
#include "tape/runs.h"

#include "tape/piece_priv.h"

/* Media time that is this much off that of the run before does not go on from there: what lay
 * between is lost. Tapes from before there was a drift may be off by less, where the air steered. */
#define HOLE_US (100 * US_PER_MS)

uint64_t tape_media_time(struct utc start, int32_t drift_samples, uint32_t rate_hz)
{
    int64_t media = us_samples(start.us, rate_hz) + drift_samples;
    return media > 0 ? (uint64_t)media : 0;
}

/* ---- from the files ---- */

struct listing {
    uint64_t from_n, to_n;
    bool (*fn)(void *ctx, const struct tape_run *run);
    void *ctx;
    struct record before; /* the run before; 0 samples = none is known */
    bool lost;            /* because it is gone, though its hour is not */
    bool stopped;
};

/* A record that is damaged or gone takes its break with it. */
static bool is_break(const struct listing *l, const struct record *run)
{
    const struct record *before = &l->before;
    if (run->flags & RECORD_DISCONTINUITY)
        return true;
    if (before->samples == 0)
        return l->lost;
    int64_t off = record_media(before) + before->samples - record_media(run);
    int64_t most = us_samples(HOLE_US, run->format.rate_hz);
    return run->discontinuity != before->discontinuity ||
           !format_same(&run->format, &before->format) || off > most || off < -most;
}

/* Tells the runs of one set whose frames are there. */
static void set_tell(struct listing *l, const struct set_index *index, uint64_t frames_bytes)
{
    for (size_t i = 0; i < index->runs_count && !l->stopped; i++) {
        const struct record *run = &index->runs[i];
        bool in_order = run->n >= l->before.n && record_end_us(run) > record_end_us(&l->before);
        if (!in_order || run->offset + run->bytes > frames_bytes)
            continue;
        if (run->n >= l->to_n) {
            l->stopped = true;
            return;
        }
        struct tape_run told = {
            .n = run->n,
            .start = {run->start_us},
            .samples = run->samples,
            .bytes = run->bytes,
            .drift_samples = run->drift_samples,
            .is_break = is_break(l, run),
            .format = run->format,
        };
        l->before = *run;
        if (run->n >= l->from_n)
            l->stopped = !l->fn(l->ctx, &told);
    }
}

/* The set with which to begin: the one that holds from_n, or the one before where from_n may be
 * the first in it, so that the run before is known. */
static bool first_set(struct tape *tape, uint64_t from_n, struct tape_set *out)
{
    struct tape_set before;
    if (!sets_find(tape, from_n, out))
        return false;
    if (out->first_n >= from_n && sets_before(tape, out->first_n, &before))
        *out = before;
    return true;
}

enum err tape_runs_on_disk(struct tape *tape, uint64_t from_n, uint64_t to_n,
                           bool (*fn)(void *ctx, const struct tape_run *run), void *ctx)
{
    struct listing listing = {.from_n = from_n, .to_n = to_n, .fn = fn, .ctx = ctx};
    struct set_index *index;
    struct tape_set set;
    listing.before.format.rate_hz = 1; /* ends when it starts: at 0 */
    if (!tape->folder || from_n >= to_n)
        return OK;
    bool more = first_set(tape, from_n, &set);
    while (more && !listing.stopped && set.first_n < to_n) {
        enum err err = index_load(tape, &set, INDEX_RUNS, &index);
        if (err && err != E_NOT_FOUND)
            return err;
        if (!err)
            set_tell(&listing, index, sets_measure(tape, set.first_n));
        index_free(index);
        listing.lost = true;
        more = sets_after(tape, set.first_n, &set);
    }
    return OK;
}

/* ---- from the RAM tail ---- */

/* Adds up the frames of a run up to the frame `end`. */
static enum err run_sum(const struct tail *tail, const struct tail_run *run, uint64_t end,
                        struct tape_run_in_ram *out)
{
    struct tail_frame frame;
    uint64_t samples = 0;
    enum err err = tail_frame(tail, run->frame, &frame);
    if (err)
        return err;
    out->run = (struct tape_run){.n = run->n,
                                 .start = {frame.start_us},
                                 .drift_samples = frame.drift_samples,
                                 .is_break = run->broken,
                                 .format = run->format};
    out->pos = frame.pos;
    for (uint64_t i = run->frame; i < end; i++) {
        err = tail_frame(tail, i, &frame);
        if (err)
            return err;
        samples += frame.samples;
    }
    out->end_pos = frame.pos + frame.bytes;
    out->run.samples = (uint32_t)samples;
    out->run.bytes = (uint32_t)(out->end_pos - out->pos);
    return tail_oldest_frame(tail) > run->frame ? E_LAGGED : OK;
}

enum err tape_run_in_ram(const struct tape *tape, uint64_t number, bool even_open,
                         struct tape_run_in_ram *out)
{
    struct tail_run run, next;
    *out = (struct tape_run_in_ram){0};
    uint64_t end =
        tail_frames(tape->tail); /* first: then none of these is in the next run unseen */
    enum err err = tail_run(tape->tail, number, &run);
    if (err)
        return err;
    err = tail_run(tape->tail, number + 1, &next);
    if (!err)
        end = next.frame;
    else if (err != E_AGAIN || !even_open || run.frame >= end)
        return err;
    err = run_sum(tape->tail, &run, end, out);
    if (err)
        *out = (struct tape_run_in_ram){0};
    return err;
}

uint64_t tape_runs_oldest_in_ram(const struct tape *tape)
{
    struct tail_run run;
    uint64_t oldest, number;
    enum err err;
    do {
        oldest = tail_oldest_frame(tape->tail);
        err = tail_run_of(tape->tail, oldest, &number, &run);
    } while (err == E_LAGGED);
    return !err && run.frame < oldest ? number + 1 : number;
}
