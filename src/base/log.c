/* base/log.c - contract in log.h
 *
 * The queue is a bounded one of many pushers and one reader. Each slot has a turn: a slot whose
 * turn is the pusher's ticket is free for that ticket, one whose turn is ticket + 1 is filled, and
 * after reading it becomes free for the ticket one round later. Pushers meet only on the ticket
 * counter. */
#include "base/log.h"

#include "base/io.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOTS        ((uint64_t)2048)
#define EVENT_BYTES  900  /* of what the caller formats */
#define LINE_BYTES   1584 /* a slot is 1600 */
#define RAW_BYTES    1500
#define GATHER_BYTES ((size_t)16384)
#define PATH_BYTES   1024

_Static_assert((SLOTS & (SLOTS - 1)) == 0, "a ticket is turned into a slot by masking");

enum place { PLACE_STDERR, PLACE_ACCESS, PLACE_SESSIONS, PLACE_COUNT };

struct slot {
    _Atomic uint64_t turn;
    uint16_t len;
    uint8_t place;
    char line[LINE_BYTES]; /* ends in '\n', no NUL */
};

/* Where lines go; they are gathered, so that a busy second costs few writes. */
struct sink {
    int fd;
    bool failing; /* said so once already */
    char path[PATH_BYTES];
    size_t len;
    char bytes[GATHER_BYTES];
};

static struct {
    /* set by log_start before the thread runs */
    const struct clock *clock;
    _Atomic int level;
    pthread_t thread;
    bool ready; /* slots and wake are, since the first start */

    /* shared */
    atomic_bool running;
    atomic_bool stop;
    atomic_bool reopen;
    _Atomic uint64_t lost;
    _Atomic uint64_t next_ticket;
    sem_t wake;

    /* owned by the log thread while it runs */
    uint64_t read_ticket;
    uint64_t lost_said;
    struct sink sinks[PLACE_COUNT];
} the_log = {.level = LOG_LEVEL_INFO, .sinks = {{.fd = STDERR_FILENO}, {.fd = -1}, {.fd = -1}}};

static struct slot slots[SLOTS];

static const char *const event_names[EV_COUNT] = {
#define X(id, name) [id] = name,
#include "base/tbl/events.h"
#undef X
};

static const char level_names[4][6] = {"debug", "info", "warn", "error"};

/* Overwrites with '?' what could end a line, steer a terminal or is no UTF-8. */
static void make_plain(char *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        size_t step = str_utf8_first((struct str){bytes + at, len - at});
        unsigned char first = (unsigned char)bytes[at];
        bool c1 = step == 2 && first == 0xC2 && (unsigned char)bytes[at + 1] < 0xA0;
        if (step == 0)
            step = 1;
        else if (!c1 && first >= 0x20 && first != 0x7F) {
            at += step;
            continue;
        }
        memset(bytes + at, '?', step);
        at += step;
    }
}

/* Puts a finished line into the queue; false if that is full. */
static bool queue_push(enum place place, struct str line)
{
    uint64_t ticket = atomic_load_explicit(&the_log.next_ticket, memory_order_relaxed);
    struct slot *slot;
    for (;;) {
        slot = &slots[ticket & (SLOTS - 1)];
        int64_t ahead = (int64_t)(atomic_load_explicit(&slot->turn, memory_order_acquire) - ticket);
        if (ahead < 0)
            return false;
        if (ahead > 0)
            ticket = atomic_load_explicit(&the_log.next_ticket, memory_order_relaxed);
        else if (atomic_compare_exchange_weak_explicit(&the_log.next_ticket, &ticket, ticket + 1,
                                                       memory_order_relaxed, memory_order_relaxed))
            break;
    }
    memcpy(slot->line, line.ptr, line.len);
    slot->len = (uint16_t)line.len;
    slot->place = (uint8_t)place;
    atomic_store_explicit(&slot->turn, ticket + 1, memory_order_release);
    return true;
}

static void emit(enum place place, struct str line)
{
    if (!atomic_load_explicit(&the_log.running, memory_order_acquire)) {
        /* Nobody to tell if stderr cannot be written. */
        if (place == PLACE_STDERR && io_append(STDERR_FILENO, line))
            return;
        return;
    }
    if (queue_push(place, line))
        sem_post(&the_log.wake);
    else
        atomic_fetch_add_explicit(&the_log.lost, 1, memory_order_relaxed);
}

/* Formats the head that all lines have and returns its length. */
static size_t head_format(char *line, enum log_level level, enum log_event event)
{
    char time[UTC_ISO_BYTES];
    const struct clock *clock = the_log.clock ? the_log.clock : clock_real();
    utc_format_iso(clock_utc(clock), time);
    int len = snprintf(line, LINE_BYTES, "time=%s level=%s event=%s", time, level_names[level],
                       event_names[event]);
    assert(len > 0 && len < 200);
    return (size_t)len;
}

