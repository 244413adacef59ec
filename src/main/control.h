/* main/control.h - the command line talks to the running server over <data folder>/control.sock.
 * Blocking; for commands only. */
#ifndef MAST_MAIN_CONTROL_H
#define MAST_MAIN_CONTROL_H

#include "base/config.h"

/* Sends one request and reads the answer's body.
 * Shape:  method "GET" or "POST"; body may be empty.
 * Errors: E_NOT_FOUND no server runs on this data folder; E_IO, E_CLOSED; *status is the HTTP
 * status (0 on error). */
MUST_USE enum err control_ask(const struct config *config, const char *method, const char *path,
                              struct str body, int *status, struct buf *answer);

#endif
