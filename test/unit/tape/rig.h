/* test/unit/tape/rig.h - a tape, frames for it that can be told apart, and a memory of what was
 * appended, against which anything that comes back is held. */
#ifndef MAST_TEST_TAPE_RIG_H
#define MAST_TEST_TAPE_RIG_H

#include "base/crypto.h"
#include "base/io.h"
#include "base/mem.h"
#include "media/scan.h"
#include "tape/piece_priv.h"
#include "tape/runs.h"
#include "tape/tape_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RATE_HZ        44100
#define SAMPLES        1152
#define NUMBER_AT      40 /* a frame's own number stands here in its bytes */
#define HOUR_US        (3600 * US_PER_S)
#define RIG_START_US   (INT64_C(1700000000) * US_PER_S + 123457) /* not on a window */
#define RIG_FRAMES_MAX 400000

static const struct format rig_format = {
    .codec = CODEC_MP3, .rate_hz = RATE_HZ, .bitrate_bps = 128000, .channels = 2, .profile = 1};

struct rig_frame {
    int64_t start_us, end_us;
    uint64_t pos;
    uint32_t breaks; /* how often sound had broken off until then */
};

struct rig {
    char folder[64];
    struct tape *tape;
    struct rig_frame *frames; /* by number */
    uint64_t count;
    uint32_t breaks;
    struct shelf *shelf;
};

/* Makes the k-th MP3 frame: 128 kbit/s, 44.1 kHz, stereo, 417 or 418 bytes. */
static inline struct str rig_frame_make(uint64_t k, unsigned char out[418])
{
    bool padded = (k + 1) * 144 * 128000 / RATE_HZ - k * 144 * 128000 / RATE_HZ > 417;
    memset(out, 0, 418);
    out[0] = 0xFF;
    out[1] = 0xFB;
    out[2] = padded ? 0x92 : 0x90;
    memcpy(out + NUMBER_AT, &k, sizeof k);
    return (struct str){(const char *)out, padded ? 418 : 417};
}

static inline uint64_t rig_number(const char *frame)
{
    uint64_t k;
    memcpy(&k, frame + NUMBER_AT, sizeof k);
    return k;
}

static inline enum err rig_try_open(struct rig *rig, int64_t now_us)
{
    struct tape_config config = {.folder = rig->folder[0] ? rig->folder : NULL,
                                 .name = "one/mp3",
                                 .codec = CODEC_MP3,
                                 .bitrate_bps = 128000};
    return tape_open(&config, (struct utc){now_us}, &rig->tape);
}

static inline void rig_open(struct rig *rig, int64_t now_us)
{
    assert_int_equal(rig_try_open(rig, now_us), OK);
}

