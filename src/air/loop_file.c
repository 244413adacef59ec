/* air/loop_file.c - contract in loop_file.h and loop_file_priv.h */
#include "air/loop_file_priv.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/mem.h"
#include "media/ogg_opus.h"
#include "media/scan.h"

#include <stdio.h>
#include <string.h>

#define MAGIC       "mastloop"
#define MAGIC_BYTES (sizeof MAGIC - 1)
#define LAYOUT      1
#define FRAME_HEAD  8
#define PATH_BYTES  896

/* Files are read by later versions of mast. */
_Static_assert(CODEC_MP3 == 1 && CODEC_AAC == 2 && CODEC_OPUS == 3, "numbers on disk");

uint64_t loop_sign(uint64_t sign, const void *bytes, size_t len)
{
    const unsigned char *p = bytes;
    for (size_t i = 0; i < len; i++)
        sign = (sign ^ p[i]) * UINT64_C(1099511628211);
    return sign;
}

/* ---- bytes ---- */

static void add_number(struct buf *out, uint64_t value, int count)
{
    unsigned char bytes[8];
    le_put(bytes, value, count);
    buf_add(out, (struct str){(const char *)bytes, (size_t)count});
}

void loop_track_format(const struct loop_track *track, const struct loop_origin *origin,
                       struct buf *out)
{
    size_t from = out->len;
    buf_add(out, STR(MAGIC));
    add_number(out, LAYOUT, 4);
    add_number(out, track->format.codec, 1);
    add_number(out, track->format.channels, 1);
    add_number(out, 0, 2);
    add_number(out, track->format.rate_hz, 4);
    add_number(out, track->format.bitrate_bps, 4);
    add_number(out, track->count, 4);
    add_number(out, 0, 4);
    add_number(out, origin->name, 8);
    add_number(out, (uint64_t)origin->mtime_us, 8);
    add_number(out, origin->size_bytes, 8);
    for (size_t i = 0; i < track->count; i++) {
        uint32_t samples;
        struct str frame = loop_track_frame(track, i, &samples);
        add_number(out, frame.len, 4);
        add_number(out, samples, 4);
        buf_add(out, frame);
    }
    if (buf_err(out) == OK)
        add_number(out, loop_sign(LOOP_SIGN, out->ptr + from, out->len - from), LOOP_SIGN_BYTES);
}

/* Is it a header of this layout and format? */
static bool fits(const unsigned char *header, const struct format *format)
{
    return le32_get(header + 8) == LAYOUT && header[12] == format->codec &&
           header[13] == format->channels && le16_get(header + 14) == 0 &&
           le32_get(header + 16) == format->rate_hz &&
           le32_get(header + 20) == format->bitrate_bps && le32_get(header + 28) == 0;
}

static bool is_frame(const struct format *format, struct opus_pager *pager, struct str bytes,
                     uint32_t samples)
{
    struct scan_frame frame;
    struct str page;
    uint32_t page_samples;
    if (format->codec == CODEC_OPUS) {
        enum err err = opus_pager_push(pager, bytes, samples, &page, &page_samples);
        return samples > 0 && (err == OK || err == E_AGAIN);
    }
    return scan_frame(format->codec, bytes, &frame) == OK && frame.bytes == bytes.len &&
           frame.samples == samples && frame.format.rate_hz == format->rate_hz &&
           frame.format.channels == format->channels;
}

static enum err read_frames(struct str rest, size_t count, struct opus_pager *pager,
                            struct loop_track *track)
{
    enum err err = OK;
    while (rest.len >= FRAME_HEAD && !err) {
        uint32_t len = le32_get((const unsigned char *)rest.ptr);
        uint32_t samples = le32_get((const unsigned char *)rest.ptr + 4);
        if (len > rest.len - FRAME_HEAD)
            return E_CORRUPT;
        struct str bytes = str_slice(rest, FRAME_HEAD, FRAME_HEAD + len);
        if (!is_frame(&track->format, pager, bytes, samples))
            return E_CORRUPT;
        err = loop_track_add(track, bytes, samples);
        rest = str_slice(rest, FRAME_HEAD + len, rest.len);
    }
    if (err)
        return err == E_NOMEM ? err : E_CORRUPT;
    return rest.len == 0 && track->count == count && count > 0 ? OK : E_CORRUPT;
}

