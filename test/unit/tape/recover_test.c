/* What is on disk after a flush, a close, a crash, and damage of every kind. */
#include "rig.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

/* ---- plain days ---- */

static void what_was_flushed_and_closed_is_there_again(void **state)
{
    (void)state;
    struct rig rig;
    struct utc oldest, newest;
    rig_start(&rig, true);
    for (int i = 0; i < 50; i++) {
        rig_feed(&rig, 37);
        rig_flush(&rig);
    }
    rig_feed_one(&rig, 20 * US_PER_S, true);
    rig_feed(&rig, 300);
    struct utc end = tape_end(rig.tape);
    tape_close(&rig.tape);
    rig_open(&rig, end.us);
    assert_int_equal(tape_end(rig.tape).us / 10, end.us / 10);
    assert_true(tape_range(rig.tape, &oldest, &newest));
    assert_int_equal(oldest.us, RIG_START_US);
    assert_int_equal(newest.us, tape_end(rig.tape).us);
    struct rig_walk walk = rig_walk(&rig);
    assert_int_equal(walk.frames, rig.count);
    assert_int_equal(walk.discontinuity, 1);
    assert_false(rig.tape->disk.repair);
    rig_end(&rig);
}

static void each_run_lies_in_one_window_and_ends_at_the_first_frame_behind_it(void **state)
{
    (void)state;
    struct rig rig;
    struct set_index *index;
    size_t run;
    rig_start(&rig, true);
    rig_feed(&rig, 1500);
    rig_flush(&rig);
    assert_int_equal(shelf_find(rig.shelf, rig.tape, 0, &index, &run), OK);
    assert_true(index->runs_count > 5);
    for (size_t i = 0; i + 1 < index->runs_count; i++) {
        const struct record *r = &index->runs[i];
        assert_int_equal(r->n, window_of(RIG_START_US) + i);
        assert_true(record_end_us(r) >= window_start_us(r->n + 1));
        assert_true(record_end_us(r) < window_start_us(r->n + 1) + 26123);
        assert_in_range(index->runs[i + 1].start_us - record_end_us(r), 0, 1);
        assert_int_equal(r->flags, 0);
    }
    shelf_put(rig.shelf, index);
    rig_end(&rig);
}

static void each_hour_has_its_files_and_begins_with_the_title_that_holds(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_set set;
    char path[SET_PATH_MAX];
    size_t len, sets = 0;
    rig_start(&rig, true);
    rig_feed(&rig, 10);
    rig_title(&rig, "The \"one\" \\ that lasts");
    while (rig.count < 2 * 137813 + 500) {
        rig_feed(&rig, 4000);
        rig_flush(&rig);
    }
    tape_note(rig.tape, "gap", STR("for people"));
    tape_close(&rig.tape);
    rig_open(&rig, RIG_START_US + 3 * HOUR_US);
    for (bool more = sets_find(rig.tape, 0, &set); more; sets++) {
        assert_int_equal(set_path(rig.folder, set.first_n, SET_EVENTS, path), OK);
        char *events = rig_read(path, &len);
        const char *want = "\"kind\":\"title\",\"text\":\"The \\\"one\\\" \\\\ that lasts\"}\n";
        assert_non_null(strstr(events, want));
        if (sets > 0) {
            assert_int_equal(set.first_n % SET_WINDOWS, 0);
            assert_true(strtoll(events + 5, NULL, 10) - window_start_us(set.first_n) < 26123);
        }
        uint64_t last = set.first_n;
        more = sets_after(rig.tape, last, &set);
        assert_true(more == (strstr(events, "for people") == NULL));
        mem_free(events);
    }
    assert_int_equal(sets, 3);
    struct rig_walk walk = rig_walk(&rig);
    assert_int_equal(walk.frames, rig.count);
    rig_end(&rig);
}

