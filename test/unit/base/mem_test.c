/* Tests of base/mem.c. */
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_zero(const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void new_memory_is_zeroed(void **state)
{
    (void)state;
    unsigned char *block = mem_new(1000);
    assert_non_null(block);
    assert_true(is_zero(block, 1000));
    mem_free(block);
    mem_free(NULL);
    void *none = mem_new(0);
    assert_non_null(none);
    mem_free(none);
}

static void an_array_whose_size_overflows_is_refused(void **state)
{
    (void)state;
    assert_null(mem_new_array(SIZE_MAX / 2, 3));
    void *good = mem_new_array(3, 5);
    assert_non_null(good);
    mem_free(good);
}

static void a_resized_block_keeps_its_bytes(void **state)
{
    (void)state;
    char *block = mem_new(4);
    memcpy(block, "abc", 4);
    block = mem_resize(block, 100000);
    assert_non_null(block);
    assert_string_equal(block, "abc");
    mem_free(block);
}

static void an_arena_hands_out_zeroed_aligned_pieces(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    for (size_t i = 1; i < 300; i++) {
        unsigned char *piece = arena_get(&arena, i * 7);
        assert_non_null(piece);
        assert_int_equal((uintptr_t)piece % _Alignof(max_align_t), 0);
        assert_true(is_zero(piece, i * 7));
        memset(piece, 0xAA, i * 7);
    }
    arena_release(&arena);
    assert_int_equal(arena.used_bytes, 0);
    assert_non_null(arena_get(&arena, 10));
    arena_release(&arena);
}

static void an_arena_ends_at_its_cap(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 100);
    assert_null(arena_get(&arena, 101));
    assert_null(arena_get(&arena, SIZE_MAX));
    assert_non_null(arena_get(&arena, 60));
    assert_null(arena_get(&arena, 60));
    assert_non_null(arena_get(&arena, 30));
    assert_null(arena_get(&arena, 10));
    assert_null(arena_dup(&arena, "x", SIZE_MAX));
    arena_release(&arena);
}

static void an_arena_copies_bytes_and_ends_them_with_nul(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 10000);
    assert_string_equal(arena_dup(&arena, "wxyz-more", 4), "wxyz");
    assert_string_equal(arena_dup(&arena, NULL, 0), "");
    char *large = arena_dup(&arena, (char[6000]){"large"}, 6000);
    assert_non_null(large);
    assert_string_equal(large, "large");
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_memory_is_zeroed),
        cmocka_unit_test(an_array_whose_size_overflows_is_refused),
        cmocka_unit_test(a_resized_block_keeps_its_bytes),
        cmocka_unit_test(an_arena_hands_out_zeroed_aligned_pieces),
        cmocka_unit_test(an_arena_ends_at_its_cap),
        cmocka_unit_test(an_arena_copies_bytes_and_ends_them_with_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
