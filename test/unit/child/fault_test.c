/* What the room does when the kernel says no, does less than was asked for, or knows no pidfd. */
#include "rig.h"

#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

static struct {
    atomic_int socketpair_in, pipe_in, spawn_in, calloc_in; /* the n-th call from now fails */
    atomic_bool no_pidfd, no_limits, short_io, no_poll;
    atomic_int shorts;
} plan;

static bool fails(atomic_int *in, int number)
{
    bool now = atomic_load(in) > 0 && atomic_fetch_sub(in, 1) == 1;
    if (now)
        errno = number;
    return now;
}

void *__real_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each);
void *__wrap_calloc(size_t count, size_t each)
{
    return fails(&plan.calloc_in, ENOMEM) ? NULL : __real_calloc(count, each);
}

int __real_socketpair(int domain, int type, int protocol, int out[2]);
int __wrap_socketpair(int domain, int type, int protocol, int out[2]);
int __wrap_socketpair(int domain, int type, int protocol, int out[2])
{
    return fails(&plan.socketpair_in, EMFILE) ? -1 : __real_socketpair(domain, type, protocol, out);
}

int __real_pipe2(int out[2], int flags);
int __wrap_pipe2(int out[2], int flags);
int __wrap_pipe2(int out[2], int flags)
{
    return fails(&plan.pipe_in, EMFILE) ? -1 : __real_pipe2(out, flags);
}

int __real_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attr, char *const args[], char *const env[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attr, char *const args[], char *const env[]);
int __wrap_posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                       const posix_spawnattr_t *attr, char *const args[], char *const env[])
{
    if (fails(&plan.spawn_in, EAGAIN))
        return EAGAIN;
    return __real_posix_spawn(pid, path, actions, attr, args, env);
}

long __real_syscall(long number, long a, long b);
long __wrap_syscall(long number, long a, long b);
long __wrap_syscall(long number, long a, long b)
{
    if (number == SYS_pidfd_open && atomic_load(&plan.no_pidfd)) {
        errno = ENOSYS;
        return -1;
    }
    return __real_syscall(number, a, b);
}

int __real_setpriority(int which, id_t who, int value);
int __wrap_setpriority(int which, id_t who, int value);
int __wrap_setpriority(int which, id_t who, int value)
{
    if (atomic_load(&plan.no_limits)) {
        errno = EACCES;
        return -1;
    }
    return __real_setpriority(which, who, value);
}

/* Every third call is interrupted, or there is no memory for it. */
static int odd_errno(void)
{
    static const int numbers[] = {EINTR, EAGAIN, ENOBUFS};
    int n = atomic_fetch_add(&plan.shorts, 1);
    return n % 3 == 0 ? numbers[n / 3 % 3] : 0;
}

ssize_t __real_send(int fd, const void *from, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *from, size_t len, int flags)
{
    if (atomic_load(&plan.short_io)) {
        if ((errno = odd_errno()))
            return -1;
        len = len > 7 ? 7 : len;
    }
    return __real_send(fd, from, len, flags);
}

ssize_t __real_recv(int fd, void *to, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *to, size_t len, int flags)
{
    if (atomic_load(&plan.short_io)) {
        if (odd_errno() == EINTR) {
            errno = EINTR;
            return -1;
        }
        len = len > 11 ? 11 : len;
    }
    return __real_recv(fd, to, len, flags);
}

int __real_poll(struct pollfd *polls, nfds_t count, int wait_ms);
int __wrap_poll(struct pollfd *polls, nfds_t count, int wait_ms);
int __wrap_poll(struct pollfd *polls, nfds_t count, int wait_ms)
{
    static atomic_int calls;
    if (atomic_load(&plan.no_poll) && atomic_fetch_add(&calls, 1) % 2) {
        errno = EINTR;
        return -1;
    }
    return __real_poll(polls, count, wait_ms);
}

static int setup(void **state)
{
    memset(&plan, 0, sizeof plan);
    return rig_setup(state);
}

static void echo_once(struct rig *rig, int64_t at_us, size_t len)
{
    static char payload[MESSAGE_PAYLOAD_MAX];
    struct message message = {.type = 4, .at_us = at_us, .payload = {payload, len}};
    for (size_t i = 0; i < len; i++)
        payload[i] = (char)(at_us + (int64_t)i);
    assert_true(send_message(rig, &message));
    flush(rig);
    WAIT_FOR(receive(rig, &message) == OK);
    assert_true(message.at_us == at_us);
    assert_int_equal(message.payload.len, len);
    assert_memory_equal(message.payload.ptr, payload, len);
}

