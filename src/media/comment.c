/* media/comment.c - contract in ogg_codec_priv.h */
#include <stdio.h>

#include "media/bytes_priv.h"
#include "media/icy.h"
#include "media/ogg_codec_priv.h"

/* Takes a length and that many bytes off the start; a field that is cut off gives what is there. */
static bool take_field(struct str *s, struct str *field)
{
    if (s->len < 4)
        return false;
    uint32_t len = le32_at(*s, 0);
    *field = str_slice(*s, 4, 4 + (size_t)len);
    *s = str_slice(*s, 4 + field->len, s->len);
    return true;
}

/* The first comment of a name counts. */
static void keep(struct str *kept, struct str name, struct str want, struct str value)
{
    if (kept->len == 0 && str_eq_nocase(name, want))
        *kept = value;
}

bool comment_title(struct str body, char *title)
{
    title[0] = '\0';
    struct str artist_raw = {0}, title_raw = {0}, field;
    if (!take_field(&body, &field) || body.len < 4)
        return false;
    uint32_t left = le32_at(body, 0);
    body = str_slice(body, 4, body.len);
    for (; left > 0 && take_field(&body, &field); left--) {
        struct str name;
        str_cut(&field, '=', &name);
        keep(&artist_raw, name, STR("ARTIST"), field);
        keep(&title_raw, name, STR("TITLE"), field);
    }

    char artist[TITLE_BYTES], alone[TITLE_BYTES], both[2 * TITLE_BYTES + 3];
    size_t artist_len = title_clean(artist_raw, false, artist, sizeof artist);
    if (title_clean(title_raw, false, alone, sizeof alone) == 0)
        return false;
    snprintf(both, sizeof both, "%s%s%s", artist, artist_len > 0 ? " - " : "", alone);
    title_clean(str_of(both), false, title, TITLE_BYTES);
    return true;
}
