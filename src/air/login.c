/* air/login.c - a source knocks: PUT or SOURCE to its mount.
 *
 * What the field's encoders need to hear, each rule from one that failed otherwise:
 *   SOURCE             "HTTP/1.0 200 OK" and nothing else, at once (darkice 1.3, libshout)
 *   PUT, Expect        100 at once, 200 at the end of the body (ffmpeg)
 *   PUT                200 at once; HTTP/1.1 only if chunks were announced, since some clients
 *                      send chunks only after an answer in HTTP/1.1 (butt, ocaml-cry)
 *   no Authorization   401 quickly, never 100 (libshout's poke)
 *   mount in use       403, after which encoders try again; 409 ends them (butt)
 */
#include "air/air_priv.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

#define UNAUTHORISED "WWW-Authenticate: Basic realm=\"mast\"\r\n"

/* ---- what the client says of itself ---- */

/* The first of several headers that is there; the first name wins, as in Icecast. */
static struct str first_header(const struct request *request, const char *const *names)
{
    for (; *names; names++) {
        struct str value = request_header(request, str_of(*names));
        if (value.ptr)
            return value;
    }
    return (struct str){NULL, 0};
}

static void set_text(char *field, size_t size, struct str raw)
{
    title_clean(raw, false, field, size);
}

static void fill_facts(const struct request *request, struct source_facts *f)
{
    static const char *const names[] = {"ice-name", "icy-name", "x-audiocast-name", NULL};
    static const char *const descriptions[] = {"ice-description", "icy-description",
                                               "x-audiocast-description", NULL};
    static const char *const genres[] = {"ice-genre", "icy-genre", "x-audiocast-genre", NULL};
    static const char *const urls[] = {"ice-url", "icy-url", "x-audiocast-url", NULL};
    static const char *const bitrates[] = {"ice-bitrate", "icy-br", "x-audiocast-bitrate", NULL};
    static const char *const publics[] = {"ice-public", "icy-pub", "icy-public",
                                          "x-audiocast-public", NULL};
    uint64_t number;

    set_text(f->name, sizeof f->name, first_header(request, names));
    set_text(f->description, sizeof f->description, first_header(request, descriptions));
    set_text(f->genre, sizeof f->genre, first_header(request, genres));
    set_text(f->url, sizeof f->url, first_header(request, urls));
    set_text(f->agent, sizeof f->agent, request_header(request, STR("user-agent")));
    set_text(f->audio_info, sizeof f->audio_info, request_header(request, STR("ice-audio-info")));
    if (str_parse_u64(first_header(request, bitrates), 100000, &number) == OK)
        f->bitrate_kbps = (uint32_t)number;
    f->is_public = str_parse_u64(first_header(request, publics), 1, &number) == OK && number == 1;
    f->peer = request->peer;
}

/* ---- answers ---- */

static void refuse(struct air *air, struct request *request, int status, const char *headers,
                   const char *text)
{
    char peer[ADDR_BYTES];
    struct log_text mount;
    atomic_fetch_add(&air->refused, 1);
    addr_format(&request->peer, peer);
    log_warn(EV_LOGIN, "peer=%s mount=%s status=%d text=\"%s\"", peer,
             log_text(&mount, request->path), status, text);
    request_reply_text(request, status, headers, "%s", text);
}

static void refuse_login(struct air *air, struct request *request, enum err err)
{
    static const char text[] = "wrong user or key for this mount";
    struct response *response;
    struct response_spec spec = {
        .status = 401,
        .content_type = "text/plain; charset=utf-8",
        .body = STR("wrong user or key for this mount\n"),
        .is_static = true,
        .closes = true,
        .headers = UNAUTHORISED,
    };
    if (err == E_NOT_FOUND) {
        refuse(air, request, 404, NULL, "no source may log in at this mount");
        return;
    }
    if (err != E_LIMIT || response_new(&spec, &response) != OK) {
        refuse(air, request, 401, UNAUTHORISED, text);
        return;
    }
    char peer[ADDR_BYTES];
    addr_format(&request->peer, peer);
    log_warn(EV_LOGIN, "peer=%s status=401 text=\"too many wrong keys; answers come late\"", peer);
    request_reply_after(request, response, AIR_LATE_MS);
}

