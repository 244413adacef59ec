/* Disks that are full, fail, or are slow: recording suffers, sound does not, and what is on disk
 * stays consistent. Calls of libc are wrapped at link time (-Wl,--wrap). */
#include "rig.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>

enum call { WRITE, SYNC, TRUNCATE, RENAME, ALLOCATE, CALLS };

static struct {
    _Atomic int64_t countdown[CALLS]; /* 0 = now; negative = not any more */
    _Atomic bool from_then_on;
    _Atomic int number; /* errno */
    _Atomic bool drops_pages;
    _Atomic bool blocked;
    sem_t entered, leave;
    _Atomic uint64_t calls;
} fault;

ssize_t __real_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t offset);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_ftruncate64(int fd, off_t bytes);
int __wrap_ftruncate64(int fd, off_t bytes);
int __wrap_ftruncate(int fd, off_t bytes);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);

static bool fails(enum call call)
{
    fault.calls++;
    int64_t left = fault.countdown[call]--;
    if (left > 0 || (left < 0 && !fault.from_then_on))
        return false;
    errno = fault.number;
    return fault.number != 0;
}

ssize_t __wrap_pwrite64(int fd, const void *bytes, size_t count, off_t offset)
{
    if (fault.blocked) {
        sem_post(&fault.entered);
        sem_wait(&fault.leave);
    }
    if (fails(WRITE)) {
        /* A disk that fills up or breaks may have taken a part. */
        (void)!__real_pwrite64(fd, bytes, count / 3, offset);
        return -1;
    }
    return __real_pwrite64(fd, bytes, count, offset);
}

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return __wrap_pwrite64(fd, bytes, count, offset);
}

/* After a failed sync of frames the newest page may be gone for good, though nobody says so. */
static void drop_a_page(int fd)
{
    static const char zeros[400];
    char link[32], path[256];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof path - 1);
    path[len > 0 ? len : 0] = '\0';
    off_t size = lseek(fd, 0, SEEK_END);
    if (strstr(path, ".frames") && size > (off_t)sizeof zeros)
        assert_int_equal(__real_pwrite64(fd, zeros, sizeof zeros, size - (off_t)sizeof zeros),
                         sizeof zeros);
}

int __wrap_fdatasync(int fd)
{
    if (!fails(SYNC))
        return __real_fdatasync(fd);
    if (fault.drops_pages)
        drop_a_page(fd);
    errno = fault.number;
    return -1;
}

int __wrap_ftruncate64(int fd, off_t bytes)
{
    return fails(TRUNCATE) ? -1 : __real_ftruncate64(fd, bytes);
}

int __wrap_ftruncate(int fd, off_t bytes)
{
    return __wrap_ftruncate64(fd, bytes);
}

int __wrap_rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : __real_rename(from, to);
}

void *__wrap_calloc(size_t count, size_t bytes)
{
    return fails(ALLOCATE) ? NULL : __real_calloc(count, bytes);
}

void *__wrap_realloc(void *block, size_t bytes)
{
    return fails(ALLOCATE) ? NULL : __real_realloc(block, bytes);
}

/* The n-th call fails with `number`, or all from the n-th on; number 0 = the disk is well again. */
static void fault_set(enum call call, int64_t nth, int number, bool from_then_on)
{
    for (int i = 0; i < CALLS; i++)
        fault.countdown[i] = INT64_MAX;
    fault.countdown[call] = nth;
    fault.number = number;
    fault.from_then_on = from_then_on;
}

static void fault_clear(void)
{
    fault_set(WRITE, INT64_MAX, 0, false);
}

/* ---- one call fails, or all from one on ---- */

static void small_open(struct rig *rig, int64_t now_us)
{
    struct tape_config config = {rig->folder, "one/mp3", CODEC_MP3, 8000};
    assert_int_equal(tape_open(&config, (struct utc){now_us}, &rig->tape), OK);
}

/* Half a minute across the end of an hour: about eight runs, two sets, a title, a break. */
static uint64_t record_half_a_minute(struct rig *rig)
{
    uint64_t failed = 0;
    int64_t to_the_hour_us = HOUR_US - RIG_START_US % HOUR_US;
    rig_feed_one(rig, to_the_hour_us - 20 * US_PER_S, false);
    for (int i = 0; i < 12; i++) {
        if (i == 4)
            rig_title(rig, "a title");
        if (i == 6)
            rig_feed_one(rig, US_PER_S, true);
        rig_feed(rig, 100);
        enum err err = tape_flush(rig->tape);
        failed += err != OK;
        assert_int_equal(tape_disk_stats(rig->tape).stopped, err != OK);
    }
    return failed;
}

