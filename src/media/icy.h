/* media/icy.h - titles, and the metadata blocks that carry them between sound bytes. Pure.
 *
 *     ... metaint sound bytes | L | L x 16 bytes, NUL-padded | metaint sound bytes | ...
 *
 * A block is "StreamTitle='...';StreamUrl='...';". It has no escaping: parsers end at "';", so a
 * title that goes out never holds an apostrophe (it becomes U+2019).
 * Source: the field's custom (SHOUTcast 1, Icecast format_mp3.c). */
#ifndef MAST_MEDIA_ICY_H
#define MAST_MEDIA_ICY_H

#include "base/str.h"

#define TITLE_BYTES         512        /* a title with its NUL */
#define ICY_BLOCK_MAX_BYTES (1 + 4080) /* the length byte and 255 * 16 */

/* Makes a title from bytes that a stranger sent: UTF-8 if it is that, else taken as ISO-8859-1
 * (always, where `latin1` says so); C0, C1, DEL, bidirectional and zero-width controls, line and
 * paragraph separators dropped, each run of blanks (HTAB and the wide ones too) one space, ends
 * trimmed; cut at a UTF-8 boundary. What is clean already stays as it is.
 * Shape: title has `size` bytes, NUL-terminated; returns its length.   Air-safe. */
size_t title_clean(struct str raw, bool latin1, char *title, size_t size);

/* Writes one block with its length byte. A title that is too long is cut at a UTF-8 boundary; its
 * control bytes are dropped. StreamUrl is left out if url is empty, over 2048 bytes, not http(s),
 * or holds a blank, a control or an apostrophe.
 * Returns the bytes written: 1 + 16 * L. Pure. */
size_t icy_block(struct str title, struct str url, unsigned char out[ICY_BLOCK_MAX_BYTES]);

/* Takes the metadata out of a source's bytes when it announced `icy-metaint`. */
struct icy_strip {
    uint32_t metaint_bytes; /* 0 = there are no blocks, all is sound */
    uint32_t sound_left_bytes;
    uint32_t block_left_bytes;
    uint32_t block_bytes;
    bool in_block;
    bool has_title;
    unsigned char block[4080];
};
void icy_strip_init(struct icy_strip *strip, uint32_t metaint_bytes);

/* Looks at the next bytes: *sound is the piece at their start that is sound (may be empty), and the
 * return value is how many bytes were used up. Call until all are used. */
size_t icy_strip_next(struct icy_strip *strip, struct str bytes, struct str *sound);

/* Hands over the title of the last whole block (raw bytes, for title_clean), once; it may be empty,
 * or the same as before. Take it before the next block begins, or it is lost.
 * Errors: E_AGAIN there is no new one. *title is borrowed until the next call on strip. */
MUST_USE enum err icy_strip_take_title(struct icy_strip *strip, struct str *title);

#endif
