/* air/output.c - contract in air.h and output_priv.h */
#include "air/output_priv.h"

#include "base/mem.h"

enum err air_output_new(struct tape *tape, struct air_output **out)
{
    *out = NULL;
    struct air_output *output = mem_new(sizeof *output);
    if (!output)
        return E_NOMEM;
    output->tape = tape;
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

void output_switch(struct air_output *output, const struct port *port, struct utc now)
{
    flush_page(output);
    output->on_air = port;
    output->has_begun = false;
    atomic_store_explicit(&output->source_id, port ? port->facts.id : 0, memory_order_release);
    atomic_store_explicit(&output->since_us, port ? now.us : 0, memory_order_release);
}

/* Packets are gathered to pages; a page never reaches over a break. */
static void append_opus(struct air_output *output, const struct frame *frame, struct utc start)
{
    struct str page;
    uint32_t samples;
    if (output->pager->packets_count == 0) {
        output->page_start = start;
        if (output->is_broken)
            opus_pager_seek(output->pager, start);
    }
    if (opus_pager_push(output->pager, frame->bytes, frame->samples, &page, &samples) == OK) {
        append(output, page, samples, output->page_start);
        output->page_start = start; /* this packet opens the next page */
    }
}

void output_append(struct air_output *output, const struct frame *frame, struct utc start,
                   bool broken)
{
    /* After a switch the new port's count may still lie before the end of what is recorded. */
    if (!output->has_begun && start.us < tape_end(output->tape).us)
        return;
    if (broken || !output->has_begun) {
        flush_page(output);
        output->is_broken = true;
        output->has_begun = true;
    }
    output->format = frame->format;
    if (output->pager)
        append_opus(output, frame, start);
    else
        append(output, frame->bytes, frame->samples, start);
}
