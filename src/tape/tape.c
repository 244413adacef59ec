/* tape/tape.c - contract in tape.h: opening, appending, and reading the tail. */
#include "tape/tape_priv.h"

#include "base/crypto.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/pack.h"
#include "media/ogg_opus.h"

#include <string.h>

/* A start that is this much off the sample count is rounding, and the sample count wins. */
#define ROUNDING_US INT64_C(2)
/* The caller steers: his frames may lie so much closer together than their samples say. */
#define STEER_PPM 1000
/* A start that is this much later is a hole, whatever the caller says. */
#define HOLE_US (100 * US_PER_MS)

_Static_assert(TAPE_WINDOW_US == WINDOW_US, "the window of the door is the window of the files");

static char *text_dup(const char *text)
{
    size_t len = strlen(text);
    char *copy = mem_new(len + 1);
    if (copy)
        memcpy(copy, text, len);
    return copy;
}

static void disk_init(struct tape_disk *disk)
{
    for (int i = 0; i < SET_FILES; i++)
        disk->fds[i] = -1;
    int failed = pthread_mutex_init(&disk->lock, NULL);
    assert(!failed);
    buf_init(&disk->repair_index, INDEX_MAX + RECORD_BYTES);
}

static void tape_free(struct tape **tape)
{
    struct tape *t = *tape;
    for (int i = 0; i < SET_FILES; i++)
        io_close(&t->disk.fds[i]);
    buf_release(&t->disk.repair_index);
    pthread_mutex_destroy(&t->disk.lock);
    sets_release(t);
    tail_free(&t->tail);
    mem_free(t->folder);
    mem_free(t->name);
    mem_free(t);
    *tape = NULL;
}

enum err tape_open(const struct tape_config *config, struct utc now, struct tape **out)
{
    *out = NULL;
    assert(config->codec == CODEC_MP3 || config->codec == CODEC_AAC || config->codec == CODEC_OPUS);
    struct tape *tape = mem_new(sizeof *tape);
    if (!tape)
        return E_NOMEM;
    disk_init(&tape->disk);
    sets_init(tape);
    tape->codec = config->codec;
    tape->serial = crc32_of(str_of(config->name));
    tape->disk_oldest_us = -1;
    tape->id = random_u64();
    enum err err = E_NOMEM;
    tape->name = text_dup(config->name);
    if (!tape->name)
        goto out;
    if (config->folder) {
        tape->folder = text_dup(config->folder);
        if (!tape->folder)
            goto out;
    }
    err = tail_new(config->codec, config->bitrate_bps, TAPE_TAIL_MIN_S, &tape->tail);
    if (!err && tape->folder)
        err = sets_load(tape);
    if (!err && tape->folder)
        err = tape_recover(tape, now);
out:
    if (err)
        tape_free(&tape);
    *out = tape;
    return err;
}

void tape_close(struct tape **tape)
{
    if (!*tape)
        return;
    if ((*tape)->folder)
        tape_finish(*tape);
    tape_free(tape);
}

enum codec tape_codec(const struct tape *tape)
{
    return tape->codec;
}

uint64_t tape_set_aside(const struct tape *tape)
{
    return tape->aside_s;
}

const char *tape_name(const struct tape *tape)
{
    return tape->name;
}

uint32_t tape_serial(const struct tape *tape)
{
    return tape->serial;
}

/* ---- the writer ---- */

static int64_t air_end_us(const struct tape *tape)
{
    const struct tape_air *air = &tape->air;
    if (!air->any)
        return tape->opened_end_us;
    return air->base_us + samples_us(air->base_samples, air->format.rate_hz);
}

/* Counts time in samples from `start` on. */
static void air_rebase(struct tape_air *air, int64_t start_us)
{
    air->base_us = start_us;
    air->base_samples = 0;
}

/* Tells when the frame starts, and whether sound broke off before it. Time never runs back here,
 * whatever the caller says: everything else on a tape relies on it. The end of a frame may lie a
 * little behind the start of the next one where the caller steers. */
