/* front/page_home.c - GET /: every listed station, what is on, and a button to hear it. */
#include "front/page_priv.h"

#include <stdio.h>

static void add_addresses(const struct front *front, const struct scene *scene, struct buf *out)
{
    if (scene->count == 0)
        return;
    buf_add(out, STR("<details><summary>Addresses for other players<span class=\"hidden\"> of "));
    xml_add(out, str_of(scene->station->name));
    buf_add(out, STR("</span></summary>\n<ul class=\"raw\">\n"));
    for (size_t i = 0; i < scene->count; i++) {
        const struct sound *sound = &scene->sounds[i];
        buf_add(out, STR("<li><span class=\"kind\">"));
        kind_add(out, sound->rendition);
        if (!sound->is_on)
            buf_add(out, STR(" (off the air)"));
        buf_add(out, STR("</span> <a href=\""));
        xml_add(out, str_of(sound->mount));
        buf_add(out, STR("\">"));
        xml_add(out, str_of(front->config.public_url));
        xml_add(out, str_of(sound->mount));
        buf_add(out, STR("</a></li>\n"));
    }
    buf_add(out, STR("</ul></details>\n"));
}

static void add_card(const struct front *front, const struct scene *scene, struct buf *out)
{
    const struct board_station *station = scene->station;
    buf_printf(out, "<li><article class=\"card\" aria-labelledby=\"%s\">\n", station->slug);
    state_add(out, scene);
    buf_printf(out, "<h2 id=\"%s\"><a href=\"/listen/%s\">", station->slug, station->slug);
    xml_add(out, str_of(station->name));
    buf_add(out, STR("</a></h2>\n"));
    if (station->description[0]) {
        buf_add(out, STR("<p class=\"about\">"));
        xml_add(out, str_of(station->description));
        buf_add(out, STR("</p>\n"));
    }
    now_add(out, scene);
    buf_add(out, STR("<div class=\"play\">\n"));
    if (scene->is_on)
        audio_add(out, scene, NULL);
    buf_printf(out, "<p class=\"links\"><a href=\"/listen/%s\">", station->slug);
    buf_add(out, scene->has_tape ? STR("Rewind and more") : STR("More"));
    buf_add(out, STR("<span class=\"hidden\"> of "));
    xml_add(out, str_of(station->name));
    buf_add(out, STR("</span></a></p>\n"));
    add_addresses(front, scene, out);
    buf_add(out, STR("</div>\n</article></li>\n"));
}

static void add_cards(const struct front *front, const struct board *board, struct buf *out,
                      size_t *listed, size_t *on)
{
    struct scene scene;
    *listed = *on = 0;
    for (size_t i = 0; i < board->stations_count; i++) {
        if (!board->stations[i].listed)
            continue;
        scene_look(front, &board->stations[i], &scene);
        add_card(front, &scene, out);
        (*listed)++;
        *on += scene.is_on;
    }
}

static void add_lead(struct buf *out, size_t listed, size_t on)
{
    char text[96];
    if (listed == 0)
        return;
    if (listed == 1)
        snprintf(text, sizeof text, "%s", on ? "On the air now." : "Off the air just now.");
    else if (on == listed)
        snprintf(text, sizeof text, "%zu stations, all on the air.", listed);
    else
        snprintf(text, sizeof text, "%zu stations, %zu on the air.", listed, on);
    buf_printf(out, "<p class=\"lead\">%s</p>\n", text);
}

void on_home(struct request *request, void *ctx)
{
    const struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    const struct page_head head = {
        .title = STR("Listen live"),
        .description = STR("Live radio: what is on the air now, and a button to hear it."),
        .path = "/",
        .is_home = true,
    };
    size_t listed, on;
    struct buf cards, out;
    buf_init(&cards, PAGE_MAX_BYTES);
    buf_init(&out, PAGE_MAX_BYTES);
    add_cards(front, board, &cards, &listed, &on);
    page_begin(front, &head, &out);
    buf_add(&out, STR("<h1>Listen live</h1>\n"));
    add_lead(&out, listed, on);
    if (listed > 0) {
        buf_add(&out, STR("<ul class=\"stations\" role=\"list\">\n"));
        buf_add(&out, buf_str(&cards));
        buf_add(&out, STR("</ul>\n"));
    } else {
        buf_add(&out, STR("<div class=\"empty\"><p>There is no station here yet. "
                          "<code>mast apply</code> makes one.</p></div>\n"));
    }
    page_end(&out);
    if (buf_err(&cards) && !out.err)
        out.err = buf_err(&cards);
    buf_release(&cards);
    page_reply(request, 200, &out);
}
