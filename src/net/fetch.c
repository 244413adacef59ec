/* net/fetch.c - contract in fetch.h; wraps libcurl
 *
 * One thread drives one multi handle. What other threads want of a fetch are flags that the thread
 * looks at after each wake-up, so that nobody ever holds a pointer into libcurl but this thread.
 * Connections are never shared between fetches: one that may go to a private address must not be
 * lent to one that may not. No proxy either: it would look the name up past our check. */
#include "net/fetch.h"

#include "base/mem.h"
#include "net/addr.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define FETCHES_MAX       256
#define REDIRECTS_MAX     5
#define TICK_MS           100   /* while something runs: stalls are seen so late */
#define IDLE_MS           60000 /* while nothing runs; a wake-up comes at once */
#define CONNECT_MS        5000
#define TOTAL_MS          30000
#define STALL_MS          10000
#define STALL_BYTES       1
#define ANSWER_MAX_BYTES  ((size_t)1 << 20)
#define REQUEST_MAX_BYTES ((size_t)16 << 20)
#define GOODBYE_S         1

struct fetch {
    struct fetch *next;
    struct fetcher *fetcher;

    /* set at the start, constant */
    CURL *easy;
    struct curl_slist *headers;
    struct curl_slist *others;  /* receivers of a mail; first lines that are taken for HTTP's */
    struct fetch_config config; /* its texts are not used any more */
    struct buf body;
    bool is_mail;

    /* any thread -> fetch thread */
    atomic_bool is_cancelled, wants_resume;

    /* owned by the fetch thread */
    size_t body_sent;
    bool head_was_told, is_paused;
    bool had_pause;      /* in this window */
    size_t taken_before; /* of the piece that will be offered again after a pause */
    size_t got_bytes;    /* handed over, in all */
    struct mono window;  /* when the look at its pace began; 0 = not connected yet */
    size_t window_bytes;
    enum err stopped_by; /* why a callback ended it; OK = none did */
    bool was_refused;    /* `refused` is an address that may not be reached */
    char refused[ADDR_BYTES];
    char error[CURL_ERROR_SIZE];
    char detail[CURL_ERROR_SIZE + 64];
};

struct fetcher {
    const struct clock *clock;
    char agent[64];
    CURLM *multi;
    pthread_t thread;

    pthread_mutex_t lock; /* guards the next three */
    struct fetch *incoming, **incoming_end;
    unsigned count; /* incoming and running */
    bool must_stop;

    struct fetch *running; /* owned by the fetch thread */
};

/* ---- what libcurl calls.   Thread: fetch ---- */

static bool addr_from(const struct sockaddr *from, struct addr *out)
{
    *out = (struct addr){.ip = {[10] = 0xff, [11] = 0xff}};
    if (from->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, from, sizeof v4);
        memcpy(out->ip + 12, &v4.sin_addr, 4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, from, sizeof v6);
        memcpy(out->ip, &v6.sin6_addr, 16);
        return true;
    }
    return false;
}

