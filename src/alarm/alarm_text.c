/* alarm/alarm_text.c - contract in alarm_text_priv.h */
#include "alarm/alarm_text_priv.h"

#include "base/json.h"

#include <string.h>

static const char *const kind_names[] = {
    [ALARM_SWITCH] = "switch", [ALARM_SILENCE] = "silence", [ALARM_OFF_AIR] = "off_air",
    [ALARM_DECK] = "deck",     [ALARM_DISK] = "disk",
};
static const char *const kind_titles[] = {
    [ALARM_SWITCH] = "not on its first input", [ALARM_SILENCE] = "no sound to be heard",
    [ALARM_OFF_AIR] = "off the air",           [ALARM_DECK] = "the deck died",
    [ALARM_DISK] = "trouble with the disk",
};
static const char *const state_names[] = {
    [ALARM_RAISED] = "raised",
    [ALARM_LASTS] = "lasts",
    [ALARM_OVER] = "over",
    [ALARM_TEST] = "test",
};
_Static_assert(sizeof kind_names / sizeof *kind_names == ALARM_KIND_COUNT, "one name each");
_Static_assert(sizeof kind_titles / sizeof *kind_titles == ALARM_KIND_COUNT, "one title each");

const char *alarm_kind_name(enum alarm_kind kind)
{
    assert(kind < ALARM_KIND_COUNT);
    return kind_names[kind];
}

/* ---- pieces ---- */

/* On one line, in UTF-8: whatever else is in a text becomes a blank or '?'. */
static void add_plain(struct buf *out, struct str text)
{
    while (text.len > 0) {
        size_t bytes = str_utf8_first(text);
        unsigned char first = (unsigned char)text.ptr[0];
        if (bytes == 0)
            buf_add_char(out, '?');
        else if (bytes == 1 && (first < 0x20 || first == 0x7F))
            buf_add_char(out, ' ');
        else
            buf_add(out, str_slice(text, 0, bytes));
        text = str_slice(text, bytes > 0 ? bytes : 1, text.len);
    }
}

/* For a header, where only ASCII may stand as it is. */
static void add_ascii(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_add_char(out, text.ptr[i] >= 0x20 && text.ptr[i] < 0x7F ? text.ptr[i] : '?');
}

/* "wxyz: off the air", "wxyz: over: off the air" */
static void add_title(struct buf *out, const struct alarm_news *news)
{
    if (news->state == ALARM_TEST) {
        buf_add(out, STR("test"));
        return;
    }
    add_plain(out, str_of(news->subject));
    buf_add(out, news->state == ALARM_OVER    ? STR(": over: ")
                 : news->state == ALARM_LASTS ? STR(": still ")
                                              : STR(": "));
    buf_add(out, str_of(kind_titles[news->kind]));
}

static void add_span(struct buf *out, int64_t us)
{
    int64_t s = us / US_PER_S;
    if (s < 120)
        buf_printf(out, "%lld s", (long long)s);
    else if (s < 7200)
        buf_printf(out, "%lld min", (long long)(s / 60));
    else
        buf_printf(out, "%lld h", (long long)(s / 3600));
}

static struct utc began(const struct alarm_letter_facts *facts)
{
    return (struct utc){facts->now.us - facts->news->age_us};
}

/* How often, for how long, and what else there would have been to say. */
static void add_figures(struct buf *out, const struct alarm_letter_facts *facts)
{
    const struct alarm_news *news = facts->news;
    if (news->count > 1)
        buf_printf(out, " %u times.", news->count);
    if (news->state == ALARM_LASTS || news->state == ALARM_OVER) {
        buf_add(out, news->state == ALARM_LASTS ? STR(" For ") : STR(" It lasted "));
        add_span(out, news->age_us);
        buf_add_char(out, '.');
    }
    if (facts->held_back > 0)
        buf_printf(out, " Messages held back before this one: %u.", facts->held_back);
}

/* ---- whole messages ---- */

void alarm_text_json(const struct alarm_letter_facts *facts, struct buf *out)
{
    const struct alarm_news *news = facts->news;
    char since[UTC_ISO_BYTES], at[UTC_ISO_BYTES];
    struct buf line;
    utc_format_iso(began(facts), since);
    utc_format_iso(facts->now, at);
    buf_init(&line, 4096);
    buf_add(&line, STR("mast: "));
    add_title(&line, news);
    buf_add(&line, STR(". "));
    add_plain(&line, str_of(news->text));
    add_figures(&line, facts);
    buf_printf(&line, " %s", facts->station_url);
    buf_add(out, STR("{\"text\":"));
    json_add_text(out, buf_str(&line));
    buf_printf(out, ",\"kind\":\"%s\",\"subject\":",
               news->state == ALARM_TEST ? "test" : kind_names[news->kind]);
    json_add_text(out, str_of(news->subject));
    buf_printf(out, ",\"state\":\"%s\",\"message\":", state_names[news->state]);
    json_add_text(out, str_of(news->text));
    buf_printf(out,
               ",\"count\":%u,\"since\":\"%s\",\"at\":\"%s\",\"held_back\":%u,\"station_url\":",
               news->count, since, at, facts->held_back);
    json_add_text(out, str_of(facts->station_url));
    buf_add_char(out, '}');
    if (buf_err(&line))
        out->err = buf_err(&line);
    buf_release(&line);
}

static void add_date(struct buf *out, struct utc now)
{
    char date[UTC_HTTP_BYTES];
    utc_format_http(now, date);
    buf_printf(out, "Date: %.25s +0000\r\n", date); /* without its "GMT", which mail has dropped */
}

static void add_headers(struct buf *out, const struct alarm_letter_facts *facts)
{
    struct str domain = str_of(facts->mail_from), name;
    struct buf title;
    buf_init(&title, 1024);
    add_title(&title, facts->news);
    if (!str_cut(&domain, '@', &name) || domain.len == 0)
        domain = STR("localhost");
    buf_printf(out, "From: mast <%s>\r\nTo: <%s>\r\n", facts->mail_from, facts->mail_to);
    buf_add(out, STR("Subject: [mast] "));
    add_ascii(out, buf_str(&title));
    buf_add(out, STR("\r\n"));
    add_date(out, facts->now);
    buf_printf(out, "Message-ID: <%016llx.mast@", (unsigned long long)facts->id);
    add_ascii(out, domain);
    buf_add(out, STR(">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n"
                     "Content-Transfer-Encoding: 8bit\r\n\r\n"));
    buf_release(&title);
}

void alarm_text_mail(const struct alarm_letter_facts *facts, struct buf *out)
{
    char since[UTC_ISO_BYTES];
    utc_format_iso(began(facts), since);
    add_headers(out, facts);
    add_title(out, facts->news);
    buf_add(out, STR("\r\n\r\n"));
    add_plain(out, str_of(facts->news->text));
    buf_add(out, STR("\r\n"));
    add_figures(out, facts);
    buf_printf(out, "\r\n\r\nSince %.19sZ\r\n", since);
    add_plain(out, str_of(facts->station_url));
    buf_add(out, STR("\r\n"));
}
