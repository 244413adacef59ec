/* tape/writer.h - the thread that carries tapes to disk behind the air, and keeps to retention.
 *
 * Every 250 ms it writes what each tape has new (so that kill -9 costs at most 1 s), syncs at each
 * closed run, begins a new set of files each hour, and once a minute drops whole hours that are too
 * old or too many. A full or slow disk costs recording, never sound: what was overwritten in RAM
 * before it could be written is a hole in the files, and one log line. */
#ifndef MAST_TAPE_WRITER_H
#define MAST_TAPE_WRITER_H

#include "tape/tape.h"

struct tape_writer; /* private: writer.c */

struct tape_keep {
    uint64_t retention_s; /* older hours go; the newest one of a tape never does */
    uint32_t
        disk_share_percent;    /* of the file system; over it the largest tape's oldest hours go */
    uint32_t free_percent_min; /* 5: below it the oldest hours go, then writing waits for room */
};

/* Starts the thread. Owner: the caller; tape_writer_stop() writes out what is there, joins the
 * thread and sets *writer to NULL.   Thread: main.   Errors: E_NOMEM, E_LIMIT. */
MUST_USE enum err tape_writer_start(const struct tape_keep *keep, const struct clock *clock,
                                    struct tape_writer **out);
void tape_writer_stop(struct tape_writer **writer);

/* Adds or removes a tape; remove waits until the thread is done with it and has written it out.
 * Thread: any but loop and air.   Errors: E_NOMEM. */
MUST_USE enum err tape_writer_add(struct tape_writer *writer, struct tape *tape);
void tape_writer_remove(struct tape_writer *writer, struct tape *tape);

void tape_writer_set_keep(struct tape_writer *writer, const struct tape_keep *keep);

/* One round for one tape, as the thread does it; for tests and the simulator.
 * Errors: E_DISK_FULL, E_IO: recording of this tape stands still; tried again at the next round. */
MUST_USE enum err tape_flush(struct tape *tape);

/* For the metrics.   Thread: any. */
struct tape_disk_stats {
    uint64_t bytes_written;
    uint64_t frames_bytes_on_disk;
    uint64_t lost_bytes; /* overwritten in RAM before they were written */
    bool stopped;        /* the disk is full or fails */
};
struct tape_disk_stats tape_disk_stats(const struct tape *tape);

#endif
