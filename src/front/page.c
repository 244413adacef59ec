/* front/page.c - what all pages share; contract in page_priv.h */
#include "front/page_priv.h"

#include "program/zone.h"

#define HEADERS                                                                                    \
    "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self' data:; "        \
    "script-src 'self'; connect-src 'self'; media-src 'self' blob:; base-uri 'none'; "             \
    "form-action 'self'; frame-ancestors 'none'\r\n"                                               \
    "Referrer-Policy: strict-origin-when-cross-origin\r\n"                                         \
    "Cross-Origin-Opener-Policy: same-origin\r\n"

extern const char web_style_hash[], web_icon_hash[], web_player_hash[];

/* A bare address is no name for a station. */
static bool is_nameless(struct str host)
{
    if (host.len == 0 || str_eq(host, STR("localhost")) || str_has(host, ':'))
        return true;
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    return true;
}

/* The name of the whole: that of the one station, else of the host. */
static struct str site_name(const struct front *front)
{
    const struct board *board = board_now(front->config.place);
    const struct board_station *only = NULL;
    size_t listed = 0;
    for (size_t i = 0; i < board->stations_count; i++) {
        if (board->stations[i].listed) {
            listed++;
            only = &board->stations[i];
        }
    }
    if (listed == 1)
        return str_of(only->name);
    struct str host = str_of(front->config.host_name);
    return is_nameless(host) ? STR("Live radio") : host;
}

static void add_title(const struct front *front, const struct page_head *head, struct buf *out)
{
    buf_add(out, STR("<title>"));
    xml_add(out, head->title);
    struct str site = site_name(front);
    if (!str_eq(site, head->title)) {
        buf_add(out, STR(" – "));
        xml_add(out, site);
    }
    buf_add(out, STR("</title>\n"));
}

static void add_meta(const struct front *front, const struct page_head *head, struct buf *out)
{
    buf_add(out, STR("<meta name=\"description\" content=\""));
    xml_add(out, head->description);
    buf_add(out, STR("\">\n<link rel=\"canonical\" href=\""));
    xml_add(out, str_of(front->config.public_url));
    xml_add(out, str_of(head->path));
    buf_add(out, STR("\">\n"));
    if (head->is_unlisted)
        buf_add(out, STR("<meta name=\"robots\" content=\"noindex\">\n"));
    buf_printf(out,
               "<meta name=\"theme-color\" content=\"#faf8f3\" "
               "media=\"(prefers-color-scheme: light)\">\n"
               "<meta name=\"theme-color\" content=\"#13171a\" "
               "media=\"(prefers-color-scheme: dark)\">\n"
               "<link rel=\"icon\" href=\"/site/%s.svg\" type=\"image/svg+xml\">\n"
               "<link rel=\"stylesheet\" href=\"/site/%s.css\">\n",
               web_icon_hash, web_style_hash);
    /* blocking=render: what is painted first has the controls that stay. */
    if (head->has_player && assets_have_player())
        buf_printf(out,
                   "<script type=\"module\" src=\"/site/%s.js\" blocking=\"render\"></script>\n",
                   web_player_hash);
}

void page_begin(const struct front *front, const struct page_head *head, struct buf *out)
{
    buf_add(out, STR("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n"));
    add_title(front, head, out);
    add_meta(front, head, out);
    buf_printf(out,
               "</head>\n<body>\n<a class=\"skip\" href=\"#main\">Skip to the content</a>\n"
               "<header class=\"top\"><a class=\"brand\" href=\"/\"%s>"
               "<img src=\"/site/%s.svg\" alt=\"\" width=\"32\" height=\"32\">",
               head->is_home ? " aria-current=\"page\"" : "", web_icon_hash);
    xml_add(out, site_name(front));
    buf_add(out, STR("</a></header>\n<main id=\"main\" tabindex=\"-1\">\n"));
}

void page_end(struct buf *out)
{
    buf_add(out, STR("</main>\n<footer class=\"foot\"><p>On the air with mast.</p></footer>\n"
                     "</body>\n</html>\n"));
}

void page_reply(struct request *request, int status, struct buf *out)
{
    front_reply(request,
                &(struct front_answer){.status = status,
                                       .type = "text/html; charset=utf-8",
                                       .cache = status == 200 ? "public, max-age=5" : NULL,
                                       .has_etag = true,
                                       .headers = HEADERS},
                out);
}

/* ---- times ---- */

static struct civil local_of(const struct board_station *station, struct utc t)
{
    return utc_to_civil(t, station->zone ? zone_offset_s(station->zone, t) : 0);
}

void time_add(struct buf *out, const struct board_station *station, struct utc t)
{
    static const char *const days[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                       "Thursday", "Friday", "Saturday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    char iso[UTC_ISO_BYTES];
    struct civil c = local_of(station, t);
    utc_format_iso(t, iso);
    assert(c.weekday >= 0 && c.weekday < 7 && c.month >= 1 && c.month <= 12);
    buf_printf(out, "<time datetime=\"%s\">%s %d %s %d, %02d:%02d:%02d</time>", iso,
               days[c.weekday], c.day, months[c.month - 1], c.year, c.hour, c.minute, c.second);
}

void local_add(struct buf *out, const struct board_station *station, struct utc t)
{
    struct civil c = local_of(station, t);
    buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.minute,
               c.second);
}
