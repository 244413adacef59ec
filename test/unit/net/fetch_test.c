/* Tests of net/fetch.c over real sockets. 127.0.0.1 counts as a public address here and 127.0.0.2
 * as a private one (fetch_is_private is wrapped at link time). */
#include "peer.h"

#include "base/crypto.h"
#include "net/addr.h"
#include "net/fetch.h"

bool __real_fetch_is_private(const struct addr *addr);
bool __wrap_fetch_is_private(const struct addr *addr);
bool __wrap_fetch_is_private(const struct addr *addr)
{
    return addr->ip[12] == 127 && addr->ip[15] == 2;
}

struct room {
    struct peer peer;
    struct fetcher *fetcher;
    struct fetch *fetch;
    char url[200];

    pthread_mutex_t lock;
    pthread_cond_t news;
    /* guarded by lock */
    unsigned heads_count, done_count;
    struct fetch_answer head; /* its texts are the next ones */
    char type[100], name[100], head_url[300];
    struct fetch_result result;
    char detail[400];
    struct buf bytes;
    size_t takes; /* at most so many at a time; 0 = all */
    bool is_full; /* takes nothing */
    unsigned offers_count;
    enum err head_err;
};

static enum err on_head(void *ctx, const struct fetch_answer *answer)
{
    struct room *room = ctx;
    pthread_mutex_lock(&room->lock);
    room->heads_count++;
    room->head = *answer;
    str_copy(room->type, sizeof room->type, answer->content_type);
    str_copy(room->name, sizeof room->name, answer->icy_name);
    str_copy(room->head_url, sizeof room->head_url, answer->url);
    enum err err = room->head_err;
    pthread_cond_broadcast(&room->news);
    pthread_mutex_unlock(&room->lock);
    return err;
}

static size_t on_bytes(void *ctx, struct str bytes)
{
    struct room *room = ctx;
    pthread_mutex_lock(&room->lock);
    size_t taken = room->takes > 0 && room->takes < bytes.len ? room->takes : bytes.len;
    if (room->is_full)
        taken = 0;
    buf_add(&room->bytes, str_slice(bytes, 0, taken));
    room->offers_count++;
    pthread_cond_broadcast(&room->news);
    pthread_mutex_unlock(&room->lock);
    return taken;
}

static void on_done(void *ctx, const struct fetch_result *result)
{
    struct room *room = ctx;
    pthread_mutex_lock(&room->lock);
    room->done_count++;
    room->result = *result;
    str_copy(room->detail, sizeof room->detail, str_of(result->detail));
    pthread_cond_broadcast(&room->news);
    pthread_mutex_unlock(&room->lock);
}

/* Waits with the lock held until the condition holds; fails after twenty seconds. */
#define AWAIT(room, condition)                                                                     \
    do {                                                                                           \
        struct timespec until_;                                                                    \
        clock_gettime(CLOCK_REALTIME, &until_);                                                    \
        until_.tv_sec += 20;                                                                       \
        pthread_mutex_lock(&(room)->lock);                                                         \
        while (!(condition))                                                                       \
            if (pthread_cond_timedwait(&(room)->news, &(room)->lock, &until_) != 0)                \
                fail_msg("never came true: %s", #condition);                                       \
        pthread_mutex_unlock(&(room)->lock);                                                       \
    } while (0)

static struct room *open_room(peer_script *script)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    pthread_mutex_init(&room->lock, NULL);
    pthread_cond_init(&room->news, NULL);
    buf_init(&room->bytes, 64 << 20);
    peer_start(&room->peer, script, room);
    snprintf(room->url, sizeof room->url, "http://127.0.0.1:%u/live", room->peer.port);
    assert_int_equal(fetcher_start(clock_real(), "mast/test", &room->fetcher), OK);
    return room;
}

static void close_room(struct room *room)
{
    fetcher_stop(&room->fetcher);
    assert_null(room->fetcher);
    peer_stop(&room->peer);
    buf_release(&room->bytes);
    pthread_cond_destroy(&room->news);
    pthread_mutex_destroy(&room->lock);
    free(room);
}

