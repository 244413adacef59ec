/* alarm/alarm.c - contract in alarm.h
 *
 *     alarm_raise, alarm_clear --> alarm_count --tick--> letters, one queue for each way
 *                                                  --> fetch_start --> on_done: gone, or once more
 *
 * Letters of one way leave one after the other, so that "over" never overtakes its alarm. */
#include "alarm/alarm.h"

#include "alarm/alarm_text_priv.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define LETTER_MAX_BYTES ((size_t)16384)
#define LETTERS_MAX      40 /* waiting in one way */
#define ANSWER_MAX_BYTES ((size_t)1 << 20)
#define WEBHOOK_TOTAL_MS 20000
#define MAIL_CONNECT_MS  20000 /* greeting, TLS and login: some servers let a stranger wait */
#define MAIL_TOTAL_MS    60000
#define MAIL_STALL_MS    30000
#define PLACE_BYTES      160

static const uint32_t again_after_s[] = {10, 60, 300};
#define ATTEMPTS_MAX (1 + sizeof again_after_s / sizeof *again_after_s)

enum way_id { WEBHOOK, MAIL, WAYS_COUNT };
static const char *const way_names[] = {[WEBHOOK] = "webhook", [MAIL] = "mail"};

struct letter {
    struct letter *next;
    struct buf body;
    unsigned attempts_count;
    struct mono due;
};

struct way {
    bool is_on;
    bool is_busy;            /* the first letter is on its way */
    char place[PLACE_BYTES]; /* scheme and host, for logs: the rest may be a secret */
    struct alarm_gate gate;
    struct letter *first, **last;
    unsigned count;
};

/* One test, by all ways. */
struct test {
    unsigned left; /* guarded by told_lock */
    void (*told)(void *ctx, const struct alarm_outcome *outcome, bool is_last);
    void *ctx;
};

/* One request under way. */
struct sending {
    struct sending *next;
    struct alarms *alarms;
    enum way_id way;
    struct fetch *fetch;
    struct test *test; /* NULL: the first letter of its way */
};

struct alarms {
    struct alarm_config config;
    struct arena texts;
    pthread_mutex_t told_lock; /* one told() at a time; never taken with `lock` held */

    pthread_mutex_t lock; /* guards the rest */
    pthread_cond_t gone;  /* a sending is */
    struct alarm_count count;
    struct way ways[WAYS_COUNT];
    struct sending *sendings;
    bool is_ending;
    uint64_t sent_count, failed_count, held_back_count;
};

/* ---- making ---- */

static const char *keep(struct arena *arena, const char *text, enum err *err)
{
    char *copy = arena_dup(arena, text ? text : "", text ? strlen(text) : 0);
    if (!copy)
        *err = E_NOMEM;
    return copy;
}

static enum err keep_texts(struct alarms *alarms)
{
    struct alarm_config *c = &alarms->config;
    const char **const texts[] = {&c->station_url,   &c->webhook,   &c->mail_server, &c->mail_user,
                                  &c->mail_password, &c->mail_from, &c->mail_to,     &c->ca_file};
    enum err err = OK;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = keep(&alarms->texts, *texts[i], &err);
    return err;
}

/* "https://hooks.example" of "https://user:key@hooks.example/secret". */
static void find_place(struct way *way, const char *url)
{
    struct str rest = str_of(url), scheme, host, before;
    if (!str_cut(&rest, ':', &scheme))
        return;
    while (str_starts(rest, STR("/")))
        rest = str_slice(rest, 1, rest.len);
    size_t len = rest.len > 0 ? strcspn(rest.ptr, "/?#") : 0;
    host = str_slice(rest, 0, len);
    while (str_has(host, '@'))
        str_cut(&host, '@', &before);
    snprintf(way->place, sizeof way->place, "%.*s://%.*s", STR_ARG(scheme), STR_ARG(host));
}

static void make_ways(struct alarms *alarms)
{
    const char *const urls[] = {
        [WEBHOOK] = alarms->config.webhook, [MAIL] = alarms->config.mail_server};
    for (int i = 0; i < WAYS_COUNT; i++) {
        struct way *way = &alarms->ways[i];
        way->last = &way->first;
        way->is_on = urls[i][0] != '\0';
        find_place(way, urls[i]);
    }
}

