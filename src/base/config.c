/* base/config.c - contract in config.h
 *
 * libconfuse ends at its first fault. So the line of a fault is overwritten with blanks and the
 * rest parsed again, until nothing more is wrong; a name that it does not know is declared, so that
 * its value, which may have many lines, goes by. Values are texts to libconfuse (its numbers may be
 * octal) and are read in config_value.c. */
#include "base/config.h"

#include "base/config_priv.h"
#include "base/io.h"
#include "base/mem.h"

#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define FILE_MAX    ((size_t)1 << 20)
#define UNKNOWN_MAX 32
#define TRIES_MAX   (CONFIG_FAULTS_MAX + UNKNOWN_MAX)

struct load {
    struct config config;        /* as read so far */
    struct config_faults syntax; /* found by the scan or libconfuse */
    struct config_faults values; /* found in this try */
    char unknown[UNKNOWN_MAX][64];
    size_t unknown_count;
    uint32_t error_line; /* of this try's end */
    char error_text[256];
};

/* libconfuse hands its callbacks no context; it lies here while cfg_parse_buf() runs. */
static _Thread_local struct load *current;

static enum config_option option_find(const char *name)
{
    int i = 0;
    while (i < OPTION_COUNT && strcmp(config_rows[i].name, name) != 0)
        i++;
    return (enum config_option)i;
}

/* What was read may be anything; a fault shows it only if it stays on its line. */
static bool is_one_line(struct str what)
{
    for (size_t i = 0; i < what.len; i++)
        if ((unsigned char)what.ptr[i] < 0x20 || what.ptr[i] == 0x7f)
            return false;
    return str_is_utf8(what);
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
    struct load *load = current;
    enum config_option option = option_find(cfg_opt_name(opt));
    *(const char **)result = value;
    if (option == OPTION_COUNT)
        return 0;
    const struct config_row *row = &config_rows[option];
    uint32_t line = cfg->line > 0 ? (uint32_t)cfg->line : 1;
    if (cfg_opt_size(opt) <= 1) {
        if (load->config.lines[option] > 0)
            config_fault(&load->values, line, "%s is set already on line %u", row->name,
                         load->config.lines[option]);
        load->config.lines[option] = line;
        if (config_row_is_list(row))
            config_value_clear(row, &load->config);
    }
    char why[CONFIG_WHY_BYTES];
    struct str text = str_of(value);
    if (!config_value_add(row, &load->config, text, why)) {
        struct str shown = str_slice(text, 0, str_utf8_fit(text, 60));
        if (!is_one_line(shown) || row->kind == KIND_SECRET)
            shown = STR("?");
        config_fault(&load->values, line, "%s %s (it is '%.*s')", row->name, why, STR_ARG(shown));
    }
    return 0;
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
                                                           va_list args)
{
    current->error_line = cfg->line > 0 ? (uint32_t)cfg->line : 1;
    vsnprintf(current->error_text, sizeof current->error_text, format, args);
}

/* One try. Errors: E_SYNTAX with error_line and error_text, E_NOMEM. */
static enum err parse(struct load *load, const char *text)
{
    cfg_opt_t opts[OPTION_COUNT + UNKNOWN_MAX + 1];
    size_t count = 0;
    for (; count < OPTION_COUNT; count++) {
        const char *name = config_rows[count].name;
        opts[count] = config_row_is_list(&config_rows[count])
                          ? (cfg_opt_t)CFG_STR_LIST_CB(name, NULL, CFGF_NONE, on_value)
                          : (cfg_opt_t)CFG_STR_CB(name, NULL, CFGF_NONE, on_value);
    }
    for (size_t i = 0; i < load->unknown_count; i++)
        opts[count++] = (cfg_opt_t)CFG_STR_LIST_CB(load->unknown[i], NULL, CFGF_NONE, on_value);
    opts[count] = (cfg_opt_t)CFG_END();
    cfg_t *cfg = cfg_init(opts, CFGF_NONE);
    if (!cfg)
        return E_NOMEM;
    cfg_set_error_function(cfg, on_error);
    load->error_line = 0;
    load->error_text[0] = '\0';
    current = load;
    int result = cfg_parse_buf(cfg, text);
    current = NULL;
    cfg_free(cfg);
    return result == CFG_SUCCESS ? OK : E_SYNTAX;
}

