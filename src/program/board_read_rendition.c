/* program/board_read_rendition.c - the renditions of a station from JSON. */
#include "program/board_read_priv.h"

#include <stdio.h>
#include <string.h>

#define BITRATE_MIN 8000
#define BITRATE_MAX 640000

static struct board_rendition *rendition_find(struct board_station *station, struct str slug)
{
    for (size_t i = 0; i < station->renditions_count; i++)
        if (str_eq(str_of(station->renditions[i].slug), slug))
            return &station->renditions[i];
    return NULL;
}

static void rendition_remove(struct board_station *station, struct board_rendition *rendition)
{
    size_t i = (size_t)(rendition - station->renditions);
    station->renditions_count--;
    memmove(rendition, rendition + 1, (station->renditions_count - i) * sizeof *rendition);
    memset(&station->renditions[station->renditions_count], 0, sizeof *rendition);
}

static bool codec_read(struct reading *r, const struct entry *at, enum codec *out)
{
    struct log_text t;
    struct str name = json_text(json_get(at->object, "codec"));
    *out = codec_from_name(name);
    if (*out == CODEC_MP3 || *out == CODEC_AAC || *out == CODEC_OPUS)
        return true;
    reading_fault(r, at, "codec", "must be mp3, aac or opus%s%s", name.len ? ", not " : "",
                  name.len ? reading_shown(&t, name) : "");
    return false;
}

static void mounts_set(struct reading *r, const struct entry *at, struct board_rendition *rendition)
{
    const struct json *list = reading_list(r, at, "mounts", BOARD_MOUNTS_MAX);
    if (!list)
        return;
    if (json_count(list) > BOARD_MOUNTS_MAX) {
        reading_fault(r, at, "mounts", "a rendition has at most %d", BOARD_MOUNTS_MAX);
        return;
    }
    memset(rendition->mounts, 0, sizeof rendition->mounts);
    rendition->mounts_count = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        struct log_text t;
        char name[32];
        const struct json *node = json_at(list, i);
        struct str mount = json_text(node);
        const char *what =
            json_kind_of(node) != JSON_TEXT ? "must be a text" : board_mount_wrong(mount);
        snprintf(name, sizeof name, "mounts[%zu]", i);
        if (what)
            reading_fault(r, at, name, "%s %s", reading_shown(&t, mount), what);
        else
            str_copy(rendition->mounts[rendition->mounts_count++], sizeof rendition->mounts[0],
                     mount);
    }
}

static void bitrate_set(struct reading *r, const struct entry *at,
                        struct board_rendition *rendition)
{
    int64_t bps;
    if (reading_whole(r, at, "bitrate", " of bits per second", BITRATE_MIN, BITRATE_MAX, &bps))
        rendition->bitrate_bps = (uint32_t)bps;
}

/* What the deck's encoder gets. It does not matter while frames of a source go in as they are. */
static void encoder_set(struct reading *r, const struct entry *at,
                        struct board_rendition *rendition)
{
    const struct json *rate = json_get(at->object, "rate");
    bool is_opus = rendition->codec == CODEC_OPUS;
    int64_t hz = json_int(rate), channels;
    if (rate && hz != 48000 && (is_opus || (hz != 44100 && hz != 32000)))
        reading_fault(r, at, "rate",
                      is_opus ? "must be 48000 for opus" : "must be 48000, 44100 or 32000");
    else if (rate)
        rendition->rate_hz = (uint32_t)hz;
    if (reading_whole(r, at, "channels", "", 1, 2, &channels))
        rendition->channels = (uint8_t)channels;
    reading_set_bool(r, at, "passthrough", &rendition->passthrough);
}

static void rendition_read(struct reading *r, const struct entry *at, struct board_station *station,
                           struct str slug)
{
    static const char *const names[] = {"slug", "codec", "bitrate", "mounts", "remove", NULL};
    static const char *const newer[] = {"rate", "channels", "passthrough", NULL};
    struct board_rendition *rendition = rendition_find(station, slug);
    bool is_new = !rendition;
    enum codec codec = CODEC_NONE;
    reading_members(r, at, names, newer);
    if (is_new && station->renditions_count == BOARD_RENDITIONS_MAX) {
        reading_fault(r, at, "", "a station has at most %d renditions", BOARD_RENDITIONS_MAX);
        return;
    }
    if ((is_new || json_get(at->object, "codec")) && !codec_read(r, at, &codec))
        return;
    if (is_new) {
        rendition = &station->renditions[station->renditions_count++];
        board_field_set(rendition->slug, sizeof rendition->slug, slug);
        rendition->codec = codec;
        rendition->bitrate_bps = codec == CODEC_MP3 ? 128000 : 96000;
        rendition->rate_hz = 48000;
        rendition->channels = 2;
    } else if (codec != CODEC_NONE && codec != rendition->codec) {
        reading_fault(r, at, "codec",
                      "a rendition keeps its codec, which is %s: remove it, and make another",
                      codec_name(rendition->codec));
        return;
    }
    bitrate_set(r, at, rendition);
    encoder_set(r, at, rendition);
    mounts_set(r, at, rendition);
}

void board_read_renditions(struct reading *r, const struct entry *at, struct board_station *station)
{
    const struct json *list = reading_list(r, at, "renditions", BOARD_RENDITIONS_MAX);
    struct entry place;
    struct str slug = {0};
    /* What goes makes room for what comes. */
    for (int removing = 1; removing >= 0; removing--)
        for (size_t i = 0; i < json_count(list); i++) {
            struct str named = json_text(json_get(json_at(list, i), "slug"));
            bool remove = json_bool(json_get(json_at(list, i), "remove"));
            if (removing && remove && r->form == BOARD_DOCUMENT && rendition_find(station, named))
                rendition_remove(station, rendition_find(station, named));
            if (removing || !reading_entry(r, at, "renditions", list, i, &place))
                continue;
            slug = (struct str){0};
            if (reading_slug(r, &place, list, i, false, &slug) && !reading_removes(r, &place))
                rendition_read(r, &place, station, slug);
        }
}
