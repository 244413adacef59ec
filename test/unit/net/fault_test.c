/* What the server does when memory, the kernel or the network says no, or gives less than asked
 * for. Calls of the loops' threads are failed; the client's own are left alone. */
#include "rig.h"

#include <pthread.h>

static struct {
    pthread_t client;
    atomic_int memory_in, send_in, accept_in; /* the n-th call from now fails; 0 = none */
    atomic_int send_errno, accept_errno;
    atomic_bool short_sends, short_reads;
    bool name_fails, option_fails; /* of a listening socket */
} plan;

static bool is_loop(void)
{
    return !pthread_equal(pthread_self(), plan.client);
}

static bool fails(atomic_int *in)
{
    return is_loop() && atomic_load(in) > 0 && atomic_fetch_sub(in, 1) == 1;
}

void *__real_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each)
{
    return fails(&plan.memory_in) ? NULL : __real_calloc(count, each);
}

void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes)
{
    return fails(&plan.memory_in) ? NULL : __real_realloc(block, bytes);
}

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (fails(&plan.send_in)) {
        errno = atomic_load(&plan.send_errno);
        return -1;
    }
    if (!atomic_load(&plan.short_sends))
        return __real_sendmsg(fd, message, flags);
    for (size_t i = 0; i < message->msg_iovlen; i++)
        if (message->msg_iov[i].iov_len > 0)
            return send(fd, message->msg_iov[i].iov_base, 1, flags);
    return 0;
}

int __real_getsockname(int fd, struct sockaddr *name, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *name, socklen_t *len);
int __wrap_getsockname(int fd, struct sockaddr *name, socklen_t *len)
{
    errno = ENOBUFS;
    return plan.name_fails ? -1 : __real_getsockname(fd, name, len);
}

int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    if (plan.option_fails && level == IPPROTO_IPV6 && option == IPV6_V6ONLY) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return __real_setsockopt(fd, level, option, value, len);
}

ssize_t __real_recv(int fd, void *to, size_t bytes, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t bytes, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t bytes, int flags)
{
    if (is_loop() && atomic_load(&plan.short_reads) && bytes > 1)
        bytes = 1;
    return __real_recv(fd, to, bytes, flags);
}

int __real_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags);
int __wrap_accept4(int fd, struct sockaddr *from, socklen_t *len, int flags)
{
    if (fails(&plan.accept_in)) {
        errno = atomic_load(&plan.accept_errno);
        return -1;
    }
    return __real_accept4(fd, from, len, flags);
}

static void on_echo(struct request *request, void *ctx)
{
    struct str user, password, value;
    (void)ctx;
    enum err err = request_basic_auth(request, &user, &password);
    if (!err)
        err = form_field(request->arena, request->body, STR("a"), &value);
    if (err == E_NOMEM)
        request_reply_text(request, err_http_status(err), NULL, "%s", err_text(err));
    else
        request_reply_text(request, 200, NULL, "%.*s|%.*s", STR_ARG(request->path),
                           STR_ARG(request->body));
}

static void on_take(struct request *request, void *ctx)
{
    struct sock sock;
    struct buf rest;
    (void)ctx;
    request_take_over(request, &sock, &rest);
    buf_release(&rest);
    sock_close(&sock);
}

static void on_gone(void *ctx)
{
    (void)ctx;
}

static void on_hold(struct request *request, void *ctx)
{
    (void)ctx;
    request_hold(request, on_gone, NULL);
}

static const struct http_route routes[] = {
    {.path = "/echo*", .methods = HTTP_GET | HTTP_POST, .handler = on_echo, .body_max_bytes = 1000},
    {.path = "/hold", .methods = HTTP_GET, .handler = on_hold},
    {.path = "/m", .methods = HTTP_SOURCE, .handler = on_take, .takes_over = true},
};

static struct rig rig;

static int setup(void **state)
{
    (void)state;
    memset(&plan, 0, sizeof plan);
    plan.client = pthread_self();
    rig_init(&rig, routes, sizeof routes / sizeof routes[0], 1);
    rig_start(&rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    rig_stop(&rig);
    return 0;
}

/* Talks to the server about everything; the answers do not matter. */
static void talk(void)
{
    static const char *const texts[] = {
        "GET /echo HTTP/1.1\r\nHost: a\r\n\r\nGET /echo HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nAuthorization: Basic YTpi\r\n"
        "Connection: close\r\n\r\na=b",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        "3\r\na=b\r\n0\r\n\r\n",
        "GET /nothing HTTP/1.0\r\n\r\n",
        "rubbish rubbish\n",
        "SOURCE /m HTTP/1.0\n\nsound",
        "OPTIONS * HTTP/1.0\r\n\r\n"};
    struct reply reply;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        int fd = dial(&rig);
        say(fd, texts[i]);
        do
            hear(fd, &reply, false);
        while (reply.is_whole);
        hang_up(fd);
    }
    int fd = dial(&rig); /* half a head, then what follows a held request */
    say(fd, "GET /hold HT");
    is_quiet(fd, 2);
    say(fd, "TP/1.1\r\nHost: a\r\n\r\nmore");
    is_quiet(fd, 2);
    hang_up(fd);
}

