/* base/io.h - the one door for files. Every call here may wait for a disk: never on a loop or the
 * air thread. All descriptors are close-on-exec; new files 0600, new folders 0700.
 * Errors: as err_from_errno() says; EINTR is retried inside.   Thread: any but loop and air. */
#ifndef MAST_BASE_IO_H
#define MAST_BASE_IO_H

#include "base/buf.h"
#include "base/clock.h"

enum io_mode {
    IO_READ,   /* must exist */
    IO_WRITE,  /* read and write; made if it is not there, kept as it is if it is */
    IO_APPEND, /* write at the end; made if it is not there */
};

MUST_USE enum err io_open(const char *path, enum io_mode mode, int *out); /* *out = -1 on error */
void io_close(int *fd);                                                   /* sets *fd to -1 */

/* Reads up to `bytes` bytes at an offset; *got is less only at the end of the file. */
MUST_USE enum err io_read_at(int fd, void *to, size_t bytes, uint64_t offset, size_t *got);

/* Writes all of `bytes` at an offset, or fails; what was written before a failure stays. */
MUST_USE enum err io_write_at(int fd, struct str bytes, uint64_t offset);
MUST_USE enum err io_append(int fd, struct str bytes); /* IO_APPEND only */

MUST_USE enum err io_sync(int fd); /* fdatasync */
MUST_USE enum err io_truncate(int fd, uint64_t bytes);
MUST_USE enum err io_size(int fd, uint64_t *out);

MUST_USE enum err io_rename(const char *from, const char *to); /* and syncs the target's folder */
MUST_USE enum err io_unlink(const char *path);                 /* OK if it is not there */
MUST_USE enum err io_make_folder(const char *path);            /* with parents; OK if it is there */

/* Calls fn for each name in a folder except . and .., in no order.
 * Errors: E_NOT_FOUND and the like; what fn returns other than OK ends the walk. */
MUST_USE enum err io_list(const char *path, enum err (*fn)(void *ctx, const char *name), void *ctx);

/* How much room the file system of `path` has for an unprivileged writer, and in all. */
MUST_USE enum err io_free_bytes(const char *path, uint64_t *free_bytes, uint64_t *total_bytes);

/* Appends a whole file to *out, which may grow to its own cap.   Errors: E_TOO_LONG. */
MUST_USE enum err io_load(const char *path, struct buf *out);

/* Replaces a file as a whole: written aside (<path>.new), synced, renamed, folder synced. After an
 * error the old file stands; only where the folder could not be synced at the very end, the new one
 * stands, and a power cut may bring back the old one.   Thread: one at a time for one path. */
MUST_USE enum err io_save(const char *path, struct str bytes);

/* Takes the lock of a folder (flock on <path>), for as long as *out is open.
 * Errors: E_BUSY another process has it. */
MUST_USE enum err io_lock(const char *path, int *out);

#endif
