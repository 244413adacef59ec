/* front/admin_lists.c - stats, listmounts, listclients and streamlist.txt as Icecast prints them.
 * Element names and their odd capitals are Icecast's: programs parse them by name.
 * Source: measured on Icecast 2.4.4. */
#include "front/front_priv.h"

static int64_t seconds_since(const struct front *front, struct utc t)
{
    int64_t us = clock_utc(front->config.clock).us - t.us;
    return us > 0 ? us / US_PER_S : 0;
}

static void begin_source(struct buf *out, const char *mount)
{
    buf_add(out, STR("<source mount=\""));
    xml_add(out, str_of(mount));
    buf_add(out, STR("\">"));
}

static void reply_xml(struct request *request, struct buf *body)
{
    front_reply(request, &(struct front_answer){.type = XML_TYPE}, body);
}

/* ---- stats ---- */

static void add_xml(struct stat_sink *sink, const char *name, struct str value, bool is_public)
{
    (void)is_public; /* an administrator sees all */
    buf_printf(sink->out, "<%s>", name);
    xml_add(sink->out, value);
    buf_printf(sink->out, "</%s>", name);
}

void stats_xml_add_server(const struct ice_facts *facts, struct buf *out)
{
    struct stat_sink sink = {.add = add_xml, .out = out};
    icestats_server(facts, &sink);
}

void stats_xml_add_sound(const struct ice_facts *facts, const struct sound *sound, struct buf *out)
{
    struct stat_sink sink = {.add = add_xml, .out = out};
    begin_source(out, sound->mount);
    icestats_sound(facts, sound, &sink);
    buf_add(out, STR("</source>"));
}

struct list { /* what the walk over the board writes to */
    struct front *front;
    struct ice_facts facts;
    struct buf body;
};

static void add_stats(void *ctx, const struct sound *sound)
{
    struct list *list = ctx;
    stats_xml_add_sound(&list->facts, sound, &list->body);
}

void admin_stats(struct front *front, struct request *request, struct str mount)
{
    struct list list = {.front = front};
    buf_init(&list.body, ANSWER_MAX_BYTES);
    buf_add(&list.body, STR(XML_HEAD "<icestats>"));
    ice_facts_look(front, &list.facts);
    stats_xml_add_server(&list.facts, &list.body);
    size_t count = sound_each(front, &(struct sound_which){.on_air_only = true, .mount = mount},
                              add_stats, &list);
    buf_add(&list.body, STR("</icestats>\n"));
    if (mount.ptr && count == 0) {
        buf_release(&list.body);
        ice_refuse(request, 400, "Source does not exist");
        return;
    }
    reply_xml(request, &list.body);
}

/* ---- listmounts ---- */

static void add_mount(void *ctx, const struct sound *sound)
{
    struct list *list = ctx;
    begin_source(&list->body, sound->mount);
    buf_printf(&list->body,
               "<fallback></fallback><listeners>%u</listeners><Connected>%lld</Connected>"
               "<content-type>%s</content-type></source>",
               sound->audience.now, (long long)seconds_since(list->front, sound->since),
               codec_content_type(sound->rendition->codec));
}

void admin_list_mounts(struct front *front, struct request *request, struct str mount)
{
    struct list list = {.front = front};
    (void)mount;
    buf_init(&list.body, ANSWER_MAX_BYTES);
    buf_add(&list.body, STR(XML_HEAD "<icestats>"));
    sound_each(front, &(struct sound_which){.on_air_only = true}, add_mount, &list);
    buf_add(&list.body, STR("</icestats>\n"));
    reply_xml(request, &list.body);
}

/* ---- listclients ---- */

static void add_client(void *ctx, const struct listener_facts *facts)
{
    struct list *list = ctx;
    char ip[ADDR_BYTES];
    addr_format(&facts->peer, ip);
    buf_printf(&list->body, "<listener><IP>%s</IP><UserAgent>", ip);
    xml_add(&list->body, str_of(facts->agent));
    buf_printf(&list->body, "</UserAgent><Connected>%lld</Connected><ID>%llu</ID>",
               (long long)seconds_since(list->front, facts->since), (unsigned long long)facts->id);
    buf_printf(&list->body, "<protocol>%s</protocol>", listen_protocol_name(facts->protocol));
    if (facts->behind_live_us > 0)
        buf_printf(&list->body, "<lag>%lld</lag>", (long long)(facts->behind_live_us / US_PER_S));
    buf_add(&list->body, STR("</listener>"));
}

static void add_clients(void *ctx, const struct sound *sound)
{
    struct list *list = ctx;
    begin_source(&list->body, sound->mount);
    buf_printf(&list->body, "<Listeners>%u</Listeners>", sound->audience.now);
    listen_each(list->front->config.listen, sound->rendition->live.audience, add_client, list);
    buf_add(&list->body, STR("</source>"));
}

void admin_list_clients(struct front *front, struct request *request, struct str mount)
{
    struct list list = {.front = front};
    buf_init(&list.body, (size_t)64 << 20); /* ten thousand listeners are 2 MB */
    buf_add(&list.body, STR(XML_HEAD "<icestats>"));
    size_t count = sound_each(front, &(struct sound_which){.mount = mount}, add_clients, &list);
    buf_add(&list.body, STR("</icestats>\n"));
    if (count == 0) {
        buf_release(&list.body);
        ice_refuse(request, 400, "Source does not exist");
        return;
    }
    reply_xml(request, &list.body);
}

/* ---- streamlist.txt: what a relay asks for ---- */

static void add_line(void *ctx, const struct sound *sound)
{
    struct list *list = ctx;
    buf_printf(&list->body, "%s\r\n", sound->mount);
}

void admin_stream_list(struct front *front, struct request *request, struct str mount)
{
    struct list list = {.front = front};
    (void)mount;
    buf_init(&list.body, ANSWER_MAX_BYTES);
    sound_each(front, &(struct sound_which){.on_air_only = true, .listed_only = true}, add_line,
               &list);
    front_reply(request, &(struct front_answer){.type = "text/plain; charset=utf-8"}, &list.body);
}
