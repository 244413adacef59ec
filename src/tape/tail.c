/* tape/tail.c - contract in tail_priv.h */
#include "tape/tail_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif

#define TAIL_MAGIC UINT64_C(0x6c6961747473616d) /* "masttail" */

/* 32768 frames of 10.7 ms (AAC at 96 kHz, the shortest that there are) are 349 s. */
#define FRAMES_COUNT ((uint64_t)32768)
#define RUNS_COUNT   ((uint64_t)1024)
#define TEXTS_COUNT  ((uint64_t)256)

/* How many of each are never read any more because they may be overwritten soon. */
#define FRAMES_MARGIN (FRAMES_COUNT / 16)
#define RUNS_MARGIN   (RUNS_COUNT / 16)
#define TEXTS_MARGIN  (TEXTS_COUNT / 16)

#define BYTES_MIN ((uint64_t)1 << 20)
#define BYTES_MAX ((uint64_t)1 << 28)

#define TEXT_WORDS (TITLE_BYTES / 8)

struct frame_cell {
    _Atomic uint64_t pos;
    _Atomic int64_t start_us;
    _Atomic int64_t end_us;
    _Atomic uint64_t sizes; /* drift << 33 | broken << 32 | bytes << 16 | samples */
};

struct run_cell {
    _Atomic uint64_t pos;
    _Atomic uint64_t frame;
    _Atomic uint64_t n;
    _Atomic uint64_t rates; /* rate_hz << 32 | bitrate_bps */
    _Atomic uint64_t
        marks; /* discontinuity << 32 | broken << 24 | codec << 16 | ch << 8 | profile */
};

struct text_cell {
    _Atomic uint64_t pos;
    _Atomic int64_t us;
    _Atomic uint64_t kind[TAIL_KIND_BYTES / 8];
    _Atomic uint64_t text[TEXT_WORDS];
};

/* The start of the memfd. */
struct head_page {
    uint64_t magic;
    uint32_t version;
    uint32_t codec;
    uint64_t frames_offset, frames_count;
    uint64_t runs_offset, runs_count;
    uint64_t texts_offset[2], texts_count;
    uint64_t bytes_offset, bytes_size;
    _Atomic uint64_t frames; /* each: how many there ever were */
    _Atomic uint64_t runs;
    _Atomic uint64_t texts[2];
    _Atomic uint64_t oldest_frame;
    _Atomic uint64_t oldest_pos;
    _Atomic uint64_t last_break;
};

_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "the tail is shared without locks");
_Static_assert(TITLE_BYTES % 8 == 0 && TAIL_KIND_BYTES % 8 == 0, "texts are stored as words");

struct tail {
    int fd;
    char *map; /* the whole, and the bytes once more behind it */
    size_t map_bytes;
    struct head_page *page;
    struct frame_cell *frames;
    struct run_cell *runs;
    struct text_cell *texts[2];
    char *bytes;
    uint64_t bytes_size;
    uint64_t bytes_margin;
    uint64_t head_pos; /* the writer's; readers derive theirs from the last frame */
    uint64_t timed;    /* the writer's: titles that begin with a frame that is there */
};

static uint64_t get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

static int64_t get_us(const _Atomic int64_t *word)
{
    return atomic_load_explicit(word, memory_order_acquire);
}

/* Releases, so that nobody sees a cell change who does not see `oldest` moved on before. */
static void put(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

static void put_us(_Atomic int64_t *word, int64_t value)
{
    atomic_store_explicit(word, value, memory_order_release);
}

/* ---- making it ---- */

static uint64_t page_up(uint64_t bytes)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    return (bytes + page - 1) / page * page;
}

static void bytes_sizes(uint32_t bitrate_bps, uint32_t keep_s, uint64_t *size, uint64_t *margin)
{
    uint64_t rate = bitrate_bps / 8;
    uint64_t need = rate * keep_s / 4 * 5;
    for (*size = BYTES_MIN;; *size *= 2) {
        *margin = *size / 16 > rate * 10 ? *size / 16 : rate * 10;
        if (*size == BYTES_MAX || (*margin < *size && *size - *margin >= need))
            break;
    }
    if (*margin > *size / 4)
        *margin = *size / 4;
}

