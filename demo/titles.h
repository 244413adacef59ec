/* demo/titles.h - what is "on" at the stations of Fairhaven, a town that is on no map.
 * One title holds for TITLE_S seconds; which one follows from the time alone. */
#ifndef MAST_DEMO_TITLES_H
#define MAST_DEMO_TITLES_H

#include "bed.h"

#define TITLE_S 120

/* The title at an instant, in Unix seconds.   Owner: static.   Thread: any. Pure. */
const char *title_at(enum bed bed, int64_t unix_s);

#endif
