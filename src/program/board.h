/* program/board.h - the snapshot of what the station is: stations, renditions, sources, keys.
 *
 *     board.json --board_load--> struct board (immutable) <--board_apply-- a document (mast apply)
 *
 * A board is never changed: an apply makes a new one, saves it (aside, fsync, rename) and publishes
 * it; the old one is freed when every thread has passed a quiet point (main.c). The sound lane
 * needs nothing but this. Everything in it is borrowed from the board. */
#ifndef MAST_PROGRAM_BOARD_H
#define MAST_PROGRAM_BOARD_H

#include "base/buf.h"
#include "base/crypto.h"
#include "media/format.h"

#define BOARD_STATIONS_MAX   64
#define BOARD_RENDITIONS_MAX 8
#define BOARD_SOURCES_MAX    32 /* of one station */
#define BOARD_MOUNTS_MAX     4  /* further addresses of one rendition */

/* What runs for a rendition; made and attached by main.c before a board is published, and carried
 * over from board to board. `program` itself never looks inside. */
struct board_live {
    struct tape *tape;         /* tape/tape.h: its recording */
    struct air_output *output; /* air/air.h: what feeds the recording */
    struct audience *audience; /* listen/listen.h: who hears it */
};

struct board_rendition {
    char slug[64];                     /* unique in its station */
    enum codec codec;                  /* MP3, AAC or OPUS, for ever */
    uint32_t bitrate_bps;              /* nominal */
    uint32_t rate_hz;                  /* of the deck's encoder: 48000, 44100 (not Opus) or 32000 */
    uint8_t channels;                  /* 1 or 2 */
    bool passthrough;                  /* frames of a source with this codec go in as they are */
    char mounts[BOARD_MOUNTS_MAX][96]; /* further addresses, "/live.mp3"; unique on the board */
    size_t mounts_count;
    struct board_live live;
};

/* An input of a station: a source that logs in, or a stream that is fetched. The station's list is
 * its order: the first that sounds is on the air. */
struct board_source {
    char user[64];  /* "source" or a person's; unique together with the mount. A relay's: "relay" */
    char mount[96]; /* where it logs in: "/wxyz". A relay's name on the station: "/wxyz/relay-1" */
    char key_hash[KEY_HASH_BYTES]; /* "" for a relay */
    char relay[300];               /* http(s) address that is fetched; "" = a source that logs in */
    bool is_private;               /* the relay may lie at a private address */
    bool may_be_silent;            /* silence, one dead channel and steady tones are no fault */
    uint16_t order;                /* place in the list: smaller is better; equal = as they came */
};

/* When an input is given up, and for how long. */
struct board_rules {
    uint32_t stall_ms;         /* no new sound for so long: 1500 (500..30000) */
    int32_t silence_dbfs;      /* quieter than this, on every channel, is silence: -50 (-90..-20) */
    uint32_t silence_alarm_s;  /* an alarm after so much silence: 10 (1..600) */
    uint32_t silence_switch_s; /* the next input after so much: 20 (2..600) */
    uint32_t return_after_s;   /* good sound before an input gets the air back: 5 (1..300);
                                  doubles each time it fails, up to 300 */
};

/* What a station plays when no input sounds. */
enum board_loop {
    BOARD_LOOP_OWN, /* the one that mast carries */
    BOARD_LOOP_FILE,
    BOARD_LOOP_NONE
};

struct zone;
struct air_station;
struct board_station {
    char slug[64];
    char name[128], description[512], url[256], genre[64];
    char timezone[64];       /* IANA name; "UTC" by default */
    const struct zone *zone; /* program/zone.h: made by main.c before the board is published */
    bool listed;             /* shown on pages and in status-json */
    struct board_rendition renditions[BOARD_RENDITIONS_MAX];
    size_t renditions_count;
    struct board_source sources[BOARD_SOURCES_MAX]; /* in their order */
    size_t sources_count;
    struct board_rules rules;
    enum board_loop loop;
    char loop_file[256];     /* BOARD_LOOP_FILE: mp3, aac or ogg, at most its first minute */
    struct air_station *air; /* air/air.h: what runs for it; attached as board_live is */
};

struct board {
    uint64_t version;                       /* counts applies */
    unsigned char secret[KEY_SECRET_BYTES]; /* keys the hashes below */
    char admin_key_hash[KEY_HASH_BYTES];    /* user "admin" */
    char relay_key_hash[KEY_HASH_BYTES];    /* user "relay", for streamlist.txt */
    struct board_station *stations;
    size_t stations_count;
};

/* Where the board that holds now is found. A reader on a loop or the air thread may use it until
 * his callback or tick ends: main.c frees an old board only after each of them has passed one. */
struct board_place {
    _Atomic(const struct board *) now;
};
const struct board *board_now(const struct board_place *place); /* Thread: any. Air-safe. */

