/* front/metrics.c - GET /metrics in the Prometheus text form; no series per listener.
 *
 * One table says which families there are; each is written as a whole, as the form wants it. Names
 * end in their unit, and counts that only rise in _total.
 * Source: Prometheus exposition format 0.0.4. */
#include "front/metrics_priv.h"

#include "base/log.h"

struct figure { /* of one rendition, gathered once for all families */
    const struct board_station *station;
    const struct board_rendition *rendition;
    struct audience_facts audience;
    struct tape_disk_stats disk;
    bool is_on;
    double silent_s, oldest_s;
};

struct figures {
    const struct front *front;
    struct utc now;
    struct figure *each;
    size_t count, room;
};

static const char *const kind_names[] = {"counter", "gauge"};

void begin_family(struct buf *out, const char *name, enum value_kind kind, const char *help)
{
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind_names[kind]);
}

void add_label(struct buf *out, const char *name, struct str value)
{
    buf_printf(out, "%s=\"", name);
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\\' || c == '"')
            buf_add_char(out, '\\');
        if (c == '\n')
            buf_add(out, STR("\\n"));
        else
            buf_add_char(out, c);
    }
    buf_add_char(out, '"');
}

void add_single(struct buf *out, const char *name, enum value_kind kind, const char *help,
                double value)
{
    begin_family(out, name, kind, help);
    buf_printf(out, "%s %.15g\n", name, value);
}

/* ---- by rendition ---- */

static double now_of(const struct audience_count *count)
{
    return count->now;
}
static double peak_of(const struct audience_count *count)
{
    return count->peak;
}
static double connects_of(const struct audience_count *count)
{
    return (double)count->total_count;
}
static double drops_of(const struct audience_count *count)
{
    return (double)count->dropped_count;
}
static double sent_of(const struct audience_count *count)
{
    return (double)count->bytes_sent;
}
static double on_of(const struct figure *f)
{
    return f->is_on;
}
static double silent_of(const struct figure *f)
{
    return f->silent_s;
}
static double written_of(const struct figure *f)
{
    return (double)f->disk.bytes_written;
}
static double on_disk_of(const struct figure *f)
{
    return (double)f->disk.frames_bytes_on_disk;
}
static double lost_of(const struct figure *f)
{
    return (double)f->disk.lost_bytes;
}
static double stopped_of(const struct figure *f)
{
    return f->disk.stopped;
}
static double oldest_of(const struct figure *f)
{
    return f->oldest_s;
}

static const struct family {
    const char *name;
    enum value_kind kind;
    double (*of_audience)(const struct audience_count *); /* a series a protocol, or ... */
    double (*value)(const struct figure *);
    const char *help;
} families[] = {
    {"mast_listeners", GAUGE, now_of, NULL, "Listeners now."},
    {"mast_listeners_peak", GAUGE, peak_of, NULL, "Most listeners at once since the start."},
    {"mast_listener_connects_total", COUNTER, connects_of, NULL, "Listeners let in."},
    {"mast_listener_drops_total", COUNTER, drops_of, NULL,
     "Listeners dropped because they were too far behind."},
    {"mast_bytes_sent_total", COUNTER, sent_of, NULL, "Bytes sent to listeners."},
    {"mast_on_air", GAUGE, NULL, on_of, "1 while sound is being appended."},
    {"mast_silent_seconds", GAUGE, NULL, silent_of,
     "Time since the last sound, or since the start."},
    {"mast_tape_bytes_written_total", COUNTER, NULL, written_of, "Bytes written to disk."},
    {"mast_tape_bytes", GAUGE, NULL, on_disk_of, "Bytes of recorded sound on disk."},
    {"mast_tape_lost_bytes_total", COUNTER, NULL, lost_of,
     "Bytes that were overwritten in memory before they could be written to disk."},
    {"mast_tape_stopped", GAUGE, NULL, stopped_of,
     "1 while the disk is full or fails and nothing is recorded."},
    {"mast_tape_oldest_seconds", GAUGE, NULL, oldest_of, "Age of the oldest recorded sound."},
};

