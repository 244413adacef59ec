/* base/config_value.c - the values of options: text to fields, each kind in one function. */
#include "base/config_priv.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define COUNT_AT(field)          offsetof(struct config, field##_count)
#define COUNT_AT_URL(f)          0
#define COUNT_AT_FOLDER(f)       0
#define COUNT_AT_TEXT(f)         0
#define COUNT_AT_SECRET(f)       0
#define COUNT_AT_LEVEL(f)        0
#define COUNT_AT_HOOK(f)         0
#define COUNT_AT_MAIL_SERVER(f)  0
#define COUNT_AT_MAIL_ADDRESS(f) 0
#define COUNT_AT_BOOL(f)         0
#define COUNT_AT_COUNT(f)        0
#define COUNT_AT_PERCENT(f)      0
#define COUNT_AT_SECONDS(f)      0
#define COUNT_AT_MILLISECONDS(f) 0
#define COUNT_AT_ADDRESSES(f)    COUNT_AT(f)
#define COUNT_AT_NETWORKS(f)     COUNT_AT(f)

const struct config_row config_rows[OPTION_COUNT] = {
#define X(name, field, kind, least, most, byself, unit, text)                                      \
    [OPTION_##name] = {#name,                                                                      \
                       KIND_##kind,                                                                \
                       offsetof(struct config, field),                                             \
                       sizeof(((struct config *)0)->field),                                        \
                       COUNT_AT_##kind(field),                                                     \
                       least,                                                                      \
                       most,                                                                       \
                       byself,                                                                     \
                       unit,                                                                       \
                       text},
#include "base/tbl/options.h"
#undef X
};

/* -- addresses -- */

static bool ip_parse(struct str text, int family, unsigned char out[16])
{
    char field[INET6_ADDRSTRLEN];
    return text.len > 0 && str_copy(field, sizeof field, text) &&
           inet_pton(family, field, out) == 1;
}

bool config_address_parse(struct str text, struct config_address *out)
{
    *out = (struct config_address){0};
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':')
        colon--;
    if (colon == 0)
        return false;
    struct str host = str_slice(text, 0, colon - 1);
    struct str port = str_slice(text, colon, text.len);
    uint64_t number;
    if (port.len > 5 || str_parse_u64(port, 65535, &number))
        return false;
    out->port = (uint16_t)number;
    if (str_starts(host, STR("[")) && str_ends(host, STR("]"))) {
        unsigned char loop[16] = {[15] = 1};
        unsigned char mapped[13] = {[10] = 0xFF, [11] = 0xFF, [12] = 127};
        if (!ip_parse(str_slice(host, 1, host.len - 1), AF_INET6, out->ip))
            return false;
        out->is_v6 = true;
        out->is_loopback = memcmp(out->ip, loop, 16) == 0 || memcmp(out->ip, mapped, 13) == 0;
        return true;
    }
    out->is_loopback = ip_parse(host, AF_INET, out->ip) && out->ip[0] == 127;
    return ip_parse(host, AF_INET, out->ip);
}

static bool network_is_good(struct str text)
{
    struct str host;
    unsigned char ip[16];
    uint64_t bits;
    bool has_bits = str_cut(&text, '/', &host);
    bool v6 = str_has(host, ':');
    if (!ip_parse(host, v6 ? AF_INET6 : AF_INET, ip))
        return false;
    return !has_bits || !str_parse_u64(text, v6 ? 128 : 32, &bits);
}

/* The host at the start of "host[:port]" and what follows it, with the brackets of an IPv6 one;
 * empty if there is none, or the port is no number. *rest is what stands behind. */
static struct str host_cut(struct str *rest)
{
    struct str none = {0}, host, all = *rest;
    size_t end = 0;
    if (str_starts(all, STR("["))) {
        unsigned char ip[16];
        struct str inside = str_slice(all, 1, all.len);
        if (!str_cut(&inside, ']', &host) || !ip_parse(host, AF_INET6, ip))
            return none;
        end = host.len + 2;
    } else {
        while (end < all.len &&
               strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                      "0123456789-.",
                      all.ptr[end]) &&
               all.ptr[end] != '\0')
            end++;
    }
    *rest = str_slice(all, end, all.len);
    if (str_starts(*rest, STR(":"))) {
        uint64_t number;
        size_t digits = 1;
        while (digits < rest->len && rest->ptr[digits] >= '0' && rest->ptr[digits] <= '9')
            digits++;
        if (str_parse_u64(str_slice(*rest, 1, digits), 65535, &number) || number == 0)
            return none;
        *rest = str_slice(*rest, digits, rest->len);
    }
    return str_slice(all, 0, end);
}

/* Takes the scheme off, if it is one of these two. */
static bool scheme_cut(struct str *url, struct str plain, struct str secure)
{
    struct str scheme = str_starts(*url, secure) ? secure : plain;
    if (!str_starts(*url, scheme))
        return false;
    *url = str_slice(*url, scheme.len, url->len);
    return true;
}

