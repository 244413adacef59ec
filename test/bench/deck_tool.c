/* bench-deck - drives a real mast-deck over a socket and tells what that took.
 *
 *     bench-deck --deck build/deck/mast-deck --seconds 60 --file in.mp3 --output aac:96000:48000:2
 *
 *     --deck PATH      the program
 *     --file PATH      an input, again from its beginning when it ends (.mp3, .aac, .ogg, .opus);
 *                      up to four times, the first is on the air
 *     --bed NAME       an input that the deck makes itself: news, classical, plain; with time code
 *     --output SPEC    codec:bit rate:rate:channels; up to eight times
 *     --seconds N      how much (60)
 *     --pace           at real time, else as fast as it goes
 *     --no-code        the bed without its time code
 *     --quick          encoders take less trouble
 *     --write PREFIX   what comes out goes to PREFIX0.mp3, PREFIX1.aac ...
 *
 * Prints one line: CPU seconds (user + system) and peak memory of the deck, and how long it took. */
#include "child/deck.h"
#include "media/framer.h"
#include "media/ogg_opus.h"
#include "tool.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_US   (INT64_C(1795000000) * 1000000)
#define WARM_UP_US 500000
#define AHEAD_US   500000 /* frames go out so long before they are rendered */
#define STEP_US    100000

struct feed {
    const char *path;
    FILE *file;
    struct framer *framer;
    char buffer[4096];
    size_t head, tail;
    double after_us; /* of the next frame, since the start */
    bool is_told;
    struct format format;
    uint32_t setup_seq;
    struct frame pending;
    bool has_pending;
};

struct rendition {
    struct deck_output what;
    FILE *file;
    struct opus_pager pager;
    bool is_begun;
    uint64_t bytes;
};

