/* main/alarm_route.h - `mast alarm test` on the running server: POST /alarm/test on the control
 * socket.
 *
 * The loop hands the wish to the control thread, which has the messages sent; the fetch thread
 * tells how each went, and the last one sends the answer. Its status: 200 all arrived, 502 not all,
 * 409 there is no way to send any. Its body: a line for each way. */
#ifndef MAST_MAIN_ALARM_ROUTE_H
#define MAST_MAIN_ALARM_ROUTE_H

#include "alarm/alarm.h"
#include "main/work.h"
#include "net/http.h"

struct alarm_route; /* private: alarm_route.c */

MUST_USE enum err alarm_route_new(struct work *work, struct alarm_route **out);
void alarm_route_free(struct alarm_route **route);
void alarm_route_start(struct alarm_route *route, struct alarms *alarms); /* before loops_start() */
struct http_route alarm_route_get(struct alarm_route *route);

#endif
