#include "icecast.h"

#include "base/buf.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define ANSWER_BYTES 2048

enum err icecast_place_parse(const char *url, struct icecast_place *place)
{
    struct str rest = str_of(url), host, port = STR("80"), none;
    if (!str_starts(rest, STR("http://")))
        return E_SYNTAX;
    rest = str_slice(rest, 7, rest.len);
    size_t slash = 0;
    while (slash < rest.len && rest.ptr[slash] != '/')
        slash++;
    struct str mount = str_slice(rest, slash, rest.len);
    rest = str_slice(rest, 0, slash);
    if (str_starts(rest, STR("["))) {
        rest = str_slice(rest, 1, rest.len);
        if (!str_cut(&rest, ']', &host))
            return E_SYNTAX;
        if (rest.len > 0 && (!str_cut(&rest, ':', &none) || none.len > 0))
            return E_SYNTAX;
        if (rest.len > 0)
            port = rest;
    } else if (str_cut(&rest, ':', &host)) {
        port = rest;
    }
    uint64_t number;
    if (host.len == 0 || mount.len < 2 || str_has(mount, ' ') ||
        str_parse_u64(port, 65535, &number) != OK || number == 0)
        return E_SYNTAX;
    bool fits = str_copy(place->host, sizeof(place->host), host) &&
                str_copy(place->port, sizeof(place->port), port) &&
                str_copy(place->mount, sizeof(place->mount), mount);
    return fits ? OK : E_TOO_LONG;
}

static void base64_add(struct buf *out, struct str bytes)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < bytes.len; i += 3) {
        uint32_t three = 0;
        for (size_t k = 0; k < 3; k++)
            three = three << 8 | (i + k < bytes.len ? (unsigned char)bytes.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            buf_add_char(out, i + k <= bytes.len ? digits[three >> (18 - 6 * k) & 63] : '=');
    }
}

static void escaped_add(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain)
            buf_add_char(out, *p);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static enum err reach(const struct icecast_place *place, int *out)
{
    *out = -1;
    struct addrinfo want = {.ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(place->host, place->port, &want, &found) != 0)
        return E_NOT_FOUND;
    enum err err = E_CLOSED;
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err = err_from_errno(errno);
        goto out;
    }
    /* SO_SNDTIMEO bounds connect() too. */
    struct timeval wait = {.tv_sec = ICECAST_WAIT_S};
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        connect(fd, found->ai_addr, found->ai_addrlen) != 0)
        goto out;
    *out = fd;
    fd = -1;
    err = OK;
out:
    if (fd >= 0)
        (void)close(fd);
    freeaddrinfo(found);
    return err;
}

/* Reads until the end of the first head and returns its status. */
static enum err status_read(int fd, int *status)
{
    char answer[ANSWER_BYTES + 1];
    size_t len = 0;
    *status = 0;
    while (len < ANSWER_BYTES) {
        ssize_t got = recv(fd, answer + len, ANSWER_BYTES - len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return E_TIMEOUT;
        if (got <= 0)
            break;
        len += (size_t)got;
        answer[len] = '\0';
        if (strstr(answer, "\r\n\r\n") || strstr(answer, "\n\n"))
            break;
    }
    answer[len] = '\0';
    if (len == 0)
        return E_CLOSED;
    return sscanf(answer, "HTTP/1.%*1[01] %3d", status) == 1 ? OK : E_UNSUPPORTED;
}

static enum err status_meaning(int status)
{
    if (status == 100 || status == 200)
        return OK;
    if (status == 401)
        return E_AUTH;
    return status == 403 || status == 409 || status == 503 ? E_BUSY : E_UNSUPPORTED;
}

/* Sends one head and looks at what comes back. Leaves the socket open. */
static enum err ask(const struct icecast_place *place, struct buf *head, int *fd)
{
    *fd = -1;
    enum err err = buf_err(head);
    int status = 0;
    if (err == OK)
        err = reach(place, fd);
    if (err == OK)
        err = icecast_send(*fd, buf_str(head));
    if (err == OK)
        err = status_read(*fd, &status);
    if (err == OK)
        err = status_meaning(status);
    if (err != OK)
        icecast_close(fd);
    return err;
}

static void head_common(struct buf *head, const struct icecast_place *place)
{
    bool v6 = strchr(place->host, ':') != NULL;
    buf_printf(head, "Host: %s%s%s:%s\r\nAuthorization: Basic ", v6 ? "[" : "", place->host,
               v6 ? "]" : "", place->port);
    base64_add(head, str_of(place->login));
    buf_printf(head, "\r\nUser-Agent: mast-demo/" MAST_VERSION "\r\n");
}

enum err icecast_open(const struct icecast_place *place, int *out)
{
    struct buf head;
    buf_init(&head, 4096);
    buf_printf(&head, "PUT %s HTTP/1.1\r\n", place->mount);
    head_common(&head, place);
    buf_printf(&head,
               "Content-Type: %s\r\nIce-Name: %s\r\nIce-Public: 0\r\n"
               "Ice-Audio-Info: bitrate=%u\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
               place->content_type, place->name, place->bitrate_kbps);
    enum err err = ask(place, &head, out);
    buf_release(&head);
    return err;
}

void icecast_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

enum err icecast_send(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? E_TIMEOUT : E_CLOSED;
        bytes = str_slice(bytes, (size_t)sent, bytes.len);
    }
    return OK;
}

enum err icecast_wait(int fd, int ms)
{
    struct pollfd watch = {.fd = fd, .events = POLLIN};
    int ready = poll(&watch, 1, ms);
    if (ready <= 0)
        return OK; /* a signal counts as time gone by: the caller looks at its clock anyway */
    char scrap[256];
    ssize_t got = recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT);
    if (got > 0)
        return OK; /* a late 200 after the 100 */
    return got < 0 && (errno == EAGAIN || errno == EINTR) ? OK : E_CLOSED;
}

enum err icecast_title(const struct icecast_place *place, const char *title)
{
    struct buf head;
    int fd;
    buf_init(&head, 4096);
    buf_printf(&head, "GET /admin/metadata?mode=updinfo&charset=UTF-8&mount=");
    escaped_add(&head, place->mount);
    buf_printf(&head, "&song=");
    escaped_add(&head, title);
    buf_printf(&head, " HTTP/1.1\r\n");
    head_common(&head, place);
    buf_printf(&head, "Connection: close\r\n\r\n");
    enum err err = ask(place, &head, &fd);
    icecast_close(&fd);
    buf_release(&head);
    return err;
}
