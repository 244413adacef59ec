/* sim/sim_source.c - contract in sim_source.h */
#include "sim/sim_source.h"

#include <stdio.h>
#include <string.h>

#define NS_PER_US   INT64_C(1000)
#define TIMEOUT_US  (10 * US_PER_S) /* a silent connection is ended by its loop */
#define MINUTE_US   (60 * US_PER_S)
#define FLAP_US     (15 * US_PER_S) /* 20 times in 5 minutes */
#define LINK_FRAMES 40              /* its line carries so many in 20 ms: 50 times what it needs */
#define JITTER_US   (80 * US_PER_MS)

static int64_t now_of(const struct sim_source *source)
{
    return source->config.clock->mono_us;
}

static int64_t between(struct sim_source *source, int64_t low, int64_t high)
{
    return sim_random_between(&source->random, low, high);
}

static int64_t about(struct sim_source *source, int64_t span_us)
{
    return span_us == 0 ? INT64_MAX
                        : now_of(source) + between(source, span_us / 10, span_us * 19 / 10);
}

static void tell(struct sim_source *source, const char *what, int64_t for_us)
{
    if (for_us > 0)
        sim_say(source->config.trace, "%s %s for %lld ms", source->config.mount, what,
                (long long)(for_us / US_PER_MS));
    else
        sim_say(source->config.trace, "%s %s", source->config.mount, what);
}

static void be(struct sim_source *source, enum sim_source_phase phase, int64_t for_us)
{
    source->phase = phase;
    source->phase_end_us = now_of(source) + for_us;
    if (phase != SIM_PHASE_GOOD)
        source->clean_since_us = 0;
}

void sim_source_init(struct sim_source *source, const struct sim_source_config *config)
{
    *source = (struct sim_source){
        .config = *config,
        .random = sim_random_fork(config->seed, config->name),
        .kind = SIM_KIND_USUAL,
        .leave_due_us = INT64_MAX,
    };
    source->drift_ppm = between(source, -100, 100);
    be(source, SIM_PHASE_AWAY, between(source, 0, 20 * US_PER_S));
}

/* ---- its connection ---- */

static void forget_waiting(struct sim_source *source)
{
    source->waiting_count = 0;
    source->frame_bytes = source->frame_sent = 0;
}

static void drop_port(struct sim_source *source)
{
    assert(source->leaving_count < SIM_LEAVING_MAX);
    inject_end(source->port);
    source->leaving[source->leaving_count++] = source->port;
    source->port = NULL;
    forget_waiting(source);
}

bool sim_source_is_gone(struct sim_source *source)
{
    size_t kept = 0;
    for (size_t i = 0; i < source->leaving_count; i++) {
        struct port *port = source->leaving[i];
        if (inject_is_gone(port))
            inject_free(source->config.air, &port);
        else
            source->leaving[kept++] = port;
    }
    source->leaving_count = kept;
    return !source->port && kept == 0;
}

static void log_in(struct sim_source *source)
{
    struct source_facts facts = {0};
    struct port *port;
    str_copy(facts.station, sizeof facts.station, str_of(source->config.station));
    str_copy(facts.mount, sizeof facts.mount, str_of(source->config.mount));
    str_copy(facts.user, sizeof facts.user, str_of(source->config.user));
    bool is_adts = !source->config.is_plain && sim_random_chance(&source->random, 10);
    enum err err = source->leaving_count + 2 > SIM_LEAVING_MAX
                       ? E_BUSY
                       : inject_open(source->config.air, &facts,
                                     is_adts ? CONTAINER_ADTS : CONTAINER_MPEG, &port);
    if (err) {
        source->refused_count++;
        be(source, SIM_PHASE_AWAY, US_PER_S);
        return;
    }
    if (source->port)
        drop_port(source); /* the one that hangs */
    source->port = port;
    source->is_adts = is_adts;
    source->kind = is_adts ? SIM_KIND_ADTS : SIM_KIND_USUAL;
    source->voice = (struct sim_voice){
        .name = source->config.name, .sound = SIM_LOUD, .life = source->voice.life + 1};
    source->voice.life &= 0xFFF;
    source->last_taken_us = now_of(source);
    source->blocked_until_us = 0;
    source->made_ns = source->clock_ns;
    if (sim_random_chance(&source->random, 30)) /* what it has kept for newcomers comes first */
        source->made_ns -= between(source, 0, 6 * US_PER_S) * NS_PER_US;
    be(source, SIM_PHASE_GOOD, 0);
    source->clean_since_us = now_of(source);
    source->fault_due_us = about(source, source->config.fault_every_us);
    if (source->config.stays_us != 0 && source->leave_due_us == INT64_MAX)
        source->leave_due_us = about(source, source->config.stays_us);
    tell(source, is_adts ? "logs in with AAC" : "logs in", 0);
}

