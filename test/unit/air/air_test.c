#include "air_room.h"

#include "tape/tail_priv.h"

/* ---- frames and their times ---- */

static void frames_land_on_the_tape_at_their_times(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *main_feeder = add_feeder(w, "/main", 'M');
    (void)state;
    struct utc began = now_of(w);
    pass(w, 20 * US_PER_S);
    uint64_t count = frames_on_tape(w);
    assert_in_range(count, 20 * 38, 20 * 39);
    struct utc first = hear(w, 0).start;
    assert_in_range(first.us - began.us, 0, 60 * US_PER_MS);
    for (uint64_t i = 0; i < count; i++) {
        struct heard h = hear(w, i * MP3_BYTES);
        assert_int_equal(h.name, 'M');
        assert_int_equal(h.seq, i);
        int64_t wanted_us = first.us + (int64_t)i * MP3_SAMPLES * US_PER_S / 44100;
        assert_in_range(h.start.us - wanted_us + 2000, 0, 4000);
    }
    assert_in_range(behind_us(w) + 30 * US_PER_MS, 0, 90 * US_PER_MS);
    assert_true(is_on_air(w, main_feeder));
    assert_int_equal(air_stats(w->air).switches_count, 1);
    assert_int_equal(air_stats(w->air).breaks_count, 1); /* its beginning */
    world_free(w);
}

static void a_burst_is_played_at_its_own_pace(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *f = add_feeder(w, "/main", 'M');
    (void)state;
    push_burst(f, 100); /* 2.6 s */
    pass(w, 10 * US_PER_S);
    assert_in_range(frames_on_tape(w), 380, 385);
    assert_in_range(behind_us(w) + 30 * US_PER_MS, 0, 60 * US_PER_MS);
    assert_in_range(port_waiting_us(f->port), 2300 * US_PER_MS, 2700 * US_PER_MS);
    world_free(w);
}

static void an_hour_of_drift_leaves_the_tape_at_station_time(void **state)
{
    static const int64_t drifts_ppm[] = {-100, 100};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct world *w = world_new(CODEC_MP3);
        struct feeder *f = add_feeder(w, "/main", 'M');
        f->drift_ppm = drifts_ppm[i];
        push_burst(f, 20);
        pass(w, 3600 * US_PER_S);
        assert_in_range(behind_us(w) + 100 * US_PER_MS, 0, 200 * US_PER_MS);
        assert_int_equal(air_stats(w->air).breaks_count, 1);
        world_free(w);
    }
}

static void a_fast_source_is_held_back(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *f = add_feeder(w, "/main", 'M');
    (void)state;
    push_burst(f, 300);
    tick(w);
    tick(w);
    assert_true(atomic_load(&f->port->is_held_back));
    f->is_silent = true;
    pass(w, 4 * US_PER_S);
    assert_false(atomic_load(&f->port->is_held_back));
    world_free(w);
}

/* ---- who is on the air ---- */

static void a_hiccup_of_1400_ms_moves_nobody(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    add_feeder(w, "/backup", 'B');
    (void)state;
    pass(w, 10 * US_PER_S);
    assert_true(is_on_air(w, m));
    uint64_t switches = air_stats(w->air).switches_count;
    m->is_silent = true;
    pass(w, 1400 * US_PER_MS);
    m->is_silent = false;
    m->clock_ns += 1400 * US_PER_MS * 1000; /* it catches up */
    pass(w, 10 * US_PER_S);
    assert_true(is_on_air(w, m));
    assert_int_equal(air_stats(w->air).switches_count, switches);
    assert_in_range(behind_us(w) + 30 * US_PER_MS, 0, 90 * US_PER_MS);
    world_free(w);
}

