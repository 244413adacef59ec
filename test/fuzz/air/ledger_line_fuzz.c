/* A line of a ledger's file as a disk might give it back: what is read out of it, written and read
 * again, is the same. */
#include <stdlib.h>
#include <string.h>

#include "air/ledger_file.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    struct air_event event, again;
    struct buf line;
    if (air_event_parse((struct str){(const char *)input, size}, &event))
        return 0;
    check(event.kind < AIR_EVENT_KIND_COUNT);
    check(str_is_utf8(str_of(event.from)) && str_is_utf8(str_of(event.to)) &&
          str_is_utf8(str_of(event.why)));
    buf_init(&line, 4096);
    air_event_json(&event, &line);
    check(buf_err(&line) == OK && !str_has(buf_str(&line), '\n'));
    check(air_event_parse(buf_str(&line), &again) == OK);
    check(event.kind == again.kind && event.at.us == again.at.us);
    check(strcmp(event.from, again.from) == 0 && strcmp(event.to, again.to) == 0 &&
          strcmp(event.why, again.why) == 0);
    buf_release(&line);
    return 0;
}
