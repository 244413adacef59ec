/* sim/sim_trace.c - contract in sim_trace.h */
#include "sim/sim_trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LINE_BYTES 240

void sim_trace_init(struct sim_trace *trace, bool is_shown)
{
    *trace = (struct sim_trace){.hash = 1, .is_shown = is_shown};
}

void sim_time_format(const struct sim_trace *trace, int64_t mono_us, char out[SIM_TIME_BYTES])
{
    long long ms = (long long)((mono_us - trace->start_us) / US_PER_MS);
    snprintf(out, SIM_TIME_BYTES, "%lld:%02lld:%02lld.%03lld", ms / 3600000, ms / 60000 % 60,
             ms / 1000 % 60, ms % 1000);
}

void sim_say(struct sim_trace *trace, const char *format, ...)
{
    char line[LINE_BYTES + 8] = {0}, time[SIM_TIME_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(line, LINE_BYTES, format, args);
    va_end(args);
    sim_mix(trace, (uint64_t)trace->now_us);
    for (size_t i = 0, len = strlen(line); i < len; i += 8) {
        uint64_t word;
        memcpy(&word, line + i, sizeof word);
        sim_mix(trace, word);
    }
    if (!trace->is_shown)
        return;
    sim_time_format(trace, trace->now_us, time);
    printf("%s %s\n", time, line);
}
