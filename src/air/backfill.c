/* air/backfill.c - contract in air.h */
#include "air/output_priv.h"
#include "air/station_priv.h"
#include "air/talk_priv.h"

struct filling {
    struct air_output *outputs[BOARD_RENDITIONS_MAX];
    struct format formats[BOARD_RENDITIONS_MAX];
    int64_t from_us[BOARD_RENDITIONS_MAX]; /* frames differ in length, and so do tapes */
    size_t count;
};

static void take(void *ctx, const struct message *out)
{
    struct filling *f = ctx;
    if (out->id < f->count && out->payload.len > 0 && out->samples > 0)
        output_append(f->outputs[out->id], out->payload, out->samples, &f->formats[out->id],
                      (struct utc){out->at_us}, false);
}

enum err air_backfill(const struct channel *deck, const struct clock *clock,
                      const struct board_station *station, struct utc from, struct utc to)
{
    atomic_bool never = false;
    struct filling f = {0};
    struct talk talk = {
        .deck = deck, .clock = clock, .must_stop = &never, .on_out = take, .ctx = &f};
    int64_t begin_us = to.us;
    for (size_t i = 0; i < station->renditions_count; i++) {
        const struct board_rendition *rendition = &station->renditions[i];
        if (rendition->passthrough)
            continue;
        int64_t end_us = rendition->live.output->end.us;
        f.outputs[f.count] = rendition->live.output;
        f.formats[f.count] = talk_format(rendition);
        f.from_us[f.count] = end_us > from.us ? end_us : from.us;
        if (f.from_us[f.count] < begin_us)
            begin_us = f.from_us[f.count];
        f.count++;
    }
    if (begin_us >= to.us)
        return OK;
    begin_us -= FEED_WARM_UP_US;
    talk_begin(&talk, begin_us);
    for (size_t i = 0; i < f.count; i++)
        talk_say_output(&talk, (uint16_t)i,
                        &(struct deck_output){.format = f.formats[i], .is_quick = true},
                        f.from_us[i]);
    talk_say_input(&talk, 0, &station->air->bed, 0);
    talk_say(&talk, &(struct message){.type = DECK_SWITCH, .at_us = begin_us});
    talk_run(&talk, to.us);
    for (size_t i = 0; i < f.count; i++)
        output_feed(f.outputs[i], FED_BY_NOBODY, 0, to); /* a page that is not full yet */
    return talk_end(&talk);
}
