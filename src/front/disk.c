/* front/disk.c - contract in disk_priv.h */
#include "front/disk_priv.h"

#include "base/io.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#define EVERY_S 15

struct disk_watch {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool ends;                                /* guarded by lock */
    _Atomic uint64_t free_bytes, total_bytes; /* total 0 = not known */
    char folder[512];
};

static void look(struct disk_watch *watch)
{
    uint64_t free_bytes = 0, total_bytes = 0;
    if (io_free_bytes(watch->folder, &free_bytes, &total_bytes) != OK)
        free_bytes = total_bytes = 0;
    atomic_store(&watch->free_bytes, free_bytes);
    atomic_store(&watch->total_bytes, total_bytes);
}

static void *watch_main(void *ctx)
{
    struct disk_watch *watch = ctx;
    pthread_mutex_lock(&watch->lock);
    while (!watch->ends) {
        pthread_mutex_unlock(&watch->lock);
        look(watch);
        pthread_mutex_lock(&watch->lock);
        struct mono now = clock_mono(clock_real());
        struct timespec until = {.tv_sec = now.us / US_PER_S + EVERY_S};
        if (!watch->ends)
            pthread_cond_timedwait(&watch->wake, &watch->lock, &until);
    }
    pthread_mutex_unlock(&watch->lock);
    return NULL;
}

enum err disk_watch_start(const char *folder, struct disk_watch **out)
{
    struct disk_watch *watch = *out = mem_new(sizeof *watch);
    pthread_condattr_t attributes;
    if (!watch)
        return E_NOMEM;
    str_copy(watch->folder, sizeof watch->folder, str_of(folder));
    int failed = pthread_mutex_init(&watch->lock, NULL) || pthread_condattr_init(&attributes) ||
                 pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) ||
                 pthread_cond_init(&watch->wake, &attributes) ||
                 pthread_condattr_destroy(&attributes);
    assert(!failed);
    failed = pthread_create(&watch->thread, NULL, watch_main, watch);
    if (!failed) {
        pthread_setname_np(watch->thread, "disk");
        return OK;
    }
    pthread_cond_destroy(&watch->wake);
    pthread_mutex_destroy(&watch->lock);
    mem_free(watch);
    *out = NULL;
    return E_LIMIT;
}

void disk_watch_stop(struct disk_watch **watch)
{
    struct disk_watch *w = *watch;
    *watch = NULL;
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ends = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    mem_free(w);
}

bool disk_watch_get(const struct disk_watch *watch, uint64_t *free_bytes, uint64_t *total_bytes)
{
    *free_bytes = watch ? atomic_load(&watch->free_bytes) : 0;
    *total_bytes = watch ? atomic_load(&watch->total_bytes) : 0;
    return *total_bytes > 0;
}
