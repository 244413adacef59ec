/* air/port_priv.h - one logged-in source, shared by its loop and the air thread.
 *
 *   life:  made by the loop at login -> in the list (ports_add) -> adopted by the air at its next
 *          tick -> the loop sets `has_ended` and closes its socket -> the air lets go
 *          (`air_is_done`) -> the loop takes it off the list and frees it
 *
 * Neither thread waits for the other: `lock` guards a few small texts; the air only tries it. */
#ifndef MAST_AIR_PORT_PRIV_H
#define MAST_AIR_PORT_PRIV_H

#include "air/air.h"
#include "air/health_priv.h"
#include "air/history_priv.h"
#include "air/stamp.h"
#include "base/ring.h"
#include "media/framer.h"

#include <pthread.h>
#include <stdatomic.h>

#define PORT_RING_BYTES  (256 * 1024)
#define PORT_STALL_US    (1500 * US_PER_MS)
#define PORT_CUSHION_US  (5 * US_PER_S)   /* a faster source is kept waiting beyond this */
#define PORT_SEAM_US     (60 * US_PER_MS) /* more than this without sound is a hole */
#define PORT_NOISE_BYTES (256 * 1024)     /* so much without one frame is no sound */
#define PORT_TITLES_MAX  8

struct port {
    struct port *next_incoming;

    /* set at login, constant */
    struct source_facts facts; /* the parts that do not change; the rest below */

    /* loop -> air */
    struct ring *ring;
    atomic_bool has_ended;
    atomic_bool is_abandoned; /* has no source that would free it */

    /* air -> loop, front */
    atomic_bool air_is_done;
    atomic_bool is_held_back; /* there is more waiting than PORT_CUSHION_US */
    _Atomic(const char *)
        given_up; /* why the air wants the source to be cut off; NULL = it does not */
    _Atomic uint64_t frames, skipped_bytes;
    _Atomic int64_t last_frame_us; /* station time; 0 = none yet */

    /* anybody -> loop */
    _Atomic(const char *) kill_reason;
    _Atomic uint64_t bytes_read;
    _Atomic int64_t last_bytes_mono_us;

    pthread_mutex_t lock; /* guards the next four; held for a copy only */
    struct port_title {
        uint64_t at; /* ring position that it holds from */
        char text[TITLE_BYTES];
    } titles[PORT_TITLES_MAX]; /* set from outside; the air has not come so far yet */
    size_t titles_count;
    char title[TITLE_BYTES]; /* the last one that was set, or that the stream itself carried */
    struct format format;

    /* owned by air */
    struct framer *framer;
    struct stamp stamp;
    struct frame pending; /* framed, not due yet */
    bool has_pending;
    bool is_heard;         /* it is on the air, for the deck or a rendition */
    int64_t good_since_us; /* unbroken sound since; 0 = none */
    int64_t whole_from_us; /* its sound has no hole from there on; 0 = there was none yet */
    uint32_t bitrate_bps;  /* smoothed, to tell time from bytes */
    struct format shown;   /* the format that was logged last */
    bool format_is_told;   /* `format` says the same */
    bool fast_was_logged;
    struct history *history;        /* its last seconds, for the deck and for late comers */
    struct health health;           /* as the deck that listens to it finds it */
    char title_on_air[TITLE_BYTES]; /* the last one that held */
};

/* Makes a port.   Errors: E_NOMEM.   Thread: loop. */
MUST_USE enum err port_new(const struct source_facts *facts, enum container container,
                           struct port **out);
void port_free(struct port **port);

/* Sets the title from the bytes that are pushed next on.   Thread: any but air. */
void port_set_title(struct port *port, struct str raw, bool latin1);

/* How much sound lies in the ring, by the smoothed bit rate.   Thread: air. */
int64_t port_waiting_us(const struct port *port);

/* Has its connection ended, and is all that it had sent played out? One that was cut off on purpose
 * is over at once.   Thread: air. */
bool port_is_over(const struct port *port);

/* Runs one port for one tick: frames that are due go into its history. A new title is told, with
 * the start of the frame that it holds from; so is each break in the sound (title.ptr NULL).
 * Thread: air. Air-safe. */
typedef void port_news_fn(void *ctx, struct port *port, struct utc at, bool broken,
                          struct str title);
void port_run(struct port *port, struct utc now, port_news_fn *news, void *ctx);

/* Station time was set forward by so much.   Thread: air. */
void port_jump(struct port *port, int64_t by_us);

#endif