__attribute__((format(printf, 3, 0))) static void
log_line(enum log_level level, enum log_event event, const char *format, va_list args)
{
    char line[LINE_BYTES];
    assert((unsigned)event < EV_COUNT);
    if ((int)level < atomic_load_explicit(&the_log.level, memory_order_relaxed))
        return;
    size_t len = head_format(line, level, event);
    line[len++] = ' ';
    int wanted = vsnprintf(line + len, EVENT_BYTES + 1, format, args);
    size_t added = wanted > 0 ? (size_t)wanted : 0;
    if (added > EVENT_BYTES)
        added = str_utf8_fit((struct str){line + len, EVENT_BYTES}, EVENT_BYTES - 1);
    len = added > 0 ? len + added : len - 1;
    make_plain(line, len);
    line[len++] = '\n';
    emit(PLACE_STDERR, (struct str){line, len});
}

#define DEFINE_LOG(function, level)                                                                \
    void function(enum log_event event, const char *format, ...)                                   \
    {                                                                                              \
        va_list args;                                                                              \
        va_start(args, format);                                                                    \
        log_line(level, event, format, args);                                                      \
        va_end(args);                                                                              \
    }
DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_error, LOG_LEVEL_ERROR)

static void log_raw(enum place place, struct str text)
{
    char line[RAW_BYTES + 1];
    size_t len = str_utf8_fit(text, RAW_BYTES);
    if (len > 0)
        memcpy(line, text.ptr, len);
    make_plain(line, len);
    line[len++] = '\n';
    emit(place, (struct str){line, len});
}

void log_access(struct str line)
{
    log_raw(PLACE_ACCESS, line);
}

void log_session(struct str line)
{
    log_raw(PLACE_SESSIONS, line);
}

uint64_t log_lost_count(void)
{
    return atomic_load_explicit(&the_log.lost, memory_order_relaxed);
}

/* -- the log thread -- */

static void sink_flush(struct sink *sink)
{
    enum err err = OK;
    if (sink->fd >= 0 && sink->len > 0)
        err = io_append(sink->fd, (struct str){sink->bytes, sink->len});
    sink->len = 0;
    if (err && !sink->failing && sink->fd != STDERR_FILENO)
        log_error(EV_LOG, "file=%s error=\"%s\"", sink->path, err_text(err));
    sink->failing = err != OK;
}

static void sink_add(struct sink *sink, struct str line)
{
    if (sink->fd < 0)
        return;
    if (sink->len + line.len > sizeof sink->bytes)
        sink_flush(sink);
    memcpy(sink->bytes + sink->len, line.ptr, line.len);
    sink->len += line.len;
}

static enum err sink_open(struct sink *sink)
{
    io_close(&sink->fd);
    sink->failing = false;
    return sink->path[0] ? io_open(sink->path, IO_APPEND, &sink->fd) : OK;
}

static void say_lost(void)
{
    uint64_t lost = log_lost_count();
    if (lost == the_log.lost_said)
        return;
    char line[LINE_BYTES];
    size_t len = head_format(line, LOG_LEVEL_WARN, EV_LOG);
    int more = snprintf(line + len, sizeof line - len, " lost=%llu\n",
                        (unsigned long long)(lost - the_log.lost_said));
    sink_add(&the_log.sinks[PLACE_STDERR], (struct str){line, len + (size_t)more});
    the_log.lost_said = lost;
}

/* Carries what is queued to the sinks, at most one round of slots. */
static void drain(void)
{
    uint64_t end = the_log.read_ticket + SLOTS;
    while (the_log.read_ticket < end) {
        struct slot *slot = &slots[the_log.read_ticket & (SLOTS - 1)];
        if (atomic_load_explicit(&slot->turn, memory_order_acquire) != the_log.read_ticket + 1)
            break;
        sink_add(&the_log.sinks[slot->place], (struct str){slot->line, slot->len});
        atomic_store_explicit(&slot->turn, the_log.read_ticket + SLOTS, memory_order_release);
        the_log.read_ticket++;
    }
    if (the_log.read_ticket == end)
        sem_post(&the_log.wake); /* there may be more, and its posts were taken already */
    say_lost();
    for (int i = 0; i < PLACE_COUNT; i++)
        sink_flush(&the_log.sinks[i]);
}

static void reopen_files(void)
{
    for (int i = PLACE_ACCESS; i < PLACE_COUNT; i++) {
        struct sink *sink = &the_log.sinks[i];
        enum err err = sink_open(sink);
        if (err)
            log_error(EV_LOG, "file=%s error=\"%s\"", sink->path, err_text(err));
    }
}