enum err alarms_new(const struct alarm_config *config, struct alarms **out)
{
    *out = NULL;
    struct alarms *alarms = mem_new(sizeof *alarms);
    if (!alarms)
        return E_NOMEM;
    alarms->config = *config;
    arena_init(&alarms->texts, 16384);
    enum err err = keep_texts(alarms);
    if (err) {
        arena_release(&alarms->texts);
        mem_free(alarms);
        return err;
    }
    int failed = pthread_mutex_init(&alarms->lock, NULL);
    assert(!failed);
    failed = pthread_mutex_init(&alarms->told_lock, NULL);
    assert(!failed);
    failed = pthread_cond_init(&alarms->gone, NULL);
    assert(!failed);
    alarm_count_init(&alarms->count, config->repeat_s);
    make_ways(alarms);
    *out = alarms;
    return OK;
}

static void drop_first(struct way *way)
{
    struct letter *letter = way->first;
    way->first = letter->next;
    if (!way->first)
        way->last = &way->first;
    way->count--;
    buf_release(&letter->body);
    mem_free(letter);
}

void alarms_free(struct alarms **alarms)
{
    struct alarms *a = *alarms;
    *alarms = NULL;
    if (!a)
        return;
    pthread_mutex_lock(&a->lock);
    a->is_ending = true;
    for (struct sending *s = a->sendings; s; s = s->next)
        fetch_cancel(a->config.fetcher, s->fetch);
    while (a->sendings)
        pthread_cond_wait(&a->gone, &a->lock);
    pthread_mutex_unlock(&a->lock);
    for (int i = 0; i < WAYS_COUNT; i++)
        while (a->ways[i].first)
            drop_first(&a->ways[i]);
    pthread_cond_destroy(&a->gone);
    pthread_mutex_destroy(&a->told_lock);
    pthread_mutex_destroy(&a->lock);
    arena_release(&a->texts);
    mem_free(a);
}

/* ---- sending: lock held ---- */

static void on_sent(void *ctx, const struct fetch_result *result);

static struct fetch_config request_of(const struct alarms *alarms, enum way_id way,
                                      struct sending *sending, struct str body)
{
    const struct alarm_config *c = &alarms->config;
    struct fetch_config request = {
        .body = body,
        .ca_file = c->ca_file[0] ? c->ca_file : NULL,
        .ctx = sending,
        .on_done = on_sent,
        .answer_max = ANSWER_MAX_BYTES,
    };
    if (way == WEBHOOK) {
        request.url = c->webhook;
        request.content_type = "application/json";
        request.allow_private = c->webhook_is_private;
        request.total_ms = WEBHOOK_TOTAL_MS;
        return request;
    }
    request.url = c->mail_server;
    request.user = c->mail_user[0] ? c->mail_user : NULL;
    request.password = c->mail_password;
    request.mail_from = c->mail_from;
    request.mail_to = c->mail_to;
    request.allow_private = true; /* whoever runs the station named it, and it speaks SMTP alone */
    request.connect_ms = MAIL_CONNECT_MS;
    request.total_ms = MAIL_TOTAL_MS;
    request.stall_ms = MAIL_STALL_MS;
    return request;
}

static enum err send_body(struct alarms *alarms, enum way_id way, struct str body,
                          struct test *test)
{
    struct sending *sending = mem_new(sizeof *sending);
    if (!sending)
        return E_NOMEM;
    sending->alarms = alarms;
    sending->way = way;
    sending->test = test;
    struct fetch_config request = request_of(alarms, way, sending, body);
    enum err err = alarms->is_ending
                       ? E_CLOSED
                       : fetch_start(alarms->config.fetcher, &request, &sending->fetch);
    if (err) {
        mem_free(sending);
        return err;
    }
    sending->next = alarms->sendings;
    alarms->sendings = sending;
    return OK;
}

/* The first letter of a way did not arrive: once more later, or never. */
static void put_off(struct alarms *alarms, struct way *way)
{
    struct letter *letter = way->first;
    alarms->failed_count++;
    if (++letter->attempts_count == ATTEMPTS_MAX)
        drop_first(way);
    else
        letter->due.us = clock_mono(alarms->config.clock).us +
                         again_after_s[letter->attempts_count - 1] * US_PER_S;
}

