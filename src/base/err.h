/* base/err.h - the one kind of result that crosses a room's door, and the assertions that stay on.
 *
 * A function that can fail returns enum err, OK (0) when it did not, and puts its result in its
 * last argument. Input, network, disk and memory limits are errors; a broken invariant is an
 * assertion, in release builds too. Foreign codes (errno, libuv, llhttp) stop at the file that
 * wraps the library. */
#ifndef MAST_BASE_ERR_H
#define MAST_BASE_ERR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef NDEBUG
#error "assertions stay on in every build of mast"
#endif

#define MUST_USE __attribute__((warn_unused_result))

enum err {
    OK = 0,
#define X(name, text, http) name,
#include "base/tbl/errors.h"
#undef X
    ERR_COUNT
};

/* Tells what an error means, as a clause without a capital: "no space left on the disk".
 * Owner: static.   Thread: any. Air-safe. */
const char *err_text(enum err err);

/* Tells which HTTP status a caller from outside gets for an error.   Thread: any. */
int err_http_status(enum err err);

/* Turns an errno value into the nearest error; what has no name of its own is E_IO.
 * Shape: ENOSPC, EDQUOT -> E_DISK_FULL; EAGAIN -> E_AGAIN; EPIPE, ECONNRESET -> E_CLOSED.
 * Thread: any. Air-safe. */
enum err err_from_errno(int number);

#endif
