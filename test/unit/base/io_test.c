/* Tests of base/io.c. */
#include "base/io.h"

#include "tmp_folder.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int start(void **state)
{
    static struct tmp_folder folder;
    tmp_make(&folder);
    *state = &folder;
    return 0;
}

static int stop(void **state)
{
    tmp_remove(*state);
    return 0;
}

static void bytes_are_written_and_read_at_offsets(void **state)
{
    char path[256], bytes[16];
    int fd;
    size_t got;
    uint64_t size;
    tmp_path(*state, "frames", path);
    assert_int_equal(io_open(path, IO_READ, &fd), E_NOT_FOUND);
    assert_int_equal(fd, -1);
    assert_int_equal(io_open(path, IO_WRITE, &fd), OK);
    assert_int_equal(io_write_at(fd, STR("world"), 5), OK);
    assert_int_equal(io_write_at(fd, STR("hello"), 0), OK);
    assert_int_equal(io_write_at(fd, STR(""), 0), OK);
    assert_int_equal(io_sync(fd), OK);
    assert_int_equal(io_size(fd, &size), OK);
    assert_int_equal(size, 10);
    assert_int_equal(io_read_at(fd, bytes, sizeof bytes, 3, &got), OK);
    assert_int_equal(got, 7);
    assert_memory_equal(bytes, "loworld", 7);
    assert_int_equal(io_read_at(fd, bytes, sizeof bytes, 100, &got), OK);
    assert_int_equal(got, 0);
    assert_int_equal(io_truncate(fd, 4), OK);
    assert_int_equal(io_size(fd, &size), OK);
    assert_int_equal(size, 4);
    io_close(&fd);
    assert_int_equal(fd, -1);
    io_close(&fd);
    assert_int_equal(io_open(path, IO_WRITE, &fd), OK);
    assert_int_equal(io_size(fd, &size), OK);
    assert_int_equal(size, 4);
    io_close(&fd);
}

static void new_files_and_folders_are_private_and_not_inherited(void **state)
{
    char path[256];
    struct stat st;
    int fd;
    mode_t before = umask(0);
    tmp_path(*state, "a//b/c/", path);
    assert_int_equal(io_make_folder(path), OK);
    assert_int_equal(io_make_folder(path), OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    tmp_path(*state, "a/b/c/file", path);
    assert_int_equal(io_open(path, IO_APPEND, &fd), OK);
    umask(before);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    io_close(&fd);
    assert_int_equal(io_make_folder(path), E_EXISTS);
    tmp_path(*state, "a/b/c/file/more", path);
    assert_int_equal(io_make_folder(path), E_EXISTS);
    assert_int_equal(io_make_folder(""), E_NOT_FOUND);
}

static void appending_goes_on_at_the_end(void **state)
{
    char path[256], text[64];
    int fd;
    tmp_path(*state, "log", path);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(io_open(path, IO_APPEND, &fd), OK);
        assert_int_equal(io_append(fd, STR("line\n")), OK);
        io_close(&fd);
    }
    assert_string_equal(tmp_read(path, text, sizeof text), "line\nline\n");
}

static void a_save_replaces_the_file_as_a_whole(void **state)
{
    char path[256], aside[300], text[64];
    tmp_path(*state, "board.json", path);
    snprintf(aside, sizeof aside, "%s.new", path);
    tmp_write(aside, "what a crash left behind, and longer than what comes");
    assert_int_equal(io_save(path, STR("a long first text")), OK);
    assert_int_equal(io_save(path, STR("second")), OK);
    assert_string_equal(tmp_read(path, text, sizeof text), "second");
    assert_int_equal(access(aside, F_OK), -1);
    tmp_path(*state, "no/such/folder", path);
    assert_int_equal(io_save(path, STR("x")), E_NOT_FOUND);
}

static void a_load_reads_all_up_to_the_cap(void **state)
{
    char path[256];
    struct buf buf;
    tmp_path(*state, "large", path);
    char *bytes = calloc(1, 200000);
    memset(bytes, 'b', 200000);
    assert_int_equal(io_save(path, (struct str){bytes, 200000}), OK);
    buf_init(&buf, 200000);
    assert_int_equal(io_load(path, &buf), OK);
    assert_true(str_eq(buf_str(&buf), (struct str){bytes, 200000}));
    buf_release(&buf);
    buf_init(&buf, 199999);
    assert_int_equal(io_load(path, &buf), E_TOO_LONG);
    buf_release(&buf);
    buf_init(&buf, 10);
    assert_int_equal(io_load("/nonexistent", &buf), E_NOT_FOUND);
    assert_int_equal(io_load("/tmp", &buf), E_IO);
    buf_release(&buf);
    free(bytes);
}

