/* Packets into pages and back. The input is a row of packets, each behind two bytes of length; and,
 * as it is, a page. */
#include <stdlib.h>
#include <string.h>

#include "media/framer.h"
#include "media/icy.h"
#include "media/ogg_opus.h"
#include "media/opus_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* What went into pages, and what came out of them. */
struct flow {
    struct framer *framer;
    uint64_t samples_in, samples_paged, samples_out;
    uint64_t hash_in, hash_out;
};

static uint64_t mix(uint64_t hash, struct str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        hash = (hash ^ (unsigned char)bytes.ptr[i]) * 0x100000001b3;
    return (hash ^ bytes.len) * 0x100000001b3;
}

static void drain(struct flow *flow)
{
    struct frame frame;
    enum err err;
    while ((err = framer_next(flow->framer, &frame)) == OK) {
        flow->samples_out += frame.samples;
        flow->hash_out = mix(flow->hash_out, frame.bytes);
    }
    check(err == E_AGAIN);
}

static void on_page(struct flow *flow, struct str page, uint32_t samples)
{
    uint32_t told;
    check(page.len <= OGG_PAGE_MAX_BYTES && samples <= OPUS_PAGE_MAX_SAMPLES);
    check(opus_page_samples(page, &told) == OK && told == samples);
    flow->samples_paged += samples;
    check(framer_push(flow->framer, page) == page.len);
    drain(flow);
}

static void push(struct flow *flow, struct opus_pager *pager, struct str packet)
{
    uint32_t samples = 0, page_samples;
    struct str page;
    bool is_packet = opus_packet_samples(packet, &samples) == OK;
    enum err err = opus_pager_push(pager, packet, samples, &page, &page_samples);
    if (!is_packet) {
        check(err == E_CORRUPT);
        return;
    }
    check(err == OK || err == E_AGAIN);
    flow->samples_in += samples;
    flow->hash_in = mix(flow->hash_in, packet);
    if (err == OK)
        on_page(flow, page, page_samples);
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    static struct opus_pager pager;
    struct flow flow = {0};
    struct str bytes = {(const char *)input, size}, page;
    uint32_t samples;
    unsigned char headers[OPUS_HEADERS_MAX_BYTES];
    char title[TITLE_BYTES];
    (void)!opus_page_samples(bytes, &samples);

    title_clean(bytes, false, title, sizeof title);
    size_t len = opus_headers(3, 1 + (size & 1), str_of(title), headers);
    check(len <= sizeof headers);
    if (framer_new(CONTAINER_OGG, &flow.framer))
        abort();
    check(framer_push(flow.framer, (struct str){(const char *)headers, len}) == len);
    drain(&flow);

    opus_pager_init(&pager, 3);
    opus_pager_seek(&pager, (struct utc){(int64_t)size * 1000003});
    while (bytes.len > 2) {
        size_t want = (unsigned char)bytes.ptr[0] | (size_t)(unsigned char)bytes.ptr[1] << 8;
        struct str packet = str_slice(bytes, 2, 2 + want);
        bytes = str_slice(bytes, 2 + want, bytes.len);
        push(&flow, &pager, packet);
    }
    if (opus_pager_flush(&pager, &page, &samples) == OK)
        on_page(&flow, page, samples);
    check(opus_pager_flush(&pager, &page, &samples) == E_AGAIN);
    check(flow.samples_in == flow.samples_paged && flow.samples_in == flow.samples_out);
    check(flow.hash_in == flow.hash_out && framer_losses(flow.framer).skipped_bytes == 0);
    framer_free(&flow.framer);
    return 0;
}
