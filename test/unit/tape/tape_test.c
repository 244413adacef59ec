/* The tail of a tape: appending, and finding what was appended. */
#include "rig.h"

/* Frames until the ring of 8 MiB has been round about three times. */
#define THREE_ROUNDS 70000

static void the_head_counts_whole_frames_and_a_span_holds_them(void **state)
{
    (void)state;
    struct rig rig;
    struct iovec span;
    rig_start(&rig, false);
    assert_int_equal(tape_head(rig.tape), 0);
    assert_int_equal(tape_oldest(rig.tape), 0);
    rig_feed(&rig, 100);
    assert_int_equal(tape_head(rig.tape), rig.frames[99].pos + 417 +
                                              (99 + 1) * 144 * 128000ULL / RATE_HZ -
                                              99 * 144 * 128000ULL / RATE_HZ - 417);
    assert_int_equal(tape_span(rig.tape, rig.frames[7].pos, tape_head(rig.tape), &span), OK);
    assert_int_equal(span.iov_len, tape_head(rig.tape) - rig.frames[7].pos);
    assert_int_equal(rig_number(span.iov_base), 7);
    assert_int_equal(rig_number((char *)span.iov_base + rig.frames[99].pos - rig.frames[7].pos),
                     99);
    assert_int_equal(tape_span(rig.tape, 0, 0, &span), OK);
    assert_int_equal(span.iov_len, 0);
    rig_end(&rig);
}

static void a_span_across_the_wrap_is_one_piece(void **state)
{
    (void)state;
    struct rig rig;
    struct iovec span;
    rig_start(&rig, false);
    for (uint64_t k = 0; k < THREE_ROUNDS; k++) {
        rig_feed_one(&rig, 0, false);
        if (k < 50)
            continue;
        assert_int_equal(tape_span(rig.tape, rig.frames[k - 50].pos, tape_head(rig.tape), &span),
                         OK);
        for (uint64_t i = k - 50; i <= k; i += 25)
            assert_int_equal(
                rig_number((char *)span.iov_base + rig.frames[i].pos - rig.frames[k - 50].pos), i);
    }
    rig_end(&rig);
}

static void the_tail_keeps_five_minutes_and_tells_who_was_overtaken(void **state)
{
    (void)state;
    struct rig rig;
    struct iovec span;
    struct utc oldest_time, time;
    uint64_t pos;
    rig_start(&rig, false);
    rig_feed(&rig, THREE_ROUNDS);
    uint64_t oldest = tape_oldest(rig.tape);
    assert_int_equal(tape_time_of(rig.tape, oldest, &oldest_time), OK);
    assert_true(tape_end(rig.tape).us - oldest_time.us >= TAPE_TAIL_MIN_S * US_PER_S);
    assert_true(oldest > 0);
    assert_int_equal(tape_span(rig.tape, oldest, tape_head(rig.tape), &span), OK);
    assert_int_equal(tape_span(rig.tape, oldest - 1, tape_head(rig.tape), &span), E_LAGGED);
    assert_null(span.iov_base);
    assert_int_equal(tape_time_of(rig.tape, oldest - 1, &time), E_LAGGED);
    assert_int_equal(tape_find(rig.tape, (struct utc){RIG_START_US}, &pos, &time), E_LAGGED);
    /* What is overwritten next lies far behind: at least 10 s of sound. */
    uint64_t ring_bytes = (uint64_t)8 << 20;
    assert_true(tape_head(rig.tape) + 10 * 16000 - oldest <= ring_bytes);
    rig_end(&rig);
}

static void many_breaks_or_short_frames_only_make_the_tail_shorter(void **state)
{
    (void)state;
    struct rig rig;
    struct iovec span;
    rig_start(&rig, false);
    for (int i = 0; i < 3000; i++)
        rig_feed_one(&rig, 0, i > 0);
    uint64_t oldest = tape_oldest(rig.tape);
    assert_true(oldest > rig.frames[3000 - 1024].pos);
    assert_true(oldest < rig.frames[3000 - 900].pos);
    assert_int_equal(tape_span(rig.tape, oldest, tape_head(rig.tape), &span), OK);
    for (int i = 0; i < 100000; i++) { /* tiny frames: the frame table is what fills */
        struct utc end = tape_end(rig.tape);
        tape_append(rig.tape, STR("frame"), 1152, &rig_format, end, false);
    }
    assert_true(tape_head(rig.tape) - tape_oldest(rig.tape) < 5 * 32768);
    assert_true(tape_head(rig.tape) - tape_oldest(rig.tape) > 5 * 30000);
    rig_end(&rig);
}

