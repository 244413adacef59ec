/* net/sock.h - one connected socket; the place where TLS will sit. Never blocks.
 * Thread: the loop that owns it. */
#ifndef MAST_NET_SOCK_H
#define MAST_NET_SOCK_H

#include "base/err.h"

#include <sys/uio.h>

struct sock {
    int fd; /* -1 = closed */
};

/* Reads what is there.
 * Errors: E_AGAIN nothing there now; E_CLOSED the other side ended or broke off; *got = 0 then. */
MUST_USE enum err sock_read(struct sock *sock, void *to, size_t bytes, size_t *got);

/* Sends as much as the kernel takes; *sent may be less than asked for.
 * Errors: E_AGAIN nothing was taken; E_CLOSED. A peer that is gone raises no signal. */
MUST_USE enum err sock_writev(struct sock *sock, const struct iovec *iov, int count, size_t *sent);

void sock_close(struct sock *sock);

/* Closes with a reset, so that the kernel keeps nothing for the peer. */
void sock_abort(struct sock *sock);

/* How much the kernel may hold for the peer; a listener's lag is seen only past this. */
void sock_set_send_buffer(struct sock *sock, size_t bytes);
void sock_set_keepalive(struct sock *sock, unsigned idle_s);

#endif
