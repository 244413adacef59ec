/* air/choose.c - contract in choose_priv.h */
#include "air/choose_priv.h"

#define DEATHS_WITHIN_US (60 * US_PER_S)
#define BARRED_US        (300 * US_PER_S)

int64_t standing_wait_us(const struct standing *standing, int64_t return_after_us)
{
    if (standing->failures == 0)
        return STANDING_FIRST_US;
    int64_t wait_us = return_after_us;
    for (uint32_t i = 1; i < standing->failures && wait_us < STANDING_WAIT_MAX_US; i++)
        wait_us *= 2;
    return wait_us < STANDING_WAIT_MAX_US ? wait_us : STANDING_WAIT_MAX_US;
}

static void forgive(struct standing *standing, struct utc now)
{
    if (standing->on_since.us != 0 && now.us - standing->on_since.us >= STANDING_FORGIVE_US)
        standing->failures = 0;
}

void standing_on(struct standing *standing, struct utc now)
{
    standing->on_since = now;
    standing->is_failed = false;
}

void standing_failed(struct standing *standing, struct utc now)
{
    forgive(standing, now);
    standing->on_since.us = 0;
    if (standing->is_failed)
        return; /* told twice of one failure */
    standing->is_failed = true;
    standing->failures++;
}

void standing_stays(struct standing *standing, bool is_good, struct utc now)
{
    if (is_good && standing->on_since.us == 0)
        standing_on(standing, now); /* it has come round on the air */
    forgive(standing, now);
}

bool standing_deck_died(struct standing *standing, struct utc now)
{
    bool third = standing->deaths[1].us != 0 && now.us - standing->deaths[1].us < DEATHS_WITHIN_US;
    standing->deaths[1] = standing->deaths[0];
    standing->deaths[0] = now;
    if (!third)
        return false;
    standing->barred_until.us = now.us + BARRED_US;
    standing->deaths[0].us = standing->deaths[1].us = 0;
    return true;
}

bool standing_died_lately(const struct standing *standing, struct utc now)
{
    return standing->deaths[0].us != 0 && now.us - standing->deaths[0].us < DEATHS_WITHIN_US;
}

static void jump(struct utc *time, int64_t by_us)
{
    if (time->us != 0)
        time->us += by_us;
}

void standing_jump(struct standing *standing, int64_t by_us)
{
    jump(&standing->on_since, by_us);
    jump(&standing->barred_until, by_us);
    jump(&standing->deaths[0], by_us);
    jump(&standing->deaths[1], by_us);
    jump(&standing->sent, by_us);
}

static enum fitness fittest(const struct choice *inputs, size_t count)
{
    enum fitness best = UNFIT;
    for (size_t i = 0; i < count; i++)
        if (inputs[i].fitness > best)
            best = inputs[i].fitness;
    return best;
}

size_t choose(const struct choice *inputs, size_t count, size_t on_air, const char **why)
{
    enum fitness best = fittest(inputs, count);
    bool stays = on_air != CHOOSE_NONE && best != UNFIT && inputs[on_air].fitness == best;
    *why = on_air == CHOOSE_NONE ? "nothing else sounds" : inputs[on_air].fault;
    for (size_t i = 0; i < count && best != UNFIT; i++) {
        const struct choice *input = &inputs[i];
        if (stays && i == on_air)
            break; /* those behind it have no claim */
        if (input->fitness != best || (stays && input->good_us < input->wait_us))
            continue;
        if (stays)
            *why = CHOOSE_RETURNS;
        return i;
    }
    return stays ? on_air : CHOOSE_NONE;
}
