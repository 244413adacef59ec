/* hls/segment.c - a segment that is not at hand: its runs are read from the tape's files.
 *
 *     request --run 0--> [ more? --run 1--> ... ] --fmp4--> answer;  run 0 of the next one is read
 *                                                                    ahead */
#include "hls/hls_priv.h"

#include "base/mem.h"
#include "hls/line_priv.h"
#include "listen/poll.h"
#include "media/fmp4.h"

#include <inttypes.h>

#define SEGMENT_MAX ((size_t)16 << 20)

struct reading {
    struct tape_ask ask;
    struct loop_job answered;
    struct hls *hls;
    struct loop *loop;
    struct request *request; /* NULL: he left */
    struct board_live live;
    uint64_t n;
    const struct tape_piece *pieces[LINE_STRETCHES_MAX];
    unsigned count;
};

static void reading_free(struct reading *reading)
{
    for (unsigned i = 0; i < reading->count; i++)
        tape_piece_unref(reading->pieces[i]);
    mem_free(reading);
}

/* ---- reading ahead ---- */

static void on_ahead(struct tape_ask *ask)
{
    if (ask->err == OK)
        tape_piece_unref(ask->piece); /* the cache has it now */
    mem_free((char *)ask - offsetof(struct reading, ask));
}

/* Who asks for one asks for the next. If memory is out he waits for the disk, no more. */
static void read_ahead(const struct reading *reading)
{
    struct reading *next = mem_new(sizeof *next);
    if (!next)
        return;
    next->ask =
        (struct tape_ask){.tape = reading->ask.tape, .window = reading->n + 1, .done = on_ahead};
    tape_reader_ask(reading->hls->config.reader, &next->ask);
}

/* ---- the answer ---- */

void segment_count(struct hls *hls, const struct request *request, const struct board_live *live,
                   uint64_t n, size_t bytes)
{
    int64_t behind_us = clock_utc(hls->config.clock).us - (int64_t)n * TAPE_WINDOW_US;
    const struct listen_bytes what = {
        .audience = live->audience,
        .name = tape_name(live->tape),
        .peer = request->peer,
        .agent = request_header(request, STR("user-agent")),
        .bytes = bytes,
        .behind_us = behind_us > 0 ? behind_us : 0,
    };
    if (request->method == HTTP_GET)
        listen_poll_bytes(hls->config.listen, &what);
}

/* The same bytes as those that were made from RAM (track.c). */
static enum err make(const struct reading *reading, struct buf *out)
{
    struct tape_run facts[LINE_STRETCHES_MAX];
    const struct tape_run *runs[LINE_STRETCHES_MAX];
    struct str stretches[LINE_STRETCHES_MAX];
    bool use[LINE_STRETCHES_MAX];
    uint64_t samples;
    for (unsigned i = 0; i < reading->count; i++) {
        facts[i] = (struct tape_run){.samples = reading->pieces[i]->samples,
                                     .format = reading->pieces[i]->format};
        runs[i] = &facts[i];
    }
    size_t first = line_choose(runs, reading->count, use);
    const struct tape_piece *piece = reading->pieces[first];
    struct fmp4_segment segment = {
        .sequence = (uint32_t)reading->n,
        .decode_time = tape_media_time(piece->start, piece->drift_samples, piece->format.rate_hz),
        .stretches = stretches,
    };
    for (size_t i = first; i < reading->count; i++)
        if (use[i])
            stretches[segment.stretches_count++] = reading->pieces[i]->bytes;
    enum err err = fmp4_segment(&segment, out, &samples);
    return err ? err : buf_err(out);
}

static void answer(struct reading *reading)
{
    struct request *request = reading->request;
    struct response *response;
    struct buf bytes;
    buf_init(&bytes, SEGMENT_MAX);
    enum err err = make(reading, &bytes);
    if (!err)
        err = segment_response(buf_str(&bytes), &response);
    if (err) {
        reply_text(request, 503, CACHE_SOON, "the recording cannot be read just now: %s",
                   err_text(err));
    } else {
        segment_count(reading->hls, request, &reading->live, reading->n, bytes.len);
        request_reply(request, response);
        read_ahead(reading);
    }
    buf_release(&bytes);
}

static void refuse(const struct reading *reading, enum err err)
{
    if (err == E_NOT_FOUND)
        reply_text(reading->request, 404, CACHE_SOON, "segment %" PRIu64 " is not recorded",
                   reading->n);
    else
        reply_text(reading->request, 503, CACHE_SOON, "the recording cannot be read just now: %s",
                   err_text(err));
}

/* ---- reading ---- */

static void on_answer(struct tape_ask *ask);

static void ask_next(struct reading *reading)
{
    reading->ask = (struct tape_ask){
        .tape = reading->live.tape,
        .window = reading->n,
        .nth = reading->count,
        .done = on_answer,
    };
    tape_reader_ask(reading->hls->config.reader, &reading->ask);
}

static void on_answer_here(struct loop_job *job)
{
    struct reading *reading = (struct reading *)((char *)job - offsetof(struct reading, answered));
    const struct tape_ask *ask = &reading->ask;
    enum err err = ask->err;
    if (!err)
        reading->pieces[reading->count++] = ask->piece;
    if (!err && reading->request && ask->piece->has_more && reading->count < LINE_STRETCHES_MAX) {
        ask_next(reading);
        return;
    }
    if (reading->request && reading->count > 0)
        answer(reading);
    else if (reading->request)
        refuse(reading, err);
    reading_free(reading);
}

static void on_answer(struct tape_ask *ask)
{
    struct reading *reading = (struct reading *)((char *)ask - offsetof(struct reading, ask));
    reading->answered.run = on_answer_here;
    loop_post(reading->loop, &reading->answered);
}

static void on_gone(void *ctx)
{
    struct reading *reading = ctx;
    reading->request = NULL;
}

void segment_from_tape(struct hls *hls, struct request *request, const struct board_live *live,
                       uint64_t n)
{
    struct reading *reading = n > 0 ? mem_new(sizeof *reading) : NULL;
    if (!reading) {
        reply_text(request, n > 0 ? 503 : 404, CACHE_SOON, "%s",
                   err_text(n > 0 ? E_NOMEM : E_NOT_FOUND));
        return;
    }
    reading->hls = hls;
    reading->loop = request->loop;
    reading->request = request;
    reading->live = *live;
    reading->n = n;
    request_hold(request, on_gone, reading);
    ask_next(reading);
}
