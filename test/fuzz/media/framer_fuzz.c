/* Bytes of a source through the framer: the first byte tells the container and whether the CRCs
 * of Ogg pages are made right, the second how the rest is cut. Every frame must be one that the
 * tape would take, and the cutting must not matter. */
#include <stdlib.h>
#include <string.h>

#include "media/framer.h"
#include "media/icy.h"
#include "media/opus_priv.h"
#include "media/scan.h"
#include "repair.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

struct sum {
    uint64_t hash;
    uint64_t frames;
    enum err last;
    struct framer_losses losses;
};

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_frame(const struct frame *frame)
{
    struct scan_frame scanned;
    uint32_t samples;
    check(frame->bytes.len > 0 && frame->format.rate_hz > 0);
    check(frame->format.channels >= 1 && frame->format.channels <= 8);
    switch (frame->format.codec) {
    case CODEC_MP3:
    case CODEC_AAC:
        check(scan_frame(frame->format.codec, frame->bytes, &scanned) == OK);
        check(scanned.bytes == frame->bytes.len && scanned.samples == frame->samples);
        check(format_same(&scanned.format, &frame->format));
        break;
    case CODEC_OPUS:
        check(opus_packet_samples(frame->bytes, &samples) == OK && samples == frame->samples);
        break;
    case CODEC_VORBIS:
        check(frame->samples <= 8192);
        break;
    case CODEC_FLAC:
        check(frame->samples > 0 && frame->samples <= 65535);
        break;
    default:
        abort();
    }
}

static void check_title(struct framer *framer)
{
    char title[TITLE_BYTES], again[TITLE_BYTES];
    if (framer_take_title(framer, title, sizeof title))
        return;
    check(title[0] != '\0');
    title_clean(str_of(title), false, again, sizeof again);
    check(strcmp(title, again) == 0);
    check(framer_take_title(framer, title, sizeof title) == E_AGAIN);
}

static struct sum run(enum container container, struct str bytes, size_t piece)
{
    struct sum sum = {.last = E_AGAIN};
    struct framer *framer;
    if (framer_new(container, &framer))
        abort();
    size_t pushed = bytes.len, given = 0;
    while (bytes.len > 0) {
        size_t taken = framer_push(framer, str_slice(bytes, 0, piece));
        check(taken > 0 || sum.last != E_AGAIN);
        bytes = str_slice(bytes, taken, bytes.len);
        struct frame frame;
        while ((sum.last = framer_next(framer, &frame)) == OK) {
            check_frame(&frame);
            sum.frames++;
            given += frame.bytes.len;
            for (size_t i = 0; i < frame.bytes.len; i++)
                sum.hash = (sum.hash ^ (unsigned char)frame.bytes.ptr[i]) * 0x100000001b3;
            sum.hash = (sum.hash ^ frame.samples) * 0x100000001b3;
        }
        check(sum.last == E_AGAIN || sum.last == E_UNSUPPORTED);
        check((framer_why(framer)[0] != '\0') == (sum.last == E_UNSUPPORTED));
        check_title(framer);
    }
    sum.losses = framer_losses(framer);
    check(sum.losses.skipped_bytes + given <= pushed);
    framer_free(&framer);
    return sum;
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    if (size < 2)
        return 0;
    enum container container = (enum container)(input[0] % 3);
    bool is_repaired = container == CONTAINER_OGG && (input[0] / 3 & 1) == 0;
    struct str bytes = {(const char *)input + 2, size - 2};
    if (is_repaired)
        bytes = repair_pages(bytes);
    struct sum whole = run(container, bytes, bytes.len + 1);
    struct sum cut = run(container, bytes, 1u + input[1]);
    if (is_repaired)
        free((void *)bytes.ptr);
    check(whole.frames == cut.frames && whole.hash == cut.hash && whole.last == cut.last);
    check(whole.last == E_UNSUPPORTED || whole.losses.skipped_bytes == cut.losses.skipped_bytes);
    return 0;
}
