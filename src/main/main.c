/* main/main.c - the command line */
#include "base/crypto.h"
#include "main/commands.h"
#include "main/demo.h"
#include "main/serve.h"
#ifdef MAST_HAS_SIM
#include "main/simulate.h"
#endif

#include <stdio.h>
#include <string.h>
#include <sysexits.h>

static const char usage[] =
    "mast: a radio station in one program\n"
    "\n"
    "  mast serve [-c FILE]                     runs the station\n"
    "  mast check [-c FILE]                     checks the configuration, says what is wrong with "
    "it\n"
    "  mast apply [-c FILE] [--data DIR] DOC    creates or changes stations, renditions and "
    "sources\n"
    "  mast status [-c FILE] [--data DIR] [--json]\n"
    "                                           what is on the air, from what, and who listens\n"
    "  mast alarm test [-c FILE] [--data DIR]   sends a test message by each way that alarms take\n"
    "  mast demo [--port N] [--data DIR] [--past MINUTES]\n"
    "                                           made-up stations with their own sound, from 15\n"
    "                                           minutes ago on; keeps all that in ./mast-demo\n"
    "  mast help serve                          every option of the configuration file\n"
    "  mast --version\n"
    "\n"
    "Without -c, mast.conf in this folder is read if it is there; else 127.0.0.1:8000 and\n"
    "./mast-data hold.\n";

struct arguments {
    const char *command, *config_path, *data, *file;
    uint64_t port;
    uint64_t past; /* minutes, of a demonstration */
    bool as_json;
};

static int complain(const char *text, const char *what)
{
    fprintf(stderr, "mast: %s%s%s\n\n%s", text, what ? ": " : "", what ? what : "", usage);
    return 2;
}

/* Takes the value of an option that needs one.   Returns NULL when it is missing. */
static const char *value_of(int argc, char **argv, int *i)
{
    return *i + 1 < argc ? argv[++*i] : NULL;
}

static bool is_demo(const struct arguments *a)
{
    return strcmp(a->command, "demo") == 0;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    a->command = argv[1];
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i], *value = "";
        if (strcmp(name, "-c") == 0)
            value = a->config_path = value_of(argc, argv, &i);
        else if (strcmp(name, "--data") == 0)
            value = a->data = value_of(argc, argv, &i);
        else if (strcmp(name, "--json") == 0)
            a->as_json = true;
        else if (strcmp(name, "--port") == 0) {
            value = value_of(argc, argv, &i);
            if (value && (str_parse_u64(str_of(value), 65534, &a->port) != OK || a->port == 0))
                return complain("--port takes a number from 1 to 65534", value);
        } else if (strcmp(name, "--past") == 0) {
            value = value_of(argc, argv, &i);
            if (value && str_parse_u64(str_of(value), 60, &a->past) != OK)
                return complain("--past takes a number of minutes up to 60", value);
        } else if (name[0] == '-')
            return complain("no such option", name);
        else if (a->file)
            return complain("one name too many", name);
        else
            a->file = name;
        if (!value)
            return complain("this option needs a value", name);
    }
    if (a->data && strlen(a->data) >= sizeof((struct config *)0)->data_folder)
        return complain("--data takes no name that is so long", a->data);
    if (is_demo(a) && a->config_path)
        return complain("demo reads no configuration file", a->config_path);
    return 0;
}

/* Reads the configuration: the named file, ./mast.conf if it is there, or the defaults. The
 * demonstration knows the defaults only: mast.conf is a real station's. */
static int load_config(struct arguments *a, struct config *config)
{
    struct buf faults;
    bool named = a->config_path != NULL;
    buf_init(&faults, 1 << 20);
    config_init(config);
    if (is_demo(a) && !a->data)
        a->data = DEMO_FOLDER;
    if (!named && !a->data)
        a->config_path = "mast.conf";
    enum err err = a->config_path ? config_load(a->config_path, config, &faults) : OK;
    if (err == E_NOT_FOUND && !named) {
        a->config_path = NULL;
        err = OK;
        buf_clear(&faults);
    }
    if (a->data)
        str_copy(config->data_folder, sizeof config->data_folder, str_of(a->data));
    if (!err)
        err = config_check(a->config_path, config, &faults);
    fprintf(stderr, "%s", faults.len > 0 ? faults.ptr : "");
    if (err && faults.len == 0)
        fprintf(stderr, "mast: %s: %s\n", a->config_path ? a->config_path : "the configuration",
                err_text(err));
    buf_release(&faults);
    return err ? 1 : 0;
}

static int help(const struct arguments *a)
{
    if (!a->file || strcmp(a->file, "serve") != 0) {
        fputs(usage, stdout);
        return 0;
    }
    struct buf text;
    buf_init(&text, 1 << 20);
    config_explain(&text);
    printf("%s", text.len > 0 ? text.ptr : "");
    buf_release(&text);
    return 0;
}

static int run(struct arguments *a)
{
    struct serve_config serve = {0};
    if (load_config(a, &serve.config) != 0)
        return strcmp(a->command, "serve") == 0 ? EX_CONFIG : 1; /* the unit: no use in a restart */
    serve.config_path = a->config_path;
    if (strcmp(a->command, "serve") == 0)
        return serve_run(&serve);
    if (strcmp(a->command, "demo") == 0)
        return demo_run(&serve, a->port > 0 ? (uint16_t)a->port : 8000, (unsigned)a->past);
    if (strcmp(a->command, "check") == 0)
        return command_check(a->config_path, &serve.config);
    if (strcmp(a->command, "status") == 0)
        return command_status(&serve.config, a->as_json);
    if (strcmp(a->command, "apply") == 0)
        return a->file ? command_apply(&serve.config, a->file)
                       : complain("apply takes the name of a document", NULL);
    if (strcmp(a->command, "alarm") == 0)
        return a->file && strcmp(a->file, "test") == 0
                   ? command_alarm_test(&serve.config)
                   : complain("alarm takes one word: test", NULL);
    return complain("no such command", a->command);
}

int main(int argc, char **argv)
{
    struct arguments a = {.past = DEMO_PAST_MIN};
    if (argc < 2)
        return complain("say what to do", NULL);
#ifdef MAST_HAS_SIM
    if (strcmp(argv[1], "sim") == 0)
        return command_sim(argc, argv);
#endif
    int code = read_arguments(argc, argv, &a);
    if (code != 0)
        return code;
    if (strcmp(a.command, "--version") == 0)
        return printf("mast %s\n", MAST_VERSION) > 0 ? 0 : 1;
    if (strcmp(a.command, "help") == 0 || strcmp(a.command, "--help") == 0)
        return help(&a);
    if (crypto_init() != OK) {
        fprintf(stderr, "mast: this machine has no source of random numbers\n");
        return 1;
    }
    return run(&a);
}
