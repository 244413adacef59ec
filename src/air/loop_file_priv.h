/* air/loop_file_priv.h - one track as bytes and back. Pure. */
#ifndef MAST_AIR_LOOP_FILE_PRIV_H
#define MAST_AIR_LOOP_FILE_PRIV_H

#include "air/loop_file.h"
#include "air/loop_priv.h"

#define LOOP_HEADER_BYTES 56
#define LOOP_SIGN_BYTES   8
#define LOOP_FILE_MAX     (LOOP_HEADER_BYTES + LOOP_FRAMES_MAX * 8 + LOOP_BYTES_MAX + LOOP_SIGN_BYTES)

/* Appends a track as a file has it. */
void loop_track_format(const struct loop_track *track, const struct loop_origin *origin,
                       struct buf *out);

/* Reads a file's frames into a track that has its format and no frames; each of them is whole.
 * Errors: E_UNSUPPORTED it is of another format or layout; E_CORRUPT; E_NOMEM. The track is to be
 * thrown away then. */
MUST_USE enum err loop_track_parse(struct str file, struct loop_track *track,
                                   struct loop_origin *origin);

#endif
