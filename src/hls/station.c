/* hls/station.c - contract in station.h: which segments are told, and where sound broke off. */
#include "hls/station_priv.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "media/fmp4.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Renditions of one deck are through with a window at almost the same time. */
#define OTHERS_US (1500 * US_PER_MS)

/* The writer of the tape is a quarter of a second behind, and then syncs. */
#define DISK_US (5 * US_PER_S)

/* RAM holds 50 windows: before they go it is seen whether the disk has them. */
#define AGED 45

/* What is told of bit rates when there is no segment yet: boxes come on top of the frames. */
#define OVERHEAD_PERCENT 5

/* ---- making ---- */

static enum err load_breaks(struct hls_station *station, const char *data_folder)
{
    char folder[HLS_PATH_BYTES];
    int length = snprintf(folder, sizeof folder, "%s/hls", data_folder);
    if (length < 0 || (size_t)length + strlen(station->slug) + 7 > sizeof folder)
        return E_TOO_LONG;
    snprintf(station->breaks_path, sizeof station->breaks_path, "%s/hls/%s.json", data_folder,
             station->slug);
    enum err err = io_make_folder(folder);
    if (!err)
        err = breaks_load(&station->breaks, station->breaks_path);
    station->has_count = station->has_count || !err;
    if (err == E_SYNTAX)
        log_warn(EV_HLS, "station=%s file=%s text=\"it is damaged, and begun anew\"", station->slug,
                 station->breaks_path);
    return err == E_NOT_FOUND || err == E_SYNTAX ? OK : err;
}

enum err hls_station_new(const struct hls_station_config *config, struct hls_station **out)
{
    struct hls_station *station = *out = mem_new(sizeof *station);
    if (!station)
        return E_NOMEM;
    breaks_init(&station->breaks);
    bool fits = str_copy(station->slug, sizeof station->slug, str_of(config->slug));
    assert(fits);
    station->has_count = config->is_first;
    enum err err = config->data_folder ? load_breaks(station, config->data_folder) : OK;
    if (err)
        hls_station_free(out);
    return err;
}

static void save_breaks(struct hls_station *station)
{
    if (station->breaks_path[0] == '\0')
        return;
    enum err err = breaks_save(&station->breaks, station->breaks_path);
    if (err && !station->is_failing)
        log_warn(EV_HLS, "station=%s file=%s error=\"%s\"", station->slug, station->breaks_path,
                 err_text(err));
    station->is_failing = err != OK;
}

static void track_free(struct track *track)
{
    track_release(track);
    mem_free(track);
}

void hls_station_free(struct hls_station **out)
{
    struct hls_station *station = *out;
    *out = NULL;
    if (!station)
        return;
    if (station->is_settled)
        save_breaks(station);
    for (size_t i = 0; i < station->count; i++)
        track_free(station->tracks[i]);
    breaks_release(&station->breaks);
    mem_free(station);
}

const char *hls_station_slug(const struct hls_station *station)
{
    return station->slug;
}

struct tape *hls_station_tape(const struct hls_station *station, size_t rendition)
{
    return station->tracks[rendition]->tape;
}

size_t hls_station_index(const struct hls_station *station, const struct tape *tape)
{
    for (size_t i = 0; i < station->count; i++)
        if (station->tracks[i]->tape == tape)
            return i;
    return SIZE_MAX;
}

/* ---- loading ---- */

static enum err on_break(void *ctx, uint64_t n)
{
    struct hls_station *station = ctx;
    return n < station->breaks.decided_n ? OK : breaks_add(&station->breaks, n);
}

static uint64_t windows_of(uint64_t seconds)
{
    return seconds / (TAPE_WINDOW_US / US_PER_S);
}

enum err hls_station_add(struct hls_station *station, const char *slug, struct tape *tape,
                         uint32_t bitrate_bps)
{
    const uint64_t capacity = windows_of(HLS_LIST_S) + 2;
    if (station->count == HLS_RENDITIONS_MAX)
        return E_LIMIT;
    struct track *track = mem_new(sizeof *track);
    if (!track)
        return E_NOMEM;
    enum err err = track_init(track, slug, tape, bitrate_bps, capacity);
    if (!err && station->breaks_path[0] != '\0') {
        uint64_t newest_n = (uint64_t)tape_end(tape).us / TAPE_WINDOW_US;
        uint64_t list_n = newest_n > capacity ? newest_n - capacity : 0;
        uint64_t decided_n = station->breaks.decided_n;
        err = track_load(track, decided_n < list_n ? decided_n : list_n, on_break, station);
    }
    uint64_t aside = tape_set_aside(tape);
    if (aside > station->aside)
        station->aside = aside;
    if (err)
        track_free(track);
    else
        station->tracks[station->count++] = track;
    return err;
}