/* Returns false if the call never came. `heals`: the disk gets well again while the tape is open;
 * otherwise the program ends with the disk as it is. */
static bool try_fault(enum call call, int64_t nth, int number, bool from_then_on, bool heals)
{
    struct rig rig;
    rig_init(&rig, true);
    small_open(&rig, RIG_START_US);
    fault_set(call, nth, number, from_then_on);
    fault.drops_pages = heals; /* else nobody is there any more to write them again */
    uint64_t failed = record_half_a_minute(&rig);
    bool hit = fault.countdown[call] < 0;
    assert_true(hit == (failed > 0));
    if (heals) {
        fault_clear();
        rig_flush(&rig);
        assert_int_equal(tape_disk_stats(rig.tape).lost_bytes, 0);
    }
    int64_t end_us = tape_end(rig.tape).us;
    tape_close(&rig.tape);
    fault_clear();
    small_open(&rig, end_us);
    struct rig_walk walk = rig_walk(&rig);
    if (heals || !from_then_on)
        assert_int_equal(walk.frames, rig.count);
    if (heals)
        assert_string_equal(rig.tape->disk.title, "a title");
    rig_feed_one(&rig, US_PER_S, true);
    rig_feed(&rig, 300);
    tape_close(&rig.tape);
    small_open(&rig, end_us);
    assert_int_equal(rig_walk(&rig).frames, walk.frames + 301);
    rig_end(&rig);
    return hit;
}

static void try_each(enum call call, int number)
{
    int64_t nth = 0;
    while (try_fault(call, nth, number, false, true))
        nth++;
    assert_true(nth > (call == RENAME ? 1 : 3));
    for (int64_t i = 0; i < nth; i++) {
        try_fault(call, i, number, false, false);
        try_fault(call, i, number, true, true);
        try_fault(call, i, number, true, false);
    }
    print_message("# %d places, 4 ways each\n", (int)nth);
}

static void any_write_may_fail(void **state)
{
    (void)state;
    try_each(WRITE, EIO);
}

static void any_write_may_find_the_disk_full(void **state)
{
    (void)state;
    try_each(WRITE, ENOSPC);
}

static void any_sync_may_fail(void **state)
{
    (void)state;
    try_each(SYNC, EIO);
}

static void any_truncate_may_fail(void **state)
{
    (void)state;
    try_each(TRUNCATE, EIO);
}

static void any_rename_may_fail(void **state)
{
    (void)state;
    try_each(RENAME, EIO);
}

/* ---- recovery on a bad disk ---- */

static void a_repair_that_fails_is_made_up_for_later(void **state)
{
    (void)state;
    for (int call = WRITE; call <= RENAME; call++) {
        for (int64_t nth = 0; nth < 4; nth++) {
            struct rig rig;
            rig_init(&rig, true);
            small_open(&rig, RIG_START_US);
            rig_feed(&rig, 400);
            rig_flush(&rig);
            fault_set(WRITE, 0, EIO, true); /* ends as a crash would: the last run stays open */
            tape_close(&rig.tape);
            fault_set((enum call)call, nth, EIO, true);
            small_open(&rig, RIG_START_US);
            bool hit = fault.countdown[call] < 0;
            assert_int_equal(rig.tape->disk.repair, hit);
            rig_feed(&rig, 1);
            if (hit)
                assert_int_not_equal(tape_flush(rig.tape), OK);
            fault_clear();
            rig_feed(&rig, 500);
            rig_flush(&rig);
            assert_false(rig.tape->disk.repair);
            tape_close(&rig.tape);
            small_open(&rig, RIG_START_US);
            rig.breaks++;
            assert_int_equal(rig_walk(&rig).frames, 901);
            rig_end(&rig);
        }
    }
}

/* ---- so long that the tail goes round ---- */

