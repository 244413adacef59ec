/* test/unit/air/air_room.h - an air on a virtual clock, with a board made in memory, tapes in RAM
 * and sources whose bytes are pushed by hand. */
#ifndef MAST_TEST_AIR_ROOM_H
#define MAST_TEST_AIR_ROOM_H

#include "../media/media_test.h"

#include "air/air_priv.h"

#define TICK_US     (AIR_TICK_MS * US_PER_MS)
#define START       (INT64_C(1795392000) * US_PER_S)
#define MP3_BYTES   417 /* 128 kbit/s at 44.1 kHz, never padded */
#define MP3_SAMPLES 1152
#define FRAME_US    INT64_C(26122) /* and a half */
#define FEEDERS_MAX 4

/* A source that makes MP3 frames, each of which says whose it is and which. */
struct feeder {
    struct port *port;
    unsigned char name;
    bool is_silent; /* makes nothing */
    int64_t drift_ppm;
    int64_t made_ns; /* so much sound was pushed */
    int64_t clock_ns;
    uint32_t seq;
};

struct world {
    struct clock clock;
    int64_t mono_us, ahead_us;
    struct tape *tape;
    struct board_station station;
    struct board board;
    struct board_place place;
    struct air *air;
    struct feeder feeders[FEEDERS_MAX];
    size_t feeders_count;
};

static inline struct utc world_utc(void *ctx)
{
    struct world *w = ctx;
    return (struct utc){w->mono_us + w->ahead_us};
}

static inline struct mono world_mono(void *ctx)
{
    struct world *w = ctx;
    return (struct mono){w->mono_us};
}

static inline struct utc now_of(const struct world *w)
{
    return clock_utc(air_clock(w->air));
}

static inline void add_source(struct world *w, const char *mount, const char *user)
{
    struct board_source *source = &w->station.sources[w->station.sources_count++];
    str_copy(source->mount, sizeof source->mount, str_of(mount));
    str_copy(source->user, sizeof source->user, str_of(user));
}

/* One station "wxyz" with one rendition and the sources /main, /backup. */
static inline struct world *world_new(enum codec codec)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->clock = (struct clock){w, world_utc, world_mono};
    w->mono_us = 100 * US_PER_S;
    w->ahead_us = START - w->mono_us;
    struct tape_config tape = {.name = "wxyz/main", .codec = codec, .bitrate_bps = 128000};
    assert_int_equal(tape_open(&tape, world_utc(w), &w->tape), OK);
    struct board_rendition *rendition = &w->station.renditions[w->station.renditions_count++];
    str_copy(w->station.slug, sizeof w->station.slug, STR("wxyz"));
    str_copy(rendition->slug, sizeof rendition->slug, STR("main"));
    rendition->codec = codec;
    rendition->passthrough = true;
    w->station.rules = (struct board_rules){.stall_ms = 1500,
                                            .silence_dbfs = -50,
                                            .silence_alarm_s = 10,
                                            .silence_switch_s = 20,
                                            .return_after_s = 5};
    assert_int_equal(air_station_new("wxyz", NULL, &w->station.air), OK);
    rendition->live.tape = w->tape;
    assert_int_equal(air_output_new(w->tape, &rendition->live.output), OK);
    add_source(w, "/main", "studio");
    add_source(w, "/backup", "studio");
    w->board.stations = &w->station;
    w->board.stations_count = 1;
    atomic_store(&w->place.now, &w->board);
    struct air_config config = {
        .clock = &w->clock, .place = &w->place, .source_timeout_ms = 10000, .sources_max = 4};
    assert_int_equal(air_new(&config, &w->air), OK);
    return w;
}

static inline struct air_output *output_of(const struct world *w)
{
    return w->station.renditions[0].live.output;
}

static inline void world_free(struct world *w)
{
    struct air_output *output = output_of(w);
    air_free(&w->air);
    air_output_free(&output);
    air_station_free(&w->station.air);
    tape_close(&w->tape);
    free(w);
}

static inline enum err try_login(struct world *w, const char *mount, const char *user,
                                 enum container container, struct port **port)
{
    struct source_facts facts = {0};
    str_copy(facts.station, sizeof facts.station, STR("wxyz"));
    str_copy(facts.mount, sizeof facts.mount, str_of(mount));
    str_copy(facts.user, sizeof facts.user, str_of(user));
    enum err err = air_admit(w->air, &facts, container, port);
    if (!err)
        atomic_store(&(*port)->last_bytes_mono_us, w->mono_us);
    return err;
}

