/* listen/crowd.c - callers by name, by host and by time; contract in callers_priv.h
 *
 * Two tables with chains. In the one of hosts stands one caller a host, the one who came last, and
 * the others hang on him: a crowd behind one address makes nobody's chain long. */
#include "listen/callers_priv.h"

#include "base/mem.h"

/* ---- lists ---- */

void link_clear(struct link *link)
{
    link->before = link->after = link;
}

void link_cut(struct link *link)
{
    link->before->after = link->after;
    link->after->before = link->before;
    link_clear(link);
}

void link_append(struct link *list, struct link *link)
{
    link->before = list->before;
    link->after = list;
    list->before->after = link;
    list->before = link;
}

struct caller *first_by_order(const struct link *list)
{
    if (list->after == list)
        return NULL;
    return (struct caller *)((char *)list->after - offsetof(struct caller, order));
}

struct caller *first_by_due(const struct link *list)
{
    if (list->after == list)
        return NULL;
    return (struct caller *)((char *)list->after - offsetof(struct caller, due));
}

/* ---- by name ---- */

bool tag_eq(const struct tag *a, const struct tag *b)
{
    return a->half[0] == b->half[0] && a->half[1] == b->half[1];
}

static struct caller **key_bucket(const struct callers *callers, const struct tag *key)
{
    return &callers->by_key[key->half[0] & callers->buckets_mask];
}

static struct caller **host_bucket(const struct callers *callers, const struct tag *host)
{
    return &callers->by_host[host->half[0] & callers->buckets_mask];
}

struct caller *crowd_find(const struct callers *callers, const struct tag *key)
{
    struct caller *at = *key_bucket(callers, key);
    while (at && !tag_eq(&at->key, key))
        at = at->next_key;
    return at;
}

struct caller *crowd_newest_of(const struct callers *callers, const struct tag *host)
{
    struct caller *at = *host_bucket(callers, host);
    while (at && !tag_eq(&at->host, host))
        at = at->next_host;
    return at;
}

struct caller *crowd_add(struct callers *callers, const struct tag *key)
{
    struct caller *caller = callers->first_free;
    if (caller)
        callers->first_free = caller->next_key;
    else if (callers->pool_used < callers->pool_max)
        caller = &callers->pool[callers->pool_used++];
    else
        return NULL;
    struct caller **bucket = key_bucket(callers, key);
    *caller = (struct caller){.key = *key, .next_key = *bucket};
    *bucket = caller;
    link_clear(&caller->peers);
    link_clear(&caller->order);
    link_clear(&caller->due);
    return caller;
}

void crowd_remove(struct callers *callers, struct caller *caller)
{
    assert(!caller->row);
    struct caller **at = key_bucket(callers, &caller->key);
    while (*at != caller)
        at = &(*at)->next_key;
    *at = caller->next_key;
    crowd_leave_host(callers, caller);
    link_cut(&caller->order);
    link_cut(&caller->due);
    caller->state = CALLER_FREE;
    caller->session.facts.id = 0;
    caller->next_key = callers->first_free;
    callers->first_free = caller;
}

/* ---- by host ---- */

static void be_first(struct callers *callers, struct caller *caller)
{
    struct caller **bucket = host_bucket(callers, &caller->host);
    caller->next_host = *bucket;
    *bucket = caller;
    caller->is_first_of_host = true;
}

static void be_first_no_more(struct callers *callers, struct caller *caller)
{
    struct caller **at = host_bucket(callers, &caller->host);
    while (*at != caller)
        at = &(*at)->next_host;
    *at = caller->next_host;
    caller->is_first_of_host = false;
}

void crowd_leave_host(struct callers *callers, struct caller *caller)
{
    struct link *next = caller->peers.after;
    if (caller->is_first_of_host) {
        be_first_no_more(callers, caller);
        if (next != &caller->peers)
            be_first(callers, (struct caller *)((char *)next - offsetof(struct caller, peers)));
    }
    link_cut(&caller->peers);
}

void crowd_put_first(struct callers *callers, struct caller *caller, const struct tag *host)
{
    struct caller *newest = crowd_newest_of(callers, host);
    if (newest == caller)
        return;
    crowd_leave_host(callers, caller);
    caller->host = *host;
    if (newest) {
        be_first_no_more(callers, newest);
        link_append(&newest->peers, &caller->peers); /* before him in the ring */
    }
    be_first(callers, caller);
}

/* ---- life ---- */

enum err crowd_init(struct callers *callers, uint32_t most)
{
    uint64_t buckets = 16;
    while (buckets < most)
        buckets *= 2;
    callers->pool_max = most;
    callers->buckets_mask = buckets - 1;
    callers->pool = mem_new_array(most, sizeof callers->pool[0]);
    callers->by_key = mem_new_array(buckets, sizeof(struct caller *));
    callers->by_host = mem_new_array(buckets, sizeof(struct caller *));
    link_clear(&callers->here);
    link_clear(&callers->quiet);
    link_clear(&callers->barred);
    link_clear(&callers->due);
    if (callers->pool && callers->by_key && callers->by_host)
        return OK;
    crowd_release(callers);
    return E_NOMEM;
}

void crowd_release(struct callers *callers)
{
    mem_free(callers->pool);
    mem_free(callers->by_key);
    mem_free(callers->by_host);
    callers->pool = NULL;
    callers->by_key = callers->by_host = NULL;
}