static void
the_backup_takes_over_after_1500_ms_and_the_first_comes_back_after_5_10_20_s(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *b = add_feeder(w, "/backup", 'B');
    struct feeder *m = add_feeder(w, "/main", 'M');
    (void)state;
    pass(w, 10 * US_PER_S);
    assert_true(is_on_air(w, m));
    for (int round = 0; round < 3; round++) {
        m->is_silent = true;
        pass(w, 1400 * US_PER_MS);
        assert_true(is_on_air(w, m));
        pass(w, 200 * US_PER_MS);
        assert_true(is_on_air(w, b));
        struct heard last = hear(w, (frames_on_tape(w) - 1) * MP3_BYTES);
        assert_int_equal(last.name, 'B');
        assert_in_range(now_of(w).us - last.start.us, 0, 60 * US_PER_MS);
        /* The second time it catches up so soon that its sound does not even break. */
        pass(w, round == 1 ? 200 * US_PER_MS : 20 * US_PER_S);
        m->is_silent = false;
        m->clock_ns = m->made_ns + (round == 1 ? 1800 * US_PER_MS * 1000 : 0);
        pass(w, ((5 << round) * INT64_C(1000) - 100) * US_PER_MS);
        assert_true(is_on_air(w, b));
        pass(w, 600 * US_PER_MS);
        assert_true(is_on_air(w, m));
        assert_int_equal(hear(w, (frames_on_tape(w) - 1) * MP3_BYTES).name, 'M');
        pass(w, 5 * US_PER_S);
    }
    world_free(w);
}

static void no_frame_is_heard_twice_or_before_its_time(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    add_feeder(w, "/backup", 'B');
    struct feeder *m = add_feeder(w, "/main", 'M');
    (void)state;
    for (int round = 0; round < 6; round++) {
        pass(w, 12 * US_PER_S);
        m->is_silent = !m->is_silent;
        if (!m->is_silent)
            m->clock_ns = m->made_ns;
    }
    uint32_t last_seq[256] = {0};
    int64_t end_us = 0;
    for (uint64_t i = 0; i < frames_on_tape(w); i++) {
        struct heard h = hear(w, i * MP3_BYTES);
        assert_true(h.seq == 0 || h.seq > last_seq[h.name]);
        assert_true(h.start.us >= end_us - 20);
        last_seq[h.name] = h.seq;
        end_us = h.start.us + FRAME_US;
    }
    world_free(w);
}

static void with_nobody_left_the_output_is_off_the_air(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct utc since;
    (void)state;
    assert_false(air_output_is_on(output_of(w), &since));
    pass(w, 2 * US_PER_S);
    assert_true(air_output_is_on(output_of(w), &since));
    assert_in_range(since.us, START, START + 100 * US_PER_MS);
    m->is_silent = true;
    pass(w, 1700 * US_PER_MS);
    assert_false(air_output_is_on(output_of(w), &since));
    assert_int_equal(since.us, 0);
    assert_int_equal(air_output_source(output_of(w)), 0);
    m->is_silent = false;
    pass(w, 400 * US_PER_MS);
    assert_true(is_on_air(w, m));
    world_free(w);
}

static void the_source_that_came_first_stays_if_the_other_ranks_lower(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    add_feeder(w, "/backup", 'B');
    (void)state;
    pass(w, 60 * US_PER_S);
    assert_true(is_on_air(w, m));
    assert_in_range(air_stats(w->air).switches_count, 1, 2);
    world_free(w);
}

static void a_clock_set_forward_leaves_one_hole_and_nobody_off_the_air(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    (void)state;
    push_burst(m, 40);
    pass(w, 20 * US_PER_S);
    uint64_t before = frames_on_tape(w);
    w->ahead_us += 3600 * US_PER_S;
    pass(w, 20 * US_PER_S);
    assert_int_equal(air_stats(w->air).switches_count, 1);
    assert_int_equal(air_stats(w->air).breaks_count, 2);
    int64_t hole_us = 0;
    unsigned holes = 0;
    for (uint64_t i = before; i < frames_on_tape(w); i++) {
        struct heard a = hear(w, (i - 1) * MP3_BYTES), b = hear(w, i * MP3_BYTES);
        assert_int_equal(b.seq, a.seq + 1);
        if (b.start.us - a.start.us > FRAME_US + 1000) {
            holes++;
            hole_us = b.start.us - a.start.us;
        }
    }
    assert_int_equal(holes, 1);
    assert_in_range(hole_us, 3600 * US_PER_S, 3601 * US_PER_S);
    assert_in_range(behind_us(w) + 30 * US_PER_MS, 0, 90 * US_PER_MS);
    world_free(w);
}

