/* hls/rack.c - what a loop has at hand, and who waits there; contract in hls_priv.h */
#include "hls/hls_priv.h"

#include "base/log.h"
#include "base/mem.h"

#define WAIT_US (18 * US_PER_S)
#define LOOK_MS 1000

struct rack_line *rack_find(const struct rack *rack, const struct tape *tape)
{
    for (size_t i = 0; i < rack->count; i++)
        if (rack->lines[i]->tape == tape)
            return rack->lines[i];
    return NULL;
}

struct response *rack_segment(const struct rack_line *line, uint64_t n)
{
    const struct rack_segment *place = &line->segments[n % RACK_SEGMENTS];
    return place->n == n ? place->response : NULL;
}

/* ---- waiting ---- */

static void wait_unlink(struct rack_wait *wait)
{
    *wait->prev_next = wait->next;
    if (wait->next)
        wait->next->prev_next = wait->prev_next;
}

static void on_gone(void *ctx)
{
    wait_unlink(ctx);
}

void rack_wait(struct rack_line *line, struct rack_wait *wait)
{
    wait->until.us = loop_now(wait->request->loop).us + WAIT_US;
    wait->next = line->waits;
    wait->prev_next = &line->waits;
    if (wait->next)
        wait->next->prev_next = &wait->next;
    line->waits = wait;
    request_hold(wait->request, on_gone, wait);
}

static void answer_waits(struct rack_line *line)
{
    struct rack_wait *next;
    for (struct rack_wait *wait = line->waits; wait; wait = next) {
        next = wait->next;
        if (wait->n > line->state.newest_n)
            continue;
        wait_unlink(wait);
        request_reply(wait->request, response_ref(line->lists[wait->form][LIST_WAITED]));
    }
}

static void end_waits(struct rack_line *line, struct mono now)
{
    struct rack_wait *next;
    for (struct rack_wait *wait = line->waits; wait; wait = next) {
        next = wait->next;
        if (now.us < wait->until.us)
            continue;
        wait_unlink(wait);
        reply_text(wait->request, 503, CACHE_SOON, "segment %llu has not come in 18 s",
                   (unsigned long long)wait->n);
    }
}

static void on_time(struct loop_timer *timer)
{
    struct rack *rack = (struct rack *)((char *)timer - offsetof(struct rack, timer));
    for (size_t i = 0; i < rack->count; i++)
        end_waits(rack->lines[i], loop_now(rack->loop));
}

void rack_start(struct rack *rack)
{
    loop_timer_open(rack->loop, &rack->timer, on_time);
    loop_timer_start(&rack->timer, LOOK_MS, LOOK_MS);
}

/* ---- issues ---- */

static struct rack_line *line_get(struct rack *rack, const struct tape *tape)
{
    struct rack_line *line = rack_find(rack, tape);
    if (line || rack->count == RACK_LINES)
        return line;
    line = mem_new(sizeof *line);
    if (!line)
        return NULL;
    line->tape = tape;
    rack->lines[rack->count++] = line;
    return line;
}

static struct issue *issue_of(struct loop_job *job, struct rack **rack)
{
    struct issue_job *mine = (struct issue_job *)((char *)job - offsetof(struct issue_job, job));
    *rack = &mine->issue->hls->racks[mine - mine->issue->jobs];
    return mine->issue;
}

static void put_segment(struct rack_line *line, const struct issue_segment *segment)
{
    struct rack_segment *place = &line->segments[segment->n % RACK_SEGMENTS];
    response_unref(place->response);
    *place = (struct rack_segment){segment->n, response_ref(segment->response)};
}

static void post_to_all(struct issue *issue, void (*run)(struct loop_job *job))
{
    for (unsigned i = 0; i < issue->hls->racks_count; i++) {
        issue->jobs[i].job.run = run;
        loop_post(issue->hls->racks[i].loop, &issue->jobs[i].job);
    }
}

void rack_on_segments(struct loop_job *job)
{
    struct rack *rack;
    struct issue *issue = issue_of(job, &rack);
    struct rack_line *line = line_get(rack, issue->tape);
    for (const struct issue_segment *s = issue->segments; s && line; s = s->next)
        put_segment(line, s);
    if (atomic_fetch_sub(&issue->without_segments, 1) == 1)
        post_to_all(issue, rack_on_lists);
}

void rack_on_lists(struct loop_job *job)
{
    struct rack *rack;
    struct issue *issue = issue_of(job, &rack);
    struct rack_line *line = line_get(rack, issue->tape);
    if (line) {
        line->state = issue->state;
        for (int form = 0; form < LIST_FORMS; form++) {
            for (int asking = 0; asking < LIST_ASKINGS; asking++) {
                response_unref(line->lists[form][asking]);
                line->lists[form][asking] =
                    issue->state.listed_count > 0 ? response_ref(issue->lists[form][asking]) : NULL;
            }
        }
        answer_waits(line);
    }
    if (atomic_fetch_sub(&issue->refs, 1) == 1)
        issue_free(issue);
}

void issue_free(struct issue *issue)
{
    while (issue->segments) {
        struct issue_segment *segment = issue->segments;
        issue->segments = segment->next;
        response_unref(segment->response);
        mem_free(segment);
    }
    for (int form = 0; form < LIST_FORMS; form++)
        for (int asking = 0; asking < LIST_ASKINGS; asking++)
            response_unref(issue->lists[form][asking]);
    pthread_mutex_lock(&issue->hls->lock);
    issue->hls->issues_count--;
    pthread_cond_signal(&issue->hls->more);
    pthread_mutex_unlock(&issue->hls->lock);
    mem_free(issue);
}

void rack_release(struct rack *rack)
{
    for (size_t i = 0; i < rack->count; i++) {
        struct rack_line *line = rack->lines[i];
        for (size_t s = 0; s < RACK_SEGMENTS; s++)
            response_unref(line->segments[s].response);
        for (int form = 0; form < LIST_FORMS; form++)
            for (int asking = 0; asking < LIST_ASKINGS; asking++)
                response_unref(line->lists[form][asking]);
        mem_free(line);
    }
    rack->count = 0;
}
