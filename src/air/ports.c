/* air/ports.c - the list of logged-in sources as loops and front see it; contract in air.h */
#include "air/air_priv.h"

#include "base/log.h"

#include <string.h>

#define TAKE_OVER_AFTER_US US_PER_S

/* Puts a logged-in port on the list and hands it to the air thread. The list must have room, and
 * list_lock is held. */
static void add(struct air *air, struct port *port)
{
    assert(air->list_count < AIR_PORTS_MAX);
    air->list[air->list_count++] = port;
    atomic_fetch_add(&air->sources_now, 1); /* from here on: a drain waits for it */
    struct port *top = atomic_load_explicit(&air->incoming, memory_order_relaxed);
    do
        port->next_incoming = top;
    while (!atomic_compare_exchange_weak_explicit(&air->incoming, &top, port, memory_order_release,
                                                  memory_order_relaxed));
}

void air_ports_remove(struct air *air, const struct port *port)
{
    pthread_mutex_lock(&air->list_lock);
    size_t kept = 0;
    for (size_t i = 0; i < air->list_count; i++)
        if (air->list[i] != port)
            air->list[kept++] = air->list[i];
    assert(kept + 1 == air->list_count);
    air->list_count = kept;
    atomic_fetch_sub(&air->sources_now, 1);
    pthread_mutex_unlock(&air->list_lock);
}

static bool is_ended(const struct port *port)
{
    return atomic_load_explicit(&port->has_ended, memory_order_acquire) ||
           atomic_load_explicit(&port->kill_reason, memory_order_relaxed);
}

/* The port that is logged in on a mount, or NULL.   list_lock held. */
static struct port *find(struct air *air, struct str mount)
{
    for (size_t i = 0; i < air->list_count; i++)
        if (!is_ended(air->list[i]) && str_eq(str_of(air->list[i]->facts.mount), mount))
            return air->list[i];
    return NULL;
}

/* Checks that a mount can be had by this user now, and makes room: an old connection of the same
 * user that gave nothing for 1 s is cut off.   list_lock held.
 * Errors: E_BUSY in use; E_LIMIT too many sources, or draining. */
static enum err claim(struct air *air, struct str mount, const char *user)
{
    if (atomic_load(&air->is_draining) || air->list_count >= air->config.sources_max)
        return E_LIMIT;
    struct port *old = find(air, mount);
    if (!old)
        return OK;
    int64_t silent_us = clock_mono(air->config.clock).us -
                        atomic_load_explicit(&old->last_bytes_mono_us, memory_order_relaxed);
    if (!str_eq(str_of(old->facts.user), str_of(user)) || silent_us < TAKE_OVER_AFTER_US)
        return E_BUSY;
    atomic_store(&old->kill_reason, "the same user logged in again");
    return OK;
}

/* Frees ports that never got a source, once the air has let go of them.   list_lock held. */
static void sweep(struct air *air)
{
    size_t kept = 0;
    for (size_t i = 0; i < air->list_count; i++) {
        struct port *port = air->list[i];
        if (atomic_load(&port->is_abandoned) &&
            atomic_load_explicit(&port->air_is_done, memory_order_acquire))
            port_free(&port);
        else
            air->list[kept++] = port;
    }
    atomic_fetch_sub(&air->sources_now, (uint32_t)(air->list_count - kept));
    air->list_count = kept;
}

enum err air_admit(struct air *air, struct source_facts *facts, enum container container,
                   struct port **out)
{
    *out = NULL;
    pthread_mutex_lock(&air->list_lock);
    sweep(air);
    enum err err = claim(air, str_of(facts->mount), facts->user);
    if (!err) {
        facts->id = ++air->last_id;
        facts->since = clock_utc(&air->station);
        err = port_new(facts, container, out);
    }
    if (!err)
        add(air, *out);
    pthread_mutex_unlock(&air->list_lock);
    return err;
}

void air_abandon(struct port *port)
{
    atomic_store(&port->kill_reason, "could not be started");
    atomic_store(&port->is_abandoned, true);
    atomic_store_explicit(&port->has_ended, true, memory_order_release);
}

