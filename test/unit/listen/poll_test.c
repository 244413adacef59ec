/* Tests of listen/poll.c, callers.c, crowd.c and session.c; the clock is turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/json.h"
#include "listen/ear_priv.h"
#include "listen/poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS        8
#define START_US    (INT64_C(1795392000) * US_PER_S)
#define RECORDS_MAX 256

/* ---- records and memory, caught ---- */

static struct {
    pthread_mutex_t lock;
    char line[RECORDS_MAX][1504];
    unsigned count, starts, ends;
    unsigned memory_in; /* the n-th calloc or realloc from now fails; 0 = none */
} caught = {.lock = PTHREAD_MUTEX_INITIALIZER};

void __wrap_log_session(struct str line);
void __wrap_log_session(struct str line)
{
    pthread_mutex_lock(&caught.lock);
    if (caught.count < RECORDS_MAX) {
        assert_true(line.len < sizeof caught.line[0]);
        memcpy(caught.line[caught.count], line.ptr, line.len);
        caught.line[caught.count][line.len] = '\0';
    }
    caught.count++;
    caught.starts += str_starts(line, STR("{\"what\":\"start\""));
    caught.ends += str_starts(line, STR("{\"what\":\"end\""));
    pthread_mutex_unlock(&caught.lock);
}

static bool memory_fails(void)
{
    return caught.memory_in > 0 && --caught.memory_in == 0;
}

void *__real_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes)
{
    return memory_fails() ? NULL : __real_calloc(count, bytes);
}

void *__real_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes);
void *__wrap_realloc(void *block, size_t bytes)
{
    return memory_fails() ? NULL : __real_realloc(block, bytes);
}

/* ---- the room ---- */

struct rig {
    _Atomic int64_t us;
    struct clock clock;
    struct loops *loops;
    struct audience *high, *low, *other;
    struct listen *listen;
};

static struct utc rig_utc(void *ctx)
{
    return (struct utc){START_US + atomic_load(&((struct rig *)ctx)->us)};
}

static struct mono rig_mono(void *ctx)
{
    return (struct mono){atomic_load(&((struct rig *)ctx)->us)};
}

static enum err open_room(struct rig *rig, uint32_t rows)
{
    const struct listen_config config = {
        .loops = rig->loops, .clock = &rig->clock, .listeners_max = rows};
    return listen_new(&config, &rig->listen);
}

static int make_of(void **state, uint32_t rows)
{
    struct rig *rig = calloc(1, sizeof *rig);
    *state = rig;
    caught.count = caught.starts = caught.ends = caught.memory_in = 0;
    rig->clock = (struct clock){rig, rig_utc, rig_mono};
    bool ok = crypto_init() == OK && loops_new(1, clock_real(), &rig->loops) == OK &&
              audience_new(&rig->high) == OK && audience_new(&rig->low) == OK &&
              audience_new(&rig->other) == OK && open_room(rig, rows) == OK;
    return ok ? 0 : -1;
}

static int make(void **state)
{
    return make_of(state, ROWS);
}

static int unmake(void **state)
{
    struct rig *rig = *state;
    listen_free(&rig->listen);
    loops_free(&rig->loops);
    audience_free(&rig->high);
    audience_free(&rig->low);
    audience_free(&rig->other);
    free(rig);
    return 0;
}

static struct addr address(const char *text)
{
    struct addr addr;
    assert_int_equal(addr_parse(str_of(text), &addr), OK);
    return addr;
}

#define HOME "192.0.2.7:50000"

static struct listen_poll poll_of(const struct rig *rig, const char *id, const char *from,
                                  const char *agent)
{
    return (struct listen_poll){.audience = rig->high,
                                .name = "wxyz/aac-128",
                                .id = str_of(id),
                                .peer = address(from),
                                .agent = str_of(agent)};
}

static enum err come(struct rig *rig, const char *id)
{
    struct listen_poll who = poll_of(rig, id, HOME, "Player");
    return listen_poll(rig->listen, &who);
}

static void comes(struct rig *rig, const char *id)
{
    assert_int_equal(come(rig, id), OK);
}

static void comes_from(struct rig *rig, const char *id, const char *from, const char *agent)
{
    struct listen_poll who = poll_of(rig, id, from, agent);
    assert_int_equal(listen_poll(rig->listen, &who), OK);
}

