#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../base/quiet.h"
#include "air/ledger_file.h"
#include "air/station_priv.h"
#include "base/io.h"

#define AT (INT64_C(1795340530123) * US_PER_MS) /* 2026-11-22T09:42:10.123Z */

/* One life of a station: its ledger, and its file in a folder that outlives it. */
struct life {
    struct air_station *station;
    struct ledger_file *file;
};

static struct life life_begin(const char *folder)
{
    struct life life;
    assert_int_equal(air_station_new("wxyz", NULL, &life.station), OK);
    assert_int_equal(ledger_file_open(folder, "wxyz", life.station, &life.file), OK);
    return life;
}

static void life_end(struct life *life)
{
    ledger_file_close(&life->file);
    air_station_free(&life->station);
}

static void happen(const struct life *life, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        struct air_event event = {.kind = AIR_SWITCH, .at = {AT + i * US_PER_S}, .to = "/wxyz"};
        snprintf(event.why, sizeof event.why, "number %u", i);
        ledger_add(&life->station->ledger, "wxyz", &event);
    }
}

static size_t remembered(const struct life *life, struct air_event *events)
{
    return air_station_events(life->station, events, AIR_EVENTS_MAX);
}

static int make_folder(void **state)
{
    char folder[] = "/tmp/mast-ledger-XXXXXX";
    signal(SIGXFSZ, SIG_IGN);
    *state = mkdtemp(folder) ? strdup(folder) : NULL;
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    int failed = system(command);
    free(*state);
    return failed;
}

static const char *path_of(const char *folder, const char *name)
{
    static char path[192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put(const char *folder, const char *name, const char *mode, const char *text)
{
    FILE *file = fopen(path_of(folder, name), mode);
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    fclose(file);
}

static size_t size_of(const char *folder, const char *name)
{
    struct stat st;
    return stat(path_of(folder, name), &st) == 0 ? (size_t)st.st_size : 0;
}

static void an_event_is_the_same_when_it_is_read_back(void **state)
{
    (void)state;
    struct buf line;
    struct air_event out, event = {.kind = AIR_FAULT, .at = {AT}};
    strcpy(event.from, "/a \"b\"\n\xc3\xa9");
    memset(event.why, '\1', sizeof event.why - 1); /* each is six characters long there */
    for (int kind = 0; kind < AIR_EVENT_KIND_COUNT; kind++) {
        event.kind = (enum air_event_kind)kind;
        buf_init(&line, 4096);
        air_event_json(&event, &line);
        assert_int_equal(buf_err(&line), OK);
        assert_int_equal(air_event_parse(buf_str(&line), &out), OK);
        assert_int_equal(out.kind, event.kind);
        assert_int_equal(out.at.us, event.at.us);
        assert_string_equal(out.from, event.from);
        assert_string_equal(out.to, "");
        assert_string_equal(out.why, event.why);
        buf_release(&line);
    }
}

static void what_is_no_event_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "[]",
        "{}",
        "null",
        "{\"what\":\"switch\"}",
        "{\"what\":\"other\",\"at\":\"2026-11-22T09:42:10.123Z\"}",
        "{\"what\":1,\"at\":\"2026-11-22T09:42:10.123Z\"}",
        "{\"what\":\"switch\",\"at\":\"2026-11-22 09:42:10.123Z\"}",
        "{\"what\":\"switch\",\"at\":\"2026-11-22T09:42:10.123\"}",
        "{\"what\":\"switch\",\"at\":\"2026-13-22T09:42:10.123Z\"}",
        "{\"what\":\"switch\",\"at\":\"2026-11-22T09:42:10.123Z\"} {}",
    };
    struct air_event event;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(air_event_parse(str_of(lines[i]), &event), E_SYNTAX);
    assert_int_equal(
        air_event_parse(STR("{\"at\":\"2026-11-22T09:42:10.123Z\",\"what\":\"deck\",\"n\":1}"),
                        &event),
        OK);
    assert_int_equal(event.at.us, AT);
}

