/* air/station_priv.h - one station on the air thread: its inputs in their order, which of them is
 * on, and its deck (feed_priv.h).
 *
 *     air.c, each tick:  ports run -> station_tick(): look at inputs -> choose -> feed the deck
 *                                                     -> what came back, to the tapes
 *
 * Two things choose from the same inputs by the same rules (choose_priv.h): the station for its
 * deck, and each rendition that passes through among those of its own codec. */
#ifndef MAST_AIR_STATION_PRIV_H
#define MAST_AIR_STATION_PRIV_H

#include "air/choose_priv.h"
#include "air/feed_priv.h"
#include "air/ledger_priv.h"

#define STATION_INPUTS_MAX (BOARD_SOURCES_MAX + 2)
#define STATION_TITLES     16

/* What may be on the air, made anew each tick, best first. */
struct input {
    enum input_kind kind;
    struct port *port;         /* INPUT_PORT */
    struct standing *standing; /* INPUT_PORT */
    bool is_first;             /* of the order, whether or not what stands before it is there */
    bool may_be_silent;
    struct choice choice;
};

struct station_title {
    struct utc at;
    bool is_decks;           /* it is about what the deck has on */
    const struct port *port; /* whose title it is, for renditions that pass through */
    char note[96];           /* an input that goes on the air; "" = a title */
    char text[TITLE_BYTES];
};

struct air_station {
    char slug[64];
    struct channel deck;
    bool has_deck, has_bed;
    struct deck_input bed;
    _Atomic(struct air_loop *) loop;
    struct ledger ledger;

    pthread_mutex_t state_lock; /* guards state; held for a copy only */
    struct air_state state;

    /* owned by air */
    struct standing standings[BOARD_SOURCES_MAX];
    char standing_names[BOARD_SOURCES_MAX][168]; /* "<user> <mount>" */
    size_t standings_count;
    struct input inputs[STATION_INPUTS_MAX];
    size_t inputs_count;
    struct feed_input on_air; /* what the deck has on; kind INPUT_NONE = nothing */
    struct utc on_since;
    struct utc missed_from; /* that there is no sound before is no fault: nothing was on the air, or
                               station time was set forward */
    bool on_is_first;
    enum fault fault; /* of what is on the air, past the alarm's time */
    struct feed feed;
    struct station_title titles[STATION_TITLES];
    uint64_t titles_count; /* ever */
    uint64_t switches;
};

/* One tick of a station whose ports have run. Returns how often what listeners hear came from
 * another input in it.   Thread: air. Air-safe. */
struct station_tick {
    const struct board_station *board;
    struct port *const *ports; /* all of the air's */
    size_t ports_count;
    struct utc now;
    struct mono mono;
};
unsigned station_tick(struct air_station *station, const struct station_tick *tick);

/* The station is on no board any more: its deck is ended, its outputs let go.   Thread: air. */
void station_leave(struct air_station *station, const struct board_station *board, struct utc now);

/* Station time was set forward, to `to`.   Thread: air. */
void station_jump(struct air_station *station, struct utc to, int64_t by_us);

/* Is this port on the air for the deck or any rendition, so that it must not go yet? */
bool station_needs(const struct air_station *station, const struct board_station *board,
                   const struct port *port);

/* A port has a new title, from the frame that starts at `at` on. */
void station_title(struct air_station *station, const struct port *port, struct utc at,
                   struct str title);

/* ---- inputs.c: what may be on the air ---- */

/* Lists them anew, in the station's order, best first, each with how fit it is. A source that logs
 * in again may stand there twice. */
void station_list_inputs(struct air_station *station, const struct station_tick *tick);

/* Its place in the list, or CHOOSE_NONE. */
size_t station_find_input(const struct air_station *station, const struct feed_input *which);

void station_input_name(const struct feed_input *input, char out[96]);

/* Chooses among `choices`, one for each input, for what is made up to `reached` already: those that
 * leave a hole behind that are marked so. The rest as choose(). */
size_t station_choose(struct air_station *station, struct choice choices[STATION_INPUTS_MAX],
                      size_t on_air, struct utc reached, struct utc now, const char **why);

/* Up to where there is sound, or no need of any. */
struct utc station_reached(const struct air_station *station, struct utc end);

/* ---- passing.c: renditions that pass through ---- */

void station_pass(struct air_station *station, const struct board_rendition *rendition,
                  const struct station_tick *tick);

/* ---- titles.c ---- */

/* Notes a title, and with a note the input that goes on the air with it. */
struct station_title *station_add_title(struct air_station *station, struct utc at,
                                        const char *note, struct str text);

/* Titles and inputs hold from an instant, and each output comes to it in its own time: before it is
 * given a frame that starts at `at`, its tape is told of them. */
void station_tell_titles(struct air_station *station, struct air_output *output, struct utc at);

#endif