/* ---- the end of a port ---- */

static void an_ended_port_is_played_out(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct port *port = m->port;
    (void)state;
    push_burst(m, 120);
    pass(w, 2 * US_PER_S);
    uint32_t made = m->seq;
    m->is_silent = true;
    atomic_store(&port->has_ended, true);
    pass(w, 2500 * US_PER_MS);
    assert_true(is_on_air(w, m));
    assert_false(atomic_load(&port->air_is_done));
    pass(w, 800 * US_PER_MS);
    assert_true(atomic_load(&port->air_is_done));
    assert_int_equal(air_output_source(output_of(w)), 0);
    assert_int_equal(frames_on_tape(w), made);
    forget(w, port);
    pass(w, US_PER_S);
    world_free(w);
}

static void a_port_that_was_cut_off_is_let_go_of_at_once(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct feeder *b = add_feeder(w, "/backup", 'B');
    struct port *port = m->port;
    (void)state;
    push_burst(m, 120);
    pass(w, 10 * US_PER_S);
    m->is_silent = true;
    assert_int_equal(air_kill(w->air, STR("/main")), OK);
    assert_non_null(atomic_load(&port->kill_reason));
    atomic_store(&port->has_ended, true);
    uint64_t frames = atomic_load(&port->frames);
    tick(w);
    assert_true(atomic_load(&port->air_is_done));
    assert_int_equal(atomic_load(&port->frames), frames);
    forget(w, port);
    pass(w, 40 * US_PER_MS);
    assert_true(is_on_air(w, b));
    world_free(w);
}

/* ---- what is given up ---- */

static void a_codec_without_a_rendition_is_given_up(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct port *port = login(w, "/main", CONTAINER_ADTS);
    struct bytes b = bytes_new();
    (void)state;
    for (int i = 0; i < 20; i++)
        put_adts(&b, 300, false, 1);
    push_bytes(port, bytes_str(&b));
    pass(w, 500 * US_PER_MS);
    assert_string_equal(atomic_load(&port->given_up), "no rendition of the station has this codec");
    assert_int_equal(tape_head(w->tape), 0);
    free(b.ptr);
    world_free(w);
}

static void vorbis_whose_first_packet_has_no_samples_is_given_up(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct port *port = login(w, "/main", CONTAINER_OGG);
    struct bytes b = load("tone_vorbis.ogg");
    (void)state;
    push_bytes(port, bytes_str(&b));
    pass(w, 500 * US_PER_MS);
    assert_string_equal(atomic_load(&port->given_up), "no rendition of the station has this codec");
    free(b.ptr);
    world_free(w);
}

static void a_quarter_of_a_megabyte_without_a_frame_is_given_up(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct port *port = login(w, "/main", CONTAINER_MPEG);
    static char noise[50 * 1024];
    (void)state;
    memset(noise, 'x', sizeof noise);
    for (int i = 0; i < 5; i++) {
        push_bytes(port, (struct str){noise, sizeof noise});
        tick(w);
        assert_null(atomic_load(&port->given_up));
    }
    push_bytes(port, (struct str){noise, sizeof noise});
    tick(w);
    assert_string_equal(atomic_load(&port->given_up),
                        "what it sends is not the sound that it announced");
    assert_in_range(atomic_load(&port->skipped_bytes), 256 * 1024, 300 * 1024);
    world_free(w);
}

