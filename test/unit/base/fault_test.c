/* What base does when the disk or the memory says no: calls are failed one after the other. */
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

#include "tmp_folder.h"

#include <errno.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The n-th wrapped call from now fails; 0 = none. */
static struct {
    int disk_in, memory_in, number;
    bool short_calls, interrupt_once;
} plan;

static bool disk_fails(void)
{
    if (plan.interrupt_once) {
        plan.interrupt_once = false;
        errno = EINTR;
        return true;
    }
    if (plan.disk_in == 0 || --plan.disk_in > 0)
        return false;
    errno = plan.number;
    return true;
}

static size_t shorter(size_t bytes)
{
    return plan.short_calls && bytes > 3 ? 3 : bytes;
}

#define WRAP(result, name, params, args)                                                           \
    result __real_##name params;                                                                   \
    result __wrap_##name params;                                                                   \
    result __wrap_##name params                                                                    \
    {                                                                                              \
        return disk_fails() ? -1 : __real_##name args;                                             \
    }
WRAP(ssize_t, pwrite, (int fd, const void *p, size_t n, off_t at), (fd, p, shorter(n), at))
WRAP(ssize_t, pwrite64, (int fd, const void *p, size_t n, off_t at), (fd, p, shorter(n), at))
WRAP(ssize_t, pread, (int fd, void *p, size_t n, off_t at), (fd, p, shorter(n), at))
WRAP(ssize_t, pread64, (int fd, void *p, size_t n, off_t at), (fd, p, shorter(n), at))
WRAP(int, fdatasync, (int fd), (fd))
WRAP(int, rename, (const char *from, const char *to), (from, to))

/* What close() says must not matter: everything was synced before. */
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd)
{
    (void)__real_close(fd);
    errno = EIO;
    return -1;
}

static bool memory_fails(void)
{
    return plan.memory_in > 0 && --plan.memory_in == 0;
}

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    return memory_fails() ? NULL : __real_calloc(count, bytes);
}

void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes)
{
    return memory_fails() ? NULL : __real_realloc(block, bytes);
}

static int start(void **state)
{
    static struct tmp_folder folder;
    memset(&plan, 0, sizeof plan);
    tmp_make(&folder);
    *state = &folder;
    return 0;
}

static int stop(void **state)
{
    memset(&plan, 0, sizeof plan);
    tmp_remove(*state);
    return 0;
}

static void a_failed_save_leaves_the_old_file_standing(void **state)
{
    char path[256], aside[300], text[64];
    tmp_path(*state, "board.json", path);
    snprintf(aside, sizeof aside, "%s.new", path);
    assert_int_equal(io_save(path, STR("the old board")), OK);
    /* In order: the write, the file's sync, the rename. */
    for (int n = 1; n <= 3; n++) {
        plan.disk_in = n;
        plan.number = n == 1 ? ENOSPC : EIO;
        assert_int_equal(io_save(path, STR("a new board")), n == 1 ? E_DISK_FULL : E_IO);
        assert_int_equal(plan.disk_in, 0);
        assert_string_equal(tmp_read(path, text, sizeof text), "the old board");
        assert_int_equal(access(aside, F_OK), -1);
    }
    /* The folder's sync: the new file is there, but whoever saves is told. */
    plan.disk_in = 4;
    assert_int_equal(io_save(path, STR("a new board")), E_IO);
    assert_string_equal(tmp_read(path, text, sizeof text), "a new board");
    /* No more than these four calls. */
    plan.disk_in = 5;
    assert_int_equal(io_save(path, STR("the last board")), OK);
    assert_int_equal(plan.disk_in, 1);
    assert_string_equal(tmp_read(path, text, sizeof text), "the last board");
}

