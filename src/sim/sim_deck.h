/* sim/sim_deck.h - a child/channel.h without a process: a deck in lock-step with the simulator.
 *
 * It takes some virtual time to start, does at each flush() what it was told (what it says can be
 * received from then on), and dies, hangs or dawdles when the seed says so. */
#ifndef MAST_SIM_DECK_H
#define MAST_SIM_DECK_H

#include "base/buf.h"
#include "child/channel.h"
#include "sim/sim_clock.h"
#include "sim/sim_engine.h"

enum sim_deck_state { SIM_DECK_DOWN, SIM_DECK_STARTING, SIM_DECK_UP, SIM_DECK_HUNG, SIM_DECK_GONE };

struct sim_deck_config {
    const struct sim_clock *clock;
    struct sim_trace *trace;
    uint64_t seed;
    bool is_prompt;         /* starts at once and never fails */
    int64_t death_every_us; /* about; 0 = never */
    int64_t hang_every_us;
    uint8_t poison; /* the input of this name kills it always; 0 = none does */
};

struct sim_deck {
    struct channel channel; /* points to this */
    struct sim_deck_config config;
    struct sim_random random;
    struct sim_engine engine;
    enum sim_deck_state state;
    int64_t ready_us; /* STARTING: up from then on; HUNG: goes on then, INT64_MAX = never */
    int64_t kill_us;  /* gone from then on; 0 = nobody killed it */
    int64_t death_us, hang_us, poison_us;
    uint32_t life;
    struct buf to, from; /* messages one behind the other */
    size_t received;     /* so much of `from` was received */
    /* figures */
    uint64_t starts_count, deaths_count, hangs_count;
    int64_t trouble_us; /* when it last died or hung, by itself; 0 = never */
    const char *broken; /* how the station broke the protocol; NULL = it did not */
};

/* Owner: the caller; must not move; sim_deck_release().   Errors: E_NOMEM. */
MUST_USE enum err sim_deck_init(struct sim_deck *deck, const struct sim_deck_config *config);
void sim_deck_release(struct sim_deck *deck);

#endif
