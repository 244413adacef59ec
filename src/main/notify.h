/* main/notify.h - tells systemd (Type=notify) how the service is. Does nothing elsewhere.
 * Source: sd_notify(3): one datagram to the socket that NOTIFY_SOCKET names.   Thread: control. */
#ifndef MAST_MAIN_NOTIFY_H
#define MAST_MAIN_NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
