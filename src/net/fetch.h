/* net/fetch.h - the one way out: HTTP(S) requests and mail, by libcurl on a thread of its own.
 *
 *     any thread --fetch_start--> thread "fetch" (libcurl multi) --on_bytes, on_done--> there
 *
 * Addresses are checked after they were resolved, for each redirect anew: private, loopback,
 * link-local, multicast and unspecified ones are refused unless allow_private. At most 5 redirects,
 * to http and https only, never from https to http with a password. */
#ifndef MAST_NET_FETCH_H
#define MAST_NET_FETCH_H

#include "base/buf.h"
#include "base/clock.h"

struct fetcher; /* private: fetch.c; the thread */
struct fetch;   /* one request */

/* Owner: the caller; fetcher_stop() ends all that is under way (on_done E_CLOSED), then the thread,
 * and sets *fetcher to NULL.   Errors: E_NOMEM, E_LIMIT.   Thread: main. */
MUST_USE enum err fetcher_start(const struct clock *clock, const char *agent, struct fetcher **out);
void fetcher_stop(struct fetcher **fetcher);

struct fetch_result {
    enum err err;       /* OK: an answer came to its end, whatever its status */
    uint16_t status;    /* of the last answer; 0 = none */
    const char *detail; /* plain words for the log; "" if there is nothing to say. Borrowed */
};

struct fetch_answer { /* once its head is there; borrowed */
    uint16_t status;
    struct str content_type;  /* without parameters */
    uint32_t icy_metaint;     /* 0 = none */
    struct str icy_name, url; /* url: after redirects */
};

struct fetch_config {            /* of a figure 0 means the one named here */
    const char *url;             /* http, https; smtp, smtps for mail. All texts are copied */
    const char *user, *password; /* NULL = none */
    const char *method;          /* NULL = GET, or POST with a body */
    struct str body;             /* of POST, or the whole mail */
    const char *content_type;
    const char *mail_from, *mail_to; /* mail: one address each */
    const char *ca_file; /* PEM: authorities that are trusted besides the system's; NULL = none */
    bool allow_private;
    bool is_stream;       /* an endless answer: "Icy-MetaData: 1" is asked for, "ICY 200 OK"
                             understood, no cap on time and size */
    uint32_t connect_ms;  /* 5000 */
    uint32_t total_ms;    /* 30000; not for a stream */
    uint32_t stall_ms;    /* 10000: fewer than stall_bytes in this time ends it (E_TIMEOUT) */
    uint32_t stall_bytes; /* 1 */
    size_t answer_max;    /* 1 MiB: more is E_TOO_LONG; not for a stream */

    /* All on the fetch thread; must not wait. */
    void *ctx;
    enum err (*on_head)(void *ctx,
                        const struct fetch_answer *answer); /* not OK ends it; may be NULL */
    /* Takes bytes; returns how many. Fewer than given: it waits, until fetch_resume(). */
    size_t (*on_bytes)(void *ctx, struct str bytes); /* may be NULL */
    void (*on_done)(void *ctx,
                    const struct fetch_result *result); /* last; then the fetch is gone */
};

/* Begins a request.   Owner: the fetcher; *out is valid until on_done returns. A caller who wants
 * to cancel keeps on_done from racing with him by its own means. Errors: E_NOMEM, E_SYNTAX no such
 * address, E_LIMIT over 256 at once.   Thread: any but air. */
MUST_USE enum err fetch_start(struct fetcher *fetcher, const struct fetch_config *config,
                              struct fetch **out);
void fetch_cancel(struct fetcher *fetcher, struct fetch *fetch); /* on_done comes, E_CLOSED */
void fetch_resume(struct fetcher *fetcher, struct fetch *fetch); /* on_bytes may be called again */

/* Is this an address that only allow_private may reach? For tests and `mast check`. */
struct addr;
bool fetch_is_private(const struct addr *addr);

#endif