/* Each connection begins here, with the address as it was resolved. */
static curl_socket_t on_open(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch *fetch = ctx;
    struct addr addr;
    (void)purpose;
    if (!addr_from(&to->addr, &addr))
        return CURL_SOCKET_BAD;
    if (!fetch->config.allow_private && fetch_is_private(&addr)) {
        fetch->was_refused = true;
        addr_format(&addr, fetch->refused);
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

/* Connected: what the pace is judged by begins now. */
static int on_connected(void *ctx, char *to, char *from, int to_port, int from_port)
{
    struct fetch *fetch = ctx;
    (void)to, (void)from, (void)to_port, (void)from_port;
    fetch->window = clock_mono(fetch->fetcher->clock);
    fetch->window_bytes = 0;
    return CURL_PREREQFUNC_OK;
}

static struct str header_of(const struct fetch *fetch, const char *name)
{
    struct curl_header *header;
    if (curl_easy_header(fetch->easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK)
        return (struct str){NULL, 0};
    return str_of(header->value);
}

/* The address without user and password: it goes into logs. */
static void add_url(const struct fetch *fetch, struct buf *out)
{
    char *given = NULL, *bare = NULL;
    CURLU *url = curl_url();
    curl_easy_getinfo(fetch->easy, CURLINFO_EFFECTIVE_URL, &given);
    if (url && given && curl_url_set(url, CURLUPART_URL, given, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
        curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
        curl_url_get(url, CURLUPART_URL, &bare, 0) == CURLUE_OK)
        buf_add(out, str_of(bare));
    curl_free(bare);
    curl_url_cleanup(url);
}

static enum err tell_head(struct fetch *fetch)
{
    char *type = NULL;
    long status = 0;
    uint64_t metaint;
    struct buf url;
    struct fetch_answer answer = {0};
    fetch->head_was_told = true;
    if (!fetch->config.on_head || fetch->is_mail)
        return OK;
    buf_init(&url, 4096);
    add_url(fetch, &url);
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(fetch->easy, CURLINFO_CONTENT_TYPE, &type);
    answer.status = (uint16_t)status;
    struct str rest = str_of(type);
    str_cut(&rest, ';', &answer.content_type);
    answer.content_type = str_trim(answer.content_type);
    answer.url = buf_str(&url);
    answer.icy_name = header_of(fetch, "icy-name");
    if (str_parse_u64(header_of(fetch, "icy-metaint"), UINT32_MAX, &metaint) == OK)
        answer.icy_metaint = (uint32_t)metaint;
    enum err err = fetch->config.on_head(fetch->config.ctx, &answer);
    buf_release(&url);
    return err;
}

/* Errors: E_TOO_LONG, or what on_head said; *taken then means nothing. */
static enum err take_bytes(struct fetch *fetch, struct str bytes, size_t *taken)
{
    const struct fetch_config *c = &fetch->config;
    enum err err = fetch->head_was_told ? OK : tell_head(fetch);
    *taken = bytes.len;
    if (err)
        return err;
    if (!c->is_stream && bytes.len > c->answer_max - fetch->got_bytes)
        return E_TOO_LONG;
    if (c->on_bytes)
        *taken = c->on_bytes(c->ctx, bytes);
    assert(*taken <= bytes.len);
    fetch->got_bytes += *taken;
    return OK;
}

/* After a pause libcurl offers the whole piece again, so what was taken of it is left out. */
static size_t on_write(char *ptr, size_t each, size_t count, void *ctx)
{
    struct fetch *fetch = ctx;
    struct str all = {ptr, each * count};
    if (fetch->stopped_by)
        return 0;
    size_t skipped = fetch->taken_before < all.len ? fetch->taken_before : all.len;
    struct str fresh = str_slice(all, skipped, all.len);
    size_t taken;
    fetch->taken_before -= skipped;
    if (fresh.len == 0)
        return all.len;
    fetch->stopped_by = take_bytes(fetch, fresh, &taken);
    if (fetch->stopped_by)
        return 0;
    fetch->window_bytes += taken;
    if (taken == fresh.len)
        return all.len;
    fetch->taken_before = skipped + taken;
    fetch->is_paused = fetch->had_pause = true;
    return CURL_WRITEFUNC_PAUSE;
}

/* The body of a mail; one of a POST is libcurl's own. */
static size_t on_read(char *to, size_t each, size_t count, void *ctx)
{
    struct fetch *fetch = ctx;
    struct str all = buf_str(&fetch->body);
    struct str next = str_slice(all, fetch->body_sent, fetch->body_sent + each * count);
    if (next.len > 0)
        memcpy(to, next.ptr, next.len);
    fetch->body_sent += next.len;
    fetch->window_bytes += next.len;
    return next.len;
}

/* A line that a mail server says. Once it has taken or refused the mail only "QUIT" is left, and for
 * the answer to that libcurl holds up the whole thread, with all other fetches. */
static size_t on_reply(char *line, size_t each, size_t count, void *ctx)
{
    struct fetch *fetch = ctx;
    bool is_refusal = each * count > 0 && (line[0] == '4' || line[0] == '5');
    if (is_refusal || fetch->body_sent == fetch->body.len)
        (void)curl_easy_setopt(fetch->easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, (long)GOODBYE_S);
    return each * count;
}

/* ---- one request, made ready by whoever wants it ---- */

/* Takes an address apart far enough to know that it is one.   Errors: E_SYNTAX, E_NOMEM. */
static enum err check_url(const char *text, bool is_mail, bool *is_secret, bool *has_user)
{
    char *scheme = NULL, *user = NULL;
    CURLU *url = curl_url();
    CURLUcode code = url ? CURLUE_OK : CURLUE_OUT_OF_MEMORY, user_code = code;
    if (code == CURLUE_OK)
        code = text ? curl_url_set(url, CURLUPART_URL, text, 0) : CURLUE_BAD_PARTPOINTER;
    if (code == CURLUE_OK)
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    if (code == CURLUE_OK)
        user_code = curl_url_get(url, CURLUPART_USER, &user, 0);
    *has_user = user != NULL;
    struct str name = str_of(scheme);
    *is_secret = str_eq(name, STR("https")) || str_eq(name, STR("smtps"));
    bool fits = is_mail ? str_eq(name, STR("smtp")) || str_eq(name, STR("smtps"))
                        : str_eq(name, STR("http")) || str_eq(name, STR("https"));
    curl_free(scheme);
    curl_free(user);
    curl_url_cleanup(url);
    if (code == CURLUE_OUT_OF_MEMORY || user_code == CURLUE_OUT_OF_MEMORY)
        return E_NOMEM;
    return code == CURLUE_OK && fits ? OK : E_SYNTAX;
}

/* A mail address goes into a command of the protocol: nothing in it may end that. */
static bool is_mail_address(const char *text)
{
    size_t len = text ? strlen(text) : 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] <= ' ' || text[i] == 0x7F || text[i] == '<' || text[i] == '>')
            return false;
    return len > 0;
}

static bool add_line(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer)
        *list = longer;
    return longer != NULL;
}

static int set_mail(struct fetch *fetch, const struct fetch_config *c, bool is_secret)
{
    CURL *easy = fetch->easy;
    bool has_password = c->user != NULL;
    int bad = !add_line(&fetch->others, c->mail_to);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    bad |= (int)curl_easy_setopt(easy, CURLOPT_MAIL_FROM, c->mail_from);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, fetch->others);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_READDATA, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_reply);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT,
                                 (long)(fetch->config.stall_ms + 999) / 1000);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)fetch->body.len);
    /* A password goes over TLS or not at all. Without one TLS is only better than nothing, and a
     * relay in the same house with a home-made certificate is no reason to keep an alarm back. */
    bad |= (int)curl_easy_setopt(easy, CURLOPT_USE_SSL,
                                 has_password ? (long)CURLUSESSL_ALL : (long)CURLUSESSL_TRY);
    if (!has_password && !is_secret) {
        bad |= (int)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        bad |= (int)curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    return bad;
}

