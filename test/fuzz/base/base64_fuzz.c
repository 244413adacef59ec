/* Base64 as a stranger sends it; what is decoded must be what libsodium's encoder would have made.
 */
#include "base/crypto.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char out[256];
    size_t len = 1;
    struct str text = {(const char *)data, size};
    enum err err = base64_decode(text, out, sizeof out, &len);
    assert(len <= sizeof out && (!err || len == 0));
    if (err)
        return 0;
    assert(size >= (len * 4 + 2) / 3 && size <= (len + 2) / 3 * 4);
    for (size_t bit = 0; bit < len * 8; bit += 6) {
        unsigned value = (unsigned)out[bit / 8] << 8 | (bit / 8 + 1 < len ? out[bit / 8 + 1] : 0);
        assert(letters[value >> (10 - bit % 8) & 63] == text.ptr[bit / 6]);
    }
    return 0;
}