static void a_burst_begins_with_the_first_frame_that_lies_wholly_in_it(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, false);
    assert_int_equal(tape_pos_back(rig.tape, 3000), 0);
    rig_feed(&rig, 1000);
    int64_t end = tape_end(rig.tape).us;
    for (uint32_t ms = 0; ms < 4000; ms += 7) {
        uint64_t pos = tape_pos_back(rig.tape, ms);
        uint64_t k = 1000;
        while (k > 0 && rig.frames[k - 1].start_us >= end - ms * US_PER_MS)
            k--;
        assert_int_equal(pos, k < 1000 ? rig.frames[k].pos : tape_head(rig.tape));
    }
    assert_int_equal(tape_pos_back(rig.tape, 60 * 1000), 0);
    rig_end(&rig);
}

static void a_burst_never_reaches_over_a_break(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, false);
    rig_feed(&rig, 500);
    rig_feed_one(&rig, 0, true);
    rig_feed(&rig, 10);
    assert_int_equal(tape_pos_back(rig.tape, 3000), rig.frames[500].pos);
    assert_int_equal(tape_pos_back(rig.tape, 100), rig.frames[508].pos);
    rig_feed_one(&rig, 2 * US_PER_S, false); /* a hole is a break, whatever the caller says */
    assert_int_equal(tape_pos_back(rig.tape, 3000), rig.frames[511].pos);
    struct format other = rig_format;
    unsigned char bytes[418];
    other.rate_hz = 48000;
    uint64_t pos = tape_head(rig.tape);
    tape_append(rig.tape, rig_frame_make(512, bytes), 1152, &other, tape_end(rig.tape), false);
    assert_int_equal(tape_pos_back(rig.tape, 3000), pos); /* and so is another format */
    struct format format;
    assert_true(tape_format(rig.tape, &format));
    assert_int_equal(format.rate_hz, 48000);
    rig_end(&rig);
}

static void an_instant_is_found_to_the_frame(void **state)
{
    (void)state;
    struct rig rig;
    struct utc start;
    uint64_t pos;
    rig_start(&rig, false);
    assert_int_equal(tape_find(rig.tape, (struct utc){5}, &pos, &start), E_AGAIN);
    rig_feed(&rig, 2000);
    rig_feed_one(&rig, 7 * US_PER_S, true);
    rig_feed(&rig, 999);
    for (uint64_t k = 0; k < 3000; k += 3) {
        const struct rig_frame *f = &rig.frames[k];
        const int64_t inside[] = {f->start_us, (f->start_us + f->end_us) / 2, f->end_us - 1};
        for (int i = 0; i < 3; i++) {
            assert_int_equal(tape_find(rig.tape, (struct utc){inside[i]}, &pos, &start), OK);
            assert_int_equal(pos, f->pos);
            assert_int_equal(start.us, f->start_us);
        }
        assert_int_equal(tape_time_of(rig.tape, f->pos, &start), OK);
        assert_int_equal(start.us, f->start_us);
        assert_int_equal(tape_time_of(rig.tape, f->pos + 100, &start), OK);
        assert_int_equal(start.us, f->start_us);
    }
    /* In a hole, the next one; before the tape began, the first; behind its end, nothing yet. */
    assert_int_equal(tape_find(rig.tape, (struct utc){rig.frames[1999].end_us}, &pos, &start), OK);
    assert_int_equal(pos, rig.frames[2000].pos);
    assert_int_equal(tape_find(rig.tape, (struct utc){1}, &pos, &start), OK);
    assert_int_equal(pos, 0);
    assert_int_equal(start.us, RIG_START_US);
    assert_int_equal(tape_find(rig.tape, tape_end(rig.tape), &pos, &start), E_AGAIN);
    assert_int_equal(tape_time_of(rig.tape, tape_head(rig.tape), &start), OK);
    assert_int_equal(start.us, tape_end(rig.tape).us);
    rig_end(&rig);
}

static void time_is_counted_in_samples_and_never_drifts(void **state)
{
    (void)state;
    struct rig rig;
    rig_start(&rig, false);
    rig_feed(&rig, 137813); /* an hour and a bit; each frame lasts 26122.449 us */
    assert_int_equal(tape_end(rig.tape).us,
                     RIG_START_US + samples_us(137813ULL * SAMPLES, RATE_HZ));
    rig_feed_one(&rig, -2 * US_PER_S, false); /* nobody turns a tape's clock back */
    assert_int_equal(tape_end(rig.tape).us,
                     RIG_START_US + samples_us(137814ULL * SAMPLES, RATE_HZ));
    rig_end(&rig);
}

