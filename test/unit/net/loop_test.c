#include "test.h"

#include "net/loop.h"

#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

static struct loops *loops;
static sem_t done;

static int setup(void **state)
{
    (void)state;
    assert_int_equal(loops_new(2, clock_real(), &loops), OK);
    sem_init(&done, 0, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    loops_stop(loops);
    loops_free(&loops);
    assert_null(loops);
    sem_destroy(&done);
    return 0;
}

/* Runs a function on a loop and waits for it. */
struct errand {
    struct loop_job job;
    void (*run)(void);
};

static void run_errand(struct loop_job *job)
{
    ((struct errand *)(void *)job)->run();
    sem_post(&done);
}

static void on_loop(unsigned index, void (*run)(void))
{
    struct errand errand = {.job.run = run_errand, .run = run};
    loop_post(loops_at(loops, index), &errand.job);
    sem_wait(&done);
}

#define POSTERS 4
#define JOBS    5000
struct numbered {
    struct loop_job job;
    unsigned poster, number;
};
static struct numbered jobs[POSTERS][JOBS];
static unsigned next_number[POSTERS];
static unsigned out_of_order;

static void run_numbered(struct loop_job *job)
{
    struct numbered *own = (struct numbered *)(void *)job;
    out_of_order += own->number != next_number[own->poster];
    next_number[own->poster]++;
    memset(own, 0xee, sizeof *own); /* the job is the runner's */
}

static void *poster_main(void *ctx)
{
    struct numbered *own = ctx;
    for (unsigned i = 0; i < JOBS; i++) {
        own[i].job.run = run_numbered;
        own[i].number = i;
        own[i].poster = (unsigned)((struct numbered(*)[JOBS])ctx - jobs);
        loop_post(loops_at(loops, 1), &own[i].job);
    }
    return NULL;
}

static void nothing(void)
{
}

static void jobs_of_many_threads_run_once_and_in_order(void **state)
{
    (void)state;
    pthread_t threads[POSTERS];
    assert_int_equal(loops_start(loops), OK);
    for (int i = 0; i < POSTERS; i++)
        pthread_create(&threads[i], NULL, poster_main, jobs[i]);
    for (int i = 0; i < POSTERS; i++)
        pthread_join(threads[i], NULL);
    on_loop(1, nothing);
    for (int i = 0; i < POSTERS; i++)
        assert_int_equal(next_number[i], JOBS);
    assert_int_equal(out_of_order, 0);
}

static atomic_int early_count;

static void run_early(struct loop_job *job)
{
    (void)job;
    atomic_fetch_add(&early_count, 1);
}

static void jobs_posted_before_the_start_and_before_the_stop_are_run(void **state)
{
    (void)state;
    struct loop_job first = {.run = run_early}, last[100];
    loop_post(loops_at(loops, 0), &first);
    assert_int_equal(loops_start(loops), OK);
    for (int i = 0; i < 100; i++) {
        last[i].run = run_early;
        loop_post(loops_at(loops, (unsigned)i % 2), &last[i]);
    }
    loops_stop(loops);
    assert_int_equal(atomic_load(&early_count), 101);
    struct loop_job late = {.run = run_early}; /* goes nowhere, harms nobody */
    loop_post(loops_at(loops, 0), &late);
}

static bool was_here[2];

static void look_here(void)
{
    was_here[0] = loop_is_here(loops_at(loops, 0));
    was_here[1] = loop_is_here(loops_at(loops, 1));
}

static void a_loop_knows_its_thread(void **state)
{
    (void)state;
    assert_int_equal(loops_start(loops), OK);
    on_loop(1, look_here);
    assert_false(was_here[0]);
    assert_true(was_here[1]);
    assert_false(loop_is_here(loops_at(loops, 1)));
    assert_int_equal(loops_count(loops), 2);
    assert_int_equal(loop_index(loops_at(loops, 1)), 1);
}

static struct loop_timer timer;
static int ticks;
static int64_t ticked_us[8];

static void on_timer_closed(struct loop_timer *closed)
{
    assert_ptr_equal(closed, &timer);
    memset(&timer, 0xee, sizeof timer);
    sem_post(&done);
}

static void on_tick(struct loop_timer *fired)
{
    ticked_us[ticks++] = loop_now(fired->loop).us;
    if (ticks == 5)
        loop_timer_close(fired, on_timer_closed);
}

static void start_timer(void)
{
    ticks = 0;
    loop_timer_open(loops_at(loops, 0), &timer, on_tick);
    loop_timer_start(&timer, 20, 5);
}

static void a_timer_fires_until_it_is_closed(void **state)
{
    (void)state;
    assert_int_equal(loops_start(loops), OK);
    int64_t before_us = clock_mono(clock_real()).us;
    on_loop(0, start_timer);
    sem_wait(&done);
    assert_int_equal(ticks, 5);
    assert_true(ticked_us[0] - before_us >= 18000);
    assert_true(ticked_us[4] - before_us >= 36000);
}

static struct loop_watch watch;
static int ends[2];
static atomic_int read_count;

static void on_watch_closed(struct loop_watch *closed)
{
    assert_ptr_equal(closed, &watch);
    sem_post(&done);
}

static void on_event(struct loop_watch *own, unsigned events)
{
    char byte;
    if (!(events & LOOP_READ))
        return;
    ssize_t n = recv(ends[0], &byte, 1, 0);
    if (n > 0) {
        atomic_fetch_add(&read_count, 1);
    } else {
        loop_watch_close(own, on_watch_closed);
        close(ends[0]);
    }
}

static void start_watch(void)
{
    assert_int_equal(loop_watch_open(loops_at(loops, 0), &watch, ends[0], on_event), OK);
    loop_watch_set(&watch, LOOP_READ);
}

static void pause_watch(void)
{
    loop_watch_set(&watch, 0);
}

static void resume_watch(void)
{
    loop_watch_set(&watch, LOOP_READ | LOOP_HANGUP);
}

static void a_watch_tells_again_until_all_is_read(void **state)
{
    (void)state;
    atomic_store(&read_count, 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(loops_start(loops), OK);
    on_loop(0, start_watch);
    assert_int_equal(send(ends[1], "abc", 3, 0), 3);
    while (atomic_load(&read_count) < 3)
        poll(NULL, 0, 1);
    on_loop(0, pause_watch);
    assert_int_equal(send(ends[1], "def", 3, 0), 3);
    on_loop(0, nothing);
    poll(NULL, 0, 20);
    assert_int_equal(atomic_load(&read_count), 3);
    on_loop(0, resume_watch);
    while (atomic_load(&read_count) < 6)
        poll(NULL, 0, 1);
    close(ends[1]);
    sem_wait(&done);
}

/* Two bytes and then a reset: libuv tells the error first and stops; the watch must go on. */
static void bytes_before_an_error_are_read_and_then_the_error(void **state)
{
    (void)state;
    int listening = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct linger now = {1, 0};
    struct sockaddr_storage name = {.ss_family = AF_INET};
    socklen_t len = sizeof name;
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&name, &len), 0);
    ends[1] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(ends[1], (struct sockaddr *)&name, len), 0);
    ends[0] = accept(listening, NULL, NULL);
    atomic_store(&read_count, 0);
    assert_int_equal(send(ends[1], "ab", 2, 0), 2);
    setsockopt(ends[1], SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(ends[1]);
    assert_int_equal(loops_start(loops), OK);
    on_loop(0, start_watch);
    sem_wait(&done);
    close(listening);
}

