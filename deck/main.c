/* mast-deck: decodes, mixes, measures and encodes for one station, which talks to it over
 * descriptor 3 (child/deck.h). It opens nothing and knows no time.
 *
 *     mast-deck            exits 0 when the station hangs up, 1 when something is wrong
 *     mast-deck --prove    shows that the sandbox holds; exits 0 if it does */
#include "base/err.h"
#include "codec.h"
#include "engine.h"
#include "sandbox.h"
#include "wire.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define STATION_FD 3

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifdef IS_SANITIZED
/* The search for leaks at the end starts a process of its own, which the sandbox does not let
 * through; unit tests of the engine search in its place. */
int __lsan_is_turned_off(void);
int __lsan_is_turned_off(void)
{
    return 1;
}
#endif

static void on_message(void *ctx, const struct message *message)
{
    wire_send(ctx, message);
}

static int fail(const char *what, enum err err, const char *why)
{
    (void)fprintf(stderr, "mast-deck: %s: %s%s%s\n", what, err_text(err), *why ? ": " : "", why);
    return 1;
}

static int serve(void)
{
    struct wire *wire = NULL;
    struct engine *engine = NULL;
    int status = 1;
    enum err err = wire_new(STATION_FD, &wire);
    struct engine_sink sink = {wire, on_message};
    if (err == OK)
        err = engine_new(&sink, &engine);
    if (err != OK) {
        (void)fail("start", err, "");
        goto out;
    }
    struct message message;
    while ((err = wire_receive(wire, &message)) == OK) {
        err = engine_take(engine, &message);
        if (err != OK) {
            (void)fail("message", err, engine_why(engine));
            goto out;
        }
    }
    if (err == E_CLOSED)
        status = 0;
    else
        (void)fail("socket", err, "");
out:
    engine_free(&engine);
    wire_free(&wire);
    return status;
}

int main(int argc, char **argv)
{
    /* However the station dies, nobody is left who could make sense of what is rendered. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    enum err err = codec_warm_up();
    if (err != OK)
        return fail("codecs", err, "");
    if (argc == 2 && strcmp(argv[1], "--prove") == 0)
        return sandbox_prove();
    if (argc != 1) {
        (void)fprintf(stderr, "usage: mast-deck, with a socket as descriptor 3\n");
        return 2;
    }
    sandbox_enter();
    return serve();
}
