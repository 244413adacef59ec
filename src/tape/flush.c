/* tape/flush.c - carries a tape from its tail to its files; contract in writer.h and tape_priv.h.
 *
 *     record_begin --> frames_write, texts_write ... --> record_close --> record_begin ...
 *
 * Every step notes what is done only after it is done, and writes at an offset that it knows: after
 * a failure the same step is simply taken again at the next round. A record is closed after its
 * frames were synced, so that what the index says is there is there. */
#include "tape/tape_priv.h"

#include "base/io.h"
#include "base/log.h"

#include <inttypes.h>
#include <string.h>

#define PIECE_BYTES ((uint64_t)256 << 10) /* of one write */
#define TEXTS_BYTES ((size_t)2 << 20)     /* 512 texts with all their bytes escaped */

static void files_close(struct tape_disk *disk)
{
    for (int i = 0; i < SET_FILES; i++)
        io_close(&disk->fds[i]);
}

static enum err file_open(struct tape *tape, uint64_t first_n, enum set_file file)
{
    char path[SET_PATH_MAX];
    enum err err = set_path(tape->folder, first_n, file, path);
    return err ? err : io_open(path, IO_WRITE, &tape->disk.fds[file]);
}

static enum err record_write(struct tape_disk *disk, const struct record *rec)
{
    unsigned char bytes[RECORD_BYTES];
    record_format(rec, bytes);
    return io_write_at(disk->fds[SET_INDEX], (struct str){(const char *)bytes, sizeof bytes},
                       (disk->index_records + 1) * RECORD_BYTES);
}

/* Appends lines to the events. An hour that is full of them gets no more. */
static enum err events_write(struct tape *tape, const struct buf *lines)
{
    struct tape_disk *disk = &tape->disk;
    enum err err = buf_err(lines);
    if (err || lines->len == 0 || disk->events_bytes + lines->len > EVENTS_MAX)
        return err;
    err = io_write_at(disk->fds[SET_EVENTS], buf_str(lines), disk->events_bytes);
    if (err)
        return err;
    disk->events_bytes += lines->len;
    disk->events_dirty = true;
    atomic_fetch_add_explicit(&tape->bytes_written, lines->len, memory_order_relaxed);
    return OK;
}

static enum err title_write(struct tape *tape, int64_t us, struct str title)
{
    struct buf line;
    buf_init(&line, EVENT_MAX);
    event_add(&line, us, "title", title);
    enum err err = events_write(tape, &line);
    buf_release(&line);
    return err;
}

/* ---- sets ---- */

/* Makes the files of a new hour. The index comes last, whole and synced with its folder: a set
 * without one is no set. */
static enum err set_begin(struct tape *tape, const struct record *rec)
{
    struct tape_disk *disk = &tape->disk;
    unsigned char bytes[2 * RECORD_BYTES];
    char path[SET_PATH_MAX];
    files_close(disk);
    enum err err = io_make_folder(tape->folder);
    for (int i = 0; i < SET_FILES && !err; i++) {
        if (i == SET_INDEX)
            continue;
        err = file_open(tape, rec->n, i);
        if (!err)
            err = io_truncate(disk->fds[i], 0);
    }
    disk->events_bytes = 0;
    if (!err && disk->title[0] != '\0')
        err = title_write(tape, rec->start_us, str_of(disk->title));
    index_header_format(tape->codec, rec->n, bytes);
    record_format(rec, bytes + RECORD_BYTES);
    if (!err)
        err = set_path(tape->folder, rec->n, SET_INDEX, path);
    if (!err)
        err = io_save(path, (struct str){(const char *)bytes, sizeof bytes});
    if (!err)
        err = file_open(tape, rec->n, SET_INDEX);
    if (!err)
        err = sets_add(tape, rec->n);
    if (err) {
        files_close(disk);
        return err;
    }
    disk->has_set = true;
    disk->first_n = rec->n;
    disk->frames_bytes = 0;
    disk->index_records = 0;
    if (atomic_load_explicit(&tape->disk_oldest_us, memory_order_relaxed) < 0)
        atomic_store_explicit(&tape->disk_oldest_us, rec->start_us, memory_order_release);
    return OK;
}

