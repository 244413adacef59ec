/* program/board_check.c - what a slug, a mount, a text and a zone may be, and that no two things on
 * a board have one address. */
#include "program/board_priv.h"

#include "base/io.h"
#include "base/mem.h"
#include "program/zone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FAULTS_MAX  100
#define ZONE_FOLDER "/usr/share/zoneinfo/"

void board_fault(struct board_faults *faults, const char *path, const char *format, ...)
{
    char text[600];
    faults->count++;
    if (faults->count > FAULTS_MAX)
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (faults->count == FAULTS_MAX)
        buf_printf(faults->lines, "%sand more\n", faults->prefix);
    else
        buf_printf(faults->lines, "%s%s: %s\n", faults->prefix, path, text);
}

static bool is_reserved(struct str segment)
{
    static const char *const reserved[] = {
#define X(name) name,
#include "program/tbl/reserved.h"
#undef X
    };
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++)
        if (str_eq(segment, str_of(reserved[i])))
            return true;
    return false;
}

const char *board_slug_wrong(struct str slug)
{
    if (!str_is_slug(slug))
        return "must be 1 to 63 of a-z, 0-9 and '-', with no '-' at the ends";
    return is_reserved(slug) ? "is reserved" : NULL;
}

static bool all_of(struct str s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c != '\0' && strchr(more, c))))
            return false;
    }
    return true;
}

const char *board_mount_wrong(struct str mount)
{
    struct str first, rest = str_slice(mount, 1, mount.len);
    if (!str_starts(mount, STR("/")))
        return "must start with '/'";
    if (mount.len < 2 || mount.len >= sizeof((struct board_source *)0)->mount)
        return "must have 2 to 95 characters";
    if (!all_of(mount, "-_./"))
        return "may have only a-z, A-Z, 0-9, '-', '_', '.' and '/'";
    for (size_t i = 1; i < mount.len; i++)
        if (mount.ptr[i - 1] == mount.ptr[i] && (mount.ptr[i] == '.' || mount.ptr[i] == '/'))
            return "must not have '..' or '//'";
    if (str_ends(mount, STR("/")) || str_ends(mount, STR("/.")))
        return "must end in a name";
    if (memmem(mount.ptr, mount.len, "/./", 3))
        return "must not have a segment '.'";
    if (str_ends(mount, STR(".m3u")) || str_ends(mount, STR(".pls")) ||
        str_ends(mount, STR(".xspf")))
        return "must not end like a playlist (.m3u, .pls, .xspf)";
    str_cut(&rest, '/', &first);
    return is_reserved(first) ? "is reserved" : NULL;
}

const char *board_text_wrong(struct str text)
{
    while (text.len > 0) {
        size_t len = str_utf8_first(text);
        unsigned char first = (unsigned char)text.ptr[0];
        if (len == 0)
            return "must be UTF-8";
        if (first < 0x20 || first == 0x7F || (first == 0xC2 && (unsigned char)text.ptr[1] < 0xA0))
            return "must not have control characters";
        text = str_slice(text, len, text.len);
    }
    return NULL;
}

bool board_zone_is_known(struct str zone)
{
    char path[sizeof ZONE_FOLDER + 64], magic[4] = {0};
    int fd = -1;
    size_t got;
    if (!zone_is_name(zone))
        return false;
    if (str_eq(zone, STR("UTC")))
        return true;
    snprintf(path, sizeof path, ZONE_FOLDER "%.*s", STR_ARG(zone));
    bool known = !io_open(path, IO_READ, &fd) && !io_read_at(fd, magic, 4, 0, &got) && got == 4 &&
                 memcmp(magic, "TZif", 4) == 0; /* RFC 8536 section 3.1 */
    io_close(&fd);
    return known;
}

/* -- one address, one meaning -- */

/* An address that is given by hand, and whose it is. */
struct claim {
    const char *path;
    const struct board_station *station;
    const struct board_rendition *rendition; /* NULL: a source logs in here */
    bool is_relay;                           /* or this is the name of a relay */
};

struct check {
    const struct board *board;
    const struct json *document;
    struct board_faults *faults;
};

/* Formats where in the document a station is: "stations[3]", or "station wxyz" if it is not there.
 */
