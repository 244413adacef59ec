/* media/format.c - contract in format.h */
#include "media/format.h"

static const struct {
    const char *name;
    const char *content_type;
} codecs[CODEC_COUNT] = {
    [CODEC_NONE] = {"none", "application/octet-stream"},
    [CODEC_MP3] = {"mp3", "audio/mpeg"},
    [CODEC_AAC] = {"aac", "audio/aac"},
    [CODEC_OPUS] = {"opus", "audio/ogg"},
    [CODEC_VORBIS] = {"vorbis", "audio/ogg"},
    [CODEC_FLAC] = {"flac", "audio/ogg"},
};

static const struct {
    const char *type;
    enum container container;
} types[] = {
    {"audio/mpeg", CONTAINER_MPEG},     {"audio/x-mpeg", CONTAINER_MPEG},
    {"audio/mp3", CONTAINER_MPEG},      {"audio/aac", CONTAINER_ADTS},
    {"audio/aacp", CONTAINER_ADTS},     {"audio/x-aac", CONTAINER_ADTS},
    {"application/ogg", CONTAINER_OGG}, {"audio/ogg", CONTAINER_OGG},
    {"audio/opus", CONTAINER_OGG},      {"application/x-ogg", CONTAINER_OGG},
};

const char *codec_name(enum codec codec)
{
    assert(codec < CODEC_COUNT);
    return codecs[codec].name;
}

enum codec codec_from_name(struct str name)
{
    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT; codec++)
        if (str_eq(name, str_of(codecs[codec].name)))
            return (enum codec)codec;
    return CODEC_NONE;
}

const char *codec_content_type(enum codec codec)
{
    assert(codec < CODEC_COUNT);
    return codecs[codec].content_type;
}

enum err container_from_type(struct str content_type, enum container *out)
{
    struct str type;
    str_cut(&content_type, ';', &type);
    type = str_trim(type);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (str_eq_nocase(type, str_of(types[i].type))) {
            *out = types[i].container;
            return OK;
        }
    }
    *out = CONTAINER_MPEG;
    return E_UNSUPPORTED;
}

bool format_same(const struct format *a, const struct format *b)
{
    return a->codec == b->codec && a->rate_hz == b->rate_hz && a->channels == b->channels &&
           a->profile == b->profile;
}