static struct head_page layout(enum codec codec, uint64_t bytes_size)
{
    struct head_page page = {.magic = TAIL_MAGIC, .version = TAIL_VERSION, .codec = codec};
    page.frames_count = FRAMES_COUNT;
    page.frames_offset = page_up(sizeof page);
    page.runs_count = RUNS_COUNT;
    page.runs_offset = page.frames_offset + FRAMES_COUNT * sizeof(struct frame_cell);
    page.texts_count = TEXTS_COUNT;
    page.texts_offset[0] = page.runs_offset + RUNS_COUNT * sizeof(struct run_cell);
    page.texts_offset[1] = page.texts_offset[0] + TEXTS_COUNT * sizeof(struct text_cell);
    page.bytes_offset = page_up(page.texts_offset[1] + TEXTS_COUNT * sizeof(struct text_cell));
    page.bytes_size = bytes_size;
    return page;
}

static enum err map_twice(struct tail *tail, const struct head_page *page)
{
    size_t once = page->bytes_offset + page->bytes_size;
    tail->fd = memfd_create("mast-tape", MFD_CLOEXEC);
    if (tail->fd < 0)
        return err_from_errno(errno);
    /* Taken now, so that the air never touches a page that memory has no room for. */
    if (posix_fallocate(tail->fd, 0, (off_t)once))
        return E_NOMEM;
    char *map = mmap(NULL, once + page->bytes_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED)
        return E_NOMEM;
    tail->map = map;
    tail->map_bytes = once + page->bytes_size;
    const int rights = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;
    if (mmap(map, once, rights, how, tail->fd, 0) == MAP_FAILED ||
        mmap(map + once, page->bytes_size, rights, how, tail->fd, (off_t)page->bytes_offset) ==
            MAP_FAILED)
        return E_NOMEM;
    return OK;
}

enum err tail_new(enum codec codec, uint32_t bitrate_bps, uint32_t keep_s, struct tail **out)
{
    uint64_t size, margin;
    *out = NULL;
    struct tail *tail = mem_new(sizeof *tail);
    if (!tail)
        return E_NOMEM;
    tail->fd = -1;
    bytes_sizes(bitrate_bps, keep_s, &size, &margin);
    struct head_page page = layout(codec, size);
    enum err err = map_twice(tail, &page);
    if (err) {
        tail_free(&tail);
        return err;
    }
    tail->page = (struct head_page *)tail->map;
    memcpy(tail->map, &page, sizeof page);
    tail->frames = (struct frame_cell *)(tail->map + page.frames_offset);
    tail->runs = (struct run_cell *)(tail->map + page.runs_offset);
    for (int i = 0; i < 2; i++)
        tail->texts[i] = (struct text_cell *)(tail->map + page.texts_offset[i]);
    tail->bytes = tail->map + page.bytes_offset;
    tail->bytes_size = size;
    tail->bytes_margin = margin;
    *out = tail;
    return OK;
}

void tail_free(struct tail **tail)
{
    if (!*tail)
        return;
    if ((*tail)->map)
        munmap((*tail)->map, (*tail)->map_bytes);
    if ((*tail)->fd >= 0)
        close((*tail)->fd);
    mem_free(*tail);
    *tail = NULL;
}

/* ---- the writer ---- */

static struct frame_cell *frame_cell(const struct tail *tail, uint64_t number)
{
    return &tail->frames[number % FRAMES_COUNT];
}

static struct run_cell *run_cell(const struct tail *tail, uint64_t number)
{
    return &tail->runs[number % RUNS_COUNT];
}

/* The first of `count` numbered things that is kept and safe. */
static uint64_t kept_from(uint64_t count, uint64_t size, uint64_t margin)
{
    return count + margin > size ? count + margin - size : 0;
}

