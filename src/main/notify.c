/* main/notify.c - contract in notify.h */
#include "main/notify.h"

#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

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
    if (sendto(fd, state.ptr, state.len, MSG_NOSIGNAL, (struct sockaddr *)&to, to_bytes) < 0)
        log_warn(EV_START, "text=\"the service manager could not be told\"");
    close(fd);
}

void notify_ready(void)
{
    notify(STR("READY=1"));
}

void notify_stopping(void)
{
    notify(STR("STOPPING=1"));
}
