/* sim/sim_tape.c - contract in sim_tape.h */
#include "sim/sim_tape.h"

#include <string.h>

/* So much may two frames overlap or lie apart: rounding, and steered stamps. */
#define SEAM_US (5 * US_PER_MS + 10)

void sim_tape_init(struct sim_tape *st, struct tape *tape, uint32_t samples, uint32_t rate_hz,
                   struct sim_trace *trace)
{
    *st = (struct sim_tape){.tape = tape, .trace = trace, .samples = samples, .rate_hz = rate_hz};
}

/* Reads the frame at the start of the bytes; returns how long it is, 0 = it is none. */
static size_t read_frame(const struct sim_tape *st, struct str bytes, struct sim_heard *heard,
                         int64_t *length_ns)
{
    uint32_t samples = st->samples, rate_hz = st->rate_hz;
    size_t len = SIM_OUT_BYTES, kind;
    heard->is_out = sim_out_read(str_slice(bytes, 0, SIM_OUT_BYTES), &heard->out) == OK;
    bool is_known = heard->is_out;
    for (size_t i = 0; i < SIM_KINDS && !is_known; i++) {
        is_known =
            sim_frame_read(str_slice(bytes, 0, sim_kind(i)->bytes), &heard->voice, &kind) == OK &&
            kind == i;
        len = sim_kind(i)->bytes;
        samples = sim_kind(i)->samples;
        rate_hz = sim_kind(i)->rate_hz;
    }
    *length_ns = (int64_t)samples * 1000000000 / rate_hz;
    return is_known ? len : 0;
}

static void mix(struct sim_trace *trace, const struct sim_heard *heard)
{
    const struct sim_voice *voice = heard->is_out ? &heard->out.voice : &heard->voice;
    sim_mix(trace, (uint64_t)heard->at_us);
    sim_mix(trace, (uint64_t)voice->seq << 32 | (uint64_t)voice->life << 16 |
                       (uint64_t)voice->name << 8 | voice->sound);
}

/* Goes through what is new once, telling nobody; returns how long it is, in ns. */
static int64_t measure(const struct sim_tape *st, struct str bytes)
{
    struct sim_heard heard;
    int64_t sum_ns = 0, length_ns;
    while (bytes.len > 0) {
        size_t len = read_frame(st, bytes, &heard, &length_ns);
        if (len == 0)
            return -1;
        sum_ns += length_ns;
        bytes = str_slice(bytes, len, bytes.len);
    }
    return sum_ns;
}

static void take(struct sim_tape *st, struct sim_heard *heard, size_t len)
{
    st->places[st->frames % SIM_PLACES].pos = st->pos;
    st->places[st->frames % SIM_PLACES].media_us = st->media_us;
    st->frames++;
    st->media_us += heard->length_us;
    st->pos += len;
    st->end_us = heard->at_us + heard->length_us;
    mix(st->trace, heard);
}

void sim_tape_walk(struct sim_tape *st, sim_heard_fn *heard, void *ctx)
{
    struct iovec span;
    uint64_t head = tape_head(st->tape);
    if (head == st->pos)
        return;
    if (tape_span(st->tape, st->pos, head, &span) != OK) {
        st->is_unreadable = true;
        return;
    }
    struct str bytes = {span.iov_base, span.iov_len};
    int64_t end_us = tape_end(st->tape).us, sum_ns = measure(st, bytes);
    int64_t apart_us = end_us - (st->end_us + sum_ns / 1000);
    /* Each frame is asked for its time only where they do not simply follow on. */
    bool is_smooth = st->end_us != 0 && apart_us < US_PER_MS && apart_us > -US_PER_MS;
    while (bytes.len > 0) {
        struct sim_heard h = {.is_first = st->frames == 0};
        int64_t length_ns;
        struct utc start = {st->end_us};
        size_t len = read_frame(st, bytes, &h, &length_ns);
        if (len == 0 || (!is_smooth && tape_time_of(st->tape, st->pos, &start) != OK)) {
            st->is_unreadable = true;
            return;
        }
        h.at_us = start.us;
        h.length_us = length_ns / 1000;
        h.hole_us = h.is_first ? 0 : start.us - st->end_us;
        if (h.hole_us <= SEAM_US && h.hole_us >= -SEAM_US)
            h.hole_us = 0;
        take(st, &h, len);
        heard(ctx, st, &h);
        bytes = str_slice(bytes, len, bytes.len);
    }
    st->end_us = end_us;
}

int64_t sim_tape_media(const struct sim_tape *st, uint64_t pos)
{
    uint64_t first = st->frames > SIM_PLACES ? st->frames - SIM_PLACES : 0;
    for (uint64_t i = st->frames; i > first; i--)
        if (st->places[(i - 1) % SIM_PLACES].pos <= pos)
            return pos == st->pos ? st->media_us : st->places[(i - 1) % SIM_PLACES].media_us;
    return st->media_us;
}
