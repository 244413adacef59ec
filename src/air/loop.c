/* air/loop.c - contract in air.h and loop_priv.h
 *
 * The sound is played twice in a row to a deck, and the second time is kept: there an encoder has
 * the end of the loop behind it when it comes to the beginning, as it will be heard. */
#include "air/loop_priv.h"

#include "air/talk_priv.h"

#include "base/mem.h"
#include "media/framer.h"

#include <string.h>

/* Frames of 1152, 1024 and 960 samples at 48 kHz all end together each 0.96 s. */
#define BEAT_US     (960 * US_PER_MS)
#define OWN_BEATS   10
#define FILE_MAX_US (60 * US_PER_S)
#define OWN_BED     2
#define AHEAD_US    (4 * US_PER_S)
#define WARM_UP_US  US_PER_S
#define START_US    (1000 * US_PER_S) /* any time will do; no part of it is negative */

struct making {
    struct talk talk;
    struct air_loop *loop;
    struct str file;
    enum container container;
    int64_t length_us;
    enum err err; /* what came back could not be kept */
};

const struct loop_track *loop_track_find(const struct air_loop *loop, const char *rendition)
{
    for (size_t i = 0; i < loop->tracks_count; i++)
        if (strcmp(loop->tracks[i].rendition, rendition) == 0 && loop->tracks[i].count > 0)
            return &loop->tracks[i];
    return NULL;
}

struct str loop_track_frame(const struct loop_track *track, uint64_t i, uint32_t *samples)
{
    const struct loop_frame *frame = &track->frames[i % track->count];
    *samples = frame->samples;
    return str_slice(buf_str(&track->bytes), frame->at, frame->at + frame->len);
}

void air_loop_free(struct air_loop **loop)
{
    struct air_loop *l = *loop;
    *loop = NULL;
    if (!l)
        return;
    for (size_t i = 0; i < l->tracks_count; i++) {
        buf_release(&l->tracks[i].setup);
        buf_release(&l->tracks[i].bytes);
        mem_free(l->tracks[i].frames);
    }
    mem_free(l);
}

enum err loop_track_add(struct loop_track *track, struct str bytes, uint32_t samples)
{
    if (track->count == LOOP_FRAMES_MAX)
        return E_TOO_LONG;
    size_t at = track->bytes.len;
    buf_add(&track->bytes, bytes);
    if (buf_err(&track->bytes))
        return buf_err(&track->bytes);
    track->frames[track->count++] = (struct loop_frame){
        .at = (uint32_t)at,
        .len = (uint32_t)bytes.len,
        .samples = samples,
    };
    return OK;
}

static void keep_frame(void *ctx, const struct message *out)
{
    struct making *m = ctx;
    if (out->id >= m->loop->tracks_count || out->at_us < START_US + m->length_us)
        return;
    struct loop_track *track = &m->loop->tracks[out->id];
    int64_t half_us = (int64_t)out->samples * US_PER_S / track->format.rate_hz / 2;
    if (out->at_us + half_us >= START_US + 2 * m->length_us)
        return;
    enum err err = loop_track_add(track, out->payload, out->samples);
    if (err && !m->err)
        m->err = err;
}

/* ---- a file ---- */

typedef void frame_fn(struct making *m, uint16_t slot, const struct frame *frame, int64_t at_us,
                      const struct framer *framer);

static void say_switch(struct making *m, uint16_t slot)
{
    int64_t at_us = START_US + slot * m->length_us;
    talk_say(&m->talk, &(struct message){.type = DECK_SWITCH, .id = slot, .at_us = at_us});
}

static void say_frame(struct making *m, uint16_t slot, const struct frame *frame, int64_t at_us,
                      const struct framer *framer)
{
    int64_t from_us = START_US + slot * m->length_us;
    if (at_us == 0) {
        uint32_t seq;
        struct deck_input input = {.kind = DECK_CODED, .format = frame->format};
        input.setup = framer_setup(framer, &seq);
        talk_say_input(&m->talk, slot, &input, 0);
        say_switch(m, slot);
    }
    /* A deck keeps no more than some seconds ahead of what it has rendered. */
    if (at_us > AHEAD_US && at_us - AHEAD_US < m->length_us)
        talk_run(&m->talk, from_us + at_us - AHEAD_US);
    talk_say(&m->talk, &(struct message){
                           .type = DECK_FRAMES,
                           .id = slot,
                           .at_us = from_us + at_us,
                           .samples = frame->samples,
                           .payload = frame->bytes,
                       });
}

