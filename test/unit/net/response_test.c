#include "test.h"

#include "net/response_priv.h"

/* One page with everything: three codings, a tag, a date, ranges. */
static struct response *page_new(void)
{
    struct utc modified;
    assert_int_equal(utc_parse_http(STR("Sun, 22 Nov 2026 09:42:10 GMT"), &modified), OK);
    modified.us += 999; /* conditions are compared in whole seconds */
    struct response_spec spec = {.status = 200,
                                 .content_type = "text/html",
                                 .body = STR("0123456789"),
                                 .gzip = STR("gzipped"),
                                 .brotli = STR("brotl"),
                                 .cache_control = "max-age=5",
                                 .has_etag = true,
                                 .last_modified = modified,
                                 .takes_ranges = true};
    struct response *page;
    assert_int_equal(response_new(&spec, &page), OK);
    return page;
}

static struct conditions get(void)
{
    return (struct conditions){.is_get = true};
}

static bool has(struct str block, const char *line)
{
    return block.len > 0 && memmem(block.ptr, block.len, line, strlen(line)) != NULL;
}

static void the_coding_that_the_client_likes_best_is_sent(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        const char *body; /* NULL: 406 */
    } table[] = {{NULL, "0123456789"},
                 {"", "0123456789"},
                 {"gzip", "gzipped"},
                 {"x-gzip", "gzipped"},
                 {"GZIP", "gzipped"},
                 {"br", "brotl"},
                 {"gzip, br", "brotl"},
                 {"gzip, deflate, br, zstd", "brotl"},
                 {"gzip;q=1.0, br;q=0.5", "gzipped"},
                 {"br;q=0", "0123456789"},
                 {"gzip;q=0", "0123456789"},
                 {"gzip;q=0, br", "brotl"},
                 {"gzip;q=0.001", "gzipped"},
                 {"gzip;q=0.5, identity", "0123456789"},
                 {"gzip;q=0.5, identity;q=0.4", "gzipped"},
                 {"identity;q=0.5, gzip;q=0.5", "gzipped"},
                 {"identity", "0123456789"},
                 {"identity;q=0", NULL},
                 {"identity;q=0, gzip", "gzipped"},
                 {"identity;q=0, br;q=0, gzip;q=0", NULL},
                 {"*", "brotl"},
                 {"*;q=0", NULL},
                 {"*;q=0, identity", "0123456789"},
                 {"*;q=0, gzip", "gzipped"},
                 {"*;q=0.1, gzip;q=0.2", "gzipped"},
                 {"*, br;q=0", "gzipped"},
                 {"*, br;q=0, gzip;q=0", "0123456789"},
                 {"deflate", "0123456789"},
                 {"deflate, identity;q=0", NULL},
                 {"gzip ; q=0", "0123456789"},
                 {"gzip;Q=0", "0123456789"},
                 {"gzip;foo=bar", "gzipped"},
                 {"gzip;q=x", "0123456789"},
                 {"gzip;q=2", "0123456789"},
                 {"gzip;q=1.001", "gzipped"},
                 {"gzip;q=0.0", "0123456789"},
                 {"gzip;q=0.0001", "0123456789"},
                 {",,gzip,,", "gzipped"},
                 {"gzipx", "0123456789"}};
    struct response *page = page_new();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct conditions c = get();
        struct answer answer;
        c.accept_encoding = str_of(table[i].accept);
        answer_choose(page, &c, &answer);
        if (answer.status != (table[i].body ? 200 : 406))
            fail_msg("\"%s\" gets %d", table[i].accept, answer.status);
        if (table[i].body && !str_eq(answer.body, str_of(table[i].body)))
            fail_msg("\"%s\" gets \"%.*s\"", table[i].accept, STR_ARG(answer.body));
    }
    response_unref(page);
}

static void a_coded_form_says_what_it_is(void **state)
{
    (void)state;
    struct response *page = page_new();
    struct conditions c = get();
    struct answer plain, gzip;
    answer_choose(page, &c, &plain);
    c.accept_encoding = STR("gzip");
    answer_choose(page, &c, &gzip);
    assert_true(has(gzip.block, "Content-Encoding: gzip\r\n"));
    assert_true(has(gzip.block, "Content-Length: 7\r\n"));
    assert_true(has(gzip.block, "Vary: Accept-Encoding\r\n"));
    assert_true(has(plain.block, "Vary: Accept-Encoding\r\n"));
    assert_true(has(plain.block, "Content-Length: 10\r\n"));
    assert_false(has(plain.block, "Content-Encoding"));
    assert_true(has(plain.block, "Cache-Control: max-age=5\r\n"));
    assert_true(has(plain.block, "Last-Modified: Sun, 22 Nov 2026 09:42:10 GMT\r\n"));
    assert_string_not_equal(page->forms[CODING_IDENTITY].etag, page->forms[CODING_GZIP].etag);
    response_unref(page);
}

