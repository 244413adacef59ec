/* base/err.c - contract in err.h */
#include "base/err.h"

#include <errno.h>

static const struct {
    const char *text;
    int http;
} table[ERR_COUNT] = {
    [OK] = {"fine", 200},
#define X(name, text, http) [name] = {text, http},
#include "base/tbl/errors.h"
#undef X
};

const char *err_text(enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    return table[err].text;
}

int err_http_status(enum err err)
{
    assert((unsigned)err < ERR_COUNT);
    return table[err].http;
}

enum err err_from_errno(int number)
{
    switch (number) {
    case 0:
        return OK;
    case ENOMEM:
        return E_NOMEM;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return E_DISK_FULL;
    case EAGAIN:
    case EINTR:
        return E_AGAIN;
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
        return E_CLOSED;
    case ENOENT:
    case ENOTDIR:
        return E_NOT_FOUND;
    case EEXIST:
        return E_EXISTS;
    case EACCES:
    case EPERM:
        return E_AUTH;
    case EADDRINUSE:
    case EBUSY:
        return E_BUSY;
    case EMFILE:
    case ENFILE:
        return E_LIMIT;
    case ETIMEDOUT:
        return E_TIMEOUT;
    default:
        return E_IO;
    }
}
