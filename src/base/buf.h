/* base/buf.h - bytes that grow, with a cap from birth.
 *
 * Appending past the cap or out of memory marks the buffer as failed and drops the bytes; later
 * appends do nothing. So a long chain of appends is checked once, at its end, by buf_err(). */
#ifndef MAST_BASE_BUF_H
#define MAST_BASE_BUF_H

#include "base/str.h"

struct buf {
    char *ptr; /* len bytes; a NUL stands behind them, if ptr is not NULL */
    size_t len;
    size_t size;
    size_t cap;
    enum err err;
};

/* Makes an empty buffer in the caller's memory; allocates nothing yet.
 * Shape: at most cap bytes.   Thread: one at a time. */
void buf_init(struct buf *buf, size_t cap);
void buf_release(struct buf *buf); /* frees the bytes; usable again */
void buf_clear(struct buf *buf);   /* empty, keeps its memory, forgets a failure */

void buf_add(struct buf *buf, struct str s);
void buf_add_char(struct buf *buf, char c);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Appends text for HTML or XML, in elements and in quoted attributes: & < > " ' are escaped. */
void buf_add_xml(struct buf *buf, struct str text);

/* Makes room for `bytes` more and returns where they go, or NULL; buf_grew() takes them in. */
MUST_USE char *buf_reserve(struct buf *buf, size_t bytes);
void buf_grew(struct buf *buf, size_t bytes);

/* Drops the first `bytes` bytes. */
void buf_consume(struct buf *buf, size_t bytes);

/* Tells how all appends so far went: OK, E_NOMEM or E_TOO_LONG. */
MUST_USE enum err buf_err(const struct buf *buf);

struct str buf_str(const struct buf *buf); /* borrowed until the next call that changes buf */

#endif