static int set_method(struct fetch *fetch, const struct fetch_config *c)
{
    CURL *easy = fetch->easy;
    struct str method = str_of(c->method), body = buf_str(&fetch->body);
    bool is_post = str_eq(method, STR("POST")) || (!c->method && body.len > 0);
    int bad = 0;
    if (is_post || body.len > 0) {
        bad |= (int)curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
        bad |= (int)curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.len > 0 ? body.ptr : "");
        bad |= !add_line(&fetch->headers, "Expect:");
    }
    if (str_eq(method, STR("HEAD")))
        bad |= (int)curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (c->method && !is_post && !str_eq(method, STR("GET")))
        bad |= (int)curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, c->method);
    if (c->content_type) {
        char line[160];
        snprintf(line, sizeof line, "Content-Type: %s", c->content_type);
        bad |= !add_line(&fetch->headers, line);
    }
    return bad;
}

static int set_web(struct fetch *fetch, const struct fetch_config *c, bool keep_secret)
{
    CURL *easy = fetch->easy;
    int bad = set_method(fetch, c);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    bad |= (int)curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR,
                                 keep_secret ? "https" : "http,https");
    bad |= (int)curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
    /* A message that turned into a GET on its way would seem to have arrived. */
    bad |= (int)curl_easy_setopt(easy, CURLOPT_POSTREDIR,
                                 (long)(CURL_REDIR_POST_301 | CURL_REDIR_POST_302));
    bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
    if (c->is_stream) {
        struct curl_slist *aliases = curl_slist_append(NULL, "ICY 200");
        bad |= !aliases || !add_line(&fetch->headers, "Icy-MetaData: 1");
        bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTP200ALIASES, aliases);
        fetch->others = aliases; /* lives as long as the handle */
    }
    bad |= (int)curl_easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
    return bad;
}

