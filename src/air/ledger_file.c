/* air/ledger_file.c - contract in ledger_file.h */
#include "air/ledger_file.h"

#include "air/station_priv.h"

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES 768
#define FILE_BYTES ((size_t)1 << 20)
#define LINE_BYTES ((size_t)4096) /* each text escaped to the utmost, and more */
#define BATCH      32

struct ledger_file {
    char folder[PATH_BYTES], path[PATH_BYTES], before_path[PATH_BYTES];
    char slug[64];
    struct ledger *ledger;
    struct air_event last; /* that was read back */
    bool has_last;
    uint64_t next;   /* number of the event that is to be written next */
    bool is_failing; /* and that was said */
};

/* ---- a line ---- */

static void add_pair(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\"%s\":", name);
    json_add_text(out, str_of(value));
}

void air_event_json(const struct air_event *event, struct buf *out)
{
    char at[UTC_ISO_BYTES];
    utc_format_iso(event->at, at);
    buf_printf(out, "{\"what\":\"%s\",\"at\":\"%s\"", air_event_name(event->kind), at);
    add_pair(out, "from", event->from);
    add_pair(out, "to", event->to);
    add_pair(out, "why", event->why);
    buf_add_char(out, '}');
}

static enum err read_members(const struct json *object, struct air_event *out)
{
    struct str what = json_text(json_get(object, "what"));
    int kind = 0;
    while (kind < AIR_EVENT_KIND_COUNT && !str_eq(what, str_of(air_event_name(kind))))
        kind++;
    if (kind == AIR_EVENT_KIND_COUNT || utc_parse_iso(json_text(json_get(object, "at")), &out->at))
        return E_SYNTAX;
    out->kind = (enum air_event_kind)kind;
    str_copy(out->from, sizeof out->from, json_text(json_get(object, "from")));
    str_copy(out->to, sizeof out->to, json_text(json_get(object, "to")));
    str_copy(out->why, sizeof out->why, json_text(json_get(object, "why")));
    return OK;
}

enum err air_event_parse(struct str line, struct air_event *out)
{
    struct json_doc *doc;
    struct json_fault fault;
    *out = (struct air_event){0};
    enum err err = line.len > LINE_BYTES ? E_SYNTAX : json_parse(line, &doc, &fault);
    if (err)
        return err == E_NOMEM ? err : E_SYNTAX;
    err = read_members(json_root(doc), out);
    json_free(&doc);
    if (err)
        *out = (struct air_event){0};
    return err;
}

/* ---- reading back ---- */

/* Where the last `lines` lines of a text begin. */
static size_t tail_of(struct str text, size_t lines)
{
    size_t at = text.len;
    for (; at > 0; at--)
        if (text.ptr[at - 1] == '\n' && at != text.len && --lines == 0)
            break;
    return at;
}

/* Reads the newest events of a text, at most `max`; *skipped: lines that are none, among these. */
static size_t read_events(struct str text, struct air_event *out, size_t max, unsigned *skipped)
{
    size_t count = 0;
    if (max == 0)
        return 0;
    for (struct str rest = str_slice(text, tail_of(text, max), text.len), line; rest.len > 0;) {
        str_cut(&rest, '\n', &line);
        if (line.len == 0)
            continue;
        if (air_event_parse(line, &out[count]) == OK)
            count++;
        else
            ++*skipped;
    }
    return count;
}

/* The whole lines of a file; what is torn off at its end goes from the file too. */
static enum err load_lines(const struct ledger_file *file, const char *path, struct buf *out)
{
    enum err err = io_load(path, out);
    size_t whole = out->len;
    while (!err && whole > 0 && out->ptr[whole - 1] != '\n')
        whole--;
    if (err || whole == out->len)
        return err;
    int fd = -1;
    log_warn(EV_LEDGER, "station=%s bytes=%zu text=\"a torn last line was cut off\"", file->slug,
             out->len - whole);
    out->len = whole;
    err = io_open(path, IO_WRITE, &fd);
    if (!err)
        err = io_truncate(fd, whole);
    io_close(&fd);
    if (err) /* what is written next will stand on that line, and be skipped with it */
        log_warn(EV_LEDGER, "station=%s text=\"it stays there: %s\"", file->slug, err_text(err));
    return OK;
}

static enum err recall(struct ledger_file *file, struct air_event *events)
{
    struct buf now, before;
    unsigned skipped = 0;
    buf_init(&now, FILE_BYTES);
    buf_init(&before, FILE_BYTES);
    enum err err = load_lines(file, file->path, &now);
    if (err == E_TOO_LONG) /* nobody here writes so much to it */
        err = io_rename(file->path, file->before_path);
    struct air_event *newest = events + AIR_EVENTS_MAX;
    size_t count = err ? 0 : read_events(buf_str(&now), newest, AIR_EVENTS_MAX, &skipped), old = 0;
    if (io_load(file->before_path, &before) == OK)
        old = read_events(buf_str(&before), events, AIR_EVENTS_MAX - count, &skipped);
    memmove(events + old, newest, count * sizeof *events);
    count += old;
    ledger_recall(file->ledger, events, count);
    file->next = count;
    file->has_last = count > 0;
    if (count > 0)
        file->last = events[count - 1];
    if (skipped > 0)
        log_warn(EV_LEDGER, "station=%s lines=%u text=\"what is no event was skipped\"", file->slug,
                 skipped);
    buf_release(&now);
    buf_release(&before);
    return err;
}