static void a_ledger_outlives_the_program(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    assert_false(ledger_file_has_past(life.file));
    ledger_file_begin(life.file, "mast started", (struct utc){AT}, (struct utc){0});
    happen(&life, 1, 100);
    ledger_file_write(life.file);
    ledger_file_write(life.file);
    ledger_file_end(life.file, (struct utc){AT + 200 * US_PER_S});
    ledger_file_write(life.file);
    life_end(&life);

    life = life_begin(*state);
    assert_true(ledger_file_has_past(life.file));
    ledger_file_begin(life.file, "mast started", (struct utc){AT + 300 * US_PER_S},
                      (struct utc){AT});
    assert_int_equal(remembered(&life, events), 102);
    assert_int_equal(events[0].kind, AIR_START);
    assert_string_equal(events[0].why, "mast started");
    assert_string_equal(events[99].why, "number 99");
    assert_int_equal(events[99].at.us, AT + 99 * US_PER_S);
    assert_int_equal(events[100].kind, AIR_STOP);
    assert_string_equal(events[101].why, "mast started");
    ledger_file_write(life.file);
    life_end(&life);
    life = life_begin(*state); /* nothing was written twice */
    assert_int_equal(remembered(&life, events), 102);
    life_end(&life);
}

static void a_life_that_was_cut_off_is_told_of(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    happen(&life, 0, 1);
    ledger_file_write(life.file);
    life_end(&life);
    life = life_begin(*state);
    ledger_file_begin(life.file, "it was added again!!", (struct utc){AT + 60 * US_PER_S},
                      (struct utc){AT + 7 * US_PER_S});
    assert_int_equal(remembered(&life, events), 2);
    assert_string_equal(events[1].why, "it was added again!!; it had not been stopped, its sound "
                                       "ended at 2026-11-22T09:42:17.123Z");
    ledger_file_write(life.file);
    life_end(&life);
    /* The machine's clock has gone back meanwhile, and the tape says less than the ledger. */
    life = life_begin(*state);
    ledger_file_begin(life.file, "mast started", (struct utc){AT - US_PER_S}, (struct utc){AT});
    assert_int_equal(remembered(&life, events), 3);
    assert_string_equal(events[2].why, "mast started; it had not been stopped");
    assert_int_equal(events[2].at.us, AT + 60 * US_PER_S);
    life_end(&life);
}

static void a_torn_last_line_is_cut_and_garbage_is_skipped(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    happen(&life, 0, 2);
    ledger_file_write(life.file);
    life_end(&life);
    put(*state, "wxyz.jsonl", "a", "no JSON\n\n{\"what\":\"weather\"}\n\x80\xff\n");
    size_t whole = size_of(*state, "wxyz.jsonl");
    put(*state, "wxyz.jsonl", "a", "{\"what\":\"switch\",\"at\":\"2026-11-22T09");
    life = life_begin(*state);
    assert_int_equal(size_of(*state, "wxyz.jsonl"), whole);
    happen(&life, 2, 3);
    ledger_file_write(life.file);
    life_end(&life);
    life = life_begin(*state);
    assert_int_equal(remembered(&life, events), 3);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(events[i].at.us, AT + i * US_PER_S);
    life_end(&life);
}

static void a_file_of_a_megabyte_makes_room_and_is_read_back_with_the_next(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    unsigned count = 0;
    while (size_of(*state, "wxyz.1.jsonl") == 0) {
        happen(&life, count, count + 100);
        count += 100;
        ledger_file_write(life.file);
        assert_true(count < 20000);
    }
    assert_true(size_of(*state, "wxyz.1.jsonl") <= 1 << 20);
    assert_true(size_of(*state, "wxyz.1.jsonl") > (1 << 20) - 20000);
    assert_true(size_of(*state, "wxyz.jsonl") < 20000);
    life_end(&life);
    life = life_begin(*state);
    assert_int_equal(remembered(&life, events), AIR_EVENTS_MAX);
    for (unsigned i = 0; i < AIR_EVENTS_MAX; i++)
        assert_int_equal(events[i].at.us, AT + (count - AIR_EVENTS_MAX + i) * US_PER_S);
    life_end(&life);
}

