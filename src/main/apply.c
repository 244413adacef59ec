/* main/apply.c - contract in apply.h */
#include "main/apply.h"

#include "base/log.h"
#include "base/mem.h"

#include <string.h>

#define DOCUMENT_MAX_BYTES ((size_t)4 << 20)
#define ANSWER_MAX_BYTES   ((size_t)1 << 20)

struct apply {
    struct work *work;
    struct apply_config config;
};

struct application { /* one document on its way */
    struct apply *apply;
    struct request *request; /* NULL = the client left */
    struct loop *loop;
    struct work_job job;
    struct loop_job answered;
    struct buf document;
    struct buf answer; /* keys that were made, or faults */
    enum err err;
};

enum err apply_new(struct work *work, struct apply **out)
{
    *out = mem_new(sizeof **out);
    if (!*out)
        return E_NOMEM;
    (*out)->work = work;
    return OK;
}

void apply_free(struct apply **apply)
{
    mem_free(*apply);
    *apply = NULL;
}

void apply_start(struct apply *apply, const struct apply_config *config)
{
    apply->config = *config;
}

/* ---- on the control thread ---- */

static enum err publish(struct apply *apply, struct board *next, struct buf *faults)
{
    struct apply_config *c = &apply->config;
    enum err err = stage_attach(c->stage, next, clock_utc(clock_real()), faults);
    if (!err)
        err = board_save(c->board_path, next);
    if (err) {
        board_free(&next);
        return err;
    }
    uint64_t version = next->version;
    stage_publish(c->place, next, c->loops, c->air);
    if (relays_set(c->relays, next) != OK)
        log_warn(EV_RELAY, "text=\"not all could be started: %s\"", err_text(E_NOMEM));
    if (hls_set(c->hls, board_now(c->place)) != OK)
        log_warn(EV_HLS, "text=\"not all can be played: %s\"", err_text(E_NOMEM));
    log_info(EV_BOARD, "version=%llu text=\"applied\"", (unsigned long long)version);
    return OK;
}

static enum err apply_document(struct apply *apply, struct str document, struct buf *answer)
{
    struct board *next;
    struct board_keys keys;
    struct buf faults;
    buf_init(&keys.lines, ANSWER_MAX_BYTES);
    buf_init(&faults, ANSWER_MAX_BYTES);
    enum err err = board_apply(board_now(apply->config.place), document, &next, &keys, &faults);
    if (!err)
        err = publish(apply, next, &faults);
    buf_add(answer, buf_str(err ? &faults : &keys.lines));
    if (err && faults.len == 0)
        buf_printf(answer, "%s\n", err_text(err));
    buf_release(&keys.lines);
    buf_release(&faults);
    return err;
}

static void on_answered(struct loop_job *job)
{
    struct application *a =
        (struct application *)((char *)job - offsetof(struct application, answered));
    struct response *response;
    if (a->request) {
        struct response_spec spec = {
            .status = a->err ? err_http_status(a->err) : 200,
            .content_type = "text/plain; charset=utf-8",
            .body = buf_str(&a->answer),
            .closes = true,
        };
        if (response_new(&spec, &response) == OK)
            request_reply(a->request, response);
        else
            request_reply_text(a->request, 503, NULL, "%s", err_text(E_NOMEM));
    }
    buf_release(&a->document);
    buf_release(&a->answer);
    mem_free(a);
}

static void on_job(struct work_job *job)
{
    struct application *a = (struct application *)((char *)job - offsetof(struct application, job));
    a->err = apply_document(a->apply, buf_str(&a->document), &a->answer);
    a->answered.run = on_answered;
    loop_post(a->loop, &a->answered);
}

/* ---- on the loop ---- */

static void on_gone(void *ctx)
{
    struct application *a = ctx;
    a->request = NULL; /* what was begun is finished all the same */
}

static void on_apply(struct request *request, void *ctx)
{
    struct apply *apply = ctx;
    struct application *a = mem_new(sizeof *a);
    if (!a) {
        request_reply_text(request, 503, NULL, "%s", err_text(E_NOMEM));
        return;
    }
    a->apply = apply;
    a->request = request;
    a->loop = request->loop;
    a->job.run = on_job;
    buf_init(&a->document, DOCUMENT_MAX_BYTES);
    buf_init(&a->answer, ANSWER_MAX_BYTES);
    buf_add(&a->document, request->body);
    if (buf_err(&a->document)) {
        request_reply_text(request, 503, NULL, "%s", err_text(buf_err(&a->document)));
        buf_release(&a->document);
        mem_free(a);
        return;
    }
    request_hold(request, on_gone, a);
    work_push(apply->work, &a->job);
}

struct http_route apply_route(struct apply *apply)
{
    return (struct http_route){
        .path = "/apply",
        .methods = HTTP_POST,
        .handler = on_apply,
        .ctx = apply,
        .body_max_bytes = DOCUMENT_MAX_BYTES,
    };
}
