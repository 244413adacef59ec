/* front/status_json.c - GET /status-json.xsl[?mount=/m], as Icecast answers, bug for bug.
 *
 *   {"icestats":{"admin":...,"server_start_iso8601":"...",    no source: "dummy":null ends it
 *                "source":{...,"dummy":null}                  one: an object; more: an array
 *   }}
 *
 * Types are guessed from the texts (guess.c). The mount stands only in listenurl.
 * Source: measured on Icecast 2.4.4, web/status-json.xsl with web/xml2json.xslt. */
#include "front/front_priv.h"

#include "base/json.h"

static void add_json(struct stat_sink *sink, const char *name, struct str value, bool is_public)
{
    if (!is_public)
        return;
    json_add_text(sink->out, str_of(name));
    buf_add_char(sink->out, ':');
    guess_add(sink->out, value);
    buf_add_char(sink->out, ','); /* something always follows: "source" or "dummy" */
}

void status_json_add_sound(const struct ice_facts *facts, const struct sound *sound,
                           struct buf *sounds)
{
    struct stat_sink sink = {.add = add_json, .out = sounds};
    buf_add(sounds, sounds->len > 0 ? STR(",{") : STR("{"));
    icestats_sound(facts, sound, &sink);
    buf_add(sounds, STR("\"dummy\":null}"));
}

void status_json_add(const struct ice_facts *facts, struct str sounds, size_t count,
                     struct buf *out)
{
    struct stat_sink sink = {.add = add_json, .out = out};
    buf_add(out, STR("{\"icestats\":{"));
    icestats_server(facts, &sink);
    if (count == 0)
        buf_add(out, STR("\"dummy\":null"));
    else
        buf_printf(out, count > 1 ? "\"source\":[%.*s]" : "\"source\":%.*s", STR_ARG(sounds));
    buf_add(out, STR("}}"));
}

struct gathering {
    struct ice_facts facts;
    struct buf sounds;
};

static void gather(void *ctx, const struct sound *sound)
{
    struct gathering *g = ctx;
    status_json_add_sound(&g->facts, sound, &g->sounds);
}

void on_status_json(struct request *request, void *ctx)
{
    struct front *front = ctx;
    struct sound_which which = {.on_air_only = true, .listed_only = true};
    struct gathering g;
    struct buf body;
    enum err err = request_query(request, STR("mount"), &which.mount);
    if (err && err != E_NOT_FOUND) {
        ice_refuse(request, err_http_status(err), err_text(err));
        return;
    }
    if (which.mount.ptr)
        which.listed_only = false; /* who knows the address may ask */
    buf_init(&g.sounds, ANSWER_MAX_BYTES);
    buf_init(&body, ANSWER_MAX_BYTES);
    ice_facts_look(front, &g.facts);
    size_t count = sound_each(front, &which, gather, &g);
    status_json_add(&g.facts, buf_str(&g.sounds), count, &body);
    if (buf_err(&g.sounds) && !buf_err(&body))
        body.err = buf_err(&g.sounds);
    buf_release(&g.sounds);
    front_reply(request,
                &(struct front_answer){.type = "application/json; charset=UTF-8", .cors = true},
                &body);
}
