/* main/commands.h - the commands that are not the server. Each returns the process's exit code. */
#ifndef MAST_MAIN_COMMANDS_H
#define MAST_MAIN_COMMANDS_H

#include "base/config.h"

/* `mast check`: reads the configuration, looks at folder and board, tries the addresses; one line
 * for each fault. Makes and changes nothing. */
int command_check(const char *config_path, const struct config *config);

/* `mast apply FILE.json`: on the running server, or on the board file if none runs. */
int command_apply(const struct config *config, const char *file);

/* `mast status [--json]` */
int command_status(const struct config *config, bool as_json);

/* `mast alarm test`: by the running server; 0 only if a test message arrived by each way. */
int command_alarm_test(const struct config *config);

#endif
