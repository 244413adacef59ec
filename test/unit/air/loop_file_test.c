#include "../media/media_test.h"

#include <unistd.h>

#include "air/loop_file_priv.h"
#include "base/io.h"
#include "base/mem.h"

#define FRAMES 20

static const struct loop_origin ORIGIN = {.name = 7, .mtime_us = -8, .size_bytes = 9};

static void add_rendition(struct board_station *station, const char *slug, enum codec codec,
                          uint32_t rate_hz)
{
    struct board_rendition *r = &station->renditions[station->renditions_count++];
    str_copy(r->slug, sizeof r->slug, str_of(slug));
    r->codec = codec;
    r->rate_hz = rate_hz;
    r->channels = 2;
    r->bitrate_bps = 128000;
}

static struct board_station *station_new(void)
{
    struct board_station *station = calloc(1, sizeof *station);
    assert_non_null(station);
    str_copy(station->slug, sizeof station->slug, STR("wxyz"));
    add_rendition(station, "mp3-128", CODEC_MP3, 44100);
    add_rendition(station, "aac-128", CODEC_AAC, 48000);
    add_rendition(station, "opus-128", CODEC_OPUS, 48000);
    return station;
}

static void add_frame(struct loop_track *track, unsigned i)
{
    struct bytes b = bytes_new();
    uint32_t samples = track->format.codec == CODEC_MP3 ? 1152 : 1024;
    if (track->format.codec == CODEC_MP3) {
        put_mpeg(&b, &mpeg_usual, 417);
    } else if (track->format.codec == CODEC_AAC) {
        put_adts(&b, 200 + i, false, 1);
    } else {
        samples = 960;
        put_fill(&b, 0xFC, 1); /* 20 ms, stereo, one frame */
        put_fill(&b, (unsigned char)i, 100 + i);
    }
    assert_int_equal(loop_track_add(track, bytes_str(&b), samples), OK);
    free(b.ptr);
}

static struct air_loop *loop_of(const struct board_station *station)
{
    struct air_loop *loop;
    assert_int_equal(loop_new(station, &loop), OK);
    for (size_t i = 0; i < loop->tracks_count; i++)
        for (unsigned n = 0; n < FRAMES; n++)
            add_frame(&loop->tracks[i], n);
    return loop;
}

static void assert_same(const struct air_loop *a, const struct air_loop *b)
{
    assert_int_equal(a->tracks_count, b->tracks_count);
    for (size_t i = 0; i < a->tracks_count; i++) {
        assert_string_equal(a->tracks[i].rendition, b->tracks[i].rendition);
        assert_int_equal(a->tracks[i].count, b->tracks[i].count);
        assert_true(str_eq(buf_str(&a->tracks[i].setup), buf_str(&b->tracks[i].setup)));
        for (size_t n = 0; n < a->tracks[i].count; n++) {
            uint32_t samples_a, samples_b;
            assert_true(str_eq(loop_track_frame(&a->tracks[i], n, &samples_a),
                               loop_track_frame(&b->tracks[i], n, &samples_b)));
            assert_int_equal(samples_a, samples_b);
        }
    }
}

struct rig {
    char folder[64];
    struct board_station *station;
    struct air_loop *loop;
};

