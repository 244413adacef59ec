/* tape/piece.c - contract in reader.h and piece_priv.h: one run with its titles, in memory. */
#include "tape/piece_priv.h"

#include "base/io.h"
#include "base/mem.h"
#include "media/scan.h"

#include <string.h>

#define PIECE_MAX ((uint32_t)16 << 20) /* 6 s at 22 Mbit/s */

/* Times on disk are counted from the start of a run, titles from the last break: both are rounded,
 * and no frame is nearly as short as this. */
#define SLACK_US US_PER_MS

/* The titles that concern a run: `held` at its start (or none), then `more` others in order. */
struct run_titles {
    const struct set_title *held;
    size_t more;
    size_t texts_bytes;
};

static struct run_titles titles_of(const struct set_index *index, const struct record *run)
{
    struct run_titles t = {0};
    int64_t end_us = record_end_us(run);
    for (size_t i = 0; i < index->titles_count; i++) {
        const struct set_title *title = &index->titles[i];
        if (title->us <= run->start_us + SLACK_US) {
            t.held = title;
        } else if (title->us < end_us) {
            t.more++;
            t.texts_bytes += title->text.len;
        }
    }
    if (t.held)
        t.texts_bytes += t.held->text.len;
    return t;
}

static struct str text_put(char **to, struct str text)
{
    struct str copy = {*to, text.len};
    if (text.len > 0)
        memcpy(*to, text.ptr, text.len);
    *to += text.len;
    return copy;
}

/* Walks over the frames, to see where the whole ones end and where each title begins to hold. */
static enum err piece_fill(struct piece *piece, enum codec codec, const struct set_index *index,
                           const struct record *run, struct tape_piece_title *titles, char *texts)
{
    struct tape_piece *open = &piece->open;
    struct run_titles held = titles_of(index, run);
    struct str left = open->bytes;
    struct scan_frame frame;
    const int64_t end_us = record_end_us(run);
    size_t next = held.held ? (size_t)(held.held - index->titles) + 1 : 0;
    titles[0] =
        (struct tape_piece_title){0, text_put(&texts, held.held ? held.held->text : STR(""))};
    open->titles_count = 1;
    while (left.len > 0 && !scan_frame(codec, left, &frame)) {
        uint32_t offset = (uint32_t)(open->bytes.len - left.len);
        int64_t us = run->start_us + samples_us(open->samples, run->format.rate_hz);
        for (; next < index->titles_count && index->titles[next].us <= us + SLACK_US; next++) {
            struct tape_piece_title *last = &titles[open->titles_count - 1];
            /* Frames may last longer than the record says: there is room for what titles_of()
             * has counted. */
            if (index->titles[next].us <= run->start_us + SLACK_US ||
                index->titles[next].us >= end_us)
                continue;
            if (last->offset_bytes != offset)
                last = &titles[open->titles_count++];
            *last = (struct tape_piece_title){offset, text_put(&texts, index->titles[next].text)};
        }
        open->samples += frame.samples;
        left = str_slice(left, frame.bytes, left.len);
    }
    open->bytes.len -= left.len;
    open->end.us = run->start_us + samples_us(open->samples, run->format.rate_hz);
    return open->bytes.len > 0 ? OK : E_CORRUPT;
}

static enum err frames_read(const struct tape *tape, uint64_t first_n, const struct record *run,
                            char *to, size_t *got)
{
    char path[SET_PATH_MAX];
    int fd = -1;
    enum err err = set_path(tape->folder, first_n, SET_FRAMES, path);
    if (!err)
        err = io_open(path, IO_READ, &fd);
    if (!err)
        err = io_read_at(fd, to, run->bytes, run->offset, got);
    io_close(&fd);
    return err;
}

enum err piece_load(const struct tape *tape, const struct set_index *index, size_t number,
                    struct piece **out)
{
    const struct record *run = &index->runs[number];
    struct run_titles t = titles_of(index, run);
    size_t titles_bytes = (t.more + 1) * sizeof(struct tape_piece_title);
    *out = NULL;
    if (run->bytes > PIECE_MAX)
        return E_CORRUPT;
    size_t cost = sizeof(struct piece) + titles_bytes + t.texts_bytes + run->bytes;
    struct piece *piece = mem_new(cost);
    if (!piece)
        return E_NOMEM;
    struct tape_piece_title *titles = (struct tape_piece_title *)(piece + 1);
    char *texts = (char *)titles + titles_bytes;
    char *bytes = texts + t.texts_bytes;
    piece->refs = 1;
    piece->tape_id = tape->id;
    piece->cost_bytes = cost;
    piece->open = (struct tape_piece){
        .n = run->n,
        .start = {run->start_us},
        .format = run->format,
        .drift_samples = run->drift_samples,
        .discontinuity = run->discontinuity,
        .has_more = number + 1 < index->runs_count && run[1].n == run->n,
        .titles = titles,
    };
    size_t got = 0;
    enum err err = frames_read(tape, index->first_n, run, bytes, &got);
    piece->open.bytes = (struct str){bytes, got};
    if (!err)
        err = piece_fill(piece, tape->codec, index, run, titles, texts);
    if (err)
        piece_unref(piece);
    else
        *out = piece;
    return err;
}

void piece_ref(struct piece *piece)
{
    atomic_fetch_add_explicit(&piece->refs, 1, memory_order_relaxed);
}

void piece_unref(struct piece *piece)
{
    if (atomic_fetch_sub_explicit(&piece->refs, 1, memory_order_acq_rel) == 1)
        mem_free(piece);
}

void tape_piece_unref(const struct tape_piece *piece)
{
    if (piece)
        piece_unref((struct piece *)piece);
}

size_t tape_piece_find(const struct tape_piece *piece, struct utc at, struct utc *start)
{
    struct str left = piece->bytes;
    struct scan_frame frame;
    uint64_t samples = 0;
    *start = piece->start;
    while (left.len > 0 && !scan_frame(piece->format.codec, left, &frame)) {
        int64_t end_us =
            piece->start.us + samples_us(samples + frame.samples, piece->format.rate_hz);
        if (at.us < end_us)
            return piece->bytes.len - left.len;
        samples += frame.samples;
        start->us = end_us;
        left = str_slice(left, frame.bytes, left.len);
    }
    *start = piece->end;
    return piece->bytes.len;
}
