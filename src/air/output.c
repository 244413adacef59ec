/* air/output.c - contract in air.h and output_priv.h */
#include "air/output_priv.h"

#include "base/mem.h"

#include <string.h>

/* A frame may begin so much before the end of the last one: rounding, and steered stamps. */
#define OVERLAP_US (5 * US_PER_MS)
/* A hole older than this is not filled any more. */
#define FILL_US (10 * US_PER_S)

enum err air_output_new(struct tape *tape, struct air_output **out)
{
    *out = NULL;
    struct air_output *output = mem_new(sizeof *output);
    if (!output)
        return E_NOMEM;
    output->tape = tape;
    output->end = tape_end(tape);
    if (tape_codec(tape) == CODEC_OPUS) {
        output->pager = mem_new(sizeof *output->pager);
        if (!output->pager) {
            mem_free(output);
            return E_NOMEM;
        }
        opus_pager_init(output->pager, tape_serial(tape));
    }
    *out = output;
    return OK;
}

void air_output_free(struct air_output **output)
{
    if (!*output)
        return;
    mem_free((*output)->pager);
    mem_free(*output);
    *output = NULL;
}

bool air_output_is_on(const struct air_output *output, struct utc *since)
{
    since->us = atomic_load_explicit(&output->since_us, memory_order_acquire);
    return since->us != 0;
}

uint64_t air_output_source(const struct air_output *output)
{
    return atomic_load_explicit(&output->source_id, memory_order_acquire);
}

static void append(struct air_output *output, struct str bytes, uint32_t samples, struct utc start)
{
    tape_append(output->tape, bytes, samples, &output->format, start, output->is_broken);
    output->is_broken = false;
}

static void flush_page(struct air_output *output)
{
    struct str page;
    uint32_t samples;
    if (output->pager && opus_pager_flush(output->pager, &page, &samples) == OK)
        append(output, page, samples, output->page_start);
}

void output_feed(struct air_output *output, enum fed_by feeder, uint64_t source, struct utc now)
{
    bool was_on = output->feeder != FED_BY_NOBODY, is_on = feeder != FED_BY_NOBODY;
    if (!is_on)
        flush_page(output);
    output->feeder = feeder;
    if (feeder != FED_BY_PORT)
        output->port = NULL;
    atomic_store_explicit(&output->source_id, source, memory_order_release);
    if (was_on != is_on)
        atomic_store_explicit(&output->since_us, is_on ? now.us : 0, memory_order_release);
}

struct utc output_end(const struct air_output *output)
{
    return output->end;
}

/* Packets are gathered to pages; a page never reaches over a break. */
static void append_opus(struct air_output *output, struct str packet, uint32_t packet_samples,
                        struct utc start)
{
    struct str page;
    uint32_t samples;
    if (output->pager->packets_count == 0) {
        output->page_start = start;
        if (output->is_broken)
            opus_pager_seek(output->pager, start);
    }
    if (opus_pager_push(output->pager, packet, packet_samples, &page, &samples) == OK) {
        append(output, page, samples, output->page_start);
        output->page_start = start; /* this packet opens the next page */
    }
}

void output_append(struct air_output *output, struct str bytes, uint32_t samples,
                   const struct format *format, struct utc start, bool broken)
{
    if (start.us < output->end.us - OVERLAP_US)
        return;
    if (start.us < output->end.us)
        start = output->end;
    if (broken || start.us > output->end.us + OVERLAP_US) {
        flush_page(output);
        output->is_broken = true;
    }
    output->format = *format;
    output->end.us = start.us + (int64_t)samples * US_PER_S / format->rate_hz;
    if (output->pager)
        append_opus(output, bytes, samples, start);
    else
        append(output, bytes, samples, start);
}

const struct loop_track *output_track(const struct air_output *output, const struct air_loop *loop)
{
    const char *slash = strchr(tape_name(output->tape), '/'); /* "<station>/<rendition>" */
    return loop && slash ? loop_track_find(loop, slash + 1) : NULL;
}

void output_play_loop(struct air_output *output, const struct loop_track *track, struct utc until)
{
    if (output->end.us < until.us - FILL_US)
        output->end = until;
    while (output->end.us < until.us) {
        uint32_t samples;
        struct str frame = loop_track_frame(track, output->loop_next++, &samples);
        output_append(output, frame, samples, &track->format, output->end, false);
    }
}
