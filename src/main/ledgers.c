/* main/ledgers.c - contract in ledgers.h */
#include "main/ledgers.h"

#include "air/ledger_file.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#define PATH_BYTES 768

struct kept {
    struct kept *next;
    struct ledger_file *file;
};

struct ledgers {
    char folder[PATH_BYTES];
    pthread_t thread;
    bool is_running;

    pthread_mutex_t lock; /* guards what follows; never held while a disk is waited for */
    pthread_cond_t changed;
    bool must_stop;
    struct kept *first; /* only ever grows, in front, while the thread runs */
};

enum err ledgers_new(const char *data_folder, struct ledgers **out)
{
    struct ledgers *ledgers = *out = mem_new(sizeof *ledgers);
    pthread_condattr_t attr;
    if (!ledgers)
        return E_NOMEM;
    snprintf(ledgers->folder, sizeof ledgers->folder, "%s/air", data_folder);
    int failed = pthread_mutex_init(&ledgers->lock, NULL) || pthread_condattr_init(&attr);
    assert(!failed);
    failed = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
             pthread_cond_init(&ledgers->changed, &attr);
    assert(!failed);
    pthread_condattr_destroy(&attr);
    return OK;
}

enum err ledgers_add(struct ledgers *ledgers, const char *slug, struct air_station *station,
                     struct utc now, struct utc sound_end)
{
    struct kept *kept = mem_new(sizeof *kept);
    if (!kept)
        return E_NOMEM;
    enum err err = ledger_file_open(ledgers->folder, slug, station, &kept->file);
    if (err) {
        mem_free(kept);
        return err;
    }
    if (!ledgers->is_running)
        ledger_file_begin(kept->file, "mast started", now, sound_end);
    else if (ledger_file_has_past(kept->file))
        ledger_file_begin(kept->file, "it was added again", now, sound_end);
    pthread_mutex_lock(&ledgers->lock);
    kept->next = ledgers->first;
    ledgers->first = kept;
    pthread_mutex_unlock(&ledgers->lock);
    return OK;
}

static void write_all(struct kept *first)
{
    for (struct kept *kept = first; kept; kept = kept->next)
        ledger_file_write(kept->file);
}

static void *run(void *ctx)
{
    struct ledgers *ledgers = ctx;
    struct timespec next;
    pthread_mutex_lock(&ledgers->lock);
    while (!ledgers->must_stop) {
        struct kept *first = ledgers->first;
        pthread_mutex_unlock(&ledgers->lock);
        write_all(first);
        clock_gettime(CLOCK_MONOTONIC, &next);
        next.tv_sec++;
        pthread_mutex_lock(&ledgers->lock);
        while (!ledgers->must_stop &&
               pthread_cond_timedwait(&ledgers->changed, &ledgers->lock, &next) != ETIMEDOUT)
            continue;
    }
    pthread_mutex_unlock(&ledgers->lock);
    return NULL;
}

enum err ledgers_start(struct ledgers *ledgers)
{
    if (pthread_create(&ledgers->thread, NULL, run, ledgers) != 0)
        return E_LIMIT;
    pthread_setname_np(ledgers->thread, "ledgers");
    ledgers->is_running = true;
    return OK;
}

static void end_thread(struct ledgers *ledgers)
{
    pthread_mutex_lock(&ledgers->lock);
    ledgers->must_stop = true;
    pthread_cond_signal(&ledgers->changed);
    pthread_mutex_unlock(&ledgers->lock);
    int failed = pthread_join(ledgers->thread, NULL);
    assert(!failed);
}

void ledgers_stop(struct ledgers **ledgers, struct utc now)
{
    struct ledgers *l = *ledgers;
    *ledgers = NULL;
    if (!l)
        return;
    if (l->is_running)
        end_thread(l);
    while (l->first) {
        struct kept *kept = l->first;
        l->first = kept->next;
        if (l->is_running) {
            ledger_file_end(kept->file, now);
            ledger_file_write(kept->file);
        }
        ledger_file_close(&kept->file);
        mem_free(kept);
    }
    pthread_cond_destroy(&l->changed);
    pthread_mutex_destroy(&l->lock);
    mem_free(l);
}
