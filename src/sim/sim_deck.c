/* sim/sim_deck.c - contract in sim_deck.h */
#include "sim/sim_deck.h"

#include <string.h>

/* As the real channel's rings. */
#define TO_BYTES   ((size_t)2 << 20)
#define FROM_BYTES ((size_t)1 << 20)

#define START_MIN_US (60 * US_PER_MS)
#define START_MAX_US (400 * US_PER_MS)

static int64_t mono_of(const struct sim_deck *deck)
{
    return deck->config.clock->mono_us;
}

/* ---- messages, one behind the other ---- */

static void put(struct buf *buf, const struct message *message)
{
    unsigned char head[MESSAGE_HEAD_BYTES];
    message_pack_head(message, head);
    buf_add(buf, (struct str){(const char *)head, sizeof head});
    buf_add(buf, message->payload);
}

/* Takes the message at *at.   Errors: E_AGAIN there is none. */
static enum err take(const struct buf *buf, size_t *at, struct message *out)
{
    if (*at == buf->len)
        return E_AGAIN;
    enum err err = message_unpack_head((const unsigned char *)buf->ptr + *at, out);
    assert(!err);
    out->payload.ptr = buf->ptr + *at + MESSAGE_HEAD_BYTES;
    *at += MESSAGE_HEAD_BYTES + out->payload.len;
    return OK;
}

static void say(void *ctx, const struct message *message)
{
    struct sim_deck *deck = ctx;
    put(&deck->from, message);
}

/* ---- its fate ---- */

static int64_t about(struct sim_deck *deck, int64_t every_us)
{
    if (every_us == 0)
        return INT64_MAX;
    return mono_of(deck) + sim_random_between(&deck->random, every_us / 10, every_us * 19 / 10);
}

static void die(struct sim_deck *deck, const char *why)
{
    sim_say(deck->config.trace, "the deck dies: %s", why);
    deck->state = SIM_DECK_GONE;
    deck->deaths_count++;
    deck->trouble_us = mono_of(deck);
    deck->death_us = about(deck, deck->config.death_every_us);
}

static void hang(struct sim_deck *deck)
{
    /* Some only dawdle: the station must bear with them. */
    bool for_ever = sim_random_chance(&deck->random, 40);
    int64_t for_us = sim_random_between(&deck->random, 50 * US_PER_MS, 900 * US_PER_MS);
    deck->state = SIM_DECK_HUNG;
    deck->ready_us = for_ever ? INT64_MAX : mono_of(deck) + for_us;
    deck->hang_us = about(deck, deck->config.hang_every_us);
    deck->hangs_count += for_ever;
    deck->trouble_us = mono_of(deck);
    if (for_ever)
        sim_say(deck->config.trace, "the deck hangs");
    else
        sim_say(deck->config.trace, "the deck dawdles for %lld ms",
                (long long)(for_us / US_PER_MS));
}

/* Lets time pass for it. */
static void live(struct sim_deck *deck)
{
    int64_t now_us = mono_of(deck);
    if (deck->state == SIM_DECK_DOWN || deck->state == SIM_DECK_GONE)
        return;
    if (deck->kill_us != 0 && now_us >= deck->kill_us)
        deck->state = SIM_DECK_GONE;
    if (deck->state != SIM_DECK_UP && deck->state != SIM_DECK_GONE && now_us >= deck->ready_us)
        deck->state = SIM_DECK_UP;
    if (deck->state != SIM_DECK_UP)
        return;
    if (now_us >= deck->death_us)
        die(deck, "killed");
    else if (now_us >= deck->hang_us)
        hang(deck);
    else if (deck->poison_us != 0 && now_us >= deck->poison_us)
        die(deck, "of its input");
}

static void look_for_poison(struct sim_deck *deck)
{
    if (deck->config.poison != 0 && deck->poison_us == 0 &&
        sim_engine_was_sent(&deck->engine, deck->config.poison))
        deck->poison_us =
            mono_of(deck) + sim_random_between(&deck->random, 20 * US_PER_MS, 3 * US_PER_S);
}

