/* listen/callers_priv.h - those who are not connected but come again and again (HLS).
 *
 *   first poll -> HERE (has a row) --18 s without one--> QUIET (no row) --60 s--> end record, forgotten
 *                  ^                                       |
 *                  '------ polls again: same id, same start'      sent away -> BARRED for 10 min
 *
 * One lock guards all of it, held for a few instructions; the table's lock may be taken inside it,
 * never the other way round. Records are written after it was let go. The memory is made once, for
 * twice as many as may be here: a flood of invented names ends with no free row, and those who are
 * quiet give way before anything else does. */
#ifndef MAST_LISTEN_CALLERS_PRIV_H
#define MAST_LISTEN_CALLERS_PRIV_H

#include "base/crypto.h"
#include "listen/session_priv.h"
#include "listen/table_priv.h"

#define CALLER_QUIET_US  (18 * US_PER_S) /* three polls that did not come */
#define CALLER_FORGET_US (60 * US_PER_S)
#define CALLER_BARRED_US (600 * US_PER_S)

enum caller_state { CALLER_FREE, CALLER_HERE, CALLER_QUIET, CALLER_BARRED };

struct link {
    struct link *before, *after;
};

struct caller {
    struct tag key;  /* who he is */
    struct tag host; /* his address, agent and station */
    struct caller *next_key, *next_host;
    struct link peers; /* others of the same host: a ring, who came last first */
    struct link order; /* of those in the same state: who came last is last */
    struct link due;   /* HERE: whose record is due next is first */
    enum caller_state state;
    bool is_first_of_host; /* whom the table of hosts points to */
    struct row *row;       /* HERE, else NULL */
    struct audience *audience;
    struct mono last;    /* poll; BARRED: when */
    struct mono stretch; /* HERE: he has listened since then without a pause */
    int64_t heard_us;    /* before that */
    struct mono record_due;
    struct session session; /* facts.id: 0 if FREE */
};

struct callers {
    struct table *table;
    unsigned char secret[KEY_SECRET_BYTES];
    pthread_mutex_t lock;
    struct caller *pool; /* untouched entries cost no memory */
    uint32_t pool_max, pool_used;
    struct caller *first_free; /* by next_key */
    struct caller **by_key, **by_host;
    uint64_t buckets_mask;
    struct link here, quiet, barred, due;
};

/* Shape: twice the table's rows.   Errors: E_NOMEM. */
MUST_USE enum err callers_init(struct callers *callers, struct table *table);
void callers_release(struct callers *callers);

/* Somebody who asked for a playlist. */
struct visit {
    struct tag key, host;
    struct audience *audience;
    const char *name;
    struct addr peer;
    char agent[96];
    struct mono now;
    struct utc utc;
};

/* Contracts: listen_poll(), listen_poll_bytes(), listen_poll_sweep().   Thread: any. */
MUST_USE enum err callers_poll(struct callers *callers, const struct visit *visit);
void callers_credit(struct callers *callers, struct tag host, uint64_t bytes, int64_t behind_us);
void callers_sweep(struct callers *callers, struct mono now);

/* Ends the one with this place and id, and bars him.   Thread: any. */
void callers_bar(struct callers *callers, uint32_t index, uint64_t id, struct mono now);

/* Ends up to so many of those who are here or quiet, since mast is stopping.   Thread: any. */
void callers_drain(struct callers *callers, unsigned most);

/* ---- the structures (crowd.c); all under the lock ---- */

MUST_USE enum err crowd_init(struct callers *callers, uint32_t most);
void crowd_release(struct callers *callers);

struct caller *crowd_find(const struct callers *callers, const struct tag *key); /* NULL: nobody */
struct caller *crowd_newest_of(const struct callers *callers, const struct tag *host);

/* A zeroed one with this key, in no list; NULL if none is free. */
struct caller *crowd_add(struct callers *callers, const struct tag *key);
void crowd_remove(struct callers *callers, struct caller *caller);

/* He came last of all with this host; takes him from another host's. */
void crowd_put_first(struct callers *callers, struct caller *caller, const struct tag *host);
void crowd_leave_host(struct callers *callers, struct caller *caller);

bool tag_eq(const struct tag *a, const struct tag *b);

void link_clear(struct link *link); /* alone: an empty list, or in none */
void link_cut(struct link *link);   /* out of its list, if any */
void link_append(struct link *list, struct link *link);
struct caller *first_by_order(const struct link *list); /* NULL: empty */
struct caller *first_by_due(const struct link *list);

#endif
