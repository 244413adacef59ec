#include "codec.h"

#include "base/mem.h"

#include <libavcodec/avcodec.h>
#include <libavutil/channel_layout.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <string.h>

#define STEER_SPAN      1000000 /* so that one sample more in it is a millionth */
#define ADTS_HEAD_BYTES 7

static enum err err_from_av(int result)
{
    return result == AVERROR(ENOMEM) ? E_NOMEM : E_UNSUPPORTED;
}

/* ---- decoder ---- */

struct decoder {
    AVCodecContext *context;
    AVPacket *packet;
    AVFrame *frame;
    unsigned char bytes[MESSAGE_PAYLOAD_MAX + AV_INPUT_BUFFER_PADDING_SIZE];
};

static const AVCodec *decoder_find(enum codec codec)
{
    /* FFmpeg's own Opus decoder gives out fewer samples than the packet has after a start; the
     * reference one keeps to the packets' time. */
    static const char *const names[CODEC_COUNT] = {
        [CODEC_MP3] = "mp3float",  [CODEC_AAC] = "aac",   [CODEC_OPUS] = "libopus",
        [CODEC_VORBIS] = "vorbis", [CODEC_FLAC] = "flac",
    };
    bool is_known = codec > CODEC_NONE && codec < CODEC_COUNT;
    return is_known ? avcodec_find_decoder_by_name(names[codec]) : NULL;
}

static enum err decoder_set_up(AVCodecContext *context, const struct format *format,
                               struct str setup)
{
    context->thread_count = 1;
    context->max_samples = PIECE_RATE_MAX_HZ;
    context->request_sample_fmt = AV_SAMPLE_FMT_FLT; /* Opus would be cut to 16 bits */
    /* Vorbis' first packet only begins its sound: FFmpeg 5.1 gives nothing for it, 7 gives what is
     * to be skipped. */
    if (format->codec != CODEC_VORBIS)
        context->flags2 |= AV_CODEC_FLAG2_SKIP_MANUAL;
    context->sample_rate = (int)format->rate_hz;
    av_channel_layout_default(&context->ch_layout, format->channels);
    if (format->codec == CODEC_FLAC || format->codec == CODEC_MP3)
        context->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE; /* damage is loud noise else */
    if (setup.len == 0)
        return OK;
    context->extradata = av_mallocz(setup.len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!context->extradata)
        return E_NOMEM;
    memcpy(context->extradata, setup.ptr, setup.len);
    context->extradata_size = (int)setup.len;
    return OK;
}

enum err decoder_new(const struct format *format, struct str setup, struct decoder **out)
{
    *out = NULL;
    const AVCodec *codec = decoder_find(format->codec);
    if (!codec || format->channels > PIECE_CHANNELS_MAX || format->rate_hz > PIECE_RATE_MAX_HZ)
        return E_UNSUPPORTED;
    struct decoder *decoder = mem_new(sizeof(*decoder));
    if (!decoder)
        return E_NOMEM;
    decoder->context = avcodec_alloc_context3(codec);
    decoder->packet = av_packet_alloc();
    decoder->frame = av_frame_alloc();
    enum err err = E_NOMEM;
    if (!decoder->context || !decoder->packet || !decoder->frame)
        goto out;
    err = decoder_set_up(decoder->context, format, setup);
    if (err != OK)
        goto out;
    int result = avcodec_open2(decoder->context, codec, NULL);
    if (result < 0)
        err = err_from_av(result);
out:
    if (err != OK)
        decoder_free(&decoder);
    *out = decoder;
    return err;
}

void decoder_free(struct decoder **decoder)
{
    if (!*decoder)
        return;
    avcodec_free_context(&(*decoder)->context);
    av_packet_free(&(*decoder)->packet);
    av_frame_free(&(*decoder)->frame);
    mem_free(*decoder);
    *decoder = NULL;
}

