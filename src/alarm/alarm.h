/* alarm/alarm.h - tells people, by webhook and mail, that something is wrong, and that it is over.
 *
 * An alarm has a kind and a subject (a station, "disk"): raising one that is raised already with the
 * same text is nothing new, so that whoever looks once a second may raise once a second; another
 * text is counted, not sent. While it lasts it is said again each repeat_s, with the count. One that is
 * over and comes back within repeat_s is held back until it has lasted for a minute, or else told
 * with its count when repeat_s is over (alarm_count_priv.h has the rules). At most 20 messages an
 * hour leave by each way; what was held back is told as a number. A message that does not arrive is
 * tried again after 10 s, 1 min and 5 min. */
#ifndef MAST_ALARM_ALARM_H
#define MAST_ALARM_ALARM_H

#include "net/fetch.h"

struct alarms; /* private: alarm.c */

enum alarm_kind {
    ALARM_SWITCH,  /* a station is not on its first input any more */
    ALARM_SILENCE, /* what is on the air is silent, or has a dead channel, or is a steady tone */
    ALARM_OFF_AIR, /* a station plays its loop, or nothing */
    ALARM_DECK,    /* a deck died */
    ALARM_DISK,    /* little space left, or recording stopped */
    ALARM_KIND_COUNT
};
const char *alarm_kind_name(enum alarm_kind kind); /* "switch", "silence", "off_air", ... */

struct alarm_config {
    const struct clock *clock;
    struct fetcher *fetcher;
    const char *station_url;               /* the public address, named in messages */
    const char *webhook;                   /* "" = none. POST of application/json */
    bool webhook_is_private;               /* may lie at a private address */
    const char *mail_server;               /* "smtp://mail.example:587", "" = none */
    const char *mail_user, *mail_password; /* "" = none */
    const char *mail_from, *mail_to;
    const char *ca_file; /* PEM: authorities besides the system's; "" = none */
    uint32_t repeat_s;   /* 1800 */
};

/* Owner: the caller; all texts are copied. alarms_free() before the fetcher stops.
 * Errors: E_NOMEM.   Thread: main. */
MUST_USE enum err alarms_new(const struct alarm_config *config, struct alarms **out);
void alarms_free(struct alarms **alarms);

/* Raises or ends an alarm. text: one sentence.   Thread: any but loop and air. */
void alarm_raise(struct alarms *alarms, enum alarm_kind kind, const char *subject,
                 const char *text);
void alarm_clear(struct alarms *alarms, enum alarm_kind kind, const char *subject,
                 const char *text);

/* Sends what has become due; once a second.   Thread: any but loop and air. */
void alarms_tick(struct alarms *alarms);

/* Sends one test message by each way that is configured, at once, past all counting; each way's
 * outcome goes to told(), the last one with is_last; the one with way "" says that none is
 * configured.   Thread: any but loop and air; told() on the fetch thread, or on the caller's for
 * what fails at once; never twice at a time. */
struct alarm_outcome {
    const char *way; /* "webhook", "mail" */
    bool sent;
    char text[200]; /* "204 from https://..." or why not */
};
void alarm_test(struct alarms *alarms,
                void (*told)(void *ctx, const struct alarm_outcome *outcome, bool is_last),
                void *ctx);

struct alarm_stats {
    uint64_t raised_count, sent_count, failed_count, held_back_count;
    uint32_t active_count;
};
struct alarm_stats alarm_stats(const struct alarms *alarms); /* Thread: any */

#endif
