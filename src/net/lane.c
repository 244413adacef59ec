/* net/lane.c - what a server keeps for each loop: deadlines, the date, connections to go on with */
#include "net/server_priv.h"

#include <stdio.h>
#include <string.h>

void lane_count(_Atomic uint64_t *counter, uint64_t by)
{
    /* One writer: no need for an atomic addition. */
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + by, memory_order_relaxed);
}

struct str lane_date(struct lane *lane)
{
    int64_t now_us = loop_now(lane->loop).us;
    if (now_us >= lane->date_until_us) {
        struct utc utc = clock_utc(loop_clock(lane->loop));
        char date[UTC_HTTP_BYTES];
        utc_format_http(utc, date);
        lane->date_len = (size_t)snprintf(lane->date, sizeof lane->date, "Date: %s\r\n", date);
        assert(lane->date_len < sizeof lane->date);
        lane->date_until_us = now_us + US_PER_S - utc.us % US_PER_S;
    }
    return (struct str){lane->date, lane->date_len};
}

/* ---- deadlines: a list for each kind, so that nearly all of them go to the end of theirs ---- */

static void arm(struct lane *lane, int64_t at_us)
{
    if (at_us >= lane->timer_at_us)
        return;
    int64_t left_us = at_us - loop_now(lane->loop).us;
    lane->timer_at_us = at_us;
    loop_timer_start(&lane->timer, left_us > 0 ? (uint64_t)(left_us / US_PER_MS) + 1 : 1, 0);
}

static void unlink_deadline(struct conn *conn)
{
    struct deadline_list *list = &conn->lane->deadlines[conn->deadline_kind];
    if (conn->deadline_prev)
        conn->deadline_prev->deadline_next = conn->deadline_next;
    else
        list->first = conn->deadline_next;
    if (conn->deadline_next)
        conn->deadline_next->deadline_prev = conn->deadline_prev;
    else
        list->last = conn->deadline_prev;
    conn->deadline_prev = conn->deadline_next = NULL;
}

void deadline_clear(struct conn *conn)
{
    if (conn->deadline_kind != DEADLINE_NONE)
        unlink_deadline(conn);
    conn->deadline_kind = DEADLINE_NONE;
}

void deadline_set(struct conn *conn, enum deadline_kind kind, uint64_t ms)
{
    deadline_clear(conn);
    struct deadline_list *list = &conn->lane->deadlines[kind];
    int64_t at_us = loop_now(conn->lane->loop).us + (int64_t)ms * US_PER_MS;
    struct conn *before = list->last;
    while (before && before->deadline_at_us > at_us)
        before = before->deadline_prev;
    conn->deadline_kind = (uint8_t)kind;
    conn->deadline_at_us = at_us;
    conn->deadline_prev = before;
    conn->deadline_next = before ? before->deadline_next : list->first;
    if (conn->deadline_next)
        conn->deadline_next->deadline_prev = conn;
    else
        list->last = conn;
    if (before)
        before->deadline_next = conn;
    else
        list->first = conn;
    arm(conn->lane, at_us);
}

static void on_time(struct loop_timer *timer)
{
    struct lane *lane = (struct lane *)((char *)timer - offsetof(struct lane, timer));
    lane->timer_at_us = INT64_MAX;
    int64_t now_us = loop_now(lane->loop).us;
    for (int kind = 0; kind < DEADLINE_COUNT; kind++) {
        struct conn *conn = lane->deadlines[kind].first;
        while (conn && conn->deadline_at_us <= now_us) {
            deadline_clear(conn);
            conn_on_deadline(conn, (enum deadline_kind)kind);
            conn = lane->deadlines[kind].first;
        }
    }
    for (int kind = 0; kind < DEADLINE_COUNT; kind++)
        if (lane->deadlines[kind].first)
            arm(lane, lane->deadlines[kind].first->deadline_at_us);
}

void lane_open(struct lane *lane)
{
    if (lane->is_open)
        return;
    loop_timer_open(lane->loop, &lane->timer, on_time);
    lane->timer_at_us = INT64_MAX;
    lane->is_open = true;
}

/* ---- connections whose next request was read already ---- */

static void run_ready(struct loop_job *job)
{
    struct lane *lane = (struct lane *)((char *)job - offsetof(struct lane, ready_job));
    lane->ready_is_posted = false;
    struct conn *conn = lane->ready_first;
    lane->ready_first = lane->ready_last = NULL;
    while (conn) {
        struct conn *next = conn->ready_next;
        conn->ready_next = NULL;
        conn->is_ready = false;
        conn_advance(conn);
        conn = next;
    }
}

void lane_make_ready(struct lane *lane, struct conn *conn)
{
    if (conn->is_ready)
        return;
    conn->is_ready = true;
    if (lane->ready_last)
        lane->ready_last->ready_next = conn;
    else
        lane->ready_first = conn;
    lane->ready_last = conn;
    if (lane->ready_is_posted)
        return;
    lane->ready_is_posted = true;
    lane->ready_job.run = run_ready;
    loop_post(lane->loop, &lane->ready_job);
}

/* ---- the end ---- */

static void run_drain(struct loop_job *job)
{
    struct lane *lane = (struct lane *)((char *)job - offsetof(struct lane, drain_job));
    lane->is_draining = true;
    struct conn *conn = lane->conns;
    while (conn) {
        struct conn *next = conn->next;
        if (conn->state == CONN_HEAD && conn->stash_len == 0)
            conn_close(conn);
        conn = next;
    }
}

void lane_drain(struct lane *lane)
{
    lane->drain_job.run = run_drain;
    loop_post(lane->loop, &lane->drain_job);
}
