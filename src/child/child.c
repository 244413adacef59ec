/* child/child.c - contract in child.h; what the owner of a child does with it */
#include "child/child_priv.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 4096

static enum child_state state_of(const struct child *child)
{
    return (enum child_state)atomic_load_explicit(&child->state, memory_order_acquire);
}

static size_t waiting_in(const struct ring *ring)
{
    return (size_t)(ring_pushed(ring) - ring_dropped(ring));
}

static void ring_empty(struct ring *ring)
{
    ring_drop(ring, waiting_in(ring));
}

/* Moves bytes that are there out of a ring, over its end if need be. */
static void ring_take(struct ring *ring, void *to, size_t bytes)
{
    for (size_t done = 0; done < bytes;) {
        struct str piece = str_slice(ring_peek(ring), 0, bytes - done);
        assert(piece.len > 0);
        memcpy((char *)to + done, piece.ptr, piece.len);
        ring_drop(ring, piece.len);
        done += piece.len;
    }
}

/* A thread that found no room reads on only when it is told. Both sides exchange the flag, one
 * after it dropped, the other before it looks for room: whoever comes second sees the other. A
 * quarter is free at the latest when less than a whole message is left. */
static void tell_of_room(struct child *child)
{
    if (child->from_size - waiting_in(child->from) >= child->from_size / 4 &&
        atomic_exchange_explicit(&child->is_held_back, false, memory_order_acq_rel))
        children_wake(child->children);
}

/* Is there a whole message, with its head in child->head?
 * Errors: E_AGAIN; E_TOO_LONG, and from then on. */
static enum err look_for_message(struct child *child)
{
    unsigned char head[MESSAGE_HEAD_BYTES];
    if (child->is_malformed)
        return E_TOO_LONG;
    if (!child->has_head && waiting_in(child->from) >= sizeof head) {
        ring_take(child->from, head, sizeof head);
        if (message_unpack_head(head, &child->head)) {
            child->is_malformed = true;
            return E_TOO_LONG;
        }
        child->has_head = true;
    }
    if (!child->has_head || waiting_in(child->from) < child->head.payload.len)
        return E_AGAIN;
    return OK;
}

static enum err on_receive(void *ctx, struct message *out)
{
    struct child *child = ctx;
    *out = (struct message){0};
    if (state_of(child) == CHILD_DOWN)
        return E_AGAIN;
    enum err err = look_for_message(child);
    if (!err) {
        *out = child->head;
        out->payload.ptr = child->payload;
        ring_take(child->from, child->payload, out->payload.len);
        child->has_head = false;
    }
    if (err != E_TOO_LONG)
        tell_of_room(child);
    return err;
}

static bool on_is_up(void *ctx)
{
    struct child *child = ctx;
    enum child_state state = state_of(child);
    if (state == CHILD_GONE && (child->is_malformed || look_for_message(child) == E_AGAIN)) {
        /* What is left is the beginning of a message whose end it did not live to say. */
        atomic_store_explicit(&child->state, CHILD_DOWN, memory_order_relaxed);
        return false;
    }
    return state != CHILD_DOWN;
}

static void on_start(void *ctx)
{
    struct child *child = ctx;
    bool was_up = on_is_up(child);
    assert(!was_up);
    /* The thread rests, so the owner may take out what was meant for it. */
    ring_empty(child->to);
    ring_empty(child->from);
    child->has_head = child->is_malformed = child->has_sent = false;
    atomic_store_explicit(&child->kill_wanted, false, memory_order_relaxed);
    atomic_fetch_add_explicit(&child->starts, 1, memory_order_relaxed);
    atomic_store_explicit(&child->state, CHILD_WANTED, memory_order_release);
    children_wake(child->children);
}

static void on_kill(void *ctx)
{
    struct child *child = ctx;
    enum child_state state = state_of(child);
    if (state != CHILD_WANTED && state != CHILD_RUNNING)
        return;
    /* If it has just gone by itself, the next start() takes this back. */
    atomic_store_explicit(&child->kill_wanted, true, memory_order_release);
    children_wake(child->children);
}

