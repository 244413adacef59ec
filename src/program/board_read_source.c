/* program/board_read_source.c - the sources of a station from JSON. */
#include "program/board_read_priv.h"

#include <stdio.h>
#include <string.h>

#define KEY_LEN_MIN 12
#define KEY_LEN_MAX 128

#define ORDER_DEFAULT 100
#define ORDER_MAX     999

/* Whom an entry means: a relay by its address, another source by its user and mount. */
struct named {
    bool is_relay;
    struct str relay, user, mount;
    char own[96]; /* the default mount */
};

static void named_read(struct named *named, const struct json *object,
                       const struct board_station *station)
{
    const struct json *relay = json_get(object, "relay"), *user = json_get(object, "user"),
                      *mount = json_get(object, "mount");
    *named = (struct named){.is_relay = relay != NULL, .relay = json_text(relay)};
    snprintf(named->own, sizeof named->own, "/%s", station->slug);
    named->user = user ? json_text(user) : STR("source");
    named->mount = mount ? json_text(mount) : str_of(named->own);
}

static bool named_same(const struct named *a, const struct named *b)
{
    if (a->is_relay || b->is_relay)
        return a->is_relay && b->is_relay && str_eq(a->relay, b->relay);
    return str_eq(a->user, b->user) && str_eq(a->mount, b->mount);
}