static void add_series(struct buf *out, const char *family, const struct figure *f,
                       const char *protocol, double value)
{
    buf_printf(out, "%s{", family);
    add_label(out, "station", str_of(f->station->slug));
    buf_add_char(out, ',');
    add_label(out, "rendition", str_of(f->rendition->slug));
    if (protocol)
        buf_printf(out, ",proto=\"%s\"", protocol);
    buf_printf(out, "} %.15g\n", value);
}

static void add_family(struct buf *out, const struct figures *figures, const struct family *family)
{
    begin_family(out, family->name, family->kind, family->help);
    for (size_t i = 0; i < figures->count; i++) {
        const struct figure *f = &figures->each[i];
        if (family->value)
            add_series(out, family->name, f, NULL, family->value(f));
        for (int p = 0; family->of_audience && p < LISTEN_PROTOCOLS; p++)
            add_series(out, family->name, f, listen_protocol_name(p),
                       family->of_audience(&f->audience.by[p]));
    }
}

static double age_s(struct utc now, struct utc then)
{
    return now.us > then.us ? (double)(now.us - then.us) / (double)US_PER_S : 0;
}

static void gather(struct figures *figures, const struct board_station *station,
                   const struct board_rendition *rendition)
{
    assert(figures->count < figures->room);
    struct utc oldest, newest;
    const struct board_live *live = &rendition->live;
    struct figure *f = &figures->each[figures->count++];
    struct utc end = tape_end(live->tape);
    if (end.us < figures->front->config.started.us)
        end = figures->front->config.started;
    *f = (struct figure){
        .station = station,
        .rendition = rendition,
        .audience = audience_facts(live->audience),
        .disk = tape_disk_stats(live->tape),
        .is_on = air_output_is_on(live->output, &(struct utc){0}),
        .silent_s = age_s(figures->now, end),
    };
    if (tape_range(live->tape, &oldest, &newest))
        f->oldest_s = age_s(figures->now, oldest);
}

static enum err gather_all(struct figures *figures, const struct board *board)
{
    for (size_t i = 0; i < board->stations_count; i++)
        figures->room += board->stations[i].renditions_count;
    figures->each = mem_new_array(figures->room ? figures->room : 1, sizeof figures->each[0]);
    if (!figures->each)
        return E_NOMEM;
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].renditions_count; j++)
            gather(figures, &board->stations[i], &board->stations[i].renditions[j]);
    return OK;
}

/* ---- by source ---- */

static bool find_source(struct air *air, const char *mount, struct source_facts *out)
{
    for (size_t i = 0; air_source_at(air, i, out); i++)
        if (str_eq(str_of(out->mount), str_of(mount)))
            return true;
    return false;
}

/* Several people may share a mount; it is one series all the same. */
static bool is_first_of_mount(const struct board_station *station, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (str_eq(str_of(station->sources[i].mount), str_of(station->sources[index].mount)))
            return false;
    return true;
}

static void add_source(struct buf *out, const char *family, const struct board_station *station,
                       const char *mount, double value)
{
    buf_printf(out, "%s{", family);
    add_label(out, "station", str_of(station->slug));
    buf_add_char(out, ',');
    add_label(out, "mount", str_of(mount));
    buf_printf(out, "} %.15g\n", value);
}

/* Two families at once, so that each source is looked for once. */
static void add_sources(struct buf *out, const struct front *front, const struct board *board)
{
    struct buf bytes;
    struct source_facts facts;
    buf_init(&bytes, ANSWER_MAX_BYTES);
    begin_family(out, "mast_source_up", GAUGE, "1 while a source is logged in on the mount.");
    begin_family(&bytes, "mast_source_bytes_total", COUNTER,
                 "Bytes that the source sent since it logged in.");
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->sources_count; j++) {
            const char *mount = station->sources[j].mount;
            if (!is_first_of_mount(station, j))
                continue;
            bool is_up = find_source(front->config.air, mount, &facts);
            add_source(out, "mast_source_up", station, mount, is_up);
            if (is_up)
                add_source(&bytes, "mast_source_bytes_total", station, mount,
                           (double)facts.bytes_read);
        }
    }
    buf_add(out, buf_str(&bytes));
    if (buf_err(&bytes) && !out->err)
        out->err = buf_err(&bytes);
    buf_release(&bytes);
}

