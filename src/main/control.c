/* main/control.c - contract in control.h */
#include "main/control.h"

#include "main/serve.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define HEAD_MAX_BYTES 8192

static enum err dial(const struct config *config, int *out)
{
    char path[PATH_BYTES];
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    *out = -1;
    data_path(config, "control.sock", path);
    if (!str_copy(to.sun_path, sizeof to.sun_path, str_of(path)))
        return E_TOO_LONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_from_errno(errno);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        enum err err = errno == ECONNREFUSED ? E_NOT_FOUND : err_from_errno(errno);
        close(fd);
        return err;
    }
    *out = fd;
    return OK;
}

static enum err send_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        bytes = str_slice(bytes, (size_t)n, bytes.len);
    }
    return OK;
}

static enum err read_all(int fd, struct buf *out)
{
    for (;;) {
        char *to = buf_reserve(out, 65536);
        if (!to)
            return buf_err(out);
        ssize_t n = read(fd, to, 65536);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_from_errno(errno);
        buf_grew(out, (size_t)n);
        if (n == 0)
            return OK;
    }
}

/* Takes "HTTP/1.x NNN ..." and everything up to the empty line off. */
static enum err split(struct buf *answer, int *status)
{
    struct str all = buf_str(answer);
    uint64_t number;
    char *end = all.len > 0 ? memmem(all.ptr, all.len, "\r\n\r\n", 4) : NULL;
    if (!end || all.len < 12 || str_parse_u64(str_slice(all, 9, 12), 999, &number) != OK)
        return E_CLOSED;
    *status = (int)number;
    buf_consume(answer, (size_t)(end - all.ptr) + 4);
    return OK;
}

enum err control_ask(const struct config *config, const char *method, const char *path,
                     struct str body, int *status, struct buf *answer)
{
    int fd;
    struct buf head;
    *status = 0;
    enum err err = dial(config, &fd);
    if (err)
        return err;
    buf_init(&head, HEAD_MAX_BYTES);
    buf_printf(&head, "%s %s HTTP/1.0\r\nContent-Length: %zu\r\n\r\n", method, path, body.len);
    err = buf_err(&head);
    if (!err)
        err = send_all(fd, buf_str(&head));
    if (!err)
        err = send_all(fd, body);
    if (!err)
        err = read_all(fd, answer);
    if (!err)
        err = split(answer, status);
    close(fd);
    buf_release(&head);
    return err;
}