/* Goes away; as often as not in the middle of a frame. */
static void leave(struct sim_source *source, const char *what, int64_t for_us)
{
    unsigned char frame[SIM_FRAME_MAX_BYTES];
    if (source->port && sim_random_chance(&source->random, 50)) {
        sim_frame_make(source->kind, &source->voice, frame);
        size_t bytes = (size_t)between(source, 1, sim_kind(source->kind)->bytes - 1);
        bytes =
            inject_push(source->config.air, source->port, (struct str){(const char *)frame, bytes});
        sim_mix(source->config.trace, bytes);
    }
    if (source->port)
        drop_port(source);
    be(source, SIM_PHASE_AWAY, for_us);
    tell(source, what, for_us);
}

int64_t sim_source_waiting_us(const struct sim_source *source)
{
    const struct sim_kind *kind = sim_kind(source->kind);
    return (int64_t)source->waiting_count * kind->samples * US_PER_S / kind->rate_hz;
}

void sim_source_end(struct sim_source *source)
{
    source->leave_due_us = INT64_MAX;
    source->flap_end_us = 0;
    leave(source, "ends", INT64_MAX / 4);
}

/* As a source's loop looks at it five times a second. */
static void look_at_port(struct sim_source *source)
{
    int64_t now_us = now_of(source);
    const char *why = inject_refused(source->port);
    if (!why && now_us - source->last_taken_us > TIMEOUT_US)
        why = "it sent nothing for too long";
    if (!why)
        return;
    source->refused_count++;
    tell(source, why, 0);
    drop_port(source);
    be(source, SIM_PHASE_AWAY, between(source, US_PER_S / 2, 5 * US_PER_S));
}

/* ---- what goes wrong ---- */

static void begin_flapping(struct sim_source *source)
{
    source->flap_end_us = now_of(source) + 5 * MINUTE_US;
    source->flap_up_us = between(source, 2, 14) * US_PER_S;
    source->flap_down_us = FLAP_US - source->flap_up_us;
    source->flaps_count++;
    tell(source, "begins to flap: up", source->flap_up_us);
}

static void be_odd(struct sim_source *source)
{
    static const char *const names[] = {"is silent", "has a dead channel", "is one tone"};
    unsigned which = (unsigned)between(source, 0, 2);
    int64_t for_us = between(source, 2 * US_PER_S, 90 * US_PER_S);
    source->voice.sound = (uint8_t)(SIM_SILENT + which);
    source->odd_count++;
    be(source, SIM_PHASE_ODD, for_us);
    tell(source, names[which], for_us);
}

static void change_format(struct sim_source *source)
{
    size_t before = source->kind;
    if (source->config.is_plain)
        return;
    source->kind = source->is_adts ? (size_t)between(source, SIM_KIND_ADTS, SIM_KINDS - 1)
                                   : (size_t)between(source, 0, SIM_KIND_ADTS - 1);
    if (source->kind == before)
        return;
    source->changes_count++;
    tell(source, "changes its format", 0);
    source->clean_since_us = now_of(source);
}

