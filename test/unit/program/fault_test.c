/* What the board does when the memory or the disk says no: calls are failed one after the other. */
#include "board_room.h"

#include <errno.h>

static struct {
    int memory_in, disk_in; /* the n-th call from now fails; 0 = none */
} plan;

static bool memory_fails(void)
{
    return plan.memory_in > 0 && --plan.memory_in == 0;
}

static bool disk_fails(void)
{
    errno = EIO;
    return plan.disk_in > 0 && --plan.disk_in == 0;
}

#define WRAP(result, name, params, args, fails, bad)                                               \
    result __real_##name params;                                                                   \
    result __wrap_##name params;                                                                   \
    result __wrap_##name params                                                                    \
    {                                                                                              \
        return fails() ? bad : __real_##name args;                                                 \
    }
WRAP(void *, calloc, (size_t n, size_t bytes), (n, bytes), memory_fails, NULL)
WRAP(void *, realloc, (void *p, size_t bytes), (p, bytes), memory_fails, NULL)
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), disk_fails, -1)
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off_t at), (fd, p, n, at), disk_fails, -1)
WRAP(int, fdatasync, (int fd), (fd), disk_fails, -1)
WRAP(int, rename, (const char *from, const char *to), (from, to), disk_fails, -1)

static void an_apply_without_memory_changes_nothing(void **state)
{
    struct room *room = *state;
    struct board *made = NULL;
    char *before = strdup(board_text(room->board));
    enum err err = E_NOMEM;
    int n;
    for (n = 1; err; n++) {
        buf_release(&room->faults);
        buf_release(&room->keys.lines);
        plan.memory_in = n;
        err = board_apply(room->board, str_of(two_stations), &made, &room->keys, &room->faults);
        plan.memory_in = 0;
        assert_true(err == OK || err == E_NOMEM);
        assert_true((err == OK) == (made != NULL));
        assert_string_equal(board_text(room->board), before);
    }
    assert_true(n > 8);
    board_free(&made);
    free(before);
}

static void a_load_without_memory_gives_no_board(void **state)
{
    struct room *room = *state;
    struct board *back = NULL;
    char path[256];
    enum err err = E_NOMEM;
    int n;
    tmp_path(&room->folder, "board.json", path);
    apply_good(room, two_stations);
    assert_int_equal(board_save(path, room->board), OK);
    for (n = 1; err; n++) {
        plan.memory_in = n;
        err = board_load(path, &back, &room->faults);
        plan.memory_in = 0;
        assert_true(err == OK || err == E_NOMEM);
        assert_true((err == OK) == (back != NULL));
    }
    assert_true(n > 5);
    assert_string_equal(board_text(back), board_text(room->board));
    board_free(&back);
}

static void a_failed_save_leaves_the_old_board_on_disk(void **state)
{
    struct room *room = *state;
    struct board *back;
    char path[256];
    tmp_path(&room->folder, "board.json", path);
    assert_int_equal(board_save(path, room->board), OK);
    apply_good(room, two_stations);
    for (int n = 1; n <= 3; n++) {
        plan.disk_in = n;
        assert_int_equal(board_save(path, room->board), E_IO);
        assert_int_equal(board_load(path, &back, &room->faults), OK);
        assert_int_equal(back->stations_count, 0);
        board_free(&back);
    }
    plan.memory_in = 1;
    assert_int_equal(board_save(path, room->board), E_NOMEM);
    assert_int_equal(board_save(path, room->board), OK);
    assert_int_equal(board_load(path, &back, &room->faults), OK);
    assert_int_equal(back->stations_count, 2);
    board_free(&back);
}

static void a_new_board_without_memory_is_none(void **state)
{
    (void)state;
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES];
    struct board *board;
    for (int n = 1; n <= 2; n++) {
        plan.memory_in = n;
        assert_int_equal(board_new(admin, relay, &board), E_NOMEM);
        assert_null(board);
    }
}

int main(void)
{
#define BOARD_TEST(f) cmocka_unit_test_setup_teardown(f, room_start, room_stop)
    const struct CMUnitTest tests[] = {
        BOARD_TEST(an_apply_without_memory_changes_nothing),
        BOARD_TEST(a_load_without_memory_gives_no_board),
        BOARD_TEST(a_failed_save_leaves_the_old_board_on_disk),
        BOARD_TEST(a_new_board_without_memory_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
