/* front/status.c - GET /status on the control socket: what `mast status` prints.
 *
 *   {"version":"0.1.0","started":"<ISO>","uptime_s":12,"public_url":"...","draining":false,
 *    "listeners":3,"sources":1,"disk":{"free_bytes":1,"total_bytes":2} or null,
 *    "stations":[{"slug","name","title","listeners","on_air",
 *      "renditions":[{"slug","codec","bitrate","mount","on_air","since":ISO|null,
 *        "source":"<mount>"|null,"listeners","hls","peak","dropped",
 *        "tape":{"oldest":ISO|null,"newest":ISO|null,"bytes","lost_bytes","stopped"}}],
 *      "sources":[{"mount","user","since","agent","codec","rate_hz","channels","bytes","frames",
 *        "skipped_bytes","last_sound":ISO|null,"title"}]}],
 *    "warnings":["..."]}
 *
 * Keys are added freely and never change their meaning. */
#include "front/front_priv.h"

#include "base/json.h"
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

struct report {
    const struct front *front;
    struct utc now;
    struct buf out, warnings;
};

static void add_key(struct buf *out, const char *name)
{
    char last = out->len > 0 ? out->ptr[out->len - 1] : '{';
    if (last != '{' && last != '[')
        buf_add_char(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void add_text(struct buf *out, const char *name, const char *value)
{
    add_key(out, name);
    json_add_text(out, str_of(value));
}

static void add_count(struct buf *out, const char *name, uint64_t value)
{
    add_key(out, name);
    buf_printf(out, "%llu", (unsigned long long)value);
}

static void add_bool(struct buf *out, const char *name, bool value)
{
    add_key(out, name);
    buf_add(out, value ? STR("true") : STR("false"));
}

static void add_time(struct buf *out, const char *name, struct utc value)
{
    char iso[UTC_ISO_BYTES];
    add_key(out, name);
    utc_format_iso(value, iso);
    if (value.us == 0)
        buf_add(out, STR("null"));
    else
        buf_printf(out, "\"%s\"", iso);
}

static void __attribute__((format(printf, 2, 3)))
warn(struct report *report, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (report->warnings.len > 0)
        buf_add_char(&report->warnings, ',');
    json_add_text(&report->warnings, str_of(text));
}

/* ---- renditions ---- */

static void add_tape(struct report *report, const struct sound *sound)
{
    struct buf *out = &report->out;
    struct utc oldest = {0}, newest = {0};
    struct tape_disk_stats disk = tape_disk_stats(sound->rendition->live.tape);
    if (!tape_range(sound->rendition->live.tape, &oldest, &newest))
        oldest = newest = (struct utc){0};
    add_key(out, "tape");
    buf_add_char(out, '{');
    add_time(out, "oldest", oldest);
    add_time(out, "newest", newest);
    add_count(out, "bytes", disk.frames_bytes_on_disk);
    add_count(out, "lost_bytes", disk.lost_bytes);
    add_bool(out, "stopped", disk.stopped);
    buf_add_char(out, '}');
    const char *name = tape_name(sound->rendition->live.tape);
    if (disk.stopped)
        warn(report, "%s is not being recorded: the disk is full or fails", name);
    else if (disk.lost_bytes > 0)
        warn(report, "%s: %llu bytes of sound were not recorded since the start", name,
             (unsigned long long)disk.lost_bytes);
}

static void warn_of_silence(struct report *report, const struct sound *sound)
{
    struct utc end = tape_end(sound->rendition->live.tape);
    const char *name = tape_name(sound->rendition->live.tape);
    char iso[UTC_ISO_BYTES];
    if (report->now.us - end.us <= SILENT_US)
        return;
    utc_format_iso(end, iso);
    if (end.us == 0)
        warn(report, "%s has had no sound yet", name);
    else
        warn(report, "%s is silent since %s", name, iso);
}

static void add_rendition(struct report *report, const struct sound *sound)
{
    struct buf *out = &report->out;
    const struct board_rendition *rendition = sound->rendition;
    buf_add_char(out, '{');
    add_text(out, "slug", rendition->slug);
    add_text(out, "codec", codec_name(rendition->codec));
    add_count(out, "bitrate", rendition->bitrate_bps);
    add_text(out, "mount", sound->mount);
    add_bool(out, "on_air", sound->is_on);
    add_time(out, "since", sound->is_on ? sound->since : (struct utc){0});
    if (sound->has_source) {
        add_text(out, "source", sound->source.mount);
    } else {
        add_key(out, "source");
        buf_add(out, STR("null"));
    }
    add_count(out, "listeners", sound->audience.now);
    add_count(out, "hls", sound->audience.by[LISTEN_HLS].now); /* of the listeners */
    add_count(out, "peak", sound->audience.peak);
    add_count(out, "dropped", sound->audience.dropped_count);
    add_tape(report, sound);
    buf_add_char(out, '}');
    warn_of_silence(report, sound);
}

/* ---- sources ---- */

static void add_source(struct buf *out, const struct source_facts *f)
{
    buf_add_char(out, '{');
    add_text(out, "mount", f->mount);
    add_text(out, "user", f->user);
    add_time(out, "since", f->since);
    add_text(out, "agent", f->agent);
    add_text(out, "codec", codec_name(f->format.codec));
    add_count(out, "rate_hz", f->format.rate_hz);
    add_count(out, "channels", f->format.channels);
    add_count(out, "bytes", f->bytes_read);
    add_count(out, "frames", f->frames);
    add_count(out, "skipped_bytes", f->skipped_bytes);
    add_time(out, "last_sound", f->last_frame);
    add_text(out, "title", f->title);
    buf_add_char(out, '}');
}

static void add_sources(struct report *report, const struct board_station *station)
{
    struct buf *out = &report->out;
    struct source_facts facts;
    bool is_first = true;
    add_key(out, "sources");
    buf_add_char(out, '[');
    for (size_t i = 0; air_source_at(report->front->config.air, i, &facts); i++) {
        if (!str_eq(str_of(facts.station), str_of(station->slug)))
            continue;
        if (!is_first)
            buf_add_char(out, ',');
        is_first = false;
        add_source(out, &facts);
    }
    buf_add_char(out, ']');
}

/* ---- stations ---- */

static void warn_of_air(struct report *report, const struct board_station *station)
{
    struct air_state state;
    air_station_state(station->air, &state);
    if (state.fault[0])
        warn(report, "%s: %s on the air: %s", station->slug, state.on_air, state.fault);
    if (state.on_air[0] && !state.is_first)
        warn(report, "%s: %s is on the air, not its first input", station->slug, state.on_air);
}

static void add_station(struct report *report, const struct board_station *station)
{
    struct buf *out = &report->out;
    struct sound sound;
    uint64_t listeners = 0;
    bool is_on = false;
    char title[TITLE_BYTES] = "";
    buf_add_char(out, '{');
    add_text(out, "slug", station->slug);
    add_text(out, "name", station->name);
    add_key(out, "renditions");
    buf_add_char(out, '[');
    for (size_t i = 0; i < station->renditions_count; i++) {
        if (i > 0)
            buf_add_char(out, ',');
        sound_look(report->front, station, &station->renditions[i], &sound);
        add_rendition(report, &sound);
        listeners += sound.audience.now;
        is_on |= sound.is_on;
        if (sound.is_on && title[0] == '\0')
            str_copy(title, sizeof title, str_of(sound.title));
    }
    buf_add_char(out, ']');
    add_text(out, "title", title);
    add_bool(out, "on_air", is_on);
    add_count(out, "listeners", listeners);
    add_sources(report, station);
    add_key(out, "air");
    air_report_json(station, out);
    buf_add_char(out, '}');
    warn_of_air(report, station);
}

static void add_disk(struct report *report)
{
    struct buf *out = &report->out;
    uint64_t free_bytes, total_bytes;
    add_key(out, "disk");
    if (!disk_watch_get(report->front->disk, &free_bytes, &total_bytes)) {
        buf_add(out, STR("null"));
        return;
    }
    buf_printf(out, "{\"free_bytes\":%llu,\"total_bytes\":%llu}", (unsigned long long)free_bytes,
               (unsigned long long)total_bytes);
    if (free_bytes < total_bytes / 20)
        warn(report, "the disk is almost full: %llu MB are free",
             (unsigned long long)(free_bytes >> 20));
}

static void add_server(struct report *report)
{
    const struct front_config *config = &report->front->config;
    struct buf *out = &report->out;
    int64_t uptime_us = report->now.us - config->started.us;
    add_text(out, "version", MAST_VERSION);
    add_time(out, "started", config->started);
    add_count(out, "uptime_s", uptime_us > 0 ? (uint64_t)(uptime_us / US_PER_S) : 0);
    add_text(out, "public_url", config->public_url);
    add_bool(out, "draining", atomic_load(config->is_draining));
    add_count(out, "listeners", listen_count(config->listen));
    add_count(out, "sources", air_stats(config->air).sources_now);
    add_disk(report);
    if (log_lost_count() > 0)
        warn(report, "%llu log lines were lost", (unsigned long long)log_lost_count());
}

void on_status(struct request *request, void *ctx)
{
    const struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    struct report report = {.front = front, .now = clock_utc(front->config.clock)};
    buf_init(&report.out, ANSWER_MAX_BYTES);
    buf_init(&report.warnings, ANSWER_MAX_BYTES / 4);
    buf_add_char(&report.out, '{');
    add_server(&report);
    add_key(&report.out, "stations");
    buf_add_char(&report.out, '[');
    for (size_t i = 0; i < board->stations_count; i++) {
        if (i > 0)
            buf_add_char(&report.out, ',');
        add_station(&report, &board->stations[i]);
    }
    buf_add_char(&report.out, ']');
    add_key(&report.out, "warnings");
    buf_add_char(&report.out, '[');
    buf_add(&report.out, buf_str(&report.warnings));
    buf_add(&report.out, STR("]}\n"));
    buf_release(&report.warnings);
    front_reply(request, &(struct front_answer){.type = "application/json"}, &report.out);
}
