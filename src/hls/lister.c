/* hls/lister.c - the thread that turns tapes into playlists; contract in hls_priv.h */
#include "hls/hls_priv.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/pack.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#define LOOK_MS     100
#define LIST_MAX    ((size_t)8 << 20)
#define RANGES_KEPT 16

/* What the thread alone has. */
struct lister {
    struct hls *hls;
    struct issue_segment *news[HLS_RENDITIONS_MAX]; /* of the station in hand, the newest first */
    struct range_kept {
        const struct tape *tape;
        uint64_t from_s, to_s, used;
        struct response *response;
    } ranges[RANGES_KEPT];
    uint64_t uses;
};

/* ---- answers ---- */

static enum err list_response(struct str body, struct str packed, struct utc now, const char *cache,
                              struct response **out)
{
    const struct response_spec spec = {
        .status = 200,
        .content_type = HLS_TYPE,
        .body = body,
        .gzip = packed,
        .cache_control = cache,
        .has_etag = true,
        .last_modified = now,
        .cors = true,
    };
    return response_new(&spec, out);
}

static enum err make_list(const struct lister *lister, struct hls_station *station, size_t index,
                          enum list_form form, struct response *out[LIST_ASKINGS])
{
    struct utc now = clock_utc(lister->hls->config.clock);
    struct buf body, packed;
    buf_init(&body, LIST_MAX);
    buf_init(&packed, LIST_MAX);
    enum err err = hls_station_list(station, index, form == LIST_SHORT, &body);
    if (!err)
        err = buf_err(&body) ? buf_err(&body) : gzip_add(buf_str(&body), &packed);
    if (!err)
        err = buf_err(&packed);
    if (!err)
        err = list_response(buf_str(&body), buf_str(&packed), now, CACHE_LIST, &out[LIST_NOW]);
    if (!err)
        err = list_response(buf_str(&body), buf_str(&packed), now, CACHE_WAITED, &out[LIST_WAITED]);
    buf_release(&body);
    buf_release(&packed);
    return err;
}

/* ---- issues ---- */

static void on_segment(void *ctx, const struct hls_news *news)
{
    struct lister *lister = ctx;
    if (news->bytes.len == 0)
        return;
    struct issue_segment *segment = mem_new(sizeof *segment);
    if (!segment || segment_response(news->bytes, &segment->response) != OK) {
        mem_free(segment); /* the files have it too */
        return;
    }
    segment->n = news->n;
    segment->next = lister->news[news->rendition];
    lister->news[news->rendition] = segment;
}

static enum err issue_new(struct lister *lister, struct hls_station *station, size_t index,
                          struct issue **out)
{
    struct hls *hls = lister->hls;
    struct issue *issue = mem_new(sizeof *issue + hls->racks_count * sizeof issue->jobs[0]);
    *out = issue;
    if (!issue)
        return E_NOMEM;
    issue->hls = hls;
    pthread_mutex_lock(&hls->lock);
    hls->issues_count++;
    pthread_mutex_unlock(&hls->lock);
    issue->tape = hls_station_tape(station, index);
    issue->segments = lister->news[index];
    lister->news[index] = NULL;
    hls_station_state(station, index, &issue->state);
    enum err err = OK;
    for (int form = 0; form < LIST_FORMS && !err && issue->state.listed_count > 0; form++)
        err = make_list(lister, station, index, form, issue->lists[form]);
    return err;
}

static void publish(struct lister *lister, struct hls_station *station, size_t index)
{
    struct issue *issue;
    enum err err = issue_new(lister, station, index, &issue);
    if (err) {
        log_warn(EV_HLS, "station=%s text=\"a playlist could not be made\" error=\"%s\"",
                 hls_station_slug(station), err_text(err));
        if (issue)
            issue_free(issue);
        return;
    }
    unsigned loops = issue->hls->racks_count;
    issue->without_segments = loops;
    issue->refs = loops;
    for (unsigned i = 0; i < loops; i++) {
        issue->jobs[i] = (struct issue_job){.job.run = rack_on_segments, .issue = issue};
        loop_post(issue->hls->racks[i].loop, &issue->jobs[i].job);
    }
}

static void look_at_station(struct lister *lister, struct hls_station *station)
{
    struct utc now = clock_utc(lister->hls->config.clock);
    uint32_t changed = hls_station_look(station, now, on_segment, lister);
    for (size_t i = 0; i < HLS_RENDITIONS_MAX; i++)
        if (changed & 1U << i)
            publish(lister, station, i);
}

/* ---- new renditions ---- */

static struct hls_station *station_get(struct hls *hls, const char *slug)
{
    struct hls_station_config config = {
        .slug = slug, .data_folder = hls->config.data_folder, .is_first = hls->is_first};
    for (size_t i = 0; i < hls->stations_count; i++)
        if (strcmp(hls_station_slug(hls->stations[i]), slug) == 0)
            return hls->stations[i];
    struct hls_station *station = NULL;
    enum err err =
        hls->stations_count < BOARD_STATIONS_MAX ? hls_station_new(&config, &station) : E_LIMIT;
    if (err)
        log_error(EV_HLS, "station=%s text=\"no HLS\" error=\"%s\"", slug, err_text(err));
    else
        hls->stations[hls->stations_count++] = station;
    return station;
}

