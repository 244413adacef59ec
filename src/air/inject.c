/* air/inject.c - contract in inject.h */
#include "air/inject.h"

#include "air/air_priv.h"

enum err inject_open(struct air *air, struct source_facts *facts, enum container container,
                     struct port **out)
{
    enum err err = air_admit(air, facts, container, out);
    if (err)
        return err;
    atomic_store(&(*out)->last_bytes_mono_us, clock_mono(air->config.clock).us);
    atomic_fetch_add(&air->logins, 1);
    return OK;
}

size_t inject_push(struct air *air, struct port *port, struct str bytes)
{
    if (atomic_load_explicit(&port->is_held_back, memory_order_relaxed))
        return 0;
    size_t taken = ring_push(port->ring, bytes);
    atomic_fetch_add_explicit(&port->bytes_read, taken, memory_order_relaxed);
    atomic_fetch_add_explicit(&air->bytes_read, taken, memory_order_relaxed);
    if (taken > 0)
        atomic_store_explicit(&port->last_bytes_mono_us, clock_mono(air->config.clock).us,
                              memory_order_relaxed);
    return taken;
}

const char *inject_refused(const struct port *port)
{
    const char *kill_reason = atomic_load(&port->kill_reason);
    return kill_reason ? kill_reason : atomic_load_explicit(&port->given_up, memory_order_acquire);
}

void inject_end(struct port *port)
{
    atomic_store_explicit(&port->has_ended, true, memory_order_release);
}

bool inject_is_gone(const struct port *port)
{
    return atomic_load_explicit(&port->air_is_done, memory_order_acquire);
}

void inject_free(struct air *air, struct port **port)
{
    assert(inject_is_gone(*port));
    air_ports_remove(air, *port);
    port_free(port);
}
