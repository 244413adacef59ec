/* listen/session.c - session records: one JSON line at the start, each minute and at the end */
#include "listen/ear_priv.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

void session_record(const struct ear *ear, const char *what, const char *reason)
{
    char peer[ADDR_BYTES], since[UTC_ISO_BYTES];
    const struct row *row = ear->row;
    struct buf line;
    int64_t us = loop_now(ear->hall->loop).us - ear->began.us;

    addr_format(&row->peer, peer);
    utc_format_iso(row->since, since);
    buf_init(&line, 1400);
    struct str rendition = str_of(tape_name(ear->tape)), station;
    str_cut(&rendition, '/', &station);
    buf_printf(&line, "{\"what\":\"%s\",\"id\":%llu,\"station\":", what,
               (unsigned long long)atomic_load(&row->id));
    json_add_text(&line, station);
    buf_add(&line, STR(",\"rendition\":"));
    json_add_text(&line, rendition);
    buf_printf(&line,
               ",\"protocol\":\"%s\",\"start\":\"%s\",\"seconds\":%lld,\"bytes\":%llu,"
               "\"behind_s\":%lld,\"address\":\"%s\",\"agent\":",
               row->has_metadata ? "icy" : "http", since, (long long)(us / US_PER_S),
               (unsigned long long)atomic_load(&row->bytes_sent),
               (long long)(atomic_load(&row->behind_us) / US_PER_S), peer);
    json_add_text(&line, str_of(row->agent));
    if (reason) {
        buf_add(&line, STR(",\"reason\":"));
        json_add_text(&line, str_of(reason));
    }
    buf_add_char(&line, '}');
    if (buf_err(&line) == OK)
        log_session(buf_str(&line));
    buf_release(&line);
}
