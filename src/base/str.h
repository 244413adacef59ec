/* base/str.h - borrowed bytes with a length. A struct str never owns and need not end in NUL.
 * All functions are pure.   Thread: any. Air-safe. */
#ifndef MAST_BASE_STR_H
#define MAST_BASE_STR_H

#include "base/err.h"

struct str {
    const char *ptr;
    size_t len;
};

/* For a literal: STR("live"). For printf: printf("%.*s", STR_ARG(s)). */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_ARG(s)   (int)(s).len, (s).ptr

struct str str_of(const char *text); /* borrowed from a NUL-terminated text; NULL is empty */
struct str str_slice(struct str s, size_t from, size_t to); /* clamped to the ends */
struct str str_trim(struct str s);                          /* SP and HTAB off both ends */

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str head);
bool str_ends(struct str s, struct str tail);
bool str_has(struct str s, char c);

/* Cuts s at the first `c`: what stands before it goes to *head, what stands behind it stays in *s.
 * Returns false, with *head = all and *s empty, if there is none. */
bool str_cut(struct str *s, char c, struct str *head);

/* Reads the whole of s as a decimal number without sign, blanks or leading '+'.
 * Errors: E_SYNTAX; E_RANGE over `max`; *out = 0 then. */
MUST_USE enum err str_parse_u64(struct str s, uint64_t max, uint64_t *out);

/* Tells whether s is well-formed UTF-8: no overlong form, surrogate or code point over U+10FFFF.
 * Source: RFC 3629 section 4. */
bool str_is_utf8(struct str s);

/* Tells how many bytes the well-formed sequence at the start of s has: 1 to 4, or 0 if there is
 * none.   Source: RFC 3629 section 4. */
size_t str_utf8_first(struct str s);

/* Tells how many bytes at the start of s fit in `max` without cutting a UTF-8 sequence. */
size_t str_utf8_fit(struct str s, size_t max);

/* A slug: 1 to 63 of a-z 0-9 and '-', not at the ends. */
bool str_is_slug(struct str s);

/* Copies s to a field of `size` bytes and ends it with NUL, cut at a UTF-8 boundary if need be.
 * Returns false if it was cut. */
bool str_copy(char *field, size_t size, struct str s);

#endif