/* Takes "http://host[:port]" apart and returns the host, with its brackets; empty if it is none. */
struct str config_url_host(struct str url)
{
    struct str none = {0};
    if (!scheme_cut(&url, STR("http://"), STR("https://")))
        return none;
    struct str host = host_cut(&url);
    return url.len == 0 ? host : none;
}

/* "https://[user:password@]host[:port][/whatever]", in ASCII without blanks. */
static bool hook_is_good(struct str url)
{
    for (size_t i = 0; i < url.len; i++)
        if (url.ptr[i] <= ' ' || url.ptr[i] >= 0x7F)
            return false;
    if (!scheme_cut(&url, STR("http://"), STR("https://")))
        return false;
    size_t end = 0;
    while (end < url.len && !strchr("/?#", url.ptr[end]))
        end++;
    struct str place = str_slice(url, 0, end), user;
    if (str_has(place, '@'))
        str_cut(&place, '@', &user);
    return host_cut(&place).len > 0 && place.len == 0;
}

/* "smtp://host[:port]" */
static bool mail_server_is_good(struct str url)
{
    return scheme_cut(&url, STR("smtp://"), STR("smtps://")) && host_cut(&url).len > 0 &&
           url.len == 0;
}

/* One address, as it may stand in a command of SMTP. */
static bool mail_address_is_good(struct str text)
{
    struct str name;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] <= ' ' || text.ptr[i] >= 0x7F || strchr("<>\",;()", text.ptr[i]))
            return false;
    return str_cut(&text, '@', &name) && name.len > 0 && text.len > 0 && !str_has(text, '@');
}

/* -- numbers -- */

enum err duration_parse(struct str text, uint64_t *seconds)
{
    const uint64_t most = UINT64_C(36525) * 86400; /* a hundred years */
    *seconds = 0;
    if (text.len < 2)
        return E_SYNTAX;
    char unit = text.ptr[text.len - 1];
    uint64_t each = unit == 's'   ? 1
                    : unit == 'm' ? 60
                    : unit == 'h' ? 3600
                    : unit == 'd' ? 86400
                                  : 0;
    uint64_t count;
    if (each == 0)
        return E_SYNTAX;
    enum err err = str_parse_u64(str_slice(text, 0, text.len - 1), most / each, &count);
    if (!err)
        *seconds = count * each;
    return err;
}

static enum err ms_parse(struct str text, uint64_t *out)
{
    if (str_ends(text, STR("ms")))
        return str_parse_u64(str_slice(text, 0, text.len - 2), UINT32_MAX, out);
    enum err err = duration_parse(text, out);
    *out *= 1000;
    return err;
}

/* A leading zero would be octal to one reader and decimal to another. */
static enum err plain_number_parse(struct str text, uint64_t *out)
{
    *out = 0;
    if (text.len > 1 && text.ptr[0] == '0')
        return E_SYNTAX;
    return str_parse_u64(text, UINT32_MAX, out);
}

static enum err percent_parse(struct str text, uint64_t *out)
{
    if (str_ends(text, STR("%")))
        text.len--;
    return plain_number_parse(text, out);
}

static bool number_set(const struct config_row *row, struct config *config, struct str value,
                       char why[CONFIG_WHY_BYTES])
{
    uint64_t number = 0;
    enum err err;
    const char *expected;
    if (row->kind == KIND_COUNT) {
        err = plain_number_parse(value, &number);
        expected = "a decimal number";
    } else if (row->kind == KIND_PERCENT) {
        err = percent_parse(value, &number);
        expected = "a share like \"20%\"";
    } else if (row->kind == KIND_SECONDS) {
        err = duration_parse(value, &number);
        expected = "a duration like \"90s\", \"15m\", \"6h\" or \"7d\"";
    } else {
        err = ms_parse(value, &number);
        expected = "a duration like \"500ms\", \"3s\" or \"1m\"";
    }
    if (err == E_SYNTAX) {
        snprintf(why, CONFIG_WHY_BYTES, "must be %s", expected);
        return false;
    }
    if (err || number < row->least || number > row->most) {
        static const char *const units[] = {[KIND_PERCENT] = " %",
                                            [KIND_SECONDS] = " seconds",
                                            [KIND_MILLISECONDS] = " milliseconds",
                                            [KIND_COUNT] = ""};
        snprintf(why, CONFIG_WHY_BYTES, "must be from %llu to %llu%s",
                 (unsigned long long)row->least, (unsigned long long)row->most, units[row->kind]);
        return false;
    }
    char *field = (char *)config + row->offset;
    uint32_t narrow = (uint32_t)number;
    assert(row->size == sizeof number || row->size == sizeof narrow);
    memcpy(field, row->size == sizeof number ? (void *)&number : (void *)&narrow, row->size);
    return true;
}

/* -- texts -- */

