/* deck/strip.h - the decoded sound of one input, each sample at its place on the grid, until it is
 * rendered.
 *
 *        floor                                            (floor + STRIP_SAMPLES_MAX)
 *          |  [ span ]     [ span ][ span ..... end          |
 *     what lies before it is gone                       what lies behind it is thrown away
 *
 * A span is sound without a seam; where one ends and the next begins is for the renderer to smooth.
 * Thread: one at a time. */
#ifndef MAST_DECK_STRIP_H
#define MAST_DECK_STRIP_H

#include "grid.h"

#define STRIP_SAMPLES_MAX (1 << 19) /* 10.9 s */
#define STRIP_SPANS_MAX   64

struct span {
    int64_t start, end;
    bool is_seam; /* false: its beginning was rendered already, it goes on */
};

struct strip {
    float *planes[2]; /* sample n lies at n % size */
    size_t size;      /* 0 at first, then a power of two */
    int64_t floor;
    int64_t at; /* where the next sample that is added belongs */
    struct span spans[STRIP_SPANS_MAX];
    size_t spans_count;
    bool is_open; /* the last span may grow */
};

void strip_init(struct strip *strip, int64_t floor);
void strip_release(struct strip *strip);

/* Forgets all sound; keeps the floor. */
void strip_clear(struct strip *strip);

/* Begins a new span at `at`. What was there from `at` on is cut off. */
void strip_place(struct strip *strip, int64_t at);

/* Adds samples behind those added last; planes NULL is silence. Values that are no number or out of
 * all bounds are bent to be harmless.   Errors: E_NOMEM. */
MUST_USE enum err strip_add(struct strip *strip, const float *const planes[2], size_t samples);

/* Finds the first span that ends behind `at`; NULL if there is none. Borrowed until the next call. */
const struct span *strip_find(const struct strip *strip, int64_t at);

/* Copies samples that lie in a span. */
void strip_read(const struct strip *strip, int64_t at, size_t samples, float *left, float *right);

/* Moves the floor up: what lies before it was rendered. */
void strip_raise(struct strip *strip, int64_t floor);

#endif
