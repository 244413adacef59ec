/* The thread behind the air, and what it deletes. */
#include "rig.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>

static const struct tape_keep keep_all = {
    .retention_s = 100 * 365 * 86400ULL, .disk_share_percent = 100, .free_percent_min = 0};

static struct utc the_test_utc(void *ctx)
{
    return *(struct utc *)ctx;
}

static struct mono the_test_mono(void *ctx)
{
    return (struct mono){((struct utc *)ctx)->us};
}

static void wait_for(struct tape *tape, uint64_t frames_bytes)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    for (int i = 0; i < 6000; i++) {
        if (tape_disk_stats(tape).frames_bytes_on_disk >= frames_bytes)
            return;
        nanosleep(&nap, NULL);
    }
    fail_msg("the writer wrote nothing for 30 s");
}

static void the_thread_writes_what_is_new_and_the_rest_when_a_tape_is_removed(void **state)
{
    (void)state;
    struct rig one, two;
    struct tape_writer *writer;
    rig_start(&one, true);
    rig_start(&two, true);
    assert_int_equal(tape_writer_start(&keep_all, clock_real(), &writer), OK);
    assert_int_equal(tape_writer_add(writer, one.tape), OK);
    assert_int_equal(tape_writer_add(writer, two.tape), OK);
    for (int i = 0; i < 3; i++) {
        rig_feed(&one, 300);
        rig_feed(&two, 20);
        wait_for(one.tape, tape_head(one.tape));
        wait_for(two.tape, tape_head(two.tape));
    }
    rig_feed(&one, 300);
    tape_writer_remove(writer, one.tape);
    assert_int_equal(tape_disk_stats(one.tape).frames_bytes_on_disk, tape_head(one.tape));
    rig_feed(&two, 300);
    tape_writer_stop(&writer);
    assert_null(writer);
    assert_int_equal(tape_disk_stats(two.tape).frames_bytes_on_disk, tape_head(two.tape));
    assert_int_equal(tape_disk_stats(two.tape).lost_bytes, 0);
    assert_true(tape_disk_stats(two.tape).bytes_written >= tape_head(two.tape));
    rig_end(&one);
    rig_end(&two);
}

static size_t files_in(const char *folder)
{
    size_t count = 0;
    char path[SET_PATH_MAX];
    uint64_t first_n = window_of(RIG_START_US) / SET_WINDOWS * SET_WINDOWS;
    for (uint64_t hour = 0; hour < 100; hour++)
        for (int i = 0; i < SET_FILES; i++) {
            assert_int_equal(set_path(folder, first_n + hour * SET_WINDOWS, i, path), OK);
            count += access(path, F_OK) == 0;
        }
    return count;
}

/* A tape of `hours` hours of silence-sized holes. */
static void sparse_tape(struct rig *rig, uint64_t hours, uint64_t bytes)
{
    rig_init(rig, true);
    uint64_t first_n = window_of(RIG_START_US) / SET_WINDOWS * SET_WINDOWS;
    for (uint64_t hour = 0; hour < hours; hour++)
        rig_sparse_set(rig->folder, first_n + hour * SET_WINDOWS, bytes);
    rig_open(rig, window_start_us(first_n + hours * SET_WINDOWS));
    assert_int_equal(files_in(rig->folder), hours * SET_FILES);
}

#define WHOLE_HOUR (SET_WINDOWS * 96000)

