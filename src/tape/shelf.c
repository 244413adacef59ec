/* tape/shelf.c - contract in piece_priv.h */
#include "tape/piece_priv.h"

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>

#define SHELF_COUNT 16

struct shelf {
    pthread_mutex_t lock; /* never held while a file is read */
    struct set_index *place[SHELF_COUNT];
    uint64_t uses; /* counts up: what was used last has the highest number */
};

enum err shelf_new(struct shelf **out)
{
    *out = mem_new(sizeof **out);
    if (!*out)
        return E_NOMEM;
    int failed = pthread_mutex_init(&(*out)->lock, NULL);
    assert(!failed);
    return OK;
}

void index_free(struct set_index *index)
{
    if (!index)
        return;
    mem_free(index->runs);
    mem_free(index->titles);
    buf_release(&index->texts);
    mem_free(index);
}

void shelf_free(struct shelf **shelf)
{
    if (!*shelf)
        return;
    for (size_t i = 0; i < SHELF_COUNT; i++)
        if ((*shelf)->place[i])
            index_free((*shelf)->place[i]);
    pthread_mutex_destroy(&(*shelf)->lock);
    mem_free(*shelf);
    *shelf = NULL;
}

/* ---- loading ---- */

/* Takes the closed runs in order of time; what is damaged is left out, and so is what would
 * overlap: a search relies on the order. */
static enum err runs_load(struct set_index *index, const struct tape *tape)
{
    struct buf bytes;
    buf_init(&bytes, INDEX_MAX);
    enum err err = file_load(tape->folder, index->first_n, SET_INDEX, &bytes);
    struct str text = buf_str(&bytes);
    size_t count = err ? 0 : index_count(text);
    if (!err && index_header_parse(text, tape->codec)) {
        log_warn(EV_TAPE, "tape=%s set=%" PRIu64 " error=\"the index is damaged\"", tape->name,
                 index->first_n);
        count = 0;
    }
    if (!err) {
        index->runs = mem_new_array(count, sizeof *index->runs);
        err = index->runs ? OK : E_NOMEM;
    }
    int64_t us = 0;
    for (size_t i = 0; i < count && !err; i++) {
        struct record *run = &index->runs[index->runs_count];
        if (index_record(text, i, tape->codec, run) || run->flags & RECORD_OPEN ||
            record_end_us(run) <= us)
            continue;
        us = record_end_us(run);
        index->runs_count++;
    }
    buf_release(&bytes);
    return err;
}

static enum err title_add(struct set_index *index, size_t *room, int64_t us, struct str text)
{
    if (index->titles_count == *room) {
        *room = *room > 0 ? *room * 2 : 64;
        struct set_title *titles = mem_resize(index->titles, *room * sizeof *titles);
        if (!titles)
            return E_NOMEM;
        index->titles = titles;
    }
    buf_add(&index->texts, text);
    /* The place is set when all texts are in: until then they may move. */
    index->titles[index->titles_count++] = (struct set_title){us, {NULL, text.len}};
    return buf_err(&index->texts);
}

static enum err titles_load(struct set_index *index, const struct tape *tape)
{
    struct buf events, text;
    struct event event;
    size_t room = 0, at = 0;
    buf_init(&events, EVENTS_MAX);
    buf_init(&text, TITLE_BYTES - 1);
    enum err err = file_load(tape->folder, index->first_n, SET_EVENTS, &events);
    struct str left = buf_str(&events);
    while (!err && !(err = event_next(&left, &event, &text)))
        if (event.is_title)
            err = title_add(index, &room, event.us, buf_str(&text));
    for (size_t i = 0; i < index->titles_count; i++) {
        index->titles[i].text.ptr = index->texts.ptr + at;
        at += index->titles[i].text.len;
    }
    buf_release(&text);
    buf_release(&events);
    return err == E_AGAIN || err == E_NOT_FOUND ? OK : err;
}

enum err index_load(const struct tape *tape, const struct tape_set *set, unsigned parts,
                    struct set_index **out)
{
    *out = NULL;
    struct set_index *index = mem_new(sizeof *index);
    if (!index)
        return E_NOMEM;
    index->tape_id = tape->id;
    index->first_n = set->first_n;
    index->version = set->version;
    buf_init(&index->texts, EVENTS_MAX);
    enum err err = parts & INDEX_RUNS ? runs_load(index, tape) : OK;
    if (!err && parts & INDEX_TITLES)
        err = titles_load(index, tape);
    if (err)
        index_free(index);
    else
        *out = index;
    return err;
}

/* ---- the shelf ---- */