static void a_port_of_a_station_that_was_removed_is_given_up(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct board empty = {0};
    (void)state;
    pass(w, US_PER_S);
    atomic_store(&w->place.now, &empty);
    tick(w);
    assert_string_equal(atomic_load(&m->port->given_up), "the station was removed");
    assert_int_equal(air_output_source(output_of(w)), 0);
    struct port *port = m->port;
    atomic_store(&port->has_ended, true);
    tick(w);
    forget(w, port);
    atomic_store(&w->place.now, &w->board); /* its output comes back, the port does not */
    pass(w, US_PER_S);
    m->port = login(w, "/main", CONTAINER_MPEG);
    pass(w, US_PER_S);
    assert_true(is_on_air(w, m));
    world_free(w);
}

/* ---- titles ---- */

static void assert_title_at(const struct world *w, uint64_t frame, const char *title)
{
    struct tape_title_at at;
    assert_int_equal(tape_title_find(w->tape, frame * MP3_BYTES, &at), OK);
    assert_string_equal(at.text, title);
}

static void a_title_holds_from_the_sound_that_came_after_it(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    (void)state;
    m->is_silent = true;
    push_frames(m, 60);
    assert_int_equal(air_title(w->air, STR("/main"), STR("One\n"), false), OK);
    push_frames(m, 30);
    assert_int_equal(air_title(w->air, STR("/main"), STR("Two"), false), OK);
    assert_int_equal(air_title(w->air, STR("/main"), STR("Two"), false), OK); /* nothing new */
    push_frames(m, 30);
    assert_int_equal(air_title(w->air, STR("/main"), STR("T\351"), true), OK);
    push_frames(m, 30);
    pass(w, 5 * US_PER_S);
    assert_int_equal(frames_on_tape(w), 150);
    assert_title_at(w, 57, "");
    assert_title_at(w, 62, "One");
    assert_title_at(w, 87, "One");
    assert_title_at(w, 92, "Two");
    assert_title_at(w, 122, "T\xc3\xa9");
    assert_int_equal(tape_title_seq(w->tape, 122 * MP3_BYTES), 4); /* "" at the switch, and 3 */
    struct source_facts facts;
    assert_true(air_source_at(w->air, 0, &facts));
    assert_string_equal(facts.title, "T\xc3\xa9");
    assert_int_equal(air_title(w->air, STR("/nobody"), STR("x"), false), E_NOT_FOUND);
    world_free(w);
}

static void a_title_that_comes_again_and_again_is_taken_all_the_same(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    (void)state;
    push_burst(m, 120); /* 3 s of cushion, and news every second */
    for (int i = 0; i < 30; i++) {
        char title[32];
        snprintf(title, sizeof title, "News %d", i);
        port_set_title(m->port, str_of(title), false);
        pass(w, US_PER_S);
    }
    struct tape_title_at at;
    assert_int_equal(tape_title_find(w->tape, tape_head(w->tape), &at), OK);
    assert_string_equal(at.text, "News 26");
    assert_in_range(at.seq, 27, 28); /* none was left out */
    world_free(w);
}

static void whoever_takes_over_brings_the_title_that_he_had(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct feeder *b = add_feeder(w, "/backup", 'B');
    (void)state;
    port_set_title(m->port, STR("Main"), false);
    port_set_title(b->port, STR("Backup"), false);
    pass(w, 10 * US_PER_S);
    assert_title_at(w, frames_on_tape(w), "Main");
    m->is_silent = true;
    pass(w, 3 * US_PER_S);
    assert_true(is_on_air(w, b));
    assert_title_at(w, frames_on_tape(w), "Backup");
    world_free(w);
}

/* ---- logins ---- */

