/* program/board_read.c - stations, renditions and sources from JSON, of a document for mast apply
 * or of the board's own file. Nothing ends at the first fault. */
#include "program/board_priv.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PATH_BYTES   96
#define ENTRIES_EACH 4 /* a document may name this many times what a board may have */
#define KEY_LEN_MIN  12
#define KEY_LEN_MAX  128
#define BITRATE_MIN  8000
#define BITRATE_MAX  640000

struct reader {
    struct board *board;
    enum board_form form;
    struct buf *keys;
    struct board_faults *faults;
};

/* Where one object stands: the object and its path, "stations[0].sources[2]". */
struct place {
    const struct json *object;
    char path[PATH_BYTES];
};

/* Formats a value for a message: quoted, cut, control characters escaped. */
static const char *shown(struct log_text *t, struct str value)
{
    return log_text(t, str_slice(value, 0, str_utf8_fit(value, 100)));
}

__attribute__((format(printf, 4, 5))) static void fault(struct reader *r, const struct place *at,
                                                        const char *name, const char *format, ...)
{
    char path[PATH_BYTES + 64], text[600];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    snprintf(path, sizeof path, "%s%s%s", at->path, name[0] ? "." : "", name);
    board_fault(r->faults, path, "%s", text);
}

void board_read_members(const struct json *object, const char *path, const char *const *names,
                        struct board_faults *faults)
{
    struct str key;
    const struct json *value;
    for (size_t i = 0; json_member(object, i, &key, &value); i++) {
        struct log_text t;
        size_t n = 0;
        while (names[n] && !str_eq(key, str_of(names[n])))
            n++;
        if (!names[n])
            board_fault(faults, path, "there is no field %s", shown(&t, key));
    }
}

void board_read_hex(const struct json *object, const char *path, const char *name, char *out,
                    size_t bytes, struct board_faults *faults)
{
    struct str text = json_text(json_get(object, name));
    bool good = text.len == 2 * bytes;
    for (size_t i = 0; i < text.len && good; i++)
        good = text.ptr[i] != '\0' && strchr("0123456789abcdef", text.ptr[i]);
    if (good)
        str_copy(out, 2 * bytes + 1, text);
    else
        board_fault(faults, path, "%s must be %zu small hex digits", name, 2 * bytes);
}

/* Reads a text if it is there and can be a field of `size` bytes. */
static bool text_read(struct reader *r, const struct place *at, const char *name, size_t size,
                      struct str *out)
{
    const struct json *node = json_get(at->object, name);
    *out = json_text(node);
    if (!node)
        return false;
    const char *what = json_kind_of(node) != JSON_TEXT ? "must be a text" : board_text_wrong(*out);
    if (what)
        fault(r, at, name, "%s", what);
    else if (out->len >= size)
        fault(r, at, name, "must have at most %zu bytes, not %zu", size - 1, out->len);
    return !what && out->len < size;
}

static void field_set(char *field, size_t size, struct str text)
{
    memset(field, 0, size);
    str_copy(field, size, text);
}

static void text_set(struct reader *r, const struct place *at, const char *name, char *field,
                     size_t size)
{
    struct str text;
    if (text_read(r, at, name, size, &text))
        field_set(field, size, text);
}

static void bool_set(struct reader *r, const struct place *at, const char *name, bool *field)
{
    const struct json *node = json_get(at->object, name);
    if (node && json_kind_of(node) != JSON_BOOL)
        fault(r, at, name, "must be true or false");
    else if (node)
        *field = json_bool(node);
}

/* The array `name` of an object, NULL if it is not there or no array of objects. */
static const struct json *list_get(struct reader *r, const struct place *at, const char *name,
                                   size_t most)
{
    const struct json *list = json_get(at->object, name);
    if (!list)
        return NULL;
    if (json_kind_of(list) != JSON_ARRAY) {
        fault(r, at, name, "must be a list");
        return NULL;
    }
    if (json_count(list) > most * ENTRIES_EACH) {
        fault(r, at, name, "has more than %zu entries", most * ENTRIES_EACH);
        return NULL;
    }
    return list;
}