enum err decoder_push(struct decoder *decoder, struct str frame)
{
    /* No bytes would mean the end to FFmpeg. */
    if (frame.len == 0 || frame.len > MESSAGE_PAYLOAD_MAX)
        return E_CORRUPT;
    memcpy(decoder->bytes, frame.ptr, frame.len);
    memset(decoder->bytes + frame.len, 0, AV_INPUT_BUFFER_PADDING_SIZE);
    decoder->packet->data = decoder->bytes;
    decoder->packet->size = (int)frame.len;
    int result = avcodec_send_packet(decoder->context, decoder->packet);
    return result < 0 ? E_CORRUPT : OK;
}

enum err decoder_next(struct decoder *decoder, struct piece *out)
{
    *out = (struct piece){0};
    const AVFrame *frame = decoder->frame;
    int result = avcodec_receive_frame(decoder->context, decoder->frame);
    if (result == AVERROR(EAGAIN))
        return E_AGAIN;
    if (result == AVERROR_EOF) {
        avcodec_flush_buffers(decoder->context);
        return E_AGAIN;
    }
    if (result < 0)
        return E_CORRUPT;
    if (frame->nb_samples <= 0 || frame->sample_rate < PIECE_RATE_MIN_HZ ||
        frame->sample_rate > PIECE_RATE_MAX_HZ || frame->nb_samples > frame->sample_rate ||
        frame->ch_layout.nb_channels < 1 || frame->ch_layout.nb_channels > PIECE_CHANNELS_MAX)
        return E_CORRUPT;
    *out = (struct piece){(uint32_t)frame->nb_samples, (uint32_t)frame->sample_rate,
                          (uint32_t)frame->ch_layout.nb_channels};
    return OK;
}

/* ---- resampler ---- */

struct resampler {
    SwrContext *swr;
    int rate_hz, channels; /* of what comes out */
    /* of what goes in */
    int in_rate_hz;
    enum AVSampleFormat in_form;
    AVChannelLayout in_layout;
    float *room[2];
    size_t room_samples;
};

/* A layout that is only a number of channels, or one that FFmpeg cannot mix, is taken as the
 * customary one of so many. */
static int swr_start(struct resampler *resampler, const AVChannelLayout *from)
{
    AVChannelLayout to = AV_CHANNEL_LAYOUT_STEREO, in = {0};
    av_channel_layout_default(&to, resampler->channels);
    swr_free(&resampler->swr);
    if (from->order == AV_CHANNEL_ORDER_UNSPEC)
        av_channel_layout_default(&in, from->nb_channels);
    else if (av_channel_layout_copy(&in, from) < 0)
        return AVERROR(ENOMEM);
    int result = swr_alloc_set_opts2(&resampler->swr, &to, AV_SAMPLE_FMT_FLTP, resampler->rate_hz,
                                     &in, resampler->in_form, resampler->in_rate_hz, 0, NULL);
    av_channel_layout_uninit(&in);
    if (result < 0)
        return result;
    (void)av_opt_set_sample_fmt(resampler->swr, "internal_sample_fmt", AV_SAMPLE_FMT_FLTP, 0);
    (void)av_opt_set_double(resampler->swr, "rematrix_maxval", 1, 0);
    (void)av_opt_set(resampler->swr, "flags", "res", 0); /* also at 48 kHz: it may be steered */
    return swr_init(resampler->swr);
}

static enum err resampler_make(const struct resampler *like, const AVChannelLayout *from,
                               struct resampler **out)
{
    *out = mem_new(sizeof(**out));
    if (!*out)
        return E_NOMEM;
    **out = *like;
    int result = av_channel_layout_copy(&(*out)->in_layout, from);
    if (result >= 0)
        result = swr_start(*out, from);
    if (result < 0) {
        AVChannelLayout usual = {0};
        av_channel_layout_default(&usual, from->nb_channels);
        result = swr_start(*out, &usual);
    }
    if (result < 0)
        resampler_free(out);
    return result < 0 ? err_from_av(result) : OK;
}

