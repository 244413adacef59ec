/* What a tape tells that it holds: the same from the files and from the tail, and in a media time
 * that goes on by the sample. */
#include "rig.h"

#define RUNS_MAX 4096

struct list {
    struct tape_run run[RUNS_MAX];
    size_t count, most; /* 0 = all */
    struct rig_runs checked;
};

static bool on_run(void *ctx, const struct tape_run *run)
{
    struct list *list = ctx;
    assert_true(list->count < RUNS_MAX);
    rig_on_run(&list->checked, run);
    list->run[list->count++] = *run;
    return list->count != list->most;
}

static struct list *list_new(void)
{
    struct list *list = mem_new(sizeof *list);
    assert_non_null(list);
    return list;
}

static struct list *list_disk(struct tape *tape, uint64_t from_n, uint64_t to_n)
{
    struct list *list = list_new();
    assert_int_equal(tape_runs_on_disk(tape, from_n, to_n, on_run, list), OK);
    return list;
}

/* All that the tail still has, the open one too. */
static struct list *list_ram(const struct tape *tape)
{
    struct list *list = list_new();
    struct tape_run_in_ram run;
    struct utc start;
    uint64_t number = tape_runs_oldest_in_ram(tape), pos = 0;
    enum err err;
    while (!(err = tape_run_in_ram(tape, number++, true, &run))) {
        assert_int_equal(run.end_pos - run.pos, run.run.bytes);
        assert_int_equal(tape_time_of(tape, run.pos, &start), OK);
        assert_int_equal(start.us, run.run.start.us);
        assert_true(list->count == 0 || run.pos == pos);
        pos = run.end_pos;
        on_run(list, &run.run);
    }
    assert_int_equal(err, E_AGAIN);
    assert_int_equal(pos, tape_head(tape));
    return list;
}

static void check_same(const struct tape_run *a, const struct tape_run *b)
{
    assert_int_equal(a->n, b->n);
    assert_int_equal(a->start.us, b->start.us);
    assert_int_equal(a->samples, b->samples);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->drift_samples, b->drift_samples);
    assert_int_equal(a->is_break, b->is_break);
    assert_true(format_same(&a->format, &b->format));
}

static void check_lists_same(const struct list *a, const struct list *b, size_t count)
{
    assert_true(count > 0 && count <= a->count && count <= b->count);
    for (size_t i = 0; i < count; i++)
        check_same(&a->run[i], &b->run[i]);
}

static void the_files_tell_the_same_runs_as_the_tail(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_run_in_ram open;
    rig_start(&rig, true);
    rig_feed_one(&rig, HOUR_US - RIG_START_US % HOUR_US - 65 * US_PER_S, false);
    for (int i = 0; i < 60; i++) {
        rig_feed(&rig, 60);
        if (i % 10 == 4)
            rig_feed_one(&rig, i * US_PER_S, true);
        if (i % 7 == 6)
            rig_feed_one(&rig, 0, true);
        if (i % 3 == 1)
            rig_feed_one(&rig, 7 * US_PER_MS, false); /* steered */
        rig_flush(&rig);
    }
    struct list *ram = list_ram(rig.tape);
    struct list *disk = list_disk(rig.tape, 0, UINT64_MAX);
    assert_true(ram->count > 20 && ram->checked.breaks >= 14);
    assert_int_equal(disk->count, ram->count - 1);
    check_lists_same(disk, ram, disk->count);
    assert_int_equal(ram->checked.samples, rig.count * SAMPLES);
    assert_false(ram->run[0].is_break); /* nothing is broken by the first one of all */
    assert_int_equal(tape_run_in_ram(rig.tape, ram->count - 1, false, &open), E_AGAIN);
    assert_int_equal(tape_run_in_ram(rig.tape, ram->count, true, &open), E_AGAIN);
    mem_free(disk);

    tape_close(&rig.tape); /* which closes the open one */
    rig_open(&rig, RIG_START_US + HOUR_US);
    disk = list_disk(rig.tape, 0, UINT64_MAX);
    assert_int_equal(disk->count, ram->count);
    check_lists_same(disk, ram, ram->count);
    assert_int_equal(tape_runs_oldest_in_ram(rig.tape), 0);
    assert_int_equal(tape_run_in_ram(rig.tape, 0, true, &open), E_AGAIN);
    mem_free(disk);

    /* In another life of the program it is another sound, and its media time starts from its time. */
    rig_feed(&rig, 500);
    rig_flush(&rig);
    disk = list_disk(rig.tape, 0, UINT64_MAX);
    assert_true(disk->count > ram->count);
    check_lists_same(disk, ram, ram->count);
    assert_true(disk->run[ram->count].is_break);
    assert_int_equal(disk->run[ram->count].drift_samples, 0);
    mem_free(ram);
    ram = list_ram(rig.tape);
    check_same(&ram->run[0], &disk->run[disk->count - ram->count + 1]);
    mem_free(ram);
    mem_free(disk);
    rig_end(&rig);
}

