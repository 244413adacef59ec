/* hls/request.c - GET /hls/...: which of the room's answers is asked for; addresses in hls.h */
#include "hls/hls_priv.h"

#include "base/crypto.h"
#include "listen/poll.h"
#include "media/fmp4.h"
#include "media/m3u8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_BYTES   300
#define AHEAD_MAX    2 /* segments that may be waited for */
#define MASTER_BYTES ((size_t)16 << 10)
#define URI_BYTES    160
#define ID_BYTES     17 /* 64 bits in hex */
#define ID_MAX       64 /* of what a player calls its session */

/* ---- plain words ---- */

enum err text_response(int status, const char *cache, const char *headers, const char *text,
                       struct response **out)
{
    struct response_spec spec = {
        .status = status,
        .content_type = "text/plain; charset=utf-8",
        .body = str_of(text),
        .cache_control = cache,
        .headers = headers,
        .cors = true,
    };
    return response_new(&spec, out);
}

void reply_text(struct request *request, int status, const char *cache, const char *format, ...)
{
    char text[TEXT_BYTES];
    struct response *response;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(text, sizeof text - 1, format, args);
    va_end(args);
    assert(length >= 0);
    size_t used = (size_t)length < sizeof text - 2 ? (size_t)length : sizeof text - 2;
    text[used] = '\n';
    text[used + 1] = '\0';
    if (text_response(status, cache, status == 503 ? AGAIN : NULL, text, &response) == OK)
        request_reply(request, response);
    else
        request_reply_text(request, 503, AGAIN, "%s", err_text(E_NOMEM));
}

static void reply_not_yet(struct request *request)
{
    reply_text(request, 503, CACHE_SOON, "there is nothing to play yet");
}

static void reply_made(struct request *request, enum err err, struct response *response)
{
    if (err)
        reply_text(request, 503, CACHE_SOON, "%s", err_text(err));
    else
        request_reply(request, response);
}

/* ---- who listens ---- */

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
            return false;
    return s.len > 0 && s.len <= ID_MAX;
}

/* What the player calls its session, or what the master playlist has given it; else empty. */
static struct str session_of(struct request *request)
{
    struct str id = request_header(request, STR("x-playback-session-id"));
    if (is_printable(id))
        return id;
    if (request_query(request, STR("s"), &id) == OK && is_printable(id))
        return id;
    return STR("");
}

bool hls_let_in(struct hls *hls, struct request *request, const struct board_live *live)
{
    const struct listen_poll who = {
        .audience = live->audience,
        .name = tape_name(live->tape),
        .id = session_of(request),
        .peer = request->peer,
        .agent = request_header(request, STR("user-agent")),
    };
    enum err err = listen_poll(hls->config.listen, &who);
    if (err == E_CLOSED)
        reply_text(request, 403, NULL, "the station has ended this listener's session");
    else if (err)
        reply_text(request, 503, NULL, "the station has as many listeners as it can serve");
    return !err;
}

/* ---- master playlist ---- */

static void id_make(char id[ID_BYTES])
{
    unsigned char bytes[(ID_BYTES - 1) / 2];
    random_bytes(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, id);
}

/* Fills in the variants that have something to play, in the board's order. */
static size_t list_variants(const struct rack *rack, const struct board_station *station,
                            char uris[][URI_BYTES], struct m3u8_variant *variants)
{
    char id[ID_BYTES];
    size_t count = 0;
    id_make(id);
    for (size_t i = 0; i < station->renditions_count; i++) {
        const struct rack_line *line = rack_find(rack, station->renditions[i].live.tape);
        if (!line || line->state.listed_count == 0)
            continue;
        snprintf(uris[count], URI_BYTES, "%s/live.m3u8?s=%s", station->renditions[i].slug, id);
        variants[count] = (struct m3u8_variant){
            .uri = uris[count],
            .codecs = line->state.codecs,
            .bitrate_bps = line->state.average_bps,
            .peak_bps = line->state.peak_bps,
        };
        count++;
    }
    return count;
}

