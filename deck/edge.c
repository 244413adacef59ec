#include "edge.h"

#include <string.h>

/* Without corners, so that the edge itself cannot be heard. */
static float rise(size_t done)
{
    float x = (float)(done + 1) / (GRID_FADE + 1);
    return x * x * (3 - 2 * x);
}

void edge_init(struct edge *edge)
{
    *edge = (struct edge){.fallen = GRID_FADE};
}

static void end(struct edge *edge)
{
    for (int c = 0; c < 2; c++) {
        for (size_t i = 0; i < GRID_FADE; i++)
            edge->echo[c][i] = edge->past[c][GRID_FADE - 1 - i] * (1 - rise(i));
    }
    edge->fallen = 0;
    edge->is_sounding = false;
}

void edge_break(struct edge *edge)
{
    if (edge->is_sounding)
        end(edge);
}

static void remember(struct edge *edge, const float *left, const float *right, size_t samples)
{
    const float *const from[2] = {left, right};
    size_t kept = samples < GRID_FADE ? GRID_FADE - samples : 0;
    for (int c = 0; c < 2; c++) {
        memmove(edge->past[c], edge->past[c] + GRID_FADE - kept, kept * sizeof(float));
        memcpy(edge->past[c] + kept, from[c] + samples - (GRID_FADE - kept),
               (GRID_FADE - kept) * sizeof(float));
    }
}

static void add_echo(struct edge *edge, float *left, float *right, size_t samples)
{
    for (size_t i = 0; i < samples && edge->fallen < GRID_FADE; i++, edge->fallen++) {
        left[i] += edge->echo[0][edge->fallen];
        right[i] += edge->echo[1][edge->fallen];
    }
}

void edge_sound(struct edge *edge, float *left, float *right, size_t samples)
{
    if (!edge->is_sounding) {
        edge->is_sounding = true;
        edge->risen = 0;
    }
    for (size_t i = 0; i < samples && edge->risen < GRID_FADE; i++, edge->risen++) {
        left[i] *= rise(edge->risen);
        right[i] *= rise(edge->risen);
    }
    add_echo(edge, left, right, samples);
    remember(edge, left, right, samples);
}

void edge_silence(struct edge *edge, float *left, float *right, size_t samples)
{
    edge_break(edge);
    memset(left, 0, samples * sizeof(float));
    memset(right, 0, samples * sizeof(float));
    add_echo(edge, left, right, samples);
    remember(edge, left, right, samples);
}

bool edge_is_quiet(const struct edge *edge)
{
    return !edge->is_sounding && edge->fallen == GRID_FADE;
}