struct driver {
    const char *deck, *prefix;
    struct feed feeds[DECK_INPUTS_MAX];
    struct rendition renditions[DECK_OUTPUTS_MAX];
    size_t feeds_count, renditions_count;
    int bed; /* -1 = none */
    int64_t seconds;
    bool is_paced, is_quick, has_no_code;
    pid_t child;
    int fd;
    unsigned char in[4 * MESSAGE_PAYLOAD_MAX];
    size_t in_bytes;
    uint64_t out_count, levels_count, troubles_count;
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* ---- what comes out ---- */

static void write_out(struct driver *driver, size_t id, const struct message *message)
{
    struct rendition *r = &driver->renditions[id];
    r->bytes += message->payload.len;
    driver->out_count++;
    if (!r->file)
        return;
    struct str bytes = message->payload;
    if (r->what.format.codec == CODEC_OPUS) {
        unsigned char headers[OPUS_HEADERS_MAX_BYTES];
        if (!r->is_begun) {
            size_t len = opus_headers(1, r->what.format.channels, STR("bench"), headers);
            fwrite(headers, len, 1, r->file);
            opus_pager_init(&r->pager, 1);
            opus_pager_seek(&r->pager, (struct utc){message->at_us});
        }
        uint32_t samples;
        if (opus_pager_push(&r->pager, message->payload, message->samples, &bytes, &samples) != OK)
            bytes.len = 0;
    }
    r->is_begun = true;
    if (bytes.len > 0)
        fwrite(bytes.ptr, bytes.len, 1, r->file);
}

/* Takes all whole messages; returns true when DONE was among them. */
static bool take_messages(struct driver *driver)
{
    bool is_done = false;
    size_t head = 0;
    struct message message;
    while (driver->in_bytes - head >= MESSAGE_HEAD_BYTES) {
        if (message_unpack_head(driver->in + head, &message) != OK)
            tool_die("the deck talks nonsense");
        if (driver->in_bytes - head < MESSAGE_HEAD_BYTES + message.payload.len)
            break;
        message.payload.ptr = (const char *)driver->in + head + MESSAGE_HEAD_BYTES;
        head += MESSAGE_HEAD_BYTES + message.payload.len;
        if (message.type == DECK_OUT && message.id < driver->renditions_count)
            write_out(driver, message.id, &message);
        driver->levels_count += message.type == DECK_LEVELS;
        is_done |= message.type == DECK_DONE;
        if (message.type == DECK_TROUBLE) {
            driver->troubles_count++;
            fprintf(stderr, "trouble: input %u: %.*s\n", (unsigned)message.id,
                    STR_ARG(message.payload));
        }
    }
    driver->in_bytes -= head;
    memmove(driver->in, driver->in + head, driver->in_bytes);
    return is_done;
}

static bool receive(struct driver *driver)
{
    assert(driver->in_bytes < sizeof driver->in); /* a message always fits */
    ssize_t got =
        read(driver->fd, driver->in + driver->in_bytes, sizeof driver->in - driver->in_bytes);
    if (got <= 0)
        tool_die("the deck hung up");
    driver->in_bytes += (size_t)got;
    return take_messages(driver);
}

/* ---- what goes in ---- */

static void send_bytes(struct driver *driver, const void *bytes, size_t len)
{
    for (size_t done = 0; done < len;) {
        struct pollfd p = {driver->fd, POLLIN | POLLOUT, 0};
        poll(&p, 1, -1);
        if (p.revents & POLLIN)
            (void)receive(driver); /* a deck that cannot write does not read */
        if (!(p.revents & POLLOUT))
            continue;
        ssize_t sent =
            send(driver->fd, (const char *)bytes + done, len - done, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent > 0)
            done += (size_t)sent;
    }
}

static void send_message(struct driver *driver, enum deck_type type, size_t id, int64_t at_us,
                         uint32_t samples, struct str payload)
{
    static unsigned char bytes[MESSAGE_HEAD_BYTES + MESSAGE_PAYLOAD_MAX];
    struct message message = {(uint16_t)type, (uint16_t)id, at_us, samples, payload};
    message_pack_head(&message, bytes);
    if (payload.len > 0)
        memcpy(bytes + MESSAGE_HEAD_BYTES, payload.ptr, payload.len);
    send_bytes(driver, bytes, MESSAGE_HEAD_BYTES + payload.len);
}

static void feed_open(struct feed *feed)
{
    const char *dot = strrchr(feed->path, '.');
    enum container container = dot && strcmp(dot, ".mp3") == 0   ? CONTAINER_MPEG
                               : dot && strcmp(dot, ".aac") == 0 ? CONTAINER_ADTS
                                                                 : CONTAINER_OGG;
    framer_free(&feed->framer);
    if (!feed->file)
        feed->file = fopen(feed->path, "rb");
    if (!feed->file || framer_new(container, &feed->framer) != OK)
        tool_die("%s", feed->path);
    rewind(feed->file);
}

static bool feed_next(struct feed *feed)
{
    for (int starts = 0; !feed->has_pending && starts < 2;) {
        enum err err = framer_next(feed->framer, &feed->pending);
        if (err == OK) {
            feed->has_pending = true;
            break;
        }
        if (feed->head == feed->tail) {
            feed->head = 0;
            feed->tail = fread(feed->buffer, 1, sizeof feed->buffer, feed->file);
        }
        if (feed->tail == 0) {
            feed_open(feed);
            starts++;
            continue;
        }
        feed->head += framer_push(feed->framer,
                                  (struct str){feed->buffer + feed->head, feed->tail - feed->head});
    }
    return feed->has_pending;
}

static void feed_send(struct driver *driver, size_t id, int64_t until_us)
{
    struct feed *feed = &driver->feeds[id];
    while (feed->after_us < (double)(until_us - START_US) && feed_next(feed)) {
        uint32_t seq;
        struct str setup = framer_setup(feed->framer, &seq);
        if (!feed->is_told || seq != feed->setup_seq ||
            !format_same(&feed->format, &feed->pending.format)) {
            static unsigned char bytes[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];
            struct deck_input input = {
                .kind = DECK_CODED, .format = feed->pending.format, .setup = setup};
            size_t len = deck_input_pack(&input, bytes);
            send_message(driver, DECK_INPUT, id, 0, 0, (struct str){(const char *)bytes, len});
            feed->is_told = true;
            feed->setup_seq = seq;
            feed->format = feed->pending.format;
        }
        send_message(driver, DECK_FRAMES, id, START_US + (int64_t)feed->after_us,
                     feed->pending.samples, feed->pending.bytes);
        feed->after_us += (double)feed->pending.samples * 1e6 / feed->pending.format.rate_hz;
        feed->has_pending = false;
    }
}

/* ---- one run ---- */

static void start_deck(struct driver *driver)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        tool_die("socketpair");
    driver->child = fork();
    if (driver->child == 0) {
        if (dup2(pair[1], 3) == 3)
            execl(driver->deck, driver->deck, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    driver->fd = pair[0];
}

static void start_timeline(struct driver *driver)
{
    static const char *const suffixes[] = {
        [CODEC_MP3] = "mp3", [CODEC_AAC] = "aac", [CODEC_OPUS] = "opus"};
    send_message(driver, DECK_HELLO, 0, START_US - WARM_UP_US, DECK_VERSION, STR(""));
    for (size_t i = 0; i < driver->renditions_count; i++) {
        struct rendition *r = &driver->renditions[i];
        unsigned char bytes[DECK_OUTPUT_BYTES];
        r->what.is_quick = driver->is_quick;
        deck_output_pack(&r->what, bytes);
        send_message(driver, DECK_OUTPUT, i, START_US, 0,
                     (struct str){(const char *)bytes, sizeof bytes});
        if (!driver->prefix)
            continue;
        char path[512];
        snprintf(path, sizeof path, "%s%zu.%s", driver->prefix, i, suffixes[r->what.format.codec]);
        r->file = fopen(path, "wb");
        if (!r->file)
            tool_die("%s", path);
    }
    if (driver->bed >= 0) {
        unsigned char bytes[DECK_INPUT_HEAD_BYTES + DECK_SETUP_MAX];
        struct deck_input input = {
            .kind = DECK_BED,
            .bed = (uint8_t)driver->bed,
            .has_time_code = !driver->has_no_code,
        };
        size_t len = deck_input_pack(&input, bytes);
        send_message(driver, DECK_INPUT, 0, 0, 0, (struct str){(const char *)bytes, len});
    }
    for (size_t i = 0; i < driver->feeds_count; i++) {
        driver->feeds[i].after_us = -WARM_UP_US;
        feed_open(&driver->feeds[i]);
    }
    send_message(driver, DECK_SWITCH, 0, START_US - WARM_UP_US, 0, STR(""));
}

static void run(struct driver *driver)
{
    int64_t begun_us = now_us();
    for (int64_t at = -WARM_UP_US; at < driver->seconds * 1000000; at += STEP_US) {
        for (size_t i = 0; i < driver->feeds_count; i++)
            feed_send(driver, i, START_US + at + STEP_US + AHEAD_US);
        send_message(driver, DECK_RUN, 0, START_US + at + STEP_US, 0, STR(""));
        while (!receive(driver))
            ;
        int64_t wait_us = begun_us + WARM_UP_US + at + STEP_US - now_us();
        if (driver->is_paced && wait_us > 0)
            usleep((useconds_t)wait_us);
    }
    close(driver->fd);
    int status;
    struct rusage usage;
    if (wait4(driver->child, &status, 0, &usage) < 0 || status != 0)
        tool_die("the deck ended with status %d", status);
    double cpu = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec / 1e6 +
                 (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec / 1e6;
    printf("cpu_s=%.3f rss_kb=%ld wall_s=%.2f frames=%llu levels=%llu troubles=%llu", cpu,
           usage.ru_maxrss, (double)(now_us() - begun_us) / 1e6,
           (unsigned long long)driver->out_count, (unsigned long long)driver->levels_count,
           (unsigned long long)driver->troubles_count);
    for (size_t i = 0; i < driver->renditions_count; i++)
        printf(" %s_bps=%.0f", codec_name(driver->renditions[i].what.format.codec),
               (double)driver->renditions[i].bytes * 8 / (double)driver->seconds);
    printf("\n");
}

static void add_output(struct driver *driver, const char *spec)
{
    char codec[16];
    unsigned bitrate, rate, channels;
    if (driver->renditions_count == DECK_OUTPUTS_MAX ||
        sscanf(spec, "%15[a-z0-9]:%u:%u:%u", codec, &bitrate, &rate, &channels) != 4)
        tool_die("--output %s", spec);
    struct format format = {.codec = codec_from_name(str_of(codec)),
                            .bitrate_bps = bitrate,
                            .rate_hz = rate,
                            .channels = (uint8_t)channels};
    driver->renditions[driver->renditions_count++].what.format = format;
}

static int find_bed(const char *name)
{
    static const char *const names[] = {"news", "classical", "plain"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    tool_die("--bed %s", name);
    return -1;
}

static bool take_flag(struct driver *driver, const char *name)
{
    bool is_pace = strcmp(name, "--pace") == 0, is_quick = strcmp(name, "--quick") == 0;
    bool is_no_code = strcmp(name, "--no-code") == 0;
    driver->is_paced |= is_pace;
    driver->is_quick |= is_quick;
    driver->has_no_code |= is_no_code;
    return is_pace || is_quick || is_no_code;
}

int main(int argc, char **argv)
{
    static struct driver driver = {.bed = -1, .seconds = 60};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (take_flag(&driver, argv[i]))
            continue;
        if (strcmp(argv[i], "--deck") == 0)
            driver.deck = value;
        else if (strcmp(argv[i], "--file") == 0 && driver.feeds_count < DECK_INPUTS_MAX)
            driver.feeds[driver.feeds_count++].path = value;
        else if (strcmp(argv[i], "--bed") == 0)
            driver.bed = find_bed(value);
        else if (strcmp(argv[i], "--output") == 0)
            add_output(&driver, value);
        else if (strcmp(argv[i], "--seconds") == 0)
            driver.seconds = strtol(value, NULL, 10);
        else if (strcmp(argv[i], "--write") == 0)
            driver.prefix = value;
        else
            tool_die("%s", argv[i]);
        i++;
    }
    if (!driver.deck || (driver.bed < 0) == (driver.feeds_count == 0))
        tool_die("--deck, and --file or --bed");
    start_deck(&driver);
    start_timeline(&driver);
    run(&driver);
    return 0;
}
