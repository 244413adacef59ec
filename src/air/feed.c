/* air/feed.c - contract in feed_priv.h */
#include "air/feed_priv.h"

#include "air/output_priv.h"
#include "air/station_priv.h"
#include "air/talk_priv.h"

#include "base/log.h"

/* Time for a deck to start while the loop is playing. */
#define PLAN_US (1500 * US_PER_MS)
/* The loop's frames are sent so far ahead. */
#define AHEAD_US (300 * US_PER_MS)

bool feed_input_same(const struct feed_input *a, const struct feed_input *b)
{
    return a->kind == b->kind && a->port == b->port;
}

/* ---- sending ---- */

static bool send(struct air_station *station, const struct message *message)
{
    return station->deck.send(station->deck.ctx, message);
}

/* Room is never missing for these unless the deck hangs, and then it is started anew. */
static void tell(struct air_station *station, const struct message *message)
{
    if (send(station, message) || !station->feed.is_on)
        return;
    log_warn(EV_DECK, "station=%s text=\"does not read what it is told\"", station->slug);
    station->deck.kill(station->deck.ctx);
}

static void send_output(struct air_station *station, uint16_t id, struct utc at)
{
    unsigned char bytes[DECK_OUTPUT_BYTES];
    struct deck_output output = {.format = station->feed.formats[id]};
    deck_output_pack(&output, bytes);
    tell(station, &(struct message){
                      .type = DECK_OUTPUT,
                      .id = id,
                      .at_us = at.us,
                      .payload = {(const char *)bytes, sizeof bytes},
                  });
}

static bool send_input(struct air_station *station, int slot, const struct deck_input *input)
{
    unsigned char *bytes = station->feed.packed;
    size_t len = deck_input_pack(input, bytes);
    return send(station, &(struct message){
                             .type = DECK_INPUT,
                             .id = (uint16_t)slot,
                             .payload = {(const char *)bytes, len},
                         });
}

/* ---- slots ---- */

static void slot_empty(struct slot *slot)
{
    *slot = (struct slot){0};
}

static int slot_find(const struct feed *feed, const struct feed_input *input)
{
    for (int i = 0; i < DECK_INPUTS_MAX; i++)
        if (feed->slots[i].input.kind != INPUT_NONE &&
            feed_input_same(&feed->slots[i].input, input))
            return i;
    return -1;
}

/* A free slot, else one that is fading out. */
static int slot_free(const struct feed *feed)
{
    int found = -1;
    for (int i = 0; i < DECK_INPUTS_MAX; i++) {
        if (feed->slots[i].input.kind == INPUT_NONE)
            return i;
        if (i != feed->on_slot && feed->slots[i].free_at_us != 0)
            found = i;
    }
    assert(found >= 0); /* one is on, two are watched, the others fade */
    return found;
}

static int slot_open(struct air_station *station, const struct station_tick *tick,
                     const struct feed_input *input, int64_t from_us)
{
    struct feed *feed = &station->feed;
    int i = slot_free(feed);
    struct slot *slot = &feed->slots[i];
    slot_empty(slot);
    slot->input = *input;
    slot->loop_us = from_us;
    if (input->kind == INPUT_PORT) {
        slot->health = (struct health *)&input->port->health;
        slot->next = history_find(input->port->history, (struct utc){from_us});
        health_begin(slot->health, tick->board->rules.silence_switch_s * US_PER_S);
    }
    return i;
}

/* Tells what will come. False: not now. */
static bool slot_tell(struct air_station *station, int i)
{
    struct slot *slot = &station->feed.slots[i];
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    struct deck_input input = {.kind = DECK_CODED};
    switch (slot->input.kind) {
    case INPUT_NONE:
        return true;
    case INPUT_BED:
        input = station->bed;
        break;
    case INPUT_LOOP:
        input.format = loop->tracks[0].format;
        input.setup = buf_str(&loop->tracks[0].setup);
        break;
    case INPUT_PORT:
        input.format = history_format(slot->input.port->history);
        input.setup = history_setup(slot->input.port->history);
        break;
    }
    slot->is_told = send_input(station, i, &input);
    return slot->is_told;
}