static void a_crash_costs_no_more_than_the_torn_frame(void **state)
{
    (void)state;
    struct rig rig;
    char *bytes[SET_FILES], path[SET_PATH_MAX];
    size_t len[SET_FILES];
    rig_start(&rig, true);
    for (int i = 0; i < 200; i++) { /* steered: the run that is torn has a drift */
        rig_feed(&rig, 5);
        rig_feed_one(&rig, US_PER_MS, false);
    }
    rig_flush(&rig);
    struct list *ram = list_ram(rig.tape);
    for (int i = 0; i < SET_FILES; i++) {
        rig_path(&rig, i, path);
        bytes[i] = rig_read(path, &len[i]);
    }
    tape_close(&rig.tape);
    len[SET_FRAMES] -= 100;
    for (int i = 0; i < SET_FILES; i++) { /* as kill -9 leaves it */
        assert_int_equal(set_path(rig.folder, ram->run[0].n, i, path), OK);
        rig_write(path, bytes[i], len[i]);
        mem_free(bytes[i]);
    }
    rig_open(&rig, RIG_START_US + HOUR_US);
    assert_false(rig.tape->disk.repair);
    struct list *disk = list_disk(rig.tape, 0, UINT64_MAX);
    size_t last = ram->count - 1;
    assert_true(ram->run[last].drift_samples < -5000);
    assert_int_equal(disk->count, ram->count);
    check_lists_same(disk, ram, last);
    assert_int_equal(disk->run[last].start.us, ram->run[last].start.us);
    assert_int_equal(disk->run[last].drift_samples, ram->run[last].drift_samples);
    assert_int_equal(disk->run[last].samples, ram->run[last].samples - SAMPLES);
    assert_false(disk->run[last].is_break);
    mem_free(disk);

    /* Without its index record its frames follow on from the run before. */
    tape_close(&rig.tape);
    assert_int_equal(set_path(rig.folder, ram->run[0].n, SET_INDEX, path), OK);
    assert_int_equal(truncate(path, (off_t)((last + 1) * RECORD_BYTES)), 0);
    rig_open(&rig, RIG_START_US + HOUR_US);
    disk = list_disk(rig.tape, 0, UINT64_MAX);
    assert_int_equal(disk->checked.samples, (rig.count - 1) * SAMPLES);
    assert_int_equal(disk->checked.breaks, 0);
    mem_free(disk);
    mem_free(ram);
    rig_end(&rig);
}

/* ---- parts of it, and hours that go ---- */

#define HOURS   6
#define FIRST_N (UINT64_C(1700000400) / 6) /* on the hour */

static void open_sparse(struct rig *rig)
{
    rig_init(rig, true);
    for (uint64_t i = 0; i < HOURS; i++)
        rig_sparse_set(rig->folder, FIRST_N + i * SET_WINDOWS, SET_WINDOWS * 96000);
    rig_open(rig, window_start_us(FIRST_N + HOURS * SET_WINDOWS));
}

static void a_part_is_told_from_its_first_window_to_before_its_last(void **state)
{
    (void)state;
    struct rig rig;
    open_sparse(&rig);
    static const struct {
        uint64_t from, to, count;
    } tries[] = {{0, UINT64_MAX, HOURS * SET_WINDOWS},
                 {5, 5, 0},
                 {9, 5, 0},
                 {0, 1, 1},
                 {0, SET_WINDOWS, SET_WINDOWS},
                 {599, 601, 2},
                 {600, 601, 1},
                 {601, 1900, 1299},
                 {HOURS * SET_WINDOWS, HOURS * SET_WINDOWS + 9, 0}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        uint64_t from = FIRST_N + tries[i].from;
        uint64_t to = tries[i].to == UINT64_MAX ? UINT64_MAX : FIRST_N + tries[i].to;
        struct list *list = list_disk(rig.tape, from, to);
        assert_int_equal(list->count, tries[i].count);
        for (size_t k = 0; k < list->count; k++)
            assert_int_equal(list->run[k].n, from + k);
        assert_int_equal(list->checked.breaks, 0);
        mem_free(list);
    }
    struct list *list = list_disk(rig.tape, 0, FIRST_N);
    assert_int_equal(list->count, 0);
    list->most = 3;
    assert_int_equal(tape_runs_on_disk(rig.tape, 0, UINT64_MAX, on_run, list), OK);
    assert_int_equal(list->count, 3);
    mem_free(list);
    rig_end(&rig);
}