static void stall(struct sim_source *source, enum sim_source_phase phase, const char *what)
{
    /* Short ones are borne, longer ones are not. */
    int64_t for_us = sim_random_chance(&source->random, 50)
                         ? between(source, 200 * US_PER_MS, 1400 * US_PER_MS)
                         : between(source, 1400 * US_PER_MS, 12 * US_PER_S);
    source->stalls_count++;
    be(source, phase, for_us);
    if (phase == SIM_PHASE_STALL)
        source->blocked_until_us = now_of(source) + for_us;
    tell(source, what, for_us);
}

static void begin_fault(struct sim_source *source)
{
    enum { STALL, FREEZE, SHAKE, LEAVE, FLAP, DEAF, ODD, NOISE, WRONG, RUSH, FORMAT, FAULTS };
    static const unsigned weights[FAULTS] = {
        [STALL] = 20, [FREEZE] = 15, [SHAKE] = 10, [LEAVE] = 15, [FLAP] = 3,   [DEAF] = 5,
        [ODD] = 10,   [NOISE] = 5,   [WRONG] = 2,  [RUSH] = 5,   [FORMAT] = 10};
    int64_t for_us;
    source->fault_due_us = about(source, source->config.fault_every_us);
    switch (sim_random_pick(&source->random, weights, FAULTS)) {
    case STALL:
        stall(source, SIM_PHASE_STALL, "stalls");
        break;
    case FREEZE:
        stall(source, SIM_PHASE_FROZEN, "freezes");
        break;
    case SHAKE:
        for_us = between(source, 5 * US_PER_S, 60 * US_PER_S);
        be(source, SIM_PHASE_SHAKY, for_us);
        tell(source, "is shaky", for_us);
        break;
    case LEAVE:
        source->leaves_count++;
        leave(source, "leaves",
              sim_random_chance(&source->random, 70)
                  ? between(source, 300 * US_PER_MS, 20 * US_PER_S)
                  : between(source, 20 * US_PER_S, 20 * MINUTE_US));
        break;
    case FLAP:
        begin_flapping(source);
        break;
    case DEAF:
        for_us = between(source, 1500 * US_PER_MS, 9 * US_PER_S);
        be(source, SIM_PHASE_DEAF, for_us);
        tell(source, "loses its connection, unheard,", for_us);
        break;
    case ODD:
        be_odd(source);
        break;
    case NOISE:
        for_us = between(source, 30 * US_PER_MS, 8 * US_PER_S);
        be(source, SIM_PHASE_NOISE, for_us);
        tell(source, "sends noise", for_us);
        break;
    case WRONG:
        for_us = between(source, 3 * US_PER_S, 30 * US_PER_S);
        be(source, SIM_PHASE_WRONG, for_us);
        source->kind = source->is_adts ? SIM_KIND_USUAL : SIM_KIND_ADTS;
        tell(source, "sends another codec than it announced", for_us);
        break;
    case RUSH:
        for_us = between(source, 5 * US_PER_S, 40 * US_PER_S);
        be(source, SIM_PHASE_RUSH, for_us);
        tell(source, "rushes", for_us);
        break;
    default:
        change_format(source);
        break;
    }
}

static void end_phase(struct sim_source *source)
{
    switch (source->phase) {
    case SIM_PHASE_AWAY:
    case SIM_PHASE_DEAF:
        log_in(source);
        return;
    case SIM_PHASE_WRONG:
        leave(source, "notices", between(source, US_PER_S / 2, 3 * US_PER_S));
        return;
    case SIM_PHASE_RUSH:
        source->waiting_count = 0; /* or it would be late for good */
        break;
    default:
        break;
    }
    source->voice.sound = SIM_LOUD;
    be(source, SIM_PHASE_GOOD, 0);
    source->clean_since_us = now_of(source);
}

static void flap(struct sim_source *source)
{
    if (now_of(source) >= source->flap_end_us) {
        source->flap_end_us = 0;
        tell(source, "flaps no more", 0);
        return;
    }
    if (source->port && now_of(source) - source->last_flap_us >= FLAP_US) {
        source->last_flap_us = now_of(source);
        leave(source, "flaps", source->flap_down_us);
    }
}

