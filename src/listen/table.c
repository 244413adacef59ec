/* listen/table.c - contract in table_priv.h */
#include "listen/table_priv.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NO_ROW UINT32_MAX

enum err table_init(struct table *table, uint32_t rows_max)
{
    *table = (struct table){.rows_max = rows_max, .first_free = NO_ROW, .fd = -1};
    size_t bytes = (size_t)rows_max * sizeof(struct row);
    int failed = pthread_mutex_init(&table->lock, NULL);
    assert(!failed);
    table->fd = memfd_create("mast-listeners", MFD_CLOEXEC);
    if (table->fd < 0 || ftruncate(table->fd, (off_t)bytes) != 0)
        goto failed;
    table->rows = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, table->fd, 0);
    if (table->rows != MAP_FAILED)
        return OK;
    table->rows = NULL;
failed:
    table_release(table);
    return E_NOMEM;
}

void table_release(struct table *table)
{
    if (table->rows)
        munmap(table->rows, (size_t)table->rows_max * sizeof(struct row));
    if (table->fd >= 0)
        close(table->fd);
    int failed = pthread_mutex_destroy(&table->lock);
    assert(!failed);
    table->rows = NULL;
    table->fd = -1;
}

enum err table_take(struct table *table, struct row **out)
{
    uint32_t index = NO_ROW;
    *out = NULL;
    pthread_mutex_lock(&table->lock);
    if (table->first_free != NO_ROW) {
        index = table->first_free;
        table->first_free = table->rows[index].next_free;
    } else if (table->used_max < table->rows_max) {
        index = table->used_max++;
    }
    pthread_mutex_unlock(&table->lock);
    if (index == NO_ROW)
        return E_LIMIT;
    struct row *row = &table->rows[index];
    assert(atomic_load(&row->id) == 0);
    row->index = index;
    row->caller = NO_CALLER;
    atomic_store(&row->must_go, false);
    atomic_store(&row->bytes_sent, 0);
    atomic_store(&row->behind_us, 0);
    *out = row;
    return OK;
}

void table_publish(struct table *table, struct row *row)
{
    pthread_mutex_lock(&table->lock);
    atomic_store(&row->id, ++table->last_id);
    pthread_mutex_unlock(&table->lock);
    atomic_fetch_add(&table->count, 1);
}

void table_publish_again(struct table *table, struct row *row, uint64_t id)
{
    pthread_mutex_lock(&table->lock);
    atomic_store(&row->id, id);
    pthread_mutex_unlock(&table->lock);
    atomic_fetch_add(&table->count, 1);
}

void table_change(struct table *table, struct row *row, struct audience *audience,
                  const struct addr *peer, const char agent[96])
{
    pthread_mutex_lock(&table->lock);
    row->audience = audience;
    row->peer = *peer;
    memcpy(row->agent, agent, sizeof row->agent);
    pthread_mutex_unlock(&table->lock);
}

void table_give_back(struct table *table, struct row *row)
{
    pthread_mutex_lock(&table->lock);
    bool was_published = atomic_exchange(&row->id, 0) != 0;
    row->next_free = table->first_free;
    table->first_free = row->index;
    pthread_mutex_unlock(&table->lock);
    if (was_published)
        atomic_fetch_sub(&table->count, 1);
}

uint32_t table_used(struct table *table)
{
    pthread_mutex_lock(&table->lock);
    uint32_t used = table->used_max;
    pthread_mutex_unlock(&table->lock);
    return used;
}

struct listener_facts row_facts(const struct row *row)
{
    struct listener_facts facts = {
        .id = atomic_load(&row->id),
        .audience = row->audience,
        .peer = row->peer,
        .since = row->since,
        .bytes_sent = atomic_load(&row->bytes_sent),
        .behind_live_us = atomic_load(&row->behind_us),
        .protocol = row->protocol,
    };
    memcpy(facts.agent, row->agent, sizeof facts.agent);
    return facts;
}

bool table_copy(struct table *table, uint32_t index, struct listener_facts *out)
{
    const struct row *row = &table->rows[index];
    pthread_mutex_lock(&table->lock);
    uint64_t id = atomic_load(&row->id);
    if (id != 0)
        *out = row_facts(row);
    pthread_mutex_unlock(&table->lock);
    return id != 0;
}

enum err table_dismiss(struct table *table, uint64_t id, uint32_t *caller)
{
    enum err err = E_NOT_FOUND;
    *caller = NO_CALLER;
    pthread_mutex_lock(&table->lock);
    for (uint32_t i = 0; i < table->used_max && err && id != 0; i++) {
        if (atomic_load(&table->rows[i].id) != id)
            continue;
        atomic_store(&table->rows[i].must_go, true);
        *caller = table->rows[i].caller;
        err = OK;
    }
    pthread_mutex_unlock(&table->lock);
    return err;
}
