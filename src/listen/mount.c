/* listen/mount.c - GET of a rendition's address: who gets sound, from when, with which head.
 *
 * An ICY answer is HTTP/1.0 and ends with the connection: old receivers know nothing else, and a
 * Range, chunked or kept-alive answer makes some of them fail.
 * Source: the field's custom (Icecast format.c, format_mp3.c). */
#include "listen/ear_priv.h"

#include "base/log.h"
#include "listen/at.h"
#include "listen/past_priv.h"
#include "listen/playlist_priv.h"
#include "media/ogg_opus.h"

#include <string.h>

#define HEAD_MAX_BYTES (4096 + OPUS_HEADERS_MAX_BYTES)
#define OFF_AIR_US     (10 * US_PER_S)
#define AGAIN          "Retry-After: 5\r\n"
#define CORS_HEADERS                                                                               \
    "Access-Control-Allow-Origin: *\r\n"                                                           \
    "Access-Control-Expose-Headers: icy-br, icy-description, icy-genre, icy-metaint, icy-name, "   \
    "icy-pub, icy-url\r\n"

/* What a request asks for; lies in its arena. Copies, since the board may change while the disk is
 * read. */
struct wish {
    struct listen *listen;
    struct request *request;
    char name[128], description[512], genre[64], url[256];
    bool is_public;
    const struct zone *zone;
    struct board_rendition rendition;
    struct past *past;
    bool wants_metadata;
};

/* ---- the head ---- */

static void add_icy_header(struct buf *head, const char *name, const char *value)
{
    if (value[0] != '\0')
        buf_printf(head, "%s:%s\r\n", name, value); /* board texts hold no control bytes */
}

static void add_head(const struct wish *wish, struct buf *head)
{
    char date[UTC_HTTP_BYTES];
    utc_format_http(clock_utc(loop_clock(wish->request->loop)), date);
    buf_printf(head,
               "HTTP/1.0 200 OK\r\nServer: %s\r\nConnection: Close\r\nDate: %s\r\n"
               "Content-Type: %s\r\nCache-Control: no-cache, no-store\r\n"
               "Expires: Mon, 26 Jul 1997 05:00:00 GMT\r\nPragma: no-cache\r\n" CORS_HEADERS,
               wish->listen->config.server_name, date, codec_content_type(wish->rendition.codec));
    buf_printf(head, "icy-br:%u\r\n", wish->rendition.bitrate_bps / 1000);
    add_icy_header(head, "icy-description", wish->description);
    add_icy_header(head, "icy-genre", wish->genre);
    add_icy_header(head, "icy-name", wish->name);
    buf_printf(head, "icy-pub:%d\r\n", wish->is_public ? 1 : 0);
    add_icy_header(head, "icy-url", wish->url);
    if (wish->wants_metadata)
        buf_printf(head, "icy-metaint:%d\r\n", METAINT_BYTES);
    buf_add(head, STR("\r\n"));
}

/* The pages that an Ogg listener needs before any other. */
static void add_ogg_headers(const struct wish *wish, uint64_t pos, struct buf *head)
{
    unsigned char pages[OPUS_HEADERS_MAX_BYTES];
    struct tape *tape = wish->rendition.live.tape;
    struct tape_title_at title = {0};
    struct format format;
    uint8_t channels = tape_format(tape, &format) ? format.channels : 2;
    if (tape_title_find(tape, pos, &title) != OK)
        title.text[0] = '\0';
    size_t bytes = opus_headers(tape_serial(tape), channels, str_of(title.text), pages);
    buf_add(head, (struct str){(const char *)pages, bytes});
}

/* ---- letting in ---- */

static void refuse_full(struct request *request)
{
    request_reply_text(request, 503, AGAIN, "the station has as many listeners as it can serve");
}

