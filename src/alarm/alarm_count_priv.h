/* alarm/alarm_count_priv.h - which alarms are on, and what is to be told of them when. Pure.
 *
 *     raise, clear --> one entry for each kind and subject --next()--> news, one message each
 *
 *   first raise              told at once
 *   raised while it lasts    counted, if the text is another one
 *   lasts                    told again each repeat_us
 *   over                     told at once, if its beginning was told
 *   back within repeat_us    held back: until it has lasted for ALARM_BACK_US, or until repeat_us
 * is over; then told with the count; as over, if it is over again by then
 *
 * Time is monotonic: the news say how long ago something was. Thread: one at a time. */
#ifndef MAST_ALARM_ALARM_COUNT_PRIV_H
#define MAST_ALARM_ALARM_COUNT_PRIV_H

#include "alarm/alarm.h"

#define ALARM_ENTRIES_MAX   128
#define ALARM_SUBJECT_BYTES 72
#define ALARM_TEXT_BYTES    320
#define ALARM_BACK_US       (60 * US_PER_S)

enum alarm_state { ALARM_RAISED, ALARM_LASTS, ALARM_OVER, ALARM_TEST };

struct alarm_news {
    enum alarm_state state;
    enum alarm_kind kind;
    char subject[ALARM_SUBJECT_BYTES];
    char text[ALARM_TEXT_BYTES];
    uint32_t count; /* how often it was raised since it was told as over, or never yet */
    int64_t age_us; /* since it began */
};

struct alarm_entry {
    enum alarm_kind kind;
    char subject[ALARM_SUBJECT_BYTES];
    char raised_text[ALARM_TEXT_BYTES], over_text[ALARM_TEXT_BYTES];
    bool is_used, is_active;
    bool is_told;       /* people think that it is on */
    bool has_been_told; /* at told_us */
    uint32_t count;     /* happenings since it was told as over */
    struct mono began;  /* the spell */
    struct mono active; /* when it was raised last while it was not on */
    struct mono told;   /* the last message */
};

struct alarm_count {
    struct alarm_entry entries[ALARM_ENTRIES_MAX];
    int64_t repeat_us;
    uint64_t raised_count, held_back_count;
    uint32_t active_count;
};

void alarm_count_init(struct alarm_count *count, uint32_t repeat_s);

/* Returns whether it was not raised before. In a full table it counts as held back. */
bool alarm_count_raise(struct alarm_count *count, enum alarm_kind kind, const char *subject,
                       const char *text, struct mono now);
/* Returns whether it was raised. */
bool alarm_count_clear(struct alarm_count *count, enum alarm_kind kind, const char *subject,
                       const char *text, struct mono now);

/* Hands out one piece of news that is due and counts it as told; false if there is none. */
bool alarm_count_next(struct alarm_count *count, struct mono now, struct alarm_news *out);

/* At most ALARM_GATE_MAX messages an hour through each gate. */
#define ALARM_GATE_MAX 20
struct alarm_gate {
    struct mono passed[ALARM_GATE_MAX]; /* a circle; `next` is the oldest */
    unsigned next, count;
    uint32_t held_back; /* since one passed */
};

/* May one more message pass? *held_back: how many could not since the last one that did. */
bool alarm_gate_pass(struct alarm_gate *gate, struct mono now, uint32_t *held_back);

#endif