static void conditions_are_weighed_in_their_order(void **state)
{
    (void)state;
    static const char same[] = "Sun, 22 Nov 2026 09:42:10 GMT";
    static const char before[] = "Sun, 22 Nov 2026 09:42:09 GMT";
    static const char after[] = "Sun, 22 Nov 2026 09:42:11 GMT";
    struct response *page = page_new();
    const char *tag = page->forms[CODING_IDENTITY].etag;
    char weak[64], list[96];
    snprintf(weak, sizeof weak, "W/%s", tag);
    snprintf(list, sizeof list, "\"x\" , %s", tag);
    const struct {
        const char *if_match, *if_none_match, *if_modified, *if_unmodified;
        int status;
    } table[] = {{NULL, tag, NULL, NULL, 304},     {NULL, weak, NULL, NULL, 304},
                 {NULL, list, NULL, NULL, 304},    {NULL, "*", NULL, NULL, 304},
                 {NULL, "\"x\"", NULL, NULL, 200}, {NULL, "", NULL, NULL, 200},
                 {NULL, "x", NULL, NULL, 200},     {NULL, "\"x\"", same, NULL, 200},
                 {NULL, NULL, same, NULL, 304},    {NULL, NULL, after, NULL, 304},
                 {NULL, NULL, before, NULL, 200},  {NULL, NULL, "rubbish", NULL, 200},
                 {tag, NULL, NULL, NULL, 200},     {"*", NULL, NULL, NULL, 200},
                 {weak, NULL, NULL, NULL, 412},    {"\"x\"", NULL, NULL, NULL, 412},
                 {tag, tag, NULL, NULL, 304},      {"\"x\"", tag, NULL, NULL, 412},
                 {NULL, NULL, NULL, same, 200},    {NULL, NULL, NULL, after, 200},
                 {NULL, NULL, NULL, before, 412},  {NULL, NULL, NULL, "rubbish", 200},
                 {tag, NULL, NULL, before, 200},   {NULL, NULL, same, same, 304}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        for (int head = 0; head < 2; head++) {
            struct conditions c = {.is_get = !head,
                                   .is_head = head,
                                   .if_match = str_of(table[i].if_match),
                                   .if_none_match = str_of(table[i].if_none_match),
                                   .if_modified_since = str_of(table[i].if_modified),
                                   .if_unmodified_since = str_of(table[i].if_unmodified)};
            struct answer answer;
            answer_choose(page, &c, &answer);
            if (answer.status != table[i].status)
                fail_msg("row %zu gets %d", i, answer.status);
            if (answer.status == 304) {
                assert_int_equal(answer.body.len, 0);
                assert_true(has(answer.block, "ETag: "));
                assert_true(has(answer.block, "Cache-Control: max-age=5\r\n"));
                assert_false(has(answer.block, "Content-Length"));
            }
            /* After a POST the conditions are not the server's business. */
            c.is_get = c.is_head = false;
            answer_choose(page, &c, &answer);
            assert_int_equal(answer.status, 200);
        }
    }
    response_unref(page);
}

static void a_tag_belongs_to_one_coding(void **state)
{
    (void)state;
    struct response *page = page_new();
    struct answer answer;
    struct conditions c = get();
    c.accept_encoding = STR("gzip");
    c.if_none_match = str_of(page->forms[CODING_GZIP].etag);
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 304);
    c.if_none_match = str_of(page->forms[CODING_IDENTITY].etag);
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 200);
    response_unref(page);
}