static struct set_index *shelf_look(struct shelf *shelf, const struct tape *tape,
                                    const struct tape_set *set)
{
    struct set_index *found = NULL;
    pthread_mutex_lock(&shelf->lock);
    for (size_t i = 0; i < SHELF_COUNT && !found; i++) {
        struct set_index *index = shelf->place[i];
        if (index && index->tape_id == tape->id && index->first_n == set->first_n &&
            index->version == set->version) {
            found = index;
            found->refs++;
            found->used = ++shelf->uses;
        }
    }
    pthread_mutex_unlock(&shelf->lock);
    return found;
}

/* Puts an index in the place of an older version, an empty place, or the one not used longest. */
static void shelf_keep(struct shelf *shelf, struct set_index *index)
{
    struct set_index **best = NULL, *out = NULL;
    pthread_mutex_lock(&shelf->lock);
    for (size_t i = 0; i < SHELF_COUNT; i++) {
        struct set_index **place = &shelf->place[i];
        if (!*place) {
            best = best && !*best ? best : place;
        } else if ((*place)->tape_id == index->tape_id && (*place)->first_n == index->first_n) {
            best = place;
            break;
        } else if (!best || (*best && (*place)->used < (*best)->used)) {
            best = place;
        }
    }
    out = *best;
    *best = index;
    index->refs = 2; /* the shelf's and the caller's */
    index->used = ++shelf->uses;
    bool gone = out && --out->refs == 0;
    pthread_mutex_unlock(&shelf->lock);
    if (gone)
        index_free(out);
}

void shelf_put(struct shelf *shelf, struct set_index *index)
{
    pthread_mutex_lock(&shelf->lock);
    bool gone = --index->refs == 0;
    pthread_mutex_unlock(&shelf->lock);
    if (gone)
        index_free(index);
}

static enum err shelf_get(struct shelf *shelf, const struct tape *tape, const struct tape_set *set,
                          struct set_index **out)
{
    *out = shelf_look(shelf, tape, set);
    if (*out)
        return OK;
    enum err err = index_load(tape, set, INDEX_RUNS | INDEX_TITLES, out);
    if (!err)
        shelf_keep(shelf, *out);
    return err;
}

/* The first run that ends after `at_us`. */
static size_t run_at(const struct set_index *index, int64_t at_us)
{
    size_t low = 0, high = index->runs_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (record_end_us(&index->runs[mid]) > at_us)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

/* Looks in one set. Errors: E_NOT_FOUND nothing at or after `at_us` there. */
static enum err set_look(struct shelf *shelf, const struct tape *tape, const struct tape_set *set,
                         int64_t at_us, struct set_index **index, size_t *run)
{
    enum err err = shelf_get(shelf, tape, set, index);
    if (err)
        return err;
    *run = run_at(*index, at_us);
    if (*run < (*index)->runs_count)
        return OK;
    shelf_put(shelf, *index);
    *index = NULL;
    return E_NOT_FOUND;
}

enum err shelf_find(struct shelf *shelf, struct tape *tape, int64_t at_us, struct set_index **index,
                    size_t *run)
{
    struct tape_set set, before;
    *index = NULL;
    *run = 0;
    if (at_us < 0)
        at_us = 0;
    if (!tape->folder || !sets_find(tape, window_of(at_us), &set))
        return E_NOT_FOUND;
    enum err err = set_look(shelf, tape, &set, at_us, index, run);
    if (err && err != E_NOT_FOUND)
        return err;
    /* The last frame of an hour reaches into the next one. */
    bool starts_later = err || (*run == 0 && (*index)->runs[0].start_us > at_us);
    if (starts_later && sets_before(tape, set.first_n, &before)) {
        struct set_index *other;
        size_t other_run;
        enum err found = set_look(shelf, tape, &before, at_us, &other, &other_run);
        if (!found) {
            if (*index)
                shelf_put(shelf, *index);
            *index = other;
            *run = other_run;
            return OK;
        }
    }
    while (err == E_NOT_FOUND && sets_after(tape, set.first_n, &set))
        err = set_look(shelf, tape, &set, at_us, index, run);
    return err;
}

enum err shelf_find_window(struct shelf *shelf, struct tape *tape, uint64_t n, size_t nth,
                           struct set_index **index, size_t *run)
{
    struct tape_set set;
    *index = NULL;
    *run = 0;
    if (!tape->folder || !sets_find(tape, n, &set))
        return E_NOT_FOUND;
    enum err err = shelf_get(shelf, tape, &set, index);
    if (err)
        return err;
    const struct set_index *in = *index;
    size_t low = 0, high = in->runs_count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (in->runs[mid].n < n)
            low = mid + 1;
        else
            high = mid;
    }
    *run = low + nth;
    if (nth < in->runs_count - low && in->runs[*run].n == n)
        return OK;
    shelf_put(shelf, *index);
    *index = NULL;
    return E_NOT_FOUND;
}
