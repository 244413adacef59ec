/* The three files of a set as a disk might give them back: recovery must leave a tape of whole
 * frames in order of time, that takes more sound, and that needs no second recovery.
 *
 * Input: flags (1 = make CRCs and windows right, so that what lies behind them is reached), codec,
 * length of the index / 4, length of the events / 4, then index, events, frames. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/pack.h"
#include "media/scan.h"
#include "tape/piece_priv.h"
#include "tape/runs.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

#define FIRST_N UINT64_C(283333333)

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void folder_name(char folder[64])
{
    snprintf(folder, 64, "/dev/shm/mast-fuzz-index-%d", (int)getpid());
}

static void put64(unsigned char *to, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        to[i] = (unsigned char)(value >> 8 * i);
}

static void seal(unsigned char *bytes, size_t at)
{
    uint32_t crc = crc32_of((struct str){(const char *)bytes, at});
    for (int i = 0; i < 4; i++)
        bytes[at + (size_t)i] = (unsigned char)(crc >> 8 * i);
}

/* Makes a header and records of what the fuzzer gave: their numbers may still be anything. */
static void index_repair(unsigned char *index, size_t len, enum codec codec)
{
    if (len >= RECORD_BYTES)
        index_header_format(codec, FIRST_N, index);
    for (size_t at = RECORD_BYTES; at + RECORD_BYTES <= len; at += RECORD_BYTES) {
        uint64_t start_us = 0;
        for (int i = 0; i < 8; i++)
            start_us |= (uint64_t)index[at + 16 + (size_t)i] << 8 * i;
        start_us %= (uint64_t)1 << 55;
        put64(index + at, start_us / (uint64_t)WINDOW_US);
        put64(index + at + 16, start_us);
        seal(index + at, 40);
        seal(index + at, 60);
    }
}

static void file_put(const char *folder, enum set_file file, const unsigned char *bytes, size_t len)
{
    char path[SET_PATH_MAX];
    check(set_path(folder, FIRST_N, file, path) == OK);
    FILE *out = fopen(path, "wb");
    check(out && fwrite(bytes, 1, len, out) == len && fclose(out) == 0);
}

static enum err remove_file(void *ctx, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
    if (rmdir(path))
        unlink(path);
    return OK;
}

static enum err remove_any(void *ctx, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", (const char *)ctx, name);
    (void)!io_list(path, remove_file, path);
    return remove_file(ctx, name);
}

static struct tape *open_tape(char *folder, enum codec codec)
{
    const struct tape_config config = {folder, "fuzz", codec, 8000};
    struct tape *tape;
    check(tape_open(&config, (struct utc){INT64_MAX / 8}, &tape) == OK);
    return tape;
}

static void check_piece(const struct piece *piece, enum codec codec)
{
    struct str left = piece->open.bytes;
    struct scan_frame frame;
    uint64_t samples = 0;
    check(left.len > 0);
    while (left.len > 0) {
        check(scan_frame(codec, left, &frame) == OK);
        samples += frame.samples;
        left = str_slice(left, frame.bytes, left.len);
    }
    check(samples == piece->open.samples);
    check(piece->open.titles_count > 0 && piece->open.titles[0].offset_bytes == 0);
    for (size_t i = 1; i < piece->open.titles_count; i++)
        check(piece->open.titles[i].offset_bytes > piece->open.titles[i - 1].offset_bytes &&
              piece->open.titles[i].offset_bytes < piece->open.bytes.len);
}

struct list {
    struct tape_run last;
    uint64_t runs, titles;
    int64_t title_us;
};

static uint64_t media_of(const struct tape_run *run)
{
    return tape_media_time(run->start, run->drift_samples, run->format.rate_hz);
}

/* In order, and without a break for media time that does not go on. */
static bool on_run(void *ctx, const struct tape_run *run)
{
    struct list *list = ctx;
    check(run->samples > 0 && run->bytes > 0 && run->n == window_of(run->start.us));
    if (list->runs++ > 0) {
        check(run->n >= list->last.n);
        int64_t off = (int64_t)(media_of(&list->last) + list->last.samples - media_of(run));
        check(run->is_break || format_same(&run->format, &list->last.format));
        check(run->is_break || llabs(off) <= run->format.rate_hz / 10 + 1);
    }
    list->last = *run;
    return true;
}

static bool on_title(void *ctx, struct utc at, struct str text)
{
    struct list *list = ctx;
    check(text.len < TITLE_BYTES && (list->titles++ == 0 || at.us >= list->title_us));
    list->title_us = at.us;
    return true;
}

static void check_lists(struct tape *tape)
{
    struct list list = {0};
    check(tape_runs_on_disk(tape, 0, UINT64_MAX, on_run, &list) == OK);
    check(tape_titles_on_disk(tape, (struct utc){0}, (struct utc){INT64_MAX / 8}, on_title,
                              &list) == OK);
    check(tape_titles_on_disk(tape, list.last.start, (struct utc){INT64_MAX / 8}, on_title,
                              &(struct list){0}) == OK);
}

/* Returns how many samples are on disk in runs that can be read. */
static uint64_t walk(struct tape *tape)
{
    struct shelf *shelf;
    struct set_index *index;
    struct piece *piece;
    size_t run;
    uint64_t samples = 0;
    check(shelf_new(&shelf) == OK);
    for (int64_t at = 0; !shelf_find(shelf, tape, at, &index, &run);) {
        check(record_end_us(&index->runs[run]) > at);
        at = record_end_us(&index->runs[run]);
        enum err err = piece_load(tape, index, run, &piece);
        shelf_put(shelf, index);
        if (err)
            continue;
        check_piece(piece, tape_codec(tape));
        samples += piece->open.samples;
        piece_unref(piece);
    }
    shelf_free(&shelf);
    return samples;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    const struct log_config config = {.level = LOG_LEVEL_ERROR, .clock = clock_real()};
    check(log_start(&config) == OK);
    check(crypto_init() == OK);
    return 0;
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    char folder[64];
    if (size < 4)
        return 0;
    enum codec codec = (enum codec)(CODEC_MP3 + input[1] % 3);
    size_t index_len = (size_t)input[2] * 4, events_len = (size_t)input[3] * 4;
    if (size < 4 + index_len + events_len)
        return 0;
    folder_name(folder);
    check(io_make_folder(folder) == OK);
    unsigned char index[255 * 4 + 1];
    memcpy(index, input + 4, index_len);
    if (input[0] & 1)
        index_repair(index, index_len, codec);
    file_put(folder, SET_INDEX, index, index_len);
    file_put(folder, SET_EVENTS, input + 4 + index_len, events_len);
    file_put(folder, SET_FRAMES, input + 4 + index_len + events_len,
             size - 4 - index_len - events_len);

    struct tape *tape = open_tape(folder, codec);
    uint64_t before = walk(tape);
    check_lists(tape);
    struct format format = {.codec = codec, .rate_hz = 44100, .channels = 2, .profile = 1};
    unsigned char sound[418] = {0xFF, 0xFB, 0x90};
    if (codec == CODEC_MP3) {
        tape_append(tape, (struct str){(char *)sound, 417}, 1152, &format, tape_end(tape), true);
        before += 1152;
    }
    check(tape_flush(tape) == OK);
    tape_close(&tape);
    tape = open_tape(folder, codec);
    check(!tape->disk.repair);
    check(walk(tape) == before);
    check_lists(tape);
    tape_close(&tape);
    check(io_list(folder, remove_any, folder) == OK);
    rmdir(folder);
    return 0;
}
