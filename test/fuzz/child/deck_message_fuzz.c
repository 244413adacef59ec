/* What comes through the socket of a child, message by message, and what lies in it: each value has
 * one form in bytes, so what is understood and packed again must be the same bytes. */
#include "child/deck.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned char again[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];

static bool is_again(struct str payload, size_t len)
{
    return payload.len == len && memcmp(payload.ptr, again, len) == 0;
}

/* All three, whatever the type: a stranger's bytes may come under any. */
static void unpack_all(struct str payload)
{
    struct deck_input input;
    struct deck_output output;
    struct deck_levels levels;
    if (!deck_input_unpack(payload, &input)) {
        assert(input.kind <= DECK_BED && input.setup.len <= DECK_SETUP_MAX);
        assert(is_again(payload, deck_input_pack(&input, again)));
    }
    if (!deck_output_unpack(payload, &output)) {
        assert(output.format.channels >= 1 && output.format.channels <= 2);
        deck_output_pack(&output, again);
        assert(is_again(payload, DECK_OUTPUT_BYTES));
    }
    if (!deck_levels_unpack(payload, &levels)) {
        deck_levels_pack(&levels, again);
        assert(is_again(payload, DECK_LEVELS_BYTES));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str left = {(const char *)data, size};
    unsigned char head[MESSAGE_HEAD_BYTES];
    struct message message;
    while (left.len >= sizeof head) {
        const unsigned char *at = (const unsigned char *)left.ptr;
        if (message_unpack_head(at, &message))
            break;
        assert(!message.payload.ptr && message.payload.len <= MESSAGE_PAYLOAD_MAX);
        message_pack_head(&message, head);
        assert(memcmp(head, at, sizeof head) == 0);
        left = str_slice(left, sizeof head, left.len);
        struct str payload = str_slice(left, 0, message.payload.len);
        unpack_all(payload);
        left = str_slice(left, payload.len, left.len);
    }
    return 0;
}
