/* Sound from the files: exact to a frame, shared, bounded. */
#include "rig.h"

#include <semaphore.h>

#define CACHE_BYTES ((size_t)2 << 20)

struct question {
    struct tape_ask ask; /* must come first */
    sem_t answered, entered;
    sem_t *held; /* done() waits for it, to keep the thread busy */
};

static void on_done(struct tape_ask *ask)
{
    struct question *q = (struct question *)ask;
    if (q->held) {
        sem_post(&q->entered);
        sem_wait(q->held);
    }
    sem_post(&q->answered);
}

static enum err ask(struct tape_reader *reader, struct tape *tape, int64_t at_us,
                    const struct tape_piece **piece)
{
    struct question q = {.ask = {.tape = tape, .at = {at_us}, .done = on_done}};
    sem_init(&q.answered, 0, 0);
    tape_reader_ask(reader, &q.ask);
    sem_wait(&q.answered);
    sem_destroy(&q.answered);
    *piece = q.ask.piece;
    return q.ask.err;
}

/* Which frame a listener who asks for `at_us` hears first; UINT64_MAX if the disk has none. */
static uint64_t first_heard(struct tape_reader *reader, const struct rig *rig, int64_t at_us)
{
    const struct tape_piece *piece;
    struct utc start;
    enum err err = ask(reader, rig->tape, at_us, &piece);
    if (err == E_NOT_FOUND) {
        assert_null(piece);
        return UINT64_MAX;
    }
    assert_int_equal(err, OK);
    size_t offset = tape_piece_find(piece, (struct utc){at_us}, &start);
    assert_true(offset < piece->bytes.len);
    uint64_t k = rig_number(piece->bytes.ptr + offset);
    assert_in_range(start.us, rig->frames[k].start_us - 2, rig->frames[k].start_us + 1);
    tape_piece_unref(piece);
    return k;
}

static void a_listener_hears_the_very_frame_that_he_asked_for(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_reader *reader;
    rig_start(&rig, true);
    assert_int_equal(tape_reader_start(2, CACHE_BYTES, &reader), OK);
    int64_t to_the_hour_us = HOUR_US - RIG_START_US % HOUR_US;
    rig_feed_one(&rig, to_the_hour_us - 65 * US_PER_S, false);
    for (int i = 0; i < 30; i++) { /* two hours' sets, holes within and across windows */
        rig_feed(&rig, 173);
        if (i % 5 == 4)
            rig_feed_one(&rig, i * US_PER_S, true);
        if (i % 7 == 6)
            rig_feed_one(&rig, 0, true);
        rig_flush(&rig);
    }
    tape_close(&rig.tape);
    rig_open(&rig, rig.frames[rig.count - 1].end_us);
    assert_true(rig.tape->sets.count == 2);
    for (uint64_t k = 0; k<rig.count; k += k % 173> 165 || k % 173 < 5 ? 1 : 11) {
        const struct rig_frame *f = &rig.frames[k];
        assert_int_equal(first_heard(reader, &rig, f->start_us), k);
        assert_int_equal(first_heard(reader, &rig, (f->start_us + f->end_us) / 2), k);
        assert_int_equal(first_heard(reader, &rig, f->end_us - 2), k);
        if (k > 0 && f->start_us > f[-1].end_us + 10) /* in a hole: the next one */
            assert_int_equal(first_heard(reader, &rig, (f->start_us + f[-1].end_us) / 2), k);
    }
    /* The last frame of an hour reaches into the next one, whose files do not have it. */
    int64_t hour_us = (RIG_START_US / HOUR_US + 1) * HOUR_US;
    uint64_t last = 0;
    while (rig.frames[last].end_us <= hour_us)
        last++;
    assert_true(rig.frames[last].start_us < hour_us && rig.frames[last].end_us > hour_us + 2);
    assert_int_equal(first_heard(reader, &rig, hour_us), last);
    assert_int_equal(first_heard(reader, &rig, rig.frames[last].end_us - 2), last);
    assert_int_equal(first_heard(reader, &rig, rig.frames[last].end_us), last + 1);
    assert_int_equal(first_heard(reader, &rig, 0), 0);
    assert_int_equal(first_heard(reader, &rig, -5), 0);
    assert_int_equal(first_heard(reader, &rig, tape_end(rig.tape).us), UINT64_MAX);
    assert_int_equal(first_heard(reader, &rig, INT64_MAX), UINT64_MAX);
    tape_reader_stop(&reader);
    assert_null(reader);
    rig_end(&rig);
}

