/* What a fetch does when memory is out: ours, and libcurl's own. The peer's is left alone. */
#include <stddef.h>

void *__real_calloc(size_t count, size_t each);
#define calloc __real_calloc
#include "peer.h"
#undef calloc

#include "base/crypto.h"
#include "net/fetch.h"

#include <curl/curl.h>

static atomic_int memory_in; /* the n-th allocation from now fails; 0 = none */
static atomic_bool of_curl;  /* those of libcurl, else ours */

static bool fails(bool is_of_curl)
{
    return atomic_load(&of_curl) == is_of_curl && atomic_load(&memory_in) > 0 &&
           atomic_fetch_sub(&memory_in, 1) == 1;
}

void *__wrap_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each)
{
    return fails(false) ? NULL : __real_calloc(count, each);
}

void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes)
{
    return fails(false) ? NULL : __real_realloc(block, bytes);
}

static void *curl_calloc(size_t count, size_t each)
{
    return fails(true) ? NULL : __real_calloc(count, each);
}

static void *curl_malloc(size_t bytes)
{
    return fails(true) ? NULL : malloc(bytes);
}

static void *curl_realloc(void *block, size_t bytes)
{
    return fails(true) ? NULL : __real_realloc(block, bytes);
}

static char *curl_strdup(const char *text)
{
    return fails(true) ? NULL : strdup(text);
}

/* ---- one request and what came of it ---- */

struct room {
    struct peer peer;
    struct fetcher *fetcher;
    atomic_uint done_count;
    enum err err; /* written before done_count */
    struct buf bytes;
};

static enum err on_head(void *ctx, const struct fetch_answer *answer)
{
    (void)ctx;
    return answer->status == 200 ? OK : E_UNSUPPORTED;
}

static size_t on_bytes(void *ctx, struct str bytes)
{
    struct room *room = ctx;
    buf_add(&room->bytes, bytes);
    return bytes.len;
}

static void on_done(void *ctx, const struct fetch_result *result)
{
    struct room *room = ctx;
    room->err = result->err;
    assert_true(result->err == OK || result->detail[0] != '\0');
    atomic_fetch_add(&room->done_count, 1);
}

static void await_done(struct room *room)
{
    for (int tries = 0; atomic_load(&room->done_count) == 0; tries++) {
        if (tries == 2000)
            fail_msg("it never ended");
        poll(NULL, 0, 10);
    }
    assert_int_equal(atomic_load(&room->done_count), 1);
}

/* One thing that is asked for, and what shows that it came. */
struct wish {
    const char *path, *user, *mail_to, *expected;
    struct str body;
    bool is_stream;
};

static const struct wish wishes[] = {
    {.path = "/live", .expected = "hello"},
    {.path = "/elsewhere", .user = "relay", .expected = "hello"},
    {.path = "/icy", .is_stream = true, .expected = "hello"},
    {.path = "/hook", .body = {"{\"a\":1}", 7}, .expected = "hello"},
    {.path = "", .mail_to = "b@c", .body = {"Subject: x\r\n\r\ny\r\n", 17}},
};

/* Returns whether it came; whether it was refused at once or failed later, nothing may be left. */
static bool grant(struct room *room, const struct wish *wish)
{
    char url[100];
    struct fetch *fetch = (struct fetch *)(void *)room;
    snprintf(url, sizeof url, "%s://127.0.0.1:%u%s", wish->mail_to ? "smtp" : "http",
             room->peer.port, wish->path);
    struct fetch_config config = {
        .url = url,
        .user = wish->user,
        .password = wish->user ? "secret" : NULL,
        .body = wish->body,
        .content_type = wish->body.len > 0 && !wish->mail_to ? "application/json" : NULL,
        .mail_from = wish->mail_to ? "a@b" : NULL,
        .mail_to = wish->mail_to,
        .allow_private = true,
        .is_stream = wish->is_stream,
        .connect_ms = 2000,
        .total_ms = 3000,
        .stall_ms = 2000,
        .ctx = room,
        .on_head = on_head,
        .on_bytes = on_bytes,
        .on_done = on_done,
    };
    atomic_store(&room->done_count, 0);
    buf_clear(&room->bytes);
    room->peer.speaks_first = wish->mail_to != NULL;
    enum err err = fetch_start(room->fetcher, &config, &fetch);
    if (err) {
        assert_int_equal(err, E_NOMEM);
        assert_null(fetch);
        assert_int_equal(atomic_load(&room->done_count), 0);
        return false;
    }
    await_done(room);
    if (room->err == OK && wish->expected)
        assert_str(buf_str(&room->bytes), wish->expected);
    return room->err == OK;
}

