/* main/work.c - contract in work.h */
#include "main/work.h"

#include "base/mem.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct work {
    pthread_mutex_t lock; /* guards the list */
    struct work_job *first, **last;
    int fd;
};

enum err work_new(struct work **out)
{
    struct work *work = *out = mem_new(sizeof *work);
    if (!work)
        return E_NOMEM;
    int failed = pthread_mutex_init(&work->lock, NULL);
    assert(!failed);
    work->last = &work->first;
    work->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (work->fd >= 0)
        return OK;
    work_free(out);
    return E_LIMIT;
}

void work_free(struct work **work)
{
    if (!*work)
        return;
    if ((*work)->fd >= 0)
        close((*work)->fd);
    int failed = pthread_mutex_destroy(&(*work)->lock);
    assert(!failed);
    mem_free(*work);
    *work = NULL;
}

void work_push(struct work *work, struct work_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&work->lock);
    *work->last = job;
    work->last = &job->next;
    pthread_mutex_unlock(&work->lock);
    uint64_t one = 1;
    ssize_t wrote = write(work->fd, &one, sizeof one);
    assert(wrote == sizeof one); /* an eventfd takes 2^64 - 2 of them */
}

int work_fd(const struct work *work)
{
    return work->fd;
}

void work_run(struct work *work)
{
    uint64_t count;
    if (read(work->fd, &count, sizeof count) < 0)
        return;
    pthread_mutex_lock(&work->lock);
    struct work_job *job = work->first;
    work->first = NULL;
    work->last = &work->first;
    pthread_mutex_unlock(&work->lock);
    while (job) {
        struct work_job *next = job->next;
        job->run(job);
        job = next;
    }
}