static enum err set_continue(struct tape *tape, const struct record *rec)
{
    struct tape_disk *disk = &tape->disk;
    enum err err = OK;
    for (int i = 0; i < SET_FILES && !err; i++)
        if (disk->fds[i] < 0)
            err = file_open(tape, disk->first_n, i);
    if (!err)
        err = record_write(disk, rec);
    /* Sound that follows on could be placed without its record, after a hole it could not. */
    if (!err && rec->flags & RECORD_DISCONTINUITY)
        err = io_sync(disk->fds[SET_INDEX]);
    return err;
}

/* ---- records ---- */

/* The title of before a restart ends there, on disk as in the tail, if nobody set another one. */
static enum err old_title_end(struct tape *tape, int64_t us)
{
    struct tape_disk *disk = &tape->disk;
    if (disk->title_is_old && disk->title[0] != '\0' && disk->fds[SET_EVENTS] >= 0) {
        enum err err = title_write(tape, us, STR(""));
        if (err)
            return err;
    }
    disk->title_is_old = false;
    disk->title[0] = '\0';
    return OK;
}

static enum err record_begin(struct tape *tape, const struct tail_frame *frame)
{
    struct tape_disk *disk = &tape->disk;
    struct tail_run run;
    enum err err = tail_run_of(tape->tail, disk->next_frame, &disk->rec_run, &run);
    if (err)
        return err;
    struct record rec = {
        .n = run.n,
        .start_us = frame->start_us,
        .discontinuity = run.discontinuity + disk->skips + disk->skipped,
        .drift_samples = frame->drift_samples,
        .flags = RECORD_OPEN,
        .format = run.format,
    };
    if (disk->skipped || (run.broken && run.frame == disk->next_frame))
        rec.flags |= RECORD_DISCONTINUITY;
    bool same_set = disk->has_set && rec.n / SET_WINDOWS == disk->first_n / SET_WINDOWS;
    if (same_set) {
        rec.offset = disk->frames_bytes;
        err = set_continue(tape, &rec);
        if (!err && disk->title_is_old)
            err = old_title_end(tape, rec.start_us);
    } else {
        if (disk->title_is_old)
            disk->title[0] = '\0'; /* a set that begins without a title has none */
        err = set_begin(tape, &rec);
        disk->title_is_old = disk->title_is_old && err;
    }
    if (err)
        return err;
    disk->rec = rec;
    disk->rec_open = true;
    disk->rec_frame = disk->next_frame;
    disk->rec_pos = disk->next_pos = frame->pos;
    disk->skips += disk->skipped;
    disk->skipped = false;
    return OK;
}

/* After a failed sync nobody knows which bytes are on the disk, and a second one would not tell:
 * the run is written again, as far as the tail still has it. */
static void record_rewind(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    if (tail_oldest_frame(tape->tail) > disk->rec_frame)
        return;
    disk->next_frame = disk->rec_frame;
    disk->next_pos = disk->rec_pos;
    disk->frames_bytes = disk->rec.offset;
    disk->rec.bytes = disk->rec.samples = 0;
}

static enum err record_close(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    struct record rec = disk->rec;
    assert(disk->rec_open && rec.samples > 0);
    enum err err = io_sync(disk->fds[SET_FRAMES]);
    if (err) {
        record_rewind(tape);
        return err;
    }
    if (disk->events_dirty)
        err = io_sync(disk->fds[SET_EVENTS]);
    if (err)
        return err;
    disk->events_dirty = false;
    rec.flags &= (uint16_t)~RECORD_OPEN;
    err = record_write(disk, &rec);
    if (!err)
        err = io_sync(disk->fds[SET_INDEX]);
    if (err)
        return err;
    disk->rec_open = false;
    disk->index_records++;
    atomic_fetch_add_explicit(&tape->bytes_written, RECORD_BYTES, memory_order_relaxed);
    sets_bump(tape);
    return OK;
}

/* ---- frames ---- */