static void a_title_holds_from_the_next_frame_on(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_title_at title;
    rig_start(&rig, false);
    assert_int_equal(tape_title_find(rig.tape, 0, &title), OK);
    assert_int_equal(title.seq, 0);
    rig_feed(&rig, 10);
    rig_title(&rig, "first");
    rig_feed(&rig, 10);
    rig_title(&rig, "passed over");
    rig_title(&rig, "");
    rig_feed(&rig, 10);
    rig_title(&rig, "not yet");
    const struct {
        uint64_t pos, seq;
        const char *text;
    } want[] = {{rig.frames[9].pos + 416, 0, ""},     {rig.frames[10].pos, 1, "first"},
                {rig.frames[20].pos - 1, 1, "first"}, {rig.frames[20].pos, 3, ""},
                {tape_head(rig.tape) - 1, 3, ""},     {tape_head(rig.tape), 4, "not yet"}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_int_equal(tape_title_find(rig.tape, want[i].pos, &title), OK);
        assert_int_equal(title.seq, want[i].seq);
        assert_string_equal(title.text, want[i].text);
        assert_int_equal(tape_title_seq(rig.tape, want[i].pos), want[i].seq);
    }
    rig_end(&rig);
}

static void titles_that_were_overtaken_are_said_to_be(void **state)
{
    (void)state;
    struct rig rig;
    struct tape_title_at title;
    char text[TITLE_BYTES + 100];
    rig_start(&rig, false);
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "title %d", i);
        rig_title(&rig, text);
        rig_feed_one(&rig, 0, false);
    }
    assert_int_equal(tape_title_find(rig.tape, rig.frames[500].pos, &title), E_LAGGED);
    assert_int_equal(tape_title_find(rig.tape, rig.frames[800].pos, &title), OK);
    assert_string_equal(title.text, "title 800");
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    rig_title(&rig, text);
    assert_int_equal(tape_title_find(rig.tape, tape_head(rig.tape), &title), OK);
    assert_int_equal(strlen(title.text), TITLE_BYTES - 1);
    rig_end(&rig);
}

static void the_range_of_a_tape_in_memory_is_its_tail(void **state)
{
    (void)state;
    struct rig rig;
    struct utc oldest, newest, want;
    struct format format;
    rig_start(&rig, false);
    assert_false(tape_range(rig.tape, &oldest, &newest));
    assert_false(tape_format(rig.tape, &format));
    rig_feed(&rig, THREE_ROUNDS);
    assert_true(tape_range(rig.tape, &oldest, &newest));
    assert_int_equal(tape_time_of(rig.tape, tape_oldest(rig.tape), &want), OK);
    assert_int_equal(oldest.us, want.us);
    assert_int_equal(newest.us, tape_end(rig.tape).us);
    assert_int_equal(tape_flush(rig.tape), OK); /* has nothing to do */
    assert_string_equal(tape_name(rig.tape), "one/mp3");
    assert_int_equal(tape_codec(rig.tape), CODEC_MP3);
    rig_end(&rig);
}

static void tails_are_sized_by_the_bit_rate(void **state)
{
    (void)state;
    for (uint32_t kbps = 0; kbps <= 1600; kbps += 50) {
        struct tail *tail;
        struct tail_frame frame = {.samples = 1024};
        static unsigned char bytes[40000];
        size_t len = kbps * 125 > 0 ? kbps * 25 : 10; /* of 200 ms */
        assert_int_equal(tail_new(CODEC_OPUS, kbps * 1000, 300, &tail), OK);
        struct tail_run run = {.format = {.codec = CODEC_OPUS, .rate_hz = 48000}};
        for (int i = 0; i < 3000; i++) {
            frame.end_us = frame.start_us + 200000;
            tail_push(tail, (struct str){(char *)bytes, len}, &frame, i % 30 ? NULL : &run);
            frame.start_us = frame.end_us;
        }
        struct tail_frame oldest;
        assert_int_equal(tail_frame(tail, tail_oldest_frame(tail), &oldest), OK);
        assert_true(frame.end_us - oldest.start_us >= 300 * US_PER_S);
        tail_free(&tail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_head_counts_whole_frames_and_a_span_holds_them),
        cmocka_unit_test(a_span_across_the_wrap_is_one_piece),
        cmocka_unit_test(the_tail_keeps_five_minutes_and_tells_who_was_overtaken),
        cmocka_unit_test(many_breaks_or_short_frames_only_make_the_tail_shorter),
        cmocka_unit_test(a_burst_begins_with_the_first_frame_that_lies_wholly_in_it),
        cmocka_unit_test(a_burst_never_reaches_over_a_break),
        cmocka_unit_test(an_instant_is_found_to_the_frame),
        cmocka_unit_test(time_is_counted_in_samples_and_never_drifts),
        cmocka_unit_test(a_title_holds_from_the_next_frame_on),
        cmocka_unit_test(titles_that_were_overtaken_are_said_to_be),
        cmocka_unit_test(the_range_of_a_tape_in_memory_is_its_tail),
        cmocka_unit_test(tails_are_sized_by_the_bit_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
