/* hls/station_priv.h - the inside of a station: what station.c decides and list.c writes. */
#ifndef MAST_HLS_STATION_PRIV_H
#define MAST_HLS_STATION_PRIV_H

#include "hls/breaks_priv.h"
#include "hls/station.h"
#include "hls/track_priv.h"

#define HLS_PATH_BYTES 1024

struct hls_station {
    char slug[64];
    char breaks_path[HLS_PATH_BYTES]; /* "" = nothing is kept */
    struct track *tracks[HLS_RENDITIONS_MAX];
    size_t count;
    struct breaks breaks;
    bool is_settled;       /* what lies on disk was taken in, and nothing is decided again */
    bool has_count;        /* of the breaks so far: the file was there, or never anything listed */
    bool is_failing;       /* it cannot be written, and that was said */
    uint64_t aside;        /* of the newest tape that was set aside */
    uint64_t waiting_n;    /* the window that somebody is not through with yet ... */
    struct utc waiting_us; /* ... since then */
};

/* The windows that a live playlist lists; it begins and ends with sound. */
struct hls_span {
    uint64_t first_n, end_n;
};
struct hls_span list_span(const struct track *track);

#endif
