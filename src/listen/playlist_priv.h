/* listen/playlist_priv.h - small files that players open instead of an address: .m3u .pls .xspf
 * Source: winamp's PLS version 2, RFC 8216's older brother M3U, xspf.org version 1. */
#ifndef MAST_LISTEN_PLAYLIST_PRIV_H
#define MAST_LISTEN_PLAYLIST_PRIV_H

#include "net/http.h"
#include "program/board.h"

enum playlist_kind { PLAYLIST_NONE, PLAYLIST_M3U, PLAYLIST_PLS, PLAYLIST_XSPF };

/* Tells the kind by the end of an address, and takes that end off. */
enum playlist_kind playlist_kind_of(struct str *path);

/* Answers with a playlist of one entry. public_url without a slash at its end. */
void playlist_reply(struct request *request, enum playlist_kind kind, const char *public_url,
                    struct str mount, const struct board_station *station);

#endif
