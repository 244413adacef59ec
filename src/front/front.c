/* front/front.c - the room and its addresses; contract in front.h */
#include "front/front_priv.h"

#include "base/mem.h"

#define FORM_MAX_BYTES 16384

enum err front_new(const struct front_config *config, struct front **out)
{
    struct front *front = *out = mem_new(sizeof *front);
    if (!front)
        return E_NOMEM;
    front->config = *config;
    enum err err = assets_make(front);
    if (!err && config->data_folder)
        err = disk_watch_start(config->data_folder, &front->disk);
    if (err)
        front_free(out);
    return err;
}

void front_free(struct front **front)
{
    struct front *f = *front;
    *front = NULL;
    if (!f)
        return;
    disk_watch_stop(&f->disk);
    response_unref(f->style);
    response_unref(f->icon);
    response_unref(f->player);
    response_unref(f->hls);
    response_unref(f->favicon);
    response_unref(f->robots);
    mem_free(f);
}

bool front_disk(const struct front *front, uint64_t *free_bytes, uint64_t *total_bytes)
{
    return disk_watch_get(front->disk, free_bytes, total_bytes);
}

void front_set_server(struct front *front, const struct http_server *server)
{
    front->server = server;
}

void front_set_port(struct front *front, uint16_t port)
{
    front->port = port;
}

static size_t fill(struct front *front, const struct http_route *from, size_t count,
                   struct http_route *out)
{
    assert(count <= FRONT_ROUTES_MAX);
    for (size_t i = 0; i < count; i++) {
        out[i] = from[i];
        out[i].ctx = front;
    }
    return count;
}

size_t front_routes(struct front *front, struct http_route out[FRONT_ROUTES_MAX])
{
    static const struct http_route routes[] = {
        {.path = "/", .methods = HTTP_GET, .handler = on_home},
        {.path = "/listen/*", .methods = HTTP_GET, .handler = on_station},
        {.path = "/site/*", .methods = HTTP_GET, .handler = on_asset},
        {.path = "/favicon.ico", .methods = HTTP_GET, .handler = on_favicon},
        {.path = "/robots.txt", .methods = HTTP_GET, .handler = on_robots},
        {.path = "/status-json.xsl", .methods = HTTP_GET, .handler = on_status_json, .cors = true},
        {.path = "/admin/*",
         .methods = HTTP_GET | HTTP_POST,
         .handler = on_admin,
         .body_max_bytes = FORM_MAX_BYTES},
        {.path = "/admin.cgi",
         .methods = HTTP_GET | HTTP_POST,
         .handler = on_admin_cgi,
         .body_max_bytes = FORM_MAX_BYTES},
        {.path = "/metrics", .methods = HTTP_GET, .handler = on_metrics},
        {.path = "/-/live", .methods = HTTP_GET, .handler = on_live},
        {.path = "/-/ready", .methods = HTTP_GET, .handler = on_ready},
        {.path = "/-/air/*", .methods = HTTP_GET, .handler = on_air_health},
    };
    return fill(front, routes, sizeof routes / sizeof routes[0], out);
}

size_t front_control_routes(struct front *front, struct http_route out[FRONT_ROUTES_MAX])
{
    static const struct http_route routes[] = {
        {.path = "/status", .methods = HTTP_GET, .handler = on_status},
    };
    return fill(front, routes, sizeof routes / sizeof routes[0], out);
}