static int64_t air_start_us(struct tape *tape, const struct tail_frame *frame,
                            const struct format *format, bool *broken)
{
    struct tape_air *air = &tape->air;
    int64_t start_us = frame->start_us, end_us = air_end_us(tape);
    bool first = !air->any;
    int64_t steer_us = samples_us(frame->samples, format->rate_hz) * STEER_PPM / 1000000;
    int64_t least_us = first || end_us - start_us > HOLE_US ? end_us : end_us - steer_us;
    if (start_us < least_us)
        start_us = least_us;
    if (first)
        *broken = end_us > 0; /* what the files end with was another life of this program */
    else if (start_us - end_us > HOLE_US || !format_same(format, &air->format))
        *broken = true;
    if (first || *broken || start_us - end_us > ROUNDING_US || end_us - start_us > ROUNDING_US)
        air_rebase(air, start_us);
    else
        start_us = end_us;
    return start_us;
}

/* Media time goes on by the samples, wherever the clock steers the start. What would be too far off
 * to be told begins anew as a break. */
static int32_t air_drift(struct tape_air *air, int64_t start_us, uint32_t rate_hz, bool *broken)
{
    int64_t at = us_samples(start_us, rate_hz);
    int64_t drift = air->media - at;
    if (air->any && !*broken && drift >= -TAIL_DRIFT_MAX && drift <= TAIL_DRIFT_MAX)
        return (int32_t)drift;
    *broken = *broken || air->any;
    air->media = at;
    return 0;
}

void tape_append(struct tape *tape, struct str bytes, uint32_t samples, const struct format *format,
                 struct utc start, bool broken)
{
    struct tape_air *air = &tape->air;
    assert(bytes.len > 0 && bytes.len <= OGG_PAGE_MAX_BYTES);
    assert(format->codec == tape->codec && format->rate_hz > 0);
    assert(start.us >= 0);
    struct tail_frame frame = {.samples = samples, .start_us = start.us};
    frame.start_us = air_start_us(tape, &frame, format, &broken);
    frame.drift_samples = air_drift(air, frame.start_us, format->rate_hz, &broken);
    frame.broken = broken;
    uint64_t n = window_of(frame.start_us);
    bool new_run = !air->any || broken || n != air->n;
    if (broken)
        air->discontinuity++;
    air->any = true;
    air->n = n;
    air->format = *format;
    air->base_samples += samples;
    air->media += samples;
    frame.end_us = air_end_us(tape);
    struct tail_run run = {
        .n = n, .discontinuity = air->discontinuity, .broken = broken, .format = *format};
    tail_push(tape->tail, bytes, &frame, new_run ? &run : NULL);
}

void tape_title(struct tape *tape, struct str title)
{
    tail_push_text(tape->tail, TAIL_TITLES, "title", title, 0);
}

void tape_note(struct tape *tape, const char *kind, struct str text)
{
    tail_push_text(tape->tail, TAIL_NOTES, kind, text, air_end_us(tape));
}

/* ---- readers ---- */

/* The newest frame; false if there is none since the tape was opened. */
static bool newest(const struct tape *tape, uint64_t *number, struct tail_frame *frame)
{
    uint64_t frames;
    do {
        frames = tail_frames(tape->tail);
        if (frames == 0)
            return false;
        *number = frames - 1;
    } while (tail_frame(tape->tail, frames - 1, frame) != OK);
    return true;
}

struct utc tape_end(const struct tape *tape)
{
    struct tail_frame frame;
    uint64_t number;
    return (struct utc){newest(tape, &number, &frame) ? frame.end_us : tape->opened_end_us};
}

uint64_t tape_head(const struct tape *tape)
{
    return tail_head(tape->tail);
}

uint64_t tape_oldest(const struct tape *tape)
{
    return tail_oldest(tape->tail);
}

enum err tape_span(const struct tape *tape, uint64_t from, uint64_t to, struct iovec *out)
{
    return tail_span(tape->tail, from, to, out);
}

