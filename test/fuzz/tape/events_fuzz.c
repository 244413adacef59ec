/* An events file as a disk might give it back: what is read out of it, written and read again, is
 * the same. */
#include <stdlib.h>

#include "media/icy.h"
#include "tape/files_priv.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    struct str left = {(const char *)input, size};
    struct buf text, again, lines;
    struct event event, copy;
    check(events_whole(left) <= size);
    buf_init(&text, TITLE_BYTES - 1);
    buf_init(&again, TITLE_BYTES - 1);
    buf_init(&lines, EVENT_MAX);
    while (!event_next(&left, &event, &text)) {
        check(text.len < TITLE_BYTES && str_is_utf8(buf_str(&text)));
        buf_clear(&lines);
        event_add(&lines, event.us, event.is_title ? "title" : "note", buf_str(&text));
        check(buf_err(&lines) == OK);
        struct str line = buf_str(&lines);
        check(event_next(&line, &copy, &again) == OK && line.len == 0);
        check(copy.us == event.us && copy.is_title == event.is_title);
        check(str_eq(buf_str(&text), buf_str(&again)));
    }
    buf_release(&text);
    buf_release(&again);
    buf_release(&lines);
    return 0;
}
