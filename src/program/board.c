/* program/board.c - contract in board.h: making and finding. */
#include "program/board_priv.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

enum err board_make(const struct board *old, struct board **out)
{
    struct board *board = mem_new(sizeof *board);
    struct board_station *stations = mem_new_array(BOARD_STATIONS_MAX, sizeof *stations);
    *out = NULL;
    if (!board || !stations) {
        mem_free(board);
        mem_free(stations);
        return E_NOMEM;
    }
    if (old) {
        *board = *old;
        if (old->stations_count > 0)
            memcpy(stations, old->stations, old->stations_count * sizeof *stations);
    }
    board->stations = stations;
    *out = board;
    return OK;
}

enum err board_new(char admin_key[KEY_TEXT_BYTES], char relay_key[KEY_TEXT_BYTES],
                   struct board **out)
{
    enum err err = board_make(NULL, out);
    if (err)
        return err;
    struct board *board = *out;
    random_bytes(board->secret, sizeof board->secret);
    key_generate(admin_key);
    key_generate(relay_key);
    key_hash(board->secret, str_of(admin_key), board->admin_key_hash);
    key_hash(board->secret, str_of(relay_key), board->relay_key_hash);
    return OK;
}

void board_free(struct board **board)
{
    if (!*board)
        return;
    mem_free((*board)->stations);
    mem_free(*board);
    *board = NULL;
}

const struct board_station *board_station_find(const struct board *board, struct str slug)
{
    for (size_t i = 0; i < board->stations_count; i++)
        if (str_eq(str_of(board->stations[i].slug), slug))
            return &board->stations[i];
    return NULL;
}

bool board_source_is_relay(const struct board_source *source)
{
    return source->relay[0] != '\0';
}

/* Parts "name.ext" at its last dot. */
static bool ext_cut(struct str s, struct str *name, struct str *ext)
{
    size_t dot = s.len;
    while (dot > 0 && s.ptr[dot - 1] != '.')
        dot--;
    if (dot == 0)
        return false;
    *name = str_slice(s, 0, dot - 1);
    *ext = str_slice(s, dot, s.len);
    return true;
}

static const struct board_rendition *own_mount_find(const struct board *board, struct str path,
                                                    const struct board_station **station)
{
    for (size_t s = 0; s < board->stations_count; s++) {
        *station = &board->stations[s];
        for (size_t r = 0; r < (*station)->renditions_count; r++) {
            const struct board_rendition *rendition = &(*station)->renditions[r];
            for (size_t m = 0; m < rendition->mounts_count; m++)
                if (str_eq(str_of(rendition->mounts[m]), path))
                    return rendition;
        }
    }
    *station = NULL;
    return NULL;
}

const struct board_rendition *board_mount_find(const struct board *board, struct str path,
                                               const struct board_station **station)
{
    const struct board_rendition *own = own_mount_find(board, path, station);
    if (own || !str_starts(path, STR("/")))
        return own;
    struct str name, ext, slug, rest = str_slice(path, 1, path.len);
    bool two = str_has(rest, '/');
    if (!ext_cut(rest, &name, &ext))
        return NULL;
    str_cut(&name, '/', &slug);
    enum codec codec = codec_from_name(ext);
    const struct board_station *found = board_station_find(board, slug);
    if (!found || codec == CODEC_NONE)
        return NULL;
    for (size_t i = 0; i < found->renditions_count; i++) {
        const struct board_rendition *rendition = &found->renditions[i];
        if (rendition->codec != codec || (two && !str_eq(str_of(rendition->slug), name)))
            continue;
        *station = found;
        return rendition;
    }
    return NULL;
}

void board_mount_format(const struct board_station *station,
                        const struct board_rendition *rendition, char out[MOUNT_BYTES])
{
    snprintf(out, MOUNT_BYTES, "/%s/%s.%s", station->slug, rendition->slug,
             codec_name(rendition->codec));
}
