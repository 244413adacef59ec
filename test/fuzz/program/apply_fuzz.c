/* Any document for mast apply: refused with faults, or twice is the same as once, and the board
 * that follows can be saved, loaded and exported. */
#include "base/io.h"
#include "program/board_priv.h"

#include <stdio.h>
#include <sys/mman.h>

static const char first[] =
    "{\"stations\": [{\"slug\": \"wxyz\", \"renditions\": [{\"slug\": \"mp3\", \"codec\": \"mp3\","
    "\"mounts\": [\"/live.mp3\"]}], \"sources\": [{\"key\": \"123456789012\"},"
    "{\"relay\": \"http://a.example/x\", \"order\": 5}]},"
    "{\"slug\": \"news\", \"renditions\": [{\"slug\": \"a\", \"codec\": \"aac\"}]}]}";

static struct board *apply(const struct board *old, struct str document)
{
    struct board *made;
    struct board_keys keys;
    struct buf faults;
    buf_init(&keys.lines, 1 << 20);
    buf_init(&faults, 1 << 20);
    enum err err = board_apply(old, document, &made, &keys, &faults);
    assert((err == OK) == (made != NULL) && (err == OK) == (faults.len == 0));
    assert(!err || keys.lines.len == 0);
    for (struct str rest = buf_str(&faults), line; rest.len > 0;) {
        bool ended = str_cut(&rest, '\n', &line);
        assert(ended && !board_text_wrong(line));
    }
    buf_release(&keys.lines);
    buf_release(&faults);
    return made;
}

static void assert_same(const struct board *a, const struct board *b)
{
    struct buf x, y;
    buf_init(&x, 4 << 20);
    buf_init(&y, 4 << 20);
    board_format(a, &x);
    board_format(b, &y);
    assert(!buf_err(&x) && str_eq(buf_str(&x), buf_str(&y)));
    buf_release(&x);
    buf_release(&y);
}

static void check_file(const struct board *board)
{
    char path[64];
    struct buf text, faults;
    struct board *back;
    int fd = memfd_create("board", MFD_CLOEXEC);
    buf_init(&text, 4 << 20);
    buf_init(&faults, 1 << 20);
    board_format(board, &text);
    enum err err = io_write_at(fd, buf_str(&text), 0);
    assert(fd >= 0 && !err);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    err = board_load(path, &back, &faults);
    assert(!err);
    assert_same(board, back);
    board_free(&back);
    buf_release(&text);
    buf_release(&faults);
    io_close(&fd);
}

static void check_export(const struct board *board)
{
    struct buf text;
    buf_init(&text, 4 << 20);
    board_export(board, &text);
    struct board *same = apply(board, buf_str(&text));
    /* A zone in an old board was known when it was applied. */
    assert(same);
    assert_same(board, same);
    board_free(&same);
    buf_release(&text);
}

static void check_addresses(const struct board *board)
{
    char path[MOUNT_BYTES];
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s], *found;
        assert(board_station_find(board, str_of(station->slug)) == station);
        for (size_t r = 0; r < station->renditions_count; r++) {
            board_mount_format(station, &station->renditions[r], path);
            assert(board_mount_find(board, str_of(path), &found) == &station->renditions[r]);
            for (size_t m = 0; m < station->renditions[r].mounts_count; m++)
                assert(board_mount_find(board, str_of(station->renditions[r].mounts[m]), &found) ==
                       &station->renditions[r]);
        }
    }
}

/* Inputs stand in their order, and a relay has a name that nothing else has. */
static void check_inputs(const struct board *board)
{
    for (size_t s = 0; s < board->stations_count; s++) {
        const struct board_station *station = &board->stations[s];
        assert(station->rules.stall_ms >= 500 && station->rules.stall_ms <= 30000);
        assert(station->rules.silence_switch_s >= station->rules.silence_alarm_s);
        for (size_t i = 0; i < station->sources_count; i++) {
            const struct board_source *source = &station->sources[i];
            assert(i == 0 || source[-1].order <= source->order);
            if (!board_source_is_relay(source))
                continue;
            assert(!board_relay_wrong(str_of(source->relay)) && !source->key_hash[0]);
            assert(board_relay_is_name(station, str_of(source->mount)));
            for (size_t j = 0; j < station->sources_count; j++)
                assert(i == j || !str_eq(str_of(station->sources[j].mount), str_of(source->mount)));
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char admin[KEY_TEXT_BYTES], relay[KEY_TEXT_BYTES];
    struct board *empty;
    enum err err = crypto_init();
    assert(!err);
    err = board_new(admin, relay, &empty);
    assert(!err);
    struct board *old = apply(empty, str_of(first));
    assert(old);
    struct str document = {(const char *)data, size};
    struct board *made = apply(old, document);
    if (made) {
        struct board *again = apply(made, document);
        assert(again);
        assert_same(made, again);
        check_file(made);
        check_export(made);
        check_addresses(made);
        check_inputs(made);
        board_free(&again);
    }
    board_free(&made);
    board_free(&old);
    board_free(&empty);
    return 0;
}
