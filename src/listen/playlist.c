/* listen/playlist.c - contract in playlist_priv.h */
#include "listen/playlist_priv.h"

#define PLAYLIST_MAX_BYTES 4096

static const struct {
    struct str suffix;
    const char *content_type;
} kinds[] = {
    [PLAYLIST_M3U] = {{".m3u", 4}, "audio/x-mpegurl"},
    [PLAYLIST_PLS] = {{".pls", 4}, "audio/x-scpls"},
    [PLAYLIST_XSPF] = {{".xspf", 5}, "application/xspf+xml"},
};

enum playlist_kind playlist_kind_of(struct str *path)
{
    for (int kind = PLAYLIST_M3U; kind <= PLAYLIST_XSPF; kind++) {
        if (str_ends(*path, kinds[kind].suffix)) {
            *path = str_slice(*path, 0, path->len - kinds[kind].suffix.len);
            return (enum playlist_kind)kind;
        }
    }
    return PLAYLIST_NONE;
}

static void add_xspf(struct buf *out, struct str url, const struct board_station *station)
{
    buf_add(out, STR("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                     "<playlist version=\"1\" xmlns=\"http://xspf.org/ns/0/\">\n <title>"));
    buf_add_xml(out, str_of(station->name));
    buf_add(out, STR("</title>\n <trackList>\n  <track>\n   <location>"));
    buf_add_xml(out, url);
    buf_add(out, STR("</location>\n   <title>"));
    buf_add_xml(out, str_of(station->name));
    buf_add(out, STR("</title>\n   <annotation>"));
    buf_add_xml(out, str_of(station->description));
    buf_add(out, STR("</annotation>\n  </track>\n </trackList>\n</playlist>\n"));
}

static void add_playlist(struct buf *out, enum playlist_kind kind, struct str url,
                         const struct board_station *station)
{
    switch (kind) {
    case PLAYLIST_M3U:
        buf_printf(out, "%.*s\r\n", STR_ARG(url));
        break;
    case PLAYLIST_PLS:
        buf_printf(out,
                   "[playlist]\nNumberOfEntries=1\nFile1=%.*s\nTitle1=%s\nLength1=-1\nVersion=2\n",
                   STR_ARG(url), station->name);
        break;
    case PLAYLIST_XSPF:
        add_xspf(out, url, station);
        break;
    case PLAYLIST_NONE:
        assert(kind != PLAYLIST_NONE);
    }
}

void playlist_reply(struct request *request, enum playlist_kind kind, const char *public_url,
                    struct str mount, const struct board_station *station)
{
    struct response *response;
    struct buf url, body;
    buf_init(&url, PLAYLIST_MAX_BYTES);
    buf_init(&body, PLAYLIST_MAX_BYTES);
    buf_printf(&url, "%s%.*s", public_url, STR_ARG(mount));
    if (request->query.len > 0)
        buf_printf(&url, "?%.*s", STR_ARG(request->query)); /* ?at= goes on to the sound */
    add_playlist(&body, kind, buf_str(&url), station);
    struct response_spec spec = {
        .status = 200,
        .content_type = kinds[kind].content_type,
        .body = buf_str(&body),
        .cache_control = "max-age=60",
        .cors = true,
    };
    enum err err = buf_err(&url) ? buf_err(&url) : buf_err(&body);
    if (!err)
        err = response_new(&spec, &response);
    if (err)
        request_reply_text(request, err_http_status(err), NULL, "%s", err_text(err));
    else
        request_reply(request, response);
    buf_release(&url);
    buf_release(&body);
}