static void what_only_the_tail_has_is_not_found_on_disk(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_reader *reader;
    struct utc start;
    uint64_t pos;
    rig_start(&rig, true);
    assert_int_equal(tape_reader_start(1, CACHE_BYTES, &reader), OK);
    assert_int_equal(first_heard(reader, &rig, 0), UINT64_MAX); /* nothing at all yet */
    rig_feed(&rig, 100);
    rig_flush(&rig);
    assert_int_equal(first_heard(reader, &rig, 0), UINT64_MAX); /* the run is open */
    uint64_t last = 0;
    for (int i = 0; i < 40; i++) {
        rig_feed(&rig, 60);
        rig_flush(&rig);
        /* Whatever the instant, the disk or the tail has it: the newest closed run is found. */
        for (uint64_t k = last; k < rig.count; k += 20) {
            uint64_t heard = first_heard(reader, &rig, rig.frames[k].start_us);
            assert_true(heard == k || heard == UINT64_MAX);
            if (heard == UINT64_MAX)
                assert_int_equal(
                    tape_find(rig.tape, (struct utc){rig.frames[k].start_us}, &pos, &start), OK);
            else
                last = k;
        }
    }
    assert_true(last > rig.count - 240);
    tape_reader_stop(&reader);
    rig_end(&rig);
}

static void everybody_who_listens_there_shares_one_piece_and_few_are_kept(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_reader *reader;
    const struct tape_piece *a, *b, *old, *all[200];
    size_t count = 0, kept = 0;
    rig_start(&rig, true);
    assert_int_equal(tape_reader_start(2, CACHE_BYTES, &reader), OK);
    rig_feed(&rig, 230 * 60);
    rig_flush(&rig);
    assert_int_equal(ask(reader, rig.tape, RIG_START_US, &old), OK);
    for (int64_t at = RIG_START_US; at < RIG_START_US + 350 * US_PER_S; at += 2 * US_PER_S) {
        assert_int_equal(ask(reader, rig.tape, at, &a), OK);
        assert_int_equal(ask(reader, rig.tape, a->end.us - 1, &b), OK);
        assert_ptr_equal(a, b);
        tape_piece_unref(b);
        if (count > 0 && all[count - 1] == a)
            tape_piece_unref(a);
        else
            all[count++] = a;
    }
    /* The newest ones are still there, as many as may be kept. */
    for (bool is_there = true; is_there; kept += is_there) {
        assert_true(kept < count);
        const struct tape_piece *piece = all[count - 1 - kept];
        assert_int_equal(ask(reader, rig.tape, piece->start.us, &a), OK);
        is_there = a == piece;
        tape_piece_unref(a);
    }
    assert_in_range(kept * all[1]->bytes.len, CACHE_BYTES - 200000, CACHE_BYTES);
    for (size_t i = 0; i < count; i++)
        tape_piece_unref(all[i]);
    /* It has long been dropped, but whoever holds it still has it. */
    struct rig_walk walk = {.next = UINT64_MAX};
    rig_check_piece(&rig, old, &walk);
    assert_int_equal(ask(reader, rig.tape, RIG_START_US, &a), OK);
    assert_ptr_not_equal(a, old);
    tape_piece_unref(a);
    tape_reader_stop(&reader);
    rig_check_piece(&rig, old, &(struct rig_walk){.next = UINT64_MAX});
    tape_piece_unref(old);
    rig_end(&rig);
}