static void titles_come_back_at_the_frame_that_they_held_from(void **state)
{
    (void)state;
    struct rig rig;
    struct set_index *index;
    struct piece *piece;
    size_t run, titles = 0;
    char want[32];
    rig_start(&rig, true);
    for (int i = 0; i < 40; i++) { /* at 0, 100, 200 ... : two or three in a run */
        snprintf(want, sizeof want, "title %d", i);
        rig_title(&rig, want);
        rig_feed(&rig, 100);
        if (i % 3 == 0)
            rig_flush(&rig);
    }
    tape_close(&rig.tape);
    rig_open(&rig, RIG_START_US + HOUR_US);
    for (int64_t at = 0; !shelf_find(rig.shelf, rig.tape, at, &index, &run);) {
        at = record_end_us(&index->runs[run]);
        assert_int_equal(piece_load(rig.tape, index, run, &piece), OK);
        for (size_t i = 0; i < piece->open.titles_count; i++) {
            const struct tape_piece_title *title = &piece->open.titles[i];
            uint64_t k = rig_number(piece->open.bytes.ptr + title->offset_bytes);
            snprintf(want, sizeof want, "title %d", (int)(k / 100));
            assert_true(str_eq(title->text, str_of(want)));
            assert_true(title->offset_bytes == 0 || k % 100 == 0);
            titles += k % 100 == 0;
        }
        piece_unref(piece);
        shelf_put(rig.shelf, index);
    }
    assert_int_equal(titles, 40);
    rig_end(&rig);
}

static void a_title_does_not_outlive_a_restart(void **state)
{
    (void)state;
    struct rig rig;
    struct set_index *index;
    struct piece *piece;
    struct tape_title_at title;
    size_t run;
    rig_start(&rig, true);
    rig_title(&rig, "before");
    rig_feed(&rig, 20);
    tape_close(&rig.tape);
    rig_open(&rig, RIG_START_US);
    int64_t at = tape_end(rig.tape).us;
    rig_feed(&rig, 20);
    assert_int_equal(tape_title_find(rig.tape, 0, &title), OK);
    assert_int_equal(title.seq, 0);
    rig_flush(&rig);
    rig_feed_one(&rig, 0, true);
    rig_flush(&rig);
    assert_int_equal(shelf_find(rig.shelf, rig.tape, at, &index, &run), OK);
    assert_int_equal(piece_load(rig.tape, index, run, &piece), OK);
    assert_int_equal(piece->open.titles_count, 1);
    assert_int_equal(piece->open.titles[0].text.len, 0);
    assert_int_equal(piece->open.discontinuity, 1); /* a restart is a break */
    piece_unref(piece);
    shelf_put(rig.shelf, index);
    rig_end(&rig);
}

/* ---- damage ---- */

/* The three files of a small set as a crash left it: four runs, the last one open. */
#define SMALL_FRAMES 6

struct snapshot {
    char *bytes[SET_FILES];
    size_t len[SET_FILES];
    char path[SET_FILES][SET_PATH_MAX];
};

static void small_open(struct rig *rig)
{
    struct tape_config config = {rig->folder, "one/mp3", CODEC_MP3, 8000};
    assert_int_equal(tape_open(&config, (struct utc){RIG_START_US}, &rig->tape), OK);
}

static void small_set(struct rig *rig, struct snapshot *snap)
{
    rig_init(rig, true);
    small_open(rig);
    for (int run = 0; run < 4; run++) {
        char text[32];
        snprintf(text, sizeof text, "title %d", run);
        rig_title(rig, text);
        rig_feed_one(rig, 0, run > 0);
        rig_feed(rig, run % 2);
        rig_flush(rig);
    }
    assert_int_equal(rig->count, SMALL_FRAMES);
    for (int i = 0; i < SET_FILES; i++) {
        rig_path(rig, i, snap->path[i]);
        snap->bytes[i] = rig_read(snap->path[i], &snap->len[i]);
    }
    assert_int_equal(snap->len[SET_INDEX], 5 * RECORD_BYTES);
    tape_close(&rig->tape);
}

static void small_put(const struct rig *rig, const struct snapshot *snap)
{
    rig_remove_folder(rig->folder);
    assert_int_equal(io_make_folder(rig->folder), OK);
    for (int i = 0; i < SET_FILES; i++)
        rig_write(snap->path[i], snap->bytes[i], snap->len[i]);
}

static void small_end(struct rig *rig, struct snapshot *snap)
{
    for (int i = 0; i < SET_FILES; i++)
        mem_free(snap->bytes[i]);
    rig_end(rig);
}

/* What a damaged set must still do: take more sound, and give all of it back. */
static void check_goes_on(struct rig *rig, uint64_t kept)
{
    uint64_t count = rig->count;
    rig_feed_one(rig, US_PER_S, true);
    rig_feed(rig, 1);
    rig_flush(rig);
    tape_close(&rig->tape);
    small_open(rig);
    assert_int_equal(rig_walk(rig).frames, kept + 2);
    rig->count = count;
    rig->breaks--;
}

