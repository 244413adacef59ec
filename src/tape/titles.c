/* tape/titles.c - contract in runs.h: titles from the files and from the RAM tail. */
#include "tape/runs.h"

#include "tape/piece_priv.h"

#include <string.h>

/* Titles and runs are counted from different frames, so their times are rounded apart. */
#define SLACK_US US_PER_MS

/* How many sets back a title is followed that every one of them begins with. */
#define BACK_SETS_MAX 24

struct telling {
    struct tape *tape;
    int64_t from_us, to_us;
    bool (*fn)(void *ctx, struct utc at, struct str text);
    void *ctx;
    bool any;  /* a title was met */
    bool told; /* and it was told */
    bool stopped;
    int64_t held_us; /* the last title that was met */
    struct buf held;
};

static bool is_held(const struct telling *t, struct str text)
{
    return t->any && str_eq(text, buf_str(&t->held));
}

/* When the title that a set begins with began to hold: each set before repeats it at its start. */
static enum err held_since(const struct telling *t, uint64_t first_n, struct str text, int64_t *us)
{
    struct set_index *index;
    struct tape_set set;
    bool more = true;
    for (int i = 0; i < BACK_SETS_MAX && more && sets_before(t->tape, first_n, &set); i++) {
        enum err err = index_load(t->tape, &set, INDEX_TITLES, &index);
        if (err)
            return err == E_NOT_FOUND ? OK : err;
        size_t last = index->titles_count - 1;
        more = index->titles_count > 0 && str_eq(index->titles[last].text, text);
        if (more)
            *us = index->titles[last].us;
        more = more && last == 0 &&
               index->titles[0].us <= sets_start_us(t->tape, set.first_n) + SLACK_US;
        first_n = set.first_n;
        index_free(index);
    }
    return OK;
}

static void tell_held(struct telling *t)
{
    bool ends_nothing = t->held_us <= t->from_us && t->held.len == 0;
    if (t->any && !t->told && !t->stopped && !ends_nothing)
        t->stopped = !t->fn(t->ctx, (struct utc){t->held_us}, buf_str(&t->held));
    t->told = true;
}

static enum err take(struct telling *t, int64_t us, struct str text)
{
    if (t->any && us < t->held_us)
        us = t->held_us;
    if (us > t->from_us)
        tell_held(t); /* the one that holds at `from` */
    if (us > t->from_us && us >= t->to_us)
        t->stopped = true;
    if (t->stopped)
        return OK;
    buf_clear(&t->held);
    buf_add(&t->held, text);
    t->held_us = us;
    t->any = true;
    t->told = false;
    if (us > t->from_us)
        tell_held(t);
    return buf_err(&t->held);
}

/* Takes the titles of one set. It begins with the one that held before, or none holds any more. */
static enum err set_take(struct telling *t, const struct set_index *index)
{
    int64_t start_us = sets_start_us(t->tape, index->first_n);
    enum err err = OK;
    bool has_first = index->titles_count > 0 && index->titles[0].us <= start_us + SLACK_US;
    if (!has_first && t->any && t->held.len > 0)
        err = take(t, start_us, STR(""));
    for (size_t i = 0; i < index->titles_count && !err && !t->stopped; i++) {
        int64_t us = index->titles[i].us;
        struct str text = index->titles[i].text;
        if (i == 0 && has_first && is_held(t, text))
            continue;
        bool was_held = i == 0 && has_first && !t->any && us <= t->from_us;
        bool is_next = i + 1 < index->titles_count && index->titles[i + 1].us <= t->from_us;
        if (was_held && !is_next)
            err = held_since(t, index->first_n, text, &us);
        if (!err)
            err = take(t, us, text);
    }
    return err;
}

enum err tape_titles_on_disk(struct tape *tape, struct utc from, struct utc to,
                             bool (*fn)(void *ctx, struct utc at, struct str text), void *ctx)
{
    struct telling t = {.tape = tape, .from_us = from.us, .to_us = to.us, .fn = fn, .ctx = ctx};
    struct set_index *index;
    struct tape_set set;
    enum err err = OK;
    if (!tape->folder || to.us <= from.us)
        return OK;
    buf_init(&t.held, TITLE_BYTES);
    bool more = sets_find(tape, window_of(from.us > 0 ? from.us : 0), &set);
    while (more && !err && !t.stopped && window_start_us(set.first_n) < to.us) {
        err = index_load(tape, &set, INDEX_TITLES, &index);
        if (!err)
            err = set_take(&t, index);
        else if (err == E_NOT_FOUND)
            err = OK;
        index_free(index);
        more = sets_after(tape, set.first_n, &set);
    }
    if (!err)
        tell_held(&t);
    buf_release(&t.held);
    return err;
}

enum err tape_title_in_ram(const struct tape *tape, uint64_t number, struct utc *at,
                           char text[TITLE_BYTES])
{
    struct tail_text title;
    *at = (struct utc){0};
    text[0] = '\0';
    enum err err = tail_text(tape->tail, TAIL_TITLES, number, &title);
    if (!err && title.us < 0)
        err = E_AGAIN;
    if (err)
        return err;
    *at = (struct utc){title.us};
    memcpy(text, title.text, TITLE_BYTES);
    return OK;
}
