#include "input.h"

#include "base/mem.h"
#include "timecode.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* An error of this many samples is steered against with 1000 ppm; a steady drift of 100 ppm leaves
 * an error of a tenth of it, 0.1 ms. */
#define STEER_FULL 48.0
#define PIECES_MAX 64 /* out of one frame */

void input_init(struct input *input, int64_t now)
{
    *input = (struct input){.chunk_at = -1};
    edge_init(&input->edge);
    strip_init(&input->strip, now);
}

/* Takes out what makes the sound, and leaves what was made of it to ring out. */
static void unload(struct input *input)
{
    decoder_free(&input->decoder);
    resampler_free(&input->resampler);
    mem_free(input->chunk[0]);
    mem_free(input->chunk[1]);
    input->chunk[0] = input->chunk[1] = NULL;
    mem_free(input->round);
    input->round = NULL;
}

void input_release(struct input *input)
{
    unload(input);
    strip_release(&input->strip);
}

/* Ends the sound that is under way; what comes next is placed by its own time. */
static enum err leave(struct input *input)
{
    struct sound rest = {{NULL, NULL}, 0};
    enum err err = OK;
    if (input->is_placed) {
        resampler_end(input->resampler, &rest);
        if (rest.samples > 0)
            err = strip_add(&input->strip, rest.planes, rest.samples);
    }
    input->is_placed = false;
    input->steer_ppm = 0;
    return err;
}

static enum err set_bed(struct input *input, const struct deck_input *what, int64_t at_us)
{
    input->bed = (enum bed)what->bed;
    input->has_time_code = what->has_time_code;
    input->origin = grid_of_us(at_us);
    input->chunk_at = -1;
    for (int c = 0; c < 2; c++) {
        input->chunk[c] = mem_new_array(INPUT_BED_CHUNK, sizeof(float));
        if (!input->chunk[c])
            return E_NOMEM;
    }
    memset(input->is_kept, 0, sizeof(input->is_kept));
    if (input->keeps_round && input->origin % INPUT_BED_CHUNK == 0) {
        input->round = mem_new_array(2 * BED_ROUND_SAMPLES, sizeof(float));
        if (!input->round)
            return E_NOMEM;
    }
    return OK;
}

static void tell(struct input *input, const char *what)
{
    if (input->is_told)
        return;
    input->is_told = true;
    (void)snprintf(input->trouble, sizeof(input->trouble), "%s", what);
}

static enum err set_coded(struct input *input, const struct deck_input *what)
{
    input->format = what->format;
    enum err err = decoder_new(&what->format, what->setup, &input->decoder);
    if (err == E_NOMEM)
        return err;
    if (err != OK)
        tell(input, "there is no decoder for this, or what came before its first frame is wrong");
    return OK;
}

static void drop(struct input *input)
{
    strip_clear(&input->strip);
    edge_break(&input->edge);
}

enum err input_set(struct input *input, const struct deck_input *what, int64_t at_us, int64_t now)
{
    enum err err = OK;
    if (input->kind == DECK_CODED && what->kind == DECK_CODED)
        err = leave(input);
    else
        drop(input);
    unload(input);
    if (err != OK)
        return err;
    strip_raise(&input->strip, now);
    input->kind = what->kind;
    input->is_placed = false;
    input->steer_ppm = 0;
    input->failures = 0;
    input->is_told = false;
    input->trouble[0] = '\0';
    if (what->kind == DECK_BED)
        return set_bed(input, what, at_us);
    return what->kind == DECK_CODED ? set_coded(input, what) : OK;
}

/* ---- frames ---- */

/* Where a sample belongs: on the grid, and how far behind that point of it. */
struct place {
    int64_t sample;
    double part;
};

static struct place place_of(int64_t at_us, double behind)
{
    struct place place = {grid_of_us(at_us), grid_part_of_us(at_us) + behind};
    double whole = floor(place.part);
    place.sample += (int64_t)whole;
    place.part -= whole;
    return place;
}

/* Sees to it that the resampler fits the piece and that its next sample belongs at strip.at. */
static enum err make_ready(struct input *input, const struct place *place)
{
    enum err err = OK;
    if (input->resampler && !resampler_fits(input->resampler, input->decoder)) {
        err = leave(input);
        resampler_free(&input->resampler);
    }
    if (err == OK && !input->resampler)
        err = resampler_new(input->decoder, DECK_RATE_HZ, &input->resampler);
    if (err != OK)
        return err;
    double off = 0;
    if (input->is_placed) {
        off = (double)(place->sample - input->strip.at) + place->part -
              resampler_delay(input->resampler);
        if (fabs(off) > INPUT_PLACE_ANEW)
            err = leave(input);
    }
    if (err == OK && !input->is_placed) {
        strip_place(&input->strip, place->sample);
        input->is_placed = true;
        off = place->part;
    }
    double ppm = off / STEER_FULL * INPUT_STEER_MAX_PPM;
    int steer = (int)lrint(fmax(-INPUT_STEER_MAX_PPM, fmin(INPUT_STEER_MAX_PPM, ppm)));
    if (err == OK && steer != input->steer_ppm) {
        resampler_steer(input->resampler, steer);
        input->steer_ppm = steer;
    }
    return err;
}

static enum err take_piece(struct input *input, const struct place *place)
{
    enum err err = make_ready(input, place);
    struct sound sound;
    if (err == OK)
        err = resampler_push(input->resampler, input->decoder, &sound);
    if (err == OK && sound.samples > 0)
        err = strip_add(&input->strip, sound.planes, sound.samples);
    return err;
}

