/* program/board_priv.h - between the files of the board. */
#ifndef MAST_PROGRAM_BOARD_PRIV_H
#define MAST_PROGRAM_BOARD_PRIV_H

#include "base/json.h"
#include "program/board.h"

/* Where faults go while a board is read or checked: one line each. */
struct board_faults {
    const char *prefix; /* of each line: "" or the file's name, a colon and a blank */
    struct buf *lines;
    size_t count;
};

/* Adds "<prefix><path>: <text>"; what a stranger wrote goes through log_text() before. */
void board_fault(struct board_faults *faults, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Both say what is wrong as a clause without subject, or NULL. */
const char *board_slug_wrong(struct str slug); /* of a station */
const char *board_mount_wrong(struct str mount);

/* Says what is wrong with the address of a relay, without repeating it (it may hold a password), as
 * a clause without subject; or NULL. */
const char *board_relay_wrong(struct str address);

/* The name that a new relay gets: "/wxyz/relay-1", with the smallest number that is free. */
void board_relay_name(const struct board_station *station, char out[96]);
bool board_relay_is_name(const struct board_station *station, struct str mount);

/* Tells what is wrong with a text for people: control characters; or NULL. */
const char *board_text_wrong(struct str text);

/* Tells whether this is the name of a time zone that this machine knows. */
bool board_zone_is_known(struct str zone);

/* Checks that every address on the board means one thing.
 * Shape:  `document` is where the changes came from; paths in faults are looked up in it.
 * Errors: E_NOMEM; what is wrong is in *faults. */
MUST_USE enum err board_check(const struct board *board, const struct json *document,
                              struct board_faults *faults);

/* Makes a board with room for BOARD_STATIONS_MAX stations: empty, or a copy.   Errors: E_NOMEM. */
MUST_USE enum err board_make(const struct board *old, struct board **out);

/* Reads the member "stations" of a document or a file into a board that has room.
 * Shape:  in a file each source has a "key_hash"; a document may have "key" and "remove"; `text`
 *         is what `root` was parsed from.
 * Keys that are made go to *keys (not used for a file). */
enum board_form { BOARD_DOCUMENT, BOARD_FILE };
void board_read_stations(struct board *board, enum board_form form, const struct json *root,
                         struct str text, struct buf *keys, struct board_faults *faults);

/* Reads a member that must be a key hash or secret: `bytes` bytes in small hex digits. */
void board_read_hex(const struct json *object, const char *path, const char *name, char *out,
                    size_t bytes, struct board_faults *faults);

/* Refuses members of an object that are not in a list that ends in NULL. */
void board_read_members(const struct json *object, const char *path, const char *const *names,
                        struct board_faults *faults);

/* Appends the board as it stands in its file. */
void board_format(const struct board *board, struct buf *out);

#endif