/* Moves `oldest` on, so that after `len` more bytes in one more frame all margins hold. */
static void oldest_advance(struct tail *tail, size_t len, bool new_run)
{
    struct head_page *page = tail->page;
    uint64_t frames = get(&page->frames);
    uint64_t oldest = get(&page->oldest_frame), was = oldest;
    uint64_t least_pos = kept_from(tail->head_pos + len, tail->bytes_size, tail->bytes_margin);
    uint64_t least = kept_from(frames + 1, FRAMES_COUNT, FRAMES_MARGIN);
    uint64_t least_run = new_run ? kept_from(get(&page->runs) + 1, RUNS_COUNT, RUNS_MARGIN) : 0;
    if (least_run > 0 && get(&run_cell(tail, least_run)->frame) > least)
        least = get(&run_cell(tail, least_run)->frame);
    while (oldest < frames && (oldest < least || get(&frame_cell(tail, oldest)->pos) < least_pos))
        oldest++;
    if (oldest == was)
        return;
    put(&page->oldest_pos, oldest < frames ? get(&frame_cell(tail, oldest)->pos) : tail->head_pos);
    put(&page->oldest_frame, oldest);
}

/* The bytes are plain memory: `oldest` keeps readers away from what is overwritten here, which the
 * thread sanitizer cannot know, so under it this copy goes unseen. */
#ifdef UNDER_TSAN
__attribute__((no_sanitize("thread"), noinline)) static void bytes_put(char *to, struct str bytes)
{
    volatile char *at = to;
    for (size_t i = 0; i < bytes.len; i++)
        at[i] = bytes.ptr[i];
}
#else
static void bytes_put(char *to, struct str bytes)
{
    atomic_signal_fence(memory_order_seq_cst);
    memcpy(to, bytes.ptr, bytes.len);
}
#endif

static void run_put(struct tail *tail, uint64_t frame, const struct tail_run *run)
{
    uint64_t number = get(&tail->page->runs);
    struct run_cell *cell = run_cell(tail, number);
    const struct format *f = &run->format;
    put(&cell->pos, tail->head_pos);
    put(&cell->frame, frame);
    put(&cell->n, run->n);
    put(&cell->rates, (uint64_t)f->rate_hz << 32 | f->bitrate_bps);
    put(&cell->marks, (uint64_t)run->discontinuity << 32 | (uint64_t)run->broken << 24 |
                          (uint64_t)f->codec << 16 | (uint64_t)f->channels << 8 | f->profile);
    put(&tail->page->runs, number + 1);
}

static struct text_cell *text_cell(const struct tail *tail, enum tail_texts which, uint64_t number)
{
    return &tail->texts[which][number % TEXTS_COUNT];
}

/* The titles at the head begin to hold. */
static void titles_begin(struct tail *tail, int64_t us)
{
    uint64_t texts = get(&tail->page->texts[TAIL_TITLES]);
    if (texts - tail->timed > TEXTS_COUNT)
        tail->timed = texts - TEXTS_COUNT;
    for (; tail->timed < texts; tail->timed++)
        put_us(&text_cell(tail, TAIL_TITLES, tail->timed)->us, us);
}

void tail_push(struct tail *tail, struct str bytes, const struct tail_frame *frame,
               const struct tail_run *run)
{
    struct head_page *page = tail->page;
    uint64_t number = get(&page->frames);
    assert(bytes.len > 0 && bytes.len <= UINT16_MAX);
    assert(frame->samples > 0 && frame->samples <= UINT16_MAX);
    assert(frame->drift_samples >= -TAIL_DRIFT_MAX && frame->drift_samples <= TAIL_DRIFT_MAX);
    oldest_advance(tail, bytes.len, run != NULL);
    bytes_put(tail->bytes + tail->head_pos % tail->bytes_size, bytes);
    if (run)
        run_put(tail, number, run);
    struct frame_cell *cell = frame_cell(tail, number);
    put(&cell->pos, tail->head_pos);
    put_us(&cell->start_us, frame->start_us);
    put_us(&cell->end_us, frame->end_us);
    put(&cell->sizes, (uint64_t)frame->drift_samples << 33 | (uint64_t)frame->broken << 32 |
                          (uint64_t)bytes.len << 16 | frame->samples);
    titles_begin(tail, frame->start_us);
    if (frame->broken)
        put(&page->last_break, number);
    tail->head_pos += bytes.len;
    put(&page->frames, number + 1);
}

