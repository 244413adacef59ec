/* base/log.h - one line for one happening, written by the log thread.
 *
 *     any thread --log_*()--> [ lock-free queue of fixed slots ] --log thread--> stderr, files
 *
 * A line is logfmt: time=... level=... event=... and what the caller formats as key=value. Nobody
 * waits: a full queue counts the line as lost and says so later. Whatever bytes a stranger put into
 * a value, one call is one line: log_text() quotes it, and control bytes never get through.
 * Three places: stderr; the access log (Icecast's form: combined, and seconds at the end); the
 * listener sessions (JSON lines). The log is one of the two globals that style allows. */
#ifndef MAST_BASE_LOG_H
#define MAST_BASE_LOG_H

#include "base/clock.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

enum log_event {
#define X(id, name) id,
#include "base/tbl/events.h"
#undef X
    EV_COUNT
};

struct log_config {
    enum log_level level;
    const char *access_path;   /* NULL: no access log */
    const char *sessions_path; /* NULL: no session records */
    const struct clock *clock;
};

/* Starts the log thread. Lines before log_start() go straight to stderr.
 * Errors: E_NOMEM, or what opening the files gave; nothing runs then.   Thread: main. */
MUST_USE enum err log_start(const struct log_config *config);

/* Writes out what is queued, ends the thread, closes the files.   Thread: main. */
void log_stop(void);

/* Asks the log thread to open its files again by name, for log rotation.   Thread: any. */
void log_reopen(void);

/* How many lines were lost because the queue was full.   Thread: any. */
uint64_t log_lost_count(void);

/* Writes one line.
 * Shape:  at most 900 bytes, the rest is cut.   Thread: any. Air-safe: no allocation, no wait. */
void log_debug(enum log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(enum log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(enum log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_error(enum log_event event, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes one whole line, without time and level, to the access log or the session records.
 * Shape: at most 1500 bytes; control bytes become '?'.   Thread: any. Air-safe. */
void log_access(struct str line);
void log_session(struct str line);

/* A stranger's bytes as a quoted logfmt value: "..." with quote, backslash and control bytes
 * escaped, cut to fit. Used as: struct log_text t; log_info(EV_X, "agent=%s", log_text(&t, agent)).
 * Returns t->text.   Thread: any. Air-safe. */
struct log_text {
    char text[320];
};
const char *log_text(struct log_text *t, struct str value);

#endif
