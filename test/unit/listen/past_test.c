#include "../base/tmp_folder.h"
#include "../media/media_test.h"

#include "base/crypto.h"
#include "listen/past_priv.h"
#include "tape/writer.h"

#include <semaphore.h>
#include <sys/socket.h>
#include <unistd.h>

#define START_US    (INT64_C(1795392000) * US_PER_S) /* the start of an hour */
#define MP3_BYTES   417
#define MP3_SAMPLES 1152
#define AHEAD_MS    3000
#define LAG_MS      20000
#define NO_HOLE     UINT32_MAX

/* A station whose tape lies in files and, its last minutes, in RAM; a real loop whose clock is
 * virtual; and one listener without a socket. */
struct rig {
    struct tmp_folder tmp;
    struct clock clock;
    _Atomic int64_t mono_us;
    struct loops *loops;
    struct loop *loop;
    struct tape *tape;
    struct tape_reader *reader;
    struct audience *audience;
    sem_t answered;
    enum err answer;
    bool waits;       /* an answer is to come */
    uint32_t frames;  /* on the tape */
    uint32_t hole_at; /* the frame before which 100 s are missing */

    struct listen *listen;
    struct row row;
    struct ear ear;
    struct past *past;
    enum err err;      /* of the last supply */
    uint32_t next_seq; /* he hears next */
    bool is_live;
    bool reads_nothing;
    char complaint[160]; /* of the loop's thread, where cmocka cannot fail a test */
};

static struct mono rig_mono(void *ctx)
{
    struct rig *rig = ctx;
    return (struct mono){atomic_load(&rig->mono_us)};
}

static struct utc rig_utc(void *ctx)
{
    return (struct utc){START_US + rig_mono(ctx).us};
}

/* ---- the tape ---- */

static struct utc time_of(const struct rig *rig, uint32_t seq)
{
    int64_t us = START_US + (int64_t)seq * MP3_SAMPLES * US_PER_S / 44100;
    return (struct utc){seq >= rig->hole_at ? us + 100 * US_PER_S : us};
}

static void append_frame(struct rig *rig)
{
    static const struct format format = {
        .codec = CODEC_MP3, .rate_hz = 44100, .bitrate_bps = 128000, .channels = 2, .profile = 1};
    unsigned char frame[MP3_BYTES];
    memset(frame, 0x55, sizeof frame);
    mpeg_head(&mpeg_usual, frame);
    for (int i = 0; i < 5; i++)
        frame[40 + i] = (unsigned char)(rig->frames >> (6 * i) & 0x3F);
    tape_append(rig->tape, (struct str){(const char *)frame, sizeof frame}, MP3_SAMPLES, &format,
                time_of(rig, rig->frames), rig->frames == rig->hole_at);
    rig->frames++;
}

static void append_until(struct rig *rig, int64_t second)
{
    while (time_of(rig, rig->frames).us < START_US + second * US_PER_S) {
        append_frame(rig);
        if (rig->frames % 400 == 0 || rig->frames == rig->hole_at)
            assert_int_equal(tape_flush(rig->tape), OK);
    }
    assert_int_equal(tape_flush(rig->tape), OK);
}

static void open_tape(struct rig *rig, bool has_files)
{
    struct tape_config config = {.folder = has_files ? rig->tmp.path : NULL,
                                 .name = "wxyz/main",
                                 .codec = CODEC_MP3,
                                 .bitrate_bps = 128000};
    assert_int_equal(tape_open(&config, (struct utc){START_US + 1800 * US_PER_S}, &rig->tape), OK);
}

