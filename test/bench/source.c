/* bench-source - an encoder without an encoder: sends a made MP3 to a mount in real time.
 *
 *     bench-source --port 8000 --mount /bench --user source --key hackme
 *
 * Logs in as Icecast's encoders do (SOURCE), then sends valid frames of 128 kbit/s, 44.1 kHz,
 * stereo, constant rate: each decodes to silence and carries a filler behind it. One frame
 * each 26.12 ms by the clock. Prints "on the air" after the login; ends with its standard input
 * (status 0), or when the server refuses it or goes away (status 2). */
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define RATE_HZ       44100
#define BITRATE_BPS   128000
#define FRAME_SAMPLES 1152
#define FRAME_BYTES   (FRAME_SAMPLES / 8 * BITRATE_BPS / RATE_HZ) /* 417, and 1 more if padded */
#define SIDE_BYTES    32

/* RFC 4648, section 4. */
static void base64(const char *in, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(in);
    for (size_t i = 0; i < len; i += 3) {
        uint32_t three = (uint32_t)(unsigned char)in[i] << 16;
        three |= i + 1 < len ? (uint32_t)(unsigned char)in[i + 1] << 8 : 0;
        three |= i + 2 < len ? (uint32_t)(unsigned char)in[i + 2] : 0;
        *out++ = digits[three >> 18 & 63];
        *out++ = digits[three >> 12 & 63];
        *out++ = i + 1 < len ? digits[three >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[three & 63] : '=';
    }
    *out = '\0';
}

static int log_in(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_port = htons((uint16_t)tool_number(argc, argv, "--port", 8000));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        tool_die("connect");
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);

    char login[256], coded[400], head[1024];
    snprintf(login, sizeof login, "%s:%s", tool_option(argc, argv, "--user", "source"),
             tool_option(argc, argv, "--key", "hackme"));
    base64(login, coded);
    int len =
        snprintf(head, sizeof head,
                 "SOURCE %s HTTP/1.0\r\nAuthorization: Basic %s\r\nUser-Agent: bench-source\r\n"
                 "Content-Type: audio/mpeg\r\nice-name: bench\r\nice-public: 0\r\n"
                 "ice-bitrate: 128\r\n\r\n",
                 tool_option(argc, argv, "--mount", "/bench"), coded);
    if (send(fd, head, (size_t)len, MSG_NOSIGNAL) != len) {
        tool_die("send");
    }
    char answer[1024] = "";
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    if (got < 12 || strncmp(answer + 8, " 200", 4) != 0) {
        errno = 0;
        tool_die("refused: %.*s", (int)strcspn(answer, "\r\n"), answer);
    }
    return fd;
}

/* Sends one frame; `*rest` carries the part of a byte that padding makes up for. */
static void send_frame(int fd, uint32_t *rest)
{
    unsigned char frame[FRAME_BYTES + 1];
    *rest += (uint32_t)(FRAME_SAMPLES / 8 * BITRATE_BPS % RATE_HZ);
    bool padded = *rest >= RATE_HZ;
    *rest -= padded ? RATE_HZ : 0;

    /* MPEG 1, layer III, no CRC, 128 kbit/s, 44.1 kHz, stereo; side info of zeros = no main data.
     */
    memset(frame, 0x55, sizeof frame);
    memcpy(frame, (unsigned char[]){0xff, 0xfb, padded ? 0x92 : 0x90, 0x00}, 4);
    memset(frame + 4, 0, SIDE_BYTES);
    size_t len = FRAME_BYTES + (padded ? 1 : 0);
    for (size_t done = 0; done < len;) {
        ssize_t sent = send(fd, frame + done, len - done, MSG_NOSIGNAL);
        if (sent < 0) {
            tool_die("the server went away");
        }
        done += (size_t)sent;
    }
}

int main(int argc, char **argv)
{
    int fd = log_in(argc, argv);
    puts("on the air");
    fflush(stdout);

    uint64_t start_us = tool_now_us();
    uint32_t rest = 0;
    for (uint64_t frames = 0;; frames++) {
        uint64_t due_us = start_us + frames * FRAME_SAMPLES * 1000000 / RATE_HZ;
        uint64_t now_us = tool_now_us();
        int wait_ms = now_us < due_us ? (int)((due_us - now_us + 999) / 1000) : 0;
        struct pollfd command = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&command, 1, wait_ms) > 0) {
            return 0;
        }
        send_frame(fd, &rest);
    }
}
