/* front/page_priv.h - the pages that listeners see, between their files.
 *
 * A page is put together for each request into one buffer: page_begin, the middle, page_end,
 * page_reply. Style and script from /site/<hash>; all works without script. Every text of a stranger goes through
 * xml_add.
 */
#ifndef MAST_FRONT_PAGE_PRIV_H
#define MAST_FRONT_PAGE_PRIV_H

#include "front/front_priv.h"

#define PAGE_MAX_BYTES ((size_t)2 << 20)

/* ---- page.c: what all pages share ---- */

struct page_head {
    struct str title, description;
    const char *path; /* its address below public_url */
    bool is_home;
    bool is_unlisted; /* search engines are asked to leave it out */
    bool has_player;  /* takes in the player's script, if this build has it */
};
void page_begin(const struct front *front, const struct page_head *head, struct buf *out);
void page_end(struct buf *out);
void page_reply(struct request *request, int status, struct buf *out);

/* <time>: "Sunday 22 November 2026, 09:42:10" in the station's zone. */
void time_add(struct buf *out, const struct board_station *station, struct utc t);

/* A moment as an <input type=datetime-local> has it: "2026-11-22T09:42:10". */
void local_add(struct buf *out, const struct board_station *station, struct utc t);

/* ---- scene: one station as its pages show it ---- */

struct scene {
    const struct board_station *station;
    struct sound sounds[BOARD_RENDITIONS_MAX];
    size_t count;
    bool is_on;
    const struct sound *first; /* what a browser plays first, if is_on */
    bool has_tape;
    struct utc oldest, newest; /* of all renditions, if has_tape */
};
void scene_look(const struct front *front, const struct board_station *station, struct scene *out);

/* "MP3, 128 kbit/s" */
void kind_add(struct buf *out, const struct board_rendition *rendition);
void state_add(struct buf *out, const struct scene *scene);
void now_add(struct buf *out, const struct scene *scene);

/* <audio> with all renditions that have sound, best understood by browsers first. `at` NULL = live.
 */
void audio_add(struct buf *out, const struct scene *scene, const struct utc *at);

/* ---- page_past.c: what ?at= asks of a station's page ---- */

enum past_kind { PAST_LIVE, PAST_THERE, PAST_MISSING, PAST_UNREADABLE };
struct past_wish {
    enum past_kind kind;
    struct utc at;
};
void past_read(struct request *request, const struct scene *scene, struct utc now,
               struct past_wish *out);
void past_add_notice(struct buf *out, const struct scene *scene, const struct past_wish *wish);
/* The form, and links to some moments before now. */
void past_add_section(struct buf *out, const struct scene *scene, const struct past_wish *wish,
                      struct utc now);

/* ---- page_player.c ---- */

/* The part of the page that sounds: <audio controls>, and beside it, as data- attributes, what the
 * script needs to put its own controls in their place (web/README.md lists them). */
void player_add(const struct scene *scene, const struct past_wish *wish, struct utc now,
                struct buf *out);

/* Links to all listed stations; nothing if this is the only one. */
void stations_add(const struct front *front, const struct board_station *current, struct buf *out);

#endif
