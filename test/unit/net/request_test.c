#include "test.h"

#include "net/http.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, (size_t)4 << 20);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static void a_form_field_is_found_by_name_and_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *form, *name;
        enum err err;
        const char *value;
    } table[] = {{"a=b", "a", OK, "b"},
                 {"a=b&c=d", "c", OK, "d"},
                 {"a=b&a=c", "a", OK, "b"},
                 {"a", "a", OK, ""},
                 {"a=", "a", OK, ""},
                 {"a=b+c%20d", "a", OK, "b c d"},
                 {"a=%2B%26%3D", "a", OK, "+&="},
                 {"%61=b", "a", OK, "b"},
                 {"a+b=c", "a b", OK, "c"},
                 {"a=b=c", "a", OK, "b=c"},
                 {"&&a=b", "a", OK, "b"},
                 {"aa=b", "a", E_NOT_FOUND, ""},
                 {"", "a", E_NOT_FOUND, ""},
                 {"=b", "a", E_NOT_FOUND, ""},
                 {"a=%", "a", E_SYNTAX, ""},
                 {"a=%2", "a", E_SYNTAX, ""},
                 {"a=%gg", "a", E_SYNTAX, ""},
                 {"b=%&a=c", "a", OK, "c"},
                 {"%6=b&a=c", "a", OK, "c"},
                 {"a=%252e", "a", OK, "%2e"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct str value;
        assert_int_equal(form_field(&arena, str_of(table[i].form), str_of(table[i].name), &value),
                         table[i].err);
        assert_str(value, table[i].value);
    }
}

static void a_field_keeps_a_nul_and_reports_memory(void **state)
{
    (void)state;
    struct str value;
    assert_int_equal(form_field(&arena, STR("a=%00x"), STR("a"), &value), OK);
    assert_int_equal(value.len, 2);
    struct arena small;
    arena_init(&small, 8);
    assert_int_equal(form_field(&small, STR("a=0123456789abcdef"), STR("a"), &value), E_NOMEM);
    arena_release(&small);
}

static enum err auth(const char *value, struct str *user, struct str *password)
{
    struct http_header header = {STR("Authorization"), str_of(value)};
    struct request request = {.arena = &arena, .headers = &header, .headers_count = 1};
    return request_basic_auth(&request, user, password);
}

static void basic_credentials_are_read_or_refused(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum err err;
        const char *user, *password;
    } table[] = {{"Basic c291cmNlOmhhY2ttZQ==", OK, "source", "hackme"},
                 {"basic c291cmNlOmhhY2ttZQ", OK, "source", "hackme"},
                 {"BASIC   c291cmNlOmhhY2ttZQ==", OK, "source", "hackme"},
                 {"Basic YTpiOmM=", OK, "a", "b:c"},
                 {"Basic Og==", OK, "", ""},
                 {"Basic YTo=", OK, "a", ""},
                 {"Basic OmI=", OK, "", "b"},
                 {"Basic YQ==", E_SYNTAX, "", ""},
                 {"Basic", E_SYNTAX, "", ""},
                 {"Basic ", E_SYNTAX, "", ""},
                 {"", E_SYNTAX, "", ""},
                 {"Bearer YTpi", E_SYNTAX, "", ""},
                 {"Basic YTp", E_SYNTAX, "", ""},
                 {"Basic YTpi=", E_SYNTAX, "", ""},
                 {"Basic YT*i", E_SYNTAX, "", ""},
                 {"Basic YT pi", E_SYNTAX, "", ""},
                 {"Basic YTpi YTpi", E_SYNTAX, "", ""},
                 {"Basic YToA", E_SYNTAX, "", ""}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct str user, password;
        if (auth(table[i].value, &user, &password) != table[i].err)
            fail_msg("\"%s\" is judged wrongly", table[i].value);
        assert_str(user, table[i].user);
        assert_str(password, table[i].password);
    }
    struct request none = {.arena = &arena};
    struct str user, password;
    assert_int_equal(request_basic_auth(&none, &user, &password), E_NOT_FOUND);
}

static void credentials_of_any_length_are_read_or_refused(void **state)
{
    (void)state;
    static char text[(1 << 20) + 16];
    for (size_t len = 0; len <= 1 << 20; len = len < 70 ? len + 1 : len * 3) {
        struct str user, password;
        memcpy(text, "Basic ", 6);
        memset(text + 6, 'A', len);
        text[6 + len] = '\0';
        assert_int_equal(auth(text, &user, &password), E_SYNTAX); /* NULs and no colon */
    }
}

static void the_first_of_several_headers_counts_in_any_case(void **state)
{
    (void)state;
    struct http_header headers[] = {
        {STR("Accept"), STR("a")}, {STR("X-Y"), STR("b")}, {STR("accept"), STR("c")}};
    struct request request = {.headers = headers, .headers_count = 3};
    assert_str(request_header(&request, STR("ACCEPT")), "a");
    assert_str(request_header(&request, STR("x-y")), "b");
    assert_null(request_header(&request, STR("x")).ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_field_is_found_by_name_and_decoded),
        cmocka_unit_test(a_field_keeps_a_nul_and_reports_memory),
        cmocka_unit_test(basic_credentials_are_read_or_refused),
        cmocka_unit_test(credentials_of_any_length_are_read_or_refused),
        cmocka_unit_test(the_first_of_several_headers_counts_in_any_case),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