/* Takes a fault of libconfuse in; false if trying again would find the same. */
static bool take_error(struct load *load, char *text, size_t len)
{
    static const char head[] = "no such option '";
    struct str name = str_of(load->error_text);
    if (str_starts(name, STR(head)) && load->unknown_count < UNKNOWN_MAX) {
        name = str_slice(name, strlen(head), name.len - 1);
        size_t i = load->unknown_count;
        if (name.len > 0 && is_one_line(name) &&
            str_copy(load->unknown[i], sizeof load->unknown[i], name)) {
            load->unknown_count++;
            config_fault(&load->syntax, load->error_line, "there is no option '%.*s'",
                         STR_ARG(name));
            return true;
        }
    }
    struct str what = str_of(load->error_text);
    config_fault(&load->syntax, load->error_line, "%s",
                 what.len > 0 && is_one_line(what) ? load->error_text : "this cannot be read");
    return config_blank_line(text, len, load->error_line);
}

static enum err parse_all(struct load *load, char *text, size_t len)
{
    const struct config start = load->config;
    for (int i = 0; i < TRIES_MAX; i++) {
        load->config = start;
        load->values.count = 0;
        enum err err = parse(load, text);
        if (err == E_SYNTAX && take_error(load, text, len))
            continue;
        return err == E_SYNTAX ? OK : err; /* it is among the faults */
    }
    return OK;
}

static int by_line(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b; /* the line is the first member */
    return (*x > *y) - (*x < *y);
}

/* Appends all faults in the file's order. */
static void faults_format(const char *path, struct load *load, struct buf *out)
{
    struct config_faults *all = &load->syntax;
    for (size_t i = 0; i < load->values.count; i++)
        config_fault(all, load->values.each[i].line, "%s", load->values.each[i].text);
    qsort(all->each, all->count, sizeof all->each[0], by_line);
    for (size_t i = 0; i < all->count; i++)
        buf_printf(out, "%s:%u: %s\n", path, all->each[i].line, all->each[i].text);
}

static void derive_host_name(struct config *config)
{
    if (config->lines[OPTION_host_name] > 0 && config->host_name[0])
        return;
    struct str host = config_url_host(str_of(config->public_url));
    size_t end = host.len;
    while (end > 0 && host.ptr[end - 1] != ':' && host.ptr[end - 1] != ']')
        end--;
    if (end > 0 && host.ptr[end - 1] == ':')
        host.len = end - 1;
    memset(config->host_name, 0, sizeof config->host_name);
    str_copy(config->host_name, sizeof config->host_name, host.len > 0 ? host : STR("localhost"));
}

enum err config_load(const char *path, struct config *config, struct buf *faults)
{
    struct buf text;
    buf_init(&text, FILE_MAX);
    struct load *load = mem_new(sizeof *load);
    enum err err = load ? io_load(path, &text) : E_NOMEM;
    if (err) {
        buf_printf(faults, "%s:1: %s\n", path, err_text(err));
        goto out;
    }
    load->config = *config;
    memset(load->config.lines, 0, sizeof load->config.lines);
    if (text.len > 0 && config_scan(text.ptr, text.len, &load->syntax))
        err = parse_all(load, text.ptr, text.len);
    if (!err && load->syntax.count + load->values.count > 0)
        err = E_SYNTAX;
    faults_format(path, load, faults);
    if (err)
        goto out;
    derive_host_name(&load->config);
    *config = load->config;
out:
    mem_free(load);
    buf_release(&text);
    return err;
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    for (int i = 0; i < OPTION_COUNT; i++) {
        char why[CONFIG_WHY_BYTES];
        const struct config_row *row = &config_rows[i];
        if (config_row_is_list(row) && row->byself[0] == '\0')
            continue;
        bool good = config_value_add(row, config, str_of(row->byself), why);
        assert(good);
    }
    derive_host_name(config);
}

/* -- values against one another -- */

struct check {
    const char *path;
    const struct config *config;
    struct buf *faults;
    bool failed;
};

__attribute__((format(printf, 3, 4))) static void wrong(struct check *c, enum config_option option,
                                                        const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    uint32_t line = c->config->lines[option];
    if (c->path)
        buf_printf(c->faults, "%s:%u: %s\n", c->path, line > 0 ? line : 1, text);
    else
        buf_printf(c->faults, "no configuration file: %s\n", text);
    c->failed = true;
}

