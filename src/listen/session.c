/* listen/session.c - one JSON line at the start, each minute and at the end; contract in
 * session_priv.h */
#include "listen/session_priv.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

void session_record(const struct session *session, const char *what, const char *reason)
{
    char peer[ADDR_BYTES], since[UTC_ISO_BYTES];
    const struct listener_facts *facts = &session->facts;
    struct buf line;

    addr_format(&facts->peer, peer);
    utc_format_iso(facts->since, since);
    buf_init(&line, 1400);
    struct str rendition = str_of(session->name), station;
    str_cut(&rendition, '/', &station);
    buf_printf(&line, "{\"what\":\"%s\",\"id\":%llu,\"station\":", what,
               (unsigned long long)facts->id);
    json_add_text(&line, station);
    buf_add(&line, STR(",\"rendition\":"));
    json_add_text(&line, rendition);
    buf_printf(&line,
               ",\"protocol\":\"%s\",\"start\":\"%s\",\"seconds\":%lld,\"bytes\":%llu,"
               "\"behind_s\":%lld,\"address\":\"%s\",\"agent\":",
               listen_protocol_name(facts->protocol), since,
               (long long)(session->heard_us / US_PER_S), (unsigned long long)facts->bytes_sent,
               (long long)(facts->behind_live_us / US_PER_S), peer);
    json_add_text(&line, str_of(facts->agent));
    if (reason) {
        buf_add(&line, STR(",\"reason\":"));
        json_add_text(&line, str_of(reason));
    }
    buf_add_char(&line, '}');
    if (buf_err(&line) == OK)
        log_session(buf_str(&line));
    buf_release(&line);
}