/* Also in HTTP/1.0, where RFC 9110 says to ignore it: Liquidsoap asks there and waits. */
static bool expects_continue(const struct request *request)
{
    return request->method == HTTP_PUT &&
           str_eq_nocase(request_header(request, STR("expect")), STR("100-continue"));
}

static struct str answer_of(const struct request *request)
{
    if (expects_continue(request))
        return STR("HTTP/1.1 100 Continue\r\n\r\n");
    if (request->method == HTTP_PUT && request->is_chunked)
        return STR("HTTP/1.1 200 OK\r\n\r\n");
    return STR("HTTP/1.0 200 OK\r\n\r\n");
}

/* ---- the login ---- */

/* Fills in container and content type.   Errors: E_UNSUPPORTED, E_NOT_FOUND (none given). */
static enum err find_container(const struct request *request, struct source_facts *f,
                               enum container *out)
{
    struct str type = request_header(request, STR("content-type"));
    if (type.len == 0 && request->method == HTTP_PUT)
        return E_NOT_FOUND;
    if (type.len == 0)
        type = STR("audio/mpeg"); /* old SOURCE clients know nothing else */
    set_text(f->content_type, sizeof f->content_type, type);
    return container_from_type(type, out);
}

static uint32_t metaint_of(const struct request *request)
{
    uint64_t metaint;
    struct str value = request_header(request, STR("icy-metaint"));
    if (str_parse_u64(value, 1 << 20, &metaint) != OK)
        return 0;
    return (uint32_t)metaint;
}

static void begin(struct air *air, struct request *request, struct port *port)
{
    struct str answer = answer_of(request);
    struct source_start how = {
        .loop = request->loop,
        .port = port,
        .metaint_bytes = metaint_of(request),
        .may_be_chunked = request->method == HTTP_PUT && request->is_chunked,
        .content_length = request->content_length,
        .wants_final_200 = expects_continue(request),
    };
    struct sock sock;
    struct buf rest;
    size_t sent;
    request_take_over(request, &sock, &rest);
    struct iovec iov = {(void *)answer.ptr, answer.len};
    enum err err = sock_writev(&sock, &iov, 1, &sent);
    if (!err && sent < answer.len)
        err = E_CLOSED; /* a fresh socket that does not take 25 bytes is no use */
    if (!err)
        err = buf_err(&rest);
    if (!err)
        err = source_start(air, &how, &sock, &rest);
    if (err) {
        log_warn(EV_SOURCE_BAD, "mount=%s text=\"could not be started: %s\"", port->facts.mount,
                 err_text(err));
        sock_close(&sock);
        air_abandon(port);
    }
    buf_release(&rest);
}

void air_on_login(struct request *request, void *ctx)
{
    struct air *air = ctx;
    struct str user, key;
    struct board_login login;
    struct source_facts facts = {0};
    enum container container;
    struct port *port;

    enum err err = request_basic_auth(request, &user, &key);
    if (err) {
        refuse(air, request, 401, UNAUTHORISED, "a source logs in with user and key");
        return;
    }
    err = air_check_login(air, &request->peer, request->path, user, key, &login);
    if (err) {
        refuse_login(air, request, err);
        return;
    }
    if (request->content_length == 0) {
        refuse(air, request, 405, NULL, "a source that announces no bytes has nothing to send");
        return;
    }
    err = find_container(request, &facts, &container);
    if (err) {
        refuse(air, request, err == E_NOT_FOUND ? 403 : 415, NULL,
               err == E_NOT_FOUND ? "No Content-type given"
                                  : "Content-type not supported: MP3, AAC (ADTS) or Ogg are");
        return;
    }
    str_copy(facts.station, sizeof facts.station, str_of(login.station->slug));
    str_copy(facts.mount, sizeof facts.mount, str_of(login.source->mount));
    str_copy(facts.user, sizeof facts.user, str_of(login.source->user));
    fill_facts(request, &facts);
    err = air_admit(air, &facts, container, &port);
    if (err) {
        refuse(air, request, err == E_BUSY ? 403 : 503, err == E_BUSY ? NULL : "Retry-After: 5\r\n",
               err == E_BUSY    ? "Mountpoint in use"
               : err == E_LIMIT ? "too many sources connected"
                                : err_text(err));
        return;
    }
    begin(air, request, port);
}
