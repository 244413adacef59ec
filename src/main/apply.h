/* main/apply.h - `mast apply` on the running server: POST /apply on the control socket.
 *
 * The loop hands the document to the control thread, which makes the next board, opens what is new,
 * saves, publishes, and posts the answer back. */
#ifndef MAST_MAIN_APPLY_H
#define MAST_MAIN_APPLY_H

#include "air/relay.h"
#include "hls/hls.h"
#include "main/serve.h"
#include "main/stage.h"
#include "main/work.h"

struct apply; /* private: apply.c */

struct apply_config {
    struct board_place *place;
    struct stage *stage;
    struct loops *loops;
    struct air *air;
    struct relays *relays;
    struct hls *hls;
    char board_path[PATH_BYTES];
};

MUST_USE enum err apply_new(struct work *work, struct apply **out);
void apply_free(struct apply **apply);
void apply_start(struct apply *apply, const struct apply_config *config); /* before loops_start() */
struct http_route apply_route(struct apply *apply);

#endif
