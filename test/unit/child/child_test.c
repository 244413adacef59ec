/* Tests of child/child.c, children.c, process.c, spawn.c and lines.c with real processes. */
#include "rig.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

static char bytes[MESSAGE_PAYLOAD_MAX];

static unsigned next_random(unsigned *seed)
{
    return *seed = *seed * 1664525 + 1013904223;
}

/* The n-th message: mostly short, some as long as they may be. */
static struct message nth(unsigned n)
{
    unsigned seed = n * 2654435761u + 1;
    unsigned kind = next_random(&seed) >> 16 & 127;
    size_t len = (next_random(&seed) >> 8) % 1200;
    if (kind == 0)
        len = MESSAGE_PAYLOAD_MAX;
    else if (kind < 4)
        len = (next_random(&seed) >> 8) % MESSAGE_PAYLOAD_MAX;
    else if (kind < 8)
        len = 0;
    for (size_t i = 0; i < len; i += 61)
        bytes[i] = (char)(n + i);
    return (struct message){
        .type = (uint16_t)n,
        .id = (uint16_t)(n >> 3),
        .at_us = -(int64_t)n * 1000000007,
        .samples = n * 3,
        .payload = {bytes, len},
    };
}

static void check_nth(unsigned n, const struct message *got)
{
    struct message want = nth(n);
    assert_int_equal(got->type, want.type);
    assert_int_equal(got->id, want.id);
    assert_true(got->at_us == want.at_us);
    assert_int_equal(got->samples, want.samples);
    assert_int_equal(got->payload.len, want.payload.len);
    for (size_t i = 0; i < want.payload.len; i += 61)
        assert_int_equal(got->payload.ptr[i], want.payload.ptr[i]);
}

static void ten_thousand_messages_go_to_and_fro_whole_and_in_order(void **state)
{
    struct rig *rig = *state;
    struct message message;
    unsigned sent = 0, got = 0;
    rig_make(rig, "echo", NULL);
    start(rig);
    assert_true(is_up(rig));
    int64_t until_us = clock_mono(clock_real()).us + 60 * US_PER_S;
    while (got < 10000) {
        assert_true(clock_mono(clock_real()).us < until_us);
        unsigned before = sent + got;
        while (sent < 10000 && (message = nth(sent), send_message(rig, &message)))
            sent++;
        flush(rig);
        while (receive(rig, &message) == OK)
            check_nth(got++, &message);
        if (sent + got == before)
            rest();
        assert_true(is_up(rig));
    }
    assert_int_equal(receive(rig, &message), E_AGAIN);
    assert_int_equal(child_starts(rig->child), 1);
}

static void fifty_deaths_leave_no_descriptor_and_no_zombie(void **state)
{
    struct rig *rig = *state;
    struct message message = {.type = 1, .payload = {bytes, 100}};
    rig_make(rig, "echo", NULL);
    int before = open_descriptors();
    for (int i = 0; i < 50; i++) {
        struct message got;
        start(rig);
        message.at_us = i;
        assert_true(send_message(rig, &message));
        flush(rig);
        WAIT_FOR(receive(rig, &got) == OK);
        assert_true(got.at_us == i);
        int pid = child_pid(rig->child);
        assert_true(pid > 0);
        if (i % 2)
            rig_kill(rig);
        else
            assert_int_equal(kill(pid, SIGKILL), 0);
        WAIT_FOR(!is_up(rig));
        assert_int_equal(child_pid(rig->child), 0);
        assert_true(kill(pid, 0) != 0 && errno == ESRCH);
    }
    assert_int_equal(open_descriptors(), before);
    assert_false(has_children());
    assert_int_equal(child_starts(rig->child), 50);
}

/* They are more than a ring holds, so that the thread has to wait for us after its death. */
static void what_was_said_before_death_is_received_before_it_goes_down(void **state)
{
    struct rig *rig = *state;
    struct message message;
    rig_make(rig, "count", "400");
    catch_log(rig);
    start(rig);
    WAIT_FOR(logged(rig, "exit=5"));
    assert_true(is_up(rig));
    for (int i = 0; i < 400; i++) {
        assert_true(is_up(rig));
        WAIT_FOR(receive(rig, &message) == OK);
        assert_true(message.at_us == i);
        assert_int_equal(message.payload.len, 1000);
    }
    WAIT_FOR(!is_up(rig));
    assert_int_equal(receive(rig, &message), E_AGAIN);
    assert_int_equal(logged(rig, "text=\"ended by itself\""), 1);
}

