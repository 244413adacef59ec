/* front/admin_title.c - titles from outside: /admin/metadata and SHOUTcast's /admin.cgi.
 *
 *   /admin/metadata?mode=updinfo&mount=/m&song=A%20-%20B[&charset=...]     or artist= and title=
 *   /admin.cgi?mode=updinfo&pass=[user:]key&song=...                       no mount: the key tells
 *
 * A title is UTF-8 if it can be that, else ISO-8859-1; only charset=ISO-8859-1 and its names settle
 * it beforehand. What may stand in a title is decided where it goes in (title_clean).
 * Source: measured on Icecast 2.4.4; SHOUTcast 1.9's custom. */
#include "front/front_priv.h"

static bool is_latin1(struct request *request)
{
    static const char *const names[] = {"iso-8859-1", "iso8859-1", "iso_8859-1",
                                        "latin1",     "latin-1",   "l1"};
    struct str charset;
    if (front_field(request, STR("charset"), &charset) != OK)
        return false;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (str_eq_nocase(charset, str_of(names[i])))
            return true;
    return false;
}

/* A title from the fields song, or artist and title; *text is in the request's arena.
 * Errors: E_NOT_FOUND none of them is there; E_SYNTAX, E_NOMEM. */
static enum err title_from_fields(struct request *request, struct str *text)
{
    struct str artist, title;
    struct buf both;
    enum err err = front_field(request, STR("song"), text);
    if (err != E_NOT_FOUND)
        return err;
    err = front_field(request, STR("title"), &title);
    if (err)
        return err;
    err = front_field(request, STR("artist"), &artist);
    if (err == E_NOT_FOUND || (!err && artist.len == 0)) {
        *text = title;
        return OK;
    }
    if (err)
        return err;
    buf_init(&both, ANSWER_MAX_BYTES);
    buf_add(&both, artist);
    if (title.len > 0)
        buf_add(&both, STR(" - "));
    buf_add(&both, title);
    err = buf_err(&both);
    *text = (struct str){NULL, both.len};
    if (!err) {
        text->ptr = arena_dup(request->arena, both.ptr, both.len);
        err = text->ptr ? OK : E_NOMEM;
    }
    buf_release(&both);
    return err;
}

/* Is it mode=updinfo? If not, the request was answered. */
static bool is_update(struct request *request)
{
    struct str mode;
    if (front_field(request, STR("mode"), &mode) != OK)
        ice_refuse(request, 400, "Missing parameter");
    else if (!str_eq(mode, STR("updinfo")))
        ice_respond(request, false, "No such action");
    else
        return true;
    return false;
}

static void update(struct front *front, struct request *request, struct str mount)
{
    struct str text;
    enum err err = title_from_fields(request, &text);
    if (err && err != E_NOT_FOUND) {
        ice_refuse(request, err_http_status(err), err_text(err));
        return;
    }
    /* Without any title there is nothing to do, and Icecast says that it was done. */
    if (!err && air_title(front->config.air, mount, text, is_latin1(request)) != OK)
        ice_refuse(request, 400, "Source does not exist");
    else
        ice_respond(request, true, "Metadata update successful");
}

void admin_title(struct front *front, struct request *request, struct str mount)
{
    if (is_update(request))
        update(front, request, mount);
}

/* ---- SHOUTcast ---- */

/* A mount that there is, so that a wrong key counts against whoever offers it; empty if there is
 * none. */
static struct str any_mount(const struct board *board)
{
    for (size_t i = 0; i < board->stations_count; i++)
        for (size_t j = 0; j < board->stations[i].sources_count; j++)
            if (!board_source_is_relay(&board->stations[i].sources[j]))
                return str_of(board->stations[i].sources[j].mount);
    return STR("");
}

void on_admin_cgi(struct request *request, void *ctx)
{
    struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    struct board_login login;
    struct str password;
    if (front_field(request, STR("pass"), &password) != OK) {
        ice_refuse(request, 400, "missing pass parameter");
        return;
    }
    if (board_login_by_password(board, password, &login) != OK) {
        /* Once more where failures are counted. */
        enum err err = air_check_login(front->config.air, &request->peer, any_mount(board),
                                       STR("source"), password, &login);
        front_refuse_login(request, err == E_LIMIT);
        return;
    }
    if (is_update(request))
        update(front, request, str_of(login.source->mount));
}
