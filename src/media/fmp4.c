/* media/fmp4.c - contract in fmp4.h */
#include "media/fmp4.h"

#include "media/raw_priv.h"

#include <stdio.h>
#include <string.h>

#define TRACK             1
#define BLOCK_SAMPLES     1024
#define OBJECT_TYPE_AAC   0x40
#define STREAM_TYPE_AUDIO (5 << 2 | 1)

/* ---- numbers and boxes ---- */

static void add8(struct buf *out, uint32_t v)
{
    buf_add_char(out, (char)(unsigned char)v);
}

static void add16(struct buf *out, uint32_t v)
{
    add8(out, v >> 8 & 255);
    add8(out, v & 255);
}

static void add32(struct buf *out, uint32_t v)
{
    add16(out, v >> 16);
    add16(out, v & 65535);
}

static void add64(struct buf *out, uint64_t v)
{
    add32(out, (uint32_t)(v >> 32));
    add32(out, (uint32_t)v);
}

static void add_zeros(struct buf *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add8(out, 0);
}

static void put32(struct buf *out, size_t at, uint32_t v)
{
    if (buf_err(out))
        return;
    for (int i = 0; i < 4; i++)
        out->ptr[at + (size_t)i] = (char)(unsigned char)(v >> (24 - 8 * i) & 255);
}

/* Returns where it begins, for box_end(). */
static size_t box(struct buf *out, const char *type)
{
    size_t at = out->len;
    add32(out, 0);
    buf_add(out, str_of(type));
    return at;
}

static size_t full_box(struct buf *out, const char *type, uint32_t version, uint32_t flags)
{
    size_t at = box(out, type);
    add32(out, version << 24 | flags);
    return at;
}

static void box_end(struct buf *out, size_t at)
{
    put32(out, at, (uint32_t)(out->len - at));
}

/* ---- init section ---- */

static const uint32_t rates_hz[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                    22050, 16000, 12000, 11025, 8000,  7350};

#define RATES (sizeof rates_hz / sizeof *rates_hz)

/* Says which writer made it: to be raised when other bytes come out of the same configuration. */
#define INIT_VERSION 1

/* What stands in an AudioSpecificConfig: 5 bits object type, 4 bits index of the rate, 4 bits
 * channels, 3 zero. */
struct config {
    uint32_t profile, rate_index, channels;
};

static bool config_is_good(const struct config *config)
{
    return config->profile >= 1 && config->profile <= 4 && config->rate_index < RATES &&
           config->channels >= 1 && config->channels <= 7;
}

static uint32_t config_bits(const struct config *config)
{
    return config->profile << 11 | config->rate_index << 7 | config->channels << 3;
}

static uint32_t config_channels(const struct config *config)
{
    return config->channels == 7 ? 8 : config->channels;
}

static bool config_of(const struct format *format, struct config *out)
{
    *out = (struct config){.profile = format->profile,
                           .channels = format->channels == 8 ? 7 : format->channels};
    while (out->rate_index < RATES && rates_hz[out->rate_index] != format->rate_hz)
        out->rate_index++;
    return format->codec == CODEC_AAC && format->channels != 7 && config_is_good(out);
}

uint32_t fmp4_init_id(const struct format *format)
{
    struct config config;
    return config_of(format, &config) ? INIT_VERSION << 16 | config_bits(&config) : 0;
}

enum err fmp4_codec_name(const struct format *format, char out[16])
{
    struct config config;
    out[0] = '\0';
    if (!config_of(format, &config))
        return E_UNSUPPORTED;
    snprintf(out, 16, "mp4a.40.%u", config.profile);
    return OK;
}

static void add_matrix(struct buf *out)
{
    static const uint32_t unity[9] = {0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000};
    for (int i = 0; i < 9; i++)
        add32(out, unity[i]);
}

