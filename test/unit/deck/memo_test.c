/* Tests of deck/memo.c: alone, with sound whose every sample is known, and in the deck's output. */
#include "deck_test.h"

#include "bed.h"
#include "memo.h"
#include "timecode.h"

#define FRAME_MAX 1152
#define ROUND     ((size_t)60) /* frames after which the test's sound begins anew */
#define SOME_DAY  (INT64_C(1795000000) * BED_RATE_HZ)
#define SMALL     ((size_t)65536)
#define WINDOW    480 /* samples: 10 ms */
#define NEAR      4   /* windows: as far as the noise of one AAC frame reaches */

static const struct kind {
    struct format format;
    uint32_t frame;
} kinds[] = {
    {{CODEC_MP3, 48000, 128000, 2, 1}, 1152},
    {{CODEC_MP3, 48000, 64000, 1, 1}, 1152},
    {{CODEC_AAC, 48000, 96000, 2, 2}, 1024},
    {{CODEC_AAC, 48000, 48000, 1, 2}, 1024},
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* An encoder, with a memo in front of it or without, and the frames that came out. */
struct bench {
    struct encoder *encoder;
    struct memo *memo;
    uint32_t frame;
    struct coded out;
    size_t pushes;
};

static struct bench bench_new(const struct kind *kind, size_t memo_bytes)
{
    struct bench bench = {.frame = kind->frame, .out.format = kind->format};
    struct deck_output what = {.format = kind->format, .is_quick = true};
    assert_int_equal(encoder_new(&what, &bench.encoder), OK);
    assert_int_equal(encoder_frame_samples(bench.encoder), kind->frame);
    if (memo_bytes > 0)
        assert_int_equal(memo_new(bench.encoder, kind->format.channels, memo_bytes, &bench.memo),
                         OK);
    return bench;
}

static void bench_free(struct bench *bench)
{
    memo_free(&bench->memo);
    encoder_free(&bench->encoder);
    coded_free(&bench->out);
}

static void bench_push(struct bench *bench, const float *left, const float *right)
{
    const float *const planes[2] = {left, right};
    struct str bytes;
    int64_t first;
    assert_int_equal(
        bench->memo ? memo_push(bench->memo, planes) : encoder_push(bench->encoder, planes), OK);
    bench->pushes++;
    for (;;) {
        enum err err = bench->memo ? memo_next(bench->memo, &bytes, &first)
                                   : encoder_next(bench->encoder, &bytes, &first);
        if (err == E_AGAIN)
            return;
        assert_int_equal(err, OK);
        coded_add(&bench->out, bytes, bench->frame, first);
    }
}

/* The i-th frame of a music that begins anew after ROUND frames: a chord in a frame's own keys. */
static void make_frame(size_t i, float *left, float *right)
{
    for (size_t n = 0; n < FRAME_MAX; n++) {
        double at = (double)((i % ROUND) * FRAME_MAX + n) / 48000;
        left[n] = (float)(0.2 * sin(TWO_PI * (300 + 40 * (double)(i % ROUND % 7)) * at) +
                          0.1 * sin(TWO_PI * 1900 * at * (1 + at)));
        right[n] = (float)(0.2 * sin(TWO_PI * 500 * at * (1 + at / 3)));
    }
}

static void push_round_frame(struct bench *bench, size_t i)
{
    float left[FRAME_MAX], right[FRAME_MAX];
    make_frame(i, left, right);
    bench_push(bench, left, right);
}

static void assert_same_frame(const struct coded *a, size_t i, const struct coded *b, size_t j)
{
    struct str x = coded_str(a, i), y = coded_str(b, j);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.ptr, y.ptr, x.len);
}

static void sound_that_was_heard_before_gives_the_frames_of_then_without_the_encoder(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct bench bench = bench_new(&kinds[k], MEMO_BYTES);
        for (size_t i = 0; i < 4 * ROUND; i++)
            push_round_frame(&bench, i);
        /* The first round's beginning was not led into by its end; all else is known. */
        assert_int_equal(memo_encoded(bench.memo), ROUND + MEMO_BEHIND);
        for (size_t i = 2 * ROUND; i < bench.out.count; i++)
            assert_same_frame(&bench.out, i, &bench.out, i - ROUND);
        bench_free(&bench);
    }
}

