/* hls/line_priv.h - the segments of one rendition, one a window, made from the runs of its tape.
 *
 *     runs, in order of time --line_add--> [ window n-1 | window n | gap | window n+2 ... ]
 *
 * A segment holds all frames of its window in one format (of several, the one that lasts longest),
 * with media time going on through breaks: what broke off inside it is told before the next one.
 * Pure.   Thread: one at a time. */
#ifndef MAST_HLS_LINE_PRIV_H
#define MAST_HLS_LINE_PRIV_H

#include "base/clock.h"
#include "tape/runs.h"

#define LINE_STRETCHES_MAX                                                                         \
    16                    /* runs of a window that are used; the rest of a wild window is lost */
#define LINE_GAPS_MAX 600 /* after a longer hole the line begins anew */

enum { LINE_GAP = 1, LINE_BREAK = 2 };

struct line_segment {
    int64_t start_us;    /* of its first frame; of a gap: of the window */
    uint64_t media_time; /* of its first frame, in samples */
    uint32_t samples;    /* 0 = a gap */
    uint32_t rate_hz;
    uint32_t init; /* fmp4_init_id() of its format; of a gap 0 */
    uint32_t flags;
};

/* Where the sound of a window lies. */
struct line_window {
    uint64_t n;
    uint64_t media_time;
    struct format format;
    size_t stretches_count; /* 0 = a gap, or no window at all */
    struct line_stretch {
        uint64_t pos, end_pos; /* in RAM, as they were given */
    } stretches[LINE_STRETCHES_MAX];
};

struct line {
    struct line_segment *ring; /* of segment n at n % capacity */
    size_t capacity, gaps_max;
    uint64_t first_n, end_n;                         /* first_n == end_n: empty */
    struct tape_run_in_ram open[LINE_STRETCHES_MAX]; /* runs of the window that is being filled */
    size_t open_count;
    bool broke_off; /* in the window before, after its first frame that is used */
};

/* Shape: keeps the newest `capacity` windows, up to `gaps_max` of them in a row without sound.
 * Errors: E_NOMEM. */
MUST_USE enum err line_init(struct line *line, size_t capacity, size_t gaps_max);
void line_release(struct line *line);

/* Takes the next run. *done tells which window it ended, if any.
 * Shape: run->run.n is not before that of the run before; `pos` 0 if the sound lies on disk. */
void line_add(struct line *line, const struct tape_run_in_ram *run, struct line_window *done);

/* Nothing comes any more before window n: ends the window that is open and fills up with gaps, of
 * which there are gaps_max in a row at the most. */
void line_close(struct line *line, uint64_t n, struct line_window *done);

/* Appends a segment as another line has it.   Shape: n is the next window, or the line is empty. */
void line_put(struct line *line, uint64_t n, const struct line_segment *segment);

/* Nobody can fetch this one after all: it becomes a gap, and the one behind it a break. */
void line_lose(struct line *line, uint64_t n);

/* Takes away what is before window n. */
void line_drop_before(struct line *line, uint64_t n);

/* NULL if it is not in the line. */
const struct line_segment *line_at(const struct line *line, uint64_t n);

/* Which runs of a window make its segment: those in the format that lasts longest. Runs are handed
 * over by the caller as samples and format; use[i] is filled in. Returns the first one used. */
size_t line_choose(const struct tape_run *const *runs, size_t count, bool use[]);

#endif
