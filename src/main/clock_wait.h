/* main/clock_wait.h - a machine without a battery clock starts in the past until the network has
 * told it the time; recording before that would put the tape in the wrong place, or set it aside.
 */
#ifndef MAST_MAIN_CLOCK_WAIT_H
#define MAST_MAIN_CLOCK_WAIT_H

#include "base/clock.h"

/* The start of the newest set of files under <data folder>/tape; 0 if there is none. */
struct utc clock_newest_set(const char *data_folder);

/* Waits until the clock is past the day this program was built and not more than 10 min behind
 * `newest`, but at most 60 s, and says so. signal_fd: readable = give up waiting.
 * Thread: control. */
void clock_wait(const struct clock *clock, struct utc newest, int signal_fd);

#endif