/* Decodes one frame; *pieces tells whether anything came out. */
static enum err decode(struct input *input, int64_t at_us, struct str payload, size_t *pieces)
{
    *pieces = 0;
    if (!input->decoder)
        return E_CORRUPT;
    enum err err = decoder_push(input->decoder, payload);
    double behind = 0;
    for (int i = 0; i < PIECES_MAX; i++) {
        struct piece piece;
        enum err next = decoder_next(input->decoder, &piece);
        if (next == E_AGAIN)
            break;
        if (next == OK) {
            struct place place = place_of(at_us, behind);
            behind += (double)piece.samples * DECK_RATE_HZ / piece.rate_hz;
            next = take_piece(input, &place);
            *pieces += next == OK;
        }
        if (next == E_NOMEM)
            return next;
        if (next != OK)
            err = E_CORRUPT;
    }
    return err;
}

static enum err stand_in(struct input *input, int64_t at_us, uint32_t samples)
{
    enum err err = leave(input);
    if (err != OK)
        return err;
    uint32_t rate_hz = input->format.rate_hz > 0 ? input->format.rate_hz : DECK_RATE_HZ;
    struct place place = place_of(at_us, 0);
    strip_place(&input->strip, place.sample);
    double length = (double)samples * DECK_RATE_HZ / rate_hz + place.part;
    if (length > DECK_RATE_HZ)
        length = DECK_RATE_HZ;
    return strip_add(&input->strip, NULL, (size_t)length);
}

enum err input_frame(struct input *input, int64_t at_us, uint32_t samples, struct str payload)
{
    size_t pieces;
    enum err err = decode(input, at_us, payload, &pieces);
    if (err == E_NOMEM)
        return err;
    if (pieces > 0) {
        input->failures = 0;
        return OK;
    }
    if (err == OK && samples == 0)
        return OK; /* Vorbis has no sound for its first packet */
    if (++input->failures == INPUT_FAILURES_MAX)
        tell(input, "200 frames in a row could not be decoded");
    return stand_in(input, at_us, samples);
}

/* ---- rendering ---- */

/* Makes the chunk at `at` of the bed's own time, or takes it from an earlier round. */
static void bed_make(struct input *input, int64_t at, float *left, float *right)
{
    const size_t bytes = INPUT_BED_CHUNK * sizeof(float);
    if (!input->round || at < 0) {
        bed_render(input->bed, at, INPUT_BED_CHUNK, left, right);
        return;
    }
    size_t i = (size_t)(at % BED_ROUND_SAMPLES / INPUT_BED_CHUNK);
    float *kept = input->round + 2 * INPUT_BED_CHUNK * i;
    if (!input->is_kept[i])
        bed_render(input->bed, at, INPUT_BED_CHUNK, kept, kept + INPUT_BED_CHUNK);
    input->is_kept[i] = true;
    memcpy(left, kept, bytes);
    memcpy(right, kept + INPUT_BED_CHUNK, bytes);
}

static void bed_fill(struct input *input, int64_t at)
{
    input->chunk_at = at - at % INPUT_BED_CHUNK;
    float *left = input->chunk[0], *right = input->chunk[1];
    bed_make(input, input->chunk_at - input->origin, left, right);
    if (input->has_time_code)
        timecode_add(input->chunk_at, INPUT_BED_CHUNK, left, right);
}

static void render_bed(struct input *input, int64_t at, size_t samples, float *left, float *right)
{
    for (size_t done = 0; done < samples;) {
        int64_t n = at + (int64_t)done;
        if (input->chunk_at < 0 || n >= input->chunk_at + INPUT_BED_CHUNK || n < input->chunk_at)
            bed_fill(input, n);
        size_t from = (size_t)(n - input->chunk_at), run = INPUT_BED_CHUNK - from;
        if (run > samples - done)
            run = samples - done;
        memcpy(left + done, input->chunk[0] + from, run * sizeof(float));
        memcpy(right + done, input->chunk[1] + from, run * sizeof(float));
        done += run;
    }
    edge_sound(&input->edge, left, right, samples);
}

static bool render_strip(struct input *input, int64_t at, size_t samples, float *left, float *right)
{
    bool is_sound = false;
    for (size_t done = 0; done < samples;) {
        int64_t n = at + (int64_t)done;
        size_t run = samples - done;
        const struct span *span = strip_find(&input->strip, n);
        bool is_in = span && span->start <= n;
        int64_t until = is_in ? span->end : span ? span->start : n + (int64_t)run;
        if (until - n < (int64_t)run)
            run = (size_t)(until - n);
        if (is_in) {
            if (span->start == n && span->is_seam)
                edge_break(&input->edge);
            strip_read(&input->strip, n, run, left + done, right + done);
            edge_sound(&input->edge, left + done, right + done, run);
            is_sound = true;
        } else {
            edge_silence(&input->edge, left + done, right + done, run);
        }
        done += run;
    }
    strip_raise(&input->strip, at + (int64_t)samples);
    return is_sound;
}

bool input_render(struct input *input, int64_t at, size_t samples, float *left, float *right)
{
    assert(samples <= GRID_BLOCK_MAX);
    if (input->kind == DECK_CODED)
        return render_strip(input, at, samples, left, right);
    strip_raise(&input->strip, at + (int64_t)samples);
    if (input->kind == DECK_BED) {
        render_bed(input, at, samples, left, right);
        return true;
    }
    edge_silence(&input->edge, left, right, samples);
    return false;
}

bool input_is_idle(const struct input *input)
{
    return input->kind == DECK_NOTHING && edge_is_quiet(&input->edge);
}

enum err input_take_trouble(struct input *input, char out[INPUT_TROUBLE_BYTES])
{
    if (input->trouble[0] == '\0')
        return E_AGAIN;
    memcpy(out, input->trouble, INPUT_TROUBLE_BYTES);
    input->trouble[0] = '\0';
    return OK;
}
