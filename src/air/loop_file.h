/* air/loop_file.h - a station's loop on disk, so that it is there at once after a restart, and even
 * where no deck can be started: <folder>/<rendition>.loop, as it lies in RAM.
 *
 *      0  8  "mastloop"
 *      8  4  version of this layout: 1
 *     12  1  codec (enum codec)
 *     13  1  channels
 *     14  2  0
 *     16  4  rate, Hz
 *     20  4  bit rate, bit/s
 *     24  4  number of frames
 *     28  4  0
 *     32 24  what it was made of (struct loop_origin: name, mtime, size)
 *     56     frames, one behind the other: 4 length, 4 samples, then its bytes
 *    end  8  FNV-1a (64 bit) of all that stands before
 *
 * Numbers are little-endian. A file is written aside, synced and renamed.
 * Thread: any but loop and air: it waits for the disk. */
#ifndef MAST_AIR_LOOP_FILE_H
#define MAST_AIR_LOOP_FILE_H

#include "air/air.h"

/* What a loop was made of. */
struct loop_origin {
    uint64_t name;    /* loop_sign() of a file's path, or of what stands for mast's own music */
    int64_t mtime_us; /* of the file; else 0 */
    uint64_t size_bytes;
};

/* Mixes bytes into a sign (FNV-1a); LOOP_SIGN is the one of nothing. Pure. */
#define LOOP_SIGN UINT64_C(14695981039346656037)
uint64_t loop_sign(uint64_t sign, const void *bytes, size_t len);

/* Keeps all tracks of a loop.
 * Shape:  folder is the station's own; it is made.   Errors: E_DISK_FULL, E_IO ...: what was kept
 * before of the tracks that could not be written stands. */
MUST_USE enum err loop_file_save(const char *folder, const struct loop_origin *origin,
                                 const struct air_loop *loop);

/* Reads a loop for all renditions of a station, whatever it was made of: that is the caller's to
 * judge.
 * Owner:  the caller: *out, air_loop_free().
 * Errors: E_NOT_FOUND a rendition has none; E_UNSUPPORTED one was made for another codec, rate, bit
 * rate or number of channels, or by another mast, or they are not all of one origin; E_CORRUPT one
 * is damaged, and rendition, if not NULL, says which; E_NOMEM, E_IO ...; *out = NULL. */
MUST_USE enum err loop_file_load(const char *folder, const struct board_station *station,
                                 struct loop_origin *origin, const char **rendition,
                                 struct air_loop **out);

#endif
