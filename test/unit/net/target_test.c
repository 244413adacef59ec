#include "test.h"

#include "base/mem.h"
#include "net/target_priv.h"

static bool parse(const char *text, struct target *out)
{
    static char room[4096];
    const char *fault;
    return target_parse(str_of(text), STR("a"), room, out, &fault) == OK;
}

static void a_path_is_decoded_once_and_a_query_not_at_all(void **state)
{
    (void)state;
    static const struct {
        const char *text, *path, *query;
    } table[] = {{"/", "/", ""},
                 {"/a", "/a", ""},
                 {"/a?b", "/a", "b"},
                 {"/a?b?c", "/a", "b?c"},
                 {"/a?", "/a", ""},
                 {"/%61%2D%7e", "/a-~", ""},
                 {"/%252e%252e/x", "/%2e%2e/x", ""},
                 {"/%2500", "/%00", ""},
                 {"/a+b", "/a+b", ""},
                 {"/a%3fb?c", "/a?b", "c"},
                 {"/a%23b", "/a#b", ""},
                 {"/x.", "/x.", ""},
                 {"/x/", "/x/", ""},
                 {"/x?%2e%2e/%00", "/x", "%2e%2e/%00"},
                 {"http://a", "/", ""},
                 {"http://A:80?q", "/", "q"},
                 {"http://a/b%20c?d", "/b c", "d"},
                 {"/%f0%9f%8e%b5", "/\xf0\x9f\x8e\xb5", ""}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct target target;
        assert_true(parse(table[i].text, &target));
        assert_str(target.path, table[i].path);
        assert_str(target.query, table[i].query);
    }
}

/* Every ending and beginning that has broken a server before, on paths that are well. */
static void no_suffix_or_prefix_leads_out_of_the_tree(void **state)
{
    (void)state;
    static const char *const bases[] = {"/", "/live.mp3", "/hls/x/live.m3u8", "/admin/metadata"};
    static const char *const bad[] = {"/..",
                                      "/../",
                                      "/%2e%2e",
                                      "/%2e%2e/",
                                      "/.%2e/",
                                      "/%2e./",
                                      "/..%2f",
                                      "/..%2F..",
                                      "\\",
                                      "/..\\",
                                      "%5c",
                                      "/%5c..",
                                      "%00",
                                      "%00.mp3",
                                      "//",
                                      "/%2f",
                                      "%2f",
                                      "%c0%af",
                                      "/%c0%ae%c0%ae/",
                                      "%e0%80%af",
                                      "%0d%0a",
                                      "%0a",
                                      "%7f",
                                      "%1b",
                                      "%",
                                      "%2",
                                      "%zz",
                                      "%u2216",
                                      "/..;/",
                                      "/...",
                                      "..",
                                      "%2e%2e",
                                      "%ff",
                                      "%ed%a0%80",
                                      "#x"};
    for (size_t b = 0; b < sizeof bases / sizeof bases[0]; b++) {
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            char text[128];
            struct target target;
            snprintf(text, sizeof text, "%s%s", bases[b], bad[i]);
            if (parse(text, &target))
                fail_msg("%s is taken", text);
            snprintf(text, sizeof text, "/%s%s", bad[i], bases[b]);
            if (parse(text, &target))
                fail_msg("%s is taken", text);
        }
    }
}

static void an_absolute_target_must_name_our_host(void **state)
{
    (void)state;
    static char room[64];
    struct target target;
    const char *fault;
    assert_int_equal(target_parse(STR("http://b/x"), STR("b:80"), room, &target, &fault), OK);
    assert_int_equal(target_parse(STR("http://b/x"), STR("c"), room, &target, &fault), E_SYNTAX);
    assert_int_equal(target_parse(STR("http://b:8000/x"), STR("b"), room, &target, &fault),
                     E_SYNTAX);
    assert_int_equal(target_parse(STR("http://b/x"), (struct str){0}, room, &target, &fault), OK);
    assert_int_equal(target_parse(STR("http://u@b/x"), STR("b"), room, &target, &fault), E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_path_is_decoded_once_and_a_query_not_at_all),
        cmocka_unit_test(no_suffix_or_prefix_leads_out_of_the_tree),
        cmocka_unit_test(an_absolute_target_must_name_our_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