static void one_range_is_cut_out_and_odd_ones_are_not(void **state)
{
    (void)state;
    static const struct {
        const char *range;
        int status;
        const char *body;
    } table[] = {{"bytes=0-3", 206, "0123"},
                 {"bytes=0-0", 206, "0"},
                 {"bytes=9-9", 206, "9"},
                 {"bytes=5-", 206, "56789"},
                 {"bytes=0-", 206, "0123456789"},
                 {"bytes=5-99", 206, "56789"},
                 {"bytes=-3", 206, "789"},
                 {"bytes=-99", 206, "0123456789"},
                 {"bytes=5-99999999999999999999999", 206, "56789"},
                 {"bytes=-99999999999999999999999", 206, "0123456789"},
                 {"Bytes=0-3", 206, "0123"},
                 {"bytes= 0-3", 206, "0123"},
                 {"bytes=10-", 416, ""},
                 {"bytes=10-20", 416, ""},
                 {"bytes=99999999999999999999999-", 416, ""},
                 {"bytes=-0", 416, ""},
                 {"bytes=3-2", 200, "0123456789"},
                 {"bytes=0-1,3-4", 200, "0123456789"},
                 {"bytes=", 200, "0123456789"},
                 {"bytes=-", 200, "0123456789"},
                 {"bytes=a-b", 200, "0123456789"},
                 {"bytes=1-b", 200, "0123456789"},
                 {"bytes=1", 200, "0123456789"},
                 {"bytes=+1-2", 200, "0123456789"},
                 {"bytes=--1", 200, "0123456789"},
                 {"items=0-1", 200, "0123456789"},
                 {"0-1", 200, "0123456789"},
                 {"", 200, "0123456789"}};
    struct response *page = page_new();
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct conditions c = get();
        struct answer answer;
        c.range = str_of(table[i].range);
        answer_choose(page, &c, &answer);
        if (answer.status != table[i].status)
            fail_msg("\"%s\" gets %d", table[i].range, answer.status);
        assert_str(answer.body, table[i].body);
        assert_int_equal(answer.has_range, answer.status != 200);
        assert_false(answer.has_range && has(answer.block, "Content-Length"));
        if (answer.status == 206)
            assert_int_equal(answer.from + answer.body.len <= answer.total, 1);
        c.is_get = false;
        c.is_head = true;
        answer_choose(page, &c, &answer);
        assert_int_equal(answer.status, 200);
    }
    response_unref(page);
}

static void a_range_depends_on_if_range(void **state)
{
    (void)state;
    struct response *page = page_new();
    const char *tag = page->forms[CODING_IDENTITY].etag;
    char weak[64];
    snprintf(weak, sizeof weak, "W/%s", tag);
    const struct {
        const char *if_range;
        int status;
    } table[] = {{tag, 206},
                 {weak, 200},
                 {"\"x\"", 200},
                 {"Sun, 22 Nov 2026 09:42:10 GMT", 206},
                 {"Sun, 22 Nov 2026 09:42:11 GMT", 200},
                 {"rubbish", 200},
                 {"", 200}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct conditions c = get();
        struct answer answer;
        c.range = STR("bytes=0-1");
        c.if_range = str_of(table[i].if_range);
        answer_choose(page, &c, &answer);
        assert_int_equal(answer.status, table[i].status);
    }
    response_unref(page);
}

static void a_condition_comes_before_a_range(void **state)
{
    (void)state;
    struct response *page = page_new();
    struct conditions c = get();
    struct answer answer;
    c.range = STR("bytes=0-1");
    c.if_none_match = str_of(page->forms[CODING_IDENTITY].etag);
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 304);
    c.if_none_match = (struct str){0};
    c.if_match = STR("\"x\"");
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 412);
    response_unref(page);
}

static void an_empty_body_has_no_range(void **state)
{
    (void)state;
    struct response_spec spec = {
        .status = 200, .content_type = "text/plain", .body = STR(""), .takes_ranges = true};
    struct response *page;
    struct answer answer;
    assert_int_equal(response_new(&spec, &page), OK);
    struct conditions c = get();
    c.range = STR("bytes=0-");
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 416);
    c.range = STR("bytes=-5");
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 416);
    response_unref(page);
}

static void errors_are_sent_as_they_are(void **state)
{
    (void)state;
    struct response_spec spec = {.status = 404,
                                 .content_type = "text/plain",
                                 .body = STR("no\n"),
                                 .has_etag = true,
                                 .takes_ranges = true};
    struct response *page;
    struct answer answer;
    assert_int_equal(response_new(&spec, &page), OK);
    struct conditions c = {.is_get = true,
                           .range = STR("bytes=0-0"),
                           .if_none_match = STR("*"),
                           .accept_encoding = STR("*;q=0")};
    answer_choose(page, &c, &answer);
    assert_int_equal(answer.status, 404);
    assert_str(answer.body, "no\n");
    assert_true(has(answer.block, "Cache-Control: no-store\r\n"));
    response_unref(page);
}