/* A record whose CRC is right may all the same say less than its frames last. */
static void a_run_longer_than_it_says_has_no_more_titles_than_its_time(void **state)
{
    (void)state;
    struct rig rig;
    struct set_index *index;
    struct piece *piece;
    size_t run;
    rig_start(&rig, true);
    for (int i = 0; i < 150; i++) {
        char title[48];
        snprintf(title, sizeof title, "title %d of one hundred and fifty", i);
        tape_title(rig.tape, str_of(title));
        rig_feed(&rig, 1);
    }
    rig_feed(&rig, 300);
    rig_flush(&rig);
    assert_int_equal(shelf_find(rig.shelf, rig.tape, RIG_START_US, &index, &run), OK);
    assert_int_equal(piece_load(rig.tape, index, run, &piece), OK);
    assert_true(piece->open.titles_count > 100);
    piece_unref(piece);
    index->runs[run].samples = 10 * SAMPLES;
    assert_int_equal(piece_load(rig.tape, index, run, &piece), OK);
    assert_int_equal(piece->open.titles_count, 10);
    assert_int_equal(piece->open.titles[9].offset_bytes, rig.frames[9].pos);
    piece_unref(piece);
    shelf_put(rig.shelf, index);
    rig_end(&rig);
}

static void hours_and_runs_that_cannot_be_read_are_passed_over(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_reader *reader;
    struct tape_set set;
    const struct tape_piece *piece;
    char path[SET_PATH_MAX];
    rig_start(&rig, true);
    while (rig.count < 3 * 137813) {
        rig_feed(&rig, 4000);
        rig_flush(&rig);
        if (rig.tape->sets.count == 4)
            break;
    }
    assert_int_equal(tape_reader_start(1, CACHE_BYTES, &reader), OK);
    assert_true(sets_find(rig.tape, 0, &set));
    uint64_t first = set.first_n;
    assert_true(sets_after(rig.tape, first, &set));
    int64_t second_us = window_start_us(set.first_n);
    assert_int_equal(set_path(rig.folder, set.first_n, SET_FRAMES, path), OK);
    assert_int_equal(unlink(path), 0);
    assert_true(sets_after(rig.tape, set.first_n, &set));
    int64_t third_us = window_start_us(set.first_n);
    assert_int_equal(set_path(rig.folder, set.first_n, SET_INDEX, path), OK);
    assert_int_equal(truncate(path, 30), 0);
    assert_true(sets_after(rig.tape, set.first_n, &set));
    int64_t fourth_us = window_start_us(set.first_n);
    const int64_t asked[] = {second_us + 60 * US_PER_S, third_us + US_PER_S};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ask(reader, rig.tape, asked[i], &piece), OK);
        assert_in_range(piece->start.us, fourth_us, fourth_us + 26200);
        tape_piece_unref(piece);
    }
    /* Noise where a run begins: the next run. Noise further on: the run is cut there. */
    assert_int_equal(set_path(rig.folder, first, SET_FRAMES, path), OK);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    fputs("noise", file);
    fclose(file);
    assert_int_equal(ask(reader, rig.tape, RIG_START_US, &piece), OK);
    assert_int_equal(piece->n, window_of(RIG_START_US) + 1);
    file = fopen(path, "r+b");
    fseek(file, (long)(rig.frames[rig_number(piece->bytes.ptr) + 10].pos), SEEK_SET);
    fputs("noise", file);
    fclose(file);
    tape_piece_unref(piece);
    tape_reader_stop(&reader); /* and with it what the cache has of before */
    assert_int_equal(tape_reader_start(1, CACHE_BYTES, &reader), OK);
    assert_int_equal(ask(reader, rig.tape, RIG_START_US, &piece), OK);
    assert_int_equal(piece->samples, 10 * SAMPLES);
    assert_int_equal(piece->end.us, piece->start.us + samples_us(10 * SAMPLES, RATE_HZ));
    tape_piece_unref(piece);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(ask(reader, rig.tape, RIG_START_US + 60 * US_PER_S, &piece), E_CORRUPT);
    assert_null(piece);
    tape_reader_stop(&reader);
    rig_end(&rig);
}

