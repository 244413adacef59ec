#include "rig.h"

#define BIG_BYTES ((size_t)8 * 1024 * 1024)

static struct response *page, *big;
static _Atomic(struct request *) held;
static atomic_int gone_count, password_count;
static char taken_rest[70000];
static size_t taken_len;
static atomic_int taken_fd;

static void on_page(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply(request, response_ref(page));
}

static void on_big(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply(request, response_ref(big));
}

static void on_gone(void *ctx)
{
    assert_ptr_equal(ctx, &gone_count);
    atomic_store(&held, NULL);
    atomic_fetch_add(&gone_count, 1);
}

static void on_hold(struct request *request, void *ctx)
{
    (void)ctx;
    request_hold(request, on_gone, &gone_count);
    atomic_store(&held, request);
}

/* What /release does on the loop of the request that /hold holds: one loop in these tests. */
static void on_release(struct request *request, void *ctx)
{
    (void)ctx;
    struct request *other = atomic_exchange(&held, NULL);
    if (other)
        request_reply_text(other, 200, NULL, "released %.*s", STR_ARG(other->target));
    request_reply_text(request, 200, NULL, "%s", other ? "yes" : "no");
}

static void on_later(struct request *request, void *ctx)
{
    (void)ctx;
    request_reply_after(request, response_ref(page), 200);
}

static void take(struct request *request)
{
    struct sock sock;
    struct buf rest;
    request_take_over(request, &sock, &rest);
    assert_int_equal(buf_err(&rest), OK);
    assert_true(rest.len < sizeof taken_rest);
    if (rest.len > 0)
        memcpy(taken_rest, rest.ptr, rest.len);
    taken_len = rest.len;
    buf_release(&rest);
    atomic_store(&taken_fd, sock.fd);
}

static void on_take(struct request *request, void *ctx)
{
    (void)ctx;
    take(request);
}

static void on_take_held(struct request *request, void *ctx)
{
    (void)ctx;
    struct request *other = atomic_exchange(&held, NULL);
    if (other)
        take(other);
    request_reply_text(request, 200, NULL, "taken");
}

static void on_password(struct request *request, void *ctx)
{
    (void)ctx;
    atomic_fetch_add(&password_count, 1);
    if (str_eq(request->target, STR("hackme")))
        take(request);
    else
        request_reply_text(request, 401, NULL, "invalid password");
}

static const struct http_route routes[] = {
    {.path = "/page", .methods = HTTP_GET, .handler = on_page},
    {.path = "/post", .methods = HTTP_POST, .handler = on_page, .body_max_bytes = 100000},
    {.path = "/big", .methods = HTTP_GET, .handler = on_big},
    {.path = "/hold", .methods = HTTP_GET, .handler = on_hold},
    {.path = "/release", .methods = HTTP_GET, .handler = on_release},
    {.path = "/take-held", .methods = HTTP_GET, .handler = on_take_held},
    {.path = "/later", .methods = HTTP_GET, .handler = on_later},
    {.path = "/m*",
     .methods = HTTP_PUT | HTTP_SOURCE | HTTP_GET,
     .handler = on_take,
     .takes_over = true},
};

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    char *bytes = malloc(BIG_BYTES);
    memset(bytes, 'b', BIG_BYTES);
    struct response_spec spec = {
        .status = 200, .content_type = "text/html", .body = STR("0123456789")};
    assert_int_equal(response_new(&spec, &page), OK);
    spec.body = (struct str){bytes, BIG_BYTES};
    assert_int_equal(response_new(&spec, &big), OK);
    free(bytes);
    rig_init(&rig, routes, sizeof routes / sizeof routes[0], 1);
    rig.config.on_password = on_password;
    atomic_store(&gone_count, 0);
    atomic_store(&password_count, 0);
    atomic_store(&held, NULL);
    atomic_store(&taken_fd, -1);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (rig.server)
        rig_stop(&rig);
    response_unref(page);
    response_unref(big);
    return 0;
}

static const char get_page[] = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

