/* main/serve.c - contract in serve.h */
#include "main/serve.h"

#include "air/relay.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "front/front.h"
#include "hls/hls.h"
#include "listen/poll.h"
#include "main/alarm_route.h"
#include "main/apply.h"
#include "main/clock_wait.h"
#include "main/first.h"
#include "main/ledgers.h"
#include "main/loop_maker.h"
#include "main/notify.h"
#include "main/pulse.h"
#include "main/stage.h"
#include "main/watch.h"
#include "main/work.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#define SERVER_NAME       "mast/" MAST_VERSION
#define DRAIN_MS          5000
#define READER_THREADS    2
#define READER_CACHE      ((size_t)64 << 20)
#define FREE_PERCENT_MIN  5
#define SPARE_DESCRIPTORS 200 /* logs, the control socket, decks, requests */
#define TAPE_DESCRIPTORS  4   /* three files and the RAM tail */

struct serve {
    const struct serve_config *how;
    struct config config;
    char public_url[300];
    struct addr first; /* of the listen addresses, as it was bound */
    int lock_fd, signal_fd;
    bool log_runs;
    struct work *work;
    struct tape_writer *writer;
    struct tape_reader *reader;
    char deck_program[PATH_BYTES];
    struct children *children;
    struct loop_maker *loop_maker;
    struct ledgers *ledgers;
    struct stage *stage;
    struct board_place place;
    struct air *air;
    struct loops *loops;
    struct http_server *server;
    struct listen *listen;
    struct hls *hls;
    struct front *front;
    struct apply *apply;
    struct fetcher *fetcher;
    struct relays *relays;
    struct alarms *alarms;
    struct alarm_route *alarm_route;
    struct watch watch;
    struct pulse *pulse;
    struct mono last_second;
    atomic_bool is_draining;
    struct utc started;
    int exit_code; /* when the start fails */
};

void data_path(const struct config *config, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/%s", config->data_folder, name);
}

static int complain(const char *what, enum err err)
{
    fprintf(stderr, "mast: %s: %s\n", what, err_text(err));
    return 1;
}

/* ---- starting, in order ---- */

static enum err open_folder(struct serve *serve)
{
    enum err err = io_make_folder(serve->config.data_folder);
    if (!err)
        err = io_lock(serve->config.data_folder, &serve->lock_fd);
    if (err == E_BUSY)
        fprintf(stderr, "mast: another mast runs on %s\n", serve->config.data_folder);
    else if (err)
        complain(serve->config.data_folder, err);
    return err;
}

static enum log_level level_of(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    for (int i = 0; i < 4; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum log_level)i;
    return LOG_LEVEL_INFO;
}

static enum err start_log(struct serve *serve)
{
    char access[PATH_BYTES], sessions[PATH_BYTES];
    data_path(&serve->config, "access.log", access);
    data_path(&serve->config, "sessions.jsonl", sessions);
    struct log_config config = {
        .level = level_of(serve->config.log_level),
        .access_path = serve->config.access_log ? access : NULL,
        .sessions_path = sessions,
        .clock = clock_real(),
    };
    enum err err = log_start(&config);
    serve->log_runs = !err;
    if (err)
        complain("the log", err);
    return err;
}

/* As many descriptors as may be had, before anything is opened that needs many. */
static enum err raise_descriptors(struct serve *serve)
{
    struct rlimit limit;
    (void)serve;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return OK;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_warn(EV_LIMIT, "text=\"the limit of descriptors cannot be raised: %s\"",
                 err_text(err_from_errno(errno)));
    return OK; /* with few descriptors there are few listeners */
}

/* Each listener needs a descriptor, besides what the tapes need. */
static void count_descriptors(const struct serve *serve, const struct board *board)
{
    struct rlimit limit;
    size_t needed = serve->config.listeners_max + SPARE_DESCRIPTORS;
    for (size_t i = 0; i < board->stations_count; i++)
        needed += board->stations[i].renditions_count * TAPE_DESCRIPTORS;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed)
        log_warn(EV_LIMIT,
                 "descriptors=%llu listeners_max=%u text=\"too few descriptors for so many "
                 "listeners\"",
                 (unsigned long long)limit.rlim_cur, serve->config.listeners_max);
}

static struct tape_keep keep_of(const struct config *config)
{
    return (struct tape_keep){
        .retention_s = config->retention_s,
        .disk_share_percent = config->disk_share_percent,
        .free_percent_min = FREE_PERCENT_MIN,
    };
}