/* Makes an empty folder, in memory where there is such a place. */
static inline void rig_folder(char folder[64])
{
    snprintf(folder, 64, "%s/mast-tape-XXXXXX", access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    assert_non_null(mkdtemp(folder));
}

static inline int rig_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static inline void rig_remove_folder(const char *folder)
{
    assert_int_equal(nftw(folder, rig_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static inline void rig_init(struct rig *rig, bool on_disk)
{
    *rig = (struct rig){0};
    assert_int_equal(crypto_init(), OK);
    rig->frames = mem_new_array(RIG_FRAMES_MAX, sizeof *rig->frames);
    assert_non_null(rig->frames);
    assert_int_equal(shelf_new(&rig->shelf), OK);
    if (on_disk)
        rig_folder(rig->folder);
}

static inline void rig_start(struct rig *rig, bool on_disk)
{
    rig_init(rig, on_disk);
    rig_open(rig, RIG_START_US);
}

static inline void rig_end(struct rig *rig)
{
    tape_close(&rig->tape);
    shelf_free(&rig->shelf);
    mem_free(rig->frames);
    if (rig->folder[0])
        rig_remove_folder(rig->folder);
}

/* Appends one frame `gap_us` after the end of the tape. */
static inline void rig_feed_one(struct rig *rig, int64_t gap_us, bool broken)
{
    unsigned char bytes[418];
    struct utc start = tape_end(rig->tape);
    if (start.us == 0)
        start.us = RIG_START_US;
    start.us += gap_us;
    assert_true(rig->count < RIG_FRAMES_MAX);
    uint64_t k = rig->count++;
    rig->breaks += broken;
    rig->frames[k].pos = tape_head(rig->tape);
    tape_append(rig->tape, rig_frame_make(k, bytes), SAMPLES, &rig_format, start, broken);
    rig->frames[k].start_us = start.us;
    rig->frames[k].end_us = tape_end(rig->tape).us;
    rig->frames[k].breaks = rig->breaks;
}

static inline void rig_feed(struct rig *rig, uint64_t frames)
{
    for (uint64_t i = 0; i < frames; i++)
        rig_feed_one(rig, 0, false);
}

static inline void rig_title(struct rig *rig, const char *title)
{
    tape_title(rig->tape, str_of(title));
}

static inline void rig_flush(struct rig *rig)
{
    assert_int_equal(tape_flush(rig->tape), OK);
}

/* Holds every frame of a piece against what was appended; *next is the number that must come now,
 * or UINT64_MAX at the start; sound that is missing must be told by the discontinuity count. */
struct rig_walk {
    uint64_t next;
    uint32_t discontinuity;
    uint64_t frames, pieces;
    int64_t end_us;
};

static inline void rig_check_piece(const struct rig *rig, const struct tape_piece *piece,
                                   struct rig_walk *walk)
{
    struct str left = piece->bytes;
    struct scan_frame frame;
    uint64_t samples = 0;
    assert_int_equal(piece->n, window_of(piece->start.us));
    assert_true(format_same(&piece->format, &rig_format));
    assert_true(piece->titles_count >= 1 && piece->titles[0].offset_bytes == 0);
    assert_true(piece->start.us >= walk->end_us - 2);
    bool first = walk->pieces > 0;
    while (left.len > 0) {
        assert_int_equal(scan_frame(CODEC_MP3, left, &frame), OK);
        uint64_t k = rig_number(left.ptr);
        assert_true(k < rig->count);
        if (walk->next != UINT64_MAX && k != walk->next) {
            assert_true(k > walk->next);
            assert_true(first); /* never inside a piece */
            assert_true(piece->discontinuity > walk->discontinuity);
        }
        int64_t us = piece->start.us + samples_us(samples, RATE_HZ);
        assert_true(llabs(us - rig->frames[k].start_us) <= 2);
        assert_true(us < window_start_us(piece->n + 1));
        walk->next = k + 1;
        walk->frames++;
        samples += frame.samples;
        first = false;
        left = str_slice(left, frame.bytes, left.len);
    }
    assert_int_equal(samples, piece->samples);
    walk->end_us = piece->end.us;
    walk->discontinuity = piece->discontinuity;
    walk->pieces++;
}

/* The runs that a list tells: in order, and media time goes on by the sample but at breaks. */
struct rig_runs {
    struct tape_run last;
    uint64_t count, samples, breaks;
};

static inline uint64_t rig_media(const struct tape_run *run)
{
    return tape_media_time(run->start, run->drift_samples, run->format.rate_hz);
}

static inline bool rig_on_run(void *ctx, const struct tape_run *run)
{
    struct rig_runs *runs = ctx;
    assert_int_equal(run->n, window_of(run->start.us));
    assert_true(run->samples > 0 && run->bytes > 0);
    if (runs->count > 0) {
        assert_true(run->n >= runs->last.n && run->start.us > runs->last.start.us);
        if (!run->is_break)
            assert_int_equal(rig_media(run), rig_media(&runs->last) + runs->last.samples);
    }
    runs->last = *run;
    runs->count++;
    runs->samples += run->samples;
    runs->breaks += run->is_break;
    return true;
}

static inline struct rig_runs rig_runs(struct rig *rig)
{
    struct rig_runs runs = {0};
    assert_int_equal(tape_runs_on_disk(rig->tape, 0, UINT64_MAX, rig_on_run, &runs), OK);
    return runs;
}

/* Walks over all that is on disk, without threads and cache. */
static inline struct rig_walk rig_walk(struct rig *rig)
{
    struct rig_runs runs = rig_runs(rig);
    struct rig_walk walk = {.next = UINT64_MAX};
    struct set_index *index;
    struct piece *piece;
    size_t run;
    for (int64_t at = 0; !shelf_find(rig->shelf, rig->tape, at, &index, &run);) {
        at = record_end_us(&index->runs[run]);
        assert_int_equal(piece_load(rig->tape, index, run, &piece), OK);
        assert_int_equal(piece->open.bytes.len, index->runs[run].bytes); /* not cut */
        assert_int_equal(piece->open.drift_samples, index->runs[run].drift_samples);
        shelf_put(rig->shelf, index);
        rig_check_piece(rig, &piece->open, &walk);
        piece_unref(piece);
    }
    assert_int_equal(runs.count, walk.pieces);
    assert_int_equal(runs.samples, walk.frames * SAMPLES);
    return walk;
}

static inline void rig_path(const struct rig *rig, enum set_file file, char path[SET_PATH_MAX])
{
    struct tape_set set;
    assert_true(sets_find(rig->tape, UINT64_MAX / 2, &set));
    assert_int_equal(set_path(rig->folder, set.first_n, file, path), OK);
}

/* A whole file in memory; the caller frees it. */
static inline char *rig_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *len = (size_t)ftell(file);
    rewind(file);
    char *bytes = mem_new(*len + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *len, file), *len);
    fclose(file);
    return bytes;
}

static inline void rig_write(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

/* Writes the set of a whole hour whose frames are a hole of `bytes` bytes. */
static inline void rig_sparse_set(const char *folder, uint64_t first_n, uint64_t bytes_size)
{
    char path[SET_PATH_MAX];
    struct buf index;
    unsigned char bytes[RECORD_BYTES];
    buf_init(&index, INDEX_MAX);
    index_header_format(CODEC_MP3, first_n, bytes);
    buf_add(&index, (struct str){(char *)bytes, RECORD_BYTES});
    for (uint64_t i = 0; i < SET_WINDOWS; i++) {
        struct record record = {.n = first_n + i,
                                .offset = i * (bytes_size / SET_WINDOWS),
                                .bytes = (uint32_t)(bytes_size / SET_WINDOWS),
                                .samples = 264600,
                                .start_us = window_start_us(first_n + i),
                                .format = rig_format};
        record_format(&record, bytes);
        buf_add(&index, (struct str){(char *)bytes, RECORD_BYTES});
    }
    assert_int_equal(set_path(folder, first_n, SET_INDEX, path), OK);
    rig_write(path, index.ptr, index.len);
    assert_int_equal(set_path(folder, first_n, SET_FRAMES, path), OK);
    rig_write(path, "", 0);
    assert_int_equal(truncate(path, (off_t)bytes_size), 0);
    assert_int_equal(set_path(folder, first_n, SET_EVENTS, path), OK);
    rig_write(path, "", 0);
    buf_release(&index);
}

#endif