enum err resampler_new(const struct decoder *decoder, uint32_t rate_hz, struct resampler **out)
{
    const AVFrame *frame = decoder->frame;
    struct resampler like = {
        .rate_hz = (int)rate_hz,
        .channels = frame->ch_layout.nb_channels == 1 ? 1 : 2,
        .in_rate_hz = frame->sample_rate,
        .in_form = (enum AVSampleFormat)frame->format,
    };
    return resampler_make(&like, &frame->ch_layout, out);
}

enum err resampler_new_out(uint8_t channels, uint32_t rate_hz, struct resampler **out)
{
    AVChannelLayout layout = {0};
    av_channel_layout_default(&layout, channels);
    struct resampler like = {
        .rate_hz = (int)rate_hz,
        .channels = channels,
        .in_rate_hz = DECK_RATE_HZ,
        .in_form = AV_SAMPLE_FMT_FLTP,
    };
    return resampler_make(&like, &layout, out);
}

void resampler_free(struct resampler **resampler)
{
    if (!*resampler)
        return;
    swr_free(&(*resampler)->swr);
    av_channel_layout_uninit(&(*resampler)->in_layout);
    mem_free((*resampler)->room[0]);
    mem_free((*resampler)->room[1]);
    mem_free(*resampler);
    *resampler = NULL;
}

bool resampler_fits(const struct resampler *resampler, const struct decoder *decoder)
{
    const AVFrame *frame = decoder->frame;
    return resampler->in_rate_hz == frame->sample_rate &&
           (int)resampler->in_form == frame->format &&
           av_channel_layout_compare(&resampler->in_layout, &frame->ch_layout) == 0;
}

double resampler_delay(const struct resampler *resampler)
{
    const int fine = 1000;
    return (double)swr_get_delay(resampler->swr, (int64_t)resampler->rate_hz * fine) / fine;
}

void resampler_steer(struct resampler *resampler, int ppm)
{
    (void)swr_set_compensation(resampler->swr, ppm, STEER_SPAN);
}

/* in NULL = the end. */
static enum err resampler_run(struct resampler *resampler, const uint8_t **in, int samples,
                              struct sound *out)
{
    *out = (struct sound){{NULL, NULL}, 0};
    int most = swr_get_out_samples(resampler->swr, samples);
    if (most < 0)
        return E_NOMEM;
    if ((size_t)most > resampler->room_samples) {
        for (int c = 0; c < resampler->channels; c++) {
            mem_free(resampler->room[c]);
            resampler->room[c] = mem_new_array((size_t)most, sizeof(float));
        }
        resampler->room_samples = (size_t)most;
        if (!resampler->room[0] || (resampler->channels == 2 && !resampler->room[1])) {
            resampler->room_samples = 0;
            return E_NOMEM;
        }
    }
    uint8_t *to[2] = {(uint8_t *)resampler->room[0], (uint8_t *)resampler->room[1]};
    int made = swr_convert(resampler->swr, to, most, in, samples);
    if (made < 0)
        return E_NOMEM;
    *out = (struct sound){{resampler->room[0], resampler->room[resampler->channels - 1]},
                          (size_t)made};
    return OK;
}

enum err resampler_push(struct resampler *resampler, const struct decoder *decoder,
                        struct sound *out)
{
    assert(resampler_fits(resampler, decoder));
    return resampler_run(resampler, (const uint8_t **)decoder->frame->extended_data,
                         decoder->frame->nb_samples, out);
}

enum err resampler_push_planes(struct resampler *resampler, const float *const planes[2],
                               size_t samples, struct sound *out)
{
    const uint8_t *in[2] = {(const uint8_t *)planes[0], (const uint8_t *)planes[1]};
    return resampler_run(resampler, in, (int)samples, out);
}

void resampler_end(struct resampler *resampler, struct sound *out)
{
    (void)resampler_run(resampler, NULL, 0, out);
    int result = swr_init(resampler->swr);
    assert(result >= 0 || result == AVERROR(ENOMEM));
}

/* ---- encoder ---- */

struct encoder {
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    enum codec codec;
    int64_t pushed; /* samples */
    unsigned char adts[8192];
};