static enum err start_tapes(struct serve *serve)
{
    struct tape_keep keep = keep_of(&serve->config);
    clock_wait(clock_real(), clock_newest_set(serve->config.data_folder), serve->signal_fd);
    enum err err = tape_writer_start(&keep, clock_real(), &serve->writer);
    if (!err)
        err = tape_reader_start(READER_THREADS, READER_CACHE, &serve->reader);
    if (!err)
        err = ledgers_new(serve->config.data_folder, &serve->ledgers);
    struct stage_config stage = {
        .data_folder = serve->config.data_folder,
        .writer = serve->writer,
        .children = serve->children,
        .deck_program = serve->deck_program,
        .ledgers = serve->ledgers,
    };
    if (!err)
        err = stage_new(&stage, &serve->stage);
    if (err)
        complain("the tapes", err);
    return err;
}

static enum err start_children(struct serve *serve)
{
    enum err err =
        child_program("deck", "mast-deck", serve->deck_program, sizeof serve->deck_program);
    if (err == E_NOT_FOUND) {
        /* What passes through and the loop can be heard without. The path is the last one that was
         * tried: once it is there, it is started. */
        log_error(EV_DECK,
                  "program=%s text=\"the program mast-deck is not there: what it would "
                  "make is not heard, the loop plays\"",
                  serve->deck_program);
        err = OK;
    }
    if (!err)
        err = children_start(clock_real(), &serve->children);
    if (err)
        complain("the children", err);
    return err;
}

static enum err open_board(struct serve *serve)
{
    struct buf faults;
    struct board *board = NULL;
    buf_init(&faults, 1 << 20);
    enum err err = first_board(&serve->config, serve->how->extra.document, &board, &faults);
    if (!err)
        err = stage_attach(serve->stage, board, clock_utc(clock_real()), &faults);
    if (err) {
        complain("the board", err);
        if (err == E_SYNTAX || err == E_CORRUPT || err == E_EXISTS)
            serve->exit_code = EX_CONFIG; /* only somebody's hand mends it */
        fprintf(stderr, "%.*s", STR_ARG(buf_str(&faults)));
        board_free(&board);
    } else {
        const struct serve_extra *extra = &serve->how->extra;
        if (extra->on_board)
            extra->on_board(extra->ctx, serve->stage, board);
        stage_publish(&serve->place, board, NULL, NULL);
        count_descriptors(serve, board);
    }
    buf_release(&faults);
    return err;
}

static enum err start_air(struct serve *serve)
{
    struct air_config config = {
        .clock = clock_real(),
        .place = &serve->place,
        .tape_end = stage_tape_end(serve->stage),
        .source_timeout_ms = 10000,
        .sources_max = 64,
    };
    enum err err = air_new(&config, &serve->air);
    if (!err)
        err = air_start(serve->air);
    struct loop_maker_config maker = {
        .data_folder = serve->config.data_folder,
        .children = serve->children,
        .deck_program = serve->deck_program,
        .air = serve->air,
    };
    if (!err)
        err = loop_maker_start(&maker, &serve->loop_maker);
    if (!err) /* not in a second: what was kept of an earlier life can play at once */
        loop_maker_look(serve->loop_maker, board_now(&serve->place));
    if (err)
        complain("the air", err);
    return err;
}

/* One for each core that this process may use: two loops on one core only take turns. */
static unsigned loops_wanted(const struct config *config)
{
    cpu_set_t set;
    if (config->loops > 0)
        return config->loops;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int cores = CPU_COUNT(&set);
    return cores > LOOPS_MAX ? LOOPS_MAX : (unsigned)cores;
}

static enum err make_rooms(struct serve *serve)
{
    enum err err = loops_new(loops_wanted(&serve->config), clock_real(), &serve->loops);
    struct listen_config listen_config = {
        .loops = serve->loops,
        .place = &serve->place,
        .clock = air_clock(serve->air),
        .reader = serve->reader,
        .listeners_max = serve->config.listeners_max,
        .burst_ms = serve->config.burst_ms,
        .lag_ms = 20000,
        .server_name = SERVER_NAME,
        .public_url = serve->public_url,
    };
    if (!err)
        err = listen_new(&listen_config, &serve->listen);
    struct hls_config hls_config = {
        .loops = serve->loops,
        .place = &serve->place,
        .clock = air_clock(serve->air),
        .reader = serve->reader,
        .listen = serve->listen,
        .data_folder = serve->config.data_folder,
    };
    if (!err)
        err = hls_new(&hls_config, &serve->hls);
    if (!err)
        err = hls_set(serve->hls, board_now(&serve->place));
    struct front_config front_config = {
        .clock = air_clock(serve->air),
        .place = &serve->place,
        .air = serve->air,
        .listen = serve->listen,
        .started = serve->started,
        .server_id = SERVER_NAME,
        .public_url = serve->public_url,
        .host_name = serve->config.host_name,
        .location = serve->config.location,
        .admin_contact = serve->config.admin_contact,
        .data_folder = serve->config.data_folder,
        .is_draining = &serve->is_draining,
    };
    if (!err)
        err = front_new(&front_config, &serve->front);
    if (!err)
        err = apply_new(serve->work, &serve->apply);
    if (!err)
        err = alarm_route_new(serve->work, &serve->alarm_route);
    if (err)
        complain("starting", err);
    return err;
}