static bool place_at(struct reader *r, const struct place *outer, const char *name,
                     const struct json *list, size_t i, struct place *out)
{
    out->object = json_at(list, i);
    int len = snprintf(out->path, sizeof out->path, "%s%s%s[%zu]", outer->path,
                       outer->path[0] ? "." : "", name, i);
    assert(len > 0 && (size_t)len < sizeof out->path);
    if (json_kind_of(out->object) == JSON_OBJECT)
        return true;
    fault(r, out, "", "must be an object");
    return false;
}

static bool is_removed(struct reader *r, const struct place *at)
{
    bool remove = false;
    bool_set(r, at, "remove", &remove);
    return remove && r->form == BOARD_DOCUMENT; /* a file that says so is damaged */
}

/* Looks at which members an object has. A document names what it changes and may remove; a file
 * says everything. */
static void members_check(struct reader *r, const struct place *at, const char *const *names)
{
    board_read_members(at->object, at->path, names, r->faults);
    for (size_t i = 0; names[i] && r->form == BOARD_FILE; i++) {
        bool is_there = json_get(at->object, names[i]) != NULL;
        bool removes = strcmp(names[i], "remove") == 0;
        if (is_there == removes)
            fault(r, at, names[i], removes ? "has no place in a file" : "is missing");
    }
}

/* Reads the slug of a station or rendition, which must be there, right, and not named before. */
static bool slug_read(struct reader *r, const struct place *at, const struct json *list, size_t i,
                      bool of_station, struct str *out)
{
    struct log_text t;
    if (!json_get(at->object, "slug")) {
        fault(r, at, "slug", "is missing");
        return false;
    }
    if (!text_read(r, at, "slug", 64, out))
        return false;
    const char *what = of_station          ? board_slug_wrong(*out)
                       : str_is_slug(*out) ? NULL
                                           : "must be 1 to 63 of a-z, 0-9 and '-'";
    for (size_t n = 0; n < i && !what; n++)
        if (str_eq(json_text(json_get(json_at(list, n), "slug")), *out))
            what = "is named a second time";
    if (what)
        fault(r, at, "slug", "%s %s", shown(&t, *out), what);
    return !what;
}

/* -- renditions -- */

static struct board_rendition *rendition_find(struct board_station *station, struct str slug)
{
    for (size_t i = 0; i < station->renditions_count; i++)
        if (str_eq(str_of(station->renditions[i].slug), slug))
            return &station->renditions[i];
    return NULL;
}

static void rendition_remove(struct board_station *station, struct board_rendition *rendition)
{
    size_t i = (size_t)(rendition - station->renditions);
    station->renditions_count--;
    memmove(rendition, rendition + 1, (station->renditions_count - i) * sizeof *rendition);
    memset(&station->renditions[station->renditions_count], 0, sizeof *rendition);
}

static bool codec_read(struct reader *r, const struct place *at, enum codec *out)
{
    struct log_text t;
    struct str name = json_text(json_get(at->object, "codec"));
    *out = codec_from_name(name);
    if (*out == CODEC_MP3 || *out == CODEC_AAC || *out == CODEC_OPUS)
        return true;
    fault(r, at, "codec", "must be mp3, aac or opus%s%s", name.len ? ", not " : "",
          name.len ? shown(&t, name) : "");
    return false;
}

static void mounts_set(struct reader *r, const struct place *at, struct board_rendition *rendition)
{
    const struct json *list = list_get(r, at, "mounts", BOARD_MOUNTS_MAX);
    if (!list)
        return;
    if (json_count(list) > BOARD_MOUNTS_MAX) {
        fault(r, at, "mounts", "a rendition has at most %d", BOARD_MOUNTS_MAX);
        return;
    }
    memset(rendition->mounts, 0, sizeof rendition->mounts);
    rendition->mounts_count = 0;
    for (size_t i = 0; i < json_count(list); i++) {
        struct log_text t;
        char name[32];
        const struct json *node = json_at(list, i);
        struct str mount = json_text(node);
        const char *what =
            json_kind_of(node) != JSON_TEXT ? "must be a text" : board_mount_wrong(mount);
        snprintf(name, sizeof name, "mounts[%zu]", i);
        if (what)
            fault(r, at, name, "%s %s", shown(&t, mount), what);
        else
            str_copy(rendition->mounts[rendition->mounts_count++], sizeof rendition->mounts[0],
                     mount);
    }
}