static void half_a_message_at_its_death_is_thrown_away(void **state)
{
    static const char *const hows[] = {"torn", "stub"};
    struct rig *rig = *state;
    struct message message;
    for (int i = 0; i < 4; i++) {
        if (i % 2 == 0)
            rig_make(rig, hows[i / 2], NULL);
        start(rig);
        WAIT_FOR(receive(rig, &message) == OK);
        assert_int_equal(message.type, 9);
        WAIT_FOR(!is_up(rig));
        assert_int_equal(receive(rig, &message), E_AGAIN);
    }
}

static void fill(struct rig *rig, size_t total)
{
    struct message message = {.type = 1, .payload = {bytes, 10000}};
    for (size_t sent = 0; sent < total; sent += 10000) {
        WAIT_FOR(send_message(rig, &message) || !is_up(rig));
        flush(rig);
    }
}

static void a_child_that_does_not_read_is_killed(void **state)
{
    struct rig *rig = *state;
    struct message message;
    rig->stuck_ms = 300;
    rig_make(rig, "deaf", NULL);
    catch_log(rig);
    start(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    fill(rig, 6000000);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "killed: it does not read"), 1);
    assert_int_equal(logged(rig, "signal=9"), 1);
}

/* What one life did not read does not reach the next. */
static void a_new_life_begins_with_empty_hands(void **state)
{
    struct rig *rig = *state;
    struct message message = {.payload = {bytes, 10000}};
    rig->stuck_ms = 60000;
    rig_make(rig, "once", NULL);
    for (int life = 0; life < 3; life++) {
        message.type = (uint16_t)(100 + life);
        start(rig);
        assert_true(send_message(rig, &message));
        flush(rig);
        WAIT_FOR(receive(rig, &message) == OK);
        assert_int_equal(message.type, 100 + life);
        message = (struct message){.type = 1, .payload = {bytes, 10000}};
        size_t before;
        size_t sent = 0;
        do { /* the ring is full when the socket is */
            before = sent;
            for (int i = 0; i < 40; i++, rest())
                while (send_message(rig, &message)) {
                    sent++;
                    flush(rig);
                }
        } while (sent > before);
        rig_kill(rig);
        drain_until_down(rig);
    }
}

/* The kernel says that a socket is writable again only when three quarters of it are empty. */
static void a_child_that_reads_slowly_lives(void **state)
{
    struct rig *rig = *state;
    rig->stuck_ms = 250;
    rig_make(rig, "slow", NULL);
    start(rig);
    int64_t until_us = clock_mono(clock_real()).us + 1200 * US_PER_MS;
    struct message message = {.type = 1, .payload = {bytes, 30000}};
    bool was_full = false;
    while (clock_mono(clock_real()).us < until_us) {
        was_full |= !send_message(rig, &message);
        flush(rig);
        assert_true(is_up(rig));
        if (was_full)
            rest();
    }
    assert_true(was_full);
    assert_true(child_pid(rig->child) > 0);
}

static void a_message_longer_than_allowed_is_told_of(void **state)
{
    struct rig *rig = *state;
    struct message message;
    rig_make(rig, "long", NULL);
    for (int i = 0; i < 3; i++) {
        start(rig);
        WAIT_FOR(receive(rig, &message) == OK);
        WAIT_FOR(receive(rig, &message) == E_TOO_LONG);
        assert_int_equal(receive(rig, &message), E_TOO_LONG);
        assert_null(message.payload.ptr);
        assert_true(is_up(rig));
        rig_kill(rig);
        WAIT_FOR(!is_up(rig));
    }
}

static void a_program_that_cannot_be_started_goes_down_soon(void **state)
{
    static const char *const programs[] = {"/nowhere/at/all", "/proc/version", "/"};
    struct rig *rig = *state;
    struct message message;
    int before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        str_copy(rig->program, sizeof rig->program, str_of(programs[i]));
        rig_make(rig, "echo", NULL);
        for (int j = 0; j < 2; j++) {
            start(rig);
            WAIT_FOR(!is_up(rig));
            assert_int_equal(receive(rig, &message), E_AGAIN);
            assert_int_equal(child_pid(rig->child), 0);
        }
    }
    assert_int_equal(open_descriptors(), before);
    assert_false(has_children());
}

