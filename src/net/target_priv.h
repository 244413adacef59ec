/* net/target_priv.h - a request's target to path and query; percent-escapes. Pure.  Thread: any. */
#ifndef MAST_NET_TARGET_PRIV_H
#define MAST_NET_TARGET_PRIV_H

#include "base/str.h"

struct target {
    struct str path;  /* decoded; in the caller's room, or borrowed from the text */
    struct str query; /* as sent */
};

/* Takes a target apart: "/path?query" or "http://host/path?query", whose host must be the one of
 * the Host header, if there is one (host.ptr NULL = none). The path is decoded once and refused if
 * anything in it could be read in two ways. Shape:  `room` has text.len bytes.   Errors: E_SYNTAX
 * with *fault, a static text. Source: RFC 9112 section 3.2, RFC 3986. */
MUST_USE enum err target_parse(struct str text, struct str host, char *room, struct target *out,
                               const char **fault);

/* Decodes %XX once, and '+' to a space if `plus`.
 * Shape:  `to` has s.len bytes.   Errors: E_SYNTAX bad escape; *len = 0 then. */
MUST_USE enum err percent_decode(struct str s, bool plus, char *to, size_t *len);

#endif
