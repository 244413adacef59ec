/* tape/recover.c - makes the files good again after a crash, when a tape is opened.
 *
 * Good records of the index are believed. Whatever no good record covers is walked over frame by
 * frame: a run that was open, the frames behind a damaged record, the torn tail. What comes out is
 * the index as it ought to be; it is compared with the one on disk and written if it differs. */
#include "tape/tape_priv.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* A run may end so much behind the start of the next one: ends are rounded, and the air steers. */
#define OVERLAP_US  (10 * US_PER_MS)
#define FUTURE_US   (600 * US_PER_S)
#define WALK_BYTES  ((size_t)256 << 10) /* several times the longest frame */
#define RECORDS_MAX (INDEX_MAX / RECORD_BYTES - 1)

/* A walk over the frames in a part of a file. */
struct walk {
    int fd;
    enum codec codec;
    uint64_t at, end; /* of what is not read yet */
    char *bytes;      /* WALK_BYTES */
    struct str left;  /* read and not walked over */
};

/* What is known about one set while it is salvaged. */
struct salvage {
    const struct tape *tape;
    uint64_t first_n;
    struct buf index, events;
    struct record *good; /* what the index holds */
    size_t good_count;
    struct record *out; /* what it ought to hold */
    size_t out_count, out_room;
    struct walk walk;
    uint64_t frames_size;
};

/* Errors: E_AGAIN the end, or a torn frame; E_CORRUPT no frame. */
static enum err walk_next(struct walk *walk, struct scan_frame *frame)
{
    for (;;) {
        enum err err = scan_frame(walk->codec, walk->left, frame);
        if (!err && frame->samples == 0)
            err = E_CORRUPT; /* would never end a run */
        if (!err)
            walk->left = str_slice(walk->left, frame->bytes, walk->left.len);
        size_t room = WALK_BYTES - walk->left.len, got;
        if (err != E_AGAIN || walk->at == walk->end || room == 0)
            return err;
        if (room > walk->end - walk->at)
            room = (size_t)(walk->end - walk->at);
        memmove(walk->bytes, walk->left.ptr, walk->left.len);
        err = io_read_at(walk->fd, walk->bytes + walk->left.len, room, walk->at, &got);
        if (err)
            return err;
        walk->left = (struct str){walk->bytes, walk->left.len + got};
        walk->at = got == room ? walk->at + got : walk->end;
    }
}

static void walk_from(struct walk *walk, uint64_t from, uint64_t to)
{
    walk->at = from;
    walk->end = to;
    walk->left = (struct str){walk->bytes, 0};
}

static bool walk_ended(enum err err)
{
    return err == E_AGAIN || err == E_CORRUPT;
}

static enum err out_add(struct salvage *s, const struct record *record)
{
    if (s->out_count == RECORDS_MAX)
        return E_CORRUPT; /* ends the walk; no hour of ours has that many breaks */
    if (s->out_count == s->out_room) {
        size_t room = s->out_room > 0 ? s->out_room * 2 : 1024;
        struct record *out = mem_resize(s->out, room * sizeof *out);
        if (!out)
            return E_NOMEM;
        s->out = out;
        s->out_room = room;
    }
    s->out[s->out_count++] = *record;
    return OK;
}

/* The record that goes on where `before` ends, for a frame of `format`. */
static struct record record_after(const struct record *before, const struct format *format,
                                  bool is_break)
{
    struct record next = *before;
    next.start_us = record_end_us(before);
    next.n = window_of(next.start_us);
    next.offset = before->offset + before->bytes;
    next.bytes = next.samples = 0;
    next.drift_samples =
        drift_of(record_media(before) + before->samples, next.start_us, before->format.rate_hz);
    next.flags = RECORD_INTERRUPTED;
    if (is_break) {
        next.flags |= RECORD_DISCONTINUITY;
        next.discontinuity++;
        next.drift_samples = 0;
        next.format = *format;
    }
    return next;
}

/* Takes over what a frame tells about itself, where the record does not tell the same. Opus pages
 * do not tell their channels. */
static void format_take(struct record *rec, const struct format *frame)
{
    struct format *format = &rec->format;
    if (format->rate_hz == frame->rate_hz &&
        (frame->channels == 0 ||
         (format->channels == frame->channels && format->profile == frame->profile)))
        return;
    uint8_t channels = frame->channels > 0 ? frame->channels : format->channels;
    if (format->rate_hz != frame->rate_hz)
        rec->drift_samples = 0; /* counted at another rate */
    *format = *frame;
    format->channels = channels;
}