static void a_slow_head_gets_408_and_a_silent_connection_nothing(void **state)
{
    (void)state;
    struct reply reply;
    rig.config.head_ms = 150;
    rig_start(&rig);
    int silent = dial(&rig), slow = dial(&rig);
    for (int i = 0; i < 3; i++) { /* dribbling does not prolong it */
        say(slow, "GET /page HTTP/1.1\r\nHost"[i] ? "G" : "");
        poll(NULL, 0, 20);
    }
    hear(slow, &reply, false);
    assert_int_equal(reply.status, 408);
    assert_true(hears_end(slow));
    assert_true(hears_end(silent));
    hang_up(slow);
    hang_up(silent);
    int late = dial(&rig); /* a second head on a connection has its own time */
    say(late, get_page);
    hear(late, &reply, false);
    assert_int_equal(reply.status, 200);
    say(late, "GET /pa");
    hear(late, &reply, false);
    assert_int_equal(reply.status, 408);
    hang_up(late);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(http_stats(rig.server).timeouts_count, 3);
}

static void a_slow_body_gets_408(void **state)
{
    (void)state;
    struct reply reply;
    rig.config.body_ms = 100;
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 408);
    assert_true(hears_end(fd));
    hang_up(fd);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    (void)state;
    struct reply reply;
    rig.config.idle_ms = 100;
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, get_page);
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(hears_end(fd));
    hang_up(fd);
}

static void a_hundred_silent_connections_stop_nobody(void **state)
{
    (void)state;
    struct reply reply;
    int silent[100];
    rig.config.head_ms = 20000;
    rig_start(&rig);
    for (int i = 0; i < 100; i++) {
        silent[i] = dial_from(&rig, "127.0.0.7");
        if (i % 2)
            say(silent[i], "GET /page");
    }
    int other = dial_from(&rig, "127.0.0.8");
    say(other, get_page);
    hear(other, &reply, false);
    assert_int_equal(reply.status, 200);
    hang_up(other);
    int same = dial_from(&rig, "127.0.0.7"); /* who speaks at once is not made to pay for them */
    say(same, get_page);
    hear(same, &reply, false);
    assert_int_equal(reply.status, 200);
    hang_up(same);
    /* after their grace only 32 are left; the others were told */
    EVENTUALLY(http_stats(rig.server).unfinished_count == 32);
    assert_int_equal(http_stats(rig.server).refused_count, 68);
    int told = 0;
    for (int i = 0; i < 100; i++) {
        if (!is_quiet(silent[i], 0)) {
            hear(silent[i], &reply, false);
            assert_int_equal(reply.status, 429);
            told++;
        }
        hang_up(silent[i]);
    }
    assert_int_equal(told, 68);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(http_stats(rig.server).unfinished_count, 0);
    for (int i = 0; i < 32; i++) /* and nothing is held against the address any more */
        silent[i] = dial_from(&rig, "127.0.0.7");
    poll(NULL, 0, 800);
    assert_int_equal(http_stats(rig.server).unfinished_count, 32);
    for (int i = 0; i < 32; i++)
        hang_up(silent[i]);
}

static void over_the_limit_of_all_the_answer_is_503(void **state)
{
    (void)state;
    struct reply reply;
    int fds[8];
    rig.config.connections_max = 8;
    rig_start(&rig);
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(&rig);
        say(fds[i], get_page);
        hear(fds[i], &reply, false);
        assert_int_equal(reply.status, 200);
    }
    for (int i = 0; i < 200; i++) {
        int fd = dial(&rig);
        hear(fd, &reply, false);
        assert_int_equal(reply.status, 503);
        assert_true(reply.is_whole);
        assert_true(reply_has(&reply, "Retry-After: "));
        hang_up(fd);
    }
    for (int i = 0; i < 8; i++)
        hang_up(fds[i]);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    int fd = dial(&rig);
    say(fd, get_page);
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    hang_up(fd);
}

