/* media/vorbis.c - contract in ogg_codec_priv.h
 *
 * The length of a packet depends on the mode it names, and the modes stand at the very end of a
 * header without any lengths: all that is before them has to be walked through. */
#include "media/bytes_priv.h"
#include "media/ogg_codec_priv.h"

#define PREFIX_BYTES 7 /* type, "vorbis" */
#define RATE_MAX_HZ  768000

/* Bits from the lowest of each byte on. Past the end they are zero and `over` is set. */
struct bits {
    struct str bytes;
    uint64_t at;
    bool over;
};

static void skip(struct bits *b, uint64_t count)
{
    uint64_t left = (uint64_t)b->bytes.len * 8 - b->at;
    if (count > left) {
        b->over = true;
        count = left;
    }
    b->at += count;
}

static uint32_t take(struct bits *b, unsigned count)
{
    uint64_t at = b->at;
    skip(b, count);
    if (b->over)
        return 0;
    uint32_t value = 0;
    for (unsigned i = 0; i < count; i++, at++)
        value |= (uint32_t)(byte_at(b->bytes, at >> 3) >> (at & 7) & 1) << i;
    return value;
}

/* How many bits a number needs. */
static unsigned width(uint32_t value)
{
    unsigned bits = 0;
    for (; value > 0; value >>= 1)
        bits++;
    return bits;
}

