#include "engine.h"

#include "base/mem.h"
#include "grid.h"
#include "input.h"
#include "meter.h"
#include "mixer.h"
#include "output.h"

#include <string.h>

#define RUN_MAX (24 * 3600 * GRID_SECOND)

struct slot {
    struct input input;
    struct meter *meter;
    bool had_sound; /* in this tenth */
};

struct engine {
    struct engine_sink sink;
    const char *why;
    bool is_started; /* HELLO came */
    bool has_run;
    int64_t start_us;
    int64_t now; /* rendered up to here */
    struct slot slots[DECK_INPUTS_MAX];
    struct mixer mixer;
    struct meter *meter;
    uint16_t
        sole; /* the slot that alone was the programme in all of this tenth, or DECK_NO_INPUT */
    struct output *outputs[DECK_OUTPUTS_MAX];
    bool is_quick;      /* one of them is: nothing is measured */
    uint16_t output_id; /* whose frame is being given out */
    float block[2][GRID_BLOCK_MAX];
    float programme[2][GRID_TENTH]; /* what is not encoded yet, up to `now` */
    size_t made;                    /* samples of it */
};

enum err engine_new(const struct engine_sink *sink, struct engine **out)
{
    *out = mem_new(sizeof(**out));
    if (!*out)
        return E_NOMEM;
    (*out)->sink = *sink;
    (*out)->why = "";
    (*out)->sole = DECK_NO_INPUT;
    mixer_init(&(*out)->mixer);
    enum err err = meter_new(&(*out)->meter);
    for (size_t i = 0; i < DECK_INPUTS_MAX && err == OK; i++) {
        input_init(&(*out)->slots[i].input, 0);
        err = meter_new(&(*out)->slots[i].meter);
    }
    if (err != OK)
        engine_free(out);
    return err;
}

void engine_free(struct engine **engine)
{
    if (!*engine)
        return;
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++)
        output_free(&(*engine)->outputs[i]);
    for (size_t i = 0; i < DECK_INPUTS_MAX; i++) {
        input_release(&(*engine)->slots[i].input);
        meter_free(&(*engine)->slots[i].meter);
    }
    meter_free(&(*engine)->meter);
    mem_free(*engine);
    *engine = NULL;
}

const char *engine_why(const struct engine *engine)
{
    return engine->why;
}

static enum err nonsense(struct engine *engine, const char *why)
{
    engine->why = why;
    return E_SYNTAX;
}

static void say(struct engine *engine, enum deck_type type, uint16_t id, int64_t at_us,
                uint32_t samples, struct str payload)
{
    struct message message = {(uint16_t)type, id, at_us, samples, payload};
    engine->sink.message(engine->sink.ctx, &message);
}

/* ---- what the station says ---- */

static enum err take_hello(struct engine *engine, const struct message *message)
{
    if (engine->is_started)
        return nonsense(engine, "a second HELLO");
    if (message->samples != DECK_VERSION)
        return nonsense(engine, "HELLO of another version");
    engine->is_started = true;
    engine->start_us = message->at_us;
    engine->now = grid_of_us(message->at_us);
    for (size_t i = 0; i < DECK_INPUTS_MAX; i++)
        input_init(&engine->slots[i].input, engine->now);
    say(engine, DECK_HELLO, 0, message->at_us, DECK_VERSION, STR(""));
    return OK;
}

static enum err take_output(struct engine *engine, const struct message *message)
{
    struct deck_output what;
    if (engine->has_run || message->id >= DECK_OUTPUTS_MAX || engine->outputs[message->id])
        return nonsense(engine, "OUTPUT after RUN, twice, or of no such number");
    if (message->at_us < engine->start_us || deck_output_unpack(message->payload, &what) != OK)
        return nonsense(engine, "OUTPUT out of bounds");
    enum err err =
        output_new(&what, message->at_us, engine->start_us, &engine->outputs[message->id]);
    engine->is_quick |= what.is_quick;
    for (size_t i = 0; i < DECK_INPUTS_MAX; i++)
        engine->slots[i].input.keeps_round |= what.is_quick;
    if (err != OK)
        engine->why = "OUTPUT that cannot be encoded";
    return err;
}