static void push_port(struct air_station *station, int i)
{
    struct slot *slot = &station->feed.slots[i];
    const struct history *history = slot->input.port->history;
    if (slot->next < history_first(history))
        slot->next = history_first(history);
    for (; slot->next < history_next(history); slot->next++) {
        struct history_frame frame = history_at(history, slot->next);
        if ((!slot->is_told || frame.link != slot->link) && !slot_tell(station, i))
            return;
        slot->link = frame.link;
        struct message message = {
            .type = DECK_FRAMES,
            .id = (uint16_t)i,
            .at_us = frame.start.us,
            .samples = frame.samples,
            .payload = frame.bytes,
        };
        if (!send(station, &message))
            return;
    }
}

static void push_loop(struct air_station *station, int i, struct utc until)
{
    struct slot *slot = &station->feed.slots[i];
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    const struct loop_track *track = &loop->tracks[0];
    if (!slot->is_told && !slot_tell(station, i))
        return;
    while (slot->loop_us < until.us) {
        struct message message = {.type = DECK_FRAMES, .id = (uint16_t)i, .at_us = slot->loop_us};
        message.payload = loop_track_frame(track, slot->next, &message.samples);
        if (!send(station, &message))
            return;
        slot->next++;
        slot->loop_us += (int64_t)message.samples * US_PER_S / track->format.rate_hz;
    }
}

static void push(struct air_station *station, int i, struct utc now)
{
    struct slot *slot = &station->feed.slots[i];
    if (slot->input.kind == INPUT_PORT)
        push_port(station, i);
    else if (slot->input.kind == INPUT_LOOP)
        push_loop(station, i, (struct utc){now.us + AHEAD_US});
    else if (slot->input.kind == INPUT_BED && !slot->is_told)
        slot_tell(station, i);
}

/* A slot whose input was faded out is given back once that was rendered. */
static void free_faded(struct air_station *station)
{
    struct feed *feed = &station->feed;
    for (int i = 0; i < DECK_INPUTS_MAX; i++) {
        struct slot *slot = &feed->slots[i];
        if (slot->free_at_us == 0 || feed->done_us < slot->free_at_us)
            continue;
        if (send_input(station, i, &(struct deck_input){.kind = DECK_NOTHING}))
            slot_empty(slot);
    }
}

/* ---- a life ---- */

bool feed_is_stale(const struct air_station *station, const struct board_station *board)
{
    const struct feed *feed = &station->feed;
    size_t n = 0;
    for (size_t i = 0; i < board->renditions_count; i++) {
        const struct board_rendition *rendition = &board->renditions[i];
        if (rendition->passthrough)
            continue;
        struct format format = talk_format(rendition);
        if (n == feed->outputs_count || feed->outputs[n] != rendition->live.output ||
            !format_same(&feed->formats[n], &format) ||
            feed->formats[n].bitrate_bps != format.bitrate_bps)
            return true;
        n++;
    }
    return n != feed->outputs_count;
}

static void take_outputs(struct feed *feed, const struct board_station *board)
{
    feed->outputs_count = 0;
    for (size_t i = 0; i < board->renditions_count; i++) {
        const struct board_rendition *rendition = &board->renditions[i];
        if (rendition->passthrough)
            continue;
        feed->outputs[feed->outputs_count] = rendition->live.output;
        feed->formats[feed->outputs_count++] = talk_format(rendition);
    }
}

static bool is_playing(const struct feed *feed, const struct feed_input *input)
{
    return feed->is_on && feed->on_slot >= 0 &&
           feed_input_same(&feed->slots[feed->on_slot].input, input);
}

