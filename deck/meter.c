#include "meter.h"

#include "base/mem.h"

#include <ebur128.h>
#include <math.h>
#include <string.h>

#define NOTHING_CB (-10000)
#define SHORT_TERM 30 /* tenths in 3 s */
#define STRIDE     4  /* each so-manieth sample is predicted: it is enough */
#define QUIET_DB   (-80.0)
#define TWO_PI     6.283185307179586

/* Half a millisecond: far enough for music and speech, whose low tones change little from one
 * sample to the next, to be hard to predict; a steady tone stays easy at any distance. */
#define LAG   24
#define REACH (2 * LAG)

struct meter {
    ebur128_state *loudness;
    double powers[SHORT_TERM]; /* K-weighted, of the last tenths */
    size_t tenth;
    size_t samples;
    float planes[2][REACH + GRID_TENTH]; /* REACH samples of the tenth before, then this one */
    float pairs[2 * GRID_TENTH];
};

enum err meter_new(struct meter **out)
{
    *out = mem_new(sizeof(**out));
    if (!*out)
        return E_NOMEM;
    (*out)->loudness = ebur128_init(2, DECK_RATE_HZ, EBUR128_MODE_M);
    if (!(*out)->loudness)
        meter_free(out);
    return *out ? OK : E_NOMEM;
}

void meter_free(struct meter **meter)
{
    if (!*meter)
        return;
    if ((*meter)->loudness)
        ebur128_destroy(&(*meter)->loudness);
    mem_free(*meter);
    *meter = NULL;
}

void meter_push(struct meter *meter, const float *const planes[2], size_t samples)
{
    assert(meter->samples + samples <= GRID_TENTH);
    for (int c = 0; c < 2; c++) {
        float *to = meter->planes[c] + REACH + meter->samples;
        if (planes)
            memcpy(to, planes[c], samples * sizeof(float));
        else
            memset(to, 0, samples * sizeof(float));
    }
    meter->samples += samples;
}

static int16_t cb_of_db(double db)
{
    if (!(db > NOTHING_CB / 100.0))
        return NOTHING_CB;
    return (int16_t)lrint(fmin(db, 100) * 100);
}

static void measure_plane(const float *plane, size_t samples, double *peak, double *power)
{
    float top = 0;
    double sum = 0;
    for (size_t i = 0; i < samples; i++) {
        float v = fabsf(plane[i]);
        top = v > top ? v : top;
        sum += (double)v * (double)v;
    }
    *peak = (double)top;
    *power = samples > 0 ? sum / (double)samples : 0;
}

/* K-weighted power of this tenth, as far from a true one as LUFS are from dBFS. */
static double weigh(struct meter *meter)
{
    for (size_t i = 0; i < meter->samples; i++) {
        meter->pairs[2 * i] = meter->planes[0][REACH + i];
        meter->pairs[2 * i + 1] = meter->planes[1][REACH + i];
    }
    double power = 0, lufs;
    if (ebur128_add_frames_float(meter->loudness, meter->pairs, meter->samples) == 0 &&
        ebur128_loudness_window(meter->loudness, 100, &lufs) == 0 && isfinite(lufs))
        power = pow(10, lufs / 10);
    return power;
}

/* Takes in the power of one more tenth; gives the loudness of the last 3 s. */
static int16_t short_term_cb(struct meter *meter, double power)
{
    meter->powers[meter->tenth++ % SHORT_TERM] = power;
    double sum = 0;
    for (size_t i = 0; i < SHORT_TERM; i++)
        sum += meter->powers[i];
    return cb_of_db(10 * log10(sum / SHORT_TERM));
}

/* The best x[n] = a x[n - lag] + b x[n - 2 lag], over both channels: its normal equations solved,
 * then its error summed up, since the equations alone would lose it in rounding. */
struct prediction {
    double a, b, power, error;
    double likeness; /* of x[n] and x[n - lag]: the cosine of a tone's turn, roughly */
};

