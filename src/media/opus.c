/* media/opus.c - contract in opus_priv.h */
#include "media/opus_priv.h"

#include "media/bytes_priv.h"

#define FRAME_MAX_BYTES 1275

/* By the upper five bits of the first byte: SILK, hybrid, CELT. */
static uint32_t frame_samples(unsigned config)
{
    static const uint16_t silk[4] = {480, 960, 1920, 2880};
    static const uint16_t celt[4] = {120, 240, 480, 960};
    if (config < 12)
        return silk[config & 3];
    if (config < 16)
        return silk[config & 1];
    return celt[config & 3];
}

/* Takes the length of one frame off the start of *s; false if it is not there or the frame is not.
 */
static bool take_length(struct str *s, size_t *len)
{
    if (s->len < 1)
        return false;
    size_t first = byte_at(*s, 0);
    size_t used = first < 252 ? 1 : 2;
    if (s->len < used)
        return false;
    *len = used == 1 ? first : first + 4 * (size_t)byte_at(*s, 1);
    *s = str_slice(*s, used, s->len);
    return true;
}

/* Takes the padding that a packet with a frame count carries off both of its ends. */
static bool take_padding(struct str *s)
{
    size_t padding = 0;
    uint8_t more;
    do {
        if (s->len < 1)
            return false;
        more = byte_at(*s, 0);
        padding += more == 255 ? 254 : more;
        *s = str_slice(*s, 1, s->len);
    } while (more == 255);
    if (padding > s->len)
        return false;
    s->len -= padding;
    return true;
}

/* Checks that `count` frames lie in s, each but the last with its length first, if `is_vbr`. */
static bool frames_fit(struct str s, unsigned count, bool is_vbr)
{
    if (!is_vbr)
        return s.len % count == 0 && s.len / count <= FRAME_MAX_BYTES;
    size_t sum = 0;
    for (unsigned i = 0; i + 1 < count; i++) {
        size_t len;
        if (!take_length(&s, &len))
            return false;
        sum += len;
    }
    return sum <= s.len && s.len - sum <= FRAME_MAX_BYTES;
}

/* Tells how many frames a packet holds, 0 if its form is wrong; s is what follows the first byte.
 */
static unsigned count_frames(unsigned code, struct str s)
{
    if (code == 0)
        return frames_fit(s, 1, false) ? 1 : 0;
    if (code < 3)
        return frames_fit(s, 2, code == 2) ? 2 : 0;
    if (s.len < 1)
        return 0;
    unsigned head = byte_at(s, 0);
    unsigned count = head & 0x3F;
    s = str_slice(s, 1, s.len);
    if (count == 0 || ((head & 0x40) && !take_padding(&s)))
        return 0;
    return frames_fit(s, count, head & 0x80) ? count : 0;
}

enum err opus_packet_samples(struct str packet, uint32_t *out)
{
    *out = 0;
    if (packet.len < 1)
        return E_CORRUPT;
    unsigned toc = byte_at(packet, 0);
    uint32_t samples =
        count_frames(toc & 3, str_slice(packet, 1, packet.len)) * frame_samples(toc >> 3);
    if (samples == 0 || samples > OPUS_PACKET_MAX_SAMPLES)
        return E_CORRUPT;
    *out = samples;
    return OK;
}
