/* air/talk.c - contract in talk_priv.h */
#include "air/talk_priv.h"

#include "base/mem.h"

#include <time.h>

#define PATIENCE_US (20 * US_PER_S) /* without a word of the deck */
#define STEP_US     (2 * US_PER_S)  /* of sound that is asked for at once */

static void hear(struct talk *talk)
{
    struct message message;
    enum err err;
    while ((err = talk->deck->receive(talk->deck->ctx, &message)) == OK) {
        talk->heard = clock_mono(talk->clock);
        if (message.type == DECK_OUT)
            talk->on_out(talk->ctx, &message);
        else if (message.type == DECK_DONE)
            talk->done_us = message.at_us;
        else if (message.type == DECK_TROUBLE)
            talk->err = E_UNSUPPORTED;
    }
    if (talk->err)
        return;
    if (err != E_AGAIN || !talk->deck->is_up(talk->deck->ctx) || atomic_load(talk->must_stop))
        talk->err = E_CLOSED;
    else if (clock_mono(talk->clock).us - talk->heard.us > PATIENCE_US)
        talk->err = E_TIMEOUT;
}

static void wait_a_little(struct talk *talk)
{
    talk->deck->flush(talk->deck->ctx);
    nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    hear(talk);
}

void talk_say(struct talk *talk, const struct message *message)
{
    while (!talk->err && !talk->deck->send(talk->deck->ctx, message))
        wait_a_little(talk);
}

void talk_begin(struct talk *talk, int64_t from_us)
{
    talk->err = OK;
    talk->deck->start(talk->deck->ctx);
    talk->heard = clock_mono(talk->clock);
    talk->done_us = from_us;
    talk_say(talk,
             &(struct message){.type = DECK_HELLO, .at_us = from_us, .samples = DECK_VERSION});
}

/* It is gone when this returns, so that the next talk can start it. */
enum err talk_end(struct talk *talk)
{
    const struct channel *deck = talk->deck;
    struct message message;
    deck->kill(deck->ctx);
    deck->flush(deck->ctx);
    while (deck->is_up(deck->ctx)) {
        while (deck->receive(deck->ctx, &message) == OK)
            continue;
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
    return talk->err;
}

void talk_say_input(struct talk *talk, uint16_t slot, const struct deck_input *input, int64_t at_us)
{
    unsigned char *bytes = mem_new(DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX);
    if (!bytes) {
        talk->err = E_NOMEM;
        return;
    }
    struct message message = {.type = DECK_INPUT, .id = slot, .at_us = at_us};
    message.payload = (struct str){(const char *)bytes, deck_input_pack(input, bytes)};
    talk_say(talk, &message);
    mem_free(bytes);
}

void talk_say_output(struct talk *talk, uint16_t id, const struct deck_output *output,
                     int64_t at_us)
{
    unsigned char bytes[DECK_OUTPUT_BYTES];
    struct message message = {.type = DECK_OUTPUT, .id = id, .at_us = at_us};
    deck_output_pack(output, bytes);
    message.payload = (struct str){(const char *)bytes, sizeof bytes};
    talk_say(talk, &message);
}

void talk_run(struct talk *talk, int64_t until_us)
{
    int64_t asked_us = talk->done_us;
    while (!talk->err && talk->done_us < until_us) {
        /* One step ahead of the one that is being done, so that the deck never waits for us. */
        while (asked_us < until_us && asked_us - talk->done_us <= STEP_US) {
            asked_us = asked_us + STEP_US < until_us ? asked_us + STEP_US : until_us;
            talk_say(talk, &(struct message){.type = DECK_RUN, .at_us = asked_us});
        }
        wait_a_little(talk);
    }
}

struct format talk_format(const struct board_rendition *rendition)
{
    return (struct format){
        .codec = rendition->codec,
        .rate_hz = rendition->rate_hz,
        .bitrate_bps = rendition->bitrate_bps,
        .channels = rendition->channels,
        .profile = rendition->codec == CODEC_MP3   ? 1
                   : rendition->codec == CODEC_AAC ? 2
                                                   : 0,
    };
}