static void the_gauge_comes_back_to_zero_after_twenty_thousand_connections(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "G",
        get_page,
        "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        "GET /\x01\r\n\r\n",
        "SOURCE /nothing HTTP/1.0\n\nxxxxxxxx",
        "password\n"};
    rig_start(&rig);
    for (int i = 0; i < 20000; i++) {
        int fd = dial_from(&rig, i % 2 ? "127.0.0.3" : "127.0.0.4");
        say(fd, texts[i % 10]);
        if (i % 7 == 0)
            is_quiet(fd, 1);
        if (i % 3 == 0)
            close(fd);
        else
            hang_up(fd);
    }
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(http_stats(rig.server).unfinished_count, 0);
    assert_int_equal(http_stats(rig.server).accepted_count, 20000);
    int fds[32]; /* no cell of the per-address counters was left behind */
    for (int i = 0; i < 32; i++)
        fds[i] = dial_from(&rig, "127.0.0.3");
    poll(NULL, 0, 700);
    assert_int_equal(http_stats(rig.server).unfinished_count, 32);
    for (int i = 0; i < 32; i++)
        hang_up(fds[i]);
}

static void running_out_of_descriptors_neither_spins_nor_lasts(void **state)
{
    (void)state;
    struct reply reply;
    struct rlimit before, few;
    int fds[20];
    rig_start(&rig);
    for (int i = 0; i < 20; i++) {
        fds[i] = dial(&rig);
        say(fds[i], get_page);
        hear(fds[i], &reply, false);
    }
    /* Sockets that are connected before the limit falls, so that the clients need none. */
    int late[10];
    for (int i = 0; i < 10; i++)
        late[i] = socket(AF_INET, SOCK_STREAM, 0);
    int highest = dup(0);
    close(highest);
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)highest;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig.addr.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(connect(late[i], (struct sockaddr *)&to, sizeof to), 0);
        say(late[i], get_page);
        hear(late[i], &reply, false);
        assert_int_equal(reply.status, 503);
        assert_true(reply.is_whole);
    }
    struct timespec cpu0, cpu1; /* two tenths of a second of nothing must cost nothing */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu0);
    poll(NULL, 0, 200);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu1);
    assert_true((cpu1.tv_sec - cpu0.tv_sec) * 1000 + (cpu1.tv_nsec - cpu0.tv_nsec) / 1000000 < 50);
    for (int i = 0; i < 20; i++) { /* those that were there go on */
        say(fds[i], get_page);
        hear(fds[i], &reply, false);
        assert_int_equal(reply.status, 200);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    int fd = dial(&rig);
    say(fd, get_page);
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    hang_up(fd);
    for (int i = 0; i < 20; i++)
        hang_up(fds[i]);
    for (int i = 0; i < 10; i++)
        hang_up(late[i]);
}

static void without_even_the_reserve_the_listener_rests(void **state)
{
    (void)state;
    struct reply reply;
    struct rlimit before, none;
    rig_start(&rig);
    int late = socket(AF_INET, SOCK_STREAM, 0), late2 = socket(AF_INET, SOCK_STREAM, 0);
    int warm = dial(&rig);
    say(warm, get_page);
    hear(warm, &reply, false);
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3; /* below the reserve's own number: it cannot be opened again */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig.addr.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(late, (struct sockaddr *)&to, sizeof to), 0);
    say(late, get_page);
    poll(NULL, 0, 50);
    struct timespec cpu0, cpu1;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu0);
    poll(NULL, 0, 400);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu1);
    assert_true((cpu1.tv_sec - cpu0.tv_sec) * 1000 + (cpu1.tv_nsec - cpu0.tv_nsec) / 1000000 < 60);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    hear(late, &reply, false); /* it waited in the kernel */
    assert_int_equal(reply.status, 200);
    assert_int_equal(connect(late2, (struct sockaddr *)&to, sizeof to), 0);
    say(late2, get_page);
    hear(late2, &reply, false);
    assert_int_equal(reply.status, 200);
    hang_up(late);
    hang_up(late2);
    hang_up(warm);
}

static size_t read_all(int fd, size_t pause_each)
{
    static char bytes[256 * 1024];
    size_t total = 0, next_pause = pause_each;
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, 0);
        if (n <= 0)
            return total;
        total += (size_t)n;
        if (pause_each && total >= next_pause) {
            next_pause += pause_each;
            poll(NULL, 0, 2);
        }
    }
}