static void a_mount_is_taken_over_only_by_the_same_user_after_a_second_of_silence(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct feeder *m = add_feeder(w, "/main", 'M');
    struct port *second;
    (void)state;
    pass(w, US_PER_S);
    assert_int_equal(try_login(w, "/main", "studio", CONTAINER_MPEG, &second), E_BUSY);
    assert_null(second);
    m->is_silent = true;
    pass(w, 1020 * US_PER_MS);
    assert_int_equal(try_login(w, "/main", "stranger", CONTAINER_MPEG, &second), E_BUSY);
    assert_int_equal(try_login(w, "/main", "studio", CONTAINER_MPEG, &second), OK);
    assert_non_null(atomic_load(&m->port->kill_reason));
    assert_true(second->facts.id != m->port->facts.id);
    struct source_facts facts;
    assert_true(air_source_at(w->air, 0, &facts));
    assert_int_equal(facts.id, second->facts.id);
    assert_false(air_source_at(w->air, 1, &facts));
    world_free(w);
}

static void there_is_room_for_so_many_sources_only(void **state)
{
    struct world *w = world_new(CODEC_MP3);
    struct port *port, *first = login(w, "/a", CONTAINER_MPEG);
    (void)state;
    login(w, "/b", CONTAINER_MPEG);
    login(w, "/c", CONTAINER_MPEG);
    login(w, "/d", CONTAINER_MPEG);
    assert_int_equal(try_login(w, "/e", "studio", CONTAINER_MPEG, &port), E_LIMIT);
    air_abandon(first); /* as where its loop could not start it */
    assert_int_equal(try_login(w, "/e", "studio", CONTAINER_MPEG, &port), E_LIMIT);
    tick(w);
    tick(w);
    assert_int_equal(try_login(w, "/e", "studio", CONTAINER_MPEG, &port), OK);
    air_drain(w->air);
    assert_non_null(atomic_load(&port->kill_reason));
    atomic_store(&port->has_ended, true);
    tick(w);
    forget(w, port);
    assert_int_equal(try_login(w, "/e", "studio", CONTAINER_MPEG, &port), E_LIMIT);
    world_free(w);
}

/* ---- Opus ---- */

/* A page of packets of 20 ms each. */
static void put_opus(struct bytes *b, uint32_t seq, unsigned packets)
{
    unsigned char packet[80];
    struct str list[50];
    memset(packet, 0x11, sizeof packet);
    packet[0] = 0xFC;
    for (unsigned i = 0; i < packets; i++)
        list[i] = (struct str){(const char *)packet, sizeof packet};
    put_page(b, (struct page_shape){.serial = 7, .seq = seq}, list, packets);
}

static void put_opus_head(struct bytes *b)
{
    static const char head[] = "OpusHead\1\2\0\0\x80\xbb\0\0\0\0";
    static const char tags[] = "OpusTags\0\0\0\0\1\0\0\0\x0c\0\0\0TITLE=A tune";
    put_page1(b, OGG_FLAG_BOS, 7, 0, (struct str){head, 19});
    put_page1(b, 0, 7, 1, (struct str){tags, sizeof tags - 1});
}