static void *log_thread(void *ctx)
{
    (void)ctx;
    for (;;) {
        while (sem_wait(&the_log.wake) && errno == EINTR)
            ;
        /* All that was pushed until now goes in one round; their posts are not needed any more. */
        while (sem_trywait(&the_log.wake) == 0)
            ;
        bool stop = atomic_load_explicit(&the_log.stop, memory_order_acquire);
        drain();
        if (atomic_exchange_explicit(&the_log.reopen, false, memory_order_acq_rel))
            reopen_files();
        if (stop)
            break;
    }
    return NULL;
}

/* -- start and stop -- */

static enum err sinks_open(const struct log_config *config)
{
    const char *paths[PLACE_COUNT] = {NULL, config->access_path, config->sessions_path};
    enum err err = OK;
    for (int i = PLACE_ACCESS; i < PLACE_COUNT && !err; i++) {
        struct sink *sink = &the_log.sinks[i];
        if (!str_copy(sink->path, sizeof sink->path, str_of(paths[i])))
            err = E_TOO_LONG;
        if (!err)
            err = sink_open(sink);
    }
    return err;
}

static enum err thread_start(void)
{
    sigset_t all, before;
    sigfillset(&all);
    /* Signals belong to the main thread. */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&the_log.thread, NULL, log_thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(the_log.thread, "mast-log");
    return failed ? E_NOMEM : OK;
}

static void sinks_close(void)
{
    for (int i = PLACE_ACCESS; i < PLACE_COUNT; i++)
        io_close(&the_log.sinks[i].fd);
}

/* Slots and semaphore stay for the life of the program: a thread that is late in log_stop() may
 * still touch them. */
static void make_ready(void)
{
    if (the_log.ready)
        return;
    for (uint64_t i = 0; i < SLOTS; i++)
        atomic_store_explicit(&slots[i].turn, i, memory_order_relaxed);
    int failed = sem_init(&the_log.wake, 0, 0);
    assert(!failed);
    the_log.ready = true;
}

enum err log_start(const struct log_config *config)
{
    assert(!atomic_load(&the_log.running));
    make_ready();
    atomic_store(&the_log.stop, false);
    atomic_store(&the_log.reopen, false);
    the_log.clock = config->clock;
    atomic_store(&the_log.level, (int)config->level);
    enum err err = sinks_open(config);
    if (!err)
        err = thread_start();
    if (err) {
        sinks_close();
        the_log.clock = NULL;
        return err;
    }
    atomic_store_explicit(&the_log.running, true, memory_order_release);
    return OK;
}

void log_stop(void)
{
    if (!atomic_exchange(&the_log.running, false))
        return;
    atomic_store_explicit(&the_log.stop, true, memory_order_release);
    sem_post(&the_log.wake);
    pthread_join(the_log.thread, NULL);
    drain(); /* what the thread itself had to say last */
    sinks_close();
    the_log.clock = NULL;
}

void log_reopen(void)
{
    if (!atomic_load_explicit(&the_log.running, memory_order_acquire))
        return;
    atomic_store_explicit(&the_log.reopen, true, memory_order_release);
    sem_post(&the_log.wake);
}

/* -- values -- */

/* Formats one sequence of `len` bytes as it stands inside quotes; 0 means ill-formed bytes. */
static size_t escape(char out[16], struct str s, size_t len)
{
    unsigned char first = (unsigned char)s.ptr[0];
    int n;
    if (len == 1 && (first == '"' || first == '\\'))
        n = snprintf(out, 16, "\\%c", first);
    else if (first == '\n' || first == '\r' || first == '\t')
        n = snprintf(out, 16, "\\%c", first == '\n' ? 'n' : first == '\r' ? 'r' : 't');
    else if (len == 2 && first == 0xC2 && (unsigned char)s.ptr[1] < 0xA0)
        n = snprintf(out, 16, "\\xc2\\x%02x", (unsigned char)s.ptr[1]);
    else if (len == 0 || first < 0x20 || first == 0x7F)
        n = snprintf(out, 16, "\\x%02x", first);
    else {
        memcpy(out, s.ptr, len);
        n = (int)len;
    }
    return (size_t)n;
}

const char *log_text(struct log_text *t, struct str value)
{
    size_t at = 0;
    t->text[at++] = '"';
    while (value.len > 0) {
        char piece[16];
        size_t len = str_utf8_first(value);
        size_t n = escape(piece, value, len);
        /* Room for three dots, the quote and the NUL is kept to the last. */
        if (at + n + 5 > sizeof t->text) {
            memcpy(t->text + at, "...", 3);
            at += 3;
            break;
        }
        memcpy(t->text + at, piece, n);
        at += n;
        value = str_slice(value, len > 0 ? len : 1, value.len);
    }
    t->text[at++] = '"';
    t->text[at] = '\0';
    return t->text;
}
