/* main/clock_wait.c - contract in clock_wait.h */
#include "main/clock_wait.h"

#include "base/io.h"
#include "base/log.h"
#include "tape/tape.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BEHIND_US      (10 * 60 * US_PER_S)
#define WAIT_S         60
#define PATH_MAX_BYTES 1024

struct walk {
    char path[PATH_MAX_BYTES];
    uint64_t newest_n;
};

static enum err on_file(void *ctx, const char *name)
{
    struct walk *walk = ctx;
    struct str rest = str_of(name), number;
    uint64_t n;
    if (str_cut(&rest, '.', &number) && str_eq(rest, STR("index")) &&
        str_parse_u64(number, UINT64_MAX, &n) == OK && n > walk->newest_n)
        walk->newest_n = n;
    return OK;
}

/* Calls fn for everything in the folder `name` of walk->path. */
static enum err descend(struct walk *walk, const char *name, enum err (*fn)(void *, const char *))
{
    size_t len = strlen(walk->path);
    snprintf(walk->path + len, sizeof walk->path - len, "/%s", name);
    enum err err = io_list(walk->path, fn, walk);
    walk->path[len] = '\0';
    return err == E_NOT_FOUND ? OK : err; /* a plain file, or gone */
}

static enum err on_rendition(void *ctx, const char *name)
{
    return descend(ctx, name, on_file);
}

static enum err on_station(void *ctx, const char *name)
{
    return descend(ctx, name, on_rendition);
}

struct utc clock_newest_set(const char *data_folder)
{
    struct walk walk = {.newest_n = 0};
    str_copy(walk.path, sizeof walk.path, str_of(data_folder));
    if (descend(&walk, "tape", on_station) != OK)
        return (struct utc){0};
    return (struct utc){(int64_t)walk.newest_n * TAPE_WINDOW_US};
}

/* "Nov 23 2026" as the compiler wrote it. */
static struct utc build_day(void)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char built[] = __DATE__;
    struct utc day;
    struct civil c = {.month = 1, .day = 1};
    uint64_t year;
    for (int i = 0; i < 12; i++)
        if (memcmp(built, months + 3 * i, 3) == 0)
            c.month = i + 1;
    if (str_parse_u64(str_slice(str_of(built), 7, 11), 9999, &year) != OK)
        year = 1970;
    c.year = (int)year;
    if (utc_from_civil(&c, 0, &day) != OK)
        day.us = 0;
    return day;
}

void clock_wait(const struct clock *clock, struct utc newest, int signal_fd)
{
    struct pollfd fd = {signal_fd, POLLIN, 0};
    struct utc least = build_day();
    if (newest.us - BEHIND_US > least.us)
        least.us = newest.us - BEHIND_US;
    for (int i = 0; i < WAIT_S && clock_utc(clock).us < least.us; i++) {
        if (i == 0)
            log_warn(EV_CLOCK,
                     "text=\"the system clock is in the past; waiting up to %d s for it\"", WAIT_S);
        if (poll(&fd, 1, 1000) > 0)
            return;
    }
}