static void one_sample_that_differs_makes_new_frames_and_no_more_than_it_must(void **state)
{
    (void)state;
    float left[FRAME_MAX], right[FRAME_MAX];
    for (size_t k = 0; k < KINDS; k++) {
        struct bench bench = bench_new(&kinds[k], MEMO_BYTES);
        for (size_t i = 0; i < 2 * ROUND + 20; i++)
            push_round_frame(&bench, i);
        uint64_t before = memo_encoded(bench.memo);
        for (int side = 0; side < kinds[k].format.channels; side++) {
            make_frame(20, left, right);
            float *one = side ? &right[kinds[k].frame - 1] : &left[0];
            *one = nextafterf(*one, 1);
            bench_push(&bench, left, right);
            for (size_t i = 21; i < ROUND + 20; i++)
                push_round_frame(&bench, i);
            /* What led up to it, itself, and those whose windows hold it. */
            uint64_t now = memo_encoded(bench.memo);
            assert_int_equal(now - before, MEMO_BEHIND + 1 + MEMO_BEHIND);
            before = now;
        }
        bench_free(&bench);
    }
}

/* Known and new sound in turn, in stretches of all lengths. */
static void frames_come_one_for_each_push_in_order(void **state)
{
    (void)state;
    for (size_t k = 0; k < KINDS; k++) {
        struct bench bench = bench_new(&kinds[k], MEMO_BYTES), plain = bench_new(&kinds[k], 0);
        uint32_t luck = 1;
        float left[FRAME_MAX], right[FRAME_MAX];
        for (size_t i = 0; i < 1000; i++) {
            make_frame(i, left, right);
            luck = luck * 1664525 + 1013904223;
            if (i > 3 * ROUND && luck >> 28 == 0)
                left[luck >> 8 & 1023] += 0.01f;
            bench_push(&bench, left, right);
            bench_push(&plain, left, right);
            assert_int_equal(bench.out.count, plain.out.count);
        }
        for (size_t i = 0; i < bench.out.count; i++)
            assert_int_equal(bench.out.frames[i].first, plain.out.frames[i].first);
        assert_true(memo_encoded(bench.memo) < 900 && memo_encoded(bench.memo) > 2 * ROUND);
        bench_free(&bench);
        bench_free(&plain);
    }
}

static void a_memo_that_is_full_forgets_and_goes_on(void **state)
{
    (void)state;
    struct bench bench = bench_new(&kinds[0], SMALL), plain = bench_new(&kinds[0], 0);
    float left[FRAME_MAX], right[FRAME_MAX];
    size_t each = 384, fits = SMALL / each;
    for (size_t i = 0; i < 10 * fits; i++) {
        make_frame(i, left, right);
        left[0] += (float)(i / ROUND) * 0.001f; /* another one each round */
        left[0] += i % ROUND == 0 ? (float)i * 1e-5f : 0;
        bench_push(&bench, left, right);
        bench_push(&plain, left, right);
        assert_int_equal(bench.out.count, plain.out.count);
    }
    assert_int_equal(memo_encoded(bench.memo), 10 * fits);
    for (size_t i = 0; i < bench.out.count; i++)
        assert_same_frame(&bench.out, i, &plain.out, i);
    for (size_t i = 0; i < 4 * ROUND; i++)
        push_round_frame(&bench, i);
    /* A round that has room is forgotten at most once on the way. */
    uint64_t more = memo_encoded(bench.memo) - 10 * fits;
    assert_true(more >= ROUND && more <= 2 * ROUND + 3 * MEMO_BEHIND);
    bench_free(&bench);
    bench_free(&plain);
}

/* ---- the beds, as they are encoded at a start ---- */

#define STRETCH ((size_t)BED_RATE_HZ * 130)

struct stretch {
    float planes[2][STRETCH];
};

static struct stretch *stretch_new(enum bed bed, int64_t at)
{
    struct stretch *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    int64_t lead = GRID_TENTH - at % GRID_TENTH;
    for (size_t i = 0; i < STRETCH;) {
        size_t run = i == 0 ? (size_t)lead : GRID_TENTH;
        run = run < STRETCH - i ? run : STRETCH - i;
        bed_render(bed, at + (int64_t)i, run, s->planes[0] + i, s->planes[1] + i);
        timecode_add(at + (int64_t)i, run, s->planes[0] + i, s->planes[1] + i);
        i += run;
    }
    return s;
}

