/* Any bytes as a chunked body: in one piece and in pieces the same must come out. The first byte
 * says how long the pieces are. */
#include "net/chunked.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct sum {
    uint64_t hash, count;
};

static void on_bytes(void *ctx, struct str bytes)
{
    struct sum *sum = ctx;
    for (size_t i = 0; i < bytes.len; i++)
        sum->hash = (sum->hash ^ (unsigned char)bytes.ptr[i]) * UINT64_C(0x100000001b3);
    sum->count += bytes.len;
}

static enum err feed(struct str bytes, size_t step, struct sum *sum, size_t *at, bool *is_done)
{
    struct chunked chunked;
    enum err err = OK;
    *sum = (struct sum){0};
    *at = 0;
    chunked_init(&chunked, on_bytes, sum);
    while (!err && *at < bytes.len && !chunked.is_done) {
        size_t used;
        err = chunked_feed(&chunked, str_slice(bytes, *at, *at + step), &used);
        assert(used <= step);
        *at += used;
    }
    *is_done = chunked.is_done;
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > 8192)
        return 0;
    struct str bytes = {(const char *)data + 1, size - 1};
    struct sum a, b;
    size_t at_a, at_b;
    bool done_a, done_b;
    enum err err_a = feed(bytes, bytes.len, &a, &at_a, &done_a);
    enum err err_b = feed(bytes, 1 + data[0] % 16, &b, &at_b, &done_b);
    assert(!err_a == !err_b);
    assert(a.count <= bytes.len);
    if (!err_a)
        assert(a.hash == b.hash && a.count == b.count && done_a == done_b && at_a == at_b);
    return 0;
}
