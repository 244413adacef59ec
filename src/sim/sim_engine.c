/* sim/sim_engine.c - contract in sim_engine.h */
#include "sim/sim_engine.h"

#include <string.h>

#define FAILURES_MAX 200
#define UNKNOWN      '?' /* what could not be decoded */

void sim_engine_init(struct sim_engine *engine, uint32_t life, const struct sim_sink *sink)
{
    *engine = (struct sim_engine){.sink = *sink, .life = life, .why = "", .on = DECK_NO_INPUT};
}

bool sim_engine_was_sent(const struct sim_engine *engine, uint8_t name)
{
    assert(name >= 'a' && name <= 'z');
    return engine->names_sent >> (name - 'a') & 1;
}

static enum err nonsense(struct sim_engine *engine, const char *why)
{
    engine->why = why;
    return E_SYNTAX;
}

static void say(struct sim_engine *engine, enum deck_type type, uint16_t id, int64_t at_us,
                uint32_t samples, struct str payload)
{
    struct message message = {(uint16_t)type, id, at_us, samples, payload};
    engine->sink.say(engine->sink.ctx, &message);
}

/* ---- what the station says ---- */

static enum err take_hello(struct sim_engine *engine, const struct message *m)
{
    if (engine->is_started || m->samples != DECK_VERSION)
        return nonsense(engine, "HELLO twice, or of another version");
    engine->is_started = true;
    engine->start_us = engine->now_us = m->at_us;
    for (size_t i = 0; i < DECK_INPUTS_MAX; i++)
        sim_strip_init(&engine->slots[i].strip, m->at_us);
    say(engine, DECK_HELLO, 0, m->at_us, DECK_VERSION, STR(""));
    return OK;
}

static enum err take_output(struct sim_engine *engine, const struct message *m)
{
    struct deck_output what;
    if (engine->has_run || m->id >= DECK_OUTPUTS_MAX || engine->outputs[m->id].is_on)
        return nonsense(engine, "OUTPUT after RUN, twice, or of no such number");
    if (m->at_us < engine->start_us || deck_output_unpack(m->payload, &what) != OK)
        return nonsense(engine, "OUTPUT out of bounds");
    bool is_mp3 = what.format.codec == CODEC_MP3, is_aac = what.format.codec == CODEC_AAC;
    /* Delays: what LAME, FFmpeg's AAC and libopus have. */
    int64_t delay_samples = is_mp3 ? 1105 : is_aac ? 1024 : 312;
    engine->outputs[m->id] = (struct sim_output){
        .is_on = true,
        .rate_hz = what.format.rate_hz,
        .samples = is_mp3   ? 1152
                   : is_aac ? 1024
                            : 960,
        .delay_us = delay_samples * US_PER_S / what.format.rate_hz,
        .at_us = m->at_us,
    };
    return OK;
}

static enum err take_input(struct sim_engine *engine, const struct message *m)
{
    struct deck_input what;
    if (m->id >= DECK_INPUTS_MAX || deck_input_unpack(m->payload, &what) != OK)
        return nonsense(engine, "INPUT out of bounds");
    struct sim_slot *slot = &engine->slots[m->id];
    if (slot->kind == DECK_CODED && what.kind == DECK_CODED)
        slot->strip.is_placed = false;
    else
        sim_strip_init(&slot->strip, engine->now_us);
    slot->kind = what.kind;
    slot->rate_hz = what.format.rate_hz;
    slot->failures = 0;
    slot->is_told = false;
    return OK;
}

static struct sim_voice voice_of(struct str payload)
{
    struct sim_voice voice;
    struct sim_out out;
    size_t kind;
    if (sim_frame_read(payload, &voice, &kind) == OK)
        return voice;
    if (sim_out_read(payload, &out) == OK)
        return (struct sim_voice){.name = SIM_LOOP, .sound = SIM_LOUD, .seq = out.voice.seq};
    return (struct sim_voice){.name = UNKNOWN, .sound = SIM_SILENT};
}

static enum err take_frames(struct sim_engine *engine, const struct message *m)
{
    if (m->id >= DECK_INPUTS_MAX || engine->slots[m->id].kind != DECK_CODED)
        return nonsense(engine, "FRAMES for a slot that takes none");
    struct sim_slot *slot = &engine->slots[m->id];
    struct sim_voice voice = voice_of(m->payload);
    slot->failures = voice.name == UNKNOWN ? slot->failures + 1 : 0;
    if (voice.name >= 'a' && voice.name <= 'z')
        engine->names_sent |= 1u << (voice.name - 'a');
    if (slot->failures == FAILURES_MAX && !slot->is_told) {
        slot->is_told = true;
        say(engine, DECK_TROUBLE, m->id, engine->now_us, 0, STR("it cannot be decoded"));
    }
    sim_strip_add(&slot->strip, m->at_us, m->samples, slot->rate_hz, &voice);
    return OK;
}