static void what_is_gone_or_damaged_is_passed_over_and_breaks(void **state)
{
    (void)state;
    struct rig rig;
    char path[SET_PATH_MAX];
    size_t len;
    open_sparse(&rig);
    /* The second hour has no frames, the third no index, the fourth three bad records. */
    assert_int_equal(set_path(rig.folder, FIRST_N + 600, SET_FRAMES, path), OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(set_path(rig.folder, FIRST_N + 1200, SET_INDEX, path), OK);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(set_path(rig.folder, FIRST_N + 1800, SET_INDEX, path), OK);
    char *bytes = rig_read(path, &len);
    for (size_t i = 10; i < 13; i++)
        bytes[(i + 1) * RECORD_BYTES + 3] ^= 1;
    rig_write(path, bytes, len);
    mem_free(bytes);
    struct list *list = list_disk(rig.tape, 0, UINT64_MAX);
    assert_int_equal(list->count, (HOURS - 2) * SET_WINDOWS - 3);
    assert_int_equal(list->checked.breaks, 2);
    assert_true(list->run[600].is_break && list->run[600].n == FIRST_N + 1800);
    assert_true(list->run[610].is_break && list->run[610].n == FIRST_N + 1813);
    mem_free(list);
    /* It is told as well when the list begins there. */
    list = list_disk(rig.tape, FIRST_N + 1813, UINT64_MAX);
    assert_true(list->run[0].is_break);
    mem_free(list);
    list = list_disk(rig.tape, FIRST_N + 1800, UINT64_MAX);
    assert_true(list->run[0].is_break);
    mem_free(list);
    /* The fourth hour ends early. */
    assert_int_equal(truncate(path, 590 * RECORD_BYTES), 0);
    list = list_disk(rig.tape, FIRST_N + 2400, UINT64_MAX);
    assert_true(list->run[0].is_break);
    mem_free(list);
    /* The last hour's frames are cut: what is cut is not told. */
    assert_int_equal(set_path(rig.folder, FIRST_N + 3000, SET_FRAMES, path), OK);
    assert_int_equal(truncate(path, 10 * 96000 - 1), 0);
    list = list_disk(rig.tape, FIRST_N + 3000, UINT64_MAX);
    assert_int_equal(list->count, 9);
    assert_false(list->run[0].is_break);
    mem_free(list);
    rig_end(&rig);
}

struct dropping {
    struct rig *rig;
    struct list *list;
    uint64_t at, sets;
};

static bool on_run_drop(void *ctx, const struct tape_run *run)
{
    struct dropping *d = ctx;
    uint64_t first_n;
    if (run->n == d->at)
        while (d->sets-- > 0)
            assert_int_equal(sets_drop_oldest(d->rig->tape, &first_n), OK);
    return on_run(d->list, run);
}

static void retention_may_drop_hours_while_they_are_told(void **state)
{
    (void)state;
    for (uint64_t sets = 1; sets < HOURS; sets++) {
        struct rig rig;
        open_sparse(&rig);
        struct dropping d = {&rig, list_new(), FIRST_N + 700, sets};
        assert_int_equal(tape_runs_on_disk(rig.tape, 0, UINT64_MAX, on_run_drop, &d), OK);
        /* The hour that is being told goes on to its end. */
        assert_int_equal(d.list->count, (sets < 2 ? HOURS : 2 + HOURS - sets) * SET_WINDOWS);
        assert_int_equal(d.list->checked.breaks, sets > 2);
        mem_free(d.list);
        struct list *list = list_disk(rig.tape, 0, UINT64_MAX);
        assert_int_equal(list->count, (HOURS - sets) * SET_WINDOWS);
        assert_int_equal(rig_media(&list->run[0]),
                         (FIRST_N + sets * SET_WINDOWS) * 6 * RATE_HZ); /* as it was */
        mem_free(list);
        rig_end(&rig);
    }
}

/* ---- media time ---- */

static struct tape *ram_tape(enum codec codec)
{
    struct tape *tape;
    struct tape_config config = {NULL, "one/ram", codec, 8000};
    assert_int_equal(crypto_init(), OK);
    assert_int_equal(tape_open(&config, (struct utc){RIG_START_US}, &tape), OK);
    return tape;
}

/* Holds each run that was closed since against the one before; returns how many. */
static uint64_t follow(const struct tape *tape, uint64_t *number, struct rig_runs *runs)
{
    struct tape_run_in_ram run;
    enum err err;
    while (!(err = tape_run_in_ram(tape, *number, false, &run))) {
        rig_on_run(runs, &run.run);
        ++*number;
    }
    assert_int_equal(err, E_AGAIN);
    return *number;
}

static void frames_on_the_grid_of_an_encoder_never_drift(void **state)
{
    (void)state;
    static const struct {
        struct format format;
        uint32_t samples;
        uint64_t hours;
    } tries[] = {{{CODEC_AAC, 48000, 96000, 2, 2}, 1024, 24},
                 {{CODEC_MP3, 44100, 128000, 2, 1}, 1152, 24},
                 {{CODEC_AAC, 192000, 96000, 2, 2}, 1024, 1}};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        const struct format *f = &tries[i].format;
        struct tape *tape = ram_tape(f->codec);
        struct rig_runs runs = {0};
        struct tape_run_in_ram run;
        uint64_t rate = f->rate_hz, number = 0;
        uint64_t k = 1700000000 * rate / tries[i].samples;
        uint64_t end = k + tries[i].hours * 3600 * rate / tries[i].samples;
        for (; k < end; k++) {
            uint64_t at = k * tries[i].samples;
            int64_t us = (int64_t)(at / rate * 1000000 + (at % rate * 1000000 + rate / 2) / rate);
            tape_append(tape, STR("frame"), tries[i].samples, f, (struct utc){us}, false);
            if (tape_run_in_ram(tape, number, false, &run) == OK) {
                assert_int_equal(run.run.drift_samples, 0);
                assert_int_equal(rig_media(&run.run) % tries[i].samples, 0);
                follow(tape, &number, &runs);
            }
        }
        assert_in_range(number, tries[i].hours * 600 - 1, tries[i].hours * 600 + 1);
        assert_int_equal(runs.breaks, 0);
        tape_close(&tape);
    }
}