static void send_next(struct alarms *alarms, enum way_id id, struct mono now)
{
    struct way *way = &alarms->ways[id];
    struct letter *letter = way->first;
    if (!letter || way->is_busy || now.us < letter->due.us)
        return;
    enum err err = send_body(alarms, id, buf_str(&letter->body), NULL);
    way->is_busy = !err;
    if (!err)
        return;
    log_warn(EV_ALARM, "way=%s to=%s text=\"%s\"", way_names[id], way->place, err_text(err));
    put_off(alarms, way);
}

/* ---- what came of it.   Thread: fetch ---- */

static bool has_arrived(enum way_id way, const struct fetch_result *result)
{
    return result->err == OK && (way == MAIL || result->status / 100 == 2);
}

static void fill_outcome(const struct way *way, enum way_id id, const struct fetch_result *result,
                         struct alarm_outcome *out)
{
    *out = (struct alarm_outcome){.way = way_names[id], .sent = has_arrived(id, result)};
    if (id == MAIL && out->sent)
        snprintf(out->text, sizeof out->text, "taken by %s", way->place);
    else if (result->err == OK)
        snprintf(out->text, sizeof out->text, "%u from %s", result->status, way->place);
    else
        snprintf(out->text, sizeof out->text, "%s: %.120s", way->place,
                 result->detail[0] ? result->detail : err_text(result->err));
}

static void unlink_sending(struct alarms *alarms, struct sending *sending)
{
    struct sending **at = &alarms->sendings;
    while (*at != sending)
        at = &(*at)->next;
    *at = sending->next;
    pthread_cond_broadcast(&alarms->gone);
}

/* Tells one outcome of a test; the last one ends it. */
static void tell(struct alarms *alarms, struct test *test, const struct alarm_outcome *outcome)
{
    pthread_mutex_lock(&alarms->told_lock);
    bool is_last = --test->left == 0;
    test->told(test->ctx, outcome, is_last);
    pthread_mutex_unlock(&alarms->told_lock);
    if (is_last)
        mem_free(test);
}

static void letter_done(struct alarms *alarms, enum way_id id, const struct alarm_outcome *outcome)
{
    struct way *way = &alarms->ways[id];
    struct log_text text;
    way->is_busy = false;
    if (outcome->sent) {
        alarms->sent_count++;
        drop_first(way);
        return;
    }
    if (!alarms->is_ending)
        log_warn(EV_ALARM, "way=%s text=%s", way_names[id], log_text(&text, str_of(outcome->text)));
    put_off(alarms, way);
}

static void on_sent(void *ctx, const struct fetch_result *result)
{
    struct sending *sending = ctx;
    struct alarms *alarms = sending->alarms;
    struct alarm_outcome outcome;
    fill_outcome(&alarms->ways[sending->way], sending->way, result, &outcome);
    if (sending->test)
        tell(alarms, sending->test, &outcome);
    pthread_mutex_lock(&alarms->lock);
    if (!sending->test)
        letter_done(alarms, sending->way, &outcome);
    unlink_sending(alarms, sending);
    pthread_mutex_unlock(&alarms->lock);
    mem_free(sending);
}

/* ---- news ---- */

static void write_letter(const struct alarms *alarms, enum way_id way,
                         const struct alarm_news *news, uint32_t held_back, struct buf *out)
{
    struct alarm_letter_facts facts = {
        .news = news,
        .held_back = held_back,
        .station_url = alarms->config.station_url,
        .mail_from = alarms->config.mail_from,
        .mail_to = alarms->config.mail_to,
        .now = clock_utc(alarms->config.clock),
        .id = random_u64(),
    };
    if (way == WEBHOOK)
        alarm_text_json(&facts, out);
    else
        alarm_text_mail(&facts, out);
}

static void queue_letter(struct alarms *alarms, enum way_id id, const struct alarm_news *news,
                         struct mono now)
{
    struct way *way = &alarms->ways[id];
    uint32_t held_back;
    struct letter *letter = NULL;
    if (alarm_gate_pass(&way->gate, now, &held_back) && way->count < LETTERS_MAX)
        letter = mem_new(sizeof *letter);
    if (!letter) {
        alarms->held_back_count++;
        return;
    }
    buf_init(&letter->body, LETTER_MAX_BYTES);
    write_letter(alarms, id, news, held_back, &letter->body);
    if (buf_err(&letter->body)) {
        buf_release(&letter->body);
        mem_free(letter);
        alarms->held_back_count++;
        return;
    }
    *way->last = letter;
    way->last = &letter->next;
    way->count++;
}