static const AVCodec *encoder_find(enum codec codec)
{
    static const char *const names[CODEC_COUNT] = {
        [CODEC_MP3] = "libmp3lame", [CODEC_AAC] = "aac", [CODEC_OPUS] = "libopus"};
    bool is_known = codec > CODEC_NONE && codec < CODEC_COUNT && names[codec];
    return is_known ? avcodec_find_encoder_by_name(names[codec]) : NULL;
}

/* Without the searches that take most of its time. */
static int aac_make_quick(void *own)
{
    static const char *const left_out[] = {"aac_ms", "aac_is", "aac_pns", "aac_tns"};
    int result = av_opt_set(own, "aac_coder", "fast", 0);
    for (size_t i = 0; i < sizeof(left_out) / sizeof(left_out[0]) && result >= 0; i++)
        result = av_opt_set_int(own, left_out[i], 0, 0);
    return result;
}

static int encoder_options(AVCodecContext *context, enum codec codec, bool is_quick)
{
    void *own = context->priv_data;
    int result = 0;
    switch (codec) {
    case CODEC_MP3:
        context->sample_fmt = AV_SAMPLE_FMT_FLTP;
        if (is_quick)
            context->compression_level = 7; /* further down it gets no faster */
        result = av_opt_set_int(own, "joint_stereo", !is_quick, 0);
        return result < 0 ? result : av_opt_set_int(own, "reservoir", 0, 0);
    case CODEC_AAC:
        context->sample_fmt = AV_SAMPLE_FMT_FLTP;
        if (!is_quick)
            return 0;
        context->flags |= AV_CODEC_FLAG_BITEXACT; /* without its name now and then */
        return aac_make_quick(own);
    default:
        context->sample_fmt = AV_SAMPLE_FMT_FLT;
        context->compression_level = is_quick ? 0 : 10;
        result = av_opt_set(own, "vbr", "constrained", 0);
        if (result >= 0)
            result = av_opt_set(own, "application", "audio", 0);
        return result < 0 ? result : av_opt_set(own, "frame_duration", "20", 0);
    }
}

static int encoder_open(struct encoder *encoder, const AVCodec *codec,
                        const struct deck_output *output)
{
    AVCodecContext *context = encoder->context;
    context->thread_count = 1;
    context->sample_rate = (int)output->format.rate_hz;
    context->bit_rate = output->format.bitrate_bps;
    context->time_base = (AVRational){1, context->sample_rate};
    av_channel_layout_default(&context->ch_layout, output->format.channels);
    int result = encoder_options(context, encoder->codec, output->is_quick);
    if (result >= 0)
        result = avcodec_open2(context, codec, NULL);
    if (result < 0)
        return result;
    AVFrame *frame = encoder->frame;
    frame->format = context->sample_fmt;
    frame->nb_samples = context->frame_size;
    frame->sample_rate = context->sample_rate;
    result = av_channel_layout_copy(&frame->ch_layout, &context->ch_layout);
    return result < 0 ? result : av_frame_get_buffer(frame, 0);
}

enum err encoder_new(const struct deck_output *output, struct encoder **out)
{
    *out = NULL;
    const AVCodec *codec = encoder_find(output->format.codec);
    if (!codec)
        return E_UNSUPPORTED;
    struct encoder *encoder = mem_new(sizeof(*encoder));
    if (!encoder)
        return E_NOMEM;
    encoder->codec = output->format.codec;
    encoder->context = avcodec_alloc_context3(codec);
    encoder->frame = av_frame_alloc();
    encoder->packet = av_packet_alloc();
    enum err err = OK;
    if (!encoder->context || !encoder->frame || !encoder->packet) {
        err = E_NOMEM;
    } else {
        int result = encoder_open(encoder, codec, output);
        if (result < 0)
            err = err_from_av(result);
    }
    if (err != OK)
        encoder_free(&encoder);
    *out = encoder;
    return err;
}

void encoder_free(struct encoder **encoder)
{
    if (!*encoder)
        return;
    avcodec_free_context(&(*encoder)->context);
    av_frame_free(&(*encoder)->frame);
    av_packet_free(&(*encoder)->packet);
    mem_free(*encoder);
    *encoder = NULL;
}

