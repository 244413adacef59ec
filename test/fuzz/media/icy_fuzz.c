/* Titles and their blocks. The first byte tells the size of a title and whether it is Latin-1, the
 * second the metaint and how the bytes are cut; the rest is a title, and a source's bytes. */
#include <stdlib.h>
#include <string.h>

#include "media/icy.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_clean(struct str title, size_t size)
{
    char again[TITLE_BYTES];
    check(title.len < size && title.ptr[title.len] == '\0');
    check(str_is_utf8(title));
    check(memchr(title.ptr, '\0', title.len + 1) == title.ptr + title.len);
    for (size_t i = 0; i < title.len; i++)
        check((unsigned char)title.ptr[i] >= ' ' && title.ptr[i] != 0x7F);
    check(title.len == 0 || (title.ptr[0] != ' ' && title.ptr[title.len - 1] != ' '));
    check(title.len == 0 || memmem(title.ptr, title.len, "  ", 2) == NULL);
    check(title_clean(title, false, again, sizeof again) == title.len);
    check(memcmp(again, title.ptr, title.len) == 0);
}

/* A block goes through the strip and gives its title back, the apostrophes turned. */
static void check_block(struct str title, struct str url)
{
    unsigned char block[1 + ICY_BLOCK_MAX_BYTES] = {'s'};
    size_t len = icy_block(title, url, block + 1);
    check(len % 16 == 1 && len <= ICY_BLOCK_MAX_BYTES && block[1] == len / 16);
    struct icy_strip strip;
    struct str bytes = {(const char *)block, 1 + len}, sound, back;
    icy_strip_init(&strip, 1);
    while (bytes.len > 0)
        bytes = str_slice(bytes, icy_strip_next(&strip, bytes, &sound), bytes.len);
    check(icy_strip_take_title(&strip, &back) == OK);
    check(!str_has(back, '\''));
    check(!str_is_utf8(title) || str_is_utf8(back));
    for (size_t i = 0; i < back.len; i++)
        check((unsigned char)back.ptr[i] >= ' ');
    check(icy_strip_take_title(&strip, &back) == E_AGAIN);
}

static size_t strip_all(uint32_t metaint, struct str bytes, size_t piece, uint64_t *hash)
{
    struct icy_strip strip;
    struct str sound, title;
    size_t heard = 0;
    icy_strip_init(&strip, metaint);
    *hash = 0;
    while (bytes.len > 0) {
        struct str some = str_slice(bytes, 0, piece);
        size_t used = icy_strip_next(&strip, some, &sound);
        check(used > 0 && used <= some.len);
        check(sound.len == 0 || (sound.ptr == some.ptr && sound.len == used));
        heard += sound.len;
        bytes = str_slice(bytes, used, bytes.len);
        if (icy_strip_take_title(&strip, &title) == OK)
            for (size_t i = 0; i < title.len; i++)
                *hash = *hash * 31 + (unsigned char)title.ptr[i];
    }
    return heard;
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    if (size < 2)
        return 0;
    struct str bytes = {(const char *)input + 2, size - 2};
    char title[TITLE_BYTES];
    size_t title_size = 1 + (input[0] & 0x7F) * 4u;
    size_t len = title_clean(bytes, input[0] & 0x80, title, title_size);
    check_clean((struct str){title, len}, title_size);
    check_block((struct str){title, len}, bytes);
    check_block(bytes, (struct str){title, len});

    uint64_t hash, hash_cut;
    uint32_t metaint = input[1] & 0x3F;
    size_t heard = strip_all(metaint, bytes, bytes.len, &hash);
    check(strip_all(metaint, bytes, 1u + (input[1] >> 6), &hash_cut) == heard);
    check(hash == hash_cut);
    return 0;
}
