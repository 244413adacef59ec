#include "strip.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

#define SIZE_MIN ((size_t)1 << 15)
/* Full scale, where every 16-bit decoder ends too: damaged frames may decode to anything. */
#define LOUDEST 1.0f

void strip_init(struct strip *strip, int64_t floor)
{
    *strip = (struct strip){.floor = floor, .at = floor};
}

void strip_release(struct strip *strip)
{
    mem_free(strip->planes[0]);
    mem_free(strip->planes[1]);
    strip_init(strip, strip->floor);
}

void strip_clear(struct strip *strip)
{
    strip->spans_count = 0;
    strip->is_open = false;
}

void strip_place(struct strip *strip, int64_t at)
{
    while (strip->spans_count > 0 && strip->spans[strip->spans_count - 1].start >= at)
        strip->spans_count--;
    if (strip->spans_count > 0 && strip->spans[strip->spans_count - 1].end > at)
        strip->spans[strip->spans_count - 1].end = at;
    strip->is_open = false;
    strip->at = at;
}

/* Makes room for everything from the floor up to `end`. */
static enum err grow(struct strip *strip, int64_t end)
{
    size_t size = strip->size > 0 ? strip->size : SIZE_MIN;
    while ((int64_t)size < end - strip->floor)
        size *= 2;
    if (size == strip->size)
        return OK;
    assert(size <= STRIP_SAMPLES_MAX);
    float *planes[2] = {mem_new_array(size, sizeof(float)), mem_new_array(size, sizeof(float))};
    if (!planes[0] || !planes[1]) {
        mem_free(planes[0]);
        mem_free(planes[1]);
        return E_NOMEM;
    }
    for (size_t i = 0; i < strip->spans_count; i++) {
        for (int64_t n = strip->spans[i].start; n < strip->spans[i].end; n++) {
            for (int c = 0; c < 2; c++)
                planes[c][n & (int64_t)(size - 1)] =
                    strip->planes[c][n & (int64_t)(strip->size - 1)];
        }
    }
    mem_free(strip->planes[0]);
    mem_free(strip->planes[1]);
    strip->planes[0] = planes[0];
    strip->planes[1] = planes[1];
    strip->size = size;
    return OK;
}

static float harmless(float v)
{
    if (fabsf(v) <= LOUDEST)
        return v;
    return isnan(v) ? 0 : copysignf(LOUDEST, v);
}

static void write_samples(struct strip *strip, int64_t at, const float *const planes[2],
                          size_t from, size_t samples)
{
    int64_t mask = (int64_t)strip->size - 1;
    for (int c = 0; c < 2; c++) {
        float *to = strip->planes[c];
        for (size_t i = 0; i < samples; i++)
            to[(at + (int64_t)i) & mask] = planes[0] ? harmless(planes[c][from + i]) : 0;
    }
}

enum err strip_add(struct strip *strip, const float *const planes[2], size_t samples)
{
    static const float *const none[2] = {NULL, NULL};
    int64_t start = strip->at, end = start + (int64_t)samples;
    strip->at = end;
    int64_t from = start > strip->floor ? start : strip->floor;
    int64_t most = strip->floor + STRIP_SAMPLES_MAX;
    if (end > most)
        end = most;
    if (from >= end)
        return OK;
    struct span *last = strip->spans_count > 0 ? &strip->spans[strip->spans_count - 1] : NULL;
    if (!strip->is_open || !last || last->end != from) {
        if (strip->spans_count == STRIP_SPANS_MAX)
            return OK; /* nothing but seams: too broken to be heard */
        last = &strip->spans[strip->spans_count++];
        *last = (struct span){from, from, true};
        strip->is_open = true;
    }
    enum err err = grow(strip, end);
    if (err != OK)
        return err;
    write_samples(strip, from, planes ? planes : none, (size_t)(from - start),
                  (size_t)(end - from));
    last->end = end;
    return OK;
}

const struct span *strip_find(const struct strip *strip, int64_t at)
{
    for (size_t i = 0; i < strip->spans_count; i++) {
        if (strip->spans[i].end > at)
            return &strip->spans[i];
    }
    return NULL;
}

void strip_read(const struct strip *strip, int64_t at, size_t samples, float *left, float *right)
{
    float *const to[2] = {left, right};
    size_t mask = strip->size - 1, first = (size_t)at & mask;
    size_t head = strip->size - first < samples ? strip->size - first : samples;
    for (int c = 0; c < 2; c++) {
        memcpy(to[c], strip->planes[c] + first, head * sizeof(float));
        memcpy(to[c] + head, strip->planes[c], (samples - head) * sizeof(float));
    }
}

void strip_raise(struct strip *strip, int64_t floor)
{
    assert(floor >= strip->floor);
    strip->floor = floor;
    size_t gone = 0;
    while (gone < strip->spans_count && strip->spans[gone].end <= floor)
        gone++;
    strip->spans_count -= gone;
    memmove(strip->spans, strip->spans + gone, strip->spans_count * sizeof(struct span));
    if (strip->spans_count == 0)
        strip->is_open = false;
    else if (strip->spans[0].start < floor)
        strip->spans[0] = (struct span){floor, strip->spans[0].end, false};
}
