/* Stretches of a tape through the writer of segments: the first byte tells whether the rest is taken
 * as it is or put into frames with right heads, the second where it is cut in two. What comes out
 * must have boxes that fit into each other and hold every block. */
#include <stdlib.h>
#include <string.h>

#include "media/fmp4.h"
#include "media/raw_priv.h"

#define MOOF_HEAD 88 /* up to the first size in trun */

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static size_t number(const struct buf *buf, size_t at)
{
    size_t v = 0;
    check(at + 4 <= buf->len);
    for (size_t i = 0; i < 4; i++)
        v = v << 8 | (unsigned char)buf->ptr[at + i];
    return v;
}

/* Each piece of the input says its length in its first byte. */
static void make_frames(struct str in, struct buf *out)
{
    while (in.len > 1) {
        size_t len = 1 + (size_t)(unsigned char)in.ptr[0];
        struct str block = str_slice(in, 1, 1 + len);
        size_t bytes = block.len + ADTS_HEAD_BYTES;
        const unsigned char head[ADTS_HEAD_BYTES] = {
            0xFF,
            0xF1,
            0x4C,
            (unsigned char)(0x80 | bytes >> 11),
            (unsigned char)(bytes >> 3 & 255),
            (unsigned char)((bytes & 7) << 5 | 0x1F),
            0xFC,
        };
        buf_add(out, (struct str){(const char *)head, sizeof(head)});
        buf_add(out, block);
        in = str_slice(in, 1 + block.len, in.len);
    }
}

static void check_segment(const struct buf *out, uint64_t samples, size_t given)
{
    size_t count = (size_t)(samples / 1024), moof = number(out, 0), sum = 0;
    check(samples % 1024 == 0 && count > 0 && moof == MOOF_HEAD + 4 * count);
    check(memcmp(out->ptr + 4, "moof", 4) == 0 && memcmp(out->ptr + moof + 4, "mdat", 4) == 0);
    for (size_t i = 0; i < count; i++)
        sum += number(out, MOOF_HEAD + 4 * i);
    check(number(out, moof) == 8 + sum && out->len == moof + 8 + sum);
    check(sum + count * ADTS_HEAD_BYTES == given);
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    if (size < 2)
        return 0;
    struct buf frames, out;
    buf_init(&frames, (size_t)1 << 22);
    buf_init(&out, (size_t)1 << 22);
    struct str bytes = {(const char *)input + 2, size - 2};
    bool is_made = input[0] & 1;
    if (is_made) {
        make_frames(bytes, &frames);
        bytes = buf_str(&frames);
    }
    size_t at = bytes.len * input[1] / 255;
    bool is_whole = is_made && (input[0] & 2);
    const struct str stretches[2] = {str_slice(bytes, 0, is_whole ? bytes.len : at),
                                     str_slice(bytes, is_whole ? bytes.len : at, bytes.len)};
    struct fmp4_segment segment = {.stretches = stretches, .stretches_count = 2};
    uint64_t samples;
    enum err err = fmp4_segment(&segment, &out, &samples);
    if (err == OK && buf_err(&out) == OK)
        check_segment(&out, samples, bytes.len);
    else
        check(err == E_CORRUPT && out.len == 0);
    check(!is_whole || bytes.len == 0 || err == OK);
    buf_release(&frames);
    buf_release(&out);
    return 0;
}
