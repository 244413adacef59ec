/* tape/piece_priv.h - from the files of a set to pieces; what reader.c does on its threads.
 *
 *     shelf_find (which run?) --> run of a loaded index --piece_load--> piece
 *
 * A shelf keeps the indexes and titles of the sets that were read last, counted, so that a piece
 * costs one read of the frames. It is used by several threads at once. Everything here may wait for
 * a disk. */
#ifndef MAST_TAPE_PIECE_PRIV_H
#define MAST_TAPE_PIECE_PRIV_H

#include "tape/reader.h"
#include "tape/tape_priv.h"

struct piece {
    struct tape_piece open; /* what everybody sees; must come first */
    _Atomic uint32_t refs;
    uint64_t tape_id;
    size_t cost_bytes;                   /* of memory */
    struct piece *chain, *newer, *older; /* the cache's */
};

/* The closed runs and the titles of one set: immutable once loaded. */
struct set_title {
    int64_t us;
    struct str text;
};
struct set_index {
    uint64_t tape_id;
    uint64_t first_n;
    uint32_t version; /* of the set, when it was loaded */
    uint32_t refs;    /* guarded by the shelf's lock, as `used` */
    uint64_t used;
    struct record *runs;
    size_t runs_count;
    struct set_title *titles;
    size_t titles_count;
    struct buf texts;
};

/* Loads the index of a set, or a part of it, past any shelf.
 * Owner:  the caller, index_free().
 * Errors: E_NOT_FOUND the set is gone; E_IO, E_NOMEM. Damage counts as empty. */
enum index_parts { INDEX_RUNS = 1, INDEX_TITLES = 2 };
MUST_USE enum err index_load(const struct tape *tape, const struct tape_set *set, unsigned parts,
                             struct set_index **out);
void index_free(struct set_index *index); /* NULL does nothing */

struct shelf; /* private: shelf.c */
MUST_USE enum err shelf_new(struct shelf **out);
void shelf_free(struct shelf **shelf);

/* Finds the run that holds `at_us`, else the next one that is on disk and closed.
 * Owner: *index is given back with shelf_put(); NULL on error.
 * Errors: E_NOT_FOUND; E_IO, E_NOMEM for the first set there that cannot be read. One that is
 *         gone or whose index is damaged counts as empty. */
MUST_USE enum err shelf_find(struct shelf *shelf, struct tape *tape, int64_t at_us,
                             struct set_index **index, size_t *run);
/* Finds run number `nth` of window n, otherwise as shelf_find(). */
MUST_USE enum err shelf_find_window(struct shelf *shelf, struct tape *tape, uint64_t n, size_t nth,
                                    struct set_index **index, size_t *run);
void shelf_put(struct shelf *shelf, struct set_index *index);

/* Reads one run.
 * Owner:  *out is a reference of the caller's.
 * Errors: E_NOT_FOUND the frames are gone; E_CORRUPT no whole frame stands where the run begins (a
 *         run that is damaged further on is cut there); E_IO, E_NOMEM. */
MUST_USE enum err piece_load(const struct tape *tape, const struct set_index *index, size_t run,
                             struct piece **out);
void piece_ref(struct piece *piece);
void piece_unref(struct piece *piece);

#endif
