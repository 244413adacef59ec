/* Tests of alarm/alarm_text.c. */
#include "../net/test.h"

#include "alarm/alarm_text_priv.h"
#include "base/json.h"

static struct alarm_news news_of(enum alarm_state state, const char *text)
{
    struct alarm_news news = {.state = state,
                              .kind = ALARM_OFF_AIR,
                              .subject = "wxyz",
                              .count = 3,
                              .age_us = 600 * US_PER_S};
    str_copy(news.text, sizeof news.text, str_of(text));
    return news;
}

static struct alarm_letter_facts facts_of(const struct alarm_news *news)
{
    return (struct alarm_letter_facts){
        .news = news,
        .station_url = "https://radio.example",
        .mail_from = "mast@radio.example",
        .mail_to = "engineer@radio.example",
        .now = {INT64_C(1795340530) * US_PER_S}, /* Sun, 22 Nov 2026 09:42:10 */
        .id = 0x1234,
    };
}

static void a_webhook_gets_json_with_a_line_for_people(void **state)
{
    (void)state;
    struct alarm_news news = news_of(ALARM_LASTS, "No input of \"wxyz\"\nsounds.");
    struct alarm_letter_facts facts = facts_of(&news);
    struct buf out;
    struct json_doc *doc;
    struct json_fault fault;
    facts.held_back = 4;
    buf_init(&out, 10000);
    alarm_text_json(&facts, &out);
    assert_int_equal(buf_err(&out), OK);
    assert_int_equal(json_parse(buf_str(&out), &doc, &fault), OK);
    const struct json *root = json_root(doc);
    assert_str(json_text(json_get(root, "text")),
               "mast: wxyz: still off the air. No input of \"wxyz\" sounds. 3 times. For 10 min. "
               "Messages held back before this one: 4. https://radio.example");
    assert_str(json_text(json_get(root, "kind")), "off_air");
    assert_str(json_text(json_get(root, "subject")), "wxyz");
    assert_str(json_text(json_get(root, "state")), "lasts");
    assert_str(json_text(json_get(root, "message")), "No input of \"wxyz\"\nsounds.");
    assert_str(json_text(json_get(root, "since")), "2026-11-22T09:32:10.000Z");
    assert_str(json_text(json_get(root, "at")), "2026-11-22T09:42:10.000Z");
    assert_str(json_text(json_get(root, "station_url")), "https://radio.example");
    assert_int_equal(json_int(json_get(root, "count")), 3);
    assert_int_equal(json_int(json_get(root, "held_back")), 4);
    json_free(&doc);
    buf_release(&out);
}

static void bytes_of_strangers_do_not_break_the_json(void **state)
{
    (void)state;
    struct alarm_news news = news_of(ALARM_RAISED, "bad \xFF\x01 bytes");
    struct alarm_letter_facts facts = facts_of(&news);
    struct buf out;
    struct json_doc *doc;
    struct json_fault fault;
    buf_init(&out, 10000);
    alarm_text_json(&facts, &out);
    assert_int_equal(json_parse(buf_str(&out), &doc, &fault), OK);
    assert_str(json_text(json_get(json_root(doc), "text")),
               "mast: wxyz: off the air. bad ?  bytes 3 times. https://radio.example");
    json_free(&doc);
    buf_release(&out);
}

static void a_mail_is_whole(void **state)
{
    (void)state;
    struct alarm_news news = news_of(ALARM_OVER, "Sound.");
    struct alarm_letter_facts facts = facts_of(&news);
    struct buf out;
    buf_init(&out, 10000);
    alarm_text_mail(&facts, &out);
    assert_str(buf_str(&out),
               "From: mast <mast@radio.example>\r\n"
               "To: <engineer@radio.example>\r\n"
               "Subject: [mast] wxyz: over: off the air\r\n"
               "Date: Sun, 22 Nov 2026 09:42:10 +0000\r\n"
               "Message-ID: <0000000000001234.mast@radio.example>\r\n"
               "Auto-Submitted: auto-generated\r\n"
               "MIME-Version: 1.0\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n"
               "Content-Transfer-Encoding: 8bit\r\n"
               "\r\n"
               "wxyz: over: off the air\r\n\r\nSound.\r\n 3 times. It lasted 10 min.\r\n\r\n"
               "Since 2026-11-22T09:32:10Z\r\nhttps://radio.example\r\n");
    buf_release(&out);
}

static void a_text_cannot_add_headers_to_a_mail(void **state)
{
    (void)state;
    struct alarm_news news = news_of(ALARM_RAISED, "a\r\n.\r\nQUIT");
    struct alarm_letter_facts facts = facts_of(&news);
    struct buf out;
    str_copy(news.subject, sizeof news.subject, STR("wx\r\nBcc: \xC3\xA9@example"));
    buf_init(&out, 10000);
    alarm_text_mail(&facts, &out);
    assert_null(strstr(out.ptr, "\nBcc"));
    assert_null(strstr(out.ptr, "\n."));
    assert_non_null(strstr(out.ptr, "Subject: [mast] wx  Bcc: ??@example: off the air\r\n"));
    buf_release(&out);
}

static void every_kind_has_its_name(void **state)
{
    (void)state;
    static const char *const names[] = {"switch", "silence", "off_air", "deck", "disk"};
    for (int i = 0; i < ALARM_KIND_COUNT; i++)
        assert_string_equal(alarm_kind_name((enum alarm_kind)i), names[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_webhook_gets_json_with_a_line_for_people),
        cmocka_unit_test(bytes_of_strangers_do_not_break_the_json),
        cmocka_unit_test(a_mail_is_whole),
        cmocka_unit_test(a_text_cannot_add_headers_to_a_mail),
        cmocka_unit_test(every_kind_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
