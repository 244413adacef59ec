/* sim/sim_engine.h - what a deck does with what it is told, by child/deck.h to the letter, with
 * marks in place of sound: which input is on from when to when, and had it sound there? */
#ifndef MAST_SIM_ENGINE_H
#define MAST_SIM_ENGINE_H

#include "child/deck.h"
#include "sim/sim_strip.h"

#define SIM_SWITCHES_MAX 16
#define SIM_PIECES_MAX   256

struct sim_sink {
    void *ctx;
    void (*say)(void *ctx, const struct message *message);
};

struct sim_slot {
    enum deck_input_kind kind;
    uint32_t rate_hz;
    struct sim_strip strip;
    unsigned failures;
    bool is_told;
    enum sim_sound loudest; /* of this tenth; SIM_MISSING: there was no sound */
};

struct sim_output {
    bool is_on;
    uint32_t rate_hz, samples; /* of one frame */
    int64_t delay_us;          /* of the encoder */
    int64_t at_us;             /* its grid begins here */
    int64_t frames;            /* given out so far */
};

/* A stretch of the programme. */
struct sim_piece {
    int64_t start_us, end_us;
    struct sim_voice voice; /* sound SIM_MISSING: nothing is heard; seq: at its end */
    int64_t frame_us;       /* how long its frames are */
};

struct sim_engine {
    struct sim_sink sink;
    uint32_t life;
    const char *why; /* the station talks nonsense; "" = it does not */
    bool is_started, has_run;
    int64_t start_us, now_us;
    struct sim_slot slots[DECK_INPUTS_MAX];
    uint16_t on; /* slot, or DECK_NO_INPUT */
    struct {
        int64_t at_us;
        uint16_t slot;
    } switches[SIM_SWITCHES_MAX];
    size_t switches_count;
    struct sim_output outputs[DECK_OUTPUTS_MAX];
    struct sim_piece pieces[SIM_PIECES_MAX];
    size_t pieces_count;
    enum sim_sound programme; /* the loudest of this tenth */
    uint32_t names_sent;      /* a bit each, from 'a' on */
};

void sim_engine_init(struct sim_engine *engine, uint32_t life, const struct sim_sink *sink);

/* Takes one message.   Errors: E_SYNTAX it makes no sense: engine->why. */
MUST_USE enum err sim_engine_take(struct sim_engine *engine, const struct message *message);

/* Was it sent a frame of this input ('a'..'z'), on the air or not? */
bool sim_engine_was_sent(const struct sim_engine *engine, uint8_t name);

#endif
