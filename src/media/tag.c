/* media/tag.c - tags that stand between frames; contract in raw_priv.h */
#include "media/bytes_priv.h"
#include "media/raw_priv.h"

/* Longer ones are not believed: a wrong length would eat minutes of sound. */
#define TAG_MAX_BYTES ((size_t)16 << 20)

#define ID3V1_BYTES          128
#define ID3V1_EXTENDED_BYTES 227
#define ID3V2_HEAD_BYTES     10
#define APE_HEAD_BYTES       32

static enum err measure_id3v1(struct str bytes, size_t *out)
{
    if (bytes.len < 4)
        return E_AGAIN;
    *out = byte_at(bytes, 3) == '+' ? ID3V1_EXTENDED_BYTES : ID3V1_BYTES;
    return OK;
}

static enum err measure_id3v2(struct str bytes, size_t *out)
{
    if (bytes.len < ID3V2_HEAD_BYTES)
        return E_AGAIN;
    if (byte_at(bytes, 3) == 0xFF || byte_at(bytes, 4) == 0xFF)
        return E_CORRUPT;
    size_t len = 0;
    for (size_t i = 6; i < ID3V2_HEAD_BYTES; i++) {
        if (byte_at(bytes, i) & 0x80)
            return E_CORRUPT;
        len = len << 7 | byte_at(bytes, i);
    }
    bool has_footer = byte_at(bytes, 5) & 0x10;
    *out = len + ID3V2_HEAD_BYTES + (has_footer ? ID3V2_HEAD_BYTES : 0);
    return OK;
}

static enum err measure_ape(struct str bytes, size_t *out)
{
    if (bytes.len < APE_HEAD_BYTES)
        return E_AGAIN;
    uint32_t version = le32_at(bytes, 8);
    bool is_header = le32_at(bytes, 20) & 1u << 29;
    if (version != 1000 && version != 2000)
        return E_CORRUPT;
    /* The size counts the items and the footer. A footer alone ends what was skipped as noise. */
    *out = APE_HEAD_BYTES + (is_header ? (size_t)le32_at(bytes, 12) : 0);
    return OK;
}

enum err tag_measure(struct str bytes, size_t *out)
{
    static const struct {
        struct str name;
        enum err (*measure)(struct str bytes, size_t *out);
    } tags[] = {
        {{"TAG", 3}, measure_id3v1},
        {{"ID3", 3}, measure_id3v2},
        {{"APETAGEX", 8}, measure_ape},
    };
    *out = 0;
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (!bytes_agree(bytes, tags[i].name))
            continue;
        if (bytes.len < tags[i].name.len)
            return E_AGAIN;
        enum err err = tags[i].measure(bytes, out);
        if (!err && *out > TAG_MAX_BYTES) {
            *out = 0;
            err = E_CORRUPT;
        }
        return err;
    }
    return E_CORRUPT;
}
