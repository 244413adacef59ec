/* front/front_priv.h - between the files of this room.
 *
 *     board, tapes, air, audience --sound.c--> struct sound --icestats.c--> named texts
 *                                                             |-> JSON (status_json.c, guess.c)
 *                                                             '-> XML  (admin_lists.c)
 */
#ifndef MAST_FRONT_FRONT_PRIV_H
#define MAST_FRONT_FRONT_PRIV_H

#include "front/front.h"

#include "front/disk_priv.h"

#define ANSWER_MAX_BYTES ((size_t)4 << 20)
#define SILENT_US        (2 * US_PER_S) /* a tape that stands for longer is silent */
#define XML_TYPE         "text/xml; charset=utf-8"

struct front {
    struct front_config config;
    const struct http_server *server; /* NULL until it is known */
    uint16_t port;
    struct response *style, *icon, *favicon, *robots; /* made once */
    struct response *player, *hls;                    /* scripts; NULL: this build has none */
    struct disk_watch *disk;                          /* NULL: no data folder was given */
};

/* ---- reply.c ---- */

struct front_answer {
    int status;          /* 0 = 200 */
    const char *type;    /* Content-Type */
    const char *cache;   /* NULL = "no-cache, no-store" */
    const char *headers; /* further whole lines, or NULL */
    bool cors, has_etag;
    uint64_t delay_ms; /* 0 = at once */
};

/* Answers with the bytes of `body` and releases it; 503 if it failed to be put together. */
void front_reply(struct request *request, const struct front_answer *answer, struct buf *body);

/* As Icecast says no: a line of HTML.   Shape: text needs no escaping. */
void ice_refuse(struct request *request, int status, const char *text);
/* As Icecast says what came of a command: an <iceresponse>. */
void ice_respond(struct request *request, bool done, const char *text);

/* A field of the query, or else of a POST's form body. Errors: as request_query(). */
MUST_USE enum err front_field(struct request *request, struct str name, struct str *out);

/* ---- text.c ---- */

/* Appends text for XML or HTML, escaped; what may not stand in XML (controls, U+FFFE, U+FFFF) is
 * left out, bytes that are no UTF-8 become '?'.   Source: XML 1.0 section 2.2. */
void xml_add(struct buf *out, struct str text);

/* Appends text for the query of an address: all but unreserved characters as %XX. */
void query_add(struct buf *out, struct str text);

/* "Sun, 22 Nov 2026 22:05:04 +0000" and "2026-11-22T22:05:04+0000", as Icecast prints times. */
#define ICE_TIME_BYTES 40
void ice_time_format(struct utc t, char out[ICE_TIME_BYTES]);
void ice_iso_format(struct utc t, char out[ICE_TIME_BYTES]);

/* ---- sound.c ---- */

/* What is known of one rendition at this moment; station and rendition are borrowed from the board.
 */
struct sound {
    const struct board_station *station;
    const struct board_rendition *rendition;
    char mount[MOUNT_BYTES]; /* the main address */
    bool is_on;              /* sound is being appended */
    struct utc since;        /* ... from then on */
    bool has_source;
    struct source_facts source;
    struct audience_facts audience;
    bool has_title;
    char title[TITLE_BYTES];
    bool has_format;
    struct format format; /* of the newest frame */
};
void sound_look(const struct front *front, const struct board_station *station,
                const struct board_rendition *rendition, struct sound *out);

/* Calls fn for the renditions of the board, in its order, that `which` lets through.
 * Returns how many it was. */
struct sound_which {
    bool on_air_only;
    bool listed_only;
    struct str mount; /* ptr NULL = any; else an address of it, or of the source that feeds it */
};
typedef void sound_fn(void *ctx, const struct sound *sound);
size_t sound_each(const struct front *front, const struct sound_which *which, sound_fn *fn,
                  void *ctx);

/* ---- guess.c ---- */

/* Appends a text as the JSON value that Icecast's style sheet makes of it. */
void guess_add(struct buf *out, struct str text);

/* ---- icestats.c ---- */

/* Takes names and values in ASCII order of the names; is_public: also in status-json. */
struct stat_sink {
    void (*add)(struct stat_sink *sink, const char *name, struct str value, bool is_public);
    struct buf *out;
};

struct ice_facts { /* of the whole server */
    const char *admin, *host, *location, *server_id;
    uint16_t port;
    struct utc started;
    uint64_t clients, client_connections, connections;
    uint64_t listeners, listener_connections;
    uint64_t sources, source_connections;
};
void ice_facts_look(const struct front *front, struct ice_facts *out);
void icestats_server(const struct ice_facts *facts, struct stat_sink *sink);
void icestats_sound(const struct ice_facts *facts, const struct sound *sound,
                    struct stat_sink *sink);

/* The value of a key in "a=1;b=2", empty if there is none. */
struct str audio_info_get(struct str audio_info, const char *key);

/* The two documents; they end what icestats began. `sounds`: the sources, each a whole object or
 * element, as *_add_sound wrote them one after the other. */
void status_json_add_sound(const struct ice_facts *facts, const struct sound *sound,
                           struct buf *sounds);
void status_json_add(const struct ice_facts *facts, struct str sounds, size_t count,
                     struct buf *out);
void stats_xml_add_sound(const struct ice_facts *facts, const struct sound *sound, struct buf *out);
void stats_xml_add_server(const struct ice_facts *facts, struct buf *out);
#define XML_HEAD "<?xml version=\"1.0\"?>\n"

/* ---- auth.c ---- */

enum { MAY_SOURCE = 1, MAY_RELAY = 2 }; /* besides the administrator */

/* Tells whether a request may go on; if not it was answered (401, late for guessers). */
MUST_USE bool front_authorise(const struct front *front, struct request *request, struct str mount,
                              unsigned who);
/* 401; late for who guesses. */
void front_refuse_login(struct request *request, bool is_late);

/* ---- air_report.c ---- */

/* What is on the air of a station, and what happened there: lines of text, the newest event first;
 * a JSON object, the oldest first. Appends. */
#define AIR_EVENTS_SHOWN 20 /* unless more are asked for */
void air_report_text(const struct board_station *station, size_t events_max, struct buf *out);
void air_report_json(const struct board_station *station, struct buf *out);

/* ---- handlers.   ctx: struct front.   Thread: loop ---- */

void on_status_json(struct request *request, void *ctx);
void on_admin(struct request *request, void *ctx);
void on_admin_cgi(struct request *request, void *ctx);
void on_metrics(struct request *request, void *ctx);
void on_live(struct request *request, void *ctx);
void on_ready(struct request *request, void *ctx);
void on_air_health(struct request *request, void *ctx);
void on_status(struct request *request, void *ctx);
void on_home(struct request *request, void *ctx);
void on_station(struct request *request, void *ctx);
void on_asset(struct request *request, void *ctx);
void on_favicon(struct request *request, void *ctx);
void on_robots(struct request *request, void *ctx);

/* Makes the answers that never change. Errors: E_NOMEM.   Thread: main. */
MUST_USE enum err assets_make(struct front *front);

/* Was the player's script there when the program was built? */
bool assets_have_player(void);

/* ---- the commands of admin.c; `mount` is empty if none was given ---- */

typedef void admin_fn(struct front *front, struct request *request, struct str mount);
admin_fn admin_stats, admin_list_mounts, admin_list_clients, admin_stream_list, admin_title;

#endif
