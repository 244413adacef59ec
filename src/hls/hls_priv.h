/* hls/hls_priv.h - the inside of the room: the lister's side and the loops' side, and what goes
 * from one to the other.
 *
 *     lister --issue: segments (1)--> each loop --the last one--> issue: playlists (2) --> each loop
 *
 * In two steps, so that whoever has read of a segment on one loop gets it on any other. */
#ifndef MAST_HLS_HLS_PRIV_H
#define MAST_HLS_HLS_PRIV_H

#include "hls/hls.h"
#include "hls/station.h"

#include <pthread.h>
#include <stdatomic.h>

#define RACK_SEGMENTS 50 /* the newest 5 min are at hand */
#define RACK_LINES    (BOARD_STATIONS_MAX * BOARD_RENDITIONS_MAX)
#define RANGES_ASKED  64 /* at a time; over it 503 */
#define HLS_TYPE      "application/vnd.apple.mpegurl"
#define CACHE_LIST    "max-age=2"
#define CACHE_WAITED  "max-age=36" /* the address holds the number of a segment: it comes once */
#define CACHE_FOREVER "max-age=31536000, immutable"
#define CACHE_SOON    "max-age=1"
#define AGAIN         "Retry-After: 2\r\n"

enum list_form { LIST_WHOLE, LIST_SHORT, LIST_FORMS };
enum list_asking { LIST_NOW, LIST_WAITED, LIST_ASKINGS };

/* ---- what the lister hands to the loops ---- */

struct issue;
struct issue_job {
    struct loop_job job;
    struct issue *issue;
};
struct issue_segment {
    uint64_t n;
    struct response *response;
    struct issue_segment *next;
};
struct issue { /* one change of one rendition; immutable but for its counts */
    struct hls *hls;
    const struct tape *tape;
    struct hls_state state;
    struct response *lists[LIST_FORMS][LIST_ASKINGS];
    struct issue_segment *segments;
    _Atomic unsigned without_segments; /* loops that have not put them up */
    _Atomic unsigned refs;             /* loops that are not through with it */
    struct issue_job jobs[];           /* one a loop */
};
void issue_free(struct issue *issue);

/* ---- a loop's side: the rack (rack.c).   Thread: its loop ---- */

/* A request for a playlist that is to hold segment n. Lies in its arena. */
struct rack_wait {
    struct request *request;
    uint64_t n;
    enum list_form form;
    struct mono until;
    struct rack_wait *next, **prev_next;
};

struct rack_line {
    const struct tape *tape;
    struct hls_state state;
    struct response *lists[LIST_FORMS][LIST_ASKINGS];
    struct rack_segment {
        uint64_t n;
        struct response *response;
    } segments[RACK_SEGMENTS]; /* of window n at n % RACK_SEGMENTS */
    struct rack_wait *waits;
};

struct rack {
    struct hls *hls;
    struct loop *loop;
    struct loop_job started;
    struct loop_timer timer; /* ends waits that take too long */
    struct rack_line *lines[RACK_LINES];
    size_t count;
};

void rack_start(struct rack *rack);
void rack_release(struct rack *rack); /* after the loops have stopped */

/* What is up of a rendition; NULL: nothing yet. */
struct rack_line *rack_find(const struct rack *rack, const struct tape *tape);

/* The answer that holds segment n, at hand or not (NULL). */
struct response *rack_segment(const struct rack_line *line, uint64_t n);

/* Has the request wait until the playlist holds segment n, at most 18 s (503 then). */
void rack_wait(struct rack_line *line, struct rack_wait *wait);

/* Jobs of an issue. */
void rack_on_segments(struct loop_job *job);
void rack_on_lists(struct loop_job *job);

/* ---- the lister (lister.c) ---- */

/* A closed range that a loop asks for. */
struct range_ask {
    struct loop_job answered; /* posted to the loop */
    struct loop *loop;
    struct request *request; /* NULL: he left */
    struct tape *tape;
    uint64_t from_s, to_s;
    struct response *response; /* the answer, whatever it is; NULL: memory is out */
    struct range_ask *next;
};

/* Owner: taken over until answered.   Errors: E_LIMIT too many wait already: still the caller's. */
MUST_USE enum err lister_ask(struct hls *hls, struct range_ask *ask);

struct lister_entry { /* a rendition that is to be listed */
    char station[64], rendition[64];
    struct tape *tape;
    uint32_t bitrate_bps;
    struct lister_entry *next;
};

struct hls {
    struct hls_config config;
    pthread_t lister;
    bool has_lister;
    pthread_mutex_t lock; /* guards what follows; held for a few instructions */
    pthread_cond_t more;
    bool is_stopping;
    struct range_ask *asks, **asks_end;
    unsigned asks_count;
    struct lister_entry *entries; /* new ones */
    unsigned issues_count;        /* that some loop is not through with */
    bool is_first;                /* nothing was ever listed from this data folder */
    /* the lister's own */
    struct hls_station *stations[BOARD_STATIONS_MAX];
    size_t stations_count;
    unsigned racks_count;
    struct rack racks[]; /* one a loop */
};

void *lister_run(void *hls);

/* ---- requests ---- */

/* Answers with one line of text. */
void reply_text(struct request *request, int status, const char *cache, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
MUST_USE enum err text_response(int status, const char *cache, const char *headers,
                                const char *text, struct response **out);

/* Notes that who asks for a playlist listens; answers, and returns false, if he may not. */
bool hls_let_in(struct hls *hls, struct request *request, const struct board_live *live);

/* GET of a segment that is not in the rack (segment.c). */
void segment_from_tape(struct hls *hls, struct request *request, const struct board_live *live,
                       uint64_t n);

/* Notes that bytes of segment n went to who asked for them. */
void segment_count(struct hls *hls, const struct request *request, const struct board_live *live,
                   uint64_t n, size_t bytes);

/* Makes the answer that holds a segment; the bytes are copied. */
MUST_USE enum err segment_response(struct str bytes, struct response **out);

/* GET of a closed range (range.c). */
void range_reply(struct hls *hls, struct request *request, const struct board_live *live,
                 struct str name);

#endif