/* The one table of everything that can be asked for. */
static enum err make_server(struct serve *serve)
{
    struct http_route routes[FRONT_ROUTES_MAX + 4];
    struct http_config config;
    size_t count = front_routes(serve->front, routes);
    routes[count++] = (struct http_route){
        .path = "/hls/*",
        .methods = HTTP_GET,
        .handler = hls_on_request,
        .ctx = serve->hls,
        .cors = true,
    };
    routes[count++] = (struct http_route){
        .path = "*",
        .methods = HTTP_GET,
        .handler = listen_on_mount,
        .ctx = serve->listen,
        .takes_over = true,
        .cors = true,
    };
    routes[count++] = (struct http_route){
        .path = "*",
        .methods = HTTP_PUT | HTTP_SOURCE,
        .handler = air_on_login,
        .ctx = serve->air,
        .takes_over = true,
    };
    http_config_init(&config);
    config.loops = serve->loops;
    config.routes = routes;
    config.routes_count = count;
    config.on_password = air_on_password;
    config.on_password_ctx = serve->air;
    config.server_name = SERVER_NAME;
    config.unfinished_per_address_max = serve->config.unfinished_per_address_max;
    config.access_log = serve->config.access_log;
    enum err err = http_server_new(&config, &serve->server);
    if (!err)
        front_set_server(serve->front, serve->server);
    return err;
}

static enum err listen_legacy(struct serve *serve, struct addr addr)
{
    addr.port++;
    enum err err = http_listen(serve->server, &addr, NULL);
    if (err)
        log_warn(EV_LISTEN_ON, "port=%u text=\"no SHOUTcast sources here: the port is %s\"",
                 addr.port, err_text(err));
    return OK; /* a station without it is a station */
}

static enum err listen_on(struct serve *serve, const char *text)
{
    struct addr addr, bound;
    enum err err = addr_parse(str_of(text), &addr);
    if (!err)
        err = http_listen(serve->server, &addr, &bound);
    if (err) {
        fprintf(stderr, "mast: %s: %s\n", text,
                err == E_BUSY ? "another program has this address" : err_text(err));
        return err;
    }
    if (serve->first.port == 0)
        serve->first = bound;
    log_info(EV_LISTEN_ON, "address=%s port=%u", text, bound.port);
    return serve->config.shoutcast ? listen_legacy(serve, bound) : OK;
}

static enum err open_control(struct serve *serve)
{
    char path[PATH_BYTES];
    struct http_route routes[FRONT_ROUTES_MAX + 2];
    size_t count = front_control_routes(serve->front, routes);
    routes[count++] = apply_route(serve->apply);
    routes[count++] = alarm_route_get(serve->alarm_route);
    data_path(&serve->config, "control.sock", path);
    enum err err = http_listen_unix(serve->server, path, routes, count);
    if (err)
        complain(path, err);
    return err;
}

/* Without public_url all addresses are loopback ones (config_check), and the first one serves. */
static void set_public_url(struct serve *serve)
{
    char host[ADDR_BYTES];
    struct str given = str_of(serve->config.public_url);
    addr_format(&serve->first, host);
    if (given.len > 0)
        str_copy(serve->public_url, sizeof serve->public_url, given);
    else
        snprintf(serve->public_url, sizeof serve->public_url,
                 addr_is_v4(&serve->first) ? "http://%s:%u" : "http://[%s]:%u", host,
                 serve->first.port);
}

static enum err open_addresses(struct serve *serve)
{
    enum err err = make_server(serve);
    if (err) {
        complain("the server", err);
        return err;
    }
    for (size_t i = 0; i < serve->config.listen_count && !err; i++)
        err = listen_on(serve, serve->config.listen[i]);
    if (err)
        return err;
    set_public_url(serve);
    front_set_port(serve->front, serve->first.port);
    return open_control(serve);
}

