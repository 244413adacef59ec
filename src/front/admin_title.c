/* front/admin_title.c - titles from outside: /admin/metadata and SHOUTcast's /admin.cgi.
 *
 *   /admin/metadata?mode=updinfo&mount=/m&song=A%20-%20B[&charset=...]     or artist= and title=
 *   /admin.cgi?mode=updinfo&pass=[user:]key&song=...                       no mount: the key tells
 *
 * A title is UTF-8 if it can be that, else ISO-8859-1; only charset=ISO-8859-1 and its names settle
 * it beforehand. What may stand in a title is decided where it goes in (title_clean).
 * Source: measured on Icecast 2.4.4; SHOUTcast 1.9's custom. */
#include "front/front_priv.h"

#define LATE_MS 1000

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

enum err title_from_fields(struct request *request, struct str *text)
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

static enum err find_mount(const struct board *board, struct str user, struct str key,
                           struct str *mount)
{
    struct board_login login;
    for (size_t i = 0; i < board->stations_count; i++) {
        const struct board_station *station = &board->stations[i];
        for (size_t j = 0; j < station->sources_count; j++) {
            *mount = str_of(station->sources[j].mount);
            if (board_login_check(board, *mount, user, key, &login) == OK)
                return OK;
        }
    }
    return E_AUTH;
}

/* Whose key is it? On E_AUTH *mount is some mount, or empty where there is none. */
static enum err find_by_password(const struct board *board, struct str password, struct str *mount)
{
    struct str key = password, user;
    *mount = STR("");
    if (find_mount(board, STR("source"), password, mount) == OK)
        return OK;
    if (str_cut(&key, ':', &user))
        return find_mount(board, user, key, mount);
    return E_AUTH;
}

void on_admin_cgi(struct request *request, void *ctx)
{
    struct front *front = ctx;
    const struct board *board = board_now(front->config.place);
    struct board_login login;
    struct str password, mount;
    if (front_field(request, STR("pass"), &password) != OK) {
        ice_refuse(request, 400, "missing pass parameter");
        return;
    }
    if (!board || find_by_password(board, password, &mount) != OK) {
        /* Once more where failures are counted. */
        enum err err = !board ? E_AUTH
                              : air_check_login(front->config.air, &request->peer, mount,
                                                STR("source"), password, &login);
        front_refuse_login(request, err == E_LIMIT ? LATE_MS : 0);
        return;
    }
    if (is_update(request))
        update(front, request, mount);
}