static bool text_is_plain(struct str value)
{
    for (size_t i = 0; i < value.len; i++)
        if ((unsigned char)value.ptr[i] < 0x20 || value.ptr[i] == 0x7F)
            return false;
    return str_is_utf8(value);
}

/* What is wrong with a text of this kind, or NULL. */
static const char *text_fault(enum config_kind kind, struct str value)
{
    struct config_address address;
    bool is_empty = value.len == 0;
    switch (kind) {
    case KIND_FOLDER:
        return is_empty ? "must not be empty" : NULL;
    case KIND_URL:
        return is_empty || config_url_host(value).len > 0
                   ? NULL
                   : "must be http:// or https://, a host, and nothing behind it but a port";
    case KIND_HOOK:
        return is_empty || hook_is_good(value) ? NULL
                                               : "must be an address that begins with http:// or "
                                                 "https:// and a host";
    case KIND_MAIL_SERVER:
        return is_empty || mail_server_is_good(value)
                   ? NULL
                   : "must be smtp:// or smtps://, a host, and nothing behind it but a port";
    case KIND_MAIL_ADDRESS:
        return is_empty || mail_address_is_good(value) ? NULL : "must be one mail address";
    case KIND_LEVEL:
        return str_eq(value, STR("debug")) || str_eq(value, STR("info")) ||
                       str_eq(value, STR("warn")) || str_eq(value, STR("error"))
                   ? NULL
                   : "must be debug, info, warn or error";
    case KIND_ADDRESSES:
        return config_address_parse(value, &address)
                   ? NULL
                   : "must be a numeric address with a port: \"0.0.0.0:8000\", \"[::]:8000\"";
    case KIND_NETWORKS:
        return network_is_good(value)
                   ? NULL
                   : "must be a numeric address or network: \"127.0.0.1\", \"10.0.0.0/8\"";
    default:
        return NULL;
    }
}

static bool text_set(const struct config_row *row, char *field, size_t size, struct str value,
                     char why[CONFIG_WHY_BYTES])
{
    if (row->kind == KIND_URL && value.len > 0 && value.ptr[value.len - 1] == '/')
        value.len--;
    const char *wrong = text_fault(row->kind, value);
    if (wrong || value.len >= size) {
        snprintf(why, CONFIG_WHY_BYTES, "%s", wrong ? wrong : "is too long");
        return false;
    }
    memset(field, 0, size);
    return str_copy(field, size, value);
}

static bool bool_set(bool *field, struct str value, char why[CONFIG_WHY_BYTES])
{
    bool yes = str_eq(value, STR("true")) || str_eq(value, STR("yes")) || str_eq(value, STR("on"));
    bool no = str_eq(value, STR("false")) || str_eq(value, STR("no")) || str_eq(value, STR("off"));
    if (yes || no)
        *field = yes;
    else
        snprintf(why, CONFIG_WHY_BYTES, "must be true or false");
    return yes || no;
}

bool config_row_is_list(const struct config_row *row)
{
    return row->kind == KIND_ADDRESSES || row->kind == KIND_NETWORKS;
}

void config_value_clear(const struct config_row *row, struct config *config)
{
    const size_t none = 0;
    memset((char *)config + row->offset, 0, row->size);
    if (config_row_is_list(row))
        memcpy((char *)config + row->count_offset, &none, sizeof none);
}

bool config_value_add(const struct config_row *row, struct config *config, struct str value,
                      char why[CONFIG_WHY_BYTES])
{
    char *field = (char *)config + row->offset;
    size_t count;
    why[0] = '\0';
    if (!text_is_plain(value)) {
        snprintf(why, CONFIG_WHY_BYTES, "must be UTF-8 without control characters");
        return false;
    }
    switch (row->kind) {
    case KIND_BOOL:
        return bool_set((bool *)field, value, why);
    case KIND_COUNT:
    case KIND_PERCENT:
    case KIND_SECONDS:
    case KIND_MILLISECONDS:
        return number_set(row, config, value, why);
    case KIND_URL:
    case KIND_FOLDER:
    case KIND_TEXT:
    case KIND_SECRET:
    case KIND_LEVEL:
    case KIND_HOOK:
    case KIND_MAIL_SERVER:
    case KIND_MAIL_ADDRESS:
        return text_set(row, field, row->size, value, why);
    case KIND_ADDRESSES:
    case KIND_NETWORKS:
        memcpy(&count, (char *)config + row->count_offset, sizeof count);
        if (count == CONFIG_LIST_MAX) {
            snprintf(why, CONFIG_WHY_BYTES, "has more than %d entries", CONFIG_LIST_MAX);
            return false;
        }
        size_t each = row->size / CONFIG_LIST_MAX;
        if (!text_set(row, field + count * each, each, value, why))
            return false;
        count++;
        memcpy((char *)config + row->count_offset, &count, sizeof count);
        return true;
    }
    return false;
}