static void what_was_overwritten_before_it_was_written_is_a_hole_on_disk(void **state)
{
    (void)state;
    struct rig rig;
    struct set_index *index;
    struct piece *piece;
    size_t run;
    rig_init(&rig, true);
    small_open(&rig, RIG_START_US);
    rig_title(&rig, "long gone");
    rig_feed(&rig, 1000);
    rig_flush(&rig);
    fault_set(WRITE, 0, ENOSPC, true);
    for (int i = 0; i < 40; i++) {
        rig_feed(&rig, 250);
        assert_int_equal(tape_flush(rig.tape), E_DISK_FULL);
        if (i == 20)
            rig_title(&rig, "overwritten too");
    }
    assert_true(tape_disk_stats(rig.tape).stopped);
    fault_clear();
    uint64_t oldest = tape_oldest(rig.tape);
    rig_flush(&rig);
    struct tape_disk_stats stats = tape_disk_stats(rig.tape);
    assert_false(stats.stopped);
    assert_true(stats.lost_bytes > 0);
    rig_feed(&rig, 600);
    rig_flush(&rig);
    tape_close(&rig.tape);
    small_open(&rig, RIG_START_US + HOUR_US);
    struct rig_walk walk = rig_walk(&rig);
    assert_true(walk.frames < rig.count);
    assert_int_equal(walk.discontinuity, 1);
    /* Everything that was still in the tail is there, and the first of it says DISCONTINUITY. */
    uint64_t k = rig.count;
    while (k > 0 && rig.frames[k - 1].pos >= oldest)
        k--;
    int64_t at = rig.frames[k].start_us;
    assert_int_equal(shelf_find(rig.shelf, rig.tape, at, &index, &run), OK);
    assert_in_range(index->runs[run].start_us, at - 1, at);
    assert_int_equal(index->runs[run].flags, RECORD_DISCONTINUITY);
    assert_int_equal(piece_load(rig.tape, index, run, &piece), OK);
    assert_int_equal(rig_number(piece->open.bytes.ptr), k);
    assert_true(str_eq(piece->open.titles[0].text, STR("overwritten too")));
    piece_unref(piece);
    shelf_put(rig.shelf, index);
    /* The part of the run in front of the hole is not lost with it. */
    assert_int_equal(walk.frames, 1000 + rig.count - k);
    rig_end(&rig);
}

static void media_time_goes_on_by_the_sample_behind_what_was_overwritten(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_run_in_ram run;
    rig_init(&rig, true);
    small_open(&rig, RIG_START_US);
    rig_feed(&rig, 1000);
    rig_flush(&rig);
    fault_set(WRITE, 0, ENOSPC, true);
    for (int i = 0; i < 2000; i++) {
        rig_feed(&rig, 4);
        rig_feed_one(&rig, US_PER_MS, false); /* no hole: the clock goes its own way */
    }
    assert_int_equal(tape_flush(rig.tape), E_DISK_FULL);
    fault_clear();
    rig_flush(&rig);
    assert_true(tape_disk_stats(rig.tape).lost_bytes > 0);
    struct rig_runs runs = rig_runs(&rig); /* looks at the media time of each */
    assert_int_equal(runs.breaks, 1);
    assert_true(runs.last.drift_samples < -1500 * (RATE_HZ / 1000));
    /* The files tell what the tail tells. */
    uint64_t number = tape_runs_oldest_in_ram(rig.tape);
    while (!tape_run_in_ram(rig.tape, number, false, &run))
        number++;
    assert_int_equal(tape_run_in_ram(rig.tape, number - 1, false, &run), OK);
    assert_int_equal(run.run.start.us, runs.last.start.us);
    assert_int_equal(run.run.drift_samples, runs.last.drift_samples);
    rig_end(&rig);
}

/* ---- a disk that hangs ---- */

struct hung {
    struct rig *rig;
    enum err err;
};

static void *hung_run(void *ctx)
{
    struct hung *hung = ctx;
    hung->err = tape_flush(hung->rig->tape);
    return NULL;
}

