/* main/simulate.c - contract in simulate.h */
#include "main/simulate.h"

#include "base/crypto.h"
#include "base/log.h"
#include "sim/sim.h"

#include <stdio.h>
#include <string.h>

#define HOURS_MAX 100000

static const char usage[] =
    "mast sim [--seed N] [--hours H] [--trace] [--log]\n"
    "\n"
    "Runs the sound lane on a virtual clock, with faults that follow from the seed, and ends with\n"
    "exit code 1 at the first promise that is not kept. --trace tells all that happens,\n"
    "--log what the station says of it.\n";

struct arguments {
    uint64_t seed, hours;
    bool is_traced, is_logged;
};

static bool take_number(int argc, char **argv, int *i, uint64_t max, uint64_t *out)
{
    return *i + 1 < argc && str_parse_u64(str_of(argv[++*i]), max, out) == OK;
}

static bool read_arguments(int argc, char **argv, struct arguments *a)
{
    *a = (struct arguments){.seed = 1, .hours = 1};
    for (int i = 2; i < argc; i++) {
        bool is_known = true;
        if (strcmp(argv[i], "--seed") == 0)
            is_known = take_number(argc, argv, &i, UINT64_MAX, &a->seed);
        else if (strcmp(argv[i], "--hours") == 0)
            is_known = take_number(argc, argv, &i, HOURS_MAX, &a->hours) && a->hours > 0;
        else if (strcmp(argv[i], "--trace") == 0)
            a->is_traced = true;
        else if (strcmp(argv[i], "--log") == 0)
            a->is_logged = true;
        else
            is_known = false;
        if (!is_known)
            return false;
    }
    return true;
}

#define U(value) ((unsigned long long)(value))

static void tell(const struct arguments *a, const struct sim_result *r)
{
    printf("seed %llu: %s\n", U(a->seed), r->setting);
    printf("sources: %llu stalls, %llu leaves, %llu flappings, %llu times not worth hearing, %llu "
           "changes of format, %llu cut off or refused\n",
           U(r->stalls), U(r->leaves), U(r->flaps), U(r->odd), U(r->format_changes), U(r->refused));
    printf("station: %llu switches (at most %u in a flapping), %llu alarms, %llu holes; deck "
           "started %llu times, died %llu, hung %llu; clock set forward %llu times, back %llu\n",
           U(r->switches), r->most_flap_switches, U(r->faults), U(r->holes), U(r->deck_starts),
           U(r->deck_deaths), U(r->deck_hangs), U(r->clock_forward), U(r->clock_backward));
    printf("listeners: %llu came (%llu before there were 3 s to give), served %llu times, "
           "%llu dropped for their own delay, %llu waited since station time was slowed down, %llu "
           "underruns\n",
           U(r->joined), U(r->early), U(r->served), U(r->dropped), U(r->owed), U(r->underruns));
    printf("worst: %lld ms in hand of a listener, %lld ms with nothing to play in the deck\n",
           r->joined > 0 ? (long long)(r->least_in_hand_us / US_PER_MS) : 0,
           (long long)(r->most_missing_us / US_PER_MS));
    printf("memory: %llu bytes after an hour, %llu at the end\n", U(r->memory_then),
           U(r->memory_now));
    printf("simulated %.2f h in %.2f s, %.2f us a tick; hash %016llx\n", r->simulated_s / 3600,
           r->real_s, r->ticks > 0 ? r->real_s * 1e6 / (double)r->ticks : 0, U(r->hash));
}

int command_sim(int argc, char **argv)
{
    struct arguments a;
    struct sim_result result;
    if (!read_arguments(argc, argv, &a)) {
        fputs(usage, stderr);
        return 2;
    }
    struct log_config log = {.level = a.is_logged ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR};
    log.clock = clock_real();
    if (log_start(&log) != OK)
        return 1;
    struct sim_config config = {a.seed, (uint32_t)a.hours, a.is_traced};
    enum err err = sim_run(&config, &result);
    log_stop();
    if (err) {
        fprintf(stderr, "mast: the simulator could not be set up: %s\n", err_text(err));
        return 1;
    }
    tell(&a, &result);
    if (result.broken[0] == '\0')
        return 0;
    printf("BROKEN at %s: %s\nagain: mast sim --seed %llu --hours %llu --trace\n", result.when,
           result.broken, U(a.seed), U(a.hours));
    return 1;
}