static void reply_master(const struct rack *rack, struct request *request,
                         const struct board_station *station)
{
    char uris[BOARD_RENDITIONS_MAX][URI_BYTES];
    struct m3u8_variant variants[BOARD_RENDITIONS_MAX];
    struct response *response = NULL;
    struct buf body;
    size_t count = list_variants(rack, station, uris, variants);
    bool has_aac = false;
    for (size_t i = 0; i < station->renditions_count; i++)
        has_aac = has_aac || station->renditions[i].codec == CODEC_AAC;
    if (!has_aac) {
        reply_text(request, 404, CACHE_LIST, "%s has no rendition in AAC, and so no HLS",
                   station->slug);
        return;
    }
    if (count == 0) {
        reply_not_yet(request);
        return;
    }
    buf_init(&body, MASTER_BYTES);
    m3u8_add_master(&body, variants, count);
    struct response_spec spec = {
        .status = 200,
        .content_type = HLS_TYPE,
        .body = buf_str(&body),
        .cache_control = "private, no-store", /* it names the listener */
        .cors = true,
    };
    enum err err = buf_err(&body);
    if (!err)
        err = response_new(&spec, &response);
    reply_made(request, err, response);
    buf_release(&body);
}

/* ---- live playlist ---- */

/* Which segment must be in it? 0 = whatever there is. False, and answered, if that makes no sense.
 * Source: draft-pantos-hls-rfc8216bis-22 section 6.2.5.2. */
static bool read_wanted(struct request *request, uint64_t *n)
{
    struct str text;
    *n = 0;
    enum err err = request_query(request, STR("_HLS_msn"), &text);
    if (!err)
        err = str_parse_u64(text, INT64_MAX, n);
    bool has_part = request_query(request, STR("_HLS_part"), &text) != E_NOT_FOUND;
    if (err == E_NOT_FOUND && !has_part)
        return true;
    if (!err)
        return true; /* a part of a segment is the segment: there are no others */
    reply_text(request, 400, NULL, "_HLS_msn is the number of a segment");
    return false;
}

static enum list_form read_form(struct request *request)
{
    struct str text;
    bool skips = request_query(request, STR("_HLS_skip"), &text) == OK &&
                 (str_eq(text, STR("YES")) || str_eq(text, STR("v2")));
    return skips ? LIST_SHORT : LIST_WHOLE;
}

static void wait_for(struct rack_line *line, struct request *request, uint64_t n,
                     enum list_form form)
{
    if (n > line->state.newest_n + AHEAD_MAX) {
        reply_text(request, 400, NULL,
                   "segment %" PRIu64 " is too far ahead: the newest is %" PRIu64, n,
                   line->state.newest_n);
        return;
    }
    struct rack_wait *wait = arena_get(request->arena, sizeof *wait);
    if (!wait) {
        reply_made(request, E_NOMEM, NULL);
        return;
    }
    *wait = (struct rack_wait){.request = request, .n = n, .form = form};
    rack_wait(line, wait);
}

static void reply_live(struct hls *hls, struct request *request,
                       const struct board_rendition *rendition, struct rack_line *line)
{
    uint64_t n;
    enum list_form form = read_form(request);
    if (!line || line->state.listed_count == 0) {
        reply_not_yet(request);
        return;
    }
    if (!read_wanted(request, &n) || !hls_let_in(hls, request, &rendition->live))
        return;
    if (n > line->state.newest_n)
        wait_for(line, request, n, form);
    else
        request_reply(request, response_ref(line->lists[form][n > 0 ? LIST_WAITED : LIST_NOW]));
}

/* ---- segments ---- */

enum err segment_response(struct str bytes, struct response **out)
{
    const struct response_spec spec = {
        .status = 200,
        .content_type = "audio/mp4",
        .body = bytes,
        .cache_control = CACHE_FOREVER,
        .takes_ranges = true,
        .cors = true,
    };
    return response_new(&spec, out);
}

static bool is_of_epoch(struct request *request, uint64_t epoch)
{
    struct str text;
    uint64_t given = 0;
    enum err err = request_query(request, STR("e"), &text);
    if (!err)
        err = str_parse_u64(text, INT64_MAX, &given);
    return (err == OK || err == E_NOT_FOUND) && given == epoch;
}