static void an_answer_without_a_body_has_no_length_where_none_may_be(void **state)
{
    (void)state;
    static const int statuses[] = {200, 204, 302, 304, 503};
    for (size_t i = 0; i < sizeof statuses / sizeof statuses[0]; i++) {
        struct response_spec spec = {.status = statuses[i], .headers = "Location: /x\r\n"};
        struct response *page;
        struct answer answer;
        assert_int_equal(response_new(&spec, &page), OK);
        struct conditions c = get();
        answer_choose(page, &c, &answer);
        assert_true(has(answer.block, "Location: /x\r\n"));
        assert_int_equal(has(answer.block, "Content-Length: 0\r\n"),
                         statuses[i] != 204 && statuses[i] != 304);
        response_unref(page);
    }
}

static void the_head_of_an_endless_answer_has_no_length(void **state)
{
    (void)state;
    struct response_spec spec = {
        .status = 200, .content_type = "audio/mpeg", .is_endless = true, .closes = true};
    struct response *page;
    struct answer answer;
    assert_int_equal(response_new(&spec, &page), OK);
    struct conditions head = {.is_head = true};
    answer_choose(page, &head, &answer);
    assert_int_equal(answer.status, 200);
    assert_true(has(answer.block, "Content-Type: audio/mpeg\r\n"));
    assert_false(has(answer.block, "Content-Length"));
    response_unref(page);
}

static void any_origin_may_read_and_none_with_credentials(void **state)
{
    (void)state;
    struct response_spec spec = {
        .status = 200, .content_type = "a/b", .body = STR("x"), .cors = true};
    struct response *page;
    struct answer answer;
    assert_int_equal(response_new(&spec, &page), OK);
    struct conditions c = get();
    answer_choose(page, &c, &answer);
    assert_true(has(answer.block, "Access-Control-Allow-Origin: *\r\n"));
    assert_true(has(answer.block, "Access-Control-Expose-Headers: "));
    assert_true(has(answer.block, "icy-metaint"));
    assert_false(has(answer.block, "Credentials"));
    response_unref(page);
}

static void bodies_are_copied_unless_they_are_static(void **state)
{
    (void)state;
    char body[] = "abc";
    struct response_spec spec = {
        .status = 200, .content_type = "a/b", .body = {body, 3}, .gzip = {body, 2}};
    struct response *copied, *borrowed;
    assert_int_equal(response_new(&spec, &copied), OK);
    spec.is_static = true;
    assert_int_equal(response_new(&spec, &borrowed), OK);
    memcpy(body, "xyz", 3);
    struct conditions c = get();
    struct answer answer;
    answer_choose(copied, &c, &answer);
    assert_str(answer.body, "abc");
    answer_choose(borrowed, &c, &answer);
    assert_str(answer.body, "xyz");
    c.accept_encoding = STR("gzip");
    answer_choose(copied, &c, &answer);
    assert_str(answer.body, "ab");
    response_unref(copied);
    response_unref(response_ref(borrowed));
    response_unref(borrowed);
    response_unref(NULL);
}

static void every_status_of_ours_has_a_reason(void **state)
{
    (void)state;
    assert_string_equal(http_reason(404), "Not Found");
    assert_string_equal(http_reason(200), "OK");
    assert_string_equal(http_reason(299), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_coding_that_the_client_likes_best_is_sent),
        cmocka_unit_test(a_coded_form_says_what_it_is),
        cmocka_unit_test(conditions_are_weighed_in_their_order),
        cmocka_unit_test(a_tag_belongs_to_one_coding),
        cmocka_unit_test(one_range_is_cut_out_and_odd_ones_are_not),
        cmocka_unit_test(a_range_depends_on_if_range),
        cmocka_unit_test(a_condition_comes_before_a_range),
        cmocka_unit_test(an_empty_body_has_no_range),
        cmocka_unit_test(errors_are_sent_as_they_are),
        cmocka_unit_test(an_answer_without_a_body_has_no_length_where_none_may_be),
        cmocka_unit_test(the_head_of_an_endless_answer_has_no_length),
        cmocka_unit_test(any_origin_may_read_and_none_with_credentials),
        cmocka_unit_test(bodies_are_copied_unless_they_are_static),
        cmocka_unit_test(every_status_of_ours_has_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