static void get_bytes(struct rig *rig, const char *from, const char *agent, uint64_t bytes)
{
    struct listen_bytes what = {.audience = rig->high,
                                .name = "wxyz/aac-128",
                                .peer = address(from),
                                .agent = str_of(agent),
                                .bytes = bytes,
                                .behind_us = 90 * US_PER_S};
    listen_poll_bytes(rig->listen, &what);
}

/* Time goes on, with a sweep each second. */
static void wait_s(struct rig *rig, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        atomic_fetch_add(&rig->us, US_PER_S);
        listen_poll_sweep(rig->listen);
    }
}

/* Polls each 6 s for so long. */
static void listens_s(struct rig *rig, const char *id, int seconds)
{
    for (int s = 0; s < seconds; s += 6) {
        wait_s(rig, 6);
        comes(rig, id);
    }
}

/* ---- who is there ---- */

struct present {
    struct listener_facts each[2 * ROWS];
    unsigned count;
};

static void see(void *ctx, const struct listener_facts *facts)
{
    struct present *seen = ctx;
    assert_true(seen->count < 2 * ROWS);
    seen->each[seen->count++] = *facts;
}

static struct present all_there(struct rig *rig)
{
    struct present seen = {.count = 0};
    listen_each(rig->listen, NULL, see, &seen);
    assert_int_equal(seen.count, listen_count(rig->listen));
    return seen;
}

static struct listener_facts only_one(struct rig *rig)
{
    struct present seen = all_there(rig);
    assert_int_equal(seen.count, 1);
    return seen.each[0];
}

/* ---- records ---- */

struct record {
    struct json_doc *doc;
    const struct json *root;
};

static struct record record_at(unsigned index)
{
    struct record record;
    struct json_fault fault;
    assert_true(index < caught.count && index < RECORDS_MAX);
    assert_int_equal(json_parse(str_of(caught.line[index]), &record.doc, &fault), OK);
    record.root = json_root(record.doc);
    return record;
}

static void assert_text(unsigned index, const char *key, const char *wanted)
{
    struct record record = record_at(index);
    struct str text = json_text(json_get(record.root, key));
    if (!str_eq(text, str_of(wanted)))
        fail_msg("%s of %s", key, caught.line[index]);
    json_free(&record.doc);
}

static int64_t number(unsigned index, const char *key)
{
    struct record record = record_at(index);
    assert_int_equal(json_kind_of(json_get(record.root, key)), JSON_INT);
    int64_t value = json_int(json_get(record.root, key));
    json_free(&record.doc);
    return value;
}

/* ---- coming, staying, going ---- */

static void the_first_poll_begins_a_session(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    struct listener_facts facts = only_one(rig);
    assert_int_equal(facts.protocol, LISTEN_HLS);
    assert_ptr_equal(facts.audience, rig->high);
    assert_string_equal(facts.agent, "Player");
    assert_true(facts.since.us == START_US);
    struct audience_facts heard = audience_facts(rig->high);
    assert_int_equal(heard.now, 1);
    assert_int_equal(heard.total_count, 1);
    assert_int_equal(heard.by[LISTEN_HLS].now, 1);
    assert_int_equal(heard.by[LISTEN_ICY].now, 0);
    assert_int_equal(caught.count, 1);
    assert_text(0, "what", "start");
    assert_text(0, "station", "wxyz");
    assert_text(0, "rendition", "aac-128");
    assert_text(0, "protocol", "hls");
    assert_text(0, "address", "192.0.2.7");
    assert_text(0, "agent", "Player");
    assert_int_equal(number(0, "id"), facts.id);
    assert_int_equal(number(0, "seconds"), 0);
}

static void who_goes_on_polling_is_one_listener_with_a_record_a_minute(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    listens_s(rig, "abc", 126);
    assert_int_equal(only_one(rig).id, id);
    assert_int_equal(audience_facts(rig->high).total_count, 1);
    assert_int_equal(caught.count, 3);
    assert_text(1, "what", "on");
    assert_in_range(number(1, "seconds"), 54, 60); /* up to his last poll */
    assert_in_range(number(2, "seconds"), 114, 120);
    assert_int_equal(number(2, "id"), id);
}