static void opus_is_gathered_to_unbroken_pages_of_200_ms(void **state)
{
    struct world *w = world_new(CODEC_OPUS);
    struct port *port = login(w, "/main", CONTAINER_OGG);
    struct bytes b = bytes_new();
    (void)state;
    put_opus_head(&b);
    for (uint32_t i = 0; i < 100; i++)
        put_opus(&b, 2 + i, 10);
    for (size_t at = 0; at < b.len; at += 430) { /* as it would come, a little faster: 20 s */
        push_bytes(port, str_slice(bytes_str(&b), at, at + 430));
        pass(w, 100 * US_PER_MS);
    }
    struct utc end = tape_end(w->tape);
    assert_in_range(now_of(w).us - end.us, 0, 500 * US_PER_MS);
    uint64_t pos = 0, pages = 0;
    struct utc start = {0}, next;
    while (pos < tape_head(w->tape)) {
        struct iovec span;
        struct ogg_page page;
        uint32_t samples;
        assert_int_equal(tape_time_of(w->tape, pos, &next), OK);
        assert_int_equal(tape_span(w->tape, pos, tape_head(w->tape), &span), OK);
        struct str bytes = {span.iov_base, span.iov_len};
        assert_int_equal(ogg_page_parse(bytes, &page), OK);
        assert_int_equal(opus_page_samples(str_slice(bytes, 0, page.bytes), &samples), OK);
        assert_int_equal(samples, OPUS_PAGE_MAX_SAMPLES);
        assert_int_equal(page.serial, tape_serial(w->tape));
        assert_int_equal(page.seq, pages + 2);
        if (pages++ > 0)
            assert_in_range(next.us - start.us, 199900, 200100);
        start = next;
        pos += page.bytes;
    }
    assert_in_range(pages, 90, 100);
    assert_int_equal(air_stats(w->air).breaks_count, 1);
    /* Nothing of it lies behind a break. */
    assert_int_equal(tape_pos_back(w->tape, 60 * 1000), 0);
    struct tape_title_at title;
    assert_int_equal(tape_title_find(w->tape, pos, &title), OK);
    assert_string_equal(title.text, "A tune");
    free(b.ptr);
    world_free(w);
}

static void an_opus_source_that_ends_leaves_its_last_short_page(void **state)
{
    struct world *w = world_new(CODEC_OPUS);
    struct port *port = login(w, "/main", CONTAINER_OGG);
    struct bytes b = bytes_new();
    (void)state;
    put_opus_head(&b);
    put_opus(&b, 2, 13);
    push_bytes(port, bytes_str(&b));
    atomic_store(&port->has_ended, true);
    struct utc began = now_of(w);
    pass(w, 2 * US_PER_S);
    assert_true(atomic_load(&port->air_is_done));
    assert_in_range(tape_end(w->tape).us - began.us, 260 * US_PER_MS, 300 * US_PER_MS);
    free(b.ptr);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_land_on_the_tape_at_their_times),
        cmocka_unit_test(a_burst_is_played_at_its_own_pace),
        cmocka_unit_test(an_hour_of_drift_leaves_the_tape_at_station_time),
        cmocka_unit_test(a_fast_source_is_held_back),
        cmocka_unit_test(a_hiccup_of_1400_ms_moves_nobody),
        cmocka_unit_test(
            the_backup_takes_over_after_1500_ms_and_the_first_comes_back_after_5_10_20_s),
        cmocka_unit_test(no_frame_is_heard_twice_or_before_its_time),
        cmocka_unit_test(with_nobody_left_the_output_is_off_the_air),
        cmocka_unit_test(the_source_that_came_first_stays_if_the_other_ranks_lower),
        cmocka_unit_test(a_clock_set_forward_leaves_one_hole_and_nobody_off_the_air),
        cmocka_unit_test(an_ended_port_is_played_out),
        cmocka_unit_test(a_port_that_was_cut_off_is_let_go_of_at_once),
        cmocka_unit_test(a_codec_without_a_rendition_is_given_up),
        cmocka_unit_test(vorbis_whose_first_packet_has_no_samples_is_given_up),
        cmocka_unit_test(a_quarter_of_a_megabyte_without_a_frame_is_given_up),
        cmocka_unit_test(a_port_of_a_station_that_was_removed_is_given_up),
        cmocka_unit_test(a_title_holds_from_the_sound_that_came_after_it),
        cmocka_unit_test(a_title_that_comes_again_and_again_is_taken_all_the_same),
        cmocka_unit_test(whoever_takes_over_brings_the_title_that_he_had),
        cmocka_unit_test(a_mount_is_taken_over_only_by_the_same_user_after_a_second_of_silence),
        cmocka_unit_test(there_is_room_for_so_many_sources_only),
        cmocka_unit_test(opus_is_gathered_to_unbroken_pages_of_200_ms),
        cmocka_unit_test(an_opus_source_that_ends_leaves_its_last_short_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
