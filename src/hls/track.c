/* hls/track.c - contract in track_priv.h */
#include "hls/track_priv.h"

#include "media/fmp4.h"
#include "tape/tape.h"

/* A tape that stands still for so long does not go on where it ended. Late sound and what is filled
 * in at a switch come sooner (air/stamp.h). */
#define IDLE_US (12 * US_PER_S)

static uint64_t window_of_us(int64_t us)
{
    return us > 0 ? (uint64_t)(us / TAPE_WINDOW_US) : 0;
}

enum err track_init(struct track *track, const char *slug, struct tape *tape, uint32_t bitrate_bps,
                    size_t capacity)
{
    *track = (struct track){.tape = tape, .bitrate_bps = bitrate_bps};
    bool fits = str_copy(track->slug, sizeof track->slug, str_of(slug));
    assert(fits);
    return line_init(&track->line, capacity, LINE_GAPS_MAX);
}

void track_release(struct track *track)
{
    titles_release(&track->titles);
    line_release(&track->line);
}

/* ---- from disk ---- */

struct load {
    struct line *line;
    struct titles *titles;
    enum err (*on_break)(void *ctx, uint64_t n);
    void *ctx;
    enum err err;
};

static bool on_disk_run(void *ctx, const struct tape_run *run)
{
    struct load *load = ctx;
    struct tape_run_in_ram there = {.run = *run};
    struct line_window done;
    line_add(load->line, &there, &done);
    if (load->on_break && done.stretches_count > 0 &&
        line_at(load->line, done.n)->flags & LINE_BREAK)
        load->err = load->on_break(load->ctx, done.n);
    return load->err == OK;
}

static bool on_disk_title(void *ctx, struct utc at, struct str text)
{
    struct load *load = ctx;
    load->err = titles_add(load->titles, at, text);
    return load->err == OK;
}

static enum err read_runs(const struct track *track, uint64_t from_n, uint64_t to_n,
                          struct load *load)
{
    enum err err = tape_runs_on_disk(track->tape, from_n, to_n, on_disk_run, load);
    return err ? err : load->err;
}

static enum err read_titles(const struct track *track, uint64_t from_n, uint64_t to_n,
                            struct load *load)
{
    const struct utc from = {(int64_t)from_n * TAPE_WINDOW_US},
                     to = {(int64_t)to_n * TAPE_WINDOW_US};
    enum err err = tape_titles_on_disk(track->tape, from, to, on_disk_title, load);
    return err ? err : load->err;
}

enum err track_load(struct track *track, uint64_t from_n,
                    enum err (*on_break)(void *ctx, uint64_t n), void *ctx)
{
    struct load load = {
        .line = &track->line, .titles = &track->titles, .on_break = on_break, .ctx = ctx};
    /* Whatever is in RAM comes from there, once. */
    uint64_t to_n = UINT64_MAX;
    struct tape_run_in_ram first;
    track->has_files = true;
    track->next_run = tape_runs_oldest_in_ram(track->tape);
    if (tape_run_in_ram(track->tape, track->next_run, true, &first) == OK)
        to_n = first.run.n;
    enum err err = read_runs(track, from_n, to_n, &load);
    if (err || track->line.first_n == track->line.end_n)
        return err;
    track->told_end = track->checked_end = track->line.end_n;
    return read_titles(track, track->line.first_n, window_of_us(INT64_MAX), &load);
}

enum err track_check_disk(const struct track *track, uint64_t n)
{
    struct line line;
    const struct line_segment *wanted = line_at(&track->line, n), *got;
    struct line_window done;
    assert(wanted && !(wanted->flags & LINE_GAP));
    enum err err = line_init(&line, 1, 0);
    if (err)
        return err;
    struct load load = {.line = &line};
    err = read_runs(track, n, n + 1, &load);
    line_close(&line, n + 1, &done);
    got = line_at(&line, n);
    if (!err && (!got || got->samples != wanted->samples || got->start_us != wanted->start_us))
        err = E_NOT_FOUND;
    line_release(&line);
    return err;
}