/* Walks over [from, to) and adds the runs that it finds there. `seed` tells when the first one
 * starts, its flags, and what a frame does not tell itself. */
static enum err rescan(struct salvage *s, uint64_t from, uint64_t to, const struct record *seed)
{
    struct scan_frame frame;
    struct format format = {0};
    struct record rec = *seed;
    enum err err;
    rec.n = window_of(rec.start_us);
    rec.offset = from;
    rec.bytes = rec.samples = 0;
    rec.flags = (uint16_t)((rec.flags & ~RECORD_OPEN) | RECORD_INTERRUPTED);
    walk_from(&s->walk, from, to);
    while (!(err = walk_next(&s->walk, &frame))) {
        bool is_break = rec.samples > 0 && !format_same(&frame.format, &format);
        if (is_break || (rec.samples > 0 && window_of(record_end_us(&rec)) != rec.n)) {
            err = out_add(s, &rec);
            if (err)
                break;
            rec = record_after(&rec, &frame.format, is_break);
        }
        if (rec.bytes > UINT32_MAX - frame.bytes || rec.samples > UINT32_MAX - frame.samples)
            break;
        format = frame.format;
        if (rec.samples == 0)
            format_take(&rec, &format);
        rec.bytes += (uint32_t)frame.bytes;
        rec.samples += frame.samples;
    }
    if (err && !walk_ended(err))
        return err;
    err = rec.samples > 0 ? out_add(s, &rec) : OK;
    return err == E_CORRUPT ? OK : err;
}

/* Frames before the first good record: they are taken to end where that one starts. */
static enum err rescan_backward(struct salvage *s, const struct record *next)
{
    struct scan_frame frame;
    struct record seed = *next;
    uint64_t samples = 0;
    enum err err;
    walk_from(&s->walk, 0, next->offset);
    while (!(err = walk_next(&s->walk, &frame)))
        samples += frame.samples;
    if (!walk_ended(err))
        return err;
    seed.start_us -= samples_us(samples, seed.format.rate_hz);
    if (seed.start_us < window_start_us(s->first_n))
        seed.start_us = window_start_us(s->first_n);
    seed.drift_samples =
        drift_of(record_media(next) - (int64_t)samples, seed.start_us, seed.format.rate_hz);
    return rescan(s, 0, next->offset, &seed);
}

/* Where the frames end that `out` covers. */
static uint64_t covered(const struct salvage *s)
{
    if (s->out_count == 0)
        return 0;
    const struct record *last = &s->out[s->out_count - 1];
    return last->offset + last->bytes;
}

/* Frames that no record covers. */
static enum err fill_gap(struct salvage *s, uint64_t to, const struct record *next)
{
    uint64_t from = covered(s);
    if (from >= to)
        return OK;
    if (s->out_count == 0)
        return next ? rescan_backward(s, next) : OK;
    struct record seed = record_after(&s->out[s->out_count - 1], NULL, false);
    return rescan(s, from, to, &seed);
}

static enum err take_record(struct salvage *s, size_t i)
{
    const struct record *rec = &s->good[i];
    uint64_t to = i + 1 < s->good_count ? s->good[i + 1].offset : s->frames_size;
    if (to > s->frames_size)
        to = s->frames_size;
    if (rec->offset >= to)
        return OK; /* its frames never came to the disk */
    enum err err = fill_gap(s, rec->offset, rec);
    if (err)
        return err;
    if (rec->flags & RECORD_OPEN || rec->bytes > to - rec->offset)
        return rescan(s, rec->offset, to, rec);
    err = out_add(s, rec);
    return err == E_CORRUPT ? OK : err;
}

/* Keeps the records that are whole and follow one another. */
static enum err read_index(struct salvage *s)
{
    enum err err = file_load(s->tape->folder, s->first_n, SET_INDEX, &s->index);
    if (err)
        return err == E_NOT_FOUND ? E_CORRUPT : err;
    struct str index = buf_str(&s->index);
    size_t count = index_count(index);
    err = index_header_parse(index, s->tape->codec);
    if (err)
        return err;
    s->good = mem_new_array(count, sizeof *s->good);
    if (!s->good)
        return E_NOMEM;
    uint64_t offset = 0;
    int64_t us = 0;
    for (size_t i = 0; i < count; i++) {
        struct record *rec = &s->good[s->good_count];
        if (index_record(index, i, s->tape->codec, rec) || rec->offset < offset ||
            rec->start_us < us || rec->n < s->first_n)
            continue;
        offset = rec->offset + rec->bytes;
        us = record_end_us(rec) - OVERLAP_US;
        s->good_count++;
    }
    return s->good_count > 0 ? OK : E_CORRUPT;
}