static void bitrate_set(struct reader *r, const struct place *at, struct board_rendition *rendition)
{
    const struct json *node = json_get(at->object, "bitrate");
    int64_t bps = json_int(node);
    if (!node)
        return;
    if (json_kind_of(node) != JSON_INT || bps < BITRATE_MIN || bps > BITRATE_MAX)
        fault(r, at, "bitrate", "must be a whole number of bits per second from %d to %d",
              BITRATE_MIN, BITRATE_MAX);
    else
        rendition->bitrate_bps = (uint32_t)bps;
}

static void rendition_read(struct reader *r, const struct place *at, struct board_station *station,
                           struct str slug)
{
    static const char *const names[] = {"slug", "codec", "bitrate", "mounts", "remove", NULL};
    struct board_rendition *rendition = rendition_find(station, slug);
    bool is_new = !rendition;
    enum codec codec = CODEC_NONE;
    members_check(r, at, names);
    if (is_new && station->renditions_count == BOARD_RENDITIONS_MAX) {
        fault(r, at, "", "a station has at most %d renditions", BOARD_RENDITIONS_MAX);
        return;
    }
    if ((is_new || json_get(at->object, "codec")) && !codec_read(r, at, &codec))
        return;
    if (is_new) {
        rendition = &station->renditions[station->renditions_count++];
        field_set(rendition->slug, sizeof rendition->slug, slug);
        rendition->codec = codec;
        rendition->bitrate_bps = codec == CODEC_MP3 ? 128000 : 96000;
    } else if (codec != CODEC_NONE && codec != rendition->codec) {
        fault(r, at, "codec",
              "a rendition keeps its codec, which is %s: remove it, and make another",
              codec_name(rendition->codec));
        return;
    }
    bitrate_set(r, at, rendition);
    mounts_set(r, at, rendition);
}

static void renditions_read(struct reader *r, const struct place *at, struct board_station *station)
{
    const struct json *list = list_get(r, at, "renditions", BOARD_RENDITIONS_MAX);
    struct place place;
    struct str slug = {0};
    /* What goes makes room for what comes. */
    for (int removing = 1; removing >= 0; removing--)
        for (size_t i = 0; i < json_count(list); i++) {
            struct str named = json_text(json_get(json_at(list, i), "slug"));
            bool remove = json_bool(json_get(json_at(list, i), "remove"));
            if (removing && remove && r->form == BOARD_DOCUMENT && rendition_find(station, named))
                rendition_remove(station, rendition_find(station, named));
            if (removing || !place_at(r, at, "renditions", list, i, &place))
                continue;
            slug = (struct str){0};
            if (slug_read(r, &place, list, i, false, &slug) && !is_removed(r, &place))
                rendition_read(r, &place, station, slug);
        }
}

/* -- sources -- */

static struct board_source *source_find(struct board_station *station, struct str user,
                                        struct str mount)
{
    for (size_t i = 0; i < station->sources_count; i++) {
        struct board_source *source = &station->sources[i];
        if (str_eq(str_of(source->user), user) && str_eq(str_of(source->mount), mount))
            return source;
    }
    return NULL;
}

static void source_remove(struct board_station *station, struct board_source *source)
{
    size_t i = (size_t)(source - station->sources);
    station->sources_count--;
    memmove(source, source + 1, (station->sources_count - i) * sizeof *source);
    memset(&station->sources[station->sources_count], 0, sizeof *source);
}

static const char *user_wrong(struct str user)
{
    if (user.len == 0)
        return "must not be empty";
    if (str_eq(user, STR("admin")) || str_eq(user, STR("relay")))
        return "is reserved";
    for (size_t i = 0; i < user.len; i++)
        if (user.ptr[i] <= ' ' || user.ptr[i] > '~' || user.ptr[i] == ':')
            return "may have only printable ASCII, no blank and no ':'";
    return NULL;
}

/* Whom an entry means: with the defaults for what it does not say. */
static void source_named(const struct json *object, const struct board_station *station,
                         char own[96], struct str *user, struct str *mount)
{
    const struct json *user_node = json_get(object, "user"),
                      *mount_node = json_get(object, "mount");
    snprintf(own, 96, "/%s", station->slug);
    *user = user_node ? json_text(user_node) : STR("source");
    *mount = mount_node ? json_text(mount_node) : str_of(own);
}

