/* main/stage.h - the running things behind a board: opens tapes, outputs and audiences for it,
 * publishes it, and frees the one before when nobody reads it any more.
 * Thread: the control thread (the one that called serve). */
#ifndef MAST_MAIN_STAGE_H
#define MAST_MAIN_STAGE_H

#include "air/air.h"
#include "child/child.h"
#include "listen/listen.h"
#include "main/ledgers.h"
#include "program/board.h"
#include "tape/writer.h"

struct stage; /* private: stage.c */

struct stage_config {
    const char *data_folder;
    struct tape_writer *writer;
    struct children *children;
    const char *deck_program; /* a path */
    struct ledgers *ledgers;
};
MUST_USE enum err stage_new(const struct stage_config *config, struct stage **out);

/* Closes everything that was opened; air, loops and writer threads have stopped using it. */
void stage_free(struct stage **stage);

/* Attaches to each rendition of a board its tape, output and audience (those of an earlier board,
 * if it had them), and to each station its zone, deck and what the air has for it. What a removed
 * rendition had stays open until the end: somebody may still hear it out. Errors: E_NOMEM, E_IO
 * ..., E_EXISTS a rendition came back with another codec than its tape has; one line in *faults.
 * What was opened stays for the next try. */
MUST_USE enum err stage_attach(struct stage *stage, struct board *board, struct utc now,
                               struct buf *faults);

/* The channel to a station's deck, for what is done before the air starts; NULL if there is no such
 * station. */
const struct channel *stage_deck(struct stage *stage, const char *station);

/* The latest end of all tapes. */
struct utc stage_tape_end(const struct stage *stage);

/* Makes a board the one that holds now, and frees the old one once every loop and the air have
 * passed a quiet point; waits for that (some 40 ms). air NULL: nothing runs yet. */
void stage_publish(struct board_place *place, struct board *board, struct loops *loops,
                   const struct air *air);

#endif