static enum err read_frames(struct salvage *s)
{
    char path[SET_PATH_MAX];
    s->walk.codec = s->tape->codec;
    s->walk.bytes = mem_new(WALK_BYTES);
    if (!s->walk.bytes)
        return E_NOMEM;
    enum err err = set_path(s->tape->folder, s->first_n, SET_FRAMES, path);
    if (!err)
        err = io_open(path, IO_READ, &s->walk.fd);
    if (err == E_NOT_FOUND)
        err = E_CORRUPT;
    if (!err)
        err = io_size(s->walk.fd, &s->frames_size);
    for (size_t i = 0; i < s->good_count && !err; i++)
        err = take_record(s, i);
    if (!err)
        err = fill_gap(s, s->frames_size, NULL);
    return err;
}

static enum err read_events(struct salvage *s)
{
    enum err err = file_load(s->tape->folder, s->first_n, SET_EVENTS, &s->events);
    return err == E_NOT_FOUND ? OK : err;
}

static void salvage_init(struct salvage *s, const struct tape *tape, uint64_t first_n)
{
    *s = (struct salvage){.tape = tape, .first_n = first_n, .walk = {.fd = -1}};
    buf_init(&s->index, INDEX_MAX);
    buf_init(&s->events, EVENTS_MAX);
}

static void salvage_release(struct salvage *s)
{
    io_close(&s->walk.fd);
    mem_free(s->walk.bytes);
    mem_free(s->good);
    mem_free(s->out);
    buf_release(&s->index);
    buf_release(&s->events);
}

/* Notes in the tape what is to be written, if anything is. */
static enum err plan_repair(struct tape *tape, const struct salvage *s)
{
    struct tape_disk *disk = &tape->disk;
    unsigned char bytes[RECORD_BYTES];
    const struct str piece = {(const char *)bytes, sizeof bytes};
    index_header_format(tape->codec, s->first_n, bytes);
    buf_clear(&disk->repair_index);
    buf_add(&disk->repair_index, piece);
    for (size_t i = 0; i < s->out_count; i++) {
        record_format(&s->out[i], bytes);
        buf_add(&disk->repair_index, piece);
    }
    enum err err = buf_err(&disk->repair_index);
    disk->repair_frames_bytes = covered(s);
    disk->repair_events_bytes = events_whole(buf_str(&s->events));
    disk->repair = !str_eq(buf_str(&disk->repair_index), buf_str(&s->index)) ||
                   disk->repair_frames_bytes != s->frames_size ||
                   disk->repair_events_bytes != s->events.len;
    return err;
}

static enum err take_title(struct tape *tape, const struct salvage *s)
{
    struct str left = buf_str(&s->events);
    struct event event;
    struct buf text;
    enum err err;
    buf_init(&text, TITLE_BYTES - 1);
    while (!(err = event_next(&left, &event, &text)))
        if (event.is_title)
            str_copy(tape->disk.title, sizeof tape->disk.title, buf_str(&text));
    buf_release(&text);
    tape->disk.title_is_old = tape->disk.title[0] != '\0';
    return err == E_AGAIN ? OK : err;
}

/* Takes the state of the tape from its newest set. */
static enum err accept(struct tape *tape, const struct salvage *s)
{
    struct tape_disk *disk = &tape->disk;
    const struct record *last = &s->out[s->out_count - 1];
    enum err err = plan_repair(tape, s);
    if (!err)
        err = take_title(tape, s);
    disk->has_set = true;
    disk->first_n = s->first_n;
    disk->frames_bytes = covered(s);
    disk->index_records = s->out_count;
    disk->events_bytes = disk->repair_events_bytes;
    tape->opened_end_us = record_end_us(last);
    tape->air.discontinuity = last->discontinuity;
    atomic_store_explicit(&tape->frames_bytes, disk->frames_bytes, memory_order_relaxed);
    if (disk->repair)
        log_warn(EV_TAPE_RECOVERED,
                 "tape=%s set=%" PRIu64 " runs=%zu cut_bytes=%" PRIu64 " end_us=%" PRId64,
                 tape->name, s->first_n, s->out_count, s->frames_size - disk->frames_bytes,
                 tape->opened_end_us);
    return err;
}

