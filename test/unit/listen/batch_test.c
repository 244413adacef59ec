#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/mem.h"
#include "listen/ear_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOUND_BYTES (5 * METAINT_BYTES + 1234)
#define HEAD        "HTTP/1.0 200 OK\r\n\r\n"
#define HEAD_BYTES  (sizeof HEAD - 1)
#define LONG_BYTES  (9 * METAINT_BYTES + 1234)
#define OUT_BYTES   (LONG_BYTES + 32 * 1024)

/* One listener, and what the kernel took of what he was sent. */
struct rig {
    struct hall hall;
    struct row row;
    struct ear ear;
    bool is_busy; /* another title in each interval */
    unsigned char sound[LONG_BYTES];
    unsigned char out[OUT_BYTES];
    size_t out_bytes;
    size_t sound_bytes; /* as batch_take() counted them */
};

/* Titles hold from a place in the sound; the fourth falls together with the end of an interval. */
static const struct {
    uint64_t from;
    const char *text;
} titles[] = {
    {0, "One"},
    {METAINT_BYTES + 100, "Two, a longer one that takes some more bytes than the first"},
    {2 * METAINT_BYTES + 5, "Never said"},
    {3 * METAINT_BYTES, ""},
    {4 * METAINT_BYTES - 1, "Five"},
};
#define TITLES_COUNT (sizeof titles / sizeof titles[0])

static uint64_t title_at(const struct rig *rig, uint64_t pos)
{
    if (rig->is_busy)
        return pos / METAINT_BYTES;
    uint64_t found = 0;
    for (uint64_t i = 0; i < TITLES_COUNT; i++)
        if (titles[i].from <= pos)
            found = i;
    return found;
}

static uint64_t pos_of(const struct ear *ear)
{
    return atomic_load(&ear->row->pos);
}

static const char *text_of(const struct rig *rig, uint64_t title, char text[TITLE_BYTES])
{
    if (rig->is_busy)
        snprintf(text, TITLE_BYTES, "Title %d", (int)title);
    else
        str_copy(text, TITLE_BYTES, str_of(titles[title].text));
    return text;
}

static const struct rig *rig_of(const struct ear *ear)
{
    return (const struct rig *)((const char *)ear - offsetof(struct rig, ear));
}

static uint64_t fake_key(const struct ear *ear, size_t offset)
{
    return title_at(rig_of(ear), pos_of(ear) + offset) + 1;
}

static void fake_text(const struct ear *ear, size_t offset, char title[TITLE_BYTES])
{
    text_of(rig_of(ear), title_at(rig_of(ear), pos_of(ear) + offset), title);
}

static void rig_start(struct rig *rig, bool has_metadata)
{
    rig->ear = (struct ear){.hall = &rig->hall, .row = &rig->row, .title_key = TITLE_KEY_NONE};
    rig->row.protocol = has_metadata ? LISTEN_ICY : LISTEN_HTTP;
    atomic_store(&rig->row.meta_left, METAINT_BYTES);
    atomic_store(&rig->row.pos, 0);
    rig->ear.unsent = mem_new(HEAD_BYTES);
    assert_non_null(rig->ear.unsent);
    memcpy(rig->ear.unsent, HEAD, HEAD_BYTES);
    rig->ear.unsent_bytes = HEAD_BYTES;
    rig->out_bytes = rig->sound_bytes = 0;
    rig->is_busy = false;
}

static int make(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);
    if (!rig)
        return -1;
    for (size_t i = 0; i < LONG_BYTES; i++)
        rig->sound[i] = (unsigned char)(i * 31 + i / 251);
    *state = rig;
    return 0;
}

static int unmake(void **state)
{
    free(*state);
    return 0;
}

/* Serves once, with sound up to `head`, to a kernel that takes `room` bytes; returns how many bytes
 * it would have been. */
static size_t serve(struct rig *rig, uint64_t head, size_t room)
{
    struct batch batch;
    uint64_t pos = pos_of(&rig->ear);
    struct supply supply = {{(const char *)rig->sound + pos, head - pos}, fake_key, fake_text};
    size_t sound;
    batch_fill(&batch, &rig->ear, &supply);
    assert_true(batch.count <= BATCH_PARTS_MAX && batch.blocks_count <= BATCH_BLOCKS_MAX);
    size_t sent = batch.bytes < room ? batch.bytes : room, left = sent, sum = 0;
    for (int i = 0; i < batch.count; i++) {
        size_t bytes = batch.iov[i].iov_len < left ? batch.iov[i].iov_len : left;
        assert_true(rig->out_bytes + bytes <= OUT_BYTES);
        memcpy(rig->out + rig->out_bytes, batch.iov[i].iov_base, bytes);
        rig->out_bytes += bytes;
        left -= bytes;
        sum += batch.iov[i].iov_len;
    }
    assert_int_equal(sum, batch.bytes);
    assert_int_equal(batch_take(&batch, &rig->ear, sent, &sound), OK);
    atomic_store(&rig->row.pos, pos + sound);
    rig->sound_bytes += sound;
    return batch.bytes;
}

static void serve_all(struct rig *rig)
{
    while (serve(rig, SOUND_BYTES, SIZE_MAX) > 0)
        continue;
    assert_int_equal(rig->sound_bytes, SOUND_BYTES);
    assert_null(rig->ear.unsent);
}

static const char *next_said(const unsigned char *block, char text[256 * 16])
{
    if (block[0] == 0)
        return NULL;
    memcpy(text, block + 1, block[0] * 16u);
    text[block[0] * 16u - 1] = '\0';
    assert_memory_equal(text, "StreamTitle='", 13);
    char *end = strstr(text, "';");
    assert_non_null(end);
    *end = '\0';
    return text + 13;
}