static void renaming_and_unlinking_say_what_is_missing(void **state)
{
    char from[256], to[256], text[16];
    tmp_path(*state, "from", from);
    tmp_path(*state, "to", to);
    assert_int_equal(io_rename(from, to), E_NOT_FOUND);
    tmp_write(from, "x");
    assert_int_equal(io_rename(from, to), OK);
    assert_string_equal(tmp_read(to, text, sizeof text), "x");
    assert_int_equal(io_unlink(to), OK);
    assert_int_equal(io_unlink(to), OK);
}

static void a_rename_of_a_bare_name_syncs_the_working_folder(void **state)
{
    const struct tmp_folder *folder = *state;
    char before[256];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder->path), 0);
    assert_int_equal(io_save("bare", STR("x")), OK);
    assert_int_equal(io_rename("bare", "bare2"), OK);
    assert_int_equal(chdir(before), 0);
}

struct names {
    int count;
    int stop_after;
};

static enum err count_name(void *ctx, const char *name)
{
    struct names *names = ctx;
    assert_true(strncmp(name, "list-", 5) == 0);
    names->count++;
    return names->count == names->stop_after ? E_LIMIT : OK;
}

static void a_listing_names_each_entry_once(void **state)
{
    char path[256], folder[256];
    assert_int_equal(io_make_folder(tmp_path(*state, "listed", folder)), OK);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%.200s/list-%d", folder, i);
        tmp_write(path, "");
    }
    struct names names = {0};
    assert_int_equal(io_list(folder, count_name, &names), OK);
    assert_int_equal(names.count, 5);
    names = (struct names){.stop_after = 2};
    assert_int_equal(io_list(folder, count_name, &names), E_LIMIT);
    assert_int_equal(names.count, 2);
    assert_int_equal(io_list("/nonexistent", count_name, &names), E_NOT_FOUND);
}

static void free_room_is_no_more_than_all_room(void **state)
{
    uint64_t free_bytes, total;
    const struct tmp_folder *folder = *state;
    assert_int_equal(io_free_bytes(folder->path, &free_bytes, &total), OK);
    assert_true(total > 0 && free_bytes <= total);
    assert_int_equal(io_free_bytes("/nonexistent", &free_bytes, &total), E_NOT_FOUND);
    assert_true(total == 0);
}

static void a_folder_is_locked_by_one_process(void **state)
{
    const struct tmp_folder *folder = *state;
    int first, second;
    assert_int_equal(io_lock(folder->path, &first), OK);
    assert_int_equal(io_lock(folder->path, &second), E_BUSY);
    assert_int_equal(second, -1);
    pid_t child = fork();
    if (child == 0)
        _exit(io_lock(folder->path, &second) == E_BUSY ? 0 : 1);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    io_close(&first);
    assert_int_equal(io_lock(folder->path, &second), OK);
    io_close(&second);
    assert_int_equal(io_lock("/nonexistent", &second), E_NOT_FOUND);
}

static void paths_that_are_too_long_are_refused(void **state)
{
    (void)state;
    char path[5000];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_int_equal(io_make_folder(path), E_TOO_LONG);
    assert_int_equal(io_save(path, STR("x")), E_TOO_LONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_written_and_read_at_offsets),
        cmocka_unit_test(new_files_and_folders_are_private_and_not_inherited),
        cmocka_unit_test(appending_goes_on_at_the_end),
        cmocka_unit_test(a_save_replaces_the_file_as_a_whole),
        cmocka_unit_test(a_load_reads_all_up_to_the_cap),
        cmocka_unit_test(renaming_and_unlinking_say_what_is_missing),
        cmocka_unit_test(a_rename_of_a_bare_name_syncs_the_working_folder),
        cmocka_unit_test(a_listing_names_each_entry_once),
        cmocka_unit_test(free_room_is_no_more_than_all_room),
        cmocka_unit_test(a_folder_is_locked_by_one_process),
        cmocka_unit_test(paths_that_are_too_long_are_refused),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
