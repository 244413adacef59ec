/* demo/icecast.h - the source's side of the Icecast protocol, over one blocking socket.
 *
 *     PUT /mount + Expect: 100-continue  -->
 *                                       <--  100 (or 200)
 *     sound, as long as it lasts        -->
 *     GET /admin/metadata (a connection of its own, for each title)
 *
 * Every call gives up after ICECAST_WAIT_S. Source: the field's custom (Icecast 2.4, ffmpeg). */
#ifndef MAST_DEMO_ICECAST_H
#define MAST_DEMO_ICECAST_H

#include "base/str.h"

#define ICECAST_WAIT_S 3

/* Where and as whom; all NUL-terminated. */
struct icecast_place {
    char host[128]; /* a name or an address, without brackets */
    char port[8];
    char mount[128]; /* with its slash */
    char login[256]; /* "user:key", for Basic authorisation */
    const char *name;
    const char *content_type;
    unsigned bitrate_kbps;
};

/* Reads "http://host[:port]/mount" (and "http://[::1]:8000/mount").
 * Errors: E_SYNTAX; E_TOO_LONG. Only host, port and mount are set. */
MUST_USE enum err icecast_place_parse(const char *url, struct icecast_place *place);

/* Logs in and returns the socket that takes the sound.
 * Errors: E_AUTH wrong user or key; E_BUSY the mount is in use or not allowed; E_CLOSED, E_TIMEOUT
 *         nobody answered; E_UNSUPPORTED another answer. *out = -1 then. */
MUST_USE enum err icecast_open(const struct icecast_place *place, int *out);
void icecast_close(int *fd); /* sets *fd to -1 */

/* Sends all bytes.   Errors: E_CLOSED, E_TIMEOUT. */
MUST_USE enum err icecast_send(int fd, struct str bytes);

/* Waits up to `ms` for the server to break off: E_CLOSED if it did, OK if all is well. */
MUST_USE enum err icecast_wait(int fd, int ms);

/* Tells the server the title.   Shape: UTF-8.   Errors: as icecast_open(). */
MUST_USE enum err icecast_title(const struct icecast_place *place, const char *title);

#endif