static void a_torn_frames_file_is_cut_at_the_last_whole_frame(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    small_set(&rig, &snap);
    for (size_t len = 0; len <= snap.len[SET_FRAMES]; len++) {
        uint64_t whole = 0;
        while (whole < SMALL_FRAMES &&
               (whole < SMALL_FRAMES - 1 ? rig.frames[whole + 1].pos : snap.len[SET_FRAMES]) <= len)
            whole++;
        small_put(&rig, &snap);
        assert_int_equal(truncate(snap.path[SET_FRAMES], (off_t)len), 0);
        small_open(&rig);
        assert_int_equal(rig_walk(&rig).frames, whole);
        if (whole > 0) {
            assert_in_range(tape_end(rig.tape).us, rig.frames[whole - 1].end_us - 2,
                            rig.frames[whole - 1].end_us);
            assert_int_equal(rig.tape->disk.frames_bytes,
                             whole < SMALL_FRAMES ? rig.frames[whole].pos : snap.len[SET_FRAMES]);
        }
        if (len % 13 == 0)
            check_goes_on(&rig, whole);
        tape_close(&rig.tape);
    }
    small_end(&rig, &snap);
}

static bool was_set_aside(const struct rig *rig)
{
    char path[128];
    snprintf(path, sizeof path, "%s/set-aside-%lld", rig->folder,
             (long long)(RIG_START_US / US_PER_S));
    return access(path, F_OK) == 0;
}

static void a_torn_index_costs_no_frame(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    small_set(&rig, &snap);
    for (size_t len = 0; len <= snap.len[SET_INDEX]; len++) {
        small_put(&rig, &snap);
        assert_int_equal(truncate(snap.path[SET_INDEX], (off_t)len), 0);
        small_open(&rig);
        /* Without header and first record there is no telling when anything was. */
        bool lost = len < 2 * RECORD_BYTES;
        assert_int_equal(rig_walk(&rig).frames, lost ? 0 : SMALL_FRAMES);
        assert_int_equal(was_set_aside(&rig), lost);
        check_goes_on(&rig, lost ? 0 : SMALL_FRAMES);
        tape_close(&rig.tape);
    }
    small_end(&rig, &snap);
}

static void a_torn_events_file_costs_only_the_torn_line(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    small_set(&rig, &snap);
    for (size_t len = 0; len <= snap.len[SET_EVENTS]; len++) {
        size_t lines = 0, got;
        for (size_t i = 0; i < len; i++)
            lines += snap.bytes[SET_EVENTS][i] == '\n';
        small_put(&rig, &snap);
        assert_int_equal(truncate(snap.path[SET_EVENTS], (off_t)len), 0);
        small_open(&rig);
        assert_int_equal(rig_walk(&rig).frames, SMALL_FRAMES);
        char want[32] = "";
        if (lines > 0)
            snprintf(want, sizeof want, "title %d", (int)lines - 1);
        assert_string_equal(rig.tape->disk.title, want);
        tape_close(&rig.tape);
        mem_free(rig_read(snap.path[SET_EVENTS], &got));
        assert_true(got <= len && (got == 0 || snap.bytes[SET_EVENTS][got - 1] == '\n'));
    }
    small_end(&rig, &snap);
}

static void a_flipped_bit_in_the_index_costs_no_frame(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    small_set(&rig, &snap);
    for (size_t at = 0; at < snap.len[SET_INDEX] * 8; at += 3) {
        snap.bytes[SET_INDEX][at / 8] ^= (char)(1 << at % 8);
        small_put(&rig, &snap);
        snap.bytes[SET_INDEX][at / 8] ^= (char)(1 << at % 8);
        small_open(&rig);
        bool lost = at / 8 < RECORD_BYTES;
        assert_int_equal(rig_walk(&rig).frames, lost ? 0 : SMALL_FRAMES);
        assert_int_equal(was_set_aside(&rig), lost);
        tape_close(&rig.tape);
    }
    small_end(&rig, &snap);
}

