/* What the tests of the board share: a board, a private folder, and documents for it. */
#ifndef MAST_TEST_BOARD_ROOM_H
#define MAST_TEST_BOARD_ROOM_H

#include "program/board_priv.h"

#include "../base/tmp_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct room {
    struct tmp_folder folder;
    struct board *board;
    struct board_keys keys;
    struct buf faults;
};

static const char two_stations[] =
    "{\"stations\": ["
    "  {\"slug\": \"wxyz\", \"name\": \"WXYZ News\", \"timezone\": \"America/New_York\","
    "   \"url\": \"https://wxyz.example/\", \"genre\": \"News\", \"description\": \"Caf\xC3\xA9\","
    "   \"renditions\": ["
    "     {\"slug\": \"mp3-128\", \"codec\": \"mp3\", \"bitrate\": 128000,"
    "      \"mounts\": [\"/live.mp3\"]},"
    "     {\"slug\": \"mp3-64\", \"codec\": \"mp3\", \"bitrate\": 64000},"
    "     {\"slug\": \"aac-48\", \"codec\": \"aac\", \"bitrate\": 48000,"
    "      \"mounts\": [\"/old/stream\", \"/wxyz/listen\"]}],"
    "   \"sources\": [{\"user\": \"studio\", \"mount\": \"/wxyz\", \"key\": \"studio-key-1234\"},"
    "               {\"user\": \"backup\", \"key\": \"backup-key-1234\"}]},"
    "  {\"slug\": \"news\", \"listed\": false,"
    "   \"renditions\": [{\"slug\": \"opus\", \"codec\": \"opus\"}],"
    "   \"sources\": [{\"mount\": \"/in/news\", \"key\": \"news-key-12345\"}]}]}";

static inline int room_start(void **state)
{
    static struct room room;
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES];
    tmp_make(&room.folder);
    buf_init(&room.faults, 1 << 20);
    buf_init(&room.keys.lines, 1 << 20);
    *state = &room;
    return crypto_init() || board_new(admin, relay, &room.board) ? -1 : 0;
}

static inline int room_stop(void **state)
{
    struct room *room = *state;
    board_free(&room->board);
    buf_release(&room->faults);
    buf_release(&room->keys.lines);
    tmp_remove(&room->folder);
    return 0;
}

/* Puts the board that follows from a document in the place of the room's. */
static inline enum err apply(struct room *room, const char *document)
{
    struct board *made;
    buf_clear(&room->faults);
    buf_clear(&room->keys.lines);
    enum err err = board_apply(room->board, str_of(document), &made, &room->keys, &room->faults);
    assert_true((err == OK) == (made != NULL));
    assert_true((err == E_SYNTAX) == (room->faults.len > 0));
    if (!err) {
        board_free(&room->board);
        room->board = made;
    }
    return err;
}

static inline void apply_good(struct room *room, const char *document)
{
    enum err err = apply(room, document);
    if (err)
        print_error("%s", room->faults.ptr);
    assert_int_equal(err, OK);
}

/* The whole board as text; it lives until the next call. */
static inline const char *board_text(const struct board *board)
{
    static char text[200000];
    struct buf out;
    buf_init(&out, sizeof text - 1);
    board_format(board, &out);
    assert_int_equal(buf_err(&out), OK);
    memcpy(text, out.ptr, out.len + 1);
    buf_release(&out);
    return text;
}

/* The document must be refused with exactly this one fault, and nothing may change. */
static inline void apply_bad(struct room *room, const char *document, const char *fault)
{
    char expected[700];
    char *before = strdup(board_text(room->board));
    snprintf(expected, sizeof expected, "%s\n", fault);
    assert_int_equal(apply(room, document), E_SYNTAX);
    assert_string_equal(room->faults.ptr, expected);
    assert_int_equal(room->keys.lines.len, 0);
    assert_string_equal(board_text(room->board), before);
    free(before);
}

#endif