uint32_t encoder_frame_samples(const struct encoder *encoder)
{
    return (uint32_t)encoder->context->frame_size;
}

uint32_t encoder_delay_samples(const struct encoder *encoder)
{
    return (uint32_t)encoder->context->initial_padding;
}

enum err encoder_push(struct encoder *encoder, const float *const planes[2])
{
    AVFrame *frame = encoder->frame;
    if (av_frame_make_writable(frame) < 0)
        return E_NOMEM;
    int channels = encoder->context->ch_layout.nb_channels;
    if (encoder->context->sample_fmt == AV_SAMPLE_FMT_FLTP) {
        for (int c = 0; c < channels; c++)
            memcpy(frame->data[c], planes[c], (size_t)frame->nb_samples * sizeof(float));
    } else {
        float *to = (float *)(void *)frame->data[0];
        for (int i = 0; i < frame->nb_samples; i++) {
            for (int c = 0; c < channels; c++)
                *to++ = planes[c][i];
        }
    }
    frame->pts = encoder->pushed;
    encoder->pushed += frame->nb_samples;
    int result = avcodec_send_frame(encoder->context, frame);
    return result == AVERROR(ENOMEM) ? E_NOMEM : result < 0 ? E_IO : OK;
}

/* Source: ISO/IEC 14496-3 1.A.2.2: MPEG-4, no CRC, LC, one block, buffer fullness unknown (VBR). */
static void adts_head(const AVCodecContext *context, size_t bytes, unsigned char out[7])
{
    unsigned rate = context->sample_rate == 48000 ? 3 : context->sample_rate == 44100 ? 4 : 5;
    unsigned channels = (unsigned)context->ch_layout.nb_channels;
    out[0] = 0xff;
    out[1] = 0xf1;
    out[2] = (unsigned char)(1u << 6 | rate << 2 | channels >> 2);
    out[3] = (unsigned char)((channels & 3) << 6 | bytes >> 11);
    out[4] = (unsigned char)(bytes >> 3 & 0xff);
    out[5] = (unsigned char)((bytes & 7) << 5 | 0x1f);
    out[6] = 0xfc;
}

enum err encoder_next(struct encoder *encoder, struct str *out, int64_t *first)
{
    AVPacket *packet = encoder->packet;
    *out = (struct str){NULL, 0};
    *first = 0;
    int result = avcodec_receive_packet(encoder->context, packet);
    if (result == AVERROR(EAGAIN))
        return E_AGAIN;
    if (result < 0)
        return result == AVERROR(ENOMEM) ? E_NOMEM : E_IO;
    *first = packet->pts;
    *out = (struct str){(const char *)packet->data, (size_t)packet->size};
    if (encoder->codec != CODEC_AAC)
        return OK;
    size_t bytes = out->len + ADTS_HEAD_BYTES;
    if (bytes > sizeof(encoder->adts))
        return E_IO;
    adts_head(encoder->context, bytes, encoder->adts);
    memcpy(encoder->adts + ADTS_HEAD_BYTES, out->ptr, out->len);
    *out = (struct str){(const char *)encoder->adts, bytes};
    return OK;
}

/* ---- */

enum err codec_warm_up(void)
{
    av_log_set_level(AV_LOG_QUIET);
    for (int codec = CODEC_NONE + 1; codec < CODEC_COUNT; codec++) {
        if (!decoder_find((enum codec)codec))
            return E_UNSUPPORTED;
        struct format format = {(enum codec)codec, 48000, 96000, 2, 0};
        struct decoder *decoder;
        enum err err = decoder_new(&format, STR(""), &decoder);
        decoder_free(&decoder); /* Vorbis says no without its setup */
        if (err == E_NOMEM)
            return err;
        if (!encoder_find((enum codec)codec))
            continue;
        struct deck_output output = {.format = format};
        struct encoder *encoder;
        err = encoder_new(&output, &encoder);
        if (err != OK)
            return err;
        encoder_free(&encoder);
    }
    return OK;
}
