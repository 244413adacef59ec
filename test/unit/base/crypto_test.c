/* Tests of base/crypto.c. */
#include "base/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void random_bytes_differ_each_time(void **state)
{
    (void)state;
    unsigned char a[32] = {0}, b[32] = {0};
    random_bytes(a, sizeof a);
    random_bytes(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(random_u64() != random_u64());
}

static void a_generated_key_is_26_letters_and_digits(void **state)
{
    (void)state;
    char first[KEY_TEXT_BYTES], key[KEY_TEXT_BYTES];
    unsigned seen[26][128] = {{0}};
    key_generate(first);
    for (int round = 0; round < 1000; round++) {
        key_generate(key);
        assert_int_equal(strlen(key), 26);
        assert_int_equal(strspn(key, "abcdefghijklmnopqrstuvwxyz234567"), 26);
        for (int i = 0; i < 26; i++)
            seen[i][(int)key[i]]++;
    }
    assert_string_not_equal(first, key);
    /* Every place but the last takes all 32 values: 1000 draws miss one with 10^-14 each. */
    for (int i = 0; i < 26; i++) {
        int kinds = 0;
        for (int c = 0; c < 128; c++)
            kinds += seen[i][c] > 0;
        assert_int_equal(kinds, i < 25 ? 32 : 8);
    }
}

static void a_key_matches_its_hash_only_with_the_same_secret(void **state)
{
    (void)state;
    const unsigned char secret[KEY_SECRET_BYTES] = {1, 2, 3};
    const unsigned char other[KEY_SECRET_BYTES] = {1, 2, 4};
    char hash[KEY_HASH_BYTES];
    key_hash(secret, STR("correct horse"), hash);
    assert_int_equal(strlen(hash), 64);
    assert_true(key_matches(secret, STR("correct horse"), hash));
    assert_false(key_matches(secret, STR("correct horsf"), hash));
    assert_false(key_matches(secret, STR("correct horse "), hash));
    assert_false(key_matches(secret, STR(""), hash));
    assert_false(key_matches(other, STR("correct horse"), hash));
    assert_false(key_matches(secret, STR("correct horse"), ""));
    hash[63] = hash[63] == '0' ? '1' : '0';
    assert_false(key_matches(secret, STR("correct horse"), hash));
}

/* From: python3 -c "import hashlib; print(hashlib.blake2b(b'abc', digest_size=32,
 * key=bytes(range(32))).hexdigest())" */
static void the_hash_is_keyed_blake2b(void **state)
{
    (void)state;
    unsigned char secret[KEY_SECRET_BYTES];
    char hash[KEY_HASH_BYTES];
    for (unsigned i = 0; i < sizeof secret; i++)
        secret[i] = (unsigned char)i;
    key_hash(secret, STR("abc"), hash);
    assert_string_equal(hash, "d63a32d3e44738d7907f964316c241adaba0abfeabc32349677578a15a203f7f");
}

static void hex_goes_there_and_back(void **state)
{
    (void)state;
    const unsigned char bytes[4] = {0, 0x7F, 0x80, 0xFF};
    unsigned char back[4];
    char hex[9];
    hex_encode(bytes, 4, hex);
    assert_string_equal(hex, "007f80ff");
    assert_int_equal(hex_decode(STR("007F80fF"), back, 4), OK);
    assert_memory_equal(back, bytes, 4);
    assert_int_equal(hex_decode(STR("007f80f"), back, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR("007f80ff00"), back, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR("007f80fg"), back, 4), E_SYNTAX);
    assert_int_equal(hex_decode(STR("007f 0ff"), back, 4), E_SYNTAX);
}

/* Source: RFC 4648 section 10. */
static void base64_is_read_with_and_without_padding(void **state)
{
    static const struct {
        const char *text, *bytes;
    } good[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zg", "f"},
        {"Zm8=", "fo"},
        {"Zm8", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmFy", "foobar"},
        {"c291cmNlOmE6Yg==", "source:a:b"},
        {"+/+/", "\xFB\xFF\xBF"},
    };
    static const char *const bad[] = {"Z",
                                      "Zg=",
                                      "Zg===",
                                      "Z===",
                                      "=",
                                      "Zm9v=",
                                      "Zm9v Zm9v",
                                      "Zm9v\n",
                                      "Zm9-",
                                      "Zh==",
                                      "Z*==",
                                      "Zg==Zg==",
                                      "\xFF\xFF\xFF\xFF",
                                      "Zm9\xC2"};
    (void)state;
    char out[64];
    size_t len;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(base64_decode(str_of(good[i].text), out, sizeof out, &len), OK);
        assert_true(str_eq((struct str){out, len}, str_of(good[i].bytes)));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        len = 9;
        assert_int_equal(base64_decode(str_of(bad[i]), out, sizeof out, &len), E_SYNTAX);
        assert_int_equal(len, 0);
    }
    assert_int_equal(base64_decode(STR("Zm9vYmFy"), out, 6, &len), OK);
    assert_int_equal(base64_decode(STR("Zm9vYmFy"), out, 5, &len), E_TOO_LONG);
    assert_int_equal(len, 0);
}

static int start(void **state)
{
    (void)state;
    return crypto_init() ? -1 : 0;
}

static bool same_tag(struct tag a, struct tag b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

static void a_tag_depends_on_key_bytes_and_where_the_parts_end(void **state)
{
    (void)state;
    unsigned char secret[KEY_SECRET_BYTES] = {1}, other[KEY_SECRET_BYTES] = {2};
    const struct str one[] = {STR("ab"), STR("c")}, two[] = {STR("a"), STR("bc")};
    const struct str three[] = {STR("ab"), STR("c"), {NULL, 0}};
    struct tag tag = tag_of(secret, one, 2);
    assert_true(same_tag(tag, tag_of(secret, one, 2)));
    assert_false(same_tag(tag, tag_of(other, one, 2)));
    assert_false(same_tag(tag, tag_of(secret, two, 2)));
    assert_false(same_tag(tag, tag_of(secret, three, 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tag_depends_on_key_bytes_and_where_the_parts_end),
        cmocka_unit_test(random_bytes_differ_each_time),
        cmocka_unit_test(a_generated_key_is_26_letters_and_digits),
        cmocka_unit_test(a_key_matches_its_hash_only_with_the_same_secret),
        cmocka_unit_test(the_hash_is_keyed_blake2b),
        cmocka_unit_test(hex_goes_there_and_back),
        cmocka_unit_test(base64_is_read_with_and_without_padding),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