static void station_path(const struct check *c, const struct board_station *station, char out[96])
{
    const struct json *stations = json_get(c->document, "stations");
    for (size_t i = 0; i < json_count(stations); i++) {
        struct str slug = json_text(json_get(json_at(stations, i), "slug"));
        if (str_eq(slug, str_of(station->slug))) {
            snprintf(out, 96, "stations[%zu]", i);
            return;
        }
    }
    snprintf(out, 96, "station %s", station->slug);
}

__attribute__((format(printf, 3, 4))) static void
wrong(const struct check *c, const struct claim *claim, const char *format, ...)
{
    char path[96], text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    station_path(c, claim->station, path);
    if (claim->rendition)
        board_fault(c->faults, path, "mount '%s' of rendition '%s' %s", claim->path,
                    claim->rendition->slug, text);
    else
        board_fault(c->faults, path, "mount '%s' of a source %s", claim->path, text);
}

static size_t claims_gather(const struct board *board, struct claim *claims)
{
    size_t count = 0;
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s];
        for (size_t r = 0; r < station->renditions_count; r++) {
            const struct board_rendition *rendition = &station->renditions[r];
            for (size_t m = 0; m < rendition->mounts_count; m++)
                claims[count++] = (struct claim){rendition->mounts[m], station, rendition, false};
        }
        for (size_t i = 0; i < station->sources_count; i++) {
            const struct board_source *source = &station->sources[i];
            claims[count++] =
                (struct claim){source->mount, station, NULL, board_source_is_relay(source)};
        }
    }
    return count;
}

/* Renditions come before sources of the same address, and relays last. */
static int by_path(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int order = strcmp(x->path, y->path);
    if (!order)
        order = (y->rendition != NULL) - (x->rendition != NULL);
    return order ? order : x->is_relay - y->is_relay;
}

/* Addresses that a station has by its slug: "/wxyz", "/wxyz/...", "/wxyz.mp3". */
static void check_derived(const struct check *c, const struct claim *claim)
{
    struct str first, rest = str_slice(str_of(claim->path), 1, SIZE_MAX);
    char address[MOUNT_BYTES];
    bool deep = str_cut(&rest, '/', &first);
    const struct board_station *owner = board_station_find(c->board, first);
    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT && !deep && !owner; codec++) {
        struct str ext = str_of(codec_name((enum codec)codec));
        if (first.len > ext.len + 1 && str_ends(first, ext) &&
            first.ptr[first.len - ext.len - 1] == '.')
            owner = board_station_find(c->board, str_slice(first, 0, first.len - ext.len - 1));
    }
    if (owner && owner != claim->station)
        wrong(c, claim, "is an address of station '%s'", owner->slug);
    for (size_t r = 0; claim->rendition && r < claim->station->renditions_count; r++) {
        const struct board_rendition *other = &claim->station->renditions[r];
        board_mount_format(claim->station, other, address);
        if (other != claim->rendition && strcmp(address, claim->path) == 0)
            wrong(c, claim, "is the main address of rendition '%s'", other->slug);
    }
}

enum err board_check(const struct board *board, const struct json *document,
                     struct board_faults *faults)
{
    const size_t each = BOARD_RENDITIONS_MAX * BOARD_MOUNTS_MAX + BOARD_SOURCES_MAX;
    struct check c = {board, document, faults};
    struct claim *claims = mem_new_array(board->stations_count * each, sizeof *claims);
    if (!claims)
        return E_NOMEM;
    size_t count = claims_gather(board, claims);
    qsort(claims, count, sizeof *claims, by_path);
    for (size_t i = 0; i < count; i++) {
        const struct claim *before = i > 0 ? &claims[i - 1] : NULL;
        check_derived(&c, &claims[i]);
        if (!before || strcmp(before->path, claims[i].path) != 0)
            continue;
        if (before->station != claims[i].station)
            wrong(&c, &claims[i], "is a mount of station '%s' too", before->station->slug);
        else if (claims[i].rendition)
            wrong(&c, &claims[i], "is a mount of rendition '%s' too", before->rendition->slug);
        else if (claims[i].is_relay)
            wrong(&c, before, "is the name of a relay");
    }
    mem_free(claims);
    return OK;
}