static void a_start_without_descriptors_or_processes_goes_down_and_can_be_tried_again(void **state)
{
    struct rig *rig = *state;
    atomic_int *const calls[] = {&plan.socketpair_in, &plan.pipe_in, &plan.spawn_in};
    rig_make(rig, "echo", NULL);
    int before = open_descriptors();
    for (int i = 0; i < 3; i++) {
        *calls[i] = 1;
        start(rig);
        WAIT_FOR(!is_up(rig));
        assert_int_equal(*calls[i], 0);
        assert_int_equal(open_descriptors(), before);
        start(rig);
        echo_once(rig, i, 100);
        rig_kill(rig);
        WAIT_FOR(!is_up(rig));
    }
}

static void without_a_pidfd_the_end_is_seen_by_the_end_of_the_socket(void **state)
{
    struct rig *rig = *state;
    struct message message;
    plan.no_pidfd = true;
    int before = open_descriptors();
    rig_make(rig, "echo", NULL);
    for (int i = 0; i < 10; i++) {
        start(rig);
        echo_once(rig, i, 1000);
        if (i % 2)
            rig_kill(rig);
        else
            kill(child_pid(rig->child), SIGKILL);
        WAIT_FOR(!is_up(rig));
    }
    rig_make(rig, "count", "400");
    start(rig);
    for (int i = 0; i < 400; i++) {
        WAIT_FOR(receive(rig, &message) == OK);
        assert_true(message.at_us == i);
    }
    WAIT_FOR(!is_up(rig));
    rig_make(rig, "closed", NULL);
    start(rig);
    drain_until_down(rig);
    assert_int_equal(open_descriptors(), before);
    assert_false(has_children());
}

static void bytes_that_come_in_crumbs_make_whole_messages(void **state)
{
    struct rig *rig = *state;
    rig_make(rig, "echo", NULL);
    start(rig);
    plan.short_io = true;
    for (int i = 0; i < 100; i++)
        echo_once(rig, i, (size_t)i * 13);
    plan.short_io = false;
}

static void an_interrupted_poll_does_no_harm(void **state)
{
    struct rig *rig = *state;
    plan.no_poll = true;
    rig_make(rig, "echo", NULL);
    for (int i = 0; i < 5; i++) {
        start(rig);
        for (int j = 0; j < 20; j++)
            echo_once(rig, i * j, (size_t)j * 1000);
        rig_kill(rig);
        WAIT_FOR(!is_up(rig));
    }
}

static void a_child_that_cannot_be_limited_lives_all_the_same(void **state)
{
    struct rig *rig = *state;
    plan.no_limits = true;
    rig->nice = 1;
    catch_log(rig);
    rig_make(rig, "echo", NULL);
    start(rig);
    echo_once(rig, 1, 1);
    assert_int_equal(logged(rig, "it could not be limited: not authorised"), 1);
}

static void no_memory_makes_no_child(void **state)
{
    struct rig *rig = *state;
    const struct child_config config = {
        .name = "x",
        .program = "/x",
        .to_ring_bytes = RING_BYTES,
        .from_ring_bytes = RING_BYTES,
        .stuck_ms = 1,
    };
    int n = 0;
    enum err err;
    do {
        plan.calloc_in = ++n;
        err = child_new(rig->children, &config, &rig->child);
        plan.calloc_in = 0;
        assert_true(err == OK ? rig->child != NULL : err == E_NOMEM && !rig->child);
    } while (err);
    assert_in_range(n, 4, 10);
    struct children *children;
    plan.calloc_in = 1;
    assert_int_equal(children_start(&rig_clock, &children), E_NOMEM);
    assert_null(children);
}

/* Descriptors 0 to 3 are free in us: what the child is to get lies where it will be put. */
static void our_own_first_descriptors_may_be_closed(void **state)
{
    struct rig *rig = *state;
    int kept[3];
    rig_make(rig, "limits", "one");
    for (int i = 0; i < 3; i++) {
        kept[i] = fcntl(i, F_DUPFD_CLOEXEC, 100);
        close(i);
    }
    start(rig);
    struct message message = {.type = 1};
    send_message(rig, &message);
    flush(rig);
    char text[512] = "";
    int64_t until_us = clock_mono(clock_real()).us + 10 * US_PER_S;
    for (; clock_mono(clock_real()).us < until_us && is_up(rig); rest())
        if (receive(rig, &message) == OK)
            str_copy(text, sizeof text, message.payload);
    for (int i = 0; i < 3; i++) {
        dup2(kept[i], i);
        close(kept[i]);
    }
    assert_non_null(strstr(text, "fds=0 1 2 3 0=/dev/null 1=/dev/null "));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_start_without_descriptors_or_processes_goes_down_and_can_be_tried_again),
        TEST(without_a_pidfd_the_end_is_seen_by_the_end_of_the_socket),
        TEST(bytes_that_come_in_crumbs_make_whole_messages),
        TEST(an_interrupted_poll_does_no_harm),
        TEST(a_child_that_cannot_be_limited_lives_all_the_same),
        TEST(no_memory_makes_no_child),
        TEST(our_own_first_descriptors_may_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