int64_t feed_whole_from(const struct air_station *station, const struct feed_input *input,
                        struct utc now)
{
    if (input->kind != INPUT_PORT)
        return now.us - FEED_RESUME_US; /* they are there at any time */
    const struct history *history = input->port->history;
    if (is_playing(&station->feed, input))
        return input->port->whole_from_us; /* the deck has what the history forgot */
    if (history_first(history) == history_next(history))
        return now.us - FEED_HOLD_US;
    int64_t first_us = history_at(history, history_first(history)).start.us;
    return first_us > input->port->whole_from_us ? first_us : input->port->whole_from_us;
}

struct utc feed_reached(const struct air_station *station, struct utc now)
{
    const struct feed *feed = &station->feed;
    int64_t end_us = 0;
    if (feed->is_on)
        return (struct utc){feed->run_us};
    for (size_t i = 0; i < feed->outputs_count; i++)
        if (feed->outputs[i]->end.us > end_us)
            end_us = feed->outputs[i]->end.us;
    return now.us - end_us > FEED_RESUME_US ? now : (struct utc){end_us};
}

/* Where an output whose loop is playing will be when the deck is there. */
static int64_t plan_of(const struct air_station *station, struct air_output *output, struct utc now)
{
    const struct air_loop *loop = atomic_load_explicit(&station->loop, memory_order_acquire);
    const struct loop_track *track = output_track(output, loop);
    int64_t at_us = output->end.us;
    for (uint64_t n = output->loop_next; track && at_us < now.us + PLAN_US; n++) {
        uint32_t samples;
        loop_track_frame(track, n, &samples);
        at_us += (int64_t)samples * US_PER_S / track->format.rate_hz;
    }
    output->plan_us = at_us;
    return at_us;
}

/* The instant from which on the deck's frames are wanted for an output. */
static int64_t grid_of(const struct air_station *station, size_t i, int64_t begin_us,
                       struct utc now)
{
    struct air_output *output = station->feed.outputs[i];
    int64_t end_us = output->end.us;
    if (output->feeder == FED_BY_LOOP)
        return plan_of(station, output, now);
    if (end_us >= now.us - FEED_RESUME_US && end_us <= now.us + US_PER_S &&
        begin_us <= end_us + PORT_SEAM_US)
        return end_us;
    int64_t fresh_us = now.us - FEED_LEAD_US;
    /* What came while a first deck did not live long enough is not lost. */
    if (station->missed_from.us < fresh_us && station->missed_from.us > now.us - FEED_RESUME_US)
        fresh_us = station->missed_from.us;
    if (fresh_us < begin_us)
        fresh_us = begin_us;
    return fresh_us > end_us ? fresh_us : end_us;
}

void feed_start(struct air_station *station, const struct station_tick *tick,
                const struct feed_input *input)
{
    struct feed *feed = &station->feed;
    if (feed->is_on || tick->mono.us < feed->start_after.us ||
        station->deck.is_up(station->deck.ctx))
        return;
    int64_t grids_us[DECK_OUTPUTS_MAX];
    int64_t begin_us = feed_whole_from(station, input, tick->now), from_us = tick->now.us;
    take_outputs(feed, tick->board);
    for (size_t i = 0; i < feed->outputs_count; i++) {
        grids_us[i] = grid_of(station, i, begin_us, tick->now);
        if (grids_us[i] < from_us)
            from_us = grids_us[i];
    }
    for (int i = 0; i < DECK_INPUTS_MAX; i++)
        slot_empty(&feed->slots[i]);
    station->deck.start(station->deck.ctx);
    feed->is_on = true;
    feed->has_spoken = feed->has_levels = false;
    feed->from_us = from_us;
    feed->run_us = feed->done_us = from_us - FEED_WARM_UP_US;
    feed->progressed = tick->mono;
    feed->sounds_since.us = 0;
    feed->on_slot = -1;
    tell(station,
         &(struct message){.type = DECK_HELLO, .at_us = feed->run_us, .samples = DECK_VERSION});
    for (size_t i = 0; i < feed->outputs_count; i++)
        send_output(station, (uint16_t)i, (struct utc){grids_us[i]});
    feed_switch(station, tick, input);
}

