/* program/board_file.c - the board as text: its file, documents, and what follows from one.
 *
 *     {"format": 1, "version": 3, "secret": "<64 hex>", "admin_key_hash": "<64 hex>",
 *      "relay_key_hash": "<64 hex>", "stations": [{... "sources": [{"user": "", "mount": "",
 *      "key_hash": "<64 hex>", ...}, {"relay": "https://...", "mount": "/wxyz/relay-1", ...}]}]}
 *
 * What a file lacks because an older mast wrote it has its default. */
#include "program/board_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define FORMAT    1
#define TEXT_MAX  ((size_t)4 << 20) /* what json_parse() takes */
#define LINES_MAX ((size_t)1 << 20)

_Static_assert(KEY_HASH_BYTES == 2 * KEY_SECRET_BYTES + 1, "secret and hashes are read alike");

/* -- writing -- */

static void add_member(struct buf *out, const char *before, const char *name, const char *text)
{
    buf_printf(out, "%s\"%s\": ", before, name);
    json_add_text(out, str_of(text));
}

static const char *truth(bool yes)
{
    return yes ? "true" : "false";
}

static void add_rendition(const struct board_rendition *rendition, struct buf *out)
{
    add_member(out, "\n     {", "slug", rendition->slug);
    add_member(out, ", ", "codec", codec_name(rendition->codec));
    buf_printf(out, ", \"bitrate\": %u, \"rate\": %u, \"channels\": %u, \"passthrough\": %s",
               rendition->bitrate_bps, rendition->rate_hz, rendition->channels,
               truth(rendition->passthrough));
    buf_add(out, STR(", \"mounts\": ["));
    for (size_t i = 0; i < rendition->mounts_count; i++) {
        buf_add(out, i > 0 ? STR(", ") : STR(""));
        json_add_text(out, str_of(rendition->mounts[i]));
    }
    buf_add(out, STR("]}"));
}

/* In a document a relay's name is made anew, and a source's key stays behind. */
static void add_source(const struct board_source *source, bool is_file, struct buf *out)
{
    bool is_relay = board_source_is_relay(source);
    add_member(out, "\n     {", is_relay ? "relay" : "user",
               is_relay ? source->relay : source->user);
    if (is_file || !is_relay)
        add_member(out, ", ", "mount", source->mount);
    if (is_relay)
        buf_printf(out, ", \"private\": %s", truth(source->is_private));
    else if (is_file)
        add_member(out, ", ", "key_hash", source->key_hash);
    buf_printf(out, ", \"silence_allowed\": %s, \"order\": %u}", truth(source->may_be_silent),
               source->order);
}

/* Thousandths as a number of seconds: 1500 -> 1.5 */
static void add_seconds(uint32_t ms, struct buf *out)
{
    uint32_t fraction = ms % 1000;
    int digits = 3;
    for (; digits > 0 && fraction % 10 == 0; digits--)
        fraction /= 10;
    buf_printf(out, "%u", ms / 1000);
    if (digits > 0)
        buf_printf(out, ".%0*u", digits, fraction);
}

static void add_rules(const struct board_rules *rules, struct buf *out)
{
    buf_add(out, STR(",\n   \"rules\": {\"stall\": "));
    add_seconds(rules->stall_ms, out);
    buf_printf(out, ", \"silence_level\": %d, \"silence_alarm\": %u, \"silence_switch\": %u",
               rules->silence_dbfs, rules->silence_alarm_s, rules->silence_switch_s);
    buf_printf(out, ", \"return_after\": %u}", rules->return_after_s);
}

static void add_loop(const struct board_station *station, struct buf *out)
{
    if (station->loop == BOARD_LOOP_FILE)
        add_member(out, ",\n   ", "loop", station->loop_file);
    else
        buf_printf(out, ",\n   \"loop\": %s", truth(station->loop == BOARD_LOOP_OWN));
}

static void add_stations(const struct board *board, bool is_file, struct buf *out)
{
    buf_add(out, STR("\"stations\": ["));
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s];
        add_member(out, s > 0 ? ",\n  {" : "\n  {", "slug", station->slug);
        add_member(out, ",\n   ", "name", station->name);
        add_member(out, ",\n   ", "description", station->description);
        add_member(out, ",\n   ", "url", station->url);
        add_member(out, ",\n   ", "genre", station->genre);
        add_member(out, ",\n   ", "timezone", station->timezone);
        buf_printf(out, ",\n   \"listed\": %s", truth(station->listed));
        add_rules(&station->rules, out);
        add_loop(station, out);
        buf_add(out, STR(",\n   \"renditions\": ["));
        for (size_t i = 0; i < station->renditions_count; i++) {
            buf_add(out, i > 0 ? STR(",") : STR(""));
            add_rendition(&station->renditions[i], out);
        }
        buf_add(out, STR("],\n   \"sources\": ["));
        for (size_t i = 0; i < station->sources_count; i++) {
            buf_add(out, i > 0 ? STR(",") : STR(""));
            add_source(&station->sources[i], is_file, out);
        }
        buf_add(out, STR("]}"));
    }
    buf_add(out, STR("]}\n"));
}

void board_format(const struct board *board, struct buf *out)
{
    char secret[2 * KEY_SECRET_BYTES + 1];
    hex_encode(board->secret, KEY_SECRET_BYTES, secret);
    buf_printf(out, "{\"format\": %d, \"version\": %llu,\n", FORMAT,
               (unsigned long long)board->version);
    buf_printf(out, " \"secret\": \"%s\",\n \"admin_key_hash\": \"%s\",\n", secret,
               board->admin_key_hash);
    buf_printf(out, " \"relay_key_hash\": \"%s\",\n ", board->relay_key_hash);
    add_stations(board, true, out);
}