static void flipped_bytes_in_frames_or_events_never_give_half_frames(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    struct set_index *index;
    struct piece *piece;
    struct scan_frame frame;
    size_t run;
    small_set(&rig, &snap);
    for (size_t at = 0; at < snap.len[SET_FRAMES] + snap.len[SET_EVENTS];
         at += at < snap.len[SET_FRAMES] && at % 417 > 20 ? 59 : 1) {
        bool in_frames = at < snap.len[SET_FRAMES];
        char *byte = in_frames ? &snap.bytes[SET_FRAMES][at]
                               : &snap.bytes[SET_EVENTS][at - snap.len[SET_FRAMES]];
        *byte ^= (char)(1 + at % 255);
        small_put(&rig, &snap);
        *byte ^= (char)(1 + at % 255);
        small_open(&rig);
        for (int64_t us = 0; !shelf_find(rig.shelf, rig.tape, us, &index, &run);) {
            us = record_end_us(&index->runs[run]);
            enum err err = piece_load(rig.tape, index, run, &piece);
            shelf_put(rig.shelf, index);
            if (err)
                continue;
            struct str left = piece->open.bytes;
            while (left.len > 0) {
                assert_int_equal(scan_frame(CODEC_MP3, left, &frame), OK);
                left = str_slice(left, frame.bytes, left.len);
            }
            piece_unref(piece);
        }
        tape_close(&rig.tape);
    }
    small_end(&rig, &snap);
}

static void what_cannot_be_read_is_set_aside_and_the_tape_begun_anew(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    struct utc oldest, newest;
    char path[SET_PATH_MAX];
    small_set(&rig, &snap);
    /* Another version, with a good CRC. */
    small_put(&rig, &snap);
    small_open(&rig);
    tape_close(&rig.tape);
    struct tape_config other = {rig.folder, "one/aac", CODEC_AAC, 8000};
    assert_int_equal(tape_open(&other, (struct utc){RIG_START_US}, &rig.tape), OK);
    assert_true(was_set_aside(&rig));
    assert_false(tape_range(rig.tape, &oldest, &newest));
    for (int i = 0; i < SET_FILES; i++) {
        assert_int_not_equal(access(snap.path[i], F_OK), 0);
        snprintf(path, sizeof path, "%s/set-aside-%lld%s", rig.folder,
                 (long long)(RIG_START_US / US_PER_S), strrchr(snap.path[i], '/'));
        assert_int_equal(access(path, F_OK), 0);
    }
    small_end(&rig, &snap);
}

static void a_tape_from_the_future_is_set_aside_as_far_as_it_lies_there(void **state)
{
    (void)state;
    struct rig rig;
    struct utc oldest, newest;
    rig_start(&rig, true);
    while (tape_end(rig.tape).us < RIG_START_US + 2 * HOUR_US) {
        rig_feed(&rig, 5000);
        rig_flush(&rig);
    }
    int64_t end_us = tape_end(rig.tape).us;
    tape_close(&rig.tape);
    rig_open(&rig, end_us - 599 * US_PER_S); /* a clock that is a little behind is waited for */
    assert_true(tape_end(rig.tape).us > end_us - 100);
    tape_close(&rig.tape);
    rig_open(&rig, end_us - HOUR_US);
    assert_true(tape_range(rig.tape, &oldest, &newest));
    assert_int_equal(oldest.us, RIG_START_US);
    assert_true(newest.us <= end_us - HOUR_US + 600 * US_PER_S);
    tape_close(&rig.tape);
    rig_open(&rig, RIG_START_US - HOUR_US);
    assert_false(tape_range(rig.tape, &oldest, &newest));
    assert_int_equal(tape_end(rig.tape).us, 0);
    rig_end(&rig);
}

static void a_hole_before_a_crash_keeps_its_length(void **state)
{
    (void)state;
    struct rig rig;
    struct snapshot snap;
    small_set(&rig, &snap);
    small_open(&rig);
    uint64_t before = rig_walk(&rig).frames;
    rig_feed_one(&rig, 17 * US_PER_S, true); /* begins a run; its record is not closed */
    rig_feed(&rig, 2);
    rig_flush(&rig);
    for (int i = 0; i < SET_FILES; i++) { /* as kill -9 leaves it */
        mem_free(snap.bytes[i]);
        snap.bytes[i] = rig_read(snap.path[i], &snap.len[i]);
    }
    tape_close(&rig.tape);
    small_put(&rig, &snap);
    small_open(&rig);
    struct rig_walk walk = rig_walk(&rig);
    assert_int_equal(walk.frames, before + 3);
    assert_in_range(walk.end_us, rig.frames[rig.count - 1].end_us - 2,
                    rig.frames[rig.count - 1].end_us);
    small_end(&rig, &snap);
}

/* ---- kill -9 ---- */

struct shared {
    struct rig_frame frames[RIG_FRAMES_MAX];
    _Atomic uint64_t count, flushed, breaks;
};

