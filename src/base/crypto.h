/* base/crypto.h - the one door for randomness, and keys; wraps libsodium. */
#ifndef MAST_BASE_CRYPTO_H
#define MAST_BASE_CRYPTO_H

#include "base/str.h"

/* Must be called once before anything else here; E_IO if the machine has no randomness. */
MUST_USE enum err crypto_init(void);

void random_bytes(void *to, size_t bytes); /* Thread: any. Air-safe once initialised. */
uint64_t random_u64(void);

/* A new key to give to a person: 128 random bits as 26 characters of a-z and 2-7, and a NUL. */
#define KEY_TEXT_BYTES 27
void key_generate(char out[KEY_TEXT_BYTES]);

/* What the board keeps of a key: BLAKE2b-256 of it, keyed by the board's own secret, in hex. */
#define KEY_HASH_BYTES   65
#define KEY_SECRET_BYTES 32
void key_hash(const unsigned char secret[KEY_SECRET_BYTES], struct str key,
              char out[KEY_HASH_BYTES]);

/* Tells whether a key that somebody offers has this hash, in time that does not depend on where
 * they differ.   Thread: any but air. */
bool key_matches(const unsigned char secret[KEY_SECRET_BYTES], struct str key, const char *hash);

/* The same for a key that was hashed already, since it is held against many. */
bool key_hash_matches(const char offered[KEY_HASH_BYTES], const char *hash);

/* A tag for bytes from outside that are looked up in a table: BLAKE2b-128 of all parts with their
 * lengths, keyed, so that nobody can choose what falls together.   Thread: any but air. */
#define TAG_BYTES 16
struct tag {
    uint64_t half[TAG_BYTES / 8];
};
struct tag tag_of(const unsigned char secret[KEY_SECRET_BYTES], const struct str *parts,
                  size_t count);

void hex_encode(const void *bytes, size_t count, char *out); /* 2 * count + 1 characters */
MUST_USE enum err hex_decode(struct str hex, void *out, size_t count);

/* Decodes standard Base64 (with or without padding) as HTTP Basic needs it.
 * Errors: E_SYNTAX bad alphabet or length, E_TOO_LONG over out_size; *out_len = 0 then.
 * Source: RFC 4648 section 4. */
MUST_USE enum err base64_decode(struct str text, void *out, size_t out_size, size_t *out_len);

#endif