/* The greatest number whose `dimensions`-th power is at most `entries`. */
static uint64_t root(uint32_t entries, uint32_t dimensions)
{
    uint32_t low = 0, high = entries;
    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        uint64_t power = 1;
        for (uint32_t i = 0; i < dimensions && power <= entries && middle > 1; i++)
            power *= middle; /* both below 2^24: no overflow */
        if (power <= entries)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

static bool walk_lengths(struct bits *b, uint32_t entries)
{
    bool is_ordered = take(b, 1);
    if (is_ordered) {
        skip(b, 5);
        for (uint32_t done = 0; done < entries && !b->over;) {
            uint32_t more = take(b, width(entries - done));
            if (more > entries - done)
                return false;
            done += more;
        }
        return !b->over;
    }
    bool is_sparse = take(b, 1);
    if (!is_sparse)
        skip(b, (uint64_t)entries * 5);
    else
        for (uint32_t i = 0; i < entries && !b->over; i++)
            if (take(b, 1))
                skip(b, 5);
    return !b->over;
}

static bool walk_codebook(struct bits *b)
{
    if (take(b, 24) != 0x564342)
        return false;
    uint32_t dimensions = take(b, 16);
    uint32_t entries = take(b, 24);
    if (!walk_lengths(b, entries))
        return false;
    uint32_t lookup = take(b, 4);
    if (lookup == 0)
        return !b->over;
    if (lookup > 2 || dimensions == 0)
        return false;
    skip(b, 64);
    unsigned value_bits = take(b, 4) + 1;
    skip(b, 1);
    uint64_t values = lookup == 1 ? root(entries, dimensions) : (uint64_t)entries * dimensions;
    skip(b, values * value_bits);
    return !b->over;
}

static void walk_floor0(struct bits *b)
{
    skip(b, 8 + 16 + 16 + 6 + 8);
    skip(b, 8 * ((uint64_t)take(b, 4) + 1));
}

static void walk_floor1(struct bits *b)
{
    uint8_t class_of[32];
    uint8_t dimensions[16];
    unsigned classes = 0;
    unsigned partitions = take(b, 5);
    for (unsigned i = 0; i < partitions; i++) {
        class_of[i] = (uint8_t)take(b, 4);
        if (class_of[i] >= classes)
            classes = class_of[i] + 1u;
    }
    for (unsigned i = 0; i < classes; i++) {
        dimensions[i] = (uint8_t)(take(b, 3) + 1);
        unsigned subclasses = take(b, 2);
        if (subclasses > 0)
            skip(b, 8);
        skip(b, 8u << subclasses);
    }
    skip(b, 2);
    unsigned range_bits = take(b, 4);
    for (unsigned i = 0; i < partitions; i++)
        skip(b, (uint64_t)dimensions[class_of[i]] * range_bits);
}

static bool walk_floor(struct bits *b)
{
    uint32_t type = take(b, 16);
    if (type > 1)
        return false;
    if (type == 0)
        walk_floor0(b);
    else
        walk_floor1(b);
    return !b->over;
}

static bool walk_residue(struct bits *b)
{
    if (take(b, 16) > 2)
        return false;
    skip(b, 24 + 24 + 24);
    unsigned classes = take(b, 6) + 1;
    skip(b, 8);
    uint64_t books = 0;
    for (unsigned i = 0; i < classes; i++) {
        uint32_t cascade = take(b, 3);
        if (take(b, 1))
            cascade |= take(b, 5) << 3;
        books += (unsigned)__builtin_popcount(cascade);
    }
    skip(b, 8 * books);
    return !b->over;
}

static bool walk_mapping(struct bits *b, uint8_t channels)
{
    if (take(b, 16) != 0)
        return false;
    unsigned submaps = take(b, 1) ? take(b, 4) + 1 : 1;
    if (take(b, 1)) {
        uint64_t steps = take(b, 8) + 1;
        skip(b, steps * 2 * width(channels - 1u));
    }
    skip(b, 2);
    if (submaps > 1)
        skip(b, 4u * channels);
    skip(b, 24u * submaps);
    return !b->over;
}

static bool read_modes(struct bits *b, struct vorbis *vorbis)
{
    unsigned count = take(b, 6) + 1;
    uint64_t long_modes = 0;
    for (unsigned i = 0; i < count; i++) {
        long_modes |= (uint64_t)take(b, 1) << i;
        if (take(b, 16) != 0 || take(b, 16) != 0)
            return false;
        skip(b, 8);
    }
    bool framing = take(b, 1);
    if (b->over || !framing)
        return false;
    vorbis->modes_count = count;
    vorbis->mode_bits = width(count - 1);
    vorbis->long_modes = long_modes;
    return true;
}

enum err vorbis_parse_setup(struct str packet, uint8_t channels, struct vorbis *vorbis)
{
    assert(channels > 0);
    vorbis->modes_count = 0;
    if (!str_starts(packet, STR("\5vorbis")))
        return E_CORRUPT;
    struct bits bits = {.bytes = str_slice(packet, PREFIX_BYTES, packet.len)};
    struct bits *b = &bits;
    for (unsigned left = take(b, 8) + 1; left > 0; left--)
        if (!walk_codebook(b))
            return E_CORRUPT;
    for (unsigned left = take(b, 6) + 1; left > 0; left--)
        if (take(b, 16) != 0) /* times: a placeholder of the format */
            return E_CORRUPT;
    for (unsigned left = take(b, 6) + 1; left > 0; left--)
        if (!walk_floor(b))
            return E_CORRUPT;
    for (unsigned left = take(b, 6) + 1; left > 0; left--)
        if (!walk_residue(b))
            return E_CORRUPT;
    for (unsigned left = take(b, 6) + 1; left > 0; left--)
        if (!walk_mapping(b, channels))
            return E_CORRUPT;
    return read_modes(b, vorbis) ? OK : E_CORRUPT;
}

enum err vorbis_parse_head(struct str packet, struct vorbis *vorbis, struct format *format)
{
    *vorbis = (struct vorbis){0};
    *format = (struct format){0};
    if (packet.len < VORBIS_HEAD_BYTES || !str_starts(packet, STR("\1vorbis")))
        return E_CORRUPT;
    uint32_t version = le32_at(packet, 7);
    uint8_t channels = byte_at(packet, 11);
    uint32_t rate_hz = le32_at(packet, 12);
    uint32_t nominal_bps = le32_at(packet, 20);
    unsigned small = byte_at(packet, 28) & 15;
    unsigned large = byte_at(packet, 28) >> 4;
    if (version != 0 || channels < 1 || channels > 8 || rate_hz < 1 || rate_hz > RATE_MAX_HZ ||
        small < 6 || large > 13 || small > large || !(byte_at(packet, 29) & 1))
        return E_CORRUPT;
    vorbis->block_samples[0] = 1u << small;
    vorbis->block_samples[1] = 1u << large;
    *format = (struct format){
        .codec = CODEC_VORBIS,
        .rate_hz = rate_hz,
        .bitrate_bps = nominal_bps <= INT32_MAX ? nominal_bps : 0, /* signed; -1 is not set */
        .channels = channels,
    };
    return OK;
}

enum err vorbis_samples(struct vorbis *vorbis, struct str packet, uint32_t *out)
{
    *out = 0;
    struct bits bits = {.bytes = packet};
    bool is_header = take(&bits, 1);
    uint32_t mode = take(&bits, vorbis->mode_bits);
    if (bits.over || is_header || mode >= vorbis->modes_count)
        return E_CORRUPT;
    uint32_t now = vorbis->block_samples[vorbis->long_modes >> mode & 1];
    if (vorbis->before_samples > 0)
        *out = (vorbis->before_samples + now) / 4;
    vorbis->before_samples = now;
    return OK;
}
