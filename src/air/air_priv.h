/* air/air_priv.h - the air, for the files of this room */
#ifndef MAST_AIR_AIR_PRIV_H
#define MAST_AIR_AIR_PRIV_H

#include "air/guard_priv.h"
#include "air/output_priv.h"
#include "air/port_priv.h"
#include "air/station_clock.h"
#include "air/station_priv.h"

#define AIR_PORTS_MAX 256
#define AIR_TICK_MS   20

struct air {
    struct air_config config;
    struct clock station; /* what air_clock() gives out */
    pthread_t thread;
    bool is_running; /* main */

    atomic_bool must_stop, is_draining;
    _Atomic int64_t offset_us; /* of station time over mono */
    _Atomic uint64_t ticks;
    _Atomic(struct port *) incoming; /* a stack of ports that the air has not seen yet */

    _Atomic uint32_t sources_now;
    _Atomic uint64_t logins, refused, failed, bytes_read, switches, breaks;

    /* guarded by list_lock: the loops' and the front's view; never taken by air */
    pthread_mutex_t list_lock;
    struct port *list[AIR_PORTS_MAX];
    size_t list_count;
    uint64_t last_id;
    struct guard guard;

    /* owned by air */
    struct station_clock clock;
    struct port *ports[AIR_PORTS_MAX];
    size_t ports_count;
    const struct board *board;
};

/* Takes a port off the list.   Thread: loop. */
void air_ports_remove(struct air *air, const struct port *port);

/* Starts to read a source on its loop; the port is its own from now on.
 * login.c and shoutcast.c end here.   Errors: E_NOMEM, E_LIMIT; nothing was taken then. */
struct source_start {
    struct loop *loop;
    struct port *port;
    uint32_t metaint_bytes; /* of inline ICY metadata; 0 = none */
    bool may_be_chunked;
    int64_t content_length; /* of the body; -1 = endless */
    bool wants_final_200;   /* PUT that got 100 Continue: the answer comes at the end */
};
MUST_USE enum err source_start(struct air *air, const struct source_start *how, struct sock *sock,
                               struct buf *rest);

/* Makes the port of a source that may come in, and its place on the list; sets facts->id and since.
 * Errors: E_BUSY the mount is in use; E_LIMIT too many sources, or draining; E_NOMEM. */
MUST_USE enum err air_admit(struct air *air, struct source_facts *facts, enum container container,
                            struct port **out);

/* Gives back a port whose source_start() failed; a later login frees it. */
void air_abandon(struct port *port);

/* Notes a wrong key; true: the answer must come late. */
bool air_login_failed(struct air *air, const struct addr *peer);

#endif
