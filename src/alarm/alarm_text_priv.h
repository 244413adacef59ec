/* alarm/alarm_text_priv.h - what a message says, as JSON and as a mail. Pure. */
#ifndef MAST_ALARM_ALARM_TEXT_PRIV_H
#define MAST_ALARM_ALARM_TEXT_PRIV_H

#include "alarm/alarm_count_priv.h"

struct alarm_letter_facts {
    const struct alarm_news *news;
    uint32_t held_back; /* messages that did not leave before this one */
    const char *station_url;
    const char *mail_from, *mail_to;
    struct utc now;
    uint64_t id; /* of a mail; random */
};

/* {"text": "mast: wxyz: off the air. No input sounds. https://radio.example", "kind": "off_air",
 *  "subject": "wxyz", "state": "raised", "message": "No input sounds.", "count": 1,
 *  "since": "2026-11-22T09:42:10.123Z", "at": "...", "held_back": 0,
 *  "station_url": "https://radio.example"}
 *
 * "text" is what Slack, Mattermost and the like show. state: raised, lasts, over, test. */
void alarm_text_json(const struct alarm_letter_facts *facts, struct buf *out);

/* A whole mail with its headers.   Source: RFC 5322; RFC 3834 (Auto-Submitted). */
void alarm_text_mail(const struct alarm_letter_facts *facts, struct buf *out);

#endif
