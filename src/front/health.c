/* front/health.c - is it alive, is it ready, does it sound?
 *
 *   /-/live            200 as long as a loop answers
 *   /-/ready           200 unless it drains: 503 then
 *   /-/air/<station>   200 if every rendition that a source feeds moved on in the last 2 s, and at
 *                      least one did; else 503 and which one is silent since when. With the newest
 *                      20 events of its ledger, or ?n= up to 256
 *
 * Without login, and with nothing in it that a listener could not hear himself. */
#include "front/front_priv.h"

void on_live(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply_text(request, 200, NULL, "alive");
}

void on_ready(struct request *request, void *ctx)
{
    struct front *front = ctx;
    if (atomic_load(front->config.is_draining))
        request_reply_text(request, 503, NULL, "draining");
    else
        request_reply_text(request, 200, NULL, "ready");
}

static bool is_moving(const struct board_rendition *rendition, struct utc now)
{
    return now.us - tape_end(rendition->live.tape).us <= SILENT_US;
}

static void reply_silent(struct request *request, const struct board_rendition *rendition)
{
    char since[UTC_ISO_BYTES];
    struct utc end = tape_end(rendition->live.tape);
    utc_format_iso(end, since);
    if (end.us == 0)
        request_reply_text(request, 503, NULL, "%s has had no sound yet", rendition->slug);
    else
        request_reply_text(request, 503, NULL, "%s is silent since %s", rendition->slug, since);
}

static void reply_on_air(struct request *request, const struct board_station *station)
{
    struct buf out;
    struct str text;
    uint64_t events = AIR_EVENTS_SHOWN;
    enum err err = request_query(request, STR("n"), &text);
    if (!err)
        err = str_parse_u64(text, AIR_EVENTS_MAX, &events);
    if (err && err != E_NOT_FOUND) {
        request_reply_text(request, 400, NULL, "n is the number of events, at most %d",
                           AIR_EVENTS_MAX);
        return;
    }
    buf_init(&out, ANSWER_MAX_BYTES);
    buf_add(&out, STR("on the air\n"));
    air_report_text(station, (size_t)events, &out);
    front_reply(request, &(struct front_answer){.type = "text/plain; charset=utf-8"}, &out);
}

void on_air_health(struct request *request, void *ctx)
{
    struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    struct str slug = str_slice(request->path, sizeof "/-/air/" - 1, request->path.len);
    const struct board_station *station = board_station_find(board, slug);
    struct utc now = clock_utc(front->config.clock);
    const struct board_rendition *silent = NULL;
    struct utc since;
    size_t moving = 0;
    if (!station) {
        request_reply_text(request, 404, NULL, "there is no such station");
        return;
    }
    for (size_t i = 0; i < station->renditions_count && !silent; i++) {
        const struct board_rendition *r = &station->renditions[i];
        if (is_moving(r, now))
            moving++;
        else if (air_output_is_on(r->live.output, &since))
            silent = r;
    }
    if (!silent && moving == 0 && station->renditions_count > 0)
        silent = &station->renditions[0];
    if (silent)
        reply_silent(request, silent);
    else if (moving == 0)
        request_reply_text(request, 503, NULL, "the station has no rendition");
    else
        reply_on_air(request, station);
}