static enum err take_switch(struct sim_engine *engine, const struct message *m)
{
    if (m->id >= DECK_INPUTS_MAX && m->id != DECK_NO_INPUT)
        return nonsense(engine, "SWITCH to no slot");
    if (m->at_us < engine->now_us)
        return nonsense(engine, "SWITCH in what was rendered");
    if (!engine->has_run && m->at_us == engine->now_us) {
        engine->on = m->id;
        return OK;
    }
    size_t *count = &engine->switches_count;
    while (*count > 0 && engine->switches[*count - 1].at_us >= m->at_us)
        (*count)--;
    if (*count == SIM_SWITCHES_MAX)
        return nonsense(engine, "more SWITCH than can be meant");
    engine->switches[*count].at_us = m->at_us;
    engine->switches[(*count)++].slot = m->id;
    return OK;
}

/* ---- rendering ---- */

static void add_piece(struct sim_engine *engine, int64_t start_us, int64_t end_us,
                      const struct sim_span *span)
{
    struct sim_piece piece = {.start_us = start_us, .end_us = end_us};
    struct sim_piece *last =
        engine->pieces_count > 0 ? &engine->pieces[engine->pieces_count - 1] : NULL;
    if (span) {
        piece.voice = span->voice;
        piece.voice.seq = sim_span_seq(span, end_us - 1);
        piece.frame_us = span->frame_us;
    }
    if (!last || (engine->pieces_count < SIM_PIECES_MAX &&
                  (!sim_voice_same(&last->voice, &piece.voice) ||
                   last->frame_us != piece.frame_us || last->voice.seq > piece.voice.seq))) {
        engine->pieces[engine->pieces_count++] = piece;
        return;
    }
    last->end_us = end_us;
    last->voice.seq = piece.voice.seq;
}

static void raise(enum sim_sound *loudest, enum sim_sound sound)
{
    static const unsigned char loudness[SIM_SOUND_COUNT] = {
        [SIM_MISSING] = 0, [SIM_SILENT] = 1, [SIM_ONE_SIDED] = 2, [SIM_TONE] = 3, [SIM_LOUD] = 4};
    if (loudness[sound] > loudness[*loudest])
        *loudest = sound;
}

/* Adds what the slot that is on has between two instants to the programme. */
static void render_programme(struct sim_engine *engine, int64_t from_us, int64_t to_us)
{
    static const struct sim_span bed = {.voice = {.name = SIM_LOOP, .sound = SIM_LOUD}};
    const struct sim_slot *slot = engine->on == DECK_NO_INPUT ? NULL : &engine->slots[engine->on];
    while (from_us < to_us) {
        const struct sim_span *span = NULL;
        int64_t end_us = to_us;
        if (slot && slot->kind == DECK_BED)
            span = &bed;
        else if (slot && slot->kind == DECK_CODED)
            span = sim_strip_find(&slot->strip, from_us);
        if (span && span != &bed) {
            bool is_in = span->start_us <= from_us;
            int64_t until_us = is_in ? span->end_us : span->start_us;
            end_us = until_us < to_us ? until_us : to_us;
            span = is_in ? span : NULL;
        }
        add_piece(engine, from_us, end_us, span);
        raise(&engine->programme, span ? (enum sim_sound)span->voice.sound : SIM_MISSING);
        from_us = end_us;
    }
}

static void render(struct sim_engine *engine, int64_t to_us)
{
    render_programme(engine, engine->now_us, to_us);
    for (size_t i = 0; i < DECK_INPUTS_MAX; i++) {
        struct sim_slot *slot = &engine->slots[i];
        if (slot->kind == DECK_BED)
            slot->loudest = SIM_LOUD;
        if (slot->kind != DECK_CODED)
            continue;
        for (size_t n = 0; n < slot->strip.count && slot->strip.spans[n].start_us < to_us; n++)
            if (slot->strip.spans[n].end_us > engine->now_us)
                raise(&slot->loudest, (enum sim_sound)slot->strip.spans[n].voice.sound);
        sim_strip_raise(&slot->strip, to_us);
    }
    engine->now_us = to_us;
}

/* ---- what comes out ---- */

static void say_levels(struct sim_engine *engine, uint16_t id, enum sim_sound sound)
{
    struct deck_levels levels = {{-300, -300}, {-1800, -1800}, -1600, -500, 0};
    unsigned char bytes[DECK_LEVELS_BYTES];
    if (sound == SIM_SILENT || sound == SIM_MISSING)
        levels = (struct deck_levels){{-10000, -10000}, {-10000, -10000}, -10000, 0, 0};
    if (sound == SIM_ONE_SIDED)
        levels.peak_cb[1] = levels.rms_cb[1] = -10000;
    if (sound == SIM_TONE) {
        levels.residue_cb = -6000;
        levels.tone_hz = 440;
    }
    deck_levels_pack(&levels, bytes);
    say(engine, DECK_LEVELS, id, engine->now_us, 0,
        (struct str){(const char *)bytes, sizeof bytes});
}

