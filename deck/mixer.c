#include "mixer.h"

#include <math.h>

#define QUARTER 1.5707963267948966

void mixer_init(struct mixer *mixer)
{
    *mixer = (struct mixer){.on = DECK_NO_INPUT};
    for (size_t i = 0; i <= GRID_CROSSFADE; i++)
        mixer->gains[i] = (float)sin(QUARTER * (double)i / GRID_CROSSFADE);
}

enum err mixer_switch(struct mixer *mixer, int64_t at, uint16_t slot)
{
    while (mixer->switches_count > 0 && mixer->switches[mixer->switches_count - 1].at >= at)
        mixer->switches_count--;
    if (mixer->switches_count == MIXER_SWITCHES_MAX)
        return E_LIMIT;
    mixer->switches[mixer->switches_count++] = (struct mixer_switch){at, slot};
    return OK;
}

void mixer_set(struct mixer *mixer, uint16_t slot)
{
    mixer->on = slot;
    for (uint16_t i = 0; i < DECK_INPUTS_MAX; i++)
        mixer->place[i] = i == slot ? GRID_CROSSFADE : 0;
}

int64_t mixer_turn(struct mixer *mixer, int64_t at)
{
    size_t due = 0;
    while (due < mixer->switches_count && mixer->switches[due].at <= at)
        mixer->on = mixer->switches[due++].slot;
    mixer->switches_count -= due;
    for (size_t i = 0; i < mixer->switches_count; i++)
        mixer->switches[i] = mixer->switches[i + due];
    return mixer->switches_count > 0 ? mixer->switches[0].at : INT64_MAX;
}

uint16_t mixer_sole(const struct mixer *mixer)
{
    for (uint16_t i = 0; i < DECK_INPUTS_MAX; i++) {
        if (mixer->place[i] != (i == mixer->on ? GRID_CROSSFADE : 0))
            return DECK_NO_INPUT;
    }
    return mixer->on;
}

bool mixer_is_out(const struct mixer *mixer, uint16_t slot)
{
    return mixer->on != slot && mixer->place[slot] == 0;
}

void mixer_add(struct mixer *mixer, uint16_t slot, const float *const from[2], size_t samples,
               float *const to[2])
{
    uint16_t place = mixer->place[slot];
    bool is_up = mixer->on == slot;
    size_t i = 0;
    for (; i < samples && place != (is_up ? GRID_CROSSFADE : 0); i++) {
        place = (uint16_t)(is_up ? place + 1 : place - 1);
        to[0][i] += from[0][i] * mixer->gains[place];
        to[1][i] += from[1][i] * mixer->gains[place];
    }
    mixer->place[slot] = place;
    for (; is_up && i < samples; i++) {
        to[0][i] += from[0][i];
        to[1][i] += from[1][i];
    }
}
