/* front/auth.c - who may command; contract in front_priv.h */
#include "front/front_priv.h"

#include "base/log.h"

#define WHO_ARE_YOU "WWW-Authenticate: Basic realm=\"mast\"\r\n"

void front_refuse_login(struct request *request, bool is_late)
{
    struct buf body;
    buf_init(&body, 256);
    buf_add(&body, STR("You need to authenticate\r\n"));
    front_reply(request,
                &(struct front_answer){.status = 401,
                                       .type = "text/plain; charset=utf-8",
                                       .headers = WHO_ARE_YOU,
                                       .delay_ms = is_late ? AIR_LATE_MS : 0},
                &body);
}

static void note_failure(const struct request *request, struct str user)
{
    struct log_text name, path;
    char peer[ADDR_BYTES];
    addr_format(&request->peer, peer);
    log_warn(EV_ADMIN, "peer=%s user=%s path=%s text=\"wrong user or key\"", peer,
             log_text(&name, user), log_text(&path, request->path));
}

/* OK, E_AUTH, or E_LIMIT: no, and late. Keys that nobody's brake counts are always late. */
static enum err check(const struct front *front, const struct request *request, struct str mount,
                      unsigned who, struct str user, struct str key)
{
    const struct board *board = board_now(front->config.place);
    struct board_login login;
    if (board_admin_check(board, user, key))
        return OK;
    if ((who & MAY_RELAY) && board_relay_check(board, user, key))
        return OK;
    if (!(who & MAY_SOURCE) || mount.len == 0)
        return E_LIMIT;
    enum err err = air_check_login(front->config.air, &request->peer, mount, user, key, &login);
    return err == E_NOT_FOUND ? E_LIMIT : err;
}

bool front_authorise(const struct front *front, struct request *request, struct str mount,
                     unsigned who)
{
    struct str user, key;
    if (request_basic_auth(request, &user, &key) != OK) {
        front_refuse_login(request, false); /* a poke: the login follows */
        return false;
    }
    enum err err = check(front, request, mount, who, user, key);
    if (err) {
        note_failure(request, user);
        front_refuse_login(request, err == E_LIMIT);
    }
    return err == OK;
}