static void end_tenth(struct sim_engine *engine)
{
    for (uint16_t i = 0; i < DECK_INPUTS_MAX; i++) {
        struct sim_slot *slot = &engine->slots[i];
        if (slot->loudest != SIM_MISSING && slot->kind != DECK_NOTHING)
            say_levels(engine, i, slot->loudest);
        slot->loudest = SIM_MISSING;
    }
    say_levels(engine, DECK_PROGRAMME, engine->programme);
    engine->programme = SIM_MISSING;
}

static int64_t frame_at_us(const struct sim_output *output, int64_t n)
{
    return output->at_us + n * output->samples * US_PER_S / output->rate_hz;
}

/* Tells what is heard between two instants that are rendered. */
static struct sim_out summary(const struct sim_engine *engine, int64_t from_us, int64_t to_us)
{
    struct sim_out out = {.magic = SIM_OUT_MAGIC, .at_us = from_us, .deck_life = engine->life};
    int64_t most_us = 0;
    out.length_us = (uint32_t)(to_us - from_us);
    for (size_t i = 0; i < engine->pieces_count; i++) {
        const struct sim_piece *piece = &engine->pieces[i];
        int64_t start_us = piece->start_us > from_us ? piece->start_us : from_us;
        int64_t end_us = piece->end_us < to_us ? piece->end_us : to_us;
        if (end_us <= start_us)
            continue;
        if (piece->voice.sound == SIM_MISSING)
            out.missing_us += (uint32_t)(end_us - start_us);
        if (end_us - start_us <= most_us)
            continue;
        most_us = end_us - start_us;
        int64_t back = piece->frame_us > 0 ? (piece->end_us - start_us - 1) / piece->frame_us : 0;
        out.voice = piece->voice;
        out.voice.seq -= back < out.voice.seq ? (uint32_t)back : out.voice.seq;
    }
    return out;
}

static void give_out(struct sim_engine *engine, uint16_t id)
{
    struct sim_output *output = &engine->outputs[id];
    for (;;) {
        int64_t at_us = frame_at_us(output, output->frames);
        int64_t end_us = frame_at_us(output, output->frames + 1);
        if (end_us + output->delay_us > engine->now_us)
            return;
        struct sim_out out = summary(engine, at_us, end_us);
        out.output = id;
        say(engine, DECK_OUT, id, at_us, output->samples,
            (struct str){(const char *)&out, sizeof out});
        output->frames++;
    }
}

/* What no output looks at any more. */
static void forget_pieces(struct sim_engine *engine)
{
    int64_t floor_us = engine->now_us;
    size_t gone = 0;
    for (size_t i = 0; i < DECK_OUTPUTS_MAX; i++) {
        const struct sim_output *output = &engine->outputs[i];
        if (output->is_on && frame_at_us(output, output->frames) < floor_us)
            floor_us = frame_at_us(output, output->frames);
    }
    while (gone + 1 < engine->pieces_count && engine->pieces[gone].end_us <= floor_us)
        gone++;
    if (gone == 0)
        return;
    engine->pieces_count -= gone;
    memmove(engine->pieces, engine->pieces + gone, engine->pieces_count * sizeof(struct sim_piece));
}

/* Where the programme has to be looked at anew: at a switch, or the end of a tenth. */
static int64_t next_turn(struct sim_engine *engine, int64_t until_us)
{
    size_t due = 0;
    while (due < engine->switches_count && engine->switches[due].at_us <= engine->now_us)
        engine->on = engine->switches[due++].slot;
    engine->switches_count -= due;
    memmove(engine->switches, engine->switches + due,
            engine->switches_count * sizeof engine->switches[0]);
    int64_t turn_us = engine->now_us - engine->now_us % DECK_LEVELS_US + DECK_LEVELS_US;
    if (engine->switches_count > 0 && engine->switches[0].at_us < turn_us)
        turn_us = engine->switches[0].at_us;
    return turn_us < until_us ? turn_us : until_us;
}

static enum err take_run(struct sim_engine *engine, const struct message *m)
{
    if (m->at_us < engine->now_us || m->at_us - engine->now_us > 24 * 3600 * US_PER_S)
        return nonsense(engine, "RUN backwards, or over a day");
    engine->has_run = true;
    while (engine->now_us < m->at_us) {
        render(engine, next_turn(engine, m->at_us));
        for (uint16_t i = 0; i < DECK_OUTPUTS_MAX; i++)
            if (engine->outputs[i].is_on)
                give_out(engine, i);
        forget_pieces(engine);
        if (engine->now_us % DECK_LEVELS_US == 0)
            end_tenth(engine);
    }
    say(engine, DECK_DONE, 0, m->at_us, 0, STR(""));
    return OK;
}

enum err sim_engine_take(struct sim_engine *engine, const struct message *message)
{
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