static struct board_source *source_find(struct board_station *station, const struct named *named)
{
    for (size_t i = 0; i < station->sources_count; i++) {
        struct board_source *source = &station->sources[i];
        struct named other = {.is_relay = board_source_is_relay(source),
                              .relay = str_of(source->relay),
                              .user = str_of(source->user),
                              .mount = str_of(source->mount)};
        if (named_same(named, &other))
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

static bool mount_is_right(struct reading *r, const struct entry *at, const char *what,
                           struct str mount)
{
    struct log_text t;
    if (json_kind_of(json_get(at->object, "mount")) != JSON_TEXT)
        what = "must be a text";
    if (what)
        reading_fault(r, at, "mount", "%s %s", reading_shown(&t, mount), what);
    return !what;
}

static bool source_is_right(struct reading *r, const struct entry *at, const struct named *named)
{
    struct log_text t;
    struct str text;
    bool good = true;
    if (json_get(at->object, "user"))
        good = reading_text(r, at, "user", sizeof((struct board_source *)0)->user, &text);
    const char *what = good ? user_wrong(named->user) : NULL;
    if (what)
        reading_fault(r, at, "user", "%s %s", reading_shown(&t, named->user), what);
    good = good && !what;
    if (json_get(at->object, "private")) {
        reading_fault(r, at, "private", "is for a relay alone");
        good = false;
    }
    if (!json_get(at->object, "mount"))
        return good;
    return mount_is_right(r, at, board_mount_wrong(named->mount), named->mount) && good;
}

static bool relay_is_right(struct reading *r, const struct entry *at, const struct named *named,
                           const struct board_station *station)
{
    static const char *const others[] = {"user", "mount", "key"};
    struct str text;
    bool good = reading_text(r, at, "relay", sizeof((struct board_source *)0)->relay, &text);
    const char *what = good ? board_relay_wrong(named->relay) : NULL;
    if (what)
        reading_fault(r, at, "relay", "%s", what);
    good = good && !what;
    if (r->form == BOARD_FILE) {
        what = board_relay_is_name(station, named->mount) ? NULL : "is no name of a relay";
        return mount_is_right(r, at, what, named->mount) && good;
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (json_get(at->object, others[i])) {
            reading_fault(r, at, others[i], "is not for a relay, which its address names");
            good = false;
        }
    return good;
}

/* Sets the key as the document says, or makes one for a source that has none. */
static void key_set(struct reading *r, const struct entry *at, const struct board_station *station,
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
        if (!reading_text(r, at, "key", KEY_LEN_MAX + 1, &key))
            return;
        if (key.len < KEY_LEN_MIN)
            reading_fault(r, at, "key", "must have at least %d characters", KEY_LEN_MIN);
        else if (str_has(key, ' ')) /* a SHOUTcast source sends it as a line without blanks */
            reading_fault(r, at, "key", "must not hold spaces");
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
                                const struct board_station *station, const struct named *named)
{
    for (size_t n = 0; n < i; n++) {
        struct named other;
        named_read(&other, json_at(list, n), station);
        if (named_same(named, &other))
            return true;
    }
    return false;
}

static struct board_source *source_add(struct board_station *station, const struct named *named,
                                       enum board_form form)
{
    char name[sizeof((struct board_source *)0)->mount];
    struct str mount = named->mount;
    if (named->is_relay && form == BOARD_DOCUMENT) {
        board_relay_name(station, name);
        mount = str_of(name);
    }
    struct board_source *source = &station->sources[station->sources_count++];
    board_field_set(source->user, sizeof source->user,
                    named->is_relay ? STR("relay") : named->user);
    board_field_set(source->mount, sizeof source->mount, mount);
    board_field_set(source->relay, sizeof source->relay, named->relay);
    source->order = ORDER_DEFAULT;
    return source;
}

static void members_check(struct reading *r, const struct entry *at, bool is_relay)
{
    static const char *const names[] = {"user", "mount", "key", "remove", NULL};
    static const char *const file_names[] = {"user", "mount", "key_hash", NULL};
    static const char *const newer[] = {"order", "silence_allowed", "private", NULL};
    static const char *const relay_names[] = {"relay", "user", "mount", "key", "remove", NULL};
    static const char *const relay_file_names[] = {"relay", "mount", NULL};
    bool is_file = r->form == BOARD_FILE;
    if (is_relay)
        reading_members(r, at, is_file ? relay_file_names : relay_names, newer);
    else
        reading_members(r, at, is_file ? file_names : names, newer);
}

static void source_read(struct reading *r, const struct entry *at, const struct json *list,
                        size_t i, struct board_station *station)
{
    struct named named;
    int64_t order;
    named_read(&named, at->object, station);
    members_check(r, at, named.is_relay);
    if (!(named.is_relay ? relay_is_right(r, at, &named, station) : source_is_right(r, at, &named)))
        return;
    if (source_named_before(list, i, station, &named)) {
        reading_fault(r, at, "", "this %s named a second time",
                      named.is_relay ? "relay is" : "user and mount are");
        return;
    }
    if (reading_removes(r, at))
        return;
    struct board_source *source = source_find(station, &named);
    if (!source && station->sources_count == BOARD_SOURCES_MAX) {
        reading_fault(r, at, "", "a station has at most %d sources", BOARD_SOURCES_MAX);
        return;
    }
    if (!source)
        source = source_add(station, &named, r->form);
    if (!named.is_relay)
        key_set(r, at, station, source);
    reading_set_bool(r, at, "private", &source->is_private);
    reading_set_bool(r, at, "silence_allowed", &source->may_be_silent);
    if (reading_whole(r, at, "order", "", 0, ORDER_MAX, &order))
        source->order = (uint16_t)order;
}

/* Equal ones stay as they came. */
static void sources_sort(struct board_station *station)
{
    struct board_source *sources = station->sources;
    for (size_t i = 1; i < station->sources_count; i++) {
        struct board_source moved = sources[i];
        size_t to = i;
        while (to > 0 && sources[to - 1].order > moved.order)
            to--;
        memmove(&sources[to + 1], &sources[to], (i - to) * sizeof moved);
        sources[to] = moved;
    }
}

void board_read_sources(struct reading *r, const struct entry *at, struct board_station *station)
{
    const struct json *list = reading_list(r, at, "sources", BOARD_SOURCES_MAX);
    for (size_t i = 0; i < json_count(list) && r->form == BOARD_DOCUMENT; i++) {
        struct named named;
        named_read(&named, json_at(list, i), station);
        struct board_source *source = source_find(station, &named);
        if (json_bool(json_get(json_at(list, i), "remove")) && source)
            source_remove(station, source);
    }
    for (size_t i = 0; i < json_count(list); i++) {
        struct entry place;
        if (reading_entry(r, at, "sources", list, i, &place))
            source_read(r, &place, list, i, station);
    }
    sources_sort(station);
}
