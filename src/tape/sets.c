/* tape/sets.c - the list of a tape's sets of files; contract in tape_priv.h */
#include "tape/tape_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void sets_init(struct tape *tape)
{
    int failed = pthread_mutex_init(&tape->sets.lock, NULL);
    assert(!failed);
}

void sets_release(struct tape *tape)
{
    pthread_mutex_destroy(&tape->sets.lock);
    mem_free(tape->sets.list);
}

static enum err room_for_one(struct tape_sets *sets)
{
    if (sets->count < sets->room)
        return OK;
    size_t room = sets->room > 0 ? sets->room * 2 : 256;
    struct tape_set *list = mem_resize(sets->list, room * sizeof *list);
    if (!list)
        return E_NOMEM;
    sets->list = list;
    sets->room = room;
    return OK;
}

static void note_aside(struct tape *tape, struct str name)
{
    uint64_t s;
    if (str_starts(name, STR(SET_ASIDE_PREFIX)) &&
        !str_parse_u64(str_slice(name, sizeof SET_ASIDE_PREFIX - 1, name.len), INT64_MAX, &s) &&
        s > tape->aside_s)
        tape->aside_s = s;
}

static enum err on_name(void *ctx, const char *name)
{
    struct tape *tape = ctx;
    struct tape_sets *sets = &tape->sets;
    uint64_t first_n;
    note_aside(tape, str_of(name));
    if (!set_name_parse(str_of(name), &first_n))
        return OK; /* not ours, or half of an io_save() */
    enum err err = room_for_one(sets);
    if (!err)
        sets->list[sets->count++] = (struct tape_set){.first_n = first_n};
    return err;
}

static int by_first_n(const void *a, const void *b)
{
    uint64_t x = ((const struct tape_set *)a)->first_n, y = ((const struct tape_set *)b)->first_n;
    return x < y ? -1 : x > y;
}

enum err sets_load(struct tape *tape)
{
    struct tape_sets *sets = &tape->sets;
    enum err err = io_list(tape->folder, on_name, tape);
    if (err && err != E_NOT_FOUND)
        return err;
    if (sets->count == 0)
        return OK;
    qsort(sets->list, sets->count, sizeof *sets->list, by_first_n);
    size_t kept = 1; /* a set has been listed once for each of its files */
    for (size_t i = 1; i < sets->count; i++)
        if (sets->list[i].first_n != sets->list[kept - 1].first_n)
            sets->list[kept++] = sets->list[i];
    sets->count = kept;
    return OK;
}

enum err sets_add(struct tape *tape, uint64_t first_n)
{
    struct tape_sets *sets = &tape->sets;
    enum err err = OK;
    pthread_mutex_lock(&sets->lock);
    if (sets->count == 0 || sets->list[sets->count - 1].first_n != first_n) {
        assert(sets->count == 0 || sets->list[sets->count - 1].first_n < first_n);
        err = room_for_one(sets);
        if (!err)
            sets->list[sets->count++] = (struct tape_set){.first_n = first_n};
    }
    pthread_mutex_unlock(&sets->lock);
    return err;
}

void sets_remove_newest(struct tape *tape)
{
    pthread_mutex_lock(&tape->sets.lock);
    assert(tape->sets.count > 0);
    tape->sets.count--;
    pthread_mutex_unlock(&tape->sets.lock);
}

bool sets_newest(struct tape *tape, uint64_t *first_n)
{
    pthread_mutex_lock(&tape->sets.lock);
    size_t count = tape->sets.count;
    *first_n = count > 0 ? tape->sets.list[count - 1].first_n : 0;
    pthread_mutex_unlock(&tape->sets.lock);
    return count > 0;
}

void sets_bump(struct tape *tape)
{
    pthread_mutex_lock(&tape->sets.lock);
    assert(tape->sets.count > 0);
    tape->sets.list[tape->sets.count - 1].version++;
    pthread_mutex_unlock(&tape->sets.lock);
}

