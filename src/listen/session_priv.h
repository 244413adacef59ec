/* listen/session_priv.h - session records: one kind for all who listen. */
#ifndef MAST_LISTEN_SESSION_PRIV_H
#define MAST_LISTEN_SESSION_PRIV_H

#include "listen/listen.h"

#define SESSION_US (60 * US_PER_S) /* from record to record */

/* What a record says. name: "<station>/<rendition>". */
struct session {
    struct listener_facts facts;
    const char *name;
    int64_t heard_us; /* how long he listened */
};

/* Writes one JSON line: what = "start", "on", "switch" (to another rendition) or "end", the last
 * with a reason, else NULL. Without memory there is no line.   Thread: any, outside all locks. */
void session_record(const struct session *session, const char *what, const char *reason);

#endif
