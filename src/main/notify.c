/* main/notify.c - contract in notify.h */
#include "main/notify.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATE_BYTES 600

static void notify(struct str state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof to.sun_path)
        return;
    memcpy(to.sun_path, path, len);
    if (to.sun_path[0] == '@')
        to.sun_path[0] = '\0'; /* an abstract name */
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    socklen_t to_bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    if (sendto(fd, state.ptr, state.len, MSG_NOSIGNAL | MSG_DONTWAIT, (struct sockaddr *)&to,
               to_bytes) < 0)
        log_warn(EV_START, "text=\"the service manager could not be told\"");
    close(fd);
}

bool notify_is_wanted(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void notify_ready(void)
{
    notify(STR("READY=1"));
}

void notify_stopping(void)
{
    notify(STR("STOPPING=1"));
}

void notify_watchdog(void)
{
    notify(STR("WATCHDOG=1"));
}

void notify_status(struct str text)
{
    char state[STATE_BYTES];
    size_t fit = str_utf8_fit(text, STATE_BYTES - 8);
    snprintf(state, sizeof state, "STATUS=%.*s", (int)fit, text.ptr);
    notify(str_of(state));
}

uint64_t notify_watchdog_us(void)
{
    const char *period = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
    uint64_t us, wanted_pid;
    if (!period || str_parse_u64(str_of(period), UINT64_MAX / 2, &us) != OK)
        return 0;
    if (pid && (str_parse_u64(str_of(pid), INT32_MAX, &wanted_pid) != OK ||
                wanted_pid != (uint64_t)getpid()))
        return 0; /* it is for another process, whose environment we have */
    return us;
}