static void all_is_well(void)
{
    struct reply reply;
    EVENTUALLY(http_stats(rig.server).open_count == 0);
    assert_int_equal(http_stats(rig.server).unfinished_count, 0);
    int fd = dial(&rig);
    say(fd, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\na=b");
    hear(fd, &reply, false);
    assert_string_equal(reply.body, "/echo|a=b\n");
    hang_up(fd);
}

static void whichever_allocation_fails_the_next_request_is_well(void **state)
{
    (void)state;
    bool failed;
    int n = 0;
    do {
        atomic_store(&plan.memory_in, ++n);
        talk();
        failed = atomic_exchange(&plan.memory_in, 0) <= 0;
        all_is_well();
    } while (failed);
    assert_in_range(n, 15, 300);
}

static void whichever_send_fails_the_next_request_is_well(void **state)
{
    (void)state;
    static const int numbers[] = {EPIPE, ECONNRESET, ENOBUFS, EAGAIN};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        atomic_store(&plan.send_errno, numbers[i]);
        for (int n = 1; n < 14; n++) {
            atomic_store(&plan.send_in, n);
            talk();
            atomic_store(&plan.send_in, 0);
            all_is_well();
        }
    }
}

static void whatever_accept_says_the_next_connection_is_well(void **state)
{
    (void)state;
    static const int numbers[] = {ECONNABORTED, EPROTO, EMFILE, ENFILE,
                                  ENOBUFS,      ENOMEM, EPERM,  EINTR};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        atomic_store(&plan.accept_errno, numbers[i]);
        atomic_store(&plan.accept_in, 1);
        int fd = dial(&rig);
        hang_up(fd);
        EVENTUALLY(atomic_load(&plan.accept_in) <= 0);
        all_is_well();
    }
}

static void the_answer_is_the_same_a_byte_at_a_time(void **state)
{
    (void)state;
    static const char text[] =
        "POST /echo/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na=bcd"
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\na=b\r\n0\r\n\r\n"
        "GET /nothing HTTP/1.1\r\nHost: a\r\n\r\nrubbish rubbish\r\n\r\n";
    static const struct {
        int status;
        const char *body;
    } answers[] = {{200, "/echo/x|a=bcd\n"},
                   {200, "/echo|a=b\n"},
                   {404, "there is nothing under this path\n"},
                   {400, "the request line has not three parts\n"}};
    for (int mode = 0; mode < 4; mode++) {
        atomic_store(&plan.short_sends, mode & 1);
        atomic_store(&plan.short_reads, mode & 2);
        int fd = dial(&rig);
        say(fd, text);
        for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
            struct reply reply;
            hear(fd, &reply, false);
            assert_int_equal(reply.status, answers[i].status);
            assert_string_equal(reply.body, answers[i].body);
        }
        assert_true(hears_end(fd));
        hang_up(fd);
    }
}

static void what_cannot_be_listened_on_as_asked_is_not_listened_on(void **state)
{
    (void)state;
    struct addr any, bound;
    plan.name_fails = true;
    assert_int_equal(addr_parse(STR("127.0.0.1:0"), &any), OK);
    assert_int_equal(http_listen(rig.server, &any, &bound), E_IO);
    plan.name_fails = false;
    plan.option_fails = true; /* [::] would take the IPv4 addresses as well */
    assert_int_equal(addr_parse(STR("[::1]:0"), &any), OK);
    assert_int_equal(http_listen(rig.server, &any, &bound), E_IO);
    plan.option_fails = false;
    all_is_well();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(whichever_allocation_fails_the_next_request_is_well),
        TEST(whichever_send_fails_the_next_request_is_well),
        TEST(whatever_accept_says_the_next_connection_is_well),
        TEST(what_cannot_be_listened_on_as_asked_is_not_listened_on),
        TEST(the_answer_is_the_same_a_byte_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