struct stopper {
    struct tape_reader **reader;
    _Atomic pid_t thread;
};

static void *stop_run(void *ctx)
{
    struct stopper *stopper = ctx;
    stopper->thread = gettid();
    tape_reader_stop(stopper->reader);
    return NULL;
}

/* Waits until the stopper waits for the reader's thread. */
static void wait_until_asleep(const struct stopper *stopper)
{
    char path[64], state = 0;
    while (state != 'S') {
        if (stopper->thread == 0)
            continue;
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)stopper->thread);
        FILE *file = fopen(path, "r");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%*d %*s %c", &state), 1);
        fclose(file);
    }
}

static void open_questions_are_answered_before_the_reader_ends(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_reader *reader;
    struct question q[20] = {0};
    sem_t held;
    pthread_t thread;
    rig_start(&rig, true);
    rig_feed(&rig, 1000);
    rig_flush(&rig);
    sem_init(&held, 0, 0);
    assert_int_equal(tape_reader_start(1, CACHE_BYTES, &reader), OK);
    for (int i = 0; i < 20; i++) {
        q[i].ask = (struct tape_ask){.tape = rig.tape, .at = {RIG_START_US}, .done = on_done};
        q[i].held = i == 0 ? &held : NULL;
        sem_init(&q[i].answered, 0, 0);
        sem_init(&q[i].entered, 0, 0);
        tape_reader_ask(reader, &q[i].ask);
    }
    sem_wait(&q[0].entered); /* the thread is busy with the first one */
    struct stopper stopper = {&reader, 0};
    assert_int_equal(pthread_create(&thread, NULL, stop_run, &stopper), 0);
    wait_until_asleep(&stopper);
    sem_post(&held);
    for (int i = 0; i < 20; i++) {
        sem_wait(&q[i].answered);
        assert_int_equal(q[i].ask.err, i == 0 ? OK : E_CLOSED);
        assert_true((i == 0) == (q[i].ask.piece != NULL));
        tape_piece_unref(q[i].ask.piece);
    }
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(reader);
    rig_end(&rig);
}

static void another_tape_at_the_same_address_is_another_tape(void **state)
{
    (void)state;
    struct rig rig, other;
    struct tape_reader *reader;
    const struct tape_piece *a, *b;
    assert_int_equal(tape_reader_start(1, CACHE_BYTES, &reader), OK);
    rig_start(&rig, true);
    rig_start(&other, true);
    rig_feed(&rig, 500);
    other.count = 7000;
    rig_feed(&other, 500);
    rig_flush(&rig);
    rig_flush(&other);
    assert_int_equal(ask(reader, rig.tape, 0, &a), OK);
    assert_int_equal(ask(reader, other.tape, 0, &b), OK);
    assert_int_equal(rig_number(a->bytes.ptr), 0);
    assert_int_equal(rig_number(b->bytes.ptr), 7000);
    tape_piece_unref(a);
    tape_piece_unref(b);
    tape_reader_stop(&reader);
    rig_end(&rig);
    rig_end(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listener_hears_the_very_frame_that_he_asked_for),
        cmocka_unit_test(what_only_the_tail_has_is_not_found_on_disk),
        cmocka_unit_test(everybody_who_listens_there_shares_one_piece_and_few_are_kept),
        cmocka_unit_test(a_run_longer_than_it_says_has_no_more_titles_than_its_time),
        cmocka_unit_test(hours_and_runs_that_cannot_be_read_are_passed_over),
        cmocka_unit_test(open_questions_are_answered_before_the_reader_ends),
        cmocka_unit_test(another_tape_at_the_same_address_is_another_tape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
