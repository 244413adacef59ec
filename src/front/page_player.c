/* front/page_player.c - the part of a station's page that sounds; contract in page_priv.h.
 *
 * Without script it is <audio controls> and links. The script (web/player) reads what it needs from
 * data- attributes: it asks nothing of the server before Play is pressed. */
#include "front/page_priv.h"

extern const char web_hls_hash[];

/* What live.m3u8 lists: of the rendition that comes first, of the others. */
#define WINDOW_S     (6 * 3600)
#define LOW_WINDOW_S (2 * 3600)

static int64_t ms_of(struct utc t)
{
    return t.us / US_PER_MS;
}

/* The rendition that HLS offers first, and the one for who pays for every byte; NULL = none. */
static void choose_aac(const struct scene *scene, const struct sound **first,
                       const struct sound **low)
{
    *first = *low = NULL;
    for (size_t i = 0; i < scene->count; i++) {
        const struct sound *sound = &scene->sounds[i];
        if (sound->rendition->codec != CODEC_AAC)
            continue;
        if (!*first)
            *first = sound;
        if (!*low || sound->rendition->bitrate_bps < (*low)->rendition->bitrate_bps)
            *low = sound;
    }
    if (*low == *first)
        *low = NULL;
}

static void add_hls(const struct scene *scene, struct buf *out)
{
    const struct sound *first, *low;
    struct utc oldest, newest;
    choose_aac(scene, &first, &low);
    if (!first || !tape_range(first->rendition->live.tape, &oldest, &newest))
        return;
    buf_printf(out,
               " data-hls=\"/hls/%s/master.m3u8\" data-engine=\"/site/%s.js\""
               " data-oldest=\"%lld\" data-newest=\"%lld\" data-window=\"%d\"",
               scene->station->slug, web_hls_hash, (long long)ms_of(oldest),
               (long long)ms_of(newest), WINDOW_S);
    if (low)
        buf_printf(out, " data-low=\"%u\" data-low-window=\"%d\"",
                   low->rendition->bitrate_bps / 1000, LOW_WINDOW_S);
}

static void add_facts(const struct scene *scene, const struct past_wish *wish, struct utc now,
                      struct buf *out)
{
    const struct board_station *station = scene->station;
    buf_printf(out, " data-station=\"%s\" data-now=\"%lld\" data-name=\"", station->slug,
               (long long)ms_of(now));
    xml_add(out, str_of(station->name));
    buf_add(out, STR("\" data-zone=\""));
    xml_add(out, str_of(station->timezone));
    buf_add_char(out, '"');
    if (wish->kind == PAST_THERE)
        buf_printf(out, " data-at=\"%lld\"", (long long)ms_of(wish->at));
    if (scene->is_on)
        buf_add(out, STR(" data-on"));
    if (scene->first) {
        buf_add(out, STR(" data-icy=\""));
        xml_add(out, str_of(scene->first->mount));
        buf_add_char(out, '"');
    }
    add_hls(scene, out);
}

void player_add(const struct scene *scene, const struct past_wish *wish, struct utc now,
                struct buf *out)
{
    buf_add(out, STR("<section class=\"player\" aria-label=\"Radio player\""));
    if (assets_have_player())
        add_facts(scene, wish, now, out);
    buf_add(out, STR(">\n"));
    if (wish->kind == PAST_THERE) {
        buf_add(out, STR("<p class=\"state past\">From the recording</p>\n<p class=\"now\">"
                         "<span class=\"label\">Starts at</span> <span class=\"title\">"));
        time_add(out, scene->station, wish->at);
        buf_add(out, STR("</span></p>\n"));
        audio_add(out, scene, &wish->at);
    } else {
        state_add(out, scene);
        now_add(out, scene);
        if (scene->is_on)
            audio_add(out, scene, NULL);
        else if (scene->has_tape)
            buf_add(out, STR("<p class=\"hint\">What was on before can still be heard: choose a "
                             "time below.</p>\n"));
        else
            buf_add(out, STR("<p class=\"hint\">There is nothing to hear yet.</p>\n"));
    }
    buf_add(out, STR("</section>\n"));
}

/* ---- the other stations ---- */

static void add_station(const struct front *front, const struct board_station *station,
                        bool is_current, struct buf *out)
{
    struct scene scene;
    scene_look(front, station, &scene);
    buf_printf(out, "<li><a href=\"/listen/%s\"%s><span class=\"name\">", station->slug,
               is_current ? " aria-current=\"page\"" : "");
    xml_add(out, str_of(station->name));
    buf_add(out, STR("</span>"));
    if (!scene.is_on) {
        buf_add(out, STR(" <span class=\"what\">Off the air</span>"));
    } else if (scene.first && scene.first->has_title && scene.first->title[0] != '\0') {
        buf_add(out, STR(" <span class=\"what\">"));
        xml_add(out, str_of(scene.first->title));
        buf_add(out, STR("</span>"));
    }
    buf_add(out, STR("</a></li>\n"));
}

void stations_add(const struct front *front, const struct board_station *current, struct buf *out)
{
    const struct board *board = board_now(front->config.place);
    size_t others = 0;
    for (size_t i = 0; i < board->stations_count; i++)
        others += board->stations[i].listed && &board->stations[i] != current;
    if (others == 0)
        return;
    buf_add(out, STR("<nav class=\"dial\" aria-label=\"Stations\">\n<ul role=\"list\">\n"));
    for (size_t i = 0; i < board->stations_count; i++)
        if (board->stations[i].listed || &board->stations[i] == current)
            add_station(front, &board->stations[i], &board->stations[i] == current, out);
    buf_add(out, STR("</ul>\n</nav>\n"));
}