enum err track_read(const struct track *track, uint64_t from_n, uint64_t to_n, struct line *line,
                    struct titles *titles)
{
    struct load load = {.line = line, .titles = titles};
    struct line_window done;
    if (to_n > track->told_end)
        to_n = track->told_end;
    enum err err = OK;
    /* What the line has is as it was told; only what is older is looked for on disk. */
    uint64_t disk_n = track->line.first_n < to_n ? track->line.first_n : to_n;
    if (track->has_files && from_n < disk_n) {
        err = read_runs(track, from_n, disk_n, &load);
        line_close(line, disk_n, &done);
        if (!err)
            err = read_titles(track, from_n, disk_n, &load);
    }
    for (uint64_t n = disk_n > from_n ? disk_n : from_n; n < to_n && !err; n++)
        line_put(line, n, line_at(&track->line, n));
    for (size_t i = 0; i < track->titles.count && !err; i++)
        err = titles_add(titles, track->titles.list[i].at, str_of(track->titles.list[i].text));
    return err;
}

/* ---- from RAM ---- */

static void take_runs(struct track *track, bool even_open, void (*on_window)(void *ctx, uint64_t n),
                      void *ctx)
{
    struct tape_run_in_ram run;
    struct line_window done;
    for (;;) {
        enum err err = tape_run_in_ram(track->tape, track->next_run, even_open, &run);
        if (err == E_LAGGED) {
            track->next_run = tape_runs_oldest_in_ram(track->tape);
            continue;
        }
        if (err)
            return;
        track->next_run++;
        line_add(&track->line, &run, &done);
        if (done.stretches_count > 0) {
            track->fresh[done.n % TRACK_FRESH] = done;
            on_window(ctx, done.n);
        }
    }
}

static void take_titles(struct track *track)
{
    struct utc at;
    char text[TITLE_BYTES];
    enum err err = OK;
    while (err != E_AGAIN) {
        err = tape_title_in_ram(track->tape, track->next_title, &at, text);
        if (!err)
            err = titles_add(&track->titles, at, str_of(text));
        if (err != E_AGAIN && err != E_NOMEM)
            track->next_title++;
        if (err == E_NOMEM)
            return; /* it is tried again */
    }
}

void track_take(struct track *track, struct utc now, void (*on_window)(void *ctx, uint64_t n),
                void *ctx)
{
    int64_t still_us = now.us - tape_end(track->tape).us;
    take_runs(track, false, on_window, ctx);
    take_titles(track);
    if (still_us < IDLE_US)
        return;
    struct line_window done;
    take_runs(track, true, on_window, ctx);
    line_close(&track->line, window_of_us(now.us - IDLE_US), &done);
    if (done.stretches_count > 0) {
        track->fresh[done.n % TRACK_FRESH] = done;
        on_window(ctx, done.n);
    }
}

static enum err make_from(const struct track *track, const struct line_window *window,
                          struct buf *out)
{
    struct str stretches[LINE_STRETCHES_MAX];
    struct fmp4_segment segment = {
        .sequence = (uint32_t)window->n,
        .decode_time = window->media_time,
        .stretches = stretches,
        .stretches_count = window->stretches_count,
    };
    uint64_t samples;
    for (size_t i = 0; i < window->stretches_count; i++) {
        const struct line_stretch *s = &window->stretches[i];
        struct iovec span;
        if (s->end_pos == 0 || tape_span(track->tape, s->pos, s->end_pos, &span) != OK)
            return E_NOT_FOUND;
        stretches[i] = (struct str){span.iov_base, span.iov_len};
    }
    enum err err = fmp4_segment(&segment, out, &samples);
    bool was_overtaken = tape_oldest(track->tape) > window->stretches[0].pos;
    return err || was_overtaken ? E_NOT_FOUND : OK;
}

enum err track_make(struct track *track, uint64_t n, struct buf *out)
{
    const struct line_window *window = &track->fresh[n % TRACK_FRESH];
    const struct line_segment *segment = line_at(&track->line, n);
    assert(segment && !(segment->flags & LINE_GAP));
    track->bps[n % TRACK_FRESH] = 0;
    if (window->n != n || window->stretches_count == 0)
        return E_NOT_FOUND;
    enum err err = make_from(track, window, out);
    if (!err && !buf_err(out))
        track->bps[n % TRACK_FRESH] =
            (uint32_t)(out->len * 8 * segment->rate_hz / segment->samples);
    return err;
}