static void after_18_s_without_a_poll_he_is_counted_no_more(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    wait_s(rig, 17);
    only_one(rig);
    wait_s(rig, 1);
    assert_int_equal(all_there(rig).count, 0);
    assert_int_equal(audience_facts(rig->high).now, 0);
    assert_int_equal(caught.ends, 0);
    wait_s(rig, 41);
    assert_int_equal(caught.ends, 0);
    wait_s(rig, 1); /* the 60th second since his poll */
    assert_int_equal(caught.ends, 1);
    assert_text(caught.count - 1, "reason", "left");
    assert_int_equal(number(caught.count - 1, "seconds"), 0);
    assert_int_equal(rig->listen->callers.first_free - rig->listen->callers.pool, 0);
}

static void back_within_60_s_he_goes_on_and_the_pause_does_not_count(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    listens_s(rig, "abc", 30);
    get_bytes(rig, HOME, "Player", 1000);
    wait_s(rig, 59);
    assert_int_equal(all_there(rig).count, 0);
    comes(rig, "abc");
    struct listener_facts facts = only_one(rig);
    assert_int_equal(facts.id, id);
    assert_true(facts.since.us == START_US);
    assert_int_equal(facts.bytes_sent, 1000);
    struct audience_facts heard = audience_facts(rig->high);
    assert_int_equal(heard.now, 1);
    assert_int_equal(heard.total_count, 1);
    assert_int_equal(caught.starts, 1);
    listens_s(rig, "abc", 12);
    wait_s(rig, 60);
    assert_int_equal(caught.ends, 1);
    assert_int_equal(number(caught.count - 1, "seconds"), 42);
    assert_int_equal(number(caught.count - 1, "bytes"), 1000);
    assert_int_equal(number(caught.count - 1, "behind_s"), 90);
    assert_int_equal(number(caught.count - 1, "id"), id);
}

static void after_60_s_it_is_another_session(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    wait_s(rig, 60);
    comes(rig, "abc");
    struct listener_facts facts = only_one(rig);
    assert_true(facts.id > id);
    assert_true(facts.since.us == START_US + 60 * US_PER_S);
    assert_int_equal(caught.starts, 2);
    assert_int_equal(caught.ends, 1);
}

static void a_late_sweep_makes_no_pause_heard(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    atomic_fetch_add(&rig->us, 30 * US_PER_S);
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    atomic_fetch_add(&rig->us, 10 * US_PER_S);
    comes(rig, "abc");
    atomic_fetch_add(&rig->us, 70 * US_PER_S);
    comes(rig, "abc");
    assert_true(only_one(rig).id > id);
    assert_int_equal(audience_facts(rig->high).now, 1);
    assert_int_equal(caught.count, 3);
    assert_text(1, "what", "end");
    assert_int_equal(number(1, "seconds"), 10);
    assert_text(2, "what", "start");
}

/* ---- who is who ---- */

static void two_ids_behind_one_address_are_two_listeners(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    comes(rig, "abd");
    comes(rig, "abc");
    assert_int_equal(all_there(rig).count, 2);
    assert_int_equal(audience_facts(rig->high).now, 2);
}

static void without_an_id_address_and_agent_are_who_he_is(void **state)
{
    struct rig *rig = *state;
    comes_from(rig, "", "192.0.2.7:50000", "Player");
    comes_from(rig, "", "192.0.2.7:50001", "Player");
    assert_int_equal(all_there(rig).count, 1);
    comes_from(rig, "", "192.0.2.7:50000", "Player 2");
    assert_int_equal(all_there(rig).count, 2);
    comes_from(rig, "", "192.0.2.8:50000", "Player");
    assert_int_equal(all_there(rig).count, 3);
    comes_from(rig, "Player", "192.0.2.7:50000", "Player"); /* an id is no agent */
    assert_int_equal(all_there(rig).count, 4);
}

static void an_id_holds_within_its_station(void **state)
{
    struct rig *rig = *state;
    struct listen_poll who = poll_of(rig, "abc", HOME, "Player");
    comes(rig, "abc");
    who.audience = rig->other;
    who.name = "wxy/zaac-128";
    assert_int_equal(listen_poll(rig->listen, &who), OK);
    assert_int_equal(all_there(rig).count, 2);
    assert_int_equal(audience_facts(rig->other).now, 1);
    get_bytes(rig, HOME, "Player", 7); /* of wxyz */
    assert_int_equal(all_there(rig).each[0].bytes_sent, 7);
    assert_int_equal(all_there(rig).each[1].bytes_sent, 0);
}