/* ---- the whole server ---- */

static void add_air(struct buf *out, const struct front *front)
{
    struct air_stats air = air_stats(front->config.air);
    add_single(out, "mast_sources", GAUGE, "Sources that are logged in.", air.sources_now);
    add_single(out, "mast_source_logins_total", COUNTER, "Sources let in.",
               (double)air.logins_count);
    add_single(out, "mast_source_logins_refused_total", COUNTER,
               "Sources turned away, for whatever reason.", (double)air.logins_refused_count);
    add_single(out, "mast_source_logins_failed_total", COUNTER, "Logins with a wrong user or key.",
               (double)air.logins_failed_count);
    add_single(out, "mast_source_read_bytes_total", COUNTER, "Bytes read from all sources.",
               (double)air.bytes_read);
    add_single(out, "mast_source_switches_total", COUNTER,
               "How often another source went on the air.", (double)air.switches_count);
    add_single(out, "mast_sound_breaks_total", COUNTER, "How often sound did not follow on.",
               (double)air.breaks_count);
}

static void add_http(struct buf *out, const struct front *front)
{
    static const char *const names[6] = {NULL, "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct http_stats http = {0};
    if (front->server)
        http = http_stats(front->server);
    begin_family(out, "mast_http_requests_total", COUNTER, "Answers, by class of status.");
    for (int i = 1; i < 6; i++)
        buf_printf(out, "mast_http_requests_total{class=\"%s\"} %llu\n", names[i],
                   (unsigned long long)http.by_class[i]);
    add_single(out, "mast_http_open_connections", GAUGE,
               "Connections that are neither sources nor listeners.", http.open_count);
    add_single(out, "mast_http_unfinished_requests", GAUGE, "Requests whose head is not complete.",
               http.unfinished_count);
    add_single(out, "mast_http_accepted_total", COUNTER, "Connections accepted.",
               (double)http.accepted_count);
    add_single(out, "mast_http_refused_total", COUNTER, "Connections refused by a limit.",
               (double)http.refused_count);
    add_single(out, "mast_http_bad_requests_total", COUNTER, "Requests refused as malformed.",
               (double)http.bad_requests_count);
    add_single(out, "mast_http_timeouts_total", COUNTER, "Requests that took too long.",
               (double)http.timeouts_count);
    add_single(out, "mast_http_bytes_sent_total", COUNTER, "Bytes of answers.",
               (double)http.bytes_sent);
}

static void add_process(struct buf *out, const struct front *front)
{
    uint64_t free_bytes, total_bytes;
    if (disk_watch_get(front->disk, &free_bytes, &total_bytes)) {
        add_single(out, "mast_disk_free_bytes", GAUGE, "Room left for the data folder.",
                   (double)free_bytes);
        add_single(out, "mast_disk_size_bytes", GAUGE, "Size of the data folder's file system.",
                   (double)total_bytes);
    }
    add_single(out, "mast_log_lost_total", COUNTER, "Log lines lost because the queue was full.",
               (double)log_lost_count());
    add_single(out, "mast_start_time_seconds", GAUGE, "When the program started, Unix time.",
               (double)front->config.started.us / (double)US_PER_S);
    add_usage(out);
    begin_family(out, "mast_build_info", GAUGE, "Always 1; which build this is.");
    buf_printf(out, "mast_build_info{version=\"%s\"} 1\n", MAST_VERSION);
}

void on_metrics(struct request *request, void *ctx)
{
    struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    struct figures figures = {.front = front, .now = clock_utc(front->config.clock)};
    struct buf body;
    buf_init(&body, ANSWER_MAX_BYTES);
    enum err err = gather_all(&figures, board);
    if (err) {
        request_reply_text(request, 503, NULL, "%s", err_text(err));
        return;
    }
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        add_family(&body, &figures, &families[i]);
    add_sources(&body, front, board);
    add_stations(&body, board);
    add_air(&body, front);
    add_http(&body, front);
    add_process(&body, front);
    mem_free(figures.each);
    front_reply(request, &(struct front_answer){.type = "text/plain; version=0.0.4; charset=utf-8"},
                &body);
}
