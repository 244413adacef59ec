/* alarm/alarm_count.c - contract in alarm_count_priv.h */
#include "alarm/alarm_count_priv.h"

#include <stdio.h>
#include <string.h>

#define HOUR_US (3600 * US_PER_S)

void alarm_count_init(struct alarm_count *count, uint32_t repeat_s)
{
    *count = (struct alarm_count){.repeat_us = repeat_s * US_PER_S};
}

static struct alarm_entry *find(struct alarm_count *count, enum alarm_kind kind,
                                const char *subject)
{
    char cut[ALARM_SUBJECT_BYTES];
    str_copy(cut, sizeof cut, str_of(subject));
    for (size_t i = 0; i < ALARM_ENTRIES_MAX; i++) {
        struct alarm_entry *e = &count->entries[i];
        if (e->is_used && e->kind == kind && strcmp(e->subject, cut) == 0)
            return e;
    }
    return NULL;
}

/* Nothing is on, nothing is to be told, and nothing would be held back: as if it had never been. */
static bool is_forgotten(const struct alarm_count *count, const struct alarm_entry *e,
                         struct mono now)
{
    return !e->is_active && !e->is_told && e->count == 0 && now.us - e->told.us >= count->repeat_us;
}

static struct alarm_entry *make(struct alarm_count *count, enum alarm_kind kind,
                                const char *subject, struct mono now)
{
    for (size_t i = 0; i < ALARM_ENTRIES_MAX; i++) {
        struct alarm_entry *e = &count->entries[i];
        if (e->is_used && !is_forgotten(count, e, now))
            continue;
        *e = (struct alarm_entry){.kind = kind, .is_used = true};
        str_copy(e->subject, sizeof e->subject, str_of(subject));
        return e;
    }
    return NULL;
}

/* Would telling its beginning now be more of the same? */
static bool is_held_back(const struct alarm_count *count, const struct alarm_entry *e,
                         struct mono now)
{
    if (!e->has_been_told || now.us - e->told.us >= count->repeat_us)
        return false;
    return !e->is_active || now.us - e->active.us < ALARM_BACK_US;
}

bool alarm_count_raise(struct alarm_count *count, enum alarm_kind kind, const char *subject,
                       const char *text, struct mono now)
{
    struct alarm_entry *e = find(count, kind, subject);
    char cut[ALARM_TEXT_BYTES] = "";
    str_copy(cut, sizeof cut, str_of(text));
    if (e && e->is_active && strcmp(e->raised_text, cut) == 0)
        return false;
    count->raised_count++;
    if (!e)
        e = make(count, kind, subject, now);
    if (!e) {
        count->held_back_count++;
        return false;
    }
    memcpy(e->raised_text, cut, sizeof cut);
    bool is_new = !e->is_active;
    if (e->count == 0)
        e->began = now;
    if (is_new) {
        e->active = now;
        count->active_count++;
        if (!e->is_told && is_held_back(count, e, now))
            count->held_back_count++;
    }
    e->is_active = true;
    e->count++;
    return is_new;
}

bool alarm_count_clear(struct alarm_count *count, enum alarm_kind kind, const char *subject,
                       const char *text, struct mono now)
{
    struct alarm_entry *e = find(count, kind, subject);
    (void)now;
    if (!e || !e->is_active)
        return false;
    str_copy(e->over_text, sizeof e->over_text, str_of(text));
    e->is_active = false;
    count->active_count--;
    return true;
}

static bool is_due(const struct alarm_count *count, const struct alarm_entry *e, struct mono now,
                   enum alarm_state *state)
{
    *state = e->is_active ? ALARM_RAISED : ALARM_OVER;
    if (!e->is_told)
        return e->count > 0 && !is_held_back(count, e, now);
    if (!e->is_active)
        return true;
    *state = ALARM_LASTS;
    return now.us - e->told.us >= count->repeat_us;
}

/* Its beginning was never told: both in one. */
static void both_texts(const struct alarm_entry *e, char *out, size_t size)
{
    struct str raised = str_of(e->raised_text), over = str_of(e->over_text);
    size_t each = (size - sizeof " Then: ") / 2;
    snprintf(out, size, "%.*s Then: %.*s", (int)str_utf8_fit(raised, each), raised.ptr,
             (int)str_utf8_fit(over, each), over.ptr);
}

static void tell(struct alarm_entry *e, struct mono now, enum alarm_state state,
                 struct alarm_news *out)
{
    *out = (struct alarm_news){
        .state = state, .kind = e->kind, .count = e->count, .age_us = now.us - e->began.us};
    memcpy(out->subject, e->subject, sizeof out->subject);
    if (state != ALARM_OVER)
        memcpy(out->text, e->raised_text, sizeof out->text);
    else if (e->is_told)
        memcpy(out->text, e->over_text, sizeof out->text);
    else
        both_texts(e, out->text, sizeof out->text);
    e->told = now;
    e->has_been_told = true;
    e->is_told = state != ALARM_OVER;
    if (state == ALARM_OVER)
        e->count = 0;
}

bool alarm_count_next(struct alarm_count *count, struct mono now, struct alarm_news *out)
{
    for (size_t i = 0; i < ALARM_ENTRIES_MAX; i++) {
        struct alarm_entry *e = &count->entries[i];
        enum alarm_state state;
        if (!e->is_used || !is_due(count, e, now, &state))
            continue;
        tell(e, now, state, out);
        return true;
    }
    return false;
}

bool alarm_gate_pass(struct alarm_gate *gate, struct mono now, uint32_t *held_back)
{
    struct mono *oldest = &gate->passed[gate->next];
    *held_back = 0;
    if (gate->count == ALARM_GATE_MAX && now.us - oldest->us < HOUR_US) {
        gate->held_back++;
        return false;
    }
    *oldest = now;
    gate->next = (gate->next + 1) % ALARM_GATE_MAX;
    if (gate->count < ALARM_GATE_MAX)
        gate->count++;
    *held_back = gate->held_back;
    gate->held_back = 0;
    return true;
}
