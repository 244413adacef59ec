/* hls/breaks.c - contract in breaks_priv.h */
#include "hls/breaks_priv.h"

#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)4 << 20)

void breaks_init(struct breaks *breaks)
{
    *breaks = (struct breaks){0};
}

void breaks_release(struct breaks *breaks)
{
    mem_free(breaks->at);
    breaks_init(breaks);
}

/* How many of the listed ones lie before window n. */
static size_t rank(const struct breaks *breaks, uint64_t n)
{
    size_t low = 0, high = breaks->count;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (breaks->at[mid] < n)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool breaks_has(const struct breaks *breaks, uint64_t n)
{
    size_t i = rank(breaks, n);
    return i < breaks->count && breaks->at[i] == n;
}

uint64_t breaks_until(const struct breaks *breaks, uint64_t n)
{
    return breaks->before + rank(breaks, n);
}

static enum err insert(struct breaks *breaks, size_t i, uint64_t n)
{
    if (breaks->count == breaks->room) {
        size_t room = breaks->room > 0 ? breaks->room * 2 : 64;
        uint64_t *at = mem_resize(breaks->at, room * sizeof *at);
        if (!at)
            return E_NOMEM;
        breaks->at = at;
        breaks->room = room;
    }
    memmove(breaks->at + i + 1, breaks->at + i, (breaks->count - i) * sizeof *breaks->at);
    breaks->at[i] = n;
    breaks->count++;
    return OK;
}

enum err breaks_add(struct breaks *breaks, uint64_t n)
{
    assert(n >= breaks->decided_n);
    return breaks_has(breaks, n) ? OK : insert(breaks, rank(breaks, n), n);
}

void breaks_drop_before(struct breaks *breaks, uint64_t n)
{
    size_t gone = rank(breaks, n);
    if (gone == 0)
        return;
    memmove(breaks->at, breaks->at + gone, (breaks->count - gone) * sizeof *breaks->at);
    breaks->count -= gone;
    breaks->before += gone;
}

void breaks_begin_epoch(struct breaks *breaks, uint64_t n, uint64_t aside)
{
    size_t kept = rank(breaks, n);
    breaks->before += breaks->count - kept;
    breaks->count = kept;
    if (breaks->decided_n > n)
        breaks->decided_n = n;
    breaks->epoch++;
    breaks->aside = aside;
}

/* ---- the file: {"epoch":0,"aside":0,"decided":299226004,"before":41,"breaks":[299226000]} ---- */

static bool read_count(const struct json *root, const char *name, uint64_t *out)
{
    const struct json *node = json_get(root, name);
    *out = (uint64_t)json_int(node);
    return json_kind_of(node) == JSON_INT && json_int(node) >= 0;
}

static enum err read_root(const struct json *root, struct breaks *out)
{
    const struct json *list = json_get(root, "breaks");
    if (!read_count(root, "epoch", &out->epoch) || !read_count(root, "aside", &out->aside) ||
        !read_count(root, "decided", &out->decided_n) ||
        !read_count(root, "before", &out->before) || json_kind_of(list) != JSON_ARRAY)
        return E_SYNTAX;
    for (size_t i = 0; i < json_count(list); i++) {
        const struct json *node = json_at(list, i);
        int64_t n = json_int(node);
        bool grows = out->count == 0 || (uint64_t)n > out->at[out->count - 1];
        if (json_kind_of(node) != JSON_INT || n < 0 || !grows)
            return E_SYNTAX;
        enum err err = insert(out, out->count, (uint64_t)n);
        if (err)
            return err;
    }
    return OK;
}

enum err breaks_load(struct breaks *breaks, const char *path)
{
    struct breaks read = {0};
    struct json_doc *doc = NULL;
    struct json_fault fault;
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    enum err err = io_load(path, &text);
    if (!err)
        err = json_parse(buf_str(&text), &doc, &fault);
    if (!err)
        err = read_root(json_root(doc), &read);
    if (err) {
        breaks_release(&read);
    } else {
        breaks_release(breaks);
        *breaks = read;
    }
    json_free(&doc);
    buf_release(&text);
    return err;
}

enum err breaks_save(const struct breaks *breaks, const char *path)
{
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    buf_printf(&text,
               "{\"epoch\":%" PRIu64 ",\"aside\":%" PRIu64 ",\"decided\":%" PRIu64
               ",\"before\":%" PRIu64 ",\"breaks\":[",
               breaks->epoch, breaks->aside, breaks->decided_n, breaks->before);
    for (size_t i = 0; i < breaks->count; i++)
        buf_printf(&text, i > 0 ? ",%" PRIu64 : "%" PRIu64, breaks->at[i]);
    buf_add(&text, STR("]}\n"));
    enum err err = buf_err(&text);
    if (!err)
        err = io_save(path, buf_str(&text));
    buf_release(&text);
    return err;
}