struct utc feed_switch(struct air_station *station, const struct station_tick *tick,
                       const struct feed_input *input)
{
    struct feed *feed = &station->feed;
    int old = feed->on_slot;
    int slot = slot_find(feed, input);
    if (slot < 0)
        slot = slot_open(station, tick, input, feed->run_us - FEED_LEAD_US);
    feed->slots[slot].free_at_us = 0;
    /* Before the SWITCH, so that what it fades to is there. */
    push(station, slot, tick->now);
    tell(station,
         &(struct message){.type = DECK_SWITCH, .id = (uint16_t)slot, .at_us = feed->run_us});
    if (old >= 0 && old != slot)
        feed->slots[old].free_at_us = feed->run_us + DECK_CROSSFADE_US;
    feed->on_slot = slot;
    return (struct utc){feed->run_us};
}

static bool is_one_of(const struct feed_input *input, const struct feed_input inputs[FEED_WATCHED])
{
    for (int i = 0; i < FEED_WATCHED; i++)
        if (feed_input_same(input, &inputs[i]))
            return true;
    return false;
}

void feed_watch(struct air_station *station, const struct station_tick *tick,
                const struct feed_input inputs[FEED_WATCHED])
{
    struct feed *feed = &station->feed;
    if (!feed->is_on)
        return;
    for (int i = 0; i < DECK_INPUTS_MAX; i++) {
        struct slot *slot = &feed->slots[i];
        if (i != feed->on_slot && slot->input.kind != INPUT_NONE && slot->free_at_us == 0 &&
            !is_one_of(&slot->input, inputs))
            slot->free_at_us = feed->run_us; /* it was watched so far */
    }
    for (int n = 0; n < FEED_WATCHED; n++) {
        if (inputs[n].kind != INPUT_PORT || slot_find(feed, &inputs[n]) >= 0)
            continue;
        for (int i = 0; i < DECK_INPUTS_MAX; i++) {
            if (feed->slots[i].input.kind != INPUT_NONE)
                continue;
            slot_open(station, tick, &inputs[n], feed->run_us - FEED_LEAD_US);
            break;
        }
    }
}

/* How far there is sound for what is on the air. */
static int64_t until(const struct feed *feed, struct utc now)
{
    const struct slot *slot = &feed->slots[feed->on_slot];
    if (slot->input.kind != INPUT_PORT)
        return now.us;
    int64_t end_us = history_end(slot->input.port->history).us - FEED_HOLD_US;
    return end_us < now.us ? end_us : now.us;
}

void feed_run(struct air_station *station, const struct station_tick *tick)
{
    struct feed *feed = &station->feed;
    if (!feed->is_on)
        return;
    if (feed->run_us == feed->done_us)
        feed->progressed = tick->mono;
    free_faded(station);
    for (int i = 0; i < DECK_INPUTS_MAX; i++)
        push(station, i, tick->now);
    int64_t until_us = until(feed, tick->now);
    /* What does not grow any more is asked for to its end. */
    bool is_enough = until_us - feed->run_us >= FEED_STEP_US || until_us == feed->until_us;
    feed->until_us = until_us;
    if (until_us > feed->run_us && is_enough) {
        struct message run = {.type = DECK_RUN, .at_us = until_us};
        if (send(station, &run))
            feed->run_us = until_us;
    }
    station->deck.flush(station->deck.ctx);
}

/* ---- what comes back ---- */

static uint64_t source_on(const struct air_station *station)
{
    return station->on_air.kind == INPUT_PORT ? station->on_air.port->facts.id : 0;
}

static void take_out(struct air_station *station, const struct message *m, struct utc now)
{
    struct feed *feed = &station->feed;
    if (m->id >= feed->outputs_count || m->payload.len == 0 || m->samples == 0 ||
        m->samples > UINT16_MAX)
        return; /* not what it was asked for */
    struct air_output *output = feed->outputs[m->id];
    struct utc start = {m->at_us};
    station_tell_titles(station, output, start);
    output_append(output, m->payload, m->samples, &feed->formats[m->id], start, false);
    output->plan_us = 0;
    output_feed(output, FED_BY_DECK, source_on(station), now);
}