static void another_rendition_is_the_same_session(void **state)
{
    struct rig *rig = *state;
    struct listen_poll who = poll_of(rig, "abc", HOME, "Player");
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    who.audience = rig->low;
    who.name = "wxyz/aac-48";
    for (int i = 0; i < 3; i++)
        assert_int_equal(listen_poll(rig->listen, &who), OK);
    assert_int_equal(only_one(rig).id, id);
    assert_ptr_equal(only_one(rig).audience, rig->low);
    assert_int_equal(audience_facts(rig->high).now, 0);
    assert_int_equal(audience_facts(rig->low).now, 1);
    assert_int_equal(audience_facts(rig->low).total_count, 0); /* he was let in before */
    assert_int_equal(caught.count, 2);
    assert_text(1, "what", "switch");
    assert_text(1, "rendition", "aac-48");
    wait_s(rig, 20); /* and once more from a pause */
    comes(rig, "abc");
    assert_int_equal(only_one(rig).id, id);
    assert_int_equal(audience_facts(rig->high).now, 1);
    assert_int_equal(audience_facts(rig->low).now, 0);
    assert_int_equal(caught.count, 3);
    assert_text(2, "rendition", "aac-128");
}

static void from_another_network_he_is_the_same_with_another_address(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    comes_from(rig, "abc", "[2001:db8::5]:443", "Player");
    struct listener_facts facts = only_one(rig);
    assert_int_equal(facts.id, id);
    assert_int_equal(facts.peer.ip[0], 0x20);
    get_bytes(rig, HOME, "Player", 5); /* nobody is there any more */
    assert_int_equal(only_one(rig).bytes_sent, 0);
    get_bytes(rig, "[2001:db8::5]:444", "Player", 6);
    assert_int_equal(only_one(rig).bytes_sent, 6);
    assert_int_equal(caught.count, 1);
}

/* ---- bytes ---- */

static void bytes_go_to_who_came_last_for_a_playlist(void **state)
{
    struct rig *rig = *state;
    static const char *const ids[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++)
        comes(rig, ids[i]);
    comes(rig, "a");
    get_bytes(rig, HOME, "Player", 1);
    comes(rig, "b");
    get_bytes(rig, HOME, "Player", 10);
    wait_s(rig, 6);
    comes(rig, "a");
    comes(rig, "c");
    get_bytes(rig, HOME, "Player", 100);
    struct present seen = all_there(rig);
    assert_int_equal(seen.each[0].bytes_sent, 1);
    assert_int_equal(seen.each[1].bytes_sent, 10);
    assert_int_equal(seen.each[2].bytes_sent, 100);
    assert_int_equal(seen.each[2].behind_live_us, 90 * US_PER_S);
    /* Whose turn it is when the last one is gone. */
    assert_int_equal(listen_kill(rig->listen, seen.each[2].id), OK);
    get_bytes(rig, HOME, "Player", 1000);
    seen = all_there(rig);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.each[0].bytes_sent, 1001);
    assert_int_equal(audience_facts(rig->high).by[LISTEN_HLS].bytes_sent, 1111);
}

static void bytes_begin_no_session_and_prolong_none(void **state)
{
    struct rig *rig = *state;
    get_bytes(rig, HOME, "Player", 500);
    assert_int_equal(all_there(rig).count, 0);
    assert_int_equal(caught.count, 0);
    assert_int_equal(audience_facts(rig->high).bytes_sent, 500);
    comes(rig, "abc");
    for (int i = 0; i < 3; i++) {
        wait_s(rig, 6);
        get_bytes(rig, HOME, "Player", 1);
    }
    assert_int_equal(all_there(rig).count, 0);
    get_bytes(rig, HOME, "Player", 1); /* the end of what he loaded */
    wait_s(rig, 60);
    assert_int_equal(number(caught.count - 1, "bytes"), 4);
}

/* ---- sending away ---- */

