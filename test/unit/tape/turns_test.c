/* A tape that is taken away between the writer's choice and his deed; sets_bytes(), with which he
 * chooses, is wrapped at link time (-Wl,--wrap). */
#include "rig.h"

#include <sys/statvfs.h>
#include <time.h>

static struct {
    pthread_t thread;
    int countdown; /* calls on this thread until the tape goes; 0 = never */
    struct tape_writer *writer;
    struct tape *tape;
} plan;

uint64_t __real_sets_bytes(struct tape *tape);
uint64_t __wrap_sets_bytes(struct tape *tape);
uint64_t __wrap_sets_bytes(struct tape *tape)
{
    if (pthread_equal(plan.thread, pthread_self()) && plan.countdown > 0 && --plan.countdown == 0)
        tape_writer_remove(plan.writer, plan.tape);
    return __real_sets_bytes(tape);
}

static const struct tape_keep keep_all = {
    .retention_s = 100 * 365 * 86400ULL, .disk_share_percent = 100, .free_percent_min = 0};

static uint64_t thousandth_of_the_disk(void)
{
    struct statvfs fs;
    char folder[64];
    rig_folder(folder);
    assert_int_equal(statvfs(folder, &fs), 0);
    rig_remove_folder(folder);
    uint64_t thousandth = (uint64_t)fs.f_blocks * fs.f_frsize / 1000;
    return thousandth - thousandth % SET_WINDOWS;
}

static void sparse_tape(struct rig *rig, uint64_t hours, uint64_t bytes)
{
    rig_init(rig, true);
    uint64_t first_n = window_of(RIG_START_US) / SET_WINDOWS * SET_WINDOWS;
    for (uint64_t hour = 0; hour < hours; hour++)
        rig_sparse_set(rig->folder, first_n + hour * SET_WINDOWS, bytes);
    rig_open(rig, window_start_us(first_n + hours * SET_WINDOWS));
}

/* Waits until the thread has been through its first round, and with it through its retention. */
static void wait_for_a_round(struct rig *rig)
{
    const struct timespec nap = {.tv_nsec = 5000000};
    uint64_t before = tape_disk_stats(rig->tape).bytes_written;
    rig_feed(rig, 20);
    for (int i = 0; i < 6000 && tape_disk_stats(rig->tape).bytes_written == before; i++)
        nanosleep(&nap, NULL);
    assert_true(tape_disk_stats(rig->tape).bytes_written > before);
}

static void an_hour_of_another_tape_never_goes_in_its_place(void **state)
{
    (void)state;
    struct rig large, small;
    struct utc before, after, newest;
    uint64_t thousandth = thousandth_of_the_disk();
    sparse_tape(&large, 10, thousandth);
    sparse_tape(&small, 3, thousandth);
    assert_int_equal(tape_writer_start(&keep_all, clock_real(), &plan.writer), OK);
    assert_int_equal(tape_writer_add(plan.writer, large.tape), OK);
    assert_int_equal(tape_writer_add(plan.writer, small.tape), OK);
    wait_for_a_round(&small);
    assert_true(tape_range(small.tape, &before, &newest));
    struct tape_keep keep = keep_all;
    keep.disk_share_percent = 1;
    tape_writer_set_keep(plan.writer, &keep);
    plan.tape = large.tape;
    plan.thread = pthread_self();
    plan.countdown = 4; /* both are summed up, then both are weighed */
    tape_writer_retain(plan.writer);
    assert_int_equal(plan.countdown, 0);
    assert_true(tape_range(small.tape, &after, &newest));
    assert_int_equal(after.us, before.us);
    tape_writer_stop(&plan.writer);
    rig_end(&large);
    rig_end(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_of_another_tape_never_goes_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