/* What is fetched from elsewhere. */
static enum err start_relays(struct serve *serve)
{
    enum err err = fetcher_start(clock_real(), SERVER_NAME, &serve->fetcher);
    if (!err)
        err = relays_new(serve->air, serve->fetcher, &serve->relays);
    if (!err)
        err = relays_set(serve->relays, board_now(&serve->place));
    if (err)
        complain("the relays", err);
    return err;
}

/* The addresses are open by now, so that messages can name them. */
static enum err start_alarms(struct serve *serve)
{
    const struct config *c = &serve->config;
    struct alarm_config config = {
        .clock = clock_real(),
        .fetcher = serve->fetcher,
        .station_url = serve->public_url,
        .webhook = c->alarm_webhook,
        .webhook_is_private = c->alarm_webhook_private,
        .mail_server = c->alarm_mail_server,
        .mail_user = c->alarm_mail_user,
        .mail_password = c->alarm_mail_password,
        .mail_from = c->alarm_mail_from,
        .mail_to = c->alarm_mail_to,
        .ca_file = c->alarm_ca_file,
        .repeat_s = c->alarm_repeat_s,
    };
    enum err err = alarms_new(&config, &serve->alarms);
    if (err) {
        complain("the alarms", err);
        return err;
    }
    alarm_route_start(serve->alarm_route, serve->alarms);
    serve->watch = (struct watch){
        .alarms = serve->alarms,
        .front = serve->front,
        .place = &serve->place,
        .clock = air_clock(serve->air),
    };
    return OK;
}

static enum err start_loops(struct serve *serve)
{
    struct apply_config config = {
        .place = &serve->place,
        .stage = serve->stage,
        .loops = serve->loops,
        .air = serve->air,
        .relays = serve->relays,
        .hls = serve->hls,
    };
    data_path(&serve->config, "board.json", config.board_path);
    apply_start(serve->apply, &config);
    enum err err = loops_start(serve->loops);
    if (!err)
        err = listen_start(serve->listen);
    if (!err)
        err = hls_start(serve->hls);
    if (!err)
        err = ledgers_start(serve->ledgers);
    struct pulse_config pulse = {
        .loops = serve->loops,
        .air = serve->air,
        .place = &serve->place,
        .listen = serve->listen,
    };
    if (!err)
        err = pulse_start(&pulse, &serve->pulse);
    if (err)
        complain("the loops", err);
    return err;
}

/* ---- running ---- */

static void reload(struct serve *serve)
{
    struct config next;
    struct buf faults;
    buf_init(&faults, 1 << 20);
    config_init(&next);
    enum err err = OK;
    if (serve->how->config_path)
        err = config_load(serve->how->config_path, &next, &faults);
    if (!err)
        err = config_check(serve->how->config_path, &next, &faults);
    log_reopen();
    if (err) {
        struct str rest = buf_str(&faults), line;
        while (rest.len > 0) {
            struct log_text text;
            str_cut(&rest, '\n', &line);
            log_error(EV_RELOAD, "text=%s", log_text(&text, line));
        }
        log_error(EV_RELOAD, "text=\"the configuration is as it was\"");
    } else if (serve->how->config_path) {
        struct tape_keep keep = keep_of(&next);
        tape_writer_set_keep(serve->writer, &keep);
        serve->config.retention_s = next.retention_s;
        serve->config.disk_share_percent = next.disk_share_percent;
        log_info(EV_RELOAD, "text=\"retention and disk share hold now; addresses, folders, loops "
                            "and limits at the next start\"");
    }
    buf_release(&faults);
}

/* Returns false when the program is to end. */
static bool on_signal(struct serve *serve)
{
    struct signalfd_siginfo info;
    if (read(serve->signal_fd, &info, sizeof info) != sizeof info)
        return true;
    if (info.ssi_signo == SIGHUP) {
        reload(serve);
        return true;
    }
    log_info(EV_DRAIN, "signal=%u", info.ssi_signo);
    return false;
}

static void every_second(struct serve *serve)
{
    struct mono now = clock_mono(clock_real());
    if (now.us - serve->last_second.us < US_PER_S)
        return; /* a job or a signal came in between */
    serve->last_second = now;
    watch_second(&serve->watch);
    listen_poll_sweep(serve->listen);
    loop_maker_look(serve->loop_maker, board_now(&serve->place));
    alarms_tick(serve->alarms);
}