static void a_large_answer_waits_for_a_slow_reader(void **state)
{
    (void)state;
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big HTTP/1.1\r\nHost: a\r\n"
            "Connection: close\r\n\r\n");
    size_t got = read_all(fd, 300000);
    assert_in_range(got, 2 * BIG_BYTES + 200, 2 * BIG_BYTES + 800);
    hang_up(fd);
}

static void who_takes_nothing_is_let_go(void **state)
{
    (void)state;
    rig.config.write_window_ms = 150;
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, "GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    EVENTUALLY(http_stats(rig.server).open_count == 1);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(http_stats(rig.server).timeouts_count, 1);
    assert_true(read_all(fd, 0) < BIG_BYTES);
    hang_up(fd);
}

static void taking_over_hands_on_the_socket_and_what_was_read(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "PUT /m HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        "SOURCE /m HTTP/1.0\r\n\r\n", "SOURCE /m ICE/1.0\nice-name: x\n\n",
        "GET /m.mp3 HTTP/1.0\r\nIcy-MetaData: 1\r\n\r\n"};
    rig_start(&rig);
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        char text[256];
        int len = snprintf(text, sizeof text, "%sGET /page HTTP/1.1\r\n", heads[i]);
        int client = dial(&rig), mine;
        say_bytes(client, (struct str){text, (size_t)len});
        EVENTUALLY((mine = atomic_exchange(&taken_fd, -1)) >= 0);
        assert_str((struct str){taken_rest, taken_len}, "GET /page HTTP/1.1\r\n");
        /* the socket is ours alone now: the server reads nothing of it */
        say(client, "more");
        char bytes[8];
        assert_int_equal(recv(mine, bytes, 4, MSG_WAITALL), 4);
        assert_int_equal(send(mine, "hi", 2, 0), 2);
        assert_int_equal(recv(client, bytes, 2, MSG_WAITALL), 2);
        close(mine);
        assert_true(hears_end(client));
        hang_up(client);
    }
    EVENTUALLY(http_stats(rig.server).open_count == 0);
}

static void a_password_line_goes_to_its_own_handler(void **state)
{
    (void)state;
    struct reply reply;
    rig_start(&rig);
    static const char *const lines[] = {"hackme\n", "hackme\r\n", "hackme\r\r\n"};
    for (size_t i = 0; i < 3; i++) {
        char text[64];
        int client = dial(&rig), mine;
        int len = snprintf(text, sizeof text, "%sicy-name: x\r\n", lines[i]);
        say_bytes(client, (struct str){text, (size_t)len});
        EVENTUALLY((mine = atomic_exchange(&taken_fd, -1)) >= 0);
        assert_str((struct str){taken_rest, taken_len}, "icy-name: x\r\n");
        close(mine);
        hang_up(client);
    }
    int client = dial(&rig);
    say(client, "wrong\r\n");
    hear(client, &reply, false);
    assert_int_equal(reply.status, 401);
    assert_true(hears_end(client));
    hang_up(client);
    assert_int_equal(atomic_load(&password_count), 4);
    client = dial(&rig); /* not as a second request */
    say(client, get_page);
    hear(client, &reply, false);
    say(client, "hackme\r\n");
    hear(client, &reply, false);
    assert_int_equal(reply.status, 400);
    hang_up(client);
    assert_int_equal(atomic_load(&password_count), 4);
}

