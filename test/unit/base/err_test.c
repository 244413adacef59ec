/* Tests of base/err.c. */
#include "base/err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_error_has_a_text_and_a_status(void **state)
{
    (void)state;
    for (int i = 0; i < ERR_COUNT; i++) {
        assert_true(strlen(err_text((enum err)i)) > 2);
        assert_in_range(err_http_status((enum err)i), 200, 599);
    }
    assert_int_equal(err_http_status(OK), 200);
    assert_int_equal(err_http_status(E_NOT_FOUND), 404);
}

static void errno_values_become_the_nearest_error(void **state)
{
    static const struct {
        int number;
        enum err err;
    } cases[] = {
        {0, OK},
        {ENOMEM, E_NOMEM},
        {ENOSPC, E_DISK_FULL},
        {EDQUOT, E_DISK_FULL},
        {EFBIG, E_DISK_FULL},
        {EAGAIN, E_AGAIN},
        {EINTR, E_AGAIN},
        {EPIPE, E_CLOSED},
        {ECONNRESET, E_CLOSED},
        {ECONNABORTED, E_CLOSED},
        {ENOTCONN, E_CLOSED},
        {ENOENT, E_NOT_FOUND},
        {ENOTDIR, E_NOT_FOUND},
        {EEXIST, E_EXISTS},
        {EACCES, E_AUTH},
        {EPERM, E_AUTH},
        {EADDRINUSE, E_BUSY},
        {EBUSY, E_BUSY},
        {EMFILE, E_LIMIT},
        {ENFILE, E_LIMIT},
        {ETIMEDOUT, E_TIMEOUT},
        {EIO, E_IO},
        {12345, E_IO},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(err_from_errno(cases[i].number), cases[i].err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_text_and_a_status),
        cmocka_unit_test(errno_values_become_the_nearest_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
