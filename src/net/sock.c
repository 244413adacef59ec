/* net/sock.c - contract in sock.h */
#include "net/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket's own errors all mean the same to its owner: the other side is not there any more. */
static enum err err_of_socket(int number)
{
    if (number == EAGAIN || number == EWOULDBLOCK || number == ENOBUFS || number == ENOMEM)
        return E_AGAIN;
    return E_CLOSED;
}

enum err sock_read(struct sock *sock, void *to, size_t bytes, size_t *got)
{
    assert(bytes > 0);
    *got = 0;
    ssize_t n;
    do
        n = recv(sock->fd, to, bytes, MSG_DONTWAIT);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_of_socket(errno);
    if (n == 0)
        return E_CLOSED;
    *got = (size_t)n;
    return OK;
}

enum err sock_writev(struct sock *sock, const struct iovec *iov, int count, size_t *sent)
{
    *sent = 0;
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)count};
    const int flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    ssize_t n;
    do /* most listeners get one piece, and send() is the cheaper call for one */
        n = count == 1 ? send(sock->fd, iov->iov_base, iov->iov_len, flags)
                       : sendmsg(sock->fd, &message, flags);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_of_socket(errno);
    *sent = (size_t)n;
    return OK;
}

void sock_close(struct sock *sock)
{
    if (sock->fd >= 0)
        close(sock->fd);
    sock->fd = -1;
}

void sock_abort(struct sock *sock)
{
    if (sock->fd < 0)
        return;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    setsockopt(sock->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    sock_close(sock);
}

void sock_set_send_buffer(struct sock *sock, size_t bytes)
{
    int value = bytes > (size_t)INT32_MAX / 2 ? INT32_MAX / 2 : (int)bytes;
    setsockopt(sock->fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value);
}

void sock_set_keepalive(struct sock *sock, unsigned idle_s)
{
    int on = 1, idle = (int)(idle_s > 0 ? idle_s : 1), interval = idle > 3 ? idle / 3 : 1,
        count = 3;
    setsockopt(sock->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(sock->fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(sock->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof interval);
    setsockopt(sock->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}
