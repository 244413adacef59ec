/* hls/line.c - contract in line_priv.h */
#include "hls/line_priv.h"

#include "base/mem.h"
#include "media/fmp4.h"
#include "tape/tape.h"

enum err line_init(struct line *line, size_t capacity, size_t gaps_max)
{
    assert(capacity > 0);
    *line = (struct line){.capacity = capacity, .gaps_max = gaps_max};
    line->ring = mem_new_array(capacity, sizeof *line->ring);
    return line->ring ? OK : E_NOMEM;
}

void line_release(struct line *line)
{
    mem_free(line->ring);
    *line = (struct line){0};
}

const struct line_segment *line_at(const struct line *line, uint64_t n)
{
    return n >= line->first_n && n < line->end_n ? &line->ring[n % line->capacity] : NULL;
}

void line_drop_before(struct line *line, uint64_t n)
{
    if (n > line->first_n)
        line->first_n = n < line->end_n ? n : line->end_n;
}

void line_lose(struct line *line, uint64_t n)
{
    if (!line_at(line, n))
        return;
    struct line_segment *lost = &line->ring[n % line->capacity];
    *lost = (struct line_segment){.start_us = (int64_t)n * TAPE_WINDOW_US, .flags = LINE_GAP};
    if (line_at(line, n + 1))
        line->ring[(n + 1) % line->capacity].flags |= LINE_BREAK;
}

/* ---- appending ---- */

void line_put(struct line *line, uint64_t n, const struct line_segment *segment)
{
    if (line->first_n == line->end_n)
        line->first_n = line->end_n = n;
    assert(n == line->end_n);
    line->ring[n % line->capacity] = *segment;
    line->end_n++;
    if (line->end_n - line->first_n > line->capacity)
        line->first_n = line->end_n - line->capacity;
}

static size_t gaps_at_end(const struct line *line)
{
    size_t count = 0;
    while (count < line->end_n - line->first_n &&
           line->ring[(line->end_n - 1 - count) % line->capacity].flags & LINE_GAP)
        count++;
    return count;
}

/* Fills up to window n with gaps. */
static void fill(struct line *line, uint64_t n)
{
    if (line->first_n == line->end_n)
        return;
    for (size_t gaps = gaps_at_end(line); line->end_n < n && gaps < line->gaps_max; gaps++) {
        struct line_segment gap = {.start_us = (int64_t)line->end_n * TAPE_WINDOW_US,
                                   .flags = LINE_GAP};
        line_put(line, line->end_n, &gap);
    }
}

size_t line_choose(const struct tape_run *const *runs, size_t count, bool use[])
{
    size_t best = 0, first = count;
    uint64_t most_us = 0;
    assert(count > 0);
    for (size_t i = 0; i < count; i++) {
        uint64_t us = 0;
        for (size_t j = 0; j < count; j++)
            if (fmp4_init_id(&runs[j]->format) == fmp4_init_id(&runs[i]->format))
                us += runs[j]->samples * UINT64_C(1000000) / runs[j]->format.rate_hz;
        if (us > most_us) {
            most_us = us;
            best = i;
        }
    }
    for (size_t i = 0; i < count; i++) {
        use[i] = fmp4_init_id(&runs[i]->format) == fmp4_init_id(&runs[best]->format);
        if (use[i] && first == count)
            first = i;
    }
    return first;
}

/* Does the sound of the open window break off behind the first run that is used? */
static bool breaks_after(const struct line *line, size_t first, const bool use[])
{
    bool broke_off = false;
    for (size_t i = first + 1; i < line->open_count; i++)
        broke_off = broke_off || line->open[i].run.is_break || !use[i];
    return broke_off;
}

static bool breaks_before(const struct line *line, size_t first)
{
    bool is_break = line->broke_off;
    for (size_t i = 0; i <= first; i++)
        is_break = is_break || line->open[i].run.is_break;
    if (line->first_n != line->end_n)
        is_break = is_break || line->ring[(line->end_n - 1) % line->capacity].flags & LINE_GAP;
    return is_break;
}

/* Ends the open window. */
static void finish(struct line *line, struct line_window *done)
{
    const struct tape_run *runs[LINE_STRETCHES_MAX];
    bool use[LINE_STRETCHES_MAX];
    if (line->open_count == 0)
        return;
    for (size_t i = 0; i < line->open_count; i++)
        runs[i] = &line->open[i].run;
    size_t first = line_choose(runs, line->open_count, use);
    const struct tape_run *run = runs[first];
    struct line_segment segment = {
        .start_us = run->start.us,
        .media_time = tape_media_time(run->start, run->drift_samples, run->format.rate_hz),
        .rate_hz = run->format.rate_hz,
        .init = fmp4_init_id(&run->format),
    };
    *done =
        (struct line_window){.n = run->n, .media_time = segment.media_time, .format = run->format};
    for (size_t i = first; i < line->open_count; i++) {
        if (!use[i])
            continue;
        segment.samples += runs[i]->samples;
        done->stretches[done->stretches_count++] =
            (struct line_stretch){line->open[i].pos, line->open[i].end_pos};
    }
    fill(line, run->n);
    if (line->end_n < run->n) /* the hole was too long: what was before it is another line */
        line->first_n = line->end_n = run->n;
    segment.flags = breaks_before(line, first) ? LINE_BREAK : 0;
    line->broke_off = breaks_after(line, first, use);
    line->open_count = 0;
    line_put(line, run->n, &segment);
}

void line_add(struct line *line, const struct tape_run_in_ram *run, struct line_window *done)
{
    *done = (struct line_window){0};
    if (line->open_count > 0 && run->run.n != line->open[0].run.n)
        finish(line, done);
    /* What was closed without it, or is one of too many, is not heard here. */
    bool is_late = line->first_n != line->end_n && run->run.n < line->end_n;
    if (run->run.samples == 0)
        return;
    if (is_late || fmp4_init_id(&run->run.format) == 0 || line->open_count == LINE_STRETCHES_MAX) {
        line->broke_off = true;
        return;
    }
    line->open[line->open_count++] = *run;
}

void line_close(struct line *line, uint64_t n, struct line_window *done)
{
    *done = (struct line_window){0};
    if (line->open_count > 0 && line->open[0].run.n < n)
        finish(line, done);
    if (line->open_count == 0)
        fill(line, n);
}