/* Keys that were made during an apply or a first start and must be shown once. */
struct board_keys {
    struct buf lines; /* "station wxyz, source /wxyz, user source: key abc..." */
};

/* Makes an empty board with a new secret and new admin and relay keys (returned in clear text).
 * Owner: the caller, board_free().   Errors: E_NOMEM.   Thread: any but loop and air. */
MUST_USE enum err board_new(char admin_key[KEY_TEXT_BYTES], char relay_key[KEY_TEXT_BYTES],
                            struct board **out);
void board_free(struct board **board);

/* Reads and writes <data folder>/board.json.
 * Errors: E_NOT_FOUND, E_SYNTAX with one line in *faults for each fault, E_IO ...; *out = NULL. */
MUST_USE enum err board_load(const char *path, struct board **out, struct buf *faults);
MUST_USE enum err board_save(const char *path, const struct board *board);

/* Makes the board that follows from an old one and a document, which names only what it changes:
 *
 *   {"stations": [{"slug": "wxyz", "name": "WXYZ News", "timezone": "America/New_York",
 *     "renditions": [{"slug": "mp3-128", "codec": "mp3", "bitrate": 128000,
 *                     "mounts": ["/live.mp3"]}],
 *     "sources": [{"user": "studio", "mount": "/wxyz", "key": "at-least-12-characters"},
 *                 {"relay": "https://other.example/live.mp3", "order": 200}],
 *     "rules": {"stall": 1.5, "silence_level": -50, "silence_alarm": 10, "silence_switch": 20,
 *               "return_after": 5},
 *     "loop": "/srv/wxyz/loop.mp3"}]}
 *
 * A source without "key" gets a generated one (kept if it has one already), reported in *keys.
 * "remove": true takes a station, rendition or source away; what goes makes room for what comes.
 * Twice is the same as once: *out then has the old version, else the next.
 * Defaults: a source's user "source" and mount "/<slug>"; a station's name its slug, timezone
 * "UTC", listed; bitrate 128000 for mp3, else 96000, rate 48000, channels 2, no passthrough;
 * order 100; rules as above; "loop": true (mast's own; false = none, or a file's absolute path).
 * "mounts" replaces the whole list. Of a relay, "relay" names it (one with this address), "private"
 * lets it lie at a private address; a source with "silence_allowed": true may be silent.
 * What is attached to a rendition or station goes over to the new board; a zone does not, if its
 * name changes: it is NULL then, as it is for all that is new.
 *
 * Owner:  the caller: *out, board_free(); keys->lines, made by buf_init() before.
 * Errors: E_SYNTAX (E_TOO_LONG over 4 MiB), one line in *faults for each fault
 *         ("stations[0].slug: "api" is reserved"); E_NOMEM. Nothing changes then and *out = NULL.
 * Thread: any but loop and air: it reads the zone's file. */
MUST_USE enum err board_apply(const struct board *old, struct str document, struct board **out,
                              struct board_keys *keys, struct buf *faults);

/* The board as a document for board_apply(), without keys (but with what stands in the addresses of
 * relays). Appends to *out. */
void board_export(const struct board *board, struct buf *out);

const struct board_station *board_station_find(const struct board *board, struct str slug);

bool board_source_is_relay(const struct board_source *source); /* else it logs in */

/* Finds the rendition that an address means: "/<station>/<rendition>.<ext>", "/<station>.<ext>"
 * (the first rendition of that codec), or a mount of its own. NULL if there is none. */
const struct board_rendition *board_mount_find(const struct board *board, struct str path,
                                               const struct board_station **station);

/* The main address of a rendition: "/wxyz/mp3-128.mp3". */
#define MOUNT_BYTES 160
void board_mount_format(const struct board_station *station,
                        const struct board_rendition *rendition, char out[MOUNT_BYTES]);

/* Finds the source that logs in to `mount` (of any station) as `user` with `key`.
 * Errors: E_NOT_FOUND no source has this mount (a rendition's own address counts as its station's
 *         default mount when no source claims it); E_AUTH user or key is wrong. User "source", or
 *         none, is taken too with a key that only one source of the mount has. Nobody logs in as a
 *         relay: its name is no mount here. */
struct board_login {
    const struct board_station *station;
    const struct board_source *source;
};
MUST_USE enum err board_login_check(const struct board *board, struct str mount, struct str user,
                                    struct str key, struct board_login *out);

/* Finds the source that a SHOUTcast password is of: "[user:]key" or "/mount:key"; without a user it
 * must be one that is let in as user "source".   Errors: E_AUTH; *out is empty then. */
MUST_USE enum err board_login_by_password(const struct board *board, struct str password,
                                          struct board_login *out);

bool board_admin_check(const struct board *board, struct str user, struct str key);
bool board_relay_check(const struct board *board, struct str user, struct str key);

#endif