/* The facts of a port as they are now. The caller holds list_lock, so it cannot go away. */
static void copy_facts(struct port *port, struct source_facts *out)
{
    *out = port->facts;
    out->bytes_read = atomic_load_explicit(&port->bytes_read, memory_order_relaxed);
    out->frames = atomic_load_explicit(&port->frames, memory_order_relaxed);
    out->skipped_bytes = atomic_load_explicit(&port->skipped_bytes, memory_order_relaxed);
    out->last_frame.us = atomic_load_explicit(&port->last_frame_us, memory_order_relaxed);
    pthread_mutex_lock(&port->lock);
    out->format = port->format;
    memcpy(out->title, port->title, sizeof out->title);
    pthread_mutex_unlock(&port->lock);
}

bool air_source_at(struct air *air, size_t index, struct source_facts *out)
{
    bool found = false;
    pthread_mutex_lock(&air->list_lock);
    for (size_t i = 0; i < air->list_count && !found; i++) {
        if (is_ended(air->list[i]) || index-- > 0)
            continue;
        copy_facts(air->list[i], out);
        found = true;
    }
    pthread_mutex_unlock(&air->list_lock);
    return found;
}

bool air_source_find(struct air *air, uint64_t id, struct source_facts *out)
{
    bool found = false;
    pthread_mutex_lock(&air->list_lock);
    for (size_t i = 0; i < air->list_count && !found; i++) {
        found = air->list[i]->facts.id == id;
        if (found)
            copy_facts(air->list[i], out);
    }
    pthread_mutex_unlock(&air->list_lock);
    return found;
}

/* The source that an address means: one that is logged in on it, else the one that is on the air
 * for the rendition that has this address.   list_lock held. */
static struct port *find_by_any_mount(struct air *air, struct str mount)
{
    struct port *port = find(air, mount);
    const struct board_station *station;
    const struct board_rendition *rendition =
        port ? NULL : board_mount_find(board_now(air->config.place), mount, &station);
    if (!rendition)
        return port;
    uint64_t id = air_output_source(rendition->live.output);
    for (size_t i = 0; i < air->list_count; i++)
        if (id != 0 && air->list[i]->facts.id == id && !is_ended(air->list[i]))
            return air->list[i];
    return NULL;
}

enum err air_title(struct air *air, struct str mount, struct str raw, bool latin1)
{
    pthread_mutex_lock(&air->list_lock);
    struct port *port = find_by_any_mount(air, mount);
    if (port)
        port_set_title(port, raw, latin1);
    pthread_mutex_unlock(&air->list_lock);
    return port ? OK : E_NOT_FOUND;
}

enum err air_kill(struct air *air, struct str mount)
{
    pthread_mutex_lock(&air->list_lock);
    struct port *port = find_by_any_mount(air, mount);
    if (port)
        atomic_store(&port->kill_reason, "cut off by the administrator");
    pthread_mutex_unlock(&air->list_lock);
    return port ? OK : E_NOT_FOUND;
}

void air_drain(struct air *air)
{
    pthread_mutex_lock(&air->list_lock);
    atomic_store(&air->is_draining, true);
    for (size_t i = 0; i < air->list_count; i++)
        if (!is_ended(air->list[i]))
            atomic_store(&air->list[i]->kill_reason, "mast is stopping");
    pthread_mutex_unlock(&air->list_lock);
}

bool air_login_failed(struct air *air, const struct addr *peer)
{
    atomic_fetch_add(&air->failed, 1);
    pthread_mutex_lock(&air->list_lock);
    bool late = guard_failed(&air->guard, peer, clock_mono(air->config.clock));
    pthread_mutex_unlock(&air->list_lock);
    return late;
}

enum err air_check_login(struct air *air, const struct addr *peer, struct str mount,
                         struct str user, struct str key, struct board_login *out)
{
    enum err err = board_login_check(board_now(air->config.place), mount, user, key, out);
    if (err == E_AUTH && air_login_failed(air, peer))
        err = E_LIMIT;
    return err;
}

struct air_stats air_stats(const struct air *air)
{
    struct air_stats stats = {
        .logins_count = atomic_load(&air->logins),
        .logins_refused_count = atomic_load(&air->refused),
        .logins_failed_count = atomic_load(&air->failed),
        .bytes_read = atomic_load(&air->bytes_read),
        .switches_count = atomic_load(&air->switches),
        .breaks_count = atomic_load(&air->breaks),
        .sources_now = atomic_load(&air->sources_now),
    };
    return stats;
}