static void take_levels(struct air_station *station, const struct message *m,
                        const struct board_rules *rules)
{
    struct feed *feed = &station->feed;
    struct deck_levels levels;
    if (deck_levels_unpack(m->payload, &levels) != OK)
        return;
    if (m->id == DECK_PROGRAMME) {
        feed->levels = levels;
        feed->has_levels = true;
    } else if (m->id < DECK_INPUTS_MAX && feed->slots[m->id].health) {
        health_judge(feed->slots[m->id].health, &levels, (struct utc){m->at_us}, rules);
    }
}

static void take_trouble(struct air_station *station, const struct message *m)
{
    struct log_text text;
    if (m->id >= DECK_INPUTS_MAX || station->feed.slots[m->id].input.kind != INPUT_PORT)
        return;
    struct port *port = (struct port *)station->feed.slots[m->id].input.port;
    log_warn(EV_DECK, "station=%s mount=%s text=%s", station->slug, port->facts.mount,
             log_text(&text, m->payload));
    atomic_store_explicit(&port->given_up, "what it sends cannot be decoded", memory_order_release);
}

static void take(struct air_station *station, const struct station_tick *tick,
                 const struct message *m)
{
    struct feed *feed = &station->feed;
    feed->has_spoken = true;
    feed->progressed = tick->mono;
    if (m->type == DECK_OUT) {
        if (feed->sounds_since.us == 0)
            feed->sounds_since = tick->mono;
        take_out(station, m, tick->now);
    } else if (m->type == DECK_LEVELS) {
        take_levels(station, m, &tick->board->rules);
    } else if (m->type == DECK_TROUBLE) {
        take_trouble(station, m);
    } else if (m->type == DECK_DONE && m->at_us > feed->done_us) {
        feed->done_us = m->at_us;
    }
}

bool feed_take(struct air_station *station, const struct station_tick *tick, const char **why)
{
    struct feed *feed = &station->feed;
    const struct channel *deck = &station->deck;
    struct message message;
    enum err err = OK;
    if (!feed->is_on) {
        /* What one that was ended had still to say: it is up until that is taken. */
        while (deck->receive(deck->ctx, &message) == OK)
            continue;
        return true;
    }
    while ((err = deck->receive(deck->ctx, &message)) == OK)
        take(station, tick, &message);
    int64_t patience_us = feed->has_spoken ? FEED_HANG_US : FEED_START_US;
    *why = NULL;
    if (err != E_AGAIN)
        *why = "it does not keep to the protocol";
    else if (!deck->is_up(deck->ctx))
        *why = "it died";
    else if (feed->run_us > feed->done_us && tick->mono.us - feed->progressed.us > patience_us)
        *why = "it hangs";
    else if (feed->has_spoken && feed->run_us - feed->done_us > FEED_SLOW_US)
        *why = "it is too slow";
    return *why == NULL;
}

void feed_stop(struct air_station *station)
{
    struct feed *feed = &station->feed;
    if (!feed->is_on)
        return;
    station->deck.kill(station->deck.ctx);
    station->deck.flush(station->deck.ctx);
    feed->is_on = feed->has_levels = false;
    feed->on_slot = -1;
    for (int i = 0; i < DECK_INPUTS_MAX; i++)
        slot_empty(&feed->slots[i]);
}

void feed_forget(struct air_station *station, const struct port *port)
{
    struct feed *feed = &station->feed;
    for (int i = 0; i < DECK_INPUTS_MAX; i++) {
        struct slot *slot = &feed->slots[i];
        if (slot->input.port == port && i != feed->on_slot && slot->free_at_us == 0)
            slot->free_at_us = feed->run_us;
    }
}