static void tell_trouble(struct engine *engine, uint16_t slot)
{
    char why[INPUT_TROUBLE_BYTES];
    if (input_take_trouble(&engine->slots[slot].input, why) == OK)
        say(engine, DECK_TROUBLE, slot, grid_to_us(engine->now), 0, str_of(why));
}

static enum err take_input(struct engine *engine, const struct message *message)
{
    struct deck_input what;
    if (message->id >= DECK_INPUTS_MAX || deck_input_unpack(message->payload, &what) != OK)
        return nonsense(engine, "INPUT out of bounds");
    enum err err = input_set(&engine->slots[message->id].input, &what, message->at_us, engine->now);
    if (err == OK)
        tell_trouble(engine, message->id);
    return err;
}

static enum err take_frames(struct engine *engine, const struct message *message)
{
    if (message->id >= DECK_INPUTS_MAX || engine->slots[message->id].input.kind != DECK_CODED)
        return nonsense(engine, "FRAMES for a slot that takes none");
    enum err err = input_frame(&engine->slots[message->id].input, message->at_us, message->samples,
                               message->payload);
    if (err == OK)
        tell_trouble(engine, message->id);
    return err;
}

static enum err take_switch(struct engine *engine, const struct message *message)
{
    int64_t at = grid_of_us(message->at_us);
    if (message->id >= DECK_INPUTS_MAX && message->id != DECK_NO_INPUT)
        return nonsense(engine, "SWITCH to no slot");
    if (at < engine->now)
        return nonsense(engine, "SWITCH in what was rendered");
    if (!engine->has_run && at == engine->now) {
        mixer_set(&engine->mixer, message->id);
        return OK;
    }
    if (mixer_switch(&engine->mixer, at, message->id) != OK)
        return nonsense(engine, "more SWITCH than can be meant");
    return OK;
}

/* ---- rendering ---- */

static void render_slots(struct engine *engine, size_t samples)
{
    float *const block[2] = {engine->block[0], engine->block[1]};
    float *const programme[2] = {engine->programme[0] + engine->made,
                                 engine->programme[1] + engine->made};
    const float *const from[2] = {block[0], block[1]};
    uint16_t sole = mixer_sole(&engine->mixer);
    for (int c = 0; c < 2; c++)
        memset(programme[c], 0, samples * sizeof(float));
    for (uint16_t i = 0; i < DECK_INPUTS_MAX; i++) {
        struct slot *slot = &engine->slots[i];
        if (input_is_idle(&slot->input) && mixer_is_out(&engine->mixer, i))
            continue;
        bool is_sound = input_render(&slot->input, engine->now, samples, block[0], block[1]);
        slot->had_sound |= is_sound;
        if (!engine->is_quick)
            meter_push(slot->meter, is_sound ? from : NULL, samples);
        mixer_add(&engine->mixer, i, from, samples, programme);
        if (sole == i && !is_sound)
            sole = DECK_NO_INPUT; /* it may ring out, which is not metered as its own */
    }
    bool is_first = engine->now % GRID_TENTH == 0;
    engine->sole = is_first || sole == engine->sole ? sole : DECK_NO_INPUT;
}

static void say_levels(struct engine *engine, uint16_t id, const struct deck_levels *levels)
{
    unsigned char bytes[DECK_LEVELS_BYTES];
    deck_levels_pack(levels, bytes);
    say(engine, DECK_LEVELS, id, grid_to_us(engine->now), 0,
        (struct str){(const char *)bytes, sizeof(bytes)});
}