static struct fetch_config usual(struct room *room)
{
    return (struct fetch_config){
        .url = room->url,
        .ctx = room,
        .on_head = on_head,
        .on_bytes = on_bytes,
        .on_done = on_done,
    };
}

static void start(struct room *room, const struct fetch_config *config)
{
    assert_int_equal(fetch_start(room->fetcher, config, &room->fetch), OK);
    assert_non_null(room->fetch);
}

static void run(struct room *room, const struct fetch_config *config)
{
    unsigned before = room->done_count;
    start(room, config);
    AWAIT(room, room->done_count > before);
}

static void assert_ended(struct room *room, enum err err, const char *detail)
{
    if (room->result.err != err || !strstr(room->detail, detail))
        fail_msg("ended with \"%s\": %s", err_text(room->result.err), room->detail);
}

static void refill(struct room *room)
{
    pthread_mutex_lock(&room->lock);
    room->is_full = false;
    pthread_mutex_unlock(&room->lock);
    fetch_resume(room->fetcher, room->fetch);
}

/* ---- answers ---- */

static void say_plainly(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: Audio/MPEG; x=y\r\nContent-Length: 5\r\n"
                 "icy-name: Night \r\nicy-metaint: 16000\r\n\r\nhello");
}

static void an_answer_comes_whole_with_what_its_head_said(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_int_equal(room->result.status, 200);
    assert_string_equal(room->detail, "");
    assert_int_equal(room->heads_count, 1);
    assert_string_equal(room->type, "Audio/MPEG");
    assert_string_equal(room->name, "Night");
    assert_string_equal(room->head_url, room->url);
    assert_int_equal(room->head.icy_metaint, 16000);
    assert_int_equal(room->head.status, 200);
    assert_str(buf_str(&room->bytes), "hello");
    assert_true(peer_heard(&room->peer, "GET /live HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "User-Agent: mast/test\r\n"));
    assert_false(peer_heard(&room->peer, "Icy-MetaData"));
    close_room(room);
}

static void say_in_chunks(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2");
    poll(NULL, 0, 30);
    peer_say(fd, "\r\nlo\r\n0\r\n\r\n");
}

static void chunks_are_put_together_and_an_error_is_an_answer(void **state)
{
    (void)state;
    struct room *room = open_room(say_in_chunks);
    struct fetch_config config = usual(room);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_int_equal(room->result.status, 404);
    assert_str(buf_str(&room->bytes), "hello");
    close_room(room);
}

static void say_nothing_much(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
}

static void an_answer_without_a_body_has_a_head_too(void **state)
{
    (void)state;
    struct room *room = open_room(say_nothing_much);
    struct fetch_config config = usual(room);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_int_equal(room->heads_count, 1);
    assert_int_equal(room->result.status, 204);
    close_room(room);
}

static void say_icy(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "ICY 200 OK\r\nicy-notice1:<BR>hm\r\nicy-name:Old Radio\r\n"
                 "content-type:audio/mpeg\r\nicy-metaint:8192\r\n\r\nsound");
}

static void icy_200_ok_is_understood_in_a_stream(void **state)
{
    (void)state;
    struct room *room = open_room(say_icy);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    run(room, &config);
    assert_ended(room, OK, "");
    assert_int_equal(room->head.status, 200);
    assert_string_equal(room->type, "audio/mpeg");
    assert_string_equal(room->name, "Old Radio");
    assert_int_equal(room->head.icy_metaint, 8192);
    assert_str(buf_str(&room->bytes), "sound");
    assert_true(peer_heard(&room->peer, "Icy-MetaData: 1\r\n"));
    close_room(room);
}

static void say_icy_no(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "ICY 401 Service Unavailable\r\n\r\n");
}