static void add_ftyp(struct buf *out)
{
    size_t at = box(out, "ftyp");
    buf_add(out, STR("iso6"));
    add32(out, 0);
    buf_add(out, STR("iso6"
                     "cmfc"
                     "mp41"));
    box_end(out, at);
}

static void add_mvhd(struct buf *out, uint32_t rate_hz)
{
    size_t at = full_box(out, "mvhd", 0, 0);
    add_zeros(out, 8); /* made, changed: left out, so that the same format gives the same bytes */
    add32(out, rate_hz);
    add32(out, 0);       /* duration: it goes on */
    add32(out, 0x10000); /* pace */
    add16(out, 0x100);   /* volume */
    add_zeros(out, 10);
    add_matrix(out);
    add_zeros(out, 24);
    add32(out, TRACK + 1);
    box_end(out, at);
}

static void add_tkhd(struct buf *out)
{
    size_t at = full_box(out, "tkhd", 0, 7); /* enabled, in movie, in preview */
    add_zeros(out, 8);
    add32(out, TRACK);
    add_zeros(out, 4 + 4 + 8 + 2 + 2);
    add16(out, 0x100); /* volume */
    add16(out, 0);
    add_matrix(out);
    add_zeros(out, 8); /* no picture */
    box_end(out, at);
}

/* Descriptors of ISO/IEC 14496-1 with their lengths in one byte: all are shorter than 128. */
static void add_esds(struct buf *out, const struct config *config)
{
    size_t at = full_box(out, "esds", 0, 0);
    add8(out, 3); /* ES_Descriptor */
    add8(out, 3 + 2 + 13 + 2 + 2 + 2 + 1);
    add16(out, 0);
    add8(out, 0);
    add8(out, 4); /* DecoderConfigDescriptor */
    add8(out, 13 + 2 + 2);
    add8(out, OBJECT_TYPE_AAC);
    add8(out, STREAM_TYPE_AUDIO);
    add_zeros(out, 3 + 4 + 4); /* of buffer and bit rates nothing is said */
    add8(out, 5);              /* DecoderSpecificInfo */
    add8(out, 2);
    add16(out, config_bits(config));
    add8(out, 6); /* SLConfigDescriptor: as MP4 has it */
    add8(out, 1);
    add8(out, 2);
    box_end(out, at);
}

static void add_stsd(struct buf *out, const struct config *config)
{
    size_t at = full_box(out, "stsd", 0, 0);
    add32(out, 1);
    size_t entry = box(out, "mp4a");
    add_zeros(out, 6);
    add16(out, 1); /* data reference */
    add_zeros(out, 8);
    add16(out, config_channels(config));
    add16(out, 16); /* bits of a sample: always said so */
    add_zeros(out, 4);
    uint32_t rate_hz = rates_hz[config->rate_index];
    add32(out, rate_hz < 65536 ? rate_hz << 16 : 0);
    add_esds(out, config);
    box_end(out, entry);
    box_end(out, at);
}

static void add_empty_table(struct buf *out, const char *type, size_t zeros)
{
    size_t at = full_box(out, type, 0, 0);
    add_zeros(out, zeros);
    box_end(out, at);
}

static void add_minf(struct buf *out, const struct config *config)
{
    size_t minf = box(out, "minf");
    add_empty_table(out, "smhd", 4);
    size_t dinf = box(out, "dinf");
    size_t dref = full_box(out, "dref", 0, 0);
    add32(out, 1);
    box_end(out, full_box(out, "url ", 0, 1)); /* in this file */
    box_end(out, dref);
    box_end(out, dinf);
    size_t stbl = box(out, "stbl");
    add_stsd(out, config);
    add_empty_table(out, "stts", 4);
    add_empty_table(out, "stsc", 4);
    add_empty_table(out, "stsz", 8);
    add_empty_table(out, "stco", 4);
    box_end(out, stbl);
    box_end(out, minf);
}