static bool source_is_right(struct reader *r, const struct place *at, struct str user,
                            struct str mount)
{
    struct log_text t;
    struct str text;
    bool good = true;
    if (json_get(at->object, "user"))
        good = text_read(r, at, "user", sizeof((struct board_source *)0)->user, &text);
    const char *what = good ? user_wrong(user) : NULL;
    if (what)
        fault(r, at, "user", "%s %s", shown(&t, user), what);
    good = good && !what;
    if (!json_get(at->object, "mount"))
        return good;
    what = json_kind_of(json_get(at->object, "mount")) != JSON_TEXT ? "must be a text"
                                                                    : board_mount_wrong(mount);
    if (what)
        fault(r, at, "mount", "%s %s", shown(&t, mount), what);
    return good && !what;
}

/* Sets the key as the document says, or makes one for a source that has none. */
static void key_set(struct reader *r, const struct place *at, const struct board_station *station,
                    struct board_source *source)
{
    char made[KEY_TEXT_BYTES];
    struct str key;
    if (r->form == BOARD_FILE) {
        board_read_hex(at->object, at->path, "key_hash", source->key_hash, (KEY_HASH_BYTES - 1) / 2,
                       r->faults);
        return;
    }
    if (json_get(at->object, "key")) {
        if (!text_read(r, at, "key", KEY_LEN_MAX + 1, &key))
            return;
        if (key.len < KEY_LEN_MIN)
            fault(r, at, "key", "must have at least %d characters", KEY_LEN_MIN);
        else if (str_has(key, ' ')) /* a SHOUTcast source sends it as a line without blanks */
            fault(r, at, "key", "must not hold spaces");
        else
            key_hash(r->board->secret, key, source->key_hash);
        return;
    }
    if (source->key_hash[0])
        return;
    key_generate(made);
    key_hash(r->board->secret, str_of(made), source->key_hash);
    buf_printf(r->keys, "station %s, source %s, user %s: key %s\n", station->slug, source->mount,
               source->user, made);
}

static bool source_named_before(const struct json *list, size_t i,
                                const struct board_station *station, struct str user,
                                struct str mount)
{
    for (size_t n = 0; n < i; n++) {
        char own[96];
        struct str other_user, other_mount;
        source_named(json_at(list, n), station, own, &other_user, &other_mount);
        if (str_eq(user, other_user) && str_eq(mount, other_mount))
            return true;
    }
    return false;
}

static void source_read(struct reader *r, const struct place *at, const struct json *list, size_t i,
                        struct board_station *station)
{
    static const char *const names[] = {"user", "mount", "key", "remove", NULL};
    static const char *const file_names[] = {"user", "mount", "key_hash", NULL};
    char own[96];
    struct str user, mount;
    source_named(at->object, station, own, &user, &mount);
    members_check(r, at, r->form == BOARD_FILE ? file_names : names);
    if (!source_is_right(r, at, user, mount))
        return;
    if (source_named_before(list, i, station, user, mount)) {
        fault(r, at, "", "this user and mount are named a second time");
        return;
    }
    if (is_removed(r, at))
        return;
    struct board_source *source = source_find(station, user, mount);
    if (!source) {
        if (station->sources_count == BOARD_SOURCES_MAX) {
            fault(r, at, "", "a station has at most %d sources", BOARD_SOURCES_MAX);
            return;
        }
        source = &station->sources[station->sources_count++];
        field_set(source->user, sizeof source->user, user);
        field_set(source->mount, sizeof source->mount, mount);
    }
    key_set(r, at, station, source);
}

static void sources_read(struct reader *r, const struct place *at, struct board_station *station)
{
    const struct json *list = list_get(r, at, "sources", BOARD_SOURCES_MAX);
    for (size_t i = 0; i < json_count(list) && r->form == BOARD_DOCUMENT; i++) {
        char own[96];
        struct str user, mount;
        source_named(json_at(list, i), station, own, &user, &mount);
        struct board_source *source = source_find(station, user, mount);
        if (json_bool(json_get(json_at(list, i), "remove")) && source)
            source_remove(station, source);
    }
    for (size_t i = 0; i < json_count(list); i++) {
        struct place place;
        if (place_at(r, at, "sources", list, i, &place))
            source_read(r, &place, list, i, station);
    }
}

