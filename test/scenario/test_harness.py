"""The harness itself: a judge that cannot be wrong unnoticed."""
import numpy as np
import pytest

from lib import ears, sound

pytestmark = pytest.mark.quick


def test_a_time_code_says_which_second_it_is():
    for start in (0.0, 12.345, 200.07, 380.0):
        heard = sound.time_code(3.0, start, rate=sound.RATE)
        assert sound.code_offset(heard) == pytest.approx(start, abs=0.012)


def test_a_time_code_survives_encoding():
    for codec in ("mp3", "aac", "opus"):
        heard = sound.decode(sound.code_clip(codec, 60))
        # What an encoder and a decoder together delay is well under the steps' length.
        assert abs(sound.code_offset(heard)) < 0.08


def test_a_time_code_tells_where_sound_is_missing():
    whole = sound.time_code(10.0, 0, rate=sound.RATE)
    cut = np.concatenate([whole[:3 * sound.RATE], whole[5 * sound.RATE:]])
    offsets = {round(code - at, 1) for at, code in sound.read_code(cut)}
    assert offsets == {0.0, 2.0}


def test_no_four_steps_occur_twice():
    assert len(sound.code_table()) == sound.CODE_STEPS - sound.ORDER


def test_pitch_level_holes_and_steps_are_measured():
    t = np.arange(sound.RATE) / sound.RATE
    tone = sound.AMPLITUDE * np.sin(2 * np.pi * 1000 * t)
    assert sound.pitch_hz(tone) == pytest.approx(1000, abs=3)
    assert sound.largest_step(tone) <= sound.tone_step(1000) + 1e-6
    assert sound.holes_ms(tone) == 0
    tone[4000:4800] = 0
    assert 40 <= sound.longest_hole_ms(tone) <= 50
    assert sound.levels_db(tone)[0] == pytest.approx(20 * np.log10(sound.AMPLITUDE) - 3, abs=0.5)


def test_the_play_out_model_counts_underruns():
    smooth = [(0.0, 3.0)] + [(t * 1.0, 1.0) for t in range(1, 10)]
    assert ears.underruns(smooth) == 0
    late = [(0.0, 1.0), (3.0, 1.0), (4.0, 1.0), (4.9, 1.0)]
    assert ears.underruns(late) == 1