static void turn(struct sim_source *source)
{
    int64_t now_us = now_of(source);
    if (source->phase != SIM_PHASE_GOOD && now_us >= source->phase_end_us)
        end_phase(source);
    if (source->flap_end_us != 0) {
        flap(source);
        return;
    }
    if (source->port && now_us >= source->leave_due_us) {
        source->leave_due_us = INT64_MAX;
        leave(source, "is done", about(source, source->config.stays_away_us) - now_us);
    } else if (source->phase == SIM_PHASE_GOOD && now_us >= source->fault_due_us) {
        begin_fault(source);
    }
}

/* ---- sound ---- */

static void wait_in_line(struct sim_source *source)
{
    size_t at = (source->waiting_from + source->waiting_count) % SIM_WAITING_MAX;
    if (source->waiting_count == SIM_WAITING_MAX)
        return; /* the encoder throws away what finds no room */
    source->waiting[at] = (struct sim_waiting){(uint8_t)source->kind, source->voice};
    source->waiting_count++;
}

static void encode(struct sim_source *source, int64_t passed_us)
{
    const struct sim_kind *kind = sim_kind(source->kind);
    int64_t frame_ns = (int64_t)kind->samples * 1000000000 / kind->rate_hz;
    int64_t passed_ns = passed_us * NS_PER_US + passed_us * source->drift_ppm / 1000;
    source->clock_ns += source->phase == SIM_PHASE_RUSH ? 3 * passed_ns : passed_ns;
    if (!source->port || source->phase == SIM_PHASE_FROZEN) {
        source->made_ns = source->clock_ns;
        return;
    }
    for (; source->made_ns + frame_ns <= source->clock_ns; source->made_ns += frame_ns) {
        wait_in_line(source);
        source->voice.seq++;
    }
}

static void make_frame(struct sim_source *source)
{
    const struct sim_waiting *first = &source->waiting[source->waiting_from];
    sim_frame_make(first->kind, &first->voice, source->frame);
    source->frame_bytes = sim_kind(first->kind)->bytes;
    source->frame_sent = 0;
    if (source->phase == SIM_PHASE_NOISE)
        for (size_t i = 0; i < source->frame_bytes; i++)
            source->frame[i] = (unsigned char)sim_random_next(&source->random);
    source->waiting_from = (source->waiting_from + 1) % SIM_WAITING_MAX;
    source->waiting_count--;
}

/* Gives what has arrived. */
static void deliver(struct sim_source *source)
{
    int64_t now_us = now_of(source);
    if (now_us < source->blocked_until_us || source->phase == SIM_PHASE_DEAF)
        return;
    for (unsigned n = 0;
         n < LINK_FRAMES && (source->frame_sent < source->frame_bytes || source->waiting_count > 0);
         n++) {
        if (source->frame_sent == source->frame_bytes)
            make_frame(source);
        size_t wanted = source->frame_bytes - source->frame_sent;
        size_t taken =
            inject_push(source->config.air, source->port,
                        (struct str){(const char *)source->frame + source->frame_sent, wanted});
        source->frame_sent += taken;
        source->last_taken_us = now_us; /* if it was kept waiting, that was not its fault */
        if (taken < wanted)
            break;
    }
    if (source->phase == SIM_PHASE_SHAKY)
        source->blocked_until_us = now_us + between(source, 0, 1100 * US_PER_MS);
    else if (sim_random_chance(&source->random, 1))
        source->blocked_until_us = now_us + between(source, 0, JITTER_US);
}

void sim_source_tick(struct sim_source *source, int64_t passed_us)
{
    if (source->leaving_count > 0)
        (void)sim_source_is_gone(source);
    turn(source);
    if (source->port)
        look_at_port(source);
    encode(source, passed_us);
    if (source->port)
        deliver(source);
}