static void a_held_request_is_answered_later_and_the_next_after_it(void **state)
{
    (void)state;
    struct reply reply;
    rig_start(&rig);
    int first = dial(&rig), second = dial(&rig);
    say(first, "GET /hold?x HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    EVENTUALLY(atomic_load(&held) != NULL);
    say(first, "GET /page HTTP/1.1\r\n"); /* and half of a third */
    assert_true(is_quiet(first, 30));
    say(second, "GET /release HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(second, &reply, false);
    assert_string_equal(reply.body, "yes\n");
    hear(first, &reply, false);
    assert_string_equal(reply.body, "released /hold?x\n");
    hear(first, &reply, false);
    assert_string_equal(reply.body, "0123456789");
    say(first, "Host: a\r\n\r\n");
    hear(first, &reply, false);
    assert_string_equal(reply.body, "0123456789");
    hang_up(first);
    hang_up(second);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(atomic_load(&gone_count), 0);
}

static void who_leaves_while_held_is_reported_once(void **state)
{
    (void)state;
    rig_start(&rig);
    for (int i = 0; i < 4; i++) {
        int fd = dial(&rig);
        say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
        EVENTUALLY(atomic_load(&held) != NULL);
        if (i == 2)
            say(fd, get_page);
        if (i % 2)
            close(fd);
        else
            hang_up(fd);
        EVENTUALLY(atomic_load(&gone_count) == i + 1);
    }
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(atomic_load(&gone_count), 4);
}

static void a_held_request_does_not_hoard_what_is_sent_behind_it(void **state)
{
    (void)state;
    static char flood[4 << 20];
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n");
    EVENTUALLY(atomic_load(&held) != NULL);
    int small = 64 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
    size_t sent = 0;
    for (struct pollfd room = {fd, POLLOUT, 0}; poll(&room, 1, 300) > 0;) {
        ssize_t n = send(fd, flood, sizeof flood, MSG_DONTWAIT);
        sent += n > 0 ? (size_t)n : 0;
        assert_true(sent < 16u << 20); /* the kernel's buffers, not ours */
    }
    assert_int_equal(atomic_load(&gone_count), 0);
    hang_up(fd);
    EVENTUALLY(atomic_load(&gone_count) == 1);
}

static void a_held_request_can_be_taken_over(void **state)
{
    (void)state;
    struct reply reply;
    int mine;
    rig_start(&rig);
    int first = dial(&rig), second = dial(&rig);
    say(first, "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nrest");
    EVENTUALLY(atomic_load(&held) != NULL);
    say(second, "GET /take-held HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(second, &reply, false);
    EVENTUALLY((mine = atomic_exchange(&taken_fd, -1)) >= 0);
    assert_str((struct str){taken_rest, taken_len}, "rest");
    close(mine);
    assert_true(hears_end(first));
    hang_up(first);
    hang_up(second);
}

static void a_late_answer_comes_late_and_not_before(void **state)
{
    (void)state;
    struct reply reply;
    rig_start(&rig);
    int fd = dial(&rig);
    say(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(is_quiet(fd, 120));
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    say(fd, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    hang_up(fd);
    EVENTUALLY(http_stats(rig.server).open_count == 0);
}

static void draining_ends_the_idle_and_lets_the_busy_finish(void **state)
{
    (void)state;
    struct reply reply;
    rig_start(&rig);
    int idle = dial(&rig), busy = dial(&rig), half = dial(&rig);
    say(idle, get_page);
    hear(idle, &reply, false);
    say(half, "GET /page HTTP/1.1\r\n");
    say(busy, "GET /later HTTP/1.1\r\nHost: a\r\n\r\n");
    EVENTUALLY(http_stats(rig.server).requests_count == 2);
    EVENTUALLY(http_stats(rig.server).open_count == 3);
    is_quiet(half, 50);
    http_drain(rig.server);
    http_drain(rig.server);
    assert_true(hears_end(idle));
    say(half, "Host: a\r\n\r\n");
    hear(half, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, "Connection: close\r\n"));
    hear(busy, &reply, false);
    assert_int_equal(reply.status, 200);
    assert_true(reply_has(&reply, "Connection: close\r\n"));
    assert_true(hears_end(busy));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(rig.addr.port),
                             .sin_addr = {htonl(INADDR_LOOPBACK)}};
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), -1);
    assert_int_equal(errno, ECONNREFUSED);
    close(fd);
    hang_up(idle);
    hang_up(half);
    hang_up(busy);
}

static void stopping_with_everything_open_leaves_nothing_behind(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "GET /pa",
        "GET /hold HTTP/1.1\r\nHost: a\r\n\r\nGET",
        "GET /later HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /big HTTP/1.1\r\nHost: a\r\n\r\nGET /big",
        "POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx",
        "rubbish rubbish\n",
        get_page};
    int fds[8];
    rig_start(&rig);
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(&rig);
        say(fds[i], texts[i]);
    }
    EVENTUALLY(http_stats(rig.server).requests_count == 5);
    rig_stop(&rig);
    for (int i = 0; i < 8; i++)
        hang_up(fds[i]);
}