uint64_t tape_pos_back(const struct tape *tape, uint32_t ms)
{
    struct tail_frame last, frame;
    uint64_t number;
    bool at_edge;
    if (!newest(tape, &number, &last))
        return 0;
    int64_t from_us = last.end_us - (int64_t)ms * US_PER_MS;
    enum err err;
    do {
        uint64_t found = tail_search(tape->tail, TAIL_STARTS_FROM, from_us, &at_edge);
        uint64_t unbroken = tail_last_break(tape->tail);
        err = tail_frame(tape->tail, found > unbroken ? found : unbroken, &frame);
    } while (err == E_LAGGED);
    return err ? last.pos + last.bytes : frame.pos;
}

enum err tape_find(const struct tape *tape, struct utc at, uint64_t *pos, struct utc *start)
{
    struct tail_frame frame;
    bool at_edge;
    *pos = 0;
    *start = (struct utc){0};
    uint64_t number = tail_search(tape->tail, TAIL_ENDS_AFTER, at.us, &at_edge);
    enum err err = tail_frame(tape->tail, number, &frame);
    if (err == E_AGAIN && at.us < tape->opened_end_us && tail_frames(tape->tail) == 0)
        return E_LAGGED; /* nothing in RAM yet since the start: files have it */
    if (err)
        return err;
    /* In the hole before the very first frame nothing is older than the tail. */
    bool is_first = number == 0 && at.us >= tape->opened_end_us;
    if (at_edge && at.us < frame.start_us && !is_first)
        return E_LAGGED;
    *pos = frame.pos;
    *start = (struct utc){frame.start_us};
    return OK;
}

enum err tape_time_of(const struct tape *tape, uint64_t pos, struct utc *out)
{
    struct tail_frame frame;
    bool at_edge;
    *out = (struct utc){0};
    uint64_t number = tail_search(tape->tail, TAIL_LIES_BEHIND, (int64_t)pos, &at_edge);
    if (number == 0 && tail_frames(tape->tail) == 0) {
        *out = (struct utc){tape->opened_end_us};
        return OK;
    }
    if (at_edge)
        return E_LAGGED;
    enum err err = tail_frame(tape->tail, number - 1, &frame);
    if (!err)
        *out = (struct utc){pos < frame.pos + frame.bytes ? frame.start_us : frame.end_us};
    return err;
}

enum err tape_title_find(const struct tape *tape, uint64_t pos, struct tape_title_at *out)
{
    struct tail_text text;
    uint64_t seq = tape_title_seq(tape, pos);
    *out = (struct tape_title_at){.seq = seq};
    if (seq == 0)
        return OK;
    enum err err = tail_text(tape->tail, TAIL_TITLES, seq - 1, &text);
    if (err) {
        out->seq = 0;
        return err;
    }
    memcpy(out->text, text.text, sizeof out->text);
    return OK;
}

uint64_t tape_title_seq(const struct tape *tape, uint64_t pos)
{
    return tail_texts_until(tape->tail, TAIL_TITLES, pos);
}

bool tape_format(const struct tape *tape, struct format *out)
{
    struct tail_run run;
    uint64_t runs;
    *out = (struct format){0};
    if (tail_frames(tape->tail) == 0)
        return false;
    do
        runs = tail_runs(tape->tail);
    while (tail_run(tape->tail, runs - 1, &run) != OK);
    *out = run.format;
    return true;
}

bool tape_range(const struct tape *tape, struct utc *oldest, struct utc *end)
{
    struct tail_frame frame;
    int64_t disk_us = atomic_load_explicit(&tape->disk_oldest_us, memory_order_acquire);
    *oldest = *end = (struct utc){0};
    bool in_ram = tail_frames(tape->tail) > 0;
    if (disk_us < 0 && !in_ram)
        return false;
    *end = tape_end(tape);
    oldest->us = disk_us;
    if (in_ram) {
        while (tail_frame(tape->tail, tail_oldest_frame(tape->tail), &frame) != OK)
            ;
        if (disk_us < 0 || frame.start_us < disk_us)
            oldest->us = frame.start_us;
    }
    return true;
}
