/* Any bytes as board.json, and any address and key asked of what was loaded. */
#include "base/io.h"
#include "program/board_priv.h"

#include <stdio.h>
#include <sys/mman.h>

static enum err load(struct str text, struct board **out)
{
    char path[64];
    struct buf faults;
    int fd = memfd_create("board", MFD_CLOEXEC);
    assert(fd >= 0);
    enum err err = io_write_at(fd, text, 0);
    assert(!err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    buf_init(&faults, 1 << 20);
    err = board_load(path, out, &faults);
    assert((err == OK) == (*out != NULL) && (err == OK) == (faults.len == 0));
    buf_release(&faults);
    io_close(&fd);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct board *board, *back;
    struct buf once, twice;
    const struct board_station *station;
    struct board_login login;
    struct str text = {(const char *)data, size}, line;
    enum err err = crypto_init();
    assert(!err);
    if (load(text, &board))
        return 0;
    buf_init(&once, 4 << 20);
    buf_init(&twice, 4 << 20);
    board_format(board, &once);
    err = load(buf_str(&once), &back);
    assert(!err);
    board_format(back, &twice);
    assert(str_eq(buf_str(&once), buf_str(&twice)));
    while (str_cut(&text, '"', &line)) {
        const struct board_rendition *r = board_mount_find(board, line, &station);
        assert(!r || station);
        err = board_login_check(board, line, STR("source"), line, &login);
        assert((err == OK) == (login.source != NULL));
        assert(err || !board_source_is_relay(login.source));
    }
    buf_release(&once);
    buf_release(&twice);
    board_free(&board);
    board_free(&back);
    return 0;
}
