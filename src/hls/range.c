/* hls/range.c - GET of a closed range: the lister makes it, since it waits for a disk. */
#include "hls/hls_priv.h"

#include "base/mem.h"

static bool read_range(struct str name, uint64_t *from_s, uint64_t *to_s)
{
    struct str from;
    return str_cut(&name, '-', &from) && str_parse_u64(from, INT64_MAX / US_PER_S, from_s) == OK &&
           str_parse_u64(name, INT64_MAX / US_PER_S, to_s) == OK;
}

static void on_gone(void *ctx)
{
    struct range_ask *ask = ctx;
    ask->request = NULL;
}

static void on_answer(struct loop_job *job)
{
    struct range_ask *ask =
        (struct range_ask *)((char *)job - offsetof(struct range_ask, answered));
    if (!ask->request)
        response_unref(ask->response);
    else if (ask->response)
        request_reply(ask->request, ask->response);
    else
        reply_text(ask->request, 503, CACHE_SOON, "%s", err_text(E_NOMEM));
    mem_free(ask);
}

void range_reply(struct hls *hls, struct request *request, const struct board_live *live,
                 struct str name)
{
    uint64_t from_s, to_s, now_s = (uint64_t)(clock_utc(hls->config.clock).us / US_PER_S);
    if (!read_range(name, &from_s, &to_s) || from_s >= to_s) {
        reply_text(request, 400, NULL, "a range is <from>-<to>.m3u8, both in Unix seconds");
        return;
    }
    if (to_s - from_s > HLS_RANGE_MAX_S) {
        reply_text(request, 400, NULL, "a range is at most 24 hours long");
        return;
    }
    if (from_s > now_s) {
        reply_text(request, 404, CACHE_SOON, "that time has not come yet");
        return;
    }
    if (!hls_let_in(hls, request, live))
        return;
    struct range_ask *ask = mem_new(sizeof *ask);
    if (!ask) {
        reply_text(request, 503, CACHE_SOON, "%s", err_text(E_NOMEM));
        return;
    }
    *ask = (struct range_ask){
        .answered.run = on_answer,
        .loop = request->loop,
        .request = request,
        .tape = live->tape,
        .from_s = from_s,
        .to_s = to_s,
    };
    if (lister_ask(hls, ask) != OK) {
        mem_free(ask);
        reply_text(request, 503, CACHE_SOON, "too many ask for ranges at once");
        return;
    }
    request_hold(request, on_gone, ask);
}
