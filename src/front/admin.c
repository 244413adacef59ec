/* front/admin.c - /admin/<command>, as Icecast takes and answers it.
 *
 * In Icecast's order: is there such a command (400), may he (401), does the mount exist (400), are
 * the parameters there (400). A name may end in .xml or .xsl: the answer is the same XML.
 * Source: measured on Icecast 2.4.4. */
#include "front/front_priv.h"

#include "base/log.h"

#include <stdio.h>

static admin_fn kill_source, kill_client;

static const struct command {
    const char *name;
    admin_fn *run;
    bool needs_mount;
    unsigned who; /* besides the administrator; a source only for its mount */
} commands[] = {
    {"stats", admin_stats, false, MAY_SOURCE},
    {"listmounts", admin_list_mounts, false, 0},
    {"streamlist", admin_list_mounts, false, 0},
    {"streamlist.txt", admin_stream_list, false, MAY_RELAY},
    {"listclients", admin_list_clients, true, MAY_SOURCE},
    {"killclient", kill_client, true, MAY_SOURCE},
    {"killsource", kill_source, true, MAY_SOURCE},
    {"metadata", admin_title, true, MAY_SOURCE},
};

static void note(const struct request *request, const char *command, struct str mount)
{
    struct log_text text;
    char peer[ADDR_BYTES];
    addr_format(&request->peer, peer);
    log_info(EV_ADMIN, "command=%s mount=%s peer=%s", command, log_text(&text, mount), peer);
}

static void kill_source(struct front *front, struct request *request, struct str mount)
{
    if (air_kill(front->config.air, mount) != OK) {
        ice_refuse(request, 400, "Source does not exist");
        return;
    }
    note(request, "killsource", mount);
    ice_respond(request, true, "Source Removed");
}

/* ---- killclient ---- */

struct hunt {
    struct front *front;
    uint64_t id;
    bool found;
};

static void hunt_listener(void *ctx, const struct listener_facts *facts)
{
    struct hunt *hunt = ctx;
    hunt->found |= facts->id == hunt->id;
}

static void hunt_sound(void *ctx, const struct sound *sound)
{
    struct hunt *hunt = ctx;
    listen_each(hunt->front->config.listen, sound->rendition->live.audience, hunt_listener, hunt);
}

static void kill_client(struct front *front, struct request *request, struct str mount)
{
    struct hunt hunt = {.front = front};
    char text[64];
    struct str id;
    enum err err = front_field(request, STR("id"), &id);
    if (!err && str_parse_u64(id, UINT64_MAX, &hunt.id) != OK)
        hunt.id = 0; /* nobody has this one */
    /* Only a listener of this mount: a source may not send home those of another. */
    if (sound_each(front, &(struct sound_which){.mount = mount}, hunt_sound, &hunt) == 0) {
        ice_refuse(request, 400, "Source does not exist");
        return;
    }
    if (err) {
        ice_refuse(request, 400, "Missing parameter");
        return;
    }
    bool done = hunt.found && listen_kill(front->config.listen, hunt.id) == OK;
    snprintf(text, sizeof text, "Client %llu %s", (unsigned long long)hunt.id,
             done ? "removed" : "not found");
    if (done)
        note(request, "killclient", mount);
    ice_respond(request, done, text);
}

/* ---- which command ---- */

static const struct command *command_find(struct str name)
{
    struct str bare = name;
    if (str_ends(name, STR(".xsl")) || str_ends(name, STR(".xml")))
        bare.len -= 4;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (str_eq(bare, str_of(commands[i].name)))
            return &commands[i];
    return NULL;
}

void on_admin(struct request *request, void *ctx)
{
    struct front *front = ctx;
    struct str mount;
    const struct command *command =
        command_find(str_slice(request->path, sizeof "/admin/" - 1, request->path.len));
    if (!command) {
        ice_refuse(request, 400, "Unrecognised command");
        return;
    }
    if (front_field(request, STR("mount"), &mount) != OK)
        mount = (struct str){0};
    if (!front_authorise(front, request, mount, command->who))
        return;
    if (command->needs_mount && mount.len == 0) {
        ice_refuse(request, 400, "Unknown admin request");
        return;
    }
    command->run(front, request, mount);
}