/* The power of what a codec did to each 10 ms of the sound. */
static double *errors_of(const struct coded *out, const struct stretch *s, size_t from,
                         size_t *count)
{
    struct track track = decode_all(out);
    int64_t skip = -out->frames[0].first;
    size_t end = STRETCH - 9600;
    *count = (end - from) / WINDOW;
    double *errors = calloc(*count, sizeof(*errors));
    assert_non_null(errors);
    assert_true(skip >= 0 && (size_t)skip + end <= track.count);
    double own = 0, both = 0; /* LAME takes half a decibel off */
    for (size_t n = from; n < end; n++) {
        double pcm = (double)s->planes[0][n];
        own += pcm * pcm;
        both += pcm * (double)track.planes[0][n + (size_t)skip];
    }
    for (size_t n = from; n < from + *count * WINDOW; n++) {
        for (int c = 0; c < 2; c++) {
            double heard = (double)track.planes[c][n + (size_t)skip];
            double off = heard - both / own * (double)s->planes[c][n];
            errors[(n - from) / WINDOW] += off * off / WINDOW / 2;
        }
    }
    track_free(&track);
    return errors;
}

static void compare(enum bed bed, const struct kind *kind, int64_t at)
{
    struct stretch *s = stretch_new(bed, at);
    struct bench memo = bench_new(kind, MEMO_BYTES), plain = bench_new(kind, 0);
    for (size_t i = 0; i + kind->frame <= STRETCH; i += kind->frame) {
        bench_push(&memo, s->planes[0] + i, s->planes[1] + i);
        bench_push(&plain, s->planes[0] + i, s->planes[1] + i);
    }
    assert_int_equal(memo.out.count, plain.out.count);
    size_t same = 0, count;
    for (size_t i = 0; i < memo.out.count; i++) {
        struct str x = coded_str(&memo.out, i), y = coded_str(&plain.out, i);
        same += str_eq(x, y);
        assert_int_equal(memo.out.frames[i].first, plain.out.frames[i].first);
    }
    double *a = errors_of(&memo.out, s, 9600, &count), *b = errors_of(&plain.out, s, 9600, &count);
    double worst = -100, mean_a = 0, mean_b = 0, top_a = 0, top_b = 0;
    for (size_t i = NEAR; i + NEAR < count; i++) {
        double near = 1e-7; /* -70 dB; here, and where the same was played before */
        for (size_t k = i;; k -= BED_ROUND_SAMPLES / WINDOW) {
            for (size_t j = k - NEAR; j <= k + NEAR; j++)
                near = fmax(near, b[j]);
            if (k < BED_ROUND_SAMPLES / WINDOW + NEAR)
                break;
        }
        worst = fmax(worst, 10 * log10(a[i] / near));
        mean_a += a[i] / (double)count;
        mean_b += b[i] / (double)count;
        top_a = fmax(top_a, a[i]);
        top_b = fmax(top_b, b[i]);
    }
    print_message(
        "# bed %d, codec %d: %zu of %zu frames encoded, %zu the same; noise %.1f dB (alone "
        "%.1f), the worst %.1f (%.1f), a window at most %.1f dB above what is near\n",
        bed, kind->format.codec, (size_t)memo_encoded(memo.memo), memo.out.count, same,
        10 * log10(mean_a), 10 * log10(mean_b), 10 * log10(top_a), 10 * log10(top_b), worst);
    assert_true(memo_encoded(memo.memo) < memo.out.count * 3 / 4);
    if (kind->format.codec == CODEC_MP3)
        assert_int_equal(same, memo.out.count);
    assert_true(worst < 6);
    assert_true(mean_a < mean_b * 1.2);
    free(a);
    free(b);
    bench_free(&memo);
    bench_free(&plain);
    free(s);
}

static void a_bed_from_memory_is_as_good_as_one_that_was_encoded_throughout(void **state)
{
    (void)state;
    for (enum bed bed = BED_NEWS; bed <= BED_CLASSICAL; bed++) {
        compare(bed, &kinds[0], SOME_DAY + 777);
        compare(bed, &kinds[2], SOME_DAY + 777);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_that_was_heard_before_gives_the_frames_of_then_without_the_encoder),
        cmocka_unit_test(one_sample_that_differs_makes_new_frames_and_no_more_than_it_must),
        cmocka_unit_test(frames_come_one_for_each_push_in_order),
        cmocka_unit_test(a_memo_that_is_full_forgets_and_goes_on),
        cmocka_unit_test(a_bed_from_memory_is_as_good_as_one_that_was_encoded_throughout),
    };
    assert_int_equal(codec_warm_up(), OK); /* and quiet */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