/* Takes together the frames from next_frame to `end` that fit in one write. */
static enum err piece_gather(const struct tape *tape, uint64_t end, uint64_t *frames,
                             struct tail_frame *sum)
{
    const struct tape_disk *disk = &tape->disk;
    struct tail_frame frame;
    *sum = (struct tail_frame){0};
    for (*frames = 0; disk->next_frame + *frames < end; ++*frames) {
        enum err err = tail_frame(tape->tail, disk->next_frame + *frames, &frame);
        if (err)
            return err;
        if (*frames > 0 && sum->bytes + frame.bytes > PIECE_BYTES)
            break;
        sum->bytes += frame.bytes;
        sum->samples += frame.samples;
    }
    return OK;
}

static enum err piece_write(struct tape *tape, uint64_t end)
{
    struct tape_disk *disk = &tape->disk;
    struct tail_frame sum;
    struct iovec span;
    uint64_t frames;
    enum err err = piece_gather(tape, end, &frames, &sum);
    if (!err)
        err = tail_span(tape->tail, disk->next_pos, disk->next_pos + sum.bytes, &span);
    if (!err)
        err = io_write_at(disk->fds[SET_FRAMES], (struct str){span.iov_base, span.iov_len},
                          disk->frames_bytes);
    /* Overwritten while the disk was slow: what was written then may be anything. */
    if (!err && disk->next_pos < tail_oldest(tape->tail))
        err = E_LAGGED;
    if (err)
        return err;
    disk->next_frame += frames;
    disk->next_pos += sum.bytes;
    disk->frames_bytes += sum.bytes;
    disk->rec.bytes += sum.bytes;
    disk->rec.samples += sum.samples;
    atomic_fetch_add_explicit(&tape->bytes_written, sum.bytes, memory_order_relaxed);
    atomic_fetch_add_explicit(&tape->frames_bytes, sum.bytes, memory_order_relaxed);
    return OK;
}

/* Writes what the tail has of the record's run. *complete tells that the run is over. */
static enum err frames_write(struct tape *tape, bool *complete)
{
    struct tape_disk *disk = &tape->disk;
    struct tail_run next;
    *complete = false;
    for (;;) {
        uint64_t end = tail_frames(tape->tail);
        enum err err = tail_run(tape->tail, disk->rec_run + 1, &next);
        if (err && err != E_AGAIN)
            return err;
        bool has_end = !err && next.frame <= end;
        if (has_end)
            end = next.frame;
        *complete = has_end && disk->next_frame == end;
        if (disk->next_frame == end)
            return OK;
        err = piece_write(tape, end);
        if (err)
            return err;
    }
}

/* ---- titles and notes ---- */

/* Formats the texts whose time has come; `next` moves on, `title` becomes the last one. */
static void texts_gather(const struct tape *tape, enum tail_texts which, uint64_t *next,
                         char title[TITLE_BYTES], struct buf *lines)
{
    const struct tape_disk *disk = &tape->disk;
    struct tail_text text;
    for (;; ++*next) {
        enum err err = tail_text(tape->tail, which, *next, &text);
        if (err == E_LAGGED)
            continue;
        bool due = which == TAIL_TITLES ? text.pos < disk->next_pos : text.pos <= disk->next_pos;
        if (err || !due)
            return;
        if (which == TAIL_TITLES) {
            struct utc start;
            if (text.pos < disk->rec_pos || tape_time_of(tape, text.pos, &start))
                start.us = disk->rec.start_us; /* its frames were skipped */
            text.us = start.us;
            memcpy(title, text.text, TITLE_BYTES);
        } else if (text.us == 0) {
            text.us = disk->rec.start_us; /* noted before there was any time on the tape */
        }
        event_add(lines, text.us, text.kind, str_of(text.text));
    }
}

