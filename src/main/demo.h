/* main/demo.h - `mast demo`: a made-up station that sounds within a second of the first visit.
 *
 * Two stations of the made-up town of Fairhaven. Their music is made by their decks, with the time
 * told in the sound; at a start the quarter of an hour before is made too, so that there is
 * something to go back to. A source that logs in takes its station over. */
#ifndef MAST_MAIN_DEMO_H
#define MAST_MAIN_DEMO_H

#include "main/serve.h"

#define DEMO_FOLDER "./mast-demo" /* where it writes, if nothing else is said */

#define DEMO_PAST_MIN 15 /* so much was played before the start, if nothing else is said */

/* Runs the demonstration on 127.0.0.1:port, writing only under the config's data folder; refuses
 * one whose board has anybody else's station. Returns the process's exit code. */
int demo_run(struct serve_config *serve, uint16_t port, unsigned past_min);

#endif