static void a_disk_that_hangs_never_holds_up_the_air_or_a_loop(void **state)
{
    (void)state;
    struct rig rig;
    struct utc oldest, newest;
    struct tape_title_at title;
    struct iovec span;
    pthread_t thread;
    rig_init(&rig, true);
    small_open(&rig, RIG_START_US);
    rig_feed(&rig, 300);
    rig_flush(&rig);
    rig_feed(&rig, 100);
    struct hung hung = {&rig, OK};
    fault.blocked = true;
    assert_int_equal(pthread_create(&thread, NULL, hung_run, &hung), 0);
    sem_wait(&fault.entered); /* now it hangs in the middle of a write */
    struct mono before = clock_mono(clock_real());
    for (int i = 0; i < 10000; i++) { /* four minutes: the tail of 1 MiB goes round several times */
        rig_feed(&rig, 1);
        uint64_t pos = tape_pos_back(rig.tape, 3000);
        assert_int_equal(tape_span(rig.tape, pos, tape_head(rig.tape), &span), OK);
        assert_true(tape_range(rig.tape, &oldest, &newest));
        assert_int_equal(tape_title_find(rig.tape, pos, &title), OK);
    }
    int64_t us = clock_mono(clock_real()).us - before.us;
    fault.blocked = false;
    sem_post(&fault.leave);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(hung.err, OK);
    assert_true(tape_disk_stats(rig.tape).lost_bytes > 0);
    print_message("# 10000 frames appended and read in %.0f ms beside a hung disk\n",
                  (double)us / 1000);
    tape_close(&rig.tape);
    small_open(&rig, RIG_START_US);
    struct rig_walk walk = rig_walk(&rig); /* nothing that was overwritten under the pen is kept */
    assert_true(walk.frames >= 300 && walk.frames < rig.count);
    assert_int_equal(walk.next, rig.count);
    rig_end(&rig);
}

/* ---- memory that is out ---- */

static bool on_title(void *ctx, struct utc at, struct str text)
{
    (void)at;
    *(uint64_t *)ctx += text.len;
    return true;
}

/* Everything once that allocates; returns the first error. */
static enum err all_at_once(struct rig *rig)
{
    struct tape_config config = {rig->folder, "one/mp3", CODEC_MP3, 8000};
    struct set_index *index = NULL;
    struct piece *piece = NULL;
    struct shelf *shelf = NULL;
    struct rig_runs runs = {0};
    uint64_t titles_bytes = 0;
    size_t run;
    enum err err = tape_open(&config, (struct utc){RIG_START_US}, &rig->tape);
    if (err)
        return err;
    rig_feed_one(rig, 0, true);
    rig_title(rig, "a title");
    rig_feed(rig, 500);
    err = tape_flush(rig->tape);
    if (!err)
        err = shelf_new(&shelf);
    if (!err)
        err = shelf_find(shelf, rig->tape, 0, &index, &run);
    if (!err)
        err = piece_load(rig->tape, index, run, &piece);
    if (!err)
        err = tape_runs_on_disk(rig->tape, 0, UINT64_MAX, rig_on_run, &runs);
    if (!err)
        err = tape_titles_on_disk(rig->tape, (struct utc){0}, (struct utc){INT64_MAX / 8}, on_title,
                                  &titles_bytes);
    assert_true(err || (runs.count > 0 && titles_bytes > 0));
    if (piece)
        piece_unref(piece);
    if (index)
        shelf_put(shelf, index);
    shelf_free(&shelf);
    fault.countdown[ALLOCATE] = INT64_MAX;
    tape_close(&rig->tape);
    return err;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    struct rig rig;
    enum err err = E_NOMEM;
    uint64_t turns = 0;
    rig_init(&rig, true);
    fault_clear();
    assert_int_equal(all_at_once(&rig), OK); /* so that there is something to recover */
    for (; err == E_NOMEM; turns++) {
        fault_set(ALLOCATE, (int64_t)turns, ENOMEM, false);
        err = all_at_once(&rig);
    }
    fault_clear();
    assert_int_equal(err, OK);
    assert_true(turns > 10);
    print_message("# %d places\n", (int)turns);
    small_open(&rig, RIG_START_US);
    assert_true(rig_walk(&rig).frames >= 501);
    rig_end(&rig);
}

static int setup(void **state)
{
    (void)state;
    sem_init(&fault.entered, 0, 0);
    sem_init(&fault.leave, 0, 0);
    fault_clear();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_write_may_fail),
        cmocka_unit_test(any_write_may_find_the_disk_full),
        cmocka_unit_test(any_sync_may_fail),
        cmocka_unit_test(any_truncate_may_fail),
        cmocka_unit_test(any_rename_may_fail),
        cmocka_unit_test(a_repair_that_fails_is_made_up_for_later),
        cmocka_unit_test(what_was_overwritten_before_it_was_written_is_a_hole_on_disk),
        cmocka_unit_test(media_time_goes_on_by_the_sample_behind_what_was_overwritten),
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(a_disk_that_hangs_never_holds_up_the_air_or_a_loop),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