/* What lies on disk is in: nothing before its end is decided again. */
static void settle(struct hls_station *station)
{
    struct breaks *breaks = &station->breaks;
    uint64_t oldest_n = UINT64_MAX, end_n = 0;
    station->is_settled = true;
    for (size_t i = 0; i < station->count; i++) {
        const struct line *line = &station->tracks[i]->line;
        struct utc oldest, newest;
        if (line->end_n > end_n)
            end_n = line->end_n;
        if (tape_range(station->tracks[i]->tape, &oldest, &newest) &&
            (uint64_t)oldest.us / TAPE_WINDOW_US < oldest_n)
            oldest_n = (uint64_t)oldest.us / TAPE_WINDOW_US;
    }
    /* How many there were was lost with the file, but no more than windows. */
    if (!station->has_count && end_n > 0)
        breaks->before = oldest_n;
    if (station->aside > breaks->aside)
        breaks_begin_epoch(breaks, end_n, station->aside);
    if (end_n > breaks->decided_n)
        breaks->decided_n = end_n;
    save_breaks(station);
}

/* ---- deciding ---- */

struct looking {
    struct hls_station *station;
    struct track *track;
};

/* A rendition that is through with a window too late to have its break told: nobody gets this
 * segment, and the break is told at the next one. */
static void on_window(void *ctx, uint64_t n)
{
    const struct looking *looking = ctx;
    const struct breaks *breaks = &looking->station->breaks;
    bool is_break = line_at(&looking->track->line, n)->flags & LINE_BREAK;
    if (n < breaks->decided_n && is_break && !breaks_has(breaks, n))
        line_lose(&looking->track->line, n);
}

/* Will there be sound in window n from a rendition that is not through with it? */
static bool is_on_its_way(const struct track *track, uint64_t n)
{
    return track->line.end_n <= n && tape_end(track->tape).us > (int64_t)n * TAPE_WINDOW_US;
}

static bool has_waited(struct hls_station *station, uint64_t n, struct utc now)
{
    if (station->waiting_n != n) {
        station->waiting_n = n;
        station->waiting_us = now;
    }
    return now.us - station->waiting_us.us >= OTHERS_US;
}

/* Decides the next window; false if it has to wait. */
static bool decide_next(struct hls_station *station, struct utc now)
{
    uint64_t n = station->breaks.decided_n, next_n = UINT64_MAX;
    bool is_there = false, is_break = false, is_missing = false;
    for (size_t i = 0; i < station->count; i++) {
        const struct track *track = station->tracks[i];
        const struct line_segment *segment = line_at(&track->line, n);
        if (segment) {
            is_there = true;
            is_break = is_break || segment->flags & LINE_BREAK;
        } else if (track->line.end_n > n && track->line.first_n < next_n) {
            next_n = track->line.first_n;
        }
        is_missing = is_missing || is_on_its_way(track, n);
    }
    if (!is_there && next_n == UINT64_MAX)
        return false;
    if (is_missing && !has_waited(station, n, now))
        return false;
    if (is_break && breaks_add(&station->breaks, n) != OK)
        return false;
    station->breaks.decided_n = is_there ? n + 1 : next_n;
    if (is_break)
        save_breaks(station);
    return true;
}

/* ---- telling ---- */

struct teller {
    struct hls_station *station;
    struct utc now;
    void (*on_segment)(void *ctx, const struct hls_news *news);
    void *ctx;
};

static void lose(struct hls_station *station, struct track *track, uint64_t n, const char *why)
{
    log_warn(EV_HLS, "station=%s rendition=%s segment=%" PRIu64 " text=\"it cannot be had: %s\"",
             station->slug, track->slug, n, why);
    line_lose(&track->line, n);
}

/* Part of it comes from before a restart. Is it whole on disk by now? */
static bool is_ready_on_disk(const struct teller *teller, struct track *track, uint64_t n)
{
    enum err err = track->has_files ? track_check_disk(track, n) : E_IO;
    if (err == OK) {
        track->waits_since.us = 0;
        return true;
    }
    if (track->waits_since.us == 0)
        track->waits_since = teller->now;
    if (track->has_files && teller->now.us - track->waits_since.us < DISK_US)
        return false;
    track->waits_since.us = 0;
    lose(teller->station, track, n, "the disk does not have it");
    return true;
}

/* Tells one segment; false if it has to wait. */
static bool tell(const struct teller *teller, size_t index, uint64_t n)
{
    struct track *track = teller->station->tracks[index];
    struct hls_news news = {.rendition = index, .n = n};
    struct buf bytes;
    if (line_at(&track->line, n)->flags & LINE_GAP)
        return true;
    buf_init(&bytes, TRACK_SEGMENT_MAX);
    enum err err = track_make(track, n, &bytes);
    bool is_ready = true;
    if (err == E_NOT_FOUND)
        is_ready = is_ready_on_disk(teller, track, n);
    else if (buf_err(&bytes))
        is_ready = false; /* memory is out just now */
    else
        news.bytes = buf_str(&bytes);
    bool is_gap = line_at(&track->line, n)->flags & LINE_GAP;
    if (is_ready && !is_gap)
        teller->on_segment(teller->ctx, &news);
    buf_release(&bytes);
    return is_ready;
}