static void what_is_no_http_is_said_to_be_none(void **state)
{
    (void)state;
    struct room *room = open_room(say_icy_no);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    run(room, &config);
    assert_ended(room, E_UNSUPPORTED, "no HTTP");
    assert_int_equal(room->heads_count, 0);
    close_room(room);
}

static void a_head_that_is_not_wanted_ends_it(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    room->head_err = E_UNSUPPORTED;
    run(room, &config);
    assert_ended(room, E_UNSUPPORTED, "not supported");
    assert_int_equal(room->heads_count, 1);
    assert_int_equal(room->offers_count, 0);
    close_room(room);
}

static void say_late(struct peer *peer, int fd, const char *request)
{
    poll(NULL, 0, 400);
    say_plainly(peer, fd, request);
}

static void an_answer_may_begin_late(void **state)
{
    (void)state;
    struct room *room = open_room(say_late);
    struct fetch_config config = usual(room);
    config.stall_ms = 3000;
    run(room, &config);
    assert_ended(room, OK, "");
    assert_str(buf_str(&room->bytes), "hello");
    close_room(room);
}

/* ---- where it leads ---- */

static void redirect_for_ever(struct peer *peer, int fd, const char *request)
{
    (void)peer, (void)request;
    peer_say(fd, "HTTP/1.1 302 Found\r\nLocation: /live?again\r\nContent-Length: 0\r\n\r\n");
}

static void redirects_end_after_five(void **state)
{
    (void)state;
    struct room *room = open_room(redirect_for_ever);
    struct fetch_config config = usual(room);
    run(room, &config);
    assert_ended(room, E_LIMIT, "redirects");
    assert_int_equal(room->result.status, 302);
    assert_int_equal(room->heads_count, 0);
    assert_int_equal(atomic_load(&room->peer.visits_count), 6);
    close_room(room);
}

static void redirect_to_query(struct peer *peer, int fd, const char *request)
{
    char line[600] = {0}, where[300] = {0};
    if (sscanf(request, "%*s /live?%299s", where) != 1) {
        say_plainly(peer, fd, request);
        return;
    }
    snprintf(line, sizeof line,
             "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 4\r\n\r\nhtml", where);
    peer_say(fd, line);
}

static void run_to(struct room *room, const char *where)
{
    char url[400];
    struct fetch_config config = usual(room);
    snprintf(url, sizeof url, "%s?%s", room->url, where);
    config.url = url;
    run(room, &config);
}

static void a_redirect_is_followed_and_its_body_left_out(void **state)
{
    (void)state;
    struct room *room = open_room(redirect_to_query);
    run_to(room, "/other");
    assert_ended(room, OK, "");
    assert_int_equal(room->heads_count, 1);
    assert_str(buf_str(&room->bytes), "hello");
    assert_non_null(strstr(room->head_url, "/other"));
    close_room(room);
}

static void a_redirect_to_a_private_address_is_refused(void **state)
{
    (void)state;
    char where[100];
    struct room *room = open_room(redirect_to_query);
    snprintf(where, sizeof where, "http://127.0.0.2:%u/secret", room->peer.port);
    run_to(room, where);
    assert_ended(room, E_AUTH, "its address 127.0.0.2 is a private one");
    assert_int_equal(atomic_load(&room->peer.visits_count), 1);
    assert_int_equal(room->heads_count, 0);
    close_room(room);
}

static void a_redirect_leads_only_to_the_web(void **state)
{
    (void)state;
    struct room *room = open_room(redirect_to_query);
    run_to(room, "file:///etc/passwd");
    assert_ended(room, E_UNSUPPORTED, "");
    run_to(room, "ftp://127.0.0.1/x");
    assert_ended(room, E_UNSUPPORTED, "");
    run_to(room, "smtp://127.0.0.1/x");
    assert_ended(room, E_UNSUPPORTED, "");
    assert_int_equal(room->bytes.len, 0);
    close_room(room);
}