static void words_put(_Atomic uint64_t *words, size_t count, struct str text)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = 0;
        struct str part = str_slice(text, i * 8, i * 8 + 8);
        if (part.len > 0)
            memcpy(&word, part.ptr, part.len);
        put(&words[i], word);
    }
}

static void words_get(const _Atomic uint64_t *words, size_t count, char *text)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t word = get(&words[i]);
        memcpy(text + i * 8, &word, sizeof word);
    }
    text[count * 8 - 1] = '\0'; /* holds even while it is being overwritten */
}

void tail_push_text(struct tail *tail, enum tail_texts which, const char *kind, struct str text,
                    int64_t us)
{
    uint64_t number = get(&tail->page->texts[which]);
    struct text_cell *cell = text_cell(tail, which, number);
    text.len = str_utf8_fit(text, TITLE_BYTES - 1);
    put(&cell->pos, tail->head_pos);
    put_us(&cell->us, which == TAIL_TITLES ? -1 : us);
    words_put(cell->kind, TAIL_KIND_BYTES / 8, str_slice(str_of(kind), 0, TAIL_KIND_BYTES - 1));
    words_put(cell->text, TEXT_WORDS, text);
    put(&tail->page->texts[which], number + 1);
}

/* ---- readers ---- */

uint64_t tail_frames(const struct tail *tail)
{
    return get(&tail->page->frames);
}

uint64_t tail_runs(const struct tail *tail)
{
    return get(&tail->page->runs);
}

uint64_t tail_texts(const struct tail *tail, enum tail_texts which)
{
    return get(&tail->page->texts[which]);
}

uint64_t tail_oldest(const struct tail *tail)
{
    return get(&tail->page->oldest_pos);
}

uint64_t tail_oldest_frame(const struct tail *tail)
{
    return get(&tail->page->oldest_frame);
}

uint64_t tail_last_break(const struct tail *tail)
{
    return get(&tail->page->last_break);
}

uint64_t tail_head(const struct tail *tail)
{
    struct tail_frame last;
    for (;;) {
        uint64_t frames = tail_frames(tail);
        if (frames == 0)
            return 0;
        if (!tail_frame(tail, frames - 1, &last))
            return last.pos + last.bytes;
    }
}

enum err tail_frame(const struct tail *tail, uint64_t number, struct tail_frame *out)
{
    if (number >= tail_frames(tail))
        return E_AGAIN;
    const struct frame_cell *cell = frame_cell(tail, number);
    uint64_t sizes = get(&cell->sizes);
    *out = (struct tail_frame){
        .pos = get(&cell->pos),
        .start_us = get_us(&cell->start_us),
        .end_us = get_us(&cell->end_us),
        .bytes = (uint32_t)(sizes >> 16 & 0xFFFF),
        .samples = (uint32_t)(sizes & 0xFFFF),
        .drift_samples = (int32_t)((int64_t)sizes >> 33),
        .broken = sizes >> 32 & 1,
    };
    return number < tail_oldest_frame(tail) ? E_LAGGED : OK;
}

