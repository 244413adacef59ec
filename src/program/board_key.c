/* program/board_key.c - contract in board.h: whose key is this? */
#include "program/board.h"

#include <stdio.h>

/* Looks for the sources of one mount; `only` is NULL or the one station that counts. Every key is
 * compared, so that the time tells nothing about which user was nearly right. */
static enum err login_find(const struct board *board, const struct board_station *only,
                           struct str mount, struct str user, const char offered[KEY_HASH_BYTES],
                           struct board_login *out)
{
    struct board_login exact = {0}, by_key = {0};
    size_t mounts = 0, keys = 0;
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s];
        for (size_t i = 0; i < station->sources_count && (!only || only == station); i++) {
            const struct board_source *source = &station->sources[i];
            if (board_source_is_relay(source) || !str_eq(str_of(source->mount), mount))
                continue;
            mounts++;
            bool good = key_hash_matches(offered, source->key_hash);
            if (good && str_eq(str_of(source->user), user))
                exact = (struct board_login){station, source};
            if (good)
                by_key = (struct board_login){station, source};
            keys += good;
        }
    }
    if (mounts == 0)
        return E_NOT_FOUND;
    bool anybody = user.len == 0 || str_eq(user, STR("source"));
    if (exact.source)
        *out = exact;
    else if (anybody && keys == 1)
        *out = by_key;
    return out->source ? OK : E_AUTH;
}

enum err board_login_check(const struct board *board, struct str mount, struct str user,
                           struct str key, struct board_login *out)
{
    char own[96], offered[KEY_HASH_BYTES];
    const struct board_station *station;
    *out = (struct board_login){0};
    key_hash(board->secret, key, offered);
    enum err err = login_find(board, NULL, mount, user, offered, out);
    if (err != E_NOT_FOUND || !board_mount_find(board, mount, &station))
        return err;
    snprintf(own, sizeof own, "/%s", station->slug);
    return login_find(board, station, str_of(own), user, offered, out);
}

/* The first source that this key lets in as `user`, at `mount` unless that is empty. */
static enum err login_by_key(const struct board *board, struct str mount, struct str user,
                             struct str key, struct board_login *out)
{
    char offered[KEY_HASH_BYTES];
    key_hash(board->secret, key, offered);
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s];
        for (size_t i = 0; i < station->sources_count; i++) {
            struct str own = str_of(station->sources[i].mount);
            if (!key_hash_matches(offered, station->sources[i].key_hash) ||
                (mount.len > 0 && !str_eq(mount, own)))
                continue;
            if (login_find(board, NULL, own, user, offered, out) == OK)
                return OK;
        }
    }
    return E_AUTH;
}

enum err board_login_by_password(const struct board *board, struct str password,
                                 struct board_login *out)
{
    struct str key = password, name;
    *out = (struct board_login){0};
    if (login_by_key(board, STR(""), STR("source"), password, out) == OK)
        return OK;
    if (!str_cut(&key, ':', &name))
        return E_AUTH;
    if (str_starts(name, STR("/")))
        return login_by_key(board, name, STR("source"), key, out);
    return login_by_key(board, STR(""), name, key, out);
}

bool board_admin_check(const struct board *board, struct str user, struct str key)
{
    bool good = key_matches(board->secret, key, board->admin_key_hash);
    return good && str_eq(user, STR("admin"));
}

bool board_relay_check(const struct board *board, struct str user, struct str key)
{
    bool good = key_matches(board->secret, key, board->relay_key_hash);
    return good && str_eq(user, STR("relay"));
}
