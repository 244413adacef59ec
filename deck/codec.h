/* deck/codec.h - coded frames to sound, sound to another rate, sound to coded frames; wraps FFmpeg.
 *
 *     frame --decoder--> [ one piece of sound ] --resampler--> float stereo at a wanted rate
 *     float planes --encoder--> frames as the tape wants them
 *
 * All codecs run in the caller's thread (thread_count 1) and open no file.   Thread: one at a time.
 */
#ifndef MAST_DECK_CODEC_H
#define MAST_DECK_CODEC_H

#include "child/deck.h"

/* What no honest source sends; a decoder that makes more than this is refused frame by frame. */
#define PIECE_CHANNELS_MAX 8
#define PIECE_RATE_MAX_HZ  192000
#define PIECE_RATE_MIN_HZ  4000

/* Opens and closes each decoder and encoder once and keeps FFmpeg's own messages quiet, so that
 * what they set up only once is there before the sandbox closes.
 * Errors: E_UNSUPPORTED this FFmpeg lacks one of them. */
MUST_USE enum err codec_warm_up(void);

/* ---- decoder ---- */

struct decoder; /* private: codec.c */

/* Makes a decoder.   Shape: setup as in deck_input.   Owner: the caller, decoder_free().
 * Errors: E_UNSUPPORTED no such codec, or the setup is not one of it; E_NOMEM. */
MUST_USE enum err decoder_new(const struct format *format, struct str setup, struct decoder **out);
void decoder_free(struct decoder **decoder);

/* Takes a frame in. Errors: E_CORRUPT it cannot be decoded. The decoder is usable either way. */
MUST_USE enum err decoder_push(struct decoder *decoder, struct str frame);

/* One piece of decoded sound; its samples stay in the decoder until the next call on it. */
struct piece {
    uint32_t samples, rate_hz, channels;
};

/* Goes on to the next piece. The first sample of the first piece is the first that an ordinary
 * decoder gives out for the frame: nothing is skipped for the encoder's priming.
 * Errors: E_AGAIN there is no more; E_CORRUPT a piece that is out of bounds, call again. */
MUST_USE enum err decoder_next(struct decoder *decoder, struct piece *out);

/* ---- resampler ---- */

struct resampler; /* private: codec.c */

/* Float planes; [1] is [0] where there is one channel. Borrowed until the next call on what gave
 * them. */
struct sound {
    const float *planes[2];
    size_t samples;
};

/* Makes a resampler from what `decoder` holds now (any rate and channels) to stereo at rate_hz; it
 * can be steered.   Errors: E_UNSUPPORTED no way to mix those channels; E_NOMEM. */
MUST_USE enum err resampler_new(const struct decoder *decoder, uint32_t rate_hz,
                                struct resampler **out);

/* Makes one from float planes at DECK_RATE_HZ to float planes at rate_hz; not to be steered. */
MUST_USE enum err resampler_new_out(uint8_t channels, uint32_t rate_hz, struct resampler **out);
void resampler_free(struct resampler **resampler);

/* Tells whether what `decoder` holds now has the rate, channels and form that it was made for. */
bool resampler_fits(const struct resampler *resampler, const struct decoder *decoder);

/* How far the next sample that goes in lies behind the next that comes out, in samples of the
 * output. Its own filter is counted in: sound comes out at the time at which it went in. */
double resampler_delay(const struct resampler *resampler);

/* Makes the output longer (above 0) or shorter by so many millionths from here on. */
void resampler_steer(struct resampler *resampler, int ppm);

/* Takes in what the decoder holds, or `samples` samples of planes, and gives out what is ready. On
 * an error out is empty. */
enum err resampler_push(struct resampler *resampler, const struct decoder *decoder,
                        struct sound *out);
enum err resampler_push_planes(struct resampler *resampler, const float *const planes[2],
                               size_t samples, struct sound *out);

/* Gives out the rest; the next push starts afresh. */
void resampler_end(struct resampler *resampler, struct sound *out);

/* ---- encoder ---- */

struct encoder; /* private: codec.c */

/* Makes an encoder. MP3: constant bit rate without reservoir, so that each frame stands alone.
 * Errors: E_UNSUPPORTED, E_NOMEM. */
MUST_USE enum err encoder_new(const struct deck_output *output, struct encoder **out);
void encoder_free(struct encoder **encoder);

uint32_t encoder_frame_samples(const struct encoder *encoder);
/* How many samples a decoder gives out before the first that went in (priming). */
uint32_t encoder_delay_samples(const struct encoder *encoder);

/* Takes in one frame's worth of samples.   Errors: E_NOMEM; E_IO the encoder refused it. */
MUST_USE enum err encoder_push(struct encoder *encoder, const float *const planes[2]);

/* Gives out the next frame in wire form, borrowed until the next call. *first is the sample that
 * went in at which the frame's decoded sound begins; below 0 for priming.
 * Errors: E_AGAIN it wants more; E_IO. */
MUST_USE enum err encoder_next(struct encoder *encoder, struct str *out, int64_t *first);

#endif
