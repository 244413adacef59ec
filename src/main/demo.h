/* main/demo.h - `mast demo`: a made-up station that sounds within a second of the first visit.
 *
 * Two stations of the made-up town of Fairhaven, each fed by a child process (mast-demo) that makes
 * music and logs in as any source would. Keys are new at each start and known to nobody else. */
#ifndef MAST_MAIN_DEMO_H
#define MAST_MAIN_DEMO_H

#include "main/serve.h"

/* Runs the demonstration on 127.0.0.1:port, writing only under the config's data folder. Returns
 * the process's exit code. */
int demo_run(struct serve_config *serve, uint16_t port);

#endif