static void who_was_sent_away_stays_away_for_ten_minutes(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    comes(rig, "abd");
    listens_s(rig, "abc", 12);
    comes(rig, "abd");
    uint64_t id = all_there(rig).each[0].id;
    assert_int_equal(listen_kill(rig->listen, id), OK);
    assert_int_equal(listen_kill(rig->listen, id), E_NOT_FOUND);
    assert_int_equal(audience_facts(rig->high).now, 1);
    assert_true(only_one(rig).id != id);
    assert_text(caught.count - 1, "reason", "ended by the administrator");
    assert_int_equal(number(caught.count - 1, "seconds"), 12);
    unsigned count = caught.count;
    for (int s = 0; s < 594; s += 6) {
        wait_s(rig, 6);
        assert_int_equal(come(rig, "abc"), E_CLOSED);
        comes(rig, "abd");
    }
    wait_s(rig, 5);
    assert_int_equal(come(rig, "abc"), E_CLOSED);
    wait_s(rig, 1);
    comes(rig, "abc");
    assert_int_equal(all_there(rig).count, 2);
    assert_int_equal(caught.ends, 1);
    assert_true(caught.count > count);
}

static void a_bar_ends_without_a_sweep_too(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    assert_int_equal(listen_kill(rig->listen, only_one(rig).id), OK);
    atomic_fetch_add(&rig->us, 600 * US_PER_S);
    comes(rig, "abc");
    only_one(rig);
}

static void who_was_forgotten_meanwhile_is_not_sent_away(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    wait_s(rig, 60);
    callers_bar(&rig->listen->callers, 0, id, rig_mono(rig));
    assert_int_equal(caught.ends, 1);
    comes(rig, "abc");
    callers_bar(&rig->listen->callers, 0, id, rig_mono(rig)); /* another has his place */
    only_one(rig);
}

static void a_drain_ends_all_and_lets_nobody_in(void **state)
{
    struct rig *rig = *state;
    comes(rig, "quiet");
    wait_s(rig, 20);
    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "%d", i);
        comes(rig, id);
    }
    listen_drain(rig->listen);
    assert_int_equal(come(rig, "late"), E_AGAIN);
    callers_drain(&rig->listen->callers, 2);
    assert_int_equal(listen_count(rig->listen), 2);
    callers_drain(&rig->listen->callers, 200);
    assert_int_equal(listen_count(rig->listen), 0);
    assert_int_equal(caught.starts, 5);
    assert_int_equal(caught.ends, 5);
    assert_text(caught.count - 1, "reason", "mast is stopping");
}

/* ---- floods ---- */

static enum err come_numbered(struct rig *rig, int n)
{
    char id[32];
    snprintf(id, sizeof id, "invented-%d", n);
    return come(rig, id);
}

static void a_flood_of_ids_ends_with_no_place_and_no_more_memory(void **state)
{
    struct rig *rig = *state;
    int n = 0;
    comes(rig, "bad");
    assert_int_equal(listen_kill(rig->listen, only_one(rig).id), OK);
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < ROWS; i++)
            assert_int_equal(come_numbered(rig, n++), OK);
        for (int i = 0; i < 100; i++)
            assert_int_equal(come_numbered(rig, n + i), E_LIMIT);
        assert_int_equal(come_numbered(rig, n - ROWS), OK); /* who is here stays */
        wait_s(rig, 18);
        assert_int_equal(all_there(rig).count, 0);
    }
    assert_int_equal(rig->listen->callers.pool_used, 2 * ROWS);
    assert_int_equal(come(rig, "bad"), E_CLOSED); /* the quiet ones gave way, not he */
    wait_s(rig, 60);
    assert_int_equal(caught.starts, 1 + 10 * ROWS);
    assert_int_equal(caught.ends, caught.starts);
    assert_int_equal(audience_facts(rig->high).peak, ROWS);
}

static void a_full_house_leaves_who_comes_back_outside_until_there_is_room(void **state)
{
    struct rig *rig = *state;
    comes(rig, "abc");
    uint64_t id = only_one(rig).id;
    wait_s(rig, 18);
    for (int i = 0; i < ROWS; i++)
        assert_int_equal(come_numbered(rig, i), OK);
    assert_int_equal(come(rig, "abc"), E_LIMIT);
    wait_s(rig, 18);
    comes(rig, "abc");
    assert_int_equal(only_one(rig).id, id);
}

static void more_bars_than_places_forget_the_oldest(void **state)
{
    struct rig *rig = *state;
    for (int i = 0; i < 2 * ROWS + 1; i++) {
        assert_int_equal(come_numbered(rig, i), OK);
        assert_int_equal(listen_kill(rig->listen, only_one(rig).id), OK);
    }
    assert_int_equal(come_numbered(rig, 1), E_CLOSED);
    assert_int_equal(come_numbered(rig, 2 * ROWS), E_CLOSED);
    assert_int_equal(come_numbered(rig, 0), OK);
}

