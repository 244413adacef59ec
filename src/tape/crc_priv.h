/* tape/crc_priv.h - CRC-32 as in IEEE 802.3 and zlib; wraps zlib. Pure. */
#ifndef MAST_TAPE_CRC_PRIV_H
#define MAST_TAPE_CRC_PRIV_H

#include "base/str.h"

uint32_t crc32_of(struct str bytes);

#endif