static struct rig *rig_new(bool has_files)
{
    struct rig *rig = calloc(1, sizeof *rig);
    assert_non_null(rig);
    tmp_make(&rig->tmp);
    rig->clock = (struct clock){rig, rig_utc, rig_mono};
    atomic_store(&rig->mono_us, US_PER_S);
    rig->hole_at = NO_HOLE;
    assert_int_equal(crypto_init(), OK);
    assert_int_equal(sem_init(&rig->answered, 0, 0), 0);
    open_tape(rig, has_files);
    assert_int_equal(audience_new(&rig->audience), OK);
    assert_int_equal(tape_reader_start(1, 1 << 20, &rig->reader), OK);
    assert_int_equal(loops_new(1, &rig->clock, &rig->loops), OK);
    rig->loop = loops_at(rig->loops, 0);
    assert_int_equal(loops_start(rig->loops), OK);
    struct listen_config config = {.loops = rig->loops,
                                   .clock = &rig->clock,
                                   .reader = rig->reader,
                                   .listeners_max = 4,
                                   .burst_ms = AHEAD_MS,
                                   .lag_ms = LAG_MS};
    assert_int_equal(listen_new(&config, &rig->listen), OK);
    return rig;
}

/* ---- on the loop ---- */

static void check(struct rig *rig, bool holds, const char *what, int64_t a, int64_t b)
{
    if (!holds && rig->complaint[0] == '\0')
        snprintf(rig->complaint, sizeof rig->complaint, "%s: %lld, %lld", what, (long long)a,
                 (long long)b);
}

struct call {
    struct loop_job job;
    void (*fn)(struct rig *rig);
    struct rig *rig;
    sem_t done;
};

static void run_call(struct loop_job *job)
{
    struct call *call = (struct call *)job;
    call->fn(call->rig);
    sem_post(&call->done);
}

static void on_loop(struct rig *rig, void (*fn)(struct rig *rig))
{
    struct call call = {.job.run = run_call, .fn = fn, .rig = rig};
    sem_init(&call.done, 0, 0);
    loop_post(rig->loop, &call.job);
    while (sem_wait(&call.done) != 0)
        continue;
    sem_destroy(&call.done);
    if (rig->complaint[0] != '\0')
        fail_msg("%s", rig->complaint);
}

static void do_nothing(struct rig *rig)
{
    (void)rig;
}

/* What ear.c does with the answer to a listener who is there already. */
static void on_more(struct past *past, enum err err)
{
    struct rig *rig = past->ctx;
    rig->answer = err;
    if (!err && past->state == PAST_RAM)
        atomic_store(&rig->row.pos, past->offset);
    sem_post(&rig->answered);
}

static void wait_for_answer(struct rig *rig)
{
    while (sem_wait(&rig->answered) != 0)
        continue;
}

static struct utc wanted; /* of look_for(); the tests run one after the other */

static void begin_look(struct rig *rig)
{
    struct past_how how = {.tape = rig->tape,
                           .reader = rig->reader,
                           .loop = rig->loop,
                           .on_ready = on_more,
                           .ctx = rig};
    rig->answer = past_new(&how, wanted, &rig->past);
    rig->waits = rig->answer == E_AGAIN;
}

static enum err look_for(struct rig *rig, int64_t us)
{
    wanted = (struct utc){us};
    on_loop(rig, begin_look);
    if (rig->waits)
        wait_for_answer(rig);
    return rig->answer;
}

/* As ear_open() does. */
static void begin_ear(struct rig *rig)
{
    struct mono now = loop_now(rig->loop);
    rig->ear = (struct ear){.hall = &rig->listen->halls[0],
                            .row = &rig->row,
                            .tape = rig->tape,
                            .past = rig->past,
                            .began = now};
    atomic_store(&rig->row.pos, rig->past->state == PAST_RAM ? rig->past->offset : 0);
    rig->past->from = rig->past->next;
    rig->past->began = now;
    rig->row.since = (struct utc){START_US + 1200 * US_PER_S};
    rig->is_live = false;
}

static uint32_t seq_of(const char *frame)
{
    uint32_t seq = 0;
    for (int i = 0; i < 5; i++)
        seq |= (uint32_t)(unsigned char)frame[40 + i] << (6 * i);
    return seq;
}

