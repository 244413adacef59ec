/* net/access.c - contract in access.h */
#include "net/access.h"

#include "base/log.h"

#include <string.h>

#define LINE_BYTES   1500
#define TARGET_BYTES 600
#define FIELD_BYTES  300
#define USER_BYTES   64

struct line {
    char text[LINE_BYTES];
    size_t len;
};

static void add(struct line *line, struct str s)
{
    assert(s.len <= sizeof line->text - line->len);
    memcpy(line->text + line->len, s.ptr, s.len);
    line->len += s.len;
}

static void add_number(struct line *line, uint64_t number, size_t digits_min)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[sizeof digits - ++n] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0 || n < digits_min);
    add(line, (struct str){digits + sizeof digits - n, n});
}

/* Adds a stranger's bytes, at most `max` of them: what could end the field, the line or do
 * something to a terminal is escaped. */
static void add_foreign(struct line *line, struct str s, size_t max, bool blanks_too)
{
    if (s.len == 0) {
        add(line, STR("-"));
        return;
    }
    size_t end = line->len + max;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_plain = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
        if (end - line->len < 4)
            break;
        if (is_plain || (c == ' ' && !blanks_too)) {
            add(line, (struct str){s.ptr + i, 1});
        } else if (c == '"' || c == '\\') {
            char quoted[2] = {'\\', (char)c};
            add(line, (struct str){quoted, 2});
        } else {
            char escaped[4] = {'\\', 'x', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15]};
            add(line, (struct str){escaped, 4});
        }
    }
}

static bool is_secret(struct str name)
{
    return str_eq_nocase(name, STR("pass")) || str_eq_nocase(name, STR("password")) ||
           str_eq_nocase(name, STR("key")) || str_eq_nocase(name, STR("token"));
}

/* A target with the passwords that some clients put into the query left out. */
static void add_target(struct line *line, struct str target)
{
    struct str path;
    size_t from = line->len;
    bool has_more = str_cut(&target, '?', &path);
    add_foreign(line, path, TARGET_BYTES / 2, true);
    struct str mark = STR("?");
    while (has_more) {
        struct str value, name;
        size_t room = TARGET_BYTES - (line->len - from);
        if (room < 16)
            return;
        add(line, mark);
        mark = STR("&");
        has_more = str_cut(&target, '&', &value);
        bool has_value = str_cut(&value, '=', &name);
        if (name.len > 0)
            add_foreign(line, name, room - 8, true);
        if (!has_value)
            continue;
        add(line, STR("="));
        room = TARGET_BYTES - (line->len - from);
        if (is_secret(name))
            add(line, STR("***"));
        else if (value.len > 0)
            add_foreign(line, value, room - 1, true);
    }
}

static void add_date(struct line *line, struct utc t)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct civil c = utc_to_civil(t, 0);
    add(line, STR("["));
    add_number(line, (uint64_t)c.day, 2);
    add(line, STR("/"));
    add(line, (struct str){months + (c.month - 1) * 3, 3});
    add(line, STR("/"));
    add_number(line, (uint64_t)c.year, 4);
    add(line, STR(":"));
    add_number(line, (uint64_t)c.hour, 2);
    add(line, STR(":"));
    add_number(line, (uint64_t)c.minute, 2);
    add(line, STR(":"));
    add_number(line, (uint64_t)c.second, 2);
    add(line, STR(" +0000]"));
}

void access_log(const struct access_line *from)
{
    struct line line = {.len = 0};
    char peer[ADDR_BYTES];
    addr_format(&from->peer, peer);
    add(&line, str_of(peer));
    add(&line, STR(" - "));
    add_foreign(&line, from->user, USER_BYTES, true);
    add(&line, STR(" "));
    add_date(&line, from->began);
    add(&line, STR(" \""));
    if (from->method.len > 0) {
        add_foreign(&line, from->method, 16, true);
        add(&line, STR(" "));
        add_target(&line, from->target);
        add(&line, from->version == 10 ? STR(" HTTP/1.0") : STR(" HTTP/1.1"));
    } else {
        add(&line, STR("-"));
    }
    add(&line, STR("\" "));
    add_number(&line, (uint64_t)from->status, 1);
    add(&line, STR(" "));
    add_number(&line, from->bytes, 1);
    add(&line, STR(" \""));
    add_foreign(&line, from->referer, FIELD_BYTES, false);
    add(&line, STR("\" \""));
    add_foreign(&line, from->agent, FIELD_BYTES, false);
    add(&line, STR("\" "));
    add_number(&line, from->seconds, 1);
    log_access((struct str){line.text, line.len});
}

const char *http_method_name(enum http_method method)
{
    switch (method) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_POST:
        return "POST";
    case HTTP_PUT:
        return "PUT";
    case HTTP_SOURCE:
        return "SOURCE";
    case HTTP_OPTIONS:
        return "OPTIONS";
    case HTTP_PASSWORD:
        return "PASSWORD";
    }
    return "OTHER";
}
