#include "memo.h"

#include "base/mem.h"

#include <string.h>

#define WINDOW      (MEMO_BEHIND + 1)
#define BYTES_EACH  256 /* the shortest frames that fill the memory, their slot not counted */
#define SLOTS_SPARE 2   /* so many slots a frame: few collide */

/* 128 bits, so that no two windows of sound that differ have the same one. */
struct digest {
    uint64_t a, b;
};

struct slot {
    struct digest key;
    uint32_t offset, len; /* in `bytes`; len 0: empty */
};

struct memo {
    struct encoder *encoder;
    uint8_t channels;
    uint32_t frame_samples;
    int64_t pushed;  /* frames */
    int64_t encoded; /* of them and of those again that the encoder had not got, so many went in */
    int64_t missed;  /* frames that the encoder did not get, up to now */
    int64_t lag;     /* from the first sample of a frame that comes out to that of its push */
    bool is_lag_known;
    struct str found; /* for the last push and not given out yet */
    bool is_asked;    /* the encoder, for the last push */
    struct digest key;
    struct digest digests[WINDOW]; /* of the last frames of sound, by their number */
    float *sound[WINDOW];          /* themselves, one plane after the other */
    struct slot *slots;
    size_t slots_count, slots_used;
    char *bytes;
    size_t bytes_count, bytes_used;
};

/* ---- what was heard ---- */

