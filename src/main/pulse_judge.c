/* main/pulse_judge.c - does audio advance? Contract in pulse.h */
#include "main/pulse.h"

#include <stdio.h>

bool pulse_tape_stands(const struct pulse_tape *tape)
{
    if (tape->since.us == 0 || !tape->has_advanced)
        return false;
    /* What came before it was on the air is not owed. */
    int64_t from_us = tape->end.us > tape->since.us ? tape->end.us : tape->since.us;
    return tape->sound_until.us - from_us > PULSE_LAG_US;
}

bool pulse_judge(const struct pulse_facts *facts, char why[PULSE_WHY_BYTES])
{
    why[0] = '\0';
    if (facts->ticks_count == 0)
        snprintf(why, PULSE_WHY_BYTES, "the air does not tick");
    else if (facts->silent_loop < facts->loops_count)
        snprintf(why, PULSE_WHY_BYTES, "loop %u does not answer", facts->silent_loop);
    else if (facts->stands)
        snprintf(why, PULSE_WHY_BYTES, "%s is %lld s behind its sound", facts->stands->name,
                 (long long)((facts->stands->sound_until.us - facts->stands->end.us) / US_PER_S));
    return why[0] == '\0';
}
