/* air/shoutcast.c - SHOUTcast v1 sources: a password line, "OK2", icy- headers, sound.
 *
 *   <- [user:]key | /mount:key     LF, CRLF or CRCRLF
 *   -> OK2\r\nicy-caps:11\r\n\r\n
 *   <- icy-name:...  content-type:...   and an empty line; often in one write with the first line
 *
 * The protocol names no mount: the key says which source it is. Source: the field's custom
 * (SHOUTcast 1.9, Icecast connection.c, libshout). */
#include "air/air_priv.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

#define HEAD_MAX_BYTES 4096
#define HEAD_MS        5000

struct knock {
    struct air *air;
    struct sock sock;
    struct loop *loop;
    struct loop_watch watch;
    struct loop_timer timer;
    struct buf bytes;
    struct source_facts facts;
    bool is_refused;
    unsigned handles_open;
};

/* ---- the end ---- */

static void on_handle_closed(struct knock *knock)
{
    if (--knock->handles_open > 0)
        return;
    buf_release(&knock->bytes);
    mem_free(knock);
}

static void on_watch_closed(struct loop_watch *watch)
{
    on_handle_closed((struct knock *)((char *)watch - offsetof(struct knock, watch)));
}

static void on_timer_closed(struct loop_timer *timer)
{
    on_handle_closed((struct knock *)((char *)timer - offsetof(struct knock, timer)));
}

static void knock_end(struct knock *knock)
{
    loop_watch_close(&knock->watch, on_watch_closed);
    loop_timer_stop(&knock->timer);
    loop_timer_close(&knock->timer, on_timer_closed);
    sock_close(&knock->sock);
}

static void say(struct knock *knock, struct str text)
{
    struct iovec iov = {(void *)text.ptr, text.len};
    size_t sent;
    if (sock_writev(&knock->sock, &iov, 1, &sent) != OK)
        log_debug(EV_LOGIN, "text=\"a SHOUTcast source left before its answer\"");
}

static void refuse(struct knock *knock, const char *text)
{
    char peer[ADDR_BYTES];
    addr_format(&knock->facts.peer, peer);
    atomic_fetch_add(&knock->air->refused, 1);
    log_warn(EV_LOGIN, "peer=%s protocol=shoutcast text=\"%s\"", peer, text);
    say(knock, STR("invalid password\r\n"));
    knock_end(knock);
}

/* ---- the headers ---- */

