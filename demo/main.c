/* mast-demo: feeds one station of `mast demo` with a bed of its own making, as any encoder would.
 *
 *     bed --1152 samples--> LAME --MP3 frames--> PUT to the station, 4 s ahead of real time
 *
 * One process a station, started by `mast demo` and ending with it. The key comes in the
 * environment, for a command line can be read by everyone on the machine. */
#include "base/buf.h"
#include "base/clock.h"
#include "bed.h"
#include "icecast.h"
#include "titles.h"

#include <lame/lame.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define FRAME_SAMPLES 1152
#define FRAME_BYTES   (FRAME_SAMPLES * 5 / 4 + 7200) /* what LAME asks room for */
#define BITRATE_KBPS  128
#define AHEAD_US      (4 * US_PER_S) /* so that whoever tunes in at once has sound at once */
#define BACK_OFF_MS   1000
#define PACE_MS       100

struct feeder {
    struct icecast_place place;
    enum bed bed;
    pid_t parent;
    /* of one connection */
    int fd;
    lame_t encoder;
    struct utc began_utc;
    struct mono began;
    int64_t sent_samples;
    const char *title; /* the last one that was told */
};

static volatile sig_atomic_t stopped; /* all that a signal handler may touch */

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

static bool is_over(const struct feeder *feeder)
{
    return stopped || getppid() != feeder->parent;
}

static void say(const struct feeder *feeder, const char *what, enum err err)
{
    (void)fprintf(stderr, "mast-demo: %s: %s: %s\n", feeder->place.mount, what, err_text(err));
}

static lame_t encoder_new(void)
{
    lame_t encoder = lame_init();
    if (!encoder)
        return NULL;
    bool good = lame_set_in_samplerate(encoder, BED_RATE_HZ) == 0 &&
                lame_set_num_channels(encoder, 2) == 0 &&
                lame_set_brate(encoder, BITRATE_KBPS) == 0 && lame_set_VBR(encoder, vbr_off) == 0 &&
                lame_set_mode(encoder, JOINT_STEREO) == 0 && lame_set_quality(encoder, 5) == 0 &&
                lame_set_bWriteVbrTag(encoder, 0) == 0; /* it would be a frame without sound */
    lame_set_write_id3tag_automatic(encoder, 0);
    if (good && lame_init_params(encoder) == 0)
        return encoder;
    lame_close(encoder);
    return NULL;
}

/* Encodes and sends until the sound is AHEAD_US ahead of the time gone by. */
static enum err feed(struct feeder *feeder)
{
    static float left[FRAME_SAMPLES], right[FRAME_SAMPLES];
    static unsigned char bytes[FRAME_BYTES];
    int64_t gone_us = clock_mono(clock_real()).us - feeder->began.us;
    int64_t due = (gone_us + AHEAD_US) * BED_RATE_HZ / US_PER_S;
    int64_t first = feeder->began_utc.us / US_PER_S * BED_RATE_HZ;
    while (feeder->sent_samples < due && !stopped) {
        bed_render(feeder->bed, first + feeder->sent_samples, FRAME_SAMPLES, left, right);
        int made = lame_encode_buffer_ieee_float(feeder->encoder, left, right, FRAME_SAMPLES, bytes,
                                                 sizeof(bytes));
        if (made < 0)
            return E_IO;
        enum err err = icecast_send(feeder->fd, (struct str){(const char *)bytes, (size_t)made});
        if (err != OK)
            return err;
        feeder->sent_samples += FRAME_SAMPLES;
    }
    return OK;
}

/* A title that could not be told is no reason to stop the sound: it is tried again next time. */
static void tell_title(struct feeder *feeder)
{
    const char *title = title_at(feeder->bed, clock_utc(clock_real()).us / US_PER_S);
    if (title == feeder->title)
        return;
    enum err err = icecast_title(&feeder->place, title);
    if (err != OK)
        say(feeder, "title", err);
    feeder->title = title;
}

/* One connection, from login to its end. Says why it ended. */
static enum err feeder_connect(struct feeder *feeder)
{
    enum err err = icecast_open(&feeder->place, &feeder->fd);
    if (err != OK)
        return err;
    feeder->encoder = encoder_new();
    if (!feeder->encoder) {
        err = E_NOMEM;
        goto out;
    }
    feeder->began = clock_mono(clock_real());
    feeder->began_utc = clock_utc(clock_real());
    feeder->sent_samples = 0;
    feeder->title = NULL;
    while (err == OK && !is_over(feeder)) {
        err = feed(feeder);
        if (err == OK)
            tell_title(feeder);
        if (err == OK)
            err = icecast_wait(feeder->fd, PACE_MS);
    }
out:
    if (feeder->encoder)
        lame_close(feeder->encoder);
    feeder->encoder = NULL;
    icecast_close(&feeder->fd);
    return err;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: MAST_KEY=... mast-demo --url http://HOST:PORT/MOUNT --user USER "
                          "--bed news|classical\n");
    return 2;
}

static bool feeder_init(struct feeder *feeder, int argc, char **argv)
{
    const char *url = NULL, *user = NULL, *bed = NULL, *key = getenv("MAST_KEY");
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--url") == 0)
            url = argv[i + 1];
        else if (strcmp(argv[i], "--user") == 0)
            user = argv[i + 1];
        else if (strcmp(argv[i], "--bed") == 0)
            bed = argv[i + 1];
        else
            return false;
    }
    if (argc % 2 == 0 || !url || !user || !bed || !key)
        return false;
    *feeder = (struct feeder){.fd = -1, .parent = getppid()};
    feeder->place.content_type = "audio/mpeg";
    feeder->place.bitrate_kbps = BITRATE_KBPS;
    feeder->place.name = "mast demonstration";
    int len = snprintf(feeder->place.login, sizeof(feeder->place.login), "%s:%s", user, key);
    return len > 0 && (size_t)len < sizeof(feeder->place.login) && bed_find(bed, &feeder->bed) &&
           icecast_place_parse(url, &feeder->place) == OK;
}

int main(int argc, char **argv)
{
    static struct feeder feeder;
    if (!feeder_init(&feeder, argc, argv))
        return usage();
    struct sigaction action = {.sa_handler = on_signal}; /* no SA_RESTART: a wait ends at once */
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGINT, &action, NULL);
    /* The kernel tells us when `mast` dies, however it dies; getppid() covers the moment before. */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    enum err told = OK;
    while (!is_over(&feeder)) {
        enum err err = feeder_connect(&feeder);
        if (is_over(&feeder))
            break;
        if (err != told)
            say(&feeder, "trying again each second", err);
        told = err;
        (void)poll(NULL, 0, BACK_OFF_MS);
    }
    return 0;
}