/* Records as fast as it can, until it is killed. */
static void child_run(struct rig *rig, struct shared *shared, unsigned seed)
{
    if (rig_try_open(rig, RIG_START_US + 100 * HOUR_US))
        _exit(3);
    bool broken = true;
    for (;;) {
        for (int i = rand_r(&seed) % 150; i >= 0; i--) {
            rig_feed_one(rig, 0, broken);
            shared->count = rig->count;
            broken = rand_r(&seed) % 97 == 0;
        }
        shared->breaks = rig->breaks;
        if (tape_flush(rig->tape))
            _exit(4);
        shared->flushed = rig->count;
    }
}

static void kill_dash_nine_costs_only_what_was_not_flushed(void **state)
{
    (void)state;
    struct rig rig;
    uint64_t last = 0;
    rig_init(&rig, true);
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    mem_free(rig.frames);
    rig.frames = shared->frames;
    for (unsigned turn = 0; turn < 60; turn++) {
        int status;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            child_run(&rig, shared, turn * 7919 + 1);
        uint64_t until = shared->flushed + 1 + turn * 37 % 1500;
        const struct timespec nap = {.tv_nsec = 200000};
        while (shared->flushed < until && shared->count < RIG_FRAMES_MAX - 2000)
            nanosleep(&nap, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        rig.count = shared->count;
        rig.breaks = (uint32_t)shared->breaks;
        rig_open(&rig, RIG_START_US + 100 * HOUR_US);
        struct rig_walk walk = rig_walk(&rig);
        assert_true(walk.next >= shared->flushed); /* the last frame on disk, and all before it */
        assert_true(walk.frames > last);
        last = walk.frames;
        tape_close(&rig.tape);
    }
    print_message("# killed 60 times: %" PRIu64 " frames appended, %" PRIu64 " on disk\n",
                  rig.count, last);
    rig.frames = NULL;
    munmap(shared, sizeof *shared);
    rig_end(&rig);
}

/* ---- a month of hours ---- */

static void a_tape_of_720_hours_opens_at_once(void **state)
{
    (void)state;
    struct rig rig;
    struct utc oldest, newest;
    rig_init(&rig, true);
    uint64_t first_n = window_of(RIG_START_US) / SET_WINDOWS * SET_WINDOWS;
    for (uint64_t hour = 0; hour < 720; hour++)
        rig_sparse_set(rig.folder, first_n + hour * SET_WINDOWS, SET_WINDOWS * 96000);
    int64_t best = INT64_MAX;
    for (int i = 0; i < 5; i++) {
        struct mono before = clock_mono(clock_real());
        rig_open(&rig, RIG_START_US + 720 * HOUR_US);
        int64_t us = clock_mono(clock_real()).us - before.us;
        best = us < best ? us : best;
        assert_int_equal(rig.tape->sets.count, 720);
        assert_true(tape_range(rig.tape, &oldest, &newest));
        assert_int_equal(oldest.us, window_start_us(first_n));
        assert_int_equal(newest.us, window_start_us(first_n + 720 * SET_WINDOWS));
        tape_close(&rig.tape);
    }
    print_message("# 720 hours opened in %.1f ms\n", (double)best / 1000);
    assert_true(best < 200 * US_PER_MS); /* generous: the machine may be busy */
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_flushed_and_closed_is_there_again),
        cmocka_unit_test(each_run_lies_in_one_window_and_ends_at_the_first_frame_behind_it),
        cmocka_unit_test(each_hour_has_its_files_and_begins_with_the_title_that_holds),
        cmocka_unit_test(titles_come_back_at_the_frame_that_they_held_from),
        cmocka_unit_test(a_title_does_not_outlive_a_restart),
        cmocka_unit_test(a_torn_frames_file_is_cut_at_the_last_whole_frame),
        cmocka_unit_test(a_torn_index_costs_no_frame),
        cmocka_unit_test(a_torn_events_file_costs_only_the_torn_line),
        cmocka_unit_test(a_flipped_bit_in_the_index_costs_no_frame),
        cmocka_unit_test(flipped_bytes_in_frames_or_events_never_give_half_frames),
        cmocka_unit_test(what_cannot_be_read_is_set_aside_and_the_tape_begun_anew),
        cmocka_unit_test(a_tape_from_the_future_is_set_aside_as_far_as_it_lies_there),
        cmocka_unit_test(a_hole_before_a_crash_keeps_its_length),
        cmocka_unit_test(kill_dash_nine_costs_only_what_was_not_flushed),
        cmocka_unit_test(a_tape_of_720_hours_opens_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
