/* listen/supply.c - titles of the RAM tail and of pieces; contract in supply_priv.h */
#include "listen/supply_priv.h"

#include "listen/past_priv.h"

static uint64_t ram_key(const struct ear *ear, size_t offset)
{
    uint64_t pos = atomic_load_explicit(&ear->row->pos, memory_order_relaxed);
    return tape_title_seq(ear->tape, pos + offset);
}

static void ram_text(const struct ear *ear, size_t offset, char title[TITLE_BYTES])
{
    struct tape_title_at found;
    uint64_t pos = atomic_load_explicit(&ear->row->pos, memory_order_relaxed);
    title[0] = '\0';
    if (tape_title_find(ear->tape, pos + offset, &found) == OK)
        str_copy(title, TITLE_BYTES, str_of(found.text));
}

enum err supply_from_ram(const struct ear *ear, uint64_t to, struct supply *supply)
{
    struct iovec span;
    uint64_t pos = atomic_load_explicit(&ear->row->pos, memory_order_relaxed);
    enum err err = tape_span(ear->tape, pos, to > pos ? to : pos, &span);
    if (err)
        return err;
    *supply = (struct supply){{span.iov_base, span.iov_len}, ram_key, ram_text};
    return OK;
}

static const struct tape_piece_title *piece_title(const struct ear *ear, size_t offset)
{
    const struct tape_piece *piece = ear->past->piece;
    const struct tape_piece_title *found = NULL;
    for (size_t i = 0; i < piece->titles_count; i++)
        if (piece->titles[i].offset_bytes <= ear->past->offset + offset)
            found = &piece->titles[i];
    return found;
}

/* A title from a file has no number: its text makes the key, so that the same title in the next
 * piece is not sent again. FNV-1a. */
static uint64_t piece_key(const struct ear *ear, size_t offset)
{
    uint64_t key = UINT64_C(14695981039346656037);
    const struct tape_piece_title *title = piece_title(ear, offset);
    for (size_t i = 0; title && i < title->text.len; i++)
        key = (key ^ (unsigned char)title->text.ptr[i]) * UINT64_C(1099511628211);
    return key >> 1 | UINT64_C(1) << 62;
}

static void piece_text(const struct ear *ear, size_t offset, char title[TITLE_BYTES])
{
    const struct tape_piece_title *found = piece_title(ear, offset);
    str_copy(title, TITLE_BYTES, found ? found->text : STR(""));
}

void supply_from_piece(const struct ear *ear, size_t to, struct supply *supply)
{
    struct str sound = str_slice(ear->past->piece->bytes, ear->past->offset, to);
    *supply = (struct supply){sound, piece_key, piece_text};
}
