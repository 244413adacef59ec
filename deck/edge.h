/* deck/edge.h - no sound begins or ends with a step: 2 ms edges around whatever an input gives.
 *
 *     sound, sound, [seam] sound, nothing ...  -->  the same, each start rising over 2 ms, each end
 *                                                   ringing out as its own last 2 ms backwards
 *
 * So an end needs not be known before it is there, and sound without seams is not touched.
 * Thread: one at a time. */
#ifndef MAST_DECK_EDGE_H
#define MAST_DECK_EDGE_H

#include "grid.h"

struct edge {
    bool is_sounding;
    size_t risen;             /* samples of the rise that are done; GRID_FADE = all */
    size_t fallen;            /* of the echo */
    float echo[2][GRID_FADE]; /* what is added after an end */
    float past[2][GRID_FADE]; /* what was given out last, oldest first */
};

void edge_init(struct edge *edge);

/* A seam: what comes next has nothing to do with what was before. */
void edge_break(struct edge *edge);

/* Smooths samples in place. edge_silence() fills them in: 0, or the echo of what ended. */
void edge_sound(struct edge *edge, float *left, float *right, size_t samples);
void edge_silence(struct edge *edge, float *left, float *right, size_t samples);

/* Nothing is left of what ended: silence would be silence. */
bool edge_is_quiet(const struct edge *edge);

#endif
