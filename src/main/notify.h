/* main/notify.h - tells systemd (Type=notify) how the service is. Does nothing elsewhere.
 * Source: sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names; sd_watchdog_enabled(3).
 * Thread: any; never waits. */
#ifndef MAST_MAIN_NOTIFY_H
#define MAST_MAIN_NOTIFY_H

#include "base/str.h"

/* Is there somebody to tell? */
bool notify_is_wanted(void);

void notify_ready(void);
void notify_stopping(void);
void notify_watchdog(void);
void notify_status(struct str text); /* one line, for `systemctl status` */

/* How long the service manager waits for the next notify_watchdog() before it ends the program;
 * 0 = it does not wait for any. */
uint64_t notify_watchdog_us(void);

#endif