/* He hears each frame once, in turn. */
static void hear(struct rig *rig, struct str sound)
{
    check(rig, sound.len % MP3_BYTES == 0, "whole frames", (int64_t)sound.len, 0);
    for (size_t at = 0; at + MP3_BYTES <= sound.len; at += MP3_BYTES) {
        uint32_t seq = seq_of(sound.ptr + at);
        check(rig, seq == rig->next_seq, "the next frame", seq, rig->next_seq);
        rig->next_seq = seq + 1;
    }
}

static void use_supply(struct rig *rig, const struct supply *supply)
{
    size_t bytes = rig->reads_nothing ? 0 : supply->sound.len;
    hear(rig, str_slice(supply->sound, 0, bytes));
    if (rig->past && rig->past->state != PAST_RAM)
        past_take(&rig->ear, bytes);
    else
        atomic_store(&rig->row.pos, atomic_load(&rig->row.pos) + bytes);
}

/* A turn of ear_serve(). */
static void serve_once(struct rig *rig)
{
    for (int i = 0; i < 4; i++) {
        struct supply supply;
        rig->err = past_supply(&rig->ear, loop_now(rig->loop), AHEAD_MS, &supply);
        if (rig->err == E_AGAIN) {
            past_free(&rig->past);
            rig->ear.past = NULL;
            rig->is_live = true;
        }
        rig->waits = rig->past && rig->past->state == PAST_ASKING;
        if (rig->err || rig->waits || supply.sound.len == 0)
            return;
        use_supply(rig, &supply);
    }
}

static enum err second_passes(struct rig *rig)
{
    atomic_fetch_add(&rig->mono_us, US_PER_S);
    do {
        on_loop(rig, serve_once);
        if (rig->waits)
            wait_for_answer(rig);
    } while (rig->waits && rig->answer == OK);
    return rig->waits ? rig->answer : rig->err;
}

static void leave(struct rig *rig)
{
    past_free(&rig->past);
}

static void rig_free(struct rig *rig)
{
    on_loop(rig, leave);
    tape_reader_stop(&rig->reader);
    on_loop(rig, do_nothing); /* what the reader posted before is done by now */
    loops_stop(rig->loops);
    listen_free(&rig->listen);
    loops_free(&rig->loops);
    assert_int_equal(audience_facts(rig->audience).now, 0);
    audience_free(&rig->audience);
    tape_close(&rig->tape);
    sem_destroy(&rig->answered);
    tmp_remove(&rig->tmp);
    free(rig);
}

static uint32_t frame_at(const struct rig *rig, int64_t us)
{
    uint32_t seq = 0;
    while (time_of(rig, seq + 1).us <= us)
        seq++;
    return seq;
}

/* Frames that he may have heard after so many seconds, with what he gets ahead. */
static uint32_t due_frames(int64_t seconds)
{
    return (uint32_t)((seconds * US_PER_S + AHEAD_MS * US_PER_MS) * 441 / 11520 / 1000);
}

/* ---- */

static void he_goes_from_files_to_ram_to_live_and_misses_nothing(void **state)
{
    struct rig *rig = rig_new(true);
    int64_t seconds = 0;
    bool was_in_ram = false;
    (void)state;
    append_until(rig, 1200);
    assert_int_equal(look_for(rig, START_US + 10 * US_PER_S), OK);
    assert_int_equal(rig->past->state, PAST_PIECE);
    on_loop(rig, begin_ear);
    uint32_t first = rig->next_seq = frame_at(rig, START_US + 10 * US_PER_S);
    while (!rig->is_live) {
        enum err err = second_passes(rig);
        assert_true(err == OK || err == E_AGAIN);
        seconds++;
        was_in_ram |= rig->past && rig->past->state == PAST_RAM;
        /* Each second he gets a second; at the end of a piece he may have to wait for the next. */
        if (!rig->is_live)
            assert_in_range(rig->next_seq - first, due_frames(seconds) - 2,
                            due_frames(seconds) + 2);
    }
    assert_true(was_in_ram);
    assert_in_range(seconds, 1180, 1190);
    /* He is live 3 s before the end, and hears what is left from RAM. */
    assert_int_equal(atomic_load(&rig->row.pos) / MP3_BYTES, rig->next_seq);
    assert_in_range(rig->frames - rig->next_seq, 0, 60);
    rig_free(rig);
}

