/* air/air.h - sound comes in: source logins, the station clock, what is on the air.
 *
 *     source's loop: socket -> [chunked] -> [ICY metadata] -> byte ring (256 KB, port_priv.h)
 *     air thread:    ring -> framer -> stamp -> (is this port on the air for that output?) -> tape
 *
 * The air thread ticks every 20 ms. A frame is appended when its time has come: a source that sends
 * faster than real time is kept waiting by its own socket, one that jitters is not heard to.
 *
 * Which port feeds an output (one rendition): the one that is on the air stays so while it sounds;
 * when it gave nothing for 1.5 s or left, the next port whose codec is the output's takes over; a
 * port that stands earlier in the station's list of sources takes over after 5 s of sound. */
#ifndef MAST_AIR_AIR_H
#define MAST_AIR_AIR_H

#include "media/icy.h"
#include "net/http.h"
#include "program/board.h"
#include "tape/tape.h"

struct air;        /* private: air.c */
struct air_output; /* private: output.c */

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
 * Errors: E_AUTH; E_NOT_FOUND no such mount; E_LIMIT too many failures: answer late. */
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