static void hours_that_are_too_old_go(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_writer *writer;
    struct utc oldest, newest;
    int64_t first_us = RIG_START_US / HOUR_US * HOUR_US;
    struct utc now = {first_us + 24 * HOUR_US};
    const struct clock clock = {&now, the_test_utc, the_test_mono};
    sparse_tape(&rig, 24, WHOLE_HOUR);
    assert_int_equal(tape_writer_start(&keep_all, &clock, &writer), OK);
    assert_int_equal(tape_writer_add(writer, rig.tape), OK);
    tape_writer_retain(writer);
    assert_int_equal(files_in(rig.folder), 24 * SET_FILES);
    struct tape_keep keep = keep_all;
    keep.retention_s = 6 * 3600;
    tape_writer_set_keep(writer, &keep);
    tape_writer_retain(writer);
    assert_true(tape_range(rig.tape, &oldest, &newest));
    assert_int_equal(oldest.us, first_us + 18 * HOUR_US);
    assert_int_equal(newest.us, first_us + 24 * HOUR_US);
    assert_int_equal(files_in(rig.folder), 6 * SET_FILES);
    now.us += HOUR_US - 1;
    tape_writer_retain(writer);
    assert_int_equal(files_in(rig.folder), 6 * SET_FILES); /* an hour goes when all of it is old */
    now.us += 2;
    tape_writer_retain(writer);
    assert_int_equal(files_in(rig.folder), 5 * SET_FILES);
    now.us += 1000 * HOUR_US;
    tape_writer_retain(writer);
    assert_int_equal(files_in(rig.folder), 1 * SET_FILES); /* the newest is never dropped */
    tape_writer_stop(&writer);
    rig_end(&rig);
}

static void over_the_share_the_oldest_hours_of_the_largest_tape_go(void **state)
{
    (void)state;
    struct rig large, small;
    struct tape_writer *writer;
    struct statvfs fs;
    char folder[64];
    rig_folder(folder);
    assert_int_equal(statvfs(folder, &fs), 0);
    rig_remove_folder(folder);
    /* Together they say that they take 1.3 % of the file system, though they take nothing. */
    uint64_t thousandth = (uint64_t)fs.f_blocks * fs.f_frsize / 1000;
    thousandth -= thousandth % SET_WINDOWS;
    sparse_tape(&large, 10, thousandth);
    sparse_tape(&small, 3, thousandth);
    struct tape_keep keep = keep_all;
    assert_int_equal(tape_writer_start(&keep_all, clock_real(), &writer), OK);
    assert_int_equal(tape_writer_add(writer, small.tape), OK);
    assert_int_equal(tape_writer_add(writer, large.tape), OK);
    tape_writer_retain(writer);
    assert_int_equal(files_in(large.folder), 10 * SET_FILES);
    keep.disk_share_percent = 1;
    tape_writer_set_keep(writer, &keep);
    tape_writer_retain(writer);
    size_t left = files_in(large.folder) / SET_FILES;
    assert_in_range(left, 6, 8);
    assert_int_equal(files_in(small.folder), 3 * SET_FILES);
    struct utc oldest, newest;
    assert_true(tape_range(large.tape, &oldest, &newest));
    assert_int_equal(oldest.us, RIG_START_US / HOUR_US * HOUR_US + (int64_t)(10 - left) * HOUR_US);
    tape_writer_stop(&writer);
    rig_end(&large);
    rig_end(&small);
}

static void on_a_nearly_full_disk_the_oldest_hours_go_and_then_recording_stops(void **state)
{
    (void)state;
    struct rig one, two;
    struct tape_writer *writer;
    sparse_tape(&one, 5, WHOLE_HOUR);
    sparse_tape(&two, 8, WHOLE_HOUR);
    struct tape_keep keep = keep_all;
    assert_int_equal(tape_writer_start(&keep_all, clock_real(), &writer), OK);
    assert_int_equal(tape_writer_add(writer, one.tape), OK);
    assert_int_equal(tape_writer_add(writer, two.tape), OK);
    keep.free_percent_min = 101; /* no disk is ever that empty */
    tape_writer_set_keep(writer, &keep);
    tape_writer_retain(writer);
    assert_int_equal(files_in(one.folder), SET_FILES);
    assert_int_equal(files_in(two.folder), SET_FILES);
    rig_feed(&one, 10);
    assert_int_equal(tape_flush(one.tape), E_DISK_FULL);
    assert_true(tape_disk_stats(one.tape).stopped);
    tape_writer_set_keep(writer, &keep_all);
    tape_writer_retain(writer);
    wait_for(one.tape, WHOLE_HOUR + tape_head(one.tape)); /* and goes on by itself */
    tape_writer_stop(&writer);
    assert_false(tape_disk_stats(one.tape).stopped);
    rig_end(&one);
    rig_end(&two);
}

