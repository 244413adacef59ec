/* Everybody at once: the air as fast as it can, loops, the writer thread, readers, retention. Under
 * the thread sanitizer this must be silent. */
#include "rig.h"

#include <sched.h>
#include <semaphore.h>

#define FRAMES 30000

struct race {
    struct tape *tape;
    struct tape_reader *reader;
    _Atomic bool over;
    _Atomic uint64_t copies, lagged, answers;
};

/* Stands for the kernel that copies a span into a socket: the thread sanitizer does not see it, and
 * what it copies may be overwritten meanwhile, which is found out afterwards. */
__attribute__((no_sanitize("thread"), noinline)) static void kernel_copy(char *to,
                                                                         struct iovec span)
{
    const volatile char *from = span.iov_base;
    for (size_t i = 0; i < span.iov_len; i++)
        to[i] = from[i];
}

static void check_copy(const char *bytes, size_t len)
{
    struct scan_frame frame;
    struct str left = {bytes, len};
    uint64_t next = rig_number(bytes);
    while (left.len > 0) {
        assert_int_equal(scan_frame(CODEC_MP3, left, &frame), OK);
        assert_int_equal(rig_number(left.ptr), next);
        next++;
        left = str_slice(left, frame.bytes, left.len);
    }
}

/* A run near the old end of the tail, which may be overtaken while it is looked at. */
static void run_check(const struct tape *tape, uint64_t ahead)
{
    struct tape_run_in_ram run;
    struct utc at;
    char text[TITLE_BYTES];
    uint64_t number = tape_runs_oldest_in_ram(tape) + ahead;
    if (!tape_run_in_ram(tape, number, ahead % 2, &run)) {
        assert_int_equal(run.run.n, window_of(run.run.start.us));
        assert_int_equal(run.run.samples % SAMPLES, 0);
        assert_in_range(run.run.bytes, run.run.samples / SAMPLES * 417,
                        run.run.samples / SAMPLES * 418);
        assert_in_range(run.run.drift_samples + 1, 0, 2); /* rounding */
        assert_int_equal(run.end_pos - run.pos, run.run.bytes);
    }
    uint64_t seq = tape_title_seq(tape, tape_head(tape));
    if (seq > 0 && !tape_title_in_ram(tape, seq - 1, &at, text)) {
        assert_int_equal(strtoull(text + strlen("title "), NULL, 10), seq);
        assert_true(at.us >= RIG_START_US);
    }
}

/* Looks at the tail in every way, from a cursor that sometimes lags. */
static void *loop_run(void *ctx)
{
    struct race *race = ctx;
    static _Thread_local char copy[400000];
    unsigned seed = (unsigned)(uintptr_t)&seed;
    uint64_t pos = 0;
    while (!race->over) {
        struct iovec span;
        struct utc time, start, oldest_time, newest_time;
        struct tape_title_at title;
        uint64_t found, head = tape_head(race->tape);
        if (head - pos > sizeof copy || rand_r(&seed) % 50 == 0)
            pos = rand_r(&seed) % 3 ? tape_pos_back(race->tape, 1000) : tape_oldest(race->tape);
        uint64_t to = head;
        while (to - pos > sizeof copy && !tape_time_of(race->tape, pos, &time)) {
            time.us += 3 * US_PER_S; /* as much as a burst */
            if (tape_find(race->tape, time, &to, &start))
                to = pos;
        }
        if (to < pos || to - pos > sizeof copy || tape_span(race->tape, pos, to, &span)) {
            pos = head;
            race->lagged++;
            continue;
        }
        if (span.iov_len > 0) {
            kernel_copy(copy, span);
            if (tape_oldest(race->tape) <= pos) {
                check_copy(copy, span.iov_len);
                race->copies++;
            } else {
                race->lagged++;
            }
        }
        run_check(race->tape, rand_r(&seed) % 8);
        if (!tape_title_find(race->tape, pos, &title) && title.seq > 0) {
            char want[32];
            snprintf(want, sizeof want, "title %d", (int)title.seq);
            assert_string_equal(title.text, want);
        }
        assert_true(!tape_range(race->tape, &oldest_time, &newest_time) ||
                    oldest_time.us <= newest_time.us);
        if (!tape_time_of(race->tape, pos, &time) && !tape_find(race->tape, time, &found, &start))
            assert_true(start.us >= time.us - 1 && found >= pos - (pos > 0 ? 1 : 0));
        pos = to;
    }
    return NULL;
}

struct question {
    struct tape_ask ask;
    sem_t answered;
};

static void on_done(struct tape_ask *ask)
{
    sem_post(&((struct question *)ask)->answered);
}

static void *listener_run(void *ctx)
{
    struct race *race = ctx;
    struct question q = {.ask = {.tape = race->tape, .done = on_done}};
    unsigned seed = (unsigned)(uintptr_t)&seed;
    sem_init(&q.answered, 0, 0);
    while (!race->over) {
        q.ask.at.us = RIG_START_US + rand_r(&seed) % 1500 * US_PER_S;
        tape_reader_ask(race->reader, &q.ask);
        sem_wait(&q.answered);
        if (q.ask.err) {
            assert_int_equal(q.ask.err, E_NOT_FOUND);
            sched_yield();
            continue;
        }
        check_copy(q.ask.piece->bytes.ptr, q.ask.piece->bytes.len);
        tape_piece_unref(q.ask.piece);
        race->answers++;
    }
    return NULL;
}

static void *flush_run(void *ctx)
{
    struct race *race = ctx;
    while (!race->over)
        assert_int_equal(tape_flush(race->tape), OK);
    return NULL;
}

static void everybody_at_once_reads_only_what_was_written(void **state)
{
    (void)state;
    struct rig rig;
    struct race race = {0};
    struct tape_writer *writer;
    pthread_t thread[6];
    const struct tape_keep keep = {86400 * 36500ULL, 100, 0};
    rig_init(&rig, true);
    struct tape_config config = {rig.folder, "one/mp3", CODEC_MP3, 8000}; /* a ring of 1 MiB */
    assert_int_equal(tape_open(&config, (struct utc){RIG_START_US}, &rig.tape), OK);
    assert_int_equal(tape_reader_start(2, (size_t)4 << 20, &race.reader), OK);
    assert_int_equal(tape_writer_start(&keep, clock_real(), &writer), OK);
    assert_int_equal(tape_writer_add(writer, rig.tape), OK);
    race.tape = rig.tape;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&thread[i], NULL,
                                        i < 3   ? loop_run
                                        : i < 5 ? listener_run
                                                : flush_run,
                                        &race),
                         0);
    int titles = 0;
    /* On a busy machine the readers get their turns late; they must have had some. */
    while (rig.count < FRAMES || race.copies <= 100) {
        if (rig.count % 300 == 0) {
            char title[32];
            snprintf(title, sizeof title, "title %d", ++titles);
            rig_title(&rig, title);
        }
        rig_feed_one(&rig, 0, rig.count % 1000 == 999);
        if (rig.count % 16 == 0)
            sched_yield();
    }
    race.over = true;
    for (int i = 0; i < 6; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    tape_writer_remove(writer, rig.tape);
    tape_writer_stop(&writer);
    tape_reader_stop(&race.reader);
    print_message("# %d frames: %d spans read, %d times overtaken, %d pieces, %d bytes lost\n",
                  FRAMES, (int)race.copies, (int)race.lagged, (int)race.answers,
                  (int)tape_disk_stats(rig.tape).lost_bytes);
    assert_true(race.copies > 100);
    struct rig_walk walk = rig_walk(&rig);
    assert_true(walk.frames > 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everybody_at_once_reads_only_what_was_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
