#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "listen/table_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 8

static int make(void **state)
{
    struct table *table = calloc(1, sizeof *table);
    *state = table;
    return table && table_init(table, ROWS) == OK ? 0 : -1;
}

static int unmake(void **state)
{
    table_release(*state);
    free(*state);
    return 0;
}

static struct row *take(struct table *table)
{
    struct row *row;
    assert_int_equal(table_take(table, &row), OK);
    return row;
}

static uint64_t publish(struct table *table, struct row *row)
{
    table_publish(table, row);
    return atomic_load(&row->id);
}

static void a_row_is_seen_once_it_is_published(void **state)
{
    struct table *table = *state;
    struct listener_facts facts;
    assert_int_equal(table_used(table), 0);
    struct row *row = take(table);
    str_copy(row->agent, sizeof row->agent, STR("mpv"));
    row->protocol = LISTEN_ICY;
    assert_int_equal(table_used(table), 1);
    assert_false(table_copy(table, 0, &facts));
    assert_int_equal(atomic_load(&table->count), 0);
    uint64_t id = publish(table, row);
    atomic_store(&row->bytes_sent, 77);
    assert_true(table_copy(table, 0, &facts));
    assert_int_equal(facts.id, id);
    assert_int_equal(facts.bytes_sent, 77);
    assert_int_equal(facts.protocol, LISTEN_ICY);
    assert_string_equal(facts.agent, "mpv");
    assert_int_equal(atomic_load(&table->count), 1);
    table_give_back(table, row);
    assert_false(table_copy(table, 0, &facts));
    assert_int_equal(atomic_load(&table->count), 0);
}

static void a_row_that_was_never_published_can_be_given_back(void **state)
{
    struct table *table = *state;
    table_give_back(table, take(table));
    assert_int_equal(atomic_load(&table->count), 0);
    struct row *row = take(table);
    assert_int_equal(row->index, 0);
    table_give_back(table, row);
}

static void a_full_table_takes_nobody_in_until_somebody_leaves(void **state)
{
    struct table *table = *state;
    struct row *rows[ROWS], *more;
    uint64_t last_id = 0;
    for (int i = 0; i < ROWS; i++) {
        rows[i] = take(table);
        uint64_t id = publish(table, rows[i]);
        assert_true(id > last_id);
        last_id = id;
    }
    assert_int_equal(table_take(table, &more), E_LIMIT);
    assert_null(more);
    table_give_back(table, rows[3]);
    assert_int_equal(table_take(table, &more), OK);
    assert_ptr_equal(more, rows[3]);
    assert_true(publish(table, more) > last_id); /* an id never comes again */
    assert_int_equal(atomic_load(&table->count), ROWS);
    for (int i = 0; i < ROWS; i++)
        table_give_back(table, rows[i]);
}

static void a_new_listener_inherits_nothing(void **state)
{
    struct table *table = *state;
    struct row *row = take(table);
    uint64_t id = publish(table, row);
    uint32_t caller;
    atomic_store(&row->bytes_sent, 5);
    atomic_store(&row->behind_us, 6);
    assert_int_equal(table_dismiss(table, id, &caller), OK);
    assert_true(atomic_load(&row->must_go));
    table_give_back(table, row);
    assert_int_equal(table_dismiss(table, id, &caller), E_NOT_FOUND);
    row = take(table);
    assert_false(atomic_load(&row->must_go));
    assert_int_equal(atomic_load(&row->bytes_sent), 0);
    assert_int_equal(atomic_load(&row->behind_us), 0);
    table_give_back(table, row);
}

static void nobody_has_the_id_0(void **state)
{
    struct table *table = *state;
    struct row *row = take(table);
    uint32_t caller;
    assert_int_equal(table_dismiss(table, 0, &caller), E_NOT_FOUND);
    table_give_back(table, row);
}

/* ---- many threads ---- */

#define BUSY_ROWS 64
#define ROUNDS    20000

struct crowd {
    struct table table;
    atomic_bool is_over;
    _Atomic uint64_t torn, seen;
};

static void fill(struct row *row, int64_t number)
{
    row->since.us = number;
    row->audience = (struct audience *)(uintptr_t)(number * 8);
    row->protocol = number % 2 == 1 ? LISTEN_ICY : LISTEN_HTTP;
    snprintf(row->agent, sizeof row->agent, "%lld agent %lld", (long long)number,
             (long long)number);
}

static bool is_torn(const struct listener_facts *facts)
{
    struct row wanted = {0};
    fill(&wanted, facts->since.us);
    return facts->audience != wanted.audience || facts->protocol != wanted.protocol ||
           strcmp(facts->agent, wanted.agent) != 0;
}

static void *come_and_go(void *ctx)
{
    struct crowd *crowd = ctx;
    struct row *mine[8] = {NULL};
    for (int i = 0; i < ROUNDS; i++) {
        struct row **row = &mine[i % 8];
        if (*row)
            table_give_back(&crowd->table, *row);
        if (table_take(&crowd->table, row) != OK)
            continue;
        fill(*row, i);
        table_publish(&crowd->table, *row);
        atomic_store_explicit(&(*row)->bytes_sent, (uint64_t)i, memory_order_relaxed);
    }
    for (int i = 0; i < 8; i++)
        if (mine[i])
            table_give_back(&crowd->table, mine[i]);
    return NULL;
}

static void *look_on(void *ctx)
{
    struct crowd *crowd = ctx;
    while (!atomic_load(&crowd->is_over)) {
        uint32_t used = table_used(&crowd->table);
        for (uint32_t i = 0; i < used; i++) {
            struct listener_facts facts;
            if (!table_copy(&crowd->table, i, &facts))
                continue;
            atomic_fetch_add(&crowd->seen, 1);
            if (is_torn(&facts))
                atomic_fetch_add(&crowd->torn, 1);
            uint32_t caller;
            if (facts.id % 16 == 0 && table_dismiss(&crowd->table, facts.id, &caller) == E_LIMIT)
                return NULL;
        }
    }
    return NULL;
}

static void loops_and_lookers_on_do_not_disturb_one_another(void **state)
{
    struct crowd *crowd = calloc(1, sizeof *crowd);
    pthread_t loops[4], lookers[2];
    (void)state;
    assert_non_null(crowd);
    assert_int_equal(table_init(&crowd->table, BUSY_ROWS), OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&lookers[i], NULL, look_on, crowd), 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&loops[i], NULL, come_and_go, crowd), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(loops[i], NULL);
    atomic_store(&crowd->is_over, true);
    for (int i = 0; i < 2; i++)
        pthread_join(lookers[i], NULL);
    assert_int_equal(atomic_load(&crowd->torn), 0);
    assert_int_equal(atomic_load(&crowd->table.count), 0);
    assert_true(crowd->table.last_id == 4 * ROUNDS);
    assert_true(crowd->table.used_max <= 4 * 8);
    table_release(&crowd->table);
    free(crowd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_row_is_seen_once_it_is_published, make, unmake),
        cmocka_unit_test_setup_teardown(a_row_that_was_never_published_can_be_given_back, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_full_table_takes_nobody_in_until_somebody_leaves, make,
                                        unmake),
        cmocka_unit_test_setup_teardown(a_new_listener_inherits_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(nobody_has_the_id_0, make, unmake),
        cmocka_unit_test(loops_and_lookers_on_do_not_disturb_one_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
