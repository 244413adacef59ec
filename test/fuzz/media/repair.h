/* test/fuzz/media/repair.h - makes the CRC of every Ogg page in the input right, so that a fuzzer
 * comes past it. */
#ifndef MAST_FUZZ_REPAIR_H
#define MAST_FUZZ_REPAIR_H

#include <stdlib.h>
#include <string.h>

#include "media/ogg_opus.h"
#include "media/ogg_page_priv.h"

/* Returns a repaired copy; the caller frees its ptr. */
static inline struct str repair_pages(struct str bytes)
{
    static unsigned char made[OGG_PAGE_MAX_BYTES];
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (!copy)
        abort();
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    struct str left = {copy, bytes.len};
    while (left.len > 0) {
        struct ogg_page page;
        size_t used = 1;
        if (ogg_page_parse(left, &page) == OK) {
            used = ogg_page_write(&page, made);
            memcpy(copy + (left.ptr - copy), made, used);
        }
        left = str_slice(left, used, left.len);
    }
    return (struct str){copy, bytes.len};
}

#endif