static void a_private_address_needs_leave_and_no_open_connection_helps(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    snprintf(room->url, sizeof room->url, "http://127.0.0.2:%u/", room->peer.port);
    run(room, &config);
    assert_ended(room, E_AUTH, "private");
    config.allow_private = true;
    run(room, &config);
    assert_ended(room, OK, "");
    config.allow_private = false;
    run(room, &config);
    assert_ended(room, E_AUTH, "private");
    assert_int_equal(atomic_load(&room->peer.visits_count), 1);
    close_room(room);
}

static void no_proxy_of_the_environment_is_used(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    setenv("http_proxy", "http://127.0.0.1:1/", 1);
    setenv("all_proxy", "http://127.0.0.1:1/", 1);
    run(room, &config);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_ended(room, OK, "");
    close_room(room);
}

static void nobody_there_is_told_plainly(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    config.url = "http://127.0.0.1:1/";
    run(room, &config);
    assert_ended(room, E_CLOSED, "127.0.0.1");
    config.url = "http://nosuch.invalid/";
    config.connect_ms = 3000;
    run(room, &config);
    assert_true(room->result.err == E_NOT_FOUND || room->result.err == E_TIMEOUT);
    assert_int_equal(room->result.status, 0);
    close_room(room);
}

static void what_is_no_address_is_refused_at_once(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "radio.example/live",
                                      "http://",
                                      "ftp://radio.example/",
                                      "file:///etc/passwd",
                                      "smtp://mail.example",
                                      "http://radio.example/a b",
                                      "http://radio.example/\r\nX: y",
                                      "http://radio.example:99999/"};
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        config.url = bad[i];
        if (fetch_start(room->fetcher, &config, &room->fetch) != E_SYNTAX)
            fail_msg("taken: %s", bad[i]);
        assert_null(room->fetch);
    }
    close_room(room);
}

/* ---- pace and size ---- */

static void say_a_little(struct peer *peer, int fd, const char *request)
{
    (void)request;
    peer_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
    while (!atomic_load(&peer->must_stop) && peer_say(fd, "x"))
        poll(NULL, 0, 20);
}

static void an_answer_that_drips_is_given_up(void **state)
{
    (void)state;
    struct room *room = open_room(say_a_little);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    config.stall_ms = 500;
    config.stall_bytes = 2000;
    run(room, &config);
    assert_ended(room, E_TIMEOUT, "fewer than 2000 bytes came in 500 ms");
    assert_true(room->bytes.len > 0 && room->bytes.len < 2000);
    close_room(room);
}

static void all_that_it_may_take_is_limited_too(void **state)
{
    (void)state;
    struct room *room = open_room(say_a_little);
    struct fetch_config config = usual(room);
    config.total_ms = 400;
    run(room, &config);
    assert_ended(room, E_TIMEOUT, "timed out");
    close_room(room);
}

static void say_nothing(struct peer *peer, int fd, const char *request)
{
    (void)request;
    peer_hold(peer, fd);
}

static void silence_is_given_up(void **state)
{
    (void)state;
    struct room *room = open_room(say_nothing);
    struct fetch_config config = usual(room);
    config.stall_ms = 300;
    run(room, &config);
    assert_ended(room, E_TIMEOUT, "fewer than 1 bytes came in 300 ms");
    assert_int_equal(room->heads_count, 0);
    close_room(room);
}

static unsigned char byte_at(size_t i)
{
    return (unsigned char)(i * 2654435761u >> 13);
}

/* A million bytes, each of which says where it stands. */
#define MUCH ((size_t)1000000)
static void say_much(struct peer *peer, int fd, const char *request)
{
    unsigned char piece[10000];
    (void)peer, (void)request;
    peer_say(fd, "HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n");
    for (size_t at = 0; at < MUCH; at += sizeof piece) {
        for (size_t i = 0; i < sizeof piece; i++)
            piece[i] = byte_at(at + i);
        if (!peer_send(fd, piece, sizeof piece))
            return;
    }
}

