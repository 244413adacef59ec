/* air/history.c - contract in history_priv.h */
#include "air/history_priv.h"

#include "base/mem.h"

#include <string.h>

#define FRAME_MAX ((size_t)64 * 1024)

struct kept {
    size_t at; /* in bytes[] */
    size_t len;
    uint32_t samples;
    int64_t start_us;
};

struct history {
    uint64_t first, next;
    size_t write_at; /* where the next frame's bytes go */
    uint32_t link, seq;
    bool has_link;
    struct format format;
    int64_t end_us;
    size_t setup_len;
    unsigned char setup[HISTORY_SETUP_MAX];
    struct kept frames[HISTORY_FRAMES];
    unsigned char bytes[HISTORY_BYTES];
};

enum err history_new(struct history **out)
{
    *out = mem_new(sizeof **out);
    return *out ? OK : E_NOMEM;
}

void history_free(struct history **history)
{
    mem_free(*history);
    *history = NULL;
}

void history_clear(struct history *history)
{
    history->first = history->next;
    history->write_at = 0;
    history->has_link = false;
    history->end_us = 0;
}

uint64_t history_first(const struct history *history)
{
    return history->first;
}

uint64_t history_next(const struct history *history)
{
    return history->next;
}

struct utc history_end(const struct history *history)
{
    return (struct utc){history->end_us};
}

struct format history_format(const struct history *history)
{
    return history->format;
}

struct str history_setup(const struct history *history)
{
    return (struct str){(const char *)history->setup, history->setup_len};
}

static struct kept *kept_at(struct history *history, uint64_t n)
{
    return &history->frames[n % HISTORY_FRAMES];
}

/* Do the bytes [at, at + len) hold any of this frame's? */
static bool overlaps(const struct kept *kept, size_t at, size_t len)
{
    return kept->at < at + len && at < kept->at + kept->len;
}

/* A frame lies in one piece; the end of the memory is left empty where it does not fit. */
static size_t make_room(struct history *history, size_t len)
{
    size_t at = history->write_at;
    if (at + len > HISTORY_BYTES) {
        /* What lies between here and the end was written before what lies at the beginning. */
        while (history->first < history->next && kept_at(history, history->first)->at >= at)
            history->first++;
        at = 0;
    }
    while (history->first < history->next && (overlaps(kept_at(history, history->first), at, len) ||
                                              history->next - history->first == HISTORY_FRAMES))
        history->first++;
    history->write_at = at + len;
    return at;
}

bool history_fits(const struct history *history, const struct frame *frame, uint32_t seq)
{
    return history->has_link && history->seq == seq &&
           format_same(&history->format, &frame->format);
}

static void begin_link(struct history *history, const struct frame *frame, struct str setup,
                       uint32_t seq)
{
    if (history_fits(history, frame, seq))
        return;
    history_clear(history);
    history->has_link = true;
    history->link++;
    history->seq = seq;
    history->format = frame->format;
    history->setup_len = setup.len <= HISTORY_SETUP_MAX ? setup.len : 0;
    memcpy(history->setup, setup.ptr, history->setup_len);
}

void history_push(struct history *history, const struct frame *frame, struct utc start,
                  struct str setup, uint32_t seq)
{
    if (frame->bytes.len > FRAME_MAX || frame->bytes.len == 0)
        return;
    begin_link(history, frame, setup, seq);
    size_t at = make_room(history, frame->bytes.len);
    *kept_at(history, history->next) = (struct kept){
        .at = at,
        .len = frame->bytes.len,
        .samples = frame->samples,
        .start_us = start.us,
    };
    memcpy(history->bytes + at, frame->bytes.ptr, frame->bytes.len);
    history->next++;
    history->end_us =
        start.us + (int64_t)frame->samples * US_PER_S / (int64_t)frame->format.rate_hz;
}

struct history_frame history_at(const struct history *history, uint64_t n)
{
    assert(n >= history->first && n < history->next);
    const struct kept *kept = &history->frames[n % HISTORY_FRAMES];
    return (struct history_frame){
        .bytes = {(const char *)history->bytes + kept->at, kept->len},
        .samples = kept->samples,
        .start = {kept->start_us},
        .link = history->link,
    };
}

uint64_t history_find(const struct history *history, struct utc at)
{
    uint64_t low = history->first, high = history->next;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (history->frames[middle % HISTORY_FRAMES].start_us < at.us)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