void board_export(const struct board *board, struct buf *out)
{
    buf_add_char(out, '{');
    add_stations(board, false, out);
}

enum err board_save(const char *path, const struct board *board)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    board_format(board, &text);
    enum err err = buf_err(&text);
    if (!err)
        err = io_save(path, buf_str(&text));
    buf_release(&text);
    return err;
}

/* -- reading -- */

static enum err parse(struct str text, struct json_doc **doc, struct board_faults *faults)
{
    struct json_fault where;
    char place[64];
    enum err err = json_parse(text, doc, &where);
    if (err) {
        snprintf(place, sizeof place, "line %d, column %d", where.line, where.column);
        /* jansson's words may quote the text. */
        const char *what = where.text[0] ? where.text : err_text(err);
        board_fault(faults, place, "%s", board_text_wrong(str_of(what)) ? "no JSON" : what);
        return err;
    }
    if (json_kind_of(json_root(*doc)) != JSON_OBJECT)
        board_fault(faults, "the document", "must be an object");
    return OK;
}

/* Ends a reading: a board with faults is no board. */
static enum err finish(enum err err, const struct board_faults *faults, struct board **board)
{
    if (!err && faults->count > 0)
        err = E_SYNTAX;
    if (err)
        board_free(board);
    return err;
}

static void read_head(const struct json *root, struct board *board, struct board_faults *faults)
{
    static const char *const names[] = {"format",         "version",  "secret", "admin_key_hash",
                                        "relay_key_hash", "stations", NULL};
    char secret[2 * KEY_SECRET_BYTES + 1] = "";
    const struct json *version = json_get(root, "version");
    if (json_int(json_get(root, "format")) != FORMAT) {
        board_fault(faults, "format", "must be %d: this is no board, or one of a newer mast",
                    FORMAT);
        return;
    }
    board_read_members(root, "the board", names, faults);
    if (json_kind_of(version) != JSON_INT || json_int(version) < 0)
        board_fault(faults, "version", "must be a whole number, 0 or more");
    else
        board->version = (uint64_t)json_int(version);
    board_read_hex(root, "the board", "secret", secret, KEY_SECRET_BYTES, faults);
    if (secret[0] && hex_decode(str_of(secret), board->secret, sizeof board->secret))
        board_fault(faults, "secret", "must be hex");
    board_read_hex(root, "the board", "admin_key_hash", board->admin_key_hash, KEY_SECRET_BYTES,
                   faults);
    board_read_hex(root, "the board", "relay_key_hash", board->relay_key_hash, KEY_SECRET_BYTES,
                   faults);
    if (!json_get(root, "stations"))
        board_fault(faults, "stations", "is missing");
}

enum err board_load(const char *path, struct board **out, struct buf *faults)
{
    char prefix[512];
    struct buf text;
    struct json_doc *doc = NULL;
    struct board_faults all = {prefix, faults, 0};
    *out = NULL;
    snprintf(prefix, sizeof prefix, "%s: ", path);
    buf_init(&text, TEXT_MAX);
    enum err err = io_load(path, &text);
    if (err && err != E_NOT_FOUND)
        board_fault(&all, "the file", "%s", err_text(err));
    if (!err)
        err = parse(buf_str(&text), &doc, &all);
    if (!err)
        err = board_make(NULL, out);
    if (!err)
        read_head(json_root(doc), *out, &all);
    if (!err && all.count == 0) {
        board_read_stations(*out, BOARD_FILE, json_root(doc), buf_str(&text), NULL, &all);
        err = board_check(*out, json_root(doc), &all);
    }
    json_free(&doc);
    buf_release(&text);
    return finish(err, &all, out);
}

/* Counts the new board's version up, if it differs from the old one. */
static enum err count_version(const struct board *old, struct board *made)
{
    struct buf before, after;
    buf_init(&before, TEXT_MAX);
    buf_init(&after, TEXT_MAX);
    made->version = old->version;
    board_format(old, &before);
    board_format(made, &after);
    enum err err = buf_err(&before) ? buf_err(&before) : buf_err(&after);
    if (!err && !str_eq(buf_str(&before), buf_str(&after)))
        made->version++;
    buf_release(&before);
    buf_release(&after);
    return err;
}

enum err board_apply(const struct board *old, struct str document, struct board **out,
                     struct board_keys *keys, struct buf *faults)
{
    static const char *const names[] = {"stations", NULL};
    struct board_faults all = {"", faults, 0};
    struct json_doc *doc = NULL;
    struct buf made; /* keys; they are shown only if the board is made */
    *out = NULL;
    buf_init(&made, LINES_MAX);
    enum err err = parse(document, &doc, &all);
    if (!err)
        err = board_make(old, out);
    if (!err) {
        board_read_members(json_root(doc), "the document", names, &all);
        board_read_stations(*out, BOARD_DOCUMENT, json_root(doc), document, &made, &all);
        err = board_check(*out, json_root(doc), &all);
    }
    if (!err && all.count == 0)
        err = count_version(old, *out);
    if (!err)
        err = buf_err(&made);
    if (!err && all.count == 0) {
        buf_add(&keys->lines, buf_str(&made));
        err = buf_err(&keys->lines);
    }
    json_free(&doc);
    buf_release(&made);
    return finish(err, &all, out);
}
