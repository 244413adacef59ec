/* program/board_read_priv.h - between the files that read stations from JSON: where one stands in
 * the document, and members as texts, truths and lists. Whatever is wrong becomes a fault with its
 * place and leaves the field as it was; nothing ends at the first one. */
#ifndef MAST_PROGRAM_BOARD_READ_PRIV_H
#define MAST_PROGRAM_BOARD_READ_PRIV_H

#include "base/log.h"
#include "program/board_priv.h"

#define BOARD_ENTRIES_EACH 4 /* a document may name this many times what a board may have */
#define BOARD_PATH_BYTES   96

struct reading {
    struct board *board;
    enum board_form form;
    struct str text; /* of the whole document */
    struct buf *keys;
    struct board_faults *faults;
};

/* Where one object stands: the object and its path, "stations[0].sources[2]". */
#define ENTRY_DEPTH_MAX 4
struct entry {
    const struct json *object;
    char path[BOARD_PATH_BYTES];
    size_t trail[ENTRY_DEPTH_MAX]; /* the same as numbers: the how manieth in its container, from
                                      the document's root on */
    size_t depth;
};

/* Adds "<path>.<name>: <text>", or "<path>: <text>" if `name` is "". */
void reading_fault(struct reading *r, const struct entry *at, const char *name, const char *format,
                   ...) __attribute__((format(printf, 4, 5)));

/* Formats a value for a message: quoted, cut, control characters escaped. */
const char *reading_shown(struct log_text *t, struct str value);

/* Reads a text if it is there and can be a field of `size` bytes. */
bool reading_text(struct reading *r, const struct entry *at, const char *name, size_t size,
                  struct str *out);

/* Reads a whole number if it is there and in range.
 * Shape: `unit` is for the fault: " of seconds", or "". */
bool reading_whole(struct reading *r, const struct entry *at, const char *name, const char *unit,
                   int64_t least, int64_t most, int64_t *out);

/* Reads a number of seconds, which may have a fraction, to the next millisecond. */
bool reading_seconds(struct reading *r, const struct entry *at, const char *name, uint32_t least_ms,
                     uint32_t most_ms, uint32_t *out_ms);

/* Both take a member over to its field, if it is there and right. */
void reading_set_text(struct reading *r, const struct entry *at, const char *name, char *field,
                      size_t size);
void reading_set_bool(struct reading *r, const struct entry *at, const char *name, bool *field);

/* The array `name` of an object; NULL if it is not there, no array, or has far too many entries. */
const struct json *reading_list(struct reading *r, const struct entry *at, const char *name,
                                size_t most);

/* The i-th entry of such a list, which must be an object. */
bool reading_entry(struct reading *r, const struct entry *outer, const char *name,
                   const struct json *list, size_t i, struct entry *out);

/* The member `name`, which must be an object if it is there. */
bool reading_object(struct reading *r, const struct entry *outer, const char *name,
                    struct entry *out);

/* Tells whether a document takes the thing away. */
bool reading_removes(struct reading *r, const struct entry *at);

/* Looks at which members an object has. A document names what it changes and may remove; a file
 * says everything, but what is newer than the mast that wrote it.
 * Shape:  both lists end in NULL; `newer` may be NULL. */
void reading_members(struct reading *r, const struct entry *at, const char *const *names,
                     const char *const *newer);

/* Reads the slug of a station or rendition, which must be there, right, and not named before. */
bool reading_slug(struct reading *r, const struct entry *at, const struct json *list, size_t i,
                  bool of_station, struct str *out);

/* Fills a whole field, so that nothing of an older text stays behind the new one. */
void board_field_set(char *field, size_t size, struct str text);

/* A new station's rules.   Both read members of a station: "rules", "loop". */
void board_rules_init(struct board_rules *rules);
void board_read_rules(struct reading *r, const struct entry *at, struct board_station *station);
void board_read_loop(struct reading *r, const struct entry *at, struct board_station *station);

/* The members "renditions" and "sources" of a station. */
void board_read_renditions(struct reading *r, const struct entry *at,
                           struct board_station *station);
void board_read_sources(struct reading *r, const struct entry *at, struct board_station *station);

#endif