static void how_a_child_ended_is_logged(void **state)
{
    struct rig *rig = *state;
    catch_log(rig);
    rig_make(rig, "at once", NULL);
    start(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "exit=3 after_s="), 1);
    rig_make(rig, "crash", NULL);
    start(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "signal=6 after_s="), 1);
    rig_make(rig, "echo", NULL);
    start(rig);
    WAIT_FOR(child_pid(rig->child) > 0);
    rig_kill(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "signal=9 after_s="), 1);
    assert_int_equal(logged(rig, "level=warn"), 2);
    str_copy(rig->program, sizeof rig->program, str_of("/nowhere"));
    rig_make(rig, "echo", NULL);
    start(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "level=error"), 1);
    assert_int_equal(logged(rig, "it could not be started: not found"), 1);
}

/* The ring is full most of the time; nothing is lost, and the flooder is held back. */
static void a_flood_is_held_back_and_arrives_whole(void **state)
{
    struct rig *rig = *state;
    struct message message;
    rig_make(rig, "count", "0");
    start(rig);
    for (int i = 0; i < 5000; i++) {
        if (i % 700 == 0)
            for (int j = 0; j < 20; j++)
                rest();
        WAIT_FOR(receive(rig, &message) == OK);
        assert_true(message.at_us == i);
    }
    rig_kill(rig);
    drain_until_down(rig);
}

static void its_lines_are_logged_twenty_a_minute(void **state)
{
    struct rig *rig = *state;
    struct message message;
    catch_log(rig);
    rig_make(rig, "lines", "30");
    start(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    WAIT_FOR(logged(rig, "wrote=") == 20);
    assert_int_equal(logged(rig, "wrote=\"line 0 says \\\"hello\\\"\""), 1);
    assert_int_equal(logged(rig, "wrote=\"line 19 "), 1);
    assert_int_equal(logged(rig, "left_out"), 0);
    /* When the minute is over, and when the child goes: its last line has no end. */
    clock_ahead_us += 61 * US_PER_S;
    assert_true(send_message(rig, &(struct message){.type = 1}));
    flush(rig);
    WAIT_FOR(logged(rig, "left_out=12 ") == 1);
    assert_true(child_pid(rig->child) > 0);
    assert_true(send_message(rig, &(struct message){.type = 1}));
    flush(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "wrote="), 21);
    assert_int_equal(logged(rig, "wrote=\"the last one\""), 1);
    assert_int_equal(logged(rig, "left_out"), 1);
}

static void a_long_line_comes_in_pieces_and_the_last_one_needs_no_end(void **state)
{
    struct rig *rig = *state;
    struct message message;
    catch_log(rig);
    rig_make(rig, "lines", "1");
    start(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    rig_kill(rig);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "wrote="), 4);
    assert_int_equal(logged(rig, "0000000007\""), 1);
    assert_int_equal(logged(rig, "wrote=\"the last one\""), 1);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

