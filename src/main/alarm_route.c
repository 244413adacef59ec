/* main/alarm_route.c - contract in alarm_route.h */
#include "main/alarm_route.h"

#include "base/mem.h"

#define ANSWER_MAX_BYTES ((size_t)4096)

struct alarm_route {
    struct work *work;
    struct alarms *alarms;
};

struct rehearsal { /* one test on its way */
    struct alarm_route *route;
    struct request *request; /* NULL = the client left; loop */
    struct loop *loop;
    struct work_job job;
    struct loop_job answered;
    struct buf answer;
    bool has_ways, has_failed;
};

enum err alarm_route_new(struct work *work, struct alarm_route **out)
{
    *out = mem_new(sizeof **out);
    if (!*out)
        return E_NOMEM;
    (*out)->work = work;
    return OK;
}

void alarm_route_free(struct alarm_route **route)
{
    mem_free(*route);
    *route = NULL;
}

void alarm_route_start(struct alarm_route *route, struct alarms *alarms)
{
    route->alarms = alarms;
}

/* ---- the answer: on the loop ---- */

static void on_answered(struct loop_job *job)
{
    struct rehearsal *r = (struct rehearsal *)((char *)job - offsetof(struct rehearsal, answered));
    struct response *response;
    struct response_spec spec = {
        .status = !r->has_ways    ? 409
                  : r->has_failed ? 502
                                  : 200,
        .content_type = "text/plain; charset=utf-8",
        .body = buf_str(&r->answer),
        .closes = true,
    };
    if (r->request && response_new(&spec, &response) == OK)
        request_reply(r->request, response);
    else if (r->request)
        request_reply_text(r->request, 503, NULL, "%s", err_text(E_NOMEM));
    buf_release(&r->answer);
    mem_free(r);
}

/* ---- what came of it: on the fetch thread, or the control thread ---- */

static void on_told(void *ctx, const struct alarm_outcome *outcome, bool is_last)
{
    struct rehearsal *r = ctx;
    if (outcome->way[0] == '\0') {
        buf_add(&r->answer,
                STR("no alarm can be sent: the configuration has no alarm_webhook and no "
                    "alarm_mail_server\n"));
    } else {
        buf_printf(&r->answer, "%s: %s: %s\n", outcome->way, outcome->sent ? "sent" : "not sent",
                   outcome->text);
        r->has_ways = true;
    }
    r->has_failed = r->has_failed || !outcome->sent;
    if (is_last)
        loop_post(r->loop, &r->answered);
}

static void on_job(struct work_job *job)
{
    struct rehearsal *r = (struct rehearsal *)((char *)job - offsetof(struct rehearsal, job));
    alarm_test(r->route->alarms, on_told, r);
}

/* ---- the wish: on the loop ---- */

static void on_gone(void *ctx)
{
    struct rehearsal *r = ctx;
    r->request = NULL;
}

static void on_wish(struct request *request, void *ctx)
{
    struct alarm_route *route = ctx;
    struct rehearsal *r = mem_new(sizeof *r);
    if (!r) {
        request_reply_text(request, 503, NULL, "%s", err_text(E_NOMEM));
        return;
    }
    r->route = route;
    r->request = request;
    r->loop = request->loop;
    r->job.run = on_job;
    r->answered.run = on_answered;
    buf_init(&r->answer, ANSWER_MAX_BYTES);
    request_hold(request, on_gone, r);
    work_push(route->work, &r->job);
}

struct http_route alarm_route_get(struct alarm_route *route)
{
    return (struct http_route){
        .path = "/alarm/test",
        .methods = HTTP_POST,
        .handler = on_wish,
        .ctx = route,
    };
}