static void end_tenth(struct engine *engine)
{
    struct deck_levels levels = {0}, programme = {0};
    for (uint16_t i = 0; i < DECK_INPUTS_MAX; i++) {
        struct slot *slot = &engine->slots[i];
        if (slot->had_sound && slot->input.kind != DECK_NOTHING) {
            meter_end(slot->meter, &levels);
            say_levels(engine, i, &levels);
        } else {
            meter_skip(slot->meter);
        }
        if (engine->sole == i) { /* then it had sound */
            programme = levels;
            meter_end_as(engine->meter, slot->meter, &programme);
        }
        slot->had_sound = false;
    }
    if (engine->sole == DECK_NO_INPUT)
        meter_end(engine->meter, &programme);
    say_levels(engine, DECK_PROGRAMME, &programme);
    engine->sole = DECK_NO_INPUT;
}

static void on_frame(void *ctx, int64_t at_us, uint32_t samples, struct str bytes)
{
    struct engine *engine = ctx;
    say(engine, DECK_OUT, engine->output_id, at_us, samples, bytes);
}

static enum err encode_for(struct engine *engine, uint16_t id)
{
    struct output_sink sink = {engine, on_frame};
    int64_t at = engine->now - (int64_t)engine->made;
    engine->output_id = id;
    for (size_t done = 0; done < engine->made;) {
        const float *const from[2] = {engine->programme[0] + done, engine->programme[1] + done};
        size_t run = engine->made - done < GRID_BLOCK_MAX ? engine->made - done : GRID_BLOCK_MAX;
        enum err err = output_push(engine->outputs[id], at + (int64_t)done, from, run, &sink);
        if (err != OK)
            return err;
        done += run;
    }
    return OK;
}

/* One encoder after the other, each for all that there is: taking turns at every block they would
 * drive each other out of the processor's cache. */
static enum err encode(struct engine *engine)
{
    for (uint16_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        enum err err = engine->outputs[i] ? encode_for(engine, i) : OK;
        if (err != OK)
            return err;
    }
    engine->made = 0;
    return OK;
}

/* Renders what lies within a tenth. */
static enum err render_block(struct engine *engine, size_t samples)
{
    assert(engine->made + samples <= GRID_TENTH);
    render_slots(engine, samples);
    const float *const programme[2] = {engine->programme[0] + engine->made,
                                       engine->programme[1] + engine->made};
    if (!engine->is_quick)
        meter_push(engine->meter, programme, samples);
    engine->made += samples;
    engine->now += (int64_t)samples;
    if (engine->now % GRID_TENTH != 0)
        return OK;
    enum err err = encode(engine);
    if (err == OK && !engine->is_quick)
        end_tenth(engine);
    return err;
}

static enum err take_run(struct engine *engine, const struct message *message)
{
    int64_t until = grid_of_us(message->at_us);
    if (until < engine->now || until - engine->now > RUN_MAX)
        return nonsense(engine, "RUN backwards, or over a day");
    engine->has_run = true;
    while (engine->now < until) {
        int64_t end = engine->now + GRID_BLOCK_MAX;
        int64_t tenth = engine->now - engine->now % GRID_TENTH + GRID_TENTH;
        int64_t turn = mixer_turn(&engine->mixer, engine->now);
        end = end < tenth ? end : tenth;
        end = end < turn ? end : turn;
        end = end < until ? end : until;
        enum err err = render_block(engine, (size_t)(end - engine->now));
        if (err != OK)
            return err;
    }
    enum err err = encode(engine);
    if (err != OK)
        return err;
    say(engine, DECK_DONE, 0, message->at_us, 0, STR(""));
    return OK;
}

enum err engine_take(struct engine *engine, const struct message *message)
{
    if (message->at_us < 0 || message->at_us > GRID_US_MAX)
        return nonsense(engine, "a time out of bounds");
    if (!engine->is_started && message->type != DECK_HELLO)
        return nonsense(engine, "a message before HELLO");
    switch (message->type) {
    case DECK_HELLO:
        return take_hello(engine, message);
    case DECK_OUTPUT:
        return take_output(engine, message);
    case DECK_INPUT:
        return take_input(engine, message);
    case DECK_FRAMES:
        return take_frames(engine, message);
    case DECK_SWITCH:
        return take_switch(engine, message);
    case DECK_RUN:
        return take_run(engine, message);
    default:
        return nonsense(engine, "a message of no known type");
    }
}