static void a_hole_is_skipped_on_disk_and_in_ram(void **state)
{
    static const int64_t holes_at_s[] = {60, 1000};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct rig *rig = rig_new(true);
        rig->hole_at = frame_at(rig, START_US + holes_at_s[i] * US_PER_S);
        append_until(rig, 1200);
        int64_t from_s = holes_at_s[i] - 30, seconds = 0;
        assert_int_equal(look_for(rig, START_US + from_s * US_PER_S), OK);
        assert_int_equal(rig->past->state, i == 0 ? PAST_PIECE : PAST_RAM);
        on_loop(rig, begin_ear);
        uint32_t first = rig->next_seq = frame_at(rig, START_US + from_s * US_PER_S);
        assert_int_equal(second_passes(rig), OK);
        assert_in_range(atomic_load(&rig->row.behind_us), (1200 - from_s) * US_PER_S - 30000,
                        (1200 - from_s) * US_PER_S + 30000);
        for (seconds++; seconds < 60; seconds++)
            assert_int_equal(second_passes(rig), OK);
        /* No silence on the way: he is 100 s less behind now. */
        assert_in_range(rig->next_seq - first, due_frames(seconds) - 45, due_frames(seconds) + 2);
        assert_true(rig->next_seq > rig->hole_at);
        struct utc heard = time_of(rig, rig->next_seq);
        assert_in_range(heard.us - START_US, (from_s + 161) * US_PER_S, (from_s + 164) * US_PER_S);
        /* ... and whoever lists him is told so. */
        assert_in_range(atomic_load(&rig->row.behind_us), (1100 - from_s) * US_PER_S - 100000,
                        (1101 - from_s) * US_PER_S + 100000);
        rig_free(rig);
    }
}

static void a_moment_in_a_hole_is_the_sound_after_it(void **state)
{
    struct rig *rig = rig_new(true);
    (void)state;
    rig->hole_at = frame_at(rig, START_US + 60 * US_PER_S);
    append_until(rig, 1200);
    assert_int_equal(look_for(rig, START_US + 100 * US_PER_S), OK);
    assert_in_range(rig->past->next.us, time_of(rig, rig->hole_at).us - 1,
                    time_of(rig, rig->hole_at).us + 1);
    on_loop(rig, begin_ear);
    rig->next_seq = rig->hole_at;
    for (int i = 0; i < 10; i++)
        assert_int_equal(second_passes(rig), OK);
    rig_free(rig);
}

static void right_after_a_start_files_are_played_though_ram_is_empty(void **state)
{
    struct rig *rig = rig_new(true);
    int64_t seconds = 0;
    (void)state;
    append_until(rig, 100);
    tape_close(&rig->tape);
    open_tape(rig, true);
    assert_int_equal(look_for(rig, START_US + 20 * US_PER_S), OK);
    assert_int_equal(rig->past->state, PAST_PIECE);
    on_loop(rig, begin_ear);
    rig->next_seq = frame_at(rig, START_US + 20 * US_PER_S);
    while (!rig->is_live && seconds++ < 200)
        second_passes(rig);
    assert_in_range(seconds, 75, 81);
    assert_int_equal(rig->next_seq, rig->frames); /* then he waits for whatever comes */
    assert_int_equal(atomic_load(&rig->row.pos), 0);
    rig_free(rig);
}

