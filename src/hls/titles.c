/* hls/titles.c - contract in titles_priv.h */
#include "hls/titles_priv.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CLASS "org.mast.track"

void titles_release(struct titles *titles)
{
    for (size_t i = 0; i < titles->count; i++)
        mem_free(titles->list[i].text);
    titles->count = 0;
}

static void drop_first(struct titles *titles)
{
    mem_free(titles->list[0].text);
    titles->count--;
    memmove(titles->list, titles->list + 1, titles->count * sizeof titles->list[0]);
}

enum err titles_add(struct titles *titles, struct utc at, struct str text)
{
    struct titles_one *last = titles->count > 0 ? &titles->list[titles->count - 1] : NULL;
    if (last && (at.us < last->at.us || str_eq(text, str_of(last->text))))
        return OK;
    char *copy = mem_new(text.len + 1);
    if (!copy)
        return E_NOMEM;
    str_copy(copy, text.len + 1, text);
    if (last && at.us == last->at.us) {
        mem_free(last->text);
        last->text = copy;
        return OK;
    }
    if (titles->count == TITLES_MAX)
        drop_first(titles);
    titles->list[titles->count++] = (struct titles_one){at, copy};
    return OK;
}

void titles_drop_before(struct titles *titles, struct utc at)
{
    while (titles->count > 1 && titles->list[1].at.us <= at.us)
        drop_first(titles);
}

size_t titles_ranges(const struct titles *titles, struct utc from, struct utc to,
                     struct m3u8_range *out)
{
    size_t count = 0;
    for (size_t i = 0; i < titles->count; i++) {
        const struct titles_one *one = &titles->list[i];
        bool is_last = i + 1 == titles->count;
        int64_t end_us = is_last ? INT64_MAX : one[1].at.us;
        if (one->text[0] == '\0' || one->at.us >= to.us || end_us <= from.us)
            continue;
        struct m3u8_range *range = &out[count++];
        *range = (struct m3u8_range){
            .class = CLASS,
            .start = one->at,
            .span_us = is_last ? 0 : end_us - one->at.us,
            .title = str_of(one->text),
        };
        snprintf(range->id, sizeof range->id, "t-%" PRId64, one->at.us / US_PER_MS);
    }
    return count;
}
