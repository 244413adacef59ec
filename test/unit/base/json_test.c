/* Tests of base/json.c. */
#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct json_doc *parse_good(const char *text)
{
    struct json_doc *doc;
    struct json_fault fault;
    enum err err = json_parse(str_of(text), &doc, &fault);
    if (err)
        print_error("%d:%d %s\n", fault.line, fault.column, fault.text);
    assert_int_equal(err, OK);
    return doc;
}

static void every_kind_of_value_is_read(void **state)
{
    (void)state;
    struct json_doc *doc =
        parse_good("{\"n\": null, \"t\": true, \"f\": false, \"i\": -9007199254740993,"
                   "\"r\": 1.5, \"s\": \"caf\u00e9\", \"a\": [1, [2]], \"o\": {}}");
    const struct json *root = json_root(doc);
    assert_int_equal(json_kind_of(root), JSON_OBJECT);
    assert_int_equal(json_kind_of(json_get(root, "n")), JSON_NULL);
    assert_int_equal(json_kind_of(json_get(root, "t")), JSON_BOOL);
    assert_true(json_bool(json_get(root, "t")));
    assert_false(json_bool(json_get(root, "f")));
    assert_true(json_int(json_get(root, "i")) == INT64_C(-9007199254740993));
    assert_int_equal(json_kind_of(json_get(root, "r")), JSON_REAL);
    assert_true(str_eq(json_text(json_get(root, "s")), STR("caf\xC3\xA9")));
    const struct json *array = json_get(root, "a");
    assert_int_equal(json_count(array), 2);
    assert_int_equal(json_int(json_at(array, 0)), 1);
    assert_int_equal(json_int(json_at(json_at(array, 1), 0)), 2);
    assert_null(json_at(array, 2));
    assert_int_equal(json_kind_of(json_get(root, "o")), JSON_OBJECT);
    assert_null(json_get(root, "missing"));
    json_free(&doc);
    assert_null(doc);
    json_free(&doc);
}

static void members_come_in_document_order(void **state)
{
    (void)state;
    struct json_doc *doc = parse_good("{\"z\": 1, \"a\": 2, \"m\": 3, \"b\": 4, \"y\": 5}");
    static const char *const keys[] = {"z", "a", "m", "b", "y"};
    struct str key;
    const struct json *value;
    for (size_t i = 0; i < 5; i++) {
        assert_true(json_member(json_root(doc), i, &key, &value));
        assert_true(str_eq(key, str_of(keys[i])));
        assert_int_equal(json_int(value), i + 1);
    }
    assert_false(json_member(json_root(doc), 5, &key, &value));
    assert_null(value);
    json_free(&doc);
}

static void asking_a_node_for_what_it_is_not_gives_nothing(void **state)
{
    (void)state;
    struct json_doc *doc = parse_good("[\"text\", 7, true]");
    const struct json *root = json_root(doc);
    struct str key;
    const struct json *value;
    assert_int_equal(json_kind_of(NULL), JSON_NONE);
    assert_null(json_get(root, "x"));
    assert_null(json_get(NULL, "x"));
    assert_false(json_member(root, 0, &key, &value));
    assert_int_equal(json_count(json_at(root, 0)), 0);
    assert_null(json_at(json_at(root, 0), 0));
    assert_int_equal(json_int(json_at(root, 0)), 0);
    assert_int_equal(json_text(json_at(root, 1)).len, 0);
    assert_false(json_bool(json_at(root, 1)));
    assert_int_equal(json_int(json_at(root, 2)), 0);
    json_free(&doc);
}

static void what_is_not_strict_json_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text;
        size_t len;
    } bad[] = {
#define BAD(text) {text, sizeof(text) - 1}
        BAD(""),
        BAD("{"),
        BAD("7"),
        BAD("{\"a\": 1, \"a\": 2}"),
        BAD("[\"\xC3\x28\"]"),
        BAD("[\"\xED\xA0\x80\"]"),
        BAD("[\"a\\u0000b\"]"),
        BAD("{\"a\\u0000b\": 1}"),
        BAD("[1] x"),
        BAD("[1]\0"),
        BAD("[1,]"),
        BAD("[01]"),
        BAD("['a']"),
        BAD("[9223372036854775808]"),
        BAD("[1e999]"),
        BAD("[NaN]"),
        BAD("// x\n[1]"),
        BAD("\xEF\xBB\xBF[1]"),
#undef BAD
    };
    (void)state;
    struct json_doc *doc;
    struct json_fault fault;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(json_parse((struct str){bad[i].text, bad[i].len}, &doc, &fault), E_SYNTAX);
        assert_null(doc);
        assert_true(strlen(fault.text) > 3);
    }
    assert_int_equal(json_parse(STR("{\n \"a\": 1,\n \"a\": 2}"), &doc, &fault), E_SYNTAX);
    assert_int_equal(fault.line, 3);
    assert_int_equal(json_parse((struct str){NULL, 0}, &doc, &fault), E_SYNTAX);
}

static void documents_that_are_large_or_deep_do_no_harm(void **state)
{
    (void)state;
    const size_t size = ((size_t)4 << 20) + 1;
    char *text = malloc(size);
    struct json_doc *doc;
    struct json_fault fault;
    memset(text, ' ', size);
    assert_int_equal(json_parse((struct str){text, size}, &doc, &fault), E_TOO_LONG);
    memset(text, '[', size);
    assert_int_equal(json_parse((struct str){text, size - 1}, &doc, &fault), E_SYNTAX);
    /* The most nodes that fit. */
    for (size_t i = 0; i + 4 < size; i += 3)
        memcpy(text + i + 1, "[],", 3);
    size_t used = (size - 6) / 3 * 3 + 1;
    text[used - 1] = ']';
    enum err err = json_parse((struct str){text, used}, &doc, &fault);
    assert_true(err == OK);
    assert_true(json_count(json_root(doc)) > 1000000);
    json_free(&doc);
    free(text);
}

static void written_text_is_safe_and_comes_back(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1000);
    json_add_text(&out, STR("a\"b\\c/d</script>\b\t\n\f\r\x01\x7F caf\xC3\xA9"));
    assert_string_equal(out.ptr,
                        "\"a\\\"b\\\\c/d<\\/script>\\b\\t\\n\\f\\r\\u0001\\u007f caf\xC3\xA9\"");
    buf_clear(&out);
    json_add_text(&out, STR("\x80 \xC3( \xF0\x9F\x93"));
    assert_string_equal(out.ptr,
                        "\"\xEF\xBF\xBD \xEF\xBF\xBD( \xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    buf_clear(&out);
    char all[127];
    for (int i = 0; i < 127; i++)
        all[i] = (char)(i + 1);
    buf_add_char(&out, '[');
    json_add_text(&out, (struct str){all, sizeof all});
    buf_add_char(&out, ']');
    struct json_doc *doc = parse_good(out.ptr);
    assert_true(str_eq(json_text(json_at(json_root(doc), 0)), (struct str){all, sizeof all}));
    json_free(&doc);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_value_is_read),
        cmocka_unit_test(members_come_in_document_order),
        cmocka_unit_test(asking_a_node_for_what_it_is_not_gives_nothing),
        cmocka_unit_test(what_is_not_strict_json_is_refused_with_its_place),
        cmocka_unit_test(documents_that_are_large_or_deep_do_no_harm),
        cmocka_unit_test(written_text_is_safe_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
