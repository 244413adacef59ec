/* listen/poll.h - listeners who come again and again instead of staying connected (HLS).
 *
 *     playlist asked for --listen_poll()--> he is here: counted, listed, can be sent away
 *     segment sent       --listen_poll_bytes()--> credited to him
 *     each second        --listen_poll_sweep()--> gone after 18 s, forgotten after 60 s
 *
 * His row, his counts and his records are those of any listener. Who comes back within 60 s goes on
 * with the same id and start; the time in between does not count as heard. What counts is the time
 * from poll to poll: a session ends, for its seconds, with its last poll. */
#ifndef MAST_LISTEN_POLL_H
#define MAST_LISTEN_POLL_H

#include "listen/listen.h"

/* name: "<station>/<rendition>"; lives as long as the audience. id: what the player calls its
 * session, up to 64 printable bytes, checked by the caller; empty = address and agent are his
 * identity, so that people behind one address with the same player are one listener. An identity
 * holds within its station. agent: as it came. */
struct listen_poll {
    struct audience *audience;
    const char *name;
    struct str id;
    struct addr peer;
    struct str agent;
};

/* Somebody asked for a media playlist: he is listening. From another rendition of the station, his
 * session goes over to the new one: row, counts, and one record with what = "switch".
 * Errors: E_LIMIT the station has as many listeners as it can serve (503); E_AGAIN mast is stopping
 * (503); E_CLOSED sent away by the administrator less than 10 minutes ago (403).
 * Thread: any; a lock is held for a few instructions. */
MUST_USE enum err listen_poll(struct listen *listen, const struct listen_poll *who);

struct listen_bytes {
    struct audience *audience; /* whose sound it was */
    const char *name;
    struct addr peer;
    struct str agent;
    uint64_t bytes;
    int64_t behind_us; /* how old the sound is */
};

/* Bytes of a segment went to this address and agent. They are the audience's in any case, and are
 * credited to whoever of this address, agent and station asked for a playlist last, since segments
 * carry no id. Never begins or prolongs a session.   Thread: any; as listen_poll(). */
void listen_poll_bytes(struct listen *listen, const struct listen_bytes *what);

/* Ends who has not come for too long, and writes the records that are due. About once a second.
 * Thread: any one, not a loop. */
void listen_poll_sweep(struct listen *listen);

#endif
