/* net/access.h - the access log line: Icecast's form, so that goaccess and awstats read it.
 *
 *   <ip> - <user> [22/Nov/2026:09:42:10 +0000] "GET /x HTTP/1.1" 200 1234 "<referer>" "<agent>" 17
 *
 * The last number is whole seconds that the connection lasted. */
#ifndef MAST_NET_ACCESS_H
#define MAST_NET_ACCESS_H

#include "net/http.h"

struct access_line {
    struct addr peer;
    struct str user, method, target, referer, agent; /* empty = "-" */
    int version;                                     /* 10, 11 */
    int status;
    uint64_t bytes;
    struct utc began;
    uint64_t seconds;
};

/* Hands one line to the log thread; quotes, backslashes and control bytes of strangers are escaped
 * (\" and \xHH), long fields cut.   Thread: any. Never waits. */
void access_log(const struct access_line *line);

const char *http_method_name(enum http_method method);

#endif
