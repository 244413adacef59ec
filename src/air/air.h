/* air/air.h - sound comes in: source logins, the station clock, what is on the air.
 *
 *     source's loop: socket -> [chunked] -> [ICY metadata] -> byte ring (256 KB, port_priv.h)
 *     air thread:    ring -> framer -> stamp -> the input's last 5 s of frames
 *                      the two inputs that matter -> deck -> OUT, for each rendition -> tape
 *                      a rendition that passes through: frames of its own codec -> tape
 *
 * The air thread ticks every 20 ms. A frame is used when its time has come: a source that sends
 * faster than real time is kept waiting by its own socket, one that jitters is not heard to.
 *
 * What is on the air (choose_priv.h): the first good input in the station's order. One that stalls,
 * leaves, is silent or kills the deck is given up, the next one fills the hole from the moment the
 * sound broke off, and it comes back after a while of good sound. The last resort is a loop. */
#ifndef MAST_AIR_AIR_H
#define MAST_AIR_AIR_H

#include "child/channel.h"
#include "child/deck.h"
#include "media/icy.h"
#include "net/http.h"
#include "program/board.h"
#include "tape/tape.h"

#include <stdatomic.h>

struct air;         /* private: air.c */
struct air_output;  /* private: output.c */
struct air_station; /* private: station.c */
struct air_loop;    /* private: loop.c */

struct air_config {
    const struct clock *clock;       /* the machine's */
    const struct board_place *place; /* read at each tick */
    struct utc tape_end;             /* the latest end of all tapes; 0 = none */
    uint32_t source_timeout_ms;      /* a source that sends nothing is cut off: 10000 */
    uint32_t sources_max;            /* logged in at once: 64 */
};

/* Makes the air; air_free() after air_stop() and after the loops have stopped.
 * Owner: the caller.   Thread: main.   Errors: E_NOMEM; air_start: E_LIMIT. */
MUST_USE enum err air_new(const struct air_config *config, struct air **out);
MUST_USE enum err air_start(struct air *air);
void air_stop(struct air *air);
void air_free(struct air **air);

/* One tick, as the thread does it every 20 ms; for the simulator and tests.   Thread: air. */
void air_tick(struct air *air);

/* How many ticks have passed: once it rose by 2, the air has let go of an older board. */
uint64_t air_ticks(const struct air *air); /* Thread: any */

/* Station time as a struct clock (mono is the machine's).   Owner: the air.   Thread: any. */
const struct clock *air_clock(const struct air *air);

/* What feeds one tape. Attached to a board_rendition before the board is published.
 * Owner: the caller; free when no board names it any more.   Errors: E_NOMEM. */
MUST_USE enum err air_output_new(struct tape *tape, struct air_output **out);
void air_output_free(struct air_output **output);

/* Is sound being appended? since: when it began (0 if not).   Thread: any. Air-safe. */
bool air_output_is_on(const struct air_output *output, struct utc *since);
/* The id of the source that is on the air for this output; 0 = none. */
uint64_t air_output_source(const struct air_output *output);

/* What runs for one station beside its outputs: its deck, what is remembered of its inputs, its
 * ledger. Attached to a board_station before the board is published.
 * deck: the channel to its deck, which nobody else uses; NULL = none: renditions that do not pass
 * through are silent then (tests).
 * Owner: the caller; free when no board names it any more.   Errors: E_NOMEM.   Thread: main. */
MUST_USE enum err air_station_new(const char *slug, const struct channel *deck,
                                  struct air_station **out);
void air_station_free(struct air_station **station);

/* A bed that the deck makes itself stands behind the sources (mast demo).
 * Thread: main, before the station is published. */
void air_station_bed(struct air_station *station, uint8_t bed, bool has_time_code);

/* ---- the loop ---- */

/* Makes a station's loop with a deck of its own, as fast as that can.
 * Shape:  file: MP3, ADTS or Ogg, its first minute; empty = the music that mast carries.
 * Owner:  the caller: *out, air_loop_free().
 * Errors: E_UNSUPPORTED the file holds no sound that we know; E_TIMEOUT, E_CLOSED the deck;
 * E_NOMEM. Thread: any but loop and air: it waits for the deck. */
MUST_USE enum err air_loop_make(const struct channel *deck, const struct clock *clock,
                                const struct board_station *station, struct str file,
                                enum container container, const atomic_bool *must_stop,
                                struct air_loop **out);
void air_loop_free(struct air_loop **loop);

/* Hands a loop over; the one before comes back and may be freed after two air_ticks().
 * Thread: main. */
struct air_loop *air_station_loop(struct air_station *station, struct air_loop *loop);