static void run(struct serve *serve)
{
    struct pollfd fds[2] = {{serve->signal_fd, POLLIN, 0}, {work_fd(serve->work), POLLIN, 0}};
    for (;;) {
        int ready = poll(fds, 2, 1000);
        if (ready < 0 && errno != EINTR)
            return;
        every_second(serve);
        if (ready <= 0)
            continue;
        if (fds[1].revents)
            work_run(serve->work);
        if (fds[0].revents && !on_signal(serve))
            return;
    }
}

static bool is_empty(const struct serve *serve)
{
    return listen_count(serve->listen) == 0 && air_stats(serve->air).sources_now == 0 &&
           http_stats(serve->server).open_count == 0;
}

static void drain(struct serve *serve)
{
    notify_stopping();
    atomic_store(&serve->is_draining, true);
    http_drain(serve->server);
    listen_drain(serve->listen);
    air_drain(serve->air);
    struct pollfd jobs = {work_fd(serve->work), POLLIN, 0};
    int64_t until_us = clock_mono(clock_real()).us + DRAIN_MS * US_PER_MS;
    while (clock_mono(clock_real()).us < until_us && !is_empty(serve))
        if (poll(&jobs, 1, 20) > 0) /* what is asked for on a connection that was there before */
            work_run(serve->work);
}

/* ---- stopping, in reverse ---- */

static void stop(struct serve *serve)
{
    hls_stop(serve->hls);
    relays_free(&serve->relays);
    alarms_free(&serve->alarms); /* a test that is under way is answered by a loop */
    fetcher_stop(&serve->fetcher);
    if (serve->loops)
        loops_stop(serve->loops);
    pulse_free(&serve->pulse);
    loop_maker_stop(&serve->loop_maker);
    if (serve->air)
        air_stop(serve->air);
    http_server_free(&serve->server);
    apply_free(&serve->apply);
    alarm_route_free(&serve->alarm_route);
    front_free(&serve->front);
    if (serve->reader)
        tape_reader_stop(&serve->reader);
    hls_free(&serve->hls);
    listen_free(&serve->listen);
    air_free(&serve->air);
    loops_free(&serve->loops);
    struct board *board = (struct board *)atomic_exchange(&serve->place.now, NULL);
    board_free(&board);
    ledgers_stop(&serve->ledgers, clock_utc(clock_real()));
    stage_free(&serve->stage);
    if (serve->children)
        children_stop(&serve->children);
    if (serve->writer)
        tape_writer_stop(&serve->writer);
    work_free(&serve->work);
    if (serve->log_runs) {
        log_info(EV_STOP, "version=%s", MAST_VERSION);
        log_stop();
    }
    if (serve->lock_fd >= 0)
        io_close(&serve->lock_fd);
    if (serve->signal_fd >= 0)
        close(serve->signal_fd);
}

static enum err block_signals(struct serve *serve)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    signal(SIGPIPE, SIG_IGN);
    /* Blocked in this thread and so in all that it starts: only the descriptor sees them. */
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return E_IO;
    serve->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    return serve->signal_fd >= 0 ? OK : E_LIMIT;
}

static enum err start(struct serve *serve)
{
    static enum err (*const steps[])(struct serve *) = {
        block_signals, open_folder,  start_log,   raise_descriptors, start_children,
        start_tapes,   open_board,   start_air,   make_rooms,        open_addresses,
        start_relays,  start_alarms, start_loops,
    };
    enum err err = work_new(&serve->work);
    for (size_t i = 0; i < sizeof steps / sizeof *steps && !err; i++)
        err = steps[i](serve);
    return err;
}

int serve_run(const struct serve_config *how)
{
    struct serve *serve = mem_new(sizeof *serve);
    if (!serve)
        return complain("starting", E_NOMEM);
    serve->how = how;
    serve->config = how->config;
    serve->lock_fd = serve->signal_fd = -1;
    serve->exit_code = 1;
    serve->started = clock_utc(clock_real());
    enum err err = start(serve);
    if (!err) {
        log_info(EV_START, "version=%s url=%s data=%s", MAST_VERSION, serve->public_url,
                 serve->config.data_folder);
        notify_ready();
        if (how->extra.on_up)
            how->extra.on_up(how->extra.ctx, serve->public_url);
        run(serve);
        drain(serve);
    }
    stop(serve);
    int code = err ? serve->exit_code : 0;
    mem_free(serve);
    return code;
}
