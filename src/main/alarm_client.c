/* main/alarm_client.c - `mast alarm test`; contract in commands.h */
#include "main/commands.h"
#include "main/control.h"

#include <stdio.h>

#define ANSWER_MAX_BYTES ((size_t)1 << 20)

int command_alarm_test(const struct config *config)
{
    struct buf answer;
    int status, code = 1;
    buf_init(&answer, ANSWER_MAX_BYTES);
    enum err err = control_ask(config, "POST", "/alarm/test", STR(""), &status, &answer);
    if (err == E_NOT_FOUND) {
        fprintf(stderr, "mast: no server runs on %s; alarms are sent by the one that runs\n",
                config->data_folder);
    } else if (err) {
        fprintf(stderr, "mast: the server does not answer: %s\n", err_text(err));
    } else {
        code = status == 200 ? 0 : 1;
        fprintf(code == 0 ? stdout : stderr, "%.*s", STR_ARG(buf_str(&answer)));
    }
    buf_release(&answer);
    return code;
}
