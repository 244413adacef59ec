/* listen/listen.h - sound goes out: ICY and plain listeners, live or from any second of the tape.
 * Who comes again and again instead (HLS) is let in through poll.h and counted with the others.
 *
 *     GET /wxyz/mp3-128.mp3[?at=...] -> head, burst -> once a second, in the listener's own 20 ms
 *     slot: everything that the tape has since then, straight from its memory, one writev
 *
 * A listener belongs to one loop. What must outlive a restart of the program one day (cursor,
 * metadata phase, descriptor) lies in a memfd table, which also lets any thread count and list
 * listeners without asking the loops. */
#ifndef MAST_LISTEN_LISTEN_H
#define MAST_LISTEN_LISTEN_H

#include "net/http.h"
#include "program/board.h"
#include "tape/reader.h"
#include "tape/tape.h"

struct listen;   /* private: listen.c */
struct audience; /* private: audience.c */

struct listen_config {
    struct loops *loops;
    const struct board_place *place;
    const struct clock *clock; /* station time: air_clock() */
    struct tape_reader *reader;
    uint32_t listeners_max; /* over it 503 */
    uint32_t burst_ms;      /* sound that a newcomer gets at once: 3000 */
    uint32_t lag_ms;        /* who is further behind is dropped: 20000 */
    const char *server_name;
    const char *public_url; /* "https://radio.example"; links in playlists are made from it */
};

/* Makes the room; listen_free() after the loops have stopped.
 * Owner: the caller.   Thread: main.   Errors: E_NOMEM, E_LIMIT. */
MUST_USE enum err listen_new(const struct listen_config *config, struct listen **out);
void listen_free(struct listen **listen);

/* Opens the slot timer on each loop; once, after loops_start().   Thread: main.   Errors: E_NOMEM.
 */
MUST_USE enum err listen_start(struct listen *listen);

/* Ends all listeners, for a drain; new ones get 503.   Thread: any. */
void listen_drain(struct listen *listen);

/* Who hears one rendition. Attached to a board_rendition before the board is published.
 * Owner: the caller; free after listen_free(): whoever listens holds on to it. */
MUST_USE enum err audience_new(struct audience **out);
void audience_free(struct audience **audience);

enum listen_protocol {
    LISTEN_HTTP, /* plain sound on one connection */
    LISTEN_ICY,  /* the same with titles in between */
    LISTEN_HLS,
    LISTEN_PROTOCOLS
};
const char *listen_protocol_name(enum listen_protocol protocol); /* "http", "icy", "hls" */

struct audience_count {
    uint32_t now, peak;
    uint64_t total_count; /* since the start of the program */
    uint64_t bytes_sent;
    uint64_t dropped_count; /* too far behind, or overtaken */
};
struct audience_facts {
    uint32_t now, peak; /* of all protocols together, as the next three */
    uint64_t total_count, bytes_sent, dropped_count;
    struct audience_count by[LISTEN_PROTOCOLS];
};
struct audience_facts audience_facts(const struct audience *audience); /* Thread: any */

/* For main's route table, as the last resort: an address of a rendition, with .m3u .pls .xspf too;
 * 404 for everything else.   ctx: struct listen.   Thread: loop */
void listen_on_mount(struct request *request, void *ctx);

/* ---- for front.   Thread: any ---- */

struct listener_facts {
    uint64_t id;
    const struct audience *audience;
    struct addr peer;
    char agent[96];
    struct utc since;
    uint64_t bytes_sent;
    int64_t behind_live_us; /* 0 = live */
    enum listen_protocol protocol;
};

/* Calls fn for each listener of an audience (NULL: of all), in no order. */
void listen_each(struct listen *listen, const struct audience *audience,
                 void (*fn)(void *ctx, const struct listener_facts *facts), void *ctx);

/* Ends one listener within a second, who comes again and again at once and for ten minutes.
 * Errors: E_NOT_FOUND. */
MUST_USE enum err listen_kill(struct listen *listen, uint64_t id);

uint32_t listen_count(const struct listen *listen);

#endif
