/* main/demo.c - contract in demo.h */
#include "main/demo.h"

#include "base/crypto.h"
#include "base/log.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BEDS_COUNT 2

static const struct bed {
    const char *station, *name, *description, *genre, *sound;
} beds[BEDS_COUNT] = {
    {"fairhaven-news", "Fairhaven News", "News and talk from the harbour of Fairhaven", "News",
     "news"},
    {"fairhaven-classical", "Fairhaven Classical", "Quiet music from the hall on the hill",
     "Classical", "classical"},
};

struct demo {
    char program[PATH_BYTES]; /* mast-demo */
    char url[300];
    char keys[BEDS_COUNT][KEY_TEXT_BYTES];
    pid_t children[BEDS_COUNT];
    struct buf document;
    bool is_up;
};

/* ---- the board ---- */

static void add_station(struct buf *out, const struct bed *bed, const char *key)
{
    buf_printf(out,
               "{\"slug\":\"%s\",\"name\":\"%s\",\"description\":\"%s\",\"genre\":\"%s\","
               "\"timezone\":\"America/New_York\",\"renditions\":[{\"slug\":\"mp3-128\","
               "\"codec\":\"mp3\",\"bitrate\":128000}],"
               "\"sources\":[{\"user\":\"generator\",\"mount\":\"/%s-in\",\"key\":\"%s\"},"
               "{\"user\":\"source\",\"mount\":\"/%s\"}]}",
               bed->station, bed->name, bed->description, bed->genre, bed->station, key,
               bed->station);
}

static enum err make_document(struct demo *demo)
{
    buf_init(&demo->document, 65536);
    buf_add(&demo->document, STR("{\"stations\":["));
    for (int i = 0; i < BEDS_COUNT; i++) {
        key_generate(demo->keys[i]);
        if (i > 0)
            buf_add_char(&demo->document, ',');
        add_station(&demo->document, &beds[i], demo->keys[i]);
    }
    buf_add(&demo->document, STR("]}"));
    return buf_err(&demo->document);
}

/* ---- the children ---- */

/* Beside this program when it is installed, in ../demo when it was just built. */
static bool find_program(struct demo *demo)
{
    static const char *const places[] = {"%s/mast-demo", "%s/../demo/mast-demo",
                                         "%s/../lib/mast/mast-demo"};
    char self[PATH_BYTES / 2];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    if (len <= 0)
        return false;
    self[len] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash)
        return false;
    *slash = '\0';
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        /* the format is one of three literals above */
        const char *tail = places[i] + 2;
        snprintf(demo->program, sizeof demo->program, "%s%s", self, tail);
        if (access(demo->program, X_OK) == 0)
            return true;
    }
    return false;
}

static pid_t start_child(const struct demo *demo, int index)
{
    char mount[420], key[64];
    snprintf(mount, sizeof mount, "%s/%s-in", demo->url, beds[index].station);
    snprintf(key, sizeof key, "MAST_KEY=%s", demo->keys[index]);
    char *args[] = {(char *)demo->program,     "--url", mount, "--user", "generator", "--bed",
                    (char *)beds[index].sound, NULL};
    char *env[] = {key, "PATH=/usr/bin:/bin", NULL};
    posix_spawnattr_t attr;
    sigset_t none;
    pid_t pid = 0;
    sigemptyset(&none);
    if (posix_spawnattr_init(&attr) != 0)
        return 0;
    /* The station blocks its signals; a child must be able to be ended. */
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
    int failed = posix_spawn(&pid, demo->program, NULL, &attr, args, env);
    posix_spawnattr_destroy(&attr);
    if (failed) {
        log_error(EV_CHILD, "program=%s text=\"cannot be started: %s\"", demo->program,
                  err_text(err_from_errno(failed)));
        return 0;
    }
    log_info(EV_CHILD, "program=mast-demo station=%s pid=%d", beds[index].station, (int)pid);
    return pid;
}

static void on_second(void *ctx)
{
    struct demo *demo = ctx;
    for (int i = 0; i < BEDS_COUNT && demo->is_up; i++) {
        int status;
        if (demo->children[i] > 0 && waitpid(demo->children[i], &status, WNOHANG) == 0)
            continue;
        demo->children[i] = start_child(demo, i);
    }
}

static void on_up(void *ctx, const char *url)
{
    struct demo *demo = ctx;
    str_copy(demo->url, sizeof demo->url, str_of(url));
    demo->is_up = true;
    on_second(demo);
    printf("\nThe demonstration stations are on the air. Ctrl-C stops them.\n\n  %s/\n\n", url);
    fflush(stdout);
}

static void on_down(void *ctx)
{
    struct demo *demo = ctx;
    demo->is_up = false;
    for (int i = 0; i < BEDS_COUNT; i++) {
        if (demo->children[i] <= 0)
            continue;
        kill(demo->children[i], SIGTERM);
        while (waitpid(demo->children[i], NULL, 0) < 0 && errno == EINTR)
            continue;
        demo->children[i] = 0;
    }
}

int demo_run(struct serve_config *serve, uint16_t port)
{
    struct demo demo = {0};
    if (!find_program(&demo)) {
        fprintf(stderr, "mast: the program mast-demo is not there; build it with libmp3lame-dev\n");
        return 1;
    }
    if (make_document(&demo) != OK) {
        fprintf(stderr, "mast: %s\n", err_text(E_NOMEM));
        return 1;
    }
    snprintf(serve->config.listen[0], sizeof serve->config.listen[0], "127.0.0.1:%u", port);
    serve->config.listen_count = 1;
    serve->config.retention_s = 6 * 3600;
    str_copy(serve->config.log_level, sizeof serve->config.log_level, STR("warn"));
    serve->extra = (struct serve_extra){
        .ctx = &demo,
        .on_up = on_up,
        .on_second = on_second,
        .on_down = on_down,
        .document = demo.document.ptr,
    };
    int code = serve_run(serve);
    buf_release(&demo.document);
    return code;
}
