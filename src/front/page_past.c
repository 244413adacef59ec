/* front/page_past.c - the part of a station's page that goes back in time; no script is needed: the
 * form asks for the same page with ?at=, and its player starts there. Contract in page_priv.h */
#include "front/page_priv.h"

#include "listen/at.h"

void past_read(struct request *request, const struct scene *scene, struct utc now,
               struct past_wish *out)
{
    struct str text;
    *out = (struct past_wish){.kind = PAST_LIVE};
    enum err err = request_query(request, STR("at"), &text);
    if (err == E_NOT_FOUND || (!err && text.len == 0))
        return; /* an empty form means live too */
    if (err || at_parse(text, scene->station->zone, &out->at) != OK)
        out->kind = PAST_UNREADABLE;
    else if (at_is_live(out->at, now))
        out->kind = PAST_LIVE;
    else if (scene->has_tape && out->at.us >= scene->oldest.us && out->at.us < scene->newest.us)
        out->kind = PAST_THERE;
    else
        out->kind = PAST_MISSING;
}

/* "America/New York" */
static void add_place(struct buf *out, const struct board_station *station)
{
    struct str rest = str_of(station->timezone), word;
    while (str_cut(&rest, '_', &word)) {
        xml_add(out, word);
        buf_add_char(out, ' ');
    }
    xml_add(out, word);
}

static void add_reach(struct buf *out, const struct scene *scene)
{
    if (!scene->has_tape) {
        buf_add(out, STR("Nothing is recorded yet."));
        return;
    }
    buf_add(out, STR("The recording goes from "));
    time_add(out, scene->station, scene->oldest);
    if (scene->is_on) {
        buf_add(out, STR(" to now."));
        return;
    }
    buf_add(out, STR(" to "));
    time_add(out, scene->station, scene->newest);
    buf_add_char(out, '.');
}

void past_add_notice(struct buf *out, const struct scene *scene, const struct past_wish *wish)
{
    if (wish->kind != PAST_MISSING && wish->kind != PAST_UNREADABLE)
        return;
    buf_add(out, STR("<p class=\"notice\" role=\"status\">"));
    if (wish->kind == PAST_UNREADABLE) {
        buf_add(out, STR("That time could not be read. It is written like "
                         "<code>2026-11-22T09:42:10</code>."));
    } else {
        time_add(out, scene->station, wish->at);
        buf_add(out, STR(" is not recorded. "));
        add_reach(out, scene);
    }
    buf_add(out, STR("</p>\n"));
}

static void add_jump(struct buf *out, const struct scene *scene, struct utc at, const char *text)
{
    char iso[UTC_ISO_BYTES];
    if (at.us < scene->oldest.us || at.us >= scene->newest.us)
        return;
    at.us -= at.us % US_PER_S;
    utc_format_iso(at, iso);
    buf_printf(out, "<li><a href=\"/listen/%s?at=", scene->station->slug);
    query_add(out, str_of(iso));
    buf_printf(out, "\">%s</a></li>\n", text);
}

/* Live: some minutes ago. In the past: a little back or on from there. */
static void add_jumps(struct buf *out, const struct scene *scene, const struct past_wish *wish,
                      struct utc now)
{
    static const struct {
        int64_t minutes;
        const char *from_live, *from_past;
    } jumps[] = {{-180, "3 hours ago", NULL},   {-60, "1 hour ago", "1 hour earlier"},
                 {-15, "15 minutes ago", NULL}, {-5, "5 minutes ago", "5 minutes earlier"},
                 {5, NULL, "5 minutes later"},  {60, NULL, "1 hour later"}};
    bool in_past = wish->kind == PAST_THERE;
    struct buf items;
    buf_init(&items, PAGE_MAX_BYTES);
    for (size_t i = 0; i < sizeof jumps / sizeof jumps[0]; i++) {
        const char *text = in_past ? jumps[i].from_past : jumps[i].from_live;
        struct utc at = in_past ? wish->at : now;
        at.us += jumps[i].minutes * 60 * US_PER_S;
        if (text)
            add_jump(&items, scene, at, text);
    }
    if (in_past && scene->is_on)
        buf_printf(&items, "<li><a href=\"/listen/%s\">Back to live</a></li>\n",
                   scene->station->slug);
    if (items.len > 0) {
        buf_add(out, STR("<ul class=\"jumps\" role=\"list\">\n"));
        buf_add(out, buf_str(&items));
        buf_add(out, STR("</ul>\n"));
    }
    buf_release(&items);
}

static void add_form(struct buf *out, const struct scene *scene, const struct past_wish *wish)
{
    const struct board_station *station = scene->station;
    buf_printf(out,
               "<form class=\"at\" action=\"/listen/%s\" method=\"get\">\n"
               "<label for=\"at\">Date and time</label>\n<div class=\"row\">"
               "<input id=\"at\" name=\"at\" type=\"datetime-local\" step=\"1\" "
               "aria-describedby=\"reach\" min=\"",
               station->slug);
    local_add(out, station, scene->oldest);
    buf_add(out, STR("\" max=\""));
    local_add(out, station, scene->newest);
    if (wish->kind == PAST_THERE) {
        buf_add(out, STR("\" value=\""));
        local_add(out, station, wish->at);
    }
    buf_add(out, STR("\"><button type=\"submit\">Start there</button></div>\n</form>\n"));
}

void past_add_section(struct buf *out, const struct scene *scene, const struct past_wish *wish,
                      struct utc now)
{
    if (!scene->has_tape)
        return;
    buf_add(out, STR("<section aria-labelledby=\"past\">\n"
                     "<h2 id=\"past\">Start at a time</h2>\n<p id=\"reach\">"));
    add_reach(out, scene);
    buf_add(out, STR(" Times are those of "));
    add_place(out, scene->station);
    buf_add(out, STR(".</p>\n"));
    add_jumps(out, scene, wish, now);
    add_form(out, scene, wish);
    buf_add(out, STR("</section>\n"));
}
