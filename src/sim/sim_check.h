/* sim/sim_check.h - what must hold at all times, whatever the seed does. The first that does not
 * ends the run. */
#ifndef MAST_SIM_CHECK_H
#define MAST_SIM_CHECK_H

#include "sim/sim_deck.h"
#include "sim/sim_listener.h"
#include "sim/sim_source.h"

#define SIM_TAPES_MAX    3
#define SIM_SOURCES      3
#define SIM_BROKEN_BYTES 200

struct sim_check_config {
    const struct sim_clock *clock;
    struct sim_trace *trace;
    struct air *air;
    struct air_station *station;
    struct sim_source *sources; /* in the station's order */
    const struct sim_deck *deck;
    const struct sim_audience *audience;
    bool has_loop;
    bool passes_through; /* a rendition chooses for itself too, which muddles the back-off */
    int64_t return_after_us;
};

/* What the rules of air/choose_priv.h say of one input, told from the ledger alone. */
struct sim_standing {
    uint32_t failures;
    int64_t on_us, failed_us; /* monotonic; 0 = it is not on, has not failed */
    int64_t barred_us;        /* the deck died of it three times, last; 0 = never */
    unsigned flap_switches;   /* while it flaps */
    int64_t odd_us;           /* its sound is odd since; 0 = it is not */
};

struct sim_check {
    struct sim_check_config config;
    char broken[SIM_BROKEN_BYTES]; /* "" = all is well */
    int64_t station_us;            /* station time at the last tick */
    int64_t jumped_us; /* when station time was set forward last, monotonic; 0 = never */
    int64_t jump_us;   /* how far */
    struct sim_tape_check {
        int64_t missing_us; /* heard nothing for so long, in frames on end */
        uint64_t window;
        int64_t walked_us; /* when its last frame came, monotonic */
    } tapes[SIM_TAPES_MAX];
    struct sim_standing standings[SIM_SOURCES];
    uint64_t switches_seen;
    struct air_event newest;
    /* figures */
    uint64_t switches_count, holes_count, faults_count;
    int64_t most_missing_us, most_behind_us;
    unsigned most_flap_switches;
};

void sim_check_init(struct sim_check *check, const struct sim_check_config *config);

/* Looks at station time, before the tapes are looked at. */
void sim_check_clock(struct sim_check *check);

/* A frame came onto the index-th tape. */
void sim_check_heard(struct sim_check *check, size_t index, const struct sim_tape *tape,
                     const struct sim_heard *heard);

/* Is there anything that could be heard, and has been for some seconds? */
bool sim_check_is_on(const struct sim_check *check);

/* Was station time set forward since the last frame of the index-th tape? */
bool sim_check_has_jumped(const struct sim_check *check, size_t index);

/* At the end of each tick. */
void sim_check_tick(struct sim_check *check);

/* Something is broken that was found elsewhere. */
void sim_check_break(struct sim_check *check, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