/* ---- a real disk of 3 MiB, in a process of its own ---- */

#define NO_MOUNT 77

static void must(bool holds, int line)
{
    if (!holds) {
        fprintf(stderr, "# line %d does not hold\n", line);
        _exit(1);
    }
}
#define MUST(holds) must((holds), __LINE__)

/* First nobody makes room: recording waits for it. Then retention does, hour by hour. */
static void small_disk_run(struct rig *rig)
{
    struct tape_writer *writer;
    struct utc now = {RIG_START_US};
    const struct clock clock = {&now, the_test_utc, the_test_mono};
    struct tape_keep keep = keep_all;
    struct tape_config config = {rig->folder, "one/mp3", CODEC_MP3, 8000};
    char ballast[128];
    bool was_full = false;
    static char two_mib[2 << 20];
    snprintf(ballast, sizeof ballast, "%s/ballast", rig->folder);
    rig_write(ballast, two_mib, sizeof two_mib);
    MUST(tape_open(&config, now, &rig->tape) == OK);
    for (int i = 0; i < 14; i++) { /* 1.4 MB into 1 MB */
        rig_feed(rig, 240);
        was_full = tape_flush(rig->tape) == E_DISK_FULL || was_full;
    }
    MUST(was_full && tape_disk_stats(rig->tape).stopped);
    MUST(unlink(ballast) == 0);
    MUST(tape_flush(rig->tape) == OK);
    MUST(!tape_disk_stats(rig->tape).stopped && tape_disk_stats(rig->tape).lost_bytes == 0);
    MUST(rig_walk(rig).frames > rig->count - 240);
    keep.free_percent_min = 25;
    MUST(tape_writer_start(&keep, &clock, &writer) == OK);
    MUST(tape_writer_add(writer, rig->tape) == OK);
    for (int hour = 0; hour < 8; hour++) { /* each of them 0.9 MB */
        rig_feed_one(rig, HOUR_US, true);
        for (int i = 0; i < 9; i++) {
            rig_feed(rig, 240);
            tape_writer_retain(writer);
            MUST(tape_flush(rig->tape) == OK);
        }
    }
    tape_writer_stop(&writer);
    MUST(tape_disk_stats(rig->tape).lost_bytes == 0);
    MUST(rig->tape->sets.count < 4);
    now = tape_end(rig->tape);
    tape_close(&rig->tape);
    MUST(tape_open(&config, now, &rig->tape) == OK);
    MUST(rig_walk(rig).next == rig->count);
}

static void on_a_small_disk_recording_goes_on_as_soon_as_there_is_room(void **state)
{
    (void)state;
    struct rig rig;
    int status;
    rig_init(&rig, true);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if ((unshare(CLONE_NEWNS) && unshare(CLONE_NEWUSER | CLONE_NEWNS)) ||
            mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
            mount("tmpfs", rig.folder, "tmpfs", 0, "size=3m"))
            _exit(NO_MOUNT);
        small_disk_run(&rig);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    rig_end(&rig);
    if (WEXITSTATUS(status) == NO_MOUNT)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_thread_writes_what_is_new_and_the_rest_when_a_tape_is_removed),
        cmocka_unit_test(hours_that_are_too_old_go),
        cmocka_unit_test(over_the_share_the_oldest_hours_of_the_largest_tape_go),
        cmocka_unit_test(on_a_nearly_full_disk_the_oldest_hours_go_and_then_recording_stops),
        cmocka_unit_test(on_a_small_disk_recording_goes_on_as_soon_as_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
