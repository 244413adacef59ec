/* test/unit/media/media_test.h - what the tests of this room share: files of test/data/media, bytes
 * put together by hand, and a framer run over bytes that come in pieces. */
#ifndef MAST_TEST_MEDIA_H
#define MAST_TEST_MEDIA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/bytes_priv.h"
#include "media/framer.h"
#include "media/icy.h"
#include "media/ogg_page_priv.h"

#define BYTES_MAX ((size_t)1 << 20)

/* Bytes that a test puts together. */
struct bytes {
    unsigned char *ptr;
    size_t len;
};

static inline struct bytes bytes_new(void)
{
    struct bytes b = {malloc(BYTES_MAX), 0};
    assert_non_null(b.ptr);
    return b;
}

static inline struct str bytes_str(const struct bytes *b)
{
    return (struct str){(const char *)b->ptr, b->len};
}

static inline void put(struct bytes *b, struct str s)
{
    assert_true(s.len <= BYTES_MAX - b->len);
    if (s.len > 0)
        memcpy(b->ptr + b->len, s.ptr, s.len);
    b->len += s.len;
}

static inline void put_fill(struct bytes *b, unsigned char value, size_t count)
{
    assert_true(count <= BYTES_MAX - b->len);
    memset(b->ptr + b->len, value, count);
    b->len += count;
}

static inline struct bytes load(const char *name)
{
    const char *folder = getenv("MAST_TEST_DATA");
    char path[512];
    snprintf(path, sizeof path, "%s/media/%s", folder ? folder : "test/data", name);
    FILE *file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    struct bytes b = bytes_new();
    b.len = fread(b.ptr, 1, BYTES_MAX, file);
    fclose(file);
    return b;
}

/* The header bytes of an MPEG frame: version 3 = 1, 2 = 2, 0 = 2.5; mode 3 = mono. */
struct mpeg_shape {
    unsigned version, bitrate_index, rate_index, mode, padding;
};

/* 128 kbit/s, 44.1 kHz, stereo: 417 bytes. */
static const struct mpeg_shape mpeg_usual = {3, 9, 0, 0, 0};

static inline void mpeg_head(const struct mpeg_shape *s, unsigned char head[4])
{
    head[0] = 0xFF;
    head[1] = (unsigned char)(0xE0 | s->version << 3 | 1 << 1 | 1);
    head[2] = (unsigned char)(s->bitrate_index << 4 | s->rate_index << 2 | s->padding << 1);
    head[3] = (unsigned char)(s->mode << 6);
}

static inline void put_mpeg(struct bytes *b, const struct mpeg_shape *s, size_t frame_bytes)
{
    unsigned char head[4];
    mpeg_head(s, head);
    put(b, (struct str){(const char *)head, 4});
    put_fill(b, 0x55, frame_bytes - 4);
}

/* An ADTS frame of LC, 48 kHz, stereo. */
static inline void put_adts(struct bytes *b, size_t payload_bytes, bool has_crc, unsigned blocks)
{
    size_t frame_bytes = 7 + (has_crc ? 2 : 0) + payload_bytes;
    unsigned char head[9] = {
        0xFF,
        (unsigned char)(has_crc ? 0xF0 : 0xF1),
        1 << 6 | 3 << 2,
        (unsigned char)(2 << 6 | frame_bytes >> 11),
        (unsigned char)(frame_bytes >> 3),
        (unsigned char)((frame_bytes & 7) << 5 | 0x1F),
        (unsigned char)(0xFC | (blocks - 1)),
        0xC3,
        0xC4,
    };
    put(b, (struct str){(const char *)head, has_crc ? 9 : 7});
    put_fill(b, 0x21, payload_bytes);
}

/* A page of whole packets (the last one may go on, by is_open). */
struct page_shape {
    uint8_t flags;
    uint32_t serial;
    uint32_t seq;
    bool is_open; /* the last packet has a multiple of 255 bytes and no end on this page */
};