/* ---- the peer ---- */

static void take_mail(int fd)
{
    char line[200];
    size_t len = 0;
    bool in_mail = false;
    peer_say(fd, "220 mail.example\r\n");
    while (len < sizeof line - 1 && recv(fd, line + len, 1, 0) == 1) {
        if (line[len++] != '\n')
            continue;
        line[len] = '\0';
        len = 0;
        if (strcmp(line, ".\r\n") == 0)
            in_mail = false;
        if (in_mail)
            continue;
        in_mail = strncmp(line, "DATA", 4) == 0;
        peer_say(fd, in_mail ? "354 go on\r\n" : "250 fine\r\n");
    }
}

static void serve(struct peer *peer, int fd, const char *request)
{
    if (peer->speaks_first)
        take_mail(fd);
    else if (strstr(request, "/elsewhere"))
        peer_say(fd, "HTTP/1.1 302 There\r\nLocation: /live\r\nContent-Length: 0\r\n\r\n");
    else if (strstr(request, "/icy"))
        peer_say(fd, "ICY 200 OK\r\nContent-Type: audio/mpeg\r\nicy-name: x\r\n\r\nhello");
    else
        peer_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
}

static struct room *open_room(void)
{
    struct room *room = __real_calloc(1, sizeof *room);
    assert_non_null(room);
    buf_init(&room->bytes, 1 << 20);
    peer_start(&room->peer, serve, room);
    return room;
}

static void close_room(struct room *room)
{
    peer_stop(&room->peer);
    buf_release(&room->bytes);
    free(room);
}

/* ---- tests ---- */

/* A whole life with one allocation failing; returns whether that one was reached. */
static bool live(struct room *room, const struct wish *wish, bool is_of_curl, int n)
{
    atomic_store(&of_curl, is_of_curl);
    atomic_store(&memory_in, n);
    enum err err = fetcher_start(clock_real(), "mast/test", &room->fetcher);
    if (err) {
        assert_int_equal(err, E_NOMEM);
        assert_null(room->fetcher);
        return atomic_exchange(&memory_in, 0) <= 0;
    }
    bool came = grant(room, wish);
    bool was_reached = atomic_exchange(&memory_in, 0) <= 0;
    if (!was_reached)
        assert_true(came);
    if (!grant(room, wish))
        fail_msg("after allocation %d failed: %s", n, err_text(room->err));
    fetcher_stop(&room->fetcher);
    return was_reached;
}

static void fail_each(bool is_of_curl)
{
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        bool was_reached = true;
        int n = 0;
        while (was_reached) {
            struct room *room = open_room();
            for (int in_a_row = 0; in_a_row < 50 && was_reached; in_a_row++)
                was_reached = live(room, &wishes[i], is_of_curl, ++n);
            close_room(room);
        }
        print_message("# %s: %d allocations\n", wishes[i].path, n - 1);
        assert_in_range(n, is_of_curl ? 20 : 3, 2000);
    }
}

static void whichever_allocation_of_ours_fails_the_next_fetch_is_well(void **state)
{
    (void)state;
    fail_each(false);
}

static void whichever_allocation_of_libcurl_fails_the_next_fetch_is_well(void **state)
{
    (void)state;
    fail_each(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whichever_allocation_of_ours_fails_the_next_fetch_is_well),
        cmocka_unit_test(whichever_allocation_of_libcurl_fails_the_next_fetch_is_well),
    };
    /* Before fetcher_start() does so: what is set first holds. */
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_malloc, free, curl_realloc, curl_strdup,
                             curl_calloc) != CURLE_OK)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    curl_global_cleanup();
    return failed;
}