static struct str next_line(struct str *rest)
{
    struct str line;
    str_cut(rest, '\n', &line);
    while (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

/* Finds the empty line; returns the length of the head with it, or 0. */
static size_t head_length(struct str bytes)
{
    struct str rest = bytes;
    while (str_has(rest, '\n')) {
        struct str line = next_line(&rest);
        if (line.len == 0)
            return bytes.len - rest.len;
    }
    return 0;
}

static void set_header(struct source_facts *f, struct str name, struct str value)
{
    uint64_t number;
    if (str_eq_nocase(name, STR("icy-name")))
        title_clean(value, false, f->name, sizeof f->name);
    else if (str_eq_nocase(name, STR("icy-genre")))
        title_clean(value, false, f->genre, sizeof f->genre);
    else if (str_eq_nocase(name, STR("icy-url")))
        title_clean(value, false, f->url, sizeof f->url);
    else if (str_eq_nocase(name, STR("content-type")))
        title_clean(value, false, f->content_type, sizeof f->content_type);
    else if (str_eq_nocase(name, STR("icy-br")) && str_parse_u64(value, 100000, &number) == OK)
        f->bitrate_kbps = (uint32_t)number;
    else if (str_eq_nocase(name, STR("icy-pub")))
        f->is_public = str_eq(value, STR("1"));
}

static void read_head(struct source_facts *f, struct str head)
{
    str_copy(f->content_type, sizeof f->content_type, STR("audio/mpeg"));
    str_copy(f->agent, sizeof f->agent, STR("SHOUTcast v1 source"));
    while (head.len > 0) {
        struct str value = next_line(&head), name;
        if (str_cut(&value, ':', &name))
            set_header(f, str_trim(name), str_trim(value));
    }
}

static void begin(struct knock *knock, size_t head_bytes)
{
    enum container container;
    struct port *port;
    read_head(&knock->facts, str_slice(buf_str(&knock->bytes), 0, head_bytes));
    if (container_from_type(str_of(knock->facts.content_type), &container) != OK) {
        refuse(knock, "content-type not supported");
        return;
    }
    enum err err = air_admit(knock->air, &knock->facts, container, &port);
    if (err) {
        refuse(knock, err_text(err));
        return;
    }
    buf_consume(&knock->bytes, head_bytes);
    loop_watch_close(&knock->watch, on_watch_closed);
    loop_timer_stop(&knock->timer);
    loop_timer_close(&knock->timer, on_timer_closed);
    struct source_start how = {.loop = knock->loop, .port = port, .content_length = -1};
    err = source_start(knock->air, &how, &knock->sock, &knock->bytes);
    if (err) {
        sock_close(&knock->sock);
        air_abandon(port);
    }
}

static void look_at_head(struct knock *knock)
{
    size_t head_bytes = head_length(buf_str(&knock->bytes));
    if (head_bytes > 0)
        begin(knock, head_bytes);
    else if (knock->bytes.len >= HEAD_MAX_BYTES)
        refuse(knock, "its headers are too long");
}

/* ---- events ---- */

static void on_event(struct loop_watch *watch, unsigned events)
{
    struct knock *knock = (struct knock *)((char *)watch - offsetof(struct knock, watch));
    char bytes[HEAD_MAX_BYTES];
    size_t got;
    (void)events;
    enum err err = sock_read(&knock->sock, bytes, sizeof bytes, &got);
    if (err == E_AGAIN)
        return;
    if (err) {
        knock_end(knock);
        return;
    }
    buf_add(&knock->bytes, (struct str){bytes, got});
    if (buf_err(&knock->bytes))
        refuse(knock, err_text(buf_err(&knock->bytes)));
    else
        look_at_head(knock);
}

static void on_time(struct loop_timer *timer)
{
    struct knock *knock = (struct knock *)((char *)timer - offsetof(struct knock, timer));
    refuse(knock, knock->is_refused ? "wrong key" : "its headers did not come in time");
}

/* ---- the password ---- */

static enum err knock_open(struct air *air, struct request *request, struct knock **out)
{
    struct knock *knock = mem_new(sizeof *knock);
    *out = NULL;
    if (!knock) {
        request_reply_text(request, 503, NULL, "%s", err_text(E_NOMEM));
        return E_NOMEM;
    }
    struct loop *loop = request->loop;
    knock->air = air;
    knock->loop = loop;
    knock->facts.peer = request->peer;
    knock->facts.is_shoutcast = true;
    knock->handles_open = 2;
    request_take_over(request, &knock->sock, &knock->bytes);
    if (knock->bytes.cap < HEAD_MAX_BYTES * 2)
        knock->bytes.cap = HEAD_MAX_BYTES * 2; /* what came with the line, and one read more */
    enum err err = loop_watch_open(loop, &knock->watch, knock->sock.fd, on_event);
    if (err) {
        sock_close(&knock->sock);
        buf_release(&knock->bytes);
        mem_free(knock);
        return err;
    }
    loop_timer_open(loop, &knock->timer, on_time);
    *out = knock;
    return OK;
}

void air_on_password(struct request *request, void *ctx)
{
    struct air *air = ctx;
    struct board_login login;
    struct knock *knock;
    enum err err = board_login_by_password(board_now(air->config.place), request->target, &login);
    bool late = err && air_login_failed(air, &request->peer);

    if (knock_open(air, request, &knock) != OK) {
        log_warn(EV_LOGIN, "text=\"a SHOUTcast source could not be let in: out of memory\"");
        return;
    }
    if (err) {
        /* Nothing is read from him any more: he hears of it when the timer has run out. */
        knock->is_refused = true;
        loop_timer_start(&knock->timer, late ? AIR_LATE_MS : 1, 0);
        return;
    }
    struct source_facts *f = &knock->facts;
    str_copy(f->station, sizeof f->station, str_of(login.station->slug));
    str_copy(f->mount, sizeof f->mount, str_of(login.source->mount));
    str_copy(f->user, sizeof f->user, str_of(login.source->user));
    say(knock, STR("OK2\r\nicy-caps:11\r\n\r\n"));
    loop_watch_set(&knock->watch, LOOP_READ);
    loop_timer_start(&knock->timer, HEAD_MS, 0);
    look_at_head(knock);
}
