/* tape/files.c - contract in files_priv.h */
#include "tape/files_priv.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/json.h"
#include "base/pack.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define VERSION 1
#define CRC_AT  ((size_t)60)
#define HALF_AT ((size_t)40) /* CRC of what does not change when a run is closed */

static const char magic[8] = {'M', 'A', 'S', 'T', 'T', 'A', 'P', 'E'};

uint64_t window_of(int64_t us)
{
    assert(us >= 0);
    return (uint64_t)(us / WINDOW_US);
}

int64_t window_start_us(uint64_t n)
{
    return (int64_t)n * WINDOW_US;
}

int64_t samples_us(uint64_t samples, uint32_t rate_hz)
{
    return (int64_t)(samples / rate_hz) * US_PER_S +
           (int64_t)(samples % rate_hz) * US_PER_S / (int64_t)rate_hz;
}

int64_t record_end_us(const struct record *record)
{
    return record->start_us + samples_us(record->samples, record->format.rate_hz);
}

int64_t us_samples(int64_t us, uint32_t rate_hz)
{
    return us / US_PER_S * rate_hz + (us % US_PER_S * rate_hz + US_PER_S / 2) / US_PER_S;
}

int32_t drift_of(int64_t media, int64_t start_us, uint32_t rate_hz)
{
    int64_t drift = media - us_samples(start_us, rate_hz);
    return media < 0 || drift < INT32_MIN || drift > INT32_MAX ? 0 : (int32_t)drift;
}

int64_t record_media(const struct record *record)
{
    return us_samples(record->start_us, record->format.rate_hz) + record->drift_samples;
}

/* Puts a CRC over the first `at` bytes there. */
static void seal(unsigned char bytes[RECORD_BYTES], size_t at)
{
    le_put(bytes + at, crc32_of((struct str){(const char *)bytes, at}), 4);
}

static bool is_sealed(struct str bytes, size_t at)
{
    return bytes.len == RECORD_BYTES &&
           le32_get((const unsigned char *)bytes.ptr + at) == crc32_of(str_slice(bytes, 0, at));
}

void index_header_format(enum codec codec, uint64_t first_n, unsigned char out[RECORD_BYTES])
{
    memset(out, 0, RECORD_BYTES);
    memcpy(out, magic, sizeof magic);
    le_put(out + 8, VERSION, 4);
    le_put(out + 12, (uint32_t)codec, 4);
    le_put(out + 16, (uint32_t)RECORD_BYTES, 4);
    le_put(out + 20, (uint32_t)(WINDOW_US / US_PER_S), 4);
    le_put(out + 24, first_n, 8);
    seal(out, CRC_AT);
}

enum err index_header_parse(struct str bytes, enum codec codec)
{
    struct str head = str_slice(bytes, 0, RECORD_BYTES);
    const unsigned char *p = (const unsigned char *)head.ptr;
    if (!is_sealed(head, CRC_AT) || memcmp(p, magic, sizeof magic) != 0 ||
        le32_get(p + 8) != VERSION || le32_get(p + 12) != (uint32_t)codec ||
        le32_get(p + 16) != RECORD_BYTES || le32_get(p + 20) != WINDOW_US / US_PER_S)
        return E_CORRUPT;
    return OK;
}

void record_format(const struct record *r, unsigned char out[RECORD_BYTES])
{
    memset(out, 0, RECORD_BYTES);
    le_put(out, r->n, 8);
    le_put(out + 8, r->offset, 8);
    le_put(out + 16, (uint64_t)r->start_us, 8);
    le_put(out + 24, r->discontinuity, 4);
    le_put(out + 28, r->format.rate_hz, 4);
    le_put(out + 32, r->format.bitrate_bps, 4);
    out[36] = r->format.channels;
    out[37] = r->format.profile;
    le_put(out + 38, r->flags & RECORD_DISCONTINUITY, 2);
    seal(out, HALF_AT);
    le_put(out + 44, r->bytes, 4);
    le_put(out + 48, r->samples, 4);
    le_put(out + 52, r->flags & (RECORD_OPEN | RECORD_INTERRUPTED), 2);
    le_put(out + 54, (uint32_t)r->drift_samples, 4);
    seal(out, CRC_AT);
}

