/* main/check.c - `mast check`; contract in commands.h */
#include "main/commands.h"
#include "main/control.h"
#include "main/serve.h"
#include "net/http.h"
#include "program/board.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_running(const struct config *config)
{
    int status;
    struct buf answer;
    buf_init(&answer, 1 << 22);
    enum err err = control_ask(config, "GET", "/status", STR(""), &status, &answer);
    buf_release(&answer);
    return err == OK;
}

/* The line of the file that a fault belongs to, or line 1. */
static void fault(struct buf *faults, const char *path, uint32_t line, const char *what,
                  const char *why)
{
    buf_printf(faults, "%s:%u: %s: %s\n", path ? path : "mast.conf", line > 0 ? line : 1, what,
               why);
}

/* Tries each address as the server would. */
static void check_addresses(const char *path, const struct config *config, struct buf *faults)
{
    struct http_config http;
    struct http_server *server = NULL;
    struct loops *loops = NULL;
    http_config_init(&http);
    enum err err = loops_new(1, clock_real(), &loops);
    http.loops = loops;
    if (!err)
        err = http_server_new(&http, &server);
    if (err)
        buf_printf(faults, "the addresses could not be tried: %s\n", err_text(err));
    for (size_t i = 0; i < config->listen_count && server; i++) {
        struct addr addr;
        err = addr_parse(str_of(config->listen[i]), &addr);
        if (!err)
            err = http_listen(server, &addr, NULL);
        if (err)
            fault(faults, path, config->lines[OPTION_listen], config->listen[i],
                  err == E_BUSY ? "another program has this address" : err_text(err));
    }
    http_server_free(&server);
    loops_free(&loops);
}

/* The nearest folder above `path` that is there: what is missing below is made at the start. */
static int stat_nearest(char *path, struct stat *st)
{
    while (stat(path, st) != 0) {
        char *slash = strrchr(path, '/');
        if (errno != ENOENT || strcmp(path, "/") == 0 || strcmp(path, ".") == 0)
            return errno;
        if (slash)
            slash[slash == path] = '\0';
        else
            str_copy(path, 2, STR("."));
    }
    return 0;
}

static void check_folder(const char *path, const struct config *config, struct buf *faults)
{
    char nearest[sizeof config->data_folder];
    struct stat st;
    str_copy(nearest, sizeof nearest, str_of(config->data_folder));
    int failed = stat_nearest(nearest, &st);
    const char *why = NULL;
    if (failed == ENOTDIR || (!failed && !S_ISDIR(st.st_mode)))
        why = "a file is in the way";
    else if (failed)
        why = err_text(err_from_errno(failed));
    else if (access(nearest, R_OK | W_OK | X_OK) != 0)
        why = "it may not be written to";
    if (why)
        fault(faults, path, config->lines[OPTION_data_folder], config->data_folder, why);
}

static void check_board(const struct config *config, struct buf *faults)
{
    char path[PATH_BYTES];
    struct board *board = NULL;
    data_path(config, "board.json", path);
    enum err err = board_load(path, &board, faults);
    if (err && err != E_NOT_FOUND && faults->len == 0)
        fault(faults, path, 1, "board", err_text(err));
    if (err == E_NOT_FOUND)
        buf_clear(faults); /* before the first start there is none */
    board_free(&board);
}

int command_check(const char *config_path, const struct config *config)
{
    struct buf faults, board_faults;
    buf_init(&faults, 1 << 20);
    buf_init(&board_faults, 1 << 20);
    check_folder(config_path, config, &faults);
    check_board(config, &board_faults);
    if (!is_running(config))
        check_addresses(config_path, config, &faults);
    fprintf(stdout, "%.*s%.*s", STR_ARG(buf_str(&faults)), STR_ARG(buf_str(&board_faults)));
    bool good = faults.len == 0 && board_faults.len == 0;
    if (good)
        printf("%s: fine\n", config_path ? config_path : "the defaults");
    buf_release(&faults);
    buf_release(&board_faults);
    return good ? 0 : 1;
}
