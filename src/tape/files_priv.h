/* tape/files_priv.h - the layout of a tape on disk. Pure but for the calls that say so.
 *
 * A *set* is three files that hold the windows of one hour (equal n / 600). Its name is the window
 * of its first run, as a decimal number:
 *
 *     <folder>/<first n>.frames   whole codec frames back to back, as they were appended; no header
 *     <folder>/<first n>.index    a header and one record for each run, in order of time
 *     <folder>/<first n>.events   one JSON object a line:
 *                               {"t":<Unix us>,"kind":"title","text":"..."}
 *
 * All numbers are little-endian. The index header, 64 bytes:
 *
 *     offset  bytes  what
 *          0      8  "MASTTAPE"
 *          8      4  version: 1
 *         12      4  codec: 1 MP3, 2 AAC, 3 Opus
 *         16      4  bytes of a record: 64
 *         20      4  seconds of a window: 6
 *         24      8  first n
 *         32     28  zero
 *         60      4  CRC-32 of bytes 0..59
 *
 * A record, 64 bytes:
 *
 *          0      8  n, the window
 *          8      8  offset of the first frame in .frames
 *         16      8  start of the first frame, Unix microseconds
 *         24      4  discontinuity count: how often sound broke off since the tape began
 *         28      4  samples a second
 *         32      4  bits a second
 *         36      1  channels
 *         37      1  profile (media/format.h)
 *         38      2  4 = does not follow on from the run before
 *         40      4  CRC-32 of bytes 0..39
 *         44      4  bytes; 0 while the run is open
 *         48      4  samples; 0 while the run is open
 *         52      2  1 = open, 2 = interrupted by a crash
 *         54      4  drift, signed: samples by which the media time of the first frame is ahead of
 *                    its start (runs.h); tapes from before there was one have 0
 *         58      2  zero
 *         60      4  CRC-32 of bytes 0..59
 *
 * A record is written as open when its run begins, so that its start is known whatever happens, and
 * written over in place when the run is closed, after its frames were synced. The first 44 bytes and
 * the drift do not change then: a record that was torn in that moment counts as open. At most the last record of
 * a tape is open. Frames that no record covers follow on from the run before.
 * .events begins with the title that held when the set began; a title holds from the frame that
 * starts at t. Other kinds are notes for people. A last line without a line end is no line. */
#ifndef MAST_TAPE_FILES_PRIV_H
#define MAST_TAPE_FILES_PRIV_H

#include "base/buf.h"
#include "base/clock.h"
#include "media/format.h"

#define SET_WINDOWS  ((uint64_t)600)
#define RECORD_BYTES ((size_t)64)
#define SET_PATH_MAX ((size_t)4096)
#define INDEX_MAX    ((size_t)8 << 20) /* of an index file; 600 records of one hour are 38 KB */
#define EVENTS_MAX   ((size_t)4 << 20)
#define EVENT_MAX    ((size_t)4096) /* of a line */
#define WINDOW_US    (6 * US_PER_S)

enum record_flags {
    RECORD_OPEN = 1,
    RECORD_INTERRUPTED = 2,
    RECORD_DISCONTINUITY = 4,
};

struct record {
    uint64_t n;
    uint64_t offset;
    uint32_t bytes;
    uint32_t samples;
    int64_t start_us;
    uint32_t discontinuity;
    int32_t drift_samples;
    uint16_t flags;
    struct format format;
};

uint64_t window_of(int64_t us); /* floor(s / 6); us >= 0 */
int64_t window_start_us(uint64_t n);

/* How long `samples` samples last, rounded down; never overflows. */
int64_t samples_us(uint64_t samples, uint32_t rate_hz);
int64_t record_end_us(const struct record *record);

/* `us` >= 0 in samples, rounded to the nearest. */
int64_t us_samples(int64_t us, uint32_t rate_hz);

/* The drift of a frame at `start_us` whose media time is `media`; 0 if none can tell it. */
int32_t drift_of(int64_t media, int64_t start_us, uint32_t rate_hz);
int64_t record_media(const struct record *record); /* time of its first frame, in samples */

void index_header_format(enum codec codec, uint64_t first_n, unsigned char out[RECORD_BYTES]);

/* Errors: E_CORRUPT damaged, another version or another codec. */
MUST_USE enum err index_header_parse(struct str bytes, enum codec codec);

void record_format(const struct record *record, unsigned char out[RECORD_BYTES]);

/* Errors: E_CORRUPT a wrong CRC, or numbers that no tape of ours holds. */
MUST_USE enum err record_parse(struct str bytes, enum codec codec, struct record *out);

/* The n-th record of a loaded index file, header included; as record_parse(). */
MUST_USE enum err index_record(struct str index, size_t number, enum codec codec,
                               struct record *out);
size_t index_count(struct str index); /* whole records in it, good or not */

enum set_file { SET_FRAMES, SET_INDEX, SET_EVENTS, SET_FILES };

/* Errors: E_TOO_LONG. */
MUST_USE enum err set_path(const char *folder, uint64_t first_n, enum set_file file,
                           char out[SET_PATH_MAX]);

/* Folder of sets that are in the way: this, and when they were set aside, in Unix seconds. */
#define SET_ASIDE_PREFIX "set-aside-"

/* Reads the name of a set's file, without its folder; false if it is none. */
bool set_name_parse(struct str name, uint64_t *first_n);

/* Reads a whole file, or its first `cap` bytes, into an empty buffer of that cap.   I/O. */
MUST_USE enum err file_load(const char *folder, uint64_t first_n, enum set_file file,
                            struct buf *out);

void event_add(struct buf *out, int64_t us, const char *kind, struct str text);

/* Reads the event at the start of `events` and moves on behind its line. Lines that are none are
 * skipped. `text` is decoded into `out`, which is cleared before.
 * Errors: E_AGAIN there is no other; E_NOMEM. */
struct event {
    int64_t us;
    bool is_title;
};
MUST_USE enum err event_next(struct str *events, struct event *event, struct buf *out);

/* How many bytes of an events file are whole lines. */
size_t events_whole(struct str events);

#endif
