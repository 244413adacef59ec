/* child/deck.h - what the station and a deck say to each other. Pure; both sides include it.
 *
 *     station                                     deck
 *     HELLO, OUTPUT ..., INPUT, FRAMES ...  -->
 *     SWITCH, RUN(T)                        -->   decodes, mixes, encodes exactly up to T
 *                                           <--   OUT ..., LEVELS ..., DONE(T)
 *
 * A deck has no clock: it renders up to each RUN and then waits. Time is station time in µs; the
 * deck's own grid is 48 kHz, sample = floor(µs * 48 / 1000). An input that has no frames for a
 * moment is silence. A message that makes no sense ends the deck (exit 1): the station is wrong.
 * Frames are input from outside: what cannot be decoded is TROUBLE, never the end. */
#ifndef MAST_CHILD_DECK_H
#define MAST_CHILD_DECK_H

#include "child/message.h"
#include "media/format.h"

#define DECK_VERSION      1
#define DECK_RATE_HZ      48000
#define DECK_INPUTS_MAX   4
#define DECK_OUTPUTS_MAX  8
#define DECK_CROSSFADE_US 20000
#define DECK_LEVELS_US    100000 /* each tenth of a second of station time, on the grid of 0.1 s */
#define DECK_SETUP_MAX    (32 * 1024)
#define DECK_NO_INPUT     0xffff
#define DECK_PROGRAMME    0x100 /* id of LEVELS: what was mixed, not one input */

enum deck_type {
    /* station -> deck; times in at_us */
    DECK_HELLO = 1, /* first. at: the timeline's start (nothing is rendered before it); samples:
                       DECK_VERSION. The deck answers with the same type when it is ready. */
    DECK_OUTPUT,    /* id: output 0..7, before the first RUN. at: an instant at which a frame must
                       begin (that decodes from there on, priming removed), at or after HELLO's; only
                       frames from there on are given out. Payload: struct deck_output */
    DECK_INPUT,     /* id: slot 0..3. Payload: struct deck_input. What was in the slot is dropped;
                       only frames' sound plays on until that of new frames. A decoder is started
                       anew. at: for a bed, the instant its music counts from */
    DECK_FRAMES,    /* id: slot. at: the time of the first sample that an ordinary decoder gives out
                       for this frame, nothing skipped for the encoder's priming: frames counted one
                       after the other. samples: its length at the input's rate. Payload: one frame.
                       Times may drift against the sample count: the deck resamples by up to 1000 ppm
                       to follow; over 40 ms off, it places the frame anew (silence or overlap cut in
                       between). What is over is not heard, nor what lies more than 10 s ahead of
                       what was rendered */
    DECK_SWITCH,    /* id: slot, or DECK_NO_INPUT. at: when the 20 ms crossfade of equal power from
                       what is on to this slot begins; not before what was rendered. Those that were
                       to come at or after it are forgotten. At HELLO's instant: on at once */
    DECK_RUN,       /* at: render up to here; not backwards, at most a day */

    /* deck -> station */
    DECK_OUT = 32, /* id: output. at: the time of the first sample that a decoder gets from this
                     frame, priming removed; samples at the output's rate. Payload: the frame as the
                     tape wants it (MP3 without Xing; AAC with ADTS header; Opus: one packet) */
    DECK_LEVELS,   /* id: slot or DECK_PROGRAMME. at: end of the tenth. Payload: deck_levels.
                     For each slot that has an input, while it has frames, and the programme; none
                     at all where an output is quick */
    DECK_DONE,     /* at: rendered up to here; after each RUN */
    DECK_TROUBLE,  /* id: slot. Payload: why it cannot be decoded, in plain words. Once an INPUT */
};

enum deck_input_kind {
    DECK_NOTHING = 0, /* frees the slot */
    DECK_CODED,       /* FRAMES will come */
    DECK_BED,         /* the deck makes music itself */
};

struct deck_input {
    enum deck_input_kind kind;
    struct format format; /* CODED */
    uint8_t bed;          /* BED: 0 news, 1 classical, 2 plain (the loop that mast carries) */
    bool has_time_code;   /* BED: tells the second in the sound (deck/timecode.h) */
    struct str setup;     /* CODED: what framer_setup() gave; <= DECK_SETUP_MAX; borrowed */
};

struct deck_output {
    struct format format; /* codec MP3, AAC or OPUS; rate; channels 1 or 2; bitrate_bps */
    bool is_quick;        /* encode with less effort, and the same sound but once (deck/memo.h): for
                             filling up the past at a start */
};

/* Levels of one tenth of a second, 48 kHz, both channels. dBFS in hundredths; -10000 = nothing. */
struct deck_levels {
    int16_t peak_cb[2], rms_cb[2];
    int16_t short_term_cb; /* EBU R128 short-term loudness (3 s), hundredths of LUFS */
    int16_t residue_cb;    /* how far below the signal the error of a second-order prediction lies:
                              a steady tone is under -4000, music and speech far above */
    uint16_t tone_hz;      /* the frequency of that prediction; 0 = none */
};

/* Payloads to bytes and back.   Shape: pack returns how many bytes it wrote.
 * Errors: E_SYNTAX of unpack: too short, or a value outside its kind. */
#define DECK_INPUT_HEAD_BYTES 20
#define DECK_OUTPUT_BYTES     16
#define DECK_LEVELS_BYTES     14
size_t deck_input_pack(const struct deck_input *input,
                       unsigned char out[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX]);
MUST_USE enum err deck_input_unpack(struct str payload, struct deck_input *out);
void deck_output_pack(const struct deck_output *output, unsigned char out[DECK_OUTPUT_BYTES]);
MUST_USE enum err deck_output_unpack(struct str payload, struct deck_output *out);
void deck_levels_pack(const struct deck_levels *levels, unsigned char out[DECK_LEVELS_BYTES]);
MUST_USE enum err deck_levels_unpack(struct str payload, struct deck_levels *out);

#endif
