/* main/work.h - jobs that loops hand to the control thread, since they may wait for a disk.
 *
 *     loop --work_push--> [ queue ] --control thread--> run(job) --loop_post--> the loop answers
 */
#ifndef MAST_MAIN_WORK_H
#define MAST_MAIN_WORK_H

#include "base/err.h"

struct work; /* private: work.c */

struct work_job {
    void (*run)(struct work_job *job); /* on the control thread */
    struct work_job *next;
};

MUST_USE enum err work_new(struct work **out);
void work_free(struct work **work);

void work_push(struct work *work, struct work_job *job); /* Thread: any; never waits for long */

/* The descriptor that is readable while there are jobs.   Thread: control. */
int work_fd(const struct work *work);

/* Runs all jobs that are there.   Thread: control. */
void work_run(struct work *work);

#endif