static int set_common(struct fetch *fetch, const struct fetch_config *c)
{
    CURL *easy = fetch->easy;
    int bad = (int)curl_easy_setopt(easy, CURLOPT_URL, c->url);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    /* A name server that does not answer must not hold up the others when its fetch is given up. */
    bad |= (int)curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PROXY, "");
    bad |= (int)curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (c->ca_file) /* in place of the system's bundle; its folder of single ones still holds */
        bad |= (int)curl_easy_setopt(easy, CURLOPT_CAINFO, c->ca_file);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_USERAGENT, fetch->fetcher->agent);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PRIVATE, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->error);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_PREREQDATA, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    bad |= (int)curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)fetch->config.connect_ms);
    if (!c->is_stream)
        bad |= (int)curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)fetch->config.total_ms);
    if (c->user)
        bad |= (int)curl_easy_setopt(easy, CURLOPT_USERNAME, c->user);
    if (c->user)
        bad |= (int)curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password ? c->password : "");
    return bad;
}

static void fill_defaults(struct fetch_config *c)
{
    c->connect_ms = c->connect_ms > 0 ? c->connect_ms : CONNECT_MS;
    c->total_ms = c->total_ms > 0 ? c->total_ms : TOTAL_MS;
    c->stall_ms = c->stall_ms > 0 ? c->stall_ms : STALL_MS;
    c->stall_bytes = c->stall_bytes > 0 ? c->stall_bytes : STALL_BYTES;
    c->answer_max = c->answer_max > 0 ? c->answer_max : ANSWER_MAX_BYTES;
}

static void fetch_free(struct fetch *fetch)
{
    curl_easy_cleanup(fetch->easy);
    curl_slist_free_all(fetch->headers);
    curl_slist_free_all(fetch->others);
    buf_release(&fetch->body);
    mem_free(fetch);
}

static enum err fetch_new(struct fetcher *fetcher, const struct fetch_config *c, struct fetch **out)
{
    bool is_mail = c->mail_to != NULL, is_secret, has_user;
    enum err err = check_url(c->url, is_mail, &is_secret, &has_user);
    *out = NULL;
    if (!err && is_mail && (!is_mail_address(c->mail_to) || !is_mail_address(c->mail_from)))
        err = E_SYNTAX;
    if (err)
        return err;
    struct fetch *fetch = mem_new(sizeof *fetch);
    if (!fetch)
        return E_NOMEM;
    fetch->fetcher = fetcher;
    fetch->is_mail = is_mail;
    fetch->config = *c;
    fill_defaults(&fetch->config);
    buf_init(&fetch->body, REQUEST_MAX_BYTES);
    buf_add(&fetch->body, c->body);
    fetch->easy = curl_easy_init();
    err = fetch->easy ? buf_err(&fetch->body) : E_NOMEM;
    if (!err && set_common(fetch, c) != 0)
        err = E_NOMEM;
    if (!err && (is_mail ? set_mail(fetch, c, is_secret)
                         : set_web(fetch, c, is_secret && (has_user || c->user))) != 0)
        err = E_NOMEM;
    if (err)
        fetch_free(fetch);
    else
        *out = fetch;
    return err;
}

enum err fetch_start(struct fetcher *fetcher, const struct fetch_config *config, struct fetch **out)
{
    enum err err = fetch_new(fetcher, config, out);
    if (err)
        return err;
    struct fetch *fetch = *out;
    pthread_mutex_lock(&fetcher->lock);
    if (fetcher->must_stop)
        err = E_CLOSED;
    else if (fetcher->count >= FETCHES_MAX)
        err = E_LIMIT;
    if (!err) {
        fetcher->count++;
        *fetcher->incoming_end = fetch;
        fetcher->incoming_end = &fetch->next;
    }
    pthread_mutex_unlock(&fetcher->lock);
    if (err) {
        fetch_free(fetch);
        *out = NULL;
    } else {
        curl_multi_wakeup(fetcher->multi);
    }
    return err;
}

void fetch_cancel(struct fetcher *fetcher, struct fetch *fetch)
{
    atomic_store(&fetch->is_cancelled, true);
    curl_multi_wakeup(fetcher->multi);
}

