/* main/commands.h - the commands that are not the server. Each returns the process's exit code. */
#ifndef MAST_MAIN_COMMANDS_H
#define MAST_MAIN_COMMANDS_H

#include "base/config.h"

/* `mast check`: reads the configuration, tries folder, board and addresses; one line for each
 * fault. */
int command_check(const char *config_path, const struct config *config);

/* `mast apply FILE.json`: on the running server, or on the board file if none runs. */
int command_apply(const struct config *config, const char *file);

/* `mast status [--json]` */
int command_status(const struct config *config, bool as_json);

#endif
