/* front/scene.c - one station as its pages show it; contract in page_priv.h */
#include "front/page_priv.h"

#include <ctype.h>

/* What browsers play, best understood first. */
static const enum codec order[] = {CODEC_MP3, CODEC_AAC, CODEC_OPUS};
#define ORDER_COUNT (sizeof order / sizeof order[0])

static const char *source_type(enum codec codec)
{
    return codec == CODEC_OPUS ? "audio/ogg; codecs=opus" : codec_content_type(codec);
}

static void look_at_range(const struct sound *sound, struct scene *scene)
{
    struct utc oldest, newest;
    if (!tape_range(sound->rendition->live.tape, &oldest, &newest))
        return;
    if (!scene->has_tape || oldest.us < scene->oldest.us)
        scene->oldest = oldest;
    if (!scene->has_tape || newest.us > scene->newest.us)
        scene->newest = newest;
    scene->has_tape = true;
}

void scene_look(const struct front *front, const struct board_station *station, struct scene *out)
{
    *out = (struct scene){.station = station, .count = station->renditions_count};
    for (size_t i = 0; i < out->count; i++) {
        sound_look(front, station, &station->renditions[i], &out->sounds[i]);
        look_at_range(&out->sounds[i], out);
        out->is_on |= out->sounds[i].is_on;
    }
    for (size_t o = 0; o < ORDER_COUNT; o++)
        for (size_t i = 0; i < out->count && !out->first; i++)
            if (out->sounds[i].is_on && out->sounds[i].rendition->codec == order[o])
                out->first = &out->sounds[i];
}

void kind_add(struct buf *out, const struct board_rendition *rendition)
{
    const char *name = codec_name(rendition->codec);
    if (rendition->codec == CODEC_OPUS)
        buf_add(out, STR("Opus"));
    else
        for (; *name; name++)
            buf_add_char(out, (char)toupper((unsigned char)*name));
    buf_printf(out, ", %u kbit/s", rendition->bitrate_bps / 1000);
}

void state_add(struct buf *out, const struct scene *scene)
{
    if (scene->is_on) {
        buf_add(out, STR("<p class=\"state on\">On the air</p>\n"));
        return;
    }
    buf_add(out, STR("<p class=\"state\">Off the air"));
    if (scene->has_tape) {
        buf_add(out, STR(" since "));
        time_add(out, scene->station, scene->newest);
    }
    buf_add(out, STR("</p>\n"));
}

void now_add(struct buf *out, const struct scene *scene)
{
    if (!scene->first || !scene->first->has_title || scene->first->title[0] == '\0')
        return;
    buf_add(out, STR("<p class=\"now\"><span class=\"label\">On now</span> "
                     "<span class=\"title\">"));
    xml_add(out, str_of(scene->first->title));
    buf_add(out, STR("</span></p>\n"));
}

static void add_source(struct buf *out, const struct sound *sound, const struct utc *at)
{
    char iso[UTC_ISO_BYTES];
    struct utc oldest, newest;
    if (at) {
        if (!tape_range(sound->rendition->live.tape, &oldest, &newest) || at->us < oldest.us ||
            at->us >= newest.us)
            return;
    } else if (!sound->is_on) {
        return;
    }
    buf_add(out, STR("<source src=\""));
    xml_add(out, str_of(sound->mount));
    if (at) {
        utc_format_iso(*at, iso);
        buf_add(out, STR("?at="));
        query_add(out, str_of(iso));
    }
    buf_printf(out, "\" type=\"%s\">\n", source_type(sound->rendition->codec));
}

void audio_add(struct buf *out, const struct scene *scene, const struct utc *at)
{
    buf_add(out, STR("<audio controls preload=\"none\" aria-label=\""));
    xml_add(out, str_of(scene->station->name));
    buf_add(out, at ? STR(", from the recording\">\n") : STR(", live\">\n"));
    for (size_t o = 0; o < ORDER_COUNT; o++)
        for (size_t i = 0; i < scene->count; i++)
            if (scene->sounds[i].rendition->codec == order[o])
                add_source(out, &scene->sounds[i], at);
    buf_add(out, STR("This browser cannot play sound; the addresses below work in any player.\n"
                     "</audio>\n"));
}