static void reply_segment(struct hls *hls, struct request *request, const struct board_live *live,
                          const struct rack_line *line, struct str number)
{
    uint64_t n;
    if (str_parse_u64(number, INT64_MAX / TAPE_WINDOW_US - 1, &n) != OK) {
        reply_text(request, 404, CACHE_SOON, "segments are numbered: Unix seconds / 6");
        return;
    }
    if (!line || line->state.listed_count == 0) {
        reply_not_yet(request);
        return;
    }
    if (!is_of_epoch(request, line->state.epoch)) {
        reply_text(request, 404, CACHE_SOON, "the recording was begun anew since then");
        return;
    }
    if (n > line->state.newest_n) {
        struct response *next = rack_segment(line, n); /* told of on another loop already */
        if (next)
            request_reply(request, response_ref(next));
        else
            reply_text(request, 404, CACHE_SOON, "segment %" PRIu64 " has not been on the air yet",
                       n);
        return;
    }
    struct response *at_hand = rack_segment(line, n);
    if (!at_hand) {
        segment_from_tape(hls, request, live, n);
        return;
    }
    segment_count(hls, request, live, n, response_bytes(at_hand));
    request_reply(request, response_ref(at_hand));
}

static void reply_init(struct request *request, struct str id_text)
{
    unsigned char id[4];
    struct response *response = NULL;
    struct buf bytes;
    buf_init(&bytes, 4096);
    enum err err = hex_decode(id_text, id, sizeof id);
    if (!err)
        err = fmp4_init(
            (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3], &bytes);
    if (err) {
        reply_text(request, 404, CACHE_SOON, "there is no such init section");
    } else {
        err = buf_err(&bytes);
        if (!err)
            err = segment_response(buf_str(&bytes), &response);
        reply_made(request, err, response);
    }
    buf_release(&bytes);
}

/* ---- addresses ---- */

/* Takes an end off; false if it is not there. */
static bool cut_end(struct str *s, struct str end)
{
    if (!str_ends(*s, end))
        return false;
    s->len -= end.len;
    return true;
}

static const struct board_rendition *find_rendition(const struct board_station *station,
                                                    struct str slug)
{
    for (size_t i = 0; i < station->renditions_count; i++)
        if (str_eq(slug, str_of(station->renditions[i].slug)))
            return &station->renditions[i];
    return NULL;
}

static void reply_file(struct hls *hls, struct request *request,
                       const struct board_rendition *rendition, struct str name)
{
    const struct rack *rack = &hls->racks[loop_index(request->loop)];
    struct rack_line *line = rack_find(rack, rendition->live.tape);
    if (str_eq(name, STR("live.m3u8")))
        reply_live(hls, request, rendition, line);
    else if (cut_end(&name, STR(".m4s")))
        reply_segment(hls, request, &rendition->live, line, name);
    else if (cut_end(&name, STR(".mp4")) && str_starts(name, STR("i")))
        reply_init(request, str_slice(name, 1, name.len));
    else if (cut_end(&name, STR(".m3u8")))
        range_reply(hls, request, &rendition->live, name);
    else
        reply_text(request, 404, CACHE_SOON, "there is nothing at this address");
}

void hls_on_request(struct request *request, void *ctx)
{
    struct hls *hls = ctx;
    const struct board *board = board_now(hls->config.place);
    struct str rest = str_slice(request->path, sizeof "/hls/" - 1, request->path.len), slug;
    bool has_more = str_cut(&rest, '/', &slug);
    const struct board_station *station = board ? board_station_find(board, slug) : NULL;
    const struct board_rendition *rendition = NULL;
    if (!station || !has_more) {
        reply_text(request, 404, CACHE_SOON, "there is no station at this address");
        return;
    }
    if (str_eq(rest, STR("master.m3u8"))) {
        reply_master(&hls->racks[loop_index(request->loop)], request, station);
        return;
    }
    if (str_cut(&rest, '/', &slug))
        rendition = find_rendition(station, slug);
    if (!rendition)
        reply_text(request, 404, CACHE_SOON, "there is no such rendition of %s", station->slug);
    else if (rendition->codec != CODEC_AAC)
        reply_text(request, 404, CACHE_SOON, "%s is not in AAC, and so not in HLS",
                   rendition->slug);
    else
        reply_file(hls, request, rendition, rest);
}
