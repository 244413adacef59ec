/* A tape's bytes, the first one telling the codec and whether the CRCs of Ogg pages are made right,
 * walked over as after a crash: each step goes on and stays inside, and a frame cut short is a torn
 * tail. */
#include <stdlib.h>

#include "media/scan.h"
#include "repair.h"

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void walk(enum codec codec, struct str bytes)
{
    struct scan_frame frame, again;
    while (bytes.len > 0) {
        enum err err = scan_frame(codec, bytes, &frame);
        if (err) {
            check(err == E_AGAIN || err == E_CORRUPT);
            check(frame.bytes == 0 && frame.samples == 0);
            bytes = str_slice(bytes, 1, bytes.len);
            continue;
        }
        check(frame.bytes > 0 && frame.bytes <= bytes.len);
        check(frame.samples > 0 && frame.samples <= 9600 && frame.format.codec == codec);
        check(scan_frame(codec, str_slice(bytes, 0, frame.bytes), &again) == OK);
        check(again.bytes == frame.bytes && again.samples == frame.samples);
        check(scan_frame(codec, str_slice(bytes, 0, frame.bytes - 1), &again) == E_AGAIN);
        bytes = str_slice(bytes, frame.bytes, bytes.len);
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    if (size < 1)
        return 0;
    enum codec codec = (enum codec)(input[0] % CODEC_COUNT);
    bool is_repaired = codec == CODEC_OPUS && (input[0] / CODEC_COUNT & 1) == 0;
    struct str bytes = {(const char *)input + 1, size - 1};
    if (is_repaired)
        bytes = repair_pages(bytes);
    walk(codec, bytes);
    if (is_repaired)
        free((void *)bytes.ptr);
    return 0;
}
