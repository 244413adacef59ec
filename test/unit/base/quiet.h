/* test/unit/base/quiet.h - for groups of tests in which much is logged: only errors are shown. */
#ifndef MAST_TEST_QUIET_H
#define MAST_TEST_QUIET_H

#include "base/log.h"

static inline int be_quiet(void **state)
{
    (void)state;
    const struct log_config config = {.level = LOG_LEVEL_ERROR, .clock = clock_real()};
    return log_start(&config) ? -1 : 0;
}

static inline int be_done(void **state)
{
    (void)state;
    log_stop();
    return 0;
}

#endif