static void work(struct sim_deck *deck)
{
    struct message message;
    size_t at = 0;
    /* A process that is killed may be anywhere in what it has to do. */
    bool is_last = mono_of(deck) + 20 * US_PER_MS >= deck->death_us;
    while (deck->state == SIM_DECK_UP && take(&deck->to, &at, &message) == OK) {
        if (is_last && sim_random_chance(&deck->random, 10)) {
            die(deck, "killed at work");
        } else if (sim_engine_take(&deck->engine, &message) != OK) {
            deck->broken = deck->engine.why;
            die(deck, deck->engine.why);
        }
    }
    look_for_poison(deck);
    if (at == deck->to.len || deck->state != SIM_DECK_UP)
        buf_clear(&deck->to);
}

/* ---- the channel ---- */

static bool on_is_up(void *ctx)
{
    struct sim_deck *deck = ctx;
    live(deck);
    if (deck->state == SIM_DECK_GONE && deck->received == deck->from.len)
        deck->state = SIM_DECK_DOWN;
    return deck->state != SIM_DECK_DOWN;
}

static void on_start(void *ctx)
{
    struct sim_deck *deck = ctx;
    if (on_is_up(deck))
        deck->broken = "it was started while it was up";
    struct sim_sink sink = {deck, say};
    sim_engine_init(&deck->engine, ++deck->life, &sink);
    buf_clear(&deck->to);
    buf_clear(&deck->from);
    deck->received = 0;
    deck->kill_us = deck->poison_us = 0;
    deck->state = SIM_DECK_STARTING;
    deck->ready_us = mono_of(deck);
    deck->starts_count++;
    if (deck->config.is_prompt)
        return;
    deck->ready_us += sim_random_between(&deck->random, START_MIN_US, START_MAX_US);
    if (deck->config.death_every_us > 0 && sim_random_chance(&deck->random, 3))
        deck->death_us = deck->ready_us; /* it cannot be started */
    else if (deck->death_us < deck->ready_us)
        deck->death_us = about(deck, deck->config.death_every_us);
    sim_say(deck->config.trace, "the deck starts, in %lld ms",
            (long long)((deck->ready_us - mono_of(deck)) / US_PER_MS));
}

static void on_kill(void *ctx)
{
    struct sim_deck *deck = ctx;
    if (deck->kill_us == 0)
        deck->kill_us =
            mono_of(deck) +
            (deck->config.is_prompt ? 0 : sim_random_between(&deck->random, 0, 30 * US_PER_MS));
}

static bool on_send(void *ctx, const struct message *message)
{
    struct sim_deck *deck = ctx;
    if (deck->state == SIM_DECK_DOWN ||
        deck->to.len + MESSAGE_HEAD_BYTES + message->payload.len > TO_BYTES)
        return false;
    put(&deck->to, message);
    return true;
}

static void on_flush(void *ctx)
{
    struct sim_deck *deck = ctx;
    live(deck);
    if (deck->received > 0 && deck->received == deck->from.len) {
        buf_clear(&deck->from);
        deck->received = 0;
    }
    if (deck->state == SIM_DECK_UP)
        work(deck);
}

static enum err on_receive(void *ctx, struct message *out)
{
    struct sim_deck *deck = ctx;
    *out = (struct message){0};
    if (deck->state == SIM_DECK_DOWN)
        return E_AGAIN;
    return take(&deck->from, &deck->received, out);
}

enum err sim_deck_init(struct sim_deck *deck, const struct sim_deck_config *config)
{
    *deck = (struct sim_deck){
        .channel = {deck, on_start, on_is_up, on_kill, on_send, on_flush, on_receive},
        .config = *config,
        .random = sim_random_fork(config->seed, 'd'),
    };
    buf_init(&deck->to, TO_BYTES);
    buf_init(&deck->from, FROM_BYTES);
    deck->death_us = about(deck, config->death_every_us);
    deck->hang_us = about(deck, config->hang_every_us);
    /* All of its memory now, so that what is measured later is the air's. */
    if (!buf_reserve(&deck->to, TO_BYTES) || !buf_reserve(&deck->from, FROM_BYTES)) {
        sim_deck_release(deck);
        return E_NOMEM;
    }
    return OK;
}

void sim_deck_release(struct sim_deck *deck)
{
    buf_release(&deck->to);
    buf_release(&deck->from);
}
