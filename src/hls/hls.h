/* hls/hls.h - any second of the last days as HLS: playlists, segments of 6 s, closed ranges.
 *
 *     lister (thread): tapes --station.h--> playlists, newest segments --posted--> rack of each loop
 *     loops:           GET /hls/... --> from the rack; older segments by the tape's readers; ranges
 *                      by the lister
 *
 *   /hls/<station>/master.m3u8                     the renditions; gives out ?s=, which counts him
 *   /hls/<station>/<rendition>/live.m3u8           [?_HLS_msn=N] waits for segment N, [?_HLS_skip=YES]
 *   /hls/<station>/<rendition>/<from>-<to>.m3u8    Unix seconds; complete once they are over
 *   /hls/<station>/<rendition>/<n>.m4s             [?e=epoch]
 *   /hls/<station>/<rendition>/i<id>.mp4
 *
 * AAC renditions only: what plays everywhere. Source: RFC 8216, draft-pantos-hls-rfc8216bis-22. */
#ifndef MAST_HLS_HLS_H
#define MAST_HLS_HLS_H

#include "listen/listen.h"
#include "net/http.h"
#include "program/board.h"
#include "tape/reader.h"

struct hls; /* private: hls.c */

struct hls_config {
    struct loops *loops;
    const struct board_place *place;
    const struct clock *clock; /* station time: air_clock() */
    struct tape_reader *reader;
    struct listen *listen;   /* who asks for playlists is a listener */
    const char *data_folder; /* borrowed for good */
};

/* Makes the room; hls_free() after the loops have stopped.
 * Owner: the caller.   Thread: main.   Errors: E_NOMEM. */
MUST_USE enum err hls_new(const struct hls_config *config, struct hls **out);
void hls_free(struct hls **hls);

/* Starts the lister's thread; after loops_start(). hls_stop() before loops_stop().   Thread: main.
 * Errors: E_LIMIT. */
MUST_USE enum err hls_start(struct hls *hls);
void hls_stop(struct hls *hls);

/* Takes in what a board has new. Its tapes must stay open until hls_free(); the board itself is not
 * kept.   Thread: control.   Errors: E_NOMEM: the new ones cannot be played yet. */
MUST_USE enum err hls_set(struct hls *hls, const struct board *board);

/* For main's route table: GET of "/hls/" and everything below it.   ctx: struct hls. Thread: loop */
void hls_on_request(struct request *request, void *ctx);

#endif
