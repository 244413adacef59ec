/* front/disk_priv.h - how much room the data folder's file system has, asked for by a thread of its
 * own: a dead disk may not answer for minutes, and the metrics must all the same. */
#ifndef MAST_FRONT_DISK_PRIV_H
#define MAST_FRONT_DISK_PRIV_H

#include "base/err.h"

struct disk_watch; /* private: disk.c */

/* Starts looking, every 15 s. Owner: the caller; disk_watch_stop() joins the thread and sets *watch
 * to NULL.   Errors: E_NOMEM, E_LIMIT. */
MUST_USE enum err disk_watch_start(const char *folder, struct disk_watch **out);
void disk_watch_stop(struct disk_watch **watch);

/* The last answer; false if there was none yet, or the last look failed.   Thread: any. */
bool disk_watch_get(const struct disk_watch *watch, uint64_t *free_bytes, uint64_t *total_bytes);

#endif