static struct prediction predict(const struct meter *meter, size_t lag)
{
    double r00 = 0, r01 = 0, r02 = 0, r11 = 0, r12 = 0, r22 = 0;
    size_t first = meter->tenth > 1 ? REACH : 2 * REACH, last = REACH + meter->samples;
    for (int c = 0; c < 2; c++) {
        const float *x = meter->planes[c];
        for (size_t n = first; n < last; n += STRIDE) {
            double x0 = (double)x[n], x1 = (double)x[n - lag], x2 = (double)x[n - 2 * lag];
            r00 += x0 * x0;
            r01 += x0 * x1;
            r02 += x0 * x2;
            r11 += x1 * x1;
            r12 += x1 * x2;
            r22 += x2 * x2;
        }
    }
    struct prediction p = {.power = r00};
    if (r00 > 0 && r11 > 0)
        p.likeness = r01 / sqrt(r00 * r11);
    double det = r11 * r22 - r12 * r12;
    if (det > 1e-9 * r11 * r22) {
        p.a = (r01 * r22 - r02 * r12) / det;
        p.b = (r02 * r11 - r01 * r12) / det;
    } else if (r11 > 0) {
        p.a = r01 / r11; /* the two say the same */
    }
    for (int c = 0; c < 2; c++) {
        const float *x = meter->planes[c];
        for (size_t n = first; n < last; n += STRIDE) {
            double e = (double)x[n] - p.a * (double)x[n - lag] - p.b * (double)x[n - 2 * lag];
            p.error += e * e;
        }
    }
    return p;
}

static double turn_of(double cosine)
{
    return acos(fmax(-1, fmin(1, cosine)));
}

/* The far prediction is exact, but cannot tell a tone from its images about each 2 kHz; one sample
 * away noise weighs more, but there is only one answer. Of the images the nearest to that is it. */
static uint16_t tone_hz(const struct prediction *far, const struct prediction *near)
{
    double about = turn_of(near->likeness), fine = turn_of(far->likeness);
    if (fine > 0.2 && fine < TWO_PI / 2 - 0.2)
        fine = turn_of(far->a / 2); /* a tone has b = -1 */
    double best = about, off = TWO_PI;
    for (int image = 0; image <= LAG / 2; image++) {
        for (int side = -1; side <= 1; side += 2) {
            double turn = (image * TWO_PI + side * fine) / LAG;
            if (turn >= 0 && fabs(turn - about) < off) {
                off = fabs(turn - about);
                best = turn;
            }
        }
    }
    return (uint16_t)lrint(fmin(best / TWO_PI, 0.5) * DECK_RATE_HZ);
}

static void measure_tone(const struct meter *meter, struct deck_levels *out)
{
    struct prediction far = predict(meter, LAG);
    if (!(far.power > 0))
        return;
    double residue_db = 10 * log10(far.error / far.power + 1e-10);
    out->residue_cb = (int16_t)fmin(0, rint(residue_db * 100));
    struct prediction near = predict(meter, 1);
    out->tone_hz = tone_hz(&far, &near);
}

static void end_tenth(struct meter *meter)
{
    for (int c = 0; c < 2; c++)
        memmove(meter->planes[c], meter->planes[c] + meter->samples, REACH * sizeof(float));
    meter->samples = 0;
}

void meter_end(struct meter *meter, struct deck_levels *out)
{
    *out = (struct deck_levels){0};
    double powers = 0;
    for (int c = 0; c < 2; c++) {
        double peak, power;
        measure_plane(meter->planes[c] + REACH, meter->samples, &peak, &power);
        out->peak_cb[c] = cb_of_db(20 * log10(peak));
        out->rms_cb[c] = cb_of_db(10 * log10(power));
        powers += power;
    }
    out->short_term_cb = short_term_cb(meter, weigh(meter));
    if (10 * log10(powers) > QUIET_DB && meter->samples > 2 * REACH)
        measure_tone(meter, out);
    end_tenth(meter);
}

void meter_end_as(struct meter *meter, const struct meter *other, struct deck_levels *levels)
{
    levels->short_term_cb = short_term_cb(meter, other->powers[(other->tenth - 1) % SHORT_TERM]);
    end_tenth(meter);
}

void meter_skip(struct meter *meter)
{
    meter->powers[meter->tenth++ % SHORT_TERM] = 0;
    for (int c = 0; c < 2; c++)
        memset(meter->planes[c], 0, REACH * sizeof(float));
    meter->samples = 0;
}