enum err ledger_file_open(const char *folder, const char *slug, struct air_station *station,
                          struct ledger_file **out)
{
    struct ledger_file *file = *out = mem_new(sizeof *file);
    struct air_event *events = mem_new_array(2 * AIR_EVENTS_MAX, sizeof *events);
    if (!file || !events) {
        mem_free(events);
        mem_free(file);
        *out = NULL;
        return E_NOMEM;
    }
    file->ledger = &station->ledger;
    str_copy(file->slug, sizeof file->slug, str_of(slug));
    str_copy(file->folder, sizeof file->folder, str_of(folder));
    snprintf(file->path, sizeof file->path, "%s/%s.jsonl", folder, slug);
    snprintf(file->before_path, sizeof file->before_path, "%s/%s.1.jsonl", folder, slug);
    enum err err = recall(file, events);
    if (err && err != E_NOT_FOUND)
        log_error(EV_LEDGER, "station=%s text=\"the ledger cannot be read back: %s\"", file->slug,
                  err_text(err));
    mem_free(events);
    return OK;
}

void ledger_file_close(struct ledger_file **file)
{
    mem_free(*file);
    *file = NULL;
}

bool ledger_file_has_past(const struct ledger_file *file)
{
    return file->has_last;
}

/* ---- beginning and end ---- */

/* Station time never goes back, whatever the machine's clock says. */
static void add_event(struct ledger_file *file, struct air_event *event)
{
    struct air_event newest;
    if (ledger_read(file->ledger, &newest, 1) == 1 && event->at.us < newest.at.us)
        event->at = newest.at;
    ledger_add(file->ledger, file->slug, event);
}

void ledger_file_begin(struct ledger_file *file, const char *why, struct utc at,
                       struct utc sound_end)
{
    struct air_event event = {.kind = AIR_START, .at = at.us < sound_end.us ? sound_end : at};
    char end[UTC_ISO_BYTES];
    size_t len = strlen(why);
    assert(len <= LEDGER_WHY_BYTES);
    str_copy(event.why, sizeof event.why, str_of(why));
    utc_format_iso(sound_end, end);
    bool was_stopped = !file->has_last || file->last.kind == AIR_STOP;
    if (!was_stopped && sound_end.us > file->last.at.us)
        snprintf(event.why + len, sizeof event.why - len,
                 "; it had not been stopped, its sound ended at %s", end);
    else if (!was_stopped)
        str_copy(event.why + len, sizeof event.why - len, STR("; it had not been stopped"));
    add_event(file, &event);
}

void ledger_file_end(struct ledger_file *file, struct utc at)
{
    struct air_event event = {.kind = AIR_STOP, .at = at, .why = "mast was stopped"};
    add_event(file, &event);
}

/* ---- writing ---- */

static enum err open_for(struct ledger_file *file, size_t bytes, int *fd, uint64_t *size)
{
    *fd = -1;
    enum err err = io_make_folder(file->folder);
    if (!err)
        err = io_open(file->path, IO_APPEND, fd);
    if (!err)
        err = io_size(*fd, size);
    if (err || *size == 0 || *size + bytes <= FILE_BYTES)
        return err;
    io_close(fd);
    err = io_rename(file->path, file->before_path);
    if (!err)
        err = io_open(file->path, IO_APPEND, fd);
    if (!err)
        err = io_size(*fd, size);
    return err;
}

static enum err append(struct ledger_file *file, struct str lines)
{
    int fd;
    uint64_t size;
    enum err err = open_for(file, lines.len, &fd, &size);
    if (!err) {
        err = io_append(fd, lines);
        if (!err)
            err = io_sync(fd);
        /* All of it will be written again. If this fails too, half a line stays, and is skipped. */
        if (err)
            (void)!io_truncate(fd, size);
    }
    io_close(&fd);
    return err;
}

static void add_line(struct buf *out, const struct air_event *event)
{
    air_event_json(event, out);
    buf_add_char(out, '\n');
}

static void say(struct ledger_file *file, enum err err)
{
    if (err && !file->is_failing)
        log_error(EV_LEDGER, "station=%s text=\"the ledger cannot be written, sound goes on: %s\"",
                  file->slug, err_text(err));
    else if (!err && file->is_failing)
        log_info(EV_LEDGER, "station=%s text=\"the ledger is written again\"", file->slug);
    file->is_failing = err != OK;
}

/* Returns false when there is nothing to write, or it cannot be written now. */
static bool write_some(struct ledger_file *file)
{
    struct air_event events[BATCH];
    struct buf lines;
    uint64_t next = file->next, lost;
    size_t count = ledger_since(file->ledger, &next, events, BATCH, &lost);
    if (count == 0)
        return false;
    buf_init(&lines, (BATCH + 1) * LINE_BYTES);
    if (lost > 0) {
        struct air_event event = {.kind = AIR_LOST, .at = events[0].at};
        snprintf(event.why, sizeof event.why, "%" PRIu64 " events could not be kept", lost);
        add_line(&lines, &event);
    }
    for (size_t i = 0; i < count; i++)
        add_line(&lines, &events[i]);
    enum err err = buf_err(&lines);
    if (!err)
        err = append(file, buf_str(&lines));
    if (!err && lost > 0)
        log_warn(EV_LEDGER, "station=%s lost=%" PRIu64 " text=\"events could not be kept\"",
                 file->slug, lost);
    if (!err)
        file->next = next;
    say(file, err);
    buf_release(&lines);
    return !err;
}

void ledger_file_write(struct ledger_file *file)
{
    while (write_some(file))
        continue;
}
