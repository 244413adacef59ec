/* Tests of deck/wire.c over a real socket, and of the program itself. */
#include "deck_test.h"

#include "wire.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

struct pair {
    struct wire *wire;
    int ours; /* the station's end */
    int theirs;
};

static struct pair pair_new(void)
{
    int ends[2];
    struct pair pair = {0};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pair.ours = ends[0];
    pair.theirs = ends[1];
    assert_int_equal(wire_new(pair.theirs, &pair.wire), OK);
    return pair;
}

static void pair_free(struct pair *pair)
{
    wire_free(&pair->wire);
    if (pair->ours >= 0)
        close(pair->ours);
    close(pair->theirs);
}

static size_t pack(const struct message *message, unsigned char *out)
{
    message_pack_head(message, out);
    memcpy(out + MESSAGE_HEAD_BYTES, message->payload.ptr, message->payload.len);
    return MESSAGE_HEAD_BYTES + message->payload.len;
}

static void messages_arrive_whole_however_they_are_cut(void **state)
{
    (void)state;
    static unsigned char bytes[3 * (MESSAGE_HEAD_BYTES + MESSAGE_PAYLOAD_MAX)];
    static char big[MESSAGE_PAYLOAD_MAX];
    memset(big, 'x', sizeof(big));
    struct message messages[3] = {
        {DECK_RUN, 1, 77, 0, STR("")},
        {DECK_FRAMES, 2, -5, 1152, {big, sizeof(big)}},
        {DECK_FRAMES, 3, 1, 2, STR("hello")},
    };
    size_t len = 0;
    for (int i = 0; i < 3; i++)
        len += pack(&messages[i], bytes + len);
    static const size_t pieces[] = {7, 1000, 70000};
    for (size_t p = 0; p < 3; p++) {
        struct pair pair = pair_new();
        pid_t child = fork();
        if (child == 0) {
            for (size_t done = 0; done < len;) {
                size_t run = len - done < pieces[p] ? len - done : pieces[p];
                ssize_t sent = write(pair.ours, bytes + done, run);
                done += sent > 0 ? (size_t)sent : 0;
            }
            _exit(0);
        }
        close(pair.ours);
        pair.ours = -1;
        for (int i = 0; i < 3; i++) {
            struct message got;
            assert_int_equal(wire_receive(pair.wire, &got), OK);
            assert_int_equal(got.type, messages[i].type);
            assert_int_equal(got.id, messages[i].id);
            assert_true(got.at_us == messages[i].at_us);
            assert_int_equal(got.payload.len, messages[i].payload.len);
            assert_memory_equal(got.payload.ptr, messages[i].payload.ptr, got.payload.len);
        }
        struct message none;
        waitpid(child, NULL, 0);
        assert_int_equal(wire_receive(pair.wire, &none), E_CLOSED);
        pair_free(&pair);
    }
}

static void a_payload_that_is_too_long_is_refused(void **state)
{
    (void)state;
    struct pair pair = pair_new();
    unsigned char head[MESSAGE_HEAD_BYTES] = {1, 0, 1, 0};
    struct message none;
    assert_int_equal(write(pair.ours, head, sizeof(head)), sizeof(head));
    assert_int_equal(wire_receive(pair.wire, &none), E_TOO_LONG);
    pair_free(&pair);
}

static void what_answers_a_run_goes_out_with_its_end(void **state)
{
    (void)state;
    struct pair pair = pair_new();
    unsigned char bytes[1000];
    struct message sound = {DECK_OUT, 0, 5, 1, STR("abc")}, done = {DECK_DONE, 0, 5, 0, STR("")};
    wire_send(pair.wire, &sound);
    assert_int_equal(recv(pair.ours, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    wire_send(pair.wire, &done);
    assert_int_equal(recv(pair.ours, bytes, sizeof(bytes), MSG_DONTWAIT),
                     2 * MESSAGE_HEAD_BYTES + 3);
    pair_free(&pair);
}

static void what_was_sent_goes_out_before_the_next_wait(void **state)
{
    (void)state;
    struct pair pair = pair_new();
    unsigned char bytes[1000], run[100];
    struct message levels = {DECK_LEVELS, 0, 5, 0, STR("abc")}, got;
    wire_send(pair.wire, &levels);
    wire_send(pair.wire, &levels);
    assert_int_equal(recv(pair.ours, bytes, sizeof(bytes), MSG_DONTWAIT), -1);
    struct message message = {DECK_RUN, 0, 5, 0, STR("")};
    size_t len = pack(&message, run);
    assert_int_equal(write(pair.ours, run, len), len);
    assert_int_equal(wire_receive(pair.wire, &got), OK);
    assert_int_equal(recv(pair.ours, bytes, sizeof(bytes), MSG_DONTWAIT),
                     2 * (MESSAGE_HEAD_BYTES + 3));
    pair_free(&pair);
}

/* ---- the program ---- */

static int run_program(const void *bytes, size_t len, size_t *answered)
{
    int ends[2], status = -1;
    *answered = 0;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    pid_t child = fork();
    if (child == 0) {
        int quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (dup2(ends[1], 3) == 3 && dup2(quiet, 2) == 2)
            execl(getenv("MAST_DECK"), "mast-deck", (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    assert_int_equal(send(ends[0], bytes, len, MSG_NOSIGNAL), len);
    shutdown(ends[0], SHUT_WR);
    char answer[4096];
    for (ssize_t got; (got = read(ends[0], answer, sizeof(answer))) > 0;)
        *answered += (size_t)got;
    close(ends[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void the_program_ends_with_0_when_the_station_hangs_up_and_1_at_nonsense(void **state)
{
    (void)state;
    unsigned char bytes[2000];
    size_t answered, len;
    if (!getenv("MAST_DECK"))
        skip();
    assert_int_equal(run_program("", 0, &answered), 0);
    assert_int_equal(answered, 0);
    struct message hello = {DECK_HELLO, 0, T0_US, DECK_VERSION, STR("")};
    struct message run = {DECK_RUN, 0, T0_US + 100000, 0, STR("")};
    len = pack(&hello, bytes);
    len += pack(&run, bytes + len);
    assert_int_equal(run_program(bytes, len, &answered), 0);
    assert_int_equal(answered, 3 * MESSAGE_HEAD_BYTES + DECK_LEVELS_BYTES);
    assert_int_equal(run_program(bytes, len - 5, &answered), 0); /* torn */
    assert_int_equal(run_program(bytes + 1, len - 1, &answered), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_whole_however_they_are_cut),
        cmocka_unit_test(a_payload_that_is_too_long_is_refused),
        cmocka_unit_test(what_answers_a_run_goes_out_with_its_end),
        cmocka_unit_test(what_was_sent_goes_out_before_the_next_wait),
        cmocka_unit_test(the_program_ends_with_0_when_the_station_hangs_up_and_1_at_nonsense),
    };
    (void)signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
