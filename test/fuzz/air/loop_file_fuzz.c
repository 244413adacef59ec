/* A kept loop as a disk might give it back: it is refused, or every frame of it is whole and it is
 * written again to the byte.
 *
 * Input: flags (1 = make the sign right, so that what lies behind it is reached), then the file. */
#include <stdlib.h>
#include <string.h>

#include "air/loop_file_priv.h"
#include "base/bytes.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A station with a rendition of the format that the file says it has. */
static struct air_loop *loop_for(const unsigned char *file, size_t len)
{
    static struct board_station station;
    struct board_rendition *rendition = &station.renditions[0];
    struct air_loop *loop;
    station.renditions_count = 1;
    rendition->codec = CODEC_MP3;
    if (len >= LOOP_HEADER_BYTES) {
        rendition->codec = (enum codec)(CODEC_MP3 + (file[12] + 2) % 3);
        rendition->channels = file[13];
        rendition->rate_hz = le32_get(file + 16);
        rendition->bitrate_bps = le32_get(file + 20);
    }
    check(loop_new(&station, &loop) == OK);
    return loop;
}

static void look_at(const struct loop_track *track, const struct loop_origin *origin,
                    struct str file)
{
    struct buf again;
    size_t bytes = 0;
    check(track->count > 0);
    for (size_t i = 0; i < track->count; i++) {
        uint32_t samples;
        struct str frame = loop_track_frame(track, i, &samples);
        check(frame.len > 0 && samples > 0);
        bytes += frame.len;
    }
    check(bytes == track->bytes.len);
    buf_init(&again, LOOP_FILE_MAX);
    loop_track_format(track, origin, &again);
    check(str_eq(buf_str(&again), file));
    buf_release(&again);
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    struct loop_origin origin;
    if (size == 0)
        return 0;
    size_t len = size - 1;
    unsigned char *file = malloc(len > 0 ? len : 1);
    check(file);
    memcpy(file, input + 1, len);
    if (input[0] & 1 && len >= LOOP_SIGN_BYTES)
        le_put(file + len - LOOP_SIGN_BYTES, loop_sign(LOOP_SIGN, file, len - LOOP_SIGN_BYTES),
               LOOP_SIGN_BYTES);
    struct air_loop *loop = loop_for(file, len);
    struct str text = {(const char *)file, len};
    if (loop_track_parse(text, &loop->tracks[0], &origin) == OK)
        look_at(&loop->tracks[0], &origin, text);
    air_loop_free(&loop);
    free(file);
    return 0;
}
