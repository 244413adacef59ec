/* front/sound.c - what each rendition is doing just now; contract in front_priv.h */
#include "front/front_priv.h"

/* An empty title stands at the start of every source's sound. Did somebody set one since then? */
static bool was_emptied(const struct sound *sound, uint64_t seq)
{
    const struct tape *tape = sound->rendition->live.tape;
    struct utc start;
    uint64_t pos;
    if (!sound->is_on || tape_find(tape, sound->since, &pos, &start) != OK)
        return false;
    return tape_title_seq(tape, pos) != seq;
}

void sound_look(const struct front *front, const struct board_station *station,
                const struct board_rendition *rendition, struct sound *out)
{
    const struct board_live *live = &rendition->live;
    struct tape_title_at title;
    *out = (struct sound){.station = station, .rendition = rendition};
    board_mount_format(station, rendition, out->mount);
    out->is_on = air_output_is_on(live->output, &out->since);
    uint64_t id = air_output_source(live->output);
    out->has_source = id != 0 && air_source_find(front->config.air, id, &out->source);
    out->audience = audience_facts(live->audience);
    out->has_format = tape_format(live->tape, &out->format);
    if (tape_title_find(live->tape, tape_head(live->tape), &title) == OK && title.seq != 0) {
        out->has_title = title.text[0] != '\0' || was_emptied(out, title.seq);
        str_copy(out->title, sizeof out->title, str_of(title.text));
    }
}

/* Does a given address mean this rendition, or the source that feeds it? */
static bool is_meant(struct str mount, const struct board_rendition *found,
                     const struct sound *sound)
{
    if (!mount.ptr || sound->rendition == found)
        return true;
    return sound->is_on && sound->has_source && str_eq(str_of(sound->source.mount), mount);
}

size_t sound_each(const struct front *front, const struct sound_which *which, sound_fn *fn,
                  void *ctx)
{
    const struct board *board = board_now(front->config.place);
    const struct board_rendition *found = NULL;
    const struct board_station *owner;
    size_t count = 0;
    if (which->mount.ptr)
        found = board_mount_find(board, which->mount, &owner);
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        if (which->listed_only && !station->listed)
            continue;
        for (size_t j = 0; j < station->renditions_count; j++) {
            struct sound sound;
            sound_look(front, station, &station->renditions[j], &sound);
            if ((which->on_air_only && !sound.is_on) || !is_meant(which->mount, found, &sound))
                continue;
            count++;
            fn(ctx, &sound);
        }
    }
    return count;
}
