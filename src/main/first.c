/* main/first.c - contract in first.h */
#include "main/first.h"

#include "base/io.h"
#include "base/log.h"
#include "main/serve.h"

static enum err save_keys(const struct config *config, const char *admin, const char *relay)
{
    char path[PATH_BYTES];
    struct buf text;
    data_path(config, "keys", path);
    buf_init(&text, 512);
    buf_printf(&text, "admin %s\nrelay %s\n", admin, relay);
    enum err err = buf_err(&text);
    if (!err)
        err = io_save(path, buf_str(&text));
    buf_release(&text);
    if (!err)
        log_info(EV_BOARD, "text=\"first start: the keys of admin and relay are in %s\"", path);
    return err;
}

static enum err load_or_make(const struct config *config, const char *path, struct board **out,
                             struct buf *faults)
{
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES];
    enum err err = board_load(path, out, faults);
    if (err != E_NOT_FOUND)
        return err;
    buf_clear(faults);
    err = board_new(admin, relay, out);
    if (!err)
        err = save_keys(config, admin, relay);
    if (!err)
        err = board_save(path, *out);
    if (err)
        board_free(out);
    return err;
}

static enum err apply_document(const char *path, const char *document, struct board **board,
                               struct buf *faults)
{
    struct board *next;
    struct board_keys keys;
    buf_init(&keys.lines, 1 << 16);
    enum err err = board_apply(*board, str_of(document), &next, &keys, faults);
    buf_release(&keys.lines);
    if (err)
        return err;
    board_free(board);
    *board = next;
    return board_save(path, next);
}

enum err first_board(const struct config *config, const char *document, struct board **out,
                     struct buf *faults)
{
    char path[PATH_BYTES];
    data_path(config, "board.json", path);
    enum err err = load_or_make(config, path, out, faults);
    if (!err && document)
        err = apply_document(path, document, out, faults);
    if (err)
        board_free(out);
    return err;
}