static void an_address_in_use_is_busy(void **state)
{
    (void)state;
    struct http_server *other;
    rig_start(&rig);
    assert_int_equal(http_server_new(&rig.config, &other), OK);
    assert_int_equal(http_listen(other, &rig.addr, NULL), E_BUSY);
    http_server_free(&other);
}

static void an_ipv6_address_is_listened_on(void **state)
{
    (void)state;
    struct reply reply;
    struct addr six, bound;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    rig_start(&rig);
    assert_int_equal(addr_parse(STR("[::1]:0"), &six), OK);
    enum err err = http_listen(rig.server, &six, &bound);
    if (err == E_IO)
        skip(); /* a machine without IPv6 */
    assert_int_equal(err, OK);
    to.sin6_port = htons(bound.port);
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    say(fd, get_page);
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    close(fd);
}

static void a_unix_socket_whose_name_is_too_long_is_told(void **state)
{
    (void)state;
    char path[200] = "/tmp/";
    memset(path + 5, 'a', sizeof path - 6);
    rig_start(&rig);
    assert_int_equal(http_listen_unix(rig.server, path, NULL, 0), E_TOO_LONG);
}

static void a_unix_socket_has_routes_of_its_own(void **state)
{
    (void)state;
    static const struct http_route own[] = {
        {.path = "/secret", .methods = HTTP_GET, .handler = on_page}};
    struct reply reply;
    struct stat st;
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "/tmp/mast-test-%d.sock", (int)getpid());
    rig_start(&rig);
    for (int i = 0; i < 2; i++) { /* the second time the old file is there */
        assert_int_equal(http_listen_unix(rig.server, name.sun_path, own, 1), OK);
        assert_int_equal(stat(name.sun_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&name, sizeof name), 0);
    say(fd, "GET /secret HTTP/1.1\r\nHost: a\r\n\r\nGET /page HTTP/1.1\r\nHost: a\r\n\r\n");
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 200);
    hear(fd, &reply, false);
    assert_int_equal(reply.status, 404);
    close(fd);
    rig_stop(&rig);
    assert_int_equal(stat(name.sun_path, &st), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_slow_head_gets_408_and_a_silent_connection_nothing),
        TEST(a_slow_body_gets_408),
        TEST(an_idle_connection_is_closed_without_a_word),
        TEST(a_hundred_silent_connections_stop_nobody),
        TEST(over_the_limit_of_all_the_answer_is_503),
        TEST(the_gauge_comes_back_to_zero_after_twenty_thousand_connections),
        TEST(running_out_of_descriptors_neither_spins_nor_lasts),
        TEST(without_even_the_reserve_the_listener_rests),
        TEST(a_large_answer_waits_for_a_slow_reader),
        TEST(who_takes_nothing_is_let_go),
        TEST(taking_over_hands_on_the_socket_and_what_was_read),
        TEST(a_password_line_goes_to_its_own_handler),
        TEST(a_held_request_is_answered_later_and_the_next_after_it),
        TEST(who_leaves_while_held_is_reported_once),
        TEST(a_held_request_does_not_hoard_what_is_sent_behind_it),
        TEST(a_held_request_can_be_taken_over),
        TEST(a_late_answer_comes_late_and_not_before),
        TEST(draining_ends_the_idle_and_lets_the_busy_finish),
        TEST(stopping_with_everything_open_leaves_nothing_behind),
        TEST(an_address_in_use_is_busy),
        TEST(an_ipv6_address_is_listened_on),
        TEST(a_unix_socket_whose_name_is_too_long_is_told),
        TEST(a_unix_socket_has_routes_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