void fetch_resume(struct fetcher *fetcher, struct fetch *fetch)
{
    atomic_store(&fetch->wants_resume, true);
    curl_multi_wakeup(fetcher->multi);
}

/* ---- how it ended.   Thread: fetch ---- */

static enum err err_of(CURLcode code)
{
    switch (code) {
    case CURLE_OK:
        return OK;
    case CURLE_OUT_OF_MEMORY:
        return E_NOMEM;
    case CURLE_OPERATION_TIMEDOUT:
        return E_TIMEOUT;
    case CURLE_COULDNT_RESOLVE_HOST:
        return E_NOT_FOUND;
    case CURLE_TOO_MANY_REDIRECTS:
        return E_LIMIT;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_BAD_CONTENT_ENCODING:
        return E_UNSUPPORTED;
    case CURLE_LOGIN_DENIED:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_REMOTE_ACCESS_DENIED:
    case CURLE_USE_SSL_FAILED:
        return E_AUTH;
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
        return E_CLOSED;
    default:
        return E_IO;
    }
}

/* What the log may say of it. */
static void describe(struct fetch *fetch, CURLcode code, enum err err)
{
    const char *text = fetch->error[0] ? fetch->error : curl_easy_strerror(code);
    size_t size = sizeof fetch->detail;
    if (err == OK)
        fetch->detail[0] = '\0';
    else if (fetch->was_refused && code == CURLE_COULDNT_CONNECT)
        snprintf(fetch->detail, size, "its address %s is a private one", fetch->refused);
    else if (err == E_TOO_LONG)
        snprintf(fetch->detail, size, "the answer has more than %zu bytes",
                 fetch->config.answer_max);
    else if (fetch->stopped_by == E_TIMEOUT)
        snprintf(fetch->detail, size, "fewer than %u bytes came in %u ms",
                 fetch->config.stall_bytes, fetch->config.stall_ms);
    else if (fetch->stopped_by)
        snprintf(fetch->detail, size, "%s", err_text(err));
    else if (str_starts(str_of(text), STR("Received HTTP/0.9")))
        snprintf(fetch->detail, size, "the answer is no HTTP");
    else
        snprintf(fetch->detail, size, "%s", text);
}

/* Takes a fetch out of everything and says how it went. */
static void finish(struct fetcher *fetcher, struct fetch *fetch, CURLcode code)
{
    struct fetch **at = &fetcher->running;
    while (*at && *at != fetch)
        at = &(*at)->next;
    if (*at)
        *at = fetch->next;
    if (code == CURLE_OK && !fetch->stopped_by && !fetch->head_was_told)
        fetch->stopped_by = tell_head(fetch);
    long status = 0;
    curl_easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
    struct fetch_result result = {
        .err = fetch->stopped_by ? fetch->stopped_by : err_of(code),
        .status = (uint16_t)status,
        .detail = fetch->detail,
    };
    if (fetch->was_refused && code == CURLE_COULDNT_CONNECT && !fetch->stopped_by)
        result.err = E_AUTH;
    describe(fetch, code, result.err);
    curl_multi_remove_handle(fetcher->multi, fetch->easy);
    if (fetch->config.on_done)
        fetch->config.on_done(fetch->config.ctx, &result);
    fetch_free(fetch);
    pthread_mutex_lock(&fetcher->lock);
    fetcher->count--;
    pthread_mutex_unlock(&fetcher->lock);
}

static void stop(struct fetcher *fetcher, struct fetch *fetch, enum err err)
{
    fetch->stopped_by = err;
    finish(fetcher, fetch, CURLE_ABORTED_BY_CALLBACK);
}

/* ---- the thread ---- */

/* Takes in what has come; false when the end has come. */
static bool admit(struct fetcher *fetcher)
{
    pthread_mutex_lock(&fetcher->lock);
    struct fetch *fetch = fetcher->incoming;
    bool must_stop = fetcher->must_stop;
    fetcher->incoming = NULL;
    fetcher->incoming_end = &fetcher->incoming;
    pthread_mutex_unlock(&fetcher->lock);
    while (fetch) {
        struct fetch *next = fetch->next;
        fetch->next = fetcher->running;
        fetcher->running = fetch;
        if (curl_multi_add_handle(fetcher->multi, fetch->easy) != CURLM_OK)
            stop(fetcher, fetch, E_NOMEM);
        fetch = next;
    }
    return !must_stop;
}