static bool tell_all(const struct teller *teller, size_t index)
{
    struct track *track = teller->station->tracks[index];
    uint64_t end_n = track->line.end_n;
    uint64_t before = track->told_end;
    if (end_n > teller->station->breaks.decided_n)
        end_n = teller->station->breaks.decided_n;
    if (track->told_end < track->line.first_n)
        track->told_end = track->line.first_n;
    if (track->checked_end < track->line.first_n)
        track->checked_end = track->line.first_n;
    while (track->told_end < end_n && tell(teller, index, track->told_end))
        track->told_end++;
    return track->told_end != before;
}

/* Takes away what is not on the tape any more, and what the disk never got. */
static void forget(struct hls_station *station, struct track *track)
{
    struct utc oldest, newest;
    if (!track->has_files || !tape_range(track->tape, &oldest, &newest))
        return;
    line_drop_before(&track->line, (uint64_t)oldest.us / TAPE_WINDOW_US);
    for (; track->checked_end + AGED < track->told_end; track->checked_end++) {
        const struct line_segment *segment = line_at(&track->line, track->checked_end);
        if (segment && !(segment->flags & LINE_GAP) &&
            track_check_disk(track, track->checked_end) == E_NOT_FOUND)
            lose(station, track, track->checked_end, "it was not recorded");
    }
    const struct line_segment *first = line_at(&track->line, track->line.first_n);
    if (first)
        titles_drop_before(&track->titles, (struct utc){first->start_us});
}

static void forget_breaks(struct hls_station *station)
{
    uint64_t oldest_n = UINT64_MAX;
    for (size_t i = 0; i < station->count; i++) {
        const struct track *track = station->tracks[i];
        struct utc oldest, newest;
        uint64_t n = track->line.first_n;
        if (track->has_files && tape_range(track->tape, &oldest, &newest))
            n = (uint64_t)oldest.us / TAPE_WINDOW_US;
        if (n < oldest_n && track->line.first_n != track->line.end_n)
            oldest_n = n;
    }
    if (oldest_n != UINT64_MAX)
        breaks_drop_before(&station->breaks, oldest_n);
}

uint32_t hls_station_look(struct hls_station *station, struct utc now,
                          void (*on_segment)(void *ctx, const struct hls_news *news), void *ctx)
{
    const struct teller teller = {station, now, on_segment, ctx};
    uint32_t changed = 0;
    if (!station->is_settled)
        settle(station);
    for (size_t i = 0; i < station->count; i++) {
        struct looking looking = {station, station->tracks[i]};
        track_take(station->tracks[i], now, on_window, &looking);
    }
    while (decide_next(station, now))
        ;
    for (size_t i = 0; i < station->count; i++) {
        struct track *track = station->tracks[i];
        if (!tell_all(&teller, i) && track->is_told)
            continue;
        track->is_told = true;
        forget(station, track);
        changed |= 1U << i;
    }
    if (changed)
        forget_breaks(station);
    return changed;
}

/* ---- what there is ---- */

static void measure(const struct track *track, struct hls_state *out)
{
    uint64_t sum = 0, count = 0;
    for (size_t i = 0; i < TRACK_FRESH; i++) {
        sum += track->bps[i];
        count += track->bps[i] > 0;
        if (track->bps[i] > out->peak_bps)
            out->peak_bps = track->bps[i];
    }
    uint32_t nominal = track->bitrate_bps / 100 * (100 + OVERHEAD_PERCENT);
    out->average_bps = count > 0 ? (uint32_t)(sum / count) : nominal;
    if (count == 0)
        out->peak_bps = nominal;
}

void hls_station_state(const struct hls_station *station, size_t rendition, struct hls_state *out)
{
    const struct track *track = station->tracks[rendition];
    struct format format = {.codec = CODEC_AAC, .profile = 2, .rate_hz = 48000, .channels = 2};
    struct hls_span span = list_span(track);
    *out = (struct hls_state){
        .newest_n = span.end_n > span.first_n ? span.end_n - 1 : 0,
        .listed_count = span.end_n - span.first_n,
        .epoch = station->breaks.epoch,
    };
    measure(track, out);
    if (!tape_format(track->tape, &format) || fmp4_codec_name(&format, out->codecs) != OK)
        str_copy(out->codecs, sizeof out->codecs, STR("mp4a.40.2"));
}