static enum err set_aside(struct tape *tape, uint64_t first_n, struct utc now, const char *why)
{
    char folder[SET_PATH_MAX], from[SET_PATH_MAX], to[SET_PATH_MAX];
    int len = snprintf(folder, sizeof folder, "%s/" SET_ASIDE_PREFIX "%" PRId64, tape->folder,
                       now.us / US_PER_S);
    enum err err = len < 0 || (size_t)len >= sizeof folder ? E_TOO_LONG : io_make_folder(folder);
    for (int i = 0; i < SET_FILES && !err; i++) {
        err = set_path(tape->folder, first_n, i, from);
        if (!err)
            err = set_path(folder, first_n, i, to);
        if (!err)
            err = io_rename(from, to);
        if (err == E_NOT_FOUND)
            err = OK; /* a set need not be whole to be in the way */
    }
    tape->aside_s = (uint64_t)(now.us / US_PER_S);
    if (!err)
        log_warn(EV_TAPE_RECOVERED, "tape=%s set=%" PRIu64 " aside=%s why=\"%s\"", tape->name,
                 first_n, folder, why);
    return err;
}

/* Deletes a set that holds no frame at all. */
static enum err set_delete(const struct tape *tape, uint64_t first_n)
{
    char path[SET_PATH_MAX];
    enum err err = OK;
    for (int i = 0; i < SET_FILES && !err; i++) {
        err = set_path(tape->folder, first_n, i, path);
        if (!err)
            err = io_unlink(path);
    }
    return err;
}

/* Makes the newest set good, or removes it from the list: *done tells which. */
static enum err recover_newest(struct tape *tape, uint64_t first_n, struct utc now, bool *done)
{
    struct salvage s;
    salvage_init(&s, tape, first_n);
    enum err err = read_index(&s);
    if (!err)
        err = read_frames(&s);
    if (!err)
        err = read_events(&s);
    *done = false;
    if (err == E_CORRUPT)
        err = set_aside(tape, first_n, now, "the index is damaged or of another kind");
    else if (!err && s.out_count == 0)
        err = set_delete(tape, first_n);
    else if (!err && record_end_us(&s.out[s.out_count - 1]) - now.us > FUTURE_US)
        err = set_aside(tape, first_n, now, "it lies in the future");
    else if (!err)
        *done = !(err = accept(tape, &s));
    if (!err && !*done)
        sets_remove_newest(tape);
    salvage_release(&s);
    return err;
}

enum err tape_recover(struct tape *tape, struct utc now)
{
    uint64_t first_n;
    bool done = false;
    enum err err = OK;
    while (!err && !done && sets_newest(tape, &first_n))
        err = recover_newest(tape, first_n, now, &done);
    if (err)
        return err;
    enum err repaired = tape_repair(tape);
    if (repaired) /* the writer tries again; until then the files are as bad as they were */
        log_warn(EV_DISK, "tape=%s repair=failed error=\"%s\"", tape->name, err_text(repaired));
    sets_note_oldest(tape);
    return OK;
}

static enum err cut_file(const struct tape *tape, enum set_file file, uint64_t bytes)
{
    char path[SET_PATH_MAX];
    uint64_t size;
    int fd = -1;
    enum err err = set_path(tape->folder, tape->disk.first_n, file, path);
    if (!err)
        err = io_open(path, IO_WRITE, &fd);
    if (!err)
        err = io_size(fd, &size);
    if (!err && size > bytes)
        err = io_truncate(fd, bytes);
    io_close(&fd);
    return err;
}

enum err tape_repair(struct tape *tape)
{
    struct tape_disk *disk = &tape->disk;
    char path[SET_PATH_MAX];
    if (!disk->repair)
        return OK;
    enum err err = set_path(tape->folder, disk->first_n, SET_INDEX, path);
    if (!err)
        err = io_save(path, buf_str(&disk->repair_index));
    if (!err)
        err = cut_file(tape, SET_FRAMES, disk->repair_frames_bytes);
    if (!err)
        err = cut_file(tape, SET_EVENTS, disk->repair_events_bytes);
    if (!err) {
        disk->repair = false;
        buf_release(&disk->repair_index);
    }
    return err;
}