static inline void put_page(struct bytes *b, struct page_shape shape, const struct str *packets,
                            size_t count)
{
    unsigned char lacing[255], body[255 * 255], made[OGG_HEAD_BYTES + 255 + 255 * 255];
    size_t laced = 0, body_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_open = shape.is_open && i + 1 == count;
        assert_true(!is_open || packets[i].len % 255 == 0);
        size_t values = packets[i].len / 255 + (is_open ? 0 : 1);
        assert_true(laced + values <= 255);
        memset(lacing + laced, 255, values);
        if (!is_open)
            lacing[laced + values - 1] = (unsigned char)(packets[i].len % 255);
        laced += values;
        if (packets[i].len > 0)
            memcpy(body + body_bytes, packets[i].ptr, packets[i].len);
        body_bytes += packets[i].len;
    }
    struct ogg_page page = {
        .flags = shape.flags,
        .serial = shape.serial,
        .seq = shape.seq,
        .lacing = {(const char *)lacing, laced},
        .body = {(const char *)body, body_bytes},
    };
    put(b, (struct str){(const char *)made, ogg_page_write(&page, made)});
}

static inline void put_page1(struct bytes *b, uint8_t flags, uint32_t serial, uint32_t seq,
                             struct str packet)
{
    put_page(b, (struct page_shape){flags, serial, seq, false}, &packet, 1);
}

/* What came out of a framer. */
struct run {
    enum err last; /* of framer_next() */
    size_t frames, format_changes, titles;
    uint64_t samples, bytes, hash; /* the hash is over all frames, with their lengths */
    struct format format;
    struct framer_losses losses;
    char title[TITLE_BYTES];
    char why[80];
    unsigned char setup[24 * 1024];
    size_t setup_bytes;
    uint32_t setup_seq;
    unsigned char frame[128 * 1024]; /* the last one */
    size_t frame_bytes;
};

static inline void run_add(struct run *run, const struct frame *frame)
{
    if (run->frames > 0 && !format_same(&run->format, &frame->format))
        run->format_changes++;
    run->frames++;
    run->samples += frame->samples;
    run->bytes += frame->bytes.len;
    run->format = frame->format;
    for (size_t i = 0; i < frame->bytes.len; i++)
        run->hash = (run->hash ^ byte_at(frame->bytes, i)) * 0x100000001b3;
    run->hash = (run->hash ^ frame->bytes.len) * 0x100000001b3;
    memcpy(run->frame, frame->bytes.ptr, frame->bytes.len);
    run->frame_bytes = frame->bytes.len;
}

/* Runs all bytes through a new framer in pieces of 1 to piece_max bytes; a seed of 0 makes all of
 * them piece_max long. The result lies in static memory until the next run but one. */
static inline const struct run *frame_all(enum container container, struct str bytes,
                                          size_t piece_max, uint64_t seed)
{
    static struct run runs[2];
    static unsigned turn;
    struct run *run = &runs[turn++ & 1];
    memset(run, 0, sizeof *run);
    run->last = E_AGAIN;
    struct framer *framer;
    assert_int_equal(framer_new(container, &framer), OK);
    while (bytes.len > 0) {
        seed = seed * 6364136223846793005u + (seed ? 1442695040888963407u : 0);
        size_t piece_bytes = seed ? 1 + (size_t)(seed >> 33) % piece_max : piece_max;
        struct str piece = str_slice(bytes, 0, piece_bytes);
        size_t taken = framer_push(framer, piece);
        if (run->last == E_AGAIN)
            assert_true(taken > 0);
        bytes = str_slice(bytes, taken, bytes.len);
        struct frame frame;
        while ((run->last = framer_next(framer, &frame)) == OK)
            run_add(run, &frame);
        char title[TITLE_BYTES];
        if (framer_take_title(framer, title, sizeof title) == OK) {
            memcpy(run->title, title, sizeof title);
            run->titles++;
        }
    }
    run->losses = framer_losses(framer);
    snprintf(run->why, sizeof run->why, "%s", framer_why(framer));
    struct str setup = framer_setup(framer, &run->setup_seq);
    memcpy(run->setup, setup.ptr, setup.len);
    run->setup_bytes = setup.len;
    framer_free(&framer);
    assert_null(framer);
    return run;
}

#endif