static bool same_place(const struct config_address *a, const struct config_address *b)
{
    return a->is_v6 == b->is_v6 && memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

/* Tells whether two addresses with the same port cannot both be listened on. */
static void check_pair(struct check *c, size_t i, size_t j, const struct config_address *a,
                       const struct config_address *b)
{
    if (!same_place(a, b) || a->port == 0 || b->port == 0)
        return;
    if (a->port == b->port)
        wrong(c, OPTION_listen, "listen has %s twice", c->config->listen[i]);
    else if (c->config->shoutcast && (a->port + 1 == b->port || b->port + 1 == a->port))
        wrong(c, OPTION_listen,
              "listen: %s and %s are in each other's way, since shoutcast takes "
              "each port + 1",
              c->config->listen[i], c->config->listen[j]);
}

static void check_listen(struct check *c)
{
    struct config_address all[CONFIG_LIST_MAX];
    const struct config *config = c->config;
    bool loopback = true;
    if (config->listen_count == 0)
        wrong(c, OPTION_listen, "listen must name at least one address");
    for (size_t i = 0; i < config->listen_count; i++) {
        if (!config_address_parse(str_of(config->listen[i]), &all[i])) {
            wrong(c, OPTION_listen, "listen: %s is no address with a port", config->listen[i]);
            return;
        }
        loopback = loopback && all[i].is_loopback;
        if (config->shoutcast && all[i].port == 65535)
            wrong(c, OPTION_listen, "listen: shoutcast needs a port after that of %s",
                  config->listen[i]);
        for (size_t j = 0; j < i; j++)
            check_pair(c, i, j, &all[i], &all[j]);
    }
    if (!loopback && config->public_url[0] == '\0')
        wrong(c, OPTION_public_url,
              "public_url is needed, since not all listen addresses are loopback ones");
}

static void check_alarms(struct check *c)
{
    const struct config *config = c->config;
    bool has_server = config->alarm_mail_server[0] != '\0';
    bool has_both = config->alarm_mail_from[0] != '\0' && config->alarm_mail_to[0] != '\0';
    if (has_server && !has_both)
        wrong(c, OPTION_alarm_mail_server,
              "alarm_mail_server needs alarm_mail_from and alarm_mail_to");
    if (!has_server && (config->alarm_mail_to[0] || config->alarm_mail_user[0]))
        wrong(c, config->alarm_mail_to[0] ? OPTION_alarm_mail_to : OPTION_alarm_mail_user,
              "no alarm is mailed without alarm_mail_server");
    if ((config->alarm_mail_user[0] == '\0') != (config->alarm_mail_password[0] == '\0'))
        wrong(c, config->alarm_mail_user[0] ? OPTION_alarm_mail_user : OPTION_alarm_mail_password,
              "alarm_mail_user and alarm_mail_password need each other");
}

/* The socket for `mast apply` and `mast status` lies in the data folder; Linux caps its name. */
static void check_data_folder(struct check *c)
{
    const size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - sizeof "/control.sock";
    size_t len = strlen(c->config->data_folder);
    if (len == 0)
        wrong(c, OPTION_data_folder, "data_folder must not be empty");
    else if (len > longest)
        wrong(c, OPTION_data_folder,
              "data_folder must have at most %zu bytes, for the sake of control.sock in it",
              longest);
}

enum err config_check(const char *path, const struct config *config, struct buf *faults)
{
    struct check c = {path, config, faults, false};
    check_listen(&c);
    check_alarms(&c);
    if (config->public_url[0] && config_url_host(str_of(config->public_url)).len == 0)
        wrong(&c, OPTION_public_url, "public_url is no address of a web server");
    check_data_folder(&c);
    return c.failed ? E_SYNTAX : OK;
}

/* Appends `text` in lines of at most 92 columns behind four blanks. */
static void add_wrapped(struct buf *out, struct str text)
{
    size_t column = 0;
    while (text.len > 0) {
        struct str word;
        str_cut(&text, ' ', &word);
        bool new_line = column == 0 || column + 1 + word.len > 92;
        if (new_line)
            buf_add(out, column == 0 ? STR("    ") : STR("\n    "));
        else
            buf_add_char(out, ' ');
        buf_add(out, word);
        column = new_line ? 4 + word.len : column + 1 + word.len;
    }
    buf_add_char(out, '\n');
}

void config_explain(struct buf *out)
{
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct config_row *row = &config_rows[i];
        bool list = config_row_is_list(row);
        bool bare = row->kind == KIND_BOOL || row->kind == KIND_COUNT;
        if (list && row->byself[0] == '\0')
            buf_printf(out, "%s = {}", row->name);
        else if (list)
            buf_printf(out, "%s = {\"%s\"}", row->name, row->byself);
        else
            buf_printf(out, bare ? "%s = %s" : "%s = \"%s\"", row->name, row->byself);
        buf_printf(out, "    (%s)\n", row->unit);
        add_wrapped(out, str_of(row->text));
    }
}