static void start_both(void)
{
    start_timer();
    loop_timer_start(&timer, 100000, 0);
    start_watch();
}

static void stopping_lets_go_of_what_is_still_open(void **state)
{
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_int_equal(loops_start(loops), OK);
    on_loop(0, start_both);
    loops_stop(loops);
    memset(&timer, 0xee, sizeof timer); /* the owner may free his memory now */
    memset(&watch, 0xee, sizeof watch);
    close(ends[0]);
    close(ends[1]);
}

static int64_t virtual_us;

static struct mono virtual_mono(void *ctx)
{
    (void)ctx;
    return (struct mono){virtual_us};
}

static void a_loop_follows_its_clock(void **state)
{
    (void)state;
    struct clock clock = {.mono = virtual_mono};
    struct loops *own;
    assert_int_equal(loops_new(1, &clock, &own), OK);
    virtual_us = 5;
    assert_int_equal(loop_now(loops_at(own, 0)).us, 5);
    virtual_us = 6;
    assert_int_equal(loop_now(loops_at(own, 0)).us, 6);
    assert_ptr_equal(loop_clock(loops_at(own, 0)), &clock);
    loops_free(&own);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(jobs_of_many_threads_run_once_and_in_order),
        TEST(jobs_posted_before_the_start_and_before_the_stop_are_run),
        TEST(a_loop_knows_its_thread),
        TEST(a_timer_fires_until_it_is_closed),
        TEST(a_watch_tells_again_until_all_is_read),
        TEST(bytes_before_an_error_are_read_and_then_the_error),
        TEST(stopping_lets_go_of_what_is_still_open),
        TEST(a_loop_follows_its_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