static void add_mdia(struct buf *out, const struct config *config)
{
    size_t mdia = box(out, "mdia");
    size_t mdhd = full_box(out, "mdhd", 0, 0);
    add_zeros(out, 8);
    add32(out, rates_hz[config->rate_index]);
    add32(out, 0);
    add16(out, 0x55c4); /* "und" in three times five bits */
    add16(out, 0);
    box_end(out, mdhd);
    size_t hdlr = full_box(out, "hdlr", 0, 0);
    add32(out, 0);
    buf_add(out, STR("soun"));
    add_zeros(out, 12 + 1);
    box_end(out, hdlr);
    add_minf(out, config);
    box_end(out, mdia);
}

static void add_mvex(struct buf *out)
{
    size_t mvex = box(out, "mvex");
    size_t trex = full_box(out, "trex", 0, 0);
    add32(out, TRACK);
    add32(out, 1); /* description */
    add32(out, BLOCK_SAMPLES);
    add_zeros(out, 8);
    box_end(out, trex);
    box_end(out, mvex);
}

enum err fmp4_init(uint32_t id, struct buf *out)
{
    const struct config config = {id >> 11 & 31, id >> 7 & 15, id >> 3 & 15};
    if (!config_is_good(&config) || id != (INIT_VERSION << 16 | config_bits(&config)))
        return E_UNSUPPORTED;
    add_ftyp(out);
    size_t moov = box(out, "moov");
    add_mvhd(out, rates_hz[config.rate_index]);
    size_t trak = box(out, "trak");
    add_tkhd(out);
    add_mdia(out, &config);
    box_end(out, trak);
    add_mvex(out);
    box_end(out, moov);
    return OK;
}

/* ---- media segments ---- */

/* Calls `each` (may be NULL) with the block in every frame; counts them. */
static enum err walk(const struct fmp4_segment *segment, struct buf *out,
                     void (*each)(struct buf *out, struct str block), uint32_t *count)
{
    *count = 0;
    for (size_t i = 0; i < segment->stretches_count; i++) {
        struct str left = segment->stretches[i];
        while (left.len > 0) {
            struct raw_head head;
            if (adts_parse(left, &head) != OK || head.has_crc || head.bytes > left.len)
                return E_CORRUPT;
            if (each)
                each(out, str_slice(left, ADTS_HEAD_BYTES, head.bytes));
            left = str_slice(left, head.bytes, left.len);
            (*count)++;
        }
    }
    return *count > 0 ? OK : E_CORRUPT;
}

static void add_size(struct buf *out, struct str block)
{
    add32(out, (uint32_t)block.len);
}

enum err fmp4_segment(const struct fmp4_segment *segment, struct buf *out, uint64_t *samples)
{
    uint32_t count;
    *samples = 0;
    enum err err = walk(segment, NULL, NULL, &count);
    if (err)
        return err;
    size_t moof = box(out, "moof");
    size_t mfhd = full_box(out, "mfhd", 0, 0);
    add32(out, segment->sequence);
    box_end(out, mfhd);
    size_t traf = box(out, "traf");
    /* default-base-is-moof; all else as in trex. */
    size_t tfhd = full_box(out, "tfhd", 0, 0x020000);
    add32(out, TRACK);
    box_end(out, tfhd);
    size_t tfdt = full_box(out, "tfdt", 1, 0);
    add64(out, segment->decode_time);
    box_end(out, tfdt);
    size_t trun = full_box(out, "trun", 0, 0x000201); /* an offset, and a size for each */
    add32(out, count);
    size_t offset_at = out->len;
    add32(out, 0);
    err = walk(segment, out, add_size, &count);
    box_end(out, trun);
    box_end(out, traf);
    box_end(out, moof);
    size_t mdat = box(out, "mdat");
    put32(out, offset_at, (uint32_t)(out->len - moof));
    if (!err)
        err = walk(segment, out, buf_add, &count);
    assert(!err); /* it was walked over before */
    box_end(out, mdat);
    *samples = (uint64_t)count * BLOCK_SAMPLES;
    return OK;
}
