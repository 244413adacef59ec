/* front/page_station.c - GET /listen/<station>[?at=]: one station at large, all its renditions. */
#include "front/page_priv.h"

#include <stdio.h>

static void add_heading(const struct scene *scene, struct buf *out)
{
    const struct board_station *station = scene->station;
    buf_add(out, STR("<div class=\"station\">\n<h1>"));
    xml_add(out, str_of(station->name));
    buf_add(out, STR("</h1>\n"));
    if (station->description[0]) {
        buf_add(out, STR("<p class=\"lead\">"));
        xml_add(out, str_of(station->description));
        buf_add(out, STR("</p>\n"));
    }
    struct str url = str_of(station->url);
    if (str_starts(url, STR("https://")) || str_starts(url, STR("http://"))) {
        buf_add(out, STR("<p class=\"links\"><a href=\""));
        xml_add(out, url);
        buf_add(out, STR("\" rel=\"noopener\">Website of the station</a></p>\n"));
    }
    buf_add(out, STR("</div>\n"));
}

/* ---- addresses ---- */

static void add_link(const struct sound *sound, const char *suffix, const char *text,
                     struct buf *out)
{
    buf_add(out, STR("<a href=\""));
    xml_add(out, str_of(sound->mount));
    buf_printf(out, "%s\">%s<span class=\"hidden\">%s, ", suffix, text,
               suffix[0] ? " playlist" : "");
    kind_add(out, sound->rendition);
    buf_add(out, STR("</span></a>\n"));
}

static void add_format(const struct sound *sound, struct buf *out)
{
    if (!sound->is_on) {
        buf_add(out, STR("<span class=\"state\">Off the air</span>"));
        return;
    }
    if (sound->has_format && sound->format.rate_hz > 0)
        buf_printf(out, "<span class=\"format\">%g kHz, %s</span>",
                   (double)sound->format.rate_hz / 1000,
                   sound->format.channels == 1 ? "mono" : "stereo");
}

static void add_address(const struct front *front, const struct sound *sound, struct buf *out)
{
    buf_add(out, STR("<li>\n<div class=\"head\"><h3 id=\""));
    buf_printf(out, "r-%s\">", sound->rendition->slug);
    kind_add(out, sound->rendition);
    buf_add(out, STR("</h3>"));
    add_format(sound, out);
    buf_add(out, STR("</div>\n<input type=\"text\" readonly aria-label=\"Address, "));
    kind_add(out, sound->rendition);
    buf_add(out, STR("\" value=\""));
    xml_add(out, str_of(front->config.public_url));
    xml_add(out, str_of(sound->mount));
    buf_add(out, STR("\">\n<p class=\"links\">"));
    add_link(sound, "", "Stream", out);
    add_link(sound, ".m3u", "M3U", out);
    add_link(sound, ".pls", "PLS", out);
    add_link(sound, ".xspf", "XSPF", out);
    buf_add(out, STR("</p></li>\n"));
}

/* With a moment that can really be had: an hour ago, or the oldest. */
static void add_example(const struct scene *scene, struct utc now, struct buf *out)
{
    struct utc at = {now.us - 3600 * US_PER_S};
    if (!scene->has_tape)
        return;
    if (at.us < scene->oldest.us || at.us >= scene->newest.us)
        at.us = scene->oldest.us + US_PER_S;
    buf_add(out, STR(" With <code>?at="));
    local_add(out, scene->station, at);
    buf_add(out, STR("</code> behind it, it starts at that time instead of now."));
}

static void add_addresses(const struct front *front, const struct scene *scene, struct utc now,
                          struct buf *out)
{
    if (scene->count == 0)
        return;
    buf_add(out, STR("<section aria-labelledby=\"addresses\">\n"
                     "<h2 id=\"addresses\">In another player</h2>\n"
                     "<p>Copy an address into any player or internet radio."));
    add_example(scene, now, out);
    buf_add(out, STR("</p>\n<ul class=\"addresses\" role=\"list\">\n"));
    for (size_t i = 0; i < scene->count; i++)
        add_address(front, &scene->sounds[i], out);
    buf_add(out, STR("</ul>\n</section>\n"));
}

/* ---- the page ---- */

static void reply_unknown(const struct front *front, struct request *request)
{
    const struct page_head head = {
        .title = STR("No such station"),
        .description = STR("There is no station at this address."),
        .path = "/",
        .is_unlisted = true,
    };
    struct buf out;
    buf_init(&out, PAGE_MAX_BYTES);
    page_begin(front, &head, &out);
    buf_add(&out, STR("<h1>No such station</h1>\n<p class=\"lead\">There is no station at this "
                      "address. <a href=\"/\">All stations</a></p>\n"));
    page_end(&out);
    page_reply(request, 404, &out);
}

static void add_middle(const struct front *front, const struct scene *scene,
                       const struct past_wish *wish, struct utc now, struct buf *out)
{
    add_heading(scene, out);
    past_add_notice(out, scene, wish);
    player_add(scene, wish, now, out);
    stations_add(front, scene->station, out);
    buf_add(out, STR("<div class=\"columns\">\n"));
    past_add_section(out, scene, wish, now);
    add_addresses(front, scene, now, out);
    buf_add(out, STR("</div>\n"));
}

void on_station(struct request *request, void *ctx)
{
    const struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    const struct board_station *station = NULL;
    struct utc now = clock_utc(front->config.clock);
    struct past_wish wish;
    struct scene scene;
    struct buf out;
    char path[96];
    if (board)
        station = board_station_find(
            board, str_slice(request->path, sizeof "/listen/" - 1, request->path.len));
    if (!station) {
        reply_unknown(front, request);
        return;
    }
    snprintf(path, sizeof path, "/listen/%s", station->slug);
    struct str description = str_of(station->description);
    const struct page_head head = {
        .title = str_of(station->name),
        .description = description.len > 0 ? description : str_of(station->name),
        .path = path,
        .is_unlisted = !station->listed,
        .has_player = true,
    };
    scene_look(front, station, &scene);
    past_read(request, &scene, now, &wish);
    buf_init(&out, PAGE_MAX_BYTES);
    page_begin(front, &head, &out);
    add_middle(front, &scene, &wish, now, &out);
    page_end(&out);
    page_reply(request,
               wish.kind == PAST_MISSING      ? 404
               : wish.kind == PAST_UNREADABLE ? 400
                                              : 200,
               &out);
}
