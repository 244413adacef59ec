/* listen/poll.c - contract in poll.h
 *
 * What a stranger calls himself is never compared or kept: a keyed tag of it is. */
#include "listen/poll.h"

#include "listen/ear_priv.h"
#include "media/icy.h"

static struct str station_of(const char *name)
{
    struct str rest = str_of(name), station;
    str_cut(&rest, '/', &station);
    return station;
}

static struct tag tag_of_host(const struct listen *listen, const char *name,
                              const struct addr *peer, struct str agent)
{
    const struct str parts[] = {
        STR("host"), station_of(name), {(const char *)peer->ip, sizeof peer->ip}, agent};
    return tag_of(listen->callers.secret, parts, sizeof parts / sizeof parts[0]);
}

static struct tag tag_of_id(const struct listen *listen, const char *name, struct str id)
{
    const struct str parts[] = {STR("id"), station_of(name), id};
    return tag_of(listen->callers.secret, parts, sizeof parts / sizeof parts[0]);
}

enum err listen_poll(struct listen *listen, const struct listen_poll *who)
{
    /* One that slips in here is ended by the halls, which go on draining. */
    if (atomic_load_explicit(&listen->is_draining, memory_order_relaxed))
        return E_AGAIN;
    struct visit visit = {
        .host = tag_of_host(listen, who->name, &who->peer, who->agent),
        .audience = who->audience,
        .name = who->name,
        .peer = who->peer,
        .now = clock_mono(listen->config.clock),
        .utc = clock_utc(listen->config.clock),
    };
    visit.key = who->id.len > 0 ? tag_of_id(listen, who->name, who->id) : visit.host;
    title_clean(who->agent, false, visit.agent, sizeof visit.agent);
    return callers_poll(&listen->callers, &visit);
}

void listen_poll_bytes(struct listen *listen, const struct listen_bytes *what)
{
    audience_add_bytes(what->audience, LISTEN_HLS, what->bytes);
    callers_credit(&listen->callers, tag_of_host(listen, what->name, &what->peer, what->agent),
                   what->bytes, what->behind_us);
}

void listen_poll_sweep(struct listen *listen)
{
    callers_sweep(&listen->callers, clock_mono(listen->config.clock));
}
