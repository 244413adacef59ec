/* listen/callers.c - how long somebody is here who comes again and again; contract in
 * callers_priv.h */
#include "listen/callers_priv.h"

#include "listen/audience_priv.h"

#include <string.h>

/* In one sweep: the log's queue has room for twice as many. What is left waits a second. */
#define SWEEP_RECORDS 1000
#define NOTES_MAX     3 /* his old session ended, somebody quiet gave way, his new one began */

/* Records to be written once the lock is let go. */
struct notes {
    struct note {
        struct session session;
        const char *what, *reason;
    } each[NOTES_MAX];
    int count;
};

static void note(struct notes *notes, const struct caller *caller, const char *what,
                 const char *reason)
{
    assert(notes->count < NOTES_MAX);
    struct note *to = &notes->each[notes->count++];
    *to = (struct note){caller->session, what, reason};
    to->session.heard_us = caller->heard_us;
    /* What came after the last poll is not known to have been heard. */
    if (caller->state == CALLER_HERE)
        to->session.heard_us += caller->last.us - caller->stretch.us;
}

static void write_notes(const struct notes *notes)
{
    for (int i = 0; i < notes->count; i++)
        session_record(&notes->each[i].session, notes->each[i].what, notes->each[i].reason);
}

/* ---- coming and going; under the lock ---- */

static void fill_row(const struct callers *callers, struct caller *caller)
{
    struct row *row = caller->row;
    const struct listener_facts *facts = &caller->session.facts;
    row->caller = (uint32_t)(caller - callers->pool);
    row->protocol = LISTEN_HLS;
    row->audience = caller->audience;
    row->peer = facts->peer;
    row->since = facts->since;
    memcpy(row->agent, facts->agent, sizeof row->agent);
    atomic_store(&row->pos, 0);
    atomic_store(&row->bytes_sent, facts->bytes_sent);
    atomic_store(&row->behind_us, facts->behind_live_us);
    atomic_store(&row->meta_left, 0);
    atomic_store(&row->fd, -1);
}

/* He has a row now: the first time, or once more. */
static void be_here(struct callers *callers, struct caller *caller, struct mono now)
{
    bool is_new = caller->session.facts.id == 0;
    fill_row(callers, caller);
    if (is_new) {
        table_publish(callers->table, caller->row);
        caller->session.facts.id = atomic_load(&caller->row->id);
    } else {
        table_publish_again(callers->table, caller->row, caller->session.facts.id);
    }
    audience_join(caller->audience, LISTEN_HLS, is_new);
    caller->state = CALLER_HERE;
    caller->last = caller->stretch = now;
    caller->record_due.us = now.us + SESSION_US;
    link_cut(&caller->order);
    link_append(&callers->here, &caller->order);
    link_append(&callers->due, &caller->due);
}

static void be_quiet(struct callers *callers, struct caller *caller)
{
    assert(caller->state == CALLER_HERE);
    caller->heard_us += caller->last.us - caller->stretch.us;
    caller->state = CALLER_QUIET;
    audience_leave(caller->audience, LISTEN_HLS, false);
    table_give_back(callers->table, caller->row);
    caller->row = NULL;
    link_cut(&caller->due);
    link_cut(&caller->order);
    link_append(&callers->quiet, &caller->order);
}

/* His session is over, in whatever state he is. */
static void end(struct callers *callers, struct caller *caller, const char *reason,
                struct notes *notes)
{
    if (caller->state == CALLER_HERE)
        be_quiet(callers, caller);
    note(notes, caller, "end", reason);
}

static void forget(struct callers *callers, struct caller *caller, const char *reason,
                   struct notes *notes)
{
    end(callers, caller, reason, notes);
    crowd_remove(callers, caller);
}

/* Goes by the clock alone, so that it does not matter when the last sweep was. */
static bool is_over(const struct caller *caller, int64_t after_us, struct mono now)
{
    return now.us - caller->last.us >= after_us;
}

/* ---- a poll ---- */

static struct caller *take(struct callers *callers, const struct tag *key, struct notes *notes)
{
    struct caller *caller = crowd_add(callers, key);
    if (caller)
        return caller;
    struct caller *quiet = first_by_order(&callers->quiet);
    struct caller *barred = first_by_order(&callers->barred);
    assert(quiet || barred); /* for those who are here, half of the places are enough */
    if (quiet)
        forget(callers, quiet, "left", notes);
    else
        crowd_remove(callers, barred);
    return crowd_add(callers, key);
}