enum err tail_run(const struct tail *tail, uint64_t number, struct tail_run *out)
{
    if (number >= tail_runs(tail))
        return E_AGAIN;
    const struct run_cell *cell = run_cell(tail, number);
    uint64_t rates = get(&cell->rates), marks = get(&cell->marks);
    *out = (struct tail_run){
        .pos = get(&cell->pos),
        .frame = get(&cell->frame),
        .n = get(&cell->n),
        .discontinuity = (uint32_t)(marks >> 32),
        .broken = marks >> 24 & 1,
        .format =
            {
                .codec = (enum codec)(marks >> 16 & 0xFF),
                .rate_hz = (uint32_t)(rates >> 32),
                .bitrate_bps = (uint32_t)rates,
                .channels = (uint8_t)(marks >> 8),
                .profile = (uint8_t)marks,
            },
    };
    return number < kept_from(tail_runs(tail), RUNS_COUNT, RUNS_MARGIN) ? E_LAGGED : OK;
}

enum err tail_text(const struct tail *tail, enum tail_texts which, uint64_t number,
                   struct tail_text *out)
{
    if (number >= tail_texts(tail, which))
        return E_AGAIN;
    const struct text_cell *cell = text_cell(tail, which, number);
    out->number = number;
    out->pos = get(&cell->pos);
    out->us = get_us(&cell->us);
    words_get(cell->kind, TAIL_KIND_BYTES / 8, out->kind);
    words_get(cell->text, TEXT_WORDS, out->text);
    uint64_t kept = kept_from(tail_texts(tail, which), TEXTS_COUNT, TEXTS_MARGIN);
    return number < kept ? E_LAGGED : OK;
}

enum err tail_span(const struct tail *tail, uint64_t from, uint64_t to, struct iovec *out)
{
    *out = (struct iovec){0};
    assert(from <= to && to <= tail_head(tail));
    if (from < tail_oldest(tail))
        return E_LAGGED;
    *out = (struct iovec){tail->bytes + from % tail->bytes_size, to - from};
    return OK;
}

static bool frame_is_past(const struct frame_cell *cell, enum tail_by by, int64_t value)
{
    switch (by) {
    case TAIL_ENDS_AFTER:
        return get_us(&cell->end_us) > value;
    case TAIL_STARTS_FROM:
        return get_us(&cell->start_us) >= value;
    case TAIL_LIES_BEHIND:
        return (int64_t)get(&cell->pos) > value;
    }
    return false;
}

uint64_t tail_search(const struct tail *tail, enum tail_by by, int64_t value, bool *at_edge)
{
    uint64_t from, low, high;
    /* A frame that is overwritten during the search looks newer than all others, which leads to
     * an answer before `oldest`: then it is done again. */
    do {
        low = from = tail_oldest_frame(tail); /* before `high`, or it might lie behind it */
        high = tail_frames(tail);
        while (low < high) {
            uint64_t mid = low + (high - low) / 2;
            if (frame_is_past(frame_cell(tail, mid), by, value))
                high = mid;
            else
                low = mid + 1;
        }
    } while (low < tail_oldest_frame(tail));
    *at_edge = low == from;
    return low;
}

enum err tail_run_of(const struct tail *tail, uint64_t frame, uint64_t *number,
                     struct tail_run *out)
{
    uint64_t high = tail_runs(tail);
    uint64_t low = kept_from(high, RUNS_COUNT, RUNS_MARGIN);
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (get(&run_cell(tail, mid)->frame) > frame)
            high = mid;
        else
            low = mid + 1;
    }
    *number = low > 0 ? low - 1 : 0;
    enum err err = tail_run(tail, *number, out);
    if (err)
        return err;
    return out->frame > frame ? E_LAGGED : OK;
}

uint64_t tail_texts_until(const struct tail *tail, enum tail_texts which, uint64_t pos)
{
    uint64_t low, high;
    do { /* as in tail_search() */
        high = tail_texts(tail, which);
        low = kept_from(high, TEXTS_COUNT, TEXTS_MARGIN);
        while (low < high) {
            uint64_t mid = low + (high - low) / 2;
            if (get(&text_cell(tail, which, mid)->pos) > pos)
                high = mid;
            else
                low = mid + 1;
        }
    } while (low < kept_from(tail_texts(tail, which), TEXTS_COUNT, TEXTS_MARGIN));
    return low;
}