void alarms_tick(struct alarms *alarms)
{
    struct mono now = clock_mono(alarms->config.clock);
    struct alarm_news news;
    pthread_mutex_lock(&alarms->lock);
    while (alarm_count_next(&alarms->count, now, &news))
        for (enum way_id id = 0; id < WAYS_COUNT; id++)
            if (alarms->ways[id].is_on)
                queue_letter(alarms, id, &news, now);
    for (enum way_id id = 0; id < WAYS_COUNT; id++)
        send_next(alarms, id, now);
    pthread_mutex_unlock(&alarms->lock);
}

void alarm_raise(struct alarms *alarms, enum alarm_kind kind, const char *subject, const char *text)
{
    struct log_text quoted;
    pthread_mutex_lock(&alarms->lock);
    bool is_new =
        alarm_count_raise(&alarms->count, kind, subject, text, clock_mono(alarms->config.clock));
    pthread_mutex_unlock(&alarms->lock);
    if (is_new)
        log_warn(EV_ALARM, "state=raised kind=%s subject=%s text=%s", alarm_kind_name(kind),
                 subject, log_text(&quoted, str_of(text)));
}

void alarm_clear(struct alarms *alarms, enum alarm_kind kind, const char *subject, const char *text)
{
    struct log_text quoted;
    pthread_mutex_lock(&alarms->lock);
    bool was_on =
        alarm_count_clear(&alarms->count, kind, subject, text, clock_mono(alarms->config.clock));
    pthread_mutex_unlock(&alarms->lock);
    if (was_on)
        log_info(EV_ALARM, "state=over kind=%s subject=%s text=%s", alarm_kind_name(kind), subject,
                 log_text(&quoted, str_of(text)));
}

struct alarm_stats alarm_stats(const struct alarms *alarms)
{
    struct alarms *a = (struct alarms *)alarms; /* for its lock alone */
    pthread_mutex_lock(&a->lock);
    struct alarm_stats stats = {
        .raised_count = a->count.raised_count,
        .sent_count = a->sent_count,
        .failed_count = a->failed_count,
        .held_back_count = a->held_back_count + a->count.held_back_count,
        .active_count = a->count.active_count,
    };
    pthread_mutex_unlock(&a->lock);
    return stats;
}

/* ---- a test ---- */

static enum err send_test(struct alarms *alarms, enum way_id way, struct test *test)
{
    struct buf body;
    struct alarm_news news = {.state = ALARM_TEST,
                              .subject = "test",
                              .count = 1,
                              .text = "This is a test: alarms of this station arrive here."};
    buf_init(&body, LETTER_MAX_BYTES);
    write_letter(alarms, way, &news, 0, &body);
    enum err err = buf_err(&body);
    pthread_mutex_lock(&alarms->lock);
    if (!err)
        err = send_body(alarms, way, buf_str(&body), test);
    pthread_mutex_unlock(&alarms->lock);
    buf_release(&body);
    return err;
}

static void cannot(void (*told)(void *, const struct alarm_outcome *, bool), void *ctx,
                   const char *text)
{
    struct alarm_outcome outcome = {.way = ""};
    snprintf(outcome.text, sizeof outcome.text, "%s", text);
    told(ctx, &outcome, true);
}

void alarm_test(struct alarms *alarms,
                void (*told)(void *ctx, const struct alarm_outcome *outcome, bool is_last),
                void *ctx)
{
    struct test *test = mem_new(sizeof *test);
    unsigned count = 0;
    for (int i = 0; i < WAYS_COUNT; i++)
        count += alarms->ways[i].is_on;
    if (!test || count == 0) {
        mem_free(test);
        cannot(told, ctx, count == 0 ? "no way is configured" : err_text(E_NOMEM));
        return;
    }
    *test = (struct test){count, told, ctx};
    for (enum way_id id = 0; id < WAYS_COUNT && count > 0; id++) {
        if (!alarms->ways[id].is_on)
            continue;
        count--; /* `test` may be gone after the last */
        enum err err = send_test(alarms, id, test);
        struct alarm_outcome outcome = {.way = way_names[id]};
        snprintf(outcome.text, sizeof outcome.text, "%s: %s", alarms->ways[id].place,
                 err_text(err));
        if (err)
            tell(alarms, test, &outcome);
    }
}
