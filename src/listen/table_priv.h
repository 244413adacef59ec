/* listen/table_priv.h - all listeners in one memfd table of fixed rows.
 *
 * A row belongs to the loop that took it, or to whoever holds the callers' lock (callers_priv.h);
 * other threads only read it. What does not change while a
 * listener is there is written while `id` is 0 and read by others under the table's lock, under
 * which alone `id` changes; the rest is atomic. */
#ifndef MAST_LISTEN_TABLE_PRIV_H
#define MAST_LISTEN_TABLE_PRIV_H

#include "listen/listen.h"

#include <pthread.h>
#include <stdatomic.h>

#define NO_CALLER UINT32_MAX

struct row {
    _Atomic uint64_t id;  /* 0 = free */
    _Atomic uint64_t pos; /* next byte of the tape; plays from RAM */
    _Atomic uint64_t bytes_sent;
    _Atomic int64_t behind_us;
    _Atomic uint32_t meta_left; /* sound bytes until the next block; 0 = one is due */
    _Atomic int32_t fd;
    atomic_bool must_go;

    uint32_t index; /* of this row; constant */
    uint32_t next_free;
    uint32_t caller;  /* who comes again and again: callers_priv.h; NO_CALLER = on a connection */
    uint8_t protocol; /* enum listen_protocol */
    struct audience *audience;
    struct addr peer;
    struct utc since;
    char agent[96];
};
_Static_assert(sizeof(struct row) == 200, "what ARCHITECTURE.md says of it");

struct table {
    struct row *rows;
    uint32_t rows_max;
    int fd;
    pthread_mutex_t lock; /* guards free list, last_id and ids; held for a few instructions */
    uint32_t first_free;
    uint32_t used_max; /* rows beyond were never used */
    uint64_t last_id;
    _Atomic uint32_t count;
};

/* Shape: rows_max 1..1000000; untouched rows cost no memory.   Errors: E_NOMEM. */
MUST_USE enum err table_init(struct table *table, uint32_t rows_max);
void table_release(struct table *table);

/* Takes a row; its id is published by table_publish() once it is filled in.   Errors: E_LIMIT. */
MUST_USE enum err table_take(struct table *table, struct row **out);
void table_publish(struct table *table, struct row *row);

/* The same under an id that table_publish() gave before to a row that was given back. */
void table_publish_again(struct table *table, struct row *row, uint64_t id);

/* Changes a row that is published: who hears what, from where. */
void table_change(struct table *table, struct row *row, struct audience *audience,
                  const struct addr *peer, const char agent[96]);

void table_give_back(struct table *table, struct row *row);

/* What a row says of its listener.   Thread: the row's own. */
struct listener_facts row_facts(const struct row *row);

/* Copies what a row says of its listener; false if it has none.   Shape: index < table_used().
 * Thread: any. */
bool table_copy(struct table *table, uint32_t index, struct listener_facts *out);
uint32_t table_used(struct table *table);

/* Asks the listener with this id to go; *caller = who that is for callers_priv.h, or NO_CALLER.
 * Errors: E_NOT_FOUND.   Thread: any. */
MUST_USE enum err table_dismiss(struct table *table, uint64_t id, uint32_t *caller);

#endif