static int rig_open(void **state)
{
    struct rig *rig = *state = calloc(1, sizeof *rig);
    assert_non_null(rig);
    strcpy(rig->folder, "/tmp/mast-loop-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    strcat(rig->folder, "/loop");
    rig->station = station_new();
    rig->loop = loop_of(rig->station);
    assert_int_equal(loop_file_save(rig->folder, &ORIGIN, rig->loop), OK);
    return 0;
}

static int rig_close(void **state)
{
    struct rig *rig = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", rig->folder);
    int failed = system(command);
    *strrchr(rig->folder, '/') = '\0';
    failed |= rmdir(rig->folder);
    air_loop_free(&rig->loop);
    free(rig->station);
    free(rig);
    return failed;
}

static enum err load_kept(struct rig *rig, struct loop_origin *origin, struct air_loop **out)
{
    const char *rendition;
    return loop_file_load(rig->folder, rig->station, origin, &rendition, out);
}

static void assert_not_loaded(struct rig *rig, enum err wanted)
{
    struct loop_origin origin;
    struct air_loop *loop;
    assert_int_equal(load_kept(rig, &origin, &loop), wanted);
    assert_null(loop);
}

static void a_loop_is_the_same_when_it_is_read_back(void **state)
{
    struct rig *rig = *state;
    struct loop_origin origin;
    struct air_loop *loop;
    assert_int_equal(load_kept(rig, &origin, &loop), OK);
    assert_same(loop, rig->loop);
    assert_int_equal(origin.name, ORIGIN.name);
    assert_int_equal(origin.mtime_us, ORIGIN.mtime_us);
    assert_int_equal(origin.size_bytes, ORIGIN.size_bytes);
    air_loop_free(&loop);
}

static void another_rate_or_bit_rate_or_rendition_is_not_in_it(void **state)
{
    struct rig *rig = *state;
    rig->station->renditions[0].bitrate_bps = 96000;
    assert_not_loaded(rig, E_UNSUPPORTED);
    rig->station->renditions[0].bitrate_bps = 128000;
    rig->station->renditions[1].rate_hz = 32000;
    assert_not_loaded(rig, E_UNSUPPORTED);
    rig->station->renditions[1].rate_hz = 48000;
    rig->station->renditions[2].channels = 1;
    assert_not_loaded(rig, E_UNSUPPORTED);
    rig->station->renditions[2].channels = 2;
    add_rendition(rig->station, "new", CODEC_MP3, 48000);
    assert_not_loaded(rig, E_NOT_FOUND);
    rig->station->renditions_count = 0;
    assert_not_loaded(rig, E_NOT_FOUND);
}

static void tracks_of_two_origins_are_no_loop(void **state)
{
    struct rig *rig = *state;
    const struct loop_origin other = {.name = 7, .mtime_us = -8, .size_bytes = 10};
    rig->loop->tracks_count = 1;
    assert_int_equal(loop_file_save(rig->folder, &other, rig->loop), OK);
    rig->loop->tracks_count = 3;
    assert_not_loaded(rig, E_UNSUPPORTED);
}

static enum err parse(const struct rig *rig, size_t i, struct str bytes)
{
    struct air_loop *loop;
    struct loop_origin origin;
    assert_int_equal(loop_new(rig->station, &loop), OK);
    enum err err = loop_track_parse(bytes, &loop->tracks[i], &origin);
    air_loop_free(&loop);
    return err;
}

static void a_torn_or_changed_file_is_refused_wherever_it_is(void **state)
{
    struct rig *rig = *state;
    for (size_t i = 0; i < 3; i++) {
        struct buf file;
        buf_init(&file, LOOP_FILE_MAX);
        loop_track_format(&rig->loop->tracks[i], &ORIGIN, &file);
        assert_int_equal(parse(rig, i, buf_str(&file)), OK);
        for (size_t at = 0; at < file.len; at++) {
            file.ptr[at] ^= 4;
            assert_int_equal(parse(rig, i, buf_str(&file)), E_CORRUPT);
            file.ptr[at] ^= 4;
            assert_int_equal(parse(rig, i, str_slice(buf_str(&file), 0, at)), E_CORRUPT);
        }
        buf_add_char(&file, '\0');
        assert_int_equal(parse(rig, i, buf_str(&file)), E_CORRUPT);
        buf_release(&file);
    }
}

/* A file whose sign is right can still be nonsense, where mast itself has a fault. */
static void frames_that_are_none_are_refused(void **state)
{
    struct rig *rig = *state;
    static const struct str none[] = {{"", 0}, {"\xFF\xFB", 2}, {"no frame at all", 15}};
    struct buf file;
    for (size_t i = 0; i < 3; i++) {
        for (size_t n = 0; n < 3; n++) {
            struct loop_track *track = &rig->loop->tracks[i];
            size_t count = track->count;
            assert_int_equal(loop_track_add(track, none[n], 1024), OK);
            buf_init(&file, LOOP_FILE_MAX);
            loop_track_format(track, &ORIGIN, &file);
            assert_int_equal(parse(rig, i, buf_str(&file)), E_CORRUPT);
            buf_release(&file);
            track->count = count;
        }
        struct loop_track empty = {.format = rig->loop->tracks[i].format};
        buf_init(&file, LOOP_FILE_MAX);
        loop_track_format(&empty, &ORIGIN, &file);
        assert_int_equal(parse(rig, i, buf_str(&file)), E_CORRUPT);
        buf_release(&file);
    }
}

static void a_file_that_is_damaged_is_named(void **state)
{
    struct rig *rig = *state;
    struct loop_origin origin;
    struct air_loop *loop;
    const char *rendition;
    char path[128];
    snprintf(path, sizeof path, "%s/aac-128.loop", rig->folder);
    assert_int_equal(io_save(path, STR("something else")), OK);
    assert_int_equal(loop_file_load(rig->folder, rig->station, &origin, &rendition, &loop),
                     E_CORRUPT);
    assert_string_equal(rendition, "aac-128");
    assert_null(loop);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_open, rig_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(a_loop_is_the_same_when_it_is_read_back),
        WITH_RIG(another_rate_or_bit_rate_or_rendition_is_not_in_it),
        WITH_RIG(tracks_of_two_origins_are_no_loop),
        WITH_RIG(a_torn_or_changed_file_is_refused_wherever_it_is),
        WITH_RIG(frames_that_are_none_are_refused),
        WITH_RIG(a_file_that_is_damaged_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
