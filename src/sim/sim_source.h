/* sim/sim_source.h - somebody who sends sound, through air/inject.h, as badly as the seed says.
 *
 *     encoder (a clock of its own, +-100 ppm) -> what waits on the way -> port
 *
 * What happens to it: jitter, stalls with and without a backlog, leaving with and without a word,
 * flapping, other formats, silence, a steady tone, a dead channel, noise, too much at once. */
#ifndef MAST_SIM_SOURCE_H
#define MAST_SIM_SOURCE_H

#include "air/inject.h"
#include "sim/sim_clock.h"
#include "sim/sim_sound.h"

#define SIM_WAITING_MAX 1024 /* frames on their way */
#define SIM_LEAVING_MAX 8

struct sim_source_config {
    struct air *air;
    const struct sim_clock *clock;
    struct sim_trace *trace;
    uint64_t seed;
    const char *station, *user, *mount;
    uint8_t name;           /* 'a'.. */
    int64_t fault_every_us; /* about */
    int64_t stays_us;       /* about so long, for somebody who comes and goes; 0 = for ever */
    int64_t stays_away_us;  /* about */
    bool is_plain;          /* always of the usual format */
};

enum sim_source_phase {
    SIM_PHASE_GOOD,
    SIM_PHASE_STALL,  /* nothing arrives; what it makes waits on the way */
    SIM_PHASE_FROZEN, /* it makes nothing */
    SIM_PHASE_SHAKY,  /* arrives in fits and starts */
    SIM_PHASE_AWAY,   /* not logged in */
    SIM_PHASE_DEAF,   /* its connection hangs; it will log in anew beside it */
    SIM_PHASE_ODD,    /* silent, a tone, or one channel dead: `sound` */
    SIM_PHASE_NOISE,  /* what arrives is no sound */
    SIM_PHASE_WRONG,  /* it sends AAC where it announced MP3, or the other way round */
    SIM_PHASE_RUSH,   /* sends more than time passes */
    SIM_PHASE_COUNT
};

struct sim_waiting {
    uint8_t kind;
    struct sim_voice voice;
};

struct sim_source {
    struct sim_source_config config;
    struct sim_random random;
    struct port *port; /* NULL: not logged in */
    bool is_adts;      /* how it logged in */
    struct port *leaving[SIM_LEAVING_MAX];
    size_t leaving_count;

    enum sim_source_phase phase;
    int64_t phase_end_us; /* the phase is over then */
    int64_t fault_due_us;
    int64_t leave_due_us; /* for good, or for some hours; INT64_MAX = never */
    int64_t flap_end_us;  /* flapping until then; 0 = it does not */
    int64_t flap_up_us, flap_down_us;
    int64_t blocked_until_us; /* nothing arrives before: jitter, stalls */

    int64_t drift_ppm;
    int64_t clock_ns, made_ns; /* the encoder's: has passed, was made */
    size_t kind;
    struct sim_voice voice; /* of the next frame */
    struct sim_waiting waiting[SIM_WAITING_MAX];
    size_t waiting_from, waiting_count;
    unsigned char frame[SIM_FRAME_MAX_BYTES]; /* the first of them */
    size_t frame_bytes, frame_sent;           /* 0 bytes: not made yet */
    int64_t last_taken_us; /* bytes were taken then, or could not be for their side's sake */

    int64_t clean_since_us; /* nothing was wrong with it since; 0 = something is */
    int64_t last_flap_us;   /* it went away in a flapping, last; 0 = never */
    /* figures */
    uint64_t stalls_count, leaves_count, flaps_count, odd_count, changes_count, refused_count;
};

void sim_source_init(struct sim_source *source, const struct sim_source_config *config);

/* Lets it send what it has to send by now. */
void sim_source_tick(struct sim_source *source, int64_t passed_us);

/* How much sound waits on the way: so much later is heard what it makes now. */
int64_t sim_source_waiting_us(const struct sim_source *source);

/* It ends, and does not come back. */
void sim_source_end(struct sim_source *source);

/* Is nothing of it left in the air?  (Gives back ports that the air has let go of.) */
bool sim_source_is_gone(struct sim_source *source);

#endif
