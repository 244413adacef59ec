/* hls/hls.c - the room as a whole; contract in hls.h */
#include "hls/hls_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <stdio.h>
#include <time.h>

static void lock_init(struct hls *hls)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr) ||
                 pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
                 pthread_cond_init(&hls->more, &attr) || pthread_mutex_init(&hls->lock, NULL);
    assert(!failed);
    pthread_condattr_destroy(&attr);
}

static enum err on_name(void *ctx, const char *name)
{
    (void)ctx;
    (void)name;
    return OK;
}

static enum err look_for_folder(struct hls *hls)
{
    char folder[1024];
    int length = snprintf(folder, sizeof folder, "%s/hls", hls->config.data_folder);
    if (length < 0 || (size_t)length >= sizeof folder)
        return E_TOO_LONG;
    hls->is_first = io_list(folder, on_name, NULL) == E_NOT_FOUND;
    return OK;
}

enum err hls_new(const struct hls_config *config, struct hls **out)
{
    unsigned count = loops_count(config->loops);
    struct hls *hls = *out = mem_new(sizeof *hls + count * sizeof hls->racks[0]);
    if (!hls)
        return E_NOMEM;
    hls->config = *config;
    hls->asks_end = &hls->asks;
    hls->racks_count = count;
    lock_init(hls);
    for (unsigned i = 0; i < count; i++) {
        hls->racks[i].hls = hls;
        hls->racks[i].loop = loops_at(config->loops, i);
    }
    enum err err = look_for_folder(hls);
    if (err)
        hls_free(out);
    return err;
}

void hls_free(struct hls **out)
{
    struct hls *hls = *out;
    *out = NULL;
    if (!hls)
        return;
    assert(!hls->has_lister);
    for (unsigned i = 0; i < hls->racks_count; i++)
        rack_release(&hls->racks[i]);
    for (size_t i = 0; i < hls->stations_count; i++)
        hls_station_free(&hls->stations[i]);
    while (hls->entries) {
        struct lister_entry *entry = hls->entries;
        hls->entries = entry->next;
        mem_free(entry);
    }
    pthread_cond_destroy(&hls->more);
    pthread_mutex_destroy(&hls->lock);
    mem_free(hls);
}

static void on_rack_start(struct loop_job *job)
{
    rack_start((struct rack *)((char *)job - offsetof(struct rack, started)));
}

enum err hls_start(struct hls *hls)
{
    for (unsigned i = 0; i < hls->racks_count; i++) {
        hls->racks[i].started.run = on_rack_start;
        loop_post(hls->racks[i].loop, &hls->racks[i].started);
    }
    if (pthread_create(&hls->lister, NULL, lister_run, hls))
        return E_LIMIT;
    hls->has_lister = true;
    return OK;
}

void hls_stop(struct hls *hls)
{
    if (!hls || !hls->has_lister)
        return;
    pthread_mutex_lock(&hls->lock);
    hls->is_stopping = true;
    pthread_cond_signal(&hls->more);
    pthread_mutex_unlock(&hls->lock);
    pthread_join(hls->lister, NULL);
    hls->has_lister = false;
    pthread_mutex_lock(&hls->lock);
    while (hls->issues_count > 0)
        pthread_cond_wait(&hls->more, &hls->lock);
    pthread_mutex_unlock(&hls->lock);
}

/* ---- the board ---- */

static enum err entry_add(struct lister_entry **list, const struct board_station *station,
                          const struct board_rendition *rendition)
{
    struct lister_entry *entry = mem_new(sizeof *entry);
    if (!entry)
        return E_NOMEM;
    str_copy(entry->station, sizeof entry->station, str_of(station->slug));
    str_copy(entry->rendition, sizeof entry->rendition, str_of(rendition->slug));
    entry->tape = rendition->live.tape;
    entry->bitrate_bps = rendition->bitrate_bps;
    entry->next = *list;
    *list = entry;
    return OK;
}

enum err hls_set(struct hls *hls, const struct board *board)
{
    struct lister_entry *list = NULL, **end = &list;
    enum err err = OK;
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->renditions_count && !err; j++)
            if (station->renditions[j].codec == CODEC_AAC)
                err = entry_add(&list, station, &station->renditions[j]);
    }
    while (*end)
        end = &(*end)->next;
    pthread_mutex_lock(&hls->lock);
    *end = hls->entries;
    hls->entries = list;
    pthread_cond_signal(&hls->more);
    pthread_mutex_unlock(&hls->lock);
    return err;
}