static void assert_much(const struct room *room)
{
    assert_int_equal(room->bytes.len, MUCH);
    for (size_t i = 0; i < MUCH; i++)
        if ((unsigned char)room->bytes.ptr[i] != byte_at(i))
            fail_msg("byte %zu is another one", i);
}

static void an_answer_that_is_too_long_is_cut_off(void **state)
{
    (void)state;
    struct room *room = open_room(say_much);
    struct fetch_config config = usual(room);
    config.answer_max = 100000;
    run(room, &config);
    assert_ended(room, E_TOO_LONG, "more than 100000 bytes");
    assert_true(room->bytes.len <= 100000);
    config.answer_max = MUCH;
    buf_clear(&room->bytes);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_much(room);
    close_room(room);
}

static void bytes_that_are_not_taken_come_again(void **state)
{
    (void)state;
    struct room *room = open_room(say_much);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    room->takes = 7001; /* now a part of a piece, now all of the rest of it */
    start(room, &config);
    for (;;) {
        pthread_mutex_lock(&room->lock);
        bool is_done = room->done_count > 0;
        if (!is_done)
            fetch_resume(room->fetcher, room->fetch); /* done cannot come while the lock is held */
        pthread_mutex_unlock(&room->lock);
        if (is_done)
            break;
        sched_yield();
    }
    assert_ended(room, OK, "");
    assert_true(room->offers_count > MUCH / 7001);
    assert_much(room);
    close_room(room);
}

static void waiting_for_room_is_no_stall(void **state)
{
    (void)state;
    struct room *room = open_room(say_much);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    config.stall_ms = 200;
    config.stall_bytes = 2000;
    room->is_full = true;
    start(room, &config);
    AWAIT(room, room->offers_count > 0);
    poll(NULL, 0, 700);
    assert_int_equal(room->done_count, 0);
    assert_int_equal(room->bytes.len, 0);
    refill(room);
    AWAIT(room, room->done_count > 0);
    assert_ended(room, OK, "");
    assert_much(room);
    close_room(room);
}

/* ---- what is sent ---- */

