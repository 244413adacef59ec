/* base/crypto.c - contract in crypto.h */
#include "base/crypto.h"

#include <sodium.h>
#include <string.h>

#define HASH_BYTES ((size_t)32)

_Static_assert(KEY_HASH_BYTES == 2 * 32 + 1, "a hash is 32 bytes in hex and a NUL");
_Static_assert(KEY_SECRET_BYTES >= crypto_generichash_KEYBYTES_MIN &&
                   KEY_SECRET_BYTES <= crypto_generichash_KEYBYTES_MAX,
               "the secret keys BLAKE2b");

enum err crypto_init(void)
{
    return sodium_init() < 0 ? E_IO : OK;
}

void random_bytes(void *to, size_t bytes)
{
    randombytes_buf(to, bytes);
}

uint64_t random_u64(void)
{
    uint64_t value;
    randombytes_buf(&value, sizeof value);
    return value;
}

void key_generate(char out[KEY_TEXT_BYTES])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";
    unsigned char bits[16];
    unsigned hold = 0, held = 0;
    size_t next = 0;
    randombytes_buf(bits, sizeof bits);
    for (size_t i = 0; i < KEY_TEXT_BYTES - 1; i++) {
        if (held < 5) {
            /* The last character has three bits of the key and two zeros. */
            hold = (hold << 8 | (next < sizeof bits ? bits[next] : 0)) & 0xFFFF;
            next++;
            held += 8;
        }
        held -= 5;
        out[i] = alphabet[hold >> held & 31];
    }
    out[KEY_TEXT_BYTES - 1] = '\0';
    sodium_memzero(bits, sizeof bits);
}

void key_hash(const unsigned char secret[KEY_SECRET_BYTES], struct str key,
              char out[KEY_HASH_BYTES])
{
    unsigned char hash[HASH_BYTES];
    int failed = crypto_generichash(hash, sizeof hash, (const unsigned char *)key.ptr, key.len,
                                    secret, KEY_SECRET_BYTES);
    assert(!failed);
    hex_encode(hash, sizeof hash, out);
}

bool key_matches(const unsigned char secret[KEY_SECRET_BYTES], struct str key, const char *hash)
{
    char offered[KEY_HASH_BYTES];
    key_hash(secret, key, offered);
    return key_hash_matches(offered, hash);
}

bool key_hash_matches(const char offered[KEY_HASH_BYTES], const char *hash)
{
    return strlen(hash) == KEY_HASH_BYTES - 1 &&
           sodium_memcmp(offered, hash, KEY_HASH_BYTES - 1) == 0;
}

struct tag tag_of(const unsigned char secret[KEY_SECRET_BYTES], const struct str *parts,
                  size_t count)
{
    struct tag tag;
    crypto_generichash_state state;
    int failed = crypto_generichash_init(&state, secret, KEY_SECRET_BYTES, sizeof tag);
    for (size_t i = 0; i < count; i++) {
        uint64_t len = parts[i].len; /* tells "ab", "c" from "a", "bc" */
        failed |= crypto_generichash_update(&state, (const unsigned char *)&len, sizeof len);
        failed |= crypto_generichash_update(&state, (const unsigned char *)parts[i].ptr, len);
    }
    failed |= crypto_generichash_final(&state, (unsigned char *)&tag, sizeof tag);
    assert(!failed);
    return tag;
}

void hex_encode(const void *bytes, size_t count, char *out)
{
    sodium_bin2hex(out, 2 * count + 1, bytes, count);
}

enum err hex_decode(struct str hex, void *out, size_t count)
{
    size_t len;
    if (hex.len != 2 * count)
        return E_SYNTAX;
    if (sodium_hex2bin(out, count, hex.ptr, hex.len, NULL, &len, NULL) || len != count)
        return E_SYNTAX;
    return OK;
}

/* Returns the value of one letter, or 64. Not left to libsodium: that of Debian 12 takes bytes over
 * 0x7F for letters. */
static unsigned base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (unsigned)(c - 'A');
    if (c >= 'a' && c <= 'z')
        return (unsigned)(c - 'a') + 26;
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 52;
    return c == '+' ? 62 : c == '/' ? 63 : 64;
}

enum err base64_decode(struct str text, void *out, size_t out_size, size_t *out_len)
{
    unsigned char *to = out;
    unsigned hold = 0, held = 0;
    size_t letters = text.len;
    *out_len = 0;
    while (letters > 0 && text.ptr[letters - 1] == '=' && text.len - letters < 2)
        letters--;
    size_t padding = text.len - letters;
    if (letters % 4 == 1 || (padding > 0 && (letters + padding) % 4 != 0))
        return E_SYNTAX;
    size_t len = letters / 4 * 3 + letters % 4 * 3 / 4;
    if (len > out_size)
        return E_TOO_LONG;
    for (size_t i = 0; i < letters; i++) {
        unsigned value = base64_value(text.ptr[i]);
        if (value == 64)
            return E_SYNTAX;
        hold = (hold << 6 | value) & 0xFFFF;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        *to++ = (unsigned char)(hold >> held);
    }
    /* Bits that no byte has must be zero, so that each text has one spelling. */
    if (hold & ((1U << held) - 1))
        return E_SYNTAX;
    *out_len = len;
    return OK;
}