enum err loop_track_parse(struct str file, struct loop_track *track, struct loop_origin *origin)
{
    const unsigned char *bytes = (const unsigned char *)file.ptr;
    struct opus_pager *pager = NULL;
    *origin = (struct loop_origin){0};
    if (file.len < LOOP_HEADER_BYTES + LOOP_SIGN_BYTES || memcmp(bytes, MAGIC, MAGIC_BYTES) != 0)
        return E_CORRUPT;
    size_t signed_len = file.len - LOOP_SIGN_BYTES;
    if (loop_sign(LOOP_SIGN, bytes, signed_len) != le_get(bytes + signed_len, LOOP_SIGN_BYTES))
        return E_CORRUPT;
    if (!fits(bytes, &track->format))
        return E_UNSUPPORTED;
    if (track->format.codec == CODEC_OPUS) {
        pager = mem_new(sizeof *pager);
        if (!pager)
            return E_NOMEM;
        opus_pager_init(pager, 1);
    }
    enum err err = read_frames(str_slice(file, LOOP_HEADER_BYTES, signed_len), le32_get(bytes + 24),
                               pager, track);
    mem_free(pager);
    if (!err)
        *origin = (struct loop_origin){
            .name = le_get(bytes + 32, 8),
            .mtime_us = (int64_t)le_get(bytes + 40, 8),
            .size_bytes = le_get(bytes + 48, 8),
        };
    return err;
}

/* ---- files ---- */

static enum err path_of(const char *folder, const char *rendition, char path[PATH_BYTES])
{
    int len = snprintf(path, PATH_BYTES, "%s/%s.loop", folder, rendition);
    return len > 0 && len < PATH_BYTES ? OK : E_TOO_LONG;
}

static enum err save_track(const char *folder, const struct loop_origin *origin,
                           const struct loop_track *track)
{
    char path[PATH_BYTES];
    struct buf file;
    buf_init(&file, LOOP_FILE_MAX);
    loop_track_format(track, origin, &file);
    enum err err = buf_err(&file);
    if (!err)
        err = path_of(folder, track->rendition, path);
    if (!err)
        err = io_save(path, buf_str(&file));
    buf_release(&file);
    return err;
}

enum err loop_file_save(const char *folder, const struct loop_origin *origin,
                        const struct air_loop *loop)
{
    enum err err = io_make_folder(folder);
    for (size_t i = 0; i < loop->tracks_count && !err; i++)
        err = save_track(folder, origin, &loop->tracks[i]);
    return err;
}

static enum err load_track(const char *folder, struct loop_track *track, struct loop_origin *origin)
{
    char path[PATH_BYTES];
    struct buf file;
    buf_init(&file, LOOP_FILE_MAX);
    enum err err = path_of(folder, track->rendition, path);
    if (!err)
        err = io_load(path, &file);
    if (!err)
        err = loop_track_parse(buf_str(&file), track, origin);
    else if (err == E_TOO_LONG)
        err = E_CORRUPT;
    buf_release(&file);
    return err;
}

static bool is_same(const struct loop_origin *a, const struct loop_origin *b)
{
    return a->name == b->name && a->mtime_us == b->mtime_us && a->size_bytes == b->size_bytes;
}

enum err loop_file_load(const char *folder, const struct board_station *station,
                        struct loop_origin *origin, const char **rendition, struct air_loop **out)
{
    struct loop_origin one;
    *origin = (struct loop_origin){0};
    *out = NULL;
    if (station->renditions_count == 0)
        return E_NOT_FOUND;
    enum err err = loop_new(station, out);
    for (size_t i = 0; i < station->renditions_count && !err; i++) {
        if (rendition)
            *rendition = station->renditions[i].slug;
        err = load_track(folder, &(*out)->tracks[i], &one);
        if (!err && i > 0 && !is_same(&one, origin))
            err = E_UNSUPPORTED;
        *origin = one;
    }
    if (err)
        air_loop_free(out);
    return err;
}