/* ---- records ---- */

static void records_are_json_whatever_the_agent_says(void **state)
{
    struct rig *rig = *state;
    char agent[2000];
    memset(agent, '"', sizeof agent - 1);
    agent[sizeof agent - 1] = '\0';
    comes_from(rig, "a", HOME, "x\"\\\n</script>\x01 \xff\xc3\xa9");
    comes_from(rig, "b", HOME, agent);
    comes_from(rig, "c", HOME, "");
    wait_s(rig, 60);
    assert_int_equal(caught.ends, 3);
    for (unsigned i = 0; i < caught.count; i++) {
        struct record record = record_at(i);
        assert_int_equal(json_kind_of(json_get(record.root, "agent")), JSON_TEXT);
        assert_int_equal(json_kind_of(json_get(record.root, "start")), JSON_TEXT);
        json_free(&record.doc);
    }
}

/* ---- memory ---- */

static void without_memory_no_room_is_made_and_none_is_lost(void **state)
{
    struct rig *rig = *state;
    unsigned n = 0;
    enum err err = E_NOMEM;
    listen_free(&rig->listen);
    while (err == E_NOMEM) {
        caught.memory_in = ++n;
        err = open_room(rig, ROWS);
        assert_true(err == OK || !rig->listen);
    }
    caught.memory_in = 0;
    assert_int_equal(err, OK);
    assert_in_range(n, 4, 8);
}

static void without_memory_only_a_record_is_lost(void **state)
{
    struct rig *rig = *state;
    caught.memory_in = 1;
    assert_int_equal(come(rig, "abc"), OK);
    assert_int_equal(caught.memory_in, 0);
    assert_int_equal(caught.count, 0);
    only_one(rig);
    wait_s(rig, 60);
    assert_int_equal(caught.count, 1);
    assert_text(0, "what", "end");
}

/* ---- against a model ---- */

#define PEOPLE 24
#define STEPS  6000

struct person { /* what should be known of one */
    int64_t last_us;
    bool is_known, is_here;
};

static void a_long_random_afternoon_is_counted_right(void **state)
{
    struct rig *rig = *state;
    struct person people[PEOPLE] = {{0}};
    unsigned random = 12345, starts = 0;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1103515245U + 12345U;
        struct person *one = &people[random / 65536 % PEOPLE];
        char id[8], from[32];
        snprintf(id, sizeof id, "%u", random / 65536 % PEOPLE);
        snprintf(from, sizeof from, "192.0.2.%u:1", random >> 24 & 3); /* four crowded hosts */
        if (random >> 28 < 5)
            wait_s(rig, (int)(random >> 28));
        int64_t now_us = atomic_load(&rig->us);
        unsigned here = 0;
        for (int i = 0; i < PEOPLE; i++) {
            struct person *p = &people[i];
            p->is_here &= now_us - p->last_us < 18 * US_PER_S;
            p->is_known &= now_us - p->last_us < 60 * US_PER_S;
            here += p->is_here;
        }
        assert_int_equal(listen_count(rig->listen), here);
        comes_from(rig, id, from, "Player");
        starts += !one->is_known;
        *one = (struct person){now_us, true, true};
        get_bytes(rig, from, "Player", 1);
    }
    wait_s(rig, 60);
    assert_int_equal(listen_count(rig->listen), 0);
    assert_int_equal(audience_facts(rig->high).now, 0);
    assert_int_equal(caught.starts, starts);
    assert_int_equal(caught.ends, starts);
    assert_true(starts > PEOPLE);
    for (uint64_t i = 0; i <= rig->listen->callers.buckets_mask; i++) {
        assert_null(rig->listen->callers.by_key[i]);
        assert_null(rig->listen->callers.by_host[i]);
    }
}

static int make_for_people(void **state)
{
    return make_of(state, PEOPLE);
}

/* ---- many threads ---- */

#define THREADS 4
#define ROUNDS  4000

struct worker {
    struct rig *rig;
    unsigned number;
    unsigned odd; /* answers that there should not be */
};