/* A player: head, then METAINT_BYTES of sound, a block, and so on. Every byte of sound must be
 * there once, and each title that holds where a block stands must be said if it was not said
 * before. */
static void assert_played_well(const struct rig *rig)
{
    size_t at = HEAD_BYTES, heard = 0;
    uint64_t said = TITLES_COUNT;
    char text[256 * 16], wanted[TITLE_BYTES];
    assert_memory_equal(rig->out, HEAD, HEAD_BYTES);
    while (at < rig->out_bytes) {
        size_t bytes = rig->out_bytes - at < METAINT_BYTES ? rig->out_bytes - at : METAINT_BYTES;
        assert_memory_equal(rig->out + at, rig->sound + heard, bytes);
        at += bytes;
        heard += bytes;
        if (bytes < METAINT_BYTES || at == rig->out_bytes)
            break;
        const char *title = next_said(rig->out + at, text);
        uint64_t holds = title_at(rig, heard);
        if (title)
            assert_string_equal(title, text_of(rig, holds, wanted));
        else
            assert_int_equal(said, holds);
        said = holds;
        at += 1 + rig->out[at] * 16u;
    }
    assert_int_equal(heard, rig->sound_bytes);
    assert_int_equal(at, rig->out_bytes);
}

static void a_whole_batch_is_sound_and_blocks_in_turn(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    serve_all(rig);
    assert_played_well(rig);
    /* four new titles, one of them empty, and a block that says that nothing changed */
    assert_int_equal(rig->ear.title_key, 5);
}

static void without_metadata_it_is_head_and_sound_alone(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, false);
    serve_all(rig);
    assert_int_equal(rig->out_bytes, HEAD_BYTES + SOUND_BYTES);
    assert_memory_equal(rig->out + HEAD_BYTES, rig->sound, SOUND_BYTES);
}

static void a_short_write_anywhere_loses_and_repeats_nothing(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    serve_all(rig);
    size_t whole = rig->out_bytes;
    unsigned char *ideal = malloc(whole);
    assert_non_null(ideal);
    memcpy(ideal, rig->out, whole);
    for (size_t split = 0; split <= whole; split++) {
        rig_start(rig, true);
        serve(rig, SOUND_BYTES, split);
        serve_all(rig);
        if (rig->out_bytes != whole || memcmp(rig->out, ideal, whole) != 0)
            fail_msg("cut at %zu", split);
    }
    free(ideal);
}

static uint64_t some(uint64_t *seed, uint64_t below)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (*seed >> 33) % below;
}

static void a_slow_kernel_and_sound_that_comes_bit_by_bit_make_no_difference(void **state)
{
    struct rig *rig = *state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed, head = 0;
        rig_start(rig, true);
        while (pos_of(&rig->ear) < SOUND_BYTES || rig->ear.unsent) {
            head += some(&random, seed % 2 ? 3000 : 20000);
            if (head > SOUND_BYTES || some(&random, 50) == 0)
                head = SOUND_BYTES;
            serve(rig, head, some(&random, 3) ? SIZE_MAX : some(&random, seed % 3 ? 40 : 4000));
        }
        assert_played_well(rig);
    }
}

static void a_kernel_that_takes_one_byte_at_a_time_is_served(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    while (pos_of(&rig->ear) < 2 * METAINT_BYTES + 10 || rig->ear.unsent)
        serve(rig, SOUND_BYTES, 1);
    assert_played_well(rig);
    mem_free(rig->ear.unsent);
}

static void a_block_that_was_not_begun_says_what_holds_when_it_is_sent(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    serve(rig, SOUND_BYTES, HEAD_BYTES + METAINT_BYTES); /* up to the block, not into it */
    assert_int_equal(atomic_load(&rig->row.meta_left), 0);
    assert_int_equal(rig->ear.title_key, TITLE_KEY_NONE);
    assert_int_equal(serve(rig, METAINT_BYTES, SIZE_MAX), 0); /* no block without sound behind it */
    serve_all(rig);
    assert_played_well(rig);
}

static void more_new_titles_than_a_batch_has_room_for_are_sent_in_two(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    rig->is_busy = true;
    assert_true(serve(rig, LONG_BYTES, SIZE_MAX) < LONG_BYTES);
    serve(rig, LONG_BYTES, SIZE_MAX);
    assert_int_equal(rig->sound_bytes, LONG_BYTES);
    assert_played_well(rig);
}

static void nothing_to_send_is_an_empty_batch(void **state)
{
    struct rig *rig = *state;
    rig_start(rig, true);
    serve(rig, 0, SIZE_MAX);
    assert_int_equal(rig->out_bytes, HEAD_BYTES);
    assert_int_equal(serve(rig, 0, SIZE_MAX), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_batch_is_sound_and_blocks_in_turn),
        cmocka_unit_test(without_metadata_it_is_head_and_sound_alone),
        cmocka_unit_test(a_short_write_anywhere_loses_and_repeats_nothing),
        cmocka_unit_test(a_slow_kernel_and_sound_that_comes_bit_by_bit_make_no_difference),
        cmocka_unit_test(a_kernel_that_takes_one_byte_at_a_time_is_served),
        cmocka_unit_test(a_block_that_was_not_begun_says_what_holds_when_it_is_sent),
        cmocka_unit_test(more_new_titles_than_a_batch_has_room_for_are_sent_in_two),
        cmocka_unit_test(nothing_to_send_is_an_empty_batch),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
