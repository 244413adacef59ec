/* main/client.c - `mast apply` and `mast status`; contract in commands.h */
#include "base/io.h"
#include "base/json.h"
#include "main/commands.h"
#include "main/control.h"
#include "main/first.h"
#include "main/serve.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MAX_BYTES ((size_t)16 << 20)

static void print(FILE *to, struct str text)
{
    fprintf(to, "%.*s", STR_ARG(text));
    if (text.len > 0 && text.ptr[text.len - 1] != '\n')
        fputc('\n', to);
}

/* ---- apply ---- */

/* No server runs: the board file itself is changed, under the folder's lock. */
static int apply_alone(const struct config *config, struct str document)
{
    char path[PATH_BYTES];
    int lock_fd = -1;
    struct board *board = NULL, *next = NULL;
    struct board_keys keys;
    struct buf faults;
    buf_init(&keys.lines, 1 << 20);
    buf_init(&faults, 1 << 20);
    enum err err = io_make_folder(config->data_folder);
    if (!err)
        err = io_lock(config->data_folder, &lock_fd);
    if (!err)
        err = first_board(config, NULL, &board, &faults);
    if (!err)
        err = board_apply(board, document, &next, &keys, &faults);
    data_path(config, "board.json", path);
    if (!err)
        err = board_save(path, next);
    if (!err) /* keys that did not come to hold are nobody's */
        print(stdout, buf_str(&keys.lines));
    print(stderr, buf_str(&faults));
    if (err)
        fprintf(stderr, "mast: nothing was applied: %s\n", err_text(err));
    if (lock_fd >= 0)
        io_close(&lock_fd);
    board_free(&board);
    board_free(&next);
    buf_release(&keys.lines);
    buf_release(&faults);
    return err ? 1 : 0;
}

int command_apply(const struct config *config, const char *file)
{
    struct buf document, answer;
    int status, code = 1;
    buf_init(&document, (size_t)4 << 20);
    buf_init(&answer, ANSWER_MAX_BYTES);
    enum err err = io_load(file, &document);
    if (err) {
        fprintf(stderr, "mast: %s: %s\n", file, err_text(err));
        goto out;
    }
    err = control_ask(config, "POST", "/apply", buf_str(&document), &status, &answer);
    if (err == E_NOT_FOUND) {
        code = apply_alone(config, buf_str(&document));
    } else if (err) {
        fprintf(stderr, "mast: the server does not answer: %s\n", err_text(err));
    } else {
        print(status == 200 ? stdout : stderr, buf_str(&answer));
        code = status == 200 ? 0 : 1;
    }
out:
    buf_release(&document);
    buf_release(&answer);
    return code;
}

/* ---- status ---- */

#define EVENTS_SHOWN 5

static const char *word(const struct json *object, const char *key)
{
    /* jansson's texts end in NUL */
    struct str s = json_text(json_get(object, key));
    return s.ptr ? s.ptr : "";
}

static void print_rendition(const struct json *rendition)
{
    const char *source = word(rendition, "source");
    printf("  %-12s %-5s %8lld listening  ", word(rendition, "slug"), word(rendition, "codec"),
           (long long)json_int(json_get(rendition, "listeners")));
    if (json_bool(json_get(rendition, "on_air")))
        printf("on the air%s%s\n", source[0] ? " from " : "", source);
    else
        printf("off the air\n");
}

static bool is_about_an_input(struct str what)
{
    static const char *const others[] = {"start", "stop", "lost"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eq(what, str_of(others[i])))
            return false;
    return true;
}

static void print_event(const struct json *event)
{
    const char *what = word(event, "what"), *from = word(event, "from"), *to = word(event, "to");
    printf("  %s  %-6s  ", word(event, "at"), what);
    if (strcmp(what, "switch") == 0)
        printf("%s -> %s: ", from[0] ? from : "nothing", to[0] ? to : "nothing");
    else if (is_about_an_input(str_of(what)))
        printf("%s: ", from[0] ? from : "nothing");
    printf("%s\n", word(event, "why"));
}

/* What happened last on the air, the newest first. */
static void print_air(const struct json *air)
{
    const struct json *events = json_get(air, "events");
    size_t count = json_count(events);
    printf("  input: %s%s%s\n", word(air, "input")[0] ? word(air, "input") : "nothing",
           word(air, "fault")[0] ? ", and " : "", word(air, "fault"));
    for (size_t i = count; i > 0 && count - i < EVENTS_SHOWN; i--)
        print_event(json_at(events, i - 1));
}

static void print_station(const struct json *station)
{
    const struct json *renditions = json_get(station, "renditions");
    printf("%s (%s)\n", word(station, "name"), word(station, "slug"));
    if (word(station, "title")[0] != '\0')
        printf("  now: %s\n", word(station, "title"));
    for (size_t i = 0; i < json_count(renditions); i++)
        print_rendition(json_at(renditions, i));
    print_air(json_get(station, "air"));
}

static int print_status(struct str text)
{
    struct json_doc *doc;
    struct json_fault fault;
    if (json_parse(text, &doc, &fault) != OK) {
        fprintf(stderr, "mast: the server's answer is no JSON: %s\n", fault.text);
        return 1;
    }
    const struct json *root = json_root(doc);
    const struct json *stations = json_get(root, "stations");
    const struct json *warnings = json_get(root, "warnings");
    printf("mast %s, up %lld s, %lld listening\n\n", word(root, "version"),
           (long long)json_int(json_get(root, "uptime_s")),
           (long long)json_int(json_get(root, "listeners")));
    for (size_t i = 0; i < json_count(stations); i++)
        print_station(json_at(stations, i));
    for (size_t i = 0; i < json_count(warnings); i++)
        printf("warning: %s\n", json_text(json_at(warnings, i)).ptr);
    json_free(&doc);
    return 0;
}

int command_status(const struct config *config, bool as_json)
{
    struct buf answer;
    int status, code = 1;
    buf_init(&answer, ANSWER_MAX_BYTES);
    enum err err = control_ask(config, "GET", "/status", STR(""), &status, &answer);
    if (err == E_NOT_FOUND)
        fprintf(stderr, "mast: no server runs on %s\n", config->data_folder);
    else if (err || status != 200)
        fprintf(stderr, "mast: the server does not answer: %s\n", err_text(err ? err : E_IO));
    else if (as_json)
        print(stdout, buf_str(&answer)), code = 0;
    else
        code = print_status(buf_str(&answer));
    buf_release(&answer);
    return code;
}