static inline struct port *login(struct world *w, const char *mount, enum container container)
{
    struct port *port;
    assert_int_equal(try_login(w, mount, "studio", container, &port), OK);
    return port;
}

/* As its loop does once the air has let go. */
static inline void forget(struct world *w, struct port *port)
{
    assert_true(atomic_load(&port->air_is_done));
    for (size_t i = 0; i < w->feeders_count; i++)
        if (w->feeders[i].port == port)
            w->feeders[i].port = NULL;
    air_ports_remove(w->air, port);
    port_free(&port);
}

static inline void push_bytes(struct port *port, struct str bytes)
{
    assert_int_equal(ring_push(port->ring, bytes), bytes.len);
}

static inline struct feeder *add_feeder(struct world *w, const char *mount, unsigned char name)
{
    assert_true(w->feeders_count < FEEDERS_MAX);
    struct feeder *f = &w->feeders[w->feeders_count++];
    *f = (struct feeder){.port = login(w, mount, CONTAINER_MPEG), .name = name};
    return f;
}

/* Frame number `seq` of source `name`. */
static inline void make_frame(unsigned char out[MP3_BYTES], unsigned char name, uint32_t seq)
{
    memset(out, 0x55, MP3_BYTES);
    mpeg_head(&mpeg_usual, out);
    out[40] = name;
    for (int i = 0; i < 5; i++)
        out[41 + i] = (unsigned char)(seq >> (6 * i) & 0x3F); /* never looks like a header */
}

static inline void push_frames(struct feeder *f, unsigned count)
{
    unsigned char frame[MP3_BYTES];
    for (unsigned i = 0; i < count; i++) {
        make_frame(frame, f->name, f->seq++);
        push_bytes(f->port, (struct str){(const char *)frame, sizeof frame});
        f->made_ns += INT64_C(1000000000) * MP3_SAMPLES / 44100;
    }
}

/* Sound that it had made before, on top of what it makes. */
static inline void push_burst(struct feeder *f, unsigned count)
{
    int64_t made_ns = f->made_ns;
    push_frames(f, count);
    f->made_ns = made_ns;
}

static inline void feed(struct world *w, struct feeder *f)
{
    if (!f->port || f->is_silent)
        return;
    f->clock_ns += TICK_US * 1000 + TICK_US * f->drift_ppm / 1000;
    while (f->made_ns <= f->clock_ns)
        push_frames(f, 1);
    atomic_store(&f->port->last_bytes_mono_us, w->mono_us);
}

static inline void tick(struct world *w)
{
    w->mono_us += TICK_US;
    for (size_t i = 0; i < w->feeders_count; i++)
        feed(w, &w->feeders[i]);
    air_tick(w->air);
}

static inline void pass(struct world *w, int64_t span_us)
{
    for (int64_t end_us = w->mono_us + span_us; w->mono_us < end_us;)
        tick(w);
}

/* Whose frame lies at a position of the tape, and which. */
struct heard {
    unsigned char name;
    uint32_t seq;
    struct utc start;
};

static inline struct heard hear(const struct world *w, uint64_t pos)
{
    struct iovec span;
    struct heard h = {0};
    assert_int_equal(tape_span(w->tape, pos, pos + MP3_BYTES, &span), OK);
    const unsigned char *frame = span.iov_base;
    h.name = frame[40];
    for (int i = 0; i < 5; i++)
        h.seq |= (uint32_t)frame[41 + i] << (6 * i);
    unsigned char wanted[MP3_BYTES];
    make_frame(wanted, h.name, h.seq);
    assert_memory_equal(frame, wanted, MP3_BYTES);
    assert_int_equal(tape_time_of(w->tape, pos, &h.start), OK);
    return h;
}

static inline uint64_t frames_on_tape(const struct world *w)
{
    assert_int_equal(tape_head(w->tape) % MP3_BYTES, 0);
    return tape_head(w->tape) / MP3_BYTES;
}

/* How far the tape's end lies behind station time. */
static inline int64_t behind_us(const struct world *w)
{
    return now_of(w).us - tape_end(w->tape).us;
}

static inline bool is_on_air(const struct world *w, const struct feeder *f)
{
    return air_output_source(output_of(w)) == f->port->facts.id;
}

#endif