static void a_steered_source_keeps_its_samples_while_its_start_follows_the_clock(void **state)
{
    (void)state;
    for (int sign = -1; sign <= 1; sign += 2) {
        struct tape *tape = ram_tape(CODEC_MP3);
        struct rig_runs runs = {0};
        uint64_t number = 0, frames = 0;
        int64_t ns = RIG_START_US * 1000, frame_ns = INT64_C(1000000000) * SAMPLES / RATE_HZ;
        for (; number < 5000; frames++) { /* 100 ppm closer or farther than their samples say */
            tape_append(tape, STR("frame"), SAMPLES, &rig_format, (struct utc){ns / 1000}, false);
            assert_true(llabs(tape_end(tape).us - ns / 1000 - 26122) < 10);
            ns += frame_ns + sign * frame_ns / 10000;
            if (frames % 100 == 0)
                follow(tape, &number, &runs);
        }
        assert_int_equal(runs.breaks, 0);
        /* 8 h 20 min: the two are 3 s apart. */
        assert_in_range(-sign * runs.last.drift_samples, 132150, 132350);
        tape_close(&tape);
    }
}

static void what_drifts_too_far_to_be_told_begins_anew_as_a_break(void **state)
{
    (void)state;
    struct tape *tape = ram_tape(CODEC_AAC);
    const struct format format = {CODEC_AAC, 768000, 96000, 2, 2};
    struct rig_runs runs = {0};
    uint64_t number = 0;
    int64_t us = RIG_START_US;
    int32_t least = 0;
    for (int i = 0; i < 30000; i++) { /* 76800 samples a frame */
        tape_append(tape, STR("frame"), 1, &format, (struct utc){us}, false);
        us = tape_end(tape).us + 100 * US_PER_MS;
        if (i % 50 == 0) {
            follow(tape, &number, &runs);
            if (runs.count > 0 && runs.last.drift_samples < least)
                least = runs.last.drift_samples;
        }
    }
    assert_int_equal(runs.breaks, 2); /* twice 2^30 */
    assert_in_range(-(int64_t)least, TAIL_DRIFT_MAX - 100 * 76800, TAIL_DRIFT_MAX);
    tape_close(&tape);
}

