/* front/front.h - the answers that other people's programs expect, health, metrics, first pages.
 *
 *   /status-json.xsl              Icecast's, bug for bug (status_json.c)
 *   /admin/..., /admin.cgi         Icecast's and SHOUTcast's commands (admin.c)
 *   /metrics                      Prometheus (metrics.c)
 *   /-/live /-/ready /-/air/<st>  health (health.c)
 *   / /listen/<station> /site/... the first pages (page*.c)
 *   /status (control socket)      what `mast status` prints (status.c)
 *
 * Everything is made from the board, the tapes, the air and the audience at the moment of asking;
 * all that is kept is answers that never change, and how full the disk was when it was last looked
 * at. Handlers run on loops and never wait. */
#ifndef MAST_FRONT_FRONT_H
#define MAST_FRONT_FRONT_H

#include "air/air.h"
#include "listen/listen.h"
#include "net/http.h"
#include "program/board.h"
#include "tape/writer.h"

#include <stdatomic.h>

struct front_config {
    const struct clock *clock; /* station time */
    const struct board_place *place;
    struct air *air;
    struct listen *listen;
    struct utc started;
    const char *server_id;  /* "mast 0.1.0" */
    const char *public_url; /* "https://radio.example" */
    const char *host_name, *location, *admin_contact;
    const char *data_folder; /* for the free space in the metrics */
    const atomic_bool *is_draining;
};

/* Keeps a copy of the config; what it points to must outlive the routes.
 * Owner: the caller.   Thread: main.   Errors: E_NOMEM. */
struct front; /* private: front_priv.h */
MUST_USE enum err front_new(const struct front_config *config, struct front **out);
void front_free(struct front **front);

/* What exists only after the routes: the server for its statistics, and the port of the first
 * listen address for listenurl. Both before loops_start(). */
void front_set_server(struct front *front, const struct http_server *server);
void front_set_port(struct front *front, uint16_t port);

/* How much room the data folder's file system has, as of the last look (every 15 s); false if there
 * was none yet, or it failed.   Thread: any. */
bool front_disk(const struct front *front, uint64_t *free_bytes, uint64_t *total_bytes);

/* Fills in this room's routes, for everybody and for the control socket; returns how many.
 * Shape: out has room for FRONT_ROUTES_MAX. */
#define FRONT_ROUTES_MAX 32
size_t front_routes(struct front *front, struct http_route out[FRONT_ROUTES_MAX]);
size_t front_control_routes(struct front *front, struct http_route out[FRONT_ROUTES_MAX]);

#endif