static void a_file_that_nobody_here_has_written_is_put_away(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    FILE *file = fopen(path_of(*state, "wxyz.jsonl"), "w");
    assert_non_null(file);
    for (int i = 0; i < 300000; i++)
        fputs("what is this\n", file);
    fclose(file);
    struct life life = life_begin(*state);
    assert_int_equal(remembered(&life, events), 0);
    happen(&life, 0, 1);
    ledger_file_write(life.file);
    assert_true(size_of(*state, "wxyz.jsonl") < 200);
    life_end(&life);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_full_disk_takes_the_events_once_there_is_room(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    happen(&life, 0, 2);
    ledger_file_write(life.file);
    size_t size = size_of(*state, "wxyz.jsonl");
    limit_files(size + 40); /* half of the next line */
    happen(&life, 2, 5);
    ledger_file_write(life.file);
    ledger_file_write(life.file);
    assert_int_equal(size_of(*state, "wxyz.jsonl"), size);
    limit_files(RLIM_INFINITY);
    ledger_file_write(life.file);
    life_end(&life);
    life = life_begin(*state);
    assert_int_equal(remembered(&life, events), 5);
    life_end(&life);
}

static void events_that_were_lost_are_counted_on_disk(void **state)
{
    struct air_event events[AIR_EVENTS_MAX];
    struct life life = life_begin(*state);
    happen(&life, 0, AIR_EVENTS_MAX + 30);
    ledger_file_write(life.file);
    life_end(&life);
    life = life_begin(*state);
    assert_int_equal(remembered(&life, events), AIR_EVENTS_MAX);
    life_end(&life);
    struct buf text;
    buf_init(&text, 1 << 20);
    assert_int_equal(io_load(path_of(*state, "wxyz.jsonl"), &text), OK);
    struct str first, rest = buf_str(&text);
    str_cut(&rest, '\n', &first);
    assert_int_equal(air_event_parse(first, &events[0]), OK);
    assert_int_equal(events[0].kind, AIR_LOST);
    assert_string_equal(events[0].why, "30 events could not be kept");
    buf_release(&text);
}

static void a_folder_that_cannot_be_is_no_reason_to_stop(void **state)
{
    char folder[128];
    snprintf(folder, sizeof folder, "%s/air", (char *)*state);
    put(*state, "air", "w", "a file");
    struct life life = life_begin(folder);
    happen(&life, 0, 1);
    ledger_file_write(life.file);
    assert_int_equal(unlink(folder), 0);
    ledger_file_write(life.file);
    assert_true(size_of(folder, "wxyz.jsonl") > 0);
    life_end(&life);
}

#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_event_is_the_same_when_it_is_read_back),
        cmocka_unit_test(what_is_no_event_is_refused),
        WITH_FOLDER(a_ledger_outlives_the_program),
        WITH_FOLDER(a_life_that_was_cut_off_is_told_of),
        WITH_FOLDER(a_torn_last_line_is_cut_and_garbage_is_skipped),
        WITH_FOLDER(a_file_of_a_megabyte_makes_room_and_is_read_back_with_the_next),
        WITH_FOLDER(a_file_that_nobody_here_has_written_is_put_away),
        WITH_FOLDER(a_full_disk_takes_the_events_once_there_is_room),
        WITH_FOLDER(events_that_were_lost_are_counted_on_disk),
        WITH_FOLDER(a_folder_that_cannot_be_is_no_reason_to_stop),
    };
    return cmocka_run_group_tests(tests, be_quiet, be_done);
}
