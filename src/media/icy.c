/* media/icy.c - metadata blocks; contract in icy.h */
#include "media/icy.h"

#include <string.h>

#include "media/bytes_priv.h"

#define BODY_MAX_BYTES ((size_t)ICY_BLOCK_MAX_BYTES - 1)
/* A longer address is left out: half of one is of no use, and the title needs the room. */
#define URL_MAX_BYTES ((size_t)2048)

static const struct str title_head = {"StreamTitle='", 13};
static const struct str url_head = {"StreamUrl='", 11};
static const struct str value_end = {"';", 2};

/* Bytes that are put one after another into a block that has room for `size`. */
struct writer {
    unsigned char *to;
    size_t len;
    size_t size;
};

static void add(struct writer *w, struct str s)
{
    assert(s.len <= w->size - w->len);
    memcpy(w->to + w->len, s.ptr, s.len);
    w->len += s.len;
}

/* Only what a player may safely follow, with nothing in it that could end the value early. */
static bool url_is_fit(struct str url)
{
    if (!str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        return false;
    for (size_t i = 0; i < url.len; i++)
        if (byte_at(url, i) <= ' ' || byte_at(url, i) == 0x7F || url.ptr[i] == '\'')
            return false;
    return url.len <= URL_MAX_BYTES;
}

/* Adds a title, its apostrophes turned, without control bytes, cut to `max` bytes. */
static void add_title(struct writer *w, struct str title, size_t max)
{
    size_t end = w->len + max;
    while (title.len > 0) {
        size_t used = 1;
        while (used < title.len && (byte_at(title, used) & 0xC0) == 0x80)
            used++; /* a whole sequence at a time, so that none is cut */
        struct str one = str_slice(title, 0, used);
        title = str_slice(title, used, title.len);
        if (byte_at(one, 0) < ' ' || byte_at(one, 0) == 0x7F)
            continue;
        if (one.ptr[0] == '\'')
            one = STR("\xE2\x80\x99");
        if (w->len + one.len > end)
            return;
        add(w, one);
    }
}

size_t icy_block(struct str title, struct str url, unsigned char out[ICY_BLOCK_MAX_BYTES])
{
    struct writer w = {out + 1, 0, BODY_MAX_BYTES};
    bool has_url = url_is_fit(url);
    size_t url_bytes = has_url ? url_head.len + url.len + value_end.len : 0;

    add(&w, title_head);
    add_title(&w, title, w.size - w.len - value_end.len - url_bytes);
    add(&w, value_end);
    if (has_url) {
        add(&w, url_head);
        add(&w, url);
        add(&w, value_end);
    }
    size_t blocks = (w.len + 15) / 16;
    memset(w.to + w.len, 0, blocks * 16 - w.len);
    out[0] = (unsigned char)blocks;
    return 1 + blocks * 16;
}

void icy_strip_init(struct icy_strip *strip, uint32_t metaint_bytes)
{
    memset(strip, 0, sizeof *strip);
    strip->metaint_bytes = metaint_bytes;
    strip->sound_left_bytes = metaint_bytes;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where the sound's piece has ended: a length byte, or a part of a block. */
static size_t take_block(struct icy_strip *strip, struct str bytes)
{
    if (!strip->in_block) {
        strip->block_bytes = 16u * byte_at(bytes, 0);
        strip->block_left_bytes = strip->block_bytes;
        strip->in_block = strip->block_bytes > 0;
        if (strip->in_block)
            strip->has_title = false; /* its bytes are about to be written over */
        else
            strip->sound_left_bytes = strip->metaint_bytes;
        return 1;
    }
    size_t used = smaller(bytes.len, strip->block_left_bytes);
    memcpy(strip->block + (strip->block_bytes - strip->block_left_bytes), bytes.ptr, used);
    strip->block_left_bytes -= (uint32_t)used;
    if (strip->block_left_bytes == 0) {
        struct str block = {(const char *)strip->block, strip->block_bytes};
        strip->has_title = memmem(block.ptr, block.len, title_head.ptr, title_head.len) != NULL;
        strip->in_block = false;
        strip->sound_left_bytes = strip->metaint_bytes;
    }
    return used;
}

size_t icy_strip_next(struct icy_strip *strip, struct str bytes, struct str *sound)
{
    *sound = str_slice(bytes, 0, 0);
    if (bytes.len == 0)
        return 0;
    if (strip->metaint_bytes == 0) {
        *sound = bytes;
        return bytes.len;
    }
    if (strip->sound_left_bytes == 0)
        return take_block(strip, bytes);
    *sound = str_slice(bytes, 0, strip->sound_left_bytes);
    strip->sound_left_bytes -= (uint32_t)sound->len;
    return sound->len;
}

enum err icy_strip_take_title(struct icy_strip *strip, struct str *title)
{
    *title = (struct str){0};
    if (!strip->has_title)
        return E_AGAIN;
    strip->has_title = false;
    struct str block = {(const char *)strip->block, strip->block_bytes};
    const char *head = memmem(block.ptr, block.len, title_head.ptr, title_head.len);
    assert(head);
    struct str value = str_slice(block, (size_t)(head - block.ptr) + title_head.len, block.len);
    const char *end = memmem(value.ptr, value.len, value_end.ptr, value_end.len);
    if (end) {
        value.len = (size_t)(end - value.ptr);
    } else {
        struct str rest = value;
        /* Cut off by its sender: what stands before the padding, without a closing apostrophe. */
        str_cut(&rest, '\0', &value);
        if (str_ends(value, STR("'")))
            value.len--;
    }
    *title = value;
    return OK;
}
