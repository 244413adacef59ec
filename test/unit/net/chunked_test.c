#include "test.h"

#include "net/chunked.h"

static char body[256 * 1024];
static size_t body_len;

static void on_bytes(void *ctx, struct str bytes)
{
    (void)ctx;
    assert_true(body_len + bytes.len <= sizeof body);
    memcpy(body + body_len, bytes.ptr, bytes.len);
    body_len += bytes.len;
}

/* Feeds `step` bytes at a time; *used is where the body ended. */
static enum err feed(struct str bytes, size_t step, size_t *used, bool *is_done)
{
    struct chunked chunked;
    size_t at = 0, taken;
    enum err err = OK;
    body_len = 0;
    chunked_init(&chunked, on_bytes, NULL);
    while (!err && at < bytes.len && !chunked.is_done) {
        err = chunked_feed(&chunked, str_slice(bytes, at, at + step), &taken);
        at += taken;
    }
    *used = at;
    *is_done = chunked.is_done;
    return err;
}

static void chunks_come_apart_at_any_step(void **state)
{
    (void)state;
    static const struct {
        const char *text, *body;
        size_t rest; /* bytes behind the end */
    } table[] = {{"0\r\n\r\n", "", 0},
                 {"5\r\nhello\r\n0\r\n\r\n", "hello", 0},
                 {"5\r\nhello\r\n0\r\n\r\nGET /", "hello", 5},
                 {"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n", "abc", 0},
                 {"a\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
                 {"A\r\n0123456789\r\n0\r\n\r\n", "0123456789", 0},
                 {"0005\r\nhello\r\n000\r\n\r\n", "hello", 0},
                 {"5;a=b\r\nhello\r\n0;c\r\n\r\n", "hello", 0},
                 {"4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", 0},
                 {"5\r\nhello\r\n0\r\n\r\n\r\n", "hello", 2}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct str text = str_of(table[i].text);
        for (size_t step = 1; step <= text.len; step++) {
            size_t used;
            bool is_done;
            assert_int_equal(feed(text, step, &used, &is_done), OK);
            assert_true(is_done);
            assert_int_equal(used, text.len - table[i].rest);
            assert_str((struct str){body, body_len}, table[i].body);
        }
    }
}

static void what_is_no_chunk_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"5\nhello\r\n0\r\n\r\n",
                                      "0x5\r\nhello\r\n0\r\n\r\n",
                                      " 5\r\nhello\r\n0\r\n\r\n",
                                      "-5\r\nhello\r\n",
                                      "+5\r\nhello\r\n",
                                      "\r\nhello\r\n",
                                      "g\r\nhello\r\n",
                                      "5\r\nhelloX\r\n0\r\n\r\n",
                                      "5\r\nhello\n0\r\n\r\n",
                                      "5\r\nhello0\r\n\r\n",
                                      "5\rhello\r\n0\r\n\r\n",
                                      "5;a\nb\r\nhello\r\n0\r\n\r\n",
                                      "5;a\rb\r\nhello\r\n",
                                      "11111111111111111\r\nhello",
                                      "ffffffffffffffffff\r\nhello",
                                      "5,\r\nhello\r\n",
                                      "5_0\r\nhello\r\n",
                                      "5\r\nhello\r\n0\r\n: x\r\n\n",
                                      "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
                                      "5\r\nhello\r\n0\r\n\n",
                                      "5\r\nhello\r\n0\n\r\n"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct str text = str_of(bad[i]);
        for (size_t step = 1; step <= text.len; step += text.len - 1) {
            size_t used;
            bool is_done;
            if (feed(text, step, &used, &is_done) != E_SYNTAX)
                fail_msg("\"%s\" is taken", bad[i]);
        }
    }
}

static void framing_without_a_body_comes_to_an_end(void **state)
{
    (void)state;
    static char text[64 * 1024] = "5;a=";
    size_t used;
    bool is_done;
    memset(text + 4, 'x', sizeof text - 4);
    assert_int_equal(feed((struct str){text, sizeof text}, 1000, &used, &is_done), E_TOO_LONG);
    assert_true(used < 18000);
}

static void a_long_body_in_small_chunks_is_no_overhead(void **state)
{
    (void)state;
    static char text[256 * 1024];
    size_t len = 0, used;
    bool is_done;
    for (int i = 0; i < 20000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "1;xx\r\n%c\r\n", 'a' + i % 26);
    len += (size_t)snprintf(text + len, sizeof text - len, "0\r\n\r\n");
    assert_int_equal(feed((struct str){text, len}, 1400, &used, &is_done), OK);
    assert_true(is_done);
    assert_int_equal(body_len, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_come_apart_at_any_step),
        cmocka_unit_test(what_is_no_chunk_is_refused),
        cmocka_unit_test(framing_without_a_body_comes_to_an_end),
        cmocka_unit_test(a_long_body_in_small_chunks_is_no_overhead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
