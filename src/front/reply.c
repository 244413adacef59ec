/* front/reply.c - answers, contract in front_priv.h */
#include "front/front_priv.h"

void front_reply(struct request *request, const struct front_answer *answer, struct buf *body)
{
    struct response *response = NULL;
    struct response_spec spec = {
        .status = answer->status ? answer->status : 200,
        .content_type = answer->type,
        .body = buf_str(body),
        .cache_control = answer->cache ? answer->cache : "no-cache, no-store",
        .has_etag = answer->has_etag,
        .cors = answer->cors,
        .headers = answer->headers,
    };
    enum err err = buf_err(body);
    if (!err)
        err = response_new(&spec, &response);
    buf_release(body);
    if (err)
        request_reply_text(request, 503, "Retry-After: 5\r\n", "%s", err_text(err));
    else if (answer->delay_ms > 0)
        request_reply_after(request, response, answer->delay_ms);
    else
        request_reply(request, response);
}

void ice_refuse(struct request *request, int status, const char *text)
{
    struct buf body;
    buf_init(&body, 1024);
    buf_printf(&body,
               "<html><head><title>Error %d</title></head><body><b>%d - %s</b></body></html>\r\n",
               status, status, text);
    front_reply(request,
                &(struct front_answer){.status = status, .type = "text/html; charset=utf-8"},
                &body);
}

void ice_respond(struct request *request, bool done, const char *text)
{
    struct buf body;
    buf_init(&body, 1024);
    buf_printf(&body,
               XML_HEAD "<iceresponse><message>%s</message><return>%d</return></iceresponse>\n",
               text, done ? 1 : 0);
    front_reply(request, &(struct front_answer){.type = XML_TYPE}, &body);
}

enum err front_field(struct request *request, struct str name, struct str *out)
{
    enum err err = request_query(request, name, out);
    if (err == E_NOT_FOUND && request->body.len > 0)
        err = form_field(request->arena, request->body, name, out);
    return err;
}