static void let_in(struct wish *wish, uint64_t pos)
{
    struct request *request = wish->request;
    struct listen *listen = wish->listen;
    struct tape *tape = wish->rendition.live.tape;
    struct buf head, rest;

    buf_init(&head, HEAD_MAX_BYTES);
    add_head(wish, &head);
    if (wish->rendition.codec == CODEC_OPUS)
        add_ogg_headers(wish, wish->past ? tape_head(tape) : pos, &head);
    if (buf_err(&head)) {
        past_free(&wish->past); /* the wish ends with the request */
        request_reply_text(request, 503, AGAIN, "%s", err_text(buf_err(&head)));
        buf_release(&head);
        return;
    }
    struct ear_start start = {
        .hall = &listen->halls[loop_index(request->loop)],
        .tape = tape,
        .audience = wish->rendition.live.audience,
        .head = head.ptr,
        .head_bytes = (uint32_t)head.len,
        .pos = pos,
        .past = wish->past,
        .has_metadata = wish->wants_metadata,
        .peer = request->peer,
        .agent = request_header(request, STR("user-agent")),
        .target = request->target,
    };
    char agent[96], target[256];
    str_copy(agent, sizeof agent, start.agent);
    str_copy(target, sizeof target, start.target);
    start.agent = str_of(agent);
    start.target = str_of(target);
    request_take_over(request, &start.sock, &rest);
    buf_release(&rest);
    enum err err = ear_open(&start);
    if (err)
        log_warn(EV_LISTENER, "text=\"a listener could not be let in: %s\"", err_text(err));
}

static void answer_head(struct wish *wish)
{
    struct response *response;
    struct buf headers;
    buf_init(&headers, HEAD_MAX_BYTES);
    buf_printf(&headers, CORS_HEADERS "icy-br:%u\r\nicy-name:%s\r\n",
               wish->rendition.bitrate_bps / 1000, wish->name);
    struct response_spec spec = {
        .status = 200,
        .content_type = codec_content_type(wish->rendition.codec),
        .cache_control = "no-cache, no-store",
        .closes = true,
        .is_endless = true, /* RFC 9110 section 8.6: the length that a GET gets, or none */
        .headers = headers.ptr,
    };
    enum err err = buf_err(&headers);
    if (!err)
        err = response_new(&spec, &response);
    if (err)
        request_reply_text(wish->request, 503, AGAIN, "%s", err_text(err));
    else
        request_reply(wish->request, response);
    buf_release(&headers);
}

/* ---- live ---- */

static bool is_off_air(const struct wish *wish)
{
    struct utc now = clock_utc(wish->listen->config.clock);
    return now.us - tape_end(wish->rendition.live.tape).us > OFF_AIR_US;
}

static void begin_live(struct wish *wish)
{
    struct tape *tape = wish->rendition.live.tape;
    if (is_off_air(wish)) {
        request_reply_text(wish->request, 503, AGAIN CORS_HEADERS, "%s is off the air just now",
                           wish->name);
        return;
    }
    if (wish->request->method == HTTP_HEAD)
        answer_head(wish);
    else
        let_in(wish, tape_pos_back(tape, wish->listen->config.burst_ms));
}

/* ---- in the past ---- */

static void refuse_moment(struct wish *wish, enum err err)
{
    char from[UTC_ISO_BYTES], to[UTC_ISO_BYTES];
    struct utc oldest, newest;
    if (err != E_NOT_FOUND) {
        request_reply_text(wish->request, 503, AGAIN CORS_HEADERS,
                           "the recording cannot be read just now: %s", err_text(err));
        return;
    }
    if (!tape_range(wish->rendition.live.tape, &oldest, &newest)) {
        request_reply_text(wish->request, 404, CORS_HEADERS, "nothing is recorded yet");
        return;
    }
    utc_format_iso(oldest, from);
    utc_format_iso(newest, to);
    request_reply_text(wish->request, 404, CORS_HEADERS,
                       "that moment is not recorded: the oldest is %s, the newest %s", from, to);
}

static void on_ready(struct past *past, enum err err)
{
    struct wish *wish = past->ctx;
    wish->past = past;
    if (err) {
        past_free(&wish->past);
        refuse_moment(wish, err);
        return;
    }
    if (wish->request->method == HTTP_HEAD) {
        past_free(&wish->past);
        answer_head(wish);
        return;
    }
    let_in(wish, past->state == PAST_RAM ? past->offset : 0);
}