/* -- stations -- */

static void zone_set(struct reader *r, const struct place *at, struct board_station *station)
{
    struct log_text t;
    struct str zone;
    if (!text_read(r, at, "timezone", sizeof station->timezone, &zone))
        return;
    /* A file stays readable where the zones are not installed. */
    bool good = r->form == BOARD_FILE ? board_zone_is_name(zone) : board_zone_is_known(zone);
    if (good && !str_eq(zone, str_of(station->timezone)))
        station->zone = NULL;
    if (good)
        field_set(station->timezone, sizeof station->timezone, zone);
    else
        fault(r, at, "timezone", "%s is no time zone of this machine (like \"Europe/Berlin\")",
              shown(&t, zone));
}

static void url_set(struct reader *r, const struct place *at, struct board_station *station)
{
    struct str url;
    if (!text_read(r, at, "url", sizeof station->url, &url))
        return;
    if (url.len > 0 && !str_starts(url, STR("http://")) && !str_starts(url, STR("https://")))
        fault(r, at, "url", "must start with http:// or https://");
    else
        field_set(station->url, sizeof station->url, url);
}

static void station_read(struct reader *r, const struct place *at, struct str slug)
{
    static const char *const names[] = {"slug",    "name",     "description", "url",
                                        "genre",   "timezone", "listed",      "renditions",
                                        "sources", "remove",   NULL};
    struct board_station *station = NULL;
    members_check(r, at, names);
    for (size_t i = 0; i < r->board->stations_count; i++)
        if (str_eq(str_of(r->board->stations[i].slug), slug))
            station = &r->board->stations[i];
    if (!station) {
        if (r->board->stations_count == BOARD_STATIONS_MAX) {
            fault(r, at, "", "there are at most %d stations", BOARD_STATIONS_MAX);
            return;
        }
        station = &r->board->stations[r->board->stations_count++];
        field_set(station->slug, sizeof station->slug, slug);
        field_set(station->name, sizeof station->name, slug);
        field_set(station->timezone, sizeof station->timezone, STR("UTC"));
        station->listed = true;
    }
    text_set(r, at, "name", station->name, sizeof station->name);
    text_set(r, at, "description", station->description, sizeof station->description);
    text_set(r, at, "genre", station->genre, sizeof station->genre);
    url_set(r, at, station);
    zone_set(r, at, station);
    bool_set(r, at, "listed", &station->listed);
    if (station->name[0] == '\0')
        fault(r, at, "name", "must not be empty");
    renditions_read(r, at, station);
    sources_read(r, at, station);
}

static void station_remove(struct board *board, struct str slug)
{
    const struct board_station *found = board_station_find(board, slug);
    if (!found)
        return;
    size_t i = (size_t)(found - board->stations);
    board->stations_count--;
    memmove(&board->stations[i], &board->stations[i + 1],
            (board->stations_count - i) * sizeof *found);
    memset(&board->stations[board->stations_count], 0, sizeof *found);
}

void board_read_stations(struct board *board, enum board_form form, const struct json *root,
                         struct buf *keys, struct board_faults *faults)
{
    struct reader r = {board, form, keys, faults};
    const struct place top = {root, ""};
    const struct json *list = json_get(root, "stations");
    if (list && json_kind_of(list) != JSON_ARRAY)
        board_fault(faults, "stations", "must be a list");
    if (json_count(list) > BOARD_STATIONS_MAX * ENTRIES_EACH) {
        board_fault(faults, "stations", "has more than %d entries",
                    BOARD_STATIONS_MAX * ENTRIES_EACH);
        return;
    }
    for (size_t i = 0; i < json_count(list) && form == BOARD_DOCUMENT; i++)
        if (json_bool(json_get(json_at(list, i), "remove")))
            station_remove(board, json_text(json_get(json_at(list, i), "slug")));
    for (size_t i = 0; i < json_count(list); i++) {
        struct place place;
        struct str slug = {0};
        if (place_at(&r, &top, "stations", list, i, &place) &&
            slug_read(&r, &place, list, i, true, &slug) && !is_removed(&r, &place))
            station_read(&r, &place, slug);
    }
}