/* How many sets begin at or before window n.   Under the lock. */
static size_t count_until(const struct tape_sets *sets, uint64_t n)
{
    size_t low = 0, high = sets->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (sets->list[mid].first_n > n)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static bool set_at(struct tape_sets *sets, size_t index, struct tape_set *out)
{
    bool there = index < sets->count;
    *out = there ? sets->list[index] : (struct tape_set){0};
    return there;
}

bool sets_find(struct tape *tape, uint64_t n, struct tape_set *out)
{
    pthread_mutex_lock(&tape->sets.lock);
    size_t until = count_until(&tape->sets, n);
    bool there = set_at(&tape->sets, until > 0 ? until - 1 : 0, out);
    pthread_mutex_unlock(&tape->sets.lock);
    return there;
}

bool sets_before(struct tape *tape, uint64_t first_n, struct tape_set *out)
{
    *out = (struct tape_set){0};
    if (first_n == 0)
        return false;
    pthread_mutex_lock(&tape->sets.lock);
    size_t until = count_until(&tape->sets, first_n - 1);
    bool there = until > 0 && set_at(&tape->sets, until - 1, out);
    pthread_mutex_unlock(&tape->sets.lock);
    return there;
}

bool sets_after(struct tape *tape, uint64_t first_n, struct tape_set *out)
{
    pthread_mutex_lock(&tape->sets.lock);
    bool there = set_at(&tape->sets, count_until(&tape->sets, first_n), out);
    pthread_mutex_unlock(&tape->sets.lock);
    return there;
}

int64_t sets_start_us(const struct tape *tape, uint64_t first_n)
{
    struct record record;
    struct buf head;
    buf_init(&head, 2 * RECORD_BYTES);
    enum err err = file_load(tape->folder, first_n, SET_INDEX, &head);
    if (!err)
        err = index_record(buf_str(&head), 0, tape->codec, &record);
    buf_release(&head);
    return err ? window_start_us(first_n) : record.start_us;
}

void sets_note_oldest(struct tape *tape)
{
    struct tape_set set;
    int64_t us = -1;
    if (sets_find(tape, 0, &set))
        us = sets_start_us(tape, set.first_n);
    atomic_store_explicit(&tape->disk_oldest_us, us, memory_order_release);
}

uint64_t sets_measure(const struct tape *tape, uint64_t first_n)
{
    char path[SET_PATH_MAX];
    uint64_t size = 0;
    int fd = -1;
    enum err err = set_path(tape->folder, first_n, SET_FRAMES, path);
    if (!err)
        err = io_open(path, IO_READ, &fd);
    if (!err)
        err = io_size(fd, &size);
    io_close(&fd);
    return err ? 0 : size;
}

/* The sizes of finished sets never change, so each is asked for once; only the newest one, whose
 * place in the list is the last, is asked for each time. */
uint64_t sets_bytes(struct tape *tape)
{
    struct tape_set set, newer;
    uint64_t sum = 0;
    if (!tape->folder)
        return 0;
    bool more = sets_find(tape, 0, &set);
    while (more) {
        more = sets_after(tape, set.first_n, &newer);
        if (set.bytes == 0 || !more)
            set.bytes = sets_measure(tape, set.first_n);
        sum += set.bytes;
        pthread_mutex_lock(&tape->sets.lock);
        size_t until = count_until(&tape->sets, set.first_n);
        if (more && until > 0 && tape->sets.list[until - 1].first_n == set.first_n)
            tape->sets.list[until - 1].bytes = set.bytes;
        pthread_mutex_unlock(&tape->sets.lock);
        set = newer;
    }
    atomic_store_explicit(&tape->frames_bytes, sum, memory_order_relaxed);
    return sum;
}

bool sets_oldest_end(struct tape *tape, uint64_t *n)
{
    struct tape_set set;
    pthread_mutex_lock(&tape->sets.lock);
    bool there = set_at(&tape->sets, 1, &set);
    pthread_mutex_unlock(&tape->sets.lock);
    *n = set.first_n;
    return there;
}

enum err sets_drop_oldest(struct tape *tape, uint64_t *first_n)
{
    struct tape_sets *sets = &tape->sets;
    struct tape_set oldest;
    uint64_t end_n;
    *first_n = 0;
    if (!sets_oldest_end(tape, &end_n) || !sets_find(tape, 0, &oldest))
        return E_NOT_FOUND;
    *first_n = oldest.first_n;
    /* The frames go first: what is left over of a set after a crash is small, is listed like a
     * whole one, and goes the next time. */
    for (int i = 0; i < SET_FILES; i++) {
        char path[SET_PATH_MAX];
        enum err err = set_path(tape->folder, oldest.first_n, i, path);
        if (!err)
            err = io_unlink(path);
        if (err)
            return err;
    }
    pthread_mutex_lock(&sets->lock);
    sets->count--;
    memmove(sets->list, sets->list + 1, sets->count * sizeof *sets->list);
    pthread_mutex_unlock(&sets->lock);
    sets_note_oldest(tape);
    return OK;
}