static void a_save_cut_short_in_the_middle_leaves_the_old_file_standing(void **state)
{
    char path[256], text[64];
    tmp_path(*state, "board.json", path);
    assert_int_equal(io_save(path, STR("the old board")), OK);
    plan.short_calls = true;
    plan.disk_in = 3; /* six bytes were written */
    plan.number = ENOSPC;
    assert_int_equal(io_save(path, STR("a new board")), E_DISK_FULL);
    assert_string_equal(tmp_read(path, text, sizeof text), "the old board");
    assert_int_equal(io_save(path, STR("a new board")), OK);
    assert_string_equal(tmp_read(path, text, sizeof text), "a new board");
}

static void interrupted_and_short_calls_go_on(void **state)
{
    char path[256], bytes[16];
    int fd;
    size_t got;
    tmp_path(*state, "frames", path);
    plan.short_calls = true;
    assert_int_equal(io_open(path, IO_WRITE, &fd), OK);
    plan.interrupt_once = true;
    assert_int_equal(io_write_at(fd, STR("0123456789"), 0), OK);
    plan.interrupt_once = true;
    assert_int_equal(io_sync(fd), OK);
    plan.interrupt_once = true;
    assert_int_equal(io_read_at(fd, bytes, 10, 0, &got), OK);
    assert_int_equal(got, 10);
    assert_memory_equal(bytes, "0123456789", 10);
    plan.disk_in = 2;
    plan.number = EIO;
    assert_int_equal(io_read_at(fd, bytes, 10, 0, &got), E_IO);
    io_close(&fd);
    assert_int_equal(fd, -1);
}

static void a_failed_rename_is_told(void **state)
{
    char from[256], to[256];
    tmp_path(*state, "from", from);
    tmp_path(*state, "to", to);
    tmp_write(from, "x");
    plan.disk_in = 1;
    plan.number = EXDEV;
    assert_int_equal(io_rename(from, to), E_IO);
    assert_int_equal(access(from, F_OK), 0);
    plan.disk_in = 2;
    plan.number = EIO;
    assert_int_equal(io_rename(from, to), E_IO);
}

static void a_document_that_memory_has_no_room_for_leaves_nothing(void **state)
{
    (void)state;
    struct json_doc *doc;
    struct json_fault fault;
    enum err err = E_NOMEM;
    int n;
    for (n = 1; err == E_NOMEM; n++) {
        plan.memory_in = n;
        err = json_parse(STR("{\"a\": [1, 2, {\"b\": \"c\"}]}"), &doc, &fault);
        assert_true(err == OK || (err == E_NOMEM && !doc));
    }
    plan.memory_in = 0;
    assert_int_equal(err, OK);
    assert_true(n > 2);
    json_free(&doc);
}

static void a_buffer_without_memory_fails_until_it_is_cleared(void **state)
{
    (void)state;
    struct buf buf;
    buf_init(&buf, 1000);
    plan.memory_in = 1;
    buf_add(&buf, STR("lost"));
    buf_printf(&buf, "%d", 1);
    assert_int_equal(buf_err(&buf), E_NOMEM);
    assert_int_equal(buf.len, 0);
    buf_clear(&buf);
    buf_add(&buf, STR("kept"));
    assert_int_equal(buf_err(&buf), OK);
    assert_string_equal(buf.ptr, "kept");
    buf_release(&buf);
}

static void an_arena_without_memory_stays_usable(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    plan.memory_in = 1;
    assert_null(arena_get(&arena, 10));
    assert_non_null(arena_get(&arena, 10));
    plan.memory_in = 1;
    assert_null(arena_get(&arena, 10000));
    assert_int_equal(arena.used_bytes, 16);
    arena_release(&arena);
}

int main(void)
{
#define FAULT_TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
    const struct CMUnitTest tests[] = {
        FAULT_TEST(a_failed_save_leaves_the_old_file_standing),
        FAULT_TEST(a_save_cut_short_in_the_middle_leaves_the_old_file_standing),
        FAULT_TEST(interrupted_and_short_calls_go_on),
        FAULT_TEST(a_failed_rename_is_told),
        FAULT_TEST(a_document_that_memory_has_no_room_for_leaves_nothing),
        FAULT_TEST(a_buffer_without_memory_fails_until_it_is_cleared),
        FAULT_TEST(an_arena_without_memory_stays_usable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
