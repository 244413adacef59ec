/* main/serve.h - runs a station: starts the rooms in order, waits for signals, stops them in
 * reverse.
 *
 *   SIGTERM, SIGINT   drain: nobody new, everybody sent home, then the end
 *   SIGHUP            the configuration is read again and the log files are opened anew
 */
#ifndef MAST_MAIN_SERVE_H
#define MAST_MAIN_SERVE_H

#include "base/config.h"
#include "main/stage.h"

/* What `mast demo` adds to a station; every member may be NULL. */
struct serve_extra {
    void *ctx;
    /* Once, when the server answers: url is its public address without a slash at the end. */
    void (*on_up)(void *ctx, const char *url);
    /* Before the first board is published and the air starts. */
    void (*on_board)(void *ctx, struct stage *stage, struct board *board);
    const char *document; /* applied to the board at the start */
};

struct serve_config {
    const char *config_path; /* read again at SIGHUP; NULL = none */
    struct config config;
    struct serve_extra extra;
};

/* Runs until a signal ends it. Returns the process's exit code, EX_CONFIG where a start could only
 * fail again until somebody mends the board; what went wrong stands on stderr. */
int serve_run(const struct serve_config *config);

/* "<data folder>/<name>" into `path`.   Shape: path has PATH_BYTES. */
#define PATH_BYTES 768
void data_path(const struct config *config, const char *name, char path[PATH_BYTES]);

#endif
