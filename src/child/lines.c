/* child/lines.c - what a child writes to its descriptor 2, into the log a line each */
#include "child/child_priv.h"

#include "base/io.h"
#include "base/log.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define MINUTE_US   (60 * US_PER_S)
#define ROUNDS_MAX  64 /* more than a pipe holds */
#define PIECE_BYTES 4096

static void say_left_out(struct lines *lines, const char *name)
{
    if (lines->left_out > 0)
        log_warn(EV_CHILD, "child=\"%s\" left_out=%u text=\"it wrote more lines than this\"", name,
                 lines->left_out);
    lines->left_out = 0;
}

static void end_line(struct lines *lines, const char *name, struct mono now)
{
    struct log_text quoted;
    if (lines->len == 0)
        return;
    if (lines->minute_us == 0 || now.us - lines->minute_us >= MINUTE_US) {
        say_left_out(lines, name);
        lines->minute_us = now.us;
        lines->said = 0;
    }
    if (lines->said < CHILD_LINES_MAX) {
        lines->said++;
        log_warn(EV_CHILD, "child=\"%s\" wrote=%s", name,
                 log_text(&quoted, (struct str){lines->text, lines->len}));
    } else {
        lines->left_out++;
    }
    lines->len = 0;
}

static void take_in(struct lines *lines, const char *name, struct str bytes, struct mono now)
{
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t count = end ? (size_t)(end - bytes.ptr) : bytes.len;
        bool fits = count <= sizeof lines->text - lines->len;
        if (!fits)
            count = sizeof lines->text - lines->len;
        memcpy(lines->text + lines->len, bytes.ptr, count);
        lines->len += count;
        bool ends = fits && end;
        bytes = str_slice(bytes, count + (ends ? 1 : 0), bytes.len);
        if (ends || !fits)
            end_line(lines, name, now);
    }
}

void lines_read(struct lines *lines, const char *name, int *fd, struct mono now, bool to_the_end)
{
    char piece[PIECE_BYTES];
    for (int i = 0; *fd >= 0 && i < (to_the_end ? ROUNDS_MAX : 1); i++) {
        ssize_t got = read(*fd, piece, sizeof piece);
        if (got > 0)
            take_in(lines, name, (struct str){piece, (size_t)got}, now);
        else if (got < 0 && errno == EAGAIN)
            break;
        else if (got == 0 || errno != EINTR)
            io_close(fd);
    }
    if (to_the_end) {
        end_line(lines, name, now);
        say_left_out(lines, name);
        io_close(fd);
    }
}

void lines_turn(struct lines *lines, const char *name, struct mono now, int64_t *due_us)
{
    if (lines->left_out == 0)
        return;
    int64_t over_us = lines->minute_us + MINUTE_US;
    if (now.us >= over_us)
        say_left_out(lines, name);
    else if (over_us < *due_us)
        *due_us = over_us;
}
