/* bench-tape - writes many days of tape at once: real index and event files, sparse frame files.
 *
 *     bench-tape --folder data/tape/bench/mp3-128 --days 30
 *
 * The sound is unbroken MP3 of 128 kbit/s at 44.1 kHz that ended a minute ago; a new title comes
 * every three and a half minutes. The one tool that knows mast's own code: the layout of the files
 * is the tape room's, and is made by it. */
#include "tape/files_priv.h"
#include "tool.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define FRAME_SAMPLES 1152
#define BITRATE_BPS   128000
#define RATE_HZ       44100
#define TITLE_US      ((int64_t)210 * US_PER_S)

struct maker {
    const char *folder;
    int64_t begin_us, end_us; /* of the sound; window borders */
};

/* The first frame that starts at or after `us`, counted from the beginning of the sound. */
static uint64_t frame_at(const struct maker *maker, int64_t us)
{
    if (us <= maker->begin_us) {
        return 0;
    }
    uint64_t frame = (uint64_t)(us - maker->begin_us) * RATE_HZ / US_PER_S / FRAME_SAMPLES;
    while (maker->begin_us + samples_us(frame * FRAME_SAMPLES, RATE_HZ) < us) {
        frame++;
    }
    return frame;
}

/* How many bytes the frames before this one have; padding evens the bit rate out. */
static uint64_t bytes_before(uint64_t frame)
{
    return frame * (FRAME_SAMPLES / 8 * BITRATE_BPS) / RATE_HZ;
}

static FILE *create(const struct maker *maker, uint64_t first_n, enum set_file file)
{
    char path[SET_PATH_MAX];
    FILE *out = set_path(maker->folder, first_n, file, path) ? NULL : fopen(path, "wb");
    if (out == NULL) {
        tool_die("%s", path);
    }
    return out;
}

static void finish(FILE *out)
{
    if (fclose(out) != 0) {
        tool_die("write");
    }
}

static struct record make_record(const struct maker *maker, uint64_t n, uint64_t set_frame)
{
    uint64_t first = frame_at(maker, window_start_us(n));
    uint64_t next = frame_at(maker, window_start_us(n + 1));
    return (struct record){
        .n = n,
        .offset = bytes_before(first) - bytes_before(set_frame),
        .bytes = (uint32_t)(bytes_before(next) - bytes_before(first)),
        .samples = (uint32_t)(next - first) * FRAME_SAMPLES,
        .start_us = maker->begin_us + samples_us(first * FRAME_SAMPLES, RATE_HZ),
        .format = {CODEC_MP3, RATE_HZ, BITRATE_BPS, 2, 1},
    };
}

static void write_events(const struct maker *maker, uint64_t first_n, int64_t begin_us,
                         int64_t end_us)
{
    struct buf events;
    buf_init(&events, EVENTS_MAX);
    /* Begins with the title that held when the set began. */
    for (int64_t us = begin_us; us < end_us; us = (us / TITLE_US + 1) * TITLE_US) {
        char title[100];
        int len = snprintf(title, sizeof title, "The Players of the Bench - Piece number %lld",
                           (long long)(us / TITLE_US));
        event_add(&events, us, "title", (struct str){title, (size_t)len});
    }
    FILE *out = create(maker, first_n, SET_EVENTS);
    if (buf_err(&events) || fwrite(buf_str(&events).ptr, buf_str(&events).len, 1, out) != 1) {
        tool_die("events");
    }
    finish(out);
    buf_release(&events);
}

/* Writes the windows from `first_n` to the end of its hour or of the sound; returns the next. */
static uint64_t write_set(const struct maker *maker, uint64_t first_n)
{
    unsigned char bytes[RECORD_BYTES];
    struct record record = {0};
    uint64_t set_frame = frame_at(maker, window_start_us(first_n));
    uint64_t n = first_n;
    FILE *index = create(maker, first_n, SET_INDEX);
    index_header_format(CODEC_MP3, first_n, bytes);
    fwrite(bytes, sizeof bytes, 1, index);
    do {
        record = make_record(maker, n, set_frame);
        record_format(&record, bytes);
        fwrite(bytes, sizeof bytes, 1, index);
        n++;
    } while (n % SET_WINDOWS != 0 && window_start_us(n) < maker->end_us);
    finish(index);

    FILE *frames = create(maker, first_n, SET_FRAMES);
    if (ftruncate(fileno(frames), (off_t)(record.offset + record.bytes)) != 0) {
        tool_die("ftruncate");
    }
    finish(frames);
    int64_t begin_us = maker->begin_us + samples_us(set_frame * FRAME_SAMPLES, RATE_HZ);
    write_events(maker, first_n, begin_us, record_end_us(&record));
    return n;
}

int main(int argc, char **argv)
{
    int64_t days = (int64_t)tool_number(argc, argv, "--days", 30);
    struct maker maker = {
        .folder = tool_option(argc, argv, "--folder", "."),
        .end_us = window_start_us(window_of(((int64_t)time(NULL) - 60) * US_PER_S)),
    };
    maker.begin_us = maker.end_us - days * 86400 * US_PER_S;
    unsigned sets = 0;
    for (uint64_t n = window_of(maker.begin_us); window_start_us(n) < maker.end_us; sets++) {
        n = write_set(&maker, n);
    }
    printf("%u sets\n", sets);
    return 0;
}