/* Records a bed of the deck's own (air_station_bed) into a station's tapes, from `from`, or where
 * they end if that is later, up to `to`, as fast as the deck can. For a demonstration, before the
 * air starts. Thread: any; nobody else writes to these tapes.
 * Errors: E_CLOSED, E_TIMEOUT the deck; what came before that is recorded. */
MUST_USE enum err air_backfill(const struct channel *deck, const struct clock *clock,
                               const struct board_station *station, struct utc from, struct utc to);

/* ---- what happened on the air ---- */

enum air_event_kind {
    AIR_SWITCH, /* another input is on the air: from, to, why */
    AIR_FAULT,  /* what is on the air (from) is not worth hearing: why. An alarm */
    AIR_MENDED, /* that is over */
    AIR_DECK,   /* the deck died with `from` on the air: why */
    AIR_START,  /* mast started: why says whether it had been stopped in good order before */
    AIR_STOP,   /* mast was stopped */
    AIR_LOST,   /* on disk alone: there were more events than could be kept; why: how many */
    AIR_EVENT_KIND_COUNT
};
const char *air_event_name(enum air_event_kind kind);

struct air_event {
    enum air_event_kind kind;
    struct utc at;
    char from[96], to[96]; /* mounts, "bed", "loop", or "" = nothing */
    char why[96];
};

/* Copies the newest events, oldest of them first; returns how many. What was read back from disk
 * (ledger_file.h) is among them.   Shape: at most AIR_EVENTS_MAX are there.   Thread: any. */
#define AIR_EVENTS_MAX 256
size_t air_station_events(struct air_station *station, struct air_event *out, size_t max);

struct air_state {
    char on_air[96];  /* mount of the input, "bed", "loop", or "" = nothing */
    uint64_t source;  /* its id; 0 = it is no source */
    bool is_first;    /* nothing stands before it in the station's order */
    struct utc since; /* on the air; 0 = nothing is */
    char fault[96];   /* what is wrong with its sound, past the alarm's time; "" = nothing */
    bool deck_is_up;
    uint64_t deck_deaths_count, switches_count;
    bool has_levels; /* the programme's, of the newest tenth: */
    struct deck_levels levels;
};
void air_station_state(struct air_station *station, struct air_state *out); /* Thread: any */

/* ---- for main's route table.   ctx: struct air.   Thread: loop ---- */

/* PUT and SOURCE to a mount. Answers as Icecast's clients expect (login.c tells which and why). */
void air_on_login(struct request *request, void *ctx);
/* A SHOUTcast v1 password line. */
void air_on_password(struct request *request, void *ctx);

/* ---- for front.   Thread: loop ---- */

#define SOURCE_TEXT_BYTES 128
struct source_facts {
    uint64_t id;
    char station[64], mount[96], user[64];
    char name[SOURCE_TEXT_BYTES], description[256], genre[SOURCE_TEXT_BYTES], url[256];
    char agent[SOURCE_TEXT_BYTES], content_type[64], audio_info[256];
    uint32_t bitrate_kbps; /* as announced; 0 = not */
    bool is_public;
    bool is_shoutcast;
    struct addr peer;
    struct utc since;
    struct format format; /* of the newest frame; codec NONE = nothing framed yet */
    uint64_t bytes_read;
    uint64_t frames;
    uint64_t skipped_bytes; /* not sound */
    struct utc last_frame;
    char title[TITLE_BYTES];
};

/* Copies the facts of the index-th logged-in source, in order of login; false past the last. */
bool air_source_at(struct air *air, size_t index, struct source_facts *out);
bool air_source_find(struct air *air, uint64_t id, struct source_facts *out);

/* Sets the title that the source on `mount` plays from the sound that it sends next on. `mount` is
 * a source's or any rendition's. Errors: E_NOT_FOUND no source is logged in there. */
MUST_USE enum err air_title(struct air *air, struct str mount, struct str raw, bool latin1);

/* Cuts off the source on `mount` (as in air_title).   Errors: E_NOT_FOUND. */
MUST_USE enum err air_kill(struct air *air, struct str mount);

/* Checks a login by name and key for `mount`, with the brake on guessing that logins have.
 * Errors: E_AUTH; E_NOT_FOUND no such mount; E_LIMIT too many failures: answer so late. */
#define AIR_LATE_MS 1000
MUST_USE enum err air_check_login(struct air *air, const struct addr *peer, struct str mount,
                                  struct str user, struct str key, struct board_login *out);

/* Ends all sources, for a drain; no new ones are let in.   Thread: any. */
void air_drain(struct air *air);

struct air_stats {
    uint64_t logins_count, logins_refused_count, logins_failed_count;
    uint32_t sources_now;
    uint64_t bytes_read;
    uint64_t switches_count;
    uint64_t breaks_count;
};
struct air_stats air_stats(const struct air *air);

#endif