static void *poll_on(void *ctx)
{
    struct worker *worker = ctx;
    struct rig *rig = worker->rig;
    for (unsigned i = 0; i < ROUNDS; i++) {
        char id[16];
        /* A third of them is shared by all threads, some do not fit. */
        unsigned n = i * 7 + worker->number;
        snprintf(id, sizeof id, "%u-%u", n % 3 ? worker->number : 99, n % 20);
        struct listen_poll who = {.audience = i % 2 ? rig->high : rig->low,
                                  .name = i % 2 ? "wxyz/aac-128" : "wxyz/aac-48",
                                  .id = str_of(id),
                                  .agent = STR("Player")};
        who.peer.ip[0] = (unsigned char)(i % 5);
        enum err err = listen_poll(rig->listen, &who);
        worker->odd += err != OK && err != E_LIMIT && err != E_CLOSED;
        struct listen_bytes what = {
            .audience = who.audience, .name = who.name, .peer = who.peer, .bytes = 1};
        what.agent = who.agent;
        listen_poll_bytes(rig->listen, &what);
        if (i % 16 == 0)
            atomic_fetch_add(&rig->us, US_PER_S / 2);
    }
    return NULL;
}

static void kill_some(void *ctx, const struct listener_facts *facts)
{
    struct worker *worker = ctx;
    if (facts->id % 64 != 0)
        return;
    enum err err = listen_kill(worker->rig->listen, facts->id);
    worker->odd += err != OK && err != E_NOT_FOUND;
}

static void *look_after(void *ctx)
{
    struct worker *worker = ctx;
    for (unsigned i = 0; i < ROUNDS / 4; i++) {
        listen_poll_sweep(worker->rig->listen);
        listen_each(worker->rig->listen, NULL, kill_some, worker);
    }
    return NULL;
}

static void polls_from_all_loops_do_not_disturb_one_another(void **state)
{
    struct rig *rig = *state;
    struct worker workers[THREADS + 1];
    pthread_t threads[THREADS + 1];
    for (unsigned i = 0; i <= THREADS; i++) {
        workers[i] = (struct worker){.rig = rig, .number = i};
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < THREADS ? poll_on : look_after, &workers[i]), 0);
    }
    for (unsigned i = 0; i <= THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].odd, 0);
    }
    wait_s(rig, 700);
    assert_int_equal(listen_count(rig->listen), 0);
    assert_int_equal(audience_facts(rig->high).now, 0);
    assert_int_equal(audience_facts(rig->low).now, 0);
    assert_true(audience_facts(rig->high).by[LISTEN_HLS].bytes_sent == THREADS * ROUNDS / 2);
    assert_true(caught.starts > 0);
    assert_int_equal(caught.starts, caught.ends);
}

static int make_for_threads(void **state)
{
    return make_of(state, 60);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_poll_begins_a_session),
        TEST(who_goes_on_polling_is_one_listener_with_a_record_a_minute),
        TEST(after_18_s_without_a_poll_he_is_counted_no_more),
        TEST(back_within_60_s_he_goes_on_and_the_pause_does_not_count),
        TEST(after_60_s_it_is_another_session),
        TEST(a_late_sweep_makes_no_pause_heard),
        TEST(two_ids_behind_one_address_are_two_listeners),
        TEST(without_an_id_address_and_agent_are_who_he_is),
        TEST(an_id_holds_within_its_station),
        TEST(another_rendition_is_the_same_session),
        TEST(from_another_network_he_is_the_same_with_another_address),
        TEST(bytes_go_to_who_came_last_for_a_playlist),
        TEST(bytes_begin_no_session_and_prolong_none),
        TEST(who_was_sent_away_stays_away_for_ten_minutes),
        TEST(who_was_forgotten_meanwhile_is_not_sent_away),
        TEST(a_bar_ends_without_a_sweep_too),
        TEST(a_drain_ends_all_and_lets_nobody_in),
        TEST(a_flood_of_ids_ends_with_no_place_and_no_more_memory),
        TEST(a_full_house_leaves_who_comes_back_outside_until_there_is_room),
        TEST(more_bars_than_places_forget_the_oldest),
        TEST(records_are_json_whatever_the_agent_says),
        TEST(without_memory_no_room_is_made_and_none_is_lost),
        TEST(without_memory_only_a_record_is_lost),
        cmocka_unit_test_setup_teardown(a_long_random_afternoon_is_counted_right, make_for_people,
                                        unmake),
        cmocka_unit_test_setup_teardown(polls_from_all_loops_do_not_disturb_one_another,
                                        make_for_threads, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