/* Goes through the file's frames up to length_us; *walked_us: how long that is. */
static enum err walk(struct making *m, uint16_t slot, int64_t length_us, frame_fn *each,
                     int64_t *walked_us)
{
    struct framer *framer;
    struct frame frame;
    struct format first = {0};
    int64_t at_us = 0;
    enum err err = framer_new(m->container, &framer);
    if (err)
        return err;
    for (struct str rest = m->file; at_us < length_us;) {
        err = framer_next(framer, &frame);
        if (err == E_AGAIN && rest.len > 0) {
            size_t taken = framer_push(framer, rest);
            rest = str_slice(rest, taken, rest.len);
            continue;
        }
        if (err || (first.codec != CODEC_NONE && !format_same(&first, &frame.format)))
            break;
        first = frame.format;
        if (each)
            each(m, slot, &frame, at_us, framer);
        at_us += (int64_t)frame.samples * US_PER_S / frame.format.rate_hz;
    }
    framer_free(&framer);
    *walked_us = at_us;
    return OK;
}

/* ---- the making ---- */

static enum err add_track(struct air_loop *loop, const struct board_rendition *rendition)
{
    struct loop_track *track = &loop->tracks[loop->tracks_count++];
    str_copy(track->rendition, sizeof track->rendition, str_of(rendition->slug));
    track->format = talk_format(rendition);
    buf_init(&track->setup, 64);
    buf_init(&track->bytes, LOOP_BYTES_MAX);
    track->frames = mem_new(LOOP_FRAMES_MAX * sizeof *track->frames);
    if (rendition->codec == CODEC_OPUS) /* RFC 7845 section 5.1; the rest of the 19 bytes is 0 */
        buf_add(&track->setup,
                (struct str){rendition->channels == 1 ? "OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0"
                                                      : "OpusHead\1\2\0\0\x80\xbb\0\0\0\0\0",
                             19});
    return track->frames ? buf_err(&track->setup) : E_NOMEM;
}

enum err loop_new(const struct board_station *station, struct air_loop **out)
{
    enum err err = OK;
    *out = mem_new(sizeof **out);
    if (!*out)
        return E_NOMEM;
    for (size_t i = 0; i < station->renditions_count && !err; i++)
        err = add_track(*out, &station->renditions[i]);
    if (err)
        air_loop_free(out);
    return err;
}

static void play(struct making *m, uint16_t slot)
{
    const struct deck_input bed = {.kind = DECK_BED, .bed = OWN_BED};
    int64_t walked_us;
    if (m->file.len > 0) {
        enum err err = walk(m, slot, m->length_us + WARM_UP_US, say_frame, &walked_us);
        if (err && !m->talk.err)
            m->talk.err = err;
    } else {
        talk_say_input(&m->talk, slot, &bed, START_US + slot * m->length_us);
        say_switch(m, slot);
    }
}

static enum err make(struct making *m)
{
    struct talk *talk = &m->talk;
    m->length_us = OWN_BEATS * BEAT_US;
    if (m->file.len > 0) {
        enum err err = walk(m, 0, FILE_MAX_US, NULL, &m->length_us);
        m->length_us = m->length_us / BEAT_US * BEAT_US;
        if (err || m->length_us < BEAT_US)
            return err ? err : E_UNSUPPORTED;
    }
    talk_begin(talk, START_US);
    for (size_t i = 0; i < m->loop->tracks_count; i++)
        talk_say_output(talk, (uint16_t)i,
                        &(struct deck_output){.format = m->loop->tracks[i].format},
                        START_US + m->length_us);
    play(m, 0);
    talk_run(talk, START_US + m->length_us);
    play(m, 1);
    talk_run(talk, START_US + 2 * m->length_us + WARM_UP_US);
    enum err err = talk_end(talk);
    if (!err)
        err = m->err;
    for (size_t i = 0; i < m->loop->tracks_count && !err; i++)
        err = m->loop->tracks[i].count > 0 ? OK : E_CORRUPT;
    return err;
}

enum err air_loop_make(const struct channel *deck, const struct clock *clock,
                       const struct board_station *station, struct str file,
                       enum container container, const atomic_bool *must_stop,
                       struct air_loop **out)
{
    struct making m = {
        .talk = {.deck = deck, .clock = clock, .must_stop = must_stop, .on_out = keep_frame},
        .file = file,
        .container = container,
    };
    m.talk.ctx = &m;
    enum err err = loop_new(station, &m.loop);
    if (!err && m.loop->tracks_count > 0)
        err = make(&m);
    if (err)
        air_loop_free(&m.loop);
    *out = m.loop;
    return err;
}