static void take_entries(struct hls *hls, struct lister_entry *entries)
{
    while (entries) {
        struct lister_entry *entry = entries;
        entries = entry->next;
        struct hls_station *station = station_get(hls, entry->station);
        if (station && hls_station_index(station, entry->tape) == SIZE_MAX) {
            enum err err =
                hls_station_add(station, entry->rendition, entry->tape, entry->bitrate_bps);
            if (err)
                log_error(EV_HLS, "station=%s rendition=%s text=\"no HLS\" error=\"%s\"",
                          entry->station, entry->rendition, err_text(err));
        }
        mem_free(entry);
    }
}

/* ---- ranges ---- */

static struct range_kept *range_find(struct lister *lister, const struct range_ask *ask)
{
    struct range_kept *oldest = &lister->ranges[0];
    for (size_t i = 0; i < RANGES_KEPT; i++) {
        struct range_kept *kept = &lister->ranges[i];
        if (kept->tape == ask->tape && kept->from_s == ask->from_s && kept->to_s == ask->to_s)
            return kept;
        if (kept->used < oldest->used)
            oldest = kept;
    }
    response_unref(oldest->response);
    *oldest = (struct range_kept){.tape = ask->tape, .from_s = ask->from_s, .to_s = ask->to_s};
    return oldest;
}

static enum err make_range(struct lister *lister, struct hls_station *station, size_t index,
                           const struct range_ask *ask, bool *has_ended, struct response **out)
{
    struct utc now = clock_utc(lister->hls->config.clock);
    struct buf body, packed;
    buf_init(&body, LIST_MAX);
    buf_init(&packed, LIST_MAX);
    enum err err = hls_station_range(station, index, ask->from_s, ask->to_s, now, has_ended, &body);
    if (!err)
        err = buf_err(&body) ? buf_err(&body) : gzip_add(buf_str(&body), &packed);
    if (!err)
        err = buf_err(&packed);
    if (!err)
        err = list_response(buf_str(&body), buf_str(&packed), now,
                            *has_ended ? "max-age=3600" : CACHE_LIST, out);
    buf_release(&body);
    buf_release(&packed);
    return err;
}

static enum err refuse_range(enum err err, struct response **out)
{
    if (err == E_NOT_FOUND)
        return text_response(404, CACHE_SOON, NULL, "nothing of that time is recorded\n", out);
    return text_response(503, CACHE_SOON, AGAIN, "the recording cannot be read just now\n", out);
}

static void answer_range(struct lister *lister, struct range_ask *ask)
{
    struct hls *hls = lister->hls;
    struct range_kept *kept = range_find(lister, ask);
    bool has_ended = false;
    enum err err = E_NOT_FOUND;
    kept->used = ++lister->uses;
    for (size_t i = 0; i < hls->stations_count && !kept->response; i++) {
        size_t index = hls_station_index(hls->stations[i], ask->tape);
        if (index != SIZE_MAX)
            err = make_range(lister, hls->stations[i], index, ask, &has_ended, &kept->response);
    }
    if (kept->response)
        ask->response = response_ref(kept->response);
    else if (refuse_range(err, &ask->response) != OK)
        ask->response = NULL;
    /* One that still grows is another one soon. */
    if (kept->response && !has_ended && err == OK) {
        response_unref(kept->response);
        *kept = (struct range_kept){0};
    }
    loop_post(ask->loop, &ask->answered);
}

enum err lister_ask(struct hls *hls, struct range_ask *ask)
{
    pthread_mutex_lock(&hls->lock);
    bool fits = hls->asks_count < RANGES_ASKED && !hls->is_stopping;
    if (fits) {
        *hls->asks_end = ask;
        hls->asks_end = &ask->next;
        hls->asks_count++;
        pthread_cond_signal(&hls->more);
    }
    pthread_mutex_unlock(&hls->lock);
    return fits ? OK : E_LIMIT;
}

/* ---- the thread ---- */

struct work {
    struct range_ask *asks;
    struct lister_entry *entries;
    bool is_stopping;
};

/* Waits for something to do, or for the next look. */
static struct work wait_for_work(struct hls *hls)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&hls->lock);
    int waited = 0;
    while (waited == 0 && !hls->is_stopping && !hls->asks && !hls->entries)
        waited = pthread_cond_timedwait(&hls->more, &hls->lock, &until);
    const struct work work = {hls->asks, hls->entries, hls->is_stopping};
    hls->asks = NULL;
    hls->asks_end = &hls->asks;
    hls->asks_count = 0;
    hls->entries = NULL;
    pthread_mutex_unlock(&hls->lock);
    return work;
}

static void lister_release(struct lister *lister)
{
    for (size_t i = 0; i < RANGES_KEPT; i++)
        response_unref(lister->ranges[i].response);
}

void *lister_run(void *ctx)
{
    struct hls *hls = ctx;
    struct lister lister = {.hls = hls};
    for (;;) {
        struct work work = wait_for_work(hls);
        take_entries(hls, work.entries);
        while (work.asks) {
            struct range_ask *ask = work.asks;
            work.asks = ask->next;
            answer_range(&lister, ask);
        }
        if (work.is_stopping)
            break;
        for (size_t i = 0; i < hls->stations_count; i++)
            look_at_station(&lister, hls->stations[i]);
    }
    lister_release(&lister);
    return NULL;
}
