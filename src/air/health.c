/* air/health.c - contract in health_priv.h */
#include "air/health_priv.h"

#define TENTH_US DECK_LEVELS_US
/* So much without any fault, and an input that was given up for its sound is heard again. */
#define PROVED_US US_PER_S
/* A channel is dead beside one that is this much louder than what counts as silence. */
#define DEAD_BESIDE_CB 2000
/* What is left of a steady tone after it was predicted; how far its pitch may wander. */
#define TONE_RESIDUE_CB (-4000)
#define TONE_WANDER_HZ  3

const char *fault_text(enum fault fault)
{
    static const char *const texts[FAULT_COUNT] = {"", "it is silent", "one channel is dead",
                                                   "it is one steady tone"};
    return texts[fault];
}

void health_begin(struct health *health, int64_t switch_us)
{
    *health = (struct health){
        .mended = health->mended,
        .tone_hz = health->tone_hz,
        .must_prove = health->must_prove || health_fault(health, switch_us) != FAULT_NONE,
    };
}

static bool is_steady(const struct health *health, const struct deck_levels *levels)
{
    int wander = (int)levels->tone_hz - (int)health->tone_hz;
    return levels->residue_cb < TONE_RESIDUE_CB && levels->tone_hz > 0 &&
           wander <= TONE_WANDER_HZ && wander >= -TONE_WANDER_HZ;
}

static void note(struct health *health, enum fault fault, bool is_there, struct utc at,
                 int64_t switch_us)
{
    struct utc *since = &health->since[fault];
    if (is_there && since->us == 0)
        since->us = at.us - TENTH_US;
    if (!is_there && since->us != 0) {
        if (at.us - since->us >= switch_us)
            health->mended = at;
        since->us = 0;
    }
}

void health_judge(struct health *health, const struct deck_levels *levels, struct utc at,
                  const struct board_rules *rules)
{
    int threshold_cb = rules->silence_dbfs * 100;
    int64_t switch_us = rules->silence_switch_s * US_PER_S;
    int left = levels->rms_cb[0], right = levels->rms_cb[1];
    int louder = left > right ? left : right, softer = left > right ? right : left;
    bool is_silent = louder < threshold_cb;
    note(health, FAULT_SILENCE, is_silent, at, switch_us);
    note(health, FAULT_DEAD_CHANNEL,
         softer < threshold_cb && louder > threshold_cb + DEAD_BESIDE_CB, at, switch_us);
    note(health, FAULT_STEADY_TONE, !is_silent && is_steady(health, levels), at, switch_us);
    health->tone_hz = levels->tone_hz;
    health->levels = *levels;
    health->judged = at;
    health->is_judged = true;
    health->has_sounded = health->has_sounded || !is_silent;
    if (health_fault(health, 0) != FAULT_NONE)
        health->clear_since.us = 0;
    else if (health->clear_since.us == 0)
        health->clear_since.us = at.us - TENTH_US;
    else if (health->must_prove && at.us - health->clear_since.us >= PROVED_US) {
        health->must_prove = false;
        health->mended = at;
    }
}

enum fault health_fault(const struct health *health, int64_t for_us)
{
    for (enum fault fault = FAULT_SILENCE; fault < FAULT_COUNT; fault++)
        if (health->since[fault].us != 0 && health->judged.us - health->since[fault].us >= for_us)
            return fault;
    return FAULT_NONE;
}