static enum err begin(struct callers *callers, const struct visit *visit, struct notes *notes)
{
    struct row *row;
    enum err err = table_take(callers->table, &row);
    if (err)
        return err;
    struct caller *caller = take(callers, &visit->key, notes);
    caller->row = row;
    caller->audience = visit->audience;
    caller->session.name = visit->name;
    caller->session.facts = (struct listener_facts){
        .audience = visit->audience,
        .peer = visit->peer,
        .since = visit->utc,
        .protocol = LISTEN_HLS,
    };
    memcpy(caller->session.facts.agent, visit->agent, sizeof visit->agent);
    crowd_put_first(callers, caller, &visit->host);
    be_here(callers, caller, visit->now);
    note(notes, caller, "start", NULL);
    return OK;
}

/* He may have gone to another rendition, or from one network to another. */
static void look_at_change(struct callers *callers, struct caller *caller,
                           const struct visit *visit, struct notes *notes)
{
    struct listener_facts *facts = &caller->session.facts;
    bool has_switched = caller->audience != visit->audience;
    bool has_moved = !tag_eq(&caller->host, &visit->host);
    if (has_switched && caller->row) {
        audience_leave(caller->audience, LISTEN_HLS, false);
        audience_join(visit->audience, LISTEN_HLS, false);
    }
    if (has_switched || has_moved) {
        caller->audience = visit->audience;
        facts->audience = visit->audience;
        facts->peer = visit->peer;
        memcpy(facts->agent, visit->agent, sizeof facts->agent);
        caller->session.name = visit->name;
        if (caller->row)
            table_change(callers->table, caller->row, caller->audience, &facts->peer, facts->agent);
    }
    crowd_put_first(callers, caller, &visit->host);
    if (has_switched)
        note(notes, caller, "switch", NULL);
}

static enum err come_back(struct callers *callers, struct caller *caller, const struct visit *visit,
                          struct notes *notes)
{
    struct row *row;
    enum err err = table_take(callers->table, &row);
    if (err)
        return err;
    look_at_change(callers, caller, visit, notes);
    caller->row = row;
    be_here(callers, caller, visit->now);
    return OK;
}

static void stay(struct callers *callers, struct caller *caller, const struct visit *visit,
                 struct notes *notes)
{
    if (visit->now.us > caller->last.us) /* two loops may look at the clock in another order */
        caller->last = visit->now;
    link_cut(&caller->order);
    link_append(&callers->here, &caller->order);
    look_at_change(callers, caller, visit, notes);
}

static enum err take_visit(struct callers *callers, const struct visit *visit, struct notes *notes)
{
    struct caller *caller = crowd_find(callers, &visit->key);
    if (caller && caller->state == CALLER_BARRED) {
        if (!is_over(caller, CALLER_BARRED_US, visit->now))
            return E_CLOSED;
        crowd_remove(callers, caller);
        caller = NULL;
    }
    if (caller && is_over(caller, CALLER_FORGET_US, visit->now)) {
        forget(callers, caller, "left", notes);
        caller = NULL;
    }
    if (!caller)
        return begin(callers, visit, notes);
    if (caller->state == CALLER_HERE && is_over(caller, CALLER_QUIET_US, visit->now))
        be_quiet(callers, caller);
    if (caller->state == CALLER_QUIET)
        return come_back(callers, caller, visit, notes);
    stay(callers, caller, visit, notes);
    return OK;
}

enum err callers_poll(struct callers *callers, const struct visit *visit)
{
    struct notes notes = {.count = 0};
    pthread_mutex_lock(&callers->lock);
    enum err err = take_visit(callers, visit, &notes);
    pthread_mutex_unlock(&callers->lock);
    write_notes(&notes);
    return err;
}