static void without_files_the_oldest_of_ram_comes_next(void **state)
{
    struct rig *rig = rig_new(false);
    struct utc oldest;
    (void)state;
    while (time_of(rig, rig->frames).us < START_US + 1200 * US_PER_S)
        append_frame(rig);
    assert_int_equal(tape_time_of(rig->tape, tape_oldest(rig->tape), &oldest), OK);
    assert_true(oldest.us > START_US + 60 * US_PER_S);
    enum err err = look_for(rig, START_US + 60 * US_PER_S);
    assert_int_equal(err, OK);
    assert_int_equal(rig->past->state, PAST_RAM);
    assert_int_equal(rig->past->next.us, oldest.us);
    on_loop(rig, begin_ear);
    rig->next_seq = (uint32_t)(tape_oldest(rig->tape) / MP3_BYTES);
    for (int i = 0; i < 10; i++)
        assert_int_equal(second_passes(rig), OK);
    rig_free(rig);
}

static void a_listener_who_takes_nothing_is_given_up(void **state)
{
    struct rig *rig = rig_new(true);
    int64_t seconds = 0;
    (void)state;
    append_until(rig, 1200);
    assert_int_equal(look_for(rig, START_US + 10 * US_PER_S), OK);
    on_loop(rig, begin_ear);
    rig->next_seq = frame_at(rig, START_US + 10 * US_PER_S);
    assert_int_equal(second_passes(rig), OK);
    rig->reads_nothing = true;
    while (second_passes(rig) == OK && seconds < 100)
        seconds++;
    assert_int_equal(rig->err, E_LAGGED);
    assert_in_range(seconds, LAG_MS / 1000, LAG_MS / 1000 + 7);
    rig_free(rig);
}

static int pair[2]; /* of a newcomer */

static void open_at_the_start(struct rig *rig)
{
    struct ear_start start = {.hall = &rig->listen->halls[0],
                              .tape = rig->tape,
                              .audience = rig->audience,
                              .sock = {pair[0]},
                              .agent = STR("x"),
                              .target = STR("/x")};
    check(rig, ear_open(&start) == OK, "he is let in", 0, 0);
}

static void whoever_is_overtaken_at_once_did_not_leave(void **state)
{
    struct rig *rig = rig_new(false);
    (void)state;
    while (time_of(rig, rig->frames).us < START_US + 1200 * US_PER_S)
        append_frame(rig);
    assert_true(tape_oldest(rig->tape) > 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    on_loop(rig, open_at_the_start);
    assert_int_equal(audience_facts(rig->audience).dropped_count, 1);
    close(pair[1]);
    rig_free(rig);
}

static void free_while_asking(struct rig *rig)
{
    begin_look(rig);
    check(rig, rig->answer == E_AGAIN, "it is being read", rig->answer, 0);
    past_free(&rig->past);
    check(rig, !rig->past, "gone for its owner", 0, 0);
}

static void whoever_leaves_while_the_disk_is_read_is_freed_with_the_answer(void **state)
{
    struct rig *rig = rig_new(true);
    (void)state;
    append_until(rig, 1200);
    for (int i = 0; i < 100; i++) {
        wanted = (struct utc){START_US + i * 6 * US_PER_S};
        on_loop(rig, free_while_asking);
    }
    tape_reader_stop(&rig->reader);
    on_loop(rig, do_nothing);
    assert_int_equal(sem_trywait(&rig->answered), -1); /* nobody was called */
    rig_free(rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(he_goes_from_files_to_ram_to_live_and_misses_nothing),
        cmocka_unit_test(a_hole_is_skipped_on_disk_and_in_ram),
        cmocka_unit_test(a_moment_in_a_hole_is_the_sound_after_it),
        cmocka_unit_test(right_after_a_start_files_are_played_though_ram_is_empty),
        cmocka_unit_test(without_files_the_oldest_of_ram_comes_next),
        cmocka_unit_test(a_listener_who_takes_nothing_is_given_up),
        cmocka_unit_test(whoever_is_overtaken_at_once_did_not_leave),
        cmocka_unit_test(whoever_leaves_while_the_disk_is_read_is_freed_with_the_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
