/* main/demo.c - contract in demo.h */
#include "main/demo.h"

#include "base/log.h"
#include "program/board.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define BEDS_COUNT 2
#define CLOSE_US   (500 * US_PER_MS) /* so much may be missing when the air starts */

static const struct bed {
    const char *station, *name, *description, *genre;
    uint8_t bed; /* child/deck.h */
} beds[BEDS_COUNT] = {
    {"fairhaven-news", "Fairhaven News", "News and talk from the harbour of Fairhaven", "News", 0},
    {"fairhaven-classical", "Fairhaven Classical", "Quiet music from the hall on the hill",
     "Classical", 1},
};

/* ---- the board ---- */

static bool is_ours(const struct board_station *station)
{
    for (int i = 0; i < BEDS_COUNT; i++)
        if (strcmp(station->slug, beds[i].station) == 0)
            return true;
    return false;
}

/* The demonstration keeps few hours of every tape that it finds: those of a real station would be
 * gone within a minute. */
static enum err check_board(const struct config *config)
{
    char path[PATH_BYTES];
    struct board *board;
    struct buf faults;
    buf_init(&faults, 1 << 16);
    data_path(config, "board.json", path);
    enum err err = board_load(path, &board, &faults);
    if (err == E_NOT_FOUND)
        err = OK;
    else if (err)
        fprintf(stderr, "mast: %s: %s\n", path, err_text(err));
    for (size_t i = 0; board && i < board->stations_count && !err; i++) {
        if (is_ours(&board->stations[i]))
            continue;
        fprintf(stderr,
                "mast: %s holds the station %s; a demonstration needs a folder of its own\n",
                config->data_folder, board->stations[i].slug);
        err = E_EXISTS;
    }
    board_free(&board);
    buf_release(&faults);
    return err;
}

static enum err make_document(struct buf *out)
{
    buf_add(out, STR("{\"stations\":["));
    for (int i = 0; i < BEDS_COUNT; i++) {
        const struct bed *bed = &beds[i];
        buf_printf(out,
                   "%s{\"slug\":\"%s\",\"name\":\"%s\",\"description\":\"%s\","
                   "\"genre\":\"%s\",\"timezone\":\"America/New_York\",\"renditions\":["
                   "{\"slug\":\"mp3-128\",\"codec\":\"mp3\",\"bitrate\":128000},"
                   "{\"slug\":\"aac-96\",\"codec\":\"aac\",\"bitrate\":96000}],"
                   "\"sources\":[{\"user\":\"source\",\"mount\":\"/%s\"}]}",
                   i > 0 ? "," : "", bed->station, bed->name, bed->description, bed->genre,
                   bed->station);
    }
    buf_add(out, STR("]}"));
    return buf_err(out);
}

/* ---- the quarter of an hour before ---- */

struct backfill {
    int64_t past_us;
    const struct channel *deck;
    const struct board_station *station;
};

/* Filling takes some seconds, in which time goes on: fills until what is missing is next to
 * nothing, and the air goes on from there. */
static void *fill(void *ctx)
{
    const struct backfill *what = ctx;
    struct utc from = {clock_utc(clock_real()).us - what->past_us}, end = from;
    for (int round = 0; round < 5; round++) {
        struct utc now = clock_utc(clock_real());
        if (now.us - end.us < CLOSE_US)
            break;
        enum err err = air_backfill(what->deck, clock_real(), what->station, from, now);
        if (err) {
            log_error(EV_DECK, "station=%s text=\"the past cannot be made: %s\"",
                      what->station->slug, err_text(err));
            break;
        }
        end = now;
    }
    return NULL;
}

static void on_board(void *ctx, struct stage *stage, struct board *board)
{
    struct backfill work[BEDS_COUNT];
    pthread_t threads[BEDS_COUNT];
    bool runs[BEDS_COUNT] = {false};
    const unsigned *past_min = ctx;
    for (int i = 0; i < BEDS_COUNT; i++) {
        work[i].past_us = *past_min * 60 * US_PER_S;
        work[i].station = board_station_find(board, str_of(beds[i].station));
        work[i].deck = stage_deck(stage, beds[i].station);
        if (!work[i].station || !work[i].deck)
            continue;
        air_station_bed(work[i].station->air, beds[i].bed, true);
        runs[i] = pthread_create(&threads[i], NULL, fill, &work[i]) == 0;
    }
    for (int i = 0; i < BEDS_COUNT; i++)
        if (runs[i])
            pthread_join(threads[i], NULL);
}

static void on_up(void *ctx, const char *url)
{
    (void)ctx;
    printf("\nThe demonstration stations are on the air. Ctrl-C stops them.\n\n  %s/\n\n", url);
    fflush(stdout);
}

int demo_run(struct serve_config *serve, uint16_t port, unsigned past_min)
{
    struct buf document;
    if (check_board(&serve->config) != OK)
        return 1;
    buf_init(&document, 65536);
    if (make_document(&document) != OK) {
        fprintf(stderr, "mast: %s\n", err_text(E_NOMEM));
        return 1;
    }
    snprintf(serve->config.listen[0], sizeof serve->config.listen[0], "127.0.0.1:%u", port);
    serve->config.listen_count = 1;
    serve->config.retention_s = 6 * 3600;
    str_copy(serve->config.log_level, sizeof serve->config.log_level, STR("warn"));
    serve->extra = (struct serve_extra){
        .ctx = &past_min,
        .on_up = on_up,
        .on_board = on_board,
        .document = document.ptr,
    };
    int code = serve_run(serve);
    buf_release(&document);
    return code;
}