static void on_gone(void *ctx)
{
    struct wish *wish = ctx;
    past_free(&wish->past);
}

static void begin_past(struct wish *wish, struct utc at)
{
    struct tape *tape = wish->rendition.live.tape;
    struct utc oldest, newest;
    if (!tape_range(tape, &oldest, &newest) || at.us < oldest.us || at.us >= newest.us) {
        refuse_moment(wish, E_NOT_FOUND);
        return;
    }
    struct past_how how = {
        .tape = tape,
        .reader = wish->listen->config.reader,
        .loop = wish->request->loop,
        .on_ready = on_ready,
        .ctx = wish,
    };
    enum err err = past_new(&how, at, &wish->past);
    if (err == E_AGAIN)
        request_hold(wish->request, on_gone, wish);
    else if (err)
        refuse_moment(wish, err);
    else
        on_ready(wish->past, OK);
}

/* ---- the request ---- */

/* Which moment is asked for? Errors: E_NOT_FOUND none, or as good as live. */
static enum err find_moment(struct wish *wish, struct utc *at)
{
    struct str text;
    enum err err = request_query(wish->request, STR("at"), &text);
    if (!err)
        err = at_parse(text, wish->zone, at);
    if (err)
        return err;
    return at_is_live(*at, clock_utc(wish->listen->config.clock)) ? E_NOT_FOUND : OK;
}

static bool wants_metadata(const struct request *request, enum codec codec)
{
    uint64_t value;
    struct str header = request_header(request, STR("icy-metadata"));
    return codec != CODEC_OPUS && str_parse_u64(header, 1000000, &value) == OK && value != 0;
}

static void serve(struct wish *wish)
{
    struct listen *listen = wish->listen;
    struct utc at;
    if (atomic_load(&listen->is_draining)) {
        request_reply_text(wish->request, 503, AGAIN CORS_HEADERS, "mast is being restarted");
        return;
    }
    if (listen_count(listen) >= listen->config.listeners_max) {
        refuse_full(wish->request);
        return;
    }
    enum err err = find_moment(wish, &at);
    if (err == OK)
        begin_past(wish, at);
    else if (err == E_NOT_FOUND)
        begin_live(wish);
    else
        request_reply_text(wish->request, 400, CORS_HEADERS,
                           "at= takes ISO 8601 (2026-11-22T09:42:10-05:00) or Unix seconds");
}

static void fill_wish(struct wish *wish, struct listen *listen, struct request *request,
                      const struct board_station *station, const struct board_rendition *rendition)
{
    wish->listen = listen;
    wish->request = request;
    wish->is_public = station->listed;
    wish->zone = station->zone;
    wish->rendition = *rendition;
    wish->wants_metadata = wants_metadata(request, rendition->codec);
    str_copy(wish->name, sizeof wish->name, str_of(station->name));
    str_copy(wish->description, sizeof wish->description, str_of(station->description));
    str_copy(wish->genre, sizeof wish->genre, str_of(station->genre));
    str_copy(wish->url, sizeof wish->url, str_of(station->url));
}

void listen_on_mount(struct request *request, void *ctx)
{
    struct listen *listen = ctx;
    const struct board *board = board_now(listen->config.place);
    const struct board_station *station = NULL;
    enum playlist_kind kind = PLAYLIST_NONE;
    struct str path = request->path;
    const struct board_rendition *rendition = board_mount_find(board, path, &station);
    if (!rendition) {
        kind = playlist_kind_of(&path);
        rendition = kind == PLAYLIST_NONE ? NULL : board_mount_find(board, path, &station);
    }
    if (!rendition) {
        request_reply_text(request, 404, NULL, "there is nothing at this address");
        return;
    }
    if (kind != PLAYLIST_NONE) {
        playlist_reply(request, kind, listen->config.public_url, path, station);
        return;
    }
    struct wish *wish = arena_get(request->arena, sizeof *wish);
    if (!wish) {
        request_reply_text(request, 503, AGAIN, "%s", err_text(E_NOMEM));
        return;
    }
    fill_wish(wish, listen, request, station, rendition);
    serve(wish);
}
