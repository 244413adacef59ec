/* net/wire_priv.h - llhttp's verdict on a head; the only door to llhttp but chunked.h. */
#ifndef MAST_NET_WIRE_PRIV_H
#define MAST_NET_WIRE_PRIV_H

#include "base/str.h"

struct wire_head {
    bool is_chunked;
    bool has_length;
    uint64_t content_length;
};

/* Lets llhttp read a whole head, its empty line with it. *fault is its reason, static.
 * Errors: E_SYNTAX.   Thread: any. */
MUST_USE enum err wire_check_head(struct str head, struct wire_head *out, const char **fault);

#endif