static void collect(struct fetcher *fetcher)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(fetcher->multi, &left)) != NULL) {
        char *fetch = NULL;
        assert(message->msg == CURLMSG_DONE);
        CURLcode code = message->data.result;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
        finish(fetcher, (struct fetch *)(void *)fetch, code);
    }
}

/* Too little in too long? A pause is ours: a window that had one does not count.
 * Returns whether it goes on. */
static bool keeps_pace(struct fetch *fetch, struct mono now)
{
    const struct fetch_config *c = &fetch->config;
    if (fetch->window.us == 0 || now.us - fetch->window.us < c->stall_ms * US_PER_MS)
        return true;
    if (!fetch->had_pause && fetch->window_bytes < c->stall_bytes)
        return false;
    fetch->window = now;
    fetch->window_bytes = 0;
    fetch->had_pause = fetch->is_paused;
    return true;
}

static void look(struct fetcher *fetcher)
{
    struct mono now = clock_mono(fetcher->clock);
    struct fetch *next;
    for (struct fetch *fetch = fetcher->running; fetch; fetch = next) {
        next = fetch->next; /* on_done starts others, but never takes one out */
        if (atomic_load(&fetch->is_cancelled)) {
            stop(fetcher, fetch, E_CLOSED);
        } else if (!keeps_pace(fetch, now)) {
            stop(fetcher, fetch, E_TIMEOUT);
        } else if (atomic_exchange(&fetch->wants_resume, false) && fetch->is_paused) {
            fetch->is_paused = false;
            curl_easy_pause(fetch->easy, CURLPAUSE_CONT); /* may call on_write() */
            if (fetch->stopped_by)
                finish(fetcher, fetch, CURLE_WRITE_ERROR);
        }
    }
}

static void *run(void *ctx)
{
    struct fetcher *fetcher = ctx;
    while (admit(fetcher)) {
        int running;
        curl_multi_perform(fetcher->multi, &running);
        collect(fetcher);
        look(fetcher);
        curl_multi_poll(fetcher->multi, NULL, 0, fetcher->running ? TICK_MS : IDLE_MS, NULL);
    }
    while (fetcher->running)
        stop(fetcher, fetcher->running, E_CLOSED);
    return NULL;
}

/* No signal is for this thread, SIGPIPE least of all: OpenSSL writes without MSG_NOSIGNAL. */
static int start_thread(struct fetcher *fetcher)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&fetcher->thread, NULL, run, fetcher);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(fetcher->thread, "fetch");
    return failed;
}

static void fetcher_free(struct fetcher *fetcher)
{
    if (fetcher->multi)
        curl_multi_cleanup(fetcher->multi);
    pthread_mutex_destroy(&fetcher->lock);
    mem_free(fetcher);
    curl_global_cleanup();
}

enum err fetcher_start(const struct clock *clock, const char *agent, struct fetcher **out)
{
    *out = NULL;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return E_NOMEM;
    struct fetcher *fetcher = mem_new(sizeof *fetcher);
    if (!fetcher) {
        curl_global_cleanup();
        return E_NOMEM;
    }
    fetcher->clock = clock;
    fetcher->incoming_end = &fetcher->incoming;
    str_copy(fetcher->agent, sizeof fetcher->agent, str_of(agent));
    int failed = pthread_mutex_init(&fetcher->lock, NULL);
    assert(!failed);
    fetcher->multi = curl_multi_init();
    enum err err = fetcher->multi ? OK : E_NOMEM;
    if (!err && start_thread(fetcher) != 0)
        err = E_LIMIT;
    if (err)
        fetcher_free(fetcher);
    else
        *out = fetcher;
    return err;
}

void fetcher_stop(struct fetcher **fetcher)
{
    struct fetcher *f = *fetcher;
    *fetcher = NULL;
    if (!f)
        return;
    pthread_mutex_lock(&f->lock);
    f->must_stop = true;
    pthread_mutex_unlock(&f->lock);
    curl_multi_wakeup(f->multi);
    int failed = pthread_join(f->thread, NULL);
    assert(!failed);
    assert(!f->incoming && f->count == 0);
    fetcher_free(f);
}