static uint64_t turned(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

/* Two ways of mixing that have nothing in common. Each step is reversible: one other word gives
 * another digest for certain, more of them but by a chance of 2^-128. */
static void digest_add(struct digest *digest, uint64_t word)
{
    digest->a = turned(digest->a ^ word, 23) * 0x9e3779b97f4a7c15u;
    digest->b = turned(digest->b + word, 41) * 0xc2b2ae3d27d4eb4fu + 0x165667b19e3779f9u;
}

static struct digest digest_of_sound(const float *samples, size_t count)
{
    struct digest digest = {1, 2};
    for (size_t i = 0; i < count; i += 2) {
        uint64_t word;
        memcpy(&word, samples + i, sizeof(word));
        digest_add(&digest, word);
    }
    return digest;
}

static struct digest digest_of_window(const struct memo *memo)
{
    struct digest digest = {3, 4};
    for (int back = MEMO_BEHIND; back >= 0; back--) {
        const struct digest *of = &memo->digests[(memo->pushed + WINDOW - back) % WINDOW];
        digest_add(&digest, of->a);
        digest_add(&digest, of->b);
    }
    return digest;
}

/* ---- what is remembered ---- */

/* The slot with this key, or the empty one where it belongs. */
static struct slot *slot_find(const struct memo *memo, const struct digest *key)
{
    size_t i = key->a % memo->slots_count;
    for (;; i = (i + 1) % memo->slots_count) {
        struct slot *slot = &memo->slots[i];
        if (slot->len == 0 || (slot->key.a == key->a && slot->key.b == key->b))
            return slot;
    }
}

static void keep(struct memo *memo, struct str frame)
{
    if (frame.len == 0 || frame.len > memo->bytes_count)
        return;
    if (frame.len > memo->bytes_count - memo->bytes_used ||
        memo->slots_used * SLOTS_SPARE >= memo->slots_count) {
        memset(memo->slots, 0, memo->slots_count * sizeof(*memo->slots));
        memo->slots_used = memo->bytes_used = 0;
    }
    struct slot *slot = slot_find(memo, &memo->key);
    *slot = (struct slot){memo->key, (uint32_t)memo->bytes_used, (uint32_t)frame.len};
    memcpy(memo->bytes + memo->bytes_used, frame.ptr, frame.len);
    memo->bytes_used += frame.len;
    memo->slots_used++;
}

/* ---- */

enum err memo_new(struct encoder *encoder, uint8_t channels, size_t bytes, struct memo **out)
{
    assert(bytes >= 65536 && bytes <= UINT32_MAX);
    struct memo *memo = mem_new(sizeof(*memo));
    *out = memo;
    if (!memo)
        return E_NOMEM;
    memo->encoder = encoder;
    memo->channels = channels;
    memo->frame_samples = encoder_frame_samples(encoder);
    assert(memo->frame_samples % 2 == 0);
    memo->slots_count = bytes / (BYTES_EACH / SLOTS_SPARE + sizeof(struct slot));
    memo->bytes_count = bytes - memo->slots_count * sizeof(struct slot);
    memo->slots = mem_new_array(memo->slots_count, sizeof(*memo->slots));
    memo->bytes = mem_new(memo->bytes_count);
    bool is_whole = memo->slots && memo->bytes;
    for (int i = 0; i < WINDOW; i++) {
        memo->sound[i] = mem_new_array((size_t)channels * memo->frame_samples, sizeof(float));
        is_whole = is_whole && memo->sound[i];
    }
    if (is_whole)
        return OK;
    memo_free(out);
    return E_NOMEM;
}

void memo_free(struct memo **memo)
{
    if (!*memo)
        return;
    for (int i = 0; i < WINDOW; i++)
        mem_free((*memo)->sound[i]);
    mem_free((*memo)->slots);
    mem_free((*memo)->bytes);
    mem_free(*memo);
    *memo = NULL;
}

static enum err encode(struct memo *memo, int64_t number)
{
    const float *sound = memo->sound[number % WINDOW];
    const float *const planes[2] = {sound, sound + (memo->channels - 1) * memo->frame_samples};
    memo->encoded++;
    return encoder_push(memo->encoder, planes);
}

/* Gives the encoder what it did not get, as far as it matters. */
static enum err catch_up(struct memo *memo)
{
    int64_t back = memo->missed < MEMO_BEHIND ? memo->missed : MEMO_BEHIND;
    memo->missed = 0;
    enum err err = OK;
    for (; back > 0 && err == OK; back--) {
        struct str bytes;
        int64_t first;
        err = encode(memo, memo->pushed - back);
        while (err == OK)
            err = encoder_next(memo->encoder, &bytes, &first);
        err = err == E_AGAIN ? OK : err;
    }
    return err;
}

enum err memo_push(struct memo *memo, const float *const planes[2])
{
    size_t each = memo->frame_samples;
    float *sound = memo->sound[memo->pushed % WINDOW];
    for (int c = 0; c < memo->channels; c++)
        memcpy(sound + c * each, planes[c], each * sizeof(float));
    memo->digests[memo->pushed % WINDOW] = digest_of_sound(sound, memo->channels * each);
    memo->key = digest_of_window(memo);
    const struct slot *slot = slot_find(memo, &memo->key);
    memo->found = (struct str){memo->bytes + slot->offset, slot->len};
    memo->is_asked = slot->len == 0;
    enum err err = OK;
    if (memo->is_asked)
        err = catch_up(memo);
    else
        memo->missed++;
    if (err == OK && memo->is_asked)
        err = encode(memo, memo->pushed);
    memo->pushed++;
    return err;
}

enum err memo_next(struct memo *memo, struct str *out, int64_t *first)
{
    int64_t push = (memo->pushed - 1) * memo->frame_samples;
    if (memo->found.len > 0) {
        *out = memo->found;
        *first = push - memo->lag;
        memo->found.len = 0;
        return OK;
    }
    enum err err = memo->is_asked ? encoder_next(memo->encoder, out, first) : E_AGAIN;
    if (err != OK)
        return err;
    /* The encoder counts what it got, one after the other. */
    *first += (memo->pushed - memo->encoded) * memo->frame_samples;
    if (!memo->is_lag_known)
        memo->lag = push - *first;
    memo->is_lag_known = true;
    if (memo->pushed >= WINDOW && memo->lag == push - *first)
        keep(memo, *out);
    return OK;
}

uint64_t memo_encoded(const struct memo *memo)
{
    return (uint64_t)memo->encoded;
}