static void media_time_is_rounded_to_the_nearest_sample(void **state)
{
    (void)state;
    assert_int_equal(tape_media_time((struct utc){0}, 0, 48000), 0);
    assert_int_equal(tape_media_time((struct utc){10}, 0, 48000), 0);
    assert_int_equal(tape_media_time((struct utc){11}, 0, 48000), 1);
    assert_int_equal(tape_media_time((struct utc){11}, -7, 48000), 0); /* never below */
    assert_int_equal(tape_media_time((struct utc){INT64_C(1700000000000021)}, 5, 48000),
                     UINT64_C(1700000000) * 48000 + 6);
    assert_int_equal(tape_media_time((struct utc){INT64_MAX / 8}, 0, 768000),
                     (uint64_t)(((unsigned __int128)(INT64_MAX / 8) * 768000 + 500000) / 1000000));
}

static void a_run_that_was_overtaken_is_told_so(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_run_in_ram run;
    struct utc at;
    char text[TITLE_BYTES];
    rig_start(&rig, false);
    rig_title(&rig, "one that lasts");
    assert_int_equal(tape_title_in_ram(rig.tape, 0, &at, text), E_AGAIN); /* from the next frame */
    rig_feed(&rig, 40000);
    uint64_t oldest = tape_runs_oldest_in_ram(rig.tape);
    assert_true(oldest > 10);
    assert_int_equal(tape_run_in_ram(rig.tape, oldest, false, &run), OK);
    assert_true(run.pos >= tape_oldest(rig.tape));
    for (uint64_t number = 0; number < oldest; number++) {
        assert_int_equal(tape_run_in_ram(rig.tape, number, true, &run), E_LAGGED);
        assert_int_equal(run.run.samples, 0);
    }
    /* Its frame is gone, but it still holds. */
    assert_int_equal(tape_title_in_ram(rig.tape, 0, &at, text), OK);
    assert_int_equal(at.us, RIG_START_US);
    assert_string_equal(text, "one that lasts");
    for (int i = 1; i < 400; i++) {
        char title[16];
        snprintf(title, sizeof title, "%d", i);
        rig_title(&rig, title);
        rig_title(&rig, "never heard");
        if (i % 5)
            rig_feed(&rig, 1);
    }
    assert_int_equal(tape_title_in_ram(rig.tape, 0, &at, text), E_LAGGED);
    assert_int_equal(tape_title_in_ram(rig.tape, 799, &at, text), E_AGAIN);
    assert_int_equal(tape_title_in_ram(rig.tape, 795, &at, text), OK);
    assert_string_equal(text, "398");
    assert_int_equal(at.us, rig.frames[rig.count - 2].start_us);
    rig_end(&rig);
}

/* ---- titles ---- */

struct titles {
    struct {
        int64_t us;
        char text[32];
    } title[64];
    size_t count, most;
};

static bool on_title(void *ctx, struct utc at, struct str text)
{
    struct titles *titles = ctx;
    assert_true(titles->count < 64);
    titles->title[titles->count].us = at.us;
    str_copy(titles->title[titles->count].text, 32, text);
    titles->count++;
    return titles->count != titles->most;
}

static struct titles titles_of(struct rig *rig, int64_t from_us, int64_t to_us)
{
    struct titles titles = {0};
    assert_int_equal(tape_titles_on_disk(rig->tape, (struct utc){from_us}, (struct utc){to_us},
                                         on_title, &titles),
                     OK);
    for (size_t i = 1; i < titles.count; i++)
        assert_true(titles.title[i].us >= titles.title[i - 1].us);
    return titles;
}