static bool on_send(void *ctx, const struct message *message)
{
    struct child *child = ctx;
    unsigned char head[MESSAGE_HEAD_BYTES];
    if (state_of(child) == CHILD_DOWN || ring_room(child->to) < sizeof head + message->payload.len)
        return false;
    message_pack_head(message, head);
    size_t pushed = ring_push(child->to, (struct str){(char *)head, sizeof head});
    pushed += ring_push(child->to, message->payload);
    assert(pushed == sizeof head + message->payload.len);
    child->has_sent = true;
    return true;
}

static void on_flush(void *ctx)
{
    struct child *child = ctx;
    if (child->has_sent)
        children_wake(child->children);
    child->has_sent = false;
}

const struct channel *child_channel(struct child *child)
{
    return &child->channel;
}

int child_pid(const struct child *child)
{
    return atomic_load_explicit(&child->pid, memory_order_relaxed);
}

uint64_t child_starts(const struct child *child)
{
    return atomic_load_explicit(&child->starts, memory_order_relaxed);
}

/* -- made and ended by the control thread -- */

static bool is_ring_size(size_t bytes)
{
    return bytes >= CHILD_RING_MIN && bytes <= (size_t)1 << 30 && (bytes & (bytes - 1)) == 0;
}

/* Errors: E_RANGE there are too many texts, or they are too long; E_NOMEM. */
static enum err texts_copy(struct child *child, const struct child_config *config)
{
    size_t count = 0, bytes = strlen(config->name) + strlen(config->program) + 2;
    while (config->args && config->args[count] && count <= CHILD_ARGS_MAX)
        bytes += strlen(config->args[count++]) + 1;
    if (count > CHILD_ARGS_MAX || bytes > CHILD_TEXTS_MAX / 2)
        return E_RANGE;
    arena_init(&child->texts, CHILD_TEXTS_MAX);
    child->name = arena_dup(&child->texts, config->name, strlen(config->name));
    child->args[0] = arena_dup(&child->texts, config->program, strlen(config->program));
    bool is_whole = child->name && child->args[0];
    for (size_t i = 0; i < count; i++) {
        child->args[i + 1] = arena_dup(&child->texts, config->args[i], strlen(config->args[i]));
        is_whole &= child->args[i + 1] != NULL;
    }
    return is_whole ? OK : E_NOMEM;
}

static void release(struct child *child)
{
    ring_free(&child->to);
    ring_free(&child->from);
    arena_release(&child->texts);
    mem_free(child);
}

enum err child_new(struct children *children, const struct child_config *config, struct child **out)
{
    *out = NULL;
    if (!is_ring_size(config->to_ring_bytes) || !is_ring_size(config->from_ring_bytes) ||
        config->stuck_ms == 0 || config->nice < -20 || config->nice > 19)
        return E_RANGE;
    struct child *child = mem_new(sizeof *child);
    if (!child)
        return E_NOMEM;
    child->children = children;
    child->stuck_ms = config->stuck_ms;
    child->address_space_max = config->address_space_max;
    child->nice = config->nice;
    child->channel =
        (struct channel){child, on_start, on_is_up, on_kill, on_send, on_flush, on_receive};
    child->from_size = config->from_ring_bytes;
    child->process.pidfd = child->process.sock = child->process.err = -1;
    enum err err = texts_copy(child, config);
    if (!err)
        err = ring_new(config->to_ring_bytes, &child->to);
    if (!err)
        err = ring_new(config->from_ring_bytes, &child->from);
    if (!err)
        err = children_add(children, child);
    if (err)
        release(child);
    else
        *out = child;
    return err;
}

void child_free(struct child **child)
{
    struct child *c = *child;
    *child = NULL;
    if (!c)
        return;
    children_remove(c->children, c);
    release(c);
}

enum err child_program(const char *folder, const char *name, char *out, size_t size)
{
    char self[PATH_BYTES];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self);
    if (len <= 0)
        return E_NOT_FOUND;
    if ((size_t)len >= sizeof self)
        return E_TOO_LONG;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return E_NOT_FOUND;
    *slash = '\0';
    const struct {
        const char *before, *folder;
    } places[] = {{"", ""}, {"/../", folder}, {"/../lib/mast", ""}};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        int wanted =
            snprintf(out, size, "%s%s%s/%s", self, places[i].before, places[i].folder, name);
        if (wanted < 0 || (size_t)wanted >= size)
            return E_TOO_LONG;
        if (access(out, X_OK) == 0)
            return OK;
    }
    return E_NOT_FOUND;
}