static enum err texts_write(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    uint64_t next[2] = {disk->next_text[0], disk->next_text[1]};
    if (next[TAIL_TITLES] == tail_texts(tape->tail, TAIL_TITLES) &&
        next[TAIL_NOTES] == tail_texts(tape->tail, TAIL_NOTES))
        return OK;
    struct buf lines;
    char title[TITLE_BYTES];
    memcpy(title, disk->title, sizeof title);
    buf_init(&lines, TEXTS_BYTES);
    texts_gather(tape, TAIL_TITLES, &next[TAIL_TITLES], title, &lines);
    texts_gather(tape, TAIL_NOTES, &next[TAIL_NOTES], title, &lines);
    enum err err = events_write(tape, &lines);
    if (!err) {
        memcpy(disk->next_text, next, sizeof next);
        memcpy(disk->title, title, sizeof title);
    }
    buf_release(&lines);
    return err;
}

/* ---- the round ---- */

/* The air went round the tail before this thread came along: goes on at the oldest frame. */
static enum err skip(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    struct tail_frame frame;
    enum err err = OK;
    if (disk->rec_open && disk->rec.samples > 0)
        err = record_close(tape);
    if (err)
        return err;
    disk->rec_open = false; /* an empty one is written over by the next */
    uint64_t oldest = tail_oldest_frame(tape->tail);
    err = tail_frame(tape->tail, oldest, &frame);
    if (err)
        return err == E_LAGGED ? OK : err; /* it moved on: the next turn comes back here */
    disk->skipped_bytes += frame.pos - disk->next_pos;
    atomic_fetch_add_explicit(&tape->lost_bytes, frame.pos - disk->next_pos, memory_order_relaxed);
    disk->skipped = true;
    disk->next_frame = oldest;
    disk->next_pos = frame.pos;
    return OK;
}

static enum err round_do(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    struct tail_frame frame;
    enum err err = tape_repair(tape);
    while (!err) {
        bool complete = false;
        if (!disk->rec_open) {
            err = tail_frame(tape->tail, disk->next_frame, &frame);
            if (!err)
                err = record_begin(tape, &frame);
        }
        if (!err)
            err = frames_write(tape, &complete);
        if (!err)
            err = texts_write(tape);
        if (err == E_LAGGED)
            err = skip(tape);
        else if (!err && complete)
            err = record_close(tape);
        else
            break;
    }
    return err == E_AGAIN ? OK : err;
}

/* One line when recording stops, one when it goes on, one for what was lost. */
static void state_note(struct tape *tape, enum err err)
{
    struct tape_disk *disk = &tape->disk;
    atomic_store_explicit(&tape->stopped, err != OK, memory_order_relaxed);
    if (err && !disk->state)
        log_error(EV_DISK, "tape=%s recording=stopped error=\"%s\"", tape->name, err_text(err));
    if (!err && disk->state)
        log_info(EV_DISK, "tape=%s recording=resumed", tape->name);
    if (!err && disk->skipped_bytes > 0) {
        log_warn(EV_DISK, "tape=%s lost_bytes=%" PRIu64 " why=\"the disk was too slow\"",
                 tape->name, disk->skipped_bytes);
        disk->skipped_bytes = 0;
    }
    disk->state = err;
}

enum err tape_flush(struct tape *tape)
{
    enum err err = E_DISK_FULL;
    if (!tape->folder)
        return OK;
    pthread_mutex_lock(&tape->disk.lock);
    if (!atomic_load_explicit(&tape->held, memory_order_relaxed))
        err = round_do(tape);
    state_note(tape, err);
    pthread_mutex_unlock(&tape->disk.lock);
    return err;
}

void tape_finish(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    pthread_mutex_lock(&disk->lock);
    enum err err = round_do(tape);
    if (!err && disk->rec_open && disk->rec.samples > 0)
        err = record_close(tape);
    state_note(tape, err);
    pthread_mutex_unlock(&disk->lock);
}

struct tape_disk_stats tape_disk_stats(const struct tape *tape)
{
    return (struct tape_disk_stats){
        .bytes_written = atomic_load_explicit(&tape->bytes_written, memory_order_relaxed),
        .frames_bytes_on_disk = atomic_load_explicit(&tape->frames_bytes, memory_order_relaxed),
        .lost_bytes = atomic_load_explicit(&tape->lost_bytes, memory_order_relaxed),
        .stopped = atomic_load_explicit(&tape->stopped, memory_order_relaxed),
    };
}