void callers_credit(struct callers *callers, struct tag host, uint64_t bytes, int64_t behind_us)
{
    pthread_mutex_lock(&callers->lock);
    struct caller *caller = crowd_newest_of(callers, &host);
    if (caller) {
        struct listener_facts *facts = &caller->session.facts;
        facts->bytes_sent += bytes;
        facts->behind_live_us = behind_us;
        if (caller->row) {
            atomic_store_explicit(&caller->row->bytes_sent, facts->bytes_sent,
                                  memory_order_relaxed);
            atomic_store_explicit(&caller->row->behind_us, behind_us, memory_order_relaxed);
        }
    }
    pthread_mutex_unlock(&callers->lock);
}

/* ---- the sweep ---- */

static bool sweep_here(struct callers *callers, struct mono now)
{
    struct caller *caller = first_by_order(&callers->here);
    if (!caller || !is_over(caller, CALLER_QUIET_US, now))
        return false;
    be_quiet(callers, caller);
    return true;
}

static bool sweep_due(struct callers *callers, struct mono now, struct notes *notes)
{
    struct caller *caller = first_by_due(&callers->due);
    if (!caller || now.us < caller->record_due.us)
        return false;
    caller->record_due.us = now.us + SESSION_US;
    link_cut(&caller->due);
    link_append(&callers->due, &caller->due);
    note(notes, caller, "on", NULL);
    return true;
}

static bool sweep_quiet(struct callers *callers, struct mono now, struct notes *notes)
{
    struct caller *caller = first_by_order(&callers->quiet);
    if (!caller || !is_over(caller, CALLER_FORGET_US, now))
        return false;
    forget(callers, caller, "left", notes);
    return true;
}

static bool sweep_barred(struct callers *callers, struct mono now)
{
    struct caller *caller = first_by_order(&callers->barred);
    if (!caller || !is_over(caller, CALLER_BARRED_US, now))
        return false;
    crowd_remove(callers, caller);
    return true;
}

/* One thing a time, so that nobody waits for ten thousand. */
static bool sweep_one(struct callers *callers, struct mono now, int *records)
{
    struct notes notes = {.count = 0};
    pthread_mutex_lock(&callers->lock);
    bool did = sweep_here(callers, now) || sweep_due(callers, now, &notes) ||
               sweep_quiet(callers, now, &notes) || sweep_barred(callers, now);
    pthread_mutex_unlock(&callers->lock);
    write_notes(&notes);
    *records += notes.count;
    return did;
}

void callers_sweep(struct callers *callers, struct mono now)
{
    int records = 0;
    while (records < SWEEP_RECORDS && sweep_one(callers, now, &records))
        continue;
}

/* ---- sending away ---- */

void callers_bar(struct callers *callers, uint32_t index, uint64_t id, struct mono now)
{
    struct notes notes = {.count = 0};
    assert(index < callers->pool_max);
    pthread_mutex_lock(&callers->lock);
    struct caller *caller = &callers->pool[index];
    if (caller->session.facts.id == id && caller->state != CALLER_BARRED) {
        end(callers, caller, "ended by the administrator", &notes);
        crowd_leave_host(callers, caller);
        caller->state = CALLER_BARRED;
        caller->last = now;
        link_cut(&caller->order);
        link_append(&callers->barred, &caller->order);
    }
    pthread_mutex_unlock(&callers->lock);
    write_notes(&notes);
}

static bool drain_one(struct callers *callers)
{
    struct notes notes = {.count = 0};
    pthread_mutex_lock(&callers->lock);
    struct caller *caller = first_by_order(&callers->here);
    if (!caller)
        caller = first_by_order(&callers->quiet);
    if (caller)
        forget(callers, caller, "mast is stopping", &notes);
    pthread_mutex_unlock(&callers->lock);
    write_notes(&notes);
    return caller;
}

void callers_drain(struct callers *callers, unsigned most)
{
    for (unsigned i = 0; i < most && drain_one(callers); i++)
        continue;
}

/* ---- life ---- */

enum err callers_init(struct callers *callers, struct table *table)
{
    *callers = (struct callers){.table = table};
    enum err err = crowd_init(callers, 2 * table->rows_max);
    if (err)
        return err;
    random_bytes(callers->secret, sizeof callers->secret);
    int failed = pthread_mutex_init(&callers->lock, NULL);
    assert(!failed);
    return OK;
}

void callers_release(struct callers *callers)
{
    crowd_release(callers);
    int failed = pthread_mutex_destroy(&callers->lock);
    assert(!failed);
}
