/* front/assets.c - what pages take in: style sheet, icon and scripts, at addresses that change with
 * their bytes, so that they may be kept for ever. Embedded by web/embed.py. */
#include "front/front_priv.h"

#include <stdio.h>

#define FOR_EVER "public, max-age=31536000, immutable"

#define ASSET(name)                                                                                \
    extern const char web_##name##_plain[], web_##name##_plain_end[];                              \
    extern const char web_##name##_gzip[], web_##name##_gzip_end[];                                \
    extern const char web_##name##_brotli[], web_##name##_brotli_end[];                            \
    extern const char web_##name##_hash[]
ASSET(style);
ASSET(icon);
ASSET(player);
ASSET(hls);

#define SPAN(name) ((struct str){name, (size_t)(name##_end - name)})

static const char robots_text[] = "User-agent: *\n"
                                  "Disallow: /admin/\n"
                                  "Disallow: /-/\n"
                                  "Disallow: /hls/\n"
                                  "Disallow: /*.mp3\n"
                                  "Disallow: /*.aac\n"
                                  "Disallow: /*.opus\n";

static enum err make(const char *type, struct str plain, struct str gzip, struct str brotli,
                     struct response **out)
{
    struct response_spec spec = {
        .status = 200,
        .content_type = type,
        .body = plain,
        .gzip = gzip,
        .brotli = brotli,
        .is_static = true,
        .cache_control = FOR_EVER,
        .has_etag = true,
        .takes_ranges = true,
    };
    return response_new(&spec, out);
}

bool assets_have_player(void)
{
    return SPAN(web_player_plain).len > 0 && SPAN(web_hls_plain).len > 0;
}

static enum err make_scripts(struct front *front)
{
    static const char type[] = "text/javascript; charset=utf-8";
    if (!assets_have_player())
        return OK;
    enum err err = make(type, SPAN(web_player_plain), SPAN(web_player_gzip),
                        SPAN(web_player_brotli), &front->player);
    return err ? err
               : make(type, SPAN(web_hls_plain), SPAN(web_hls_gzip), SPAN(web_hls_brotli),
                      &front->hls);
}

enum err assets_make(struct front *front)
{
    enum err err = make("text/css; charset=utf-8", SPAN(web_style_plain), SPAN(web_style_gzip),
                        SPAN(web_style_brotli), &front->style);
    if (!err)
        err = make("image/svg+xml", SPAN(web_icon_plain), SPAN(web_icon_gzip),
                   SPAN(web_icon_brotli), &front->icon);
    if (!err)
        err = make_scripts(front);
    /* Browsers that know no icon of a page ask here; the address stays, so it is not for ever. */
    struct response_spec favicon = {
        .status = 200,
        .content_type = "image/svg+xml",
        .body = SPAN(web_icon_plain),
        .is_static = true,
        .cache_control = "public, max-age=86400",
        .has_etag = true,
    };
    if (!err)
        err = response_new(&favicon, &front->favicon);
    struct response_spec robots = {
        .status = 200,
        .content_type = "text/plain; charset=utf-8",
        .body = STR(robots_text),
        .cache_control = "public, max-age=3600",
        .has_etag = true,
    };
    return err ? err : response_new(&robots, &front->robots);
}

static bool is_path(struct str path, const char *hash, const char *suffix)
{
    char own[64];
    snprintf(own, sizeof own, "/site/%s%s", hash, suffix);
    return str_eq(path, str_of(own));
}

void on_asset(struct request *request, void *ctx)
{
    struct front *front = ctx;
    if (is_path(request->path, web_style_hash, ".css"))
        request_reply(request, response_ref(front->style));
    else if (is_path(request->path, web_icon_hash, ".svg"))
        request_reply(request, response_ref(front->icon));
    else if (front->player && is_path(request->path, web_player_hash, ".js"))
        request_reply(request, response_ref(front->player));
    else if (front->hls && is_path(request->path, web_hls_hash, ".js"))
        request_reply(request, response_ref(front->hls));
    else
        request_reply_text(request, 404, NULL, "there is nothing at this address");
}

void on_favicon(struct request *request, void *ctx)
{
    struct front *front = ctx;
    request_reply(request, response_ref(front->favicon));
}

void on_robots(struct request *request, void *ctx)
{
    struct front *front = ctx;
    request_reply(request, response_ref(front->robots));
}