static void a_body_is_posted(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    config.body = STR("{\"a\":1}");
    config.content_type = "application/json";
    run(room, &config);
    assert_ended(room, OK, "");
    assert_true(peer_heard(&room->peer, "POST /live HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "Content-Type: application/json\r\n"));
    assert_true(peer_heard(&room->peer, "\r\n\r\n{\"a\":1}"));
    assert_false(peer_heard(&room->peer, "Expect"));
    config.method = "PUT";
    run(room, &config);
    assert_true(peer_heard(&room->peer, "PUT /live HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "\r\n\r\n{\"a\":1}"));
    close_room(room);
}

static void a_post_stays_one_when_it_is_redirected(void **state)
{
    (void)state;
    struct room *room = open_room(redirect_to_query);
    struct fetch_config config = usual(room);
    snprintf(room->url, sizeof room->url, "http://127.0.0.1:%u/live?/other", room->peer.port);
    config.body = STR("message");
    run(room, &config);
    assert_ended(room, OK, "");
    assert_true(peer_heard(&room->peer, "POST /other HTTP/1.1\r\n"));
    assert_true(peer_heard(&room->peer, "\r\n\r\nmessage"));
    close_room(room);
}

static void a_password_is_sent_and_told_to_nobody_else(void **state)
{
    (void)state;
    struct room *room = open_room(redirect_to_query);
    struct fetch_config config = usual(room);
    char url[200];
    config.user = "relay";
    config.password = "secret:1";
    run(room, &config);
    assert_ended(room, OK, "");
    assert_true(peer_heard(&room->peer, "Authorization: Basic cmVsYXk6c2VjcmV0OjE=\r\n"));
    config.user = config.password = NULL;
    snprintf(url, sizeof url, "http://relay:secret@127.0.0.1:%u/live", room->peer.port);
    config.url = url;
    run(room, &config);
    assert_true(peer_heard(&room->peer, "Authorization: Basic cmVsYXk6c2VjcmV0\r\n"));
    assert_null(strstr(room->head_url, "secret"));
    snprintf(url, sizeof url, "http://relay:secret@127.0.0.1:%u/live?http://127.0.0.3:%u/x",
             room->peer.port, room->peer.port);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_true(peer_heard(&room->peer, "GET /x "));
    assert_false(peer_heard(&room->peer, "Authorization"));
    close_room(room);
}

/* ---- ends ---- */

static void a_fetch_can_be_cancelled(void **state)
{
    (void)state;
    struct room *room = open_room(say_a_little);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    start(room, &config);
    AWAIT(room, room->bytes.len > 0);
    fetch_cancel(room->fetcher, room->fetch);
    AWAIT(room, room->done_count > 0);
    assert_ended(room, E_CLOSED, "");
    close_room(room);
}

static void a_fetch_that_waits_for_room_can_be_cancelled(void **state)
{
    (void)state;
    struct room *room = open_room(say_much);
    struct fetch_config config = usual(room);
    config.is_stream = true;
    room->is_full = true;
    start(room, &config);
    AWAIT(room, room->offers_count > 0);
    fetch_cancel(room->fetcher, room->fetch);
    AWAIT(room, room->done_count > 0);
    assert_ended(room, E_CLOSED, "");
    close_room(room);
}

static void at_the_end_all_fetches_end(void **state)
{
    (void)state;
    struct room *room = open_room(say_nothing);
    struct fetch_config config = usual(room);
    for (int i = 0; i < 8; i++)
        start(room, &config);
    fetcher_stop(&room->fetcher);
    assert_int_equal(room->done_count, 8);
    assert_ended(room, E_CLOSED, "");
    close_room(room);
}

static void start_another(void *ctx, const struct fetch_result *result)
{
    struct room *room = ctx;
    struct fetch_config config = usual(room);
    if (room->done_count == 0)
        assert_int_equal(fetch_start(room->fetcher, &config, &room->fetch), OK);
    on_done(ctx, result);
}

static void the_end_of_one_may_begin_another(void **state)
{
    (void)state;
    struct room *room = open_room(say_plainly);
    struct fetch_config config = usual(room);
    config.on_done = start_another;
    start(room, &config);
    AWAIT(room, room->done_count == 2);
    assert_ended(room, OK, "");
    close_room(room);
}

static void there_is_a_limit_to_fetches_at_once(void **state)
{
    (void)state;
    struct room *room = open_room(say_nothing);
    struct fetch_config config = usual(room);
    for (int i = 0; i < 256; i++)
        start(room, &config);
    assert_int_equal(fetch_start(room->fetcher, &config, &room->fetch), E_LIMIT);
    assert_null(room->fetch);
    fetcher_stop(&room->fetcher);
    assert_int_equal(room->done_count, 256);
    close_room(room);
}

/* ---- mail ---- */

static char rude; /* the context of one that says no goodbye */

/* A mail server that offers PLAIN without TLS, and takes what it gets. */
static void take_mail(struct peer *peer, int fd, const char *request)
{
    char line[2000];
    size_t len = 0;
    bool in_mail = false;
    (void)request;
    peer_say(fd, "220 mail.example ESMTP\r\n");
    while (len < sizeof line - 1 && recv(fd, line + len, 1, 0) == 1) {
        if (line[len++] != '\n')
            continue;
        line[len] = '\0';
        pthread_mutex_lock(&peer->lock);
        size_t at = strlen(peer->last);
        snprintf(peer->last + at, sizeof peer->last - at, "%s", line);
        pthread_mutex_unlock(&peer->lock);
        len = 0;
        if (in_mail && strcmp(line, ".\r\n") != 0)
            continue;
        const char *answer = "250 fine\r\n";
        if (strncmp(line, "EHLO", 4) == 0)
            answer = "250-mail.example\r\n250 AUTH PLAIN LOGIN\r\n";
        else if (strncmp(line, "DATA", 4) == 0)
            answer = "354 go on\r\n";
        else if (strstr(line, "RCPT") && strstr(line, "nobody"))
            answer = "550 no such user\r\n";
        else if (strncmp(line, "QUIT", 4) == 0)
            answer = peer->ctx == &rude ? "" : "221 bye\r\n";
        in_mail = strncmp(line, "DATA", 4) == 0;
        peer_say(fd, answer);
    }
}

static struct fetch_config a_mail(struct room *room)
{
    struct fetch_config config = usual(room);
    room->peer.speaks_first = true;
    snprintf(room->url, sizeof room->url, "smtp://127.0.0.1:%u", room->peer.port);
    config.mail_from = "mast@radio.example";
    config.mail_to = "engineer@radio.example";
    config.body = STR("Subject: off air\r\n\r\nno sound\r\n.hidden\r\n");
    return config;
}

static void a_mail_arrives(void **state)
{
    (void)state;
    struct room *room = open_room(take_mail);
    struct fetch_config config = a_mail(room);
    run(room, &config);
    assert_ended(room, OK, "");
    assert_int_equal(room->heads_count, 0);
    assert_true(peer_heard(&room->peer, "MAIL FROM:<mast@radio.example>"));
    assert_true(peer_heard(&room->peer, "RCPT TO:<engineer@radio.example>"));
    assert_true(peer_heard(&room->peer, "Subject: off air\r\n\r\nno sound\r\n..hidden\r\n.\r\n"));
    close_room(room);
}

static void a_mail_that_is_refused_is_told(void **state)
{
    (void)state;
    struct room *room = open_room(take_mail);
    struct fetch_config config = a_mail(room);
    config.mail_to = "nobody@radio.example";
    run(room, &config);
    assert_ended(room, E_CLOSED, "550");
    assert_false(peer_heard(&room->peer, "no sound"));
    close_room(room);
}

static void whoever_says_no_goodbye_holds_nobody_up(void **state)
{
    (void)state;
    static const char *const receivers[] = {"engineer@radio.example", "nobody@radio.example"};
    for (size_t i = 0; i < 2; i++) {
        struct room *room = open_room(take_mail);
        struct fetch_config config = a_mail(room);
        room->peer.ctx = &rude;
        config.mail_to = receivers[i];
        int64_t began_us = clock_mono(clock_real()).us;
        run(room, &config);
        assert_ended(room, i == 0 ? OK : E_CLOSED, "");
        assert_true(clock_mono(clock_real()).us - began_us < 8 * US_PER_S);
        close_room(room);
    }
}

static void a_mail_password_never_goes_in_clear(void **state)
{
    (void)state;
    struct room *room = open_room(take_mail);
    struct fetch_config config = a_mail(room);
    config.user = "mast";
    config.password = "secret";
    run(room, &config);
    assert_ended(room, E_AUTH, "");
    assert_false(peer_heard(&room->peer, "AUTH"));
    assert_false(peer_heard(&room->peer, "MAIL"));
    close_room(room);
}

static void a_mail_address_cannot_carry_commands(void **state)
{
    (void)state;
    struct room *room = open_room(take_mail);
    struct fetch_config config = a_mail(room);
    config.mail_to = "a@b>\r\nRCPT TO:<c@d";
    assert_int_equal(fetch_start(room->fetcher, &config, &room->fetch), E_SYNTAX);
    config.mail_to = "a@b";
    config.mail_from = "";
    assert_int_equal(fetch_start(room->fetcher, &config, &room->fetch), E_SYNTAX);
    config.mail_from = "a@b";
    config.url = "http://127.0.0.1/";
    assert_int_equal(fetch_start(room->fetcher, &config, &room->fetch), E_SYNTAX);
    close_room(room);
}

/* ---- addresses ---- */

static bool is_private(const char *text)
{
    struct addr addr;
    char full[100];
    snprintf(full, sizeof full, strchr(text, ':') ? "[%s]:1" : "%s:1", text);
    assert_int_equal(addr_parse(str_of(full), &addr), OK);
    return __real_fetch_is_private(&addr);
}

static void addresses_that_are_nobodys_business_are_known(void **state)
{
    (void)state;
    static const char *const private[] = {
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:10.0.0.1",
        "fc00::1",
        "fdff::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "2002:a00:1::1",
        "2001::1",
        "100::1",
        "2002:7f00:1::",
        "64:ff9b::169.254.169.254",
    };
    static const char *const public[] = {
        "1.1.1.1",         "9.255.255.255",   "11.0.0.0",        "100.63.255.255",
        "100.128.0.0",     "126.255.255.255", "128.0.0.0",       "169.253.255.255",
        "172.15.255.255",  "172.32.0.0",      "192.0.1.0",       "192.167.255.255",
        "198.17.0.0",      "198.20.0.0",      "223.255.255.255", "2606:4700::1",
        "2a00::1",         "2001:200::1",     "::ffff:1.1.1.1",  "64:ff9b::1.1.1.1",
        "2002:101:101::1", "fbff::1",
    };
    for (size_t i = 0; i < sizeof private / sizeof *private; i++)
        if (!is_private(private[i]))
            fail_msg("%s is private", private[i]);
    for (size_t i = 0; i < sizeof public / sizeof *public; i++)
        if (is_private(public[i]))
            fail_msg("%s is public", public[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_whole_with_what_its_head_said),
        cmocka_unit_test(chunks_are_put_together_and_an_error_is_an_answer),
        cmocka_unit_test(an_answer_without_a_body_has_a_head_too),
        cmocka_unit_test(icy_200_ok_is_understood_in_a_stream),
        cmocka_unit_test(what_is_no_http_is_said_to_be_none),
        cmocka_unit_test(a_head_that_is_not_wanted_ends_it),
        cmocka_unit_test(an_answer_may_begin_late),
        cmocka_unit_test(redirects_end_after_five),
        cmocka_unit_test(a_redirect_is_followed_and_its_body_left_out),
        cmocka_unit_test(a_redirect_to_a_private_address_is_refused),
        cmocka_unit_test(a_redirect_leads_only_to_the_web),
        cmocka_unit_test(a_private_address_needs_leave_and_no_open_connection_helps),
        cmocka_unit_test(no_proxy_of_the_environment_is_used),
        cmocka_unit_test(nobody_there_is_told_plainly),
        cmocka_unit_test(what_is_no_address_is_refused_at_once),
        cmocka_unit_test(an_answer_that_drips_is_given_up),
        cmocka_unit_test(all_that_it_may_take_is_limited_too),
        cmocka_unit_test(silence_is_given_up),
        cmocka_unit_test(an_answer_that_is_too_long_is_cut_off),
        cmocka_unit_test(bytes_that_are_not_taken_come_again),
        cmocka_unit_test(waiting_for_room_is_no_stall),
        cmocka_unit_test(a_body_is_posted),
        cmocka_unit_test(a_post_stays_one_when_it_is_redirected),
        cmocka_unit_test(a_password_is_sent_and_told_to_nobody_else),
        cmocka_unit_test(a_fetch_can_be_cancelled),
        cmocka_unit_test(a_fetch_that_waits_for_room_can_be_cancelled),
        cmocka_unit_test(at_the_end_all_fetches_end),
        cmocka_unit_test(the_end_of_one_may_begin_another),
        cmocka_unit_test(there_is_a_limit_to_fetches_at_once),
        cmocka_unit_test(a_mail_arrives),
        cmocka_unit_test(a_mail_that_is_refused_is_told),
        cmocka_unit_test(whoever_says_no_goodbye_holds_nobody_up),
        cmocka_unit_test(a_mail_password_never_goes_in_clear),
        cmocka_unit_test(a_mail_address_cannot_carry_commands),
        cmocka_unit_test(addresses_that_are_nobodys_business_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