static void a_child_gets_four_descriptors_and_its_limits(void **state)
{
    struct rig *rig = *state;
    struct message message;
    char text[512], want[256];
    signal(SIGPIPE, SIG_IGN);
    sigset_t some, before;
    sigemptyset(&some);
    sigaddset(&some, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &some, &before);
    int inherited = open("/", O_RDONLY); /* not close-on-exec, as a careless starter leaves it */
    rig->address_space_max = (uint64_t)1 << 30;
    rig->nice = 3;
    rig_make(rig, "limits", "one");
    start(rig);
    send_message(rig, &(struct message){.type = 1});
    flush(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    assert_true(str_copy(text, sizeof text, message.payload));
    close(inherited);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    assert_non_null(strstr(text, "args=one,two words fds=0 1 2 3 0=/dev/null 1=/dev/null "));
    snprintf(want, sizeof want, " nice=%d oom=", getpriority(PRIO_PROCESS, 0) + 3);
    assert_non_null(strstr(text, want));
    assert_true(strtol(strstr(text, "oom=") + 4, NULL, 10) >= 200);
    assert_non_null(strstr(text, "blocked=0 pipe=default group=own"));
#ifndef IS_SANITIZED
    assert_non_null(strstr(text, "as=1073741824 core=0 "));
#endif
    WAIT_FOR(!is_up(rig));
}

static void a_child_that_closes_its_socket_is_killed_after_a_second(void **state)
{
    struct rig *rig = *state;
    struct message message;
    rig_make(rig, "closed", NULL);
    catch_log(rig);
    start(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    WAIT_FOR(!is_up(rig));
    assert_int_equal(logged(rig, "killed: it closed its socket"), 1);
}

static void kill_works_in_every_state(void **state)
{
    struct rig *rig = *state;
    rig_make(rig, "echo", NULL);
    rig_kill(rig);
    assert_false(is_up(rig));
    for (int i = 0; i < 40; i++) {
        start(rig);
        for (int j = 0; j < i; j++)
            sched_yield();
        rig_kill(rig);
        rig_kill(rig);
        WAIT_FOR(!is_up(rig));
        rig_kill(rig);
    }
    struct message message = {.type = 7};
    start(rig);
    send_message(rig, &message);
    flush(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    assert_int_equal(message.type, 7);
}

static void a_child_that_runs_can_be_freed(void **state)
{
    static const char *const hows[] = {"echo", "deaf", "count", "closed"};
    struct rig *rig = *state;
    struct message message;
    int before = open_descriptors();
    for (int i = 0; i < 12; i++) {
        rig_make(rig, hows[i % 4], NULL);
        start(rig);
        if (i % 4 != 0 && i > 3)
            WAIT_FOR(receive(rig, &message) == OK);
    }
    child_free(&rig->child);
    assert_null(rig->child);
    child_free(&rig->child);
    assert_int_equal(open_descriptors(), before);
    assert_false(has_children());
}

static void what_is_out_of_range_makes_no_child(void **state)
{
    struct rig *rig = *state;
    static char long_name[20000];
    memset(long_name, 'x', sizeof long_name - 1);
    const char *many[] = {"1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};
    const struct child_config good = {
        .name = "x",
        .program = "/x",
        .to_ring_bytes = RING_BYTES,
        .from_ring_bytes = RING_BYTES,
        .stuck_ms = 1,
    };
    struct child_config bad[7] = {good, good, good, good, good, good, good};
    bad[0].to_ring_bytes = 65536;
    bad[1].from_ring_bytes = 65536;
    bad[2].from_ring_bytes = RING_BYTES + 4096;
    bad[3].stuck_ms = 0;
    bad[4].args = many;
    bad[5].name = long_name;
    bad[6].nice = 20;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(child_new(rig->children, &bad[i], &rig->child), E_RANGE);
        assert_null(rig->child);
    }
    many[8] = NULL;
    bad[4].args = many;
    assert_int_equal(child_new(rig->children, &bad[4], &rig->child), OK);
}

static void there_are_at_most_128_children(void **state)
{
    struct rig *rig = *state;
    struct child *children[129];
    const struct child_config config = {
        .name = "x",
        .program = "/x",
        .to_ring_bytes = RING_BYTES,
        .from_ring_bytes = RING_BYTES,
        .stuck_ms = 1,
    };
    for (int i = 0; i < 128; i++)
        assert_int_equal(child_new(rig->children, &config, &children[i]), OK);
    assert_int_equal(child_new(rig->children, &config, &children[128]), E_LIMIT);
    child_free(&children[5]);
    assert_int_equal(child_new(rig->children, &config, &children[5]), OK);
    for (int i = 0; i < 128; i++)
        child_free(&children[i]);
}

static void a_program_is_found_beside_this_one_or_in_a_folder_near_it(void **state)
{
    (void)state;
    char path[512], self[512], tight[8];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(len > 0);
    self[len] = '\0';
    assert_int_equal(child_program("none", strrchr(self, '/') + 1, path, sizeof path), OK);
    assert_string_equal(path, self);
    /* Any number of steps up ends at the root. */
    const char *far = "../../../../../../../../../../../../../../bin";
    assert_int_equal(child_program(far, "sh", path, sizeof path), OK);
    assert_int_equal(access(path, X_OK), 0);
    assert_int_equal(child_program("none", "sh", path, sizeof path), E_NOT_FOUND);
    assert_int_equal(child_program("none", "sh", tight, sizeof tight), E_TOO_LONG);
}

/* Several owners at once, each in a thread of its own, while somebody else looks on. Under the
 * thread sanitizer this must be silent. */
#define OWNERS 4

struct owner {
    struct child *child;
    unsigned seed;
    unsigned messages, lives, wrong;
    atomic_bool *must_stop;
};

static void live_once(struct owner *owner, const struct channel *channel)
{
    struct message message;
    unsigned sent = 0, got = 0;
    unsigned target = next_random(&owner->seed) >> 20 & 255;
    bool was_killed = false, may_be_early = next_random(&owner->seed) >> 20 & 1;
    char text[3000] = "";
    channel->start(channel->ctx);
    owner->lives++;
    while (channel->is_up(channel->ctx)) {
        message = (struct message){.at_us = sent};
        message.payload = (struct str){text, (next_random(&owner->seed) >> 12) % sizeof text};
        if (!was_killed && channel->send(channel->ctx, &message))
            sent++;
        channel->flush(channel->ctx);
        while (channel->receive(channel->ctx, &message) == OK) {
            owner->wrong += message.at_us != got++;
            owner->messages++;
        }
        if ((may_be_early ? sent : got) >= target && !was_killed) {
            channel->kill(channel->ctx);
            was_killed = true;
        }
        if (sent % 16 == 0)
            rest();
    }
}

static void *own(void *ctx)
{
    struct owner *owner = ctx;
    while (!atomic_load(owner->must_stop))
        live_once(owner, child_channel(owner->child));
    return NULL;
}

static void many_owners_start_and_kill_at_once(void **state)
{
    struct rig *rig = *state;
    struct owner owners[OWNERS];
    pthread_t threads[OWNERS];
    atomic_bool must_stop = false;
    for (unsigned i = 0; i < OWNERS; i++) {
        owners[i] = (struct owner){.seed = i + 1, .must_stop = &must_stop};
        rig_make(rig, "echo", NULL);
        owners[i].child = rig->child;
        rig->child = NULL;
        assert_int_equal(pthread_create(&threads[i], NULL, own, &owners[i]), 0);
    }
    int64_t until_us = clock_mono(clock_real()).us + 3 * US_PER_S;
    while (clock_mono(clock_real()).us < until_us) {
        for (int i = 0; i < OWNERS; i++)
            assert_true(child_pid(owners[i].child) >= 0 && child_starts(owners[i].child) < 100000);
        rest();
    }
    atomic_store(&must_stop, true);
    for (int i = 0; i < OWNERS; i++)
        pthread_join(threads[i], NULL);
    for (int i = 0; i < OWNERS; i++) {
        assert_int_equal(owners[i].wrong, 0);
        assert_true(owners[i].lives > 1 && owners[i].messages > 0);
        assert_int_equal(child_starts(owners[i].child), owners[i].lives);
        child_free(&owners[i].child);
    }
    assert_false(has_children());
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(ten_thousand_messages_go_to_and_fro_whole_and_in_order),
        TEST(fifty_deaths_leave_no_descriptor_and_no_zombie),
        TEST(what_was_said_before_death_is_received_before_it_goes_down),
        TEST(half_a_message_at_its_death_is_thrown_away),
        TEST(a_child_that_does_not_read_is_killed),
        TEST(a_new_life_begins_with_empty_hands),
        TEST(a_child_that_reads_slowly_lives),
        TEST(a_message_longer_than_allowed_is_told_of),
        TEST(a_program_that_cannot_be_started_goes_down_soon),
        TEST(how_a_child_ended_is_logged),
        TEST(a_flood_is_held_back_and_arrives_whole),
        TEST(its_lines_are_logged_twenty_a_minute),
        TEST(a_long_line_comes_in_pieces_and_the_last_one_needs_no_end),
        TEST(a_child_gets_four_descriptors_and_its_limits),
        TEST(a_child_that_closes_its_socket_is_killed_after_a_second),
        TEST(kill_works_in_every_state),
        TEST(a_child_that_runs_can_be_freed),
        TEST(what_is_out_of_range_makes_no_child),
        TEST(there_are_at_most_128_children),
        TEST(a_program_is_found_beside_this_one_or_in_a_folder_near_it),
        TEST(many_owners_start_and_kill_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