enum err record_parse(struct str bytes, enum codec codec, struct record *out)
{
    const unsigned char *p = (const unsigned char *)bytes.ptr;
    *out = (struct record){0};
    if (!is_sealed(bytes, HALF_AT))
        return E_CORRUPT;
    struct record r = {
        .n = le_get(p, 8),
        .offset = le_get(p + 8, 8),
        .start_us = (int64_t)le_get(p + 16, 8),
        .discontinuity = le32_get(p + 24),
        .drift_samples = (int32_t)le32_get(p + 54),
        .format = {codec, le32_get(p + 28), le32_get(p + 32), p[36], p[37]},
        .flags = (uint16_t)(le16_get(p + 38) | RECORD_OPEN),
    };
    if (is_sealed(bytes, CRC_AT)) {
        r.bytes = le32_get(p + 44);
        r.samples = le32_get(p + 48);
        r.flags = le16_get(p + 38) | le16_get(p + 52);
    }
    /* A good CRC over nonsense is no accident of the disk, but must do no harm either. */
    bool is_open = r.flags & RECORD_OPEN;
    if (r.start_us < 0 || r.start_us > INT64_MAX / 4 || r.n != window_of(r.start_us) ||
        r.offset > INT64_MAX / 4 || r.format.rate_hz == 0 || r.format.rate_hz > 768000 ||
        (is_open ? r.bytes > 0 || r.samples > 0 : r.bytes == 0 || r.samples == 0))
        return E_CORRUPT;
    if (record_media(&r) < 0)
        r.drift_samples = 0;
    *out = r;
    return OK;
}

size_t index_count(struct str index)
{
    return index.len < RECORD_BYTES ? 0 : index.len / RECORD_BYTES - 1;
}

enum err index_record(struct str index, size_t number, enum codec codec, struct record *out)
{
    size_t from = (number + 1) * RECORD_BYTES;
    return record_parse(str_slice(index, from, from + RECORD_BYTES), codec, out);
}

static const char *const suffixes[SET_FILES] = {
    [SET_FRAMES] = ".frames", [SET_INDEX] = ".index", [SET_EVENTS] = ".events"};

enum err set_path(const char *folder, uint64_t first_n, enum set_file file, char out[SET_PATH_MAX])
{
    int len = snprintf(out, SET_PATH_MAX, "%s/%" PRIu64 "%s", folder, first_n, suffixes[file]);
    return len < 0 || (size_t)len >= SET_PATH_MAX ? E_TOO_LONG : OK;
}

bool set_name_parse(struct str name, uint64_t *first_n)
{
    struct str number;
    *first_n = 0;
    if (!str_cut(&name, '.', &number))
        return false;
    if (number.len > 1 && number.ptr[0] == '0')
        return false; /* another spelling of a name that we would write without */
    for (int i = 0; i < SET_FILES; i++)
        if (str_eq(name, str_of(suffixes[i] + 1)))
            return !str_parse_u64(number, INT64_MAX / 4 / WINDOW_US, first_n);
    return false;
}

enum err file_load(const char *folder, uint64_t first_n, enum set_file file, struct buf *out)
{
    char path[SET_PATH_MAX];
    uint64_t size = 0;
    size_t got = 0;
    int fd = -1;
    enum err err = set_path(folder, first_n, file, path);
    if (!err)
        err = io_open(path, IO_READ, &fd);
    if (!err)
        err = io_size(fd, &size);
    if (size > out->cap)
        size = out->cap;
    if (!err && size > 0) {
        char *to = buf_reserve(out, size);
        err = to ? io_read_at(fd, to, size, 0, &got) : buf_err(out);
        if (!err)
            buf_grew(out, got);
    }
    io_close(&fd);
    return err;
}

void event_add(struct buf *out, int64_t us, const char *kind, struct str text)
{
    buf_printf(out, "{\"t\":%" PRId64 ",\"kind\":", us);
    json_add_text(out, str_of(kind));
    buf_add(out, STR(",\"text\":"));
    json_add_text(out, text);
    buf_add(out, STR("}\n"));
}

static enum err event_parse(struct str line, struct event *event, struct buf *out)
{
    struct json_doc *doc;
    struct json_fault fault;
    enum err err = json_parse(line, &doc, &fault);
    if (err)
        return err == E_NOMEM ? err : E_SYNTAX;
    const struct json *root = json_root(doc);
    if (json_kind_of(json_get(root, "t")) != JSON_INT ||
        json_kind_of(json_get(root, "text")) != JSON_TEXT) {
        err = E_SYNTAX;
    } else {
        event->us = json_int(json_get(root, "t"));
        event->is_title = str_eq(json_text(json_get(root, "kind")), STR("title"));
        buf_clear(out);
        buf_add(out, json_text(json_get(root, "text")));
        err = buf_err(out);
    }
    json_free(&doc);
    return err;
}

enum err event_next(struct str *events, struct event *event, struct buf *out)
{
    struct str line;
    *event = (struct event){0};
    while (str_cut(events, '\n', &line)) {
        if (line.len == 0 || line.len > EVENT_MAX)
            continue;
        enum err err = event_parse(line, event, out);
        if (!err || err == E_NOMEM)
            return err;
    }
    return E_AGAIN;
}

size_t events_whole(struct str events)
{
    while (events.len > 0 && events.ptr[events.len - 1] != '\n')
        events.len--;
    return events.len;
}
