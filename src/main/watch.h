/* main/watch.h - looks once a second at what people should be told of, and raises alarms.
 *
 * It knows nothing of its own: what is wrong is read off the rooms, and raising twice what is
 * raised already is the alarms' business. More to look at is one more static function in watch.c.
 * Thread: control. */
#ifndef MAST_MAIN_WATCH_H
#define MAST_MAIN_WATCH_H

#include "alarm/alarm.h"
#include "front/front.h"

struct watch {
    struct alarms *alarms;
    const struct front *front;
    const struct board_place *place;
    const struct clock *clock; /* station time */
    bool disk_is_low;          /* was at the last look */
};

void watch_second(struct watch *watch);

/* Is there too little room? Under 5 % it is, and stays so up to 6 %: else an alarm would come and
 * go with every hour of tape that is dropped. Pure. */
bool watch_disk_is_low(bool was_low, uint64_t free_bytes, uint64_t total_bytes);

#endif