static void titles_are_told_from_the_one_that_holds(void **state)
{
    (void)state;
    struct rig rig;
    struct titles t;
    struct utc at;
    char text[TITLE_BYTES];
    static const char *const names[] = {"a", "b that lasts", "c", "", "d"};
    static const uint64_t until[] = {500, 300000, 301000, 302000, 303000};
    int64_t us[5];
    rig_start(&rig, true);
    rig_feed(&rig, 100);
    assert_int_equal(titles_of(&rig, 0, INT64_MAX / 8).count, 0);
    for (uint64_t i = 0; i < 5; i++) {
        rig_title(&rig, names[i]);
        uint64_t first = rig.count;
        while (rig.count < until[i]) {
            rig_feed(&rig, 100);
            rig_flush(&rig);
        }
        us[i] = rig.frames[first].start_us;
        assert_int_equal(tape_title_in_ram(rig.tape, i, &at, text), OK);
        assert_int_equal(at.us, us[i]);
        assert_string_equal(text, names[i]);
    }
    assert_true(rig.tape->sets.count >= 3); /* b lasted over two ends of hours */
    t = titles_of(&rig, 0, INT64_MAX / 8);
    assert_int_equal(t.count, 5);
    for (size_t i = 0; i < t.count; i++) {
        assert_string_equal(t.title[i].text, names[i]);
        assert_int_equal(t.title[i].us, us[i]);
    }
    assert_int_equal(titles_of(&rig, 0, us[0]).count, 0);
    assert_int_equal(titles_of(&rig, us[0], us[1]).count, 1);
    t = titles_of(&rig, us[2] - HOUR_US / 10, us[2] + 1); /* in the third hour: with its own time */
    assert_int_equal(t.count, 2);
    assert_int_equal(t.title[0].us, us[1]);
    assert_string_equal(t.title[0].text, "b that lasts");
    assert_int_equal(t.title[1].us, us[2]);
    t = titles_of(&rig, us[1] + HOUR_US, us[1] + HOUR_US + 1);
    assert_int_equal(t.count, 1);
    assert_int_equal(t.title[0].us, us[1]);
    t = titles_of(&rig, us[3] + 10, INT64_MAX / 8); /* none holds */
    assert_int_equal(t.count, 1);
    assert_string_equal(t.title[0].text, "d");
    t = (struct titles){.most = 2};
    assert_int_equal(
        tape_titles_on_disk(rig.tape, (struct utc){-5}, (struct utc){INT64_MAX / 8}, on_title, &t),
        OK);
    assert_int_equal(t.count, 2);

    /* A restart ends the title, in this hour as in the next one. */
    for (int i = 0; i < 2; i++) {
        int64_t gap_us = i == 0 ? US_PER_S : HOUR_US;
        tape_close(&rig.tape);
        rig_open(&rig, rig.frames[rig.count - 1].end_us + gap_us);
        rig_feed_one(&rig, gap_us, true);
        rig_feed(&rig, 1000);
        rig_flush(&rig);
        uint64_t first = rig.count - 1001;
        t = titles_of(&rig, us[4], INT64_MAX / 8);
        assert_int_equal(t.count, 2 + 2 * (size_t)i);
        assert_string_equal(t.title[t.count - 1].text, "");
        assert_int_equal(t.title[t.count - 1].us, rig.frames[first].start_us);
        rig_title(&rig, "e");
        rig_feed(&rig, 1);
        rig_flush(&rig);
    }
    rig_end(&rig);
}

static void a_tape_without_files_has_none(void **state)
{
    (void)state;
    struct rig rig;
    struct rig_runs runs = {0};
    rig_start(&rig, false);
    rig_title(&rig, "in RAM");
    rig_feed(&rig, 1000);
    assert_int_equal(tape_runs_on_disk(rig.tape, 0, UINT64_MAX, rig_on_run, &runs), OK);
    assert_int_equal(runs.count, 0);
    assert_int_equal(titles_of(&rig, 0, INT64_MAX / 8).count, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_tell_the_same_runs_as_the_tail),
        cmocka_unit_test(a_crash_costs_no_more_than_the_torn_frame),
        cmocka_unit_test(a_part_is_told_from_its_first_window_to_before_its_last),
        cmocka_unit_test(what_is_gone_or_damaged_is_passed_over_and_breaks),
        cmocka_unit_test(retention_may_drop_hours_while_they_are_told),
        cmocka_unit_test(frames_on_the_grid_of_an_encoder_never_drift),
        cmocka_unit_test(a_steered_source_keeps_its_samples_while_its_start_follows_the_clock),
        cmocka_unit_test(what_drifts_too_far_to_be_told_begins_anew_as_a_break),
        cmocka_unit_test(media_time_is_rounded_to_the_nearest_sample),
        cmocka_unit_test(a_run_that_was_overtaken_is_told_so),
        cmocka_unit_test(titles_are_told_from_the_one_that_holds),
        cmocka_unit_test(a_tape_without_files_has_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
